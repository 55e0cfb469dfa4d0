//! Reads what the tree of roots holds (btrfs_tree.h): bytes of the kernel, which may be anything.

use crate::domain::Timestamp;

/// The identity of a subvolume across filesystems.
pub(super) type Uuid = [u8; 16];

const HEADER: usize = 32;
pub(super) const INODE_ITEM: u8 = 1;
pub(super) const EXTENT_DATA: u8 = 108;
/// The type of an extent with bytes of its own. The others are a part of the tree, or were set aside and may be written to
/// where they lie.
const REGULAR: u8 = 1;
/// Flags of an inode: its bytes have no checksums, or are written to where they lie.
const NO_CHECKSUMS: u64 = 1 << 0;
const IN_PLACE: u64 = 1 << 1;
const ROOT_ITEM: u32 = 132;
const ROOT_BACKREF: u32 = 144;
const READ_ONLY: u64 = 1;
const DEAD: u64 = 1 << 48;

/// One item: its key and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) object: u64,
    pub(super) kind: u32,
    pub(super) offset: u64,
    data: &'a [u8],
}

/// What a root item says of a subvolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) id: u64,
    pub(super) uuid: Option<Uuid>,
    pub(super) parent: Option<Uuid>,
    pub(super) read_only: bool,
    pub(super) made: Option<Timestamp>,
}

/// What an inode item says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inode {
    /// The transaction that made it: inodes' numbers are used again.
    pub(super) made: u64,
    /// Whether other bytes always come to lie elsewhere.
    pub(super) is_copied_on_write: bool,
}

/// Where a part of a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileExtent {
    /// Where it begins in the file, and how long it is; in bytes.
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Where the extent begins on the filesystem of which it is a part, in bytes.
    pub(super) extent: u64,
    /// Where the part begins in the extent, decompressed; in bytes.
    pub(super) within: u64,
    /// The transaction that wrote the extent.
    pub(super) written: u64,
}

/// Where a subvolume hangs: in which directory of which other one, under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backref {
    pub(super) child: u64,
    pub(super) parent: u64,
    pub(super) directory: u64,
    pub(super) name: Vec<u8>,
}

/// Reads a page of `count` items; `None` where the bytes end before the items do.
pub(super) fn items(mut page: &[u8], count: usize) -> Option<Vec<Item<'_>>> {
    let mut found = Vec::new();
    for _ in 0..count {
        let length = u32_at(page, 28)? as usize;
        let data = page.get(HEADER..)?.get(..length)?;
        found.push(Item {
            object: u64_at(page, 8)?,
            offset: u64_at(page, 16)?,
            kind: u32_at(page, 24)?,
            data,
        });
        page = page.get(HEADER..)?.get(length..)?;
    }
    Some(found)
}

impl Item<'_> {
    /// True for the items of subvolumes: the top level, and what people made.
    fn is_of_subvolume(&self) -> bool {
        self.object == 5 || (256..u64::MAX - 255).contains(&self.object)
    }

    /// A live subvolume's root; `None` for any other item. An item of an older layout has no identity.
    pub(super) fn root(&self) -> Option<Root> {
        if self.kind != ROOT_ITEM || !self.is_of_subvolume() {
            return None;
        }
        let flags = u64_le(self.data, 208)?;
        let references = u32_le(self.data, 216)?;
        if flags & DEAD != 0 || (references == 0 && self.object != 5) {
            return None;
        }
        // The second generation equals the first only where a kernel wrote the fields that follow.
        let whole = u64_le(self.data, 160).is_some() && u64_le(self.data, 160) == u64_le(self.data, 239);
        let uuid = |at| bytes_at(self.data, at).filter(|uuid| whole && *uuid != [0; 16]);
        let seconds = u64_le(self.data, 339).filter(|&seconds| whole && seconds != 0);
        let nanoseconds = u32_le(self.data, 347).unwrap_or(0);
        Some(Root {
            id: self.object,
            uuid: uuid(247),
            parent: uuid(263),
            read_only: flags & READ_ONLY != 0,
            made: seconds
                .and_then(|seconds| i64::try_from(seconds).ok())
                .and_then(|seconds| Timestamp::from_timestamp(seconds, nanoseconds)),
        })
    }

    /// A file's inode; `None` for any other item.
    pub(super) fn inode(&self) -> Option<Inode> {
        let flags = u64_le(self.data, 64).filter(|_| self.kind == u32::from(INODE_ITEM))?;
        let is_copied_on_write = flags & (NO_CHECKSUMS | IN_PLACE) == 0;
        Some(Inode { made: u64_le(self.data, 0)?, is_copied_on_write })
    }

    /// A part of a file that lies in an extent which is never written to again; `None` for any other item, and for a hole.
    pub(super) fn file_extent(&self) -> Option<FileExtent> {
        let is_regular = self.kind == u32::from(EXTENT_DATA) && self.data.get(20) == Some(&REGULAR);
        let extent = u64_le(self.data, 21).filter(|at| is_regular && *at != 0)?;
        Some(FileExtent {
            offset: self.offset,
            length: u64_le(self.data, 45)?,
            extent,
            within: u64_le(self.data, 37)?,
            written: u64_le(self.data, 0)?,
        })
    }

    /// A reference from a subvolume to where it hangs; `None` for any other item.
    pub(super) fn backref(&self) -> Option<Backref> {
        if self.kind != ROOT_BACKREF {
            return None;
        }
        let length = u16::from_le_bytes(bytes_at(self.data, 16)?);
        Some(Backref {
            child: self.object,
            parent: self.offset,
            directory: u64_le(self.data, 0)?,
            name: self.data.get(18..)?.get(..length.into())?.to_vec(),
        })
    }
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.get(..N)?.try_into().ok()
}

/// Headers are in the machine's own byte order; items are as on disk.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_ne_bytes)
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(object: u64, kind: u32, offset: u64, data: &[u8]) -> Vec<u8> {
        let mut bytes = 7_u64.to_ne_bytes().to_vec();
        bytes.extend(object.to_ne_bytes());
        bytes.extend(offset.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(u32::try_from(data.len()).unwrap().to_ne_bytes());
        bytes.extend(data);
        bytes
    }

    fn root_item() -> Vec<u8> {
        let mut data = vec![0; 439];
        data[160] = 9;
        data[239] = 9;
        data[208] = 1;
        data[216] = 1;
        data[247..263].fill(0xaa);
        data[263..279].fill(0xbb);
        data[339..347].copy_from_slice(&1_700_000_000_u64.to_le_bytes());
        data
    }

    fn page() -> Vec<u8> {
        let mut page = item(257, ROOT_ITEM, 0, &root_item());
        let mut backref = vec![0; 16];
        backref[0] = 44;
        backref.extend(4_u16.to_le_bytes());
        backref.extend(b"snap");
        page.extend(item(257, ROOT_BACKREF, 5, &backref));
        page
    }

    #[test]
    fn a_root_and_its_place_are_read() {
        let page = page();
        let items = items(&page, 2).unwrap();
        let root = items[0].root().unwrap();
        assert_eq!((root.id, root.read_only), (257, true));
        assert_eq!((root.uuid, root.parent), (Some([0xaa; 16]), Some([0xbb; 16])));
        assert_eq!(root.made.unwrap().timestamp(), 1_700_000_000);
        let backref = items[1].backref().unwrap();
        assert_eq!((backref.parent, backref.directory, backref.name.as_slice()), (5, 44, &b"snap"[..]));
        assert_eq!(items[0].backref(), None);
        assert_eq!(items[1].root(), None);
    }

    #[test]
    fn an_item_of_an_old_kernel_has_no_identity_and_a_deleted_one_is_no_subvolume() {
        let mut old = root_item();
        old[239] = 8;
        let page = item(257, ROOT_ITEM, 0, &old);
        let root = items(&page, 1).unwrap()[0].root().unwrap();
        assert_eq!((root.uuid, root.parent, root.made), (None, None, None));
        let mut deleted = root_item();
        deleted[216] = 0;
        let page = item(257, ROOT_ITEM, 0, &deleted);
        assert_eq!(items(&page, 1).unwrap()[0].root(), None);
    }

    #[test]
    fn truncated_and_hostile_bytes_are_read_without_a_panic() {
        let page = page();
        for cut in 0..page.len() {
            for count in [0, 1, 2, 3, usize::MAX] {
                for item in items(&page[..cut], count).unwrap_or_default() {
                    item.root();
                    item.backref();
                }
            }
            assert_eq!(items(&page[..cut], 2), None, "cut at {cut}");
        }
        for at in 0..page.len() {
            let mut damaged = page.clone();
            damaged[at] = 0xff;
            for item in items(&damaged, 2).unwrap_or_default() {
                item.root();
                item.backref();
            }
        }
    }
}
