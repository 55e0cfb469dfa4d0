//! What a path is: its identity, its form, and the mount that holds it.

use super::mountinfo::{self, Mount};
use super::system::{System, shown, volume_host};
use super::unseen::Unseen;
use crate::domain::{GapReason, Timestamp, VolumeId};
use rustix::fs::{AtFlags, CWD, FileType, Statx, StatxFlags, StatxTimestamp, statx};
use std::fs;
use std::path::{Path, PathBuf};

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Directory,
    File,
    /// A block device with its number.
    Block((u32, u32)),
    /// A socket, pipe or character device: nothing is stored in it.
    Other,
}

/// A path with all that identifies it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Absolute, every symbolic link followed.
    pub(super) path: PathBuf,
    pub(super) form: Form,
    /// The device number that files here carry; btrfs gives each subvolume its own.
    pub(super) device: (u32, u32),
    pub(super) inode: u64,
    pub(super) bytes: u64,
    pub(super) modified: Option<Timestamp>,
    pub(super) born: Option<Timestamp>,
    pub(super) mount: Mount,
    /// Where it is within its filesystem, whatever mount shows it.
    pub(super) tree: PathBuf,
}

/// The machine as it is looked at in one survey.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) system: System,
    pub(super) now: Timestamp,
    pub(super) mounts: Result<Vec<Mount>, Unseen>,
}

impl Machine {
    pub(super) fn look(system: &System, now: Timestamp) -> Self {
        Self { system: system.clone(), now, mounts: mountinfo::read(system) }
    }

    /// What lies at `path`.
    pub(super) fn place(&self, path: &Path) -> Result<Place, Unseen> {
        let path = fs::canonicalize(path).map_err(|error| Unseen::io(&error))?;
        let flags = StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID;
        let seen = statx(CWD, &path, AtFlags::empty(), flags)?;
        let known = |flag: StatxFlags| seen.stx_mask & flag.bits() != 0;
        let number = known(StatxFlags::MNT_ID).then_some(seen.stx_mnt_id);
        let mounts = self.mounts.as_ref().map_err(Clone::clone)?;
        let mount = mountinfo::holding(mounts, &path, number).cloned().ok_or_else(|| {
            Unseen::new(
                GapReason::Failed,
                "no line of the table of mounts holds it; mount /proc, or run this outside the chroot",
            )
        })?;
        Ok(Place {
            form: form(&seen),
            device: (seen.stx_dev_major, seen.stx_dev_minor),
            inode: seen.stx_ino,
            bytes: seen.stx_size,
            modified: moment(&seen.stx_mtime),
            born: known(StatxFlags::BTIME).then(|| moment(&seen.stx_btime)).flatten(),
            tree: mount.within(&path),
            mount,
            path,
        })
    }
}

impl Place {
    /// The id of the volume this path is.
    pub(super) fn volume_id(&self) -> VolumeId {
        VolumeId(format!("{}:{}", volume_host(), shown(&self.path)))
    }

    /// True for the root of a whole filesystem, in contrast to a directory of it mounted elsewhere.
    pub(super) fn is_whole_filesystem(&self) -> bool {
        self.form == Form::Directory && self.tree == Path::new("/")
    }

    /// True on btrfs, where subvolumes lie between a directory and its filesystem.
    pub(super) fn is_btrfs(&self) -> bool {
        self.mount.kind == "btrfs"
    }
}

fn form(seen: &Statx) -> Form {
    match FileType::from_raw_mode(seen.stx_mode.into()) {
        FileType::Directory => Form::Directory,
        FileType::RegularFile => Form::File,
        FileType::BlockDevice => Form::Block((seen.stx_rdev_major, seen.stx_rdev_minor)),
        _ => Form::Other,
    }
}

fn moment(time: &StatxTimestamp) -> Option<Timestamp> {
    Timestamp::from_timestamp(time.tv_sec, time.tv_nsec)
}
