//! A copy.

use super::{
    DamagedObject, MissedPath, Told, say_bytes, say_damage, say_lock, say_notices, say_paths, say_seconds,
};
use crate::domain::{CopyState, Lock, Timestamp};
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// What a copy did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CopyDone {
    /// The volume's id.
    pub volume: String,
    /// Where the vault is.
    pub vault: String,
    /// The recovery point's short name.
    pub point: String,
    /// Its whole id: the SHA-256 of its root.
    pub id: String,
    /// The snapshot that was read; none where live data was.
    pub snapshot: Option<String>,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// How far it was proved.
    pub state: &'static str,
    /// The weakest lock of all that it needs, as the store tells; none where it does not, or none was asked for.
    pub lock: Option<Lock>,
    /// Files, directories, links and the like.
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// Bytes of files that had changed which were taken as unchanged without being read: the filesystem says that they lie
    /// where they lay.
    pub unread_bytes: u64,
    /// Bytes written to the vault.
    pub written_bytes: u64,
    /// Files that changed while they were read.
    pub unsettled: u64,
    /// Directories that belong to other volumes and were stored empty.
    pub not_entered: u64,
    /// Paths that could not be read.
    pub missed_count: u64,
    /// The first of them.
    pub missed: Vec<MissedPath>,
    /// What did not come back from the store as it was written.
    pub damage: Vec<DamagedObject>,
    /// Why the point may be of something else than its volume, and does not count; none where nothing says so.
    pub doubted: Option<String>,
    /// Files of which parts were called unchanged that had changed: points before this one may hold old bytes of them.
    pub untrue: Vec<String>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// Seconds until the last object was durable.
    pub copy_seconds: f64,
    /// Seconds until it was read back too.
    pub seconds: f64,
}

impl CopyDone {
    /// True where nothing was missed, all came back, and nobody found any of it damaged or unreadable.
    pub fn is_sound(&self) -> bool {
        let unproven = [CopyState::Damaged.word(), CopyState::Stored.word()];
        self.missed_count == 0 && self.damage.is_empty() && !unproven.contains(&self.state)
    }

    /// True where it, or points before it, may hold something else than they should.
    pub fn leaves_doubt(&self) -> bool {
        self.doubted.is_some() || !self.untrue.is_empty()
    }
}

impl Told for CopyDone {
    fn schema(&self) -> &'static str {
        "outlive/copy/v0"
    }

    fn text(&self, look: Look) -> String {
        let tone = match (self.is_sound(), self.leaves_doubt()) {
            (false, _) => Tone::Bad,
            (true, true) => Tone::Open,
            (true, false) => Tone::Good,
        };
        let mut out =
            look.say(&format!("{}: recovery point {} of {}", self.state, self.point, self.volume), 0, tone);
        let from = self
            .snapshot
            .as_ref()
            .map_or("live data, not a snapshot".into(), |name| format!("snapshot {name}"));
        let taken = self.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
        out.push_str(&look.say(&format!("from   {from}, as of {taken}"), 2, Tone::Plain));
        out.push_str(&look.say(&format!("to     {}", self.vault), 2, Tone::Plain));
        let what = format!(
            "what   {} entries, {} files, {}; {} written in {}, read back after {}",
            self.entries,
            self.files,
            say_bytes(self.bytes),
            say_bytes(self.written_bytes),
            say_seconds(self.copy_seconds),
            say_seconds(self.seconds)
        );
        out.push_str(&look.say(&what, 2, Tone::Plain));
        if let Some(lock) = self.lock {
            out.push_str(&look.say(&format!("lock   {}", say_lock(lock)), 2, Tone::Plain));
        }
        if self.unread_bytes > 0 {
            let what = format!(
                "unread {} of files that changed: they lie where they lay when they were copied before",
                say_bytes(self.unread_bytes)
            );
            out.push_str(&look.say(&what, 2, Tone::Plain));
        }
        if self.unsettled > 0 {
            let what = format!(
                "{} files changed while they were read: their parts may be from different moments.",
                self.unsettled
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        if self.not_entered > 0 {
            let what = format!(
                "{} directories are other volumes (mounted there) and were not copied.",
                self.not_entered
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        let heading = format!("INCOMPLETE: {} paths could not be read:", self.missed_count);
        out.push_str(&say_paths(look, &heading, &self.missed, self.missed_count));
        out.push_str(&say_damage(look, &self.damage));
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
