//! What a file is by its content: pure functions over its first and last bytes, which may be anything.

use super::{compressed, image, postgres, sql, sqlite, tar};
use crate::domain::{PointKind, Timestamp};

/// How much of a file's start a recogniser may see, in bytes: more than the longest block of zstd (128 KiB), which
/// cannot be decoded in part.
pub(super) const HEAD: usize = 160 << 10;
/// How much of its end, in bytes.
pub(super) const TAIL: usize = 4 << 10;
/// Where btrfs keeps its superblock, and how much of it is read: it lies behind the head.
pub(super) const FAR: (u64, usize) = (64 << 10, 128);

/// The bytes of a file that are looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// The file's length, in bytes.
    pub(super) size: u64,
    /// Its first bytes, at most [`HEAD`].
    pub(super) head: Vec<u8>,
    /// Its last bytes, at most [`TAIL`]; `None` where they were not read.
    pub(super) tail: Option<Vec<u8>>,
    /// The bytes at [`FAR`]; empty in a file that is shorter.
    pub(super) far: Vec<u8>,
}

/// What was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Dump, archive, database file or filesystem image.
    pub(super) kind: PointKind,
    /// What it is, in words, safe to print.
    pub(super) what: String,
    /// The moment that it says it is of. Nobody vouches for that.
    pub(super) claims: Option<Timestamp>,
    /// How whole it is.
    pub(super) whole: Whole,
    /// True where it visibly needs another file.
    pub(super) needs_more: bool,
}

/// How whole a file is, as far as its ends show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whole {
    /// It ends as such a file ends. What lies between was not read.
    Ends,
    /// Nothing cheap tells it; why.
    Open(String),
    /// It is certainly cut off; how that shows.
    Cut(String),
}

impl Content {
    pub(super) fn new(kind: PointKind, what: impl Into<String>, whole: Whole) -> Self {
        Self { kind, what: what.into(), claims: None, whole, needs_more: false }
    }
}

/// What the file is, or `None` for anything that is not known here.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    plain(sample).or_else(|| compressed::recognise(sample))
}

/// The same without looking into compressed files.
pub(super) fn plain(sample: &Sample) -> Option<Content> {
    postgres::recognise(sample)
        .or_else(|| sql::recognise(sample))
        .or_else(|| sqlite::recognise(sample))
        .or_else(|| tar::recognise(sample))
        .or_else(|| image::recognise(sample))
}

/// A judgement that needs the file's end; open where that was not read.
pub(super) fn by_its_end(sample: &Sample, judge: impl FnOnce(&[u8]) -> Whole) -> Whole {
    match &sample.tail {
        Some(tail) => judge(tail),
        None => Whole::Open("its end was not looked at".into()),
    }
}

/// The bytes at an offset; `None` where there are not as many.
pub(super) fn at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.get(..N)?.try_into().ok()
}

/// The first and only occurrence of something in bytes.
pub(super) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
