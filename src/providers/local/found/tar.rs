//! Tape archives (POSIX.1-1988 `ustar` and what GNU tar makes of it).

use super::kind::{Content, Sample, Whole, at, by_its_end};
use crate::domain::PointKind;

const BLOCK: usize = 512;

/// An archive, by the magic and the checksum of its first header.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    let header: [u8; BLOCK] = at(&sample.head, 0)?;
    let magic = header.get(257..262)?;
    if magic != b"ustar" || octal(header.get(148..156)?)? != checksum(&header) {
        return None;
    }
    let whole = by_its_end(sample, |tail| {
        let (end, is_whole_blocks) =
            (tail.len().saturating_sub(2 * BLOCK), sample.size.is_multiple_of(BLOCK as u64));
        let is_empty = tail.get(end..).is_some_and(|end| end.iter().all(|&byte| byte == 0));
        match is_whole_blocks && tail.len() >= 2 * BLOCK && is_empty {
            true => Whole::Ends,
            false => Whole::Cut("it does not end with two empty blocks: cut off".into()),
        }
    });
    Some(Content::new(PointKind::Archive, "a tar archive", whole))
}

/// Digits, with spaces before and a space or zero behind.
fn octal(field: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(field).ok()?;
    u32::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

/// The sum of all bytes, with spaces where the sum itself stands.
fn checksum(header: &[u8; BLOCK]) -> u32 {
    let sum = |part: &[u8]| part.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let (before, rest) = header.split_at(148);
    sum(before) + 8 * u32::from(b' ') + rest.get(8..).map_or(0, sum)
}
