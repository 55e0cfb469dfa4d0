//! A plan for what may go from a vault.

use super::{Told, say_bytes, say_notices};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// A point that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpiringPoint {
    /// Its short name.
    pub point: String,
    /// Its whole id.
    pub id: String,
    /// Its volume.
    pub volume: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// When the store took it.
    pub stored_at: Timestamp,
}

/// A point that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StayingPoint {
    /// Its short name.
    pub point: String,
    /// Its whole id.
    pub id: String,
    /// Its volume.
    pub volume: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// Why it stays.
    pub because: String,
}

/// Objects that no point needs, and that stay all the same for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftAlone {
    /// The reason.
    pub because: String,
    /// The key of one of them.
    pub first: String,
    /// How many there are.
    pub objects: usize,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

/// A file that a person gives to a tool of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanFile {
    /// Its name.
    pub name: String,
    /// How many versions of objects, or paths, it names.
    pub entries: usize,
    /// Its SHA-256, which the ledger records.
    pub sha256: String,
}

/// What may go from a vault, and why everything else stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpiryPlan {
    /// The vault's name in the estate file.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// Its identity.
    pub vault: String,
    /// The moment of the plan, by the store's clock where it has one.
    pub at: Timestamp,
    /// The folder with the files; none where none were written.
    pub written_to: Option<String>,
    /// The command that carries them out, for a person with a credential that may delete.
    pub carried_out_by: Option<String>,
    /// Points that go.
    pub points: Vec<ExpiringPoint>,
    /// How many objects go.
    pub objects: usize,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// The files, in the order in which they are to be carried out.
    pub files: Vec<PlanFile>,
    /// Points that stay, and why.
    pub staying: Vec<StayingPoint>,
    /// Objects that no point needs, and that stay.
    pub left: Vec<LeftAlone>,
    /// Names of what is none of outlive's: it is never in a plan.
    pub strange: Vec<String>,
    /// How many of the keys that go were written more than once, or deleted: all that is stored under them goes.
    pub written_over: usize,
    /// What could not be read or told, so that something stays of which nobody knows whether it may go.
    pub unknown: Vec<String>,
    /// Points that an earlier plan let go and this one keeps.
    pub kept_again: usize,
    /// What else should be known.
    pub notices: Vec<String>,
}

/// How many of a kind are named; the others are counted.
const NAMED: usize = 20;

impl ExpiryPlan {
    fn say_points(&self, look: Look) -> String {
        let moment = |at: Timestamp| plain(at.format("%Y-%m-%d %H:%M:%SZ").to_string());
        let mut out = String::new();
        if !self.points.is_empty() {
            let row = |point: &ExpiringPoint| {
                vec![
                    plain(&point.point),
                    plain(&point.volume),
                    moment(point.taken_at),
                    moment(point.stored_at),
                ]
            };
            let rows: Vec<_> = self.points.iter().map(row).collect();
            out.push_str(&look.table(&["goes", "volume", "as of", "stored"], &rows));
        }
        if !self.staying.is_empty() {
            let row = |point: &StayingPoint| {
                vec![plain(&point.point), plain(&point.volume), moment(point.taken_at), plain(&point.because)]
            };
            let rows: Vec<_> = self.staying.iter().map(row).collect();
            out.push_str(&look.table(&["stays", "volume", "as of", "because"], &rows));
        }
        out
    }

    fn say_rest(&self, look: Look) -> String {
        let mut out = String::new();
        for left in &self.left {
            let what = format!(
                "{} objects, {}, stay: {} ({})",
                left.objects,
                say_bytes(left.bytes),
                left.because,
                left.first
            );
            out.push_str(&look.say(&what, 0, Tone::Plain));
        }
        for strange in self.strange.iter().take(NAMED) {
            out.push_str(&look.say(&format!("Not outlive's, and in no plan: {strange}"), 0, Tone::Open));
        }
        if self.strange.len() > NAMED {
            out.push_str(&look.say(&format!("and {} more", self.strange.len() - NAMED), 0, Tone::Open));
        }
        if self.written_over > 0 {
            let what = format!(
                "{} of the keys that go were written more than once, or deleted: all that is stored under them goes.",
                self.written_over
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        if self.kept_again > 0 {
            let what = format!(
                "{} points that an earlier plan let go stay: do not carry out its files.",
                self.kept_again
            );
            out.push_str(&look.say(&what, 0, Tone::Bad));
        }
        out
    }

    fn say_files(&self, look: Look) -> String {
        let (Some(folder), Some(command)) = (&self.written_to, &self.carried_out_by) else {
            let what = match self.files.as_slice() {
                [] => "Nothing may go: no file was written.",
                _ => "Nothing was written or recorded: `--into NEWDIR` writes the files.",
            };
            return look.say(what, 0, Tone::Strong);
        };
        let mut out = look.say(&format!("{} files in {folder}:", self.files.len()), 0, Tone::Strong);
        for file in &self.files {
            out.push_str(&look.say(&format!("{}  {} entries", file.name, file.entries), 2, Tone::Plain));
        }
        let how =
            "With a credential that may delete, which outlive never has, and in the order of their names:";
        out.push_str(&look.say(how, 0, Tone::Plain));
        // A command that is broken over lines is no command.
        out.push_str(&format!("  {command}\n"));
        let then = "It ends where something is refused. Carry out the newest plan only, soon, and run `outlive verify` afterwards.";
        out.push_str(&look.say(then, 0, Tone::Plain));
        out
    }
}

impl Told for ExpiryPlan {
    fn schema(&self) -> &'static str {
        "outlive/expiry-plan/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("{} at {}", self.name, self.place), 0, Tone::Strong);
        for unknown in &self.unknown {
            out.push_str(&look.say(&format!("NOT KNOWN  {unknown}"), 0, Tone::Open));
        }
        out.push_str(&self.say_points(look));
        out.push_str(&self.say_rest(look));
        let what = format!(
            "{} recovery points may go, with {} objects, {}.",
            self.points.len(),
            self.objects,
            say_bytes(self.bytes)
        );
        out.push_str(&look.say(&what, 0, Tone::Plain));
        out.push_str(&self.say_files(look));
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
