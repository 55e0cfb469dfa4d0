//! A drill: choose a point, restore it into scratch space, check it, and leave evidence.

mod all;
mod escrow;
mod evidence;
mod prove;
mod record;
mod standing;
mod trial;
mod trust;

pub use all::{DrillsOrder, Which, due_drills, run_drills};
pub use escrow::prove_escrow;
pub use standing::{drill_standings, gone_drills};

use super::Context;
use super::damage::{record_damage, record_unread};
use crate::domain::{Monitor, Problem, Result, Timestamp, printable};
use crate::drill::{Drill, Measured, verdict};
use crate::estate::{Estate, VaultEntry};
use crate::ledger::{DrillEnd, Event, Ledger, PATIENCE};
use crate::report::activity::DrillDone;
use crate::store::random_hex;
use evidence::Evidence;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;
use trial::{Asked, Tried};

/// What becomes of what was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It is removed, and that is recorded.
    Remove,
    /// It stays, for somebody to look at.
    Keep,
}

/// Whether each check has to show that it notices its damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proving {
    /// Not this time.
    Skip,
    /// Each.
    EachCheck,
}

/// One drill to be run.
#[derive(Debug, Clone)]
pub struct DrillOrder {
    /// The drill.
    pub drill: Drill,
    /// The vaults that may hold the volume, in the order in which they are tried.
    pub vaults: Vec<VaultEntry>,
    /// Who answers for the volume.
    pub owner: Option<String>,
    /// SHA-256 of the estate file.
    pub config_sha256: String,
    /// The directory that gets a folder of evidence.
    pub evidence: PathBuf,
    /// What begins it: `command` or `nightly`.
    pub trigger: &'static str,
    /// What becomes of what was restored.
    pub afterwards: Afterwards,
    /// Whether the checks are proved.
    pub proving: Proving,
}

impl DrillOrder {
    /// A drill of an estate. Vaults that a copy of the volume goes to are tried first.
    pub fn of(context: &Context, estate: &Estate, drill: &Drill, trigger: &'static str) -> Self {
        let named = |entry: &&VaultEntry| drill.vault.as_ref().is_none_or(|name| *name == entry.id);
        let mut vaults: Vec<VaultEntry> = estate.vaults.iter().filter(named).cloned().collect();
        vaults.sort_by_key(|entry| !estate.copies_to(&entry.id).any(|copy| copy.volume == drill.volume));
        let owner = estate.volume(&drill.volume).and_then(|volume| volume.owner.clone());
        Self {
            drill: drill.clone(),
            vaults,
            owner: owner.map(|owner| owner.0),
            config_sha256: estate.digest.clone(),
            evidence: estate.nightly.evidence.clone().unwrap_or_else(|| context.state.join("evidence")),
            trigger,
            afterwards: Afterwards::Remove,
            proving: Proving::Skip,
        }
    }
}

/// Runs a drill. However it ends, there is a record of it.
///
/// # Errors
/// When evidence or ledger cannot be written: a drill that leaves no evidence is not begun, and the ledger says so.
pub fn drill(context: &Context, order: &DrillOrder, monitor: &dyn Monitor) -> Result<DrillDone> {
    let started_at = (context.clock)();
    let run = random_hex()?;
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let made = Evidence::create(&order.evidence, &order.drill.name, &run, started_at);
    let mut evidence = made.map_err(|problem| not_begun(&mut ledger, order, &run, started_at, problem))?;
    let seed = u64::from_str_radix(&run[..16], 16).unwrap_or_default();
    let mut tried = {
        let asked = Asked { context, order, records: ledger.records(), seed, now: started_at };
        Tried::of(&asked, &mut evidence, monitor)
    };
    let measured = Measured {
        newest_age: tried.newest_age,
        usable_after: tried.usable_after.and_then(|took| chrono::TimeDelta::from_std(took).ok()),
        checks: &tried.checks,
        failed: &tried.failed,
        not_run: &tried.not_run,
    };
    let (end, because) = verdict(&order.drill, &measured);
    let at = (context.clock)();
    // A drill that found damage and could not record it must not look as if it had found none.
    if let Err(problem) = record_findings(&mut ledger, at, &tried) {
        tried.deviations.push(format!("what was found is not in the ledger: {problem}"));
    }
    evidence.log(&format!("{}: {because}", end.word()));
    let record = record::record(order, &run, (started_at, at), seed, &tried, (end, &because), &mut evidence);
    let (record_sha256, end, because) = match evidence.record(&record) {
        Ok(digest) => (Some(digest), end, because),
        Err(problem) => {
            let because = format!("its evidence could not be written: {problem}");
            (None, if end == DrillEnd::Passed { DrillEnd::NotRun } else { end }, because)
        }
    };
    let event = Event::Drilled {
        drill: order.drill.name.clone(),
        run,
        volume: order.drill.volume.clone(),
        vault: tried.vault.as_ref().map(|vault| vault.place.clone()),
        point: tried.point.as_ref().map(|point| point.record()),
        outcome: end,
        because: because.clone(),
        started_at,
        usable_after_milliseconds: tried.usable_after.map(milliseconds),
        record_sha256: record_sha256.clone(),
    };
    ledger.append((context.clock)(), event)?;
    let place = printable(evidence.path().as_os_str().as_bytes());
    let record = crate::report::activity::DrillRecord { outcome: record::word(end), because, ..record };
    Ok(DrillDone { evidence: place, record_sha256, record })
}

/// Records that a drill could not begin; the reason, or that it could not be recorded.
fn not_begun(
    ledger: &mut Ledger,
    order: &DrillOrder,
    run: &str,
    started_at: Timestamp,
    problem: Problem,
) -> Problem {
    let event = Event::Drilled {
        drill: order.drill.name.clone(),
        run: run.to_owned(),
        volume: order.drill.volume.clone(),
        vault: None,
        point: None,
        outcome: DrillEnd::NotRun,
        because: format!("there is no place for its evidence: {problem}"),
        started_at,
        usable_after_milliseconds: None,
        record_sha256: None,
    };
    match ledger.append(started_at, event) {
        Ok(()) => problem,
        Err(unrecorded) => Problem { what: format!("{problem}, and {}", unrecorded.what), ..unrecorded },
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// Damage that was met, and that the point was restored whole: both are facts beside the drill's own verdict.
fn record_findings(ledger: &mut Ledger, at: Timestamp, tried: &Tried) -> Result<()> {
    let Some(vault) = &tried.vault else { return Ok(()) };
    record_damage(ledger, at, &vault.place, &tried.damage)?;
    record_unread(ledger, at, &vault.place, &tried.unread)?;
    if let (Some(point), Some(report), true) = (&tried.point, &tried.report, tried.damage.is_empty()) {
        let target = tried.scratch.as_ref().map(|scratch| scratch.path.clone()).unwrap_or_default();
        let (point, vault, bytes) = (point.record(), vault.place.clone(), report.bytes);
        ledger.append(at, Event::Restored { point, vault, target, bytes })?;
    }
    Ok(())
}
