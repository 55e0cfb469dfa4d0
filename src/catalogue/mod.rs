//! What a deletion takes along, one TOML a provider, each statement with its source and the day it was read.
//!
//! Two sorts of statements: on kinds that this machine's survey finds (`[[point]]`, `[[asset]]`), and on kinds by
//! name (`[[kind]]`), which declared and surveyed recovery points of any provider refer to.

mod file;
mod statement;

pub use statement::{
    Certainty, Deleted, Deletion, Effect, Follows, InWords, KindStatements, Lives, Locking, Place, Stated,
};

use crate::domain::{AssetKind, PointKind, Result, Source};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The compiled-in files: name and text.
const FILES: &[(&str, &str)] = &[
    ("local.toml", include_str!("local.toml")),
    ("aws.toml", include_str!("aws.toml")),
    ("azure.toml", include_str!("azure.toml")),
    ("ceph.toml", include_str!("ceph.toml")),
    ("crunchy-bridge.toml", include_str!("crunchy-bridge.toml")),
    ("digitalocean.toml", include_str!("digitalocean.toml")),
    ("fly.toml", include_str!("fly.toml")),
    ("gcp.toml", include_str!("gcp.toml")),
    ("heroku.toml", include_str!("heroku.toml")),
    ("hetzner.toml", include_str!("hetzner.toml")),
    ("kubernetes.toml", include_str!("kubernetes.toml")),
    ("linode.toml", include_str!("linode.toml")),
    ("longhorn.toml", include_str!("longhorn.toml")),
    ("mongodb-atlas.toml", include_str!("mongodb-atlas.toml")),
    ("neon.toml", include_str!("neon.toml")),
    ("planetscale.toml", include_str!("planetscale.toml")),
    ("railway.toml", include_str!("railway.toml")),
    ("render.toml", include_str!("render.toml")),
    ("repository.toml", include_str!("repository.toml")),
    ("supabase.toml", include_str!("supabase.toml")),
    ("vultr.toml", include_str!("vultr.toml")),
];

/// One statement on a kind that the survey of this machine finds.
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
    kinds: BTreeMap<String, KindStatements>,
    /// What providers are called, by the beginning of their kinds' names.
    titles: BTreeMap<String, String>,
}

impl Catalogue {
    /// The statements compiled into this program.
    ///
    /// # Errors
    /// A compiled-in file that is not valid; a test reads them all.
    pub fn built_in() -> Result<Self> {
        // The text cannot change while the program runs, and reading it is the slowest part of a small audit.
        static READ: OnceLock<Result<Catalogue>> = OnceLock::new();
        let read =
            || FILES.iter().try_fold(Self::default(), |whole, (name, text)| whole.with_file(text, name));
        READ.get_or_init(read).clone()
    }

    /// Adds what a file of somebody's own states. A kind that is there already is replaced as a whole.
    ///
    /// # Errors
    /// `Usage` with `name` and line where the text is wrong: see [`Catalogue::parse`].
    pub fn with_file(mut self, text: &str, name: &str) -> Result<Self> {
        let file = Self::parse(text, name)?;
        self.points.extend(file.points);
        self.assets.extend(file.assets);
        self.kinds.extend(file.kinds);
        self.titles.extend(file.titles);
        Ok(self)
    }

    /// Reads one file's text, strictly; `name` is what problems call it.
    ///
    /// # Errors
    /// Unknown keys, kinds or words; a statement without source or day; two statements on one subject; a belief that
    /// says more than `unknown`; an undelete window of what does not die.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        file::read(text, name)
    }

    /// What is stated on recovery points of this kind.
    pub fn on_point(&self, kind: PointKind) -> Option<&Statement> {
        self.points.get(&kind)
    }

    /// What is stated on assets of this kind.
    pub fn on_asset(&self, kind: AssetKind) -> Option<&Statement> {
        self.assets.get(&kind)
    }

    /// What is stated on a kind by its name, for example `railway.volume-backup`.
    pub fn kind(&self, name: &str) -> Option<&KindStatements> {
        self.kinds.get(name)
    }

    /// Every kind that has a name, in the order of names.
    pub fn kinds(&self) -> impl Iterator<Item = &KindStatements> {
        self.kinds.values()
    }

    /// Every provider that has a kind, in order: the beginning of its kinds' names, and what it is called.
    pub fn providers(&self) -> Vec<(&str, &str)> {
        let mut names: Vec<&str> = self.kinds().map(KindStatements::provider).collect();
        names.dedup();
        let called = |name| self.titles.get(name).map_or(name, |title: &String| title.as_str());
        names.into_iter().map(|name| (name, called(name))).collect()
    }
}
