//! Compressed files: the beginning is decoded, and what it is decides. Only what is a dump or an archive inside counts.

use super::kind::{Content, HEAD, Sample, Whole, plain};
use crate::domain::PointKind;
use std::io::{self, ErrorKind, Read};

/// How much is decoded of a file that is looked at whole. A few KiB can decode to gigabytes.
const DECODED: u64 = 1 << 20;

const XZ: &[u8] = b"\xfd7zXZ\0";
/// `BZh` is also how a text may begin: then follow the level, and a block or the end of the stream.
const BZIP2: &[u8] = b"BZh";
const BZIP2_THEN: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];

const GZIP: &[u8] = b"\x1f\x8b\x08";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// Behind one byte, of 16: a frame that decoders skip. `pzstd` begins its files with one.
const SKIPPED: &[u8] = b"\x2a\x4d\x18";

/// True for what begins as a file that can be decoded here.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(GZIP) || is_zstd(head)
}

/// By RFC 8878, section 3.1.
fn is_zstd(head: &[u8]) -> bool {
    let is_skipped = |(first, rest): (&u8, &[u8])| (0x50..=0x5f).contains(first) && rest.starts_with(SKIPPED);
    head.starts_with(ZSTD) || head.split_first().is_some_and(is_skipped)
}

/// A compressed dump or archive, or a file in a format that cannot be looked into.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    let head = sample.head.as_slice();
    match () {
        () if head.starts_with(GZIP) => inside(sample, "gzip", gunzip),
        () if is_zstd(head) => inside(sample, "zstd", unzstd),
        () => opaque(sample),
    }
}

/// What the beginning of a stream decodes to, up to a limit, and how that ended.
type Decoded = (Vec<u8>, io::Result<()>);

/// One stream after the other. Zeros behind the last one fill a tape's block: gzip takes them too.
fn gunzip(mut from: &[u8], limit: u64) -> Decoded {
    let mut found = Vec::new();
    loop {
        let mut stream = flate2::bufread::GzDecoder::new(from);
        let left = limit.saturating_sub(found.len() as u64);
        let ended = stream.by_ref().take(left).read_to_end(&mut found);
        from = stream.into_inner();
        if ended.is_err() || found.len() as u64 >= limit || from.iter().all(|&byte| byte == 0) {
            return (found, ended.map(drop));
        }
    }
}

fn unzstd(from: &[u8], limit: u64) -> Decoded {
    let mut found = Vec::new();
    let ended =
        zstd::Decoder::with_buffer(from).and_then(|stream| stream.take(limit).read_to_end(&mut found));
    (found, ended.map(drop))
}

fn inside(sample: &Sample, with: &str, decode: impl Fn(&[u8], u64) -> Decoded) -> Option<Content> {
    let is_all = sample.head.len() as u64 == sample.size;
    // What came before an error is all there is: of a long file only the beginning is here, which ends anywhere.
    let limit = if is_all { DECODED } else { HEAD as u64 };
    let (mut head, ended) = decode(&sample.head, limit);
    if ended.as_ref().is_err_and(needs_memory) {
        return Some(unseen(with));
    }
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
    let content = unseen(with);
    match with == "xz" && sample.tail.as_ref().is_some_and(|tail| !ends_as_xz(tail)) {
        true => Some(Content {
            whole: Whole::Cut("it does not end as xz ends a file: cut off".into()),
            ..content
        }),
        false => Some(content),
    }
}

/// Zeros may follow the end; where there is nothing else, the end lies before what was read.
fn ends_as_xz(tail: &[u8]) -> bool {
    let end = tail.iter().rposition(|&byte| byte != 0).and_then(|last| tail.get(..=last));
    end.is_none_or(|end| end.ends_with(b"YZ"))
}

/// The library's words for a stream that looks back further than 128 MiB, as `zstd --long=28` and more make it.
/// A file of somebody else's does not decide how much memory is taken here.
fn needs_memory(error: &io::Error) -> bool {
    error.to_string().contains("too much memory")
}

fn unseen(with: &str) -> Content {
    let why = Whole::Open("its content was not looked at".into());
    Content::new(PointKind::Archive, format!("a file compressed with {with}"), why)
}
