//! What a vault holds.

use super::{Told, say_bytes, say_notices};
use crate::domain::{Timestamp, say_duration};
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// One recovery point of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPoint {
    /// Its short name.
    pub point: String,
    /// Its whole id.
    pub id: String,
    /// Its volume.
    pub volume: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// Regular files; none where the point is encrypted and nothing here opens it.
    pub files: Option<u64>,
    /// Their sizes together, in bytes; none as above.
    pub bytes: Option<u64>,
    /// How far it was proved.
    pub state: &'static str,
    /// Since when all its objects have been read back here; none where they were not.
    pub read_since: Option<Timestamp>,
    /// Paths that could not be read when it was made.
    pub missed: u64,
    /// Why it may be of something else than its volume, and does not count; none where nothing says so.
    pub doubted: Option<String>,
}

impl ListedPoint {
    /// How far it was proved, how long ago, and whether it counts.
    fn say_state(&self, now: Timestamp) -> String {
        let doubted = if self.doubted.is_some() { ", doubted" } else { "" };
        let since = self.read_since.map(|since| format!(", {} ago", say_duration(now - since)));
        format!("{}{doubted}{}", self.state, since.unwrap_or_default())
    }
}

/// A vault's recovery points, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VaultListed {
    /// Where the vault is.
    pub place: String,
    /// Its identity.
    pub vault: String,
    /// Its recovery points.
    pub points: Vec<ListedPoint>,
    /// Roots that are damaged.
    pub damaged: Vec<String>,
    /// What could not be read and may tell of readers and epochs; none where all was read. It is among the notices, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// When it was listed.
    pub at: Timestamp,
}

impl Told for VaultListed {
    fn schema(&self) -> &'static str {
        "outlive/vault-list/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("vault {} at {}", self.vault, self.place), 0, Tone::Strong);
        let rows: Vec<_> = self
            .points
            .iter()
            .map(|point| {
                vec![
                    plain(&point.point),
                    plain(&point.volume),
                    plain(point.taken_at.format("%Y-%m-%d %H:%M:%SZ").to_string()),
                    plain(say_duration(self.at - point.taken_at)),
                    plain(point.files.map_or("encrypted".to_owned(), |files| files.to_string())),
                    plain(point.bytes.map_or("unknown".to_owned(), say_bytes)),
                    plain(point.say_state(self.at)),
                ]
            })
            .collect();
        if rows.is_empty() {
            out.push_str(&look.say("It holds no recovery point that can be read.", 0, Tone::Open));
        } else {
            out.push_str(&look.table(&["point", "volume", "as of", "age", "files", "size", "state"], &rows));
        }
        for (point, why) in self.points.iter().filter_map(|point| Some((point, point.doubted.as_ref()?))) {
            out.push_str(&look.say(&format!("DOUBTED  {}: {why}", point.point), 0, Tone::Open));
        }
        for damaged in &self.damaged {
            out.push_str(&look.say(&format!("DAMAGED  {damaged}"), 0, Tone::Bad));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
