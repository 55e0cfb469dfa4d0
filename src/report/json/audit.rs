//! `outlive/audit/v0`.

use super::accounts::AccountJson;
use super::cuts::CutSetsJson;
use super::parts::{ActJson, CheckJson, GapJson, PointJson, PolicyJson, RolesJson, VolumeJson, time};
use super::render;
use crate::domain::{Finding, Policy, Timestamp, Verdict};
use crate::isolation::{Cell, Graph, PointPlace, Row, Shadow, single_points};
use crate::report::text::first;
use crate::rules::{Judged, Overall, by_id, overall};
use serde::Serialize;

#[derive(Serialize)]
struct AuditJson {
    schema: &'static str,
    at: String,
    exit_codes: Vec<u8>,
    overall: &'static str,
    policy: PolicyJson,
    volumes: Vec<JudgedJson>,
    recovery_points: Vec<PointJson>,
    gaps: Vec<GapJson>,
    checks: Vec<CheckJson>,
    roles: Vec<RolesJson>,
    accounts: Vec<AccountJson>,
    advice: String,
}

#[derive(Serialize)]
struct JudgedJson {
    #[serde(flatten)]
    volume: VolumeJson,
    survival: Vec<RowJson>,
    perhaps: Vec<ShadowJson>,
    single_points: Vec<String>,
    cut_sets: CutSetsJson,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct RowJson {
    #[serde(flatten)]
    act: ActJson,
    class: &'static str,
    also_class: Option<&'static str>,
    title: String,
    takes_primary: &'static str,
    #[serde(flatten)]
    cell: CellJson,
    recovery_points: usize,
    survivors: Vec<String>,
    dead: Vec<String>,
    undetermined: Vec<DoubtJson>,
    grace_seconds: Option<u64>,
}

#[derive(Serialize)]
struct ShadowJson {
    classes: Vec<&'static str>,
    not_known: String,
    #[serde(flatten)]
    cell: CellJson,
}

#[derive(Serialize)]
struct CellJson {
    result: &'static str,
    survivor: Option<SurvivorJson>,
    because: Option<String>,
}

#[derive(Serialize)]
struct SurvivorJson {
    recovery_point: String,
    taken_at: Option<String>,
    age_seconds: Option<i64>,
    state: Option<&'static str>,
    drilled_at: Option<String>,
}

#[derive(Serialize)]
struct DoubtJson {
    recovery_point: String,
    because: String,
}

#[derive(Serialize)]
struct FindingJson {
    rule: String,
    title: &'static str,
    verdict: &'static str,
    severity: Option<&'static str>,
    because: String,
    remedy: Option<&'static str>,
    waiver: Option<WaiverJson>,
}

#[derive(Serialize)]
struct WaiverJson {
    owner: String,
    reason: String,
    until: String,
}

/// The whole audit. The exit codes are the caller's: every one that applies.
pub fn audit(graph: &Graph, judged: &[Judged], policy: &Policy, now: Timestamp, exit_codes: &[u8]) -> String {
    let all = graph.inventory();
    render(&AuditJson {
        schema: "outlive/audit/v0",
        at: time(now),
        exit_codes: exit_codes.to_vec(),
        overall: match overall(judged, graph) {
            Overall::Sound => "sound",
            Overall::Undetermined => "undetermined",
            Overall::Failed => "failed",
        },
        policy: policy.into(),
        volumes: judged.iter().map(|judged| JudgedJson::new(graph, judged)).collect(),
        recovery_points: all.points.iter().map(|point| PointJson::new(graph, point)).collect(),
        gaps: all.gaps.iter().map(GapJson::from).collect(),
        checks: all.checks.iter().map(CheckJson::from).collect(),
        roles: all.roles.iter().map(RolesJson::from).collect(),
        accounts: all.accounts.iter().map(AccountJson::from).collect(),
        advice: first(judged, all),
    })
}

impl JudgedJson {
    fn new(graph: &Graph, judged: &Judged) -> Self {
        let rows = &judged.survival.rows;
        Self {
            volume: VolumeJson::new(&judged.volume, judged.chain.clone()),
            survival: rows.iter().map(|row| RowJson::new(graph, row)).collect(),
            perhaps: judged.survival.shadows.iter().map(|shadow| ShadowJson::new(graph, shadow)).collect(),
            single_points: single_points(rows).iter().map(|row| row.title.clone()).collect(),
            cut_sets: CutSetsJson::from(&judged.cuts),
            findings: judged.findings.iter().map(FindingJson::from).collect(),
        }
    }
}

impl RowJson {
    fn new(graph: &Graph, row: &Row) -> Self {
        let ids = |places: &[PointPlace]| places.iter().map(|place| graph.id_at(*place).0).collect();
        Self {
            act: (&row.hazard).into(),
            class: row.class.word(),
            also_class: row.also.map(|class| class.word()),
            title: row.title.clone(),
            takes_primary: match (row.takes_primary, row.may_take_primary) {
                (true, _) => "certain",
                (false, true) => "possible",
                (false, false) => "no",
            },
            cell: CellJson::new(graph, &row.cell),
            recovery_points: row.points,
            survivors: ids(&row.survivors),
            dead: ids(&row.dead),
            undetermined: row
                .undetermined
                .iter()
                .flat_map(|doubt| {
                    doubt.points.iter().map(|place| DoubtJson {
                        recovery_point: graph.id_at(*place).0,
                        because: doubt.because.clone(),
                    })
                })
                .collect(),
            grace_seconds: row.grace.map(|grace| grace.seconds),
        }
    }
}

impl ShadowJson {
    fn new(graph: &Graph, shadow: &Shadow) -> Self {
        let classes = shadow.classes.iter().map(|class| class.word()).collect();
        Self { classes, not_known: shadow.because.clone(), cell: CellJson::new(graph, &shadow.cell) }
    }
}

impl CellJson {
    fn new(graph: &Graph, cell: &Cell) -> Self {
        match cell {
            Cell::None => Self { result: "none", survivor: None, because: None },
            Cell::Unknown { because } => {
                Self { result: "unknown", survivor: None, because: Some(because.clone()) }
            }
            Cell::Survivor { point, taken_at, age, state, drilled_at } => {
                let survivor = SurvivorJson {
                    recovery_point: graph.id_at(*point).0,
                    taken_at: taken_at.value().map(|at| time(*at)),
                    age_seconds: age.map(|age| age.num_seconds()),
                    state: state.map(|state| state.word()),
                    drilled_at: drilled_at.value().copied().flatten().map(time),
                };
                Self { result: "survivor", survivor: Some(survivor), because: None }
            }
        }
    }
}

impl From<&Finding> for FindingJson {
    fn from(finding: &Finding) -> Self {
        let (verdict, severity, because) = match &finding.verdict {
            Verdict::Pass(why) => ("pass", None, why),
            Verdict::Fail(severity, why) => ("fail", Some(severity.word()), why),
            Verdict::Undetermined(why) => ("undetermined", None, why),
            Verdict::NotApplicable(why) => ("not-applicable", None, why),
            Verdict::Waived { because, .. } => ("waived", None, because),
        };
        let waiver = match &finding.verdict {
            Verdict::Waived { owner, reason, until, .. } => {
                Some(WaiverJson { owner: owner.0.clone(), reason: reason.clone(), until: time(*until) })
            }
            _ => None,
        };
        let rule = by_id(&finding.rule);
        Self {
            rule: finding.rule.clone(),
            title: rule.map_or("", |rule| rule.title()),
            verdict,
            severity,
            because: because.clone(),
            remedy: rule.filter(|_| verdict == "fail").map(|rule| rule.remedy()),
            waiver,
        }
    }
}
