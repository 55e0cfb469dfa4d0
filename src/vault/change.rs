//! What changed from one recovery point to the next, told by their trees alone: equal pages are skipped, and no content is read.

use super::Vault;
use super::format::{Chunk, Content, Entry, EntryKind, Page, PageKind, PageRef, Run};
use super::line::Line;
use super::roots::FoundRoot;
use super::tree::runs;
use crate::domain::{ByteName, Kind, Problem, Result};
use serde::de::DeserializeOwned;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// What is kept in memory at most to compare two points: names, chunks and pages that differ, a few dozen bytes each.
const MOST_HELD: usize = 2_000_000;

/// So many entries, with the bytes of their files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// What is there now and was not before.
    pub added: Tally,
    /// What is otherwise than it was; its bytes are those of the chunks that were not in it before.
    pub changed: Tally,
    /// What was there before and is not now.
    pub removed: Tally,
    /// Regular files that were added, or whose content changed.
    pub files: u64,
    /// Regular files that were there before under a name that only lacks an ending.
    pub renamed: u64,
    /// The bytes that are new, as they were read.
    pub new_bytes: u64,
    /// About how many bytes these take in packs, compressed. What does not compress is compressed already, or encrypted.
    pub packed_bytes: u64,
}

/// Compares two points of one volume in one vault, entry by entry where their trees differ, so that memory stays small.
///
/// # Errors
/// `Refused` where one is encrypted and nothing here opens it, where too much differs, or where it is not done by `until`; `Damaged`; what
/// the store said.
pub fn change(vault: &Vault, before: &FoundRoot, now: &FoundRoot, until: Option<Instant>) -> Result<Change> {
    let (old, new) = (before.root.tree()?, now.root.tree()?);
    let mut reader = Reader { vault, left: MOST_HELD, until };
    let (old, new) = reader.differing(PageKind::Entries, old, new)?;
    let (mut old, mut new) = (Leaves::<Entry>::new(old), Leaves::<Entry>::new(new));
    let (mut was, mut is) = (old.next(&mut reader)?, new.next(&mut reader)?);
    let (mut sum, mut names) = (Sum::default(), Names::default());
    loop {
        let order = match (&was, &is) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => Entry::compare_paths(&was.path, &is.path),
        };
        let (mut before, mut now) = (None, None);
        if order != Ordering::Greater {
            before = std::mem::replace(&mut was, old.next(&mut reader)?);
        }
        if order != Ordering::Less {
            now = std::mem::replace(&mut is, new.next(&mut reader)?);
        }
        sum.add(before, now, &mut reader, &mut names)?;
    }
    let mut change = sum.change;
    change.renamed = names.renamed();
    (change.new_bytes, change.packed_bytes) = sum.frames.sums();
    Ok(change)
}

/// What was counted so far.
#[derive(Default)]
struct Sum {
    change: Change,
    frames: Frames,
}

impl Sum {
    /// An entry as it was and as it is.
    fn add(
        &mut self,
        was: Option<Entry>,
        now: Option<Entry>,
        reader: &mut Reader<'_>,
        names: &mut Names,
    ) -> Result<()> {
        let Self { change, frames } = self;
        match (was, now) {
            (Some(was), Some(now)) if is_same(&was, &now) => {}
            (Some(was), Some(now)) => {
                let bytes = reader.new_bytes(was.content.as_ref(), now.content.as_ref(), frames)?;
                change.changed.add(bytes);
                // What was made zeros has no new bytes, and is changed all the same.
                let differs =
                    was.size != now.size || !holds_the_same(was.content.as_ref(), now.content.as_ref());
                change.files += u64::from(now.kind == EntryKind::File && differs);
            }
            (None, Some(now)) => {
                reader.new_bytes(None, now.content.as_ref(), frames)?;
                change.added.add(now.size);
                if now.kind == EntryKind::File {
                    change.files += 1;
                    reader.hold(1)?;
                    names.came(&now.path);
                }
            }
            (Some(was), None) => {
                change.removed.add(was.size);
                reader.hold(1)?;
                names.went(&was.path);
            }
            (None, None) => {}
        }
        Ok(())
    }
}

/// Names that went and came, by hashes that nobody outside can foresee: all that is asked of them is how many became longer by an ending.
#[derive(Default)]
struct Names {
    hashes: RandomState,
    gone: HashSet<u64>,
    /// The new ones without their last ending.
    lacking: Vec<u64>,
}

impl Names {
    fn went(&mut self, path: &ByteName) {
        self.gone.insert(self.hashes.hash_one(path.as_bytes()));
    }

    fn came(&mut self, path: &ByteName) {
        let path = path.as_bytes();
        let dot = path.iter().rposition(|byte| *byte == b'.');
        self.lacking.extend(dot.map(|dot| self.hashes.hash_one(&path[..dot])));
    }

    fn renamed(&self) -> u64 {
        self.lacking.iter().filter(|lacking| self.gone.contains(lacking)).count() as u64
    }
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }
}

/// Whether a restore gives back the same.
fn is_same(one: &Entry, other: &Entry) -> bool {
    (one.kind, &one.meta, one.size, &one.target, one.device, &one.content)
        == (other.kind, &other.meta, other.size, &other.target, other.device, &other.content)
}

/// Whether both hold the same chunks at the same places, in whatever frames these lie.
fn holds_the_same(one: Option<&Content>, other: Option<&Content>) -> bool {
    let (Some(Content::Runs(one)), Some(Content::Runs(other))) = (one, other) else { return one == other };
    let chunks = |run: &Run| run.pieces().map(|(offset, _, chunk)| (offset, chunk)).collect::<Vec<_>>();
    one.iter().flat_map(chunks).eq(other.iter().flat_map(chunks))
}

/// The frames that hold what is new: how long each is, and how far into what it decodes to the new chunks reach.
#[derive(Default)]
struct Frames {
    hashes: RandomState,
    ends: HashMap<u64, (u32, u64)>,
    new_bytes: u64,
}

impl Frames {
    /// True where the frame is one more.
    fn add(&mut self, run: &Run, new_bytes: u64) -> bool {
        let end = u64::from(run.skip) + run.size();
        let frames = self.ends.len();
        let known = self.ends.entry(self.hashes.hash_one(&run.frame)).or_insert((run.frame.length, 0));
        known.1 = end.max(known.1);
        self.new_bytes += new_bytes;
        self.ends.len() > frames
    }

    fn sums(&self) -> (u64, u64) {
        let packed: u64 = self.ends.values().map(|(length, _)| u64::from(*length)).sum();
        let raw: u64 = self.ends.values().map(|(_, end)| *end).sum();
        let share = if raw == 0 { 0.0 } else { packed as f64 / raw as f64 };
        (self.new_bytes, (self.new_bytes as f64 * share).round() as u64)
    }
}

/// The lines of some leaves in order, one leaf at a time.
struct Leaves<T: Line> {
    kind: PageKind,
    leaves: std::vec::IntoIter<PageRef>,
    lines: std::vec::IntoIter<T>,
    last: Option<T::Mark>,
}

impl Leaves<Entry> {
    fn new(leaves: Vec<PageRef>) -> Self {
        Self {
            kind: PageKind::Entries,
            leaves: leaves.into_iter(),
            lines: Vec::new().into_iter(),
            last: None,
        }
    }
}

impl Leaves<Run> {
    fn runs(leaves: Vec<PageRef>) -> Self {
        Self { kind: PageKind::Runs, leaves: leaves.into_iter(), lines: Vec::new().into_iter(), last: None }
    }
}

impl<T: Line> Leaves<T> {
    fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<T>> {
        loop {
            if let Some(line) = self.lines.next() {
                // Before the first there may be others, in pages that do not differ.
                let wrong = self.last.as_ref().and_then(|last| line.wrong_after(Some(last)));
                if let Some(wrong) = wrong {
                    return Err(Problem::damaged("packs", wrong));
                }
                self.last = Some(line.mark());
                return Ok(Some(line));
            }
            let Some(leaf) = self.leaves.next() else { return Ok(None) };
            if let Page::Leaf(lines) = reader.open(&leaf, self.kind)? {
                self.lines = lines.into_iter();
            }
        }
    }
}

/// Reads pages, for so long, and holds only so much.
struct Reader<'a> {
    vault: &'a Vault,
    left: usize,
    until: Option<Instant>,
}

impl Reader<'_> {
    fn hold(&mut self, count: usize) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            Problem::new(Kind::Refused, format!("more than {MOST_HELD} names, chunks and pages differ"))
        })?;
        Ok(())
    }

    fn open<T: DeserializeOwned>(&mut self, page: &PageRef, kind: PageKind) -> Result<Page<T>> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Err(Problem::new(Kind::Refused, "it was not compared in the time that it may take"));
        }
        let key = page.frame.pack.pack()?;
        Page::open(key.as_str(), page, kind, &self.vault.page(page, kind)?)
    }

    /// The leaves of two trees that are not in both, in order. A page that is in both holds the same, so what differs is
    /// in the others.
    fn differing(
        &mut self,
        kind: PageKind,
        one: &PageRef,
        other: &PageRef,
    ) -> Result<(Vec<PageRef>, Vec<PageRef>)> {
        let (mut one, mut other) = (vec![one.clone()], vec![other.clone()]);
        let mut level = one[0].level.max(other[0].level);
        loop {
            let digests = |pages: &[PageRef]| pages.iter().map(|page| page.sha256).collect::<HashSet<_>>();
            let (in_one, in_other) = (digests(&one), digests(&other));
            one.retain(|page| !in_other.contains(&page.sha256));
            other.retain(|page| !in_one.contains(&page.sha256));
            if level == 0 {
                return Ok((one, other));
            }
            one = self.expanded(kind, one, level)?;
            other = self.expanded(kind, other, level)?;
            level -= 1;
        }
    }

    /// The same pages, with those of a level replaced by what is below them.
    fn expanded(&mut self, kind: PageKind, pages: Vec<PageRef>, level: u8) -> Result<Vec<PageRef>> {
        let mut below = Vec::new();
        for page in pages {
            if page.level != level {
                below.push(page);
                continue;
            }
            // What the leaves are plays no part here.
            if let Page::Inner(children) = self.open::<serde::de::IgnoredAny>(&page, kind)? {
                // A page's name takes as much as some chunks do.
                self.hold(children.len().saturating_mul(8))?;
                below.extend(children);
            }
        }
        Ok(below)
    }

    /// The bytes of chunks that are in one content and not in the one before.
    fn new_bytes(
        &mut self,
        before: Option<&Content>,
        now: Option<&Content>,
        frames: &mut Frames,
    ) -> Result<u64> {
        if before == now {
            return Ok(0);
        }
        let left = self.left;
        let (old, new) = match (before, now) {
            (Some(Content::Pages(before)), Some(Content::Pages(now))) => {
                let (old, new) = self.differing(PageKind::Runs, before, now)?;
                (Leaves::runs(old), Leaves::runs(new))
            }
            _ => (self.all_runs(before)?, self.all_runs(now)?),
        };
        let (hashes, mut had) = (RandomState::new(), HashSet::new());
        let (mut old, mut new) = (old, new);
        while let Some(run) = old.next(self)? {
            self.hold(run.chunks.len())?;
            had.extend(run.chunks.iter().map(|chunk| hashes.hash_one(chunk.sha256())));
        }
        let (mut bytes, mut more) = (0, 0);
        while let Some(run) = new.next(self)? {
            let is_new = |chunk: &&Chunk| !had.contains(&hashes.hash_one(chunk.sha256()));
            let of_run = run.chunks.iter().filter(is_new).map(|chunk| u64::from(chunk.size())).sum();
            if of_run > 0 {
                let is_more = usize::from(frames.add(&run, of_run));
                self.hold(is_more)?;
                more += is_more;
                bytes += of_run;
            }
        }
        // Of this file only its frames are remembered.
        self.left = left.saturating_sub(more);
        Ok(bytes)
    }

    fn all_runs(&mut self, content: Option<&Content>) -> Result<Leaves<Run>> {
        match content {
            Some(Content::Pages(top)) => {
                let mut leaves = vec![top.clone()];
                for level in (1..=top.level).rev() {
                    leaves = self.expanded(PageKind::Runs, leaves, level)?;
                }
                Ok(Leaves::runs(leaves))
            }
            content => {
                let all = runs(self.vault, content).collect::<Result<Vec<Run>>>()?;
                Ok(Leaves { lines: all.into_iter(), ..Leaves::runs(Vec::new()) })
            }
        }
    }
}
