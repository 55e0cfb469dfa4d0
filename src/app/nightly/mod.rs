//! The nightly run: survey, judge, act, survey again, judge again. What counts is the second judgement.

mod act;
mod due;
mod lock;
mod runbooks;
mod sign;
mod standing;
mod tell;

pub use lock::Holder;

use super::survey::Waiting;
use super::{Context, Opened, gone_drills};
use crate::domain::{Monitor, Result, Timestamp, printable};
use crate::drill::read_drills;
use crate::estate::{Estate, GivenUp, VaultEntry, Waiver};
use crate::ledger::{Event, Ledger, PATIENCE, Record, Undone};
use crate::report::activity::{NightVerdict, NightlyDone, TaskDone, TaskKind, TaskOutcome, Unhonoured};
use crate::store::random_hex;
use act::Ends;
use due::Task;
use lock::{Asked, RunLock};
use standing::Stood;
use std::time::{Duration, Instant};
use tell::Teller;

/// How long one path or vault is still looked at by a run that is over: service managers wait a minute or so, and what
/// does not answer within this is told as unknown.
const BRIEF: Duration = Duration::from_secs(10);

/// What a nightly run is to do.
#[derive(Debug, Clone)]
pub struct NightlyOrder {
    /// The estate.
    pub estate: Estate,
    /// Do nothing, and show what would be done.
    pub dry_run: bool,
    /// When it ends, whatever is not done by then.
    pub until: Option<Timestamp>,
    /// How long looking at one path or vault may take.
    pub limit: Duration,
    /// How long what was asked to stop is waited for.
    pub grace: Duration,
}

/// What a nightly run came to.
pub enum Night {
    /// It ran.
    Done(Box<NightlyDone>),
    /// Another run holds the lock: who, as far as that can be read.
    Held(Option<Holder>),
}

/// Does everything that is due.
///
/// # Errors
/// When the state directory or its ledger cannot be used: a run that leaves no record does nothing. Whatever fails
/// on the way is in the result.
pub fn nightly(context: &Context, order: &NightlyOrder, monitor: &dyn Monitor) -> Result<Night> {
    // What another run remembers of a vault is not believed in this one.
    let context = &Context { opened: Opened::default(), ..context.clone() };
    let started_at = (context.clock)();
    let run = run_id()?;
    if order.dry_run {
        return Ok(Night::Done(Box::new(look_only(context, order, run, started_at, monitor)?)));
    }
    let holder = Holder {
        pid: std::process::id(),
        host: printable(rustix::system::uname().nodename().to_bytes()),
        run: run.clone(),
        since: started_at,
    };
    let _lock = match RunLock::ask(&context.state, &holder)? {
        Asked::Ours(lock) => lock,
        Asked::Held(by) => return Ok(Night::Held(by)),
    };
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let teller = Teller::begin(context, &order.estate, &run);
    match at_work(context, order, (&run, started_at), &mut ledger, monitor) {
        Ok(mut done) => {
            teller.end(&mut done, &mut ledger);
            Ok(Night::Done(Box::new(done)))
        }
        Err(problem) => {
            teller.fail(&problem);
            Err(problem)
        }
    }
}

fn at_work(
    context: &Context,
    order: &NightlyOrder,
    (run, started_at): (&str, Timestamp),
    ledger: &mut Ledger,
    monitor: &dyn Monitor,
) -> Result<NightlyDone> {
    let mut notices: Vec<String> = unended(ledger.records()).into_iter().collect();
    let began = Event::NightBegan { run: run.to_owned(), config_sha256: order.estate.digest.clone() };
    ledger.append(started_at, began)?;
    let ends = Ends { at: ends_at(order, started_at), grace: order.grace };
    let mut before = stand(context, order, looking(order, ends, monitor), monitor)?;
    let due =
        match due(context, order, ledger.records(), (started_at, looking(order, ends, monitor)), monitor) {
            Ok(due) => due,
            Err(why) => {
                before.gaps.push(format!("what is due: {why}"));
                Vec::new()
            }
        };
    notices.extend(gone(&order.estate, ledger.records()));
    notices.extend(given_up(&order.estate, started_at));
    let nothing_due = due.is_empty();
    // Drills restore what was copied tonight, so they wait for the copies.
    let (drills, first): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|task| task.work.kind() == TaskKind::Drill);
    let mut tasks = act::act(context, first, order.estate.nightly.concurrency, ends, monitor);
    tasks.extend(act::act(context, drills, order.estate.nightly.concurrency, ends, monitor));
    if monitor.cancelled() {
        notices.push("it was asked to stop: what is not done is due in the next run".into());
    }
    super::named::record(context, &order.estate, ledger)?;
    // Where nothing was done, nothing has changed by it.
    let mut stood =
        if nothing_due { before } else { stand(context, order, again(order, ends, monitor), monitor)? };
    let audited = stood.audited.take();
    let mut done = told(context, order, run.to_owned(), started_at, (tasks, stood, notices));
    let limit = again(order, ends, monitor);
    runbooks::write(context, &order.estate, audited.as_ref(), (ledger, limit), &mut done);
    record_end(context, ledger, &mut done);
    sign::sign(context, &order.estate, again(order, ends, monitor), &mut done);
    Ok(done)
}

/// Records that the run ended, and how. A run that says it ended and left no record is not believed.
fn record_end(context: &Context, ledger: &mut Ledger, done: &mut NightlyDone) {
    let count = |outcome| done.tasks.iter().filter(|task| task.outcome == outcome).count();
    let ended = Event::NightEnded {
        run: done.run.clone(),
        verdicts: done.verdicts.iter().map(|verdict| verdict.word().to_owned()).collect(),
        done: count(TaskOutcome::Done),
        failed: count(TaskOutcome::Failed),
        not_done: count(TaskOutcome::NotDone),
        undone: done.tasks.iter().filter_map(undone).collect(),
    };
    if let Err(problem) = ledger.append((context.clock)(), ended) {
        done.notices.push(format!("the end of this run is not recorded: {problem}"));
        done.verdicts.push(NightVerdict::Unrecorded);
    }
}

/// What of the vaults is knowingly given up, said every night.
fn given_up(estate: &Estate, now: Timestamp) -> Vec<String> {
    let waived = estate.vaults.iter().filter_map(|entry| Some((entry, entry.waive_damage.as_ref()?)));
    let waived = waived.filter(|(_, given_up)| given_up.waiver.until > now);
    let say = |(entry, given_up): (&VaultEntry, &GivenUp)| {
        let Waiver { reason, owner, until } = &given_up.waiver;
        format!(
            "{}: damage of {} objects is given up until {} by {}: {reason}",
            entry.id,
            given_up.objects.len(),
            until.format("%Y-%m-%d"),
            owner.0
        )
    };
    let damage = waived.map(say);
    let unread = estate.vaults.iter().filter_map(|entry| Some((entry, entry.waive_unread.as_ref()?)));
    let unread = unread.filter(|(_, waived)| waived.waiver.until > now).map(|(entry, waived)| {
        let Waiver { reason, owner, until } = &waived.waiver;
        format!(
            "{}: {} objects among the statements of epochs, where they cannot be read, are none of yours until {} by {}: {reason}",
            entry.id,
            waived.objects.len(),
            until.format("%Y-%m-%d"),
            owner.0
        )
    });
    damage.chain(unread).collect()
}

/// A task that failed or was not reached, as the ledger keeps it.
fn undone(task: &TaskDone) -> Option<Undone> {
    if matches!(task.outcome, TaskOutcome::Done | TaskOutcome::Planned) {
        return None;
    }
    Some(Undone {
        task: task.task.word().to_owned(),
        volume: task.volume.clone(),
        vault: task.vault.clone(),
        drill: task.drill.clone(),
        outcome: task.outcome.word().to_lowercase(),
        because: task.detail.clone(),
    })
}

fn look_only(
    context: &Context,
    order: &NightlyOrder,
    run: String,
    started_at: Timestamp,
    monitor: &dyn Monitor,
) -> Result<NightlyDone> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let ends = Ends { at: ends_at(order, started_at), grace: order.grace };
    let due = due(context, order, &records, (started_at, looking(order, ends, monitor)), monitor);
    let mut stood = stand(context, order, looking(order, ends, monitor), monitor)?;
    let due = due.unwrap_or_else(|why| {
        stood.gaps.push(format!("what is due: {why}"));
        Vec::new()
    });
    Ok(told(context, order, run, started_at, (act::planned(&due), stood, gone(&order.estate, &records))))
}

/// Each look within has a limit of its own; this is none.
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// How everything stands, as far as it is seen before somebody asks to stop.
fn stand(context: &Context, order: &NightlyOrder, limit: Duration, monitor: &dyn Monitor) -> Result<Stood> {
    let (looking, asked) = (context.clone(), order.clone());
    let waiting = Waiting::start(NO_LIMIT, move || standing::stand(&looking, &asked, limit));
    waiting.end_unless_stopped(monitor, BRIEF).unwrap_or_else(|(_, why)| Ok(standing::unseen(order, why)))
}

/// What is due, or why nobody knows.
fn due(
    context: &Context,
    order: &NightlyOrder,
    records: &[Record],
    (now, limit): (Timestamp, Duration),
    monitor: &dyn Monitor,
) -> std::result::Result<Vec<Task>, String> {
    let (looking, estate, records) = (context.clone(), order.estate.clone(), records.to_vec());
    let waiting = Waiting::start(NO_LIMIT, move || due::due(&looking, &estate, &records, now, limit));
    waiting.end_unless_stopped(monitor, BRIEF).map_err(|(_, why)| why)
}

fn told(
    context: &Context,
    order: &NightlyOrder,
    run: String,
    started_at: Timestamp,
    (tasks, Stood { volumes, gaps, .. }, notices): (Vec<TaskDone>, Stood, Vec<String>),
) -> NightlyDone {
    let unhonoured = order.estate.unhonoured.iter().map(|asked| Unhonoured {
        key: asked.key.clone(),
        because: asked.because.clone(),
        line: asked.line,
    });
    let mut done = NightlyDone {
        run,
        version: env!("CARGO_PKG_VERSION"),
        config: printable(order.estate.path.as_os_str().as_encoded_bytes()),
        config_sha256: order.estate.digest.clone(),
        started_at,
        finished_at: (context.clock)(),
        dry_run: order.dry_run,
        tasks,
        volumes,
        gaps,
        unhonoured: unhonoured.collect(),
        notices,
        runbooks: Vec::new(),
        verdicts: Vec::new(),
    };
    done.verdicts = NightVerdict::of(&done);
    done
}

/// When the run ends: at its deadline or at the time that was asked for, whichever comes first.
fn ends_at(order: &NightlyOrder, started_at: Timestamp) -> Option<Instant> {
    let deadline = order.estate.nightly.deadline;
    let left = order.until.map_or(deadline, |until| deadline.min(until - started_at));
    Instant::now().checked_add(left.to_std().unwrap_or_default())
}

/// How much of the run is left.
fn left(order: &NightlyOrder, ends: Ends) -> Duration {
    let deadline = order.estate.nightly.deadline.to_std().unwrap_or_default();
    ends.at.map_or(deadline, |at| at.saturating_duration_since(Instant::now()))
}

/// How long one path or vault is looked at before anything is done: a server that never answers must leave most of the
/// night to the others.
fn looking(order: &NightlyOrder, ends: Ends, monitor: &dyn Monitor) -> Duration {
    if monitor.cancelled() { order.limit.min(BRIEF / 4) } else { order.limit.min(left(order, ends) / 4) }
}

/// How long one is looked at afterwards.
fn again(order: &NightlyOrder, ends: Ends, monitor: &dyn Monitor) -> Duration {
    let left = if monitor.cancelled() { Duration::ZERO } else { left(order, ends) };
    order.limit.min(left.max(BRIEF))
}

/// Drills that were, and are defined no more. Where definitions cannot be listed, that itself is told.
fn gone(estate: &Estate, records: &[Record]) -> Vec<String> {
    read_drills(estate).map_or_else(|_| Vec::new(), |files| gone_drills(estate, &files, records))
}

/// The last run, where it began and did not end.
fn unended(records: &[Record]) -> Option<String> {
    let last = records.iter().rev().find_map(|record| match &record.event {
        Event::NightBegan { .. } => Some(Some(record.at)),
        Event::NightEnded { .. } => Some(None),
        _ => None,
    });
    let began = last.flatten()?.format("%Y-%m-%d %H:%M:%S UTC");
    Some(format!(
        "the nightly run that began at {began} did not end by itself: it was killed, or the machine went down"
    ))
}

/// A random UUID.
fn run_id() -> Result<String> {
    let hex = random_hex()?;
    // Version 4, variant 1 (RFC 9562, section 5.4).
    Ok(format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]))
}
