//! Lines in the bytes of a file that may be text.

use crate::domain::printable;

/// No line that anything is read from is longer.
const LONGEST: usize = 1 << 10;

/// The lines, without their ends; the last one may be cut.
pub(super) fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// What follows the first line that begins so, safe to print.
pub(super) fn value_after(bytes: &[u8], start: &[u8]) -> Option<String> {
    let rest = lines(bytes).find_map(|line| line.strip_prefix(start))?;
    let rest = rest.trim_ascii();
    (!rest.is_empty() && rest.len() <= LONGEST).then(|| printable(rest))
}
