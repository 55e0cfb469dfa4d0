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

/// What the ledger knows of drills whose definition is gone: a sentence for each that was of a volume of the estate.
pub fn gone_drills(estate: &Estate, files: &[DrillFile], records: &[Record]) -> Vec<String> {
    let defined = |name: &str, volume: &VolumeId| {
        let mut named = files.iter().filter(|file| file.name == name);
        // A definition that is wrong is told as such.
        named.any(|file| file.drill.as_ref().map_or(true, |drill| drill.volume == *volume))
    };
    let history = drills(records);
    let gone = history
        .iter()
        .filter(|((name, volume), _)| estate.volume(volume).is_some() && !defined(name, volume));
    let say = |((name, volume), history): (&(String, VolumeId), &DrillHistory)| {
        let at = history.last.started_at.format("%Y-%m-%d %H:%M UTC");
        let how = history.last.outcome.word();
        format!("the drill `{name}` of {volume} is defined no more; it last ran at {at}: {how}")
    };
    gone.map(say).collect()
}

type Histories = BTreeMap<(String, VolumeId), DrillHistory>;

fn standing(
    estate: &Estate,
    volume: &VolumeEntry,
    files: &[DrillFile],
    history: &Histories,
    now: Timestamp,
) -> DrillStanding {
    let every = estate.policy_of(&volume.id).judged.drill_every;
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
        let (outcome, detail) = match recorded(&drill.name) {
            Some(history) => says(history, schedule, now),
            // Where none ever ran, the volume was never drilled. Beside others, this one is due.
            None if of_volume.iter().all(|other| recorded(&other.name).is_none()) => return None,
            None => (DrillOutcome::NotRun, format!("`{}` is due and has never run", drill.name)),
        };
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
        // A night more: a drill that came due after last night's run is run tonight, not at the very second.
        (DrillOutcome::Passed, Some(age), Some(every)) if age > every + every.min(TimeDelta::days(1)) => {
            DrillStanding {
                outcome: DrillOutcome::NotRun,
                detail: format!(
                    "it last passed {} ago, the policy asks every {}",
                    say_duration(age),
                    say_duration(every)
                ),
                ..standing
            }
        }
        _ => standing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Event;
    use crate::vault::format::Digest;
    use std::path::Path;

    /// An estate whose policy asks for a drill every week, with one volume.
    fn estate(more: &str) -> Estate {
        let text = format!(
            "[policy.default]\nrpo = \"26h\"\ndrill_every = \"7d\"\n\
             [[volume]]\nid = \"db\"\npath = \"/srv/db\"\n{more}\n"
        );
        Estate::parse(Path::new("/etc/outlive.toml"), &text).unwrap()
    }

    fn file(estate: &Estate, name: &str, every: &str) -> DrillFile {
        let text = format!("volume = \"db\"\nevery = \"{every}\"\n");
        let path = Path::new("/etc/drills/x/drill.toml");
        DrillFile { name: name.into(), drill: crate::drill::parse(name, path, &text, estate) }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ran(drill: &str, when: &str, outcome: DrillEnd) -> Record {
        let event = Event::Drilled {
            drill: drill.into(),
            run: "r".into(),
            volume: VolumeId("db".into()),
            vault: None,
            point: None,
            outcome,
            because: "because".into(),
            started_at: at(when),
            usable_after_milliseconds: Some(1500),
            record_sha256: None,
        };
        let prev = Digest([0; 32]);
        Record { schema: String::new(), seq: 0, at: at(when), prev, after_torn: false, event }
    }

    /// How the volume stands on Saturday, the 28th of November 2026; weekly slots begin on Thursdays.
    fn stands(estate: &Estate, files: &[DrillFile], records: &[Record]) -> DrillStanding {
        let standings = drill_standings(estate, files, records, at("2026-11-28T02:00:00Z"));
        standings[&VolumeId("db".into())].clone()
    }

    #[test]
    fn a_volume_is_passed_failed_not_run_or_never_drilled() {
        let estate = estate("");
        let weekly = [file(&estate, "weekly", "7d")];
        let (passed, failed, not_run) = (DrillEnd::Passed, DrillEnd::Failed, DrillEnd::NotRun);
        let last = |records: &[Record]| stands(&estate, &weekly, records).outcome;
        assert_eq!(last(&[]), DrillOutcome::NeverDrilled);
        assert_eq!(stands(&estate, &[], &[]).outcome, DrillOutcome::NeverDrilled);
        assert!(stands(&estate, &[], &[]).asked, "the policy asks for drills");
        let good = ran("weekly", "2026-11-26T03:00:00Z", passed);
        let standing = stands(&estate, &weekly, std::slice::from_ref(&good));
        assert_eq!((standing.outcome, standing.last_restore_seconds), (DrillOutcome::Passed, Some(1.5)));
        assert_eq!(
            last(&[good.clone(), ran("weekly", "2026-11-27T03:00:00Z", failed)]),
            DrillOutcome::Failed
        );
        assert_eq!(
            last(&[good.clone(), ran("weekly", "2026-11-27T03:00:00Z", not_run)]),
            DrillOutcome::NotRun
        );
        // Before the last slot, or by a clock that was wrong, or of a drill that is not there any more.
        assert_eq!(last(&[ran("weekly", "2026-11-25T23:00:00Z", passed)]), DrillOutcome::NotRun);
        assert_eq!(last(&[ran("weekly", "2036-11-26T03:00:00Z", passed)]), DrillOutcome::NotRun);
        assert_eq!(last(&[ran("another", "2026-11-26T03:00:00Z", passed)]), DrillOutcome::NeverDrilled);
    }

    #[test]
    fn the_worst_of_several_drills_counts_also_where_one_never_ran() {
        let estate = estate("");
        let both = [file(&estate, "daily", "1d"), file(&estate, "weekly", "7d")];
        let daily = ran("daily", "2026-11-28T00:30:00Z", DrillEnd::Passed);
        let standing = stands(&estate, &both, std::slice::from_ref(&daily));
        assert_eq!(standing.outcome, DrillOutcome::NotRun, "{standing:?}");
        assert!(standing.detail.contains("`weekly` is due"), "{standing:?}");
        let weekly = ran("weekly", "2026-11-26T03:00:00Z", DrillEnd::Failed);
        assert_eq!(stands(&estate, &both, &[weekly, daily]).outcome, DrillOutcome::Failed);
    }

    #[test]
    fn a_drill_that_is_rarer_than_the_policy_asks_does_not_keep_a_volume_passed() {
        let estate = estate("");
        let yearly = [file(&estate, "yearly", "365d")];
        let passed = |when| stands(&estate, &yearly, &[ran("yearly", when, DrillEnd::Passed)]).outcome;
        assert_eq!(passed("2026-11-20T03:00:00Z"), DrillOutcome::Passed, "a week and a night");
        assert_eq!(passed("2026-11-20T01:00:00Z"), DrillOutcome::NotRun);
    }

    #[test]
    fn a_waiver_holds_until_its_date_and_not_longer() {
        let waived = |until| {
            let waiver =
                format!("waive_drill = {{ owner = \"ann\", reason = \"moved\", until = \"{until}\" }}");
            let standing = stands(&estate(&waiver), &[], &[]);
            (standing.outcome, standing.asked)
        };
        assert_eq!(waived("2026-11-29"), (DrillOutcome::Waived, false));
        assert_eq!(waived("2026-11-28"), (DrillOutcome::NeverDrilled, true));
    }
}
