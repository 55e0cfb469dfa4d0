//! What a store does, tried before it is trusted and from time to time after: `outlive vault check`.

use super::Context;
use super::named;
use super::stores::{Purpose, look_for_writing, say_place};
use crate::domain::{Kind, LockKind, Problem, Result, printable};
use crate::estate::{VaultEntry, VaultPlace};
use crate::ledger::{CheckedStore, Event, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{CheckedOf, VaultChecked};
use crate::store::{Found, Scope, Trial};
use crate::vault::Vault;

/// Asks the store of a vault what it does, and records it where the vault is made.
///
/// # Errors
/// Where the store cannot be written, keeps nothing that could be asked for, or another vault is known by this name.
pub fn check_vault(context: &Context, entry: &VaultEntry) -> Result<VaultChecked> {
    let nothing = || {
        Problem::new(Kind::Usage, "a vault in a directory has nothing that could be asked of a store")
            .at(say_place(&entry.place))
            .remedy("`outlive verify` reads it back; only an S3 store is checked")
    };
    // To open a directory for writing would make it.
    if matches!(entry.place, VaultPlace::Dir(_)) {
        return Err(nothing());
    }
    let store = context.stores.open(&entry.place, Purpose::Write)?;
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let vault = look_for_writing(context, &entry.place)?;
    named::check(&entry.id, vault.as_ref(), ledger.records())?;
    let kind = entry.lock.map(|lock| lock.kind);
    let trials = store.probe(Scope::All(kind), (context.clock)())?.ok_or_else(nothing)?;
    let recorded = vault.map(|vault| record(context, &vault, &trials, &mut ledger)).transpose()?;
    let trials = trials.into_iter().map(|trial| CheckedOf {
        asked: trial.asked.id(),
        title: trial.asked.title(),
        found: trial.found,
        because: trial.because,
    });
    Ok(VaultChecked {
        name: entry.id.clone(),
        place: store.place(),
        lock: kind.map(LockKind::word),
        vault: recorded.map(|vault| printable(vault.id.as_bytes())),
        trials: trials.collect(),
        notices: Vec::new(),
    })
}

/// Records what was found of a vault's store.
///
/// # Errors
/// Where the ledger cannot be written, or the store does not tell its place.
pub fn record(context: &Context, vault: &Vault, trials: &[Trial], ledger: &mut Ledger) -> Result<VaultRef> {
    let here = VaultRef::of(vault)?;
    let of = |found: Found| -> Vec<String> {
        trials.iter().filter(|trial| trial.found == found).map(|trial| trial.asked.id().to_owned()).collect()
    };
    let checked = CheckedStore { holds: of(Found::Holds), fails: of(Found::Fails), open: of(Found::Open) };
    ledger.append((context.clock)(), Event::StoreChecked { vault: here.clone(), checked })?;
    Ok(here)
}

/// Sees that a store does not give locks up that are asked of it.
///
/// # Errors
/// `Refused` where it was seen to do so.
pub fn refuse_what_gives_way(trials: &[Trial], place: &str) -> Result<()> {
    let Some(first) = trials.iter().find(|trial| trial.denies_locks()) else { return Ok(()) };
    let what =
        format!("this store does not keep locks: asked whether {}, {}", first.asked.title(), first.because);
    Err(Problem::new(Kind::Refused, what).at(place).remedy(
        "use a bucket with Object Lock, in a store that keeps it (docs/stores.md), or write lock = { mode = \"none\" }: \
         then it counts as not locked",
    ))
}
