//! Making entries in order, and handing their content to the workers.

use super::super::format::{Entry, EntryKind, Meta, Run};
use super::super::line::{is_at_or_above, split};
use super::super::metadata::{Receiver, Spot, give};
use super::super::roots::FoundRoot;
use super::super::tree::runs;
use super::super::{Damage, Unread, Vault};
use super::begun::{has_chunk, is_made, is_same_file, make_dir, make_file};
use super::content::{Output, Piece, Shared, cannot_be_had, done, lose, work};
use super::fetch::{Fetched, fetch};
use super::job::{Job, Jobs};
use super::only::Part;
use super::sums::{Sums, sum_of};
use super::target::Target;
use super::{RestoreOptions, RestoreReport};
use crate::domain::{ByteName, Kind, Monitor, Problem, Result};
use crossbeam_channel::Sender;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, PoisonError};

/// A path whose content is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The path below the volume's root.
    pub path: ByteName,
    /// The damage that took it.
    pub because: String,
}

/// Jobs waiting for a worker, and fetched ones too; bounds open files too.
const AHEAD: usize = 2;
/// Jobs whose bytes are asked for at once: a store is slow to begin an answer, and workers are not to wait for that.
const FETCHING: usize = 4;

/// Restores the entries of a part of a point below `target`.
pub fn restore_entries(
    vault: &Vault,
    (found, part): (&FoundRoot, &Part),
    target: &mut Target,
    options: RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<(RestoreReport, Sums)> {
    let shared = Shared::default();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (out, jobs) = crossbeam_channel::bounded::<Job>(AHEAD);
    let (to_workers, fetched) = crossbeam_channel::bounded::<Fetched>(AHEAD);
    let (mut report, links) = std::thread::scope(|scope| {
        for _ in 0..FETCHING {
            let (jobs, to_workers, shared) = (jobs.clone(), to_workers.clone(), &shared);
            scope.spawn(move || {
                for job in jobs {
                    // Workers end only when all who fetch have.
                    drop(to_workers.send(fetch(vault, job, shared)));
                }
            });
        }
        for _ in 0..workers {
            let (fetched, shared) = (fetched.clone(), &shared);
            scope.spawn(move || {
                for job in fetched {
                    work(vault, job, shared, options, monitor);
                }
            });
        }
        drop((jobs, to_workers, fetched));
        let mut maker = Maker {
            vault,
            target,
            options,
            shared: &shared,
            monitor,
            out,
            open: Jobs::default(),
            dirs: Vec::new(),
            path: ByteName::default(),
            kept_bytes: 0,
            links: Vec::new(),
        };
        maker.all(found, part).map(|report| (report, maker.links))
    })?;
    if let Some(problem) = shared.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(problem);
    }
    let kept = shared.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.not_given = kept;
    report.lost.extend(shared.lost.into_inner().unwrap_or_else(PoisonError::into_inner));
    let noted = shared.damage.into_inner().unwrap_or_else(PoisonError::into_inner);
    let said = noted.iter().filter_map(|problem| Damage::said_by(problem, found.key.as_str()));
    report.damage = said.collect();
    report.unread = noted.iter().filter_map(|problem| Unread::said_by(problem, found.key.as_str())).collect();
    lose_other_names(&mut report.lost, links);
    report.lost.sort_by(|a, b| a.path.cmp(&b.path));
    report.lost.dedup_by(|a, b| a.path == b.path);
    Ok((report, shared.sums))
}

/// Makes entries in the order of the tree.
struct Maker<'a> {
    vault: &'a Vault,
    target: &'a Target,
    options: RestoreOptions,
    shared: &'a Shared,
    monitor: &'a dyn Monitor,
    out: Sender<Job>,
    /// What the next pieces may still be added to.
    open: Jobs,
    /// The directories from the root to where we are.
    dirs: Vec<Above>,
    /// The path of the last of them.
    path: ByteName,
    /// Bytes that were there already.
    kept_bytes: u64,
    /// Hard links and what they are names of; kept only where content may be lost.
    links: Vec<(ByteName, ByteName)>,
}

/// A directory that is being filled. Its path is a beginning of the path of the one below it, and not kept
/// once more: in a tree of great depth all paths together are large.
struct Above {
    dir: OwnedFd,
    /// Given when the directory is left.
    meta: Meta,
    /// How long its path is, in bytes.
    length: usize,
}

/// What is lost of a file is lost under each of its names.
fn lose_other_names(lost: &mut Vec<Lost>, links: Vec<(ByteName, ByteName)>) {
    let names: BTreeSet<ByteName> = lost.iter().map(|lost| lost.path.clone()).collect();
    let others = links.into_iter().filter(|(_, first)| names.contains(first));
    lost.extend(
        others
            .map(|(path, first)| Lost { path, because: format!("the same file as {first}, which is lost") }),
    );
}

impl Maker<'_> {
    fn all(&mut self, found: &FoundRoot, part: &Part) -> Result<RestoreReport> {
        let mut report = RestoreReport::default();
        for entry in part.entries(self.vault, found.root.tree()?) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(problem) if self.options.despite_damage && cannot_be_had(&problem) => {
                    let path = ByteName(b"(a page of the tree, with entries nobody can name)".to_vec());
                    report.lost.push(Lost { path, because: problem.to_string() });
                    self.shared.note(&problem);
                    continue;
                }
                Err(problem) => return Err(problem),
            };
            if self.monitor.cancelled() {
                return Err(Problem::new(
                    Kind::Cancelled,
                    "stopped as asked; the target holds a part of the data",
                ));
            }
            if self.shared.failed() {
                break;
            }
            self.entry(entry, &mut report)?;
        }
        for job in std::mem::take(&mut self.open).left() {
            self.send(job);
        }
        while !self.dirs.is_empty() {
            self.leave()?;
        }
        report.kept_bytes = self.kept_bytes;
        Ok(report)
    }

    /// Goes into a directory that was made.
    fn go_into(&mut self, entry: Entry, dir: OwnedFd) {
        self.dirs.push(Above { dir, meta: entry.meta, length: entry.path.as_bytes().len() });
        self.path = entry.path;
    }

    fn entry(&mut self, entry: Entry, report: &mut RestoreReport) -> Result<()> {
        if entry.path.as_bytes().is_empty() {
            let root =
                self.target.root.try_clone().map_err(|error| self.io("opening", &entry.path, error))?;
            report.entries += 1;
            if entry.kind == EntryKind::File {
                report.bytes += entry.size;
                let again = self.target.again;
                return self.fill(entry, root, again);
            }
            if let Some(had) = &self.target.had {
                let stored = &entry.meta.xattrs;
                report.target_keeps =
                    had.iter().filter(|name| !stored.contains_key(*name)).cloned().collect();
            }
            self.go_into(entry, root);
            return Ok(());
        }
        let path = entry.path.clone();
        let (parent, name) = split(path.as_bytes()).ok_or_else(|| {
            Problem::damaged(self.target.place_of(&path), "the vault holds a path that leaves the target")
        })?;
        if self.dirs.is_empty() || !is_at_or_above(parent, self.path.as_bytes()) {
            return self.orphan(path, report);
        }
        while self.dirs.last().is_some_and(|above| above.length > parent.len()) {
            self.leave()?;
        }
        report.entries += 1;
        if entry.kind == EntryKind::File {
            report.bytes += entry.size;
        }
        self.make(entry, name, report)
    }

    /// An entry whose directory is not in the tree: only where a page before it is lost.
    fn orphan(&self, path: ByteName, report: &mut RestoreReport) -> Result<()> {
        if !self.options.despite_damage {
            return Err(Problem::damaged(
                self.target.place_of(&path),
                "the vault holds this path without its directory",
            ));
        }
        report.lost.push(Lost { path, because: "its directory is in a damaged page".into() });
        Ok(())
    }

    fn make(&mut self, entry: Entry, name: &[u8], report: &mut RestoreReport) -> Result<()> {
        let Some(Above { dir: parent, .. }) = self.dirs.last() else { return Ok(()) };
        let parent = parent.as_fd();
        let again = self.target.again;
        let made = match entry.kind {
            EntryKind::File => {
                let place = self.target.place_of(&entry.path);
                let (file, again) = make_file((parent, name), entry.size, again, &place)?;
                return self.fill(entry, file, again);
            }
            EntryKind::Dir => {
                let dir = make_dir((parent, name), again, &self.target.place_of(&entry.path))?;
                self.go_into(entry, dir);
                return Ok(());
            }
            EntryKind::Symlink => {
                let to = entry.target.clone().unwrap_or_default();
                rustix::fs::symlinkat(to.as_bytes(), parent, name)
            }
            EntryKind::Hardlink => return self.hard_link(&entry, name, report),
            EntryKind::Fifo => rustix::fs::mknodat(parent, name, FileType::Fifo, Mode::RUSR, 0),
            EntryKind::Socket => rustix::fs::mknodat(parent, name, FileType::Socket, Mode::RUSR, 0),
            EntryKind::CharDevice | EntryKind::BlockDevice if !self.options.devices => {
                report.devices_left_out += 1;
                report.entries -= 1;
                return Ok(());
            }
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                let kind = if entry.kind == EntryKind::CharDevice {
                    FileType::CharacterDevice
                } else {
                    FileType::BlockDevice
                };
                let (major, minor) = entry.device.unwrap_or_default();
                rustix::fs::mknodat(parent, name, kind, Mode::RUSR, rustix::fs::makedev(major, minor))
            }
        };
        let receiver = if entry.kind == EntryKind::Symlink { Receiver::Link } else { Receiver::Made };
        let made = match made {
            Err(Errno::EXIST) if again => {
                is_made(parent, name, &entry, &self.target.place_of(&entry.path))?;
                Ok(())
            }
            other => other,
        };
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        made.and_then(|()| give(Spot::Named(parent, name), &entry.meta, receiver, &mut kept))
            .map_err(|error| self.io("making", &entry.path, error))
    }

    fn hard_link(&mut self, entry: &Entry, name: &[u8], report: &mut RestoreReport) -> Result<()> {
        let wrong = || {
            Problem::damaged(
                self.target.place_of(&entry.path),
                "the vault holds a hard link that leads nowhere",
            )
        };
        let first = entry.target.as_ref().ok_or_else(wrong)?;
        let (dir, first_name) = split(first.as_bytes()).ok_or_else(wrong)?;
        let Some(Above { dir: parent, .. }) = self.dirs.last() else { return Err(wrong()) };
        let linked = self.target.open_beneath(dir, OFlags::PATH | OFlags::DIRECTORY).and_then(|dir| {
            match rustix::fs::linkat(&dir, first_name, parent, name, AtFlags::empty()) {
                Err(Errno::EXIST)
                    if self.target.again
                        && is_same_file((dir.as_fd(), first_name), (parent.as_fd(), name)) =>
                {
                    Ok(())
                }
                other => other,
            }
        });
        if self.options.despite_damage {
            self.links.push((entry.path.clone(), first.clone()));
        }
        match linked {
            // Another name of a device that was left out.
            Err(Errno::NOENT) if report.devices_left_out > 0 => {
                report.devices_left_out += 1;
                report.entries -= 1;
                Ok(())
            }
            Err(error) if self.options.despite_damage => {
                let lost =
                    Lost { path: entry.path.clone(), because: format!("its other name is lost: {error}") };
                self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).push(lost);
                Ok(())
            }
            Err(Errno::NOENT) => Err(wrong()),
            other => other.map_err(|error| self.io("linking", &entry.path, error)),
        }
    }

    /// Hands the content of a new file to the workers, or what one lacks that a stopped restore made.
    fn fill(&mut self, entry: Entry, file: OwnedFd, again: bool) -> Result<()> {
        if !again && !self.target.is_device {
            let sized = rustix::fs::ftruncate(&file, entry.size); // new file: what no run covers stays a hole
            sized.map_err(|error| self.io("sizing", &entry.path, error))?;
        }
        let place = self.target.place_of(&entry.path);
        let content = entry.content.clone();
        self.shared.sums.begin_file();
        let is_device = self.target.is_device;
        let output =
            Arc::new(Output { entry, file, place, again, is_device, open_pieces: AtomicUsize::new(1) });
        for run in runs(self.vault, content.as_ref()) {
            match run {
                Ok(run) => self.add(&output, &run)?,
                Err(problem) if self.options.despite_damage && cannot_be_had(&problem) => {
                    lose(self.shared, &output, &problem);
                    break;
                }
                Err(problem) => return Err(problem),
            }
        }
        done(&output, self.shared);
        self.monitor.advance(0, 1);
        Ok(())
    }

    fn add(&mut self, output: &Arc<Output>, run: &Run) -> Result<()> {
        if run.offset.saturating_add(run.size()) > output.entry.size {
            let object = run.frame.pack.pack()?;
            return Err(Problem::damaged(object.as_str(), "a run reaches beyond its file"));
        }
        for (offset, skip, chunk) in run.pieces() {
            let sum = self.shared.sums.room();
            if output.again {
                let there = has_chunk(&output.file, offset, &chunk)
                    .map_err(|error| self.io("reading", &output.entry.path, error))?;
                if let Some(bytes) = there {
                    sum.into_iter().for_each(|number| self.shared.sums.note(number, sum_of(&bytes)));
                    self.monitor.advance(u64::from(chunk.size()), 0);
                    self.kept_bytes += u64::from(chunk.size());
                    continue;
                }
            }
            output.open_pieces.fetch_add(1, SeqCst);
            let piece = Piece { output: output.clone(), offset, skip, chunk, sum };
            if let Some(job) = self.open.add(&run.frame, piece) {
                self.send(job);
            }
        }
        Ok(())
    }

    fn send(&self, job: Job) {
        // Workers end only when this sender does.
        drop(self.out.send(job));
    }

    /// Leaves the directory where we are.
    fn leave(&mut self) -> Result<()> {
        let Some(Above { dir, meta, .. }) = self.dirs.pop() else { return Ok(()) };
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old_root = self.dirs.is_empty() && self.target.had.is_some();
        let receiver = if is_old_root { Receiver::WasThere } else { Receiver::Made };
        give(Spot::Open(dir.as_fd()), &meta, receiver, &mut kept)
            .map_err(|error| self.io("giving metadata to", &self.path, error))?;
        drop(kept);
        self.path.0.truncate(self.dirs.last().map_or(0, |above| above.length));
        Ok(())
    }

    fn io(&self, doing: &str, path: &impl std::fmt::Display, error: impl Into<std::io::Error>) -> Problem {
        Problem::io(doing, error).at(self.target.place_of(path))
    }
}
