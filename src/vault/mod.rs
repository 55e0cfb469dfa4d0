//! The format of recovery points in a store, and how they are written, read, verified and restored.

mod change;
mod change_lines;
mod check_pack;
mod findings;
pub mod format;
mod frames;
mod index;
mod leftover;
mod line;
mod locks;
mod locks_unread;
mod make;
pub mod metadata;
mod pack;
mod parallel;
mod places;
mod present;
mod readback;
mod readers;
mod repair;
mod restore;
mod roots;
mod sample;
mod sealing;
mod signed;
mod source;
mod stand_in;
mod tree;
mod verify;
mod write;
mod xattrs;

pub use change::{Change, Comparison, Tally};
pub use findings::Unread;
pub use index::{PackTable, packs_known, packs_of};
pub use locks::{Kept, LockTerms, Needed};
pub use make::Readers;
pub(crate) use parallel::{cores, in_parallel};
pub use present::Present;
pub use readback::{Damage, ReadBack, Stopped, read_back};
pub use readers::{EpochBegun, ReaderAdded};
pub use repair::{Mended, Original, RepairMode, RepairReport, RepairRequest, Supplied, repair};
pub use restore::{
    Lost, Only, Part, Picker, RestoreOptions, RestoreReport, RestoreRequest, Restored, Streamed, Verified,
    Written, restore, restore_part, stream,
};
pub use roots::{FoundRoot, RootRecord, Roots, names};
pub use sample::{Sampled, has_content, sample};
pub use sealing::{Epoch, Epochs, Identities, KnownEpoch, NewEpoch, Recipient, VaultKeys};
pub use signed::{Signed, Signing};
pub use source::{Content, Item, MOST_PLACES, Place, Places, Source, Told};
pub use tree::Entries;
pub use verify::{Known, VerifyReport, verify, verify_with};
pub use write::{CopyReport, CopyRequest, Early, copy};

use crate::domain::{Kind, Problem, Result, VolumeId, printable};
use crate::store::{Key, Store};
use format::{Digest, MAX_OBJECT, Marker, PackLine, Sidecar};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The instructions every vault carries: the format's own page.
const README: &str = include_str!("../../docs/vault-format.md");

/// An open vault.
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn Store>,
    marker: Marker,
    /// Roots that were read: objects never change, so a second look costs a listing.
    known: Arc<Mutex<HashMap<Key, FoundRoot>>>,
    /// The lists of packs of some of them.
    tables: Arc<Mutex<index::Tables>>,
    /// Packs that no root named when they were looked for, where that is remembered.
    unfinished: Option<leftover::Unfinished>,
    /// Set once another vault's marker was seen where this one's was.
    displaced: Arc<AtomicBool>,
    /// Under which locks this handle writes, and which ones it saw.
    locking: Option<Arc<locks::Locking>>,
    /// In an encrypted vault: the keys that are here.
    seal: Option<Arc<sealing::Seal>>,
    /// Who signs, and whose signatures count.
    signing: Signing,
    /// While it is repaired: pages that were had from elsewhere.
    spare: Option<Arc<repair::Spare>>,
    /// Where this machine keeps where files lay when they were copied.
    notes: Option<Arc<Path>>,
}

impl Vault {
    /// Opens the vault in a store.
    ///
    /// # Errors
    /// `NotFound` where the store holds none; `Refused` for a newer format; `Damaged`.
    pub fn open(store: Arc<dyn Store>) -> Result<Self> {
        match Marker::read(&*store)? {
            Some(marker) => Self::of(store, marker),
            None => Err(Problem::new(Kind::NotFound, "no vault here: there is no vault.json")
                .at(store.place())
                .remedy("name the vault's own directory; `outlive copy` makes a vault where there is none")),
        }
    }

    /// The same vault, for a run that copies many volumes: what stopped runs left is looked for once.
    pub fn for_many(self) -> Self {
        Self { unfinished: Some(Arc::default()), ..self }
    }

    /// The same vault, whose objects are written and kept under locks from now on.
    pub fn under(self, terms: LockTerms) -> Self {
        Self { locking: Some(Arc::new(locks::Locking::new(terms))), ..self }
    }

    /// The same vault. In this directory it is kept where files lay when they were copied into it.
    pub fn noting_places(self, within: &Path) -> Self {
        // The name of a folder here is not for whoever writes there to choose.
        let folder = within.join(&Digest::of(self.id().as_bytes()).to_string()[..32]);
        Self { notes: Some(folder.into()), ..self }
    }

    /// What was kept of the point `parent` of a volume.
    fn notes(&self, volume: &VolumeId, parent: Option<&Digest>) -> Option<places::Notes> {
        self.notes.as_ref().map(|folder| places::Notes::open(folder, volume, parent))
    }

    /// The same vault, with pages that are had from elsewhere.
    fn with_spare(&self, spare: repair::Spare) -> Self {
        Self { spare: Some(Arc::new(spare)), ..self.clone() }
    }

    /// The same vault, whose objects are written somewhere else.
    fn kept_in(&self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self.clone() }
    }

    fn of(store: Arc<dyn Store>, marker: Marker) -> Result<Self> {
        let (known, tables, displaced) = Default::default();
        let epochs = sealing::Epochs::read(&*store, &marker)?;
        let seal = epochs.map(|epochs| Arc::new(sealing::Seal::of(epochs)));
        let (unfinished, locking, signing, spare, notes) = Default::default();
        Ok(Self { store, marker, known, tables, unfinished, displaced, locking, seal, signing, spare, notes })
    }

    /// Sees that this is still the vault in its store. Where the store does not know conditions, another run that made
    /// a vault at the same moment may have put its marker over this one's.
    ///
    /// # Errors
    /// `Refused` where another vault is there by now; `Damaged` where the marker is gone or spoilt; what the store said.
    pub fn check_marker(&self) -> Result<()> {
        let key = Marker::key()?;
        match Marker::read(&*self.store)? {
            Some(there) if there.id == self.marker.id => Ok(()),
            Some(_) => {
                self.displaced.store(true, Ordering::Relaxed);
                let what = "another vault took this one's place while it was written to: its vault.json has another id";
                Err(Problem::new(Kind::Refused, what).at(self.store.place()).remedy(
                    "two runs made a vault here at the same moment (docs/stores.md): run it again, it copies into the \
                     vault that is there",
                ))
            }
            None => Err(Problem::damaged(key.as_str(), "gone: it was there when the vault was opened")),
        }
    }

    /// True once [`Vault::check_marker`] saw another vault in its place.
    pub fn is_displaced(&self) -> bool {
        self.displaced.load(Ordering::Relaxed)
    }

    /// The vault's random identity.
    pub fn id(&self) -> &str {
        &self.marker.id
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        self.store.place()
    }

    /// Its store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Checks that the instructions are as they were written.
    ///
    /// # Errors
    /// `Damaged` or `NotFound`, naming the object.
    pub fn check_readme(&self) -> Result<()> {
        let key = Marker::readme_key()?;
        self.store.forget(&key)?;
        if Digest::of(&self.store.get_bytes(&key, MAX_OBJECT)?) == self.marker.readme_sha256 {
            Ok(())
        } else {
            Err(Problem::damaged(key.as_str(), "does not match the SHA-256 in vault.json"))
        }
    }

    /// Reads the sidecar that `line` names, checking its digest first.
    pub(crate) fn sidecar(&self, line: &PackLine) -> Result<Sidecar> {
        let key = line.pack.sidecar()?;
        let bytes = self.store.get_bytes(&key, MAX_OBJECT).map_err(gone)?;
        if Digest::of(&bytes) != line.sidecar_sha256 || bytes.len() as u64 != line.sidecar_bytes {
            return Err(Problem::damaged(key.as_str(), "does not match its SHA-256"));
        }
        let sidecar = self.open_sidecar(&line.pack, &bytes)?;
        if (sidecar.header.bytes, sidecar.header.sha256) == (line.bytes, line.sha256) {
            Ok(sidecar)
        } else {
            Err(Problem::damaged(key.as_str(), "speaks of other bytes than the recovery point does"))
        }
    }
}

/// Decodes one zstd frame to exactly `bytes` bytes.
pub(crate) fn decode(key: &Key, packed: &[u8], bytes: usize) -> Result<Vec<u8>> {
    let raw = inflate(packed, bytes)
        .map_err(|error| Problem::damaged(key.as_str(), format!("a frame cannot be decoded: {error}")))?;
    if raw.len() == bytes {
        Ok(raw)
    } else {
        Err(Problem::damaged(key.as_str(), "a frame decodes to too little"))
    }
}

/// Decodes one frame of zstd to at most so many bytes.
pub(crate) fn inflate(packed: &[u8], most: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        // Making one costs as much as decoding some tens of KiB.
        static DECODER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECODER.with_borrow_mut(|decoder| match decoder {
        Some(decoder) => decoder.decompress(packed, most),
        none => none.insert(zstd::bulk::Decompressor::new()?).decompress(packed, most),
    })
}

/// An object that a vault refers to and that is not there is damage, not a question of the wrong path.
pub(crate) fn gone(problem: Problem) -> Problem {
    if problem.kind != Kind::NotFound {
        return problem;
    }
    Problem::damaged(object_of(&problem), "gone: a recovery point needs it and it is not there")
}

/// The object that a store's own problem speaks of: stores say what they were doing with which object.
pub(crate) fn object_of(problem: &Problem) -> String {
    problem.what.split_whitespace().nth(1).unwrap_or_default().trim_end_matches(':').to_owned()
}

/// Stored text that goes to a person.
pub(crate) fn safe(text: &str) -> String {
    printable(text.as_bytes())
}
