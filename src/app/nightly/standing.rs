//! How every volume of the estate stands: what survives which loss, and what its findings come to.

use super::NightlyOrder;
use crate::app::estate::judge_estate;
use crate::app::{Audited, Context, drill_standings};
use crate::domain::{Finding, Gap, GapScope, Policy, Result, Verdict, VolumeId};
use crate::drill::read_drills;
use crate::estate::{Estate, VolumeEntry};
use crate::isolation::{Cell, Row};
use crate::ledger::{Ledger, PATIENCE};
use crate::report::activity::{DrillOutcome, DrillStanding, Standing, SurvivingCopy, VolumeNight};
use crate::rules::{Judged, is_about_drills};
use std::collections::BTreeMap;
use std::time::Duration;

/// How everything stands, and what could not be seen.
pub(super) struct Stood {
    /// Every volume.
    pub volumes: Vec<VolumeNight>,
    /// What could not be seen: it counts, whatever the volumes look like.
    pub gaps: Vec<String>,
    /// What they were judged from; none where nobody waited for it.
    pub audited: Option<Audited>,
}

/// Surveys and judges the estate. Looking at one path or vault takes no longer than `limit`.
///
/// # Errors
/// As [`judge_estate`].
pub(super) fn stand(context: &Context, order: &NightlyOrder, limit: Duration) -> Result<Stood> {
    let audited = judge_estate(context, &order.estate, limit)?;
    let mut drills = drills(context, &order.estate)?;
    let mut volumes: Vec<VolumeNight> = order
        .estate
        .volumes
        .iter()
        .map(|entry| {
            let judged = audited.judged.iter().find(|judged| judged.volume.id == entry.id);
            let drill = drills.remove(&entry.id).unwrap_or_else(DrillStanding::unseen);
            night_of(order, entry, judged.map(|judged| (judged, &audited)), drill)
        })
        .collect();
    volumes.sort_by(|a, b| a.volume.cmp(&b.volume));
    // What the file asks for and nothing does is told by its own name.
    let told = |gap: &&Gap| gap.scope.counts() && !matches!(gap.scope, GapScope::Asked(_));
    let unseen = audited.graph.inventory().gaps.iter().filter(told);
    let mut gaps: Vec<String> =
        unseen.map(|gap| format!("{}: {}: {}", gap.place, gap.reason.word(), gap.detail)).collect();
    gaps.extend(audited.judged.iter().filter_map(|judged| unnamed(&order.estate, judged)));
    Ok(Stood { volumes, gaps, audited: Some(audited) })
}

/// What is wrong with a volume that a provider has and the file does not name: nobody else would tell of it.
fn unnamed(estate: &Estate, judged: &Judged) -> Option<String> {
    let worst = judged.findings.iter().filter(|finding| !is_about_drills(&finding.rule)).find_map(because);
    let worst = worst.filter(|_| estate.volume(&judged.volume.id).is_none())?;
    Some(format!(
        "{}: a provider has it and the estate file does not name it, and by [policy.default] it is not sound: {worst}",
        judged.volume.name
    ))
}

/// How the estate stands where nobody waited until it was seen: nothing is known of it.
pub(super) fn unseen(order: &NightlyOrder, why: String) -> Stood {
    // That nothing is known of the volume says it all; its drills were not looked at either.
    let drill =
        || DrillStanding { outcome: DrillOutcome::NeverDrilled, asked: false, ..DrillStanding::unseen() };
    let volume = |entry: &VolumeEntry| night_of(order, entry, None, drill());
    let mut volumes: Vec<VolumeNight> = order.estate.volumes.iter().map(volume).collect();
    volumes.sort_by(|a, b| a.volume.cmp(&b.volume));
    Stood { volumes, gaps: vec![why], audited: None }
}

/// How the drills of each volume stand. A directory of drills that cannot be listed says nothing of any.
fn drills(context: &Context, estate: &Estate) -> Result<BTreeMap<VolumeId, DrillStanding>> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let Ok(files) = read_drills(estate) else { return Ok(BTreeMap::new()) };
    Ok(drill_standings(estate, &files, &records, (context.clock)()))
}

fn night_of(
    order: &NightlyOrder,
    entry: &VolumeEntry,
    judged: Option<(&Judged, &Audited)>,
    drill: DrillStanding,
) -> VolumeNight {
    let policy = order.estate.policy_of(&entry.id);
    let findings = judged.map(|(judged, _)| judged.findings.as_slice()).unwrap_or_default();
    // How its drills stand has a verdict of its own, which counts them by their schedules.
    let told = || findings.iter().filter(|finding| !is_about_drills(&finding.rule));
    let standing = told().map(standing_of).max().unwrap_or(Standing::Undetermined);
    let because = told().filter_map(because).collect();
    let survives = judged.map(|(judged, audited)| {
        judged.survival.rows.iter().map(|row| surviving(row, &policy.judged, audited)).collect()
    });
    VolumeNight {
        volume: entry.id.to_string(),
        owner: entry.owner.as_ref().map(|owner| owner.0.clone()),
        policy: entry.policy.clone(),
        rpo_seconds: policy.judged.rpo.num_seconds(),
        standing,
        because,
        survives: survives.unwrap_or_default(),
        drill,
    }
}

fn standing_of(finding: &Finding) -> Standing {
    match finding.verdict {
        Verdict::Pass(_) | Verdict::NotApplicable(_) | Verdict::Waived { .. } => Standing::Sound,
        Verdict::Undetermined(_) => Standing::Undetermined,
        Verdict::Fail(..) => Standing::Failed,
    }
}

fn because(finding: &Finding) -> Option<String> {
    match &finding.verdict {
        Verdict::Pass(_) | Verdict::NotApplicable(_) | Verdict::Waived { .. } => None,
        Verdict::Undetermined(why) => Some(format!("{}: undetermined: {why}", finding.rule)),
        Verdict::Fail(severity, why) => Some(format!("{}: {}: {why}", finding.rule, severity.word())),
    }
}

fn surviving(row: &Row, policy: &Policy, audited: &Audited) -> SurvivingCopy {
    let (age_seconds, survivor) = match &row.cell {
        Cell::Survivor { point, age, .. } => {
            (age.map(|age| age.num_seconds()), audited.graph.label_at(*point))
        }
        Cell::None => (None, "NONE".to_owned()),
        Cell::Unknown { because } => (None, format!("unknown: {because}")),
    };
    let asked = policy.survive.iter().any(|class| row.answers(*class));
    SurvivingCopy { class: row.class.word().into(), asked, hazard: row.title.clone(), age_seconds, survivor }
}
