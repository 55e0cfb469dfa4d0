//! Metadata of files on a filesystem: read for storing, given back after a restore.

use super::format::{Entry, EntryKind, Meta, Moment};
use crate::domain::ByteName;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustix::fs::{AtFlags, FileType, Gid, Mode, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

/// A thing on a filesystem: by its name in an open directory, or itself open.
#[derive(Debug, Clone, Copy)]
pub enum Spot<'a> {
    /// A name in a directory; a symbolic link is not followed.
    Named(BorrowedFd<'a>, &'a [u8]),
    /// Open for reading.
    Open(BorrowedFd<'a>),
}

/// An entry as it was seen, with what tells hard links.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The entry; its content is empty.
    pub entry: Entry,
    /// The number of the filesystem.
    pub device: u64,
    /// How many names the inode has.
    pub links: u64,
}

/// What a restore could not give back, by count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Owner and group could not be set.
    pub ownership: u64,
    /// Extended attributes could not be set.
    pub xattrs: u64,
}

/// Compares metadata after a restore. What could not be given back is excused entry by entry, and no more
/// often than the restore counted: any further difference is one.
///
/// What the kernel or the filesystem gives by itself to whatever is made is no difference, but is remembered.
#[derive(Debug, Default)]
pub struct Excuses {
    allowed: Kept,
    owners: AtomicU64,
    xattrs: AtomicU64,
    labels: Mutex<BTreeSet<String>>,
}

impl Excuses {
    /// Excuses for a restore that could not give back so much.
    pub fn new(allowed: Kept) -> Self {
        Self { allowed, ..Self::default() }
    }

    /// How often something was excused so far.
    pub fn used(&self) -> Kept {
        Kept { ownership: self.owners.load(SeqCst), xattrs: self.xattrs.load(SeqCst) }
    }

    /// In what `seen` differs from `stored`, if it does: a word for people. Content is not compared.
    pub fn difference(&self, stored: &Entry, seen: &Entry) -> Option<&'static str> {
        let owner = |entry: &Entry| (entry.meta.uid, entry.meta.gid);
        let owner_differs = owner(stored) != owner(seen);
        // As `give` does: without its owner, a file is not given set-uid and set-gid.
        let mode = if owner_differs { without_set_id(&stored.meta.mode) } else { stored.meta.mode.clone() };
        let differs = [
            ("kind", stored.kind != seen.kind),
            ("size", stored.kind == EntryKind::File && stored.size != seen.size),
            ("mode", stored.kind != EntryKind::Symlink && mode != seen.meta.mode),
            ("modification time", stored.meta.mtime != seen.meta.mtime),
            ("link target", stored.target != seen.target),
            ("device number", stored.device != seen.device),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            return Some(what);
        }
        if owner_differs && !spend(&self.owners, 1, self.allowed.ownership) {
            return Some("owner");
        }
        self.xattrs_differ(&stored.meta.xattrs, &seen.meta.xattrs).then_some("extended attributes")
    }

    /// The names of attributes that were not stored and were given all the same, so far.
    pub fn labels(&self) -> BTreeSet<String> {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An attribute that is missing may be one that could not be set; one with another value never is, save
    /// a label: where the stored one could not be set, the kernel's own stays.
    fn xattrs_differ(&self, stored: &BTreeMap<String, String>, seen: &BTreeMap<String, String>) -> bool {
        let not_given = |name: &String, value: &String| match seen.get(name) {
            None => true,
            Some(other) => is_label(name) && other != value,
        };
        let missing = stored.iter().filter(|(name, value)| not_given(name, value)).count() as u64;
        let other = seen.iter().any(|(name, value)| stored.get(name) != Some(value) && !is_label(name));
        if other || (missing > 0 && !spend(&self.xattrs, missing, self.allowed.xattrs)) {
            return true;
        }
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        labels.extend(seen.keys().filter(|name| !stored.contains_key(*name)).cloned());
        false
    }
}

/// What a new entry may be given without anybody's asking: by a security module of the kernel, which never
/// gives capabilities; or by its filesystem, as btrfs hands down compression and a server shows its own ACL.
fn is_label(name: &str) -> bool {
    (name.starts_with("security.") && name != "security.capability")
        || name.starts_with("btrfs.")
        || matches!(name, "system.nfs4_acl" | "system.cifs_acl")
}

/// Counts so many more, if the sum stays within what is allowed.
fn spend(used: &AtomicU64, more: u64, allowed: u64) -> bool {
    used.fetch_update(SeqCst, SeqCst, |used| used.checked_add(more).filter(|sum| *sum <= allowed)).is_ok()
}

fn without_set_id(mode: &str) -> String {
    u32::from_str_radix(mode, 8)
        .map_or_else(|_| mode.to_owned(), |mode| format!("{:04o}", mode & WITHOUT_SET_ID))
}

/// All mode bits but set-uid and set-gid.
const WITHOUT_SET_ID: u32 = 0o1777;

impl Spot<'_> {
    fn stat(&self) -> Result<rustix::fs::Stat, Errno> {
        match self {
            Self::Named(dir, name) => rustix::fs::statat(dir, *name, AtFlags::SYMLINK_NOFOLLOW),
            Self::Open(fd) => rustix::fs::fstat(fd),
        }
    }
}

/// Reads what is stored of a thing.
///
/// # Errors
/// What the operating system said.
pub fn see(spot: Spot<'_>, path: ByteName) -> Result<Seen, Errno> {
    let stat = spot.stat()?;
    let kind = kind_of(FileType::from_raw_mode(stat.st_mode)).ok_or(Errno::INVAL)?;
    let target = match (kind, spot) {
        (EntryKind::Symlink, Spot::Named(dir, name)) => {
            Some(ByteName(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes()))
        }
        _ => None,
    };
    let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
    let entry = Entry {
        path,
        kind,
        meta: Meta {
            mode: format!("{:04o}", stat.st_mode & 0o7777),
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: moment(stat.st_mtime, stat.st_mtime_nsec),
            xattrs: spot.xattrs()?,
        },
        size: if kind == EntryKind::File { u64::try_from(stat.st_size).unwrap_or_default() } else { 0 },
        ctime: moment(stat.st_ctime, stat.st_ctime_nsec),
        inode: stat.st_ino,
        target,
        device: is_device.then(|| (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev))),
        unsettled: false,
        content: None,
    };
    Ok(Seen { entry, device: stat.st_dev, links: stat.st_nlink })
}

/// What is given metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// A symbolic link that this restore made: it has no mode and no ACL.
    Link,
    /// Anything else that this restore made.
    Made,
    /// A directory that was there before: what it has and nobody stored, it keeps.
    WasThere,
}

/// The ACLs that a new entry inherits from its directory.
const INHERITED: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];
/// An ACL without entries: its version (linux/posix_acl_xattr.h) and nothing more. Set as an ACL, it leaves
/// an entry that has none.
const NO_ACL: [u8; 4] = 2_u32.to_le_bytes();

/// Gives a new thing its owner, extended attributes, mode and times, in the order in which none undoes
/// another. Owner and attributes that may not be set are counted, not fatal.
///
/// # Errors
/// What the operating system said of inherited ACLs, mode or times.
pub fn give(spot: Spot<'_>, meta: &Meta, receiver: Receiver, kept: &mut Kept) -> Result<(), Errno> {
    let owner = (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)));
    let owned = match spot {
        Spot::Named(dir, name) => rustix::fs::chownat(dir, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW),
        Spot::Open(fd) => rustix::fs::fchown(fd, owner.0, owner.1),
    };
    kept.ownership += u64::from(owned.is_err());
    if receiver == Receiver::Made {
        let there = spot.xattr_names()?;
        for name in
            INHERITED.iter().filter(|name| there.contains(**name) && !meta.xattrs.contains_key(**name))
        {
            spot.set_xattr(name, &NO_ACL)?;
        }
    }
    for (name, value) in &meta.xattrs {
        let set =
            STANDARD.decode(value).map_err(|_| Errno::INVAL).and_then(|value| spot.set_xattr(name, &value));
        kept.xattrs += u64::from(set.is_err());
    }
    let mut mode = u32::from_str_radix(&meta.mode, 8).map_err(|_| Errno::INVAL)? & 0o7777;
    if owned.is_err() {
        // Set-uid for another owner than the stored one would grant what nobody granted.
        mode &= WITHOUT_SET_ID;
    }
    if receiver != Receiver::Link {
        match spot {
            Spot::Named(dir, name) => {
                rustix::fs::chmodat(dir, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
            }
            Spot::Open(fd) => rustix::fs::fchmod(fd, Mode::from_raw_mode(mode))?,
        }
    }
    let mtime = Timespec { tv_sec: meta.mtime.seconds, tv_nsec: i64::from(meta.mtime.nanoseconds) };
    let times = Timestamps { last_access: mtime, last_modification: mtime };
    match spot {
        Spot::Named(dir, name) => rustix::fs::utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW),
        Spot::Open(fd) => rustix::fs::futimens(fd, &times),
    }
}

fn kind_of(file_type: FileType) -> Option<EntryKind> {
    match file_type {
        FileType::RegularFile => Some(EntryKind::File),
        FileType::Directory => Some(EntryKind::Dir),
        FileType::Symlink => Some(EntryKind::Symlink),
        FileType::Fifo => Some(EntryKind::Fifo),
        FileType::Socket => Some(EntryKind::Socket),
        FileType::CharacterDevice => Some(EntryKind::CharDevice),
        FileType::BlockDevice => Some(EntryKind::BlockDevice),
        FileType::Unknown => None,
    }
}

fn moment(seconds: i64, nanoseconds: impl TryInto<u32>) -> Moment {
    Moment { seconds, nanoseconds: nanoseconds.try_into().unwrap_or_default() }
}

/// Reads until the buffer is full or the file ends; how many bytes that were.
///
/// # Errors
/// What the operating system said.
pub fn read_full(file: impl AsFd, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut done = 0;
    while done < buffer.len() {
        match rustix::io::pread(&file, &mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::TempDir;

    fn entry(uid: u32, mode: &str, xattrs: &[(&str, &str)]) -> Entry {
        let temp = TempDir::new();
        let dir = std::fs::File::open(temp.path()).unwrap();
        let mut entry = see(Spot::Open(std::os::fd::AsFd::as_fd(&dir)), ByteName::default()).unwrap().entry;
        entry.kind = EntryKind::File;
        let xattrs = xattrs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mtime = Moment { seconds: 7, nanoseconds: 7 };
        entry.meta = Meta { mode: mode.into(), uid, gid: 0, mtime, xattrs };
        entry
    }

    #[test]
    fn what_could_not_be_given_is_excused_entry_by_entry_and_only_so_often() {
        let excuses = Excuses::new(Kept { ownership: 1, xattrs: 1 });
        let (stored, plain) = (entry(0, "4755", &[("user.a", "x")]), &[("user.a", "x")]);
        // An entry that has its owner must have its mode too, though another entry lost its owner.
        assert_eq!(excuses.difference(&stored, &entry(0, "0755", plain)), Some("mode"));
        assert_eq!(excuses.difference(&stored, &entry(5, "0700", plain)), Some("mode"));
        assert_eq!(excuses.difference(&stored, &entry(5, "4755", plain)), Some("mode"));
        assert_eq!(excuses.difference(&stored, &entry(5, "0755", plain)), None);
        assert_eq!(excuses.difference(&stored, &entry(5, "0755", plain)), Some("owner"));
        let same = |xattrs| excuses.difference(&stored, &entry(0, "4755", xattrs));
        assert_eq!(same(&[("user.a", "y")]), Some("extended attributes"));
        assert_eq!(same(&[("user.a", "x"), ("user.b", "x")]), Some("extended attributes"));
        assert_eq!(same(&[]), None);
        assert_eq!(same(&[]), Some("extended attributes"));
        assert_eq!(same(plain), None);
        assert_eq!(excuses.used(), Kept { ownership: 1, xattrs: 1 });
    }

    #[test]
    fn what_kernel_and_filesystem_give_is_remembered_and_no_other_attribute_is_excused() {
        let label = ("security.selinux", "system_u");
        let excuses = Excuses::new(Kept { ownership: 0, xattrs: 1 });
        let difference = |stored: &[(&str, &str)], seen: &[(&str, &str)]| {
            excuses.difference(&entry(0, "0644", stored), &entry(0, "0644", seen))
        };
        assert_eq!(difference(&[], &[label]), None);
        assert_eq!(excuses.labels(), ["security.selinux".to_owned()].into());
        for other in ["security.capability", "system.posix_acl_access", "user.a"] {
            assert_eq!(difference(&[], &[(other, "x")]), Some("extended attributes"), "{other}");
        }
        for given in ["btrfs.compression", "system.nfs4_acl", "system.cifs_acl"] {
            assert_eq!(difference(&[], &[(given, "x")]), None, "{given}");
            assert_eq!(difference(&[(given, "y")], &[(given, "y")]), None, "{given}");
        }
        // A stored label that could not be set counts as one that was not given, and no more often.
        assert_eq!(difference(&[("security.selinux", "stored")], &[label]), None);
        assert_eq!(difference(&[("security.selinux", "stored")], &[label]), Some("extended attributes"));
    }
}
