//! Checks of restored data, one file a check.

mod same_tree;

pub use same_tree::{Comparison, same_tree};
