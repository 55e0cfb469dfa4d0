//! What a provider was asked with a credential, and what that credential reaches there.

use super::{AssetId, Timestamp};
use serde::{Deserialize, Serialize};

/// One look at a provider with one credential. What was found is in the rest of the inventory; this says whose eyes saw it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountSeen {
    /// What the estate file calls it.
    pub provider: String,
    /// The kind of provider, for example `railway`.
    pub kind: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Whether it was asked now, or an answer of before stands for it.
    pub answer: Answer,
    /// The credential that asked, as an asset.
    pub credential: AssetId,
    /// What sort of credential it is.
    pub token: TokenKind,
    /// Whether it may delete what it reaches.
    pub may_delete: MayDelete,
    /// Everything that it reaches, as far as that could be listed.
    pub reaches: Vec<Reached>,
    /// What it was told of and cannot list, though what it reaches may go together with that.
    pub beyond: Vec<Reached>,
    /// Calls of the provider, each with all that it takes.
    pub acts: Vec<OneAct>,
    /// By what recovery points are made.
    pub schedules: Vec<ScheduleSeen>,
    /// How many requests it took.
    pub requests: usize,
}

/// Whether a provider was asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was.
    Fresh,
    /// An answer of before was young enough.
    Kept,
}

/// What sort of credential asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A person's own: all that the person may do.
    Account,
    /// Of a workspace or team: all of it.
    Workspace,
    /// Of one environment of a project.
    Project,
    /// It did not say.
    Unknown,
}

impl TokenKind {
    /// The kind as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Workspace => "workspace",
            Self::Project => "project",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a credential may delete what it reaches. There is no "no": that would have to be known of a kind of credential first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MayDelete {
    /// It is documented that its kind may.
    Yes,
    /// Nobody established it: it counts as if it might.
    Unknown,
}

impl MayDelete {
    /// A stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that a credential reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reached {
    /// What it is.
    pub what: ReachedKind,
    /// The provider's id of it.
    pub id: String,
    /// What people call it there, safe to print.
    pub name: String,
}

/// What a credential reaches. The order is from wide to narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachedKind {
    /// A workspace, team or organisation.
    Workspace,
    /// A project.
    Project,
    /// An environment of a project.
    Environment,
    /// A volume, in all its environments.
    Volume,
    /// The volume as it is in one environment: what holds data, and what `is` names.
    Instance,
    /// A bucket.
    Bucket,
}

impl ReachedKind {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Workspace, Self::Project, Self::Environment, Self::Volume, Self::Instance, Self::Bucket];

    /// The kind as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Volume => "volume",
            Self::Instance => "instance",
            Self::Bucket => "bucket",
        }
    }
}

/// One call of a provider, and all that it takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OneAct {
    /// The call.
    pub call: String,
    /// What it is done to.
    pub on: AssetId,
    /// What people call that, safe to print.
    pub name: String,
    /// The names of the instances that go.
    pub takes: Vec<String>,
    /// How many recovery points go along.
    pub points: usize,
    /// What else is to be known of it, in a sentence.
    pub note: Option<String>,
}

/// By what recovery points of an instance are made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScheduleSeen {
    /// The name of the instance, safe to print.
    pub of: String,
    /// What the provider says of its rhythm, safe to print.
    pub rhythm: String,
    /// For how many seconds each is kept, where that is said.
    pub keeps_seconds: Option<u64>,
}
