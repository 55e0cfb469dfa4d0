//! What was done: an append-only, hash-chained file of events, and the states folded from it.

mod chain;
mod event;
mod fold;

pub use chain::{Ledger, PATIENCE, Record};
pub use event::{Event, VaultRef};
pub use fold::History;
