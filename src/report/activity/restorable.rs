//! What could be restored: points, the one that is proposed, and what is in one.

use super::{ListedPoint, Told, say_bytes, say_notices};
use crate::domain::{Timestamp, say_duration};
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// The newest points that are shown as text; JSON has all.
const SHOWN: usize = 20;

/// The point that is proposed of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposedPoint {
    /// Its short name.
    pub point: String,
    /// Its whole id.
    pub id: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// How far it was proved.
    pub state: &'static str,
    /// The sizes of its files together, in bytes.
    pub bytes: u64,
    /// What restores it, for `sh`.
    pub command: String,
}

/// A newer point that is not proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its short name.
    pub point: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// Why it is not.
    pub because: String,
    /// What restores it all the same, for `sh`.
    pub command: String,
}

/// A volume of which there are points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestorableVolume {
    /// The volume.
    pub volume: String,
    /// The point that is proposed; none where something speaks against each.
    pub proposed: Option<ProposedPoint>,
    /// Newer ones, the newest first.
    pub newer: Vec<PassedOver>,
}

/// What a vault could give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restorable {
    /// Where the vault is.
    pub place: String,
    /// Its identity.
    pub vault: String,
    /// The volumes.
    pub volumes: Vec<RestorableVolume>,
    /// True where a point is proposed and a newer one, or another one in its place, may be meant: the notices say why.
    pub is_doubtful: bool,
    /// The recovery points, oldest first.
    pub points: Vec<ListedPoint>,
    /// Roots that are damaged.
    pub damaged: Vec<String>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// When it was listed.
    pub at: Timestamp,
}

impl Restorable {
    /// True where there is something to restore, and of every volume something is proposed.
    pub fn is_settled(&self) -> bool {
        let has_all = self.volumes.iter().all(|volume| volume.proposed.is_some());
        !self.volumes.is_empty() && has_all && !self.is_doubtful
    }

    fn say_volume(&self, look: Look, volume: &RestorableVolume) -> String {
        let mut out = String::new();
        let second = |at: &Timestamp| at.format("%Y-%m-%d %H:%M:%S UTC");
        for newer in &volume.newer {
            let what = format!(
                "A newer point of {}, {} of {}, is not proposed: {}.",
                volume.volume,
                newer.point,
                second(&newer.taken_at),
                newer.because
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
            out.push_str(&format!("  {}\n", newer.command));
        }
        let Some(proposed) = &volume.proposed else {
            let what = format!("No recovery point of {} can be proposed.", volume.volume);
            return out + &look.say(&what, 0, Tone::Bad);
        };
        let (tone, state) = match proposed.state {
            "stored" => (
                Tone::Open,
                "stored: nothing here has read it back; a restore reads it back before it writes".to_owned(),
            ),
            proved => (Tone::Good, proved.to_owned()),
        };
        let what = format!(
            "To restore {}: {} of {} ({} ago), {}, {state}. Nothing was written yet; this does it:",
            volume.volume,
            proposed.point,
            second(&proposed.taken_at),
            say_duration(self.at - proposed.taken_at),
            say_bytes(proposed.bytes)
        );
        out.push_str(&look.say(&what, 0, tone));
        // To be copied: never folded.
        out.push_str(&format!("  {}\n", proposed.command));
        out
    }
}

impl Told for Restorable {
    fn schema(&self) -> &'static str {
        "outlive/restorable/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("vault {} at {}", self.vault, self.place), 0, Tone::Strong);
        let older = self.points.len().saturating_sub(SHOWN);
        let rows: Vec<_> = self.points[older..]
            .iter()
            .map(|point| {
                let state = if point.doubted.is_some() { ", doubted" } else { "" };
                vec![
                    plain(&point.point),
                    plain(&point.volume),
                    plain(point.taken_at.format("%Y-%m-%d %H:%M:%SZ").to_string()),
                    plain(say_duration(self.at - point.taken_at)),
                    plain(point.bytes.map_or("unknown".to_owned(), say_bytes)),
                    plain(format!("{}{state}", point.state)),
                ]
            })
            .collect();
        if rows.is_empty() {
            out.push_str(&look.say("It holds no recovery point that can be read.", 0, Tone::Open));
        } else {
            out.push_str(&look.table(&["point", "volume", "as of", "age", "size", "state"], &rows));
        }
        if older > 0 {
            out.push_str(&look.say(
                &format!("{older} older ones are not shown; `outlive vault list` shows all."),
                0,
                Tone::Plain,
            ));
        }
        for damaged in &self.damaged {
            out.push_str(&look.say(&format!("DAMAGED  {damaged}"), 0, Tone::Bad));
        }
        for volume in &self.volumes {
            out.push_str(&self.say_volume(look, volume));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}

/// One entry of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedEntry {
    /// The path below the volume's root.
    pub path: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The size of a file, in bytes.
    pub bytes: Option<u64>,
    /// When its content last changed; none where no calendar has that moment.
    pub modified_at: Option<Timestamp>,
    /// Its permission bits, in octal.
    pub mode: String,
    /// Where a link points.
    pub target: Option<String>,
}

/// What is in a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointListed {
    /// Where the vault is.
    pub place: String,
    /// The volume.
    pub volume: String,
    /// The recovery point's short name.
    pub point: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// How far it was proved.
    pub state: &'static str,
    /// Its entries, in the order of the tree.
    pub entries: Vec<ListedEntry>,
    /// Further ones that are not listed.
    pub more: u64,
    /// The sizes of all these files together, in bytes.
    pub bytes: u64,
    /// Why not all of it could be read; none where it could.
    pub lost: Option<String>,
    /// What else should be known.
    pub notices: Vec<String>,
}

impl Told for PointListed {
    fn schema(&self) -> &'static str {
        "outlive/restore-list/v0"
    }

    fn text(&self, look: Look) -> String {
        let at = self.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
        let head = format!("{} of {} as of {at}, {}", self.point, self.volume, self.state);
        let mut out = look.say(&head, 0, Tone::Strong);
        for entry in &self.entries {
            let size = entry.bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
            let modified = entry
                .modified_at
                .map_or_else(|| "?".to_owned(), |moment| moment.format("%Y-%m-%d %H:%M:%SZ").to_string());
            let path = if entry.path.is_empty() { "." } else { &entry.path };
            let slash = if entry.kind == "directory" { "/" } else { "" };
            let target = match (entry.kind, &entry.target) {
                ("hard link", Some(target)) => format!(" = {target}"),
                (_, Some(target)) => format!(" -> {target}"),
                (_, None) => String::new(),
            };
            // A path is copied as a whole: never folded.
            out.push_str(&format!("{size:>14} {modified:>20} {} {path}{slash}{target}\n", entry.mode));
        }
        let count = self.entries.len();
        out.push_str(&look.say(&format!("{count} entries, {}", say_bytes(self.bytes)), 0, Tone::Plain));
        if self.more > 0 {
            let what = format!("{} more are not listed: narrow it with --list GLOB.", self.more);
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        if let Some(why) = &self.lost {
            let what = format!("There was more: a part of the list cannot be read: {why}");
            out.push_str(&look.say(&what, 0, Tone::Bad));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
