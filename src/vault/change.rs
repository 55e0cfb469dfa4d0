//! What changed from one recovery point to the next, told by their trees alone: equal pages are skipped, and no content is read.

use super::Vault;
use super::format::{Content, Digest, Entry, EntryKind, Frame, Page, PageKind, PageRef, Run};
use super::roots::FoundRoot;
use super::tree::runs;
use crate::domain::{ByteName, Kind, Problem, Result};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Pages that are read at most to compare two points: more is another tree, and would take long.
const MOST_PAGES: usize = 2_000;

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

/// Compares two points of one volume in one vault.
///
/// # Errors
/// `Refused` where one is encrypted and nothing here opens it, or too much differs; `Damaged`; what the store said.
pub fn change(vault: &Vault, before: &FoundRoot, now: &FoundRoot) -> Result<Change> {
    let (old, new) = (before.root.tree()?, now.root.tree()?);
    let mut reader = Reader { vault, left: MOST_PAGES };
    let (old, new) = reader.differing(PageKind::Entries, old, new)?;
    let mut gone: BTreeMap<ByteName, Entry> = BTreeMap::new();
    for entry in reader.lines::<Entry>(PageKind::Entries, &old)? {
        gone.insert(entry.path.clone(), entry);
    }
    let mut change = Change::default();
    let mut frames = Frames::default();
    let mut added = Vec::new();
    for entry in reader.lines::<Entry>(PageKind::Entries, &new)? {
        match gone.remove(&entry.path) {
            Some(was) if is_same(&was, &entry) => {}
            Some(was) => {
                let bytes = reader.new_bytes(was.content.as_ref(), entry.content.as_ref(), &mut frames)?;
                change.changed.add(bytes);
                // What was made zeros has no new bytes, and is changed all the same.
                let differs =
                    was.size != entry.size || !holds_the_same(was.content.as_ref(), entry.content.as_ref());
                let is_file = entry.kind == EntryKind::File && differs;
                change.files += u64::from(is_file);
            }
            None => {
                reader.new_bytes(None, entry.content.as_ref(), &mut frames)?;
                change.added.add(entry.size);
                if entry.kind == EntryKind::File {
                    change.files += 1;
                    added.push(entry.path);
                }
            }
        }
    }
    gone.values().for_each(|entry| change.removed.add(entry.size));
    let lacked = |path: &&ByteName| {
        let dot = path.as_bytes().iter().rposition(|byte| *byte == b'.');
        dot.is_some_and(|dot| gone.contains_key(&ByteName::from(&path.as_bytes()[..dot])))
    };
    change.renamed = added.iter().filter(lacked).count() as u64;
    (change.new_bytes, change.packed_bytes) = frames.sums();
    Ok(change)
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
    ends: HashMap<Frame, u64>,
    new_bytes: u64,
}

impl Frames {
    fn add(&mut self, run: &Run, new_bytes: u64) {
        let end = u64::from(run.skip) + run.size();
        let known = self.ends.entry(run.frame.clone()).or_default();
        *known = end.max(*known);
        self.new_bytes += new_bytes;
    }

    fn sums(&self) -> (u64, u64) {
        let packed: u64 = self.ends.keys().map(|frame| u64::from(frame.length)).sum();
        let raw: u64 = self.ends.values().sum();
        let share = if raw == 0 { 0.0 } else { packed as f64 / raw as f64 };
        (self.new_bytes, (self.new_bytes as f64 * share).round() as u64)
    }
}

/// Reads pages, and only so many.
struct Reader<'a> {
    vault: &'a Vault,
    left: usize,
}

impl Reader<'_> {
    fn open<T: DeserializeOwned>(&mut self, page: &PageRef, kind: PageKind) -> Result<Page<T>> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| Problem::new(Kind::Refused, "too much differs for a quick comparison"))?;
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
                below.extend(children);
            }
        }
        Ok(below)
    }

    fn lines<T: DeserializeOwned>(&mut self, kind: PageKind, leaves: &[PageRef]) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for leaf in leaves {
            if let Page::Leaf(lines) = self.open(leaf, kind)? {
                all.extend(lines);
            }
        }
        Ok(all)
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
        let (old, new) = match (before, now) {
            (Some(Content::Pages(before)), Some(Content::Pages(now))) => {
                let (old, new) = self.differing(PageKind::Runs, before, now)?;
                (self.lines(PageKind::Runs, &old)?, self.lines(PageKind::Runs, &new)?)
            }
            _ => (self.all_runs(before)?, self.all_runs(now)?),
        };
        let had: HashSet<Digest> =
            old.iter().flat_map(|run: &Run| &run.chunks).map(|chunk| chunk.sha256()).collect();
        let mut bytes = 0;
        for run in &new {
            let chunks = run.chunks.iter().filter(|chunk| !had.contains(&chunk.sha256()));
            let of_run = chunks.map(|chunk| u64::from(chunk.size())).sum();
            if of_run > 0 {
                frames.add(run, of_run);
                bytes += of_run;
            }
        }
        Ok(bytes)
    }

    fn all_runs(&mut self, content: Option<&Content>) -> Result<Vec<Run>> {
        match content {
            Some(Content::Pages(top)) => {
                let mut leaves = vec![top.clone()];
                for level in (1..=top.level).rev() {
                    leaves = self.expanded(PageKind::Runs, leaves, level)?;
                }
                self.lines(PageKind::Runs, &leaves)
            }
            content => runs(self.vault, content).collect(),
        }
    }
}
