//! Recovery points: states of a volume that can be restored.

use super::{Bonds, Known, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Identifies a recovery point within one inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointId(pub String);

impl fmt::Display for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a recovery point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// A btrfs snapshot.
    BtrfsSnapshot,
    /// A snapshot inside a qcow2 image.
    Qcow2Snapshot,
    /// A file that a qcow2 overlay was laid upon: the state when that was done.
    Qcow2Backing,
    /// An entry of a directory that a person named as holding copies.
    NamedCopy,
    /// A recovery point in a vault of ours.
    VaultCopy,
    /// A dump of a database, found by its content.
    Dump,
    /// An archive of files, or a compressed file, found by its content.
    Archive,
    /// A file of an embedded database, found by its content.
    DatabaseFile,
    /// The image of a filesystem or disk, found by its content.
    FilesystemImage,
    /// Files that share their bytes with the volume's on one filesystem.
    Reflink,
    /// The volume's own files under other names.
    HardLink,
    /// A snapshot in a repository of restic.
    ResticSnapshot,
    /// An archive in a repository of borg.
    BorgArchive,
    /// A copy that follows its volume change by change, bad ones too.
    Replica,
    /// A kind that a catalogue describes by its name: see [`RecoveryPoint::catalogued`].
    Catalogued,
    /// A recovery point that somebody declared, of a kind that nothing here knows.
    Declared,
}

impl PointKind {
    /// The kind's name for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::BtrfsSnapshot => "btrfs snapshot",
            Self::Qcow2Snapshot => "qcow2 snapshot",
            Self::Qcow2Backing => "qcow2 backing file",
            Self::NamedCopy => "named copy",
            Self::VaultCopy => "vault copy",
            Self::Dump => "dump",
            Self::Archive => "archive",
            Self::DatabaseFile => "database file",
            Self::FilesystemImage => "filesystem image",
            Self::Reflink => "reflink",
            Self::HardLink => "hard link",
            Self::ResticSnapshot => "restic snapshot",
            Self::BorgArchive => "borg archive",
            Self::Replica => "replica",
            Self::Catalogued => "recovery point",
            Self::Declared => "declared recovery point",
        }
    }
}

/// In which state the data was when the point was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Read while others may have been writing: parts are from different moments.
    Live,
    /// One moment, as after a power cut.
    Crash,
    /// The filesystem was quiesced.
    Filesystem,
    /// The application was quiesced or made the dump itself.
    Application,
}

/// How far a copy has been proved, folded from recorded events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// Something was missed: never more than this.
    Incomplete,
    /// An object it needs was found damaged or gone.
    Damaged,
    /// It is there; nobody here has read it back.
    Stored,
    /// The stored bytes came back with the digests taken while writing.
    ReadBack,
    /// Every chunk was decoded to the SHA-256 of what was read at the source.
    Verified,
    /// A restore used it, and what it wrote was compared.
    Restored,
}

impl CopyState {
    /// The state's word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
            Self::Stored => "stored",
            Self::ReadBack => "read back",
            Self::Verified => "verified",
            Self::Restored => "restored",
        }
    }
}

/// Whether a point may be counted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usable {
    /// Nothing speaks against it.
    Yes,
    /// Not proved; the reason. Counts as undetermined, never as a survivor.
    Unproven(String),
    /// Useless; the reason.
    No(String),
}

/// What holds off deletion through an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Nobody can shorten it.
    Compliance,
    /// Whoever may bypass it can.
    Governance,
    /// A legal hold.
    LegalHold,
    /// None.
    None,
}

/// Whom a lock keeps from deleting an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockKind {
    /// All but those who may bypass it.
    Governance,
    /// Everybody, until it ends: nobody can take it back.
    Compliance,
}

impl LockKind {
    /// The word for it in configuration and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }

    /// As a lock's mode.
    pub fn mode(self) -> LockMode {
        match self {
            Self::Governance => LockMode::Governance,
            Self::Compliance => LockMode::Compliance,
        }
    }
}

/// A lock with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its mode.
    pub mode: LockMode,
    /// When it ends; `None` for no lock and for a legal hold.
    pub until: Option<Timestamp>,
}

/// One state of a volume that can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// Its identity within the inventory.
    pub id: PointId,
    /// What a person calls it, safe to print.
    pub name: String,
    /// The volume it is a state of.
    pub of: Known<VolumeId>,
    /// The moment whose state it holds.
    pub taken_at: Known<Timestamp>,
    /// What it is.
    pub kind: PointKind,
    /// The name of its kind in a catalogue, for example `railway.volume-backup`; of kinds that this machine's
    /// survey finds, none. Many points are of one kind: they share its name.
    pub catalogued: Option<Arc<str>>,
    /// In which state the data was.
    pub consistency: Known<Consistency>,
    /// Its size, in bytes.
    pub bytes: Known<u64>,
    /// What holds off its deletion.
    pub lock: Known<Lock>,
    /// How far it was proved; `None` for points that are no copies of ours.
    pub state: Option<CopyState>,
    /// Whether it may be counted on.
    pub usable: Usable,
    /// When a restore of it was last tried with success; `None` where it is known that none ever was.
    pub drilled_at: Known<Option<Timestamp>>,
    /// Why it dies with assets.
    pub bonds: Bonds,
}
