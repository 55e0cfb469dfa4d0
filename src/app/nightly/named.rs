//! Which vault stands behind a name of the estate file. An unmounted disk is an empty directory, and a vault made there
//! anew would look as if nothing had ever been lost.

use crate::app::Context;
use crate::domain::{Kind, Problem, Result};
use crate::estate::{Estate, VaultEntry};
use crate::ledger::{Event, Ledger, Record, VaultRef};
use crate::vault::Vault;

/// Refuses another vault than the one that the ledger knows by this name, and none where it knows one.
///
/// # Errors
/// `Refused`, saying which vault is missed and since when it is known.
pub(super) fn check(entry: &VaultEntry, found: Option<&Vault>, records: &[Record]) -> Result<()> {
    let Some((known, record)) = known(&entry.id, records) else { return Ok(()) };
    let what = match found {
        Some(vault) if vault.id() == known.id => return Ok(()),
        Some(_) => "another vault stands where this one was",
        None => "it is not there any more, with all recovery points that it held",
    };
    let since = record.at.format("%Y-%m-%d %H:%M UTC");
    Err(Problem::new(Kind::Refused, format!("the vault `{}`, known since {since}: {what}", entry.id)).remedy(
        "is its disk mounted, is its bucket the right one? Where it is gone for good, give the new one another id in the \
         estate file",
    ))
}

/// Records each vault of this run that no name is known for yet.
///
/// # Errors
/// When the ledger cannot be written.
pub(super) fn record(context: &Context, estate: &Estate, ledger: &mut Ledger) -> Result<()> {
    for entry in &estate.vaults {
        // Only what this run opened: nothing is waited for here.
        let Some(vault) = context.opened.any(&entry.place) else { continue };
        if known(&entry.id, ledger.records()).is_none() {
            let vault = VaultRef::of(&vault)?;
            ledger.append((context.clock)(), Event::VaultNamed { name: entry.id.clone(), vault })?;
        }
    }
    Ok(())
}

fn known<'a>(name: &str, records: &'a [Record]) -> Option<(&'a VaultRef, &'a Record)> {
    records.iter().find_map(|record| match &record.event {
        Event::VaultNamed { name: known, vault } if known == name => Some((vault, record)),
        _ => None,
    })
}
