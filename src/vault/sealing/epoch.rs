//! What whoever copies holds: to whom it seals, and the key by which it tells stored chunks again.

use super::Recipient;
use crate::domain::{Kind, Problem, Result, VolumeId};
use crate::vault::format::{Chunk, Digest};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key under which chunks, volumes and roots are named in the clear, so that nobody can guess what a vault holds
/// from their digests.
#[derive(Clone)]
pub struct ChunkKey(Arc<Zeroizing<[u8; 32]>>);

impl fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl ChunkKey {
    /// A new key.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes)
            .map_err(|error| Problem::new(Kind::Io, format!("no randomness from the system: {error}")))?;
        Ok(Self(Arc::new(bytes)))
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).map(|digest| Self(Arc::new(Zeroizing::new(digest.0))))
    }

    /// The key as hexadecimal digits, for the one file that holds it.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(Digest(**self.0).to_string())
    }

    fn keyed(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else { return Digest([0; 32]) };
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        parts.iter().for_each(|part| mac.update(part));
        Digest(mac.finalize().into_bytes().into())
    }

    /// The name of a volume in the clear.
    pub fn stream(&self, volume: &VolumeId) -> Digest {
        self.keyed("volume", &[volume.0.as_bytes()])
    }

    /// What says that bytes of this purpose come from somebody who holds the key.
    pub fn code(&self, purpose: &str, bytes: &[u8]) -> Digest {
        self.keyed(purpose, &[bytes])
    }
}

/// How chunks are named in sidecars: by their SHA-256 in a vault that is not encrypted, otherwise by a keyed one.
#[derive(Debug, Clone, Default)]
pub struct Ids(Option<ChunkKey>);

impl Ids {
    /// Named under a key, or plainly.
    pub fn new(key: Option<ChunkKey>) -> Self {
        Self(key)
    }

    /// The name of what has this SHA-256.
    pub fn of(&self, digest: &Digest) -> Digest {
        self.0.as_ref().map_or(*digest, |key| key.keyed("chunk", &[&digest.0]))
    }

    /// The same of a chunk.
    pub fn chunk(&self, chunk: &Chunk) -> Chunk {
        Chunk(chunk.size(), self.of(&chunk.sha256()))
    }
}

/// One epoch, as whoever copies knows it. It opens nothing.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// The vault's identity.
    pub vault: String,
    /// Its name: 16 hexadecimal digits.
    pub name: String,
    /// To whom everything is sealed.
    pub recipient: Recipient,
    /// The key of names.
    pub chunk_key: ChunkKey,
}

const WORD: &str = "outlive-epoch-1";

impl Epoch {
    /// The line of the file that holds it.
    pub fn render(&self) -> Zeroizing<String> {
        let Self { vault, name, recipient, chunk_key } = self;
        Zeroizing::new(format!("{WORD} {vault} {name} {recipient} {}\n", chunk_key.reveal().as_str()))
    }

    /// Reads the text of such a file: comments, and one line.
    ///
    /// # Errors
    /// `Usage` for anything else; the text is in no message.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Problem::new(Kind::Usage, "an epoch key that is none").remedy(
                "name the file that `outlive vault init` wrote for the vault; a reader's identity is another thing",
            )
        };
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(wrong()) };
        let fields: Vec<&str> = line.split(' ').collect();
        let [WORD, vault, name, recipient, key] = fields[..] else { return Err(wrong()) };
        let recipient = Recipient::parse(recipient).ok_or_else(wrong)?;
        let chunk_key = ChunkKey::parse(key).ok_or_else(wrong)?;
        Ok(Self { vault: vault.into(), name: name.into(), recipient, chunk_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::sealing::NewEpoch;

    #[test]
    fn an_epoch_is_read_as_it_was_written_and_prints_no_key() {
        let epoch = NewEpoch::generate("0123", Vec::new()).unwrap().epoch;
        let text = epoch.render();
        let read = Epoch::parse(&format!("# a comment\n\n{}", text.as_str())).unwrap();
        assert_eq!(read.render(), text);
        assert!(!format!("{epoch:?}").contains(epoch.chunk_key.reveal().as_str()));
        for cut in 0..text.len() - 1 {
            assert!(Epoch::parse(&text[..cut]).is_err(), "{cut} bytes of an epoch key were taken");
        }
        assert!(Epoch::parse(&format!("{}{}", text.as_str(), text.as_str())).is_err());
    }

    #[test]
    fn names_differ_by_key_and_purpose() {
        let (one, other) = (ChunkKey::generate().unwrap(), ChunkKey::generate().unwrap());
        let digest = Digest::of(b"x");
        assert_eq!(Ids::default().of(&digest), digest);
        assert_ne!(Ids::new(Some(one.clone())).of(&digest), digest);
        assert_ne!(Ids::new(Some(one.clone())).of(&digest), Ids::new(Some(other)).of(&digest));
        assert_ne!(one.code("a", b"bc"), one.code("ab", b"c"));
    }
}
