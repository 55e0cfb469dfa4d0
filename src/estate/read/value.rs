//! Values and tables of the file. Each way of reading one complains where it is not that, and then gives `None`.

use super::file::File;
use super::keys;
use super::words::{listed, shown, suggestion, variant};
use crate::domain::{Owner, Timestamp, parse_duration, printable};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One value, with its key for messages and its offset in the file.
#[derive(Clone)]
pub(super) struct Value<'a> {
    pub(super) file: &'a File<'a>,
    /// For example `volume.orders-db.path`.
    pub(super) key: String,
    pub(super) at: usize,
    inner: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    fn new(file: &'a File<'a>, key: String, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { file, key, at: value.span().start, inner: value.get_ref() }
    }

    /// Complains about this value; the key is named before `what`.
    pub(super) fn complain(&self, what: impl std::fmt::Display, remedy: impl Into<String>) {
        self.file.complain(self.at, format!("`{}` {what}", self.key), remedy);
    }

    fn wrong_type<T>(&self, expected: &str, remedy: &str) -> Option<T> {
        let found = match self.inner {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.complain(format!("must be {expected}, and is {found}"), remedy);
        None
    }

    /// Whether it is a table, which one of two ways to write something is.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.inner, DeValue::Table(_))
    }

    /// Whether it is a table in which a key stands: for what is checked elsewhere.
    pub(super) fn holds(&self, key: &str) -> bool {
        matches!(self.inner, DeValue::Table(entries) if entries.contains_key(key))
    }

    /// Whether it is text.
    pub(super) fn is_text(&self) -> bool {
        self.as_text().is_some()
    }

    /// Text, without a complaint where it is something else: for what is checked elsewhere.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        self.inner.as_str()
    }

    /// Text that is not empty and holds no control characters.
    pub(super) fn text(&self) -> Option<&'a str> {
        let DeValue::String(text) = self.inner else {
            return self.wrong_type("text", "write it in quotes");
        };
        if text.trim().is_empty() {
            self.complain("is empty", "fill it in, or leave the key out");
            return None;
        }
        if text.chars().any(char::is_control) {
            self.complain(
                "holds a control character",
                "write it without line breaks and other control characters",
            );
            return None;
        }
        Some(text)
    }

    /// Text that may be empty and hold line breaks, as an argument of a command may: all but a zero byte.
    pub(super) fn any_text(&self) -> Option<&'a str> {
        let DeValue::String(text) = self.inner else {
            return self.wrong_type("text", "write it in quotes");
        };
        if text.contains('\0') {
            self.complain("holds a zero byte", "leave it out");
            return None;
        }
        Some(text)
    }

    /// Somebody who answers for something.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.text().map(|name| Owner(printable(name.as_bytes())))
    }

    /// A name that vaults, ledgers and messages can carry: `[a-z0-9][a-z0-9._-]*`.
    pub(super) fn id(&self) -> Option<String> {
        let text = self.text()?;
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
        if begins && text.len() <= 100 && text.bytes().all(fits) {
            return Some(text.to_owned());
        }
        let what = format!("is {}, which is no name", shown(text));
        self.complain(
            what,
            "use a to z, 0 to 9, `.`, `_` and `-`, first a letter or digit, at most 100 of them",
        );
        None
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Option<bool> {
        let DeValue::Boolean(value) = self.inner else {
            return self.wrong_type("true or false", "write true or false, without quotes");
        };
        Some(*value)
    }

    /// A whole number in a range.
    pub(super) fn whole(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(value) = self.inner else {
            return self.wrong_type(&allowed, "write it in digits, without quotes");
        };
        let number = usize::from_str_radix(value.as_str(), value.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.complain(format!("must be {allowed}"), "choose a number in that range");
        }
        number
    }

    /// The number that stands there, if one does; nothing is complained of.
    pub(super) fn is_whole(&self) -> Option<usize> {
        let DeValue::Integer(value) = self.inner else { return None };
        usize::from_str_radix(value.as_str(), value.radix()).ok()
    }

    /// A number of bytes.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.whole(0..=usize::MAX).and_then(|number| u64::try_from(number).ok())
    }

    /// A word of lower case letters, digits and single hyphens, like the id of a rule.
    pub(super) fn hyphened(&self) -> Option<String> {
        let text = self.text()?;
        if is_hyphened(text) {
            return Some(text.to_owned());
        }
        let what = format!("is {}, which is no such name", shown(text));
        self.complain(what, "use a to z, 0 to 9 and `-` between them, at most 100");
        None
    }

    /// A duration like `26h`.
    pub(super) fn duration(&self) -> Option<TimeDelta> {
        if !self.is_text() {
            return self.wrong_type(
                "a duration in quotes",
                "write a whole number with a unit: \"90s\", \"15m\", \"26h\", \"7d\" or \"2w\"",
            );
        }
        let text = self.text()?;
        match parse_duration(text) {
            Ok(span) => Some(span),
            Err(problem) => {
                self.complain(format!("is {}, which is no duration", shown(text)), problem.remedy);
                None
            }
        }
    }

    /// A time of day in UTC, as seconds since midnight.
    pub(super) fn time_of_day(&self) -> Option<TimeDelta> {
        let remedy = "write hours and minutes in UTC, in quotes: \"02:00\"";
        if !self.is_text() {
            return self.wrong_type("a time of day in quotes", remedy);
        }
        let text = self.text()?;
        let time = NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5);
        if time.is_none() {
            self.complain(format!("is {}, which is no time of day", shown(text)), remedy);
        }
        time.map(|time| time.signed_duration_since(NaiveTime::MIN))
    }

    /// A moment: a day, of which it is the beginning in UTC, or a time with its zone; with or without quotes.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let remedy = "write a day as \"2026-12-31\", or a time with its zone as \"2026-12-31T02:00:00Z\"";
        let text = match self.inner {
            DeValue::String(_) => self.text()?.to_owned(),
            DeValue::Datetime(moment) => moment.to_string(),
            _ => return self.wrong_type("a day or a moment", remedy),
        };
        let day = || {
            NaiveDate::parse_from_str(&text, "%Y-%m-%d")
                .ok()
                .map(|day| day.and_time(NaiveTime::MIN).and_utc())
        };
        let moment = DateTime::parse_from_rfc3339(&text).ok().map(Into::into).or_else(day);
        if moment.is_none() {
            self.complain(format!("is {}, which is no day and no moment", shown(&text)), remedy);
        }
        moment
    }

    /// A path on this machine, begun at the file's directory where it is relative.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.starts_with(['~', '$']) {
            let what = format!("begins with `{}`, which only a shell would expand", &text[..1]);
            self.complain(what, "write the path out in full");
            return None;
        }
        Some(self.file.resolve(text))
    }

    /// One word of a fixed list.
    pub(super) fn word(&self, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text()?;
        let found = allowed.iter().find(|word| **word == text).copied();
        if found.is_none() {
            self.no_such_word(text, allowed.iter().copied());
        }
        found
    }

    /// A variant of an enum, by the word that it has in JSON.
    pub(super) fn variant<T: Deserialize<'a>>(&self) -> Option<T> {
        let text = self.text()?;
        variant(text).map_err(|allowed| self.no_such_word(text, allowed.iter().copied())).ok()
    }

    /// Complains that `text` is none of the words that may stand here.
    pub(super) fn no_such_word<'w>(&self, text: &str, allowed: impl Iterator<Item = &'w str> + Clone) {
        let what = format!("is {}, which is not known{}", shown(text), suggestion(text, allowed.clone()));
        self.complain(what, format!("what may stand there: {}", listed(allowed)));
    }

    /// A list.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let DeValue::Array(items) = self.inner else {
            return self.wrong_type("a list", "write it in square brackets: [\"…\", \"…\"]");
        };
        Some(items.iter().map(|item| Self::new(self.file, self.key.clone(), item)).collect())
    }

    /// A table in which only the keys of `title` (see [`keys::KEYS`]) may stand.
    pub(super) fn table(&self, title: &'static str) -> Option<Table<'a>> {
        let DeValue::Table(entries) = self.inner else {
            return self.wrong_type(
                "a table",
                &format!("write it in braces, with some of: {}", listed(keys::of(title).iter().copied())),
            );
        };
        let table = Table { file: self.file, key: self.key.clone(), at: self.at, entries };
        table.know_only(title);
        Some(table)
    }

    /// The entries of a table whose keys are names that the user chose, each as its name's offset, name and value.
    pub(super) fn named_tables(&self) -> Vec<(usize, &'a str, Self)> {
        let DeValue::Table(entries) = self.inner else {
            self.wrong_type::<()>("a table of tables", &format!("write [{}.NAME]", self.key));
            return Vec::new();
        };
        let named = entries.iter().map(|(name, value)| {
            let text: &'a str = name.get_ref().as_ref();
            (
                name.span().start,
                text,
                Self::new(self.file, format!("{}.{}", self.key, printable(text.as_bytes())), value),
            )
        });
        named.collect()
    }
}

/// Whether a text is made of lower case words with hyphens between them.
pub(super) fn is_hyphened(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 100 && text.split('-').all(|word| !word.is_empty() && word.bytes().all(fits))
}

/// A table, with the beginning of its keys' names for messages.
pub(super) struct Table<'a> {
    pub(super) file: &'a File<'a>,
    /// For example `volume.orders-db`; empty for the file itself.
    pub(super) key: String,
    pub(super) at: usize,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// The file itself as a table.
    pub(super) fn whole_file(file: &'a File<'a>, title: &'static str, entries: &'a DeTable<'a>) -> Self {
        let table = Self { file, key: String::new(), at: 0, entries };
        table.know_only(title);
        table
    }

    fn know_only(&self, title: &'static str) {
        let allowed = keys::of(title);
        for key in self.entries.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref())) {
            if let Some(why) = keys::refused(title, key.get_ref()) {
                let what = format!("`{}.{}` makes no sense: {why}", self.key, key.get_ref());
                self.file.complain(key.span().start, what, "leave it out");
                continue;
            }
            let near = suggestion(key.get_ref(), allowed.iter().copied());
            let what = format!("unknown key {} in {title}{near}", shown(key.get_ref()));
            self.file.complain(
                key.span().start,
                what,
                format!("what may stand there: {}", listed(allowed.iter().copied())),
            );
        }
    }

    /// The value of a key, if it stands there.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        let value = self.entries.get(key)?;
        let name = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Some(Value::new(self.file, name, value))
    }

    /// The value of a key that has to stand there.
    pub(super) fn required(&self, key: &str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            self.file.complain(self.at, format!("`{}` has no `{key}`", self.key), format!("add `{key} = …`"));
        }
        value
    }

    /// Whether a key stands there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Which of these keys stand there.
    pub(super) fn present(&self, keys: &[&'static str]) -> Vec<&'static str> {
        keys.iter().copied().filter(|key| self.entries.contains_key(*key)).collect()
    }

    /// Whether nothing stands there but, perhaps, this key.
    pub(super) fn is_empty_but_for(&self, key: &str) -> bool {
        self.entries.keys().all(|name| name.get_ref() == key)
    }

    /// Where a key stands, or else the table.
    pub(super) fn place_of(&self, key: &str) -> usize {
        self.entries.get_key_value(key).map_or(self.at, |(name, _)| name.span().start)
    }

    /// The tables of a list like `[[volume]]`, each called after what its key `name` says.
    pub(super) fn each(&self, key: &'static str, title: &'static str, name: &str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        if value.is_table() {
            value.complain(
                "is a single table, and must be a list of tables",
                format!("write {title} with two brackets"),
            );
            return Vec::new();
        }
        let mut tables = Vec::new();
        for mut item in value.list().unwrap_or_default() {
            if let DeValue::Table(entries) = item.inner {
                let called = entries
                    .get(name)
                    .and_then(|name| name.get_ref().as_str())
                    .filter(|called| !called.is_empty());
                if let Some(called) = called {
                    item.key = format!(
                        "{key}.{}",
                        printable(called.chars().take(100).collect::<String>().as_bytes())
                    );
                }
            }
            tables.extend(item.table(title));
        }
        tables
    }
}
