//! A part of a sealed object: its header once, and only the blocks around what is asked for.

use super::Opened;
use crate::domain::{Problem, Result};
use crate::store::{Key, Store};
use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

/// A block of an age file: so many bytes inside, and so many in the file.
const INSIDE: u64 = 64 * 1024;
const TAG: u64 = 16;
const BLOCK: u64 = INSIDE + TAG;
/// After the header's last line come so many bytes.
const NONCE: u64 = 16;
/// A header for one reader has some 250 bytes; what is longer was not written by us.
const MOST_HEADER: u64 = 4096;
/// Headers that are remembered at most.
const MOST_HEADS: usize = 50_000;

/// The beginning of a sealed object, and how long the whole is.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    size: u64,
}

/// Headers that were read: objects never change.
#[derive(Debug, Default)]
pub struct Heads(Mutex<HashMap<Key, Arc<Head>>>);

impl Heads {
    /// The header of an object.
    ///
    /// # Errors
    /// `Damaged` where it has none; what the store said.
    pub fn of(&self, store: &dyn Store, key: &Key) -> Result<Arc<Head>> {
        if let Some(head) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(head.clone());
        }
        let damaged = |what: &str| Problem::damaged(key.as_str(), what);
        let size =
            store.size(key)?.ok_or_else(|| damaged("gone: a recovery point needs it and it is not there"))?;
        let first = usize::try_from(size.min(MOST_HEADER)).unwrap_or(0);
        let mut bytes = store.get_range(key, 0, first)?;
        let end = header_end(&bytes).ok_or_else(|| damaged("is not encrypted as this format encrypts"))?;
        bytes.truncate(end);
        let head = Arc::new(Head { bytes, size });
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heads.len() < MOST_HEADS {
            heads.insert(key.clone(), head.clone());
        }
        Ok(head)
    }

    /// Reads `length` bytes from `at` on, as they are inside.
    ///
    /// # Errors
    /// `Damaged` where the object does not hold them, or was not sealed in this epoch; what the store said.
    pub fn read(
        &self,
        store: &dyn Store,
        key: &Key,
        (at, length): (u64, usize),
        opened: &Opened,
    ) -> Result<Vec<u8>> {
        let head = self.of(store, key)?;
        let damaged = |what: &str| Problem::damaged(key.as_str(), what.to_owned());
        let end = at.checked_add(length as u64).filter(|end| *end <= head.inside());
        let end = end.ok_or_else(|| damaged("ends too early"))?;
        if length == 0 {
            return Ok(Vec::new());
        }
        let (first, last) = (at / INSIDE, (end - 1) / INSIDE);
        let from = head.bytes.len() as u64 + first * BLOCK;
        let to = (head.bytes.len() as u64 + (last + 1) * BLOCK).min(head.size);
        let span = usize::try_from(to - from).map_err(|_| damaged("ends too early"))?;
        let span = Span { head: head.clone(), from, bytes: store.get_range(key, from, span)?, at: 0 };
        let failed = |error: io::Error| {
            damaged(&format!("cannot be decrypted: {}", super::super::safe(&error.to_string())))
        };
        let decryptor = age::Decryptor::new(span).map_err(|error| {
            damaged(&format!("cannot be decrypted: {}", super::super::safe(&error.to_string())))
        })?;
        let mut reader = decryptor.decrypt(opened.identities()).map_err(|error| {
            damaged(&format!("cannot be decrypted: {}", super::super::safe(&error.to_string())))
        })?;
        // To go to the beginning of a block makes the library read the end of the file first; one byte on, it does not.
        if at.is_multiple_of(INSIDE) {
            reader.seek(SeekFrom::Start(at + 1)).map_err(failed)?;
        }
        reader.seek(SeekFrom::Start(at)).map_err(failed)?;
        let mut inside = vec![0; length];
        reader.read_exact(&mut inside).map_err(failed)?;
        Ok(inside)
    }
}

impl Head {
    /// How many bytes are inside.
    fn inside(&self) -> u64 {
        let blocks = self.size.saturating_sub(self.bytes.len() as u64);
        blocks.saturating_sub(blocks.div_ceil(BLOCK) * TAG)
    }
}

/// Whether a header is no longer than one for a few readers: the library takes any length, and time without end for it.
pub fn has_short_header(sealed: &[u8]) -> bool {
    let first = &sealed[..sealed.len().min(MOST_HEADER as usize)];
    header_end(first).is_some()
}

/// Where the blocks begin: after the line with the header's MAC, and the nonce.
fn header_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line.starts_with(b"--- ") && line.ends_with(b"\n") {
            let end = at + usize::try_from(NONCE).ok()?;
            return (end <= bytes.len()).then_some(end);
        }
    }
    None
}

/// An object of which only the header and some blocks are here.
struct Span {
    head: Arc<Head>,
    from: u64,
    bytes: Vec<u8>,
    at: u64,
}

impl Read for Span {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.bytes.len() as u64;
        let (bytes, from) = if self.at < head { (&self.head.bytes, 0) } else { (&self.bytes, self.from) };
        let start = self.at.checked_sub(from).and_then(|start| usize::try_from(start).ok());
        let rest = start.and_then(|start| bytes.get(start..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for Span {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.head.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Identities, NewEpoch, Recipient, opened_by, seal};
    use super::*;
    use crate::store::MemoryStore;

    fn opened() -> (Recipient, Opened) {
        let reader = age::x25519::Identity::generate();
        let identities =
            Identities::parse(age::secrecy::ExposeSecret::expose_secret(&reader.to_string())).unwrap();
        let to = Recipient::parse(&reader.to_public().to_string()).unwrap();
        let new = NewEpoch::generate("vault", vec![to]).unwrap();
        let opened =
            opened_by(&identities, "keys/x", &new.keys[0].bytes, ("x", &new.epoch.recipient)).unwrap();
        (new.epoch.recipient, Opened::from_iter([opened]))
    }

    #[test]
    fn any_part_of_a_sealed_object_is_what_it_is_of_the_whole() {
        let (recipient, opened) = opened();
        let block = INSIDE as usize;
        for size in [1, block - 1, block, block + 1, 2 * block, 3 * block + 77] {
            let plain: Vec<u8> = (0..size).map(|at| (at * 7 + at / 251) as u8).collect();
            let store = MemoryStore::default();
            let key = Key::new(format!("packs/{size}")).unwrap();
            (&store as &dyn Store).put_bytes(&key, &seal(&recipient, &plain).unwrap()).unwrap();
            let heads = Heads::default();
            let edges = [0, 1, block - 1, block, block + 1, 2 * block - 1, 2 * block, size - 1, size];
            for at in edges.into_iter().filter(|at| *at <= size) {
                for end in edges.into_iter().filter(|end| (at..=size).contains(end)) {
                    let read = heads.read(&store, &key, (at as u64, end - at), &opened).unwrap();
                    assert!(read == plain[at..end], "{at} to {end} of {size}");
                }
                let beyond = heads.read(&store, &key, (at as u64, size - at + 1), &opened);
                assert_eq!(beyond.unwrap_err().kind, crate::domain::Kind::Damaged);
            }
        }
    }

    #[test]
    fn what_was_cut_spoilt_or_sealed_by_others_is_damage_and_no_panic() {
        let (recipient, opened) = opened();
        let (_, other) = self::opened();
        let plain = vec![7; INSIDE as usize + 100];
        let sealed = seal(&recipient, &plain).unwrap();
        let read = |bytes: &[u8], opened: &Opened| {
            let store = MemoryStore::default();
            let key = Key::new("packs/x").unwrap();
            (&store as &dyn Store).put_bytes(&key, bytes).unwrap();
            Heads::default().read(&store, &key, (INSIDE - 50, 120), opened)
        };
        assert_eq!(read(&sealed, &opened).unwrap(), vec![7; 120]);
        assert!(read(&sealed, &other).is_err());
        for cut in (0..sealed.len()).step_by(977).chain(sealed.len() - 30..sealed.len()) {
            assert!(read(&sealed[..cut], &opened).is_err(), "cut to {cut}");
        }
        for at in (0..sealed.len()).step_by(499) {
            let mut spoilt = sealed.clone();
            spoilt[at] ^= 1;
            // A first block that is not asked for may be spoilt unseen; nothing else.
            let read = read(&spoilt, &opened);
            assert!(read.is_err() || read.unwrap() == vec![7; 120], "bit of byte {at}");
        }
    }
}
