//! Whether written pages are those that were written, by the ledger: sums that lie beside the pages can be made anew by whoever changes them.

use super::keep::{LARGEST, SUMS, drills_only, is_over, sum};
use super::recorded::{self, Recorded};
use super::survivors::minute;
use crate::app::Context;
use crate::app::stores::open_vault;
use crate::app::survey::Waiting;
use crate::domain::{Kind, Result, printable};
use crate::estate::{Estate, VaultEntry};
use crate::ledger::Record;
use crate::store::Key;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// What the ledger says against pages.
#[derive(Default)]
pub(super) struct Proof {
    /// What is not as it was written.
    pub damaged: Vec<String>,
    /// Of what the ledger does not say how it was written.
    pub unproven: Vec<String>,
    /// What could not be read.
    pub gaps: Vec<String>,
}

/// Compares a folder's sums with the ledger; they are known by the folder's name, or as those of a folder that was copied.
pub(super) fn of_folder(folder: &Path, sums: &[u8], records: &[Record]) -> Proof {
    let mut proof = Proof::default();
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let name = folder.file_name().map(|name| printable(name.as_bytes())).unwrap_or_default();
    let digest = sum(sums);
    let mut written = recorded::all(records).rev().filter(|written| written.vault.is_none());
    let is = |written: &Recorded<'_>| written.sha256.get(SUMS) == Some(&digest);
    match written.clone().find(|written| written.name == Some(&*name)) {
        Some(own) if is(&own) => {}
        Some(own) => proof.damaged.push(format!(
            "{SUMS}: not the one that was written: the ledger has another digest of it, of {}",
            minute(own.at)
        )),
        None if written.any(|other| is(&other)) => {}
        None => proof.unproven.push(format!(
            "{name}: the ledger knows nothing of this folder: that its sums fit does not say that nobody changed both"
        )),
    }
    proof
}

/// The folder that the ledger has as the last one of a directory, where it is there no more.
pub(super) fn last_is_gone(parent: &Path, records: &[Record]) -> Option<String> {
    let written = recorded::last(records, &printable(parent.as_os_str().as_bytes()))?;
    let name = written.name?;
    let is_there = parent.join(name).join(SUMS).is_file();
    (!is_there)
        .then(|| format!("{name}: gone: the ledger says that it was written at {}", minute(written.at)))
}

/// Reads the newest pages of every vault, each within `limit`, and compares them with the ledger; and what they tell people to do with `acts`,
/// where that is known of all volumes.
pub(super) fn of_vaults(
    context: &Context,
    estate: &Estate,
    records: &[Record],
    acts: Option<&str>,
    limit: Duration,
) -> Proof {
    let mut proof = Proof::default();
    let mut waiting = Vec::new();
    for entry in estate.vaults.iter().filter(|entry| !drills_only(entry)) {
        let Some(written) = recorded::last(records, &entry.id) else {
            proof.unproven.push(format!("the vault {}: no pages were written there yet", entry.id));
            continue;
        };
        if is_over(written.believe_until, (context.clock)()) {
            proof.damaged.push(format!(
                "the vault {}: its pages were to be believed until {}",
                entry.id,
                minute(written.believe_until)
            ));
        }
        if acts.is_some_and(|acts| written.acts.is_some_and(|written| written != acts)) {
            let what = "its pages tell people to do otherwise than pages that are made now";
            proof.damaged.push(format!("the vault {}: {what}", entry.id));
        }
        if written.sha256.is_empty() {
            let what = "the ledger does not say which pages were written there";
            proof.unproven.push(format!("the vault {}: {what} at {}", entry.id, minute(written.at)));
            continue;
        }
        let id = written.vault.map(|vault| vault.id.clone());
        let (context, asked, objects) = (context.clone(), entry.clone(), written.sha256.clone());
        let work = move || in_vault(&context, &asked, (id.as_deref(), &objects));
        waiting.push((&entry.id, Waiting::start(limit, work)));
    }
    for (id, waiting) in waiting {
        let said = |what: String| format!("the vault {id}: {what}");
        match waiting.end() {
            Ok(Ok(damaged)) => proof.damaged.extend(damaged.into_iter().map(said)),
            Ok(Err(problem)) => proof.gaps.push(said(format!("the runbooks there: {problem}"))),
            Err((_, why)) => proof.gaps.push(said(format!("the runbooks there: {why}"))),
        }
    }
    proof
}

/// What is not as it was written.
fn in_vault(
    context: &Context,
    entry: &VaultEntry,
    (id, objects): (Option<&str>, &BTreeMap<String, String>),
) -> Result<Vec<String>> {
    let vault = open_vault(context, &entry.place)?;
    if id.is_some_and(|id| id != vault.id()) {
        return Ok(vec!["the runbooks were written into another vault, which is not there now".into()]);
    }
    let mut damaged = Vec::new();
    for (key, sha256) in objects {
        let said = printable(key.as_bytes());
        match vault.store().get_bytes(&Key::new(key.clone())?, LARGEST) {
            Ok(bytes) if sum(&bytes) == *sha256 => {}
            Ok(_) => damaged.push(format!("{said}: changed since it was written, as the ledger has it")),
            Err(problem) if problem.kind == Kind::NotFound => damaged.push(format!("{said}: gone")),
            Err(problem) => return Err(problem),
        }
    }
    Ok(damaged)
}
