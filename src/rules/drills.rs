//! `never-drilled`, `drill-stale` and `drill-older-than-plan`: was a restore ever tried, lately, and of what is made now?

use super::{Case, Rule};
use crate::domain::{Known, PointKind, Policy, RecoveryPoint, Severity, Timestamp, Verdict, say_duration};
use chrono::TimeDelta;

/// Fails where no restore of any recovery point is recorded.
pub(super) struct NeverDrilled;

/// Fails where the last restore that was tried is older than the policy asks.
pub(super) struct DrillStale;

/// Fails where nothing was restored that was made since the last change of the plan.
pub(super) struct DrillOlderThanPlan;

const FRAMEWORKS: &[&str] = &[
    "NIST SP 800-53r5 CP-9(1)",
    "NIST SP 800-53r5 CP-9(2)",
    "ISO 27001:2022 A.8.13",
    "SOC 2 A1.3",
    "CIS 8.1 11.5",
    "DORA 12(2)",
];

/// True for the rules that ask whether restores are tried: a nightly run says that of its drills in a verdict of
/// their own.
pub fn is_about_drills(rule: &str) -> bool {
    [NeverDrilled.id(), DrillStale.id()].contains(&rule)
}

/// What is known of the drills of a volume's points.
enum Drilled {
    /// The last one that succeeded, and the point.
    At(Timestamp, String),
    /// None is recorded, and every point is one of which outlive would know.
    Never(usize),
    /// Somebody may have tried one; of what.
    Open(String),
}

impl Rule for NeverDrilled {
    fn id(&self) -> &'static str {
        "never-drilled"
    }

    fn title(&self) -> &'static str {
        "a restore of a recovery point was tried"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/never-drilled.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "try a restore now: outlive drill"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        FRAMEWORKS
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        policy.drill_every.is_some()
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let drilled = match asked(case) {
            Ok((_, drilled)) => drilled,
            Err(verdict) => return verdict,
        };
        match drilled {
            Drilled::At(at, label) => Verdict::Pass(format!("{label} was restored at {}", say(at))),
            Drilled::Open(why) => Verdict::Undetermined(why),
            Drilled::Never(count) => {
                let because = format!("no restore is recorded of any of the recovery points: {count}");
                Verdict::Fail(self.severity(), because)
            }
        }
    }
}

impl Rule for DrillStale {
    fn id(&self) -> &'static str {
        "drill-stale"
    }

    fn title(&self) -> &'static str {
        "a restore was tried as lately as the policy asks"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/drill-stale.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "try a restore again, and let outlive nightly do so: outlive drill --due"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        FRAMEWORKS
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        policy.drill_every.is_some()
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let (every, drilled) = match asked(case) {
            Ok(found) => found,
            Err(verdict) => return verdict,
        };
        match drilled {
            Drilled::Open(why) => Verdict::Undetermined(why),
            Drilled::Never(_) => {
                Verdict::NotApplicable("no restore was ever tried: see never-drilled".into())
            }
            Drilled::At(at, label) => {
                let (age, asked) = (case.now - at, say_duration(every));
                let because = format!(
                    "{label} was restored {} ago, the policy asks for a restore every {asked}",
                    say_duration(age)
                );
                // A night more: what came due after last night's run is tried tonight, not at the very second.
                if age <= every + every.min(TimeDelta::days(1)) {
                    return Verdict::Pass(because);
                }
                match unknown(case) {
                    Some(why) => Verdict::Undetermined(why),
                    None => Verdict::Fail(self.severity(), because),
                }
            }
        }
    }
}

impl Rule for DrillOlderThanPlan {
    fn id(&self) -> &'static str {
        "drill-older-than-plan"
    }

    fn title(&self) -> &'static str {
        "a restore was tried of what the present plan made"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/drill-older-than-plan.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "copy by the present plan, and try a restore of that: outlive drill"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        FRAMEWORKS
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        policy.drill_every.is_some() && policy.plan_changed_at.is_some()
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let Some(changed) = case.policy.plan_changed_at else {
            return Verdict::NotApplicable("the estate file names no change of the plan".into());
        };
        let last_drill = match asked(case) {
            Ok((_, drilled)) => drilled,
            Err(verdict) => return verdict,
        };
        if changed > case.now {
            return Verdict::Undetermined(format!("the plan is said to change at {}", say(changed)));
        }
        let drilled_since =
            |point: &&RecoveryPoint| last(point).is_some_and(|at| at >= changed && at <= case.now);
        let since = || case.points().filter(drilled_since);
        let of_the_plan = |point: &&RecoveryPoint| case.moment(point).is_some_and(|at| at >= changed);
        if let Some(point) = since().find(of_the_plan) {
            let (label, changed) = (case.label(point), say(changed));
            return Verdict::Pass(format!(
                "{label} was made and restored since the plan changed at {changed}"
            ));
        }
        let ageless = since().find(|point| case.moment(point).is_none());
        let ageless = ageless.map(|point| format!("the age of {} is not known", case.label(point)));
        match (ageless.or_else(|| unknown(case)), last_drill) {
            (Some(why), _) | (None, Drilled::Open(why)) => Verdict::Undetermined(why),
            (None, Drilled::Never(_)) => {
                Verdict::NotApplicable("no restore was ever tried: see never-drilled".into())
            }
            (None, Drilled::At(at, label)) => {
                let (at, changed) = (say(at), say(changed));
                let because = format!(
                    "nothing that was made since the plan changed at {changed} was ever restored; the last restore was of {label}, at {at}"
                );
                Verdict::Fail(self.severity(), because)
            }
        }
    }
}

/// How often the policy asks for a drill, and what is known of them; a verdict where that settles it.
fn asked(case: Case<'_>) -> Result<(TimeDelta, Drilled), Verdict> {
    let Some(every) = case.policy.drill_every else {
        return Err(Verdict::NotApplicable("the policy asks for no drill".into()));
    };
    case.no_points().map_or_else(|| Ok((every, drilled(case))), Err)
}

fn drilled(case: Case<'_>) -> Drilled {
    let tried = case
        .points()
        .filter_map(|point| last(point).filter(|at| *at <= case.now).map(|at| (at, case.label(point))));
    match (tried.max(), unknown(case)) {
        (Some((at, label)), _) => Drilled::At(at, label),
        (None, Some(why)) => Drilled::Open(why),
        (None, None) => Drilled::Never(case.points().count()),
    }
}

/// Why a restore may have been tried of which nothing here knows.
fn unknown(case: Case<'_>) -> Option<String> {
    let future = |point: &&RecoveryPoint| last(point).is_some_and(|at| at > case.now);
    // Who answers for a point and tells of no restore has not told that there was none.
    let by_others = |point: &&RecoveryPoint| is_kept_by_others(point) && point.drilled_at.is_unknown();
    let wrong = case.points().find(future);
    let wrong = wrong.map(|point| format!("{} is said to be restored in the future", case.label(point)));
    let open = || case.points().find(by_others);
    wrong
        .or_else(|| {
            open().map(|point| format!("it is not known whether {} was ever restored", case.label(point)))
        })
        .or_else(|| case.hidden())
}

fn last(point: &RecoveryPoint) -> Option<Timestamp> {
    point.drilled_at.value().copied().flatten()
}

/// True for points of which others keep the record: of what outlive sees itself, its own ledger is the record.
fn is_kept_by_others(point: &RecoveryPoint) -> bool {
    matches!(point.kind, PointKind::Declared | PointKind::Catalogued)
        || matches!(point.of, Known::Declared(..))
}

fn say(at: Timestamp) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}
