//! What a line of a tree may be after the line before it: the rules that hold for every reader.

use super::format::{Entry, PackKey, PackLine, Run, UNIT};
use crate::domain::ByteName;
use serde::de::DeserializeOwned;
use std::cmp::Ordering;

/// The longest path, in bytes.
const MAX_PATH: usize = 1 << 20;

/// A line of a tree's leaves.
pub trait Line: DeserializeOwned {
    /// What must be remembered of a line to judge the next.
    type Mark;

    /// What is to be remembered of this line.
    fn mark(&self) -> Self::Mark;

    /// What is wrong with this line in itself, or after the line before it.
    fn wrong_after(&self, before: Option<&Self::Mark>) -> Option<&'static str>;
}

impl Line for Entry {
    type Mark = ByteName;

    fn mark(&self) -> ByteName {
        self.path.clone()
    }

    fn wrong_after(&self, before: Option<&ByteName>) -> Option<&'static str> {
        match before {
            None if self.path.as_bytes().is_empty() => None,
            None => Some("a tree does not begin with its root"),
            Some(_) if split(self.path.as_bytes()).is_none() => Some("holds a path that leaves the target"),
            Some(before) if Self::compare_paths(before, &self.path) != Ordering::Less => {
                Some("the entries of a tree are out of order")
            }
            Some(_) => None,
        }
    }
}

impl Line for Run {
    /// Where the run ends.
    type Mark = u64;

    fn mark(&self) -> u64 {
        self.offset.saturating_add(self.size())
    }

    fn wrong_after(&self, before: Option<&u64>) -> Option<&'static str> {
        let sound = |size: u32| size > 0 && size as usize <= UNIT;
        if self.chunks.is_empty() || !self.chunks.iter().all(|chunk| sound(chunk.size())) {
            Some("a chunk is empty or larger than this format allows")
        } else if self.offset.checked_add(self.size()).is_none() {
            Some("a run reaches beyond its file")
        } else if before.is_some_and(|end| self.offset < *end) {
            Some("runs overlap or are out of order")
        } else {
            None
        }
    }
}

impl Line for PackLine {
    type Mark = PackKey;

    fn mark(&self) -> PackKey {
        self.pack.clone()
    }

    fn wrong_after(&self, before: Option<&PackKey>) -> Option<&'static str> {
        before.is_some_and(|before| *before >= self.pack).then_some("a list of packs is out of order")
    }
}

/// Splits the path of an entry into its directory and name, refusing what could leave a target.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let sound = |name: &[u8]| !name.is_empty() && name != b"." && name != b".." && !name.contains(&0);
    if path.len() > MAX_PATH || !path.split(|byte| *byte == b'/').all(sound) {
        return None;
    }
    Some(match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    })
}

/// True where the directory `above` is `path` itself or one of those that lead to it.
pub fn is_at_or_above(above: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || above.is_empty() || rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_leave_the_target_are_refused() {
        for bad in [&b""[..], b"/etc", b"..", b"a/../b", b"a//b", b"a/", b"./a", b"a\0b"] {
            assert_eq!(split(bad), None, "{bad:?}");
        }
        assert_eq!(split(b"a/b c/\xff"), Some((&b"a/b c"[..], &b"\xff"[..])));
        assert_eq!(split(b"a"), Some((&b""[..], &b"a"[..])));
    }

    #[test]
    fn a_directory_is_above_what_its_whole_name_leads_to() {
        for (above, path) in [("", ""), ("", "a"), ("", "a/b"), ("a", "a"), ("a", "a/b"), ("a/b", "a/b/c")] {
            assert!(is_at_or_above(above.as_bytes(), path.as_bytes()), "{above:?} {path:?}");
        }
        for (above, path) in [("a", ""), ("a", "ab"), ("a", "ab/c"), ("b", "a/b"), ("a/b", "a")] {
            assert!(!is_at_or_above(above.as_bytes(), path.as_bytes()), "{above:?} {path:?}");
        }
    }
}
