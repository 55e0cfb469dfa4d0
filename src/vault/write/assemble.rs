//! Assembling hashed work, in order, into packs and trees.

use super::early::{Early, EarlyReader};
use super::sink::TreeSink;
use super::work::{Done, DoneStep};
use super::{note_missed, unexpected};
use crate::domain::Result;
use crate::vault::Vault;
use crate::vault::format::{
    Chunk, Content, Digest, Entry, EntryKind, Frame, Missed, PackKey, PackLine, PackRole, PageKind, PageRef,
    Run, Totals,
};
use crate::vault::index::{Index, PackTable};
use crate::vault::leftover::Prover;
use crate::vault::pack::PackWriter;
use crate::vault::tree::TreeBuilder;
use crossbeam_channel::Receiver;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

/// Runs kept within an entry; a file with more gets pages of its own.
const INLINE_RUNS: usize = 64;
/// Extended attributes of one entry, names and base64 values together, at most; in bytes.
const MOST_ATTRIBUTES: usize = 1024 * 1024;
/// A page of runs ends where the file crosses a multiple of this, so that pages keep their place.
const REGION: u64 = 64 * 1024 * 1024;

/// Everything of a recovery point but its root.
pub struct Assembled {
    pub totals: Totals,
    pub missed: Vec<Missed>,
    pub entries: PageRef,
    pub packs_page: PageRef,
    pub list_packs: Vec<PackLine>,
    pub packs: Vec<PackLine>,
    /// The packs among them that were written for it.
    pub new: BTreeSet<PackKey>,
    /// What of them was read back already.
    pub early: Early,
    pub written_bytes: u64,
}

/// Builds a recovery point from work that comes in any order and is taken in its own.
pub struct Assembler<'a> {
    vault: &'a Vault,
    run: &'a str,
    index: &'a RwLock<Index>,
    prover: Prover<'a>,
    held: PackTable,
    data: PackWriter,
    early: Option<EarlyReader>,
    pages: TreeSink<'a>,
    tree: TreeBuilder,
    open: Option<OpenEntry>,
    used: BTreeSet<PackKey>,
    totals: Totals,
    missed: Vec<Missed>,
}

struct OpenEntry {
    entry: Box<Entry>,
    runs: Vec<Run>,
    spilled: Option<TreeBuilder>,
}

impl<'a> Assembler<'a> {
    /// An empty point. `held` are the packs that may be referred to.
    pub fn new(
        vault: &'a Vault,
        run: &'a str,
        index: &'a RwLock<Index>,
        prover: Prover<'a>,
        held: PackTable,
    ) -> Self {
        Self {
            vault,
            run,
            index,
            prover,
            held,
            data: PackWriter::new(vault, run, PackRole::Data),
            early: None,
            pages: TreeSink::new(vault, run, index, prover),
            tree: TreeBuilder::new(PageKind::Entries),
            open: None,
            used: BTreeSet::new(),
            totals: Totals::default(),
            missed: Vec::new(),
        }
    }

    /// The same, where packs of content are read back while more is written.
    pub fn reading_early(self) -> Self {
        let early = EarlyReader::begin(self.vault);
        Self { data: self.data.telling(early.lines()), early: Some(early), ..self }
    }

    /// Takes results until there are no more, and makes room for another unit with each that it took in its order.
    ///
    /// # Errors
    /// What a worker or the store said; then the rest is left.
    pub fn run(&mut self, results: &Receiver<(u64, Result<Done>)>, room: &Receiver<()>) -> Result<()> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (number, done) in results {
            waiting.insert(number, done?);
            while let Some(done) = waiting.remove(&next) {
                self.take(done)?;
                next += 1;
                let _ = room.try_recv();
            }
        }
        if waiting.is_empty() { Ok(()) } else { Err(unexpected()) }
    }

    /// Takes one result, the next in order.
    ///
    /// # Errors
    /// What the store said.
    pub fn take(&mut self, done: Done) -> Result<()> {
        let own = match done.frame {
            Some((packed, chunks)) => {
                self.totals.new_pack_bytes += packed.len() as u64;
                let frame = self.data.append(&packed, chunks.clone())?;
                self.index.write().unwrap_or_else(PoisonError::into_inner).insert(&frame, &chunks);
                Some(frame)
            }
            None => None,
        };
        for step in done.steps {
            match step {
                DoneStep::Open(entry) => {
                    self.open = Some(OpenEntry { entry, runs: Vec::new(), spilled: None })
                }
                DoneStep::Known { offset, frame, skip, chunk } => {
                    self.add_chunk(offset, frame, skip, chunk)?
                }
                DoneStep::New { offset, skip, chunk } => {
                    let frame = own.clone().ok_or_else(unexpected)?;
                    self.add_chunk(offset, frame, skip, chunk)?;
                }
                DoneStep::Kept(run) => self.add_run(run)?,
                DoneStep::Close { size, unsettled } => self.close(size, unsettled)?,
                DoneStep::Abandon(missed) => {
                    self.open = None;
                    note_missed(&mut self.totals, &mut self.missed, missed);
                }
            }
        }
        Ok(())
    }

    /// Adds a chunk to the last run where it continues it, otherwise as a run of its own.
    fn add_chunk(&mut self, offset: u64, frame: Frame, skip: u32, chunk: Chunk) -> Result<()> {
        if let Some(last) = self.open.as_mut().and_then(|open| open.runs.last_mut()) {
            let size = last.size();
            let follows = last.offset + size == offset
                && last.frame == frame
                && u64::from(last.skip) + size == u64::from(skip)
                && last.offset / REGION == offset / REGION;
            if follows {
                last.chunks.push(chunk);
                return Ok(());
            }
        }
        self.add_run(Run { offset, frame, skip, chunks: vec![chunk] })
    }

    fn add_run(&mut self, run: Run) -> Result<()> {
        self.used.insert(run.frame.pack.clone());
        let open = self.open.as_mut().ok_or_else(unexpected)?;
        if open.spilled.is_some() || open.runs.len() >= INLINE_RUNS {
            let tree = open.spilled.get_or_insert_with(|| TreeBuilder::new(PageKind::Runs));
            // All but the last are complete; whether a page ends after one is known from the one after it.
            let mut waiting: Vec<Run> = std::mem::take(&mut open.runs);
            waiting.push(run);
            for pair in waiting.windows(2) {
                tree.push(&pair[0], pair[0].offset / REGION != pair[1].offset / REGION, &mut self.pages)?;
            }
            open.runs.extend(waiting.pop());
        } else {
            open.runs.push(run);
        }
        Ok(())
    }

    fn close(&mut self, size: u64, unsettled: bool) -> Result<()> {
        let OpenEntry { mut entry, runs, spilled } = self.open.take().ok_or_else(unexpected)?;
        entry.content = match spilled {
            Some(mut tree) => {
                for run in &runs {
                    tree.push(run, false, &mut self.pages)?;
                }
                Some(Content::Pages(tree.finish(&mut self.pages)?))
            }
            None => (!runs.is_empty()).then_some(Content::Runs(runs)),
        };
        entry.size = size;
        entry.unsettled = unsettled;
        self.refuse_huge_attributes(&mut entry);
        self.totals.entries += 1;
        self.totals.unsettled += u64::from(unsettled);
        if entry.kind == EntryKind::File {
            self.totals.files += 1;
            self.totals.bytes = self.totals.bytes.saturating_add(size);
        }
        let ends_page = Digest::of(entry.path.as_bytes()).0[31] == 0;
        self.tree.push(&*entry, ends_page, &mut self.pages)
    }

    /// A page has room for an entry with attributes of a megabyte, and no reader takes a larger page. What
    /// has more is stored without them, and the point is incomplete.
    fn refuse_huge_attributes(&mut self, entry: &mut Entry) {
        let bytes: usize = entry.meta.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MOST_ATTRIBUTES {
            entry.meta.xattrs.clear();
            let because =
                format!("its extended attributes, {bytes} bytes in base64, are more than this format stores");
            note_missed(&mut self.totals, &mut self.missed, Missed { path: entry.path.clone(), because });
        }
    }

    /// Makes all packs durable and writes the list of what the point needs.
    ///
    /// # Errors
    /// What the store said.
    pub fn finish(mut self) -> Result<Assembled> {
        let entries = self.tree.finish(&mut self.pages)?;
        let mut known = self.held;
        let mut new = self.data.finish()?;
        let (new_pages, page_packs) = self.pages.finish()?;
        new.extend(new_pages);
        known.extend(new.clone());
        self.used.extend(page_packs);
        let line_of = |pack: &PackKey| known.get(pack).cloned().ok_or_else(unexpected);
        let mut sink = TreeSink::of_list(self.vault, self.run, self.index, self.prover);
        let mut list = TreeBuilder::new(PageKind::Packs);
        for pack in &self.used {
            let line = line_of(pack)?;
            list.push(&line, line.sha256.0[31].is_multiple_of(64), &mut sink)?;
        }
        let packs_page = list.finish(&mut sink)?;
        let (list_new, list_used) = sink.finish()?;
        new.extend(list_new.clone());
        let line_of =
            |pack: &PackKey| list_new.get(pack).or_else(|| known.get(pack)).cloned().ok_or_else(unexpected);
        let list_packs = list_used.iter().map(line_of).collect::<Result<Vec<_>>>()?;
        let all: BTreeSet<PackKey> = self.used.union(&list_used).cloned().collect();
        let packs = all.iter().map(line_of).collect::<Result<Vec<_>>>()?;
        let written_bytes = new.values().map(|line| line.bytes + line.sidecar_bytes).sum();
        let (totals, missed) = (self.totals, self.missed);
        let new = new.into_keys().collect();
        let early = self.early.map(EarlyReader::finish).unwrap_or_default();
        Ok(Assembled { totals, missed, entries, packs_page, list_packs, packs, new, early, written_bytes })
    }
}
