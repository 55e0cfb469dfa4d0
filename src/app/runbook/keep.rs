//! Writing runbooks where they outlive the primary: a new folder on this machine, and new objects in every vault, under its lock.

use super::recorded;
use crate::app::Context;
use crate::app::ledger::open_to_send;
use crate::app::survey::Waiting;
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::{Estate, VaultEntry, VaultPlace};
use crate::ledger::{Event, Ledger, Record, VaultRef};
use crate::report::activity::Told;
use crate::report::runbook::{PageFormat, Runbooks};
use crate::store::{Key, random_hex, sync_names};
use crate::vault::Vault;
use crate::vault::format::RUNBOOKS;
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The list of a folder's files with their SHA-256, as `sha256sum` reads it. It is written last: without it a folder is not whole.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The facts, for programs.
pub(super) const FACTS: &str = "ALL.json";

/// The largest page that is read back.
const LARGEST: u64 = 64 << 20;

/// What became of writing runbooks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Where they were written.
    pub written: Vec<String>,
    /// What could not be done.
    pub problems: Vec<String>,
    /// What must be known of what was written.
    pub notices: Vec<String>,
}

/// The directory that gets a folder of pages.
pub(super) fn parent(context: &Context, estate: &Estate) -> PathBuf {
    estate.runbook.into.clone().unwrap_or_else(|| context.state.join("runbooks"))
}

/// A machine that drills leaves its ledger in a vault, and may put nothing else there.
pub(super) fn drills_only(entry: &VaultEntry) -> bool {
    matches!(&entry.place, VaultPlace::S3(place) if place.driller.is_some())
}

/// Writes pages into a new folder: of each volume, of all together, the facts, and the sums of these files.
///
/// # Errors
/// `Refused` where it is there already; `Io`. A folder that was begun stays, without its sums.
pub fn write_runbooks(made: &Runbooks, folder: &Path, formats: &[PageFormat]) -> Result<()> {
    let place = printable(folder.as_os_str().as_bytes());
    let failed = |error: std::io::Error| Problem::io("writing the runbooks", error).at(&*place);
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Problem::new(Kind::Refused, "it is there already, and nothing is written over")
                .at(place)
                .remedy("name a new directory"));
        }
        made => made.map_err(failed)?,
    }
    let mut files: Vec<(String, String)> = Vec::new();
    for format in formats {
        let end = format.extension();
        files.push((format!("ALL.{end}"), made.page(*format)));
        files.extend(
            made.runbooks.iter().map(|one| (format!("{}.{end}", one.volume), made.page_of(one, *format))),
        );
    }
    files.push((FACTS.into(), made.json(&[0])));
    let sums = files.iter().map(|(name, text)| format!("{}  {name}\n", sum(text.as_bytes()))).collect();
    files.push((SUMS.into(), sums));
    for (name, text) in files {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o644).open(folder.join(name)).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    let names = File::open(folder).map_err(failed)?;
    sync_names(&names).map_err(|error| failed(error.into()))
}

/// SHA-256 as hexadecimal digits.
pub(super) fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the runbooks into a new folder here and into every vault, each within `limit`, and records it. Where the same was written not long
/// ago, that still holds.
pub fn keep_runbooks(
    context: &Context,
    estate: &Estate,
    made: Runbooks,
    ledger: &mut Ledger,
    limit: Duration,
) -> Kept {
    let made_from = sum(&serde_json::to_vec(&made.made_from).unwrap_or_default());
    let mut kept = Kept::default();
    let name = match random_hex() {
        Ok(hex) => format!("{}-{}", made.generated_at.format("%Y%m%dT%H%M%S%.3fZ"), &hex[..8]),
        Err(problem) => {
            kept.problems.push(format!("the runbooks are not written: {problem}"));
            return kept;
        }
    };
    let made = Arc::new(made);
    let local = parent(context, estate);
    let into = printable(local.as_os_str().as_bytes());
    if is_due(ledger.records(), &into, &made_from, &made) || !local.is_dir() {
        let written = here(&local, &name, &made);
        note(context, ledger, &mut kept, (into, None), (&made_from, &made), written.map(|()| Vec::new()));
    }
    let mut waiting = Vec::new();
    for entry in estate.vaults.iter().filter(|entry| !drills_only(entry)) {
        // One that did not answer just now is not waited for again.
        if made.vaults.iter().any(|vault| vault.name == entry.id && vault.id.is_none()) {
            kept.problems
                .push(format!("{}: the runbooks are not written there: the vault was not read", entry.id));
        } else if is_due(ledger.records(), &entry.id, &made_from, &made) {
            let (context, estate, asked) = (context.clone(), estate.clone(), entry.clone());
            let (made, name, records) = (made.clone(), name.clone(), ledger.records().to_vec());
            let work = move || into_vault(&context, &estate, &asked, &records, (&made, &name));
            waiting.push((entry.id.clone(), Waiting::start(limit, work)));
        }
    }
    for (id, waiting) in waiting {
        let written = match waiting.end() {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some((vault, notices)))) => Ok((vault, notices)),
            Ok(Err(problem)) => Err(problem),
            Err((_, why)) => Err(Problem::new(Kind::Io, why)),
        };
        let (vault, notices) = match written {
            Ok((vault, notices)) => (Some(vault), Ok(notices)),
            Err(problem) => (None, Err(problem)),
        };
        note(context, ledger, &mut kept, (id, vault), (&made_from, &made), notices);
    }
    kept
}

/// Whether pages are to be written again: where others were made from something else, or half of the time is over for which they are believed.
fn is_due(records: &[Record], place: &str, made_from: &str, made: &Runbooks) -> bool {
    let half = (made.believe_until - made.generated_at) / 2;
    recorded::last(records, place).is_none_or(|last| {
        last.made_from != made_from || made.generated_at - last.at >= half || last.at > made.generated_at
    })
}

fn note(
    context: &Context,
    ledger: &mut Ledger,
    kept: &mut Kept,
    (into, vault): (String, Option<VaultRef>),
    (made_from, made): (&str, &Runbooks),
    written: Result<Vec<String>>,
) {
    let recorded = written.and_then(|notices| {
        kept.notices.extend(notices);
        let event = Event::RunbooksWritten {
            into: into.clone(),
            vault,
            made_from_sha256: made_from.to_owned(),
            believe_until: made.believe_until,
        };
        ledger.append((context.clock)(), event)
    });
    match recorded {
        Ok(()) => kept.written.push(into),
        Err(problem) => kept.problems.push(format!("{into}: the runbooks are not written there: {problem}")),
    }
}

fn here(parent: &Path, name: &str, made: &Runbooks) -> Result<()> {
    let place = || printable(parent.as_os_str().as_bytes());
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(parent)
        .map_err(|error| Problem::io("making the directory of runbooks", error).at(place()))?;
    write_runbooks(made, &parent.join(name), &[PageFormat::Markdown, PageFormat::Html])
}

/// Writes the pages of all volumes into a vault. Nothing where there is no vault yet.
fn into_vault(
    context: &Context,
    estate: &Estate,
    entry: &VaultEntry,
    records: &[Record],
    (made, name): (&Runbooks, &str),
) -> Result<Option<(VaultRef, Vec<String>)>> {
    let Some(vault) = open_to_send(context, estate, entry, records)? else { return Ok(None) };
    let mut notices = Vec::new();
    for format in [PageFormat::Markdown, PageFormat::Html] {
        let sealed = if vault.is_encrypted() { ".age" } else { "" };
        let key = Key::new(format!("{RUNBOOKS}/{name}.{}{sealed}", format.extension()))?;
        if !put(&vault, &key, made.page(format).as_bytes())? && notices.is_empty() {
            notices.push(format!("{}: the runbooks there are not locked as was asked for", entry.id));
        }
    }
    Ok(Some((VaultRef::of(&vault)?, notices)))
}

/// Writes a new object and reads it back. Gives whether it is locked as was asked for.
fn put(vault: &Vault, key: &Key, plain: &[u8]) -> Result<bool> {
    let bytes = vault.close(plain)?;
    let store = vault.store();
    let lock = store.put_locked(key, &bytes, vault.retention())?;
    store.forget(key)?;
    if store.get_bytes(key, LARGEST)? != bytes {
        return Err(Problem::damaged(key.as_str(), "the store gives other bytes back than were written"));
    }
    Ok(vault.retention().is_none_or(|asked| lock.is_some_and(|lock| asked.is_met_by(&lock))))
}

/// The newest whole folder of pages below a directory.
///
/// # Errors
/// `NotFound` where there is none.
pub fn newest(parent: &Path) -> Result<PathBuf> {
    let place = printable(parent.as_os_str().as_bytes());
    let none = || {
        Problem::new(Kind::NotFound, "no runbooks were written there yet").at(&*place).remedy(
            "`outlive nightly` writes them every night; `outlive runbook --all --into NEWDIR` does so now",
        )
    };
    let listed = match std::fs::read_dir(parent) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(none()),
        listed => listed.map_err(|error| Problem::io("listing the runbooks", error).at(&*place))?,
    };
    let whole = listed.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.join(SUMS).is_file());
    whole.max().ok_or_else(none)
}

/// When a time has passed.
pub(super) fn is_over(until: Timestamp, now: Timestamp) -> bool {
    until < now
}
