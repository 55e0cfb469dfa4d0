//! How every volume of the estate stands: what survives which loss, and what its findings come to.

use super::NightlyOrder;
use crate::app::estate::judge_estate;
use crate::app::{Audited, Context};
use crate::domain::{Finding, Policy, Result, Verdict};
use crate::estate::VolumeEntry;
use crate::isolation::{Cell, Row};
use crate::report::activity::{DrillOutcome, DrillStanding, Standing, SurvivingCopy, VolumeNight};
use crate::rules::Judged;

/// Surveys and judges the estate.
///
/// # Errors
/// As [`judge_estate`].
pub(super) fn stand(context: &Context, order: &NightlyOrder) -> Result<Vec<VolumeNight>> {
    let audited = judge_estate(context, &order.estate, order.limit)?;
    let mut volumes: Vec<VolumeNight> = order
        .estate
        .volumes
        .iter()
        .map(|entry| {
            let judged = audited.judged.iter().find(|judged| judged.volume.id == entry.id);
            night_of(order, entry, judged, &audited)
        })
        .collect();
    volumes.sort_by(|a, b| a.volume.cmp(&b.volume));
    Ok(volumes)
}

fn night_of(
    order: &NightlyOrder,
    entry: &VolumeEntry,
    judged: Option<&Judged>,
    audited: &Audited,
) -> VolumeNight {
    let policy = order.estate.policy_of(&entry.id);
    let findings = judged.map(|judged| judged.findings.as_slice()).unwrap_or_default();
    let standing = findings.iter().map(standing_of).max().unwrap_or(Standing::Undetermined);
    let because = findings.iter().filter_map(because).collect();
    let rows = judged.map(|judged| judged.survival.rows.as_slice()).unwrap_or_default();
    VolumeNight {
        volume: entry.id.to_string(),
        owner: entry.owner.as_ref().map(|owner| owner.0.clone()),
        policy: entry.policy.clone(),
        rpo_seconds: policy.judged.rpo.num_seconds(),
        standing,
        because,
        survives: rows.iter().map(|row| surviving(row, &policy.judged, audited)).collect(),
        drill: DrillStanding {
            outcome: DrillOutcome::NeverDrilled,
            asked: policy.drill_every.is_some(),
            drill: None,
            last_passed_at: None,
            last_restore_seconds: None,
            detail: "no drill names it".into(),
        },
    }
}

fn standing_of(finding: &Finding) -> Standing {
    match finding.verdict {
        Verdict::Pass(_) | Verdict::NotApplicable(_) => Standing::Sound,
        Verdict::Undetermined(_) => Standing::Undetermined,
        Verdict::Fail(..) => Standing::Failed,
    }
}

fn because(finding: &Finding) -> Option<String> {
    match &finding.verdict {
        Verdict::Pass(_) | Verdict::NotApplicable(_) => None,
        Verdict::Undetermined(why) => Some(format!("{}: undetermined: {why}", finding.rule)),
        Verdict::Fail(severity, why) => Some(format!("{}: {}: {why}", finding.rule, severity.word())),
    }
}

fn surviving(row: &Row, policy: &Policy, audited: &Audited) -> SurvivingCopy {
    let (age_seconds, survivor) = match &row.cell {
        Cell::Survivor { point, age, .. } => {
            (age.map(|age| age.num_seconds()), audited.graph.point_label(point))
        }
        Cell::None => (None, "NONE".to_owned()),
        Cell::Unknown { because } => (None, format!("unknown: {because}")),
    };
    let asked = policy.survive.iter().any(|class| row.answers(*class));
    SurvivingCopy { class: row.class.word().into(), asked, hazard: row.title.clone(), age_seconds, survivor }
}
