//! Copying: from a snapshot where there is one, into a vault, and read back.

mod beside;
mod prove;
mod source;

use super::Context;
use super::doubt::doubts;
use super::locks;
use super::named;
use super::stores::{directory_of, open_or_create_vault};
use super::vaults::unknown_place;
use crate::domain::{ByteName, CopyState, Kind, Monitor, Problem, Result, Volume, VolumeId};
use crate::estate::{CopyFrom, LockOrder, VaultPlace};
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{CopyDone, MissedPath, say_lock};
use crate::store::Retention;
use crate::vault::{CopyReport, CopyRequest, Source, Vault};
pub(super) use beside::itself;
use prove::prove;
use source::Looked;
use std::time::{Duration, Instant};

/// What is to be copied where.
#[derive(Debug, Clone)]
pub struct CopyOrder {
    /// What the volume is called in the vault; without it, as a volume on this machine is: by host and path.
    pub volume: Option<VolumeId>,
    /// Where the bytes come from.
    pub from: CopyFrom,
    /// The vault; made where it is not there.
    pub vault: VaultPlace,
    /// Its name in the estate file, where it has one: then none is made where one of this name is missed.
    pub vault_name: Option<String>,
    /// Under which lock it is written; none where none is asked for.
    pub lock: Option<LockOrder>,
    /// How long it may take.
    pub longest: Option<Duration>,
}

/// Copies, reads back, and records both.
///
/// # Errors
/// When no recovery point came about. A point that is incomplete or damaged is in the result.
pub fn copy(context: &Context, order: &CopyOrder, monitor: &dyn Monitor) -> Result<CopyDone> {
    let began = Instant::now();
    let now = (context.clock)();
    // The source is looked at first: without it no vault is made.
    let looked = Looked::at(context, order, now)?;
    let mut notices = looked.notices.clone();
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let vault = match (&order.vault_name, &order.lock) {
        // One under lock is never made on the way: what that costs is told first.
        (name, Some(lock)) => {
            let named = (name.as_deref().unwrap_or_default(), &order.vault);
            locks::open(context, named, lock, ledger.records())?
        }
        (Some(name), None) => named::open_or_create(context, name, &order.vault, now, ledger.records())?,
        (None, None) => open_or_create_vault(context, &order.vault, now)?,
    };
    let here = VaultRef::of(&vault)?;
    notices.extend(unknown_place(&vault)?);
    let (history, known) = (History::of(ledger.records(), &here), ledger.records().len());
    let volume = looked.volume.clone();
    ledger.append(now, Event::CopyStarted { volume: volume.id.clone(), vault: here.clone() })?;
    let within = directory_of(&order.vault).map(itself).unwrap_or_default();
    let request = CopyRequest {
        volume: &volume,
        origin: looked.origin.clone(),
        taken_at: looked.taken_at,
        avoid: &history.damaged_packs | &history.planned_packs,
        clock: &context.clock,
    };
    let opened = looked.open(context, order, within, monitor);
    let report = write(&vault, opened, &request, &mut ledger, monitor)?;
    let written = began.elapsed();
    refuse_planned(&report, &mut ledger, known, &here)?;
    let damage = prove(context, &vault, &report, (&here, &mut ledger), monitor)?;
    // Only now is it known that no other vault took its place while it was made.
    if let Some(name) = &order.vault_name {
        named::note(name, &vault, (context.clock)(), &mut ledger)?;
    }
    let packs = report.packs.iter().map(|line| &line.pack);
    let history = History::of(ledger.records(), &here);
    let state = history.state_with(&report.root.record(), packs);
    notices.extend(doubted_meanwhile(state).filter(|_| damage.is_empty()));
    let doubted = doubts(&report.roots, &history, (context.clock)()).remove(&report.root.id);
    notices.extend(doubted.as_ref().map(|because| {
        format!("this point does not count as a recovery point: {because} Once it was restored by its name, it does")
    }));
    notices.extend(order.lock.and_then(|asked| weaker_than_asked(&asked, &report)));
    notices.extend(vault.store().notice());
    notices.extend(told_untruth(&volume, &report.untrue));
    notices.extend(report.notices.iter().cloned());
    let untrue = report.untrue.iter().map(|path| named_in(&volume, path)).collect();
    Ok(CopyDone {
        seconds: began.elapsed().as_secs_f64(),
        copy_seconds: written.as_secs_f64(),
        state: state.unwrap_or(CopyState::Stored).word(),
        damage,
        doubted,
        untrue,
        notices,
        ..summary(&volume, &vault, &report)
    })
}

fn write(
    vault: &Vault,
    source: Result<Box<dyn Source>>,
    request: &CopyRequest<'_>,
    ledger: &mut Ledger,
    monitor: &dyn Monitor,
) -> Result<CopyReport> {
    let copied = source.and_then(|mut source| crate::vault::copy(vault, &mut *source, request, monitor));
    match copied {
        Ok(report) => {
            let stored = Event::Stored {
                point: report.root.record(),
                vault: VaultRef::of(vault)?,
                missed: report.root.root.totals.missed,
                written_bytes: report.written_bytes,
            };
            ledger.append((request.clock)(), stored)?;
            if let Some(lock) = report.lock {
                let (point, vault) = (report.root.record(), VaultRef::of(vault)?);
                ledger.append((request.clock)(), Event::Locked { point, vault, lock: Some(lock) })?;
            }
            Ok(report)
        }
        Err(problem) => {
            let because = problem.to_string();
            let failed =
                Event::CopyFailed { volume: request.volume.id.clone(), vault: VaultRef::of(vault)?, because };
            // The failure itself is what the user must see, even where the ledger's disk is full too.
            drop(ledger.append((request.clock)(), failed));
            // All that was named was there when the copy began: what is gone now went during it.
            let kind = if problem.kind == Kind::NotFound { Kind::Io } else { problem.kind };
            Err(Problem { kind, ..problem })
        }
    }
}

/// What is to be said of a point that was read back, and is not held to be, because of what another run found.
fn doubted_meanwhile(state: Option<CopyState>) -> Option<String> {
    let (could, then) = match state? {
        CopyState::Damaged => ("found some of it damaged", "`outlive verify` says which of them holds"),
        CopyState::Stored => ("could not read some of it", "run `outlive verify`"),
        _ => return None,
    };
    Some(format!("all that it needs was read back, yet meanwhile another run {could}: {then}"))
}

/// A file of a volume. A volume that is one file has it under no name.
fn named_in(volume: &Volume, path: &ByteName) -> String {
    if path.as_bytes().is_empty() { volume.name.clone() } else { path.to_string() }
}

/// What is to be said where files lay as before and had changed.
fn told_untruth(volume: &Volume, files: &[ByteName]) -> Option<String> {
    let first = named_in(volume, files.first()?);
    let more = match files.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!(
        "the filesystem or image called parts of {first}{more} unchanged, and they had changed: each of these files was read \
         whole. Copies since the last time that they were read whole may hold old bytes. The next copy reads every large file. \
         Have the disk and its filesystem checked"
    ))
}

/// Sees that no plan that was made meanwhile lets go of what the new point needs. A plan looks for new points once it is recorded, and
/// this looks for plans once the point is there: one of the two sees the other.
fn refuse_planned(report: &CopyReport, ledger: &mut Ledger, known: usize, here: &VaultRef) -> Result<()> {
    ledger.refresh()?;
    let meanwhile = History::of(&ledger.records()[known..], here).planned_packs;
    let Some(line) = report.packs.iter().find(|line| meanwhile.contains(&line.pack)) else { return Ok(()) };
    let what = "a plan for expiry was made meanwhile, and lets go of what the new recovery point needs";
    Err(Problem::new(Kind::Refused, what)
        .at(line.pack.pack()?.as_str())
        .remedy("do not carry that plan out: make a new one, which keeps it; then copy again"))
}

/// What is to be said of a point that is not locked as was asked for.
fn weaker_than_asked(asked: &LockOrder, report: &CopyReport) -> Option<String> {
    let needed = report.root.root.taken_at + asked.locked_for;
    match report.lock {
        None => Some("the store does not say whether what this point needs is locked".into()),
        Some(lock) if Retention::new(asked.kind, needed).is_met_by(&lock) => None,
        Some(lock) => {
            let until = needed.format("%Y-%m-%d %H:%M UTC");
            Some(format!(
                "what this point needs is {}, and was to be locked ({}) until {until}",
                say_lock(lock),
                asked.kind.word()
            ))
        }
    }
}

fn summary(volume: &Volume, vault: &Vault, report: &CopyReport) -> CopyDone {
    let root = &report.root.root;
    CopyDone {
        volume: volume.id.to_string(),
        vault: vault.place(),
        point: report.root.short(),
        id: report.root.id.to_string(),
        snapshot: root.origin.snapshot.clone(),
        taken_at: root.taken_at,
        entries: root.totals.entries,
        files: root.totals.files,
        bytes: root.totals.bytes,
        lock: report.lock,
        unread_bytes: report.unread_bytes,
        written_bytes: report.written_bytes,
        unsettled: root.totals.unsettled,
        not_entered: root.totals.not_entered,
        missed_count: root.totals.missed,
        missed: root
            .missed
            .iter()
            .map(|missed| MissedPath { path: missed.path.to_string(), because: missed.because.clone() })
            .collect(),
        ..CopyDone::default()
    }
}
