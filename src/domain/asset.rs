//! Assets: anything whose loss can take recovery points along.

use super::{Bonds, HazardClass};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Identifies an asset within one inventory, for example `device:vda` or `filesystem:<uuid>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetId(pub String);

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an asset is. The order is from the top of a storage stack to its bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A volume that somebody declared, and that cannot be looked at here.
    Volume,
    /// A bucket of an object store.
    Bucket,
    /// A directory within a filesystem.
    Directory,
    /// A btrfs subvolume.
    Subvolume,
    /// A regular file: an image, or the backing file of a loop device.
    File,
    /// A mounted filesystem.
    Filesystem,
    /// A storage pool below filesystems (ZFS).
    Pool,
    /// A partition of a device.
    Partition,
    /// A block device: disk, loop device, device-mapper or md device.
    Device,
    /// The memory of a host (tmpfs, zram): lost with a reboot.
    Memory,
    /// The server behind a network filesystem.
    Server,
    /// A host, together with everything attached to it.
    Host,
    /// A building or room.
    Site,
    /// A provider's region.
    Region,
    /// A project within an account.
    Project,
    /// An account with a provider.
    Account,
    /// An organisation that owns accounts.
    Organisation,
    /// A provider.
    Provider,
    /// A provider that another provider builds on.
    UpstreamProvider,
    /// A network that reaching things depends on.
    Network,
    /// A credential.
    Credential,
    /// Somebody who acts: a person, a sign-on, a pipeline, a mailbox that resets passwords.
    Identity,
    /// An encryption key.
    Key,
    /// An index without which bytes are useless.
    Catalogue,
}

impl AssetKind {
    /// The kind's name in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Bucket => "bucket",
            Self::Directory => "directory",
            Self::Subvolume => "subvolume",
            Self::File => "file",
            Self::Filesystem => "filesystem",
            Self::Pool => "pool",
            Self::Partition => "partition",
            Self::Device => "device",
            Self::Memory => "memory",
            Self::Server => "server",
            Self::Host => "host",
            Self::Site => "site",
            Self::Region => "region",
            Self::Project => "project",
            Self::Account => "account",
            Self::Organisation => "organisation",
            Self::Provider => "provider",
            Self::UpstreamProvider => "upstream provider",
            Self::Network => "network",
            Self::Credential => "credential",
            Self::Identity => "identity",
            Self::Key => "key",
            Self::Catalogue => "catalogue",
        }
    }

    /// Whether it can be stored on something of another kind. Where it is not known what something is stored on, that may be
    /// whatever it can be: what is not to be thought of then, nobody can say either. What lies beyond machines is stored on
    /// what is as wide or wider, a provider or a network on any of it, and what a server serves on machines.
    pub fn can_lie_on(self, below: Self) -> bool {
        let class = |of| HazardClass::of_loss(of).filter(|class| class.is_wide());
        match (class(self), class(below)) {
            (Some(HazardClass::Provider | HazardClass::Network), Some(_)) => true,
            (Some(own), Some(below)) => below >= own,
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (None, None) => self != Self::Server || matches!(below, Self::Host | Self::Server),
        }
    }

    /// Whether it is storage within a machine: who holds that machine has it in hand, and nobody else. Of a volume that lies
    /// there it can be said all the same who deletes that.
    pub fn is_within_machine(self) -> bool {
        use AssetKind::{Device, Directory, File, Filesystem, Memory, Partition, Pool, Subvolume};
        matches!(self, Directory | Subvolume | File | Filesystem | Pool | Partition | Device | Memory)
    }

    /// Whether it is a place, as a site, a region, a provider or a network: things lie there or are reached there, and nobody
    /// has it in hand. Who has an account there has that account.
    pub fn is_place(self) -> bool {
        matches!(self, Self::Site | Self::Region | Self::Provider | Self::UpstreamProvider | Self::Network)
    }
}

/// One asset with its bonds to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its identity within the inventory.
    pub id: AssetId,
    /// What it is.
    pub kind: AssetKind,
    /// What a person calls it, safe to print.
    pub name: String,
    /// Why it dies with other assets.
    pub bonds: Bonds,
}
