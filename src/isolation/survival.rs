//! The survival table: under each hazard that takes a volume, the newest recovery point that is left.

use super::acts::NEEDED;
use super::cut_sets::{CutSets, cut_sets};
use super::event::{Event, Happening, Seeds};
use super::fate::{Badness, Brief, Outcome};
use super::graph::{Graph, PointPlace, label};
use super::points::{doubtful, hidden_points, useless};
use super::singles::Singles;
use super::slice::Slice;
use super::system::{State, variable};
use crate::domain::{
    CopyState, Grace, Hazard, HazardClass, HazardSet, Known, Policy, RecoveryPoint, Timestamp, Volume,
};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// Points that count neither as survivors nor as dead, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The points, by their place in the inventory.
    pub points: Vec<PointPlace>,
    /// What is missing.
    pub because: String,
}

/// What survives one hazard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// The newest usable point that survives for certain.
    Survivor {
        /// The point, by its place in the inventory.
        point: PointPlace,
        /// The moment whose state it holds.
        taken_at: Known<Timestamp>,
        /// Its age; `None` where that is unknown or lies in the future.
        age: Option<TimeDelta>,
        /// How far it was proved.
        state: Option<CopyState>,
        /// When a restore of it was last tried with success; `None` where it is known that none was.
        drilled_at: Known<Option<Timestamp>>,
    },
    /// Nothing survives.
    None,
    /// It cannot be said.
    Unknown {
        /// Why not.
        because: String,
    },
}

/// One hazard and what becomes of a volume's recovery points under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The hazard.
    pub hazard: Hazard,
    /// Its class.
    pub class: HazardClass,
    /// A second class that this row answers for: losing the volume's own asset does what deleting it does.
    pub also: Option<HazardClass>,
    /// The hazard in words: "loss of device loop0".
    pub title: String,
    /// Whether the hazard takes the volume for certain, or only perhaps.
    pub takes_primary: bool,
    /// Whether it may take the volume at all: the loss of a key or a catalogue is a row also where it does not.
    pub may_take_primary: bool,
    /// The newest survivor.
    pub cell: Cell,
    /// How many points of the volume are not known to be useless.
    pub points: usize,
    /// The usable ones that survive for certain.
    pub survivors: Vec<PointPlace>,
    /// Those that die for certain, without those known to be useless.
    pub dead: Vec<PointPlace>,
    /// Those of which neither can be said.
    pub undetermined: Vec<Doubt>,
    /// The longest undelete window among the dead ones.
    pub grace: Option<Grace>,
}

impl Row {
    /// Whether two hazards leave exactly the same, so that one row can speak for both.
    fn says_the_same_as(&self, other: &Self) -> bool {
        self.takes_primary == other.takes_primary
            && self.cell == other.cell
            && self.survivors == other.survivors
            && self.dead == other.dead
            && self.undetermined == other.undetermined
    }

    /// Whether this row answers for a class.
    pub fn answers(&self, class: HazardClass) -> bool {
        self.class == class || self.also == Some(class)
    }
}

/// A hazard that may or may not apply: the volume's chain is not known to the bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The classes of hazard that may hide there.
    pub classes: BTreeSet<HazardClass>,
    /// What is not known.
    pub because: String,
    /// What would survive.
    pub cell: Cell,
    /// Whether every point that may be within the RPO would surely survive.
    pub leaves_recent: bool,
    /// Those that surely are within the RPO, and survive.
    pub recent: Vec<PointPlace>,
}

/// The survival table of one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survival {
    /// Deletion of the primary first, then losses from the top of the chain to its bottom, then the rest by class.
    pub rows: Vec<Row>,
    /// What may also apply, unseen.
    pub shadows: Vec<Shadow>,
}

/// The hazards which for certain take the primary and every recovery point that is not useless.
pub fn single_points(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|row| row.takes_primary && row.cell == Cell::None && row.points > 0).collect()
}

/// The table and the minimal cut sets of one volume.
///
/// Of what lies beyond machines, only the classes asked for are looked at where nobody declared them.
pub fn isolate(graph: &Graph, volume: &Volume, policy: &Policy, now: Timestamp) -> (Survival, CutSets) {
    let slice = Slice::of(graph, volume, now, &[]);
    let view = View::new(&slice, volume, policy, now);
    (view.survival(), cut_sets(&slice, volume, policy, now))
}

/// The table of one volume.
pub fn survival(graph: &Graph, volume: &Volume, policy: &Policy, now: Timestamp) -> Survival {
    let slice = Slice::of(graph, volume, now, &[]);
    View::new(&slice, volume, policy, now).survival()
}

struct View<'v, 'g> {
    slice: &'v Slice<'g>,
    graph: &'g Graph,
    volume: &'v Volume,
    policy: &'v Policy,
    now: Timestamp,
    points: usize,
}

/// Classes that a table shows where they are asked for, or where it is settled what they take.
const QUIET: [HazardClass; 6] = [
    HazardClass::HostCompromise,
    HazardClass::Credential,
    HazardClass::Identity,
    HazardClass::Key,
    HazardClass::Catalogue,
    HazardClass::BadData,
];

impl<'v, 'g> View<'v, 'g> {
    fn new(slice: &'v Slice<'g>, volume: &'v Volume, policy: &'v Policy, now: Timestamp) -> Self {
        let graph = slice.graph;
        let points = graph.points_of(&volume.id).filter(|point| !useless(point)).count();
        Self { slice, graph, volume, policy, now, points }
    }

    fn survival(&self) -> Survival {
        if self.slice.top.is_none() {
            return Survival { rows: Vec::new(), shadows: Vec::new() };
        }
        Survival { rows: self.rows(), shadows: self.shadows() }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let events = self.slice.hazards(self.volume, self.policy.detect_within);
        let seeds: Vec<Seeds> = events.iter().map(|event| self.slice.seeds(event.happening)).collect();
        let possible: Vec<_> = seeds.iter().map(|seeds| seeds.possible.clone()).collect();
        // Most hazards of what a volume hangs on leave it alone: which, is found for all of them at once.
        let reach = Singles::of(&self.slice.system, &possible, true);
        for (number, (event, seeds)) in events.into_iter().zip(seeds).enumerate() {
            let takes = self.slice.top.is_some_and(|top| reach.has(variable(top, State::Lost), number));
            let Some(row) = self.row(event, &seeds, takes || seeds.bad_data) else { continue };
            // Losing an asset and being deleted or taken over with it are one line where they leave the same.
            let merges =
                |known: &&mut Row| known.hazard.asset() == row.hazard.asset() && known.says_the_same_as(&row);
            match rows.iter_mut().find(merges) {
                Some(known) if known.class == row.class => {}
                Some(known) if known.also.is_none() => {
                    if matches!(row.hazard, Hazard::Compromised(_)) && self.asks(row.class) {
                        known.title = known.title.replacen("loss of", "loss or takeover of", 1);
                    }
                    known.also = Some(row.class);
                }
                _ => rows.push(row),
            }
        }
        rows
    }

    fn asks(&self, class: HazardClass) -> bool {
        self.policy.survive.contains(&class)
    }

    fn row(&self, event: Event, seeds: &Seeds, takes: bool) -> Option<Row> {
        let (hazard, class) = (event.hazard?, *event.classes.first()?);
        let asked = self.asks(class);
        if event.happening == Happening::BadData && !asked {
            return None;
        }
        // One side of a mirror: the primary outlives it, so nothing has to. Without its key, no copy is one.
        if !takes && !matches!(class, HazardClass::Key | HazardClass::Catalogue) {
            return None;
        }
        let outcome = Outcome::of(self.slice, seeds, &HazardSet::new());
        let row = self.row_of(&outcome, hazard, class, event.title);
        // Whoever takes a host over may do more than is known: that is told where it is asked, or settled.
        let settled = row.cell == Cell::None || (row.takes_primary && class != HazardClass::HostCompromise);
        (asked || !QUIET.contains(&class) || settled).then_some(row)
    }

    fn outcome(&self, happening: Happening) -> Outcome {
        Outcome::of(self.slice, &self.slice.seeds(happening), &HazardSet::new())
    }

    fn row_of(&self, outcome: &Outcome, hazard: Hazard, class: HazardClass, title: String) -> Row {
        let takes_primary =
            outcome.bad_data || self.slice.top.is_some_and(|top| outcome.certain.is(top, State::Lost));
        let may_take_primary =
            outcome.bad_data || self.slice.top.is_some_and(|top| outcome.possible.is(top, State::Lost));
        let sorted = self.sort_points(outcome);
        let cell = self.cell(&sorted);
        let Sorted { survivors, dead, undetermined, grace } = sorted;
        let points = self.points;
        Row {
            hazard,
            class,
            also: None,
            title,
            takes_primary,
            may_take_primary,
            cell,
            points,
            survivors,
            dead,
            undetermined,
            grace,
        }
    }

    fn sort_points(&self, outcome: &Outcome) -> Sorted {
        let mut sorted = Sorted::default();
        let bad = Badness { now: self.now, unnoticed: self.policy.detect_within };
        for group in &self.slice.groups {
            // Bad data reaches the points of one group by their age; anything else all alike.
            let of = |place: &PointPlace| outcome.brief(self.slice, group.member, *place, bad);
            let one = group.places.first().filter(|_| !outcome.bad_data).map(of);
            let grace =
                (one == Some(Brief::Falls)).then(|| outcome.grace(self.slice, group.member)).flatten();
            for place in &group.places {
                let Some(point) = self.graph.at(*place).filter(|point| !useless(point)) else { continue };
                let own = one.is_none().then(|| of(place));
                match own.as_ref().or(one.as_ref()) {
                    Some(fate) if group.orphans => sorted.orphan(point, *place, fate),
                    Some(fate) => sorted.own(point, *place, fate),
                    None => {}
                }
            }
            let own = group.places.iter().filter(|_| !group.orphans);
            if own.filter_map(|place| self.graph.at(*place)).any(|point| !useless(point)) {
                sorted.grace = sorted.grace.max(grace);
            }
        }
        sorted.in_order();
        sorted
    }

    fn cell(&self, sorted: &Sorted) -> Cell {
        let at = |place: &PointPlace| self.graph.at(*place);
        let known = |point: &RecoveryPoint| point.taken_at.value().copied().filter(|at| *at <= self.now);
        let survivors = sorted.survivors.iter().filter_map(|place| at(place).map(|point| (*place, point)));
        let newest = survivors.max_by_key(|(_, point)| (known(point), point.state, &point.id));
        if let Some((place, point)) = newest {
            return Cell::Survivor {
                point: place,
                taken_at: point.taken_at.clone(),
                age: known(point).map(|at| self.now - at),
                state: point.state,
                drilled_at: point.drilled_at.clone(),
            };
        }
        let open: usize = sorted.undetermined.iter().map(|doubt| doubt.points.len()).sum();
        match (sorted.undetermined.as_slice(), hidden_points(self.graph, self.volume)) {
            ([], None) => Cell::None,
            ([], Some(because)) => Cell::Unknown { because },
            ([first, ..], _) if open == 1 => Cell::Unknown { because: first.because.clone() },
            ([first, ..], _) => {
                let because = format!("{}; {} more undetermined", first.because, open - 1);
                Cell::Unknown { because }
            }
        }
    }

    /// Where something is open that may take the volume: what would survive the loss of the unseen.
    fn shadows(&self) -> Vec<Shadow> {
        let Some(top) = self.slice.top else { return Vec::new() };
        let chain = self.graph.chain_nodes(self.slice.members[top].node);
        let mut roots: Vec<usize> = chain.iter().filter_map(|node| self.slice.member_of(*node)).collect();
        roots.sort_by_key(|member| self.graph.asset_of(self.slice.members[*member].node));
        // The rule live-copy asks of filesystems, whatever the policy does.
        let asked = self.policy.survive.iter().copied().chain([HazardClass::Filesystem]).collect();
        let own = self.slice.unknowns(&roots, &asked);
        let others = (0..self.slice.known).filter(|member| !roots.contains(member));
        let beside = self.slice.unknowns_below_each(&others.collect::<Vec<_>>(), &asked);
        let seeds: Vec<_> =
            beside.iter().map(|(event, _)| self.slice.seeds(event.happening).possible).collect();
        let reach = Singles::of(&self.slice.system, &seeds, true);
        let mut shadows: Vec<Shadow> = Vec::new();
        for (event, _) in own {
            let outcome = self.outcome(event.happening);
            // What reaches copies alone leaves the volume; but a copy without its key is none.
            let at_all = match event.happening {
                Happening::UnseenHands | Happening::HandsElsewhere | Happening::UnseenClosing => true,
                Happening::Elsewhere(known) => !NEEDED.contains(&known.class),
                _ => false,
            };
            if !at_all || outcome.possible.is(top, State::Lost) {
                shadows.push(self.shadow(event, &outcome));
            }
        }
        // What is not seen of what copies hang on counts where it may take the volume too, and leaves something else.
        let takes = |number: usize| reach.has(variable(top, State::Lost), number);
        for (_, (event, _)) in beside.into_iter().enumerate().filter(|(number, _)| takes(*number)) {
            let outcome = self.outcome(event.happening);
            let shadow = self.shadow(event, &outcome);
            let same = |known: &Shadow| {
                let alike = known.cell == shadow.cell && known.recent == shadow.recent;
                alike && known.classes.is_superset(&shadow.classes)
            };
            if !shadows.iter().any(same) {
                shadows.push(shadow);
            }
        }
        shadows
    }

    fn shadow(&self, event: Event, outcome: &Outcome) -> Shadow {
        let sorted = self.sort_points(outcome);
        let age = |place: &PointPlace| {
            let taken = self.graph.at(*place).and_then(|point| point.taken_at.value());
            taken.filter(|at| **at <= self.now).map(|at| self.now - *at)
        };
        let old = |place: &PointPlace| age(place).is_some_and(|age| age > self.policy.rpo);
        let doubted = sorted.undetermined.iter().flat_map(|doubt| &doubt.points);
        let leaves_recent = sorted.dead.iter().chain(doubted).all(old);
        let within = |place: &&PointPlace| age(place).is_some_and(|age| age <= self.policy.rpo);
        let recent = sorted.survivors.iter().filter(within).copied().collect();
        let cell = self.cell(&sorted);
        Shadow { classes: event.classes, because: event.title, cell, leaves_recent, recent }
    }
}

#[derive(Default)]
struct Sorted {
    survivors: Vec<PointPlace>,
    dead: Vec<PointPlace>,
    undetermined: Vec<Doubt>,
    grace: Option<Grace>,
}

impl Sorted {
    fn own(&mut self, point: &RecoveryPoint, place: PointPlace, fate: &Brief) {
        match (fate, doubtful(point)) {
            (Brief::Bad | Brief::Falls, _) => self.dead.push(place),
            (Brief::Open(missing), _) => self.doubt(place, missing),
            (Brief::Stays, Some(why)) => self.doubt(place, &why),
            (Brief::Stays, None) => self.survivors.push(place),
        }
    }

    fn orphan(&mut self, point: &RecoveryPoint, place: PointPlace, fate: &Brief) {
        if !matches!(fate, Brief::Bad | Brief::Falls) {
            self.doubt(place, &format!("it is not known which volume {} is a state of", label(point)));
        }
    }

    fn doubt(&mut self, place: PointPlace, because: &str) {
        match self.undetermined.iter_mut().find(|doubt| doubt.because == because) {
            Some(doubt) => doubt.points.push(place),
            None => self.undetermined.push(Doubt { points: vec![place], because: because.to_owned() }),
        }
    }

    fn in_order(&mut self) {
        self.survivors.sort_unstable();
        self.dead.sort_unstable();
        self.undetermined.iter_mut().for_each(|doubt| doubt.points.sort_unstable());
        self.undetermined.sort_by(|a, b| a.points.cmp(&b.points));
    }
}
