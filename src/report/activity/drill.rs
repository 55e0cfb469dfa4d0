//! Drills: the record that is evidence, and what a run of several comes to.

use super::nightly::{DrillOutcome, DrillStanding};
use super::{Told, say_notices, say_seconds};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// The schema of a record on its own.
pub const RECORD_SCHEMA: &str = "outlive/drill-record/v0";

/// One drill: what was tried, and what was shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillRecord {
    /// The run's random id.
    pub run: String,
    /// The drill's name.
    pub drill: String,
    /// What began it: `command` or `nightly`.
    pub trigger: &'static str,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `passed`, `failed` or `not_run`.
    pub outcome: &'static str,
    /// Why, in a sentence.
    pub because: String,
    /// The program and its version.
    pub tool: String,
    /// The machine it ran on.
    pub host: String,
    /// The number of the user it ran as.
    pub user: u32,
    /// SHA-256 of the estate file.
    pub config_sha256: String,
    /// SHA-256 of the drill's definition.
    pub drill_sha256: String,
    /// The volume.
    pub volume: String,
    /// Who answers for the volume.
    pub owner: Option<String>,
    /// The vault, where one was opened.
    pub vault: Option<DrillVault>,
    /// How the point was chosen.
    pub selection: DrillSelection,
    /// The point that was restored.
    pub point: Option<DrilledPoint>,
    /// What took how long, in order.
    pub phases: Vec<DrillPhase>,
    /// Every check.
    pub checks: Vec<DrillCheck>,
    /// Whether each check notices its damage, where that was asked for.
    pub proofs: Vec<DrillProof>,
    /// Recovery time: from the beginning until the data was restored and checked.
    pub rto: Budget,
    /// The age of the newest point when the drill began.
    pub rpo: Budget,
    /// What was restored.
    pub restored: Option<Restored>,
    /// What became of the scratch space.
    pub scratch: Option<DrillScratch>,
    /// What was otherwise than planned.
    pub deviations: Vec<String>,
    /// What such a record should hold and this version cannot know: each null, with a reason.
    pub not_known: Vec<NotKnown>,
}

/// A vault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillVault {
    /// Its name in the estate file.
    pub name: String,
    /// Its random identity.
    pub id: String,
    /// Where it is.
    pub place: String,
}

/// How a point was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillSelection {
    /// `latest`, `oldest`, `random` or `at`.
    pub how: &'static str,
    /// The moment for `at`.
    pub at: Option<Timestamp>,
    /// The seed: the same seed and the same points give the same choice.
    pub seed: u64,
    /// How many complete points there were to choose from.
    pub candidates: usize,
}

/// A recovery point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrilledPoint {
    /// Its identity: the SHA-256 of its root.
    pub id: String,
    /// Its root's key.
    pub key: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// The host that it was read on: the failure domain of the source.
    pub source_host: String,
    /// Files in it.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// One stretch of a drill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillPhase {
    /// `open`, `select`, `restore`, `check`, `prove` or `dispose`.
    pub phase: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// A check with its result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillCheck {
    /// Its id.
    pub check: String,
    /// How it looked.
    pub method: String,
    /// `passed`, `failed` or `not_run`.
    pub outcome: &'static str,
    /// Why, where it did not pass.
    pub because: Option<String>,
    /// What was compared or measured.
    pub found: String,
    /// Files of the evidence that hold what a program said.
    pub outputs: Vec<String>,
}

/// Whether a check notices its damage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillProof {
    /// The check's id.
    pub check: String,
    /// The damage in words.
    pub damage: String,
    /// `proved`, `not_proved`, or `no_damage_fits`.
    pub outcome: &'static str,
    /// Why it is not proved.
    pub because: Option<String>,
}

/// A budget and what was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Budget {
    /// What is allowed, in seconds.
    pub target_seconds: f64,
    /// What was measured; null where it came not so far.
    pub actual_seconds: Option<f64>,
}

/// What a restore made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restored {
    /// Entries.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Device nodes that were not made.
    pub devices_left_out: u64,
    /// Owners and attributes that could not be set.
    pub metadata_not_set: u64,
}

/// Scratch space.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillScratch {
    /// Where it was made.
    pub path: String,
    /// True once it is gone.
    pub removed: bool,
    /// Why it is still there, and how to remove it.
    pub left: Option<String>,
    /// Scratch space that others left beside it.
    pub others: Vec<String>,
}

/// Something that is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotKnown {
    /// Which field of a drill's record.
    pub field: &'static str,
    /// Always null.
    pub value: Option<String>,
    /// Why.
    pub because: &'static str,
}

/// One drill of a run, with where its evidence lies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillDone {
    /// The folder of its evidence.
    pub evidence: String,
    /// SHA-256 of `record.json` there.
    pub record_sha256: Option<String>,
    /// The record.
    #[serde(flatten)]
    pub record: DrillRecord,
}

/// A drill that was asked for and never begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillNotBegun {
    /// The drill's name.
    pub drill: String,
    /// Why.
    pub because: String,
}

/// How a volume's drills stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VolumeDrills {
    /// The volume.
    pub volume: String,
    /// How.
    #[serde(flatten)]
    pub standing: DrillStanding,
}

/// A run of drills.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillsDone {
    /// The drills that ran, in order.
    pub drills: Vec<DrillDone>,
    /// Those that did not begin.
    pub not_begun: Vec<DrillNotBegun>,
    /// Every volume of the estate.
    pub volumes: Vec<VolumeDrills>,
    /// What else must be said.
    pub notices: Vec<String>,
}

impl Told for DrillsDone {
    fn schema(&self) -> &'static str {
        "outlive/drill/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = String::new();
        if self.drills.is_empty() && self.not_begun.is_empty() {
            out.push_str(&look.say("No drill was due.", 0, Tone::Plain));
        }
        for done in &self.drills {
            out.push_str(&done.say(look));
        }
        for missed in &self.not_begun {
            let what = format!("{}: NOT RUN: {}", missed.drill, missed.because);
            out.push_str(&look.say(&what, 0, Tone::Bad));
        }
        for volume in &self.volumes {
            let standing = &volume.standing;
            let tone = match standing.outcome {
                DrillOutcome::Passed => Tone::Good,
                DrillOutcome::Waived => Tone::Plain,
                DrillOutcome::NeverDrilled if !standing.asked => Tone::Plain,
                _ => Tone::Bad,
            };
            let what = format!("{}: {}: {}", volume.volume, standing.outcome.word(), standing.detail);
            out.push_str(&look.say(&what, 0, tone));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}

impl DrillDone {
    fn say(&self, look: Look) -> String {
        let record = &self.record;
        let (word, tone) = word_of(record.outcome);
        let mut out = look.say(&format!("{}: {word}: {}", record.drill, record.because), 0, tone);
        if let Some(point) = &record.point {
            let at = point.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
            let what =
                format!("point     {} of {} as of {at}", &point.id[..12.min(point.id.len())], record.volume);
            out.push_str(&look.say(&what, 2, Tone::Plain));
        }
        for check in &record.checks {
            let (word, tone) = word_of(check.outcome);
            let why = check.because.as_deref().unwrap_or(&check.found);
            out.push_str(&look.say(&format!("{:<9} {word}: {why}", check.check), 2, tone));
        }
        for proof in &record.proofs {
            let (word, tone) = match proof.outcome {
                "proved" => ("proved", Tone::Good),
                "no_damage_fits" => ("nothing to prove it by", Tone::Bad),
                _ => ("NOT PROVED", Tone::Bad),
            };
            let why = proof.because.as_deref().unwrap_or("it alone noticed");
            out.push_str(&look.say(&format!("{:<9} {word}: {}: {why}", proof.check, proof.damage), 2, tone));
        }
        if let Some(took) = record.rto.actual_seconds {
            let allowed = say_seconds(record.rto.target_seconds);
            out.push_str(&look.say(
                &format!("usable    after {}, allowed {allowed}", say_seconds(took)),
                2,
                Tone::Plain,
            ));
        }
        if let Some(left) = record.scratch.as_ref().and_then(|scratch| scratch.left.as_ref()) {
            out.push_str(&look.say(&format!("scratch   still there: {left}"), 2, Tone::Open));
        }
        for deviation in &record.deviations {
            out.push_str(&look.say(&format!("Note: {deviation}."), 2, Tone::Open));
        }
        out.push_str(&look.say(&format!("evidence  {}", self.evidence), 2, Tone::Plain));
        out
    }
}

fn word_of(outcome: &str) -> (&'static str, Tone) {
    match outcome {
        "passed" => ("passed", Tone::Good),
        "failed" => ("FAILED", Tone::Bad),
        _ => ("NOT RUN", Tone::Bad),
    }
}
