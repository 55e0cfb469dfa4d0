//! The target of a restore: new and empty, or as a restore of the same left it that was stopped; never left by following a name.

use super::super::format::{Entry, EntryKind};
use super::super::metadata::Spot;
use super::begun::grow;
use super::device::{is_device, open_empty};
use super::note::{Beginning, Note, Subject, Vacant, begin};
use crate::domain::{Kind, Monitor, Problem, Result, printable};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An open target. For a tree: a directory that was empty. For a single file: that file, newly made.
pub struct Target {
    place: String,
    /// The directory, or the new file.
    pub root: OwnedFd,
    /// The names of the attributes of a directory that was there before.
    pub had: Option<BTreeSet<String>>,
    /// True where a restore of the same was stopped here.
    pub again: bool,
    /// True for a block device: it has a length and an owner of its own.
    pub is_device: bool,
}

/// How a target is noted.
#[derive(Clone)]
pub enum Noting {
    /// Not at all: it lies in scratch space.
    No,
    /// Beside it, so that a restore that is stopped can go on.
    Beside(Subject),
}

/// A target, with the note beside it or why there is none.
pub struct Prepared {
    pub target: Target,
    pub note: Option<Note>,
    pub unnoted: Option<String>,
}

/// Makes the target of a point that begins with this entry, or opens what a stopped restore of the same left.
///
/// # Errors
/// `Refused` where there is anything else.
pub fn prepare(path: &Path, root: &Entry, noting: Noting, monitor: &dyn Monitor) -> Result<Prepared> {
    if root.kind == EntryKind::File && is_device(path) {
        let place = printable(path.as_os_str().as_bytes());
        let device = open_empty(path, root.size, &place, monitor)?;
        let target = Target { place, root: device, had: None, again: false, is_device: true };
        return Ok(Prepared { target, note: None, unnoted: None });
    }
    let Noting::Beside(subject) = noting else {
        return Ok(Prepared { target: Target::create(path, root.kind)?, note: None, unnoted: None });
    };
    match begin(path, &subject, Target::vacant(path, root.kind))? {
        Beginning::Unnoted(why) => {
            Ok(Prepared { target: Target::create(path, root.kind)?, note: None, unnoted: Some(why) })
        }
        Beginning::New(mut note) => {
            let target = Target::create(path, root.kind)?;
            target.noted(&mut note)?;
            Ok(Prepared { target, note: Some(note), unnoted: None })
        }
        Beginning::Again { mut note, made } => {
            let target = match made {
                Some(made) => Target::again(path, root, made)?,
                // It was stopped before the target was there, or before it was noted to be: then it is empty.
                None => {
                    let target = match Target::create(path, root.kind) {
                        Err(_) if root.kind == EntryKind::File => Target::empty_file(path)?,
                        other => other?,
                    };
                    target.noted(&mut note)?;
                    target
                }
            };
            Ok(Prepared { target, note: Some(note), unnoted: None })
        }
    }
}

/// What a target is told by: its inode, which the roots of filesystems share, with its filesystem and when it was made. `None` where one of them
/// is not known.
fn told(target: &OwnedFd) -> Option<String> {
    let flags = StatxFlags::INO | StatxFlags::BTIME;
    let stat = rustix::fs::statx(target, c"", AtFlags::EMPTY_PATH, flags).ok()?;
    let filesystem = rustix::fs::fstatvfs(target).ok()?.f_fsid;
    let known = stat.stx_mask & flags.bits() == flags.bits();
    let device = (stat.stx_dev_major, stat.stx_dev_minor);
    let made = (stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec);
    known.then(|| {
        format!("{}:{}:{:x}:{}:{}.{:09}", device.0, device.1, filesystem, stat.stx_ino, made.0, made.1)
    })
}

impl Target {
    /// Whether there is nothing that a restore would write over, before anything is made.
    pub fn vacant(path: &Path, kind: EntryKind) -> Vacant {
        let place = printable(path.as_os_str().as_bytes());
        let failed = |error: Errno| Problem::io("looking at the target", error).at(place.clone());
        let stat = match rustix::fs::lstat(path) {
            Err(Errno::NOENT) => return Ok(()),
            other => other.map_err(failed)?,
        };
        if kind != EntryKind::Dir || FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(refuse(&place, "there is something already"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
        if is_empty(&dir).map_err(failed)? {
            Ok(())
        } else {
            Err(refuse(&place, "the directory is not empty"))
        }
    }

    fn noted(&self, note: &mut Note) -> Result<()> {
        // What cannot be told from another is not gone on with.
        told(&self.root).map_or(Ok(()), |told| note.made(&told, self.had.is_none()))
    }

    /// Opens what a stopped restore made.
    fn again(path: &Path, root: &Entry, (made, new): (String, bool)) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let failed =
            |error: Errno| Problem::io("opening the target of a stopped restore", error).at(place.clone());
        let access = if root.kind == EntryKind::File { OFlags::RDWR } else { OFlags::DIRECTORY };
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
        let is_it = told(&opened) == Some(made);
        if !is_it {
            return Err(refuse(&place, "there is something else than the stopped restore made"));
        }
        if root.kind == EntryKind::File {
            grow(&opened, root.size, &place)?;
        }
        let names = || Spot::Open(opened.as_fd()).xattr_names().map_err(failed);
        let had = if new { None } else { Some(names()?) };
        Ok(Self { place, root: opened, had, again: true, is_device: false })
    }

    /// Opens the file that a restore made, where it was stopped before anything else.
    fn empty_file(path: &Path) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let stat = opened.and_then(|root| Ok((rustix::fs::fstat(&root)?, root)));
        match stat {
            Ok((stat, root))
                if stat.st_size == 0 && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile =>
            {
                Ok(Self { place, root, had: None, again: false, is_device: false })
            }
            _ => Err(refuse(&place, "there is something already")),
        }
    }

    /// Makes the target where it is not there; an existing empty directory serves as well.
    ///
    /// # Errors
    /// `Refused` where there is something already.
    pub fn create(path: &Path, kind: EntryKind) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let failed = |error: Errno| Problem::io("making the target", error).at(place.clone());
        if kind == EntryKind::File {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let root = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
                Err(Errno::EXIST) => return Err(refuse(&place, "there is something already")),
                other => other.map_err(failed)?,
            };
            return Ok(Self { place, root, had: None, again: false, is_device: false });
        }
        let made = match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(failed(error)),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(refuse(&place, "there is something already")),
            other => other.map_err(failed)?,
        };
        let mut had = None;
        if !made {
            had = Some(Spot::Open(root.as_fd()).xattr_names().map_err(failed)?);
            if !is_empty(&root).map_err(failed)? {
                return Err(refuse(&place, "the directory is not empty"));
            }
        }
        Ok(Self { place, root, had, again: false, is_device: false })
    }

    /// Opens an existing target for reading it back.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn open(path: &Path) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| Problem::io("opening the restored data", error).at(place.clone()))?;
        Ok(Self { place, root, had: None, again: false, is_device: false })
    }

    /// Opens something below the target without following any link.
    pub fn open_beneath(&self, path: &[u8], flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let path = if path.is_empty() { b"." } else { path };
        rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// Where something below the target is, for people.
    pub fn place_of(&self, path: &impl std::fmt::Display) -> String {
        format!("{}/{path}", self.place)
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// What the operating system said: then nothing restored may be relied on.
    pub fn sync(&self) -> Result<()> {
        let failed =
            |error: Errno| Problem::io("making the restored data durable", error).at(self.place.clone());
        rustix::fs::syncfs(&self.root).map_err(failed)?;
        rustix::fs::fsync(&self.root).map_err(failed)
    }
}

impl AsFd for Target {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

fn is_empty(dir: &OwnedFd) -> std::result::Result<bool, Errno> {
    let mut entries = rustix::fs::Dir::read_from(dir)?;
    Ok(entries.all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b".."))))
}

fn refuse(place: &str, what: &str) -> Problem {
    Problem::new(Kind::Refused, format!("{what}, and nothing is overwritten"))
        .at(place)
        .remedy("name a target that does not exist yet, or an empty directory")
}
