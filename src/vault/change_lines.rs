//! The entries of two points that are compared, page by page: a line that stands in both is passed over unread.

use super::Vault;
use super::format::{Digest, Entry, Page, PageKind, PageRef, lines, parse};
use super::line::Line;
use crate::domain::{ByteName, Kind, Problem, Result};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What is kept in memory at most to compare two points: names, chunks and pages that differ, a few dozen bytes each.
const MOST_HELD: usize = 2_000_000;

/// Pages are kept for the next comparison up to so many bytes: most of what one point has, its neighbour is compared with.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// The pages that were read last, each as it matched its digest.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pages: HashMap<Digest, Arc<Vec<u8>>>,
    oldest_first: VecDeque<Digest>,
    bytes: usize,
}

impl Recent {
    fn keep(&mut self, digest: Digest, page: &Arc<Vec<u8>>) {
        if page.len() > MOST_KEPT || self.pages.insert(digest, page.clone()).is_some() {
            return;
        }
        self.bytes += page.len();
        self.oldest_first.push_back(digest);
        while self.bytes > MOST_KEPT
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.bytes -= self.pages.remove(&oldest).map_or(0, |page| page.len());
        }
    }
}

/// Reads pages, for so long, and holds only so much.
pub(super) struct Reader<'a> {
    pub vault: &'a Vault,
    /// How much more may be held.
    pub left: usize,
    recent: &'a Mutex<Recent>,
    until: Option<Instant>,
}

impl<'a> Reader<'a> {
    pub fn new(vault: &'a Vault, recent: &'a Mutex<Recent>, until: Option<Instant>) -> Self {
        Self { vault, left: MOST_HELD, recent, until }
    }

    pub fn hold(&mut self, count: usize) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            Problem::new(Kind::Refused, format!("more than {MOST_HELD} names, chunks and pages differ"))
        })?;
        Ok(())
    }

    /// The bytes of a page, which are what its digest says.
    fn bytes(&self, page: &PageRef, kind: PageKind) -> Result<Arc<Vec<u8>>> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Err(Problem::new(Kind::Refused, "it was not compared in the time that it may take"));
        }
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent().pages.get(&page.sha256).cloned();
        if let Some(known) = known.filter(|known| known.len() == page.bytes as usize) {
            return Ok(known);
        }
        let bytes = Arc::new(self.vault.page(page, kind)?);
        page.verify(page.frame.pack.pack()?.as_str(), &bytes)?;
        recent().keep(page.sha256, &bytes);
        Ok(bytes)
    }

    pub fn open<T: DeserializeOwned>(&mut self, page: &PageRef, kind: PageKind) -> Result<Page<T>> {
        let key = page.frame.pack.pack()?;
        Page::of_verified(key.as_str(), page, kind, &self.bytes(page, kind)?)
    }
}

/// The entries of some leaves in order, of which only what is asked for is parsed.
pub(super) struct EntryLines {
    leaves: std::vec::IntoIter<PageRef>,
    page: Arc<Vec<u8>>,
    /// The pack of the page.
    object: String,
    /// The line that is next, and what was not looked at behind it.
    line: Range<usize>,
    entry: Option<Entry>,
    last: Option<ByteName>,
}

impl EntryLines {
    pub fn new(leaves: Vec<PageRef>) -> Self {
        let (entry, last, page) = (None, None, Arc::default());
        Self { leaves: leaves.into_iter(), page, object: String::new(), line: 0..0, entry, last }
    }

    /// The next line as it is stored; none where there are no more.
    pub fn line(&mut self, reader: &Reader<'_>) -> Result<Option<&[u8]>> {
        while self.line.is_empty() {
            if self.line.end < self.page.len() {
                self.line = ends(&self.page, self.line.end);
                continue;
            }
            let Some(leaf) = self.leaves.next() else { return Ok(None) };
            leaf.frame.pack.pack()?.as_str().clone_into(&mut self.object);
            self.page = reader.bytes(&leaf, PageKind::Entries)?;
            let is_empty = lines(&self.object, &leaf, PageKind::Entries, &self.page)?.next().is_none();
            // The header is no entry.
            let first = if is_empty { self.page.len() } else { ends(&self.page, 0).end };
            self.line = first..first;
        }
        Ok(Some(&self.page[self.line.clone()]))
    }

    /// The entry of the next line; none where there are no more.
    pub fn entry(&mut self, reader: &Reader<'_>) -> Result<Option<&Entry>> {
        if self.entry.is_none() {
            if self.line(reader)?.is_none() {
                return Ok(None);
            }
            let entry: Entry = parse(&self.object, &self.page[self.line.clone()])?;
            // Before the first there may be others, in pages that do not differ.
            if let Some(wrong) = self.last.as_ref().and_then(|last| entry.wrong_after(Some(last))) {
                return Err(Problem::damaged(&*self.object, wrong));
            }
            self.entry = Some(entry);
        }
        Ok(self.entry.as_ref())
    }

    /// Goes on to the line behind; gives the entry where it was asked for.
    pub fn pass(&mut self) -> Option<Entry> {
        self.line.start = self.line.end;
        let entry = self.entry.take();
        if let Some(entry) = &entry {
            self.last = Some(entry.mark());
        }
        entry
    }
}

/// A line of a page from where it begins, with the byte that ends it.
fn ends(page: &[u8], at: usize) -> Range<usize> {
    at..memchr::memchr(b'\n', &page[at..]).map_or(page.len(), |end| at + end + 1)
}
