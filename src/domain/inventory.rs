//! What a survey saw, and what it could not see.

use super::{AccountSeen, Asset, AssetId, RecoveryPoint, Timestamp, VaultRoles, Volume, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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
    /// It was seen too long ago to be believed.
    Expired,
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
            Self::Expired => "expired",
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
    /// The search inside this volume reached a bound: what it might have found there is unproven at best, and
    /// hides no survivor.
    Inside(VolumeId),
    /// Recovery points of any volume may be missing from the list (a vault or directory of copies).
    Points,
    /// What this asset stands on is not known to the bottom.
    Below(AssetId),
    /// Something that the configuration asks for is not done: by this key. It hides no recovery point.
    Asked(String),
}

impl GapScope {
    /// True where nothing that leaves this open is called sound.
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Inside(_))
    }
}

/// Something that could not be seen. It is shown, and it counts where its scope does.
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
    /// When stores were asked whether they keep locks.
    #[serde(default)]
    pub checks: Vec<StoreCheck>,
    /// Who may do what with vaults.
    #[serde(default)]
    pub roles: Vec<VaultRoles>,
    /// Which providers were asked, with what that asked them.
    #[serde(default)]
    pub accounts: Vec<AccountSeen>,
}

/// When the store of a vault was last seen to keep locks, and for how long that is believed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreCheck {
    /// The vault, as people call it; safe to print.
    pub vault: String,
    /// When it was last seen to; none where it never was, or was last seen not to.
    pub kept_locks_at: Option<Timestamp>,
    /// Until when that counts; none where it counts for ever, or nothing does.
    pub until: Option<Timestamp>,
}

impl Inventory {
    /// True where something could not be seen that keeps everything from being called sound.
    pub fn has_open_gaps(&self) -> bool {
        self.gaps.iter().any(|gap| gap.scope.counts())
    }

    /// Adds another survey's result. An asset of which both saw the same is kept once, by whatever name
    /// each reached it, with the bonds of both where one only knows more of them; where they contradict
    /// each other both stay, for judging to say the poorest of them.
    pub fn merge(&mut self, other: Self) {
        self.checks.extend(other.checks);
        self.roles.extend(other.roles);
        self.accounts.extend(other.accounts);
        self.volumes.extend(other.volumes);
        self.points.extend(other.points);
        // By id: an estate may declare a hundred thousand of them.
        let mut places: HashMap<AssetId, Vec<usize>> = HashMap::new();
        if !other.assets.is_empty() {
            for (place, asset) in self.assets.iter().enumerate() {
                places.entry(asset.id.clone()).or_default().push(place);
            }
        }
        for asset in other.assets {
            let same = places.entry(asset.id.clone()).or_default();
            let alike = |place: &&usize| {
                says_more(&self.assets[**place], &asset) || says_more(&asset, &self.assets[**place])
            };
            match same.iter().find(alike).copied() {
                Some(place) if says_more(&self.assets[place], &asset) => {}
                Some(place) => self.assets[place].bonds = asset.bonds,
                None => {
                    same.push(self.assets.len());
                    self.assets.push(asset);
                }
            }
        }
        self.gaps.extend(other.gaps);
    }

    /// Puts everything into one order, so that the order of listing never shows in a result. Only equal
    /// things are dropped: what carries one id and differs is for judging to see.
    pub fn sort(&mut self) {
        settle(&mut self.volumes, |volume| &volume.id);
        settle(&mut self.points, |point| &point.id);
        self.assets.sort_by(|a, b| a.id.cmp(&b.id));
        self.gaps.sort();
        self.gaps.dedup();
    }

    /// The asset with this id.
    pub fn asset(&self, id: &AssetId) -> Option<&Asset> {
        self.assets.iter().find(|asset| &asset.id == id)
    }
}

/// Whether `one` holds every bond of `other`, and both agree on what it is and on what is wholly known.
/// A bond more is a way more to fall, so that the richer list never makes a result better.
fn says_more(one: &Asset, other: &Asset) -> bool {
    one.kind == other.kind
        && one.bonds.complete == other.bonds.complete
        && other.bonds.list.iter().all(|bond| one.bonds.list.contains(bond))
}

/// Sorts by id, and drops what is equal to another one of the same id.
fn settle<T: PartialEq, I: Ord>(things: &mut Vec<T>, id: impl Fn(&T) -> &I) {
    things.sort_by(|a, b| id(a).cmp(id(b)));
    // A provider may have a million of them: without two of one id, none is moved again.
    if things.windows(2).all(|two| id(&two[0]) != id(&two[1])) {
        return;
    }
    for thing in std::mem::take(things) {
        let mut same = things.iter().rev().take_while(|known| id(known) == id(&thing));
        if same.all(|known| *known != thing) {
            things.push(thing);
        }
    }
}
