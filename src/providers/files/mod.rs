//! Files of this machine as a source: a directory tree, or one image file.

mod content;
mod walk;

pub use walk::TreeSource;
