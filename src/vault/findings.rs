//! What verifying finds, object by object: damage, and what could not be read. The one never hides the other.

use super::readback::Damage;
use super::roots::{FoundRoot, Roots};
use super::{Vault, gone, object_of};
use crate::domain::{Kind, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// One object that could not be read, though nothing says that it is damaged, and the recovery points of which
/// nothing can be said without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// The object's key.
    pub object: String,
    /// Why it could not be read.
    pub because: String,
    /// The keys of the roots that need it.
    pub points: BTreeSet<String>,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub damage: BTreeMap<String, Damage>,
    pub unread: BTreeMap<String, Unread>,
    /// The user asked to stop: what was not found until then says nothing.
    pub stopped: Option<Problem>,
    /// Something that is neither damage nor unreadable, but beyond this program: what a newer one wrote.
    pub refused: Option<Problem>,
}

impl Findings {
    /// Notes what is wrong with an object, and the points that need it.
    pub fn note<'a>(&mut self, problem: Problem, points: impl IntoIterator<Item = &'a str>) {
        let points = points.into_iter().map(str::to_owned);
        match problem.kind {
            Kind::Damaged => {
                let damage = self.damage.entry(problem.place.clone()).or_insert_with(|| Damage {
                    object: problem.place,
                    because: problem.what,
                    points: BTreeSet::new(),
                });
                damage.points.extend(points);
            }
            Kind::NotFound => {
                let problem = gone(problem);
                self.note(problem, points.collect::<Vec<_>>().iter().map(String::as_str));
            }
            Kind::Cancelled => drop(self.stopped.get_or_insert(problem)),
            Kind::Io => self.note_unread(&object_of(&problem), &problem, points),
            Kind::Refused | Kind::Usage | Kind::Internal => {
                self.note_unread(&problem.place, &problem, points);
                self.refused.get_or_insert(problem);
            }
        }
    }

    /// Notes what could not be read among the statements. It may say that an epoch had ended before a point was made in it: nothing can
    /// be said of the points of epochs that go on, as far as is known.
    pub fn note_epochs(&mut self, vault: &Vault, roots: &Roots) {
        let Some(epochs) = vault.epochs() else { return };
        for (key, problem) in &epochs.unread {
            if problem.kind == Kind::Damaged {
                self.note(Problem::damaged(key.as_str(), problem.what.clone()), []);
            }
            let may_be_late = |found: &&FoundRoot| {
                let epoch = found.root.lid.as_ref().map(|lid| lid.epoch.as_str());
                !epochs.unread_of(epoch).is_empty()
            };
            let points = roots.sound.iter().filter(may_be_late).map(|found| found.key.as_str());
            let what = format!("reading {key}: it may say that an epoch has ended: {}", problem.what);
            self.note(Problem::new(Kind::Io, what), points);
        }
    }

    fn note_unread(&mut self, object: &str, problem: &Problem, points: impl Iterator<Item = String>) {
        let unread = self.unread.entry(object.to_owned()).or_insert_with(|| Unread {
            object: object.to_owned(),
            because: problem.what.clone(),
            points: BTreeSet::new(),
        });
        unread.points.extend(points);
    }

    /// True where damage takes this point along.
    pub fn breaks(&self, point: &str) -> bool {
        self.damage.values().any(|damage| damage.points.contains(point))
    }

    /// The points that damage takes along.
    pub fn broken(&self) -> BTreeSet<&str> {
        self.damage.values().flat_map(|damage| &damage.points).map(String::as_str).collect()
    }

    /// True where something that this point needs was not read, or may not have been.
    pub fn leaves_open(&self, point: &str) -> bool {
        self.stopped.is_some() || self.unread.values().any(|unread| unread.points.contains(point))
    }

    /// True where this object was found damaged, or was not read, for this point; for another one it may be what
    /// it names.
    pub fn has(&self, object: &str, point: &str) -> bool {
        self.damage.get(object).is_some_and(|damage| damage.points.contains(point))
            || self.unread.get(object).is_some_and(|unread| unread.points.contains(point))
    }
}
