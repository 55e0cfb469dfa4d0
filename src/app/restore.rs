//! Restoring a recovery point to a new, empty target.

use super::Context;
use super::damage::{or_unrecorded, record_damage, record_unread, stand_in, told};
use super::doubt::doubts;
use super::fresh::Freshness;
use super::stores::{directory_of, open_vault};
use super::vaults::{unread_epochs, what_to_know};
use crate::domain::{Kind, Monitor, Problem, Result, Timestamp, printable};
use crate::estate::VaultPlace;
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::providers::local::{Reach, System, reach};
use crate::report::activity::{MissedPath, RestoreDone};
use crate::vault::format::README_KEY;
use crate::vault::{
    Damage, Epochs, FoundRoot, RestoreOptions, RestoreReport, Restored, Roots, Stopped, Unread, Vault,
    Verified,
};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is to be restored where.
#[derive(Debug, Clone)]
pub struct RestoreOrder {
    /// The vault.
    pub vault: VaultPlace,
    /// The volume's id or path, as it is or as it is printed; not needed where the vault holds one volume.
    pub volume: Option<OsString>,
    /// The beginning of a recovery point's id; without it, the newest complete one.
    pub point: Option<String>,
    /// Where to.
    pub target: PathBuf,
    /// Device nodes, and going on despite damage.
    pub options: RestoreOptions,
}

/// Restores, reads the target back, and records it, with all damage that was found on the way.
///
/// # Errors
/// When nothing, or not everything, could be restored as it was stored. What was restored despite damage, and the
/// damage, are in the result.
pub fn restore(context: &Context, order: &RestoreOrder, monitor: &dyn Monitor) -> Result<RestoreDone> {
    let began = Instant::now();
    let vault = open_vault(context, &order.vault)?;
    if let Some(directory) = directory_of(&order.vault) {
        refuse_inside(directory, &order.target, (context.clock)())?;
    }
    let here = VaultRef::of(&vault)?;
    let roots = Roots::read(&vault)?;
    let mut notices: Vec<String> = what_to_know(&vault)?;
    let mut book =
        Book { ledger: Ledger::open(&context.state, PATIENCE), context, here: &here, roots: &roots };
    // At 03:00 there may be no ledger, and no place for one: restoring goes on and says so.
    if let Err(problem) = &book.ledger {
        notices.push(format!("no ledger: {problem}; this restore is not recorded"));
    }
    let history = book.ledger.as_ref().map(|ledger| History::of(ledger.records(), &here)).unwrap_or_default();
    let volume = order.volume.as_ref().map(|given| as_recorded(given, &roots));
    let found = roots.choose(volume.as_deref(), order.point.as_deref())?;
    if order.point.is_none() {
        refuse_silent_fallback(found, &roots, &history)?;
        refuse_closed(found, &roots)?;
        refuse_doubted(found, &roots, &history)?;
        refuse_forked(found, &vault)?;
        refuse_unread(found, &vault, &roots, &history)?;
        notices.extend(newer_incomplete(found, &roots));
        notices.extend(newer_unsigned(found, &roots));
        let of_volume = roots.sound.iter().filter(|other| other.root.volume == found.root.volume);
        notices.extend(Freshness::of(of_volume, &history).notice());
    }
    notices
        .extend(found.signed.doubt().map(|why| format!("{} is restored all the same: {why}", found.short())));
    let written = crate::vault::restore(&vault, found, &order.target, order.options, monitor)
        .map_err(|stopped| book.failed(stopped))?;
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

    /// Records the restore, unless it went around damage: that the point restores as a whole was not shown then.
    fn restored(&mut self, restored: &Restored<Verified>) -> Result<()> {
        let is_whole = restored.report.damage.is_empty() && restored.report.unread.is_empty();
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

/// What is restored into a vault would lie among its objects, be taken for some of them, and die with them.
/// Whichever way leads there, a directory is told by its device and inode.
pub(super) fn refuse_inside(vault: &Path, target: &Path, now: Timestamp) -> Result<()> {
    let place = printable(target.as_os_str().as_bytes());
    let failed = |error: std::io::Error| Problem::io("looking at the target", error).at(place.clone());
    let above = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let whole = target.canonicalize().or_else(|_| above.canonicalize()).map_err(failed)?;
    let identity = |path: &Path| rustix::fs::lstat(path).ok().map(|stat| (stat.st_dev, stat.st_ino));
    // A mount may lead to one folder of the vault alone.
    let mut vaults: BTreeSet<_> = identity(&vault.join(".")).into_iter().collect();
    for entry in std::fs::read_dir(vault).map_err(failed)? {
        vaults.extend(identity(&entry.map_err(failed)?.path()));
    }
    let shown = reach(vault, &whole, &System::default(), now) == Reach::ThroughOverlay;
    if shown || whole.ancestors().filter_map(identity).any(|above| vaults.contains(&above)) {
        return Err(Problem::new(Kind::Refused, "the target lies inside the vault").at(place).remedy(
            "name a target elsewhere: what is restored into a vault would be taken for a part of it",
        ));
    }
    Ok(())
}

/// What a person calls a volume, as the vault records it: ids hold paths as they are printed.
fn as_recorded(given: &OsStr, roots: &Roots) -> String {
    match given.to_str() {
        Some(text) if roots.choose(Some(text), None).is_ok() => text.to_owned(),
        _ => printable(given.as_bytes()),
    }
}

/// Without an explicit choice the newest point is meant. Where a newer one was recorded, or may have been,
/// and cannot be read, an older one is not given instead without a word.
fn refuse_silent_fallback(found: &FoundRoot, roots: &Roots, history: &History) -> Result<()> {
    let gone = history.awaited().find(|record| {
        record.volume == found.root.volume
            && record.taken_at > found.root.taken_at
            && !roots.sound.iter().any(|sound| sound.id == record.id)
            && stand_in(&record.key, roots, history).is_none()
    });
    let damaged = roots.damaged.iter().find(|(key, _)| stand_in(key.as_str(), roots, history).is_none());
    let object = match (gone, damaged) {
        (Some(record), _) => format!(
            "{}: recovery point {} of {}, recorded in the ledger, is damaged or gone",
            printable(record.key.as_bytes()),
            &record.id.to_string()[..12],
            record.taken_at.format("%Y-%m-%d %H:%M:%SZ")
        ),
        (None, Some((_, problem))) => format!("{problem}; its recovery point may be a newer one"),
        (None, None) => return Ok(()),
    };
    Err(Problem::new(Kind::Damaged, object).remedy(format!(
        "the newest sound recovery point is {} of {}: restore it with --point {}",
        found.short(),
        found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        found.short()
    )))
}

/// Nor where a newer one is of an epoch that nothing here opens, and may be of the same volume.
fn refuse_closed(found: &FoundRoot, roots: &Roots) -> Result<()> {
    let Some(newer) = roots.newer_closed(found).last() else { return Ok(()) };
    let what = format!(
        "a newer recovery point, {} of {}, was made in an epoch that nothing here opens, and may be of this volume",
        newer.short(),
        newer.root.taken_at.format("%Y-%m-%d %H:%M:%SZ")
    );
    Err(Problem::new(Kind::Refused, what).remedy(format!(
        "give the private key of a reader of that epoch (--identity FILE), or restore this one of {} with --point {}",
        found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        found.short()
    )))
}

/// What may be a copy of an unmounted mount point is given only to whoever names it.
fn refuse_doubted(found: &FoundRoot, roots: &Roots, history: &History) -> Result<()> {
    let Some(because) = doubts(roots, history).remove(&found.id) else { return Ok(()) };
    let what = format!("the newest recovery point, {}, may be of something else: {because}", found.short());
    Err(Problem::new(Kind::Refused, what)
        .remedy("choose this one or one before it with --point; `outlive vault list DIR` shows them"))
}

/// Where it cannot be told which of two epochs is the true one, the newest point may be of the other.
fn refuse_forked(found: &FoundRoot, vault: &Vault) -> Result<()> {
    if !vault.epochs().is_some_and(Epochs::is_forked) {
        return Ok(());
    }
    let what = format!(
        "two epochs of the vault began after the same one, and one of them may be somebody else's: so may the newest recovery point, {}",
        found.short()
    );
    Err(Problem::new(Kind::Refused, what).remedy(
        "see `outlive vault reader list`, and choose a point with --point that a ledger or a report knows",
    ))
}

/// What could not be read may say that the epoch of the newest point had ended before it was made, or tell of a newer epoch. Where this
/// machine stored the point itself, as the last one, it knows both.
fn refuse_unread(found: &FoundRoot, vault: &Vault, roots: &Roots, history: &History) -> Result<()> {
    let of_volume = roots.sound.iter().filter(|other| other.root.volume == found.root.volume);
    let Some(what) = unread_epochs(vault).filter(|_| Freshness::of(of_volume, history).proven.is_empty())
    else {
        return Ok(());
    };
    let what = format!(
        "{what}; so whether {} is the newest recovery point, and yours, cannot be said",
        found.short()
    );
    Err(Problem::new(Kind::Refused, what).remedy(format!(
        "run it again once the object can be read, or restore this point of {} with --point {}",
        found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        found.short()
    )))
}

/// A newer point that is incomplete is not taken by itself, but whoever restores must know that it is there.
fn newer_incomplete(found: &FoundRoot, roots: &Roots) -> Option<String> {
    let of_volume = |other: &&FoundRoot| other.root.volume == found.root.volume && other.signed.is_trusted();
    let newest = roots.sound.iter().rev().find(of_volume).filter(|newest| newest.id != found.id)?;
    Some(format!(
        "a newer recovery point, {} of {}, is incomplete ({} paths missed): --point {} restores it",
        newest.short(),
        newest.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        newest.root.totals.missed,
        newest.short()
    ))
}

/// Newer points that are not taken for ours: whoever restores may know better.
fn newer_unsigned(found: &FoundRoot, roots: &Roots) -> Option<String> {
    let is_newer = |other: &&FoundRoot| {
        other.root.volume == found.root.volume && other.root.taken_at > found.root.taken_at
    };
    let newest = roots.sound.iter().rev().filter(is_newer).find(|other| !other.signed.is_trusted())?;
    let (at, why) = (newest.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"), newest.signed.doubt()?);
    Some(format!("a newer recovery point, {} of {at}, is not taken for yours: {why}", newest.short()))
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
    RestoreDone {
        vault: vault.into(),
        volume: printable(root.volume.0.as_bytes()),
        point: restored.point.short(),
        taken_at: root.taken_at,
        target: printable(restored.target.as_os_str().as_bytes()),
        entries: report.entries,
        bytes: report.bytes,
        devices_left_out: report.devices_left_out,
        ownership_not_given: report.not_given.ownership,
        xattrs_not_given: report.not_given.xattrs,
        missed_when_stored: root.totals.missed,
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
