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

/// The ids of all rules, in the order of reports: the estate file names them. A test holds them to `rules::ALL`.
pub const RULE_IDS: &[&str] = &[
    "no-recovery-point",
    "cascade-on-deletion",
    "same-file",
    "same-filesystem",
    "same-device",
    "same-host",
    "key-only-with-primary",
    "catalogue-only-with-primary",
    "same-host-compromise",
    "credential-reaches-both",
    "identity-reaches-both",
    "same-site",
    "same-region",
    "same-account",
    "same-provider",
    "same-network",
    "retention-shorter-than-detection",
    "undelete-window-only",
    "roles-not-separated",
    "lock-missing",
    "lock-governance-only",
    "lock-shorter-than-policy",
    "lock-lapses-before-next-copy",
    "replica-counted-as-backup",
    "cut-order",
    "rpo",
    "artefact-empty-or-shrunk",
    "declared-not-observed",
    "escrow-not-proved",
    "role-all",
    "never-drilled",
    "drill-stale",
    "drill-older-than-plan",
    "live-copy",
];

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
