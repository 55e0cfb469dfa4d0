//! Reading a catalogue file: strictly, with the line of what is wrong.

use super::statement::{
    Certainty, Deleted, Deletion, Effect, Follows, KindStatements, Lives, Locking, Place, Stated,
};
use super::{Catalogue, Statement};
use crate::domain::{AssetKind, Grace, Kind, PointKind, Problem, Result, Source, parse_duration, printable};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    #[serde(default = "Vec::new")]
    point: Vec<Entry<PointWord>>,
    #[serde(default = "Vec::new")]
    asset: Vec<Entry<AssetKind>>,
    #[serde(default = "Vec::new")]
    kind: Vec<KindEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<K> {
    kind: Spanned<K>,
    effect: Effect,
    note: Spanned<String>,
    source: Spanned<String>,
    read: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindEntry {
    name: Spanned<String>,
    title: Spanned<String>,
    list: Spanned<String>,
    way_out: Spanned<String>,
    smallest: Spanned<String>,
    lives: Option<LivesEntry>,
    #[serde(default)]
    deletion: DeletionEntries,
    lock: Option<LockEntry>,
    replica: Option<ReplicaEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LivesEntry {
    at: Spanned<Vec<Spanned<PlaceWord>>>,
    note: Spanned<String>,
    source: Spanned<String>,
    read: Spanned<String>,
    certainty: Certainty,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeletionEntries {
    volume: Option<DeletionEntry>,
    host: Option<DeletionEntry>,
    project: Option<DeletionEntry>,
    account: Option<DeletionEntry>,
    bucket: Option<DeletionEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeletionEntry {
    effect: Spanned<Effect>,
    grace: Option<Spanned<String>>,
    call: Option<Spanned<String>>,
    note: Spanned<String>,
    source: Spanned<String>,
    read: Spanned<String>,
    certainty: Certainty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockEntry {
    mode: Spanned<Locking>,
    note: Spanned<String>,
    source: Spanned<String>,
    read: Spanned<String>,
    certainty: Certainty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplicaEntry {
    follows: Spanned<Follows>,
    note: Spanned<String>,
    source: Spanned<String>,
    read: Spanned<String>,
    certainty: Certainty,
}

/// A place, or that none is known.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum PlaceWord {
    Unknown,
    Volume,
    Bucket,
    Filesystem,
    Pool,
    Device,
    Host,
    Site,
    Region,
    Project,
    Account,
    Organisation,
    Provider,
}

/// The catalogue's words for kinds of points; they are part of its format, not of the inventory's.
#[derive(Deserialize, Clone, Copy)]
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

/// What one file states.
pub(super) fn read(text: &str, name: &str) -> Result<Catalogue> {
    let reader = Reader { text, name };
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.wrong(at, printable(error.message().as_bytes()))
    })?;
    let mut catalogue = Catalogue::default();
    for entry in file.point {
        let (at, kind) = (entry.kind.span().start, PointKind::from(*entry.kind.get_ref()));
        let former = catalogue.points.insert(kind, reader.entry(entry)?);
        reader.unique(at, former.is_some(), kind.word())?;
    }
    for entry in file.asset {
        let (at, kind) = (entry.kind.span().start, *entry.kind.get_ref());
        let former = catalogue.assets.insert(kind, reader.entry(entry)?);
        reader.unique(at, former.is_some(), kind.word())?;
    }
    for entry in file.kind {
        let at = entry.name.span().start;
        let kind = reader.kind(entry, file.provider.as_ref())?;
        let name = kind.name.clone();
        let former = catalogue.kinds.insert(name.clone(), kind);
        reader.unique(at, former.is_some(), &name)?;
    }
    match (&file.provider, &file.title) {
        (Some(provider), Some(title)) => {
            catalogue.titles.insert(reader.text(provider)?, reader.text(title)?);
        }
        (Some(alone), None) | (None, Some(alone)) => {
            let what = "`provider` and `title` come together, or not at all".to_owned();
            return Err(reader.wrong(alone.span().start, what));
        }
        (None, None) => {}
    }
    Ok(catalogue)
}

struct Reader<'t> {
    text: &'t str,
    name: &'t str,
}

impl Reader<'_> {
    fn wrong(&self, at: usize, what: String) -> Problem {
        let before = self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        Problem::new(Kind::Usage, what).at(format!("{}:{}", self.name, before + 1)).remedy(
            "every statement has a note, a source and the day it was read (YYYY-MM-DD); docs/catalogue.md describes \
             the rest",
        )
    }

    fn unique(&self, at: usize, twice: bool, kind: &str) -> Result<()> {
        if twice {
            return Err(self.wrong(at, format!("two statements on one kind: {kind}")));
        }
        Ok(())
    }

    /// Text that is not empty and holds no control characters.
    fn text(&self, value: &Spanned<String>) -> Result<String> {
        let text = value.get_ref().trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            let what = "this text is empty, or holds a line break or another control character".to_owned();
            return Err(self.wrong(value.span().start, what));
        }
        Ok(text.to_owned())
    }

    fn source(&self, source: &Spanned<String>, read: &Spanned<String>) -> Result<Source> {
        let day = read.get_ref();
        if day.len() != 10 || chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_err() {
            return Err(self.wrong(read.span().start, format!("`{}` is no day", printable(day.as_bytes()))));
        }
        Ok(Source { address: self.text(source)?, read: day.clone() })
    }

    fn entry<K>(&self, entry: Entry<K>) -> Result<Statement> {
        let source = self.source(&entry.source, &entry.read)?;
        Ok(Statement { effect: entry.effect, note: self.text(&entry.note)?, source })
    }

    fn kind(&self, entry: KindEntry, provider: Option<&Spanned<String>>) -> Result<KindStatements> {
        let name = entry.name.get_ref().clone();
        let at = entry.name.span().start;
        if !is_kind(&name) {
            let what = format!(
                "`{}` is no name of a kind: write provider.kind, with a to z, 0 to 9 and `-`",
                printable(name.as_bytes())
            );
            return Err(self.wrong(at, what));
        }
        let beginning = name.split_once('.').map_or("", |(provider, _)| provider);
        if let Some(provider) = provider.map(Spanned::get_ref).filter(|provider| *provider != beginning) {
            let what =
                format!("`{name}` is no kind of `{}`, of which this file is", printable(provider.as_bytes()));
            return Err(self.wrong(at, what));
        }
        let mut deletion = BTreeMap::new();
        let DeletionEntries { volume, host, project, account, bucket } = entry.deletion;
        for (of, stated) in [
            (Deleted::Volume, volume),
            (Deleted::Host, host),
            (Deleted::Project, project),
            (Deleted::Account, account),
            (Deleted::Bucket, bucket),
        ] {
            if let Some(stated) = stated {
                deletion.insert(of, self.deletion(stated)?);
            }
        }
        Ok(KindStatements {
            name,
            title: self.text(&entry.title)?,
            list: self.text(&entry.list)?,
            way_out: self.text(&entry.way_out)?,
            smallest: self.text(&entry.smallest)?,
            lives: entry.lives.map(|stated| self.lives(stated)).transpose()?,
            deletion,
            lock: entry.lock.map(|stated| self.lock(stated)).transpose()?,
            replica: entry.replica.map(|stated| self.replica(stated)).transpose()?,
        })
    }

    fn lives(&self, entry: LivesEntry) -> Result<Stated<Lives>> {
        let at = entry.at.span().start;
        let words = entry.at.get_ref();
        let mut places: Vec<Place> = words.iter().filter_map(|word| (*word.get_ref()).place()).collect();
        let known = places.len();
        places.sort_unstable();
        places.dedup();
        if words.is_empty() || places.len() < known || (known < words.len() && words.len() > 1) {
            let what = "`at` names each place once, or is [\"unknown\"]".to_owned();
            return Err(self.wrong(at, what));
        }
        self.belief(at, entry.certainty, known == 0)?;
        let says = if known == 0 { Lives::Unknown } else { Lives::In(places) };
        self.stated(says, &entry.note, (&entry.source, &entry.read), entry.certainty)
    }

    fn deletion(&self, entry: DeletionEntry) -> Result<Stated<Deletion>> {
        let effect = *entry.effect.get_ref();
        self.belief(entry.effect.span().start, entry.certainty, effect == Effect::Unknown)?;
        let mut grace = None;
        if let Some(window) = &entry.grace {
            let at = window.span().start;
            if effect != Effect::Dies {
                let what = "`grace` is the undelete window of what dies".to_owned();
                return Err(self.wrong(at, what));
            }
            let span = parse_duration(window.get_ref());
            let span =
                span.map_err(|problem| self.wrong(at, format!("{}; {}", problem.what, problem.remedy)))?;
            grace = Some(Grace { seconds: span.num_seconds().unsigned_abs() });
        }
        let call = entry.call.as_ref().map(|call| self.text(call)).transpose()?;
        let says = Deletion { effect, grace, call };
        self.stated(says, &entry.note, (&entry.source, &entry.read), entry.certainty)
    }

    fn lock(&self, entry: LockEntry) -> Result<Stated<Locking>> {
        let mode = *entry.mode.get_ref();
        self.belief(entry.mode.span().start, entry.certainty, mode == Locking::Unknown)?;
        self.stated(mode, &entry.note, (&entry.source, &entry.read), entry.certainty)
    }

    fn replica(&self, entry: ReplicaEntry) -> Result<Stated<Follows>> {
        let follows = *entry.follows.get_ref();
        self.belief(entry.follows.span().start, entry.certainty, follows == Follows::Unknown)?;
        self.stated(follows, &entry.note, (&entry.source, &entry.read), entry.certainty)
    }

    /// Refuses a belief that says something: a reader would count on it.
    fn belief(&self, at: usize, certainty: Certainty, says_unknown: bool) -> Result<()> {
        if certainty == Certainty::Believed && !says_unknown {
            return Err(
                self.wrong(at, "what is only believed is `unknown`; the note may say more".to_owned())
            );
        }
        Ok(())
    }

    fn stated<T>(
        &self,
        says: T,
        note: &Spanned<String>,
        (source, read): (&Spanned<String>, &Spanned<String>),
        certainty: Certainty,
    ) -> Result<Stated<T>> {
        Ok(Stated { says, note: self.text(note)?, source: self.source(source, read)?, certainty })
    }
}

/// `provider.kind`, both of lowercase letters, digits and `-`.
fn is_kind(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part = |part: &str| !part.is_empty() && part.bytes().all(fits);
    name.len() <= 100 && name.split_once('.').is_some_and(|(provider, kind)| part(provider) && part(kind))
}

impl PlaceWord {
    fn place(self) -> Option<Place> {
        match self {
            Self::Unknown => None,
            Self::Volume => Some(Place::Volume),
            Self::Bucket => Some(Place::Bucket),
            Self::Filesystem => Some(Place::Filesystem),
            Self::Pool => Some(Place::Pool),
            Self::Device => Some(Place::Device),
            Self::Host => Some(Place::Host),
            Self::Site => Some(Place::Site),
            Self::Region => Some(Place::Region),
            Self::Project => Some(Place::Project),
            Self::Account => Some(Place::Account),
            Self::Organisation => Some(Place::Organisation),
            Self::Provider => Some(Place::Provider),
        }
    }
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
