//! btrfs: in which extents a file lies. An extent is written once and never changed, so what lies in the same part of the
//! same extent has the same bytes.

use super::btrfs::uuid_text;
use super::ioctl;
use super::items::{EXTENT_DATA, INODE_ITEM, items};
use crate::vault::{MOST_PLACES, Place, Places};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// The number by which `statfs` tells btrfs (linux/magic.h).
const MAGIC: u64 = 0x9123_683e;

/// True for a file on btrfs itself, not seen through something else.
pub(in crate::providers) fn is_on_btrfs(file: &OwnedFd) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|seen| u64::try_from(seen.f_type) == Ok(MAGIC))
}

/// Where the bytes of `file` lie; `None` where that tells nothing: on another filesystem, without the privilege to ask, and
/// where they may be changed in place.
pub(in crate::providers) fn places_on_btrfs(file: &OwnedFd) -> Option<Places> {
    if !is_on_btrfs(file) {
        return None;
    }
    let inode = rustix::fs::fstat(file).ok()?.st_ino;
    let made = made(file, inode)?;
    // What was written before must be in the tree. The first gives every byte in memory its extent, the second waits until
    // those are in the tree.
    rustix::fs::fsync(file).ok()?;
    rustix::fs::syncfs(file).ok()?;
    let (id, count) = ioctl::filesystem_generation(file).ok()??;
    let all = extents(file, inode)?;
    let within = format!("btrfs {} {} file {inode} of {made}", uuid_text(&id), mounted(&uuid_text(&id))?);
    Some(Places { within, count, all })
}

/// Since when the kernel holds the filesystem. Who takes a device back to an older state cannot while it is held; what is
/// written after that gets the same numbers as what is known here, with other bytes.
fn mounted(id: &str) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    // The kernel makes this directory when the filesystem is first mounted, and gives no number twice.
    let held = std::fs::metadata(format!("/sys/fs/btrfs/{id}")).ok()?.ino();
    Some(format!("held as {held} since boot {}", boot.trim()))
}

/// The transaction that made the inode, where its bytes are never changed in place.
fn made(file: impl AsFd, inode: u64) -> Option<u64> {
    let (count, page) = ioctl::items_from(file, (inode, INODE_ITEM, 0)).ok()?;
    let found = items(&page, count)?.iter().find_map(|item| item.inode())?;
    found.is_copied_on_write.then_some(found.made)
}

fn extents(file: impl AsFd, inode: u64) -> Option<Vec<Place>> {
    let (mut all, mut from) = (Vec::<Place>::new(), 0);
    loop {
        let (count, page) = ioctl::items_from(&file, (inode, EXTENT_DATA, from)).ok()?;
        let found = items(&page, count)?;
        let Some(last) = found.last() else { return Some(all) };
        for extent in found.iter().filter_map(|item| item.file_extent()) {
            let place = Place {
                offset: extent.offset,
                length: extent.length,
                piece: extent.extent,
                origin: extent.within.wrapping_sub(extent.offset),
                written: extent.written,
            };
            let is_sound = place.length > 0 && place.offset.checked_add(place.length).is_some();
            if !is_sound
                || all.last().is_some_and(|last| last.end() > place.offset)
                || all.len() >= MOST_PLACES
            {
                return None;
            }
            all.push(place);
        }
        // What comes next must come later, or asking has no end.
        from = last.offset.checked_add(1).filter(|next| *next > from)?;
    }
}
