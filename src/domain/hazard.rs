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
    /// The asset is in hostile hands: everything that it allows is done.
    Compromised(AssetId),
    /// The data of the volume behind this asset has been going bad, unnoticed for as long as the policy allows.
    BadData(AssetId),
}

impl Hazard {
    /// The asset it strikes.
    pub fn asset(&self) -> &AssetId {
        match self {
            Self::Deleted(asset) | Self::Lost(asset) | Self::Compromised(asset) | Self::BadData(asset) => {
                asset
            }
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
    /// A host, or a network from which hosts are administered, is in hostile hands: what it holds, and every
    /// credential found there.
    HostCompromise,
    /// A building or room is lost.
    Site,
    /// A provider's region is lost.
    Region,
    /// A project, an account or an organisation is closed.
    Account,
    /// A provider, or one that it builds on, is gone.
    Provider,
    /// A network is lost with what can be reached through it alone.
    Network,
    /// A credential is misused.
    Credential,
    /// Somebody who acts is taken over, or a whole project, account or organisation is.
    Identity,
    /// An encryption key is lost.
    Key,
    /// An index without which bytes are useless is lost.
    Catalogue,
    /// Bad data was written and went unnoticed.
    BadData,
}

impl HazardClass {
    /// Every class, in order: from the deletion of the primary down a storage stack, then wider and wider.
    pub const ALL: [Self; 16] = [
        Self::PrimaryDeletion,
        Self::File,
        Self::Filesystem,
        Self::Device,
        Self::Host,
        Self::HostCompromise,
        Self::Site,
        Self::Region,
        Self::Account,
        Self::Provider,
        Self::Network,
        Self::Credential,
        Self::Identity,
        Self::Key,
        Self::Catalogue,
        Self::BadData,
    ];

    /// What a look at one machine can settle: asked for where nobody says otherwise.
    pub const LOCAL: [Self; 5] =
        [Self::PrimaryDeletion, Self::File, Self::Filesystem, Self::Device, Self::Host];

    /// What lies beyond a machine, and is known only where somebody declares it.
    pub const WIDE: [Self; 5] = [Self::Site, Self::Region, Self::Account, Self::Provider, Self::Network];

    /// The class of losing an asset of this kind; `None` where losing it is no hazard of its own
    /// (a directory, subvolume, declared volume or bucket is lost by deletion).
    pub fn of_loss(kind: AssetKind) -> Option<Self> {
        match kind {
            AssetKind::Volume | AssetKind::Bucket | AssetKind::Directory | AssetKind::Subvolume => None,
            AssetKind::File => Some(Self::File),
            AssetKind::Filesystem | AssetKind::Pool => Some(Self::Filesystem),
            AssetKind::Partition | AssetKind::Device => Some(Self::Device),
            AssetKind::Memory | AssetKind::Server | AssetKind::Host => Some(Self::Host),
            AssetKind::Site => Some(Self::Site),
            AssetKind::Region => Some(Self::Region),
            AssetKind::Project | AssetKind::Account | AssetKind::Organisation => Some(Self::Account),
            AssetKind::Provider | AssetKind::UpstreamProvider => Some(Self::Provider),
            AssetKind::Network => Some(Self::Network),
            AssetKind::Credential => Some(Self::Credential),
            AssetKind::Identity => Some(Self::Identity),
            AssetKind::Key => Some(Self::Key),
            AssetKind::Catalogue => Some(Self::Catalogue),
        }
    }

    /// True for what lies beyond a machine.
    pub fn is_wide(self) -> bool {
        Self::WIDE.contains(&self)
    }

    /// The word in policies and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::PrimaryDeletion => "primary-deletion",
            Self::File => "file",
            Self::Filesystem => "filesystem",
            Self::Device => "device",
            Self::Host => "host",
            Self::Site => "site",
            Self::Region => "region",
            Self::Account => "account",
            Self::Provider => "provider",
            Self::Network => "network",
            Self::Credential => "credential",
            Self::Identity => "identity",
            Self::Key => "key",
            Self::Catalogue => "catalogue",
            Self::HostCompromise => "host-compromise",
            Self::BadData => "bad-data",
        }
    }
}
