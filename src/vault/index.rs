//! What a vault already holds: packs, and where chunks are. A cache in memory, made anew for each copy.

use super::format::{Chunk, Digest, Frame, PackKey, PackLine, PackRole, Sidecar};
use super::leftover::{Leftover, Prover, Wanted, each_leftover};
use super::present::{Present, agree};
use super::roots::FoundRoot;
use super::sealing::Ids;
use super::tree::Lines;
use super::{Vault, format::PageKind};
use crate::domain::{Monitor, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::sync::{Arc, PoisonError};

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
    /// How chunks and pages are named here: as in sidecars.
    ids: Ids,
    packs: Vec<PackKey>,
    numbers: HashMap<PackKey, u32>,
    chunks: HashMap<Digest, Place>,
    /// Pages by their digest. A page is alone in its frame, so content is never taken for one.
    pages: HashMap<Digest, Frame>,
    /// The packs among them that nothing vouches for yet.
    leftovers: HashMap<PackKey, Arc<Leftover>>,
}

/// Something that may be stored already.
#[derive(Debug)]
pub struct Found {
    frame: Frame,
    skip: u32,
    leftover: Option<Arc<Leftover>>,
}

impl Found {
    /// The frame, and where in the decoded frame the bytes begin, where its pack holds what it is said to. What a
    /// stopped run left is decoded for that: not while the index is locked.
    pub fn proved(self, prover: Prover<'_>) -> Option<(Frame, u32)> {
        let holds = self.leftover.is_none_or(|leftover| prover.holds(&leftover));
        holds.then_some((self.frame, self.skip))
    }
}

impl Index {
    /// An empty one.
    fn named(ids: Ids) -> Self {
        Self { ids, ..Self::default() }
    }

    /// What these sidecars say.
    pub(super) fn of<'s>(ids: Ids, sidecars: impl Iterator<Item = &'s Sidecar>) -> Self {
        let mut index = Self::named(ids);
        sidecars.for_each(|sidecar| index.add_sidecar(sidecar));
        index
    }

    /// Where a chunk is stored already, or is said to be.
    pub fn find(&self, chunk: &Chunk) -> Option<Found> {
        let place =
            self.chunks.get(&self.ids.of(&chunk.sha256())).filter(|place| place.size == chunk.size())?;
        let pack = self.packs.get(place.pack as usize)?.clone();
        Some(self.found(Frame { pack, at: place.at, length: place.length }, place.skip))
    }

    fn found(&self, frame: Frame, skip: u32) -> Found {
        let leftover = self.leftovers.get(&frame.pack).cloned();
        Found { frame, skip, leftover }
    }

    /// Remembers the chunks of a frame, as far as there is room. What nothing vouches for gives way.
    pub fn insert(&mut self, frame: &Frame, chunks: &[Chunk]) {
        let named: Vec<Chunk> = chunks.iter().map(|chunk| self.ids.chunk(chunk)).collect();
        self.insert_named(frame, &named);
    }

    /// The same of chunks that are named as in sidecars.
    fn insert_named(&mut self, frame: &Frame, chunks: &[Chunk]) {
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
                let unproved = |place: &Place| {
                    let pack = self.packs.get(place.pack as usize);
                    pack.is_some_and(|pack| is_unproved(&self.leftovers, pack))
                };
                match self.chunks.entry(chunk.sha256()) {
                    hash_map::Entry::Occupied(known) if !unproved(known.get()) => {}
                    other => drop(other.insert_entry(place)),
                }
            }
            skip += chunk.size();
        }
    }

    /// Where a page is stored already, or is said to be.
    pub fn find_page(&self, digest: &Digest) -> Option<Found> {
        self.pages.get(&self.ids.of(digest)).map(|frame| self.found(frame.clone(), 0))
    }

    /// Remembers a page. What nothing vouches for gives way.
    pub fn insert_page(&mut self, digest: Digest, frame: Frame) {
        self.insert_named_page(self.ids.of(&digest), frame);
    }

    fn insert_named_page(&mut self, digest: Digest, frame: Frame) {
        match self.pages.entry(digest) {
            hash_map::Entry::Occupied(known) if !is_unproved(&self.leftovers, &known.get().pack) => {}
            other => drop(other.insert_entry(frame)),
        }
    }

    fn add_sidecar(&mut self, sidecar: &Sidecar) {
        for frame in &sidecar.frames {
            let place = Frame { pack: sidecar.header.pack.clone(), at: frame.at, length: frame.length };
            match (sidecar.header.role, frame.chunks.as_slice()) {
                (PackRole::Data, chunks) => self.insert_named(&place, chunks),
                (PackRole::Tree | PackRole::List, [page]) => self.insert_named_page(page.sha256(), place),
                (PackRole::Tree | PackRole::List, _) => {}
            }
        }
    }

    /// Remembers what a pack is said to hold, unless it is known to be elsewhere.
    fn add_leftover(&mut self, leftover: Leftover, sidecar: &Sidecar) -> Wanted {
        self.leftovers.insert(leftover.line().pack.clone(), Arc::new(leftover));
        self.add_sidecar(sidecar);
        if self.is_full() { Wanted::Enough } else { Wanted::More }
    }

    fn is_full(&self) -> bool {
        self.chunks.len() >= MOST_CHUNKS
    }
}

fn is_unproved(leftovers: &HashMap<PackKey, Arc<Leftover>>, pack: &PackKey) -> bool {
    leftovers.get(pack).is_some_and(|leftover| !leftover.is_proved())
}

/// The packs of a recovery point by name.
pub type PackTable = BTreeMap<PackKey, PackLine>;

/// What a new copy may build on.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Packs of the parent point: a copy made on a point that was read back need not read these again.
    pub of_parent: PackTable,
    /// Packs that runs left which were stopped: they may be referred to once they are decoded.
    pub left: PackTable,
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
        agree(found, table.get(&line.pack), &line)?;
        table.insert(line.pack.clone(), line);
    }
    Ok(table)
}

/// Lines of packs that are remembered at most, of all points together: some 200 bytes each.
const MOST_LINES: usize = 150_000;

/// Lists of packs that were read. A point's list never changes, so a second look costs nothing.
#[derive(Debug, Default)]
pub(super) struct Tables {
    known: HashMap<Digest, Arc<PackTable>>,
    lines: usize,
}

/// The same list, from memory where this vault has given it before.
///
/// # Errors
/// As [`packs_of`].
pub fn packs_known(vault: &Vault, found: &FoundRoot) -> Result<Arc<PackTable>> {
    let tables = || vault.tables.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(table) = tables().known.get(&found.id) {
        return Ok(table.clone());
    }
    let table = Arc::new(packs_of(vault, found)?);
    let mut tables = tables();
    if tables.lines + table.len() <= MOST_LINES {
        tables.lines += table.len();
        tables.known.insert(found.id, table.clone());
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
        let mut holdings = Self { index: Index::named(vault.ids()), ..Self::default() };
        // What the parent says of a pack is not said anew in other words.
        let mut not_adopted = avoid.clone();
        if let Some(parent) = parent
            && let Ok(packs) = packs_of(vault, parent)
        {
            not_adopted.extend(packs.keys().cloned());
            holdings.of_parent = packs;
            let present = Present::of(vault, holdings.of_parent.values())?;
            holdings.of_parent.retain(|pack, line| !avoid.contains(pack) && present.check(line).is_ok());
        }
        let mut lines: Vec<PackLine> = holdings.of_parent.values().cloned().collect();
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
        if !holdings.index.is_full() {
            let Self { left, index, .. } = &mut holdings;
            each_leftover(vault, &not_adopted, monitor, |leftover, sidecar| {
                left.insert(leftover.line().pack.clone(), leftover.line().clone());
                index.add_leftover(leftover, sidecar)
            })?;
        }
        Ok(holdings)
    }
}
