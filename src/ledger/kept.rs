//! The checkpoints that this machine remembers, beside its ledger, and what of them is in which vault. They are files that are written once.

use super::{Sealed, VaultRef};
use crate::domain::{Kind, Problem, Result, printable};
use crate::store::{DirStore, Key, Store};
use crate::vault::format::{Digest, MAX_OBJECT, render};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const NAME: &str = "checkpoints";

/// The checkpoints of a state directory.
pub struct KeptCheckpoints {
    path: PathBuf,
    store: DirStore,
}

/// An object that was written into a vault: its name in the ledger's folder there, its size in bytes, and which checkpoints it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The name.
    pub name: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The number of the first checkpoint.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

impl Sent {
    /// What the name of an object says that it holds; `None` where it is no such name.
    pub fn listed(name: &str, bytes: u64) -> Option<Self> {
        Self::parse(&format!("{name}.{bytes}"))
    }

    /// Reads the name of what was noted: the object's, and its size.
    fn parse(noted: &str) -> Option<Self> {
        let (name, bytes) = noted.rsplit_once('.')?;
        let mut numbers = name.splitn(3, '-');
        let mut number = || numbers.next()?.parse().ok();
        Some(Self { first: number()?, last: number()?, name: name.into(), bytes: bytes.parse().ok()? })
    }
}

impl KeptCheckpoints {
    /// Opens them, making their folder where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn open(state: &Path) -> Result<Self> {
        let path = state.join(NAME);
        Ok(Self { store: DirStore::create(&path)?, path })
    }

    /// Opens them to look; `None` where nothing was ever signed here.
    ///
    /// # Errors
    /// Where they are there and cannot be opened.
    pub fn look(state: &Path) -> Result<Option<Self>> {
        let path = state.join(NAME);
        match DirStore::open(&path) {
            Ok(store) => Ok(Some(Self { path, store })),
            Err(problem) if problem.kind == Kind::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Where they are, for people.
    pub fn place(&self) -> String {
        printable(self.path.as_os_str().as_bytes())
    }

    /// The ledgers that were signed here.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn ledgers(&self) -> Result<Vec<Digest>> {
        let failed = |error| Problem::io("listing the checkpoints", error).at(self.place());
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            found.extend(entry.map_err(failed)?.file_name().to_str().and_then(Digest::parse));
        }
        found.sort();
        Ok(found)
    }

    /// The numbers of a ledger's checkpoints, in order.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn numbers(&self, ledger: &Digest) -> Result<Vec<u64>> {
        let listed = self.store.list(&ledger.to_string())?;
        let number = |key: &Key| key.name().strip_suffix(".json")?.parse().ok();
        let mut numbers: Vec<u64> = listed.iter().filter_map(|listed| number(&listed.key)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A checkpoint as it was written, with what it is called.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(&self, ledger: &Digest, number: u64) -> Result<(String, Vec<u8>)> {
        let key = key_of(ledger, number)?;
        let store: &dyn Store = &self.store;
        let mut bytes = store.get_bytes(&key, MAX_OBJECT)?;
        // Its end, which a file of text has.
        if bytes.last() == Some(&b'\n') {
            bytes.truncate(bytes.len() - 1);
        }
        Ok((format!("{}/{key}", self.place()), bytes))
    }

    /// Keeps a new checkpoint; false where another process took its number.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&self, sealed: &Sealed) -> Result<bool> {
        let key = key_of(&sealed.checkpoint.ledger, sealed.number())?;
        let store: &dyn Store = &self.store;
        match store.put_bytes(&key, &[&sealed.bytes[..], b"\n"].concat()) {
            Ok(()) => Ok(true),
            Err(problem) if problem.kind == Kind::Refused && self.store.size(&key)?.is_some() => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    /// What of a ledger was written into a vault, as far as it is remembered.
    ///
    /// # Errors
    /// Where that cannot be listed.
    pub fn sent(&self, ledger: &Digest, vault: &VaultRef) -> Result<Vec<Sent>> {
        let listed = self.store.list(&folder_of(ledger, vault)?)?;
        Ok(listed.iter().filter_map(|listed| Sent::parse(listed.key.name())).collect())
    }

    /// Remembers that an object is in a vault.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn note_sent(&self, ledger: &Digest, vault: &VaultRef, sent: &Sent) -> Result<()> {
        let key = Key::new(format!("{}/{}.{}", folder_of(ledger, vault)?, sent.name, sent.bytes))?;
        if self.store.size(&key)?.is_some() {
            return Ok(());
        }
        let store: &dyn Store = &self.store;
        store.put_bytes(&key, &[&render(vault)?[..], b"\n"].concat())
    }
}

fn key_of(ledger: &Digest, number: u64) -> Result<Key> {
    Key::new(format!("{ledger}/{number:010}.json"))
}

/// The folder of what is remembered of one vault at its place: a copy of it elsewhere is another.
fn folder_of(ledger: &Digest, vault: &VaultRef) -> Result<String> {
    let name = Digest::of(&render(&(ledger, vault))?).to_string();
    Ok(format!("sent-{}", &name[..32]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::TempDir;

    #[test]
    fn what_is_remembered_of_one_vault_says_nothing_of_another() {
        let temp = TempDir::new();
        assert!(KeptCheckpoints::look(temp.path()).unwrap().is_none());
        let kept = KeptCheckpoints::open(temp.path()).unwrap();
        let (ledger, here) = (Digest([1; 32]), VaultRef { id: "v".into(), place: "here".into() });
        let name = "0000000002-0000000005-0123456789abcdef-1.jsonl".to_owned();
        let sent = Sent { name, bytes: 77, first: 2, last: 5 };
        kept.note_sent(&ledger, &here, &sent).unwrap();
        kept.note_sent(&ledger, &here, &sent).unwrap();
        assert_eq!(kept.sent(&ledger, &here).unwrap(), [sent]);
        let there = VaultRef { place: "there".into(), ..here };
        assert_eq!(kept.sent(&ledger, &there).unwrap(), []);
    }
}
