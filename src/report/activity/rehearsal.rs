//! A rehearsal: the whole job once.

use super::{CopyDone, RestoreDone, Told, say_bytes, say_seconds};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// One hazard before and after the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SurvivalLine {
    /// The hazard in words.
    pub hazard: String,
    /// What survived before the copy: a point and its age, `NONE`, or `UNKNOWN`.
    pub before: String,
    /// What survives with the copy.
    pub after: String,
    /// True for the act that the rehearsal carries out or simulates.
    pub rehearsed: bool,
}

/// What was lost, and how it came back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LostAndFound {
    /// The act, in words.
    pub act: String,
    /// True where it was carried out; false where restoring elsewhere stands for it.
    pub carried_out: bool,
    /// Entries compared.
    pub entries: u64,
    /// Bytes compared.
    pub bytes: u64,
    /// Entries that differ.
    pub differing: u64,
    /// The first of them: path and how.
    pub differences: Vec<super::MissedPath>,
    /// Entries that differ, but whose original changed after it was copied: they were not compared.
    pub changed_since: u64,
    /// What it was compared with.
    pub compared_with: String,
    /// Entries that could not be given their owner, which was therefore not compared.
    pub owners_not_given: u64,
    /// Extended attributes that could not be set.
    pub xattrs_not_given: u64,
    /// Device nodes that were not made.
    pub devices_left_out: u64,
    /// Directories that are other volumes, and were not rehearsed.
    pub other_volumes: u64,
    /// The first few of them.
    pub other_volumes_named: Vec<String>,
}

/// What a rehearsal did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RehearsalDone {
    /// True where what was restored is what was copied.
    pub succeeded: bool,
    /// The volume that was rehearsed with, in a sentence.
    pub volume: String,
    /// The survival table before and after.
    pub table: Vec<SurvivalLine>,
    /// The flag: acts that take the primary and every recovery point with it.
    pub flags: Vec<String>,
    /// Rules that fail, before and after the copy.
    pub failed_rules: Vec<(String, bool, bool)>,
    /// The copy.
    pub copy: CopyDone,
    /// The loss and the comparison.
    pub loss: LostAndFound,
    /// The restore.
    pub restore: RestoreDone,
    /// What this rehearsal shows, and what it does not.
    pub claim: String,
    /// What the survey could not see.
    pub gaps: Vec<String>,
    /// What may take the volume too, unseen.
    pub perhaps: Vec<String>,
    /// Phases with their seconds.
    pub seconds: Vec<(String, f64)>,
    /// What is still there, and why.
    pub left: Vec<String>,
    /// The scratch space that was removed.
    pub removed: Option<String>,
    /// When it began.
    pub at: Timestamp,
}

impl Told for RehearsalDone {
    fn schema(&self) -> &'static str {
        "outlive/rehearse/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("1. Survey: {}", self.volume), 0, Tone::Strong);
        out.push('\n');
        out.push_str(&look.say("2. Flag", 0, Tone::Strong));
        for flag in &self.flags {
            out.push_str(&look.say(flag, 3, Tone::Bad));
        }
        if self.flags.is_empty() {
            out.push_str(&look.say("no single act is known to take every recovery point", 3, Tone::Plain));
        }
        out.push('\n');
        out.push_str(&look.say("3. Copy", 0, Tone::Strong));
        out.push_str(&indented(&self.copy.text(Look { width: look.width.saturating_sub(3), ..look })));
        out.push('\n');
        let verb = if self.loss.carried_out { "Lose" } else { "Lose (simulated: your data was only read)" };
        out.push_str(&look.say(&format!("4. {verb}: {}", self.loss.act), 0, Tone::Strong));
        out.push('\n');
        out.push_str(&look.say("5. Restore", 0, Tone::Strong));
        out.push_str(&indented(&self.restore.text(Look { width: look.width.saturating_sub(3), ..look })));
        out.push('\n');
        out.push_str(&self.verification(look));
        out.push('\n');
        out.push_str(&self.tables(look));
        out
    }
}

impl RehearsalDone {
    fn verification(&self, look: Look) -> String {
        let loss = &self.loss;
        let mut out = look.say("6. Verify", 0, Tone::Strong);
        let amount = format!("{} entries, {}", loss.entries, say_bytes(loss.bytes));
        let (said, tone) = match (loss.differing, self.succeeded) {
            (0, true) if self.is_whole() => {
                (format!("IDENTICAL: {amount} compared byte by byte with the original"), Tone::Good)
            }
            (0, true) => {
                let said =
                    format!("{amount} compared byte by byte with the original: the same, with exceptions");
                (said, Tone::Good)
            }
            (0, false) => {
                (format!("NOT SHOWN: only {amount} could be compared with the original"), Tone::Bad)
            }
            (differing, _) => (format!("DIFFERENT: {differing} of {amount}"), Tone::Bad),
        };
        out.push_str(&look.say(&said, 3, tone));
        out.push_str(&look.say(&format!("The original: {}", loss.compared_with), 3, Tone::Plain));
        for exception in self.exceptions() {
            out.push_str(&look.say(&exception, 3, Tone::Open));
        }
        for difference in loss.differences.iter().take(20) {
            out.push_str(&look.say(&format!("{}: {}", difference.path, difference.because), 5, Tone::Plain));
        }
        out
    }

    /// True where nothing was excused.
    fn is_whole(&self) -> bool {
        self.exceptions().is_empty()
    }

    /// What was not compared, and why.
    fn exceptions(&self) -> Vec<String> {
        let loss = &self.loss;
        let volumes = match loss.other_volumes_named.join(", ") {
            named if named.is_empty() => String::new(),
            named => format!(": {named}{}", if loss.other_volumes > 5 { ", ..." } else { "" }),
        };
        let all = [
            (
                loss.changed_since,
                "entries changed in the original after they were copied, and were not compared with it; their restored content was verified against the vault.".to_owned(),
            ),
            (loss.owners_not_given, "entries could not be given their owner; root may.".into()),
            (loss.xattrs_not_given, "extended attributes could not be set.".into()),
            (loss.devices_left_out, "device nodes were left out.".into()),
            (
                loss.other_volumes.max(self.copy.not_entered),
                format!("directories are other volumes and were not rehearsed{volumes}"),
            ),
        ];
        all.into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }

    /// What could not be seen.
    fn unseen(&self, look: Look) -> String {
        let mut out = String::new();
        let lists = [("could not be seen", &self.gaps), ("may apply too, unseen", &self.perhaps)];
        for (heading, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            out.push_str(&look.say(&format!("{} {heading}:", list.len()), 0, Tone::Open));
            for item in list.iter().take(20) {
                out.push_str(&look.say(item, 2, Tone::Plain));
            }
        }
        out
    }

    fn tables(&self, look: Look) -> String {
        let tone = |cell: &str| match cell {
            "NONE" => Tone::Bad,
            cell if cell.starts_with("UNKNOWN") => Tone::Open,
            _ => Tone::Good,
        };
        let rows: Vec<_> = self
            .table
            .iter()
            .map(|line| {
                let mark = if line.rehearsed { "\u{25b6} " } else { "  " };
                vec![
                    plain(format!("{mark}{}", line.hazard)),
                    (line.before.clone(), tone(&line.before)),
                    (line.after.clone(), tone(&line.after)),
                ]
            })
            .collect();
        let mut out = look.say("What survives, before and after the copy", 0, Tone::Strong);
        out.push_str(&look.table(&["if this is lost", "before", "after"], &rows));
        out.push_str(&self.unseen(look));
        let times: Vec<_> =
            self.seconds.iter().map(|(phase, s)| format!("{phase} {}", say_seconds(*s))).collect();
        out.push_str(&look.say(&format!("Times: {}.", times.join(", ")), 0, Tone::Plain));
        out.push('\n');
        let (verdict, tone) = if self.succeeded {
            ("The rehearsal succeeded.", Tone::Good)
        } else {
            ("THE REHEARSAL FAILED.", Tone::Bad)
        };
        out.push_str(&look.say(verdict, 0, tone));
        out.push_str(&look.say(&self.claim, 0, Tone::Plain));
        for left in &self.left {
            out.push_str(&look.say(left, 0, Tone::Open));
        }
        out
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}
