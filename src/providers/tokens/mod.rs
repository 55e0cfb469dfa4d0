//! Tokens that lie about: a directory is searched for what looks like one, within bounds, over no link and into no other
//! filesystem. What is found is told by its place; its value goes nowhere but into the one question that somebody allows.

mod left;
mod shapes;

pub use shapes::{Hit, RAILWAY, hits};

use super::graphql::Stop;
use crate::domain::{Problem, Result, printable};
use crate::estate::Secret;
use left::{Left, Why};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How far a search goes.
#[derive(Debug, Clone)]
pub struct Reach {
    /// How many entries of directories are looked at.
    pub entries: usize,
    /// How many directories deep.
    pub depth: usize,
    /// How much of one file is read, in bytes.
    pub file: u64,
    /// How many tokens are told.
    pub found: usize,
    /// How long it may take.
    pub time: Duration,
}

impl Default for Reach {
    /// A million entries, 64 deep, 16 MiB of a file, 10,000 tokens, 10 minutes.
    fn default() -> Self {
        Self { entries: 1_000_000, depth: 64, file: 16 << 20, found: 10_000, time: Duration::from_secs(600) }
    }
}

/// A token that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What it is.
    pub kind: &'static str,
    /// Its value, where it is one that can be asked what it reaches.
    pub value: Option<Secret>,
}

/// What a search came to.
#[derive(Debug, Default)]
pub struct Searched {
    /// How many files were read.
    pub files: usize,
    /// The tokens, in the order of files and lines.
    pub found: Vec<Found>,
    /// What was not looked into, each reason once, with an example that is safe to print.
    pub gaps: Vec<String>,
}

/// Searches a directory, or one file.
///
/// # Errors
/// `NotFound` or `Io` where it cannot be opened at all.
pub fn search(root: &Path, reach: &Reach, stop: &Stop) -> Result<Searched> {
    let place = printable(root.as_os_str().as_bytes());
    let failed = |error: rustix::io::Errno| {
        Problem::io("searching for tokens", std::io::Error::from(error)).at(&*place)
    };
    let seen = statat(CWD, root, AtFlags::empty()).map_err(failed)?;
    let until = Instant::now() + reach.time;
    let whole = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let mut search = Search {
        reach,
        stop,
        until,
        device: seen.st_dev,
        whole,
        entries: 0,
        left: Left::default(),
        done: Searched::default(),
    };
    if FileType::from_raw_mode(seen.st_mode).is_dir() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, root, flags, Mode::empty()).map_err(failed)?;
        search.directory(&opened, root, 0);
    } else {
        // A link that is named itself is followed.
        let real = search.whole.clone();
        search.entry(CWD, real.as_os_str(), root, 0);
    }
    let Search { left, mut done, .. } = search;
    done.gaps = left.said(reach);
    Ok(done)
}

struct Search<'s> {
    reach: &'s Reach,
    stop: &'s Stop,
    until: Instant,
    device: u64,
    /// Where the root really is.
    whole: PathBuf,
    entries: usize,
    left: Left,
    done: Searched,
}

impl Search<'_> {
    /// Whether nothing more is looked at.
    fn is_over(&mut self, path: &Path) -> bool {
        let why = match () {
            () if self.entries > self.reach.entries => Why::Entries,
            () if self.done.found.len() >= self.reach.found => Why::Found,
            () if self.stop.is_asked() => Why::Stopped,
            () if Instant::now() >= self.until => Why::Late,
            () => return false,
        };
        self.left.once(why, path);
        true
    }

    fn directory(&mut self, opened: &OwnedFd, path: &Path, depth: usize) {
        let names = match self.names(opened, path) {
            Ok(names) => names,
            Err(()) => return,
        };
        for name in names {
            let path = path.join(&name);
            if self.is_over(&path) {
                return;
            }
            self.entry(opened.as_fd(), &name, &path, depth);
        }
    }

    /// The names in a directory, in order; counted before they are kept, so that one huge directory is bounded too.
    fn names(&mut self, opened: &OwnedFd, path: &Path) -> std::result::Result<Vec<OsString>, ()> {
        let unread = |search: &mut Self| search.left.add(Why::Unread, path);
        let Ok(entries) = Dir::read_from(opened) else {
            unread(self);
            return Err(());
        };
        let mut names = Vec::new();
        for entry in entries {
            let Ok(entry) = entry else {
                unread(self);
                break;
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            self.entries += 1;
            if self.is_over(path) {
                return Err(());
            }
            names.push(OsString::from_vec(name.to_vec()));
        }
        names.sort();
        Ok(names)
    }

    fn entry(&mut self, at: BorrowedFd<'_>, name: &OsStr, path: &Path, depth: usize) {
        let seen = match statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(seen) => seen,
            // It vanished meanwhile.
            Err(rustix::io::Errno::NOENT) => return,
            Err(_) => return self.left.add(Why::Unread, path),
        };
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::Directory if seen.st_dev != self.device => self.left.add(Why::Elsewhere, path),
            FileType::Directory if depth + 1 >= self.reach.depth => self.left.add(Why::Deep, path),
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                match openat(at, name, flags, Mode::empty()) {
                    Ok(opened) if is_same(&opened, &seen) => self.directory(&opened, path, depth + 1),
                    _ => self.left.add(Why::Unread, path),
                }
            }
            FileType::RegularFile => self.file(at, name, path, &seen),
            FileType::Symlink => self.link(path),
            _ => self.left.add(Why::Special, path),
        }
    }

    /// What a link leads to is looked at where it is, if that is below the root.
    fn link(&mut self, path: &Path) {
        match std::fs::canonicalize(path) {
            Ok(there) if there.starts_with(&self.whole) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            _ => self.left.add(Why::Link, path),
        }
    }

    fn file(&mut self, at: BorrowedFd<'_>, name: &OsStr, path: &Path, seen: &Stat) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match openat(at, name, flags, Mode::empty()) {
            // Another one took its place: it might be anything.
            Ok(opened) if is_same(&opened, seen) => opened,
            _ => return self.left.add(Why::Unread, path),
        };
        let mut bytes = Vec::new();
        if File::from(opened).take(self.reach.file + 1).read_to_end(&mut bytes).is_err() {
            self.left.add(Why::Unread, path);
        }
        self.done.files += 1;
        if bytes.len() as u64 > self.reach.file {
            self.left.add(Why::Large, path);
            bytes.truncate(usize::try_from(self.reach.file).unwrap_or(usize::MAX));
        }
        if left::is_packed(&bytes) {
            self.left.add(Why::Packed, path);
        } else if bytes.iter().take(8 << 10).any(|byte| *byte == 0) {
            self.left.add(Why::Binary, path);
        }
        let (mut line, mut counted) = (1, 0);
        for Hit { at, end, kind } in hits(&bytes) {
            line += bytes[counted..at].iter().filter(|byte| **byte == b'\n').count();
            counted = at;
            if self.done.found.len() >= self.reach.found {
                return self.left.once(Why::Found, path);
            }
            let value = || std::str::from_utf8(&bytes[at..end]).ok().map(Secret::new);
            let value = (kind == RAILWAY).then(value).flatten();
            self.done.found.push(Found { path: path.to_owned(), line, kind, value });
        }
    }
}

/// Whether what was opened is what was looked at.
fn is_same(opened: &OwnedFd, seen: &Stat) -> bool {
    let same = |stat: Stat| {
        (stat.st_dev, stat.st_ino, stat.st_mode & 0o170_000)
            == (seen.st_dev, seen.st_ino, seen.st_mode & 0o170_000)
    };
    fstat(opened).is_ok_and(same)
}
