//! What may be asked: documents that are compiled in, and ids.

use serde::Serialize;
use std::collections::BTreeMap;

/// The questions that a connector may ask, each with its document. Nothing that is not in the list can be sent.
pub trait Operation: Copy + Send + Sync + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// Its name in the document.
    fn name(self) -> &'static str;

    /// The document, compiled in.
    fn document(self) -> &'static str;
}

/// Whether a document is one query, and holds nothing that could change something: a connector asserts it of each document
/// while it is compiled.
pub const fn is_only_a_query(document: &str) -> bool {
    starts(document.as_bytes(), 0, b"query ")
        && !holds(document.as_bytes(), b"mutation")
        && !holds(document.as_bytes(), b"subscription")
        && !holds(document.as_bytes(), b"#")
}

const fn holds(text: &[u8], word: &[u8]) -> bool {
    let mut at = 0;
    while at + word.len() <= text.len() {
        if starts(text, at, word) {
            return true;
        }
        at += 1;
    }
    false
}

const fn starts(text: &[u8], at: usize, word: &[u8]) -> bool {
    let mut place = 0;
    while place < word.len() {
        if at + place >= text.len() || text[at + place] != word[place] {
            return false;
        }
        place += 1;
    }
    true
}

/// What a question is about: ids and page tokens, by name.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Variables(BTreeMap<&'static str, Option<String>>);

impl Variables {
    /// No variable but these.
    pub fn of<const N: usize>(pairs: [(&'static str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name, Some(value.to_owned()))).collect())
    }

    /// Sets one.
    pub fn insert(&mut self, name: &'static str, value: Option<&str>) {
        self.0.insert(name, value.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queries_count_as_queries() {
        assert!(is_only_a_query("query A { a }"));
        let wrong = [
            "mutation A { a }",
            "{ a }",
            "query A { a } mutation B { b }",
            "subscription A { a }",
            "",
            " query A { a }",
            "query A { a } # mutation",
        ];
        for document in wrong {
            assert!(!is_only_a_query(document), "{document}");
        }
    }
}
