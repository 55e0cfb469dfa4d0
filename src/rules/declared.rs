//! `declared-not-observed`: does a verdict rest on what somebody said, and nobody saw?

use super::shared_fate::say_some;
use super::{Case, Rule};
use crate::domain::{Gap, Known, RecoveryPoint, Severity, Verdict};
use crate::isolation::{Cell, Row, Shadow};
use std::collections::BTreeMap;

/// Fails where the newest survivor of a hazard that the policy names is only declared.
pub(super) struct DeclaredNotObserved;

/// What a gap says of things of one id that differ.
const CARRY_ONE_ID: &str = "carry this id and differ";

impl Rule for DeclaredNotObserved {
    fn id(&self) -> &'static str {
        "declared-not-observed"
    }

    fn title(&self) -> &'static str {
        "what the verdicts rest on was seen"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/declared-not-observed.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "let outlive see it: name its vault or its directory, or copy the volume into a vault"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 CP-9(1)", "NIST CSF 2.0 PR.DS-11"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if let Some(why) = contradicted(case) {
            return Verdict::Undetermined(why);
        }
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        if !case.points().chain(case.graph.orphans()).any(is_declared) {
            return match case.hidden() {
                Some(why) => Verdict::Undetermined(why),
                None => Verdict::NotApplicable("no recovery point is only declared".into()),
            };
        }
        let asked = |row: &&Row| case.policy.survive.iter().any(|class| row.answers(*class));
        let rows: Vec<&Row> = case.survival.rows.iter().filter(asked).collect();
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (what, title) in rows.iter().filter_map(|row| rests_on(case, row)) {
            told.entry(what).or_default().push(title);
        }
        if !told.is_empty() {
            // One sentence a point, however many hazards leave it.
            let told = told
                .iter()
                .map(|(what, titles)| format!("{what}, and is what is left after {}", say_some(titles)));
            return Verdict::Fail(self.severity(), told.collect::<Vec<_>>().join("; "));
        }
        let open = rows.iter().filter(|row| matches!(row.cell, Cell::Unknown { .. }));
        let doubt = open.flat_map(|row| case.doubts(row)).find(|(point, _)| is_declared(point));
        if let Some((point, why)) = doubt {
            return Verdict::Undetermined(format!("{} is only declared: {why}", case.label(point)));
        }
        // What nobody saw, and takes the volume, may leave just what is declared.
        let asked = |shadow: &&Shadow| !shadow.classes.is_disjoint(&case.policy.survive);
        let may_rest = |shadow: &&Shadow| match shadow.cell {
            Cell::Unknown { .. } => true,
            Cell::Survivor { .. } => declared_survivor(case, &shadow.cell).is_some(),
            Cell::None => false,
        };
        if let Some(shadow) = case.survival.shadows.iter().filter(asked).find(may_rest) {
            let because = &shadow.because;
            return Verdict::Undetermined(format!("what is left may be only declared: {because}"));
        }
        match case.hidden() {
            Some(why) => Verdict::Undetermined(why),
            None => Verdict::Pass("no verdict rests on what is only declared".into()),
        }
    }
}

/// Of a row of which the newest survivor is only declared: what is to be said of that point, and the hazard.
fn rests_on(case: Case<'_>, row: &Row) -> Option<(String, String)> {
    let point = declared_survivor(case, &row.cell)?;
    let label = case.label(point);
    let owner =
        [declarer(&point.of), declarer(&point.taken_at)].into_iter().flatten().next().unwrap_or_default();
    Some((format!("{label} is only declared, by {owner}"), row.title.clone()))
}

/// The newest survivor, where it is only declared.
fn declared_survivor<'c>(case: Case<'c>, cell: &Cell) -> Option<&'c RecoveryPoint> {
    let Cell::Survivor { point, .. } = cell else { return None };
    case.graph.at(*point).filter(|point| is_declared(point))
}

fn is_declared(point: &RecoveryPoint) -> bool {
    declarer(&point.of).or_else(|| declarer(&point.taken_at)).is_some()
}

fn declarer<T>(fact: &Known<T>) -> Option<&str> {
    match fact {
        Known::Declared(_, owner) => Some(&owner.0),
        Known::Observed(..) | Known::Documented(..) | Known::Unknown => None,
    }
}

/// Things of one id that differ: a declaration and what was seen, or two declarations.
fn contradicted(case: Case<'_>) -> Option<String> {
    let gaps = &case.graph.inventory().gaps;
    let told = |gap: &&Gap| gap.detail.contains(CARRY_ONE_ID);
    let of = |gap: &&Gap| {
        gap.place == case.volume.id.0 || case.graph.orphans().any(|point| point.id.0 == gap.place)
    };
    let gap = gaps.iter().filter(told).find(of)?;
    Some(format!("declared differs from observed: {}: {}", gap.place, gap.detail))
}
