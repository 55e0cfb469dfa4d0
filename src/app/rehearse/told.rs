//! What a rehearsal says of its audits and its comparison.

use super::super::Audited;
use crate::domain::{Verdict, say_duration};
use crate::drill::checks::Comparison;
use crate::isolation::{Cell, Row};
use crate::report::activity::{LostAndFound, MissedPath, SurvivalLine};
use crate::rules::Judged;

pub fn lost_and_found(act: String, carried_out: bool, with: String, compared: &Comparison) -> LostAndFound {
    LostAndFound {
        act,
        carried_out,
        entries: compared.entries,
        bytes: compared.bytes,
        differing: compared.differing,
        differences: compared
            .differences
            .iter()
            .map(|(path, how)| MissedPath { path: path.to_string(), because: how.clone() })
            .collect(),
        changed_since: compared.changed_since,
        compared_with: with,
        owners_not_given: compared.not_given.ownership,
        xattrs_not_given: compared.not_given.xattrs,
        devices_left_out: compared.devices_left_out,
        other_volumes: compared.other_volumes,
        other_volumes_named: compared.other_volumes_named.iter().map(ToString::to_string).collect(),
    }
}

fn rows(audited: &Audited) -> impl Iterator<Item = &Row> {
    audited.judged.iter().flat_map(|judged| &judged.survival.rows)
}

pub fn table(before: &Audited, after: &Audited, rehearsed: &dyn Fn(&Row) -> bool) -> Vec<SurvivalLine> {
    rows(after)
        .map(|row| SurvivalLine {
            hazard: row.title.clone(),
            before: rows(before)
                .find(|earlier| earlier.title == row.title)
                .map_or_else(|| "UNKNOWN (not judged)".into(), |row| cell(before, row)),
            after: cell(after, row),
            rehearsed: rehearsed(row),
        })
        .collect()
}

fn cell(audited: &Audited, row: &Row) -> String {
    match &row.cell {
        Cell::None => "NONE".into(),
        Cell::Unknown { because } => format!("UNKNOWN ({because})"),
        Cell::Survivor { point, age, state, .. } => {
            let name = audited.graph.at(*point).map_or("a recovery point", |point| point.kind.word());
            let age = age.map_or_else(|| "age unknown".into(), |age| format!("{} old", say_duration(age)));
            let state = state.map_or_else(String::new, |state| format!(", {}", state.word()));
            format!("{name}, {age}{state}")
        }
    }
}

pub fn failed_rules(before: &Audited, after: &Audited) -> Vec<(String, bool, bool)> {
    let fails = |judged: &[Judged], rule: &str| {
        judged
            .iter()
            .flat_map(|judged| &judged.findings)
            .any(|finding| finding.rule == rule && matches!(finding.verdict, Verdict::Fail(..)))
    };
    crate::rules::ALL
        .iter()
        .map(|rule| (rule.id().to_owned(), fails(&before.judged, rule.id()), fails(&after.judged, rule.id())))
        .filter(|(_, before, after)| *before || *after)
        .collect()
}

/// What is true, and no more: which acts the copy survives, and which it does not.
pub fn claim(succeeded: bool, after: &Audited, rehearsed: &dyn Fn(&Row) -> bool) -> String {
    if !succeeded {
        return "Nothing is claimed of this copy: it was not shown that what was restored is what was copied."
            .into();
    }
    let titles = |wanted: &dyn Fn(&Row) -> bool| {
        rows(after).filter(|row| wanted(row)).map(|row| row.title.clone()).collect::<Vec<_>>().join("; ")
    };
    let survived = titles(&|row| rehearsed(row) && matches!(row.cell, Cell::Survivor { .. }));
    let deadly = titles(&|row| row.cell == Cell::None);
    let open = titles(&|row| matches!(row.cell, Cell::Unknown { .. }));
    let mut claim = if survived.is_empty() {
        "What was copied was restored, but it is not known that the copy survives what was rehearsed.".into()
    } else {
        format!("The copy survives: {survived}.")
    };
    if !deadly.is_empty() {
        claim.push_str(&format!(
            " It still shares this machine with the original, and does not survive: {deadly}. A vault on another machine would."
        ));
    }
    if !open.is_empty() {
        claim.push_str(&format!(" UNKNOWN whether it survives: {open}."));
    }
    claim
}

/// What the survey could not see.
pub fn gaps(audited: &Audited) -> Vec<String> {
    let gaps = &audited.graph.inventory().gaps;
    gaps.iter().map(|gap| format!("{}: {} ({})", gap.place, gap.detail, gap.reason.word())).collect()
}

/// What may take the volume too, below what is known of its chain.
pub fn perhaps(audited: &Audited) -> Vec<String> {
    let shadows = audited.judged.iter().flat_map(|judged| &judged.survival.shadows);
    let told = shadows.map(|shadow| {
        let classes: Vec<_> = shadow.classes.iter().map(|class| class.word()).collect();
        format!("{}: {}", classes.join(", "), shadow.because)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::domain::{Gap, GapReason, GapScope, Inventory, Timestamp};

    #[test]
    fn nothing_is_claimed_that_was_not_shown() {
        let gap = Gap {
            scope: GapScope::Points,
            place: "/vault".into(),
            reason: GapReason::Permission,
            detail: "not read".into(),
        };
        let inventory = Inventory { gaps: vec![gap], ..Inventory::default() };
        let graph = crate::isolation::expand(&inventory, &Catalogue::built_in().unwrap());
        let overall = crate::rules::overall(&[], &graph);
        let (catalogue, judged, at) = (Catalogue::default(), Vec::new(), Timestamp::default());
        let audited = Audited { graph, catalogue, judged, overall, at };
        assert!(claim(false, &audited, &|_| true).starts_with("Nothing is claimed"));
        let said = claim(true, &audited, &|_| true);
        assert!(said.contains("not known") && !said.contains("The copy survives"), "{said}");
        assert_eq!(gaps(&audited), ["/vault: not read (permission denied)"]);
    }
}
