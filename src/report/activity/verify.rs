//! A verification.

use super::{DamagedObject, Told, UnreadObject, say_bytes, say_damage, say_notices, say_seconds, say_some};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// One recovery point that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedPoint {
    /// Its short name.
    pub point: String,
    /// Its whole id.
    pub id: String,
    /// Its volume.
    pub volume: String,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// False where paths were missed when it was made: such a point is never called verified.
    pub complete: bool,
}

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VerifyDone {
    /// Where the vault is.
    pub vault: String,
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Chunks decoded and compared.
    pub chunks: u64,
    /// Points whose every object is sound.
    pub points: Vec<VerifiedPoint>,
    /// Points that damage takes along, where their roots can be read.
    pub broken: Vec<VerifiedPoint>,
    /// Points of which nothing can be said, because something that they need was not read.
    pub open: Vec<VerifiedPoint>,
    /// Points whose every object is as it was written, and of which nothing was decoded: they are encrypted, and nothing
    /// here opens them.
    pub closed: Vec<VerifiedPoint>,
    /// Points that are not signed with a key that is pinned here, whatever their objects are.
    pub unsigned: Vec<VerifiedPoint>,
    /// The damage.
    pub damage: Vec<DamagedObject>,
    /// What could not be read.
    pub unread: Vec<UnreadObject>,
    /// Why it ended before all was read; none where it did not.
    pub stopped: Option<String>,
    /// Packs that no recovery point that can be read needs: of runs that were stopped, for one.
    pub unfinished_packs: u64,
    /// How many points the ledger knew of beforehand: what it knew cannot vanish unnoticed.
    pub ledger_knew: usize,
    /// How many of those are gone as a plan for expiry let them go.
    pub let_go: u64,
    /// Roots that damage takes along and in whose place a sound one stands, which a repair wrote.
    pub replaced: Vec<VerifiedPoint>,
    /// The damage that concerns such roots alone: no point needs those objects.
    pub made_good: Vec<DamagedObject>,
    /// The volumes whose newest point here is the one that this machine's ledger stored last. Of every other volume, one that
    /// is not here at all too, freshness is unproven.
    pub fresh: Vec<String>,
    /// The volumes with points here of which that cannot be said: newer ones may be missing.
    pub freshness_unproven: Vec<String>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}

impl VerifyDone {
    /// True where all was read and nothing is damaged.
    pub fn is_sound(&self) -> bool {
        let all_proved = self.closed.is_empty() && self.unsigned.is_empty();
        self.damage.is_empty() && all_proved && self.was_read_whole()
    }

    /// True where nothing was left unread.
    pub fn was_read_whole(&self) -> bool {
        self.unread.is_empty() && self.stopped.is_none()
    }

    /// What the ledger says of points that may be missing.
    fn say_freshness(&self, look: Look) -> String {
        let mut out = String::new();
        if !self.fresh.is_empty() {
            let what = format!(
                "Fresh: the newest points of {} are those that this machine stored last.",
                say_some(&self.fresh)
            );
            out.push_str(&look.say(&what, 0, Tone::Plain));
        }
        let what = match (self.ledger_knew, self.freshness_unproven.as_slice()) {
            (0, _) => "The ledger here knows nothing of this vault: whether newer points are missing cannot be said (freshness unproven).".to_owned(),
            (_, []) => return out,
            (_, volumes) => format!(
                "Whether newer points of {} are missing cannot be said: the newest ones here were not stored by this machine (freshness unproven).",
                say_some(volumes)
            ),
        };
        out.push_str(&look.say(&what, 0, Tone::Open));
        out
    }

    /// What could not be read, and why nothing more was.
    fn say_unread(&self, look: Look) -> String {
        let mut out = String::new();
        for unread in &self.unread {
            out.push_str(&look.say(&format!("UNREAD  {}: {}", unread.object, unread.because), 0, Tone::Open));
            for point in &unread.points {
                let what = format!("nothing can be said of recovery point {point}");
                out.push_str(&look.say(&what, 8, Tone::Plain));
            }
        }
        if let Some(why) = &self.stopped {
            let what = format!("Not everything was read: {why}.");
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        out
    }
}

impl Told for VerifyDone {
    fn schema(&self) -> &'static str {
        "outlive/verify/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = say_damage(look, &self.damage);
        out.push_str(&self.say_unread(look));
        let (bad, open) = (("broken", Tone::Bad), ("not verified", Tone::Open));
        let closed = ("objects as written, not decoded", Tone::Open);
        let unsigned = ("not signed with a pinned key", Tone::Open);
        let groups = [
            (&self.points, None),
            (&self.broken, Some(bad)),
            (&self.open, Some(open)),
            (&self.closed, Some(closed)),
            (&self.unsigned, Some(unsigned)),
        ];
        for (points, said) in groups {
            for point in points {
                let (word, tone) = said.unwrap_or(match point.complete {
                    true => ("verified", Tone::Good),
                    false => ("incomplete, objects sound", Tone::Open),
                });
                let at = point.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
                out.push_str(&look.say(
                    &format!("{word}: {} of {} as of {at}", point.point, point.volume),
                    0,
                    tone,
                ));
            }
        }
        if !self.closed.is_empty() {
            let what = "The vault is encrypted: give the private key of one of its readers (--identity FILE) to decode what it holds.";
            out.push_str(&look.say(what, 0, Tone::Open));
        }
        let amount = format!(
            "{} objects, {}, {} chunks decoded and compared in {}.",
            self.objects,
            say_bytes(self.bytes),
            self.chunks,
            say_seconds(self.seconds)
        );
        out.push_str(&look.say(&amount, 0, Tone::Plain));
        if self.unfinished_packs > 0 {
            let what =
                format!("{} packs are needed by no recovery point that can be read.", self.unfinished_packs);
            out.push_str(&look.say(&what, 0, Tone::Plain));
        }
        if !self.made_good.is_empty() {
            let what = format!(
                "{} objects are damaged or gone, and a repair put others in their place: no recovery point needs them.",
                self.made_good.len()
            );
            out.push_str(&look.say(&what, 0, Tone::Plain));
        }
        if self.let_go > 0 {
            let what = format!("{} recovery points are gone as a plan for expiry let them go.", self.let_go);
            out.push_str(&look.say(&what, 0, Tone::Plain));
        }
        if groups.iter().map(|(points, _)| points).all(|points| points.is_empty()) {
            out.push_str(&look.say("The vault holds no recovery point that can be read.", 0, Tone::Open));
        }
        out.push_str(&self.say_freshness(look));
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
