//! The backups of a volume in an environment, and by what they are made.

use super::Work;
use super::assets::{backup_bonds, bucket_id};
use super::instances::Instance;
use super::look::{Thing, With};
use super::questions::Question;
use super::shapes::{Backup, Backups, Schedule};
use super::who::Who;
use crate::domain::{
    Bonds, Gap, GapReason, GapScope, Known, PointId, PointKind, RecoveryPoint, ScheduleSeen, Timestamp,
    Usable,
};
use crate::providers::graphql::{Complaint, List, Says, Unanswered, Variables};
use chrono::TimeDelta;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// How many backups one survey keeps.
const MOST: usize = 400_000;
/// How far a provider's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// What was found of one instance.
#[derive(Default)]
pub(super) struct Found {
    /// How many backups; they themselves are put together at once, since there may be very many.
    pub backups: usize,
    pub schedules: Vec<ScheduleSeen>,
}

/// Looks at the backups of one instance.
pub(super) fn points(work: &Work<'_>, who: &Who, instance: &Instance) -> With<Found> {
    let mut gaps = Vec::new();
    let gap = |reason, detail: String| Gap {
        scope: GapScope::PointsOf(instance.volume_id()),
        place: format!("provider {}, backups of {}", work.own.provider, instance.name),
        reason,
        detail,
    };
    let (listed, open) = listed(work, instance);
    gaps.extend(open.into_iter().map(|why| gap(why.reason(), why.say())));
    let bonds = backup_bonds(work, who);
    let mut found = Found::default();
    let backups = listed.backups.unwrap_or_default();
    if backups.missed > 0 {
        let detail = format!(
            "{} entries of the list are empty, or stand behind more than one list may have",
            backups.missed
        );
        gaps.push(gap(GapReason::Failed, detail));
    }
    let room = MOST.saturating_sub(work.kept.fetch_add(backups.items.len(), Ordering::Relaxed));
    if backups.items.len() > room {
        gaps.push(gap(
            GapReason::Unsupported,
            format!("one survey keeps {MOST} backups, and there are more"),
        ));
    }
    let is_ahead = |backup: &&Backup| backup.created_at.moment().is_some_and(|at| at > work.own.now + AHEAD);
    let ahead = backups.items.iter().take(room).filter(is_ahead).count();
    // Each goes straight to where all of them are: there may be too many to be there twice.
    let new = backups.items.into_iter().take(room).enumerate();
    let new = new.map(|(number, backup)| point(work, instance, &backup, number, &bonds));
    let mut kept = work.points.lock().unwrap_or_else(PoisonError::into_inner);
    let before = kept.len();
    kept.extend(new);
    found.backups = kept.len() - before;
    drop(kept);
    if ahead > 0 {
        let detail = format!(
            "{ahead} backups are said to be of a time that is still to come: one of two clocks is wrong, and when they were taken counts as unknown"
        );
        gaps.push(gap(GapReason::Failed, detail));
    }
    let schedules = listed.schedules.unwrap_or_default();
    found.schedules = schedules.items.iter().map(|schedule| rhythm(work, instance, schedule)).collect();
    (found, gaps)
}

/// The list of backups with that of schedules. Where one of the two cannot be had, the other is asked for alone.
fn listed(work: &Work<'_>, instance: &Instance) -> (Backups, Vec<Unanswered>) {
    let variables = Variables::of([("instance", &instance.id)]);
    let ask = |question| {
        let answer = work.transport.ask::<Backups>(question, &variables)?;
        Ok::<_, Unanswered>((
            answer.data,
            answer.beside.map(|(complaint, count)| Unanswered::Errors(complaint, count)),
        ))
    };
    let missing = Unanswered::NotUnderstood("a list is missing in it");
    match ask(Question::Backups) {
        Ok((both, None)) => {
            let is_whole = both.backups.is_some() && both.schedules.is_some();
            (both, if is_whole { Vec::new() } else { vec![missing] })
        }
        Ok((both, Some(beside))) => (both, vec![beside]),
        Err(Unanswered::Errors(complaint, _)) if complaint != Complaint::NotFound => {
            let (mut both, mut open) = (Backups { backups: None, schedules: None }, Vec::new());
            for question in [Question::BackupsAlone, Question::SchedulesAlone] {
                match ask(question) {
                    Ok((part, beside)) => {
                        open.extend(beside);
                        both.backups = both.backups.or(part.backups);
                        both.schedules = both.schedules.or(part.schedules);
                    }
                    Err(why) => open.push(why),
                }
            }
            // An answer without the list that was asked for is none, and not an empty list.
            if open.is_empty() && (both.backups.is_none() || both.schedules.is_none()) {
                open.push(missing);
            }
            (both, open)
        }
        Err(why) => (Backups { backups: None, schedules: Some(List::default()) }, vec![why]),
    }
}

fn point(
    work: &Work<'_>,
    instance: &Instance,
    backup: &Backup,
    number: usize,
    bonds: &Bonds,
) -> RecoveryPoint {
    let now = work.own.now;
    let id = match backup.id.text() {
        Some(text) => work.says.id(text).map_or_else(|| Says::stand_in(text), str::to_owned),
        None => format!("odd-{number}"),
    };
    let taken = backup.created_at.moment().filter(|at| *at <= now + AHEAD).map(|at| at.min(now));
    let name = backup.name.text().map(|name| work.says.name(name)).filter(|name| !name.is_empty());
    let usable = match (&instance.doubt, backup.expires_at.moment()) {
        (Some(why), _) => Usable::Unproven(format!("of its volume is said: {why}")),
        (None, Some(end)) if end <= now => Usable::Unproven("it was to expire before now".to_owned()),
        // That it is listed says that there is one, not that it restores.
        (None, _) => Usable::Unproven("Railway lists it, and nobody here has read or restored it".to_owned()),
    };
    RecoveryPoint {
        name: name.unwrap_or_else(|| id.clone()),
        id: PointId(format!("railway:{}/{id}", instance.id)),
        taken_at: taken.map_or(Known::Unknown, |at: Timestamp| Known::Observed(at, now)),
        kind: PointKind::Catalogued,
        catalogued: Some(work.backup.clone()),
        usable,
        bonds: bonds.clone(),
        ..of_instance(instance, now)
    }
}

/// What a bucket of the project may hold of this volume: nothing here looks into it.
pub(super) fn in_bucket(
    work: &Work<'_>,
    instance: &Instance,
    bucket: &Thing,
    bonds: &Bonds,
) -> RecoveryPoint {
    let why = "nobody looked into the bucket: it may hold point-in-time copies of this volume, or none";
    RecoveryPoint {
        name: bucket.name.clone(),
        id: PointId(format!("railway:{}/{}", instance.id, bucket_id(&bucket.id))),
        kind: PointKind::Catalogued,
        catalogued: Some("railway.pitr-bucket".into()),
        usable: Usable::Unproven(why.to_owned()),
        bonds: bonds.clone(),
        ..of_instance(instance, work.own.now)
    }
}

/// Nothing but of which volume it is.
fn of_instance(instance: &Instance, now: Timestamp) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId(String::new()),
        name: String::new(),
        of: Known::Observed(instance.volume_id(), now),
        taken_at: Known::Unknown,
        kind: PointKind::Catalogued,
        catalogued: None,
        consistency: Known::Unknown,
        bytes: Known::Unknown,
        lock: Known::Unknown,
        state: None,
        usable: Usable::Yes,
        drilled_at: Known::Unknown,
        bonds: Bonds::default(),
    }
}

fn rhythm(work: &Work<'_>, instance: &Instance, schedule: &Schedule) -> ScheduleSeen {
    let parts = [&schedule.kind, &schedule.cron, &schedule.name];
    let said: Vec<String> =
        parts.iter().filter_map(|part| part.text()).map(|part| work.says.name(part)).collect();
    ScheduleSeen {
        of: instance.name.clone(),
        rhythm: said.join(" "),
        keeps_seconds: schedule.retention_seconds.whole(),
    }
}
