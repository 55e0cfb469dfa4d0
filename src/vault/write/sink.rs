//! Where new pages go: into tree packs, unless they are stored already.

use super::super::format::{Chunk, Digest, Frame, PackKey, PackLine, PackRole, PageRef};
use super::super::index::Index;
use super::super::leftover::Prover;
use super::super::pack::PackWriter;
use super::super::repair::Spare;
use super::super::tree::PageSink;
use crate::domain::{Kind, Problem, Result};
use crate::vault::Vault;
use crate::vault::sealing::{Memory, Seal};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

/// Writes pages, and notes the packs that hold them.
pub struct TreeSink<'a> {
    packs: PackWriter,
    index: &'a RwLock<Index>,
    prover: Prover<'a>,
    used: BTreeSet<PackKey>,
    /// Where pages are remembered that cannot be read from the vault here.
    memory: Option<&'a Memory>,
    /// While a vault is repaired: where pages go that its packs lack.
    spare: Option<&'a Spare>,
}

impl<'a> TreeSink<'a> {
    /// A sink for trees of entries and runs, whose packs carry the name of `run`.
    pub fn new(vault: &'a Vault, run: &str, index: &'a RwLock<Index>, prover: Prover<'a>) -> Self {
        let memory = vault.seal().and_then(Seal::memory);
        Self {
            packs: PackWriter::new(vault, run, PackRole::Tree),
            index,
            prover,
            used: BTreeSet::new(),
            memory,
            spare: vault.spare.as_deref(),
        }
    }

    /// The same for the list of packs.
    pub fn of_list(vault: &'a Vault, run: &str, index: &'a RwLock<Index>, prover: Prover<'a>) -> Self {
        let role = if vault.is_encrypted() { PackRole::List } else { PackRole::Tree };
        let packs = PackWriter::new(vault, run, role);
        Self { packs, index, prover, used: BTreeSet::new(), memory: None, spare: vault.spare.as_deref() }
    }

    /// Makes the pages durable: the packs written, and all packs that hold pages of this sink.
    pub fn finish(self) -> Result<(BTreeMap<PackKey, PackLine>, BTreeSet<PackKey>)> {
        Ok((self.packs.finish()?, self.used))
    }

    fn place(&mut self, page: &[u8], digest: Digest, size: u32) -> Result<Frame> {
        // The index is free again before a pack is decoded for the page.
        let found = self.index.read().unwrap_or_else(PoisonError::into_inner).find_page(&digest);
        if let Some((frame, _)) = found.and_then(|found| found.proved(self.prover)) {
            return Ok(frame);
        }
        let packed = zstd::bulk::compress(page, 3)
            .map_err(|error| Problem::new(Kind::Internal, format!("cannot compress a page: {error}")))?;
        let frame = self.packs.append(&packed, vec![Chunk(size, digest)])?;
        self.index.write().unwrap_or_else(PoisonError::into_inner).insert_page(digest, frame.clone());
        Ok(frame)
    }
}

impl PageSink for TreeSink<'_> {
    fn store(&mut self, page: &[u8], level: u8) -> Result<PageRef> {
        let bytes =
            u32::try_from(page.len()).map_err(|_| Problem::new(Kind::Internal, "a page is too long"))?;
        let sha256 = Digest::of(page);
        if let Some(memory) = self.memory {
            memory.keep_page(&sha256, page);
        }
        let frame = self.place(page, sha256, bytes)?;
        if let Some(spare) = self.spare {
            spare.keep(&frame.pack, sha256, page);
        }
        self.used.insert(frame.pack.clone());
        Ok(PageRef { frame, bytes, sha256, level })
    }
}
