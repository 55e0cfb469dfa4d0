//! What `incident.toml` says: the act of an incident that is replayed, and what must come out.

use super::Line;
use crate::domain::{Hazard, Timestamp, VolumeId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// An incident, read beside the estate that it struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The file it was read from, as it is named to people.
    pub place: String,
    /// What it is called.
    pub title: String,
    /// The night before: the moment that the estate is judged as of.
    pub night: Timestamp,
    /// The moment of the act; the night before where nobody says.
    pub acts_at: Timestamp,
    /// The act in a sentence.
    pub act: String,
    /// The act as hazards that happen together, each with its line.
    pub hazards: BTreeMap<Hazard, Line>,
    /// Recovery points that turned out to be useless when they were needed: nobody knew on the night before.
    pub found_useless: BTreeSet<String>,
    /// What becomes of each volume and each recovery point, by id.
    pub fates: BTreeMap<String, ExpectedFate>,
    /// What the rules must say on the night before.
    pub findings: Vec<ExpectedFinding>,
    /// What is left of volumes.
    pub left: Vec<ExpectedLeft>,
}

/// What becomes of a volume or a recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedFate {
    /// It goes.
    Dies,
    /// It stays, and can be counted on.
    Survives,
    /// It stays, and nobody knows whether it can be used.
    Unproven,
    /// It cannot be said.
    Undetermined,
    /// It is of no use, whether somebody knew that before or not.
    Useless,
}

impl ExpectedFate {
    /// The word in the file and in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dies => "dies",
            Self::Survives => "survives",
            Self::Unproven => "unproven",
            Self::Undetermined => "undetermined",
            Self::Useless => "useless",
        }
    }
}

/// What a rule must say of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFinding {
    /// The volume.
    pub volume: VolumeId,
    /// The rule's id.
    pub rule: String,
    /// What it says.
    pub verdict: ExpectedVerdict,
    /// Where it stands in the file.
    pub line: Line,
}

/// The sort of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedVerdict {
    /// The rule fires.
    Fail,
    /// It cannot be said.
    Undetermined,
    /// It holds.
    Pass,
    /// It does not apply.
    NotApplicable,
}

/// The newest recovery point that is left of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedLeft {
    /// The volume.
    pub volume: VolumeId,
    /// The point; none where nothing is left.
    pub point: Option<String>,
    /// How old it is at the act, for example `3 d 4 h`, or `unknown`.
    pub age: Option<String>,
}
