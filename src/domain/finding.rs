//! Findings: the verdict of one rule on one volume.

use super::{Owner, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};

/// How bad a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The copy may be poorer than it looks.
    Medium,
    /// A plausible accident loses more than the policy allows.
    High,
    /// One act loses everything.
    Critical,
}

impl Severity {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds; by what.
    Pass(String),
    /// It does not; how bad, and why.
    Fail(Severity, String),
    /// It cannot be said; what is missing.
    Undetermined(String),
    /// The rule does not apply; the known fact that makes it so.
    NotApplicable(String),
    /// It does not hold, or cannot be said, and somebody answers for that for a time. Counts as not failing.
    Waived {
        /// What was found.
        because: String,
        /// Who answers for it.
        owner: Owner,
        /// Why it is accepted.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
}

/// One rule's verdict on one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The volume judged.
    pub volume: VolumeId,
    /// The verdict.
    pub verdict: Verdict,
}
