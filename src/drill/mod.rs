//! Test restores, and the scratch space they use.

pub mod checks;
pub mod sandbox;
