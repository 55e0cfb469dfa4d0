//! A scratch directory: new, private, marked, and removed by whoever made it.

use crate::domain::{Kind, Problem, Result, printable};
use crate::store::random_hex;
use rustix::fs::Mode;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The file that marks a directory as scratch space of ours.
const MARKER: &str = "this-is-outlive-scratch";

/// A scratch directory. Dropping it leaves it: removal is an act of its own, and recorded.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    identity: String,
}

/// What became of a scratch directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Where it was.
    pub path: String,
    /// Why it is still there; `None` when it is gone.
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
        let path = parent.join(format!("outlive-scratch-{}", &identity[..12]));
        let failed = |error: std::io::Error| {
            Problem::io("making scratch space", error).at(printable(path.as_os_str().as_bytes()))
        };
        rustix::fs::mkdir(&path, Mode::RWXU).map_err(|error| failed(error.into()))?;
        let mut marker = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path.join(MARKER))
            .map_err(failed)?;
        marker.write_all(identity.as_bytes()).map_err(failed)?;
        Ok(Self { path, identity })
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

    /// Removes the directory with all it holds, unless it is not ours any more or something is mounted in it.
    pub fn remove(self) -> Removal {
        let path = printable(self.path.as_os_str().as_bytes());
        let left = self.may_remove().and_then(|()| {
            std::fs::remove_dir_all(&self.path).map_err(|error| Problem::io("removing scratch space", error))
        });
        Removal { path, left: left.err().map(|problem| problem.what) }
    }

    fn may_remove(&self) -> Result<()> {
        let refuse = |why: &str| Err(Problem::new(Kind::Refused, why));
        match std::fs::read_to_string(self.path.join(MARKER)) {
            Ok(identity) if identity == self.identity => {}
            _ => return refuse("its mark is gone or another's"),
        }
        let mounts = std::fs::read("/proc/self/mountinfo")
            .map_err(|error| Problem::io("reading the mounts of this machine", error))?;
        if mentions(&mounts, self.path.as_os_str().as_bytes()) {
            return refuse("something is mounted in it");
        }
        Ok(())
    }
}

/// True where a mount point is the directory or lies in it. Directory names of ours need no escapes, and
/// what stands before them is compared as the kernel escapes it.
fn mentions(mounts: &[u8], directory: &[u8]) -> bool {
    let mut escaped = Vec::new();
    for byte in directory {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => escaped.extend(format!("\\{byte:03o}").bytes()),
            other => escaped.push(*other),
        }
    }
    mounts.split(|byte| *byte == b'\n').any(|line| {
        let point = line.split(|byte| *byte == b' ').nth(4).unwrap_or_default();
        point == escaped || point.strip_prefix(&*escaped).is_some_and(|rest| rest.first() == Some(&b'/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_space_is_private_and_goes_only_while_it_is_ours() {
        let temp = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(temp.path()).unwrap();
        let path = scratch.path().to_path_buf();
        let mode = rustix::fs::stat(&path).unwrap().st_mode & 0o777;
        assert_eq!(mode, 0o700);
        std::fs::write(path.join(MARKER), "another").unwrap();
        assert!(scratch.remove().left.is_some());
        assert!(path.exists());
        let scratch = Scratch::create(temp.path()).unwrap();
        let path = scratch.path().to_path_buf();
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        assert_eq!(scratch.remove().left, None);
        assert!(!path.exists());
    }

    #[test]
    fn a_mount_inside_is_seen_even_where_its_path_has_spaces() {
        let mounts = b"1 2 0:1 / /tmp/a\\040b/outlive-scratch-1/volume rw - ext4 /dev/loop0 rw\n";
        assert!(mentions(mounts, b"/tmp/a b/outlive-scratch-1"));
        assert!(!mentions(mounts, b"/tmp/a b/outlive-scratch-12"));
        assert!(!mentions(mounts, b"/tmp/a b/outlive"));
    }
}
