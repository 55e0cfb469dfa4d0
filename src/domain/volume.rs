//! Volumes: the primaries that somebody would miss.

use super::AssetId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Identifies a volume. It outlives the volume: a vault names its recovery points by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VolumeId(pub String);

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    /// A whole mounted filesystem.
    Filesystem,
    /// A btrfs subvolume.
    Subvolume,
    /// A directory.
    Directory,
    /// An image file, or any regular file.
    Image,
    /// A block device.
    Device,
    /// What a command prints, or what came through standard input.
    Stream,
    /// What somebody declared, and what cannot be looked at from here.
    Declared,
    /// A volume of a provider, seen through its API.
    Provided,
}

impl VolumeKind {
    /// The kind's name for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Subvolume => "subvolume",
            Self::Directory => "directory",
            Self::Image => "image file",
            Self::Device => "block device",
            Self::Stream => "stream",
            Self::Declared => "declared volume",
            Self::Provided => "provider volume",
        }
    }
}

/// A primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its identity: `<host>:<absolute path>`, with both made safe to print. `<host>` is the host's name, a
    /// hyphen and the first 8 digits of its machine id; without those where it has no machine id, and then
    /// two hosts of one name are taken for one. It holds no colon.
    /// A volume of an estate has the name that the file gives it.
    pub id: VolumeId,
    /// What a person calls it, safe to print: the path.
    pub name: String,
    /// What it is.
    pub kind: VolumeKind,
    /// The volume seen as an asset: deleting the primary deletes this.
    pub asset: AssetId,
}
