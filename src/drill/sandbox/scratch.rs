//! A scratch directory: new, private, marked, and removed by whoever made it.

use super::mounts::{mounts_in, removal_commands};
use crate::domain::{Kind, Problem, Result, printable};
use crate::store::random_hex;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The file that marks a directory as scratch space of ours.
const MARKER: &str = "this-is-outlive-scratch";

/// The beginning of every scratch directory's name.
const PREFIX: &str = "outlive-scratch-";

/// A scratch directory. Dropping it leaves it: removal is an act of its own, and its outcome is part of the
/// result (the ledger of a rehearsal lies in the scratch space itself).
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    identity: String,
    /// The directory, locked while it is in use, so that others can tell: also while it is half made or half gone.
    _lock: File,
}

/// What became of a scratch directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Where it was.
    pub path: String,
    /// Why it is still there, and the commands that remove it; `None` when it is gone.
    pub left: Option<String>,
}

impl Scratch {
    /// Makes a new directory below `parent`, readable by its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(parent: &Path) -> Result<Self> {
        let parent = parent.canonicalize().map_err(|error| {
            Problem::io("making scratch space", error)
                .at(printable(parent.as_os_str().as_bytes()))
                .remedy("name an existing directory with --scratch")
        })?;
        let identity = random_hex()?;
        let path = parent.join(format!("{PREFIX}{}", &identity[..12]));
        let failed = |error: std::io::Error| {
            Problem::io("making scratch space", error).at(printable(path.as_os_str().as_bytes()))
        };
        rustix::fs::mkdir(&path, Mode::RWXU).map_err(|error| failed(error.into()))?;
        let lock = File::open(&path).map_err(failed)?;
        // Where there are no locks, what is in use cannot be told from what was left: nothing is then called left.
        let _held = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        let mut marker = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path.join(MARKER))
            .map_err(failed)?;
        marker.write_all(identity.as_bytes()).map_err(failed)?;
        Ok(Self { path, identity, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes free there.
    pub fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        stat.f_bavail.checked_mul(stat.f_frsize)
    }

    /// Scratch directories of this user beside this one that nobody uses any more.
    pub fn left_by_others(&self) -> Vec<PathBuf> {
        let siblings = self.path.parent().and_then(|parent| std::fs::read_dir(parent).ok());
        let mut left: Vec<PathBuf> = siblings
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| *path != self.path && is_ours(path) && is_unused(path))
            .collect();
        left.sort();
        left
    }

    /// The commands that remove it, for a person.
    pub fn removal_commands(&self) -> String {
        removal_commands(&self.path)
    }

    /// Removes the directory with all it holds, unless it is not ours any more or something is mounted in it.
    pub fn remove(self) -> Removal {
        let path = printable(self.path.as_os_str().as_bytes());
        let left = self.may_remove().and_then(|()| {
            std::fs::remove_dir_all(&self.path).map_err(|error| Problem::io("removing scratch space", error))
        });
        let left =
            left.err().map(|problem| format!("{}; to remove it: {}", problem.what, self.removal_commands()));
        Removal { path, left }
    }

    fn may_remove(&self) -> Result<()> {
        let refuse = |why: &str| Err(Problem::new(Kind::Refused, why));
        match std::fs::read_to_string(self.path.join(MARKER)) {
            Ok(identity) if identity == self.identity => {}
            _ => return refuse("its mark is gone or another's"),
        }
        if !mounts_in(&self.path)?.is_empty() {
            return refuse("something is mounted in it");
        }
        Ok(())
    }
}

/// A directory of this user with the name of scratch space. A run that was killed may not have marked it yet, or may
/// have been removing it.
fn is_ours(path: &Path) -> bool {
    let random = path.file_name().and_then(|name| name.as_bytes().strip_prefix(PREFIX.as_bytes()));
    let named = random.is_some_and(|random| random.len() == 12 && random.iter().all(u8::is_ascii_hexdigit));
    let user = rustix::process::geteuid().as_raw();
    named && rustix::fs::lstat(path).is_ok_and(|stat| stat.st_uid == user)
}

/// True where the lock on it is free.
fn is_unused(path: &Path) -> bool {
    let directory =
        rustix::fs::open(path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    directory.is_ok_and(|directory| flock(directory, FlockOperation::NonBlockingLockExclusive).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    #[test]
    fn scratch_space_is_private_and_goes_only_while_it_is_ours() {
        let temp = TempDir::new();
        let scratch = Scratch::create(temp.path()).unwrap();
        let path = scratch.path().to_path_buf();
        let mode = rustix::fs::stat(&path).unwrap().st_mode & 0o777;
        assert_eq!(mode, 0o700);
        fs::write(path.join(MARKER), "another").unwrap();
        assert!(scratch.remove().left.is_some());
        assert!(path.exists());
        let scratch = Scratch::create(temp.path()).unwrap();
        let path = scratch.path().to_path_buf();
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        assert_eq!(scratch.remove().left, None);
        assert!(!path.exists());
    }

    #[test]
    fn what_nobody_uses_any_more_is_found_and_what_is_in_use_is_not() {
        let temp = TempDir::new();
        let (stopped, mine) = (Scratch::create(temp.path()).unwrap(), Scratch::create(temp.path()).unwrap());
        std::fs::create_dir(temp.path().join("outlive-scratch-not")).unwrap();
        assert!(mine.left_by_others().is_empty());
        let path = stopped.path().to_path_buf();
        drop(stopped);
        assert_eq!(mine.left_by_others(), [&*path]);
        // As a run leaves it that was killed while it removed it.
        fs::remove_file(path.join(MARKER)).unwrap();
        assert_eq!(mine.left_by_others(), [path]);
    }
}
