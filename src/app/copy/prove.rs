//! Reading back what a copy wrote and builds on: only that counts.

use super::super::Context;
use super::super::damage::{or_unrecorded, record_found, record_or_fail, told};
use crate::domain::{CopyState, Kind, Monitor, Problem, Result, Timestamp};
use crate::ledger::{Event, History, Ledger, VaultRef};
use crate::report::activity::DamagedObject;
use crate::vault::format::{Digest, PackLine};
use crate::vault::{CopyReport, Damage, Present, ReadBack, Stopped, Unread, Vault, gone, read_back};
use chrono::TimeDelta;

/// How long a reading of the point before counts for packs that the new point shares with it. After that
/// they are read again, so that a vault which is only ever copied to still notices its own decay.
const INHERIT: TimeDelta = TimeDelta::days(7);

/// Reads back what this copy wrote, and what it shares with the point before where that was not read lately.
/// Everything else it needs must at least be there, as long as it was written. `began_at` is the vault as it was when the copy began: what
/// was read back in the place of another one since does not count.
pub(super) fn prove(
    context: &Context,
    vault: &Vault,
    report: &CopyReport,
    (began_at, ledger): (&VaultRef, &mut Ledger),
    monitor: &dyn Monitor,
) -> Result<Vec<DamagedObject>> {
    let (now, here) = ((context.clock)(), VaultRef::of(vault)?);
    let is_early = |line: &PackLine| here == *began_at && report.early.sound.contains_key(&line.pack);
    let key = report.root.key.as_str();
    let (mut read, mut inherited) = (ReadBack::default(), report.packs.iter().collect::<Vec<_>>());
    // Others may find damage while this copy is made and read back: what they doubted meanwhile is read too.
    let since = loop {
        ledger.refresh()?;
        let history = History::of(ledger.records(), &here);
        let since = inheritable(report, &history, now);
        let (kept, doubted): (Vec<&PackLine>, Vec<&PackLine>) = inherited.into_iter().partition(|line| {
            let is_doubted = history.damaged_packs.contains(&line.pack);
            let of_parent = since.is_some() && report.of_parent.contains(&line.pack);
            (of_parent || is_early(line)) && !is_doubted
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
    note_missing(vault, &inherited, report, &mut read)?;
    let (early, inherited): (Vec<&PackLine>, Vec<&PackLine>) =
        inherited.into_iter().partition(|line| is_early(line));
    read.bytes += early.iter().filter_map(|line| report.early.sound.get(&line.pack)).sum::<u64>();
    match root_read_back(vault, report, &mut read.damage) {
        Ok(bytes) => read.bytes += bytes,
        Err(problem) => {
            let unread = Unread::said_by(&problem, key).into_iter().collect();
            let stopped = Stopped { damage: read.damage, unread, problem };
            let recorded = record_found(ledger, (context.clock)(), &here, &stopped);
            return Err(or_unrecorded(stopped.problem, recorded));
        }
    }
    // What was read while the copy was made, was so at some moment since it began.
    let read_since = if early.is_empty() { now } else { report.root.root.started_at.min(now) };
    let since = if inherited.is_empty() { read_since } else { since.unwrap_or(now).min(read_since) };
    let damaged = told(&read.damage, |_| report.root.short());
    record_or_fail(ledger, (context.clock)(), &here, &read.damage)?;
    if damaged.is_empty() {
        // In another vault's place the point is none, however well its bytes came back.
        vault.check_marker()?;
        let event = Event::ReadBack { point: report.root.record(), vault: here, bytes: read.bytes, since };
        ledger.append((context.clock)(), event)?;
    }
    Ok(damaged)
}

/// Sees that what is not read now is there still: of the point before, or read while the copy was made. What was found damaged then counts,
/// whatever reading it again gave.
fn note_missing(vault: &Vault, unread: &[&PackLine], report: &CopyReport, read: &mut ReadBack) -> Result<()> {
    let present = Present::of(vault, unread.iter().copied())?;
    let gone = unread.iter().filter_map(|line| present.check(line).err());
    for problem in gone.chain(report.early.damaged.iter().cloned()) {
        let (object, because) = (problem.place, problem.what);
        if read.damage.iter().all(|known| known.object != object) {
            let points = [report.root.key.as_str().to_owned()].into();
            read.damage.push(Damage { object, because, points });
        }
    }
    Ok(())
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
