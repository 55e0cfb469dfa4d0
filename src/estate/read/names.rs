//! Names that one part of the file gives and another uses.

use super::value::{Table, Value};
use super::words::{listed, shown};
use std::collections::BTreeMap;

/// The names of one sort of thing, each with where it was given.
///
/// They are gathered before anything is read, so that a mistake inside a thing does not make every use of its
/// name one more mistake.
pub(super) struct Names {
    what: &'static str,
    header: &'static str,
    known: BTreeMap<String, usize>,
}

impl Names {
    /// Of a list of tables with an `id` each. One that is given twice is a mistake.
    pub(super) fn of_tables(what: &'static str, header: &'static str, tables: &[Table<'_>]) -> Self {
        let mut names = Self { what, header, known: BTreeMap::new() };
        for id in tables.iter().filter_map(|table| table.get("id")) {
            if let Some(text) = id.id() {
                names.give(text, &id);
            }
        }
        names
    }

    fn give(&mut self, name: String, value: &Value<'_>) {
        if let Some(at) = self.known.get(&name) {
            let what = format!(
                "is {}, which a {} on line {} has already",
                shown(&name),
                self.what,
                value.file.line(*at)
            );
            value.complain(what, "give each its own");
            return;
        }
        self.known.insert(name, value.at);
    }

    /// Where a name was given.
    pub(super) fn given_at(&self, name: &str) -> Option<usize> {
        self.known.get(name).copied()
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The name that a value uses, if there is one like it.
    pub(super) fn used_by(&self, value: &Value<'_>) -> Option<String> {
        let text = value.text()?;
        if self.has(text) {
            return Some(text.to_owned());
        }
        let names = self.known.keys().map(String::as_str);
        let what = format!(
            "names a {} {} that is not there{}",
            self.what,
            shown(text),
            value.file.near(text, names.clone())
        );
        let some = names.take(20);
        value.complain(what, format!("add it as {}, or name one of: {}", self.header, listed(some)));
        None
    }
}
