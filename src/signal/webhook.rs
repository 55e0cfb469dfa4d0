//! A webhook: JSON to an address of the team's own, when a state changed and not otherwise.
//!
//! The caller keeps the state between runs, and keeps the new one only once it was delivered: what nobody heard is
//! told again the next night. That a run never happened shows by the pings, not here.

use super::http::{Endpoint, Patience};
use crate::domain::{Result, Timestamp};
use crate::estate::Secret;
use crate::report::activity::{DrillOutcome, NightlyDone, Standing, TaskOutcome, VolumeNight};
use crate::report::headline;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How something stood at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything that was asked of it holds.
    Sound,
    /// Something failed, could not be judged, or was not done.
    NotSound,
}

/// How everything stood at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NightState {
    /// The run as a whole: sound only with exit code 0.
    pub overall: State,
    /// Each volume, by its name.
    pub volumes: BTreeMap<String, State>,
}

impl NightState {
    /// How a run left things. A volume is sound where its findings are, its drill neither failed nor was left out, and
    /// everything of it that was due was done.
    pub fn of(done: &NightlyDone, exit_code: u8) -> Self {
        let overall = if exit_code == 0 { State::Sound } else { State::NotSound };
        let unlucky: BTreeSet<&str> = done
            .tasks
            .iter()
            .filter(|task| matches!(task.outcome, TaskOutcome::Failed | TaskOutcome::NotDone))
            .filter_map(|task| task.volume.as_deref())
            .collect();
        let state = |volume: &VolumeNight| {
            let drilled = !matches!(volume.drill.outcome, DrillOutcome::Failed | DrillOutcome::NotRun);
            let is_sound = volume.standing == Standing::Sound && drilled;
            if is_sound && !unlucky.contains(&*volume.volume) { State::Sound } else { State::NotSound }
        };
        let volumes = done.volumes.iter().map(|volume| (volume.volume.clone(), state(volume))).collect();
        Self { overall, volumes }
    }
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The volume; none for the run as a whole.
    pub volume: Option<String>,
    /// How it stood before; none where nothing is known of it.
    pub was: Option<State>,
    /// How it stands now; none where the estate no longer has it.
    pub is: Option<State>,
}

/// What changed, the run as a whole first, then volumes by name. What was never told of counts as sound before: a first
/// run tells of what is not sound, and of nothing else. A volume that left the estate is told, since it left the watch too.
pub fn changes(before: Option<&NightState>, after: &NightState) -> Vec<Change> {
    let mut found = Vec::new();
    let mut compare = |volume: Option<&String>, was: Option<State>, is: Option<State>| {
        let is_news = match (was, is) {
            (None, is) => is == Some(State::NotSound),
            (was, is) => was != is,
        };
        if is_news {
            found.push(Change { volume: volume.cloned(), was, is });
        }
    };
    compare(None, before.map(|state| state.overall), Some(after.overall));
    let none = BTreeMap::new();
    let earlier = before.map_or(&none, |state| &state.volumes);
    let names: BTreeSet<&String> = earlier.keys().chain(after.volumes.keys()).collect();
    for name in names {
        compare(Some(name), earlier.get(name).copied(), after.volumes.get(name).copied());
    }
    found
}

#[derive(Serialize)]
struct Payload<'a> {
    schema: &'static str,
    /// The same in words, for receivers that show only this.
    text: String,
    run: &'a str,
    at: Timestamp,
    exit_code: u8,
    changes: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    change: &'a Change,
    owner: Option<&'a str>,
    because: &'a [String],
}

/// The JSON document `outlive/webhook/v0` that tells of these changes.
pub fn payload(done: &NightlyDone, exit_code: u8, changes: &[Change]) -> String {
    let told = changes.iter().map(|change| {
        let volume = done.volumes.iter().find(|volume| Some(&volume.volume) == change.volume.as_ref());
        Told {
            change,
            owner: volume.and_then(|volume| volume.owner.as_deref()),
            because: volume.map_or(&[], |volume| &volume.because),
        }
    });
    let mut lines = vec![headline(done, exit_code)];
    lines.extend(changes.iter().filter_map(say));
    let payload = Payload {
        schema: "outlive/webhook/v0",
        text: lines.join("\n"),
        run: &done.run,
        at: done.finished_at,
        exit_code,
        changes: told.collect(),
    };
    // Texts, numbers and lists always serialise.
    serde_json::to_string(&payload).unwrap_or_default()
}

/// A volume's change as a line; the run as a whole is the headline.
fn say(change: &Change) -> Option<String> {
    let volume = change.volume.as_ref()?;
    Some(match change.is {
        Some(State::Sound) => format!("{volume}: sound again"),
        Some(State::NotSound) => format!("{volume}: NOT SOUND"),
        None => format!("{volume}: no longer in the estate, nothing watches it"),
    })
}

/// An address that gets a document when something changed.
pub struct Webhook {
    endpoint: Endpoint,
}

impl Webhook {
    /// Takes the address.
    ///
    /// # Errors
    /// `Usage` where it is none; it is not shown.
    pub fn new(url: Secret) -> Result<Self> {
        Self::with_patience(url, Patience::default())
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// As [`Webhook::new`].
    pub fn with_patience(url: Secret, patience: Patience) -> Result<Self> {
        Ok(Self { endpoint: Endpoint::new(url, "the webhook of [nightly]", patience)? })
    }

    /// Tells of these changes; where there are none, nothing is sent.
    ///
    /// # Errors
    /// Where nobody took it: a notice of the run, and the state before it stays the one to compare with.
    pub fn tell(&self, done: &NightlyDone, exit_code: u8, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.endpoint.post("", "", "application/json", &payload(done, exit_code, changes))
    }
}
