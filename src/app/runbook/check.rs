//! Whether written runbooks still say what is: made not too long ago, unchanged since, and from what there is now.

use super::keep::{FACTS, SUMS, is_over, newest, parent, sum};
use super::make_runbooks;
use super::survivors::minute;
use crate::app::Context;
use crate::domain::{Kind, Problem, Result, Timestamp, VolumeId, printable};
use crate::estate::Estate;
use crate::report::runbook::{MadeFrom, Runbook, RunbookChecked, Runbooks, SCHEMA};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// The largest file that is read.
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
    let folder = match folder {
        Some(folder) if folder.join(SUMS).is_file() => folder.to_path_buf(),
        Some(above) => newest(above)?,
        None => newest(&parent(context, estate))?,
    };
    let place = printable(folder.as_os_str().as_bytes());
    let (damaged, files) = sums(&folder)?;
    let facts = read(&folder.join(FACTS))?;
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
    let now = made.generated_at;
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
        gaps: made.gaps,
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

/// Files that are not as they were written, and the names of all.
fn sums(folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let text = String::from_utf8_lossy(&read(&folder.join(SUMS))?).into_owned();
    let (mut damaged, mut files) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let Some((sha256, name)) = line.split_once("  ").filter(|(_, name)| !name.contains('/')) else {
            damaged.push(format!("{SUMS}: a line that is no sum"));
            continue;
        };
        files.push(name.to_owned());
        let said = printable(name.as_bytes());
        match read(&folder.join(name)) {
            Ok(bytes) if sum(&bytes) == sha256 => {}
            Ok(_) => damaged.push(format!("{said}: changed since it was written")),
            Err(problem) => damaged.push(format!("{said}: {}", problem.what)),
        }
    }
    Ok((damaged, files))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let place = printable(path.as_os_str().as_bytes());
    let failed = |error| Problem::io("reading a runbook", error).at(&*place);
    let file = std::fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Problem::new(Kind::Refused, "no regular file").at(place));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
