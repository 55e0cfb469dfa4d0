//! Words: which are allowed, and which one was probably meant.

use serde::de::value::StrDeserializer;
use serde::{Deserialize, de};
use std::fmt;

/// A word longer than this is shown cut, and is no slip of the hand.
const LONGEST: usize = 60;

/// ``; did you mean `policy`?`` for the word that is nearest to what was written, if one is near.
pub(super) fn suggestion<'w>(written: &str, allowed: impl IntoIterator<Item = &'w str>) -> String {
    if written.len() > LONGEST {
        return String::new();
    }
    let lower = written.to_lowercase().replace('-', "_");
    // One slip in three letters, exchanged neighbours counting as one.
    let slips = (written.chars().count() / 3).max(1);
    let near = |word: &'w str| {
        let distance = strsim::damerau_levenshtein(&lower, &word.to_lowercase().replace('-', "_"));
        (distance <= slips && distance < word.len()).then_some((distance, word))
    };
    let best = allowed.into_iter().filter_map(near).min();
    best.map(|(_, word)| format!("; did you mean `{word}`?")).unwrap_or_default()
}

/// Makes what somebody wrote fit into a message.
pub(super) fn shown(text: &str) -> String {
    let safe = crate::domain::printable(text.as_bytes());
    match safe.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("`{}…`", &safe[..at]),
        None => format!("`{safe}`"),
    }
}

/// `a, b, c`; says so where there is nothing.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    if words.is_empty() { "nothing yet".to_owned() } else { words.join(", ") }
}

/// The variant of an enum by the word that it has in JSON, or the words there are.
pub(super) fn variant<'w, T: Deserialize<'w>>(word: &'w str) -> Result<T, &'static [&'static str]> {
    T::deserialize(StrDeserializer::<NoSuchWord>::new(word)).map_err(|error| error.0)
}

/// Carries the words that an enum knows out of its deserialization.
#[derive(Debug)]
struct NoSuchWord(&'static [&'static str]);

impl de::Error for NoSuchWord {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

impl fmt::Display for NoSuchWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "none of {}", self.0.join(", "))
    }
}

impl std::error::Error for NoSuchWord {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AssetKind;

    #[test]
    fn the_nearest_word_is_suggested_and_none_that_is_far() {
        assert_eq!(suggestion("polcy", ["path", "policy"]), "; did you mean `policy`?");
        assert_eq!(suggestion("drill-every", ["drill_every"]), "; did you mean `drill_every`?");
        assert_eq!(suggestion("rop", ["rto", "rpo"]), "; did you mean `rpo`?");
        assert_eq!(suggestion("x", ["a"]), "");
        assert_eq!(suggestion("zebra", ["path", "policy"]), "");
        assert_eq!(suggestion(&"p".repeat(1 << 20), ["policy"]), "");
    }

    #[test]
    fn a_kind_has_the_word_that_json_has() {
        assert_eq!(variant::<AssetKind>("upstream_provider"), Ok(AssetKind::UpstreamProvider));
        let words = variant::<AssetKind>("planet").unwrap_err();
        assert!(words.contains(&"device") && words.contains(&"identity"), "{words:?}");
    }

    #[test]
    fn what_is_shown_is_short_and_safe() {
        assert_eq!(shown("a\u{1b}b"), "`a\\eb`");
        assert_eq!(shown(&"ä".repeat(1000)).chars().count(), LONGEST + 3);
    }
}
