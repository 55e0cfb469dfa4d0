//! Doing what is due: several at once, each with its own end; one that fails or hangs stops no other.

use super::due::{Task, Work};
use crate::app::share::SharePlan;
use crate::app::stores::open_vault;
use crate::app::{Context, LocksKept, copy, drill, keep_locks, named};
use crate::domain::{Kind, Monitor, Phase, Problem, Result, say_duration};
use crate::estate::VaultEntry;
use crate::ledger::{Ledger, PATIENCE};
use crate::report::activity::{CopyDone, DrillDone, TaskDone, TaskKind, TaskOutcome, say_bytes};
use crate::vault::Vault;
use chrono::TimeDelta;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// When the run ends, whatever is not done by then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    /// Nothing is begun after this, and what is at work is asked to stop.
    pub at: Option<Instant>,
    /// How long what was asked to stop is waited for. A dead server can hold a thread for ever.
    pub grace: Duration,
}

impl Ends {
    fn is_over(self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}

/// How often a wish to stop is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What came of a task: how it ended, in words, and how long it took.
type Ended = (usize, TaskOutcome, String, Duration);

/// Does all tasks, `width` at once, and says of each what became of it, in their order.
pub(super) fn act(
    context: &Context,
    tasks: Vec<Task>,
    width: usize,
    ends: Ends,
    monitor: &dyn Monitor,
) -> Vec<TaskDone> {
    let mut done: Vec<Option<TaskDone>> = tasks.iter().map(|_| None).collect();
    // Nothing is begun by a run that is over before it came to this.
    let stop = Arc::new(AtomicBool::new(ends.is_over() || monitor.cancelled()));
    let (to_workers, jobs) = crossbeam_channel::unbounded();
    let (to_us, results) = crossbeam_channel::unbounded();
    tasks.iter().cloned().enumerate().for_each(|job| drop(to_workers.send(job)));
    drop(to_workers);
    for _ in 0..width.clamp(1, tasks.len().max(1)) {
        let (context, jobs, to_us, stop) = (context.clone(), jobs.clone(), to_us.clone(), stop.clone());
        let started =
            thread::Builder::new().name("night".into()).spawn(move || work(&context, &jobs, &to_us, &stop));
        if started.is_err() {
            break;
        }
    }
    drop((jobs, to_us));
    wait(&tasks, &results, &stop, ends, monitor, &mut done);
    let unreached = |task: &Task| {
        let why = "it was asked to stop and did not end in time, or was never begun";
        told(task, TaskOutcome::NotDone, why.into(), Duration::ZERO)
    };
    done.into_iter().zip(&tasks).map(|(done, task)| done.unwrap_or_else(|| unreached(task))).collect()
}

fn wait(
    tasks: &[Task],
    results: &Receiver<Ended>,
    stop: &AtomicBool,
    ends: Ends,
    monitor: &dyn Monitor,
    done: &mut [Option<TaskDone>],
) {
    let mut given_up: Option<Instant> = None;
    while done.iter().any(Option::is_none) {
        match results.recv_timeout(LOOK) {
            Ok((place, outcome, detail, took)) => {
                done[place] = Some(told(&tasks[place], outcome, detail, took));
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if (ends.is_over() || monitor.cancelled()) && given_up.is_none() {
            stop.store(true, Relaxed);
            given_up = Some(Instant::now() + ends.grace);
        }
        if given_up.is_some_and(|at| Instant::now() >= at) {
            return;
        }
    }
}

fn told(task: &Task, outcome: TaskOutcome, detail: String, took: Duration) -> TaskDone {
    TaskDone {
        task: task.work.kind(),
        volume: task.volume.clone(),
        vault: task.vault.clone(),
        drill: task.drill.clone(),
        due_since: task.since,
        outcome,
        detail,
        seconds: took.as_secs_f64(),
    }
}

/// What would be done, for a run that does nothing, and what could not be.
pub(super) fn planned(tasks: &[Task]) -> Vec<TaskDone> {
    let planned = |task: &Task| {
        let (outcome, detail) = match &task.work {
            Work::Impossible(kind, problem) => impossible(*kind, problem),
            _ => (TaskOutcome::Planned, task.planned.clone()),
        };
        told(task, outcome, detail, Duration::ZERO)
    };
    tasks.iter().map(planned).collect()
}

/// The vault of a share. It may not have answered before, so that nobody looked yet whether it is the one of this name.
fn open_again(context: &Context, entry: &VaultEntry) -> Result<Vault> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let vault = open_vault(context, &entry.place)?;
    named::check(&entry.id, Some(&vault), &records)?;
    Ok(vault)
}

/// What a drill could not be tried for is a drill that did not run, not one that failed.
fn impossible(kind: TaskKind, problem: &Problem) -> (TaskOutcome, String) {
    let outcome = if kind == TaskKind::Drill { TaskOutcome::NotDone } else { TaskOutcome::Failed };
    (outcome, say(problem))
}

fn work(context: &Context, jobs: &Receiver<(usize, Task)>, results: &Sender<Ended>, stop: &Arc<AtomicBool>) {
    while let Ok((place, task)) = jobs.recv() {
        let began = Instant::now();
        let limit = Limit { stop: stop.clone(), ends: task.longest.map(|longest| began + longest) };
        let (outcome, detail) = if stop.load(Relaxed) {
            (TaskOutcome::NotDone, "the run ended before it was begun".into())
        } else {
            // A defect in one task must not take the night along.
            catch_unwind(AssertUnwindSafe(|| perform(context, &task, &limit)))
                .unwrap_or_else(|_| (TaskOutcome::Failed, "it failed inside outlive; report it".into()))
        };
        drop(results.send((place, outcome, detail, began.elapsed())));
    }
}

fn perform(context: &Context, task: &Task, limit: &Limit) -> (TaskOutcome, String) {
    let performed = match &task.work {
        Work::Copy(order) => copy(context, order, limit).map(|done| of_copy(&done)),
        Work::Share(entry, within) => open_again(context, entry).and_then(|vault| {
            let now = (context.clock)();
            let plan = SharePlan::of(context, &vault, &entry.given_up(now), (*within, now))?;
            read_share(context, &plan, &vault, limit)
        }),
        Work::Locks(plan) => keep_locks(context, plan).map(|kept| of_locks(&kept)),
        // What a drill could not be tried for is a drill that did not run, not one that failed.
        Work::Drill(order) => Ok(drill(context, order, limit)
            .map_or_else(|problem| (TaskOutcome::NotDone, say(&problem)), |done| of_drill(&done))),
        Work::Impossible(kind, problem) => Ok(impossible(*kind, problem)),
    };
    performed.unwrap_or_else(|problem| match (problem.kind, limit.stop.load(Relaxed)) {
        (Kind::Cancelled, true) => {
            (TaskOutcome::NotDone, "the run ended before it was done; the next one goes on".into())
        }
        (Kind::Cancelled, false) => {
            let longest = task.longest.and_then(|longest| TimeDelta::from_std(longest).ok());
            let longest = longest.map(say_duration).unwrap_or_default();
            (TaskOutcome::Failed, format!("it took longer than its `longest`, {longest}, and was ended"))
        }
        _ => (TaskOutcome::Failed, say(&problem)),
    })
}

fn say(problem: &Problem) -> String {
    if problem.remedy.is_empty() { problem.to_string() } else { format!("{problem}: {}", problem.remedy) }
}

fn of_copy(done: &CopyDone) -> (TaskOutcome, String) {
    let what = format!(
        "recovery point {}: {} files, {}; {} written",
        done.point,
        done.files,
        say_bytes(done.bytes),
        say_bytes(done.written_bytes)
    );
    let what = match done.unread_bytes {
        0 => what,
        unread => format!("{what}; {} of changed files not read", say_bytes(unread)),
    };
    let notices: String = done.notices.iter().map(|notice| format!("; {notice}")).collect();
    if done.is_sound() && !done.leaves_doubt() {
        return (TaskOutcome::Done, format!("{}, {what}{notices}", done.state));
    }
    let missed = done.missed.first().map(|missed| format!("; {}: {}", missed.path, missed.because));
    let damaged = done.damage.first().map(|damaged| format!("; {}: {}", damaged.object, damaged.because));
    let why: String = missed.into_iter().chain(damaged).collect();
    (TaskOutcome::Failed, format!("{}, {what}{why}{notices}", done.state))
}

fn of_locks(kept: &LocksKept) -> (TaskOutcome, String) {
    let what =
        format!("{} recovery points are kept locked; {} locks made longer", kept.points, kept.extended);
    let refused =
        kept.refused.as_ref().map(|(count, first)| format!("; {count} could not be: {}", say(first)));
    let short = kept.short.first().map(|first| {
        format!("; NOT LOCKED as long as they are needed: {} points, {first} among them", kept.short.len())
    });
    let outcome = if refused.is_none() && short.is_none() { TaskOutcome::Done } else { TaskOutcome::Failed };
    (outcome, format!("{what}{}{}", short.unwrap_or_default(), refused.unwrap_or_default()))
}

fn of_drill(done: &DrillDone) -> (TaskOutcome, String) {
    let what = format!("{}; evidence: {}", done.record.because, done.evidence);
    match done.record.outcome {
        "passed" => (TaskOutcome::Done, what),
        "failed" => (TaskOutcome::Failed, what),
        _ => (TaskOutcome::NotDone, what),
    }
}

fn read_share(
    context: &Context,
    plan: &SharePlan,
    vault: &Vault,
    limit: &Limit,
) -> Result<(TaskOutcome, String)> {
    let done = plan.read(context, vault, limit)?;
    let late = if plan.overdue > 0 { format!(", {} of them overdue", plan.overdue) } else { String::new() };
    let notice = plan.notice().map(|notice| format!("; {notice}")).unwrap_or_default();
    let what =
        format!("{} of {} packs, {}, read back{late}{notice}", done.packs, plan.all, say_bytes(done.bytes));
    if let Some(damaged) = done.damage.first() {
        let what = format!("{what}; DAMAGED {}: {}", damaged.object, damaged.because);
        return Ok((TaskOutcome::Failed, what));
    }
    if let Some(broken) = plan.broken.first() {
        return Ok((TaskOutcome::Failed, format!("{what}; {broken}")));
    }
    Ok((if plan.damaged > 0 { TaskOutcome::Failed } else { TaskOutcome::Done }, what))
}

/// Ends a task when the run ends, or the task's own time is up. The bars of several at once would say nothing.
struct Limit {
    stop: Arc<AtomicBool>,
    ends: Option<Instant>,
}

impl Monitor for Limit {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.stop.load(Relaxed) || self.ends.is_some_and(|ends| Instant::now() >= ends)
    }
}
