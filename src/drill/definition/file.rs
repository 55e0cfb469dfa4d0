//! The file as TOML, and where things stand in it.

use super::{Bounds, PAGE};
use crate::domain::{Kind, Problem, printable};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDrill {
    pub volume: Spanned<String>,
    pub select: Option<Spanned<RawSelect>>,
    pub vault: Option<Spanned<String>>,
    pub restore_to: Option<PathBuf>,
    #[serde(default)]
    pub checks: Vec<Spanned<String>>,
    pub budget: Option<RawBudget>,
    pub every: Option<Spanned<String>>,
    pub at: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
    counts: Option<Spanned<RawCounts>>,
    #[serde(default)]
    pub command: Vec<RawCommand>,
}

impl RawDrill {
    pub fn counts(&self) -> Option<&RawCounts> {
        self.counts.as_ref().map(Spanned::get_ref)
    }

    pub fn counts_span(&self) -> Option<Range<usize>> {
        self.counts.as_ref().map(Spanned::span)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBudget {
    pub rto: Option<Spanned<String>>,
    pub rpo: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCounts {
    least_files: Option<u64>,
    least_bytes: Option<u64>,
    most_files: Option<u64>,
    most_bytes: Option<u64>,
}

impl RawCounts {
    pub fn bounds(&self) -> Bounds {
        Bounds { least: (self.least_files, self.least_bytes), most: (self.most_files, self.most_bytes) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCommand {
    pub name: Option<String>,
    pub argv: Spanned<Vec<String>>,
    pub timeout: Option<Spanned<String>>,
}

/// A word, or `{ at = "…" }`.
pub enum RawSelect {
    Word(String),
    At(String),
}

impl<'de> Deserialize<'de> for RawSelect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SelectVisitor)
    }
}

struct SelectVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAt {
    at: String,
}

impl<'de> Visitor<'de> for SelectVisitor {
    type Value = RawSelect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"latest\", \"oldest\", \"random\" or { at = \"2026-11-01T00:00:00Z\" }")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<RawSelect, E> {
        Ok(RawSelect::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawSelect, A::Error> {
        RawAt::deserialize(MapAccessDeserializer::new(map)).map(|raw| RawSelect::At(raw.at))
    }
}

/// Where a text came from, for messages.
pub struct Place<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Place<'_> {
    /// A mistake at a byte of the text.
    pub fn wrong(&self, at: usize, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let path = printable(self.path.as_os_str().as_encoded_bytes());
        Problem::new(Kind::Usage, what).at(format!("{path}:{line}:{column}")).remedy(remedy)
    }

    /// A name that is none of those there are.
    pub fn unknown<'n>(
        &self,
        what: &str,
        given: &Spanned<String>,
        names: impl Iterator<Item = &'n str>,
    ) -> Problem {
        let names: Vec<&str> = names.collect();
        let message = format!("there is no {what} `{}`", printable(given.get_ref().as_bytes()));
        self.wrong(given.span().start, message, suggestion(given.get_ref(), &names))
    }

    /// What the parser says. Not its own display, which repeats the line.
    pub fn of_error(&self, error: &toml::de::Error) -> Problem {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message();
        // serde names an unknown key and those that it knows, each between backticks.
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let remedy = match quoted.split_first() {
            Some((given, known)) if message.starts_with("unknown field") => suggestion(given, known),
            _ => PAGE.to_owned(),
        };
        let shown =
            message.split(", expected").next().unwrap_or(message).replace("unknown field", "unknown key");
        let shown = if quoted.is_empty() || !message.starts_with("unknown field") { message } else { &shown };
        self.wrong(at, printable(shown.as_bytes()), remedy)
    }
}

/// Which of the names was meant, or which there are.
fn suggestion(given: &str, names: &[&str]) -> String {
    let likeness = |name: &str| strsim::jaro_winkler(given, name);
    let nearest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest {
        Some(name) if likeness(name) > 0.8 => format!("did you mean `{name}`? {PAGE}"),
        Some(_) => format!("choose one of: {}", names.join(", ")),
        None => PAGE.to_owned(),
    }
}
