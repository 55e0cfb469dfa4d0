//! A nightly run for people: what was done, how every volume stands, what to look at.

use super::nightly::{
    DrillOutcome, DrillStanding, NightVerdict, NightlyDone, Standing, SurvivingCopy, TaskDone, TaskOutcome,
    VolumeNight,
};
use super::{Told, say_notices, say_seconds};
use crate::domain::{Timestamp, say_duration};
use crate::report::text::Look;
use crate::report::text::look::{Tone, Toned, plain};
use chrono::TimeDelta;

impl Told for NightlyDone {
    fn schema(&self) -> &'static str {
        "outlive/nightly/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&self.heading(), 0, Tone::Strong);
        out.push_str(&self.say_tasks(look));
        out.push_str(&self.say_volumes(look));
        for volume in &self.volumes {
            for because in &volume.because {
                let tone = if volume.standing == Standing::Failed { Tone::Bad } else { Tone::Open };
                out.push_str(&look.say(&format!("{}: {because}", volume.volume), 0, tone));
            }
        }
        for gap in &self.gaps {
            out.push_str(&look.say(&format!("UNSEEN  {gap}"), 0, Tone::Open));
        }
        for asked in &self.unhonoured {
            let what = format!("{}:{}: {}: {}", self.config, asked.line, asked.key, asked.because);
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        out.push_str(&say_notices(look, &self.notices));
        out.push('\n');
        let (verdict, tone) = self.verdict();
        out.push_str(&look.say(&verdict, 0, tone));
        out
    }
}

impl NightlyDone {
    fn heading(&self) -> String {
        let at = self.started_at.format("%Y-%m-%d %H:%M:%S UTC");
        if self.dry_run {
            return format!("What a nightly run of {} would do at {at}; nothing was done", self.config);
        }
        let took = self.finished_at - self.started_at;
        let took = say_seconds(took.num_milliseconds().max(0).unsigned_abs() as f64 / 1000.0);
        format!("Nightly run of {}, {at}, {took}", self.config)
    }

    fn say_tasks(&self, look: Look) -> String {
        if self.tasks.is_empty() {
            return look.say("Nothing was due.", 0, Tone::Plain);
        }
        let rows: Vec<Vec<Toned>> = self.tasks.iter().map(task_row).collect();
        look.table(&["task", "what", "outcome", "detail"], &rows)
    }

    fn say_volumes(&self, look: Look) -> String {
        if self.volumes.is_empty() {
            return look.say("The configuration names no volume: nothing is protected.", 0, Tone::Bad);
        }
        let row = |volume| volume_row(volume, self.finished_at);
        let rows: Vec<Vec<Toned>> = self.volumes.iter().map(row).collect();
        look.table(&["volume", "standing", "poorest survivor", "drill"], &rows)
    }

    fn verdict(&self) -> (String, Tone) {
        if self.verdicts.is_empty() {
            let what = if self.dry_run { "As things stand, every volume is sound." } else { "Sound." };
            return (what.into(), Tone::Good);
        }
        let words: Vec<&str> = self.verdicts.iter().map(|verdict| verdict.word()).collect();
        let open = self.verdicts.iter().all(|verdict| *verdict == NightVerdict::Undetermined);
        (format!("NOT SOUND: {}.", words.join(", ")), if open { Tone::Open } else { Tone::Bad })
    }
}

fn task_row(task: &TaskDone) -> Vec<Toned> {
    let tone = match task.outcome {
        TaskOutcome::Done => Tone::Good,
        TaskOutcome::Planned => Tone::Plain,
        TaskOutcome::Failed | TaskOutcome::NotDone => Tone::Bad,
    };
    let what = match (&task.drill, &task.volume, &task.vault) {
        (Some(drill), ..) => drill.clone(),
        (None, Some(volume), Some(vault)) => format!("{volume} → {vault}"),
        (None, Some(one), None) | (None, None, Some(one)) => one.clone(),
        (None, None, None) => String::new(),
    };
    vec![plain(task.task.word()), plain(what), (task.outcome.word().into(), tone), plain(&task.detail)]
}

fn volume_row(volume: &VolumeNight, now: Timestamp) -> Vec<Toned> {
    let (standing, tone) = match volume.standing {
        Standing::Sound => ("sound", Tone::Good),
        Standing::Undetermined => ("undetermined", Tone::Open),
        Standing::Failed => ("FAILED", Tone::Bad),
    };
    let name = match &volume.owner {
        Some(owner) => format!("{} ({owner})", volume.volume),
        None => volume.volume.clone(),
    };
    vec![plain(name), (standing.into(), tone), plain(poorest(volume)), drill_cell(&volume.drill, now)]
}

/// The loss, of those that the policy asks for, that leaves least: nothing before what is unknown, and that before the oldest copy.
fn poorest(volume: &VolumeNight) -> String {
    let rank = |copy: &&SurvivingCopy| match copy.age_seconds {
        None if copy.survivor == "NONE" => (2, 0),
        None => (1, 0),
        Some(age) => (0, age),
    };
    let Some(copy) = volume.survives.iter().filter(|copy| copy.asked).max_by_key(rank) else {
        return "nothing is known of what it stands on".into();
    };
    match copy.age_seconds {
        Some(age) => format!("{} old, under {}", say_duration(TimeDelta::seconds(age)), copy.hazard),
        None => format!("{}, under {}", copy.survivor, copy.hazard),
    }
}

fn drill_cell(drill: &DrillStanding, now: Timestamp) -> Toned {
    let tone = match (drill.outcome, drill.asked) {
        (DrillOutcome::Passed, _) => Tone::Good,
        (DrillOutcome::Waived, _) | (DrillOutcome::NeverDrilled, false) => Tone::Plain,
        (DrillOutcome::Failed | DrillOutcome::NotRun | DrillOutcome::NeverDrilled, _) => Tone::Bad,
    };
    let passed = drill.last_passed_at.map(|at| format!(", last passed {} ago", say_duration(now - at)));
    (format!("{}{}", drill.outcome.word(), passed.unwrap_or_default()), tone)
}
