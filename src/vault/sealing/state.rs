//! What one handle of an encrypted vault can do: write, open, or neither.

use super::{ChunkKey, Epoch, Heads, Identities, Memory, Opened, Recipient, opened_by};
use crate::domain::{Kind, Problem, Result, VolumeId};
use crate::store::{Key, Listed, Store};
use crate::vault::format::{Digest, Encryption, KEYS, MAX_OBJECT, Marker, Root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

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
#[derive(Debug, Default)]
pub struct Seal {
    /// What headers of sealed objects said.
    pub heads: Heads,
    epoch: Option<Epoch>,
    opened: Option<Opened>,
    /// What a reader writes with who repairs.
    as_reader: OnceLock<Epoch>,
    memory: Option<Memory>,
    names: Mutex<BTreeMap<Digest, VolumeId>>,
}

impl Seal {
    /// Takes what somebody brought, where it fits this vault.
    ///
    /// # Errors
    /// `Usage` for the key of another vault or epoch, `Refused` where no identity is one of its readers'; what the store said.
    pub fn with(
        store: &dyn Store,
        marker: &Marker,
        encryption: &Encryption,
        keys: &VaultKeys,
    ) -> Result<Self> {
        let vault = marker.id.as_str();
        let wrong = |what: &str| Problem::damaged("vault.json", what);
        let recipient =
            Recipient::parse(&encryption.recipient).ok_or_else(|| wrong("its public key is none"))?;
        let epoch = keys.epoch.clone();
        if let Some(epoch) = &epoch
            && (epoch.vault != vault || epoch.name != encryption.epoch || epoch.recipient != recipient)
        {
            return Err(Problem::new(Kind::Usage, "the epoch key belongs to another vault")
                .at(store.place())
                .remedy("name the file that `outlive vault init` wrote for this vault"));
        }
        let opened = match keys.identities.is_empty() {
            true => None,
            false => Some(open(store, encryption, &keys.identities, &recipient)?),
        };
        let memory = keys.memory.as_ref().map(|within| Memory::new(within.join(vault)));
        let seal = Self { epoch, opened, memory, ..Self::default() };
        match seal.chunk_key() {
            Some(key) if !marker.comes_from(key)? => {
                Err(wrong("comes from nobody who holds the vault's key"))
            }
            _ => Ok(seal),
        }
    }

    /// The epoch in which is written.
    ///
    /// # Errors
    /// `Refused` where its key is not here.
    pub fn epoch(&self) -> Result<&Epoch> {
        self.epoch.as_ref().or_else(|| self.as_reader.get()).ok_or_else(|| {
            Problem::new(Kind::Refused, "the vault is encrypted, and who copies into it needs its epoch key").remedy(
                "name the file that `outlive vault init` wrote: epoch_key = { file = \"…\" } in the vault's table of the estate \
                 file",
            )
        })
    }

    /// From now on, whoever can open the epoch also writes in it: what opens it holds all that is needed for that.
    pub fn write_as_reader(&self, vault: &str, encryption: &Encryption) {
        if let (Some(opened), Some(recipient)) = (&self.opened, Recipient::parse(&encryption.recipient)) {
            let (name, chunk_key) = (encryption.epoch.clone(), opened.chunk_key.clone());
            self.as_reader.get_or_init(|| Epoch { vault: vault.to_owned(), name, recipient, chunk_key });
        }
    }

    /// True on a machine that copies into the vault: it has the epoch's own key.
    pub fn copies(&self) -> bool {
        self.epoch.is_some()
    }

    /// What opens the epoch.
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

    /// The key of names, where anything here has it.
    pub fn chunk_key(&self) -> Option<&ChunkKey> {
        self.epoch
            .as_ref()
            .map(|epoch| &epoch.chunk_key)
            .or(self.opened.as_ref().map(|opened| &opened.chunk_key))
    }

    /// What this machine remembers of what it copied.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// What is inside a root, where it is known here.
    pub fn inside(&self, object: &str, code: &Digest, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        match &self.opened {
            Some(opened) => opened.unseal(object, sealed, MAX_OBJECT).map(Some),
            None => Ok(self
                .memory
                .as_ref()
                .filter(|_| self.epoch.is_some())
                .and_then(|memory| memory.point(code))),
        }
    }

    /// Begins with a new point of a volume.
    pub fn begin(&self, volume: &VolumeId) {
        if let Some((memory, key)) = self.memory.as_ref().zip(self.chunk_key()) {
            memory.begin(&key.stream(volume));
        }
    }

    /// From now on, closed points of this volume are told by its name.
    pub fn learn(&self, volume: &VolumeId) {
        if let Some(key) = self.chunk_key() {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
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

/// What the first of the vault's key objects opens that is for one of these identities.
fn open(
    store: &dyn Store,
    encryption: &Encryption,
    identities: &Identities,
    recipient: &Recipient,
) -> Result<Opened> {
    let named =
        encryption.keys.iter().map(|line| Key::new(line.key.clone())).collect::<Result<BTreeSet<_>>>()?;
    // Readers that were added later stand beside those of the beginning.
    let others = added_keys(&store.list(KEYS)?, &encryption.epoch);
    let others: Vec<Key> = others.into_iter().filter(|key| !named.contains(key)).collect();
    let mut failed = None;
    for key in named.iter().chain(&others) {
        match store.get_bytes(key, MOST_KEY) {
            Ok(sealed) => {
                if let Some(opened) = opened_by(identities, key.as_str(), &sealed, recipient) {
                    return Ok(opened);
                }
                let line = encryption.keys.iter().find(|line| line.key == key.as_str());
                if line.is_some_and(|line| line.sha256 != Digest::of(&sealed)) {
                    let what =
                        "does not match the SHA-256 in vault.json, and no other key opens the vault for you";
                    failed.get_or_insert(Problem::damaged(key.as_str(), what));
                }
            }
            Err(problem) => drop(failed.get_or_insert(super::super::gone(problem))),
        }
    }
    let what = "none of the identities is one of the vault's readers";
    Err(failed.unwrap_or_else(|| {
        Problem::new(Kind::Refused, what)
            .at(store.place())
            .remedy("give the private key to one of the public keys that the vault was made for")
    }))
}
