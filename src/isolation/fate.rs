//! The fate of one recovery point under hazards, with its reason.

use super::event::{Happening, Seeds};
use super::graph::{Graph, PointPlace};
use super::slice::Slice;
use super::system::{Fallen, Rule, State, Variable, Why, is_held, member, variable};
use crate::domain::{
    AssetId, Grace, Hazard, HazardSet, How, Nature, PointId, PointKind, RecoveryPoint, Timestamp,
};
use chrono::TimeDelta;

/// One bond on the path from a hazard to a point, ready to be said: "THING VERB ON".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What falls.
    pub thing: String,
    /// Why, as a verb.
    pub verb: &'static str,
    /// What had fallen before; several joined by "and".
    pub on: String,
    /// How the bond is known.
    pub how: How,
}

/// What becomes of a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Dies {
        /// The bonds from the hazard to the point.
        path: Vec<Step>,
        /// The shortest undelete window on the path, if there is one.
        grace: Option<Grace>,
    },
    /// It stays.
    Survives {
        /// Until when that is known: the end of the lock that holds off its deletion. `None` where nothing ends it.
        until: Option<Timestamp>,
    },
    /// It cannot be said.
    Undetermined {
        /// Which fact of which thing is missing, in words.
        missing: String,
    },
}

/// The fate of `point` when all of `hazards` happen at `now`. Bad data was written `unnoticed` before.
pub fn fate(
    graph: &Graph,
    point: &PointId,
    hazards: &HazardSet,
    unnoticed: TimeDelta,
    now: Timestamp,
) -> Fate {
    let Some(place) = graph.place(point) else {
        return Fate::Undetermined { missing: format!("no recovery point {point} was seen") };
    };
    let struck: Vec<AssetId> = hazards.iter().map(|hazard| hazard.asset().clone()).collect();
    let of = graph.at(place).and_then(|point| point.of.value());
    let volume = graph.inventory().volumes.iter().find(|volume| Some(&volume.id) == of);
    let slice = match volume {
        Some(volume) => Slice::of(graph, volume, now, &struck),
        None => Slice::of_point(graph, place, now, &struck),
    };
    let outcome = Outcome::of(&slice, &slice.seeds_of(hazards), hazards);
    let bad = Badness { now, unnoticed };
    slice.groups.iter().find(|group| group.places.contains(&place)).map_or_else(
        || Fate::Undetermined { missing: format!("no recovery point {point} was seen") },
        |group| {
            let hit = hazards.iter().any(
                |hazard| matches!(hazard, Hazard::BadData(asset) if volume.is_none_or(|v| v.asset == *asset)),
            );
            let outcome = Outcome { bad_data: hit, ..outcome };
            outcome.fate(&slice, group.member, place, bad)
        },
    )
}

/// From when on data was bad.
#[derive(Debug, Clone, Copy)]
pub(super) struct Badness {
    pub now: Timestamp,
    pub unnoticed: TimeDelta,
}

impl Badness {
    /// Whether a point holds bad data; `None` where that cannot be said.
    pub fn reaches(self, graph: &Graph, point: &RecoveryPoint) -> Option<bool> {
        match graph.follows(point) {
            Some(true) => return Some(true),
            None => return None,
            Some(false) => {}
        }
        let taken = point.taken_at.value().copied().filter(|at| *at <= self.now)?;
        Some(self.now - taken < self.unnoticed)
    }
}

impl Graph {
    /// Whether a point follows its volume, also where that goes bad: a replica, or the same files under another name.
    /// `None` where nobody established that of its kind.
    pub fn follows(&self, point: &RecoveryPoint) -> Option<bool> {
        if matches!(point.kind, PointKind::Replica | PointKind::HardLink) {
            return Some(true);
        }
        match (&point.catalogued, point.kind) {
            (Some(kind), _) => self.replicas.get(&**kind).copied(),
            (None, PointKind::Catalogued) => None,
            (None, _) => Some(false),
        }
    }
}

/// What becomes of a point, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Brief {
    /// It holds bad data.
    Bad,
    /// It falls.
    Falls,
    /// It cannot be said, and why.
    Open(String),
    /// It stays.
    Stays,
}

/// Both closures under what strikes.
#[derive(Debug)]
pub(super) struct Outcome {
    pub certain: Fallen,
    pub possible: Fallen,
    /// Whether the volume's data has gone bad.
    pub bad_data: bool,
    /// A struck asset that is not in the graph: nothing can be said.
    pub foreign: Option<AssetId>,
}

impl Outcome {
    pub fn of(slice: &Slice<'_>, seeds: &Seeds, hazards: &HazardSet) -> Self {
        let foreign = hazards.iter().map(Hazard::asset).find(|asset| !slice.graph.knows(asset)).cloned();
        Self {
            certain: slice.system.run(&seeds.certain, false),
            possible: slice.system.run(&seeds.possible, true),
            bad_data: seeds.bad_data,
            foreign,
        }
    }

    /// The fate of a point of a group.
    pub fn fate(&self, slice: &Slice<'_>, group: usize, place: PointPlace, bad: Badness) -> Fate {
        let point = slice.graph.at(place);
        match (self.brief(slice, group, place, bad), point) {
            (Brief::Bad, Some(point)) => {
                Fate::Dies { path: vec![bad_step(slice.graph, point, bad)], grace: None }
            }
            (Brief::Falls | Brief::Bad, _) => {
                let name = point.map_or_else(String::new, super::graph::label);
                let (path, grace) = path(slice, &self.certain, group, &name);
                Fate::Dies { path, grace }
            }
            (Brief::Open(missing), _) => Fate::Undetermined { missing },
            (Brief::Stays, point) => {
                Fate::Survives { until: point.and_then(|point| self.until(slice, group, point)) }
            }
        }
    }

    /// The fate of a point of a group without its path: a table asks for thousands.
    pub fn brief(&self, slice: &Slice<'_>, group: usize, place: PointPlace, bad: Badness) -> Brief {
        let point = slice.graph.at(place);
        let name = || point.map_or_else(String::new, super::graph::label);
        let hit = point.map(|point| bad.reaches(slice.graph, point)).filter(|_| self.bad_data);
        if hit == Some(Some(true)) {
            return Brief::Bad;
        }
        if self.certain.is(group, State::Lost) {
            return Brief::Falls;
        }
        if let Some(asset) = &self.foreign {
            return Brief::Open(format!("asset {asset} was not seen"));
        }
        if let (Some(None), Some(point)) = (hit, point) {
            let what = match slice.graph.follows(point) {
                None => "whether bad data reaches",
                Some(_) => "when the data was good that is in",
            };
            return Brief::Open(format!("it is not known {what} {}", name()));
        }
        if self.possible.is(group, State::Lost) {
            return Brief::Open(self.missing(slice, group, &name()));
        }
        Brief::Stays
    }

    /// The shortest undelete window on the way to a group that falls.
    pub fn grace(&self, slice: &Slice<'_>, group: usize) -> Option<Grace> {
        let (bonds, _) = walk(slice, &self.certain, None, group);
        let edges = bonds.iter().map(|(_, number)| &slice.graph.edges[*number as usize]);
        edges.filter_map(|edge| edge.grace).min_by_key(|grace| grace.seconds)
    }

    /// The end of the lock without which the point would be deleted, or might be.
    fn until(&self, slice: &Slice<'_>, group: usize, point: &RecoveryPoint) -> Option<Timestamp> {
        let until = point.lock.value().and_then(|lock| lock.until)?;
        let node = slice.members[group].node;
        let graph = slice.graph;
        let reached = |nature: Nature, state: State| {
            graph.own(node).filter(|edge| edge.nature == nature).any(|edge| {
                let fallen = edge.on.iter().filter_map(|on| slice.member_of(*on));
                fallen.filter(|member| self.possible.is(*member, state)).count() >= edge.dies_at
            })
        };
        let any = |state: State| self.possible.mark(slice.anything(state)).is_some();
        let open = graph.nodes[node].open;
        let deleted = reached(Nature::CascadesFrom, State::Deleted)
            || (open.contains(Nature::CascadesFrom) && any(State::Deleted))
            || [Nature::DeletableBy, Nature::AdministeredBy]
                .into_iter()
                .any(|nature| reached(nature, State::Held) || (open.contains(nature) && any(State::Held)));
        Some(until).filter(|_| deleted)
    }

    /// What is not known where something may fall.
    pub fn missing(&self, slice: &Slice<'_>, group: usize, name: &str) -> String {
        let label = |member: usize| if member == group { name } else { slice.label(member) };
        let (_, open) = walk(slice, &self.possible, Some(&self.certain), group);
        let why = open.and_then(|(member, why)| {
            let node = slice.members[member].node;
            match why {
                Why::Unseen(nature) => slice.graph.nodes[node].missing_of(nature, label(member)),
                Why::Undeclared(class) => Some(slice.graph.undeclared(node, class, label(member))),
                Why::Bond(_) => Some(format!("it is not known whether a lock keeps {}", label(member))),
                Why::Meaning | Why::Doubted => None,
            }
        });
        why.unwrap_or_else(|| format!("what {name} stands on is not wholly known"))
    }
}

impl Slice<'_> {
    /// The seeds of several hazards; those of assets that are not in the slice strike nothing in it.
    pub fn seeds_of(&self, hazards: &HazardSet) -> Seeds {
        let mut seeds = Seeds::default();
        for hazard in hazards {
            let state = match hazard {
                Hazard::Deleted(_) => State::Deleted,
                Hazard::Lost(_) => State::Lost,
                Hazard::Compromised(_) => State::Held,
                Hazard::BadData(_) => {
                    seeds.bad_data = true;
                    continue;
                }
            };
            if let Some(member) = self.member(hazard.asset()) {
                let one = self.seeds(Happening::Strikes(member, state));
                seeds.certain.extend(one.certain);
                seeds.possible.extend(one.possible);
            }
        }
        seeds
    }
}

fn bad_step(graph: &Graph, point: &RecoveryPoint, bad: Badness) -> Step {
    let follows = graph.follows(point) == Some(true);
    let verb = if follows { "follows" } else { "was taken within" };
    let on = match follows {
        true => "its volume, also where that goes bad".to_owned(),
        false => {
            format!("the {} in which bad data goes unnoticed", crate::domain::say_duration(bad.unnoticed))
        }
    };
    Step { thing: super::graph::label(point), verb, on, how: How::Observed(bad.now) }
}

/// A rule that stems from a bond, and the bond's number.
type ByBond<'s> = (&'s Rule, u32);

/// Walks from a fallen member to what struck first. Each step goes to something that fell earlier, so the
/// walk ends even where bonds form a cycle. Given what falls for certain, it prefers the doubtful supports:
/// they are why something only *may* fall. Whether a lock holds where its bucket goes is asked only where nothing is
/// open of the bucket's own fall.
fn walk<'s>(
    slice: &'s Slice<'_>,
    fallen: &Fallen,
    certain: Option<&Fallen>,
    group: usize,
) -> (Vec<ByBond<'s>>, Option<(usize, Why)>) {
    let (mut bonds, mut at): (_, Variable) = (Vec::new(), variable(group, State::Lost));
    let doubtful = |variable: Variable| certain.is_none_or(|known| known.mark(variable).is_none());
    let mut lock = None;
    loop {
        let Some(mark) = fallen.mark(at) else { return (bonds, lock) };
        let Some(rule) = mark.rule.and_then(|rule| slice.system.rules.get(rule as usize)) else {
            // What struck itself only may be struck through what is not known of it.
            let struck = slice.members.get(member(at)).filter(|_| lock.is_some() && doubtful(at));
            let own = struck.and_then(|struck| slice.graph.nodes[struck.node].open_support());
            return (bonds, own.map(|(nature, _)| (member(at), Why::Unseen(nature))).or(lock));
        };
        if !rule.certain && matches!(rule.why, Why::Unseen(_) | Why::Undeclared(_)) {
            return (bonds, Some((slice.owner(at).unwrap_or(group), rule.why)));
        }
        if rule.why == Why::Doubted {
            at = slice.system.supports(rule)[0];
            continue;
        }
        let earlier = slice.system.supports(rule).iter().filter_map(|support| {
            fallen.mark(*support).filter(|before| before.order < mark.order).map(|before| (before, *support))
        });
        let next = earlier.min_by_key(|(before, support)| (!doubtful(*support), before.order));
        if let Why::Bond(number) = rule.why {
            if !rule.certain && certain.is_some() {
                let stored = slice.graph.edges[number as usize].nature == Nature::StoredOn;
                lock = lock.or(Some((member(at), rule.why)));
                if !stored || !next.is_some_and(|(_, support)| doubtful(support)) {
                    return (bonds, lock);
                }
            }
            bonds.push((rule, number));
        }
        match next {
            Some((_, next)) => at = next,
            None => return (bonds, lock),
        }
    }
}

/// The bonds from what struck to what fell, and the shortest undelete window on the way.
pub(super) fn path(
    slice: &Slice<'_>,
    fallen: &Fallen,
    group: usize,
    name: &str,
) -> (Vec<Step>, Option<Grace>) {
    let (mut bonds, _) = walk(slice, fallen, None, group);
    bonds.reverse();
    let edges = bonds.iter().map(|(_, number)| &slice.graph.edges[*number as usize]);
    let grace = edges.clone().filter_map(|edge| edge.grace).min_by_key(|grace| grace.seconds);
    let steps = bonds.iter().zip(edges).map(|((rule, _), edge)| {
        let supports = slice.system.supports(rule).iter();
        let on: Vec<&str> = supports
            .filter(|support| fallen.mark(**support).is_some())
            .map(|support| slice.label(member(*support)))
            .collect();
        let held = is_held(rule.head);
        let verb = match edge.nature {
            Nature::StoredOn if held => "is in the hands of whoever holds",
            nature => nature.verb(),
        };
        let thing = if member(rule.head) == group { name } else { slice.label(member(rule.head)) };
        Step { thing: thing.to_owned(), verb, on: on.join(" and "), how: edge.how.clone() }
    });
    (steps.collect(), grace)
}

/// The fact that would settle whether something falls that may: by its key in the estate file.
pub(super) fn settle(slice: &Slice<'_>, outcome: &Outcome, group: usize, name: &str) -> Option<String> {
    let (_, open) = walk(slice, &outcome.possible, Some(&outcome.certain), group);
    let (member, why) = open?;
    let label = if member == group { name } else { slice.label(member) };
    match why {
        Why::Unseen(nature) => Some(format!("`{}` of {label}", nature.key())),
        Why::Undeclared(class) => Some(format!("the {} that {label} stands on", class.word())),
        Why::Bond(_) => Some(format!("`lock` of {label}")),
        Why::Meaning | Why::Doubted => Some(format!("what {label} is: it was never seen nor declared")),
    }
}
