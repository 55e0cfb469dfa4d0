//! The blast radius of hazards that happen together: what becomes of every volume and of its recovery points.

use super::fate::Fate;
use super::graph::{Graph, PointPlace};
use super::points::hidden_points;
use super::trace::{Standing, Traced, TracedPoints, trace};
use crate::domain::{HazardSet, Policies, Timestamp, Volume};

/// What is left of a volume, as far as it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stay {
    /// It may be gone too.
    Perhaps,
    /// It stays for certain, and is not proved.
    Unproven,
    /// It stays for certain and counts.
    Certain,
}

/// A volume that the hazards reach, or may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struck {
    /// The volume.
    pub volume: Volume,
    /// Why each of its points falls or stays.
    pub traced: Traced,
    /// How many of its points die, may die and stay, without those known to be useless.
    pub dies: usize,
    /// See `dies`.
    pub may_die: usize,
    /// See `dies`.
    pub stays: usize,
    /// The newest of the best that is left.
    pub newest: Option<(PointPlace, Stay)>,
    /// Why it may have points that nobody saw.
    pub hidden: Option<String>,
}

impl Struck {
    /// Whether everything about it could be said.
    pub fn is_settled(&self) -> bool {
        let open = |fate: &Fate| matches!(fate, Fate::Undetermined { .. });
        let left = self.newest.is_some_and(|(_, hold)| hold == Stay::Certain);
        let nothing = self.newest.is_none() && self.hidden.is_none();
        !open(&self.traced.primary.fate) && self.may_die == 0 && (left || nothing)
    }
}

/// The blast radius.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Radius {
    /// The hazards.
    pub hazards: HazardSet,
    /// The same in words.
    pub title: String,
    /// The volumes that are reached or may be, by id.
    pub struck: Vec<Struck>,
    /// How many volumes are left alone, with all their points, for certain.
    pub untouched: usize,
    /// How many points of which nobody knows the volume die, or may.
    pub orphans: usize,
}

impl Radius {
    /// Whether everything about it could be said.
    pub fn is_settled(&self) -> bool {
        self.orphans == 0 && self.struck.iter().all(Struck::is_settled)
    }
}

/// What hazards that happen together take of every volume.
pub fn radius(graph: &Graph, hazards: &HazardSet, policies: &Policies, now: Timestamp) -> Radius {
    let titles: Vec<String> = hazards.iter().map(|hazard| super::hazard_title(graph, hazard)).collect();
    let mut radius = Radius {
        hazards: hazards.clone(),
        title: titles.join(" + "),
        struck: Vec::new(),
        untouched: 0,
        orphans: 0,
    };
    for volume in &graph.inventory().volumes {
        let policy = policies.of(&volume.id);
        let Some(traced) = trace(graph, volume, std::slice::from_ref(hazards), policy, now).pop() else {
            continue;
        };
        let lost = |points: &&TracedPoints| !matches!(points.reason.fate, Fate::Survives { .. });
        let orphans = traced.points.iter().filter(|points| points.is_orphan).filter(lost);
        radius.orphans = radius.orphans.max(orphans.map(|points| points.places.len()).sum());
        if traced.is_untouched() {
            radius.untouched += 1;
        } else {
            radius.struck.push(struck(graph, volume, traced, now));
        }
    }
    radius
}

/// What one trace comes to: counted, with what is left.
pub fn struck(graph: &Graph, volume: &Volume, traced: Traced, now: Timestamp) -> Struck {
    let (mut dies, mut may_die, mut stays, mut newest) = (0, 0, 0, None);
    let useless = |points: &&TracedPoints| matches!(points.standing, Standing::Useless(_));
    for points in traced.points.iter().filter(|points| !useless(points) && !points.is_orphan) {
        let hold = match (&points.reason.fate, &points.standing) {
            (Fate::Dies { .. }, _) => {
                dies += points.places.len();
                continue;
            }
            (Fate::Undetermined { .. }, _) => Stay::Perhaps,
            (Fate::Survives { .. }, Standing::Counts) => Stay::Certain,
            (Fate::Survives { .. }, Standing::Unproven(_) | Standing::Useless(_)) => Stay::Unproven,
        };
        *(if hold == Stay::Perhaps { &mut may_die } else { &mut stays }) += points.places.len();
        for place in &points.places {
            let taken = graph.at(*place).and_then(|point| point.taken_at.value().copied());
            newest = newest.max(Some((hold, taken.filter(|at| *at <= now), *place)));
        }
    }
    let newest = newest.map(|(hold, _, place)| (place, hold));
    let hidden = hidden_points(graph, volume);
    Struck { volume: volume.clone(), traced, dies, may_die, stays, newest, hidden }
}

/// The newest of the best that a trace leaves of a volume.
pub fn newest_left(
    graph: &Graph,
    volume: &Volume,
    traced: Traced,
    now: Timestamp,
) -> Option<(PointPlace, Stay)> {
    struck(graph, volume, traced, now).newest
}
