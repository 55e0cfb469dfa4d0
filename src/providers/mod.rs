//! One file or folder a provider: what it can see of volumes, recovery points and what they stand on.

use crate::domain::Inventory;
use futures_util::future::BoxFuture;

pub mod files;
pub mod graphql;
mod join;
pub mod local;
mod one_file;
pub mod prefix;
pub mod railway;
pub mod stream;
pub mod tokens;

pub use join::join;

/// Something that can be asked what volumes and recovery points it knows.
pub trait Provider: Send + Sync {
    /// The provider's name in configuration and in results.
    fn kind(&self) -> &'static str;

    /// Looks, without changing anything. Never fails as a whole: what could not be seen is a gap of
    /// the inventory.
    fn survey(&self) -> BoxFuture<'_, Inventory>;
}
