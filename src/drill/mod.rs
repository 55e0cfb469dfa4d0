//! Test restores, and the scratch space they use.

pub mod checks;
mod definition;
pub mod sandbox;
mod selection;

pub use definition::{Asked, Bounds, Definition, read_all};
pub use selection::{Select, select};
