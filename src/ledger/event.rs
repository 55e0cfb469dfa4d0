//! The events a ledger holds.

use super::checked::CheckedStore;
use super::planned::PlannedExpiry;
use crate::domain::{Lock, Result, Timestamp, VolumeId};
use crate::store::Identity;
use crate::vault::format::PackKey;
use crate::vault::{RootRecord, Vault};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A vault at its place. What was read there proves nothing about a copy of it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultRef {
    /// The vault's random identity, which a copy of it shares.
    pub id: String,
    /// What tells its place from that of a copy.
    pub place: String,
}

impl VaultRef {
    /// An open vault.
    ///
    /// # Errors
    /// When the store does not say what tells its place.
    pub fn of(vault: &Vault) -> Result<Self> {
        Ok(Self { id: vault.id().into(), place: vault.store().identity()?.text().into() })
    }

    /// True where both may be one place: the same, or of the same vault while one of them could not be told.
    pub fn may_be(&self, other: &Self) -> bool {
        let any = |vault: &Self| Identity::may_be_any(&vault.place);
        self == other || (self.id == other.id && (any(self) || any(other)))
    }
}

/// A task of a nightly run that was due and was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// A copy, the reading of a share, or a drill.
    pub task: String,
    /// The volume, where it is about one.
    pub volume: Option<String>,
    /// The vault's name in the estate file.
    pub vault: Option<String>,
    /// The drill.
    pub drill: Option<String>,
    /// Whether it failed or was not reached.
    pub outcome: String,
    /// Why.
    pub because: String,
}

/// Something that happened. Each is recorded after the fact, never before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A copy began.
    CopyStarted {
        /// What is copied.
        volume: VolumeId,
        /// The vault.
        vault: VaultRef,
    },
    /// A copy ended without a recovery point.
    CopyFailed {
        /// What was to be copied.
        volume: VolumeId,
        /// The vault.
        vault: VaultRef,
        /// Why.
        because: String,
    },
    /// A recovery point was written.
    Stored {
        /// The point.
        point: RootRecord,
        /// The vault.
        vault: VaultRef,
        /// Paths that could not be read: more than none makes it incomplete.
        missed: u64,
        /// Bytes written for it.
        written_bytes: u64,
    },
    /// A point has this lock: the weakest of all that it needs, as the store tells.
    Locked {
        /// The point.
        point: RootRecord,
        /// The vault.
        vault: VaultRef,
        /// The lock; none where the store does not tell it any more.
        lock: Option<Lock>,
    },
    /// All objects of a point came back from the store with the digests taken while writing.
    ReadBack {
        /// The point.
        point: RootRecord,
        /// The vault.
        vault: VaultRef,
        /// Bytes read this time.
        bytes: u64,
        /// Since when: packs that the point before needs too are not read again each time, so this is
        /// when the oldest reading that this one builds on was done.
        since: Timestamp,
    },
    /// Every chunk of a point was decoded to the SHA-256 of what was read at the source.
    Verified {
        /// The point.
        point: RootRecord,
        /// The vault.
        vault: VaultRef,
    },
    /// A point was restored, and what was written was read back and compared.
    Restored {
        /// The point.
        point: RootRecord,
        /// The vault.
        vault: VaultRef,
        /// Where to.
        target: String,
        /// Bytes of files compared.
        bytes: u64,
    },
    /// An object was found damaged or gone.
    Damaged {
        /// The vault.
        vault: VaultRef,
        /// The object's key.
        object: String,
        /// What is wrong with it.
        because: String,
        /// The keys of the roots that need it.
        points: Vec<String>,
    },
    /// An object could not be read, though nothing says that it is damaged: what was proved of it before
    /// counts no more.
    Unread {
        /// The vault.
        vault: VaultRef,
        /// The object's key.
        object: String,
        /// Why it could not be read.
        because: String,
        /// The keys of the roots that need it.
        points: Vec<String>,
    },
    /// A share of a vault's packs came back from the store with the digests taken while writing.
    ShareRead {
        /// The vault.
        vault: VaultRef,
        /// The packs, each with its sidecar.
        packs: Vec<PackKey>,
        /// Bytes read.
        bytes: u64,
    },
    /// A drill ended: however it ended, so that one that did not run shows too.
    Drilled {
        /// The drill's name.
        drill: String,
        /// The run's random id, which names the folder of its evidence.
        run: String,
        /// The volume.
        volume: VolumeId,
        /// The vault, where one was opened.
        vault: Option<VaultRef>,
        /// The point that was chosen.
        point: Option<RootRecord>,
        /// How it ended.
        outcome: DrillEnd,
        /// Why, in a sentence.
        because: String,
        /// When it began: this is what its schedule counts by.
        started_at: Timestamp,
        /// Milliseconds from its beginning until the data was restored and checked, where it came so far.
        usable_after_milliseconds: Option<u64>,
        /// SHA-256 of `record.json` in its evidence, where that was written.
        record_sha256: Option<String>,
    },
    /// A nightly run began.
    NightBegan {
        /// Its random id.
        run: String,
        /// SHA-256 of the configuration.
        config_sha256: String,
    },
    /// A nightly run ended. One that began and has no such record was killed.
    NightEnded {
        /// The run's id.
        run: String,
        /// What it came to, in the words of its report; empty where everything was sound.
        verdicts: Vec<String>,
        /// How many of the tasks that were due were done.
        done: usize,
        /// How many failed.
        failed: usize,
        /// How many were not reached.
        not_done: usize,
        /// What failed or was not reached, each with its reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        undone: Vec<Undone>,
    },
    /// The vault that stands behind a name of the estate file. Should another stand there later, or none, then this one is
    /// gone with all that it held.
    VaultNamed {
        /// The name in the file.
        name: String,
        /// The vault.
        vault: VaultRef,
    },
    /// A store was asked what it does, with objects made for that.
    StoreChecked {
        /// The vault that it keeps.
        vault: VaultRef,
        /// What was found.
        checked: CheckedStore,
    },
    /// A plan was made for what may go from a vault: whoever carries it out takes away what it names, and nothing else is excused.
    ExpiryPlanned {
        /// The vault.
        vault: VaultRef,
        /// What it names.
        planned: PlannedExpiry,
    },
    /// A reader was added to an encrypted vault.
    ReaderAdded {
        /// The vault.
        vault: VaultRef,
        /// The reader's public key.
        reader: String,
        /// The epochs that it reads from now on.
        epochs: Vec<String>,
    },
    /// An epoch of an encrypted vault began.
    EpochBegan {
        /// The vault.
        vault: VaultRef,
        /// Its name.
        epoch: String,
        /// Those that ended.
        former: Vec<String>,
        /// How many points there were.
        points: usize,
    },
    /// The key in the safe was tried on an encrypted vault: however that ended.
    EscrowTried {
        /// The vault.
        vault: VaultRef,
        /// The public key of the reader.
        reader: String,
        /// How it ended.
        outcome: DrillEnd,
        /// Why, in a sentence.
        because: String,
        /// The epochs that it opened.
        epochs: Vec<String>,
        /// The point of which the tree was read.
        point: Option<RootRecord>,
        /// How many of its packs were decoded.
        packs: usize,
        /// How many bytes they are.
        bytes: u64,
    },
    /// A root was written that stands in for one that damage takes along.
    Repaired {
        /// The vault.
        vault: VaultRef,
        /// The point with its new root.
        point: RootRecord,
        /// The key of the root that it stands in for.
        replaces: String,
        /// How many paths are lost of it, beside those that it lacked before.
        lost: u64,
    },
    /// Objects that were gone were sent again under their own keys, byte for byte.
    SentAgain {
        /// The vault.
        vault: VaultRef,
        /// Their keys.
        objects: Vec<String>,
    },
    /// Runbooks were written, and read back where they went into a vault.
    RunbooksWritten {
        /// The directory that got a folder of them, or the vault's name in the estate file.
        into: String,
        /// The vault, where it is one.
        vault: Option<VaultRef>,
        /// SHA-256 over what they were made from.
        made_from_sha256: String,
        /// Until when they are to be believed.
        believe_until: Timestamp,
        /// SHA-256 over what they tell people to do, which a newer point does not change; none in what older versions recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acts_sha256: Option<String>,
        /// The folder's name, or what the names of the objects begin with; none in what older versions recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// SHA-256 of the folder's SHA256SUMS under that name, or of each object as the vault holds it, by its key.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sha256: BTreeMap<String, String>,
    },
    /// The webhook took the state at the end of a run: later states are compared with it.
    WebhookTold {
        /// The state, as the webhook's own type writes it.
        state: serde_json::Value,
    },
}

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillEnd {
    /// Everything that it asks for held.
    Passed,
    /// Something did not.
    Failed,
    /// It could not be tried, or not to its end: never a pass.
    NotRun,
}

impl DrillEnd {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotRun => "NOT RUN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_recorded_of_runbooks_is_read_and_stays_as_it_is() {
        let old = r#"{"kind":"runbooks_written","into":"shelf","vault":null,"made_from_sha256":"0a","believe_until":"2026-11-30T04:00:00Z"}"#;
        let event: Event = serde_json::from_str(old).unwrap();
        let Event::RunbooksWritten { name: None, acts_sha256: None, sha256, .. } = &event else {
            panic!("{event:?}")
        };
        assert!(sha256.is_empty());
        assert_eq!(serde_json::to_string(&event).unwrap(), old);
    }
}
