//! What several reports share.

use crate::domain::{
    Consistency, Escrow, Gap, GapReason, GapScope, Hazard, Known, Lock, LockMode, Owner, Policy,
    RecoveryPoint, Source, StoreCheck, Timestamp, Together, Usable, VaultRoles, Volume,
};
use crate::isolation::{Graph, Link};
use chrono::SecondsFormat;
use serde::Serialize;

/// RFC 3339 in UTC.
pub(super) fn time(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[derive(Serialize)]
pub(super) struct PolicyJson {
    rpo_seconds: i64,
    survive: Vec<&'static str>,
}

impl From<&Policy> for PolicyJson {
    fn from(policy: &Policy) -> Self {
        let survive = policy.survive.iter().map(|class| class.word()).collect();
        Self { rpo_seconds: policy.rpo.num_seconds(), survive }
    }
}

/// One act: what happens to which asset.
#[derive(Serialize)]
pub(super) struct ActJson {
    act: &'static str,
    asset: String,
}

impl From<&Hazard> for ActJson {
    fn from(hazard: &Hazard) -> Self {
        let act = match hazard {
            Hazard::Deleted(_) => "deleted",
            Hazard::Lost(_) => "lost",
            Hazard::Compromised(_) => "compromised",
            Hazard::BadData(_) => "bad-data",
        };
        Self { act, asset: hazard.asset().0.clone() }
    }
}

/// How something is known, and from where.
#[derive(Serialize)]
pub(super) struct AcquaintanceJson {
    known: &'static str,
    observed_at: Option<String>,
    source: Option<String>,
    read: Option<String>,
    owner: Option<String>,
}

impl AcquaintanceJson {
    const UNKNOWN: Self = Self { known: "unknown", observed_at: None, source: None, read: None, owner: None };

    pub(super) fn observed(at: Timestamp) -> Self {
        Self { known: "observed", observed_at: Some(time(at)), ..Self::UNKNOWN }
    }

    pub(super) fn documented(source: &Source) -> Self {
        let (address, read) = (Some(source.address.clone()), Some(source.read.clone()));
        Self { known: "documented", source: address, read, ..Self::UNKNOWN }
    }

    pub(super) fn declared(owner: &Owner) -> Self {
        Self { known: "declared", owner: Some(owner.0.clone()), ..Self::UNKNOWN }
    }
}

/// A lock, and how it is known.
#[derive(Serialize)]
pub(super) struct LockJson {
    mode: Option<&'static str>,
    until: Option<String>,
    known: &'static str,
}

impl From<&Known<Lock>> for LockJson {
    fn from(lock: &Known<Lock>) -> Self {
        let mode = |lock: &Lock| match lock.mode {
            LockMode::Compliance => "compliance",
            LockMode::Governance => "governance",
            LockMode::LegalHold => "legal-hold",
            LockMode::None => "none",
        };
        let until = lock.value().and_then(|lock| lock.until).map(time);
        Self { mode: lock.value().map(mode), until, known: known(lock) }
    }
}

#[derive(Serialize)]
pub(super) struct VolumeJson {
    id: String,
    name: String,
    kind: &'static str,
    chain: Vec<LinkJson>,
}

impl VolumeJson {
    pub(super) fn new(volume: &Volume, chain: Vec<Link>) -> Self {
        let chain = chain.into_iter().map(LinkJson::from).collect();
        Self { id: volume.id.0.clone(), name: volume.name.clone(), kind: volume.kind.word(), chain }
    }
}

#[derive(Serialize)]
struct LinkJson {
    asset: String,
    kind: Option<&'static str>,
    label: String,
    depth: usize,
    not_known: Option<String>,
}

impl From<Link> for LinkJson {
    fn from(link: Link) -> Self {
        let kind = link.kind.map(|kind| kind.word());
        Self { asset: link.asset.0, kind, label: link.label, depth: link.depth, not_known: link.open }
    }
}

#[derive(Serialize)]
pub(super) struct PointJson {
    id: String,
    name: String,
    kind: &'static str,
    catalogued: Option<String>,
    volume: Option<String>,
    taken_at: Option<String>,
    taken_at_known: &'static str,
    consistency: Option<&'static str>,
    bytes: Option<u64>,
    lies_on: Vec<String>,
    state: Option<&'static str>,
    lock: LockJson,
    drilled_at: Option<String>,
    usable: &'static str,
    usable_because: Option<String>,
}

impl PointJson {
    pub(super) fn new(graph: &Graph, point: &RecoveryPoint) -> Self {
        let (usable, usable_because) = match &point.usable {
            Usable::Yes => ("yes", None),
            Usable::Unproven(why) => ("unproven", Some(why.clone())),
            Usable::No(why) => ("no", Some(why.clone())),
        };
        Self {
            id: point.id.0.clone(),
            name: point.name.clone(),
            kind: point.kind.word(),
            catalogued: point.catalogued.as_deref().map(str::to_owned),
            volume: point.of.value().map(|volume| volume.0.clone()),
            taken_at: point.taken_at.value().map(|at| time(*at)),
            taken_at_known: known(&point.taken_at),
            consistency: point.consistency.value().map(|value| consistency(*value)),
            bytes: point.bytes.value().copied(),
            lies_on: graph.places(&point.id),
            state: point.state.map(|state| state.word()),
            lock: (&point.lock).into(),
            drilled_at: point.drilled_at.value().copied().flatten().map(time),
            usable,
            usable_because,
        }
    }
}

fn known<T>(fact: &Known<T>) -> &'static str {
    match fact {
        Known::Observed(..) => "observed",
        Known::Documented(..) => "documented",
        Known::Declared(..) => "declared",
        Known::Unknown => "unknown",
    }
}

fn consistency(value: Consistency) -> &'static str {
    match value {
        Consistency::Live => "live",
        Consistency::Crash => "crash",
        Consistency::Filesystem => "filesystem",
        Consistency::Application => "application",
    }
}

#[derive(Serialize)]
pub(super) struct GapJson {
    scope: &'static str,
    subject: Option<String>,
    place: String,
    reason: &'static str,
    detail: String,
}

/// When a store was seen to keep locks.
#[derive(Serialize)]
pub(super) struct CheckJson {
    vault: String,
    kept_locks_at: Option<String>,
    until: Option<String>,
}

impl From<&StoreCheck> for CheckJson {
    fn from(check: &StoreCheck) -> Self {
        let StoreCheck { vault, kept_locks_at, until } = check;
        Self { vault: vault.clone(), kept_locks_at: kept_locks_at.map(time), until: until.map(time) }
    }
}

/// Whether the key in the safe opens a vault, and what one machine has of it that should be apart.
#[derive(Serialize)]
pub(super) struct RolesJson {
    vault: String,
    escrow: &'static str,
    escrow_tried_at: Option<String>,
    escrow_until: Option<String>,
    because: Option<String>,
    together: Vec<String>,
    together_not_known: Option<String>,
}

impl From<&VaultRoles> for RolesJson {
    fn from(roles: &VaultRoles) -> Self {
        let escrow_until = match &roles.escrow {
            Escrow::Proved { until, .. } => until.map(time),
            _ => None,
        };
        let because = match &roles.escrow {
            Escrow::NotAsked(why) | Escrow::Unknown(why) | Escrow::Failed { because: why, .. } => {
                Some(why.clone())
            }
            _ => None,
        };
        let (together, together_not_known) = match &roles.together {
            Together::Apart => (Vec::new(), None),
            Together::Plain => (vec![Together::IS_PLAIN.to_owned()], None),
            Together::Both(what) => (what.clone(), None),
            Together::Unknown(why) => (Vec::new(), Some(why.clone())),
        };
        Self {
            vault: roles.vault.clone(),
            escrow: roles.escrow.word(),
            escrow_tried_at: roles.escrow.tried_at().map(time),
            escrow_until,
            because,
            together,
            together_not_known,
        }
    }
}

impl From<&Gap> for GapJson {
    fn from(gap: &Gap) -> Self {
        let (scope, subject) = match &gap.scope {
            GapScope::Volume(volume) => ("volume", Some(volume.clone())),
            GapScope::PointsOf(volume) => ("points-of", Some(volume.0.clone())),
            GapScope::Inside(volume) => ("inside", Some(volume.0.clone())),
            GapScope::Points => ("points", None),
            GapScope::Below(asset) => ("below", Some(asset.0.clone())),
            GapScope::Asked(key) => ("asked", Some(key.clone())),
        };
        let reason = match gap.reason {
            GapReason::Permission => "permission",
            GapReason::MissingTool => "missing-tool",
            GapReason::Vanished => "vanished",
            GapReason::TimedOut => "timed-out",
            GapReason::Unsupported => "unsupported",
            GapReason::Failed => "failed",
            GapReason::Expired => "expired",
        };
        Self { scope, subject, place: gap.place.clone(), reason, detail: gap.detail.clone() }
    }
}
