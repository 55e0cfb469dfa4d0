//! What a vault already holds: packs, and where chunks are. A cache in memory, made anew for each copy.

use super::check_pack::decode_pack;
use super::format::{
    Chunk, Digest, Frame, MAX_OBJECT, PackKey, PackLine, PackRole, ROOTS, SIDECARS, Sidecar,
};
use super::parallel::in_parallel;
use super::readback::Present;
use super::roots::FoundRoot;
use super::tree::Lines;
use super::{Vault, format::PageKind};
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
use crate::store::Key;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Data chunks remembered at most: 64 bytes each. More is not needed to be right, only to send less.
const MOST_CHUNKS: usize = 400_000;

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pack: u32,
    at: u64,
    length: u32,
    skip: u32,
    size: u32,
}

/// Where known chunks are.
#[derive(Debug, Default)]
pub struct Index {
    packs: Vec<PackKey>,
    numbers: HashMap<PackKey, u32>,
    chunks: HashMap<Digest, Place>,
    /// Pages by their digest. A page is alone in its frame, so content is never taken for one.
    pages: HashMap<Digest, Frame>,
}

impl Index {
    /// The frame of a chunk that is stored already, and where in the decoded frame it begins.
    pub fn find(&self, chunk: &Chunk) -> Option<(Frame, u32)> {
        let place = self.chunks.get(&chunk.sha256()).filter(|place| place.size == chunk.size())?;
        let pack = self.packs.get(place.pack as usize)?.clone();
        Some((Frame { pack, at: place.at, length: place.length }, place.skip))
    }

    /// Remembers the chunks of a frame, as far as there is room.
    pub fn insert(&mut self, frame: &Frame, chunks: &[Chunk]) {
        let pack = match self.numbers.get(&frame.pack) {
            Some(number) => *number,
            None => {
                let Ok(number) = u32::try_from(self.packs.len()) else { return };
                self.packs.push(frame.pack.clone());
                self.numbers.insert(frame.pack.clone(), number);
                number
            }
        };
        let mut skip = 0;
        for chunk in chunks {
            if self.chunks.len() < MOST_CHUNKS {
                let place = Place { pack, at: frame.at, length: frame.length, skip, size: chunk.size() };
                self.chunks.entry(chunk.sha256()).or_insert(place);
            }
            skip += chunk.size();
        }
    }

    /// The frame of a page that is stored already.
    pub fn find_page(&self, digest: &Digest) -> Option<Frame> {
        self.pages.get(digest).cloned()
    }

    /// Remembers a page.
    pub fn insert_page(&mut self, digest: Digest, frame: Frame) {
        self.pages.entry(digest).or_insert(frame);
    }

    fn add_sidecar(&mut self, sidecar: &Sidecar) {
        for frame in &sidecar.frames {
            let place = Frame { pack: sidecar.header.pack.clone(), at: frame.at, length: frame.length };
            match (sidecar.header.role, frame.chunks.as_slice()) {
                (PackRole::Data, chunks) => self.insert(&place, chunks),
                (PackRole::Tree, [page]) => self.insert_page(page.sha256(), place),
                (PackRole::Tree, _) => {}
            }
        }
    }

    fn is_full(&self) -> bool {
        self.chunks.len() >= MOST_CHUNKS
    }
}

/// The packs of a recovery point by name.
pub type PackTable = BTreeMap<PackKey, PackLine>;

/// What a new copy may build on.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Packs that may be referred to.
    pub packs: PackTable,
    /// Packs of the parent point: a copy made on a point that was read back need not read these again.
    pub of_parent: BTreeSet<PackKey>,
    /// Where their chunks are.
    pub index: Index,
}

/// Reads the list of packs that a point needs.
///
/// # Errors
/// `Damaged`, naming the object, where the list is not what was written or says two things of one pack; otherwise
/// what the store said.
pub fn packs_of(vault: &Vault, found: &FoundRoot) -> Result<PackTable> {
    let mut table = PackTable::new();
    let listed = Lines::<PackLine>::new(vault, PageKind::Packs, &found.root.packs);
    for line in found.root.list_packs.iter().cloned().map(Ok).chain(listed) {
        let line = line?;
        if table.get(&line.pack).is_some_and(|before| *before != line) {
            let what = format!("says two things of packs/{}", super::safe(&line.pack.0));
            return Err(Problem::damaged(found.key.as_str(), what));
        }
        table.insert(line.pack.clone(), line);
    }
    Ok(table)
}

impl Holdings {
    /// Gathers what the parent point needs, and what runs left that were stopped before their root.
    /// Packs in `avoid` are never built on, nor are packs whose sidecar cannot be read or says what they do
    /// not hold.
    ///
    /// # Errors
    /// When the store cannot be listed, or the user stops it.
    pub fn gather(
        vault: &Vault,
        parent: Option<&FoundRoot>,
        avoid: &BTreeSet<PackKey>,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut holdings = Self::default();
        // What the parent says of a pack is not said anew in other words.
        let mut not_adopted = avoid.clone();
        if let Some(parent) = parent
            && let Ok(packs) = packs_of(vault, parent)
        {
            not_adopted.extend(packs.keys().cloned());
            holdings.packs = packs;
            let present = Present::list(vault)?;
            holdings.packs.retain(|pack, line| !avoid.contains(pack) && present.check(line).is_ok());
        }
        holdings.of_parent = holdings.packs.keys().cloned().collect();
        let mut lines: Vec<PackLine> = holdings.packs.values().cloned().collect();
        // Pages first: they are few, and they are what keeps an unchanged copy small.
        lines.sort_by_key(|line| matches!(line.role, PackRole::Data));
        for line in lines {
            if holdings.index.is_full() && line.role == PackRole::Data {
                break;
            }
            if let Ok(sidecar) = vault.sidecar(&line) {
                holdings.index.add_sidecar(&sidecar);
            }
        }
        holdings.adopt_unfinished(vault, &not_adopted, monitor)?;
        Ok(holdings)
    }

    /// Adds the packs of runs that have no root: their chunks arrived, so they are not sent again. No root
    /// vouches for their sidecars, so that each pack is decoded first, and must be what its sidecar says.
    fn adopt_unfinished(
        &mut self,
        vault: &Vault,
        not_adopted: &BTreeSet<PackKey>,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let run_of = |key: &Key| key.name().split('-').nth(1).unwrap_or_default().to_owned();
        let finished: BTreeSet<String> =
            vault.store().list(ROOTS)?.iter().map(|root| run_of(&root.key)).collect();
        let sidecars = vault.store().list(SIDECARS)?.into_iter();
        let packs = sidecars.map(|listed| PackKey(listed.key.name().into())).filter(|pack| {
            let run = pack.0.split('-').next().unwrap_or_default();
            !finished.contains(run) && !not_adopted.contains(pack)
        });
        let packs: Vec<PackKey> = packs.collect();
        if packs.is_empty() {
            return Ok(());
        }
        monitor.begin(Phase::Verify, None);
        let adopted = packs.chunks(TOGETHER).try_for_each(|some| self.adopt(vault, some, monitor));
        monitor.end();
        adopted
    }

    fn adopt(&mut self, vault: &Vault, packs: &[PackKey], monitor: &dyn Monitor) -> Result<()> {
        if self.index.is_full() {
            return Ok(());
        }
        let read = in_parallel(packs, |pack| match unfinished_pack(vault, pack, monitor) {
            Err(problem) if problem.kind == Kind::Cancelled => Err(problem),
            // Whatever is wrong with it, the copy does without it.
            other => Ok(other.ok()),
        });
        for (line, sidecar) in read?.into_iter().flatten() {
            self.index.add_sidecar(&sidecar);
            self.packs.insert(line.pack.clone(), line);
        }
        Ok(())
    }
}

/// Packs without a root that are decoded before their sidecars are let go of.
const TOGETHER: usize = 4;

/// A pack that no root names, as its own sidecar describes it: with every frame decoded to that.
fn unfinished_pack(vault: &Vault, pack: &PackKey, monitor: &dyn Monitor) -> Result<(PackLine, Sidecar)> {
    let bytes = vault.store().get_bytes(&pack.sidecar()?, MAX_OBJECT)?;
    let sidecar = Sidecar::open(pack, &bytes)?;
    let line = PackLine {
        pack: pack.clone(),
        role: sidecar.header.role,
        bytes: sidecar.header.bytes,
        sha256: sidecar.header.sha256,
        sidecar_bytes: bytes.len() as u64,
        sidecar_sha256: Digest::of(&bytes),
    };
    decode_pack(vault, &line, &sidecar, monitor)?;
    Ok((line, sidecar))
}
