//! What of large files is taken as unchanged without being read, because it lies where it lay, and how that is doubted:
//! some of it is read all the same, and after some days all of it.

use crate::domain::{ByteName, Timestamp};
use crate::vault::Content;
use crate::vault::format::{Digest, Entry, EntryKind, UNIT};
use crate::vault::places::{Noted, Notes, Sample, Stretches};
use crate::vault::source::Places;
use crate::vault::write::work::Claim;
use chrono::TimeDelta;

/// Smaller files are read: asking where they lie costs as much.
const LEAST: u64 = 4 * 1024 * 1024;
/// A file of which something was not read for so long is read whole.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// What a copy believes of where files lie, and what it found of that.
pub struct Unread {
    notes: Option<Notes>,
    now: Timestamp,
    seed: u64,
    /// Bytes that were taken as unchanged without being read.
    pub bytes: u64,
    /// Files of which all was read that was said to be unchanged.
    claims: Vec<(ByteName, Claim)>,
    /// Files of which something was said to be unchanged that had changed.
    untrue: Vec<ByteName>,
}

/// How much of what is said of a block is believed.
pub enum Belief {
    /// Nothing is said.
    None,
    /// It is unchanged, and not read.
    Unread,
    /// It is unchanged, and read to see whether that is so.
    Sampled,
    /// All is read, and whoever hashes it says whether it was so.
    Claimed(Claim),
}

/// How one file is read.
#[derive(Default)]
pub struct Plan {
    places: Option<Places>,
    unchanged: Stretches,
    sample: Option<Sample>,
    claim: Option<Claim>,
    read_at: Option<Timestamp>,
    /// Bytes that were taken as unchanged without being read.
    pub unread: u64,
}

impl Plan {
    /// What is believed of these bytes. They are asked for in order.
    pub fn belief(&mut self, from: u64, to: u64) -> Belief {
        if !self.unchanged.cover(from, to) {
            return Belief::None;
        }
        match (&self.claim, &mut self.sample) {
            (Some(claim), _) => Belief::Claimed(claim.clone()),
            (None, Some(sample)) => match sample.takes_next() {
                true => Belief::Sampled,
                false => Belief::Unread,
            },
            (None, None) => Belief::None,
        }
    }

    /// The same file, read whole.
    pub fn believe_nothing(&mut self) {
        *self = Self { places: self.places.take(), ..Self::default() };
    }
}

impl Unread {
    /// Believes what was kept of the point before, where anything was. Which blocks are sampled depends on `seed`.
    pub fn new(notes: Option<Notes>, now: Timestamp, seed: u64) -> Self {
        Self { notes, now, seed, bytes: 0, claims: Vec::new(), untrue: Vec::new() }
    }

    /// What was kept of this file. Paths are asked for in order.
    pub fn find(&mut self, path: &ByteName) -> Option<Noted> {
        self.notes.as_mut()?.find(path)
    }

    /// True where a file is read although its times say that it did not change: a part of it was not read for long, what
    /// was not read of it was believed before something turned out to be untrue, or nobody here knows whether all of it was read.
    pub fn must_read(&self, noted: Option<&Noted>, size: u64) -> bool {
        let is_doubted = self.notes.as_ref().is_some_and(Notes::is_doubted) && size > UNIT as u64;
        let is_open = self.notes.as_ref().is_some_and(|notes| !notes.is_whole());
        is_doubted
            || is_open && noted.is_none() && size >= LEAST
            || noted.is_some_and(|noted| noted.is_partly_unread && self.is_overdue(noted))
    }

    fn is_overdue(&self, noted: &Noted) -> bool {
        // A clock that went back makes no reading younger.
        !(TimeDelta::zero()..LONGEST).contains(&(self.now - noted.read_at))
    }

    /// How a file is to be read. Where it lies is asked before.
    pub fn plan(
        &mut self,
        noted: Option<Noted>,
        before: Option<&Entry>,
        size: u64,
        content: &mut dyn Content,
    ) -> Plan {
        let Some(notes) = self.notes.as_ref().filter(|_| size >= LEAST && self.untrue.is_empty()) else {
            return Plan::default();
        };
        let Some(places) = content.places() else { return Plan::default() };
        let of_noted = |noted: &Noted| {
            before.is_some_and(|before| before.kind == EntryKind::File && before.size == noted.size)
        };
        let Some(noted) = noted.filter(of_noted) else {
            return Plan { places: Some(places), ..Plan::default() };
        };
        let unchanged = notes.unchanged(&noted, &places, size);
        let blocks = unchanged.blocks(size.min(noted.size));
        self.seed = self.seed.wrapping_add(1);
        let (sample, claim) = match self.is_overdue(&noted) {
            true => (None, Some(Claim::default())),
            false => (Some(Sample::of(blocks, self.seed)), None),
        };
        Plan { places: Some(places), unchanged, sample, claim, read_at: Some(noted.read_at), unread: 0 }
    }

    /// A file was read. `is_settled` is whether it stayed as it was meanwhile: otherwise nothing is said against what
    /// was claimed of it, and nothing kept.
    pub fn done(&mut self, path: ByteName, size: u64, plan: Plan, is_settled: bool) {
        self.bytes += plan.unread;
        if !is_settled {
            return;
        }
        self.claims.extend(plan.claim.map(|claim| (path.clone(), claim)));
        let (Some(notes), Some(places)) = (&mut self.notes, plan.places) else { return };
        let read_at = plan.read_at.filter(|_| plan.unread > 0);
        notes.note(path, size, &places, (read_at.unwrap_or(self.now), plan.unread > 0));
    }

    /// A file was not read at all, as its times say that it did not change.
    pub fn keep(&mut self, noted: Option<Noted>) {
        if let (Some(notes), Some(noted)) = (&mut self.notes, noted) {
            notes.keep(noted);
        }
    }

    /// Of this file something was said to be unchanged, and had changed: nothing is believed any more.
    pub fn disbelieve(&mut self, path: ByteName) {
        self.untrue.push(path);
    }

    /// Once all is hashed: the files of which something was said that was not so.
    pub fn untrue(&mut self) -> Vec<ByteName> {
        let claimed = self.claims.drain(..).filter(|(_, claim)| claim.is_untrue()).map(|(path, _)| path);
        self.untrue.extend(claimed);
        self.untrue.clone()
    }

    /// Keeps where files lay, once the root is written.
    pub fn finish(&mut self, root: &Digest) {
        let is_doubted = !self.untrue().is_empty();
        if let Some(notes) = self.notes.take() {
            notes.finish(root, is_doubted);
        }
    }
}
