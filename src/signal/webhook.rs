//! A webhook: JSON to an address of the team's own, when a state changed and not otherwise.
//!
//! The caller keeps the state between runs, and keeps the new one only once it was delivered: what nobody heard is
//! told again the next night. That a run never happened shows by the pings, not here.

use super::http::{Endpoint, Patience};
use super::state::{Change, State, Subject, reasons};
use crate::domain::{Result, Timestamp};
use crate::estate::Secret;
use crate::report::activity::NightlyDone;
use crate::report::headline;
use serde::Serialize;

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
    volume: Option<&'a str>,
    vault: Option<&'a str>,
    was: Option<State>,
    is: Option<State>,
    owner: Option<&'a str>,
    because: Vec<String>,
}

/// The JSON document `outlive/webhook/v0` that tells of these changes.
pub fn payload(done: &NightlyDone, exit_code: u8, changes: &[Change]) -> String {
    let told = changes.iter().map(|change| {
        let (volume, vault) = match &change.subject {
            Subject::Run => (None, None),
            Subject::Volume(name) => (Some(&**name), None),
            Subject::Vault(name) => (None, Some(&**name)),
        };
        let owner = done.volumes.iter().find(|one| Some(&*one.volume) == volume);
        Told {
            volume,
            vault,
            was: change.was,
            is: change.is,
            owner: owner.and_then(|volume| volume.owner.as_deref()),
            because: reasons(done, exit_code, &change.subject).into_iter().collect(),
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

/// The change of a volume or vault as a line; the run as a whole is the headline.
fn say(change: &Change) -> Option<String> {
    let what = match &change.subject {
        Subject::Run => return None,
        Subject::Volume(name) => name.clone(),
        Subject::Vault(name) => format!("vault {name}"),
    };
    Some(match (change.was, change.is) {
        (_, Some(State::Sound)) => format!("{what}: sound again"),
        (Some(State::NotSound), Some(State::NotSound)) => format!("{what}: NOT SOUND, and not as before"),
        (_, Some(State::NotSound)) => format!("{what}: NOT SOUND"),
        (_, None) => format!("{what}: no longer in the estate, nothing watches it"),
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
