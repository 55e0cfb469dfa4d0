//! What was done: an append-only, hash-chained file of events, and the states folded from it.

mod chain;
mod checked;
mod drills;
mod event;
mod fold;
mod newest;
mod planned;

pub use chain::{Ledger, PATIENCE, Record};
pub use checked::CheckedStore;
pub use drills::{DrillHistory, DrillPass, DrillRun, drills};
pub use event::{DrillEnd, Event, Undone, VaultRef};
pub use fold::History;
pub use planned::PlannedExpiry;
