//! What one handle of an encrypted vault can do: write, open, or neither.

use super::{
    ChunkKey, Epoch, Epochs, Heads, Identities, KnownEpoch, Memory, Names, Opened, OpenedEpoch, opened_by,
};
use crate::domain::{Kind, Problem, Result, VolumeId};
use crate::store::{Key, Listed, Store};
use crate::vault::format::{Digest, KEYS, MAX_OBJECT, Marker, Root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What somebody brings to open a vault with.
#[derive(Debug, Clone, Default)]
pub struct VaultKeys {
    /// Of whoever copies.
    pub epoch: Option<Epoch>,
    /// Of a reader.
    pub identities: Identities,
    /// A directory for what this machine may remember of what it copied, unencrypted.
    pub memory: Option<PathBuf>,
}

/// The keys of a vault, as far as they are here.
#[derive(Debug)]
pub struct Seal {
    /// What headers of sealed objects said.
    pub heads: Heads,
    /// The epochs that there are.
    pub epochs: Arc<Epochs>,
    epoch: Option<Epoch>,
    opened: Option<Opened>,
    known: Names,
    /// What a reader writes with who repairs.
    as_reader: OnceLock<Epoch>,
    memory: Option<Memory>,
    names: Mutex<BTreeMap<Digest, VolumeId>>,
}

impl Seal {
    /// Of a vault with these epochs, without any key.
    pub fn of(epochs: Arc<Epochs>) -> Self {
        let (heads, known, names, as_reader) = Default::default();
        Self { heads, epochs, epoch: None, opened: None, known, as_reader, memory: None, names }
    }

    /// Takes what somebody brought, where it fits this vault.
    ///
    /// # Errors
    /// `Usage` for the key of another vault or epoch, `Refused` where no identity is one of its readers'; what the store said.
    pub fn with(store: &dyn Store, marker: &Marker, epochs: Arc<Epochs>, keys: &VaultKeys) -> Result<Self> {
        let vault = marker.id.as_str();
        let epoch = keys.epoch.clone();
        if let Some(epoch) = &epoch
            && (epoch.vault != vault
                || epochs.of(&epoch.name).is_none_or(|known| known.recipient != epoch.recipient))
        {
            if epoch.vault == vault {
                epochs.check_read()?;
            }
            return Err(foreign(epoch, vault, &epochs).at(store.place()));
        }
        // Who copies knows which of several epochs is the true one.
        let epochs = epoch.as_ref().map_or_else(|| epochs.clone(), |epoch| epochs.along(&epoch.name));
        let opened = match keys.identities.is_empty() {
            true => None,
            false => Some(open_all(store, &epochs, &keys.identities)?),
        };
        let memory = keys.memory.as_ref().map(|within| Memory::new(within.join(vault)));
        let known = names_of(&epochs, epoch.as_ref(), opened.as_ref());
        let first = marker.encryption.as_ref().and_then(|encryption| known.of(&encryption.epoch));
        if let Some(key) = first
            && !marker.comes_from(key)?
        {
            return Err(Problem::damaged("vault.json", "comes from nobody who holds the vault's key"));
        }
        Ok(Self { epoch, opened, known, memory, ..Self::of(epochs) })
    }

    /// The epoch in which is written.
    ///
    /// # Errors
    /// `Refused` where its key is not here, or it has ended; `Io` where that cannot be told.
    pub fn epoch(&self) -> Result<&Epoch> {
        self.epochs.check_read()?;
        let epoch = self.writes_in().ok_or_else(|| {
            Problem::new(Kind::Refused, "the vault is encrypted, and who copies into it needs its epoch key").remedy(
                "name the file that `outlive vault init` wrote: epoch_key = { file = \"…\" } in the vault's table of the estate \
                 file",
            )
        })?;
        self.check_current(&self.epochs, epoch).map(|()| epoch)
    }

    fn check_current(&self, epochs: &Epochs, epoch: &Epoch) -> Result<()> {
        let Some(at) = epochs.of(&epoch.name).and_then(KnownEpoch::ended_at) else { return Ok(()) };
        let what = format!("the epoch of this key ended on {}", at.format("%Y-%m-%d %H:%M UTC"));
        Err(Problem::new(Kind::Refused, what).remedy(
            "copy with the key of the new epoch: the file that `outlive vault epoch new` wrote, beside the former one or named in epoch_key",
        ))
    }

    /// Sees that the epoch in which is written has not ended meanwhile.
    ///
    /// # Errors
    /// `Refused` where it has; what the store said.
    pub fn check_epoch(&self, store: &dyn Store, marker: &Marker) -> Result<()> {
        match (Epochs::read(store, marker)?, self.writes_in()) {
            (Some(epochs), Some(epoch)) => {
                epochs.disowning_like(&self.epochs).check_read()?;
                self.check_current(&epochs, epoch)
            }
            _ => Ok(()),
        }
    }

    /// From now on, whoever can open the epoch also writes in it: what opens it holds all that is needed for that.
    pub fn write_as_reader(&self, epoch: Epoch) {
        self.as_reader.get_or_init(|| epoch);
    }

    /// True on a machine that copies into the vault: it has the epoch's own key.
    pub fn copies(&self) -> bool {
        self.epoch.is_some()
    }

    /// What opens the epochs.
    ///
    /// # Errors
    /// `Refused` where no reader's identity was given.
    pub fn opened(&self) -> Result<&Opened> {
        self.opened.as_ref().ok_or_else(|| {
            Problem::new(Kind::Refused, "the vault is encrypted, and nothing here opens it")
                .remedy("give the private key of one of its readers: --identity FILE")
        })
    }

    /// True where a reader's identity opened it.
    pub fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// True where it opened this epoch.
    pub fn opens(&self, epoch: &str) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.of(epoch).is_some())
    }

    /// The keys of names that are here.
    pub fn known(&self) -> &Names {
        &self.known
    }

    /// That of the epoch in which is written.
    pub fn own_key(&self) -> Option<&ChunkKey> {
        self.writes_in().map(|epoch| &epoch.chunk_key)
    }

    /// The name of that epoch.
    pub fn own_epoch(&self) -> Option<&str> {
        self.writes_in().map(|epoch| epoch.name.as_str())
    }

    fn writes_in(&self) -> Option<&Epoch> {
        self.epoch.as_ref().or_else(|| self.as_reader.get())
    }

    /// What this machine remembers of what it copied.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// What is inside a root of this epoch, where it is known here.
    pub fn inside(&self, object: &str, epoch: &str, code: &Digest, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.opened.as_ref().filter(|_| self.opens(epoch)) {
            Some(opened) => opened.unseal(object, sealed, MAX_OBJECT).map(Some),
            None if self.opened.is_some() => Ok(None),
            None => Ok(self
                .memory
                .as_ref()
                .filter(|_| self.epoch.is_some())
                .and_then(|memory| memory.point(code))),
        }
    }

    /// Sees that a root is of an epoch of this vault, and was there before that ended.
    ///
    /// # Errors
    /// `Damaged` where it was not; what is wrong with what tells of it.
    pub fn admit(&self, store: &dyn Store, id: &Digest, root: &mut Root) -> Result<()> {
        let Some(lid) = &mut root.lid else { return Ok(()) };
        self.epochs.admit(store, &lid.epoch, id, &root.key)?;
        if self.epochs.turn(&lid.epoch) != Some(lid.turn) {
            return Err(Problem::damaged(root.key.clone(), "written in another version than its epoch is"));
        }
        // Where the key of names of its own epoch is not here, whoever ended that says which volume it is of.
        if self.known.of(&lid.epoch).is_none()
            && let Some(stream) = self.epochs.stream(store, id, |by| self.known.of(by).is_some())
        {
            lid.stream = stream;
            if !lid.is_named {
                root.volume = lid.unnamed();
            }
        }
        Ok(())
    }

    /// Begins with a new point of a volume.
    pub fn begin(&self, volume: &VolumeId) {
        if let Some((memory, key)) = self.memory.as_ref().zip(self.own_key()) {
            memory.begin(&key.stream(volume));
        }
    }

    /// From now on, closed points of this volume are told by its name.
    pub fn learn(&self, volume: &VolumeId) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, key) in self.known.iter() {
            names.insert(key.stream(volume), volume.clone());
        }
    }

    /// Gives a closed point the name of its volume, where that is known.
    pub fn name(&self, root: &mut Root) {
        if let Some(lid) = root.lid.as_mut().filter(|lid| !lid.is_open)
            && let Some(name) = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&lid.stream)
        {
            lid.is_named = true;
            root.volume = name.clone();
        }
    }
}

/// The keys of names that these have.
fn names_of(epochs: &Epochs, epoch: Option<&Epoch>, opened: Option<&Opened>) -> Names {
    let mut keys: Vec<(String, ChunkKey)> = Vec::new();
    for known in epochs.iter() {
        let own = epoch.filter(|epoch| epoch.name == known.name).map(|epoch| &epoch.chunk_key);
        let of_reader = || opened.and_then(|opened| opened.of(&known.name)).map(|opened| &opened.chunk_key);
        keys.extend(own.or_else(of_reader).map(|key| (known.name.clone(), key.clone())));
    }
    let lacking = epochs.iter().count() - keys.len();
    Names::new(keys, lacking)
}

/// A key that fits no epoch.
fn foreign(epoch: &Epoch, vault: &str, epochs: &Epochs) -> Problem {
    if epoch.vault == vault
        && let Some((_, problem)) = epochs.wrong.first()
    {
        let what = format!(
            "nothing in the vault that can be used tells of the epoch of this key; {} is {}",
            problem.place, problem.what
        );
        return Problem::new(Kind::Refused, what).remedy(
            "nothing was written. If that object is damaged, get it back from another version or copy of it; if somebody put it \
             there, look whether the key is the right one",
        );
    }
    Problem::new(Kind::Usage, "the epoch key belongs to another vault")
        .remedy("name the file that `outlive vault init` or `outlive vault epoch new` wrote for this vault")
}

/// Objects with epochs' keys that are looked at, and how large they are: what is beyond that, somebody else put there.
const MOST_KEYS: usize = 256;
const MOST_KEY: u64 = 16 * 1024;

/// What of a listing may be the epoch's key for some reader.
pub fn added_keys(listed: &[Listed], epoch: &str) -> Vec<Key> {
    let is_one = |listed: &&Listed| {
        let reader = listed.key.name().strip_prefix(epoch).and_then(|rest| rest.strip_prefix('-'));
        let is_short =
            |reader: &str| reader.len() == 16 && reader.bytes().all(|byte| byte.is_ascii_hexdigit());
        reader.is_some_and(is_short) && listed.bytes.is_some_and(|bytes| bytes <= MOST_KEY)
    };
    listed.iter().filter(is_one).take(MOST_KEYS).map(|listed| listed.key.clone()).collect()
}

/// Every epoch of which one of the key objects is for one of these identities.
fn open_all(store: &dyn Store, epochs: &Epochs, identities: &Identities) -> Result<Opened> {
    let listed = store.list(KEYS)?;
    let mut failed = None;
    let mut opened = Vec::new();
    for epoch in epochs.iter() {
        opened.extend(open(store, epoch, identities, &listed, &mut failed)?);
    }
    match (opened.is_empty(), failed) {
        (false, _) => Ok(Opened::from_iter(opened)),
        (true, Some(problem)) => Err(problem),
        // What could not be read may tell of the epoch that these open.
        (true, None) if !epochs.unread.is_empty() => epochs.check_read().map(|()| Opened::from_iter(opened)),
        (true, None) => {
            let what = format!(
                "none of the identities is one of the vault's readers: the private keys that were given belong to {}",
                identities.told()
            );
            Err(Problem::new(Kind::Refused, what).at(store.place()).remedy(
                "give the private key of one of its readers, whose public keys the runbook's page names (\"It opens for\"), and START-HERE of a kit \
                 (\"opens for\"); `age-keygen -y FILE` prints that of a file",
            ))
        }
    }
}

/// What the first of an epoch's key objects opens that is for one of these identities.
fn open(
    store: &dyn Store,
    epoch: &KnownEpoch,
    identities: &Identities,
    listed: &[Listed],
    failed: &mut Option<Problem>,
) -> Result<Option<OpenedEpoch>> {
    let named = epoch.lines().map(|line| Key::new(line.key.clone())).collect::<Result<BTreeSet<_>>>()?;
    // What nobody signed may open it all the same: somebody was stopped before, or did it by hand.
    let others = added_keys(listed, &epoch.name);
    let others: Vec<Key> = others.into_iter().filter(|key| !named.contains(key)).collect();
    for key in named.iter().chain(&others) {
        match store.get_bytes(key, MOST_KEY) {
            Ok(sealed) => {
                let of = (epoch.name.as_str(), &epoch.recipient);
                if let Some(opened) = opened_by(identities, key.as_str(), &sealed, of) {
                    return Ok(Some(opened));
                }
                let line = epoch.lines().find(|line| line.key == key.as_str());
                if line.is_some_and(|line| line.sha256 != Digest::of(&sealed)) {
                    let what = "does not match the SHA-256 that is known of it, and no other key opens the vault for you";
                    failed.get_or_insert(Problem::damaged(key.as_str(), what));
                }
            }
            Err(problem) => drop(failed.get_or_insert(super::super::gone(problem))),
        }
    }
    Ok(None)
}
