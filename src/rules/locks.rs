//! `lock-missing`, `lock-governance-only`, `lock-shorter-than-policy`, `lock-lapses-before-next-copy`: does a lock
//! hold off the deletion of a recent point, whoever asks for it, and for long enough? One question, asked of four
//! properties; a point within the RPO that has the property is enough.

use super::young::{Age, Holds};
use super::{Case, Rule};
use crate::domain::{
    AssetKind, Bonds, HazardClass, Known, Lock, LockMode, Nature, Policy, RecoveryPoint, Severity, Verdict,
    say_duration,
};
use crate::isolation::{Cell, Shadow};

/// The question for one property of locks.
pub(super) struct Locked {
    id: &'static str,
    title: &'static str,
    page: &'static str,
    remedy: &'static str,
    property: Property,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Property {
    /// There is one.
    There,
    /// Nobody can lift it.
    Firm,
    /// It was set for as long as the policy asks.
    Long,
    /// It holds until another copy must have been made.
    Lasting,
}

pub(super) const LOCK_MISSING: Locked = Locked {
    id: "lock-missing",
    title: "a recent recovery point is locked",
    page: include_str!("../../docs/rules/lock-missing.md"),
    remedy: "keep copies where objects can be locked, and lock them: a bucket with object lock",
    property: Property::There,
};

pub(super) const LOCK_GOVERNANCE_ONLY: Locked = Locked {
    id: "lock-governance-only",
    title: "nobody can lift the lock of a recent recovery point",
    page: include_str!("../../docs/rules/lock-governance-only.md"),
    remedy: "lock in compliance mode, once it is sure for how long",
    property: Property::Firm,
};

pub(super) const LOCK_SHORTER_THAN_POLICY: Locked = Locked {
    id: "lock-shorter-than-policy",
    title: "a recent recovery point is locked for as long as the policy asks",
    page: include_str!("../../docs/rules/lock-shorter-than-policy.md"),
    remedy: "lock new copies for locked_for, and extend the locks of those that are kept",
    property: Property::Long,
};

pub(super) const LOCK_LAPSES_BEFORE_NEXT_COPY: Locked = Locked {
    id: "lock-lapses-before-next-copy",
    title: "a recent lock holds until the next copy",
    page: include_str!("../../docs/rules/lock-lapses-before-next-copy.md"),
    remedy: "extend the lock of the newest copy, and lock for longer than the RPO",
    property: Property::Lasting,
};

impl Rule for Locked {
    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn page(&self) -> &'static str {
        self.page
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        self.remedy
    }

    fn frameworks(&self) -> &'static [&'static str] {
        match self.property {
            Property::Firm => &["NIST SP 800-53r5 CP-9(7)", "ISM 1708"],
            _ => &["NIST SP 800-53r5 CP-9(8)", "ISM 1708", "CIS 8.1 11.3"],
        }
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        policy.locked_for.is_some() || self.property == Property::Lasting
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if case.policy.locked_for.is_none() && self.property == Property::Lasting {
            return case.no_points().unwrap_or_else(|| self.counted_on(case));
        }
        if case.policy.locked_for.is_none() {
            return Verdict::NotApplicable("the policy asks for no lock".into());
        }
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        let rpo = say_duration(case.policy.rpo);
        match case.some_young(&|point| has(case, point, self.property)) {
            (Holds::Yes, label) => return Verdict::Pass(format!("{label} {}", self.property.held())),
            (Holds::Open(why), _) => return Verdict::Undetermined(why),
            (Holds::No, _) if self.property == Property::There => {
                let because = format!("no recovery point of the last {rpo} is locked");
                return Verdict::Fail(self.severity(), because);
            }
            (Holds::No, _) => {}
        }
        // Without any lock, the rule that asks for one says it all.
        match case.some_young(&|point| has(case, point, Property::There)) {
            (Holds::No, _) => Verdict::NotApplicable(format!(
                "no recovery point of the last {rpo} is locked: see lock-missing"
            )),
            (Holds::Open(why), _) => Verdict::Undetermined(why),
            (Holds::Yes, label) => {
                let because = format!("{label} is locked, but {}", self.property.missed(case));
                Verdict::Fail(self.severity(), because)
            }
        }
    }
}

impl Locked {
    /// Where the policy asks for no lock: whether some verdict rests on one all the same, and it soon ends.
    fn counted_on(&self, case: Case<'_>) -> Verdict {
        let rows =
            || case.survival.rows.iter().filter(|row| HELD_OFF.iter().any(|class| row.answers(*class)));
        let young = |point: &&RecoveryPoint| case.may_be_young(point);
        let locked = |point: &&RecoveryPoint| has(case, point, Property::There) == Holds::Yes;
        let lasts = |point: &RecoveryPoint| has(case, point, Property::Lasting);
        if case.survival.rows.is_empty() && case.survival.shadows.is_empty() {
            return Verdict::Undetermined("what the volume stands on was not seen".into());
        }
        let (mut counted, mut open) = (false, None);
        for row in rows() {
            let left: Vec<_> = case.survivors(row).filter(young).collect();
            // What surely survives does not go with its bucket.
            let free = |point: &&RecoveryPoint| !locked(point) || !is_reached(&point.bonds);
            if left.iter().any(|point| free(point) && case.age(point) == Age::Within) {
                continue;
            }
            let perhaps = case.doubts(row).map(|(point, _)| point).filter(young);
            let perhaps: Vec<_> = left.iter().copied().chain(perhaps).collect();
            let unlocked = |point: &RecoveryPoint| has(case, point, Property::There) == Holds::No;
            let by_lock = |point: &&&RecoveryPoint| !unlocked(point) && may_be_deleted(case, point);
            if !perhaps.iter().any(|point| by_lock(&point)) {
                continue;
            }
            if left.iter().any(|point| lasts(point) == Holds::Yes && case.age(point) == Age::Within) {
                counted = true;
                continue;
            }
            // A lock that lasts does not lapse, whatever else is open of the point.
            let may_lapse = |point: &&&RecoveryPoint| by_lock(point) && lasts(point) != Holds::Yes;
            let Some(point) = perhaps.iter().find(may_lapse) else { continue };
            let ends = |point: &&RecoveryPoint| locked(point) && lasts(point) == Holds::No;
            if !left.is_empty() && perhaps.iter().all(ends) {
                let (title, label) = (&row.title, case.label(point));
                let because = format!(
                    "{title} leaves {label} because it is locked, and the lock ends before another copy must have been made (the RPO)"
                );
                return Verdict::Fail(self.severity(), because);
            }
            open = open.or_else(|| {
                let (label, title) = (case.label(point), &row.title);
                Some(format!(
                    "it is not known whether {title} leaves more than {label}, which its lock may keep"
                ))
            });
        }
        match (open.or_else(|| kept_from_unseen(case)), counted) {
            (Some(why), _) => Verdict::Undetermined(why),
            (None, true) => {
                Verdict::Pass("what is left because it is locked stays so until another copy".into())
            }
            (None, false) => Verdict::NotApplicable(
                "the policy asks for no lock, and nothing is left because of one".into(),
            ),
        }
    }
}

/// The acts that a lock holds off.
const HELD_OFF: [HazardClass; 4] = [
    HazardClass::PrimaryDeletion,
    HazardClass::HostCompromise,
    HazardClass::Credential,
    HazardClass::Identity,
];

/// Whether some deletion or hand reaches what has these bonds, or nobody knows that none does.
fn is_reached(bonds: &Bonds) -> bool {
    [Nature::CascadesFrom, Nature::DeletableBy, Nature::AdministeredBy]
        .into_iter()
        .any(|nature| !bonds.is_complete(nature) || bonds.of(nature).next().is_some())
}

/// The same of a point, or of the bucket that it lies in: where it is not known where it lies, of one that nobody named.
fn may_be_deleted(case: Case<'_>, point: &RecoveryPoint) -> bool {
    let below = point.bonds.of(Nature::StoredOn).flat_map(|bond| &bond.on);
    let mut buckets = below.filter_map(|on| case.asset(on)).filter(|asset| asset.kind == AssetKind::Bucket);
    let unnamed = !point.bonds.is_complete(Nature::StoredOn);
    unnamed || is_reached(&point.bonds) || buckets.any(|bucket| is_reached(&bucket.bonds))
}

/// What nobody saw and may take the volume, where what it leaves may be there because of a lock that soon ends.
fn kept_from_unseen(case: Case<'_>) -> Option<String> {
    let asked = |shadow: &&Shadow| HELD_OFF.iter().any(|class| shadow.classes.contains(class));
    let by_lock = |point: &RecoveryPoint| {
        let perhaps = has(case, point, Property::There) != Holds::No && may_be_deleted(case, point);
        perhaps && has(case, point, Property::Lasting) != Holds::Yes
    };
    let mut shadows = case.survival.shadows.iter().filter(asked);
    shadows.find_map(|shadow| {
        if shadow.cell == Cell::None {
            return None;
        }
        // One that surely stays without such a lock speaks for all.
        if shadow.recent.iter().filter_map(|place| case.graph.at(*place)).any(|point| !by_lock(point)) {
            return None;
        }
        // What may be of any volume may be of this one.
        let mut all = case.points().chain(case.graph.orphans());
        let kept = all.find(|point| case.may_be_young(point) && by_lock(point))?;
        let label = case.label(kept);
        Some(format!("{}; its lock may be what keeps {label} then", shadow.because))
    })
}

impl Property {
    fn held(self) -> &'static str {
        match self {
            Self::There => "is locked",
            Self::Firm => "is locked, and nobody can lift that",
            Self::Long => "is locked for as long as the policy asks",
            Self::Lasting => "is locked until another copy must have been made",
        }
    }

    fn missed(self, case: Case<'_>) -> String {
        let rpo = say_duration(case.policy.rpo);
        match self {
            Self::There => "its lock has ended".to_owned(),
            Self::Firm => format!("whoever may bypass it can lift every lock of the last {rpo}"),
            Self::Long => {
                let asked = case.policy.locked_for.map_or_else(String::new, say_duration);
                format!("no point of the last {rpo} was locked for {asked}, as the policy asks")
            }
            Self::Lasting => {
                format!("every lock of the last {rpo} ends before another copy must have been made (the RPO)")
            }
        }
    }
}

/// Whether the lock of a point has a property.
fn has(case: Case<'_>, point: &RecoveryPoint, property: Property) -> Holds {
    let open = |what: &str| Holds::Open(format!("{what} of {} is not known", case.label(point)));
    let lock: Lock = match &point.lock {
        Known::Observed(lock, _) | Known::Documented(lock, _) | Known::Declared(lock, _) => *lock,
        Known::Unknown => return open("the lock"),
    };
    // A legal hold has no end; it can be lifted by whoever may do so.
    let until = match (lock.mode, lock.until) {
        (LockMode::None, _) => return Holds::No,
        (_, Some(until)) if until <= case.now => return Holds::No,
        (LockMode::LegalHold, None) => None,
        (_, None) => return open("the end of the lock"),
        (_, Some(until)) => Some(until),
    };
    let holds = match (property, until) {
        (Property::There, _) | (Property::Long | Property::Lasting, None) => true,
        (Property::Firm, _) => lock.mode == LockMode::Compliance,
        (Property::Lasting, Some(until)) => until - case.now >= case.policy.rpo,
        (Property::Long, Some(until)) => match (point.taken_at.value(), case.policy.locked_for) {
            (Some(at), Some(asked)) => until - *at >= asked,
            (None, _) => return open("the time"),
            (_, None) => true,
        },
    };
    if holds { Holds::Yes } else { Holds::No }
}
