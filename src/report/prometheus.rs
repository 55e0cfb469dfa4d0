//! A run as metrics for the textfile collector of Prometheus's node exporter, in the text format 0.0.4:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/> (read 2026-11).
//!
//! Base units, no timestamps, and the same order each time. An age is that of the end of the run: an alert adds
//! `time() - outlive_nightly_last_run_timestamp_seconds`.

use super::activity::{DrillOutcome, NightlyDone, Standing, TaskKind, TaskOutcome, VolumeNight};
use std::collections::BTreeMap;

/// The first line: by it a file is known as outlive's own, which the next run may replace.
pub const TEXTFILE_HEADER: &str =
    "# Written by outlive nightly, which replaces this file at the end of each run.";

/// All metrics of a run that ended with `exit_code`.
pub fn prometheus(done: &NightlyDone, exit_code: u8) -> String {
    let mut out = format!("{TEXTFILE_HEADER}\n");
    for family in
        [of_run(done, exit_code), of_copies(done), of_volumes(done), of_drills(done)].into_iter().flatten()
    {
        family.render(&mut out);
    }
    out
}

fn of_run(done: &NightlyDone, exit_code: u8) -> Vec<Family> {
    let mut build = Family::new("outlive_build_info", "The version of outlive, as a label; always 1.");
    build.set(&[("version", done.version)], 1.0);
    let mut ended = Family::new(
        "outlive_nightly_last_run_timestamp_seconds",
        "When the last nightly run ended, in seconds since 1970.",
    );
    ended.set(&[], seconds_since_1970(done.finished_at));
    let mut took =
        Family::new("outlive_nightly_duration_seconds", "How long the last nightly run took, in seconds.");
    took.set(&[], (done.finished_at - done.started_at).as_seconds_f64());
    let mut exit = Family::new(
        "outlive_nightly_exit_code",
        "The exit code of the last nightly run: 0 is sound, everything else is not.",
    );
    exit.set(&[], f64::from(exit_code));
    let mut dry =
        Family::new("outlive_nightly_dry_run", "1 where the last nightly run only showed what is due.");
    dry.set(&[], flag(done.dry_run));
    vec![build, ended, took, exit, dry, of_tasks(done)]
}

fn of_tasks(done: &NightlyDone) -> Family {
    const KINDS: [(TaskKind, &str); 4] = [
        (TaskKind::Copy, "copy"),
        (TaskKind::ReadBack, "read_back"),
        (TaskKind::Lock, "lock"),
        (TaskKind::Drill, "drill"),
    ];
    const OUTCOMES: [(TaskOutcome, &str); 4] = [
        (TaskOutcome::Done, "done"),
        (TaskOutcome::Failed, "failed"),
        (TaskOutcome::NotDone, "not_done"),
        (TaskOutcome::Planned, "planned"),
    ];
    let mut tasks =
        Family::new("outlive_tasks", "What was due in the last nightly run, by what became of it.");
    for (kind, task) in KINDS {
        for (end, outcome) in OUTCOMES {
            let count = done.tasks.iter().filter(|one| one.task == kind && one.outcome == end).count();
            // A count of tasks is far below 2^52.
            tasks.set(&[("task", task), ("outcome", outcome)], count as f64);
        }
    }
    tasks
}

/// What survives which loss. Where the same labels come twice, the worse counts.
fn of_copies(done: &NightlyDone) -> Vec<Family> {
    let mut survives = Family::new(
        "outlive_surviving_copy",
        "1 where a recovery point of known age survives this loss; 0 where none does or nothing can be said.",
    )
    .keeping(f64::min);
    let mut age = Family::new(
        "outlive_surviving_copy_age_seconds",
        "Age of the newest recovery point that survives this loss, when the last run ended. Absent where none is known.",
    )
    .keeping(f64::max);
    for volume in &done.volumes {
        for copy in &volume.survives {
            let labels = [("volume", &*volume.volume), ("class", &*copy.class), ("hazard", &*copy.hazard)];
            survives.set(&labels, flag(copy.age_seconds.is_some()));
            if let Some(seconds) = copy.age_seconds {
                // An age in seconds is far below 2^52.
                age.set(&labels, seconds as f64);
            }
        }
    }
    // Of two with the same labels one may have no survivor: then there is no age either.
    age.values.retain(|labels, _| survives.values.get(labels) == Some(&1.0));
    vec![survives, age]
}

fn of_volumes(done: &NightlyDone) -> Vec<Family> {
    const STANDINGS: [(Standing, &str); 3] =
        [(Standing::Sound, "sound"), (Standing::Undetermined, "undetermined"), (Standing::Failed, "failed")];
    let mut standing = Family::new(
        "outlive_volume_standing",
        "1 for what the findings on a volume come to, 0 for the others.",
    );
    let mut rpo =
        Family::new("outlive_volume_rpo_seconds", "Recovery point objective of the volume's policy.");
    for volume in &done.volumes {
        for (one, word) in STANDINGS {
            standing.set(&[("volume", &volume.volume), ("standing", word)], flag(volume.standing == one));
        }
        // An objective in seconds is far below 2^52.
        rpo.set(&[("volume", &volume.volume)], volume.rpo_seconds as f64);
    }
    vec![standing, rpo]
}

fn of_drills(done: &NightlyDone) -> Vec<Family> {
    const OUTCOMES: [(DrillOutcome, &str); 5] = [
        (DrillOutcome::Passed, "passed"),
        (DrillOutcome::Failed, "failed"),
        (DrillOutcome::NotRun, "not_run"),
        (DrillOutcome::Waived, "waived"),
        (DrillOutcome::NeverDrilled, "never_drilled"),
    ];
    let mut outcome = Family::new(
        "outlive_drill_outcome",
        "1 for how the drills of a volume stand, 0 for the other outcomes.",
    );
    let mut success = Family::new(
        "outlive_drill_last_success_timestamp_seconds",
        "When a drill of the volume last passed, in seconds since 1970. Absent where none ever did.",
    );
    let mut took = Family::new(
        "outlive_drill_duration_seconds",
        "How long the restore of the last drill that passed took. Absent where none ever did.",
    );
    let each = |volume: &VolumeNight| (volume.volume.clone(), volume.drill.clone());
    for (volume, drill) in done.volumes.iter().map(each) {
        for (one, word) in OUTCOMES {
            outcome.set(&[("volume", &volume), ("outcome", word)], flag(drill.outcome == one));
        }
        if let Some(at) = drill.last_passed_at {
            success.set(&[("volume", &volume)], seconds_since_1970(at));
        }
        if let Some(seconds) = drill.last_restore_seconds {
            took.set(&[("volume", &volume)], seconds);
        }
    }
    vec![outcome, success, took]
}

fn seconds_since_1970(at: crate::domain::Timestamp) -> f64 {
    // Milliseconds since 1970 are far below 2^52.
    at.timestamp_millis() as f64 / 1000.0
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// One metric with all its label sets, in the order of the labels' text.
struct Family {
    name: &'static str,
    help: &'static str,
    values: BTreeMap<String, f64>,
    /// Which of two values with the same labels stays.
    keep: fn(f64, f64) -> f64,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, values: BTreeMap::new(), keep: f64::max }
    }

    fn keeping(self, keep: fn(f64, f64) -> f64) -> Self {
        Self { keep, ..self }
    }

    /// What is no number is left out: a reader would refuse the whole file.
    fn set(&mut self, labels: &[(&str, &str)], value: f64) {
        if value.is_finite() {
            let labels: Vec<String> =
                labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escape(text))).collect();
            let keep = self.keep;
            self.values.entry(labels.join(",")).and_modify(|old| *old = keep(*old, value)).or_insert(value);
        }
    }

    fn render(&self, out: &mut String) {
        let Self { name, help, .. } = self;
        out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for (labels, value) in &self.values {
            match labels.is_empty() {
                true => out.push_str(&format!("{name} {value}\n")),
                false => out.push_str(&format!("{name}{{{labels}}} {value}\n")),
            }
        }
    }
}

/// A label's value as the format asks. Other control characters are replaced: a terminal obeys nothing.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other if other.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
