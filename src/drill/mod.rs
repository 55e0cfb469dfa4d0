//! Test restores: their definitions, the choice of a point, the checks, and the scratch space they use.

pub mod checks;
mod definition;
pub mod sandbox;
mod selection;
mod verdict;

pub use definition::{Bounds, CommandCheck, Drill, DrillFile, parse, read_drills};
pub use selection::{Selection, choose};
pub use verdict::{Measured, verdict};
