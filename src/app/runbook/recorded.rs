//! What the ledger says of pages that were written, and so where copies of them are.

use super::folders;
use super::keep::{drills_only, parent};
use super::look::Looked;
use crate::app::{Context, stores::say_place};
use crate::domain::{Timestamp, printable};
use crate::estate::{Estate, VaultEntry};
use crate::ledger::{Event, Record, VaultRef};
use crate::report::runbook::PagesAt;
use crate::vault::format::RUNBOOKS;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

/// One writing of pages.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'r> {
    /// When it was recorded.
    pub at: Timestamp,
    /// Where they went: a directory, or a vault's name in the estate file.
    pub into: &'r str,
    /// The vault, where it is one.
    pub vault: Option<&'r VaultRef>,
    /// SHA-256 over what they were made from.
    pub made_from: &'r str,
    /// SHA-256 over what they tell people to do; older versions did not record it.
    pub acts: Option<&'r str>,
    /// Until when they are to be believed.
    pub believe_until: Timestamp,
    /// The folder's name, or what the names of the objects begin with; older versions did not record it.
    pub name: Option<&'r str>,
    /// SHA-256 of what was written, by name: of a folder that of its sums.
    pub sha256: &'r BTreeMap<String, String>,
}

/// Every writing, the oldest first.
pub(super) fn all(records: &[Record]) -> impl DoubleEndedIterator<Item = Recorded<'_>> + Clone {
    records.iter().filter_map(|record| match &record.event {
        Event::RunbooksWritten {
            into,
            vault,
            made_from_sha256,
            believe_until,
            acts_sha256,
            name,
            sha256,
        } => Some(Recorded {
            at: record.at,
            into,
            vault: vault.as_ref(),
            made_from: made_from_sha256,
            acts: acts_sha256.as_deref(),
            believe_until: *believe_until,
            name: name.as_deref(),
            sha256,
        }),
        _ => None,
    })
}

/// The last writing into a place.
pub(super) fn last<'r>(records: &'r [Record], into: &str) -> Option<Recorded<'r>> {
    all(records).rev().find(|written| written.into == into)
}

/// Where copies of pages are, and where a night will put one that is not there yet.
pub(super) fn elsewhere(
    context: &Context,
    estate: &Estate,
    records: &[Record],
    vaults: &[Looked<'_>],
) -> (Vec<PagesAt>, Vec<String>) {
    let (mut there, mut to_come) = (Vec::new(), Vec::new());
    let mut sort = |place: String, written: Option<Recorded<'_>>| match written {
        Some(written) => {
            there.push(PagesAt { place, written_at: written.at, believe_until: written.believe_until });
        }
        None => to_come.push(place),
    };
    let host = crate::providers::local::this_host().name;
    let local = parent(context, estate);
    let into = printable(local.as_os_str().as_bytes());
    let shown = std::path::absolute(&local).unwrap_or_else(|_| local.clone());
    let shown = printable(shown.as_os_str().as_bytes());
    // Somebody may have removed it since.
    let written = last(records, &into).filter(|_| folders::newest(&local, (context.clock)()).is_ok());
    sort(format!("{shown} on {host}, the newest folder"), written);
    for looked in vaults.iter().filter(|looked| !drills_only(looked.entry)) {
        let written = last(records, &looked.entry.id).filter(|written| is_in(written, looked));
        let silent = match (&looked.found, &written) {
            (Err(_), Some(_)) => "; it could not be read when this was made",
            _ => "",
        };
        sort(format!("{}{silent}", said(looked.entry)), written);
    }
    (there, to_come)
}

/// Whether the vault that got the pages is the one that is there now, as far as that can be seen.
fn is_in(written: &Recorded<'_>, looked: &Looked<'_>) -> bool {
    match (&looked.found, written.vault) {
        (Ok(found), Some(vault)) => found.id == vault.id,
        _ => true,
    }
}

fn said(entry: &VaultEntry) -> String {
    let sealed = if entry.readers.is_empty() { "" } else { ", encrypted for its readers" };
    format!(
        "the vault {}: {}, the newest object below {RUNBOOKS}/{sealed}",
        entry.id,
        say_place(&entry.place)
    )
}
