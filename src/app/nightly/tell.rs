//! Telling others of a run: pings at its start and end, a webhook, a file for monitoring. What cannot be told is a
//! notice; it never makes a run fail, and never makes it look better.

use crate::app::Context;
use crate::domain::{Problem, Result};
use crate::estate::{Estate, Secret, SecretSource};
use crate::ledger::{Event, Ledger, Record};
use crate::report::activity::NightlyDone;
use crate::report::{headline, prometheus};
use crate::signal::{NightState, Pings, Webhook, changes, write_textfile};

/// Whom a run tells.
pub(super) struct Teller<'a> {
    context: &'a Context,
    estate: &'a Estate,
    pings: Option<Pings>,
    notices: Vec<String>,
}

impl<'a> Teller<'a> {
    /// Finds the addresses, and tells that the run begins.
    pub fn begin(context: &'a Context, estate: &'a Estate, run: &str) -> Self {
        let mut teller = Self { context, estate, pings: None, notices: Vec::new() };
        if let Some(source) = &estate.nightly.ping {
            let pings = teller.secret(source).and_then(|url| Pings::new(url, run));
            teller.pings = teller.noted(pings);
        }
        if let Some(pings) = &teller.pings {
            let told = pings.start();
            teller.noted(told);
        }
        teller
    }

    /// Tells how the run ended. A run that is killed before tells nothing, and that is heard as silence.
    pub fn end(mut self, done: &mut NightlyDone, ledger: &mut Ledger) {
        let code = done.exit_code();
        if let Some(source) = &self.estate.nightly.webhook {
            let told = self.webhook(source, done, code, ledger);
            self.noted(told);
        }
        if let Some(path) = &self.estate.nightly.textfile {
            let written = write_textfile(path, &prometheus(done, code));
            self.noted(written);
        }
        if let Some(pings) = self.pings.take() {
            let told = pings.end(code, &headline(done, code));
            self.noted(told);
        }
        done.notices.append(&mut self.notices);
    }

    /// Tells that the run could not go on.
    pub fn fail(self, problem: &Problem) {
        if let Some(pings) = &self.pings {
            // The problem itself is what is shown.
            drop(pings.fail(&format!("the run could not go on: {:?}", problem.kind)));
        }
    }

    fn webhook(
        &self,
        source: &SecretSource,
        done: &NightlyDone,
        code: u8,
        ledger: &mut Ledger,
    ) -> Result<()> {
        let before = last_told(ledger.records());
        let mut state = NightState::of(done, code);
        state.carry(before.as_ref(), self.estate.vaults.iter().map(|vault| vault.id.as_str()));
        Webhook::new(self.secret(source)?)?.tell(done, code, &changes(before.as_ref(), &state))?;
        if before.as_ref() == Some(&state) {
            return Ok(());
        }
        let state = serde_json::to_value(&state).unwrap_or_default();
        ledger.append((self.context.clock)(), Event::WebhookTold { state })
    }

    fn secret(&self, source: &SecretSource) -> Result<Secret> {
        source.resolve(&self.context.environment)
    }

    fn noted<T>(&mut self, told: Result<T>) -> Option<T> {
        told.inspect_err(|problem| self.notices.push(problem.to_string())).ok()
    }
}

/// The state that was last told and taken.
fn last_told(records: &[Record]) -> Option<NightState> {
    let last = records.iter().rev().find_map(|record| match &record.event {
        Event::WebhookTold { state } => Some(state),
        _ => None,
    });
    last.and_then(|state| serde_json::from_value(state.clone()).ok())
}
