//! What is due tonight: copies whose slot was not served, and the share of each vault that is read back.

use crate::app::share::SharePlan;
use crate::app::stores::open_vault;
use crate::app::{Context, CopyOrder, DrillOrder, due_drills};
use crate::domain::{CopyState, Kind, Problem, Result, Timestamp};
use crate::drill::read_drills;
use crate::estate::{CopyEntry, Estate, VaultEntry};
use crate::ledger::{History, Record, VaultRef};
use crate::plan::{Due, Schedule};
use crate::report::activity::TaskKind;
use crate::vault::{FoundRoot, Roots, Vault};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::time::Duration;

/// Something that is due.
#[derive(Clone)]
pub(super) struct Task {
    /// What is to be done.
    pub work: Work,
    /// The volume, where it is about one.
    pub volume: Option<String>,
    /// The vault.
    pub vault: Option<String>,
    /// The drill.
    pub drill: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How long it may take.
    pub longest: Option<Duration>,
    /// What would be done, in words.
    pub planned: String,
}

/// What is to be done.
#[derive(Clone)]
pub(super) enum Work {
    /// A copy.
    Copy(CopyOrder),
    /// Reading a share of a vault.
    Share(VaultEntry, TimeDelta),
    /// A test restore.
    Drill(Box<DrillOrder>),
    /// Nothing can be done: why.
    Impossible(TaskKind, Problem),
}

impl Work {
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Copy(_) => TaskKind::Copy,
            Self::Share(..) => TaskKind::ReadBack,
            Self::Drill(_) => TaskKind::Drill,
            Self::Impossible(kind, _) => *kind,
        }
    }
}

/// What is due, copies first.
pub(super) fn due(context: &Context, estate: &Estate, records: &[Record], now: Timestamp) -> Vec<Task> {
    let (mut copies, mut shares) = (Vec::new(), Vec::new());
    for entry in &estate.vaults {
        let to_this: Vec<&CopyEntry> = estate.copies.iter().filter(|copy| copy.to == entry.id).collect();
        let within = to_this.iter().map(|copy| policy_of(estate, copy).verify_within).min();
        match look(context, entry, records) {
            Ok(found) => {
                for copy in to_this {
                    let served = found.as_ref().and_then(|(_, served)| served.get(copy.volume.0.as_str()));
                    let schedule = Schedule { every: copy.every, offset: copy.offset };
                    let due = schedule.due(served.copied(), now);
                    copies.extend(due.map(|due| copy_task(copy, entry, due)));
                }
                if let (Some((vault, _)), Some(within)) = (found, within) {
                    shares.extend(share_task(context, &vault, entry, within, now));
                }
            }
            // Whether they are due cannot be known, so they are tried: that says what is wrong, once more and louder.
            Err(_) => {
                for copy in to_this {
                    let since = Schedule { every: copy.every, offset: copy.offset }.slot(now);
                    copies.push(copy_task(copy, entry, Due { since, slots: 1 }));
                }
            }
        }
    }
    copies.sort_by_key(|task: &Task| task.since);
    // Drills come last: what was copied tonight is what they restore.
    copies.into_iter().chain(shares).chain(drill_tasks(context, estate, records, now)).collect()
}

/// Drills that are due, and definitions that are wrong: whether those are due cannot be known.
fn drill_tasks(context: &Context, estate: &Estate, records: &[Record], now: Timestamp) -> Vec<Task> {
    let impossible = |name: Option<&str>, problem: Problem| Task {
        work: Work::Impossible(TaskKind::Drill, problem),
        volume: None,
        vault: None,
        drill: name.map(str::to_owned),
        since: Some(now),
        longest: None,
        planned: "a drill whose definition cannot be used".into(),
    };
    let files = match read_drills(estate) {
        Ok(files) => files,
        Err(problem) => return vec![impossible(None, problem)],
    };
    let wrong = files.iter().filter_map(|file| Some(impossible(Some(&file.name), file.drill.clone().err()?)));
    let due = due_drills(estate, &files, records, now).into_iter().map(|(drill, due)| Task {
        work: Work::Drill(Box::new(DrillOrder::of(context, estate, drill, "nightly"))),
        volume: Some(drill.volume.0.clone()),
        vault: drill.vault.clone(),
        drill: Some(drill.name.clone()),
        since: Some(due.since),
        longest: None,
        planned: format!("restore {} for the drill {}", drill.volume, drill.name),
    });
    wrong.chain(due).collect()
}

fn policy_of<'a>(estate: &'a Estate, copy: &CopyEntry) -> &'a crate::estate::PolicyEntry {
    estate.policy_of(&copy.volume)
}

/// When each volume's newest copy began that came back from this vault whole. `None` where there is no vault yet.
fn look(
    context: &Context,
    entry: &VaultEntry,
    records: &[Record],
) -> Result<Option<(Vault, BTreeMap<String, Timestamp>)>> {
    let vault = match open_vault(context, &entry.place) {
        Ok(vault) => vault,
        Err(problem) if problem.kind == Kind::NotFound => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let history = History::of(records, &VaultRef::of(&vault)?);
    let came_back = |found: &&FoundRoot| {
        found.root.is_complete() && history.state(&found.record()) >= Some(CopyState::ReadBack)
    };
    let mut served = BTreeMap::new();
    for found in Roots::read(&vault)?.sound.iter().filter(came_back) {
        let at: &mut Timestamp = served.entry(found.root.volume.0.clone()).or_default();
        *at = found.root.started_at.max(*at);
    }
    Ok(Some((vault, served)))
}

fn copy_task(copy: &CopyEntry, entry: &VaultEntry, due: Due) -> Task {
    let longest = copy.longest.to_std().ok();
    let missed = if due.slots > 1 { format!(", {} slots late", due.slots - 1) } else { String::new() };
    Task {
        work: Work::Copy(CopyOrder {
            volume: Some(copy.volume.clone()),
            from: copy.from.clone(),
            vault: entry.place.clone(),
            longest,
        }),
        volume: Some(copy.volume.0.clone()),
        vault: Some(entry.id.clone()),
        drill: None,
        since: Some(due.since),
        longest,
        planned: format!("copy {} to {}{missed}", copy.volume, entry.id),
    }
}

fn share_task(
    context: &Context,
    vault: &Vault,
    entry: &VaultEntry,
    within: TimeDelta,
    now: Timestamp,
) -> Option<Task> {
    let (work, planned) = match SharePlan::of(context, vault, within, now) {
        Ok(plan) if plan.packs() == 0 && plan.broken.is_empty() => return None,
        Ok(plan) => {
            let planned = format!("read {} of {} packs of {} back", plan.packs(), plan.all, entry.id);
            (Work::Share(entry.clone(), within), planned)
        }
        Err(problem) => {
            let planned = format!("read a share of {} back", entry.id);
            (Work::Impossible(TaskKind::ReadBack, problem), planned)
        }
    };
    let vault = Some(entry.id.clone());
    Some(Task { work, volume: None, vault, drill: None, since: Some(now), longest: None, planned })
}
