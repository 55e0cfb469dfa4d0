//! What a volume's source still holds: bytes of its files, asked for one by one.

use super::{DeviceSource, TreeSource, is_device};
use crate::domain::{ByteName, Timestamp};
use crate::vault::{Original, Source};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};

/// A directory, an image file or a block device from which a volume was copied.
pub struct OriginalFiles {
    start: OwnedFd,
    path: PathBuf,
    now: Timestamp,
    /// The vault itself, by device and inode, should it lie inside.
    skip: Vec<(u64, u64)>,
}

impl OriginalFiles {
    /// What is at a path now; none where nothing can be opened there.
    pub fn open(path: &Path, skip: Vec<(u64, u64)>, now: Timestamp) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let start = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        Some(Self { start, path: path.to_path_buf(), now, skip })
    }

    /// The file with this path below it, or the one that it is itself.
    fn file(&self, path: &ByteName) -> Option<File> {
        if path.as_bytes().is_empty() {
            return File::open(&self.path).ok();
        }
        let name = std::ffi::OsStr::from_bytes(path.as_bytes());
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat2(&self.start, name, flags, Mode::empty(), resolve).ok().map(File::from)
    }
}

impl Original for OriginalFiles {
    fn read(&self, path: &ByteName, offset: u64, size: u32) -> Option<Vec<u8>> {
        let file = self.file(path)?;
        let kind = file.metadata().ok()?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return None;
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    fn source(&self) -> Option<Box<dyn Source>> {
        if is_device(&self.path) {
            let device = DeviceSource::open(&self.path, self.now).ok()?;
            return Some(Box::new(device));
        }
        let tree = TreeSource::open(&self.path, self.skip.clone()).ok()?;
        Some(Box::new(tree))
    }
}
