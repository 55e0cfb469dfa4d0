//! `outlive/what-if/v0` and `outlive/explain-volume/v0`.

use super::parts::{AcquaintanceJson, ActJson, LockJson, VolumeJson, time};
use super::render;
use crate::domain::{How, Timestamp};
use crate::isolation::{Fate, Graph, Radius, Reason, Standing, Stay, Step, Struck, Traced, TracedPoints};
use crate::report::explained::Explained;
use serde::Serialize;

#[derive(Serialize)]
struct WhatIfJson {
    schema: &'static str,
    at: String,
    exit_codes: Vec<u8>,
    title: String,
    hazards: Vec<ActJson>,
    volumes: Vec<StruckJson>,
    untouched: usize,
    recovery_points_of_unknown_volumes: usize,
}

#[derive(Serialize)]
struct StruckJson {
    id: String,
    name: String,
    kind: &'static str,
    primary: ReasonJson,
    recovery_points: Vec<GroupJson>,
    dies: usize,
    may_die: usize,
    stays: usize,
    newest_left: Option<NewestJson>,
    hidden: Option<String>,
}

#[derive(Serialize)]
struct NewestJson {
    recovery_point: String,
    stays: &'static str,
    taken_at: Option<String>,
    age_seconds: Option<i64>,
    drilled_at: Option<String>,
}

#[derive(Serialize)]
struct ExplainVolumeJson {
    schema: &'static str,
    at: String,
    exit_codes: Vec<u8>,
    asked: String,
    volumes: Vec<ExplainedJson>,
}

#[derive(Serialize)]
struct ExplainedJson {
    #[serde(flatten)]
    volume: VolumeJson,
    hazards: Vec<TracedJson>,
    perhaps: Vec<String>,
    locks: Vec<PointLockJson>,
}

#[derive(Serialize)]
struct TracedJson {
    title: String,
    hazards: Vec<ActJson>,
    primary: ReasonJson,
    recovery_points: Vec<GroupJson>,
}

#[derive(Serialize)]
struct GroupJson {
    ids: Vec<String>,
    counts: &'static str,
    counts_because: Option<String>,
    volume_known: bool,
    #[serde(flatten)]
    reason: ReasonJson,
}

#[derive(Serialize)]
struct ReasonJson {
    fate: &'static str,
    path: Vec<StepJson>,
    grace_seconds: Option<u64>,
    until: Option<String>,
    not_known: Option<String>,
    to_settle: Option<String>,
}

#[derive(Serialize)]
struct StepJson {
    thing: String,
    verb: &'static str,
    on: String,
    #[serde(flatten)]
    known: AcquaintanceJson,
}

#[derive(Serialize)]
struct PointLockJson {
    recovery_point: String,
    lock: LockJson,
}

/// A blast radius. The exit codes are the caller's: every one that applies.
pub fn what_if(graph: &Graph, radius: &Radius, now: Timestamp, exit_codes: &[u8]) -> String {
    render(&WhatIfJson {
        schema: "outlive/what-if/v0",
        at: time(now),
        exit_codes: exit_codes.to_vec(),
        title: radius.title.clone(),
        hazards: radius.hazards.iter().map(ActJson::from).collect(),
        volumes: radius.struck.iter().map(|struck| StruckJson::new(graph, struck, now)).collect(),
        untouched: radius.untouched,
        recovery_points_of_unknown_volumes: radius.orphans,
    })
}

/// Volumes with the paths of bonds. The exit codes are the caller's: every one that applies.
pub fn explain_volumes(
    graph: &Graph,
    asked: &str,
    explained: &[Explained],
    now: Timestamp,
    exit_codes: &[u8],
) -> String {
    let volume = |one: &Explained| ExplainedJson {
        volume: VolumeJson::new(&one.volume, one.chain.clone()),
        hazards: one.traced.iter().map(|traced| TracedJson::new(graph, traced)).collect(),
        perhaps: one.perhaps.clone(),
        locks: graph
            .points_of(&one.volume.id)
            .map(|point| PointLockJson { recovery_point: point.id.0.clone(), lock: (&point.lock).into() })
            .collect(),
    };
    render(&ExplainVolumeJson {
        schema: "outlive/explain-volume/v0",
        at: time(now),
        exit_codes: exit_codes.to_vec(),
        asked: asked.to_owned(),
        volumes: explained.iter().map(volume).collect(),
    })
}

impl StruckJson {
    fn new(graph: &Graph, struck: &Struck, now: Timestamp) -> Self {
        let newest = struck.newest.map(|(place, stay)| {
            let point = graph.at(place);
            let taken = point.and_then(|point| point.taken_at.value().copied());
            NewestJson {
                recovery_point: graph.id_at(place).0,
                stays: match stay {
                    Stay::Certain => "certain",
                    Stay::Unproven => "unproven",
                    Stay::Perhaps => "perhaps",
                },
                taken_at: taken.map(time),
                age_seconds: taken.filter(|at| *at <= now).map(|at| (now - at).num_seconds()),
                drilled_at: point.and_then(|point| point.drilled_at.value().copied().flatten()).map(time),
            }
        });
        Self {
            id: struck.volume.id.0.clone(),
            name: struck.volume.name.clone(),
            kind: struck.volume.kind.word(),
            primary: (&struck.traced.primary).into(),
            recovery_points: struck
                .traced
                .points
                .iter()
                .map(|points| GroupJson::new(graph, points))
                .collect(),
            dies: struck.dies,
            may_die: struck.may_die,
            stays: struck.stays,
            newest_left: newest,
            hidden: struck.hidden.clone(),
        }
    }
}

impl TracedJson {
    fn new(graph: &Graph, traced: &Traced) -> Self {
        Self {
            title: traced.title.clone(),
            hazards: traced.hazards.iter().map(ActJson::from).collect(),
            primary: (&traced.primary).into(),
            recovery_points: traced.points.iter().map(|points| GroupJson::new(graph, points)).collect(),
        }
    }
}

impl GroupJson {
    fn new(graph: &Graph, points: &TracedPoints) -> Self {
        let (counts, because) = match &points.standing {
            Standing::Counts => ("yes", None),
            Standing::Unproven(why) => ("unproven", Some(why.clone())),
            Standing::Useless(why) => ("no", Some(why.clone())),
        };
        Self {
            ids: points.places.iter().map(|place| graph.id_at(*place).0).collect(),
            counts,
            counts_because: because,
            volume_known: !points.is_orphan,
            reason: (&points.reason).into(),
        }
    }
}

impl From<&Reason> for ReasonJson {
    fn from(reason: &Reason) -> Self {
        let (fate, path, grace, until, missing) = match &reason.fate {
            Fate::Dies { path, grace } => ("dies", path.as_slice(), *grace, None, None),
            Fate::Undetermined { missing } => {
                ("undetermined", [].as_slice(), None, None, Some(missing.clone()))
            }
            Fate::Survives { until } => ("survives", [].as_slice(), None, *until, None),
        };
        Self {
            fate,
            path: path.iter().map(StepJson::from).collect(),
            grace_seconds: grace.map(|grace| grace.seconds),
            until: until.map(time),
            not_known: missing,
            to_settle: reason.settle.clone(),
        }
    }
}

impl From<&Step> for StepJson {
    fn from(step: &Step) -> Self {
        let known = match &step.how {
            How::Observed(at) => AcquaintanceJson::observed(*at),
            How::Documented(source) => AcquaintanceJson::documented(source),
            How::Declared(owner) => AcquaintanceJson::declared(owner),
        };
        Self { thing: step.thing.clone(), verb: step.verb, on: step.on.clone(), known }
    }
}
