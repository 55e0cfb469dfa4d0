//! Reading frames of packs, decrypted where the vault is encrypted, and the keys with which that is done.

use super::format::{self, Digest, Frame, Lid, MAX_PAGE, PackKey, PageKind, PageRef, RootContent, Sidecar};
use super::roots::FoundRoot;
use super::sealing::{ChunkKey, Epoch, Epochs, Ids, Names, Opened, Recipient, Seal, VaultKeys};
use super::{Vault, decode, gone};
use crate::domain::{Problem, Result, VolumeId};
use crate::store::Key;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Vault {
    /// The same vault, with what these keys open of it. A vault that is not encrypted needs none.
    ///
    /// # Errors
    /// `Usage` for keys of another vault, `Refused` where none of the identities is one of its readers.
    pub fn with_keys(self, keys: &VaultKeys) -> Result<Self> {
        let Some(seal) = &self.seal else { return Ok(self) };
        let seal = Seal::with(&*self.store, &self.marker, seal.epochs.clone(), keys)?;
        let (known, tables) = Default::default();
        Ok(Self { seal: Some(Arc::new(seal)), known, tables, ..self })
    }

    /// The same vault, before any key is brought, where its owner says that these objects among its statements are none of theirs.
    pub fn disowning(self, objects: &BTreeSet<String>) -> Self {
        let Some(seal) = self.seal.as_ref().filter(|_| !objects.is_empty()) else { return self };
        let seal = Seal::of(Arc::new(seal.epochs.disowning(objects)));
        Self { seal: Some(Arc::new(seal)), ..self }
    }

    /// The same vault, written to with what opens it where the epoch's own key is not here: by whoever repairs it.
    pub fn written_by_reader(self) -> Self {
        // Who reads no present epoch writes nothing: that is said where something would be.
        if let (Some(seal), Ok(epoch)) = (&self.seal, self.present_epoch()) {
            seal.write_as_reader(epoch);
        }
        self
    }

    /// True where it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.seal.is_some()
    }

    /// True where what it holds can be read here, or at least one epoch of that.
    pub fn is_readable(&self) -> bool {
        self.seal.as_ref().is_none_or(|seal| seal.is_open())
    }

    /// True where what every epoch of it holds can be read here.
    pub fn reads_all(&self) -> bool {
        let opens = |seal: &Seal| seal.epochs.iter().all(|epoch| seal.opens(&epoch.name));
        self.seal().is_none_or(opens)
    }

    /// True where this point can be read here.
    pub fn reads(&self, found: &FoundRoot) -> bool {
        let lid = found.root.lid.as_ref();
        self.seal.as_ref().is_none_or(|seal| lid.is_some_and(|lid| seal.opens(&lid.epoch)))
    }

    /// True where this epoch can be read here.
    pub fn opens(&self, epoch: &str) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.opens(epoch))
    }

    /// From now on, what cannot be read here is told by its volume's name where it is of one of these.
    pub fn know(&self, volume: &VolumeId) {
        if let Some(seal) = &self.seal {
            seal.learn(volume);
        }
    }

    /// Whether what is written now is for this reader.
    pub fn is_for(&self, reader: &Recipient) -> bool {
        let mut current = self.epochs().into_iter().flat_map(Epochs::current);
        current.any(|epoch| epoch.is_for(reader))
    }

    /// The epochs of an encrypted vault.
    pub fn epochs(&self) -> Option<&Epochs> {
        self.seal.as_ref().map(|seal| &*seal.epochs)
    }

    /// The objects that readers need, with their digests: keys, and what is signed of readers and epochs.
    pub(super) fn key_lines(&self) -> impl Iterator<Item = &format::KeyLine> {
        self.epochs().into_iter().flat_map(Epochs::lines)
    }

    /// Checks the objects that readers need, as the marker and what readers signed name them.
    ///
    /// # Errors
    /// `Damaged`, naming the object; what the store said.
    pub fn check_keys(&self) -> Result<()> {
        self.key_lines().try_for_each(|line| self.check_key(line).map(drop))
    }

    /// The same of one of them; how long it is.
    pub(super) fn check_key(&self, line: &format::KeyLine) -> Result<u64> {
        let key = Key::new(line.key.clone())?;
        self.store.forget(&key).map_err(gone)?;
        let bytes = self.store.get_bytes(&key, format::MAX_OBJECT).map_err(gone)?;
        if Digest::of(&bytes) == line.sha256 {
            Ok(bytes.len() as u64)
        } else {
            Err(Problem::damaged(key.as_str(), "does not match the SHA-256 that is known of it"))
        }
    }

    /// Checks one of these objects.
    ///
    /// # Errors
    /// As [`Vault::check_keys`].
    pub fn check_key_line(&self, line: &format::KeyLine) -> Result<()> {
        self.check_key(line).map(drop)
    }

    /// Bytes that go into the vault and are no part of a point: sealed where it is encrypted.
    ///
    /// # Errors
    /// As [`Vault::epoch`].
    pub fn close(&self, plain: &[u8]) -> Result<Vec<u8>> {
        match self.epoch()? {
            Some(epoch) => super::sealing::seal(&epoch.recipient, plain),
            None => Ok(plain.to_vec()),
        }
    }

    /// The same bytes, read again.
    ///
    /// # Errors
    /// `Damaged`, naming `object`; `Refused` where the vault is encrypted, and nothing here opens it.
    pub fn disclose(&self, object: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self.opened()? {
            Some(opened) => opened.unseal(object, &bytes, format::MAX_OBJECT),
            None => Ok(bytes),
        }
    }

    /// Reads the sidecar of a pack, which has to be encrypted as the vault is.
    ///
    /// # Errors
    /// As [`Sidecar::open_with`].
    pub(super) fn open_sidecar(&self, pack: &PackKey, bytes: &[u8]) -> Result<Sidecar> {
        let none = Names::default();
        let sidecar = Sidecar::open_with(pack, bytes, self.seal().map_or(&none, Seal::known))?;
        if sidecar.header.inside.is_some() == self.is_encrypted() {
            Ok(sidecar)
        } else {
            Err(Problem::damaged(pack.sidecar()?.as_str(), "encrypted otherwise than its vault is"))
        }
    }

    pub(super) fn seal(&self) -> Option<&Seal> {
        self.seal.as_deref()
    }

    /// The key of names with which is written.
    pub(super) fn own_key(&self) -> Option<&ChunkKey> {
        self.seal.as_ref().and_then(|seal| seal.own_key())
    }

    /// How the sidecars that are written name chunks.
    pub(super) fn ids(&self) -> Ids {
        Ids::new(self.own_key().cloned())
    }

    /// How this sidecar names chunks; `None` where the key of that is not here.
    pub(super) fn ids_of(&self, sidecar: &Sidecar) -> Option<Ids> {
        let Some(seal) = &self.seal else { return Some(Ids::default()) };
        let key = sidecar.epoch.as_ref().and_then(|epoch| seal.known().of(epoch))?;
        Some(Ids::new(Some(key.clone())))
    }

    /// Whether a new point can refer to what was written in this epoch: to what others wrote it cannot, since whoever stole the key
    /// of a former epoch knows that one.
    pub(super) fn is_own_epoch(&self, epoch: Option<&str>) -> bool {
        self.seal.as_ref().is_none_or(|seal| seal.own_epoch() == epoch)
    }

    /// The epoch to write in; none where it is not encrypted.
    ///
    /// # Errors
    /// `Refused` where it is, and its key is not here.
    pub(super) fn epoch(&self) -> Result<Option<&Epoch>> {
        self.seal.as_ref().map(|seal| seal.epoch()).transpose()
    }

    /// Sees that the epoch in which is written has not ended while a copy was made.
    ///
    /// # Errors
    /// `Refused` where it has; what the store said.
    pub(super) fn check_epoch(&self) -> Result<()> {
        self.seal.as_ref().map_or(Ok(()), |seal| seal.check_epoch(&*self.store, &self.marker))
    }

    /// What opens what is sealed in it; none where it is not encrypted.
    ///
    /// # Errors
    /// `Refused` where it is, and no reader's identity is here.
    pub(super) fn opened(&self) -> Result<Option<&Opened>> {
        self.seal.as_ref().map(|seal| seal.opened()).transpose()
    }

    /// Reads one page of a tree, from memory where this machine wrote it.
    pub(crate) fn page(&self, page: &PageRef, kind: PageKind) -> Result<Vec<u8>> {
        let key = page.frame.pack.pack()?;
        let bytes = page.bytes as usize;
        if bytes > MAX_PAGE {
            return Err(Problem::damaged(key.as_str(), "a frame is larger than this format allows"));
        }
        // Lists of packs are never encrypted.
        let sealed = kind != PageKind::Packs;
        // Who can open what is stored does not take this machine's word for it.
        let closed = self.seal.as_ref().filter(|seal| sealed && !seal.is_open());
        let memory = closed.and_then(|seal| seal.memory());
        if let Some(found) = memory.and_then(|memory| memory.page(&page.sha256)) {
            return Ok(found);
        }
        let read = self.packed(&page.frame, sealed).and_then(|packed| decode(&key, &packed, bytes));
        match &self.spare {
            Some(spare) => spare.or(read, page, kind),
            None => read,
        }
    }

    /// Reads and decodes one frame of content: at most one unit.
    pub(crate) fn data_frame(&self, frame: &Frame) -> Result<Vec<u8>> {
        self.decode_data(frame, &self.packed(frame, true)?)
    }

    /// Frames of content as they are in their pack, not decoded yet: what is behind one another is read at once.
    pub(crate) fn packed_data(&self, span: &Frame) -> Result<Vec<u8>> {
        self.packed(span, true)
    }

    /// Decodes one frame of content that was read.
    pub(crate) fn decode_data(&self, frame: &Frame, packed: &[u8]) -> Result<Vec<u8>> {
        let key = frame.pack.pack()?;
        super::inflate(packed, format::UNIT)
            .map_err(|error| Problem::damaged(key.as_str(), format!("a frame cannot be decoded: {error}")))
    }

    /// A frame as it is in its pack, decrypted where such packs are encrypted in this vault.
    fn packed(&self, frame: &Frame, sealed: bool) -> Result<Vec<u8>> {
        let key = frame.pack.pack()?;
        frame.check(&key)?;
        let length = frame.length as usize;
        match self.seal.as_ref().filter(|_| sealed) {
            Some(seal) => {
                seal.heads.read(&*self.store, &key, (frame.at, length), seal.opened()?).map_err(gone)
            }
            None => self.store.get_range(&key, frame.at, length).map_err(gone),
        }
    }

    /// How a new root of this volume is closed.
    ///
    /// # Errors
    /// As [`Vault::epoch`].
    pub(super) fn lid(&self, volume: &VolumeId) -> Result<Option<Lid>> {
        let epoch = self.epoch()?;
        let lid = |epoch: &Epoch| Lid {
            epoch: epoch.name.clone(),
            turn: self.epochs().and_then(|epochs| epochs.turn(&epoch.name)).unwrap_or(format::Turn::Later),
            stream: epoch.chunk_key.stream(volume),
            inside: Digest([0; 32]),
            is_open: true,
            is_named: true,
        };
        Ok(epoch.map(lid))
    }

    /// Notes what is inside a root that was just written.
    pub(super) fn remember(&self, inside: &RootContent) {
        if let Some(memory) = self.seal().and_then(Seal::memory) {
            memory.keep_point(&inside.code, &inside.bytes);
            memory.end(&inside.code);
        }
    }
}
