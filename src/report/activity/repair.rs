//! A repair.

use super::{DamagedObject, Told, UnreadObject, say_bytes, say_damage, say_notices, say_seconds};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// What became of a recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PointOutcome {
    /// All of it is there again, under a new root.
    Whole,
    /// A new root has what could be had.
    InPart,
    /// Nothing better than what is there could be written.
    NotRepaired,
    /// Nothing was written, and all of it could be had.
    CouldBeWhole,
    /// Nothing was written, and a part could be had.
    CouldBeInPart,
    /// It is encrypted, and nothing here opens it.
    Undetermined,
}

impl PointOutcome {
    fn words(self) -> (&'static str, Tone) {
        match self {
            Self::Whole => ("whole again", Tone::Good),
            Self::InPart => ("in part", Tone::Bad),
            Self::NotRepaired => ("not repaired", Tone::Bad),
            Self::CouldBeWhole => ("could be made whole", Tone::Open),
            Self::CouldBeInPart => ("could be had in part", Tone::Bad),
            Self::Undetermined => ("undetermined", Tone::Open),
        }
    }
}

/// From where the chunks of a point were had that it lacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ChunksFrom {
    /// From what is left of damaged packs.
    pub vault: u64,
    /// From the source.
    pub source: u64,
    /// From a second vault.
    pub other: u64,
}

/// One recovery point that damage takes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairedPoint {
    /// Its short name.
    pub point: String,
    /// Its whole id.
    pub id: String,
    /// Its volume.
    pub volume: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// What became of it.
    pub outcome: PointOutcome,
    /// The short name that it has now; none where no new root was written.
    pub now: Option<String>,
    /// The whole id that goes with that.
    pub now_id: Option<String>,
    /// From where what it lacked was had.
    pub chunks: ChunksFrom,
    /// How much of it is lost.
    pub lost: usize,
    /// Bytes written for it.
    pub written_bytes: u64,
    /// Why nothing can be said of it.
    pub because: Option<String>,
}

/// A path that is lost, in one recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostPath {
    /// The volume; none where nobody knows it any more.
    pub volume: Option<String>,
    /// The point's short name; its root's key, where nobody knows that any more.
    pub point: String,
    /// The moment whose state the point holds; none where nobody knows it.
    pub taken_at: Option<Timestamp>,
    /// The path below the volume's root; none for all of it.
    pub path: Option<String>,
    /// Why.
    pub because: String,
}

/// What a repair found and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RepairDone {
    /// Where the vault is.
    pub vault: String,
    /// True where nothing was written, and only what could be had is told.
    pub plan: bool,
    /// What was damaged or gone.
    pub damage: Vec<DamagedObject>,
    /// What could not be read.
    pub unread: Vec<UnreadObject>,
    /// Objects that were sent again under their own keys.
    pub sent_again: Vec<String>,
    /// The points that damage takes along, where their roots can be had.
    pub points: Vec<RepairedPoint>,
    /// What cannot be had.
    pub lost: Vec<LostPath>,
    /// Points whose bytes are as they were written, and of which nothing was decoded: they are encrypted, and nothing here opens
    /// them.
    pub closed: usize,
    /// True where what was written was not verified to its end.
    pub unverified: bool,
    /// What is still damaged or gone, of what points need.
    pub left: Vec<DamagedObject>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}

impl RepairDone {
    /// True where of some points nothing can be said here.
    pub fn is_open(&self) -> bool {
        self.unverified
            || self.closed > 0
            || self.points.iter().any(|point| point.outcome == PointOutcome::Undetermined)
    }

    fn say_points(&self, look: Look) -> String {
        if self.points.is_empty() {
            return String::new();
        }
        let row = |point: &RepairedPoint| {
            let (words, _) = point.outcome.words();
            let ChunksFrom { vault, source, other } = point.chunks;
            vec![
                plain(&point.point),
                plain(&point.volume),
                plain(point.taken_at.format("%Y-%m-%d %H:%M:%SZ").to_string()),
                plain(words),
                plain(point.now.as_deref().unwrap_or("-")),
                plain(format!("{vault} / {source} / {other}")),
                plain(point.lost.to_string()),
            ]
        };
        let rows: Vec<_> = self.points.iter().map(row).collect();
        let heads =
            ["point", "volume", "as of", "is", "now", "chunks from vault / source / second vault", "lost"];
        let mut out = look.table(&heads, &rows);
        for point in &self.points {
            if let Some(because) = &point.because {
                out.push_str(&look.say(&format!("{}: {because}", point.point), 0, Tone::Open));
            }
        }
        out
    }

    fn say_lost(&self, look: Look) -> String {
        if self.lost.is_empty() {
            return String::new();
        }
        let row = |lost: &LostPath| {
            vec![
                plain(lost.volume.as_deref().unwrap_or("unknown")),
                plain(&lost.point),
                plain(lost.path.as_deref().unwrap_or("(all of it)")),
                plain(&lost.because),
            ]
        };
        let rows: Vec<_> = self.lost.iter().map(row).collect();
        look.table(&["LOST of volume", "point", "path", "because"], &rows)
    }
}

impl Told for RepairDone {
    fn schema(&self) -> &'static str {
        "outlive/repair/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = say_damage(look, &self.damage);
        for unread in &self.unread {
            let what = format!("UNREAD  {}: {}", unread.object, unread.because);
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        out.push_str(&self.say_points(look));
        out.push_str(&self.say_lost(look));
        for object in &self.sent_again {
            out.push_str(&look.say(&format!("sent again as it was: {object}"), 0, Tone::Good));
        }
        if self.is_open() {
            let what = "The vault is encrypted: give the private key of one of its readers (--identity FILE) to decode what it holds, and to \
                        repair more than objects that a second vault has byte for byte.";
            out.push_str(&look.say(what, 0, Tone::Open));
        }
        let written: u64 = self.points.iter().map(|point| point.written_bytes).sum();
        let (what, tone) = match (self.damage.is_empty(), self.plan, self.left.is_empty()) {
            (true, ..) => ("Nothing is damaged.".to_owned(), Tone::Good),
            (_, true, _) => {
                ("Nothing was written: without --plan, what can be had is.".to_owned(), Tone::Open)
            }
            (_, false, true) => {
                ("All that was damaged is whole again, and was verified.".to_owned(), Tone::Good)
            }
            (_, false, false) => {
                let left: Vec<&str> = self.left.iter().map(|left| left.object.as_str()).collect();
                (format!("Still damaged or gone: {}.", left.join(", ")), Tone::Bad)
            }
        };
        out.push_str(&look.say(&what, 0, tone));
        let amount = format!("{} written in {}.", say_bytes(written), say_seconds(self.seconds));
        out.push_str(&look.say(&amount, 0, Tone::Plain));
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
