//! A rehearsal that did what a runbook says.

use super::{IncidentDone, Told, say_bytes, say_seconds};
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// A replay, and a volume that was lost and brought back by its page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunbookFollowed {
    /// The replay.
    pub incident: IncidentDone,
    /// What was lost.
    pub volume: String,
    /// The page that was followed.
    pub page: String,
    /// Each way of it.
    pub ways: Vec<FollowedWay>,
    /// The scratch space that was removed.
    pub removed: Option<String>,
    /// What is still there, and how to remove it.
    pub left: Vec<String>,
}

/// One way of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FollowedWay {
    /// Its heading.
    pub title: String,
    /// How it ended.
    pub outcome: WayOutcome,
    /// Why.
    pub because: String,
    /// The commands, as they were typed.
    pub commands: Vec<String>,
    /// How many of them ended well.
    pub done: usize,
    /// How long they took together, in seconds.
    pub seconds: f64,
    /// Entries that were compared.
    pub entries: u64,
    /// Bytes of files that were compared.
    pub bytes: u64,
}

/// How a way ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WayOutcome {
    /// The data is back, and is what was lost.
    Passed,
    /// It is not.
    Failed,
    /// It could not be tried.
    NotRun,
}

impl RunbookFollowed {
    /// Whether some way ended like this.
    pub fn has(&self, outcome: WayOutcome) -> bool {
        self.ways.iter().any(|way| way.outcome == outcome)
    }
}

impl Told for RunbookFollowed {
    fn schema(&self) -> &'static str {
        "outlive/runbook-followed/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = self.incident.text(look);
        out.push('\n');
        out.push_str(&look.say(&format!("Lost for this: {}", self.volume), 0, Tone::Plain));
        out.push_str(&look.say(&format!("Followed, command by command: {}", self.page), 0, Tone::Plain));
        for way in &self.ways {
            let (word, tone) = match way.outcome {
                WayOutcome::Passed => ("passed", Tone::Good),
                WayOutcome::Failed => ("FAILED", Tone::Bad),
                WayOutcome::NotRun => ("NOT RUN", Tone::Bad),
            };
            out.push_str(&look.say(&format!("{}: {word}: {}", way.title, way.because), 0, tone));
            for (place, command) in way.commands.iter().enumerate() {
                let mark = if place < way.done { "ok " } else { "-- " };
                out.push_str(&look.say(&format!("{mark}{command}"), 2, Tone::Plain));
            }
            let what = format!(
                "{} entries, {} compared; the commands took {}",
                way.entries,
                say_bytes(way.bytes),
                say_seconds(way.seconds)
            );
            out.push_str(&look.say(&what, 2, Tone::Plain));
        }
        for left in &self.left {
            out.push_str(&look.say(left, 0, Tone::Open));
        }
        if let Some(removed) = &self.removed {
            out.push_str(&look.say(&format!("Removed again: {removed}"), 0, Tone::Plain));
        }
        out
    }
}
