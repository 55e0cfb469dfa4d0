//! Verifying a vault, and recording what was proved.

use super::Context;
use super::damage::{record_or_fail, record_unread, told};
use super::fresh::Freshness;
use super::stores::open_vault;
use super::vaults::what_to_know;
use crate::domain::{CopyState, Monitor, Problem, Result, printable};
use crate::estate::VaultPlace;
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{UnreadObject, VerifiedPoint, VerifyDone};
use crate::vault::{FoundRoot, Known, RootRecord, Unread, Vault, VerifyReport, packs_of};
use std::time::Instant;

/// Verifies a whole vault.
///
/// # Errors
/// When it cannot be opened or its roots cannot be listed; when what was found cannot be recorded. Damage is in
/// the result, and so is what could not be read.
pub fn verify(context: &Context, place: &VaultPlace, monitor: &dyn Monitor) -> Result<VerifyDone> {
    let (began, started) = (Instant::now(), (context.clock)());
    let vault = open_vault(context, place)?;
    let here = VaultRef::of(&vault)?;
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let (history, known) = (History::of(ledger.records(), &here), ledger.records().len());
    let mut report = crate::vault::verify_with(
        &vault,
        &Known { points: &history.points, let_go: &history.let_go(), repaired: &history.repaired },
        monitor,
    )?;
    record_or_fail(&mut ledger, (context.clock)(), &here, &report.damage)?;
    record_or_fail(&mut ledger, (context.clock)(), &here, &report.made_good)?;
    if let Some(first) = report.unread.first() {
        let recorded = record_unread(&mut ledger, (context.clock)(), &here, &report.unread);
        recorded.map_err(|ledger| Problem {
            what: format!("{}; this is not recorded: {}", first.because, ledger.what),
            ..ledger
        })?;
    }
    ledger.refresh()?;
    let meanwhile = History::of(&ledger.records()[known..], &here);
    doubt(&vault, &meanwhile, &mut report);
    let unsigned = take_unsigned(&mut report);
    for found in &report.sound {
        ledger.append((context.clock)(), Event::Verified { point: found.record(), vault: here.clone() })?;
    }
    // Of what is closed, the bytes are those that were written: no more than a reading back proves.
    for found in &report.closed {
        let bytes = packs_of(&vault, found)?.values().map(|line| line.bytes + line.sidecar_bytes).sum();
        let (point, vault) = (found.record(), here.clone());
        ledger.append((context.clock)(), Event::ReadBack { point, vault, bytes, since: started })?;
    }
    // What was stored while this ran is known to the ledger too.
    let all = all_of(&report).chain(&unsigned);
    let fresh = Freshness::of(all, &History::of(ledger.records(), &here));
    let name = |key: &str| name_of(key, &report, &history.points);
    Ok(VerifyDone {
        vault: vault.place(),
        objects: report.objects,
        bytes: report.bytes,
        chunks: report.chunks,
        points: report.sound.iter().map(verified).collect(),
        broken: report.broken.iter().map(verified).collect(),
        open: report.open.iter().map(verified).collect(),
        closed: report.closed.iter().map(verified).collect(),
        unsigned: unsigned.iter().map(verified).collect(),
        damage: told(&report.damage, name),
        unread: report.unread.iter().map(|unread| told_unread(unread, name)).collect(),
        stopped: report.stopped.as_ref().map(|problem| problem.what.clone()),
        unfinished_packs: report.unfinished_packs,
        ledger_knew: history.points.len(),
        fresh: fresh.proven,
        freshness_unproven: fresh.unproven,
        let_go: report.let_go,
        replaced: report.replaced.iter().map(verified).collect(),
        made_good: told(&report.made_good, name),
        notices: what_to_know(&vault)?,
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn all_of(report: &VerifyReport) -> impl Iterator<Item = &FoundRoot> {
    report.sound.iter().chain(&report.broken).chain(&report.open).chain(&report.closed)
}

/// What somebody wrote who is not known: that its bytes are sound proves nothing, and that they are not is no damage to ours.
fn take_unsigned(report: &mut VerifyReport) -> Vec<FoundRoot> {
    let mut unsigned = Vec::new();
    for points in [&mut report.sound, &mut report.closed, &mut report.broken, &mut report.open] {
        unsigned.extend(points.extract_if(.., |found| !found.signed.is_trusted()));
    }
    unsigned
}

/// Whatever another run found damaged meanwhile is not called verified: one of the two read before the damage.
fn doubt(vault: &Vault, meanwhile: &History, report: &mut VerifyReport) {
    let (sound, closed) = (std::mem::take(&mut report.sound), std::mem::take(&mut report.closed));
    for (found, is_closed) in
        sound.into_iter().map(|found| (found, false)).chain(closed.into_iter().map(|found| (found, true)))
    {
        // A list that cannot be read now, though it could a moment ago, leaves open what the point needs.
        let holds = packs_of(vault, &found).is_ok_and(|packs| {
            let state = meanwhile.state_with(&found.record(), packs.keys());
            state != Some(CopyState::Damaged) && !meanwhile.is_unread(&found.record(), packs.keys())
        });
        if holds {
            if is_closed { &mut report.closed } else { &mut report.sound }.push(found);
            continue;
        }
        report.unread.push(Unread {
            object: found.key.as_str().into(),
            because:
                "meanwhile another run found an object that it needs damaged or unreadable: verify again"
                    .into(),
            points: [found.key.as_str().to_owned()].into(),
        });
        report.open.push(found);
    }
}

fn told_unread(unread: &Unread, name: impl Fn(&str) -> String) -> UnreadObject {
    UnreadObject {
        object: unread.object.clone(),
        because: unread.because.clone(),
        points: unread.points.iter().map(|key| name(key)).collect(),
    }
}

fn verified(found: &FoundRoot) -> VerifiedPoint {
    VerifiedPoint {
        point: found.short(),
        id: found.id.to_string(),
        volume: printable(found.root.volume.0.as_bytes()),
        taken_at: found.root.taken_at,
        complete: found.root.is_complete(),
    }
}

/// What a person calls the recovery point with this root.
fn name_of(key: &str, report: &VerifyReport, known: &[RootRecord]) -> String {
    let readable = all_of(report).find(|found| found.key.as_str() == key);
    let name = |id: String, volume: &str, taken_at: crate::domain::Timestamp| {
        format!(
            "{} of {} at {}",
            &id[..12],
            printable(volume.as_bytes()),
            taken_at.format("%Y-%m-%d %H:%M:%SZ")
        )
    };
    match (readable, known.iter().find(|record| record.key == key)) {
        (Some(found), _) => name(found.id.to_string(), &found.root.volume.0, found.root.taken_at),
        (None, Some(record)) => name(record.id.to_string(), &record.volume.0, record.taken_at),
        (None, None) => format!("the one with the root {}", printable(key.as_bytes())),
    }
}
