//! The survival table: per volume and hazard the newest recovery point that survives.

use super::closure::{Closures, Outcome, Strike};
use super::fate::{Fate, fate_of};
use super::graph::Graph;
use crate::domain::{
    CopyState, GapScope, Hazard, HazardClass, Known, PointId, RecoveryPoint, Timestamp, Usable, Volume,
};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// A point that counts neither as survivor nor as dead, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The point.
    pub point: PointId,
    /// What is missing.
    pub because: String,
}

/// What survives one hazard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// The newest usable point that survives for certain.
    Survivor {
        /// The point.
        point: PointId,
        /// The moment whose state it holds.
        taken_at: Known<Timestamp>,
        /// Its age; `None` where that is unknown or lies in the future.
        age: Option<TimeDelta>,
        /// How far it was proved.
        state: Option<CopyState>,
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
    /// The newest survivor.
    pub cell: Cell,
    /// How many points of the volume are not known to be useless.
    pub points: usize,
    /// The usable ones that survive for certain.
    pub survivors: Vec<PointId>,
    /// Those that die for certain, without those known to be useless.
    pub dead: Vec<PointId>,
    /// Those of which neither can be said.
    pub undetermined: Vec<Doubt>,
}

impl Row {
    /// Whether two hazards leave exactly the same, so that one row can speak for both.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let parts = |row: &Self| {
            (row.cell.clone(), row.survivors.clone(), row.dead.clone(), row.undetermined.clone())
        };
        parts(self) == parts(other)
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
}

/// The survival table of one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survival {
    /// Deletion of the primary first, then losses from the top of the chain to its bottom.
    pub rows: Vec<Row>,
    /// What may also apply, unseen.
    pub shadows: Vec<Shadow>,
}

/// The hazards which for certain take the primary and every recovery point that is not useless.
pub fn single_points(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|row| row.takes_primary && row.cell == Cell::None && row.points > 0).collect()
}

/// Computes the table of one volume.
///
/// Of what lies beyond machines, only the classes `asked` for are looked at where nobody declared them.
pub fn survival(
    closures: &mut Closures<'_>,
    volume: &Volume,
    asked: &BTreeSet<HazardClass>,
    now: Timestamp,
) -> Survival {
    let graph = closures.graph();
    let mut view = View { graph, closures, volume, asked, now };
    let Some(&top) = graph.assets.get(&volume.asset) else {
        return Survival { rows: Vec::new(), shadows: Vec::new() };
    };
    let rows = view.rows(top);
    let shadows = view.shadows(top);
    Survival { rows, shadows }
}

pub(super) struct View<'v, 'g> {
    pub(super) graph: &'g Graph,
    pub(super) closures: &'v mut Closures<'g>,
    volume: &'v Volume,
    pub(super) asked: &'v BTreeSet<HazardClass>,
    now: Timestamp,
}

impl<'g> View<'_, 'g> {
    fn rows(&mut self, top: usize) -> Vec<Row> {
        let title = format!("deletion of {}", self.volume.name);
        let own = self.volume.asset.clone();
        let deletion = self.row(Hazard::Deleted(own), HazardClass::PrimaryDeletion, title, top);
        let mut rows = vec![deletion];
        for link in self.graph.chain(self.volume) {
            let Some(class) = link.kind.and_then(HazardClass::of_loss) else { continue };
            let hazard = Hazard::Lost(link.asset.clone());
            if self.closures.under(&Strike::one(hazard.clone())).possible.lost[top].is_none() {
                // One side of a mirror: the primary outlives it, so nothing has to.
                continue;
            }
            let row = self.row(hazard, class, format!("loss of {}", link.label), top);
            let deletion = &mut rows[0];
            if link.asset == self.volume.asset && deletion.says_the_same_as(&row) {
                deletion.also = Some(class);
            } else {
                rows.push(row);
            }
        }
        rows
    }

    fn row(&mut self, hazard: Hazard, class: HazardClass, title: String, top: usize) -> Row {
        let outcome = self.closures.under(&Strike::one(hazard.clone()));
        let takes_primary = outcome.certain.lost[top].is_some();
        let sorted = self.sort_points(&outcome);
        let cell = self.cell(&sorted);
        let points = self.graph.points_of(&self.volume.id).filter(|point| !useless(point)).count();
        let survivors = sorted.survivors.iter().map(|point| point.id.clone()).collect();
        let Sorted { dead, undetermined, .. } = sorted;
        Row { hazard, class, also: None, title, takes_primary, cell, points, survivors, dead, undetermined }
    }

    fn sort_points(&self, outcome: &Outcome) -> Sorted<'g> {
        let mut sorted = Sorted::default();
        for point in self.graph.points_of(&self.volume.id).filter(|point| !useless(point)) {
            let doubt = match (self.fate(outcome, point), doubtful(point)) {
                (Fate::Dies { .. }, _) => {
                    sorted.dead.push(point.id.clone());
                    continue;
                }
                (Fate::Undetermined { missing }, _) => missing,
                (Fate::Survives { .. }, Some(why)) => why,
                (Fate::Survives { .. }, None) => {
                    sorted.survivors.push(point);
                    continue;
                }
            };
            sorted.undetermined.push(Doubt { point: point.id.clone(), because: doubt });
        }
        for point in self.graph.orphans().filter(|point| !useless(point)) {
            if !matches!(self.fate(outcome, point), Fate::Dies { .. }) {
                let label = self.graph.point_label(&point.id);
                let because = format!("it is not known which volume {label} is a state of");
                sorted.undetermined.push(Doubt { point: point.id.clone(), because });
            }
        }
        sorted
    }

    fn fate(&self, outcome: &Outcome, point: &RecoveryPoint) -> Fate {
        let node = self.graph.points.get(&point.id).map(|(_, node)| *node);
        node.map_or_else(
            || Fate::Undetermined { missing: format!("{} was not seen", point.id) },
            |node| fate_of(self.graph, outcome, node),
        )
    }

    /// What survives a strike.
    pub(super) fn cell_under(&mut self, strike: &Strike) -> Cell {
        let outcome = self.closures.under(strike);
        self.cell(&self.sort_points(&outcome))
    }

    fn cell(&self, sorted: &Sorted<'_>) -> Cell {
        let known = |point: &RecoveryPoint| point.taken_at.value().copied().filter(|at| *at <= self.now);
        let newest = sorted.survivors.iter().max_by_key(|point| (known(point), point.state, &point.id));
        if let Some(point) = newest {
            let age = known(point).map(|at| self.now - at);
            let (taken_at, state) = (point.taken_at.clone(), point.state);
            return Cell::Survivor { point: point.id.clone(), taken_at, age, state };
        }
        match (sorted.undetermined.as_slice(), hidden_points(self.graph, self.volume)) {
            ([], None) => Cell::None,
            ([], Some(because)) => Cell::Unknown { because },
            ([one], _) => Cell::Unknown { because: one.because.clone() },
            ([first, rest @ ..], _) => {
                let because = format!("{}; {} more undetermined", first.because, rest.len());
                Cell::Unknown { because }
            }
        }
    }
}

#[derive(Default)]
struct Sorted<'a> {
    survivors: Vec<&'a RecoveryPoint>,
    dead: Vec<PointId>,
    undetermined: Vec<Doubt>,
}

/// Why a gap may hide recovery points of a volume, if one does.
pub(crate) fn hidden_points(graph: &Graph, volume: &Volume) -> Option<String> {
    let hides = |scope: &GapScope| match scope {
        GapScope::PointsOf(of) => *of == volume.id,
        GapScope::Points => true,
        GapScope::Volume(_) | GapScope::Below(_) | GapScope::Asked(_) | GapScope::Inside(_) => false,
    };
    let gap = graph.inventory.gaps.iter().find(|gap| hides(&gap.scope))?;
    Some(format!("recovery points may be hidden: {}: {}", gap.place, gap.reason.word()))
}

/// Known to be useless: it never counts.
pub(crate) fn useless(point: &RecoveryPoint) -> bool {
    matches!(point.usable, Usable::No(_))
}

/// Why a point cannot be counted on, though nothing proves it useless.
pub(crate) fn doubtful(point: &RecoveryPoint) -> Option<String> {
    match (&point.usable, point.state) {
        (Usable::Unproven(why) | Usable::No(why), _) => Some(why.clone()),
        (Usable::Yes, Some(state @ (CopyState::Incomplete | CopyState::Damaged))) => {
            Some(format!("{} is {}", point.name, state.word()))
        }
        (Usable::Yes, _) => None,
    }
}
