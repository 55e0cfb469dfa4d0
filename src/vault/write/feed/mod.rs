//! Reading the source into units of work, beside the entries of the point before.

mod before;
mod large;
mod stream;
mod unread;

use super::work::{Step, Work};
use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use crate::vault::format::{Entry, EntryKind, Missed, PackKey, PageKind, Run, UNIT};
use crate::vault::places::Noted;
use crate::vault::roots::FoundRoot;
use crate::vault::tree::runs;
use crate::vault::{Content, Entries, Item, Source, Vault};
use before::{Blocks, Parent};
use crossbeam_channel::Sender;
use large::Large;
use std::collections::{BTreeSet, HashSet, VecDeque};
pub use unread::Unread;

const STOPPED: &str = "stopped as asked; no recovery point was written";

/// Steps in one unit of work at most, so that a million empty files take no more memory than one full unit.
const MOST_STEPS: usize = 4096;

/// Where work goes.
pub struct Out {
    /// To whoever hashes.
    pub work: Sender<(u64, Work)>,
    /// Full where too much is under way already.
    pub window: Sender<()>,
}

/// Why reading one file ended early.
enum Stop {
    /// The file cannot be read; the copy goes on.
    Missed(String),
    /// The copy ends.
    All(Problem),
    /// Nobody takes work any more: whoever failed reports it.
    Nobody,
    /// What was said to be unchanged had changed: the file is read again, from its beginning.
    Untrue,
}

impl From<String> for Stop {
    fn from(because: String) -> Self {
        Self::Missed(because)
    }
}

/// An item that is next, with what the point before has of it.
struct Next {
    item: Item,
    before: Option<Entry>,
    noted: Option<Noted>,
    /// A file that is as it was, and need not be read.
    is_unchanged: bool,
}

/// Turns items into work.
pub struct Feed<'a> {
    vault: &'a Vault,
    parent: Parent,
    usable: BTreeSet<PackKey>,
    some_avoided: bool,
    monitor: &'a dyn Monitor,
    work: Work,
    number: u64,
    not_entered: u64,
    /// Entries of the parent that last changed before this moment, in Unix seconds, tell an unchanged file:
    /// a later change could have come in the same tick of the clock, after the file was read.
    settled_before: i64,
    /// Paths that were missed: another name of the same file cannot refer to them.
    missed: HashSet<ByteName>,
    /// What is taken as unchanged without being read.
    pub unread: Unread,
}

impl<'a> Feed<'a> {
    /// A feed that builds on `parent`, referring only to packs in `usable`.
    pub fn new(
        vault: &'a Vault,
        parent: Option<&FoundRoot>,
        (usable, some_avoided): (BTreeSet<PackKey>, bool),
        unread: Unread,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let settled_before = parent.map_or(0, |found| found.root.started_at.timestamp() - 2);
        // Without its packs nothing of the parent can be referred to.
        let entries = parent
            .filter(|_| !usable.is_empty())
            .and_then(|found| Some(Entries::new(vault, PageKind::Entries, found.root.tree().ok()?)));
        Self {
            vault,
            parent: Parent::new(entries),
            usable,
            some_avoided,
            monitor,
            work: Work::default(),
            number: 0,
            not_entered: 0,
            settled_before,
            missed: HashSet::new(),
            unread,
        }
    }

    /// Reads the whole source; how many directories belong to other volumes.
    ///
    /// # Errors
    /// What makes going on pointless.
    pub fn run(&mut self, source: &mut dyn Source, out: &Out) -> Result<u64> {
        self.monitor.begin(Phase::Copy, source.expected_bytes());
        let done = self.feed(source, out);
        self.monitor.end();
        match done {
            Err(Stop::All(problem)) => Err(problem),
            Err(Stop::Missed(because)) => Err(Problem::new(Kind::Internal, because)),
            Err(Stop::Untrue) => Err(super::unexpected()),
            Ok(()) | Err(Stop::Nobody) => Ok(self.not_entered),
        }
    }

    fn feed(&mut self, source: &mut dyn Source, out: &Out) -> std::result::Result<(), Stop> {
        let (ahead, mut waiting, mut is_over) = (source.ahead(), VecDeque::new(), false);
        loop {
            while waiting.len() <= ahead && !is_over {
                match source.next().map_err(Stop::All)? {
                    Some(item) => waiting.push_back(self.see(item, ahead > 0)),
                    None => is_over = true,
                }
            }
            let Some(next) = waiting.pop_front() else { break };
            // What is fetched may be long in coming.
            if ahead > 0 && self.monitor.cancelled() {
                return Err(Stop::All(Problem::new(Kind::Cancelled, STOPPED)));
            }
            self.take(next, out)?;
            if self.work.steps.len() >= MOST_STEPS {
                self.flush(out)?;
            }
            self.monitor.advance(0, 1);
        }
        // What the source says at its end decides whether there is a copy at all.
        source.finish().map_err(Stop::All)?;
        self.flush(out)
    }

    /// Sees what the point before has of an item. What is to be fetched is begun.
    fn see(&mut self, mut item: Item, is_fetched: bool) -> Next {
        let Item::File(entry, content) = &mut item else {
            return Next { item, before: None, noted: None, is_unchanged: false };
        };
        let (before, noted) = (self.parent.find(&entry.path), self.unread.find(&entry.path));
        let must_read = self.unread.must_read(noted.as_ref(), entry.size);
        let is_unchanged =
            !must_read && before.as_ref().is_some_and(|before| self.is_unchanged(before, entry));
        if is_fetched && !is_unchanged {
            content.fetch_ahead();
        }
        Next { item, before, noted, is_unchanged }
    }

    fn take(&mut self, next: Next, out: &Out) -> std::result::Result<(), Stop> {
        let Next { item, before, noted, is_unchanged } = next;
        match item {
            Item::Plain(entry) | Item::Boundary(entry) if matches!(entry.kind, EntryKind::File) => {
                return Err(Stop::All(Problem::new(
                    Kind::Internal,
                    format!("a file came without its content: {}", entry.path),
                )));
            }
            Item::Plain(entry)
                if entry.kind == EntryKind::Hardlink
                    && entry.target.as_ref().is_some_and(|first| self.missed.contains(first)) =>
            {
                let because = "it is another name of a file that could not be read".into();
                self.abandon(Missed { path: entry.path, because });
            }
            Item::Boundary(entry) => {
                self.not_entered += 1;
                self.work.steps.push(Step::Open(Box::new(entry)));
                self.work.steps.push(Step::Close { size: 0, unsettled: false });
            }
            Item::Plain(entry) => {
                self.work.steps.push(Step::Open(Box::new(entry)));
                self.work.steps.push(Step::Close { size: 0, unsettled: false });
            }
            Item::File(entry, content) => self.file(entry, content, (before, noted, is_unchanged), out)?,
            Item::Stream(entry, bytes) => self.stream(entry, bytes, out)?,
            Item::Missed(missed) => self.abandon(missed),
        }
        Ok(())
    }

    fn flush(&mut self, out: &Out) -> std::result::Result<(), Stop> {
        if self.monitor.cancelled() {
            return Err(Stop::All(Problem::new(Kind::Cancelled, STOPPED)));
        }
        if self.work.steps.is_empty() {
            return Ok(());
        }
        let work = std::mem::take(&mut self.work);
        self.number += 1;
        out.window.send(()).map_err(|_| Stop::Nobody)?;
        out.work.send((self.number - 1, work)).map_err(|_| Stop::Nobody)
    }

    fn file(
        &mut self,
        entry: Entry,
        mut content: Box<dyn Content>,
        (before, noted, is_unchanged): (Option<Entry>, Option<Noted>, bool),
        out: &Out,
    ) -> std::result::Result<(), Stop> {
        if let Some(before) = before.as_ref().filter(|_| is_unchanged) {
            let size = entry.size;
            self.work.steps.push(Step::Open(Box::new(entry.clone())));
            if self.keep(before, out)? {
                self.unread.keep(noted);
                self.monitor.advance(size, 0);
                self.work.steps.push(Step::Close { size, unsettled: false });
                return Ok(());
            }
            // The point before cannot be read here: the file is read instead, from its beginning.
        }
        let entry = match content.opened() {
            Ok(now) => now.unwrap_or(entry),
            Err(because) => {
                self.abandon(Missed { path: entry.path, because });
                return Ok(());
            }
        };
        let size = entry.size;
        self.work.steps.push(Step::Open(Box::new(entry.clone())));
        let path = entry.path.clone();
        let read = match usize::try_from(size) {
            Ok(size) if size <= UNIT => {
                let blocks = before.map(|before| Blocks::new(self.vault, &before));
                self.small(size, &mut *content, blocks, out)
                    .and_then(|read| Ok((read, content.has_changed()?)))
            }
            _ => self.whole_or_in_part(entry, (before, noted), &mut *content, out),
        };
        let step = match read {
            Ok((read, changed)) => Step::Close { size: read, unsettled: changed || read != size },
            Err(Stop::Missed(because)) => {
                self.abandon(Missed { path, because });
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        self.work.steps.push(step);
        Ok(())
    }

    /// Reads a large file, but for what is believed not to have changed; its size, and whether it changed meanwhile.
    fn whole_or_in_part(
        &mut self,
        entry: Entry,
        (before, noted): (Option<Entry>, Option<Noted>),
        content: &mut dyn Content,
        out: &Out,
    ) -> std::result::Result<(u64, bool), Stop> {
        let (path, size) = (entry.path.clone(), entry.size);
        let mut plan = self.unread.plan(noted, before.as_ref(), size, content);
        let blocks = |vault: &Vault| before.as_ref().map(|before| Blocks::new(vault, before));
        let file = Large { size, content, blocks: blocks(self.vault), plan: &mut plan };
        let read = match self.large(file, out) {
            Err(Stop::Untrue) => {
                // What changes while it is read was not spoken of.
                if !content.has_changed()? {
                    self.unread.disbelieve(path.clone());
                }
                plan.believe_nothing();
                self.work.steps.push(Step::Open(Box::new(entry)));
                let file = Large { size, content, blocks: blocks(self.vault), plan: &mut plan };
                self.large(file, out)?
            }
            read => read?,
        };
        let changed = content.has_changed()?;
        self.unread.done(path, size, plan, !changed && read == size);
        Ok((read, changed))
    }

    fn abandon(&mut self, missed: Missed) {
        self.missed.insert(missed.path.clone());
        self.work.steps.push(Step::Abandon(missed));
    }

    fn is_unchanged(&self, before: &Entry, now: &Entry) -> bool {
        before.is_unchanged(now) && before.ctime.seconds < self.settled_before
    }

    /// Refers to what the point before stored of this file; false where that cannot be read.
    fn keep(&mut self, before: &Entry, out: &Out) -> std::result::Result<bool, Stop> {
        if self.some_avoided {
            let sound = |run: Result<Run>| run.is_ok_and(|run| self.usable.contains(&run.frame.pack));
            if !runs(self.vault, before.content.as_ref()).all(sound) {
                return Ok(false);
            }
        }
        for run in runs(self.vault, before.content.as_ref()) {
            match run {
                Ok(run) if self.usable.contains(&run.frame.pack) => self.work.steps.push(Step::Kept(run)),
                _ => return Ok(false),
            }
            if self.work.steps.len() >= MOST_STEPS {
                self.flush(out)?;
            }
        }
        Ok(true)
    }

    /// Reads a small file as one chunk, together with its neighbours.
    fn small(
        &mut self,
        size: usize,
        content: &mut dyn Content,
        blocks: Option<Blocks>,
        out: &Out,
    ) -> std::result::Result<u64, Stop> {
        if self.work.raw.len() + size > UNIT {
            self.flush_keeping_open(out)?;
        }
        let start = self.work.raw.len();
        self.work.raw.resize(start + size, 0);
        let read = match content.read_at(0, &mut self.work.raw[start..]) {
            Ok(read) => read,
            Err(because) => {
                self.work.raw.truncate(start);
                return Err(Stop::Missed(because));
            }
        };
        self.work.raw.truncate(start + read);
        if read > 0 {
            let before = blocks.and_then(|mut blocks| blocks.at(0, read).chunk());
            let before = before.filter(|before| self.usable.contains(&before.frame.pack));
            self.work.steps.push(Step::Data { offset: 0, range: start..start + read, before, claim: None });
        }
        self.monitor.advance(read as u64, 0);
        Ok(read as u64)
    }

    /// Sends what is waiting, but keeps the entry that was just opened with the bytes that follow.
    fn flush_keeping_open(&mut self, out: &Out) -> std::result::Result<(), Stop> {
        let last = self.work.steps.pop();
        self.flush(out)?;
        self.work.steps.extend(last);
        Ok(())
    }
}
