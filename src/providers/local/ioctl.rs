//! The ioctls that read: of btrfs which filesystem, which subvolume, and the tree of roots (linux/btrfs.h), whose
//! buffers go out as bytes for `items.rs`; and where the bytes of a file lie (linux/fiemap.h).
#![allow(unsafe_code)] // An ioctl hands the kernel a pointer: nothing safe can. Only here.

use rustix::io::Result;
use rustix::ioctl::{Direction, Opcode, Updater, ioctl, opcode};
use std::os::fd::AsFd;

const GROUP: u8 = 0x94;
/// Of `Info`, at byte 48: asks for the generation, which is then at byte 56.
const GENERATION: u64 = 1 << 1;
const BUFFER: usize = 1 << 16;

/// `struct btrfs_ioctl_fs_info_args`: 1 KiB, the filesystem's id at byte 16.
#[repr(C, align(8))]
struct Info([u8; 1024]);

/// `struct btrfs_ioctl_ino_lookup_args`.
#[repr(C)]
struct Lookup {
    tree: u64,
    object: u64,
    name: [u8; 4080],
}

/// `struct btrfs_ioctl_search_args_v2`, with room for what is found.
#[repr(C)]
struct Search {
    tree: u64,
    min_object: u64,
    max_object: u64,
    min_offset: u64,
    max_offset: u64,
    min_transaction: u64,
    max_transaction: u64,
    min_kind: u32,
    max_kind: u32,
    items: u32,
    unused: [u32; 9],
    size: u64,
    buffer: [u8; BUFFER],
}

/// Extents that one call tells.
const EXTENTS: usize = 128;

/// `struct fiemap` with room for extents.
#[repr(C)]
struct Map {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    unused: u32,
    extents: [Mapped; EXTENTS],
}

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Mapped {
    logical: u64,
    physical: u64,
    length: u64,
    unused: [u64; 2],
    flags: u32,
    more_unused: [u32; 3],
}

/// The opcode names the 32 bytes before the extents only.
const MAP: Opcode = opcode::from_components(Direction::ReadWrite, b'f', 11, 32);

const SEARCH: Opcode = opcode::from_components(Direction::ReadWrite, GROUP, 17, 112);
const LOOKUP: Opcode = opcode::read_write::<Lookup>(GROUP, 18);
const INFO: Opcode = opcode::read::<Info>(GROUP, 31);

/// A key of the tree of roots: object, kind, offset; compared in this order.
pub(super) type Key = (u64, u8, u64);

/// The id of the btrfs filesystem that `file` lies on. Needs no privilege.
pub(super) fn filesystem_id(file: impl AsFd) -> Result<[u8; 16]> {
    let mut info = Info([0; 1024]);
    filesystem_info(file, &mut info)?;
    let mut id = [0; 16];
    id.copy_from_slice(&info.0[16..32]);
    Ok(id)
}

/// The same, with the number of the filesystem's last transaction; `None` from a kernel before 5.10, which does not tell.
pub(super) fn filesystem_generation(file: impl AsFd) -> Result<Option<([u8; 16], u64)>> {
    let mut info = Info([0; 1024]);
    info.0[48..56].copy_from_slice(&GENERATION.to_ne_bytes());
    filesystem_info(file, &mut info)?;
    let number = |at: usize| u64::from_ne_bytes(std::array::from_fn(|byte| info.0[at + byte]));
    let id = std::array::from_fn(|byte| info.0[16 + byte]);
    Ok((number(48) & GENERATION != 0).then(|| (id, number(56))))
}

fn filesystem_info(file: impl AsFd, info: &mut Info) -> Result<()> {
    // SAFETY: the kernel writes at most the 1024 bytes that the opcode names and the value owns.
    unsafe { ioctl(file, Updater::<INFO, _>::new(info)) }
}

/// The subvolume that `file` lies in. Needs no privilege.
pub(super) fn subvolume_id(file: impl AsFd) -> Result<u64> {
    // Tree 0 asks for the file's own; 256 is the root directory, which every subvolume has.
    Ok(lookup(file, 0, 256)?.tree)
}

/// The path of directory `object` within subvolume `tree`, with a slash at its end; empty for the root.
pub(super) fn directory_path(file: impl AsFd, tree: u64, object: u64) -> Result<Vec<u8>> {
    let found = lookup(file, tree, object)?;
    Ok(found.name.iter().copied().take_while(|&byte| byte != 0).collect())
}

fn lookup(file: impl AsFd, tree: u64, object: u64) -> Result<Box<Lookup>> {
    let mut arguments = Box::new(Lookup { tree, object, name: [0; 4080] });
    // SAFETY: the value has the layout and the 4096 bytes that the opcode names.
    unsafe { ioctl(file, Updater::<LOOKUP, _>::new(&mut *arguments))? };
    Ok(arguments)
}

/// One page of the tree of roots from `from` on: how many items, and their bytes. Needs root.
pub(super) fn roots_from(file: impl AsFd, from: Key) -> Result<(usize, Vec<u8>)> {
    search(file, 1, from, (u64::MAX, u8::MAX, u64::MAX))
}

/// One page of what the subvolume of `file` holds of one of its inodes, from `from` to the last item of that kind. Needs root.
pub(super) fn items_from(file: impl AsFd, from: Key) -> Result<(usize, Vec<u8>)> {
    // Tree 0 asks for the file's own.
    search(file, 0, from, (from.0, from.1, u64::MAX))
}

fn search(file: impl AsFd, tree: u64, from: Key, to: Key) -> Result<(usize, Vec<u8>)> {
    let mut search = Box::new(Search {
        tree,
        min_object: from.0,
        max_object: to.0,
        min_offset: from.2,
        max_offset: to.2,
        min_transaction: 0,
        max_transaction: u64::MAX,
        min_kind: from.1.into(),
        max_kind: to.1.into(),
        items: u32::MAX,
        unused: [0; 9],
        size: BUFFER as u64,
        buffer: [0; BUFFER],
    });
    // SAFETY: the first 112 bytes have the layout that the opcode names; behind them the kernel writes
    // at most `size` bytes, which `buffer` owns.
    unsafe { ioctl(file, Updater::<SEARCH, _>::new(&mut *search))? };
    Ok((search.items as usize, search.buffer.to_vec()))
}

/// A part of a file, as it lies on its filesystem; in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where it begins in the file.
    pub(super) logical: u64,
    /// Where it begins on the filesystem.
    pub(super) physical: u64,
    /// How long it is.
    pub(super) length: u64,
    /// `FIEMAP_EXTENT_…` of linux/fiemap.h.
    pub(super) flags: u32,
}

/// The extents of `file` from byte `start` on, as many as one call tells. Needs no privilege, and does not ask for
/// what is still in memory to be written.
pub(super) fn extents_from(file: impl AsFd, start: u64) -> Result<Vec<Extent>> {
    let mut map = Box::new(Map {
        start,
        length: u64::MAX - start,
        flags: 0,
        mapped: 0,
        count: EXTENTS as u32,
        unused: 0,
        extents: [Mapped::default(); EXTENTS],
    });
    // SAFETY: the first 32 bytes have the layout that the opcode names; behind them the kernel writes at most
    // `count` extents, which `extents` owns.
    unsafe { ioctl(file, Updater::<MAP, _>::new(&mut *map))? };
    let told = map.extents.iter().take(map.mapped as usize);
    let extent = |it: &Mapped| Extent {
        logical: it.logical,
        physical: it.physical,
        length: it.length,
        flags: it.flags,
    };
    Ok(told.map(extent).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn the_layouts_are_those_of_the_kernel() {
        assert_eq!(size_of::<Lookup>(), 4096);
        assert_eq!((offset_of!(Search, items), offset_of!(Search, size)), (64, 104));
        assert_eq!(offset_of!(Search, buffer), 112);
        assert_eq!((offset_of!(Map, extents), size_of::<Mapped>()), (32, 56));
        assert_eq!((offset_of!(Map, count), offset_of!(Mapped, flags)), (24, 40));
    }
}
