//! Scratch space: the only place where this program removes anything, and only what it made itself.

mod made_volume;
mod scratch;
mod tool;

pub use made_volume::{MadeVolume, Writer};
pub use scratch::{Removal, Scratch};
