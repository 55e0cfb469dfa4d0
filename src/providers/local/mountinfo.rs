//! The table of mounts (`/proc/self/mountinfo`, proc(5)), and which of them holds a path.

use super::system::System;
use super::unseen::Unseen;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The kernel's number of this mount.
    pub(super) id: u64,
    /// The device number of the filesystem; one for all subvolumes of a btrfs.
    pub(super) device: (u32, u32),
    /// Which directory of the filesystem is mounted: `/` for the whole of it.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
    /// The filesystem's type.
    pub(super) kind: String,
    /// What was mounted: a device, `server:/export`, or any word.
    pub(super) source: Vec<u8>,
    /// The filesystem's own options.
    pub(super) options: Vec<u8>,
    /// The options of this one mount.
    pub(super) flags: Vec<u8>,
}

impl Mount {
    /// Where `path`, which this mount holds, is within the filesystem.
    pub(super) fn within(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(&self.point).unwrap_or(Path::new(""));
        if below.as_os_str().is_empty() { self.root.clone() } else { self.root.join(below) }
    }

    /// Where this mount would show what is at `tree` within the filesystem; other mounts may hide it.
    pub(super) fn shows(&self, tree: &Path) -> Option<PathBuf> {
        let below = tree.strip_prefix(&self.root).ok()?;
        Some(if below.as_os_str().is_empty() { self.point.clone() } else { self.point.join(below) })
    }

    /// True where nothing can be deleted through this mount.
    pub(super) fn is_read_only(&self) -> bool {
        [&self.flags, &self.options].into_iter().any(|options| split(options, b',').contains(&b"ro".to_vec()))
    }

    /// The values of an option of the filesystem, in order.
    pub(super) fn option(&self, name: &str) -> Vec<Vec<u8>> {
        split(&self.options, b',')
            .into_iter()
            .filter_map(|option| {
                let value = option.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
                Some(value.to_vec())
            })
            .collect()
    }
}

/// Splits at a separator that is not written with a backslash before it, as overlayfs does in lists.
pub(super) fn split(bytes: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut escaped = false;
    for &byte in bytes {
        if byte == separator && !escaped {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(byte);
        }
        escaped = byte == b'\\' && !escaped;
    }
    parts
}

/// All mounts, in the kernel's order.
pub(super) fn read(system: &System) -> Result<Vec<Mount>, Unseen> {
    let bytes = fs::read(system.proc.join("self/mountinfo")).map_err(|error| Unseen::io(&error))?;
    Ok(parse(&bytes))
}

/// Reads the table; a line that makes no sense is left out.
pub(super) fn parse(bytes: &[u8]) -> Vec<Mount> {
    bytes.split(|&byte| byte == b'\n').filter_map(line).collect()
}

fn line(bytes: &[u8]) -> Option<Mount> {
    let mut fields = bytes.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = std::str::from_utf8(fields.nth(1)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let (root, point) = (path(fields.next()?), path(fields.next()?));
    let flags = fields.next()?.to_vec();
    // Optional fields follow; a lone hyphen ends them.
    fields.find(|&field| field == b"-")?;
    Some(Mount {
        id,
        device: (major.parse().ok()?, minor.parse().ok()?),
        root,
        point,
        kind: String::from_utf8_lossy(&unescape(fields.next()?)).into_owned(),
        source: unescape(fields.next()?),
        options: unescape(fields.next().unwrap_or_default()),
        flags,
    })
}

fn path(field: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(field)).into()
}

/// Undoes the kernel's `\040` for a space, and its kin.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

/// The mount that holds `path`: by its number where the kernel told it, because a longer prefix may be
/// a mount that another one hides; otherwise the last of the longest prefixes.
pub(super) fn holding<'a>(mounts: &'a [Mount], path: &Path, id: Option<u64>) -> Option<&'a Mount> {
    let by_id = id.and_then(|id| mounts.iter().find(|mount| mount.id == id));
    by_id.or_else(|| {
        let holding = mounts.iter().filter(|mount| path.starts_with(&mount.point));
        holding.max_by_key(|mount| mount.point.components().count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = br"22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
44 27 0:39 /s\040t /mnt/a\134b\012c rw - btrfs /dev/loop0 rw,subvolid=256,subvol=/s
50 27 0:50 / /over rw - overlay overlay rw,lowerdir=/l\1342:/l2,upperdir=/u\134,p,workdir=/w
51 27 0:51 / /cd ro,relatime - iso9660 /dev/sr0 rw
";

    #[test]
    fn a_table_is_read_with_its_escapes() {
        let mounts = parse(TABLE);
        assert_eq!(mounts.len(), 5);
        let read_only: Vec<_> = mounts.iter().map(Mount::is_read_only).collect();
        assert_eq!(read_only, [false, false, false, false, true]);
        assert_eq!(mounts[1].kind, "ext4");
        assert_eq!(mounts[2].root, Path::new("/s t"));
        assert_eq!(mounts[2].point, Path::new("/mnt/a\\b\nc"));
        assert_eq!(mounts[3].option("upperdir"), [b"/u\\,p".to_vec()]);
        assert_eq!(mounts[2].within(Path::new("/mnt/a\\b\nc/d")), Path::new("/s t/d"));
        assert_eq!(mounts[2].shows(Path::new("/s t/d")), Some("/mnt/a\\b\nc/d".into()));
        assert_eq!(mounts[2].shows(Path::new("/other")), None);
    }

    #[test]
    fn a_hostile_table_is_read_without_a_panic() {
        for cut in 0..TABLE.len() {
            parse(&TABLE[..cut]);
        }
        assert_eq!(parse(b"\n \n- - -\n1 2 3\n1 2 a:b / / - x y\n\xff\xff\\0\\09 - -"), []);
        assert_eq!(unescape(b"\\04"), b"\\04");
    }

    #[test]
    fn the_mount_is_chosen_by_its_number_and_else_by_the_longest_prefix() {
        let mounts = parse(TABLE);
        let over = Path::new("/over/x");
        assert_eq!(holding(&mounts, over, None).map(|mount| mount.id), Some(50));
        assert_eq!(holding(&mounts, over, Some(27)).map(|mount| mount.id), Some(27));
        assert_eq!(holding(&mounts, Path::new("/overt"), None).map(|mount| mount.id), Some(27));
    }
}
