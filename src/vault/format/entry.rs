//! What is stored of one file, directory, link or special file.

use super::{PageRef, Run};
use crate::domain::ByteName;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A time as `seconds.nanoseconds` since 1970 (`touch -d @…` reads it). Before 1970 the seconds are
/// negative and the nanoseconds still count forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Whole seconds.
    pub seconds: i64,
    /// Nanoseconds after them, below 1,000,000,000.
    pub nanoseconds: u32,
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{:09}", self.seconds, self.nanoseconds))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let read = || {
            let (seconds, nanoseconds) = text.split_once('.')?;
            let nanoseconds = (nanoseconds.len() == 9).then(|| nanoseconds.parse().ok())??;
            Some(Self { seconds: seconds.parse().ok()?, nanoseconds })
        };
        read().ok_or_else(|| de::Error::custom("not a time as seconds.nanoseconds"))
    }
}

/// What kind of thing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link to `target`.
    Symlink,
    /// Another name of the file at the path `target`, earlier in the tree.
    Hardlink,
    /// A named pipe.
    Fifo,
    /// A socket. Recorded, never opened.
    Socket,
    /// A character device. Recorded, never opened.
    CharDevice,
    /// A block device. Recorded, never opened.
    BlockDevice,
}

/// Metadata that a restore gives back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Permission bits with set-uid, set-gid and sticky, as four octal digits (`chmod` reads it).
    pub mode: String,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// When the content last changed.
    pub mtime: Moment,
    /// Extended attributes, POSIX ACLs among them: name to value, the value in base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
}

/// The content of a file: what no run covers is zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The runs, in order of their offsets.
    Runs(Vec<Run>),
    /// A tree of pages of runs, where there are many.
    Pages(PageRef),
}

/// One line of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The path below the volume's root, without a leading `/`; empty for the root itself.
    pub path: ByteName,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// Its metadata.
    #[serde(flatten)]
    pub meta: Meta,
    /// The size of a file, in bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub size: u64,
    /// When the inode last changed: with size, mtime and inode this tells an unchanged file. Not restored.
    pub ctime: Moment,
    /// The inode's number at the source. Not restored.
    pub inode: u64,
    /// Where a link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ByteName>,
    /// A device's major and minor number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<(u32, u32)>,
    /// True where the file changed while it was read: its parts may be from different moments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// A file's content; absent where it is empty or all zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over a reference
fn is_zero(size: &u64) -> bool {
    *size == 0
}

impl Entry {
    /// The order of entries in a tree: a directory before what it holds, names by their bytes.
    pub fn compare_paths(a: &ByteName, b: &ByteName) -> Ordering {
        Self::compare(a.as_bytes(), b.as_bytes())
    }

    /// The same of the bytes themselves.
    pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
        let slash_first = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        a.iter().map(slash_first).cmp(b.iter().map(slash_first))
    }

    /// True where a file at the source is as it was when `self` was stored, judged by size, times and inode.
    pub fn is_unchanged(&self, now: &Self) -> bool {
        self.kind == EntryKind::File
            && now.kind == EntryKind::File
            && !self.unsettled
            && (self.size, self.meta.mtime, self.ctime, self.inode)
                == (now.size, now.meta.mtime, now.ctime, now.inode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_comes_before_what_it_holds_and_names_go_by_bytes() {
        let mut paths: Vec<ByteName> = [&b"a b"[..], b"a", b"a/z", b"a!", b"", b"a/b/c", b"b"]
            .iter()
            .map(|p| ByteName::from(*p))
            .collect();
        paths.sort_by(Entry::compare_paths);
        let sorted: Vec<_> = paths.iter().map(ToString::to_string).collect();
        assert_eq!(sorted, ["", "a", "a/b/c", "a/z", "a b", "a!", "b"]);
    }

    #[test]
    fn times_keep_their_nanoseconds_even_before_1970() {
        for moment in
            [Moment { seconds: -2, nanoseconds: 5 }, Moment { seconds: 1, nanoseconds: 999_999_999 }]
        {
            let json = serde_json::to_string(&moment).unwrap();
            assert_eq!(serde_json::from_str::<Moment>(&json).unwrap(), moment);
        }
        assert!(serde_json::from_str::<Moment>("\"1.5\"").is_err());
    }
}
