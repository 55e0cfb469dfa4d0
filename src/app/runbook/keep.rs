//! Writing runbooks where they outlive the primary: a new folder on this machine, and new objects in every vault, under its lock.

use super::{folders, recorded};
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
use std::collections::BTreeMap;
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

/// Pages in a vault that are larger than this are written in several pieces, where they are of several volumes.
const PIECE: usize = 32 << 20;
/// The largest object that is read back.
pub(super) const LARGEST: u64 = 64 << 20;

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

/// Writes pages into a new folder: of each volume, of all together, the facts, and the sums of these files. Gives the
/// SHA-256 of those sums.
///
/// # Errors
/// `Refused` where it is there already; `Io`. A folder that was begun stays, without its sums.
pub fn write_runbooks(made: &Runbooks, folder: &Path, formats: &[PageFormat]) -> Result<String> {
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
    let sums: String =
        files.iter().map(|(name, text)| format!("{}  {name}\n", sum(text.as_bytes()))).collect();
    let of_sums = sum(sums.as_bytes());
    files.push((SUMS.into(), sums));
    for (name, text) in files {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o644).open(folder.join(name)).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    let names = File::open(folder).map_err(failed)?;
    sync_names(&names).map_err(|error| failed(error.into()))?;
    Ok(of_sums)
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
        Ok(hex) => folders::name(made.generated_at, &hex[..8]),
        Err(problem) => {
            kept.problems.push(format!("the runbooks are not written: {problem}"));
            return kept;
        }
    };
    let made = Arc::new(made);
    let local = parent(context, estate);
    let into = printable(local.as_os_str().as_bytes());
    let new = New { name: &name, made_from: &made_from, made: &made };
    if is_due(ledger.records(), &into, &made_from, &made) || !local.is_dir() {
        let written = here(&local, &name, &made);
        new.note(context, ledger, &mut kept, into, written);
    }
    let mut waiting = Vec::new();
    for entry in estate.vaults.iter().filter(|entry| !drills_only(entry)) {
        // One that did not answer just now is not waited for again.
        if made.vaults.iter().any(|vault| vault.name == entry.id && vault.id.is_none()) {
            kept.problems
                .push(format!("{}: the runbooks are not written there: the vault was not read", entry.id));
        } else if is_due_in_vault(ledger.records(), estate, &entry.id, &made) {
            let (context, estate, asked) = (context.clone(), estate.clone(), entry.clone());
            let (made, name, records) = (made.clone(), name.clone(), ledger.records().to_vec());
            let work = move || into_vault(&context, &estate, &asked, &records, (&made, &name));
            waiting.push((entry.id.clone(), Waiting::start(limit, work)));
        }
    }
    for (id, waiting) in waiting {
        let written = match waiting.end() {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some(put))) => Ok(put),
            Ok(Err(problem)) => Err(problem),
            Err((_, why)) => Err(Problem::new(Kind::Io, why)),
        };
        new.note(context, ledger, &mut kept, id, written);
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

/// The same of a vault, where what was written stays under a lock: a newer point alone is no reason.
fn is_due_in_vault(records: &[Record], estate: &Estate, id: &str, made: &Runbooks) -> bool {
    let Some(last) = recorded::last(records, id) else { return true };
    // Pages that lack the ways back from a vault which did not answer take the place of no others.
    let is_whole = made.vaults.iter().all(|vault| vault.id.is_some());
    let tells_otherwise = last.acts != Some(&*made.acts_sha256);
    last.at > made.generated_at
        || made.generated_at - last.at >= estate.runbook.vaults_every
        || (is_whole && tells_otherwise)
}

/// What was put somewhere.
struct Put {
    /// The vault, where it is one.
    vault: Option<VaultRef>,
    /// SHA-256 of it, by name.
    sha256: BTreeMap<String, String>,
    notices: Vec<String>,
}

/// Pages that are being written.
struct New<'n> {
    name: &'n str,
    made_from: &'n str,
    made: &'n Runbooks,
}

impl New<'_> {
    fn note(
        &self,
        context: &Context,
        ledger: &mut Ledger,
        kept: &mut Kept,
        into: String,
        written: Result<Put>,
    ) {
        let recorded = written.and_then(|put| {
            kept.notices.extend(put.notices);
            let event = Event::RunbooksWritten {
                into: into.clone(),
                vault: put.vault,
                made_from_sha256: self.made_from.to_owned(),
                believe_until: self.made.believe_until,
                acts_sha256: Some(self.made.acts_sha256.clone()),
                name: Some(self.name.to_owned()),
                sha256: put.sha256,
            };
            ledger.append((context.clock)(), event)
        });
        match recorded {
            Ok(()) => kept.written.push(into),
            Err(problem) => {
                kept.problems.push(format!("{into}: the runbooks are not written there: {problem}"))
            }
        }
    }
}

fn here(parent: &Path, name: &str, made: &Runbooks) -> Result<Put> {
    let place = || printable(parent.as_os_str().as_bytes());
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(parent)
        .map_err(|error| Problem::io("making the directory of runbooks", error).at(place()))?;
    let sums = write_runbooks(made, &parent.join(name), &[PageFormat::Markdown, PageFormat::Html])?;
    Ok(Put { vault: None, sha256: [(SUMS.to_owned(), sums)].into(), notices: Vec::new() })
}

/// Writes the pages of all volumes into a vault. Nothing where there is no vault yet.
fn into_vault(
    context: &Context,
    estate: &Estate,
    entry: &VaultEntry,
    records: &[Record],
    (made, name): (&Runbooks, &str),
) -> Result<Option<Put>> {
    let Some(vault) = open_to_send(context, estate, entry, records)? else { return Ok(None) };
    let mut done = Put { vault: Some(VaultRef::of(&vault)?), sha256: BTreeMap::new(), notices: Vec::new() };
    let sealed = if vault.is_encrypted() { ".age" } else { "" };
    for format in [PageFormat::Markdown, PageFormat::Html] {
        let pieces = made.pieces(format, PIECE);
        for (place, page) in pieces.iter().enumerate() {
            let piece = match pieces.len() {
                1 => String::new(),
                all => format!("-{}-of-{all}", place + 1),
            };
            let key = Key::new(format!("{RUNBOOKS}/{name}{piece}.{}{sealed}", format.extension()))?;
            let (is_locked, sha256) = put(&vault, &key, page.as_bytes())?;
            done.sha256.insert(key.as_str().to_owned(), sha256);
            if !is_locked && done.notices.is_empty() {
                done.notices
                    .push(format!("{}: the runbooks there are not locked as was asked for", entry.id));
            }
        }
    }
    Ok(Some(done))
}

/// Writes a new object and reads it back. Gives whether it is locked as was asked for, and its SHA-256.
fn put(vault: &Vault, key: &Key, plain: &[u8]) -> Result<(bool, String)> {
    let bytes = vault.close(plain)?;
    if bytes.len() as u64 > LARGEST {
        let what =
            format!("a page of {} MiB is more than is read back: nothing was written", bytes.len() >> 20);
        return Err(Problem::new(Kind::Refused, what)
            .at(key.as_str())
            .remedy("see which volume's page is that large: `outlive runbook --all --into NEWDIR`"));
    }
    let store = vault.store();
    let lock = store.put_locked(key, &bytes, vault.retention())?;
    store.forget(key)?;
    if store.get_bytes(key, LARGEST)? != bytes {
        return Err(Problem::damaged(key.as_str(), "the store gives other bytes back than were written"));
    }
    let is_locked = vault.retention().is_none_or(|asked| lock.is_some_and(|lock| asked.is_met_by(&lock)));
    Ok((is_locked, sum(&bytes)))
}

/// When a time has passed.
pub(super) fn is_over(until: Timestamp, now: Timestamp) -> bool {
    until < now
}
