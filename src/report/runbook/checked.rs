//! Whether written runbooks still say what is.

use super::page::moment;
use crate::domain::Timestamp;
use crate::report::activity::Told;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// Runbooks that were written, beside the estate as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunbookChecked {
    /// The folder that was looked at.
    pub folder: String,
    /// When they were made.
    pub generated_at: Timestamp,
    /// Until when they are to be believed.
    pub believe_until: Timestamp,
    /// Whether that is over.
    pub is_stale: bool,
    /// What they were made from and is otherwise now.
    pub changed: Vec<String>,
    /// Volumes without a page.
    pub missing: Vec<String>,
    /// Files that are not as they were written.
    pub damaged: Vec<String>,
    /// Copies that the pages count on, whose lock ends before the pages do: they say so.
    pub ending: Vec<String>,
    /// Of what the ledger does not say how it was written: that nobody changed it is not known.
    pub unproven: Vec<String>,
    /// What could not be seen now, so that nobody can say whether it changed.
    pub gaps: Vec<String>,
    /// When this was looked at.
    pub at: Timestamp,
}

impl RunbookChecked {
    /// Whether all of it could be seen, and all that was written is known.
    pub fn is_seen(&self) -> bool {
        self.gaps.is_empty() && self.unproven.is_empty()
    }

    /// Whether nothing speaks against them.
    pub fn holds(&self) -> bool {
        !self.is_stale && self.changed.is_empty() && self.missing.is_empty() && self.damaged.is_empty()
    }
}

impl Told for RunbookChecked {
    fn schema(&self) -> &'static str {
        "outlive/runbook-check/v0"
    }

    fn text(&self, look: Look) -> String {
        let made = format!("{}, made at {}", self.folder, moment(self.generated_at));
        let mut out = match self.holds() {
            true if !self.is_seen() => look.say(
                &format!(
                    "Whether the runbooks hold cannot be said: {made}, to be believed until {}.",
                    moment(self.believe_until)
                ),
                0,
                Tone::Open,
            ),
            true => look.say(
                &format!("The runbooks hold: {made}, to be believed until {}.", moment(self.believe_until)),
                0,
                Tone::Good,
            ),
            false => look.say(&format!("The runbooks do NOT hold: {made}."), 0, Tone::Bad),
        };
        if self.is_stale {
            let what = format!(
                "STALE: they were to be believed until {}, and it is {}",
                moment(self.believe_until),
                moment(self.at)
            );
            out.push_str(&look.say(&what, 2, Tone::Bad));
        }
        let lists = [("no page", &self.missing), ("differs", &self.changed), ("damaged", &self.damaged)];
        for (word, list) in lists {
            for one in list {
                out.push_str(&look.say(&format!("{word}: {one}"), 2, Tone::Bad));
            }
        }
        for one in &self.unproven {
            out.push_str(&look.say(&format!("not proved: {one}"), 2, Tone::Open));
        }
        for one in &self.ending {
            out.push_str(&look.say(&format!("a lock ends: {one}"), 2, Tone::Open));
        }
        for gap in &self.gaps {
            out.push_str(&look.say(&format!("could not be seen: {gap}"), 2, Tone::Open));
        }
        if !self.holds() {
            out.push_str(&look.say(
                "Run `outlive nightly`, or write them anew: outlive runbook --all --into NEWDIR.",
                0,
                Tone::Plain,
            ));
        }
        out
    }
}
