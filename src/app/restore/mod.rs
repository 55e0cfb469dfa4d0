//! Restoring a recovery point, or a part of it, to a new, empty target.

mod choice;
mod listing;
mod postgres;
mod targets;

pub use listing::{ListOrder, browse, restorable};
pub use postgres::{PostgresOrder, Rights, restore_postgres};
pub use targets::KeptOff;
pub(super) use targets::refuse_inside;

use super::Context;
use super::damage::{or_unrecorded, record_damage, record_unread, told};
use super::fresh::Freshness;
use super::stores::{directory_of, open_vault};
use super::vaults::what_to_know;
use crate::domain::{Monitor, Problem, Result, When, printable};
use crate::estate::VaultPlace;
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{MissedPath, RestoreDone};
use crate::vault::format::README_KEY;
use crate::vault::{
    Damage, FoundRoot, Only, Part, RestoreOptions, RestoreReport, RestoreRequest, Restored, Roots, Stopped,
    Streamed, Unread, Vault, Verified,
};
use choice::{
    chosen, newer_incomplete, newer_unsigned, refuse_closed, refuse_doubted, refuse_forked,
    refuse_silent_fallback, refuse_unread, within,
};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Instant;
use targets::{refuse_kernels, refuse_others, refuse_source};

/// What is to be restored where.
#[derive(Debug, Clone)]
pub struct RestoreOrder {
    /// The vault.
    pub vault: VaultPlace,
    /// The volume's id or path, as it is or as it is printed; not needed where the vault holds one volume.
    pub volume: Option<OsString>,
    /// The beginning of a recovery point's id; without it, the newest complete one.
    pub point: Option<String>,
    /// Without a point: which are meant.
    pub when: When,
    /// Where to.
    pub target: PathBuf,
    /// What of it, where it is not all.
    pub only: Option<Only>,
    /// Device nodes, and going on despite damage.
    pub options: RestoreOptions,
    /// What nothing is restored over or into, whether it is empty or not.
    pub kept_off: KeptOff,
}

/// Restores, reads the target back, and records it, with all damage that was found on the way.
///
/// # Errors
/// When nothing, or not everything, could be restored as it was stored. What was restored despite damage, and the
/// damage, are in the result.
pub fn restore(context: &Context, order: &RestoreOrder, monitor: &dyn Monitor) -> Result<RestoreDone> {
    restore_at(context, order, monitor, &mut |_, _| Ok(order.target.clone()))
}

/// Where a point goes, once the target was not refused.
type Place<'p> = dyn FnMut(&Vault, &FoundRoot) -> Result<PathBuf> + 'p;

/// The same, to a place at or below the target.
fn restore_at(
    context: &Context,
    order: &RestoreOrder,
    monitor: &dyn Monitor,
    place: &mut Place<'_>,
) -> Result<RestoreDone> {
    let began = Instant::now();
    let vault = open_vault(context, &order.vault)?;
    refuse_kernels(&order.target)?;
    if let Some(directory) = directory_of(&order.vault) {
        refuse_inside(directory, &order.target, (context.clock)())?;
    }
    let kept_off = refuse_others(&order.target, &order.kept_off, (context.clock)())?;
    let here = VaultRef::of(&vault)?;
    let all = Roots::read(&vault)?;
    let roots = within(&all, order.when);
    let mut book = Book { ledger: Ledger::open(&context.state, PATIENCE), context, here: &here, roots: &all };
    let Picked { found, part, mut notices } = pick(order, &vault, (&all, &roots), &book, monitor)?;
    notices.extend(kept_off);
    refuse_source(&order.target, found)?;
    let (target, options) = (place(&vault, found)?, order.options);
    let request = RestoreRequest { found, part, target: &target, options, resumable: true };
    let written =
        crate::vault::restore_part(&vault, request, monitor).map_err(|stopped| book.failed(stopped))?;
    let restored_after = began.elapsed().as_secs_f64();
    if let Err(problem) = book.found(&written.report.damage, &written.report.unread) {
        notices.push(format!("the damage is not recorded: {problem}"));
    }
    if !written.report.lost.is_empty() {
        return Ok(done(&written, &vault.place(), notices, began));
    }
    let verified = written.verify(&vault, monitor).map_err(|stopped| book.failed(stopped))?;
    if let Err(problem) = book.restored(&verified) {
        notices.push(format!("not recorded: {problem}"));
    }
    let done = done(&verified, &vault.place(), notices, began);
    Ok(RestoreDone { compared: true, restore_seconds: restored_after, ..done })
}

/// Writes the one file that is asked for to `out`, in order, each chunk compared before it is written. That it arrived, nobody here can
/// say: so nothing is recorded but damage.
///
/// # Errors
/// As [`restore`], and where it is not one file.
pub fn restore_stream(
    context: &Context,
    order: &RestoreOrder,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<RestoreDone> {
    let began = Instant::now();
    let vault = open_vault(context, &order.vault)?;
    let here = VaultRef::of(&vault)?;
    let all = Roots::read(&vault)?;
    let roots = within(&all, order.when);
    let mut book = Book { ledger: Ledger::open(&context.state, PATIENCE), context, here: &here, roots: &all };
    let Picked { found, part, notices } = pick(order, &vault, (&all, &roots), &book, monitor)?;
    let streamed = crate::vault::stream(&vault, found, &part, out, monitor);
    let Streamed { entry } =
        streamed.map_err(|problem| book.failed(Stopped::of(problem, found.key.as_str())))?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(RestoreDone {
        vault: vault.place(),
        volume: printable(found.root.volume.0.as_bytes()),
        point: found.short(),
        taken_at: found.root.taken_at,
        target: "standard output".into(),
        streamed: true,
        entries: 1,
        bytes: entry.size,
        only: part.given(),
        missed_when_stored: found.root.totals.missed,
        notices,
        restore_seconds: seconds,
        seconds,
        ..RestoreDone::default()
    })
}

/// What an order comes to.
struct Picked<'r> {
    found: &'r FoundRoot,
    part: Part,
    notices: Vec<String>,
}

fn pick<'r>(
    order: &RestoreOrder,
    vault: &Vault,
    (all, within): (&Roots, &'r Roots),
    book: &Book<'_>,
    monitor: &dyn Monitor,
) -> Result<Picked<'r>> {
    let mut notices: Vec<String> = what_to_know(vault)?;
    // At 03:00 there may be no ledger, and no place for one: restoring goes on and says so.
    if let Err(problem) = &book.ledger {
        notices.push(format!("no ledger: {problem}; this restore is not recorded"));
    }
    let history =
        book.ledger.as_ref().map(|ledger| History::of(ledger.records(), book.here)).unwrap_or_default();
    let found = chosen(order, within, all)?;
    if order.point.is_none() {
        refuse_silent_fallback(found, all, order.when, &history)?;
        refuse_closed(found, within)?;
        refuse_doubted(found, all, &history)?;
        refuse_forked(found, vault)?;
        refuse_unread(found, vault, all, &history)?;
        notices.extend(newer_incomplete(found, within));
        notices.extend(newer_unsigned(found, within));
        let of_volume = all.sound.iter().filter(|other| other.root.volume == found.root.volume);
        notices.extend(Freshness::of(of_volume, &history).notice());
    }
    notices
        .extend(found.signed.doubt().map(|why| format!("{} is restored all the same: {why}", found.short())));
    let part = match &order.only {
        Some(only) => Part::of(vault, found.root.tree()?, only, order.options.despite_damage, monitor)?,
        None => Part::default(),
    };
    Ok(Picked { found, part, notices })
}

/// What is recorded of a restore, where there is a ledger.
struct Book<'a> {
    ledger: Result<Ledger>,
    context: &'a Context,
    here: &'a VaultRef,
    roots: &'a Roots,
}

impl Book<'_> {
    /// Records damage, and what could not be read. Damaged instructions concern every point; of anything else the ledger finds out itself
    /// which points need it.
    fn found(&mut self, damage: &[Damage], unread: &[Unread]) -> Result<()> {
        let (mut damage, mut unread) = (damage.to_vec(), unread.to_vec());
        let every_point = || self.roots.sound.iter().map(|found| found.key.as_str().to_owned());
        for found in damage.iter_mut().filter(|found| found.object == README_KEY) {
            found.points.extend(every_point());
        }
        for found in unread.iter_mut().filter(|found| found.object == README_KEY) {
            found.points.extend(every_point());
        }
        match &mut self.ledger {
            Ok(ledger) => {
                let recorded = record_damage(ledger, (self.context.clock)(), self.here, &damage);
                recorded.and(record_unread(ledger, (self.context.clock)(), self.here, &unread))
            }
            Err(problem) if !damage.is_empty() => Err(problem.clone()),
            Err(_) => Ok(()),
        }
    }

    /// The problem that ended the restore, once the damage found until then is recorded.
    fn failed(&mut self, Stopped { problem, damage, unread }: Stopped) -> Problem {
        or_unrecorded(problem, self.found(&damage, &unread))
    }

    /// Records the restore, unless it went around damage, was of a part, or went on with another one: that the point restores as a whole from what
    /// the vault holds was not shown then.
    fn restored(&mut self, restored: &Restored<Verified>) -> Result<()> {
        let has_all = restored.report.damage.is_empty() && restored.report.unread.is_empty();
        let is_whole = has_all && restored.part.is_all() && !restored.report.went_on;
        let (Ok(ledger), true) = (&mut self.ledger, is_whole) else { return Ok(()) };
        let event = Event::Restored {
            point: restored.point.record(),
            vault: self.here.clone(),
            target: printable(restored.target.as_os_str().as_bytes()),
            bytes: restored.report.bytes,
        };
        ledger.append((self.context.clock)(), event)
    }
}

/// Extended attributes that are there now though nobody stored them.
fn not_stored(report: &RestoreReport) -> impl Iterator<Item = String> {
    let said = [
        (
            &report.labels,
            "the kernel or the filesystem gave restored entries attributes that were not stored",
        ),
        (&report.target_keeps, "the target was there before, and keeps attributes that were not stored"),
    ];
    said.into_iter().filter(|(names, _)| !names.is_empty()).map(|(names, what)| {
        let names: Vec<String> = names.iter().map(|name| printable(name.as_bytes())).collect();
        format!("{what}: {}", names.join(", "))
    })
}

/// What was gone around: damaged, or not read. Whoever restores lacks the one as the other.
fn not_had(report: &RestoreReport) -> Vec<Damage> {
    let unread = report.unread.iter().cloned();
    let unread = unread.map(|Unread { object, because, points }| Damage { object, because, points });
    report.damage.iter().cloned().chain(unread).collect()
}

fn done<State>(
    restored: &Restored<State>,
    vault: &str,
    mut notices: Vec<String>,
    began: Instant,
) -> RestoreDone {
    let (root, report) = (&restored.point.root, &restored.report);
    notices.extend(not_stored(report));
    notices.extend(report.unnoted.as_ref().map(|why| {
        format!(
            "no note could be kept beside the target, so that a stopped restore could not have gone on: {why}"
        )
    }));
    RestoreDone {
        vault: vault.into(),
        volume: printable(root.volume.0.as_bytes()),
        point: restored.point.short(),
        taken_at: root.taken_at,
        target: printable(restored.target.as_os_str().as_bytes()),
        entries: report.entries,
        bytes: report.bytes,
        kept_bytes: report.kept_bytes,
        note: report.note.clone(),
        devices_left_out: report.devices_left_out,
        ownership_not_given: report.not_given.ownership,
        xattrs_not_given: report.not_given.xattrs,
        missed_when_stored: root.totals.missed,
        only: restored.part.given(),
        left_out: if restored.part.is_all() {
            0
        } else {
            root.totals.entries.saturating_sub(report.entries + report.devices_left_out)
        },
        lost: report
            .lost
            .iter()
            .map(|lost| MissedPath { path: lost.path.to_string(), because: lost.because.clone() })
            .collect(),
        damage: told(&not_had(report), |_| restored.point.short()),
        notices,
        seconds: began.elapsed().as_secs_f64(),
        ..RestoreDone::default()
    }
}
