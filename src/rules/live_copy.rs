//! `live-copy`: is the copy one would fall back on a state of one moment?

use super::{Case, Rule};
use crate::domain::{Consistency, HazardClass, PointKind, RecoveryPoint, Severity, Timestamp, Verdict};
use crate::isolation::hidden_points;

/// Asks how the newest copy that survives the loss of the volume's filesystem was taken.
pub(super) struct LiveCopy;

impl Rule for LiveCopy {
    fn id(&self) -> &'static str {
        "live-copy"
    }

    fn title(&self) -> &'static str {
        "the copy to fall back on was taken from a snapshot"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/live-copy.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "copy from a snapshot, or stop the writers while copying"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["HIPAA 164.308(a)(7)(ii)(A)", "SOC 2 CC7.5"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        // Without a filesystem below that takes the volume, the copy one falls back on is what a deletion leaves.
        let mut rows = case.survival.rows.iter();
        let on_filesystem = rows.find(|row| row.takes_primary && row.answers(HazardClass::Filesystem));
        let Some(row) = on_filesystem.or_else(|| case.survival.rows.first()) else {
            return Verdict::Undetermined("what the volume stands on was not seen".into());
        };
        let kept: Vec<_> = case.survivors(row).filter(|point| is_copy(point)).collect();
        let perhaps: Vec<_> =
            case.doubts(row).map(|(point, _)| point).filter(|point| is_copy(point)).collect();
        match open(case) {
            Some(why) => Verdict::Undetermined(why),
            None => self.newest(case, &kept, &perhaps),
        }
    }
}

impl LiveCopy {
    fn newest(&self, case: Case<'_>, kept: &[&RecoveryPoint], perhaps: &[&RecoveryPoint]) -> Verdict {
        let newest = kept.iter().filter_map(|point| moment(case, point)).max();
        let may_be_newest = |point: &&&RecoveryPoint| moment(case, point).is_none_or(|at| Some(at) >= newest);
        let kept: Vec<_> = kept.iter().filter(may_be_newest).collect();
        let perhaps: Vec<_> = perhaps.iter().filter(may_be_newest).collect();
        let label = |point: &RecoveryPoint| case.label(point);
        let settled = |point: &RecoveryPoint| {
            point.consistency.value().is_some_and(|consistency| *consistency != Consistency::Live)
        };
        let live = |point: &RecoveryPoint| point.consistency.value() == Some(&Consistency::Live);
        match (kept.first(), perhaps.first()) {
            (None, None) => Verdict::NotApplicable("no copy survives: see the rules on shared fate".into()),
            (Some(first), _) if kept.iter().chain(&perhaps).all(|point| settled(point)) => {
                Verdict::Pass(format!("{} holds one moment", label(first)))
            }
            (Some(first), _) if kept.iter().chain(&perhaps).all(|point| live(point)) => {
                let because = format!("{} was copied while it may have been written to", label(first));
                Verdict::Fail(self.severity(), because)
            }
            (None, Some(point)) => {
                Verdict::Undetermined(format!("it is open whether {} survives", label(point)))
            }
            (Some(_), _) => {
                let open = kept.iter().chain(&perhaps).find(|point| !settled(point));
                let open = open.map_or_else(String::new, |point| label(point));
                Verdict::Undetermined(format!(
                    "{open} may be the newest copy, and was not surely taken from a snapshot"
                ))
            }
        }
    }
}

/// What keeps the question open, whatever is known of the copies seen.
fn open(case: Case<'_>) -> Option<String> {
    // A filesystem that was not seen, or only may take the volume, would leave other copies to fall back on.
    let shadow = case.survival.shadows.iter().find(|s| s.classes.contains(&HazardClass::Filesystem));
    let orphan = case.graph.orphans().find(|point| is_copy(point)).map(|point| {
        format!("it is not known which volume {} is a state of", case.graph.point_label(&point.id))
    });
    let mut rows = case.survival.rows.iter().filter(|row| row.answers(HazardClass::Filesystem));
    let perhaps = rows.find(|row| row.may_take_primary && !row.takes_primary);
    let perhaps =
        perhaps.map(|row| format!("it is not known whether {} takes {}", row.title, case.volume.name));
    let any = case.points().any(is_copy);
    let hidden = hidden_points(case.graph, case.volume);
    let other = shadow.map(|shadow| shadow.because.clone()).or(perhaps);
    hidden.or(orphan).or_else(|| other.filter(|_| any))
}

fn is_copy(point: &RecoveryPoint) -> bool {
    matches!(point.kind, PointKind::NamedCopy | PointKind::VaultCopy)
}

fn moment(case: Case<'_>, point: &RecoveryPoint) -> Option<Timestamp> {
    point.taken_at.value().copied().filter(|at| *at <= case.now)
}
