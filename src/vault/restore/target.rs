//! The target of a restore: new and empty, and never left by following a name.

use super::super::format::EntryKind;
use super::super::metadata::Spot;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::fs::{Mode, OFlags, ResolveFlags};
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
}

impl Target {
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
            return Ok(Self { place, root, had: None });
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
            let mut entries = rustix::fs::Dir::read_from(&root).map_err(failed)?;
            let is_empty = entries
                .all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")));
            if !is_empty {
                return Err(refuse(&place, "the directory is not empty"));
            }
        }
        Ok(Self { place, root, had })
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
        Ok(Self { place, root, had: None })
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

fn refuse(place: &str, what: &str) -> Problem {
    Problem::new(Kind::Refused, format!("{what}, and nothing is overwritten"))
        .at(place)
        .remedy("name a target that does not exist yet, or an empty directory")
}
