//! The minimal cut sets of a volume: the smallest sets of acts after which it is gone together with every usable
//! recovery point within the RPO.
//!
//! *Certain*: the primary falls for certain, and so does every point that could be a usable one within the RPO.
//! *Possible*: the primary may fall, and so may every point that surely is one; here the loss of what nobody saw is an
//! event too. Bad data takes the primary and everything younger than the policy's `detect_within`; it is then asked for
//! a point that is no older than both together. The events are of the classes that the policy names.

use super::cuts::{Family, ORDER, Set, TooMany, families, meet_all};
use super::event::{Event, Happening, Seeds};
use super::fate::{Badness, Outcome};
use super::graph::PointPlace;
use super::points::{doubtful, hidden_points, useless};
use super::slice::{Group, Slice};
use super::system::{State, variable};
use crate::domain::{Hazard, HazardClass, HazardSet, Policy, RecoveryPoint, Timestamp, Volume};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// One act that cut sets are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutEvent {
    /// The hazard; none for the loss of something that nobody saw.
    pub hazard: Option<Hazard>,
    /// The classes that it belongs to.
    pub classes: BTreeSet<HazardClass>,
    /// Whether it strikes something known to which nothing known ties the volume.
    pub is_elsewhere: bool,
    /// In words; of something that nobody saw, what is not known.
    pub title: String,
}

/// A minimal cut set, as numbers into [`CutSets::events`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutSet(Set);

impl CutSet {
    /// The numbers of its events, in order.
    pub fn events(self) -> impl Iterator<Item = usize> {
        self.0.events().map(usize::from)
    }

    /// How many events it has: its order.
    pub fn order(self) -> usize {
        self.0.len()
    }
}

/// What a cut set leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// How many points that may lie within the RPO are dead.
    pub dead: usize,
    /// How many points may lie within the RPO.
    pub recent: usize,
    /// The newest point that may be left: one that does not surely die, however old and however little proved.
    pub newest: Option<PointPlace>,
}

/// All minimal cut sets of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    /// In order of size.
    pub sets: Vec<CutSet>,
    /// Up to which order they are all there: 3, or less where a family of sets grew beyond what is computed.
    pub complete_to: usize,
    /// What the first ones leave; of certain ones only.
    pub left: Vec<Left>,
}

/// The minimal cut sets of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CutSets {
    /// What they are made of.
    pub events: Vec<CutEvent>,
    /// Those that surely lose everything within the RPO.
    pub certain: Sets,
    /// Those that may.
    pub possible: Sets,
    /// Why none can be certain: points may be hidden.
    pub hidden: Option<String>,
}

/// How many sets are told with what they leave.
const TOLD: usize = 12;

impl CutSets {
    /// Events that can stand for each other in every set, certain and possible: "always fall together". Each group
    /// in order, the groups by their first event.
    pub fn alike(&self) -> Vec<Vec<usize>> {
        let mut rests: Vec<Vec<(bool, Set)>> = vec![Vec::new(); self.events.len()];
        for (certain, sets) in [(true, &self.certain), (false, &self.possible)] {
            for CutSet(set) in &sets.sets {
                for event in set.events() {
                    let others = set.events().filter(|other| *other != event);
                    let rest = others
                        .fold(Set::EMPTY, |rest, other| rest.with(Set::one(other), ORDER).unwrap_or(rest));
                    rests[usize::from(event)].push((certain, rest));
                }
            }
        }
        let mut groups: BTreeMap<Vec<(bool, Set)>, Vec<usize>> = BTreeMap::new();
        for (event, mut rest) in rests.into_iter().enumerate().filter(|(_, rest)| !rest.is_empty()) {
            rest.sort_unstable();
            groups.entry(rest).or_default().push(event);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.sort();
        groups
    }
}

/// The minimal cut sets of the volume that a slice was made for.
pub(super) fn cut_sets(slice: &Slice<'_>, volume: &Volume, policy: &Policy, now: Timestamp) -> CutSets {
    let Some(top) = slice.top else { return CutSets::default() };
    let mut search =
        Search { slice, policy, now, top, events: Vec::new(), seeds: Vec::new(), bad_data: None };
    search.collect(volume);
    let hidden = hidden_points(slice.graph, volume);
    let possible = search.sets(true);
    let certain = match hidden {
        None => search.sets(false),
        Some(_) => Sets { complete_to: ORDER, ..Sets::default() },
    };
    let events = search.events.into_iter().map(|event| CutEvent {
        is_elsewhere: matches!(event.happening, Happening::Elsewhere(_) | Happening::HandsElsewhere),
        hazard: event.hazard,
        classes: event.classes,
        title: event.title,
    });
    // A fleet keeps all of them: no more room than they take.
    let mut events: Vec<CutEvent> = events.collect();
    events.iter_mut().for_each(|event| event.title.shrink_to_fit());
    events.shrink_to_fit();
    CutSets { events, certain, possible, hidden }
}

struct Search<'s, 'g> {
    slice: &'s Slice<'g>,
    policy: &'s Policy,
    now: Timestamp,
    top: usize,
    events: Vec<Event>,
    seeds: Vec<Seeds>,
    /// The number of the event that data went bad.
    bad_data: Option<u16>,
}

impl Search<'_, '_> {
    fn collect(&mut self, volume: &Volume) {
        let asked = &self.policy.survive;
        let hazards = self.slice.hazards(volume, self.policy.detect_within);
        let named = hazards.into_iter().filter(|event| !event.classes.is_disjoint(asked));
        let all: Vec<usize> = (0..self.slice.known).collect();
        let unknown = self.slice.unknowns(&all, asked).into_iter().map(|(event, _)| event);
        let unknown = unknown.filter(|event| !event.classes.is_disjoint(asked));
        self.events = named.chain(unknown).collect();
        self.seeds = self.events.iter().map(|event| self.slice.seeds(event.happening)).collect();
        let bad = self.events.iter().position(|event| event.happening == Happening::BadData);
        self.bad_data = bad.and_then(|bad| u16::try_from(bad).ok());
    }

    fn sets(&self, possible: bool) -> Sets {
        for order in (1..=ORDER).rev() {
            if let Ok(sets) = self.up_to(possible, order) {
                // Of what only may happen, nobody tells what it leaves.
                let told = if possible { 0 } else { TOLD };
                let left = sets.sets().iter().take(told).map(|set| self.left(*set)).collect();
                return Sets {
                    sets: sets.sets().iter().copied().map(CutSet).collect(),
                    complete_to: order,
                    left,
                };
            }
        }
        Sets::default()
    }

    fn up_to(&self, possible: bool, order: usize) -> Result<Family, TooMany> {
        if self.events.len() >= usize::from(u16::MAX) {
            return Err(TooMany);
        }
        let seeds: Vec<Vec<u32>> = self
            .seeds
            .iter()
            .map(|seeds| if possible { seeds.possible.clone() } else { seeds.certain.clone() })
            .collect();
        let families = families(&self.slice.system, &seeds, possible, order)?;
        let lost = |member: usize| families.of(variable(member, State::Lost));
        let mut tops = vec![lost(self.top)];
        tops.extend(self.groups(possible, TimeDelta::zero()).map(|group| lost(group.member)));
        let mut all = meet_all(tops, order)?.sets().to_vec();
        if let Some(bad) = self.bad_data {
            let tops = self.groups(possible, self.policy.detect_within).map(|group| lost(group.member));
            let others = meet_all(tops.collect(), order - 1)?;
            all.extend(others.sets().iter().filter_map(|set| set.with(Set::one(bad), order)));
        }
        Ok(Family::of(all))
    }

    /// The groups of which a point has to fall, where the data is good since `bad` ago.
    fn groups(&self, possible: bool, bad: TimeDelta) -> impl Iterator<Item = &Group> {
        let counts = move |group: &&Group| {
            let mut points = group.places.iter().filter_map(|place| self.slice.graph.at(*place));
            points.any(|point| match possible {
                true => !group.orphans && self.is_one(point, bad),
                false => self.may_be_one(point, bad),
            })
        };
        self.slice.groups.iter().filter(counts)
    }

    /// Whether a point surely is a usable one within the RPO.
    fn is_one(&self, point: &RecoveryPoint, bad: TimeDelta) -> bool {
        doubtful(point).is_none() && self.is_young(point, bad) == Some(true)
    }

    /// Whether a point could be one.
    fn may_be_one(&self, point: &RecoveryPoint, bad: TimeDelta) -> bool {
        !useless(point) && self.is_young(point, bad) != Some(false)
    }

    fn is_young(&self, point: &RecoveryPoint, bad: TimeDelta) -> Option<bool> {
        let follows = self.slice.graph.follows(point);
        let taken = point.taken_at.value().copied().filter(|at| *at <= self.now);
        match taken {
            _ if bad > TimeDelta::zero() && follows == Some(true) => Some(false),
            None => None,
            Some(taken) => {
                let age = self.now - taken;
                let oldest = self.policy.rpo.checked_add(&bad).unwrap_or(TimeDelta::MAX);
                let within = age >= bad && age <= oldest;
                // Whatever the bad data reached, a point of another time is none either way.
                (!within || bad <= TimeDelta::zero() || follows.is_some()).then_some(within)
            }
        }
    }

    fn left(&self, set: Set) -> Left {
        let mut seeds = Seeds::default();
        for event in set.events().filter_map(|event| self.seeds.get(usize::from(event))) {
            seeds.certain.extend(&event.certain);
            seeds.possible.extend(&event.possible);
            seeds.bad_data |= event.bad_data;
        }
        let outcome = Outcome::of(self.slice, &seeds, &HazardSet::new());
        let bad = Badness { now: self.now, unnoticed: self.policy.detect_within };
        let mut left = Left { dead: 0, recent: 0, newest: None };
        let mut newest = None;
        for (group, place) in
            self.slice.groups.iter().flat_map(|group| group.places.iter().map(move |place| (group, *place)))
        {
            let Some(point) = self.slice.graph.at(place).filter(|point| !useless(point)) else { continue };
            let hit = outcome.bad_data && bad.reaches(self.slice.graph, point) == Some(true);
            let dead = hit || outcome.certain.is(group.member, State::Lost);
            let recent = !group.orphans && self.may_be_one(point, TimeDelta::zero());
            left.recent += usize::from(recent);
            left.dead += usize::from(recent && dead);
            let taken = point.taken_at.value().copied().filter(|at| *at <= self.now);
            let key = (doubtful(point).is_none(), taken, place);
            if !dead
                && !outcome.possible.is(group.member, State::Lost)
                && newest.is_none_or(|best| key > best)
            {
                newest = Some(key);
                left.newest = Some(place);
            }
        }
        left
    }
}
