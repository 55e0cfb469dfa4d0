//! What a search did not look into.

use super::Reach;
use crate::domain::printable;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why something was not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Unread,
    Large,
    Packed,
    Binary,
    Link,
    Special,
    Elsewhere,
    Deep,
    Entries,
    Found,
    Late,
    Stopped,
}

/// What was left out: how often for each reason, and the first example.
#[derive(Debug, Default)]
pub(super) struct Left(BTreeMap<Why, (usize, String)>);

impl Left {
    /// Counts one.
    pub(super) fn add(&mut self, why: Why, path: &Path) {
        self.0.entry(why).or_insert_with(|| (0, printable(path.as_os_str().as_bytes()))).0 += 1;
    }

    /// The same for what ends the whole search, and is met again on the way back.
    pub(super) fn once(&mut self, why: Why, path: &Path) {
        if !self.0.contains_key(&why) {
            self.add(why, path);
        }
    }

    /// Each reason in a sentence.
    pub(super) fn said(&self, reach: &Reach) -> Vec<String> {
        self.0.iter().map(|(why, (count, first))| say(*why, *count, first, reach)).collect()
    }
}

fn say(why: Why, count: usize, first: &str, reach: &Reach) -> String {
    let such = match count {
        1 => first.to_owned(),
        _ => format!("{count} of them, for example {first}"),
    };
    match why {
        Why::Unread => format!("what could not be read: {such}"),
        Why::Large => {
            format!("what is behind the first {} MiB of a larger file: {such}", reach.file >> 20)
        }
        Why::Packed => format!("what is packed: {such}"),
        Why::Binary => {
            format!(
                "what is packed or encrypted within files that are no text (their bytes were looked through): {such}"
            )
        }
        Why::Link => format!("what links lead to elsewhere: {such}"),
        Why::Special => format!("pipes, sockets and devices: {such}"),
        Why::Elsewhere => format!("other filesystems, which a search of their own looks into: {such}"),
        Why::Deep => format!("what is more than {} directories deep: {such}", reach.depth),
        Why::Entries => format!("what comes after the first {} entries: from {first} on", reach.entries),
        Why::Found => format!("what comes after the first {} tokens: from {first} on", reach.found),
        Why::Late => format!("what was not reached in time: from {first} on; name a smaller directory"),
        Why::Stopped => format!("what was not reached before it was asked to stop: from {first} on"),
    }
}

/// Whether a file is one of the usual packed sorts.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    let magic: [&[u8]; 7] = [
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"7z\xbc\xaf\x27\x1c",
        b"age-encryption.org/",
    ];
    magic.iter().any(|magic| bytes.starts_with(magic))
}
