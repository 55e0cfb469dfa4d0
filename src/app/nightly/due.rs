//! What is due tonight: copies whose slot was not served, and the share of each vault that is read back.

use crate::app::doubt::doubts;
use crate::app::named;
use crate::app::share::SharePlan;
use crate::app::survey::Waiting;
use crate::app::vaults::came_back;
use crate::app::{Context, CopyOrder, DrillOrder, LockPlan, due_drills};
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::drill::read_drills;
use crate::estate::{CopyEntry, Estate, VaultEntry};
use crate::ledger::{History, Record, VaultRef};
use crate::plan::{Due, Schedule};
use crate::report::activity::TaskKind;
use crate::vault::{FoundRoot, Present, Roots, Vault};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;
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
    /// Making the locks longer of what is still needed in a vault.
    Locks(Box<LockPlan>),
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
            Self::Locks(_) => TaskKind::Lock,
            Self::Drill(_) => TaskKind::Drill,
            Self::Impossible(kind, _) => *kind,
        }
    }
}

/// When each volume's newest copy began that came back from a vault, and the vault. `None` where there is none yet.
type Served = Option<(Vault, BTreeMap<String, Timestamp>)>;

/// What is due, copies first. Each vault has `limit` to say what it holds, and again to say what of it is to be read.
pub(super) fn due(
    context: &Context,
    estate: &Estate,
    records: &[Record],
    now: Timestamp,
    limit: Duration,
) -> Vec<Task> {
    let (mut copies, mut answered) = (Vec::new(), Vec::new());
    let (mut silent, mut unread) = (Vec::new(), Vec::new());
    for (entry, looked) in look_at_all(context, estate, records, limit) {
        let to_this = estate.copies.iter().filter(|copy| copy.to == entry.id);
        let schedule = |copy: &CopyEntry| Schedule { every: copy.every, offset: copy.offset };
        match looked {
            Ok(found) => {
                for copy in to_this {
                    let served = found.as_ref().and_then(|(_, served)| served.get(copy.volume.0.as_str()));
                    let due = schedule(copy).due(served.copied(), now);
                    copies.extend(due.map(|due| copy_task(estate, copy, entry, due)));
                }
                answered.extend(found.map(|(vault, _)| (entry, vault)));
            }
            // Whether they are due cannot be known, so they are tried: that says what is wrong, once more and louder.
            // What is to be read back of it neither: where it answers again, nobody else would say that it was not read.
            Err(_) => {
                let tried =
                    |copy| copy_task(estate, copy, entry, Due { since: schedule(copy).slot(now), slots: 1 });
                silent.extend(to_this.map(tried));
                unread.extend(share_task(entry, within_of(estate, entry), None, now));
            }
        }
    }
    copies.sort_by_key(|task: &Task| task.since);
    // Whether or not a vault answered before: a lock that ends is not waited for.
    copies.extend(estate.vaults.iter().filter_map(|entry| LockPlan::of(estate, entry)).map(lock_task(now)));
    let shares = share_tasks(context, estate, answered, now, limit);
    // What may hang comes after what will not. Drills come last: what was copied tonight is what they restore.
    let drills = drill_tasks(context, estate, records, now);
    copies.into_iter().chain(shares).chain(silent).chain(unread).chain(drills).collect()
}

/// Looks at all vaults at once, each in a thread of its own: a server that never answers holds nothing up.
fn look_at_all<'a>(
    context: &Context,
    estate: &'a Estate,
    records: &[Record],
    limit: Duration,
) -> Vec<(&'a VaultEntry, Result<Served>)> {
    let records: Arc<[Record]> = records.into();
    let start = |entry: &'a VaultEntry| {
        let (context, asked, records) = (context.clone(), entry.clone(), records.clone());
        (entry, Waiting::start(limit, move || look(&context, &asked, &records)))
    };
    let started: Vec<_> = estate.vaults.iter().map(start).collect();
    let end = |(entry, waiting): (&'a VaultEntry, Waiting<Result<Served>>)| {
        (entry, waiting.end().unwrap_or_else(|(_, why)| Err(Problem::new(Kind::Io, why))))
    };
    started.into_iter().map(end).collect()
}

/// Within which time everything in a vault is read back.
fn within_of(estate: &Estate, entry: &VaultEntry) -> TimeDelta {
    let to_this = estate.copies.iter().filter(|copy| copy.to == entry.id);
    let within = to_this.map(|copy| policy_of(estate, copy).verify_within).min();
    // One that no copy goes to any more still holds what was copied there.
    within.unwrap_or_else(|| estate.default_policy().verify_within)
}

/// The shares of vaults that are to be read back.
fn share_tasks(
    context: &Context,
    estate: &Estate,
    answered: Vec<(&VaultEntry, Vault)>,
    now: Timestamp,
    limit: Duration,
) -> Vec<Task> {
    let start = |(entry, vault): (&'_ VaultEntry, Vault)| {
        let within = within_of(estate, entry);
        let context = context.clone();
        let given_up = entry.given_up(now);
        let plan = move || SharePlan::of(&context, &vault, &given_up, (within, now));
        Some((entry.clone(), within, Waiting::start(limit, plan)))
    };
    let started: Vec<_> = answered.into_iter().filter_map(start).collect();
    let end = |(entry, within, waiting): (VaultEntry, TimeDelta, Waiting<Result<SharePlan>>)| {
        share_task(&entry, within, waiting.end().ok(), now)
    };
    started.into_iter().filter_map(end).collect()
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

/// What of the volumes came back from this vault whole.
fn look(context: &Context, entry: &VaultEntry, records: &[Record]) -> Result<Served> {
    let Some(vault) = named::open(context, &entry.id, &entry.place, records)? else { return Ok(None) };
    let history = History::of(records, &VaultRef::of(&vault)?);
    let roots = Roots::read(&vault)?;
    let present = Present::list(&vault)?;
    let mut served = BTreeMap::new();
    // What may be an unmounted mount point serves no slot: the next run looks whether the volume is back.
    let doubts = doubts(&roots, &history, (context.clock)());
    let counts =
        |found: &&FoundRoot| !doubts.contains_key(&found.id) && came_back(&vault, &present, found, &history);
    for found in roots.sound.iter().filter(counts) {
        let at: &mut Timestamp = served.entry(found.root.volume.0.clone()).or_default();
        *at = found.root.started_at.max(*at);
    }
    Ok(Some((vault, served)))
}

fn copy_task(estate: &Estate, copy: &CopyEntry, entry: &VaultEntry, due: Due) -> Task {
    let lock = estate.lock_order(entry, &copy.volume);
    let longest = copy.longest.to_std().ok();
    let missed = if due.slots > 1 { format!(", {} slots late", due.slots - 1) } else { String::new() };
    Task {
        work: Work::Copy(CopyOrder {
            volume: Some(copy.volume.clone()),
            from: copy.from.clone(),
            vault: entry.place.clone(),
            vault_name: Some(entry.id.clone()),
            lock,
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

fn lock_task(now: Timestamp) -> impl Fn(LockPlan) -> Task {
    move |plan| {
        let id = plan.entry.id.clone();
        let planned = format!("keep locked what is still needed in {id}");
        let work = Work::Locks(Box::new(plan));
        Task { work, volume: None, vault: Some(id), drill: None, since: Some(now), longest: None, planned }
    }
}

fn share_task(
    entry: &VaultEntry,
    within: TimeDelta,
    plan: Option<Result<SharePlan>>,
    now: Timestamp,
) -> Option<Task> {
    let (work, planned) = match plan {
        // It is planned again where it holds nobody up.
        None => (Work::Share(entry.clone(), within), format!("read a share of {} back", entry.id)),
        // Known damage is said again every night, also in one that has nothing to read.
        Some(Ok(plan)) if plan.packs() == 0 && plan.broken.is_empty() && plan.damaged == 0 => return None,
        Some(Ok(plan)) => {
            let planned = format!("read {} of {} packs of {} back", plan.packs(), plan.all, entry.id);
            (Work::Share(entry.clone(), within), planned)
        }
        Some(Err(problem)) => {
            let planned = format!("read a share of {} back", entry.id);
            (Work::Impossible(TaskKind::ReadBack, problem), planned)
        }
    };
    let vault = Some(entry.id.clone());
    Some(Task { work, volume: None, vault, drill: None, since: Some(now), longest: None, planned })
}
