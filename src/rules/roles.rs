//! `roles-not-separated`: may one credential delete the volume, and recovery points of it too?

use super::shared_fate::unknown_deleters;
use super::{Case, Rule};
use crate::domain::{
    AssetId, Bonds, HazardClass, LockMode, Nature, Policy, RecoveryPoint, Severity, Verdict,
};
use crate::isolation::Shadow;
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
        let rows = || case.survival.rows.iter().filter(|row| row.answers(HazardClass::Credential));
        let young = |point: &&RecoveryPoint| case.may_be_young(point);
        if let Some(because) = directly(case) {
            return Verdict::Fail(self.severity(), because);
        }
        for row in rows().filter(|row| row.takes_primary) {
            if let Some(point) = case.dead(row).find(young) {
                let because = format!("{} deletes {} and {}", row.title, case.volume.name, case.label(point));
                return Verdict::Fail(self.severity(), because);
            }
        }
        let perhaps = rows().find_map(|row| {
            let doubt = case.doubts(row).find(|(point, _)| case.may_be_young(point));
            let dead = || case.dead(row).find(young).map(|point| case.label(point));
            let both = || dead().map(|point| format!("it may delete {} besides {point}", case.volume.name));
            let why = doubt.map(|(_, why)| why.to_owned()).or_else(both)?;
            Some(format!("{}: {why}", row.title))
        });
        let shadows = case.survival.shadows.iter();
        let unnamed = shadows.clone().any(|shadow| shadow.classes.contains(&HazardClass::Credential));
        let mut hidden = shadows.filter(|shadow| shadow.classes.contains(&HazardClass::Credential));
        let open = (perhaps.or_else(|| unknown_deleters(case)).or_else(|| perhaps_directly(case)))
            .or_else(|| hidden.find(|shadow| !keeps_all(case, shadow)).map(|shadow| shadow.because.clone()))
            .or_else(|| case.hidden());
        match (open, rows().next()) {
            (Some(why), _) => Verdict::Undetermined(why),
            (None, None) if unnamed => Verdict::Pass(
                "whoever may delete the volume, a lock keeps every recent recovery point".into(),
            ),
            (None, None) => Verdict::NotApplicable("no credential may delete the volume".into()),
            (None, Some(_)) => {
                Verdict::Pass("no credential may delete both the volume and a recent recovery point".into())
            }
        }
    }
}

/// Of a credential that a bond of both names: that is known also where nobody declared the credential itself.
fn directly(case: Case<'_>) -> Option<String> {
    let over = deleters(&case.asset(&case.volume.asset)?.bonds);
    let within = |point: &&RecoveryPoint| case.may_be_young(point) && !is_locked(case, point);
    case.points().filter(within).find_map(|point| {
        let both = deleters(&point.bonds).intersection(&over).next().copied()?;
        let (credential, label) = (case.graph.asset_label(both), case.label(point));
        Some(format!("{credential} may delete {} and {label}", case.volume.name))
    })
}

/// Whether somebody whom a bond of the volume names may be one of those that nobody named of a point.
fn perhaps_directly(case: Case<'_>) -> Option<String> {
    let over = deleters(&case.asset(&case.volume.asset)?.bonds);
    let open = |point: &&RecoveryPoint| !point.bonds.is_complete(Nature::DeletableBy);
    let mut within = case.points().filter(|point| case.may_be_young(point) && !is_locked(case, point));
    let point = within.find(open).filter(|_| !over.is_empty())?;
    Some(format!("it is not known which credentials may delete {}", case.label(point)))
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

/// Whether hands that nobody named leave every recent point for certain: one that is left does not speak for others.
fn keeps_all(case: Case<'_>, shadow: &Shadow) -> bool {
    let mut recent = case.points().filter(|point| case.may_be_young(point));
    shadow.leaves_recent && recent.all(|point| is_locked(case, point))
}
