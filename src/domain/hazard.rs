//! Hazards: the basic events under which fates are asked for.

use super::{AssetId, AssetKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One basic event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hazard {
    /// The asset is deleted by an act; what cascades from it goes too.
    Deleted(AssetId),
    /// The asset is lost with all that lies on it.
    Lost(AssetId),
}

impl Hazard {
    /// The asset it strikes.
    pub fn asset(&self) -> &AssetId {
        match self {
            Self::Deleted(asset) | Self::Lost(asset) => asset,
        }
    }
}

/// Hazards that happen together.
pub type HazardSet = BTreeSet<Hazard>;

/// The class of a hazard: what a policy can ask to survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HazardClass {
    /// The primary itself is deleted.
    PrimaryDeletion,
    /// A file is lost: the image itself, or what a loop device stands on.
    File,
    /// A filesystem (or its pool) is lost.
    Filesystem,
    /// A device, or a partition of it, is lost.
    Device,
    /// A host is lost with everything attached to it, or its memory, or the server of a share.
    Host,
}

impl HazardClass {
    /// Every class, in order.
    pub const ALL: [Self; 5] =
        [Self::PrimaryDeletion, Self::File, Self::Filesystem, Self::Device, Self::Host];

    /// The class of losing an asset of this kind; `None` where losing it is no hazard of its own
    /// (a directory or subvolume is lost by deletion).
    pub fn of_loss(kind: AssetKind) -> Option<Self> {
        match kind {
            AssetKind::Directory | AssetKind::Subvolume => None,
            AssetKind::File => Some(Self::File),
            AssetKind::Filesystem | AssetKind::Pool => Some(Self::Filesystem),
            AssetKind::Partition | AssetKind::Device => Some(Self::Device),
            AssetKind::Memory | AssetKind::Server | AssetKind::Host => Some(Self::Host),
            // Declared assets are not judged yet.
            AssetKind::Site
            | AssetKind::Region
            | AssetKind::Project
            | AssetKind::Account
            | AssetKind::Organisation
            | AssetKind::Provider
            | AssetKind::UpstreamProvider
            | AssetKind::Network
            | AssetKind::Credential
            | AssetKind::Identity
            | AssetKind::Key
            | AssetKind::Catalogue => None,
        }
    }

    /// The word in policies and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::PrimaryDeletion => "primary-deletion",
            Self::File => "file",
            Self::Filesystem => "filesystem",
            Self::Device => "device",
            Self::Host => "host",
        }
    }
}
