//! What is due: pure, with the time as an argument.

mod schedule;
mod share;

pub use schedule::{Due, Schedule};
pub use share::{Share, StoredPack, share};
