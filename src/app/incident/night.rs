//! The night before: what the audit says.

use super::super::Audited;
use crate::domain::{Verdict, say_duration};
use crate::isolation::{Cell, Graph, Left, Row};
use crate::report::activity::{IncidentCut, IncidentFailure, IncidentNight, IncidentSurvivor};
use crate::report::text::first;
use crate::rules::Judged;

/// How many cut sets of a volume are told.
const CUTS: usize = 5;

pub(super) fn night(audited: &Audited) -> IncidentNight {
    let each = || audited.judged.iter();
    let undetermined = each().flat_map(|judged| &judged.findings);
    let undetermined = undetermined.filter(|finding| matches!(finding.verdict, Verdict::Undetermined(_)));
    IncidentNight {
        at: audited.at,
        survivors: each().flat_map(|judged| survivors(&audited.graph, judged)).collect(),
        failures: each().flat_map(failures).collect(),
        undetermined: undetermined.count(),
        cuts: each().flat_map(|judged| cuts(&audited.graph, judged, audited.at)).collect(),
        first: first(&audited.judged, audited.graph.inventory()),
    }
}

fn survivors<'a>(graph: &'a Graph, judged: &'a Judged) -> impl Iterator<Item = IncidentSurvivor> + 'a {
    let asked = |row: &&Row| judged.policy.survive.iter().any(|class| row.answers(*class));
    judged.survival.rows.iter().filter(asked).map(|row| {
        let (newest, age) = match &row.cell {
            Cell::None => ("NONE".to_owned(), None),
            Cell::Unknown { because } => (format!("UNKNOWN ({because})"), None),
            Cell::Survivor { point, age, .. } => (graph.label_at(*point), *age),
        };
        let volume = judged.volume.name.clone();
        IncidentSurvivor { volume, hazard: row.title.clone(), newest, age: age.map(say_duration) }
    })
}

fn failures(judged: &Judged) -> impl Iterator<Item = IncidentFailure> + '_ {
    judged.findings.iter().filter_map(|finding| match &finding.verdict {
        Verdict::Fail(severity, because) => Some(IncidentFailure {
            volume: judged.volume.name.clone(),
            rule: finding.rule.clone(),
            severity: *severity,
            because: because.clone(),
        }),
        _ => None,
    })
}

/// The smallest sets of acts that surely lose everything within the RPO.
fn cuts(graph: &Graph, judged: &Judged, at: crate::domain::Timestamp) -> Vec<IncidentCut> {
    let cuts = &judged.cuts;
    let told = cuts.certain.sets.iter().zip(&cuts.certain.left).take(CUTS).map(|(set, left)| IncidentCut {
        volume: judged.volume.name.clone(),
        acts: set
            .events()
            .filter_map(|event| cuts.events.get(event))
            .map(|event| event.title.clone())
            .collect(),
        takes: takes(judged, left),
        leaves: leaves(graph, left, at),
    });
    told.collect()
}

fn takes(judged: &Judged, left: &Left) -> String {
    let rpo = say_duration(judged.policy.rpo);
    match left.recent {
        0 => format!("the volume; no recovery point is of the last {rpo}"),
        recent => format!("the volume and {} of {recent} recovery points of the last {rpo}", left.dead),
    }
}

fn leaves(graph: &Graph, left: &Left, at: crate::domain::Timestamp) -> String {
    let Some(place) = left.newest else { return "nothing".to_owned() };
    let taken = graph.at(place).and_then(|point| point.taken_at.value().copied());
    let age = taken.map_or("of unknown age".to_owned(), |taken| format!("{} old", say_duration(at - taken)));
    format!("{}, {age}", graph.label_at(place))
}
