//! `roles-not-separated`: may one credential delete the volume, and recovery points of it too?

use super::{Case, Rule};
use crate::domain::{
    AssetId, Bonds, HazardClass, LockMode, Nature, Policy, RecoveryPoint, Severity, Verdict,
};
use std::collections::BTreeSet;

/// Fails where a credential may delete the volume and any recent recovery point: not all need go for that.
pub(super) struct RolesNotSeparated;

impl Rule for RolesNotSeparated {
    fn id(&self) -> &'static str {
        "roles-not-separated"
    }

    fn title(&self) -> &'static str {
        "who may delete the volume may delete no recent recovery point"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/roles-not-separated.md")
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        "give the copies a credential of their own, which may not touch the volume, and production none for the copies"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 AC-6", "NIST SP 800-53r5 CP-9(7)", "ISM 1813"]
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        policy.survive.contains(&HazardClass::Credential)
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if !self.is_asked(case.policy) {
            return Verdict::NotApplicable("the policy does not ask to survive: credential".into());
        }
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        let Some(primary) = case.asset(&case.volume.asset) else {
            return Verdict::Undetermined("what the volume stands on was not seen".into());
        };
        let over = deleters(&primary.bonds);
        let young = || case.points().filter(|point| case.may_be_young(point) && !is_locked(case, point));
        for point in young() {
            if let Some(both) = deleters(&point.bonds).intersection(&over).next() {
                let (credential, label) = (case.graph.asset_label(both), case.label(point));
                let because = format!("{credential} may delete {} and {label}", case.volume.name);
                return Verdict::Fail(self.severity(), because);
            }
        }
        let unknown = |bonds: &Bonds| !bonds.is_complete(Nature::DeletableBy);
        let open = match unknown(&primary.bonds) {
            true => Some(case.volume.name.clone()),
            false => young().find(|point| unknown(&point.bonds)).map(|point| case.label(point)),
        };
        let open = open.map(|what| format!("it is not known which credentials may delete {what}"));
        match (open.or_else(|| case.hidden()), over.is_empty()) {
            (Some(why), _) => Verdict::Undetermined(why),
            (None, true) => Verdict::NotApplicable("no credential may delete the volume".into()),
            (None, false) => {
                Verdict::Pass("no credential may delete both the volume and a recent recovery point".into())
            }
        }
    }
}

/// The credentials of which each alone may delete a thing.
fn deleters(bonds: &Bonds) -> BTreeSet<&AssetId> {
    bonds.of(Nature::DeletableBy).filter(|bond| bond.dies_at <= 1).flat_map(|bond| &bond.on).collect()
}

/// True where nobody can delete a point today, whatever they may do tomorrow.
fn is_locked(case: Case<'_>, point: &RecoveryPoint) -> bool {
    point.lock.value().is_some_and(|lock| {
        lock.mode == LockMode::Compliance && lock.until.is_some_and(|until| until > case.now)
    })
}
