//! Files of this machine as a source: a directory tree, or one image file.

mod content;
mod device;
mod original;
mod walk;

pub use device::{DeviceSource, is_device};
pub use original::OriginalFiles;
pub use walk::TreeSource;
