//! Reading trees of pages, and building them.

use super::Vault;
use super::format::{
    Child, Content, Digest, Entry, PackKey, PackLine, Page, PageHeader, PageKind, PageRef, Run, render,
};
use super::line::Line;
use crate::domain::{Problem, Result};
use crate::store::Key;
use serde::Serialize;
use std::collections::HashSet;

/// The lines of a tree's leaves in order, read page by page. However a tree was made, reading it ends: lines
/// ascend, every page below the top has lines, and no inner page comes twice.
pub struct Lines<T: Line> {
    vault: Vault,
    kind: PageKind,
    top: u8,
    /// Pages still to be read, the next one last.
    waiting: Vec<PageRef>,
    inner: HashSet<Digest>,
    leaf: std::vec::IntoIter<T>,
    /// The pack of the leaf.
    pack: Option<Key>,
    last: Option<T::Mark>,
}

/// The entries of a recovery point in order.
pub type Entries = Lines<Entry>;

impl<T: Line> Lines<T> {
    /// Reads the tree below `top`.
    pub fn new(vault: &Vault, kind: PageKind, top: &PageRef) -> Self {
        Self {
            vault: vault.clone(),
            kind,
            top: top.level,
            waiting: vec![top.clone()],
            inner: HashSet::new(),
            leaf: Vec::new().into_iter(),
            pack: None,
            last: None,
        }
    }

    /// The next line.
    ///
    /// # Errors
    /// `Damaged`, naming the pack that holds the page. After a damaged page the next page follows; after a
    /// line that is out of order, nothing.
    pub fn next_line(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(line) = self.leaf.next() {
                return self.check(line).map(Some);
            }
            let Some(page) = self.waiting.pop() else { return Ok(None) };
            self.read(&page)?;
        }
    }

    /// The next leaf, which was not read yet: [`Lines::leaf`] reads it, [`Lines::pass`] goes on without.
    ///
    /// # Errors
    /// As [`Lines::next_line`].
    pub(super) fn next_leaf(&mut self) -> Result<Option<PageRef>> {
        loop {
            match self.waiting.pop() {
                Some(page) if page.level > 0 => self.read(&page)?,
                leaf => return Ok(leaf),
            }
        }
    }

    /// The lines of the leaf that is next.
    ///
    /// # Errors
    /// As [`Lines::next_line`].
    pub(super) fn leaf(&mut self, page: &PageRef) -> Result<Vec<T>> {
        self.read(page)?;
        std::mem::take(&mut self.leaf).map(|line| self.check(line)).collect()
    }

    fn read(&mut self, page: &PageRef) -> Result<()> {
        let key = page.frame.pack.pack()?;
        let bytes = self.vault.page(page, self.kind)?;
        let is_empty = match Page::open(key.as_str(), page, self.kind, &bytes)? {
            Page::Leaf(lines) => {
                self.leaf = lines.into_iter();
                self.leaf.len() == 0 && page.level != self.top
            }
            Page::Inner(children) => {
                if !self.inner.insert(page.sha256) {
                    return Err(Problem::damaged(key.as_str(), "a page comes twice in one tree"));
                }
                let is_empty = children.is_empty();
                self.waiting.extend(children.into_iter().rev());
                is_empty
            }
        };
        let object = key.as_str().to_owned();
        self.pack = Some(key);
        if is_empty { Err(Problem::damaged(object, "a page of a tree is empty")) } else { Ok(()) }
    }

    fn check(&mut self, line: T) -> Result<T> {
        if let Some(wrong) = line.wrong_after(self.last.as_ref()) {
            self.waiting.clear();
            self.leaf = Vec::new().into_iter();
            return Err(Problem::damaged(self.pack.as_ref().map_or("packs", Key::as_str), wrong));
        }
        self.last = Some(line.mark());
        Ok(line)
    }
}

impl Lines<PackLine> {
    /// Goes on behind the leaf that is next, which is known to name these packs first and last.
    ///
    /// # Errors
    /// `Damaged` where it is out of order here.
    pub(super) fn pass(&mut self, first: &PackKey, last: PackKey) -> Result<()> {
        if self.last.as_ref().is_some_and(|before| before >= first) {
            return Err(Problem::damaged("packs", "a list of packs is out of order"));
        }
        self.last = Some(last);
        Ok(())
    }
}

impl<T: Line> Iterator for Lines<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.next_line().transpose()
    }
}

/// The runs of one file's content in order, wherever they are kept.
pub fn runs(vault: &Vault, content: Option<&Content>) -> Box<dyn Iterator<Item = Result<Run>> + Send> {
    match content {
        None => Box::new(std::iter::empty()),
        Some(Content::Runs(runs)) => {
            let mut last = None;
            Box::new(runs.clone().into_iter().map(move |run| {
                if let Some(wrong) = run.wrong_after(last.as_ref()) {
                    return Err(Problem::damaged(run.frame.pack.pack()?.as_str(), wrong));
                }
                last = Some(run.mark());
                Ok(run)
            }))
        }
        Some(Content::Pages(top)) => Box::new(Lines::<Run>::new(vault, PageKind::Runs, top)),
    }
}

/// Where finished pages go: stored, or found to be stored already.
pub trait PageSink {
    /// Stores a page and says where it is.
    ///
    /// # Errors
    /// What the store said.
    fn store(&mut self, page: &[u8], level: u8) -> Result<PageRef>;
}

/// Builds a tree of pages from lines that come in order. Pages end where the content says so, so that a
/// change in one place leaves the pages elsewhere, and thus their digests, as they were.
pub struct TreeBuilder {
    kind: PageKind,
    levels: Vec<Vec<u8>>,
    counts: Vec<usize>,
}

/// A page is never longer than this many lines, nor than this many bytes.
const MOST_LINES: usize = 1024;
const MOST_BYTES: usize = 1024 * 1024;
/// An inner page ends on average after so many children.
const CHILDREN: u8 = 64;

impl TreeBuilder {
    /// An empty tree.
    pub fn new(kind: PageKind) -> Self {
        Self { kind, levels: Vec::new(), counts: Vec::new() }
    }

    /// Adds a line; where `ends_page` is true, the page ends after it.
    ///
    /// # Errors
    /// What the sink said.
    pub fn push<T: Serialize>(&mut self, line: &T, ends_page: bool, sink: &mut dyn PageSink) -> Result<()> {
        self.add(0, &render(line)?, ends_page, sink)
    }

    fn add(&mut self, level: usize, line: &[u8], ends_page: bool, sink: &mut dyn PageSink) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
            self.counts.push(0);
        }
        if self.levels[level].is_empty() {
            let number = u8::try_from(level).map_err(|_| too_deep())?;
            self.levels[level] = PageHeader::line(self.kind, number)?;
        }
        self.levels[level].extend_from_slice(line);
        self.levels[level].push(b'\n');
        self.counts[level] += 1;
        if ends_page || self.counts[level] >= MOST_LINES || self.levels[level].len() >= MOST_BYTES {
            let page = self.close(level, sink)?;
            self.add_child(level, page, sink)?;
        }
        Ok(())
    }

    fn add_child(&mut self, level: usize, page: PageRef, sink: &mut dyn PageSink) -> Result<()> {
        let ends = page.sha256.0[31].is_multiple_of(CHILDREN);
        self.add(level + 1, &render(&Child { page })?, ends, sink)
    }

    fn close(&mut self, level: usize, sink: &mut dyn PageSink) -> Result<PageRef> {
        let page = std::mem::take(&mut self.levels[level]);
        self.counts[level] = 0;
        sink.store(&page, u8::try_from(level).map_err(|_| too_deep())?)
    }

    /// Ends the tree and says where its top is. An empty tree is one empty leaf.
    ///
    /// # Errors
    /// What the sink said.
    pub fn finish(mut self, sink: &mut dyn PageSink) -> Result<PageRef> {
        if self.levels.is_empty() {
            return sink.store(&PageHeader::line(self.kind, 0)?, 0);
        }
        let mut level = 0;
        loop {
            let top = level + 1 == self.levels.len();
            if self.levels[level].is_empty() && top {
                // The page below ended exactly here and has gone up alone: cannot be, `add_child` made a level.
                return Err(Problem::new(crate::domain::Kind::Internal, "a tree of pages has no top"));
            }
            if !self.levels[level].is_empty() {
                let page = self.close(level, sink)?;
                if top {
                    return Ok(page);
                }
                let line = render(&Child { page })?;
                self.add_last(level + 1, &line)?;
            }
            level += 1;
        }
    }

    /// Adds a line while the tree is being ended: the page it goes to is closed next, whatever its length.
    fn add_last(&mut self, level: usize, line: &[u8]) -> Result<()> {
        if self.levels[level].is_empty() {
            self.levels[level] = PageHeader::line(self.kind, u8::try_from(level).map_err(|_| too_deep())?)?;
        }
        self.levels[level].extend_from_slice(line);
        self.levels[level].push(b'\n');
        Ok(())
    }
}

fn too_deep() -> Problem {
    Problem::new(crate::domain::Kind::Internal, "a tree of pages is too deep")
}
