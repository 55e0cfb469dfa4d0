//! A restore.

use super::{
    DamagedObject, MissedPath, PostgresDone, Told, say_bytes, say_damage, say_notices, say_paths, say_seconds,
};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RestoreDone {
    /// Where the vault is.
    pub vault: String,
    /// The volume.
    pub volume: String,
    /// The recovery point's short name.
    pub point: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// Where it was restored to.
    pub target: String,
    /// True once the target was read back and compared.
    pub compared: bool,
    /// True where it went to standard output, each chunk compared before it was written.
    pub streamed: bool,
    /// Entries made.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Bytes that a restore which was stopped had written already.
    pub kept_bytes: u64,
    /// The file beside the target that says what was restored there; none where there is none.
    pub note: Option<String>,
    /// Device nodes that were not made.
    pub devices_left_out: u64,
    /// Entries whose owner could not be set.
    pub ownership_not_given: u64,
    /// Extended attributes that could not be set.
    pub xattrs_not_given: u64,
    /// Paths that were missed when the point was made.
    pub missed_when_stored: u64,
    /// The globs that it was asked for by; none where it was for all.
    pub only: Vec<String>,
    /// Entries that they leave out.
    pub left_out: u64,
    /// Paths whose content is lost.
    pub lost: Vec<MissedPath>,
    /// Objects of the point that are damaged, also where nothing is lost with them.
    pub damage: Vec<DamagedObject>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// The PostgreSQL that was made of it; none where none was asked for.
    pub postgres: Option<PostgresDone>,
    /// Seconds until all was written.
    pub restore_seconds: f64,
    /// Seconds until it was compared too.
    pub seconds: f64,
}

impl RestoreDone {
    /// True where nothing is lost and no object of the point is damaged.
    pub fn is_sound(&self) -> bool {
        self.lost.is_empty() && self.damage.is_empty()
    }
}

impl Told for RestoreDone {
    fn schema(&self) -> &'static str {
        "outlive/restore/v0"
    }

    fn text(&self, look: Look) -> String {
        let at = self.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
        let (word, tone) = match (self.compared, self.lost.is_empty(), self.damage.is_empty()) {
            _ if self.streamed => ("written, each chunk compared before", Tone::Good),
            (true, _, true) => ("restored and compared", Tone::Good),
            (true, _, false) => ("restored and compared, from a damaged vault", Tone::Bad),
            (false, true, _) => ("restored, not compared", Tone::Open),
            (false, false, _) => ("restored in part", Tone::Bad),
        };
        let mut out = look.say(&format!("{word}: {} of {} as of {at}", self.point, self.volume), 0, tone);
        out.push_str(&look.say(&format!("to     {}", self.target), 2, Tone::Plain));
        if !self.only.is_empty() {
            let only =
                format!("only   {}; {} other entries are left out", self.only.join(", "), self.left_out);
            out.push_str(&look.say(&only, 2, Tone::Plain));
        }
        let what = format!(
            "what   {} entries, {} in {}",
            self.entries,
            say_bytes(self.bytes),
            say_seconds(self.seconds)
        );
        out.push_str(&look.say(&what, 2, Tone::Plain));
        if self.kept_bytes > 0 {
            let kept =
                format!("again  {} were there from a restore that was stopped", say_bytes(self.kept_bytes));
            out.push_str(&look.say(&kept, 2, Tone::Plain));
        }
        if let Some(note) = &self.note {
            let of_note = format!("note   {note} says how far this restore came; it is not needed any more");
            let unfinished = format!("note   {note} keeps what is needed to go on");
            out.push_str(&look.say(if self.compared { &of_note } else { &unfinished }, 2, Tone::Plain));
        }
        let lost = format!("LOST: the content of {} paths:", self.lost.len());
        out.push_str(&say_paths(look, &lost, &self.lost, self.lost.len() as u64));
        out.push_str(&say_damage(look, &self.damage));
        let left = [
            (self.devices_left_out, "device nodes were not made; --devices makes them."),
            (self.ownership_not_given, "entries could not be given their owner; root may."),
            (self.xattrs_not_given, "extended attributes could not be set."),
            (self.missed_when_stored, "paths were missed when this point was made: it is incomplete."),
        ];
        for (count, what) in left.iter().filter(|(count, _)| *count > 0) {
            out.push_str(&look.say(&format!("{count} {what}"), 0, Tone::Open));
        }
        out.push_str(&say_notices(look, &self.notices));
        out.push_str(&self.postgres.as_ref().map(|made| made.text(look)).unwrap_or_default());
        out
    }
}
