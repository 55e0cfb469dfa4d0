//! The morning after: what died, and what is left.

use super::super::Audited;
use crate::catalogue::Catalogue;
use crate::domain::{
    Bond, Bonds, HazardSet, How, Inventory, Known, Lock, LockMode, Nature, Owner, PointId, PointKind,
    RecoveryPoint, Result, Timestamp, Usable, Volume, say_duration,
};
use crate::estate::{Estate, ExpectedFate, Incident};
use crate::isolation::{Fate, Graph, Step, expand, fate};
use crate::report::activity::{IncidentFate, IncidentLeft, IncidentMorning};
use std::collections::BTreeSet;

pub(super) fn morning(estate: &Estate, incident: &Incident, after: &Audited) -> Result<IncidentMorning> {
    let hazards: HazardSet = incident.hazards.keys().cloned().collect();
    let found_useless = &incident.found_useless;
    let stage = Stage { estate, graph: &after.graph, at: after.at, hazards, found_useless };
    let mut fates = stage.volumes()?;
    fates.extend(after.graph.inventory().points.iter().map(|point| stage.point(point)));
    let left = after.graph.inventory().volumes.iter().map(|volume| stage.left(volume)).collect();
    Ok(IncidentMorning { at: after.at, fates, left })
}

struct Stage<'a> {
    estate: &'a Estate,
    graph: &'a Graph,
    at: Timestamp,
    hazards: HazardSet,
    found_useless: &'a BTreeSet<String>,
}

impl Stage<'_> {
    fn fate(&self, graph: &Graph, point: &RecoveryPoint) -> Fate {
        let volume = point.of.value();
        let policy = volume.map_or(self.estate.default_policy(), |id| self.estate.policy_of(id));
        fate(graph, &point.id, &self.hazards, policy.judged.detect_within, self.at)
    }

    /// A volume dies as something would that is stored on it: so it is asked of such a probe.
    fn volumes(&self) -> Result<Vec<IncidentFate>> {
        let inventory = self.graph.inventory();
        let points = inventory.volumes.iter().map(probe).collect();
        let probed = Inventory { points, ..inventory.clone() };
        let graph = expand(&probed, &Catalogue::built_in()?);
        let told = inventory.volumes.iter().zip(probed.points.iter()).map(|(volume, probe)| {
            let (fate, mut because) = match self.fate(&graph, probe) {
                Fate::Dies { mut path, grace } => {
                    path.pop();
                    (ExpectedFate::Dies, because(&path, grace.map(|grace| grace.seconds)))
                }
                Fate::Survives { .. } => (ExpectedFate::Survives, String::new()),
                Fate::Undetermined { missing } => (ExpectedFate::Undetermined, missing),
            };
            if because.is_empty() && fate == ExpectedFate::Dies {
                because = "this is what was struck".to_owned();
            }
            IncidentFate {
                id: volume.id.0.clone(),
                thing: format!("volume {}", volume.name),
                fate: fate.word(),
                because,
            }
        });
        Ok(told.collect())
    }

    fn point(&self, point: &RecoveryPoint) -> IncidentFate {
        let (fate, because) = self.outcome(point);
        IncidentFate {
            id: own_id(point).to_owned(),
            thing: self.graph.point_label(&point.id),
            fate: fate.word(),
            because,
        }
    }

    fn outcome(&self, point: &RecoveryPoint) -> (ExpectedFate, String) {
        if let Usable::No(why) = &point.usable {
            return (ExpectedFate::Useless, why.clone());
        }
        if self.found_useless.contains(own_id(point)) {
            return (ExpectedFate::Useless, "found out when it was needed".to_owned());
        }
        match (self.fate(self.graph, point), &point.usable) {
            (Fate::Dies { path, grace }, _) => {
                (ExpectedFate::Dies, because(&path, grace.map(|grace| grace.seconds)))
            }
            (Fate::Undetermined { missing }, _) => (ExpectedFate::Undetermined, missing),
            (Fate::Survives { .. }, Usable::Unproven(why)) => (ExpectedFate::Unproven, why.clone()),
            (Fate::Survives { .. }, _) => (ExpectedFate::Survives, String::new()),
        }
    }

    /// The newest point that survives and can be counted on.
    fn left(&self, volume: &Volume) -> IncidentLeft {
        let survivors = self.graph.points_of(&volume.id);
        let survivors = survivors.filter(|point| self.outcome(point).0 == ExpectedFate::Survives);
        let newest = survivors.max_by_key(|point| (point.taken_at.value().copied(), &point.id));
        let age = newest.map(|point| match point.taken_at.value() {
            Some(taken) => say_duration(self.at - *taken),
            None => "unknown".to_owned(),
        });
        IncidentLeft {
            volume: volume.id.0.clone(),
            id: newest.map(|point| own_id(point).to_owned()),
            point: newest.map(|point| self.graph.point_label(&point.id)),
            age,
            rpo: say_duration(self.estate.policy_of(&volume.id).judged.rpo),
        }
    }
}

/// What the file calls it.
fn own_id(point: &RecoveryPoint) -> &str {
    point.id.0.strip_prefix("declared:").unwrap_or(&point.id.0)
}

/// The bonds from what was struck to what died, in one line.
fn because(path: &[Step], grace: Option<u64>) -> String {
    let steps: Vec<String> =
        path.iter().map(|step| format!("{} {} {}", step.thing, step.verb, step.on)).collect();
    let grace = grace.and_then(|seconds| i64::try_from(seconds).ok()).map(|seconds| {
        let span = say_duration(chrono::TimeDelta::seconds(seconds));
        format!("it can be had back for {span}")
    });
    steps.into_iter().chain(grace).collect::<Vec<_>>().join("; ")
}

fn probe(volume: &Volume) -> RecoveryPoint {
    let owner = Owner("the replay".into());
    let how = How::Declared(owner.clone());
    let on = Bond { nature: Nature::StoredOn, on: vec![volume.asset.clone()], dies_at: 1, how, grace: None };
    RecoveryPoint {
        id: PointId(format!("probe:{}", volume.id)),
        name: volume.name.clone(),
        of: Known::Declared(volume.id.clone(), owner.clone()),
        taken_at: Known::Unknown,
        kind: PointKind::Declared,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Unknown,
        bytes: Known::Unknown,
        lock: Known::Declared(Lock { mode: LockMode::None, until: None }, owner),
        state: None,
        usable: Usable::Yes,
        bonds: Nature::ALL.into_iter().fold(Bonds::default().with(on), Bonds::complete),
    }
}
