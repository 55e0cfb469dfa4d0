//! Keys of objects.

use crate::domain::{Kind, Problem, Result, printable};
use std::fmt;

/// The key of an object: segments of ASCII letters, digits, `.`, `_` and `-`, joined by `/`; never
/// absolute, never climbing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a key.
    ///
    /// # Errors
    /// `Damaged` where the text is no key: keys come from the program or from stored objects.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let sound = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if text.len() <= 256 && text.split('/').all(sound) {
            Ok(Self(text))
        } else {
            Err(Problem::new(Kind::Damaged, "not the key of an object").at(printable(text.as_bytes())))
        }
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without the folder before its last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_climbs_out_of_the_store() {
        for good in ["vault.json", "packs/0a-1b", "roots/20261122T010203Z-ff"] {
            assert!(Key::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a b", "a\n", "ä", "a\\b"]
        {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
    }
}
