//! What the catalogue can say of a kind of recovery point, and how that is known.

use crate::domain::{AssetKind, Grace, Source};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What deleting something does to a recovery point, or to an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It stays, unless it is stored inside what is deleted.
    Survives,
    /// It goes along.
    Dies,
    /// Nobody has established it. Never counted as survival.
    Unknown,
}

impl Effect {
    /// The word in catalogue files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Survives => "survives",
            Self::Dies => "dies",
            Self::Unknown => "unknown",
        }
    }
}

/// How a statement is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Tried for real.
    Executed,
    /// Read in the provider's documentation, schema or client library.
    Documented,
    /// Believed only. Such a statement says `unknown`, whatever its note holds likely.
    Believed,
}

impl Certainty {
    /// The word in catalogue files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Documented => "documented",
            Self::Believed => "believed",
        }
    }
}

/// A place that bytes can lie in, as seen from the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Inside the primary itself, or so close to it that both are one thing.
    Volume,
    /// The primary's bucket.
    Bucket,
    /// The primary's filesystem.
    Filesystem,
    /// The primary's storage pool or volume group.
    Pool,
    /// The primary's device.
    Device,
    /// The primary's host, server or instance.
    Host,
    /// The primary's building.
    Site,
    /// The primary's region.
    Region,
    /// The primary's project, app, resource group or namespace.
    Project,
    /// The primary's account.
    Account,
    /// The primary's organisation.
    Organisation,
    /// The primary's provider.
    Provider,
}

impl Place {
    /// The kind of asset that it is; `Volume` stands for the primary's own asset, whatever that is.
    pub fn asset_kind(self) -> AssetKind {
        match self {
            Self::Volume => AssetKind::Volume,
            Self::Bucket => AssetKind::Bucket,
            Self::Filesystem => AssetKind::Filesystem,
            Self::Pool => AssetKind::Pool,
            Self::Device => AssetKind::Device,
            Self::Host => AssetKind::Host,
            Self::Site => AssetKind::Site,
            Self::Region => AssetKind::Region,
            Self::Project => AssetKind::Project,
            Self::Account => AssetKind::Account,
            Self::Organisation => AssetKind::Organisation,
            Self::Provider => AssetKind::Provider,
        }
    }
}

/// Where the bytes of a recovery point are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lives {
    /// In all of these: the loss of any of them is the loss of the point. Never empty, sorted, each once.
    In(Vec<Place>),
    /// Not known, or elsewhere: somebody has to declare it.
    Unknown,
}

/// What may be deleted: the primary, or something that it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deleted {
    /// The primary itself.
    Volume,
    /// The instance, server or droplet below it.
    Host,
    /// The project, app, resource group or namespace around it.
    Project,
    /// The account around it.
    Account,
    /// The bucket that it is in.
    Bucket,
}

impl Deleted {
    /// The kind of asset that it is; `Volume` stands for the primary's own asset, whatever that is.
    pub fn asset_kind(self) -> AssetKind {
        match self {
            Self::Volume => AssetKind::Volume,
            Self::Host => AssetKind::Host,
            Self::Project => AssetKind::Project,
            Self::Account => AssetKind::Account,
            Self::Bucket => AssetKind::Bucket,
        }
    }
}

/// What a deletion does to a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// By default, where it depends: the note has the condition.
    pub effect: Effect,
    /// How long the point can be had back after the act, where it dies.
    pub grace: Option<Grace>,
    /// The call that does it, where one is known: `rds:DeleteDBInstance`.
    pub call: Option<String>,
}

/// Whether points of a kind can be made immutable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Locking {
    /// No: nothing holds off a deletion by whoever may delete.
    None,
    /// They can be, and whether this one is has to be seen or declared.
    Possible,
    /// Nobody has established it.
    Unknown,
}

impl Locking {
    /// The word in catalogue files.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Possible => "possible",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether bad data in the primary reaches the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// It is a replica: it follows its primary, bad data too.
    Yes,
    /// It holds the state of a moment.
    No,
    /// Nobody has established it.
    Unknown,
}

impl Follows {
    /// The word in catalogue files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// One statement on a kind, with its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated<T> {
    /// What is stated.
    pub says: T,
    /// The same in words, with conditions.
    pub note: String,
    /// Where it was read or executed, and when.
    pub source: Source,
    /// How it is known.
    pub certainty: Certainty,
}

/// All that the catalogue states on one kind of recovery point. What is not stated is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindStatements {
    /// `provider.kind`, for example `aws.rds-automated-backup`.
    pub name: String,
    /// What it is, for people.
    pub title: String,
    /// How such points are listed.
    pub list: String,
    /// How the bytes get out of the provider's hands.
    pub way_out: String,
    /// The smallest credential that can delete both the primary and the points.
    pub smallest: String,
    /// Where its bytes are.
    pub lives: Option<Stated<Lives>>,
    /// What deletions do to it.
    pub deletion: BTreeMap<Deleted, Stated<Deletion>>,
    /// Whether it can be made immutable.
    pub lock: Option<Stated<Locking>>,
    /// Whether it follows its primary.
    pub replica: Option<Stated<Follows>>,
}

impl KindStatements {
    /// The part of the name before the first dot.
    pub fn provider(&self) -> &str {
        self.name.split_once('.').map_or(&self.name, |(provider, _)| provider)
    }

    /// Every statement in words, in a fixed order: where it lives, deletions, lock, replica.
    pub fn in_words(&self) -> Vec<InWords<'_>> {
        let mut all = Vec::new();
        if let Some(stated) = &self.lives {
            all.push(stated.in_words("lives in".to_owned(), stated.says.words()));
        }
        for (of, stated) in &self.deletion {
            let Deletion { effect, grace, call } = &stated.says;
            let about = format!("deleting the {}", of.asset_kind().word());
            let words = InWords {
                grace: *grace,
                call: call.as_deref(),
                ..stated.in_words(about, effect.word().to_owned())
            };
            all.push(words);
        }
        if let Some(stated) = &self.lock {
            all.push(stated.in_words("lock".to_owned(), stated.says.word().to_owned()));
        }
        if let Some(stated) = &self.replica {
            all.push(stated.in_words("follows its primary".to_owned(), stated.says.word().to_owned()));
        }
        all
    }
}

impl Lives {
    /// The places in words: `region, account`, or `unknown`.
    pub fn words(&self) -> String {
        match self {
            Self::In(places) => {
                places.iter().map(|place| place.asset_kind().word()).collect::<Vec<_>>().join(", ")
            }
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// One statement as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InWords<'k> {
    /// What it is about: `deleting the volume`.
    pub about: String,
    /// What it says: `dies`.
    pub says: String,
    /// The undelete window, where there is one.
    pub grace: Option<Grace>,
    /// The call that does it, where one is known.
    pub call: Option<&'k str>,
    /// The same in a sentence, with conditions.
    pub note: &'k str,
    /// Where it was read or executed, and when.
    pub source: &'k Source,
    /// How it is known.
    pub certainty: Certainty,
}

impl<T> Stated<T> {
    fn in_words(&self, about: String, says: String) -> InWords<'_> {
        let (note, source, certainty) = (&*self.note, &self.source, self.certainty);
        InWords { about, says, grace: None, call: None, note, source, certainty }
    }
}
