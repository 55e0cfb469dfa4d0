//! Scratch space: the only place where this program removes anything, and only what it made itself.

mod damage;
mod made_volume;
mod mounts;
mod scratch;
mod shell;
mod tool;

pub use damage::{Undo, damage};
pub use made_volume::{MadeVolume, Writer};
pub use mounts::removal_commands;
pub use scratch::{Removal, Scratch};
pub use shell::{Typed, type_in};
