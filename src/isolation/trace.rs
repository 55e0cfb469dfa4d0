//! Why a volume and each of its recovery points fall or stay under hazards, with what is not known and which fact would
//! settle it: for explaining, and for the blast radius of several hazards at once.

use super::event::Seeds;
use super::fate::{Badness, Fate, Outcome, path, settle};
use super::graph::{Graph, PointPlace};
use super::points::{doubtful, useless};
use super::slice::{Group, Slice};
use super::system::State;
use super::what_if::hazard_title;
use crate::domain::{AssetId, Hazard, HazardSet, Policy, RecoveryPoint, Timestamp, Usable, Volume};
use std::collections::BTreeMap;

/// A fate, and what would settle it where it is undetermined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What becomes of it.
    pub fate: Fate,
    /// Of something undetermined: the fact to find out, by its key in the estate file.
    pub settle: Option<String>,
}

/// Whether a recovery point counts at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing speaks against it.
    Counts,
    /// It is there and not proved, or it is not known which volume it is a state of; why.
    Unproven(String),
    /// It is known to be useless; why.
    Useless(String),
}

/// Recovery points that fall or stay for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedPoints {
    /// The points, by their place in the inventory, in order; the reason speaks of the first.
    pub places: Vec<PointPlace>,
    /// What becomes of them.
    pub reason: Reason,
    /// Whether they count.
    pub standing: Standing,
    /// Whether it is not known which volume they are states of.
    pub is_orphan: bool,
}

/// What hazards that happen together do to one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// The hazards.
    pub hazards: HazardSet,
    /// The same in words.
    pub title: String,
    /// What becomes of the volume itself.
    pub primary: Reason,
    /// What becomes of its recovery points: first what dies, then what may die, then what stays.
    pub points: Vec<TracedPoints>,
}

impl Traced {
    /// Whether the hazards leave the volume and every recovery point that is known to be its own alone, for certain.
    pub fn is_untouched(&self) -> bool {
        let stays = |reason: &Reason| matches!(reason.fate, Fate::Survives { .. });
        stays(&self.primary) && self.points.iter().all(|points| points.is_orphan || stays(&points.reason))
    }
}

/// What each of several sets of hazards does to a volume, in the order of the sets.
pub fn trace(
    graph: &Graph,
    volume: &Volume,
    sets: &[HazardSet],
    policy: &Policy,
    now: Timestamp,
) -> Vec<Traced> {
    let struck: Vec<AssetId> = sets.iter().flatten().map(|hazard| hazard.asset().clone()).collect();
    let slice = Slice::of(graph, volume, now, &struck);
    let bad = Badness { now, unnoticed: policy.detect_within };
    sets.iter().map(|hazards| Tracing { slice: &slice, volume, bad, hazards }.run()).collect()
}

struct Tracing<'t, 'g> {
    slice: &'t Slice<'g>,
    volume: &'t Volume,
    bad: Badness,
    hazards: &'t HazardSet,
}

impl Tracing<'_, '_> {
    fn run(&self) -> Traced {
        let mut seeds: Seeds = self.slice.seeds_of(self.hazards);
        // Bad data in another volume is not in this one.
        seeds.bad_data = self.hazards.contains(&Hazard::BadData(self.volume.asset.clone()));
        let outcome = Outcome::of(self.slice, &seeds, self.hazards);
        let titles: Vec<String> =
            self.hazards.iter().map(|hazard| hazard_title(self.slice.graph, hazard)).collect();
        Traced {
            hazards: self.hazards.clone(),
            title: titles.join(" + "),
            primary: self.primary(&outcome),
            points: self.points(&outcome),
        }
    }

    fn primary(&self, outcome: &Outcome) -> Reason {
        let slice = self.slice;
        let Some(top) = slice.top else {
            let missing = format!("what {} stands on was not seen", self.volume.name);
            return Reason { fate: Fate::Undetermined { missing }, settle: None };
        };
        let label = slice.label(top).to_owned();
        if outcome.bad_data {
            return Reason { fate: Fate::Dies { path: Vec::new(), grace: None }, settle: None };
        }
        if outcome.certain.is(top, State::Lost) {
            let (path, grace) = path(slice, &outcome.certain, top, &label);
            return Reason { fate: Fate::Dies { path, grace }, settle: None };
        }
        if let Some(asset) = &outcome.foreign {
            let missing = format!("asset {asset} was not seen");
            return Reason { fate: Fate::Undetermined { missing }, settle: None };
        }
        if outcome.possible.is(top, State::Lost) {
            let missing = outcome.missing(slice, top, &label);
            let settle = settle(slice, outcome, top, &label);
            return Reason { fate: Fate::Undetermined { missing }, settle };
        }
        Reason { fate: Fate::Survives { until: None }, settle: None }
    }

    fn points(&self, outcome: &Outcome) -> Vec<TracedPoints> {
        let graph = self.slice.graph;
        let mut alike: BTreeMap<(u8, bool, String), TracedPoints> = BTreeMap::new();
        for group in &self.slice.groups {
            let mut shared: Option<(String, Reason)> = None;
            for place in &group.places {
                let Some(point) = graph.at(*place) else { continue };
                let label = super::graph::label(point);
                // Bad data reaches the points of one group by their age; anything else all alike.
                let reason = match &shared {
                    Some((first, reason)) if !outcome.bad_data => renamed(reason, first, &label),
                    _ => self.reason(outcome, group, *place, &label),
                };
                shared.get_or_insert_with(|| (label.clone(), reason.clone()));
                let (standing, is_orphan) = (standing(point, group.orphans, &label), group.orphans);
                // What is useless is useless of whatever volume, and yet counts as this one's or as nobody's.
                let key = (rank(&reason.fate), is_orphan, key(&reason, &standing, point, &label));
                let new = || TracedPoints { places: Vec::new(), reason, standing, is_orphan };
                alike.entry(key).or_insert_with(new).places.push(*place);
            }
        }
        let mut all: Vec<TracedPoints> = alike.into_values().collect();
        all.iter_mut().for_each(|points| points.places.sort_unstable());
        all.sort_by(|a, b| (rank(&a.reason.fate), &a.places).cmp(&(rank(&b.reason.fate), &b.places)));
        all
    }

    fn reason(&self, outcome: &Outcome, group: &Group, place: PointPlace, label: &str) -> Reason {
        let fate = outcome.fate(self.slice, group.member, place, self.bad);
        let settle = match fate {
            Fate::Undetermined { .. } => settle(self.slice, outcome, group.member, label),
            Fate::Dies { .. } | Fate::Survives { .. } => None,
        };
        Reason { fate, settle }
    }
}

fn rank(fate: &Fate) -> u8 {
    match fate {
        Fate::Dies { .. } => 0,
        Fate::Undetermined { .. } => 1,
        Fate::Survives { .. } => 2,
    }
}

fn standing(point: &RecoveryPoint, orphan: bool, label: &str) -> Standing {
    match &point.usable {
        Usable::No(why) if useless(point) => Standing::Useless(why.clone()),
        _ if orphan => Standing::Unproven(format!("it is not known which volume {label} is a state of")),
        _ => doubtful(point).map_or(Standing::Counts, Standing::Unproven),
    }
}

/// The same reason for another point of the same group.
fn renamed(reason: &Reason, from: &str, to: &str) -> Reason {
    let mut reason = reason.clone();
    match &mut reason.fate {
        Fate::Dies { path, .. } => {
            path.iter_mut().filter(|step| step.thing == from).for_each(|step| to.clone_into(&mut step.thing));
        }
        Fate::Undetermined { missing } => *missing = missing.replace(from, to),
        Fate::Survives { .. } => {}
    }
    reason.settle = reason.settle.map(|fact| fact.replace(from, to));
    reason
}

/// What is equal where two points have one reason, whatever they are called.
fn key(reason: &Reason, standing: &Standing, point: &RecoveryPoint, label: &str) -> String {
    let nameless = renamed(reason, label, "\u{0}");
    let standing = match standing {
        Standing::Counts => String::new(),
        Standing::Unproven(why) => why.replace(label, "\u{0}").replace(&point.name, "\u{0}"),
        Standing::Useless(why) => format!("useless {}", why.replace(&point.name, "\u{0}")),
    };
    format!("{:?} {:?} {standing}", nameless.fate, nameless.settle)
}
