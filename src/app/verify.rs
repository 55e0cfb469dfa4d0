//! Verifying a vault, and recording what was proved.

use super::Context;
use super::vaults::open_vault;
use crate::domain::{Monitor, Result, printable};
use crate::ledger::{Event, History, Ledger, VaultRef};
use crate::report::activity::{DamagedObject, VerifiedPoint, VerifyDone};
use crate::vault::{FoundRoot, RootRecord};
use std::path::Path;
use std::time::Instant;

/// Verifies a whole vault.
///
/// # Errors
/// When it cannot be opened or read. Damage is in the result.
pub fn verify(context: &Context, path: &Path, monitor: &dyn Monitor) -> Result<VerifyDone> {
    let began = Instant::now();
    let vault = open_vault(path)?;
    let here = VaultRef::of(&vault)?;
    let mut ledger = Ledger::open(&context.state)?;
    let history = History::of(ledger.records(), &here);
    let report = crate::vault::verify(&vault, &history.points, monitor)?;
    let now = (context.clock)();
    for damage in &report.damage {
        let points = damage.points.iter().cloned().collect();
        let (object, because) = (damage.object.clone(), damage.because.clone());
        ledger.append(now, Event::Damaged { vault: here.clone(), object, because, points })?;
    }
    for found in &report.sound {
        ledger.append(now, Event::Verified { point: found.record(), vault: here.clone() })?;
    }
    let name = |key: &String| name_of(key, &report.sound, &report.broken, &history.points);
    Ok(VerifyDone {
        vault: vault.place(),
        objects: report.objects,
        bytes: report.bytes,
        chunks: report.chunks,
        points: report.sound.iter().map(verified).collect(),
        broken: report.broken.iter().map(verified).collect(),
        damage: report
            .damage
            .iter()
            .map(|damage| DamagedObject {
                object: damage.object.clone(),
                because: damage.because.clone(),
                points: damage.points.iter().map(name).collect(),
            })
            .collect(),
        unfinished_packs: report.unfinished_packs,
        ledger_knew: history.points.len(),
        seconds: began.elapsed().as_secs_f64(),
    })
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
fn name_of(key: &str, sound: &[FoundRoot], broken: &[FoundRoot], known: &[RootRecord]) -> String {
    let readable = sound.iter().chain(broken).find(|found| found.key.as_str() == key);
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
