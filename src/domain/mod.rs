//! Nouns, facts and verdicts. No I/O, no clock, no async, no environment: time enters as an argument.

mod account;
mod asset;
mod bond;
mod finding;
mod hazard;
mod inventory;
mod known;
mod monitor;
mod name;
mod point;
mod policy;
mod problem;
mod roles;
mod volume;
mod when;

pub use account::{AccountSeen, Answer, MayDelete, OneAct, Reached, ReachedKind, ScheduleSeen, TokenKind};
pub use asset::{Asset, AssetId, AssetKind};
pub use bond::{Bond, BondList, Bonds, Grace, How, Nature, NatureSet};
pub use finding::{Finding, RULE_IDS, Severity, Verdict};
pub use hazard::{Hazard, HazardClass, HazardSet};
pub use inventory::{Gap, GapReason, GapScope, Inventory, StoreCheck};
pub use known::{Known, Owner, Source};
pub use monitor::{Monitor, Phase, Silent};
pub use name::{ByteName, printable};
pub use point::{
    Consistency, CopyState, Lock, LockKind, LockMode, PointId, PointKind, RecoveryPoint, Usable,
};
pub use policy::{Keep, Policies, Policy, RuleWaiver, SLACK, parse_duration, say_duration, slack_of};
pub use problem::{Kind, Problem, Result};
pub use roles::{Escrow, Together, VaultRoles};
pub use volume::{Volume, VolumeId, VolumeKind};
pub use when::{Stretch, When};

/// A moment, always in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
