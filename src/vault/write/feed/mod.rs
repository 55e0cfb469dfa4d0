//! Reading the source into units of work, beside the entries of the point before.

mod stream;

use super::work::{Before, Step, Work};
use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use crate::vault::format::{BLOCK, Chunk, Entry, EntryKind, Frame, Missed, PackKey, PageKind, Run, UNIT};
use crate::vault::roots::FoundRoot;
use crate::vault::tree::runs;
use crate::vault::{Content, Entries, Item, Source, Vault};
use crossbeam_channel::Sender;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

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
}

impl From<String> for Stop {
    fn from(because: String) -> Self {
        Self::Missed(because)
    }
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
}

impl<'a> Feed<'a> {
    /// A feed that builds on `parent`, referring only to packs in `usable`.
    pub fn new(
        vault: &'a Vault,
        parent: Option<&FoundRoot>,
        usable: BTreeSet<PackKey>,
        some_avoided: bool,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let settled_before = parent.map_or(0, |found| found.root.started_at.timestamp() - 2);
        // Without its packs nothing of the parent can be referred to.
        let entries = parent
            .filter(|_| !usable.is_empty())
            .and_then(|found| Some(Entries::new(vault, PageKind::Entries, found.root.tree().ok()?)));
        let parent = Parent { entries, ahead: None };
        Self {
            vault,
            parent,
            usable,
            some_avoided,
            monitor,
            work: Work::default(),
            number: 0,
            not_entered: 0,
            settled_before,
            missed: HashSet::new(),
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
            Ok(()) | Err(Stop::Nobody) => Ok(self.not_entered),
        }
    }

    fn feed(&mut self, source: &mut dyn Source, out: &Out) -> std::result::Result<(), Stop> {
        while let Some(item) = source.next().map_err(Stop::All)? {
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
                Item::File(entry, content) => self.file(entry, content, out)?,
                Item::Stream(entry, bytes) => self.stream(entry, bytes, out)?,
                Item::Missed(missed) => self.abandon(missed),
            }
            if self.work.steps.len() >= MOST_STEPS {
                self.flush(out)?;
            }
            self.monitor.advance(0, 1);
        }
        // What the source says at its end decides whether there is a copy at all.
        source.finish().map_err(Stop::All)?;
        self.flush(out)
    }

    fn flush(&mut self, out: &Out) -> std::result::Result<(), Stop> {
        if self.monitor.cancelled() {
            return Err(Stop::All(Problem::new(
                Kind::Cancelled,
                "stopped as asked; no recovery point was written",
            )));
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
        out: &Out,
    ) -> std::result::Result<(), Stop> {
        let before = self.parent.find(&entry.path);
        let (path, size) = (entry.path.clone(), entry.size);
        self.work.steps.push(Step::Open(Box::new(entry.clone())));
        if let Some(before) = before.as_ref().filter(|before| self.is_unchanged(before, &entry)) {
            if self.keep(before, out)? {
                self.monitor.advance(size, 0);
                self.work.steps.push(Step::Close { size, unsettled: false });
                return Ok(());
            }
            // The point before cannot be read here: the file is read instead, from its beginning.
            self.work.steps.push(Step::Open(Box::new(entry)));
        }
        let mut blocks = before.map(|before| Blocks::new(self.vault, &before));
        let read = match usize::try_from(size) {
            Ok(size) if size <= UNIT => self.small(size, &mut *content, blocks.as_mut(), out),
            _ => self.large(size, &mut *content, blocks, out),
        };
        let step = match read.and_then(|size| Ok((size, content.has_changed()?))) {
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
        blocks: Option<&mut Blocks>,
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
            let before = blocks.and_then(|blocks| blocks.at(0));
            let before = before.filter(|before| self.usable.contains(&before.frame.pack));
            self.work.steps.push(Step::Data { offset: 0, range: start..start + read, before });
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

    /// Reads a large file in units of fixed blocks, skipping holes.
    fn large(
        &mut self,
        size: u64,
        content: &mut dyn Content,
        mut blocks: Option<Blocks>,
        out: &Out,
    ) -> std::result::Result<u64, Stop> {
        let (block, unit) = (BLOCK as u64, UNIT as u64);
        let mut at = 0;
        while at < size {
            let Some((data, end)) = content.data_after(at)?.filter(|(data, _)| *data < size) else { break };
            let mut begin = (data / block * block).max(at);
            let end = end.div_ceil(block).saturating_mul(block).min(size);
            while begin < end {
                let stop = ((begin / unit + 1) * unit).min(end);
                self.flush(out)?;
                let read = self.unit(begin, stop, content, blocks.as_mut())?;
                self.monitor.advance(read, 0);
                if begin + read < stop {
                    return Ok(begin + read);
                }
                begin = stop;
            }
            at = end.max(at + 1);
        }
        Ok(size)
    }

    /// Reads the blocks from `begin` to `stop`; how many bytes there were.
    fn unit(
        &mut self,
        begin: u64,
        stop: u64,
        content: &mut dyn Content,
        mut blocks: Option<&mut Blocks>,
    ) -> std::result::Result<u64, Stop> {
        let start = self.work.raw.len();
        self.work.raw.resize(start + usize::try_from(stop - begin).unwrap_or(UNIT), 0);
        let read = content.read_at(begin, &mut self.work.raw[start..])?;
        self.work.raw.truncate(start + read);
        let mut done = 0;
        while done < read {
            let length = BLOCK.min(read - done);
            let offset = begin + done as u64;
            let usable = &self.usable;
            let before = blocks.as_mut().and_then(|blocks| blocks.at(offset));
            let before = before.filter(|before| usable.contains(&before.frame.pack));
            let range = start + done..start + done + length;
            self.work.steps.push(Step::Data { offset, range, before });
            done += length;
        }
        Ok(read as u64)
    }
}

/// The entries of the point before, read along in the same order.
struct Parent {
    entries: Option<Entries>,
    ahead: Option<Entry>,
}

impl Parent {
    /// The entry with this path. Paths are asked for in order.
    fn find(&mut self, path: &ByteName) -> Option<Entry> {
        loop {
            if self.ahead.is_none() {
                match self.entries.as_mut()?.next_line() {
                    Ok(Some(entry)) => self.ahead = Some(entry),
                    // At the end, or damaged: the rest is read from the source, which is always right.
                    Ok(None) | Err(_) => self.entries = None,
                }
            }
            match Entry::compare_paths(&self.ahead.as_ref()?.path, path) {
                Ordering::Less => self.ahead = None,
                Ordering::Equal => return self.ahead.take(),
                Ordering::Greater => return None,
            }
        }
    }
}

/// The chunks that the point before has of one large file, asked for in order of their offsets.
struct Blocks {
    runs: Box<dyn Iterator<Item = Result<Run>> + Send>,
    pieces: std::collections::VecDeque<(u64, Frame, u32, Chunk)>,
}

impl Blocks {
    fn new(vault: &Vault, before: &Entry) -> Self {
        Self { runs: runs(vault, before.content.as_ref()), pieces: std::collections::VecDeque::new() }
    }

    fn at(&mut self, offset: u64) -> Option<Before> {
        loop {
            while self.pieces.front().is_some_and(|piece| piece.0 < offset) {
                self.pieces.pop_front();
            }
            if let Some((at, frame, skip, chunk)) = self.pieces.front() {
                let here = Before { frame: frame.clone(), skip: *skip, chunk: *chunk };
                return (*at == offset).then_some(here);
            }
            // Damage in the point before ends the comparison; the bytes are then stored anew.
            let run = self.runs.next()?.ok()?;
            let frame = &run.frame;
            self.pieces.extend(run.pieces().map(|(at, skip, chunk)| (at, frame.clone(), skip, chunk)));
        }
    }
}
