//! Who may do what with a vault: what is declared of it, and what was proved.

use super::{PointId, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is known of the roles of one vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VaultRoles {
    /// The vault, as people call it; safe to print.
    pub vault: String,
    /// The volumes that are copied there, or have recovery points there.
    pub volumes: BTreeSet<VolumeId>,
    /// The recovery points that lie there, as far as it could be read.
    pub points: BTreeSet<PointId>,
    /// Whether the key in the safe opens it.
    pub escrow: Escrow,
    /// Whether one machine has what should be apart.
    pub together: Together,
}

/// Whether the machine that copies into a vault has what belongs to another role, too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Together {
    /// Not by what is declared.
    Apart,
    /// No role can be apart there: the vault is not encrypted, and whoever writes it may read all of it.
    Plain,
    /// It has; what, each in a sentence.
    Both(Vec<String>),
    /// It cannot be said; why.
    Unknown(String),
}

/// Whether the key that lies where no computer is opens a vault, as far as that was tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escrow {
    /// Nobody asks: the vault is not encrypted, or the estate file says so.
    NotAsked(String),
    /// The vault is encrypted, and no reader of it is declared to be for that.
    NoReader,
    /// It cannot be said; why.
    Unknown(String),
    /// There is such a reader, and no proof is recorded.
    Never,
    /// The last proof that was tried failed.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        because: String,
    },
    /// It was proved before an epoch began that goes on now.
    FormerEpoch {
        /// When.
        at: Timestamp,
    },
    /// It was proved.
    Proved {
        /// When.
        at: Timestamp,
        /// Until when that counts; none where it counts for ever.
        until: Option<Timestamp>,
    },
}

impl Together {
    /// What is said of a vault without encryption.
    pub const IS_PLAIN: &str = "it is not encrypted, so whoever writes it may read all of it";
}

impl Escrow {
    /// What counts first where there are several keys: one that failed, then one that was never tried, one that opens a former epoch, and of
    /// those that were proved, one of the future, whose clock was wrong, and the one that was proved the longest ago.
    pub fn poorest(all: impl Iterator<Item = Self>, now: Timestamp) -> Option<Self> {
        all.min_by_key(|escrow| {
            let class = match escrow {
                Self::Unknown(_) | Self::Failed { .. } => 0,
                Self::NoReader | Self::Never => 1,
                Self::FormerEpoch { .. } => 2,
                Self::Proved { .. } => 3,
                Self::NotAsked(_) => 4,
            };
            (class, escrow.tried_at().is_none_or(|at| at <= now), escrow.tried_at())
        })
    }

    /// A stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotAsked(_) => "not_asked",
            Self::NoReader => "no_reader",
            Self::Unknown(_) => "unknown",
            Self::Never => "never",
            Self::Failed { .. } => "failed",
            Self::FormerEpoch { .. } => "former_epoch",
            Self::Proved { .. } => "proved",
        }
    }

    /// When it was last tried.
    pub fn tried_at(&self) -> Option<Timestamp> {
        match self {
            Self::Failed { at, .. } | Self::FormerEpoch { at } | Self::Proved { at, .. } => Some(*at),
            Self::NotAsked(_) | Self::NoReader | Self::Unknown(_) | Self::Never => None,
        }
    }
}
