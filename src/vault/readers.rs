//! What whoever holds a reader's private key can do to an encrypted vault: add a reader, and begin a new epoch. Both only add
//! objects: nothing that is written is written again.

use super::Vault;
use super::format::{AddedReader, BegunEpoch, Digest, ENDED, EPOCHS, KEYS, KeyLine, Points, render_points};
use super::roots::Roots;
use super::sealing::{Epoch, KnownEpoch, NewEpoch, Recipient};
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::store::{Key, random_hex};

/// A reader that was added: to which epochs, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReaderAdded {
    /// To these now.
    pub added: Vec<String>,
    /// It was one of these already.
    pub already: Vec<String>,
    /// These could not be opened, and stay closed to it.
    pub closed: Vec<String>,
}

/// An epoch that began.
#[derive(Debug, Clone)]
pub struct EpochBegun {
    /// What whoever copies needs of it.
    pub epoch: Epoch,
    /// Those that it ended.
    pub ended: Vec<String>,
    /// Those beside them that could not be opened here, and go on: somebody else's, who reads a former epoch.
    pub left: Vec<String>,
    /// How many points there were.
    pub points: usize,
    /// The keys of roots that were damaged: they are none of these points.
    pub damaged: Vec<String>,
}

impl Vault {
    /// Adds a reader to every epoch that is open here. What was done before it failed is done: run it again, it goes on.
    ///
    /// # Errors
    /// `Refused` where nothing here opens the vault, or it is not encrypted; `Usage` for a key that is no reader's; what the
    /// store said.
    pub fn add_reader(&self, reader: &Recipient, now: Timestamp) -> Result<ReaderAdded> {
        let (epochs, opened) = self.opened_epochs()?;
        if epochs.iter().any(|epoch| epoch.recipient == *reader) {
            let what = "that is the public key of the vault itself, and no reader's";
            return Err(Problem::new(Kind::Usage, what)
                .remedy("name what `age-keygen -y` prints of the reader's file"));
        }
        let mut done = ReaderAdded::default();
        for epoch in epochs {
            let Some(opened) = opened.of(&epoch.name) else {
                done.closed.push(epoch.name.clone());
                continue;
            };
            if epoch.is_for(reader) {
                done.already.push(epoch.name.clone());
                continue;
            }
            let object = self.put_small(KEYS, &epoch.name, &opened.wrap(self.id(), reader)?)?;
            let key = small_key(EPOCHS, &epoch.name)?;
            let said = AddedReader::new((&key, self.id(), &epoch.name), (reader, object), now);
            self.put_at(&key, &said.seal(&opened.identity)?)?;
            done.added.push(epoch.name.clone());
        }
        Ok(done)
    }

    /// Begins an epoch for these readers, and ends the one before with the points that there are. It has begun once the last object
    /// is written; what a stopped run leaves counts for nothing.
    ///
    /// # Errors
    /// `Refused` where the present epoch cannot be opened here, or roots cannot be read; what the store said.
    pub fn begin_epoch(&self, readers: Vec<Recipient>, now: Timestamp) -> Result<EpochBegun> {
        let (epochs, opened) = self.opened_epochs()?;
        let current: Vec<&KnownEpoch> =
            epochs.iter().filter(|epoch| epoch.ended.is_empty()).copied().collect();
        let signers: Vec<_> = current.iter().filter_map(|epoch| opened.of(&epoch.name)).collect();
        let left = current.iter().filter(|epoch| opened.of(&epoch.name).is_none());
        let left: Vec<String> = left.map(|epoch| epoch.name.clone()).collect();
        if signers.is_empty() {
            let what = "the identity is no reader of the present epoch, and cannot end it";
            return Err(Problem::new(Kind::Refused, what).at(self.place()).remedy(
                "give the private key of one of its readers: `outlive vault reader list` shows them",
            ));
        }
        let roots = self.roots_with_names()?;
        let NewEpoch { epoch, keys, identity } = NewEpoch::generate(self.id(), readers)?;
        let mut lines = Vec::new();
        for made in keys {
            lines.push(self.put_at(&made.key, &made.bytes)?);
        }
        let points: Points = (roots.sound.iter())
            .map(|found| (found.id, found.root.named_volume().map(|volume| epoch.chunk_key.stream(volume))))
            .collect();
        let list = self.put_small(ENDED, &epoch.name, &render_points(self.id(), &epoch.name, &points)?)?;
        for signer in &signers {
            let key = small_key(EPOCHS, &epoch.name)?;
            let said = BegunEpoch::new(&key, self.id(), (&epoch.name, now), (&signer.name, list.clone()));
            self.put_at(
                &key,
                &said.for_readers(&epoch.recipient, &lines).seal(&signer.identity, &identity)?,
            )?;
        }
        Ok(EpochBegun {
            epoch,
            ended: signers.iter().map(|signer| signer.name.clone()).collect(),
            left,
            points: points.len(),
            damaged: roots.damaged.iter().map(|(key, _)| key.as_str().to_owned()).collect(),
        })
    }

    /// What whoever copies into the present epoch needs of it: whoever reads it knows that too.
    ///
    /// # Errors
    /// `Refused` where nothing here opens it, or the vault is not encrypted.
    pub fn present_epoch(&self) -> Result<Epoch> {
        let (epochs, opened) = self.opened_epochs()?;
        let current = epochs.into_iter().filter(|epoch| epoch.ended.is_empty());
        let found = current.filter_map(|epoch| Some((epoch, opened.of(&epoch.name)?))).next_back();
        let (known, opened) = found.ok_or_else(|| {
            Problem::new(Kind::Refused, "the identity is no reader of the present epoch").at(self.place())
        })?;
        Ok(Epoch {
            vault: self.id().to_owned(),
            name: known.name.clone(),
            recipient: known.recipient.clone(),
            chunk_key: opened.chunk_key.clone(),
        })
    }

    fn opened_epochs(&self) -> Result<(Vec<&KnownEpoch>, &super::sealing::Opened)> {
        let refused = || {
            Problem::new(Kind::Refused, "the vault is not encrypted: it has no readers and no epochs")
                .at(self.place())
                .remedy(
                    "a vault does not become encrypted: make another one for readers (docs/encryption.md)",
                )
        };
        let opened = self.opened()?.ok_or_else(refused)?;
        let epochs = self.epochs().ok_or_else(refused)?;
        epochs.check_read()?;
        Ok((epochs.iter().collect(), opened))
    }

    /// All points, told by the names of their volumes where any of them has one.
    fn roots_with_names(&self) -> Result<Roots> {
        let roots = Roots::read(self)?;
        if let Some((_, problem)) = roots.damaged.iter().find(|(_, problem)| problem.kind != Kind::Damaged) {
            return Err(problem.clone().remedy(
                "no epoch began: a point that cannot be read now would count for nothing afterwards. Run it again once it can be read",
            ));
        }
        roots.sound.iter().filter_map(|found| found.root.named_volume()).for_each(|volume| self.know(volume));
        Roots::read(self)
    }

    /// Writes a small object under a new key of an epoch, and reads it back.
    fn put_small(&self, folder: &str, epoch: &str, bytes: &[u8]) -> Result<KeyLine> {
        self.put_at(&small_key(folder, epoch)?, bytes)
    }

    fn put_at(&self, key: &Key, bytes: &[u8]) -> Result<KeyLine> {
        let store = self.store();
        self.note_lock(store.put_locked(key, bytes, self.retention())?);
        store.forget(key)?;
        if store.get_bytes(key, bytes.len() as u64)? != bytes {
            return Err(Problem::damaged(key.as_str(), "the store gives other bytes back than were written"));
        }
        Ok(KeyLine { key: key.as_str().to_owned(), sha256: Digest::of(bytes) })
    }
}

fn small_key(folder: &str, epoch: &str) -> Result<Key> {
    Key::new(format!("{folder}/{epoch}-{}", &random_hex()?[..16]))
}
