//! btrfs: subvolumes, the devices below, and the list of all subvolumes.

use super::ioctl;
use super::items::{self, Backref, Root, Uuid};
use super::place::{Form, Place};
use super::raid;
use super::stack::{Stack, plain};
use super::system::{entries, shown};
use super::unseen::Unseen;
use crate::domain::{AssetId, AssetKind, Bond, Bonds, GapReason, How, Nature, Timestamp, printable};
use rustix::fs::{Mode, OFlags, open};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The top level of every btrfs: the subvolume that is the filesystem itself.
pub(super) const TOP: u64 = 5;

/// The inode of a subvolume's root directory.
const ROOT_INODE: u64 = 256;

/// More hops than this from a subvolume to the top level are a circle in damaged metadata.
const DEEPEST: usize = 4096;

/// One subvolume, snapshot or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subvolume {
    pub(super) id: u64,
    pub(super) uuid: Option<Uuid>,
    /// The subvolume it was snapshotted from.
    pub(super) parent: Option<Uuid>,
    pub(super) read_only: bool,
    pub(super) made: Option<Timestamp>,
    /// Its path from the top level, which is `/`.
    pub(super) tree: Option<PathBuf>,
}

/// Which filesystem and subvolume a path is in. Needs no privilege but to open the path.
pub(super) fn identify(path: &Path, form: Form) -> Result<(String, u64), Unseen> {
    let file = open_to_ask(path, form)?;
    let filesystem = uuid_text(&ioctl::filesystem_id(&file)?);
    Ok((filesystem, ioctl::subvolume_id(&file)?))
}

/// The same for a place; a file that may not be opened is in the subvolume of its directory.
pub(super) fn around(place: &Place) -> Result<(String, u64), Unseen> {
    let own = identify(&place.path, place.form);
    match place.path.parent().filter(|_| place.form != Form::Directory && place.path != place.mount.point) {
        Some(directory) if own.is_err() => identify(directory, Form::Directory).or(own),
        _ => own,
    }
}

fn open_to_ask(path: &Path, form: Form) -> Result<OwnedFd, Unseen> {
    let kind = if form == Form::Directory { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
    Ok(open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | kind, Mode::empty())?)
}

pub(super) fn uuid_text(uuid: &Uuid) -> String {
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Every subvolume of the filesystem that holds `path`, by id. Needs root.
pub(super) fn subvolumes(path: &Path, form: Form) -> Result<Vec<Subvolume>, Unseen> {
    let file = open_to_ask(path, form)?;
    let (mut roots, mut hangs) = (BTreeMap::<u64, Root>::new(), BTreeMap::<u64, Backref>::new());
    let mut from: ioctl::Key = (TOP, 0, 0);
    loop {
        let (count, page) = ioctl::roots_from(&file, from)?;
        let found = items::items(&page, count)
            .ok_or_else(|| Unseen::new(GapReason::Failed, "the kernel's list of subvolumes is cut off"))?;
        for item in &found {
            if let Some(root) = item.root() {
                roots.insert(root.id, root);
            }
            if let Some(hang) = item.backref() {
                hangs.insert(hang.child, hang);
            }
        }
        let next = found.last().and_then(|last| after((last.object, last.kind, last.offset)));
        match next.filter(|next| *next > from) {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(roots
        .into_values()
        .map(|root| Subvolume {
            tree: tree_path(&file, root.id, &hangs),
            id: root.id,
            uuid: root.uuid,
            parent: root.parent,
            read_only: root.read_only,
            made: root.made,
        })
        .collect())
}

/// The smallest key that is larger.
fn after((object, kind, offset): (u64, u32, u64)) -> Option<ioctl::Key> {
    let kind = u8::try_from(kind).ok()?;
    if let Some(offset) = offset.checked_add(1) {
        return Some((object, kind, offset));
    }
    match kind.checked_add(1) {
        Some(kind) => Some((object, kind, 0)),
        None => Some((object.checked_add(1)?, 0, 0)),
    }
}

fn tree_path(file: &OwnedFd, id: u64, hangs: &BTreeMap<u64, Backref>) -> Option<PathBuf> {
    let mut parts = Vec::new();
    let mut at = id;
    while at != TOP {
        let hang = hangs.get(&at).filter(|_| parts.len() < DEEPEST)?;
        let mut part = ioctl::directory_path(file, hang.parent, hang.directory).ok()?;
        part.extend(&hang.name);
        parts.push(part);
        at = hang.parent;
    }
    let mut path = PathBuf::from("/");
    path.extend(parts.iter().rev().map(|part| OsStr::from_bytes(part)));
    Some(path)
}

impl Stack<'_> {
    /// The subvolume whose root `place` is; `None` on other filesystems and for other directories.
    pub(super) fn subvolume_at(&mut self, place: &Place) -> Option<AssetId> {
        if !place.is_btrfs() || place.inode != ROOT_INODE {
            return None;
        }
        self.subvolume_of(place)
    }

    /// The subvolume in which `place` lies; `None` for the top level, which is the filesystem itself.
    pub(super) fn subvolume_of(&mut self, place: &Place) -> Option<AssetId> {
        if !place.is_btrfs() {
            return None;
        }
        let (filesystem, number) = around(place).ok().filter(|found| found.1 != TOP)?;
        let id = AssetId(format!("subvolume:{filesystem}/{number}"));
        if self.begin(&id) {
            let below = self.btrfs(place);
            let bonds = plain().with(self.stored_on(below)).complete(Nature::StoredOn);
            let root = self.root_of(place);
            if let Some(root) = &root {
                self.locate(&id, root);
            }
            let name = root.map_or_else(|| format!("subvolume {number}"), |root| shown(&root.path));
            self.add(&id, AssetKind::Subvolume, name, bonds);
        }
        Some(id)
    }

    /// The root of the subvolume around `place`, where this mount shows it.
    fn root_of(&self, place: &Place) -> Option<Place> {
        let mut above = place.path.ancestors().filter_map(|path| self.machine.place(path).ok());
        above.find(|above| above.inode == ROOT_INODE && above.device == place.device)
    }

    /// The btrfs that holds `place`, with the devices below it.
    pub(super) fn btrfs(&mut self, place: &Place) -> AssetId {
        let (major, minor) = place.mount.device;
        let found = around(place).or_else(|_| identify(&place.mount.point, Form::Directory));
        let id = match &found {
            Ok((filesystem, _)) => AssetId(format!("filesystem:{filesystem}")),
            Err(_) => AssetId(format!("filesystem:{major}:{minor}")),
        };
        if !self.begin(&id) {
            return id;
        }
        let seen = found.and_then(|(filesystem, _)| {
            let directory = self.machine.system.sys.join("fs/btrfs").join(filesystem);
            let devices = entries(&directory.join("devices"))?;
            Ok((directory, devices))
        });
        let bonds = match seen {
            Ok((directory, devices)) if !devices.is_empty() => self.btrfs_devices(&id, &directory, &devices),
            other => {
                let unseen = other.err().unwrap_or_else(|| {
                    Unseen::new(GapReason::Failed, "the device tree names no devices below it")
                });
                self.unseen_below(&id, shown(&place.mount.point), unseen);
                let source = PathBuf::from(OsStr::from_bytes(&place.mount.source));
                let device = self.follow(&source, &id);
                device.map_or_else(plain, |device| plain().with(self.stored_on(device)))
            }
        };
        let name = self.called(&place.mount);
        self.add(&id, AssetKind::Filesystem, name, bonds);
        id
    }

    fn btrfs_devices(&mut self, id: &AssetId, directory: &Path, devices: &[PathBuf]) -> Bonds {
        let mut whole = true;
        let mut on = Vec::new();
        for device in devices {
            match device.canonicalize() {
                Ok(device) => on.push(self.block(&device)),
                Err(error) => {
                    whole = false;
                    self.unseen_below(id, printable(device.as_os_str().as_bytes()), Unseen::io(&error));
                }
            }
        }
        if on.is_empty() {
            return plain();
        }
        let (dies_at, unseen) = if on.len() > 1 { raid::btrfs(directory, on.len()) } else { (1, None) };
        if let Some(unseen) = unseen {
            self.unseen_below(id, shown(directory), unseen);
        }
        let how = How::Observed(self.machine.now);
        let bonds = plain().with(Bond { nature: Nature::StoredOn, on, dies_at, how, grace: None });
        if whole { bonds.complete(Nature::StoredOn) } else { bonds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_key_is_the_smallest_that_is_larger() {
        assert_eq!(after((5, 132, 0)), Some((5, 132, 1)));
        assert_eq!(after((5, 132, u64::MAX)), Some((5, 133, 0)));
        assert_eq!(after((5, 255, u64::MAX)), Some((6, 0, 0)));
        assert_eq!(after((u64::MAX, 255, u64::MAX)), None);
        assert_eq!(after((5, 300, 0)), None);
    }
}
