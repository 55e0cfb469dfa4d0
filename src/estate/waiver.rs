//! What somebody knowingly leaves out, and answers for.

use super::model::Line;
use crate::domain::{Owner, RuleWaiver, Timestamp};
use std::collections::BTreeSet;

/// Something that is knowingly left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// Who decided.
    pub owner: Owner,
    /// Until when it holds.
    pub until: Timestamp,
}

/// A failure of a rule that somebody answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverEntry {
    /// Which, and why, by whom and until when.
    pub waiver: RuleWaiver,
    /// Where it stands in the file.
    pub line: Line,
}

/// Damaged objects of a vault that somebody gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Their keys.
    pub objects: BTreeSet<String>,
    /// Why, by whom and until when.
    pub waiver: Waiver,
}
