//! Reading a restored target back against the recovery point.

use super::super::Vault;
use super::super::format::{Digest, Entry, EntryKind, Run};
use super::super::line::split;
use super::super::metadata::{Excuses, Spot, read_full, see};
use super::super::parallel::{cores, in_parallel};
use super::super::tree::runs;
use super::sums::{Sums, sum_of};
use super::target::Target;
use super::{RestoreReport, Restored};
use crate::domain::{ByteName, Kind, Monitor, Problem, Result};
use rustix::fs::{Advice, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

/// Entries compared together on all cores.
const BATCH: usize = 512;
/// From this size on, the content of one file is compared on all cores.
const LARGE: u64 = 16 * 1024 * 1024;
/// Runs of such a file that are compared together.
const RUNS: usize = 128;

/// Compares the whole target, by `sums` where there are some; the names of labels that the kernel gave and nobody stored.
pub fn compare<State>(
    vault: &Vault,
    restored: &Restored<State>,
    sums: &Sums,
    monitor: &dyn Monitor,
) -> Result<BTreeSet<String>> {
    let target = Target::open(&restored.target)?;
    let report = &restored.report;
    let excuses = Excuses::new(report.not_given);
    let check = Check { vault, target: &target, report, excuses, sums, monitor };
    let mut batch = Vec::with_capacity(BATCH);
    let mut files = 0;
    for entry in restored.part.entries(vault, restored.point.root.tree()?) {
        let entry = entry?;
        files += usize::from(entry.kind == EntryKind::File);
        // Of a file: the how manieth it is, from zero.
        let number = files.saturating_sub(1);
        if entry.kind == EntryKind::File && entry.size >= LARGE {
            // On all cores by itself: among others each of those would take all cores too.
            check.entry(&entry, number)?;
        } else {
            batch.push((entry, number));
        }
        if batch.len() == BATCH {
            in_parallel(cores(), &batch, |(entry, number)| check.entry(entry, *number))?;
            batch.clear();
        }
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, STOPPED));
        }
    }
    in_parallel(cores(), &batch, |(entry, number)| check.entry(entry, *number))?;
    Ok(check.excuses.labels())
}

const STOPPED: &str = "stopped as asked; the restored data was not compared";

/// A run, and the zeros before it.
struct Stretch {
    from: u64,
    run: Run,
    /// The how manieth file it is of, and the how manieth of that file's chunks is its first, from zero.
    file: usize,
    first: usize,
}

struct Check<'a> {
    vault: &'a Vault,
    target: &'a Target,
    report: &'a RestoreReport,
    excuses: Excuses,
    sums: &'a Sums,
    monitor: &'a dyn Monitor,
}

impl Check<'_> {
    fn entry(&self, entry: &Entry, number: usize) -> Result<()> {
        if matches!(entry.kind, EntryKind::CharDevice | EntryKind::BlockDevice)
            && self.report.devices_left_out > 0
        {
            return Ok(());
        }
        if entry.kind == EntryKind::Hardlink {
            return self.hard_link(entry);
        }
        let mut seen = self.see(&entry.path).map_err(|error| self.io("reading", entry, error))?;
        if entry.path.as_bytes().is_empty() {
            seen.meta.xattrs.retain(|name, _| !self.report.target_keeps.contains(name));
        }
        // A device that was restored to keeps its own.
        if !(entry.kind == EntryKind::File
            && seen.kind == EntryKind::BlockDevice
            && entry.path.as_bytes().is_empty())
        {
            self.metadata(entry, &seen)?;
        }
        if entry.kind == EntryKind::File {
            let file = self.open(entry).map_err(|error| self.io("opening", entry, error))?;
            // What the medium gives back is asked, and not what the kernel still remembers: all was made durable before. Where that is no
            // file of a kind that obeys, there is no other way.
            rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).ok();
            self.content(entry, number, &file)?;
            self.monitor.advance(entry.size, 1);
        }
        Ok(())
    }

    /// A hard link is right where it is the same inode as its first name, which is compared itself.
    fn hard_link(&self, entry: &Entry) -> Result<()> {
        let first = entry.target.clone().unwrap_or_default();
        match (self.see(&entry.path), self.see(&first)) {
            (Ok(one), Ok(other)) if one.inode == other.inode => Ok(()),
            (Err(Errno::NOENT), Err(Errno::NOENT)) if self.report.devices_left_out > 0 => Ok(()),
            _ => Err(self.wrong(entry, "restored otherwise than as another name of the same file")),
        }
    }

    fn see(&self, path: &ByteName) -> std::result::Result<Entry, Errno> {
        let path = path.clone();
        if path.as_bytes().is_empty() {
            return Ok(see(Spot::Open(self.target.as_fd()), path)?.entry);
        }
        let full = path.clone();
        let (dir, name) = split(full.as_bytes()).ok_or(Errno::INVAL)?;
        let dir = self.target.open_beneath(dir, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(see(Spot::Named(dir.as_fd(), name), path)?.entry)
    }

    fn open(&self, entry: &Entry) -> std::result::Result<OwnedFd, Errno> {
        if entry.path.as_bytes().is_empty() {
            return rustix::io::fcntl_dupfd_cloexec(&self.target.root, 0);
        }
        self.target.open_beneath(entry.path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK)
    }

    fn metadata(&self, stored: &Entry, seen: &Entry) -> Result<()> {
        match self.excuses.difference(stored, seen) {
            None => Ok(()),
            Some(what) => Err(self.wrong(stored, &format!("restored with another {what}"))),
        }
    }

    /// Every run against the sums of what was written, or its chunks' digests, and everything between runs against zero.
    fn content(&self, entry: &Entry, number: usize, file: &OwnedFd) -> Result<()> {
        let width = if entry.size < LARGE { 1 } else { cores() };
        let (mut end, mut chunks) = (0, 0);
        let mut waiting = Vec::new();
        let compare = |stretches: &[Stretch]| -> Result<()> {
            match stretches {
                _ if self.monitor.cancelled() => Err(Problem::new(Kind::Cancelled, STOPPED)),
                [one] => self.stretch(entry, file, one),
                _ => in_parallel(width, stretches, |stretch| self.stretch(entry, file, stretch)).map(drop),
            }
        };
        for run in runs(self.vault, entry.content.as_ref()) {
            let run = run?;
            let (from, first) = (end, chunks);
            end = run.offset + run.size();
            chunks += run.chunks.len();
            waiting.push(Stretch { from, run, file: number, first });
            if width == 1 || waiting.len() == RUNS {
                compare(&waiting)?;
                waiting.clear();
            }
        }
        compare(&waiting)?;
        self.zeros(entry, file, end, entry.size)
    }

    fn stretch(&self, entry: &Entry, file: &OwnedFd, stretch: &Stretch) -> Result<()> {
        self.zeros(entry, file, stretch.from, stretch.run.offset)?;
        let mut buffer = Vec::new();
        for (number, (offset, _, chunk)) in stretch.run.pieces().enumerate() {
            buffer.resize(chunk.size() as usize, 0);
            let read =
                read_full(file, offset, &mut buffer).map_err(|error| self.io("reading", entry, error))?;
            let sum = self.sums.of(stretch.file, stretch.first + number);
            let is_same =
                || sum.is_some_and(|sum| sum == sum_of(&buffer)) || Digest::of(&buffer) == chunk.sha256();
            if read != buffer.len() || !is_same() {
                return Err(self.wrong(entry, &format!("restored with other bytes at {offset}")));
            }
        }
        Ok(())
    }

    fn zeros(&self, entry: &Entry, file: &OwnedFd, mut at: u64, end: u64) -> Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        while at < end {
            // Holes need no reading.
            match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
                Ok(data) => at = data.max(at),
                Err(Errno::NXIO) => return Ok(()),
                Err(_) => {}
            }
            if at >= end {
                return Ok(());
            }
            let length = usize::try_from(end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            let read = read_full(file, at, &mut buffer[..length])
                .map_err(|error| self.io("reading", entry, error))?;
            if read == 0 || buffer[..read].iter().any(|byte| *byte != 0) {
                return Err(self.wrong(entry, &format!("restored with other bytes at {at}")));
            }
            at += read as u64;
        }
        Ok(())
    }

    fn wrong(&self, entry: &Entry, what: &str) -> Problem {
        Problem::damaged(self.target.place_of(&entry.path), what)
            .remedy("do not use this copy; restore again to another target")
    }

    fn io(&self, doing: &str, entry: &Entry, error: Errno) -> Problem {
        Problem::io(format!("{doing} what was restored"), error).at(self.target.place_of(&entry.path))
    }
}
