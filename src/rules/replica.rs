//! `replica-counted-as-backup`: is what is left of a deleted volume only what follows it, change by change?

use super::young::Age;
use super::{Case, Rule};
use crate::domain::{RecoveryPoint, Severity, Verdict, say_duration};

/// Fails where within the RPO nothing survives the volume's deletion but what follows bad data.
pub(super) struct ReplicaCountedAsBackup;

impl Rule for ReplicaCountedAsBackup {
    fn id(&self) -> &'static str {
        "replica-counted-as-backup"
    }

    fn title(&self) -> &'static str {
        "a recent recovery point is more than a replica"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/replica-counted-as-backup.md")
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        "keep copies that do not follow the volume's changes: outlive copy, on a schedule"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["UK NCSC P3", "CIS 8.1 11.2", "ISO 27001:2022 A.8.13"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        let all = || case.points().chain(case.graph.orphans());
        let stays = |point: &RecoveryPoint| case.graph.follows(point) == Some(false);
        if all().all(stays) && case.hidden().is_none() {
            return Verdict::NotApplicable("none of the recovery points is a replica".into());
        }
        let Some(row) = case.deletion() else {
            return Verdict::Undetermined("what the volume stands on was not seen".into());
        };
        let kept: Vec<_> = case.survivors(row).filter(|point| case.may_be_young(point)).collect();
        let mut perhaps = case.doubts(row).filter(|(point, _)| case.may_be_young(point));
        let firm = |point: &&&RecoveryPoint| stays(point) && case.age(point) == Age::Within;
        if let Some(point) = kept.iter().find(firm) {
            return Verdict::Pass(format!("{} does not follow the volume's changes", case.label(point)));
        }
        let ageless = kept.iter().find(|point| stays(point));
        let ageless = ageless.map(|point| format!("the age of {} is not known", case.label(point)));
        let unstated = || kept.iter().find(|point| case.graph.follows(point).is_none());
        let unstated = || unstated().map(|point| unknown(case, point));
        let open = (ageless.or_else(unstated))
            .or_else(|| perhaps.next().map(|(_, why)| why.to_owned()))
            .or_else(|| case.hidden());
        match (open, kept.first()) {
            (Some(why), _) => Verdict::Undetermined(why),
            (None, Some(point)) if case.age(point) == Age::Open => {
                Verdict::Undetermined(format!("the age of {} is not known", case.label(point)))
            }
            (None, Some(point)) => {
                let (label, rpo) = (case.label(point), say_duration(case.policy.rpo));
                Verdict::Fail(
                    self.severity(),
                    format!(
                        "of the last {rpo}, the deletion of the volume leaves only what follows it: {label}; what goes bad in the volume goes bad there"
                    ),
                )
            }
            (None, None) => Verdict::NotApplicable(
                "within the RPO, no replica outlives the volume's deletion: see cascade-on-deletion and rpo"
                    .into(),
            ),
        }
    }
}

/// What is missing of a point where no catalogue states whether its kind follows the volume.
fn unknown(case: Case<'_>, point: &RecoveryPoint) -> String {
    format!("it is not known whether {} follows the volume's changes", case.label(point))
}
