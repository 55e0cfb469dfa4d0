//! What is due: pure, with the time as an argument.

mod drills;
mod schedule;
mod share;

pub use drills::{DrillSlot, drills_due};
pub use schedule::{Due, Schedule};
pub use share::{Share, StoredPack, share};
