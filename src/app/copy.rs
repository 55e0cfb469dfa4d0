//! Copying: from a snapshot where there is one, into a vault, and read back.

use super::Context;
use super::damage::{or_unrecorded, record_found, record_or_fail, told};
use super::doubt::doubts;
use super::vaults::unknown_place;
use crate::domain::{
    ByteName, Consistency, CopyState, Kind, Monitor, Policy, Problem, Result, Timestamp, Volume, printable,
    say_duration,
};
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::providers::files::TreeSource;
use crate::providers::local::{Reach, SnapshotView, System, newest_snapshot_view, reach, volume_of};
use crate::report::activity::{CopyDone, DamagedObject, MissedPath};
use crate::store::DirStore;
use crate::vault::format::{Digest, Origin, PackLine};
use crate::vault::{
    CopyReport, CopyRequest, Damage, Present, ReadBack, Roots, Source, Stopped, Unread, Vault, gone,
    read_back,
};
use chrono::TimeDelta;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What is to be copied where.
#[derive(Debug, Clone)]
pub struct CopyOrder {
    /// The volume, by path.
    pub path: PathBuf,
    /// The vault's directory; made where it is not there.
    pub vault: PathBuf,
    /// Read live data even where there is a snapshot.
    pub live: bool,
}

/// Copies, reads back, and records both.
///
/// # Errors
/// When no recovery point came about. A point that is incomplete or damaged is in the result.
pub fn copy(context: &Context, order: &CopyOrder, monitor: &dyn Monitor) -> Result<CopyDone> {
    let began = Instant::now();
    let system = System::default();
    let now = (context.clock)();
    let volume = volume_of(&order.path, &system, now)?;
    let mut notices = Vec::new();
    let view = if order.live { None } else { snapshot_view(&order.path, &system, now, &mut notices) };
    let read = view.as_ref().map_or(&order.path, |view| &view.path);
    refuse_nesting(&order.vault, read)?;
    refuse_nesting(&order.vault, &order.path)?;
    notices.extend(reached(&order.vault, &order.path, &system, now)?);
    // The source is opened first: without it no vault is made.
    drop(TreeSource::open(read, Vec::new())?);
    let vault = Vault::open_or_create(Arc::new(DirStore::create(&order.vault)?), now)?;
    let mut source = TreeSource::open(read, itself(&order.vault))?;
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let here = VaultRef::of(&vault)?;
    notices.extend(unknown_place(&vault)?);
    let history = History::of(ledger.records(), &here);
    let started = Event::CopyStarted { volume: volume.id.clone(), vault: here.clone() };
    ledger.append(now, started)?;
    let origin = Origin {
        host: printable(rustix::system::uname().nodename().to_bytes()),
        path: ByteName::from(order.path.as_os_str().as_bytes()),
        snapshot: view.as_ref().map(|view| view.name.clone()),
        consistency: if view.is_some() { Consistency::Crash } else { Consistency::Live },
    };
    let request = CopyRequest {
        volume: &volume,
        origin,
        taken_at: view.as_ref().map_or(now, |view| view.taken_at),
        avoid: history.damaged_packs,
        clock: &context.clock,
    };
    let report = write(&vault, &mut source, &request, &mut ledger, monitor)?;
    let written = began.elapsed();
    let damage = prove(context, &vault, &report, &mut ledger, monitor)?;
    let packs = report.packs.iter().map(|line| &line.pack);
    let history = History::of(ledger.records(), &here);
    let state = history.state_with(&report.root.record(), packs);
    if damage.is_empty() && state == Some(CopyState::Damaged) {
        let what = "all that it needs was read back, yet meanwhile another run found some of it damaged";
        notices.push(format!("{what}: `outlive verify` says which of them holds"));
    }
    if damage.is_empty() && state == Some(CopyState::Stored) {
        let what = "all that it needs was read back, yet meanwhile another run could not read some of it";
        notices.push(format!("{what}: run `outlive verify`"));
    }
    let doubted = doubts(&Roots::read(&vault)?, &history).remove(&report.root.id);
    notices.extend(doubted.as_ref().map(|because| {
        format!("this point does not count as a recovery point: {because} Once it was restored by its name, it does")
    }));
    Ok(CopyDone {
        seconds: began.elapsed().as_secs_f64(),
        copy_seconds: written.as_secs_f64(),
        state: state.unwrap_or(CopyState::Stored).word(),
        damage,
        doubted,
        notices,
        ..summary(&volume, &vault, &report)
    })
}

/// The newest snapshot to read from. Where snapshots cannot be listed, live data is read, and that is said.
fn snapshot_view(
    path: &Path,
    system: &System,
    now: Timestamp,
    notices: &mut Vec<String>,
) -> Option<SnapshotView> {
    match newest_snapshot_view(path, system) {
        Ok(view) => {
            let old =
                view.as_ref().map(|view| now - view.taken_at).filter(|age| *age > Policy::default().rpo);
            if let Some(age) = old {
                let age = say_duration(age);
                notices.push(format!("the newest snapshot is {age} old; --live reads the data as it is now"));
            }
            view
        }
        Err(problem) => {
            notices.push(format!("snapshots could not be looked for, so live data was read: {problem}"));
            None
        }
    }
}

/// A vault inside what it is to protect would die with it. One on another filesystem, mounted inside, is not
/// inside: a copy does not enter there.
fn refuse_nesting(vault: &Path, source: &Path) -> Result<()> {
    let parent = vault.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = vault.canonicalize().or_else(|_| parent.canonicalize());
    let (Ok(source), Ok(place)) = (source.canonicalize(), found) else { return Ok(()) };
    let device = |path: &Path| rustix::fs::stat(path).map(|stat| stat.st_dev).ok();
    if place.starts_with(&source) && device(&place) == device(&source) {
        return Err(Problem::new(
            Kind::Refused,
            "the vault lies inside what is to be copied, and would die with it",
        )
        .at(printable(vault.as_os_str().as_bytes()))
        .remedy("name a vault elsewhere: best on another machine"));
    }
    Ok(())
}

/// What `refuse_nesting` cannot see in the paths: overlays, and what is mounted inside the volume.
fn reached(vault: &Path, volume: &Path, system: &System, now: Timestamp) -> Result<Option<String>> {
    match reach(volume, vault, system, now) {
        Reach::Apart => Ok(None),
        Reach::ThroughOverlay => {
            let what = "the vault and what is to be copied lie in one overlay, and would die together";
            Err(Problem::new(Kind::Refused, what)
                .at(printable(vault.as_os_str().as_bytes()))
                .remedy("name a vault outside the overlay's upper directory: best on another machine"))
        }
        Reach::Unknown => {
            let what = "the upper directory of an overlay is not known: should the vault lie in it, it would die with the volume";
            Ok(Some(what.to_owned()))
        }
        Reach::ThroughMount => {
            let what = "the vault can be reached below the volume: `rm -rf` of the volume deletes it too";
            Ok(Some(what.to_owned()))
        }
    }
}

/// The vault's directory, by device and inode: reached by whatever path, it is not copied into itself.
fn itself(vault: &Path) -> Vec<(u64, u64)> {
    rustix::fs::stat(vault).map(|stat| (stat.st_dev, stat.st_ino)).into_iter().collect()
}

fn write(
    vault: &Vault,
    source: &mut dyn Source,
    request: &CopyRequest<'_>,
    ledger: &mut Ledger,
    monitor: &dyn Monitor,
) -> Result<CopyReport> {
    match crate::vault::copy(vault, source, request, monitor) {
        Ok(report) => {
            let stored = Event::Stored {
                point: report.root.record(),
                vault: VaultRef::of(vault)?,
                missed: report.root.root.totals.missed,
                written_bytes: report.written_bytes,
            };
            ledger.append((request.clock)(), stored)?;
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

/// How long a reading of the point before counts for packs that the new point shares with it. After that
/// they are read again, so that a vault which is only ever copied to still notices its own decay.
const INHERIT: TimeDelta = TimeDelta::days(7);

/// Reads back what this copy wrote, and what it shares with the point before where that was not read lately.
/// Everything else it needs must at least be there, as long as it was written.
fn prove(
    context: &Context,
    vault: &Vault,
    report: &CopyReport,
    ledger: &mut Ledger,
    monitor: &dyn Monitor,
) -> Result<Vec<DamagedObject>> {
    let (now, here) = ((context.clock)(), VaultRef::of(vault)?);
    let key = report.root.key.as_str();
    let (mut read, mut inherited) = (ReadBack::default(), report.packs.iter().collect::<Vec<_>>());
    // Others may find damage while this copy is made and read back: what they doubted meanwhile is read too.
    let since = loop {
        ledger.refresh()?;
        let history = History::of(ledger.records(), &here);
        let since = inheritable(report, &history, now);
        let (kept, doubted): (Vec<&PackLine>, Vec<&PackLine>) = inherited.into_iter().partition(|line| {
            let is_doubted = history.damaged_packs.contains(&line.pack);
            since.is_some() && report.of_parent.contains(&line.pack) && !is_doubted
        });
        inherited = kept;
        if doubted.is_empty() {
            break since;
        }
        let doubted: Vec<PackLine> = doubted.into_iter().cloned().collect();
        match read_back(vault, &doubted, key, monitor) {
            Ok(more) => {
                read.bytes += more.bytes;
                read.damage.extend(more.damage);
            }
            Err(stopped) => {
                read.damage.extend(stopped.damage);
                let stopped = Stopped { damage: read.damage, ..stopped };
                let recorded = record_found(ledger, (context.clock)(), &here, &stopped);
                return Err(or_unrecorded(stopped.problem, recorded));
            }
        }
    };
    let present = Present::list(vault)?;
    for problem in inherited.iter().filter_map(|line| present.check(line).err()) {
        let (object, because) = (problem.place, problem.what);
        read.damage.push(Damage { object, because, points: [key.to_owned()].into() });
    }
    match root_read_back(vault, report, &mut read.damage) {
        Ok(bytes) => read.bytes += bytes,
        Err(problem) => {
            let unread = Unread::said_by(&problem, key).into_iter().collect();
            let stopped = Stopped { damage: read.damage, unread, problem };
            let recorded = record_found(ledger, (context.clock)(), &here, &stopped);
            return Err(or_unrecorded(stopped.problem, recorded));
        }
    }
    let since = if inherited.is_empty() { now } else { since.unwrap_or(now) };
    let damaged = told(&read.damage, |_| report.root.short());
    record_or_fail(ledger, (context.clock)(), &here, &read.damage)?;
    if damaged.is_empty() {
        let event = Event::ReadBack { point: report.root.record(), vault: here, bytes: read.bytes, since };
        ledger.append((context.clock)(), event)?;
    }
    Ok(damaged)
}

/// Since when the packs of the point before are known to be sound, where that is lately enough to build on.
fn inheritable(report: &CopyReport, history: &History, now: Timestamp) -> Option<Timestamp> {
    let parent = history.points.iter().find(|point| Some(point.id) == report.parent)?;
    let since = *history.read_since.get(&parent.id)?;
    // What of the parent could not be read since is read now, with all the rest: then all of it is as old as this.
    let proved = history.state(parent) >= Some(CopyState::ReadBack)
        && !history.is_unread(parent, report.of_parent.iter());
    (proved && since <= now && now - since <= INHERIT).then_some(since)
}

/// The root, and the instructions, beside which no restore begins when they are damaged.
fn root_read_back(vault: &Vault, report: &CopyReport, damage: &mut Vec<Damage>) -> Result<u64> {
    let key = &report.root.key;
    match vault.check_readme().map_err(gone) {
        Err(Problem { kind: Kind::Damaged, place: object, what: because, .. }) => {
            damage.push(Damage { object, because, points: [key.as_str().to_owned()].into() });
        }
        other => other?,
    }
    vault.store().forget(key)?;
    let bytes = vault.store().get_bytes(key, crate::vault::format::MAX_OBJECT)?;
    if Digest::of(&bytes) != report.root.id {
        let because = "does not match its SHA-256".into();
        let points = [key.as_str().to_owned()].into();
        damage.push(Damage { object: key.as_str().into(), because, points });
    }
    Ok(bytes.len() as u64)
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
