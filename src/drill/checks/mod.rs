//! Checks of restored data, one file a check.

mod original;
mod same_tree;

pub use original::Original;
pub use same_tree::{Comparison, LeftOut, same_tree};
