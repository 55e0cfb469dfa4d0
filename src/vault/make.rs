//! Making a vault: its instructions, in an encrypted one its keys, and last the marker that says that it is one.

use super::format::{Digest, Encryption, KEYS, KeyLine, MAX_OBJECT, Marker};
use super::sealing::{ChunkKey, Epoch, NewEpoch, Recipient};
use super::{README, Vault};
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::store::{CANARIES, INCOMING, Retention, Store, random_hex};
use std::sync::Arc;

/// For whom a new vault is encrypted, and who takes the key of those who copy into it before the vault is there.
pub struct Readers<'a> {
    /// Their public keys.
    pub readers: Vec<Recipient>,
    /// Keeps the key.
    pub keep: &'a dyn Fn(&Epoch) -> Result<()>,
}

impl Vault {
    /// Opens the vault in a store, or makes one where the store is empty.
    ///
    /// # Errors
    /// As [`Vault::open`]; `Refused` where the store holds other things.
    pub fn open_or_create(store: Arc<dyn Store>, now: Timestamp) -> Result<Self> {
        Self::open_or_create_under(store, now, None, None)
    }

    /// The same, made under a lock, and encrypted for readers.
    ///
    /// # Errors
    /// As [`Vault::open_or_create`]; `Refused` where the store has no locks.
    pub fn open_or_create_under(
        store: Arc<dyn Store>,
        now: Timestamp,
        retention: Option<Retention>,
        readers: Option<Readers<'_>>,
    ) -> Result<Self> {
        if let Some(marker) = Marker::read(&*store)? {
            return Self::of(store, marker);
        }
        // A run that was stopped while making the vault left README.md; a new filesystem has lost+found.
        if let Some(stranger) = store.stranger(&["README.md", INCOMING, "lost+found", CANARIES, KEYS])? {
            return Self::made_by_another(store, &stranger);
        }
        let key = Marker::readme_key()?;
        if store.size(&key).is_ok_and(|size| size.is_none()) {
            match store.put_locked(&key, README.as_bytes(), retention).map(drop) {
                // Another run is making the vault at the same time.
                Err(problem) if problem.kind == Kind::Refused && store.size(&key)?.is_some() => {}
                other => other?,
            }
        }
        // What is there already was left by a run that was stopped between the two objects, or is no part of
        // a vault: a page that this program did not write never becomes what people are to rely on.
        match store.get_bytes(&key, MAX_OBJECT) {
            Ok(page) if page == README.as_bytes() => {}
            Err(problem) if problem.kind != Kind::Damaged => return Err(problem),
            _ => return Self::made_by_another(store, "README.md, which is not this program's page"),
        }
        let id = random_hex()?;
        let mut marker = Marker::new(id, now, README.as_bytes());
        if let Some(readers) = readers {
            let (encryption, key) = encrypt(&*store, &marker.id, retention, readers)?;
            marker = marker.encrypted(encryption, &key)?;
        }
        match store.put_locked(&Marker::key()?, &marker.render()?, retention).map(drop) {
            // A store without conditions takes two markers at the same moment: the one that is there counts, and
            // nothing was written into either vault yet.
            Ok(()) => match Marker::read(&*store)? {
                Some(there) => Self::of(store, there),
                None => Err(Problem::new(Kind::Io, "the store took vault.json, and has no such object")
                    .at(store.place())
                    .remedy("run it again; should it stay so, use another store")),
            },
            // Another run made the vault in the meantime: that one counts.
            Err(problem) if problem.kind == Kind::Refused => Self::open(store),
            Err(problem) => Err(problem),
        }
    }

    /// What was found is a vault only where another run made one in the meantime.
    fn made_by_another(store: Arc<dyn Store>, stranger: &str) -> Result<Self> {
        if let Some(marker) = Marker::read(&*store)? {
            return Self::of(store, marker);
        }
        let what = format!("neither a vault nor empty: it holds {stranger}");
        Err(Problem::new(Kind::Refused, what)
            .at(store.place())
            .remedy("name a vault, or a new or empty directory"))
    }
}

/// Makes the first epoch: whoever copies gets its key, and the vault what its readers need.
fn encrypt(
    store: &dyn Store,
    vault: &str,
    retention: Option<Retention>,
    readers: Readers<'_>,
) -> Result<(Encryption, ChunkKey)> {
    let NewEpoch { epoch, keys, .. } = NewEpoch::generate(vault, readers.readers)?;
    (readers.keep)(&epoch)?;
    let mut lines = Vec::new();
    for made in keys {
        store.put_locked(&made.key, &made.bytes, retention)?;
        lines.push(KeyLine { key: made.key.as_str().to_owned(), sha256: Digest::of(&made.bytes) });
    }
    let recipient = epoch.recipient.to_string();
    Ok((Encryption { epoch: epoch.name, recipient, keys: lines, code: None }, epoch.chunk_key))
}
