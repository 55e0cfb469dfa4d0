//! Damage to what was restored into scratch space, and its undoing: how a check is proved.

use super::super::checks::Damage;
use super::Scratch;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::fs::{OFlags, Timespec, Timestamps, futimens};
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file with the wrong name for anybody's data.
const EXTRA: &str = ".outlive-drill-extra-file";

/// How a damage is undone.
#[derive(Debug)]
pub struct Undo(Done);

#[derive(Debug)]
enum Done {
    Flipped(PathBuf, u64),
    Added(PathBuf),
    Longer(PathBuf, u64),
    Nothing,
}

/// Damages the tree or file at `restored`, which must lie in `scratch`.
///
/// # Errors
/// `NotFound` where there is nothing that this damage fits; otherwise what the operating system said.
pub fn damage(kind: Damage, restored: &Path, scratch: &Scratch) -> Result<Undo> {
    if !restored.starts_with(scratch.path()) {
        return Err(Problem::new(Kind::Refused, "only what lies in scratch space is damaged"));
    }
    match kind {
        Damage::FlippedByte => {
            let (path, at) = some_byte(restored)
                .ok_or_else(|| Problem::new(Kind::NotFound, "there is no file with a byte in it"))?;
            flip(&path, at)?;
            Ok(Undo(Done::Flipped(path, at)))
        }
        Damage::ExtraFile => {
            let path = restored.join(EXTRA);
            keeping_times(restored, || {
                OpenOptions::new().write(true).create_new(true).open(&path).map(drop)
            })?;
            Ok(Undo(Done::Added(path)))
        }
        Damage::ExtraByte => {
            let length = lengthen(restored)?;
            Ok(Undo(Done::Longer(restored.to_path_buf(), length)))
        }
        Damage::Emptiness => Ok(Undo(Done::Nothing)),
    }
}

impl Undo {
    /// Makes it as it was.
    ///
    /// # Errors
    /// What the operating system said: what was restored is not to be used any more.
    pub fn undo(self) -> Result<()> {
        match self.0 {
            Done::Flipped(path, at) => flip(&path, at),
            Done::Added(path) => {
                let directory = path.parent().unwrap_or(Path::new("/"));
                keeping_times(directory, || std::fs::remove_file(&path))
            }
            Done::Longer(path, length) => keeping_times(&path, || writable(&path)?.set_len(length)),
            Done::Nothing => Ok(()),
        }
    }
}

/// A byte in the middle of the first file that has one, in the order of names.
fn some_byte(path: &Path) -> Option<(PathBuf, u64)> {
    let seen = std::fs::symlink_metadata(path).ok()?;
    if seen.is_file() {
        return (seen.len() > 0).then(|| (path.to_path_buf(), seen.len() / 2));
    }
    if !seen.is_dir() {
        return None;
    }
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.sort();
    names.iter().find_map(|path| some_byte(path))
}

/// Inverts one byte; doing so twice undoes it. The times stay, so that only the byte differs.
fn flip(path: &Path, at: u64) -> Result<()> {
    keeping_times(path, || {
        let file = writable(path)?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        file.write_all_at(&[!byte[0]], at)
    })
}

/// Adds a byte; how long the file was.
fn lengthen(path: &Path) -> Result<u64> {
    let mut length = 0;
    keeping_times(path, || {
        let file = writable(path)?;
        length = file.metadata()?.len();
        file.write_all_at(&[0xff], length)
    })?;
    Ok(length)
}

fn writable(path: &Path) -> std::io::Result<File> {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(no_link).open(path)
}

fn keeping_times(path: &Path, act: impl FnOnce() -> std::io::Result<()>) -> Result<()> {
    let failed = |error: std::io::Error| {
        Problem::io("damaging what was restored", error).at(printable(path.as_os_str().as_bytes()))
    };
    let seen = std::fs::symlink_metadata(path).map_err(failed)?;
    act().map_err(failed)?;
    let times = Timestamps {
        last_access: Timespec { tv_sec: seen.atime(), tv_nsec: seen.atime_nsec() },
        last_modification: Timespec { tv_sec: seen.mtime(), tv_nsec: seen.mtime_nsec() },
    };
    let file = File::open(path).map_err(failed)?;
    futimens(&file, &times).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    #[test]
    fn a_damage_is_one_thing_and_its_undoing_leaves_nothing() {
        let temp = TempDir::new();
        let scratch = Scratch::create(temp.path()).unwrap();
        let tree = scratch.path().join("tree");
        std::fs::create_dir_all(tree.join("a")).unwrap();
        fs::write(tree.join("a/empty"), b"").unwrap();
        fs::write(tree.join("a/file"), b"12345").unwrap();
        let modified = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
        let before = (modified(&tree), modified(&tree.join("a/file")));
        let flipped = damage(Damage::FlippedByte, &tree, &scratch).unwrap();
        assert_eq!(std::fs::read(tree.join("a/file")).unwrap(), [b'1', b'2', !b'3', b'4', b'5']);
        flipped.undo().unwrap();
        assert_eq!(std::fs::read(tree.join("a/file")).unwrap(), b"12345");
        let added = damage(Damage::ExtraFile, &tree, &scratch).unwrap();
        assert_eq!(std::fs::read_dir(&tree).unwrap().count(), 2);
        added.undo().unwrap();
        let longer = damage(Damage::ExtraByte, &tree.join("a/file"), &scratch).unwrap();
        assert_eq!(std::fs::read(tree.join("a/file")).unwrap(), b"12345\xff");
        assert_eq!(modified(&tree.join("a/file")), before.1);
        longer.undo().unwrap();
        assert_eq!(std::fs::read(tree.join("a/file")).unwrap(), b"12345");
        assert_eq!(std::fs::read_dir(&tree).unwrap().count(), 1);
        assert_eq!((modified(&tree), modified(&tree.join("a/file"))), before);
    }

    #[test]
    fn nothing_outside_scratch_space_is_damaged() {
        let temp = TempDir::new();
        let scratch = Scratch::create(temp.path()).unwrap();
        fs::write(temp.path().join("file"), b"mine").unwrap();
        let refused = damage(Damage::FlippedByte, &temp.path().join("file"), &scratch).unwrap_err();
        assert_eq!(refused.kind, Kind::Refused);
        assert_eq!(std::fs::read(temp.path().join("file")).unwrap(), b"mine");
        let links = scratch.path().join("links");
        std::fs::create_dir(&links).unwrap();
        std::os::unix::fs::symlink(temp.path().join("file"), links.join("link")).unwrap();
        assert_eq!(damage(Damage::FlippedByte, &links, &scratch).unwrap_err().kind, Kind::NotFound);
    }
}
