//! `rpo`: is the newest surviving point young enough under every hazard the policy names?

use super::{Case, Rule};
use crate::domain::{HazardClass, RecoveryPoint, Severity, Verdict, say_duration};
use crate::isolation::{Cell, Row, hidden_points};
use chrono::TimeDelta;

/// Compares the age of what survives with the recovery point objective.
pub(super) struct Rpo;

enum Age {
    Young(TimeDelta, String),
    Old(String),
    Nothing(String),
    Open(String),
}

impl Rule for Rpo {
    fn id(&self) -> &'static str {
        "rpo"
    }

    fn title(&self) -> &'static str {
        "the newest surviving recovery point is within the RPO"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/rpo.md")
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        "copy more often, to a place the hazard cannot reach: outlive copy, on a schedule"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 CP-10", "NIST SP 800-53r5 CP-9(5)", "SOC 2 A1.2"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if case.policy.survive.is_empty() {
            return Verdict::NotApplicable("the policy asks to survive nothing".into());
        }
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        let asked = |row: &&Row| case.policy.survive.iter().any(|class| row.answers(*class));
        let (mut old, mut nothing, mut open, mut young) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for row in case.survival.rows.iter().filter(asked) {
            match age(case, row) {
                Age::Old(why) => old.push(why),
                Age::Open(why) => open.push(why),
                Age::Nothing(title) => nothing.push(title),
                Age::Young(age, why) => young.push((age, why)),
            }
        }
        if !nothing.is_empty() {
            old.insert(0, format!("nothing survives: {}", nothing.join(", ")));
        }
        if !old.is_empty() {
            let rpo = say_duration(case.policy.rpo);
            return Verdict::Fail(self.severity(), format!("{} (the RPO is {rpo})", old.join("; ")));
        }
        open.extend(shadow(case));
        if let Some(why) = open.into_iter().next() {
            return Verdict::Undetermined(why);
        }
        match young.into_iter().max() {
            Some((_, why)) => Verdict::Pass(format!("at worst, {why}")),
            None => Verdict::NotApplicable("no hazard the policy names takes the volume".into()),
        }
    }
}

fn age<'a>(case: Case<'a>, row: &'a Row) -> Age {
    let allowed = allowed(case, row);
    let rpo = say_duration(case.policy.rpo);
    let title = &row.title;
    match &row.cell {
        Cell::None if row.takes_primary => Age::Nothing(title.clone()),
        Cell::None => Age::Open(format!("{title} may take the volume, and leaves nothing")),
        Cell::Unknown { because } => Age::Open(format!("{title}: {because}")),
        Cell::Survivor { age: Some(age), .. } if *age <= allowed => {
            Age::Young(*age, format!("{title} leaves a point {} old, the RPO is {rpo}", say_duration(*age)))
        }
        Cell::Survivor { age: None, point, .. } => {
            let label = case.graph.label_at(*point);
            Age::Open(format!("{title} leaves {label}, of which the age is not known"))
        }
        Cell::Survivor { age: Some(age), .. } => {
            let age = say_duration(*age);
            let doubt = case.doubts(row).find(|(point, _)| may_be_young(case, point, allowed));
            let unknown_age = case.survivors(row).find(|point| !has_known_age(case, point));
            let hidden = hidden_points(case.graph, case.volume);
            let open = (doubt.map(|(_, because)| because.to_owned()))
                .or_else(|| unknown_age.map(|point| format!("the age of {} is not known", case.label(point))))
                .or(hidden);
            match open {
                Some(why) => {
                    Age::Open(format!("{title} leaves a point {age} old, perhaps a younger one: {why}"))
                }
                None if !row.takes_primary => {
                    Age::Open(format!("{title} may take the volume, and leaves a point {age} old"))
                }
                None => Age::Old(format!("{title} leaves a point {age} old")),
            }
        }
    }
}

/// How old what a row leaves may be. What went bad unnoticed is given up: the point before that counts.
fn allowed(case: Case<'_>, row: &Row) -> TimeDelta {
    let bad = if row.class == HazardClass::BadData { case.policy.detect_within } else { TimeDelta::zero() };
    case.policy.rpo.checked_add(&bad).unwrap_or(TimeDelta::MAX)
}

fn has_known_age(case: Case<'_>, point: &RecoveryPoint) -> bool {
    point.taken_at.value().is_some_and(|at| *at <= case.now)
}

/// Whether a point in doubt would be within the RPO, or might.
fn may_be_young(case: Case<'_>, point: &RecoveryPoint, allowed: TimeDelta) -> bool {
    point.taken_at.value().is_none_or(|at| case.now - *at <= allowed)
}

/// What might be below the volume unseen, and would leave nothing young for certain.
fn shadow(case: Case<'_>) -> Option<String> {
    let young =
        |cell: &Cell| matches!(cell, Cell::Survivor { age: Some(age), .. } if *age <= case.policy.rpo);
    let asked =
        case.survival.shadows.iter().filter(|shadow| !shadow.classes.is_disjoint(&case.policy.survive));
    asked.filter(|shadow| !young(&shadow.cell)).map(|shadow| shadow.because.clone()).next()
}
