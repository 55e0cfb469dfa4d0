//! How objects refer to the bytes of others: packs, frames, chunks, pages.

use super::{Digest, MAX_FRAME};
use crate::domain::{Problem, Result};
use crate::store::Key;
use serde::{Deserialize, Serialize};

/// The name of a pack: the run that wrote it, then randomness; `packs/<name>` holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackKey(pub std::sync::Arc<str>);

impl PackKey {
    /// Where the pack is.
    ///
    /// # Errors
    /// `Damaged` where the name makes no key.
    pub fn pack(&self) -> Result<Key> {
        Key::new(format!("{}/{}", super::PACKS, self.0))
    }

    /// Where its sidecar is.
    ///
    /// # Errors
    /// `Damaged` where the name makes no key.
    pub fn sidecar(&self) -> Result<Key> {
        Key::new(format!("{}/{}", super::SIDECARS, self.0))
    }
}

/// What a pack holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackRole {
    /// File and image content.
    Data,
    /// Pages of trees.
    Tree,
    /// In an encrypted vault: pages of lists of packs, which are not encrypted, so that locks can be kept and bytes compared
    /// by those who may not read.
    List,
}

/// One pack that a recovery point needs, with the digests that identify it and its sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackLine {
    /// Its name.
    pub pack: PackKey,
    /// What it holds.
    pub role: PackRole,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// The size of its sidecar, in bytes.
    pub sidecar_bytes: u64,
    /// The SHA-256 of its sidecar.
    pub sidecar_sha256: Digest,
}

/// A zstd frame within a pack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The pack.
    pub pack: PackKey,
    /// Where the frame begins in the pack, in bytes.
    pub at: u64,
    /// How long it is in the pack, in bytes.
    pub length: u32,
}

impl Frame {
    /// Refuses a frame that no pack can hold, before memory is set aside for it.
    ///
    /// # Errors
    /// `Damaged`, naming the pack.
    pub fn check(&self, pack: &Key) -> Result<()> {
        let end = i64::try_from(self.at).ok().and_then(|at| at.checked_add(i64::from(self.length)));
        if end.is_some() && self.length <= MAX_FRAME {
            Ok(())
        } else {
            Err(Problem::damaged(pack.as_str(), "a frame is larger than this format allows"))
        }
    }
}

/// A chunk: a stretch of content with its own digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk(pub u32, pub Digest);

impl Chunk {
    /// Its size, in bytes.
    pub fn size(&self) -> u32 {
        self.0
    }

    /// The SHA-256 of its bytes, as they were read at the source.
    pub fn sha256(&self) -> Digest {
        self.1
    }
}

/// Chunks that follow each other both in a file and in a decoded frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Where the first chunk belongs in the file, in bytes.
    pub offset: u64,
    /// The frame that holds them.
    #[serde(flatten)]
    pub frame: Frame,
    /// Where the first chunk begins in the decoded frame, in bytes.
    pub skip: u32,
    /// The chunks in order.
    pub chunks: Vec<Chunk>,
}

impl Run {
    /// How many bytes of the file the run covers.
    pub fn size(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.size())).sum()
    }

    /// The chunks with their offsets in the file and in the decoded frame.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, u32, Chunk)> + '_ {
        let mut done = 0;
        self.chunks.iter().map(move |chunk| {
            let piece = (self.offset.saturating_add(u64::from(done)), self.skip.saturating_add(done), *chunk);
            done = done.saturating_add(chunk.size());
            piece
        })
    }
}

/// A page of a tree: one frame of a tree pack, decoded to `bytes` bytes with the digest `sha256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRef {
    /// The frame.
    #[serde(flatten)]
    pub frame: Frame,
    /// The size of the page before compression, in bytes.
    pub bytes: u32,
    /// The SHA-256 of the page before compression.
    pub sha256: Digest,
    /// How many levels of pages lie below: 0 for a page of lines.
    pub level: u8,
}
