//! Repairing a vault: what is damaged or gone is sent again from where it can be had; what cannot be had is named.

use super::damage::{record_or_fail, record_unread, told};
use super::stores::{Purpose, directory_of, open_vault, say_place};
use super::vaults::{unknown_place, what_to_know};
use super::{Context, LockPlan, keys, locks, named, signers};
use crate::domain::{Kind, Monitor, Problem, Result, printable};
use crate::estate::VaultPlace;
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::providers::files::OriginalFiles;
use crate::providers::local::{System, snapshot_view_named, this_host};
use crate::report::activity::{
    ChunksFrom, DamagedObject, LostPath, PointOutcome, RepairDone, RepairedPoint, UnreadObject,
};
use crate::store::UNLOCKED;
use crate::vault::format::{PackKey, Root};
use crate::vault::{
    FoundRoot, Known, Mended, Original, RepairMode, RepairReport, RepairRequest, Vault, names, packs_known,
};
use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is to be repaired, and from where.
#[derive(Debug, Clone)]
pub struct RepairOrder {
    /// The vault.
    pub vault: VaultPlace,
    /// Its name in the estate file, where it has one.
    pub name: Option<String>,
    /// Its locks, where the estate file asks for some.
    pub locks: Option<LockPlan>,
    /// Second vaults.
    pub from: Vec<VaultPlace>,
    /// Only points of this volume, by its id or path.
    pub volume: Option<OsString>,
    /// Where the volume is read, instead of where it was copied from.
    pub source: Option<PathBuf>,
    /// Whether anything is written.
    pub mode: RepairMode,
}

/// Repairs a vault, verifies it anew, and records both.
///
/// # Errors
/// When the vault cannot be opened, verified to its end or written to. What was written until then is recorded and built on by the next
/// repair. What is lost or still damaged is in the result.
pub fn repair(context: &Context, order: &RepairOrder, monitor: &dyn Monitor) -> Result<RepairDone> {
    let began = Instant::now();
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let vault = open(context, order, &ledger)?;
    let here = VaultRef::of(&vault)?;
    let mut notices: Vec<String> = what_to_know(&vault)?;
    if let (RepairMode::Write, Some(why)) = (order.mode, unknown_place(&vault)?) {
        notices.push(why);
    }
    let others = order.from.iter().map(|place| open_vault(context, place)).collect::<Result<Vec<_>>>()?;
    let (history, seen) = (History::of(ledger.records(), &here), ledger.records().len());
    let (volume, let_go) =
        (order.volume.as_deref().map(|given| printable(given.as_bytes())), history.let_go());
    let known = Known { points: &history.points, let_go: &let_go, repaired: &history.repaired };
    let book = RefCell::new(&mut ledger);
    let unseen = RefCell::new(Vec::new());
    let note = |by: &FoundRoot, mended: &Mended| {
        refuse_planned(&vault, by, &mut book.borrow_mut(), seen, &here)?;
        record_new(context, &here, (by, mended), &mut book.borrow_mut())
    };
    let request = RepairRequest {
        known,
        avoid: &history.planned_packs,
        wanted: &|root: &Root| volume.as_deref().is_none_or(|wanted| names(&root.volume, wanted)),
        others: &others,
        originals: &|root: &Root| originals(context, order, root, &mut unseen.borrow_mut()),
        mode: order.mode,
        note: &note,
        clock: &context.clock,
    };
    let report = crate::vault::repair(&vault, &request, monitor)?;
    record(context, &here, &report, &mut ledger)?;
    notices.extend(unseen.into_inner());
    drop(ledger);
    let wrote = !report.sent_again.is_empty()
        || !report.unrecorded.is_empty()
        || report.points.iter().any(|mended| mended.by.is_some());
    let mut done = summary(&vault, order, &report);
    if wrote {
        // What counts is what comes back, whatever was written.
        let verified = super::verify(context, &order.vault, monitor)?;
        done.left = verified.damage;
        done.closed = verified.closed.len();
        done.unread = verified.unread;
        if let Some(why) = verified.stopped {
            done.unverified = true;
            notices.push(format!("what was written was not verified to its end: {why}"));
        }
    }
    notices.extend(vault.store().notice());
    notices.dedup();
    Ok(RepairDone { notices, seconds: began.elapsed().as_secs_f64(), ..done })
}

/// The vault, with the credential that writes and all keys that are here, under the lock that the estate file asks for.
fn open(context: &Context, order: &RepairOrder, ledger: &Ledger) -> Result<Vault> {
    let read = open_vault(context, &order.vault)?;
    if let Some(name) = &order.name {
        named::check(name, Some(&read), ledger.records())?;
    }
    if order.mode == RepairMode::Plan {
        return Ok(read);
    }
    let vault = Vault::open(context.stores.open(&order.vault, Purpose::Write)?)?;
    let vault = keys::unlock(context, &order.vault, Purpose::Read, vault)?.written_by_reader();
    let vault = signers::signed(context, Purpose::Write, vault)?;
    let now = (context.clock)();
    match order.locks.as_ref().and_then(LockPlan::longest) {
        Some(lock) => locks::under(vault, order.name.as_deref().unwrap_or_default(), lock, now),
        None => refuse_unlocked(vault),
    }
}

/// What is sent again into a vault under lock must be locked too, and only the estate file says for how long.
fn refuse_unlocked(vault: Vault) -> Result<Vault> {
    match vault.own_lock()? {
        Some(lock) if lock != UNLOCKED => {
            let what =
                "the vault is under lock, and nothing here says how long what is sent again is to be locked";
            Err(Problem::new(Kind::Refused, what)
                .at(vault.place())
                .remedy("name it by its id in the estate file that asks for the lock (--config FILE)"))
        }
        _ => Ok(vault),
    }
}

/// Where the bytes of a point's volume may still be: in the snapshot that was copied, and at the path that was. What could not be looked at
/// goes to `unseen`.
fn originals(
    context: &Context,
    order: &RepairOrder,
    root: &Root,
    unseen: &mut Vec<String>,
) -> Vec<Box<dyn Original>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let origin = &root.origin;
    let path = Path::new(OsStr::from_bytes(origin.path.as_bytes()));
    let is_here = printable(origin.host.as_bytes()) == this_host().name;
    let given = order.source.as_deref();
    // A stream has a name, and no place.
    let named = || root.volume.0.split_once(':').map(|(_, path)| Path::new(path));
    let own = Some(path).filter(|path| path.is_absolute()).or_else(named).filter(|path| path.is_absolute());
    if let Some(path) = given.or(own.filter(|_| is_here)) {
        let view = origin.snapshot.as_ref().map(|name| snapshot_view_named(path, name, &System::default()));
        match view.transpose() {
            Ok(view) => paths.extend(view.flatten().map(|view| view.path)),
            Err(problem) => unseen.push(format!(
                "the snapshot that was copied could not be looked for: {problem}; what is told as lost may still be in it"
            )),
        }
        paths.push(path.to_path_buf());
    }
    let within = directory_of(&order.vault).map(super::copy::itself).unwrap_or_default();
    let open = |path: &PathBuf| OriginalFiles::open(path, within.clone(), (context.clock)());
    let opened = paths.iter().filter_map(open);
    opened.map(|original| Box::new(original) as Box<dyn Original>).collect()
}

/// Sees that no plan that was made meanwhile lets go of what a new root needs, as a copy does.
fn refuse_planned(
    vault: &Vault,
    by: &FoundRoot,
    ledger: &mut Ledger,
    seen: usize,
    here: &VaultRef,
) -> Result<()> {
    ledger.refresh()?;
    let planned = History::of(&ledger.records()[seen..], here).planned_packs;
    let needed = packs_known(vault, by)?;
    let Some(pack) = needed.keys().find(|pack: &&PackKey| planned.contains(*pack)) else { return Ok(()) };
    let what = "a plan for expiry was made meanwhile, and lets go of what the repaired recovery point needs";
    Err(Problem::new(Kind::Refused, what)
        .at(pack.pack()?.as_str())
        .remedy("do not carry that plan out: make a new one, which keeps it; then repair again"))
}

/// Records a new root once it is there: nothing is claimed of it yet but that it was stored.
fn record_new(
    context: &Context,
    here: &VaultRef,
    (by, mended): (&FoundRoot, &Mended),
    ledger: &mut Ledger,
) -> Result<()> {
    let (missed, written_bytes) = (by.root.totals.missed, mended.written_bytes);
    let at = (context.clock)();
    ledger.append(at, Event::Stored { point: by.record(), vault: here.clone(), missed, written_bytes })?;
    let (replaces, lost) = (mended.of.key.as_str().to_owned(), mended.lost.len() as u64);
    ledger.append(at, Event::Repaired { vault: here.clone(), point: by.record(), replaces, lost })
}

/// Records what was found, and what was done that is not recorded yet.
fn record(context: &Context, here: &VaultRef, report: &RepairReport, ledger: &mut Ledger) -> Result<()> {
    let at = (context.clock)();
    record_or_fail(ledger, at, here, &report.damage)?;
    record_unread(ledger, at, here, &report.unread)?;
    for (by, of) in &report.unrecorded {
        let (missed, replaces) = (by.root.totals.missed, of.as_str().to_owned());
        let stored = Event::Stored { point: by.record(), vault: here.clone(), missed, written_bytes: 0 };
        ledger.append(at, stored)?;
        ledger.append(at, Event::Repaired { vault: here.clone(), point: by.record(), replaces, lost: 0 })?;
    }
    if !report.sent_again.is_empty() {
        let objects = report.sent_again.iter().map(|key| key.as_str().to_owned()).collect();
        ledger.append(at, Event::SentAgain { vault: here.clone(), objects })?;
    }
    if let Some(lock) = report.lock {
        for by in report.points.iter().filter_map(|mended| mended.by.as_ref()) {
            let event = Event::Locked { point: by.record(), vault: here.clone(), lock: Some(lock) };
            ledger.append(at, event)?;
        }
    }
    Ok(())
}

fn summary(vault: &Vault, order: &RepairOrder, report: &RepairReport) -> RepairDone {
    let name = |key: &str| {
        let known = report.points.iter().find(|mended| mended.of.key.as_str() == key);
        known.map_or_else(|| printable(key.as_bytes()), |mended| say_point(&mended.of))
    };
    let unread = report.unread.iter().map(|unread| UnreadObject {
        object: unread.object.clone(),
        because: unread.because.clone(),
        points: unread.points.iter().map(|key| name(key)).collect(),
    });
    let damage: Vec<DamagedObject> = told(&report.damage, name);
    RepairDone {
        vault: say_place(&order.vault),
        plan: order.mode == RepairMode::Plan,
        unread: unread.collect(),
        sent_again: report.sent_again.iter().map(|key| key.as_str().to_owned()).collect(),
        points: report.points.iter().map(|mended| point(mended, order.mode)).collect(),
        lost: lost(report),
        closed: report.closed,
        left: damage.clone(),
        damage,
        notices: vault.store().notice().into_iter().collect(),
        ..RepairDone::default()
    }
}

fn say_point(found: &FoundRoot) -> String {
    let at = found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ");
    format!("{} of {} at {at}", found.short(), printable(found.root.volume.0.as_bytes()))
}

fn point(mended: &Mended, mode: RepairMode) -> RepairedPoint {
    let outcome = match (mode, &mended.by) {
        _ if mended.undetermined.is_some() => PointOutcome::Undetermined,
        (RepairMode::Plan, _) if mended.is_whole() => PointOutcome::CouldBeWhole,
        (RepairMode::Plan, _) if mended.can_be_had => PointOutcome::CouldBeInPart,
        (_, None) => PointOutcome::NotRepaired,
        (_, Some(_)) if mended.is_whole() => PointOutcome::Whole,
        (_, Some(_)) => PointOutcome::InPart,
    };
    let had = mended.had;
    RepairedPoint {
        point: mended.of.short(),
        id: mended.of.id.to_string(),
        volume: printable(mended.of.root.volume.0.as_bytes()),
        taken_at: mended.of.root.taken_at,
        outcome,
        now: mended.by.as_ref().map(FoundRoot::short),
        now_id: mended.by.as_ref().map(|by| by.id.to_string()),
        chunks: ChunksFrom { vault: had.vault, source: had.source, other: had.other },
        lost: mended.lost.len(),
        written_bytes: mended.written_bytes,
        because: mended.undetermined.clone(),
    }
}

/// What cannot be had, by volume, point and path.
fn lost(report: &RepairReport) -> Vec<LostPath> {
    let of_points = report.points.iter().flat_map(|mended| {
        mended.lost.iter().map(|lost| LostPath {
            volume: Some(printable(mended.of.root.volume.0.as_bytes())),
            point: mended.of.short(),
            taken_at: Some(mended.of.root.taken_at),
            path: Some(lost.path.to_string()),
            because: lost.because.clone(),
        })
    });
    let whole = report.lost.iter().map(|(key, record)| LostPath {
        volume: record.as_ref().map(|record| printable(record.volume.0.as_bytes())),
        point: record.as_ref().map_or_else(
            || printable(key.as_str().as_bytes()),
            |record| record.id.to_string()[..12].to_owned(),
        ),
        taken_at: record.as_ref().map(|record| record.taken_at),
        path: None,
        because: format!("its root {} cannot be had, and nothing else says what it held", key.as_str()),
    });
    of_points.chain(whole).collect()
}
