//! The events a ledger holds.

use crate::domain::{Timestamp, VolumeId};
use crate::vault::format::Digest;
use serde::{Deserialize, Serialize};

/// Something that happened. Each is recorded after the fact, never before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A copy began.
    CopyStarted {
        /// What is copied.
        volume: VolumeId,
        /// The vault's identity.
        vault: String,
    },
    /// A copy ended without a recovery point.
    CopyFailed {
        /// What was to be copied.
        volume: VolumeId,
        /// The vault's identity.
        vault: String,
        /// Why.
        because: String,
    },
    /// A recovery point was written.
    Stored {
        /// The SHA-256 of its root: its identity.
        point: Digest,
        /// The key of its root.
        root: String,
        /// The vault's identity.
        vault: String,
        /// The volume.
        volume: VolumeId,
        /// The moment whose state it holds.
        taken_at: Timestamp,
        /// Paths that could not be read: more than none makes it incomplete.
        missed: u64,
        /// Bytes written for it.
        written_bytes: u64,
    },
    /// All objects of a point came back from the store with the digests taken while writing.
    ReadBack {
        /// The point.
        point: Digest,
        /// The vault's identity.
        vault: String,
        /// Bytes read this time; packs of a point that was read back before are not read again.
        bytes: u64,
    },
    /// Every chunk of a point was decoded to the SHA-256 of what was read at the source.
    Verified {
        /// The point.
        point: Digest,
        /// The vault's identity.
        vault: String,
    },
    /// A point was restored, and what was written was read back and compared.
    Restored {
        /// The point.
        point: Digest,
        /// The vault's identity.
        vault: String,
        /// Where to.
        target: String,
        /// Bytes of files compared.
        bytes: u64,
    },
    /// An object was found damaged or gone.
    Damaged {
        /// The vault's identity.
        vault: String,
        /// The object's key.
        object: String,
        /// What is wrong with it.
        because: String,
        /// The keys of the roots that need it.
        points: Vec<String>,
    },
    /// Scratch space was removed, or could not be.
    ScratchRemoved {
        /// Where it was.
        path: String,
        /// Why it is still there; `None` when it is gone.
        left: Option<String>,
    },
}
