//! One file or folder a provider: what it can see of volumes, recovery points and what they stand on.

pub mod files;
