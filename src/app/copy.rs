//! Copying: from a snapshot where there is one, into a vault, and read back.

use super::Context;
use crate::domain::{
    ByteName, Consistency, CopyState, Kind, Monitor, Policy, Problem, Result, Timestamp, Volume, printable,
    say_duration,
};
use crate::ledger::{Event, History, Ledger};
use crate::providers::files::TreeSource;
use crate::providers::local::{SnapshotView, System, newest_snapshot_view, volume_of};
use crate::report::activity::{CopyDone, DamagedObject, MissedPath};
use crate::store::DirStore;
use crate::vault::format::{Digest, Origin};
use crate::vault::{CopyReport, CopyRequest, Source, Vault, read_back};
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
    let mut source = TreeSource::open(read, Vec::new())?;
    let vault = Vault::open_or_create(Arc::new(DirStore::create(&order.vault)?), now)?;
    let mut ledger = Ledger::open(&context.state)?;
    let history = History::of(ledger.records(), vault.id());
    let started = Event::CopyStarted { volume: volume.id.clone(), vault: vault.id().into() };
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
        avoid: history.damaged_packs.clone(),
        clock: &context.clock,
    };
    let report = write(&vault, &mut source, &request, &mut ledger, monitor)?;
    let written = began.elapsed();
    let damage = prove(context, &vault, &report, &history, &mut ledger, monitor)?;
    let state = History::of(ledger.records(), vault.id()).states.get(&report.root.id).copied();
    Ok(CopyDone {
        seconds: began.elapsed().as_secs_f64(),
        copy_seconds: written.as_secs_f64(),
        state: state.unwrap_or(CopyState::Stored).word(),
        damage,
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

/// A vault inside what it is to protect would die with it.
fn refuse_nesting(vault: &Path, source: &Path) -> Result<()> {
    let Ok(source) = source.canonicalize() else { return Ok(()) };
    let inside = vault.canonicalize().or_else(|_| {
        let parent = vault.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        parent.canonicalize()
    });
    match inside {
        Ok(inside) if inside.starts_with(&source) => Err(Problem::new(
            Kind::Refused,
            "the vault lies inside what is to be copied, and would die with it",
        )
        .at(printable(vault.as_os_str().as_bytes()))
        .remedy("name a vault elsewhere: best on another machine")),
        _ => Ok(()),
    }
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
            let root = &report.root.root;
            let stored = Event::Stored {
                point: report.root.id,
                root: report.root.key.as_str().into(),
                vault: vault.id().into(),
                volume: root.volume.clone(),
                taken_at: root.taken_at,
                missed: root.totals.missed,
                written_bytes: report.written_bytes,
            };
            ledger.append((request.clock)(), stored)?;
            Ok(report)
        }
        Err(problem) => {
            let because = problem.to_string();
            let failed =
                Event::CopyFailed { volume: request.volume.id.clone(), vault: vault.id().into(), because };
            // The failure itself is what the user must see, even where the ledger's disk is full too.
            drop(ledger.append((request.clock)(), failed));
            // All that was named was there when the copy began: what is gone now went during it.
            let kind = if problem.kind == Kind::NotFound { Kind::Io } else { problem.kind };
            Err(Problem { kind, ..problem })
        }
    }
}

/// Reads back what this copy wrote, and what it built on that was never read back.
fn prove(
    context: &Context,
    vault: &Vault,
    report: &CopyReport,
    history: &History,
    ledger: &mut Ledger,
    monitor: &dyn Monitor,
) -> Result<Vec<DamagedObject>> {
    let parent_proved =
        report.parent.and_then(|parent| history.states.get(&parent)) >= Some(&CopyState::ReadBack);
    let fresh = |pack| !(parent_proved && report.of_parent.contains(pack));
    let packs: Vec<_> = report.packs.iter().filter(|line| fresh(&line.pack)).cloned().collect();
    let mut read = read_back(vault, &packs, report.root.key.as_str(), monitor)?;
    read.bytes += root_read_back(vault, report, &mut read.damage)?;
    let mut damaged = Vec::new();
    for damage in read.damage {
        damaged.push(DamagedObject {
            object: damage.object.clone(),
            because: damage.because.clone(),
            points: vec![report.root.short()],
        });
        let points = damage.points.into_iter().collect();
        let event = Event::Damaged {
            vault: vault.id().into(),
            object: damage.object,
            because: damage.because,
            points,
        };
        ledger.append((context.clock)(), event)?;
    }
    if damaged.is_empty() {
        let event = Event::ReadBack { point: report.root.id, vault: vault.id().into(), bytes: read.bytes };
        ledger.append((context.clock)(), event)?;
    }
    Ok(damaged)
}

fn root_read_back(vault: &Vault, report: &CopyReport, damage: &mut Vec<crate::vault::Damage>) -> Result<u64> {
    let key = &report.root.key;
    let bytes = vault.store().get_bytes(key, crate::vault::format::MAX_OBJECT)?;
    if Digest::of(&bytes) != report.root.id {
        let because = "does not match its SHA-256".into();
        let points = [key.as_str().to_owned()].into();
        damage.push(crate::vault::Damage { object: key.as_str().into(), because, points });
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
