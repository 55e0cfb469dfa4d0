//! Which points of a volume a drill may choose from, and what must be said of the others. What a restore without
//! an explicit choice would refuse, no drill passes with.

use crate::app::damage::stand_in;
use crate::app::doubt::{doubts, still_to_come};
use crate::domain::{Kind, Problem, Timestamp, VolumeId, printable};
use crate::ledger::History;
use crate::store::Key;
use crate::vault::{FoundRoot, Roots};

/// The points of one volume in one vault, sorted by what is known of them.
#[derive(Default)]
pub struct Candidates {
    /// Complete and not doubted, oldest first.
    pub points: Vec<FoundRoot>,
    /// Why the drill fails: what was the newest point is lost.
    pub failed: Vec<String>,
    /// Why the drill cannot pass: which point is the newest cannot be said.
    pub open: Vec<String>,
    /// What else was found.
    pub deviations: Vec<String>,
}

impl Candidates {
    /// Sorts them. A doubted point is never drilled: a restore would be recorded, and a doubt ends where a person
    /// restored the point and saw what is in it, which no drill does.
    pub fn of(all: &Roots, history: &History, volume: &VolumeId, now: Timestamp) -> Self {
        let mut found = Self::default();
        let roots = all.clone().only(volume);
        let mut doubts = doubts(&roots, history, now);
        let complete =
            roots.sound.iter().filter(|root| root.root.is_complete() && root.root.volume == *volume);
        for root in complete {
            match doubts.remove(&root.id) {
                None => found.points.push(root.clone()),
                Some(why) => found.deviations.push(format!("{} is doubted: {why}", root.short())),
            }
        }
        let is_newest = |root: &FoundRoot| found.points.last().is_none_or(|newest| newest.id == root.id);
        // What is not signed with a pinned key is not ours: nobody asks what it holds.
        // Nor is a point of a time to come the newest one: it may lie there, locked, for years.
        let early = still_to_come(&roots, now);
        let ours = |root: &&FoundRoot| {
            root.root.is_complete() && root.signed.is_trusted() && !early.contains_key(&root.id)
        };
        let newest = roots.sound.iter().rev().find(ours);
        if let Some(newest) = newest.filter(|newest| !is_newest(newest)) {
            let what = "may be of something else than the volume";
            found.open.push(format!("the newest recovery point, {}, {what}", newest.short()));
        }
        let unreadable = roots.damaged.iter();
        for (key, problem) in unreadable.filter(|(key, _)| stand_in(key.as_str(), &roots, history).is_none())
        {
            found.unreadable(key, problem, history, volume);
        }
        found.gone(all, history, volume);
        found
    }

    /// A root that cannot be read may be that of a newer point, unless the ledger knows what it is.
    fn unreadable(&mut self, key: &Key, problem: &Problem, history: &History, volume: &VolumeId) {
        let what = format!("the root {} cannot be read: {}", key.as_str(), problem.what);
        match history.points.iter().find(|point| point.key == key.as_str()) {
            // Where it was newer than all others, that is said below; a point of another volume is no matter here.
            Some(_) => self.deviations.push(what),
            None if problem.kind == Kind::Damaged => {
                self.open
                    .push(format!("{what}; of which volume it is, and whether the newest, is not known"));
            }
            None => self.open.push(format!("{what}; its recovery point of {volume} may be the newest")),
        }
    }

    /// A point that was recorded as newer than all there are, and is not there or cannot be read.
    fn gone(&mut self, roots: &Roots, history: &History, volume: &VolumeId) {
        let newest = self.points.last().map(|newest| newest.root.taken_at);
        let lost = history.awaited().find(|point| {
            point.volume == *volume
                && newest.is_none_or(|newest| point.taken_at > newest)
                && !roots.sound.iter().any(|root| root.id == point.id)
                && stand_in(&point.key, roots, history).is_none()
        });
        if let Some(lost) = lost {
            let at = lost.taken_at.format("%Y-%m-%d %H:%M:%SZ");
            let key = printable(lost.key.as_bytes());
            self.failed.push(format!("a newer recovery point, {key} of {at}, is damaged or gone"));
        }
    }
}
