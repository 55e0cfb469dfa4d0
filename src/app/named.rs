//! Which vault stands behind a name of the estate file. An unmounted disk is an empty directory, and a vault made there
//! anew would look as if nothing had ever been lost.

use super::Context;
use super::stores::{look_for_writing, open_or_create_vault, open_vault};
use crate::domain::{CopyState, Kind, Problem, Result, Timestamp};
use crate::estate::{Estate, VaultPlace};
use crate::ledger::{Event, History, Ledger, Record, VaultRef};
use crate::vault::Vault;

/// Refuses another vault than the one that the ledger knows by this name, and none where it knows one.
///
/// # Errors
/// `Refused`, saying which vault is missed and since when it is known.
pub fn check(name: &str, found: Option<&Vault>, records: &[Record]) -> Result<()> {
    let Some((known, record)) = known(name, records) else { return Ok(()) };
    let what = match found {
        Some(vault) if vault.id() == known.id => return Ok(()),
        Some(_) => "another vault stands where this one was",
        None => "it is not there any more, with all recovery points that it held",
    };
    let since = record.at.format("%Y-%m-%d %H:%M UTC");
    Err(Problem::new(Kind::Refused, format!("the vault `{name}`, known since {since}: {what}")).remedy(
        "is its disk mounted, is its bucket the right one? Where it is gone for good, give the new one another id in the \
         estate file",
    ))
}

/// The vault of this name, or nothing where there is none and none is missed.
///
/// # Errors
/// As [`open_vault`] and [`check`].
pub fn open(context: &Context, name: &str, place: &VaultPlace, records: &[Record]) -> Result<Option<Vault>> {
    let found = match open_vault(context, place) {
        Ok(vault) => Some(vault),
        Err(problem) if problem.kind == Kind::NotFound => None,
        Err(problem) => return Err(problem),
    };
    check(name, found.as_ref(), records)?;
    Ok(found)
}

/// The vault of this name, made where there is none and none is missed.
///
/// # Errors
/// As [`open_or_create_vault`] and [`check`].
pub fn open_or_create(
    context: &Context,
    name: &str,
    place: &VaultPlace,
    now: Timestamp,
    records: &[Record],
) -> Result<Vault> {
    check(name, look_for_writing(context, place)?.as_ref(), records)?;
    let vault = open_or_create_vault(context, place, now)?;
    check(name, Some(&vault), records)?;
    Ok(vault)
}

/// Records each vault of this run that no name is known for yet.
///
/// # Errors
/// When the ledger cannot be written.
pub fn record(context: &Context, estate: &Estate, ledger: &mut Ledger) -> Result<()> {
    for entry in &estate.vaults {
        // Only what this run opened: nothing is waited for here.
        let Some(vault) = context.opened.any(&entry.place) else { continue };
        // One that never held what came back is not the one to be missed: it may lie below an unmounted disk.
        let here = VaultRef::of(&vault)?;
        let held =
            History::of(ledger.records(), &here).states.values().any(|state| *state >= CopyState::ReadBack);
        if held {
            note(&entry.id, &vault, (context.clock)(), ledger)?;
        }
    }
    Ok(())
}

/// Records which vault stands behind a name, where none is known for it yet.
///
/// # Errors
/// When the ledger cannot be written.
pub fn note(name: &str, vault: &Vault, at: Timestamp, ledger: &mut Ledger) -> Result<()> {
    if known(name, ledger.records()).is_some() {
        return Ok(());
    }
    ledger.append(at, Event::VaultNamed { name: name.to_owned(), vault: VaultRef::of(vault)? })
}

fn known<'a>(name: &str, records: &'a [Record]) -> Option<(&'a VaultRef, &'a Record)> {
    records.iter().find_map(|record| match &record.event {
        Event::VaultNamed { name: known, vault } if known == name => Some((vault, record)),
        _ => None,
    })
}
