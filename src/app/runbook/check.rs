//! Whether written runbooks still say what is: made not too long ago, unchanged since, and from what there is now.

use super::folders::{self, Folders};
use super::keep::{FACTS, SUMS, is_over, parent};
use super::survivors::minute;
use super::{make_runbooks, proven};
use crate::app::Context;
use crate::domain::{Kind, Problem, Result, Timestamp, VolumeId, printable};
use crate::estate::Estate;
use crate::ledger::{Ledger, PATIENCE};
use crate::report::runbook::{MadeFrom, Runbook, RunbookChecked, Runbooks, SCHEMA};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// The largest file that is read whole.
const LARGEST: u64 = 256 << 20;

/// What of the facts is compared; what else they hold is for others.
#[derive(Deserialize)]
struct Written {
    schema: String,
    generated_at: Timestamp,
    believe_until: Timestamp,
    made_from: Vec<MadeFrom>,
}

/// Compares the newest runbooks that were written, or those in `folder`, with the estate as it is; of one volume, or of all.
///
/// # Errors
/// `NotFound` where there are none; `Damaged` where their facts cannot be read; as [`make_runbooks`].
pub fn check_runbooks(
    context: &Context,
    estate: &Estate,
    volume: Option<&VolumeId>,
    folder: Option<&Path>,
    limit: Duration,
) -> Result<RunbookChecked> {
    let now = (context.clock)();
    let own = parent(context, estate);
    let found = match folder {
        Some(folder) if folder.join(SUMS).is_file() => {
            Folders { newest: folder.to_path_buf(), ahead: Vec::new() }
        }
        above => folders::below(above.unwrap_or(&own), now)?,
    };
    let records = Ledger::look(&context.state, PATIENCE)?;
    let place = printable(found.newest.as_os_str().as_bytes());
    let of_sums = read(&found.newest.join(SUMS))?;
    let (mut damaged, files) = sums(&found.newest, &of_sums);
    let facts = read(&found.newest.join(FACTS))?;
    let unreadable = |what: String| {
        Problem::damaged(format!("{place}/{FACTS}"), what)
            .remedy("write them again: `outlive runbook --all --into NEWDIR`")
    };
    let written: Written = serde_json::from_slice(&facts).map_err(|error| {
        unreadable(format!("no facts of runbooks: {}", printable(error.to_string().as_bytes())))
    })?;
    if written.schema != SCHEMA {
        return Err(unreadable("written by another version of outlive".into()));
    }
    let made = make_runbooks(context, estate, volume, limit)?;
    let mut proof = proven::of_folder(&found.newest, &of_sums, &records);
    if folder.is_none() {
        proof.damaged.extend(proven::last_is_gone(&own, &records));
    }
    let is_whole = volume.is_none() && made.vaults.iter().all(|vault| vault.id.is_some());
    let acts = is_whole.then_some(made.acts_sha256.as_str());
    let of_vaults = proven::of_vaults(context, estate, &records, acts, limit);
    damaged.extend(proof.damaged.into_iter().chain(of_vaults.damaged));
    damaged.extend(found.ahead.iter().map(|name| {
        format!("{name}: its name says a time that is still to come, and nothing was read of it")
    }));
    let mut gaps = made.gaps.clone();
    gaps.extend(of_vaults.gaps);
    let mut missing = Vec::new();
    for runbook in &made.runbooks {
        let has_page = files.iter().any(|file| {
            file.rsplit_once('.').is_some_and(|(name, end)| name == runbook.volume && end != "json")
        });
        if !has_page {
            missing.push(runbook.volume.clone());
        }
    }
    Ok(RunbookChecked {
        folder: place,
        generated_at: written.generated_at,
        believe_until: written.believe_until,
        is_stale: is_over(written.believe_until, now) || written.generated_at > now,
        changed: changed(&written.made_from, &made.made_from, volume),
        missing,
        damaged,
        ending: ending(&made, written.believe_until),
        unproven: proof.unproven.into_iter().chain(of_vaults.unproven).collect(),
        gaps,
        at: now,
    })
}

/// What is left after a loss only until a lock ends, where that is before the written pages are over.
fn ending(made: &Runbooks, until: Timestamp) -> Vec<String> {
    let of = |runbook: &Runbook| {
        let lines = runbook.hazards.iter().filter_map(|line| {
            let end = line.until.filter(|end| *end <= until)?;
            let then = line.then.as_deref().unwrap_or("unknown");
            Some(format!(
                "{}: {}: {} is left only until {}; after that {then}",
                runbook.volume,
                line.hazard,
                line.left,
                minute(end)
            ))
        });
        lines.collect::<Vec<_>>()
    };
    made.runbooks.iter().flat_map(of).collect()
}

/// What differs, by name. Of one volume, what is of others does not count.
fn changed(written: &[MadeFrom], now: &[MadeFrom], volume: Option<&VolumeId>) -> Vec<String> {
    let counts = |made: &&MadeFrom| match (volume, made.of.split_once(": ")) {
        (Some(volume), Some((of, _))) => of == volume.0,
        _ => true,
    };
    let by_name = |all: &[MadeFrom]| -> BTreeMap<String, String> {
        all.iter().filter(counts).map(|made| (made.of.clone(), made.sha256.clone())).collect()
    };
    let (written, now) = (by_name(written), by_name(now));
    let differs = now.iter().filter_map(|(of, sha256)| match written.get(of) {
        Some(known) if known == sha256 => None,
        Some(_) => Some(format!("{of}: changed")),
        None => Some(format!("{of}: new")),
    });
    let gone = written.keys().filter(|of| !now.contains_key(*of)).map(|of| format!("{of}: gone"));
    differs.chain(gone).collect()
}

/// Files that are not as their sums say, and the names of all.
fn sums(folder: &Path, text: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut damaged, mut files) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(text).lines() {
        let Some((sha256, name)) = line.split_once("  ").filter(|(_, name)| !name.contains('/')) else {
            damaged.push(format!("{SUMS}: a line that is no sum"));
            continue;
        };
        files.push(name.to_owned());
        let said = printable(name.as_bytes());
        match digest(&folder.join(name)) {
            Ok(is) if is == sha256 => {}
            Ok(_) => damaged.push(format!("{said}: changed since it was written")),
            Err(problem) => damaged.push(format!("{said}: {}", problem.what)),
        }
    }
    (damaged, files)
}

fn open(path: &Path) -> Result<std::fs::File> {
    let place = || printable(path.as_os_str().as_bytes());
    let failed = |error| Problem::io("reading a runbook", error).at(place());
    let file = std::fs::File::open(path).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_file() {
        true => Ok(file),
        false => Err(Problem::new(Kind::Refused, "no regular file").at(place())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let place = || printable(path.as_os_str().as_bytes());
    let mut bytes = Vec::new();
    let read = open(path)?.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::io("reading a runbook", error).at(place()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Problem::new(Kind::Refused, "larger than anything that outlive writes").at(place()));
    }
    Ok(bytes)
}

/// SHA-256 of a file of any size.
fn digest(path: &Path) -> Result<String> {
    let (mut file, mut hasher, mut part) = (open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            Ok(read) => hasher.update(&part[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                let place = printable(path.as_os_str().as_bytes());
                return Err(Problem::io("reading a runbook", error).at(place));
            }
        }
    }
}
