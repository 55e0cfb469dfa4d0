//! Images of filesystems and disks: ext2 to ext4, XFS, btrfs, qcow2.

use super::kind::{Content, Sample, Whole, at};
use crate::domain::{PointKind, Timestamp};

/// An image, by its superblock or header.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    qcow2(sample).or_else(|| xfs(sample)).or_else(|| ext(sample)).or_else(|| btrfs(sample))
}

fn content(what: &str, whole: Whole) -> Content {
    Content::new(PointKind::FilesystemImage, what, whole)
}

/// By the length that the superblock tells; a sparse file has it too.
fn by_length(sample: &Sample, bytes: Option<u64>) -> Whole {
    match bytes {
        Some(bytes) if sample.size < bytes => {
            Whole::Cut(format!("it has {} of the {bytes} bytes of the filesystem: cut off", sample.size))
        }
        Some(_) => Whole::Ends,
        None => Whole::Cut("its superblock tells a length that no filesystem has".into()),
    }
}

/// `fs/ext4/ext4.h` of Linux. The magic has two bytes only, so other fields must make sense too.
fn ext(sample: &Sample) -> Option<Content> {
    let superblock = sample.head.get(1024..2048)?;
    let short = |offset| at(superblock, offset).map(u16::from_le_bytes);
    let long = |offset| at(superblock, offset).map(u32::from_le_bytes);
    let (magic, state, errors) = (short(56)?, short(58)?, short(60)?);
    let (inodes, low, shift, revision) = (long(0)?, long(4)?, long(24)?, long(76)?);
    let creator = long(72)?;
    let makes_sense = state <= 7 && errors <= 3 && inodes > 0 && low > 0 && shift <= 6 && revision <= 1;
    if magic != 0xef53 || !makes_sense || creator > 4 {
        return None;
    }
    let has_64_bits = long(96)? & 0x80 != 0;
    let high = if has_64_bits { long(0x150)? } else { 0 };
    let blocks = u64::from(high) << 32 | u64::from(low);
    let whole = by_length(sample, blocks.checked_mul(1024_u64 << shift));
    let claims = long(48).filter(|&written| written != 0);
    let claims = claims.and_then(|written| Timestamp::from_timestamp(written.into(), 0));
    Some(Content { claims, ..content("the image of an ext filesystem", whole) })
}

/// `fs/xfs/libxfs/xfs_format.h` of Linux.
fn xfs(sample: &Sample) -> Option<Content> {
    let head = &sample.head;
    let block = u32::from_be_bytes(at(head, 4)?);
    if !head.starts_with(b"XFSB") || !block.is_power_of_two() || !(512..=65_536).contains(&block) {
        return None;
    }
    let blocks = u64::from_be_bytes(at(head, 8)?);
    Some(content("the image of an XFS filesystem", by_length(sample, blocks.checked_mul(block.into()))))
}

/// `fs/btrfs` of Linux: the superblock lies at 64 KiB. Of several devices each holds a part only.
fn btrfs(sample: &Sample) -> Option<Content> {
    let far = &sample.far;
    if far.get(64..72)? != b"_BHRfS_M" {
        return None;
    }
    // The length of the device itself stands further down; that of the whole equals it where there is one only.
    let whole = match at(far, 112).map(u64::from_le_bytes)? {
        bytes if sample.size < bytes => Whole::Open(format!(
            "it has {} of the {bytes} bytes of the filesystem: cut off, or one of several devices",
            sample.size
        )),
        _ => Whole::Ends,
    };
    Some(content("the image of a btrfs filesystem", whole))
}

/// QEMU's description of the format, <https://www.qemu.org/docs/master/interop/qcow2.html>.
fn qcow2(sample: &Sample) -> Option<Content> {
    let head = &sample.head;
    let version = u32::from_be_bytes(at(head, 4)?);
    if !head.starts_with(b"QFI\xfb") || !(2..=3).contains(&version) {
        return None;
    }
    let backing = u64::from_be_bytes(at(head, 8)?);
    let bytes = u64::from_be_bytes(at(head, 24)?);
    let what = match backing {
        0 => format!("a qcow2 image of {bytes} bytes"),
        _ => format!("a qcow2 image of {bytes} bytes, laid upon another file"),
    };
    let whole = Whole::Open("whether all of its clusters are there was not looked at".into());
    Some(Content { needs_more: backing != 0, ..content(&what, whole) })
}
