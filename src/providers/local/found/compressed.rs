//! Compressed files: the beginning is decoded, and what it is decides. Only what is a dump or an archive inside counts.

use super::kind::{Content, HEAD, Sample, Whole, plain};
use crate::domain::PointKind;
use std::io::{ErrorKind, Read};

/// How much is decoded of a file that is looked at whole. A few KiB can decode to gigabytes.
const DECODED: u64 = 1 << 20;

const XZ: &[u8] = b"\xfd7zXZ\0";
/// `BZh` is also how a text may begin: then follow the level, and a block or the end of the stream.
const BZIP2: &[u8] = b"BZh";
const BZIP2_THEN: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];

const GZIP: &[u8] = b"\x1f\x8b\x08";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// True for what begins as a file that can be decoded here.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(GZIP) || head.starts_with(ZSTD)
}

/// A compressed dump or archive, or a file in a format that cannot be looked into.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    let head = sample.head.as_slice();
    match () {
        () if head.starts_with(GZIP) => inside(sample, flate2::read::MultiGzDecoder::new(head), "gzip"),
        () if head.starts_with(ZSTD) => inside(sample, zstd::Decoder::with_buffer(head).ok()?, "zstd"),
        () => opaque(sample),
    }
}

fn inside(sample: &Sample, decoder: impl Read, with: &str) -> Option<Content> {
    let is_all = sample.head.len() as u64 == sample.size;
    let mut head = Vec::new();
    // What came before an error is all there is: of a long file only the beginning is here, which ends anywhere.
    let limit = if is_all { DECODED } else { HEAD as u64 };
    let ended = decoder.take(limit).read_to_end(&mut head);
    let decoded = head.len() as u64;
    let whole_inside = is_all && ended.is_ok() && decoded < limit;
    let tail = whole_inside.then(|| head.clone());
    head.truncate(HEAD);
    let found = plain(&Sample { size: decoded, head, tail, far: Vec::new() })?;
    let what = format!("{}, compressed with {with}", found.what);
    let whole = match (ended, found.whole) {
        (Err(error), _) if is_all && error.kind() == ErrorKind::UnexpectedEof => {
            Whole::Cut(format!("its {with} stream ends too early: cut off"))
        }
        (Err(_), _) if is_all => Whole::Cut(format!("its {with} stream is damaged")),
        (_, found) if whole_inside => found,
        _ => Whole::Open("only its beginning was decoded".into()),
    };
    // A length inside that was decoded in part says nothing.
    let keeps_its_kind = matches!(found.kind, PointKind::Dump | PointKind::Archive) || whole_inside;
    Some(Content { kind: if keeps_its_kind { found.kind } else { PointKind::Archive }, what, whole, ..found })
}

/// A file that is not decoded here. What is in it stays open.
fn opaque(sample: &Sample) -> Option<Content> {
    let head = sample.head.as_slice();
    let is_bzip2 = head.starts_with(BZIP2) && head.get(4..10).is_some_and(|then| BZIP2_THEN.contains(&then));
    let with = match () {
        () if head.starts_with(XZ) => "xz",
        () if is_bzip2 => "bzip2",
        () => return None,
    };
    let is_cut = with == "xz" && sample.tail.as_ref().is_some_and(|tail| !tail.ends_with(b"YZ"));
    let whole = match is_cut {
        true => Whole::Cut("it does not end as xz ends a file: cut off".into()),
        false => Whole::Open("its content was not looked at".into()),
    };
    Some(Content::new(PointKind::Archive, format!("a file compressed with {with}"), whole))
}
