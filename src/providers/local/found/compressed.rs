//! Compressed files: the beginning is decoded, and what it is decides. Only what is a dump or an archive inside counts.

use super::kind::{Content, HEAD, Sample, Whole, plain};
use crate::domain::PointKind;
use std::io::{ErrorKind, Read};

/// How much is decoded of a file that is looked at whole. A few KiB can decode to gigabytes.
const DECODED: u64 = 1 << 20;

/// How a format begins, how it ends where that is fixed, and its name.
type Format = (&'static [u8], Option<&'static [u8]>, &'static str);

/// Formats that are not decoded.
const OPAQUE: [Format; 2] = [(b"\xfd7zXZ\0", Some(b"YZ"), "xz"), (b"BZh", None, "bzip2")];

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

fn opaque(sample: &Sample) -> Option<Content> {
    let (_, end, with) = OPAQUE.into_iter().find(|(start, _, _)| sample.head.starts_with(start))?;
    // "BZh" is also how a text may begin: then follows the level, and a block or the end.
    let rest = sample.head.get(4..10);
    if with == "bzip2"
        && rest != Some(b"\x31\x41\x59\x26\x53\x59")
        && rest != Some(b"\x17\x72\x45\x38\x50\x90")
    {
        return None;
    }
    let whole = match (end, &sample.tail) {
        (Some(end), Some(tail)) if !tail.ends_with(end) => {
            Whole::Cut(format!("it does not end as {with} ends a file: cut off"))
        }
        _ => Whole::Open("its content was not looked at".into()),
    };
    Some(Content::new(PointKind::Archive, format!("a file compressed with {with}"), whole))
}
