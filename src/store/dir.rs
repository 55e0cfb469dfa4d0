//! A directory as a store. Objects appear whole or not at all, and nothing is renamed over or removed.

use super::names::sync_name;
use super::{
    Identity, Key, Listed, Retention, Store, UNLOCKED, Upload, has_no_locks, is_lost, read_failed, standing,
};
use crate::domain::{Kind, Lock, Problem, Result, Timestamp, printable};
use rustix::fs::{Advice, AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where objects wait for their key on filesystems that have no unnamed files.
pub const INCOMING: &str = "incoming";

/// A store in a directory.
#[derive(Debug, Clone)]
pub struct DirStore {
    path: PathBuf,
    root: Arc<OwnedFd>,
    /// Folders whose names were made durable since the store was opened.
    durable: Arc<Mutex<BTreeSet<String>>>,
}

impl DirStore {
    /// Opens an existing directory.
    ///
    /// # Errors
    /// Where it is not there, is no directory or may not be read.
    pub fn open(path: &Path) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| Problem::io("opening the directory", error).at(place))?;
        Ok(Self { path: path.to_path_buf(), root: Arc::new(root), durable: Arc::default() })
    }

    /// Makes the directory where it is not there yet, and opens it. Its parent must exist.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn create(path: &Path) -> Result<Self> {
        let failed =
            |doing: &str, error: Errno| Problem::io(doing, error).at(printable(path.as_os_str().as_bytes()));
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("making the directory", error)),
        }
        let store = Self::open(path)?;
        // One that was there may be what a run left that was stopped before its name was durable.
        sync_name(&*store.root).map_err(|error| failed("making the name of the directory durable", error))?;
        Ok(store)
    }

    fn open_beneath(&self, key: &str, flags: OFlags, mode: Mode) -> std::result::Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&*self.root, key, flags | OFlags::CLOEXEC, mode, resolve)
    }

    /// Opens the folder of a key, making it where it is not there yet.
    fn folder(&self, folder: &str) -> std::result::Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        if folder.is_empty() {
            return self.open_beneath(".", flags, Mode::empty());
        }
        let (above, name) = match folder.rsplit_once('/') {
            Some((above, name)) => (Some(self.folder(above)?), name),
            None => (None, folder),
        };
        let above = above.as_ref().unwrap_or(&self.root);
        match rustix::fs::mkdirat(above, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        // Whoever made it may have been stopped before this.
        if !self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            rustix::fs::fsync(above)?;
            self.durable.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        }
        self.open_beneath(folder, flags, Mode::empty())
    }

    fn failed(&self, doing: &str, key: &str, error: impl Into<io::Error>) -> Problem {
        Problem::io(format!("{doing} {key}"), error).at(self.place())
    }

    fn open_object(&self, key: &Key) -> Result<File> {
        let fd = self.open_beneath(key.as_str(), OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty());
        let file = File::from(fd.map_err(|error| read_failed(key, self, error.into()))?);
        let meta = file.metadata().map_err(|error| read_failed(key, self, error))?;
        if !meta.is_file() {
            return Err(Problem::damaged(key.as_str(), "not a regular file"));
        }
        Ok(file)
    }
}

impl Store for DirStore {
    fn place(&self) -> String {
        printable(self.path.as_os_str().as_bytes())
    }

    fn identity(&self) -> Result<Identity> {
        standing::identity(&*self.root)
    }

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        if retention.is_some() {
            return Err(has_no_locks(self.place()));
        }
        let (folder, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let failed = |error| self.failed("creating", key.as_str(), error);
        let dir = self.folder(folder).map_err(failed)?;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o400);
        let (file, waiting) = match rustix::fs::openat(&dir, ".", flags, mode) {
            Ok(file) => (file, None),
            // The filesystem has no unnamed files: the object waits under a name of its own, which stays.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                let incoming = self.folder(INCOMING).map_err(failed)?;
                let waiting = format!("{name}.{}", random_hex()?);
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
                (
                    rustix::fs::openat(&incoming, &*waiting, flags, mode).map_err(failed)?,
                    Some((incoming, waiting)),
                )
            }
            Err(error) => return Err(failed(error)),
        };
        let (store, name) = (self.clone(), name.to_owned());
        Ok(Box::new(DirUpload { store, key: key.clone(), dir, name, file: File::from(file), waiting }))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let mut file = self.open_object(key)?;
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(|error| read_failed(key, self, error))?;
        }
        Ok(Box::new(file))
    }

    fn there_since(&self, listed: &Listed) -> Result<Option<Timestamp>> {
        let meta = self.open_object(&listed.key)?.metadata();
        let changed = meta.and_then(|meta| meta.modified());
        Ok(Some(changed.map_err(|error| read_failed(&listed.key, self, error))?.into()))
    }

    fn forget(&self, key: &Key) -> Result<()> {
        let file = self.open_object(key)?;
        // What is not on the medium yet stays remembered. A filesystem that is never written has no sync.
        match rustix::fs::fsync(&file) {
            Ok(()) | Err(Errno::INVAL | Errno::ROFS) => {}
            Err(error) => return Err(read_failed(key, self, error.into())),
        }
        rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)
            .map_err(|error| read_failed(key, self, error.into()))
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        match self.open_object(key) {
            Ok(file) => {
                let meta = file.metadata().map_err(|error| read_failed(key, self, error))?;
                Ok(Some(meta.len()))
            }
            Err(problem) if problem.kind == Kind::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        let failed = |error: Errno| self.failed("listing", ".", error);
        for entry in rustix::fs::Dir::read_from(&*self.root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = printable(entry.file_name().to_bytes());
            if name != "." && name != ".." && !known.contains(&&*name) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let failed = |error: Errno| self.failed("listing", folder, error);
        let dir = match self.open_beneath(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            // What is no key was not written by us; it can neither be read nor harm.
            let Ok(key) = Key::new(format!("{folder}/{}", name.to_string_lossy())) else { continue };
            let bytes = match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => u64::try_from(stat.st_size).ok(),
                // The others are there all the same.
                Err(error) if is_lost(error) => None,
                Err(error) => return Err(failed(error)),
            };
            found.push(Listed { key, bytes, stored_at: None });
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }
}

/// Sixteen random bytes as hexadecimal digits.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn random_hex() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::new(Kind::Io, format!("no random bytes to be had: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

struct DirUpload {
    store: DirStore,
    key: Key,
    dir: OwnedFd,
    name: String,
    file: File,
    waiting: Option<(OwnedFd, String)>,
}

impl Write for DirUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for DirUpload {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        let failed = |error: io::Error| self.store.failed("writing", self.key.as_str(), error);
        self.file.sync_all().map_err(failed)?;
        let linked = match &self.waiting {
            Some((incoming, name)) => {
                rustix::fs::linkat(incoming, &**name, &self.dir, &*self.name, AtFlags::empty())
            }
            None => {
                let unnamed = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                rustix::fs::linkat(rustix::fs::CWD, unnamed, &self.dir, &*self.name, AtFlags::SYMLINK_FOLLOW)
            }
        };
        linked.map_err(|error| match error {
            Errno::EXIST => {
                Problem::new(Kind::Refused, "an object of this key exists, and nothing is overwritten")
                    .at(format!("{}/{}", self.store.place(), self.key))
            }
            Errno::PERM | Errno::OPNOTSUPP => {
                Problem::new(Kind::Refused, "this filesystem cannot link files")
                    .at(self.store.place())
                    .remedy("keep the vault on a filesystem with hard links: ext4, xfs, btrfs, zfs or NFS")
            }
            other => failed(other.into()),
        })?;
        rustix::fs::fsync(&self.dir).map_err(|error| failed(error.into()))?;
        Ok(Some(UNLOCKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::TempDir;

    #[test]
    fn an_object_appears_whole_and_is_never_overwritten() {
        let temp = TempDir::new();
        let store = DirStore::create(&temp.path().join("vault")).unwrap();
        let store: &dyn Store = &store;
        let key = Key::new("packs/one").unwrap();
        let mut upload = store.put_new(&key, None).unwrap();
        upload.write_all(b"half").unwrap();
        assert_eq!(store.size(&key).unwrap(), None);
        drop(upload);
        assert!(store.list("packs").unwrap().is_empty(), "an unfinished object left something");
        store.put_bytes(&key, b"whole").unwrap();
        assert_eq!(store.put_bytes(&key, b"other").unwrap_err().kind, Kind::Refused);
        assert_eq!(store.get_bytes(&key, 99).unwrap(), b"whole");
        assert_eq!(store.get_range(&key, 2, 3).unwrap(), b"ole");
        assert_eq!(store.get_range(&key, 2, 4).unwrap_err().kind, Kind::Damaged);
        assert_eq!(
            store.get_bytes(&Key::new("packs/two").unwrap(), 9).map(drop).unwrap_err().kind,
            Kind::NotFound
        );
    }

    #[test]
    fn a_symlink_in_the_store_is_not_followed() {
        let temp = TempDir::new();
        let store = DirStore::create(temp.path()).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", temp.path().join("vault.json")).unwrap();
        assert!((&store as &dyn Store).get_bytes(&Key::new("vault.json").unwrap(), 99).is_err());
    }
}
