//! A night that was made up, for whoever tells of one.

use chrono::{DateTime, TimeDelta, Utc};
use outlive::report::activity::{
    DrillOutcome, DrillStanding, NightlyDone, Standing, SurvivingCopy, TaskDone, TaskKind, TaskOutcome,
    VolumeNight,
};

pub const RUN: &str = "6f1c2b7e-8d3a-4c55-9e0b-0d2f4a6b8c1e";

pub fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// A night with these volumes, all as it should be: one copy each, and a drill that passed an hour before.
pub fn night(volumes: &[&str]) -> NightlyDone {
    NightlyDone {
        run: RUN.into(),
        version: "0.1.0",
        config: "outlive.toml".into(),
        config_sha256: "0".repeat(64),
        started_at: moment() - TimeDelta::seconds(90),
        finished_at: moment(),
        dry_run: false,
        tasks: volumes.iter().map(|volume| copy_of(volume, TaskOutcome::Done)).collect(),
        volumes: volumes.iter().map(|volume| sound(volume)).collect(),
        gaps: Vec::new(),
        unhonoured: Vec::new(),
        runbooks: Vec::new(),
        notices: Vec::new(),
        verdicts: Vec::new(),
    }
}

pub fn copy_of(volume: &str, outcome: TaskOutcome) -> TaskDone {
    TaskDone {
        task: TaskKind::Copy,
        volume: Some(volume.into()),
        vault: Some("offsite".into()),
        drill: None,
        due_since: None,
        outcome,
        detail: "said in a sentence".into(),
        seconds: 1.5,
    }
}

pub fn survivor(class: &str, hazard: &str, age_seconds: Option<i64>) -> SurvivingCopy {
    SurvivingCopy {
        class: class.into(),
        asked: true,
        hazard: hazard.into(),
        age_seconds,
        survivor: "NONE".into(),
    }
}

fn sound(volume: &str) -> VolumeNight {
    VolumeNight {
        volume: volume.into(),
        owner: Some("payments".into()),
        policy: "default".into(),
        rpo_seconds: 93_600,
        standing: Standing::Sound,
        because: Vec::new(),
        survives: vec![survivor("device", "loss of a disk", Some(3600))],
        drill: DrillStanding {
            outcome: DrillOutcome::Passed,
            asked: true,
            drill: Some("weekly".into()),
            last_passed_at: Some(moment() - TimeDelta::hours(1)),
            last_restore_seconds: Some(12.25),
            detail: String::new(),
        },
    }
}
