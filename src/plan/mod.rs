//! What is due, and which rights a vault needs: pure, with the time as an argument.

mod drills;
mod expiry;
mod live;
mod rights;
mod schedule;
mod share;

pub use drills::{DrillSlot, drills_due};
pub use expiry::{Leftover, Standing, Stay, Stays, Trust, leftover, measures, stays};
pub use live::{needed_until, own_time};
pub use rights::{Dialect, Document, Grounds, Role, documents, notes};
pub use schedule::{Due, Schedule};
pub use share::{Share, StoredPack, share};
