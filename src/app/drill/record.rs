//! The record of a drill, from everything that was found out.

use super::evidence::Evidence;
use super::trial::Tried;
use super::{Afterwards, DrillOrder};
use crate::domain::{Timestamp, printable};
use crate::drill::Selection;
use crate::drill::checks::{Checked, Outcome};
use crate::ledger::DrillEnd;
use crate::report::activity::{
    Budget, DrillCheck, DrillRecord, DrillSelection, DrillVault, DrilledPoint, NotKnown, Restored,
};
use crate::vault::FoundRoot;

/// What a record should hold by the frameworks that ask for one, and this version does not know.
const NOT_KNOWN: [(&str, &str); 7] = [
    ("criticality", "the estate file has no such key"),
    ("lock_mode", "this version does not ask stores for locks"),
    ("retain_until", "this version does not ask stores for locks"),
    ("credentials_used", "which credential opened the vault is not recorded yet"),
    ("reviewer", "nobody reviews a drill in outlive; sign the record where you keep it"),
    ("second_signature", "records are not signed yet"),
    (
        "previous_entry_sha256",
        "the ledger's entry of this drill is chained and names this record, not the other way round",
    ),
];

/// The word in records.
pub fn word(end: DrillEnd) -> &'static str {
    match end {
        DrillEnd::Passed => "passed",
        DrillEnd::Failed => "failed",
        DrillEnd::NotRun => "not_run",
    }
}

/// The record. What programs said goes into files of the evidence.
pub fn record(
    order: &DrillOrder,
    run: &str,
    (started_at, finished_at): (Timestamp, Timestamp),
    seed: u64,
    tried: &Tried,
    (end, because): (DrillEnd, &str),
    evidence: &mut Evidence,
) -> DrillRecord {
    let mut deviations = tried.deviations.clone();
    if order.afterwards == Afterwards::Keep {
        deviations.push("what was restored was kept as asked".into());
    }
    let numbered = tried.checks.iter().enumerate();
    let checks = numbered.map(|(place, checked)| check(place, checked, evidence, &mut deviations)).collect();
    let drill = &order.drill;
    DrillRecord {
        run: run.to_owned(),
        drill: drill.name.clone(),
        trigger: order.trigger,
        started_at,
        finished_at,
        outcome: word(end),
        because: because.to_owned(),
        tool: format!("outlive {}", env!("CARGO_PKG_VERSION")),
        host: printable(rustix::system::uname().nodename().to_bytes()),
        user: rustix::process::geteuid().as_raw(),
        config_sha256: order.config_sha256.clone(),
        drill_sha256: drill.digest.clone(),
        volume: drill.volume.0.clone(),
        owner: order.owner.clone(),
        vault: tried.vault.as_ref().map(|vault| DrillVault {
            name: vault.name.clone(),
            id: vault.place.id.clone(),
            place: vault.said.clone(),
        }),
        selection: DrillSelection {
            how: drill.select.word(),
            at: if let Selection::At(moment) = drill.select { Some(moment) } else { None },
            seed,
            candidates: tried.candidates,
        },
        point: tried.point.as_ref().map(point),
        phases: tried.phases.clone(),
        checks,
        proofs: tried.proofs.clone(),
        rto: Budget {
            target_seconds: seconds(drill.rto),
            actual_seconds: tried.usable_after.map(|took| took.as_secs_f64()),
        },
        rpo: Budget { target_seconds: seconds(drill.rpo), actual_seconds: tried.newest_age.map(seconds) },
        restored: tried.report.as_ref().map(|report| Restored {
            entries: report.entries,
            bytes: report.bytes,
            devices_left_out: report.devices_left_out,
            metadata_not_set: report.not_given.ownership + report.not_given.xattrs,
        }),
        scratch: tried.scratch.clone(),
        deviations,
        not_known: NOT_KNOWN.map(|(field, because)| NotKnown { field, value: None, because }).into(),
    }
}

fn seconds(span: chrono::TimeDelta) -> f64 {
    span.as_seconds_f64()
}

fn point(found: &FoundRoot) -> DrilledPoint {
    DrilledPoint {
        id: found.id.to_string(),
        key: found.key.as_str().to_owned(),
        taken_at: found.root.taken_at,
        source_host: printable(found.root.origin.host.as_bytes()),
        files: found.root.totals.files,
        bytes: found.root.totals.bytes,
    }
}

fn check(
    place: usize,
    checked: &Checked,
    evidence: &mut Evidence,
    deviations: &mut Vec<String>,
) -> DrillCheck {
    let (outcome, because) = match &checked.outcome {
        Outcome::Passed => ("passed", None),
        Outcome::Failed { because } => ("failed", Some(because.clone())),
        Outcome::NotRun { because } => ("not_run", Some(because.clone())),
    };
    let mut outputs = Vec::new();
    if let Some((out, err)) = &checked.output {
        for (stream, bytes) in [("stdout", out), ("stderr", err)] {
            let name = format!("check-{}.{stream}", place + 1);
            match evidence.keep(&name, bytes) {
                Ok(()) => outputs.push(name),
                Err(problem) => deviations.push(format!("{name} could not be kept: {problem}")),
            }
        }
    }
    evidence.log(&format!("{}: {outcome}: {}", checked.check, because.as_deref().unwrap_or(&checked.found)));
    DrillCheck {
        check: checked.check.clone(),
        method: checked.method.clone(),
        outcome,
        because,
        found: checked.found.clone(),
        outputs,
    }
}
