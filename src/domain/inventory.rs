//! What a survey saw, and what it could not see.

use super::{Asset, AssetId, RecoveryPoint, Volume, VolumeId};
use serde::{Deserialize, Serialize};

/// Why something could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The operating system refused.
    Permission,
    /// A program that reads it is not installed.
    MissingTool,
    /// It was there and is not, or never was.
    Vanished,
    /// No answer within the time limit.
    TimedOut,
    /// This version does not know how to read it.
    Unsupported,
    /// The answer could not be understood, or reading failed.
    Failed,
}

impl GapReason {
    /// The reason in a few words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permission => "permission denied",
            Self::MissingTool => "tool missing",
            Self::Vanished => "not there",
            Self::TimedOut => "time limit",
            Self::Unsupported => "not supported yet",
            Self::Failed => "failed",
        }
    }
}

/// What a gap leaves open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapScope {
    /// A volume that was asked for could not be read at all.
    Volume(String),
    /// Recovery points of this volume may be missing from the list.
    PointsOf(VolumeId),
    /// Recovery points of any volume may be missing from the list (a vault or directory of copies).
    Points,
    /// What this asset stands on is not known to the bottom.
    Below(AssetId),
}

/// Something that could not be seen. It counts, and it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// What it leaves open.
    pub scope: GapScope,
    /// Where: a path or the name of a thing, safe to print.
    pub place: String,
    /// Why.
    pub reason: GapReason,
    /// What exactly, and what would close it, in a sentence.
    pub detail: String,
}

/// One survey's whole result: a partial inventory is a value, not an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The primaries.
    pub volumes: Vec<Volume>,
    /// Their recovery points.
    pub points: Vec<RecoveryPoint>,
    /// What both stand on.
    pub assets: Vec<Asset>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Inventory {
    /// Adds another survey's result; an asset that both saw is kept once, the first as it was.
    pub fn merge(&mut self, other: Self) {
        self.volumes.extend(other.volumes);
        self.points.extend(other.points);
        for asset in other.assets {
            if !self.assets.iter().any(|known| known.id == asset.id) {
                self.assets.push(asset);
            }
        }
        self.gaps.extend(other.gaps);
    }

    /// Puts everything into one order, so that the order of listing never shows in a result.
    pub fn sort(&mut self) {
        self.volumes.sort_by(|a, b| a.id.cmp(&b.id));
        self.volumes.dedup_by(|a, b| a.id == b.id);
        self.points.sort_by(|a, b| a.id.cmp(&b.id));
        self.points.dedup_by(|a, b| a.id == b.id);
        self.assets.sort_by(|a, b| a.id.cmp(&b.id));
        self.gaps.sort();
        self.gaps.dedup();
    }

    /// The asset with this id.
    pub fn asset(&self, id: &AssetId) -> Option<&Asset> {
        self.assets.iter().find(|asset| &asset.id == id)
    }
}
