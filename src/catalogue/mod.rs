//! What a deletion takes along, one TOML a provider, each statement with its source and the day it was read.

use crate::domain::{AssetKind, Kind, PointKind, Problem, Result, Source, printable};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The compiled-in files: name and text.
const FILES: &[(&str, &str)] = &[("local.toml", include_str!("local.toml"))];

/// What deleting the primary does to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It stays, unless it is stored inside the primary.
    Survives,
    /// It goes together with the primary.
    Dies,
    /// Nobody has established it. Never counted as survival.
    Unknown,
}

/// One statement with its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What deleting the primary does.
    pub effect: Effect,
    /// The same in words.
    pub note: String,
    /// Where it was read or executed, and when.
    pub source: Source,
}

/// Statements by kind of recovery point and of asset. A kind without a statement is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    points: BTreeMap<PointKind, Statement>,
    assets: BTreeMap<AssetKind, Statement>,
}

impl Catalogue {
    /// The statements compiled into this program.
    ///
    /// # Errors
    /// A compiled-in file that is not valid; a test reads them all.
    pub fn built_in() -> Result<Self> {
        let mut whole = Self::default();
        for (name, text) in FILES {
            let part = Self::parse(text).map_err(|problem| problem.at(*name))?;
            whole.points.extend(part.points);
            whole.assets.extend(part.assets);
        }
        Ok(whole)
    }

    /// Reads one file's text, strictly.
    ///
    /// # Errors
    /// Unknown keys or kinds, a statement without source or date, two statements on one kind.
    pub fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            wrong(printable(error.message().as_bytes())).at(format!("catalogue, line {line}"))
        })?;
        let mut catalogue = Self::default();
        for entry in file.point {
            let (kind, statement) = entry.check()?;
            unique(catalogue.points.insert(kind, statement), kind.word())?;
        }
        for entry in file.asset {
            let (kind, statement) = entry.check()?;
            unique(catalogue.assets.insert(kind, statement), kind.word())?;
        }
        Ok(catalogue)
    }

    /// What is stated on recovery points of this kind.
    pub fn on_point(&self, kind: PointKind) -> Option<&Statement> {
        self.points.get(&kind)
    }

    /// What is stated on assets of this kind.
    pub fn on_asset(&self, kind: AssetKind) -> Option<&Statement> {
        self.assets.get(&kind)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "Vec::new")]
    point: Vec<Entry<PointWord>>,
    #[serde(default = "Vec::new")]
    asset: Vec<Entry<AssetKind>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<K> {
    kind: K,
    effect: Effect,
    note: String,
    source: String,
    read: String,
}

/// The catalogue's words for kinds of points; they are part of its format, not of the inventory's.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PointWord {
    BtrfsSnapshot,
    Qcow2Snapshot,
    Qcow2Backing,
    NamedCopy,
    VaultCopy,
    Dump,
    Archive,
    DatabaseFile,
    FilesystemImage,
    Reflink,
    HardLink,
    ResticSnapshot,
    BorgArchive,
}

impl From<PointWord> for PointKind {
    fn from(word: PointWord) -> Self {
        match word {
            PointWord::BtrfsSnapshot => Self::BtrfsSnapshot,
            PointWord::Qcow2Snapshot => Self::Qcow2Snapshot,
            PointWord::Qcow2Backing => Self::Qcow2Backing,
            PointWord::NamedCopy => Self::NamedCopy,
            PointWord::VaultCopy => Self::VaultCopy,
            PointWord::Dump => Self::Dump,
            PointWord::Archive => Self::Archive,
            PointWord::DatabaseFile => Self::DatabaseFile,
            PointWord::FilesystemImage => Self::FilesystemImage,
            PointWord::Reflink => Self::Reflink,
            PointWord::HardLink => Self::HardLink,
            PointWord::ResticSnapshot => Self::ResticSnapshot,
            PointWord::BorgArchive => Self::BorgArchive,
        }
    }
}

impl<K> Entry<K> {
    /// Refuses what TOML allows and the catalogue does not: an empty source, a day that is no day.
    fn check<T: From<K>>(self) -> Result<(T, Statement)> {
        if self.source.trim().is_empty() {
            return Err(wrong("a statement has no source".into()));
        }
        if self.read.len() != 10 || chrono::NaiveDate::parse_from_str(&self.read, "%Y-%m-%d").is_err() {
            let read = printable(self.read.as_bytes());
            return Err(wrong(format!("`{read}` is no day, in the statement from {}", self.source)));
        }
        let source = Source { address: self.source, read: self.read };
        Ok((T::from(self.kind), Statement { effect: self.effect, note: self.note, source }))
    }
}

fn unique(former: Option<Statement>, kind: &str) -> Result<()> {
    match former {
        None => Ok(()),
        Some(_) => Err(wrong(format!("two statements on one kind: {kind}"))),
    }
}

fn wrong(what: String) -> Problem {
    Problem::new(Kind::Usage, what).at("catalogue").remedy(
        "each statement has kind, effect (survives, dies or unknown), note, source and read (YYYY-MM-DD)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[point]]\nkind = \"named-copy\"\neffect = \"survives\"\nnote = \"n\"\n\
                        source = \"tests/survey\"\nread = \"2026-11-22\"\n";

    #[test]
    fn the_compiled_in_files_speak_of_every_kind() {
        let catalogue = Catalogue::built_in().unwrap();
        for kind in [
            PointKind::BtrfsSnapshot,
            PointKind::Qcow2Snapshot,
            PointKind::Qcow2Backing,
            PointKind::NamedCopy,
            PointKind::VaultCopy,
            PointKind::Dump,
            PointKind::Archive,
            PointKind::DatabaseFile,
            PointKind::FilesystemImage,
            PointKind::Reflink,
            PointKind::HardLink,
            PointKind::ResticSnapshot,
            PointKind::BorgArchive,
        ] {
            assert!(catalogue.on_point(kind).is_some(), "{}", kind.word());
        }
        assert_eq!(catalogue.on_point(PointKind::Qcow2Snapshot).unwrap().effect, Effect::Dies);
    }

    #[test]
    fn statements_without_source_or_day_and_unknown_keys_are_refused() {
        assert!(Catalogue::parse(GOOD).is_ok());
        for (from, to) in [
            ("tests/survey", " "),
            ("source = \"tests/survey\"\n", ""),
            ("2026-11-22", "22.11.2026"),
            ("2026-11-22", "2026-13-41"),
            ("read = \"2026-11-22\"\n", ""),
            ("named-copy", "floppy"),
            ("survives", "probably"),
            ("note", "notes"),
            ("[[point]]", "[[points]]"),
        ] {
            assert!(Catalogue::parse(&GOOD.replace(from, to)).is_err(), "{from:?} -> {to:?} was taken");
        }
        assert!(Catalogue::parse(&GOOD.repeat(2)).is_err(), "two statements on one kind were taken");
        let problem = Catalogue::parse("x = 1\n").unwrap_err();
        assert!(problem.to_string().contains("line 1"), "{problem}");
    }
}
