//! What was done: an append-only, hash-chained file of events, and the states folded from it.

mod bundle;
mod chain;
mod checked;
mod checkpoint;
mod drills;
mod escrow;
mod event;
mod fold;
mod held;
mod kept;
mod lines;
mod newest;
mod planned;
mod repaired;
mod slots;

pub use crate::signing::Trust;
pub use bundle::{Bundle, FOLDER, Step, bundles};
pub use chain::{Ledger, PATIENCE, Record};
pub use checked::CheckedStore;
pub use checkpoint::{Checkpoint, Night, Sealed, SpokenCopy};
pub use drills::{DrillHistory, DrillPass, DrillRun, drills};
pub use escrow::TriedEscrow;
pub use event::{DrillEnd, Event, Undone, VaultRef};
pub use fold::History;
pub use held::{Compared, Held, compare};
pub use kept::{KeptCheckpoints, Sent};
pub use lines::Lines;
pub use planned::PlannedExpiry;
pub use slots::{MissedSlots, missed_slots};
