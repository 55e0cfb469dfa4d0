//! The points within the recovery point objective: which there are, and which of them a hazard leaves.

use super::Case;
use crate::domain::{RecoveryPoint, Timestamp, say_duration};
use crate::isolation::{Row, doubtful};
use chrono::TimeDelta;

/// Whether a point is within the RPO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It is.
    Within,
    /// It is older.
    Older,
    /// Nobody knows: its time is unknown, or lies in the future.
    Open,
}

/// What one hazard leaves of the points within the RPO.
pub(super) struct Left<'a> {
    /// One that is within the RPO and survives, both for certain.
    pub kept: Option<&'a RecoveryPoint>,
    /// Why one more might, if it is so.
    pub open: Option<String>,
    /// Those that may be within the RPO and die for certain.
    pub dead: Vec<&'a RecoveryPoint>,
    /// How many there are that may be within the RPO.
    pub all: usize,
    /// What would be left, in words.
    older: String,
}

/// What is asked of one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It cannot be said, and why.
    Open(String),
}

impl<'a> Case<'a> {
    /// The moment of a point, where it is known and not in the future.
    pub(super) fn moment(&self, point: &RecoveryPoint) -> Option<Timestamp> {
        point.taken_at.value().copied().filter(|at| *at <= self.now)
    }

    /// Whether a point is within the RPO.
    pub(super) fn age(&self, point: &RecoveryPoint) -> Age {
        match self.moment(point) {
            Some(at) if self.now - at <= self.policy.rpo => Age::Within,
            Some(_) => Age::Older,
            None => Age::Open,
        }
    }

    /// Whether a point is within the RPO, or might be.
    pub(super) fn may_be_young(&self, point: &RecoveryPoint) -> bool {
        self.age(point) != Age::Older
    }

    /// What a row's hazard leaves of the points within the RPO.
    pub(super) fn left(&self, row: &'a Row) -> Left<'a> {
        let kept = self.survivors(row).find(|point| self.age(point) == Age::Within);
        let doubt = self.doubts(row).find(|(point, _)| self.may_be_young(point));
        let ageless = self.survivors(row).find(|point| self.age(point) == Age::Open);
        let open = (doubt.map(|(_, because)| because.to_owned()))
            .or_else(|| ageless.map(|point| format!("the age of {} is not known", self.label(point))))
            .or_else(|| self.hidden());
        let dead = self.dead(row).filter(|point| self.may_be_young(point)).collect();
        let all = self.points().filter(|point| self.may_be_young(point)).count();
        // It is told of failures alone.
        let older = if kept.is_none() && open.is_none() { self.older(row) } else { String::new() };
        Left { kept, open, dead, all, older }
    }

    /// The newest of what survives at any age, with its age.
    fn older(&self, row: &'a Row) -> String {
        let newest = self.survivors(row).max_by_key(|point| (self.moment(point), &point.id));
        let perhaps = || self.doubts(row).map(|(point, _)| point);
        match newest.or_else(|| perhaps().max_by_key(|point| (self.moment(point), &point.id))) {
            None => "nothing would be left".to_owned(),
            Some(point) => {
                let perhaps = if newest.is_some() { "" } else { "perhaps " };
                let age = self.moment(point).map_or_else(
                    || "of unknown age".to_owned(),
                    |at| format!("{} old", say_duration(self.now - at)),
                );
                format!("what would {perhaps}be left: {}, {age}", self.label(point))
            }
        }
    }

    /// Whether something holds for a usable point within the RPO; of the first that does, its name.
    pub(super) fn some_young(&self, ask: &dyn Fn(&RecoveryPoint) -> Holds) -> (Holds, String) {
        let mut open = None;
        for point in self.points().filter(|point| self.may_be_young(point)) {
            let held = ask(point);
            let why = match (held, doubtful(point), self.age(point)) {
                (Holds::No, ..) => continue,
                (Holds::Open(why), ..) | (Holds::Yes, Some(why), _) => why,
                (Holds::Yes, None, Age::Within) => return (Holds::Yes, self.label(point)),
                (Holds::Yes, None, _) => format!("the age of {} is not known", self.label(point)),
            };
            open.get_or_insert(why);
        }
        match open.or_else(|| self.hidden()) {
            Some(why) => (Holds::Open(why), String::new()),
            None => (Holds::No, String::new()),
        }
    }
}

impl Left<'_> {
    /// What dies of what there is, and what would be left.
    pub(super) fn say(&self, title: &str, rpo: TimeDelta) -> String {
        let (dead, all, rpo, older) = (self.dead.len(), self.all, say_duration(rpo), &self.older);
        match all {
            0 => format!("{title} takes every recovery point, and none is of the last {rpo}"),
            _ => format!("{title} takes {dead} of {all} recovery points of the last {rpo}; {older}"),
        }
    }
}
