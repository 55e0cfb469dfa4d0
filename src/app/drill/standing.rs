//! How the drills of every volume stand: passed, failed, not run, waived or never drilled.

use crate::domain::{Timestamp, VolumeId, say_duration};
use crate::drill::DrillFile;
use crate::estate::{Estate, VolumeEntry};
use crate::ledger::{DrillEnd, DrillHistory, Record, drills};
use crate::plan::Schedule;
use crate::report::activity::{DrillOutcome, DrillStanding};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// One standing for each volume of the estate.
pub fn drill_standings(
    estate: &Estate,
    files: &[DrillFile],
    records: &[Record],
    now: Timestamp,
) -> BTreeMap<VolumeId, DrillStanding> {
    let history = drills(records);
    let standing = |volume: &VolumeEntry| (volume.id.clone(), standing(estate, volume, files, &history, now));
    estate.volumes.iter().map(standing).collect()
}

type Histories = BTreeMap<(String, VolumeId), DrillHistory>;

fn standing(
    estate: &Estate,
    volume: &VolumeEntry,
    files: &[DrillFile],
    history: &Histories,
    now: Timestamp,
) -> DrillStanding {
    let every = estate.policy_of(&volume.id).drill_every;
    let known = files.iter().filter_map(|file| file.drill.as_ref().ok());
    let of_volume: Vec<_> = known.filter(|drill| drill.volume == volume.id).collect();
    let recorded = |name: &str| history.get(&(name.to_owned(), volume.id.clone()));
    let passes =
        of_volume.iter().filter_map(|drill| Some((drill, recorded(&drill.name)?.last_passed.as_ref()?)));
    let newest = passes.max_by_key(|(_, pass)| pass.started_at);
    let base = DrillStanding {
        outcome: DrillOutcome::NeverDrilled,
        asked: every.is_some() || !of_volume.is_empty(),
        drill: newest.map(|(drill, _)| drill.name.clone()),
        last_passed_at: newest.map(|(_, pass)| pass.started_at),
        last_restore_seconds: newest
            .and_then(|(_, pass)| pass.usable_after_milliseconds)
            .map(|after| after as f64 / 1000.0),
        detail: if of_volume.is_empty() { "no drill names it" } else { "its drill has never run" }.into(),
    };
    if let Some(waiver) = volume.waive_drill.as_ref().filter(|waiver| waiver.until > now) {
        let until = waiver.until.format("%Y-%m-%d");
        let detail = format!("{} until {until}, says {}", waiver.reason, waiver.owner.0);
        return DrillStanding { outcome: DrillOutcome::Waived, asked: false, detail, ..base };
    }
    // The worst that any of its drills says is what the volume stands by.
    let said = of_volume.iter().filter_map(|drill| {
        let schedule = Schedule { every: drill.every, offset: drill.offset };
        let (outcome, detail) = says(recorded(&drill.name)?, schedule, now);
        Some((outcome, drill.name.clone(), detail))
    });
    let worst = said.min_by_key(|(outcome, ..)| severity(*outcome));
    let Some((outcome, drill, detail)) = worst else { return base };
    let told = DrillStanding { outcome, drill: Some(drill), detail, ..base };
    too_old(told, every, now)
}

/// What counts first.
fn severity(outcome: DrillOutcome) -> u8 {
    match outcome {
        DrillOutcome::Failed => 0,
        DrillOutcome::NotRun => 1,
        DrillOutcome::NeverDrilled => 2,
        DrillOutcome::Passed | DrillOutcome::Waived => 3,
    }
}

fn says(history: &DrillHistory, schedule: Schedule, now: Timestamp) -> (DrillOutcome, String) {
    let at = history.last.started_at.format("%Y-%m-%d %H:%M UTC");
    let outcome = match history.last.outcome {
        DrillEnd::Failed => DrillOutcome::Failed,
        DrillEnd::NotRun => DrillOutcome::NotRun,
        DrillEnd::Passed => match schedule.due(history.last_tried_at, now) {
            Some(due) => {
                let since = due.since.format("%Y-%m-%d %H:%M UTC");
                return (DrillOutcome::NotRun, format!("due since {since}; passed at {at}"));
            }
            None => DrillOutcome::Passed,
        },
    };
    (outcome, format!("{at}: {}", history.last.because))
}

/// A pass that is older than the policy asks for is none any more.
fn too_old(standing: DrillStanding, every: Option<TimeDelta>, now: Timestamp) -> DrillStanding {
    let age = standing.last_passed_at.map(|at| now - at);
    match (standing.outcome, age, every) {
        // One slot more: a drill that is due runs tonight, not at the very second.
        (DrillOutcome::Passed, Some(age), Some(every)) if age > every * 2 => DrillStanding {
            outcome: DrillOutcome::NotRun,
            detail: format!(
                "it last passed {} ago, the policy asks every {}",
                say_duration(age),
                say_duration(every)
            ),
            ..standing
        },
        _ => standing,
    }
}
