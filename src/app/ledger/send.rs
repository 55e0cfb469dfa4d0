//! Copying the ledger into a vault, with the checkpoints that were signed: new objects, written once, under the vault's lock.

use super::sign::{Signed, Signing};
use crate::app::stores::{look_for_recording, look_for_writing};
use crate::app::{Context, LockPlan, locks, named};
use crate::domain::{Kind, Problem, Result};
use crate::estate::{Estate, VaultEntry};
use crate::ledger::{
    Bundle, FOLDER, KeptCheckpoints, Ledger, PATIENCE, Record, Sealed, Sent, Trust, VaultRef, bundles,
};
use crate::plan::own_time;
use crate::store::{Identity, Key, Listed};
use crate::vault::format::Digest;
use crate::vault::{Kept, LockTerms, Vault};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// How many keys may be taken by other bytes before that is no accident.
const TRIES: u32 = 8;

/// Copies what of the ledger a vault does not hold yet, as far as is remembered and listed. Nothing where there is no vault yet. Gives what
/// must be known of what was written.
///
/// # Errors
/// Where it is another vault, nobody agreed to its locks, or its store fails.
pub(super) fn send(
    context: &Context,
    (estate, entry): (&Estate, &VaultEntry),
    signing: &Signing,
    signed: &Signed,
) -> Result<Vec<String>> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let Some(vault) = open(context, estate, entry, &records)? else { return Ok(Vec::new()) };
    let kept = KeptCheckpoints::open(&context.state)?;
    let here = VaultRef::of(&vault)?;
    let folder = format!("{FOLDER}/{}", signed.ledger);
    let listed = vault.store().list(&folder)?;
    let numbers = kept.numbers(&signed.ledger)?;
    let sent = still_there((&vault, &listed), &kept, (signing, signed), (&here, &numbers))?;
    let lacking: Vec<u64> = lacking(&numbers, &sent);
    if lacking.is_empty() {
        return Ok(Vec::new());
    }
    introduce(&vault, &signed.ledger)?;
    let mut notices = Vec::new();
    for run in lacking.chunk_by(|one, next| one + 1 == *next) {
        for bundle in bundles_of(&kept, run, signed, &signing.trust)? {
            let (sent, is_locked) = put(&vault, &bundle)?;
            remember(&kept, &signed.ledger, &here, &sent)?;
            if !is_locked && notices.is_empty() {
                notices.push(format!(
                    "{}: the copy of the ledger there is not locked as was asked for",
                    entry.id
                ));
            }
        }
    }
    Ok(notices)
}

/// The checkpoints that none of these objects holds.
fn lacking(numbers: &[u64], sent: &[Sent]) -> Vec<u64> {
    let is_in = |number: &u64| sent.iter().any(|sent| (sent.first..=sent.last).contains(number));
    numbers.iter().copied().filter(|number| !is_in(number)).collect()
}

/// Where nothing tells the place, nothing that is remembered of it is found again.
fn remember(kept: &KeptCheckpoints, ledger: &Digest, here: &VaultRef, sent: &Sent) -> Result<()> {
    if Identity::may_be_any(&here.place) { Ok(()) } else { kept.note_sent(ledger, here, sent) }
}

/// The objects that hold something of the ledger: those that are remembered and listed, and of what the others say that they hold, those
/// that are read and are what was signed here.
fn still_there(
    (vault, listed): (&Vault, &[Listed]),
    kept: &KeptCheckpoints,
    (signing, signed): (&Signing, &Signed),
    (here, numbers): (&VaultRef, &[u64]),
) -> Result<Vec<Sent>> {
    let there: BTreeMap<&str, Option<u64>> =
        listed.iter().map(|listed| (listed.key.name(), listed.bytes)).collect();
    let is_there = |sent: &Sent| there.get(sent.name.as_str()) == Some(&Some(sent.bytes));
    let mut sent: Vec<Sent> = kept.sent(&signed.ledger, here)?.into_iter().filter(is_there).collect();
    for listed in listed {
        let name = listed.key.name();
        let said = listed.bytes.filter(|bytes| *bytes <= Bundle::LARGEST);
        let Some(said) = said.and_then(|bytes| Sent::listed(name, bytes)) else { continue };
        let is_lacking = lacking(numbers, &sent).iter().any(|lacks| (said.first..=said.last).contains(lacks));
        if !is_lacking || sent.iter().any(|sent| sent.name == name) {
            continue;
        }
        let run: Vec<u64> =
            numbers.iter().copied().filter(|of| (said.first..=said.last).contains(of)).collect();
        let ours = bundles_of(kept, &run, signed, &signing.trust)?;
        let [ours] = &ours[..] else { continue };
        match vault.store().get_bytes(&listed.key, Bundle::LARGEST) {
            Ok(bytes) if bytes == ours.render()? => {
                remember(kept, &signed.ledger, here, &said)?;
                sent.push(said);
            }
            Ok(_) => {}
            Err(problem) if matches!(problem.kind, Kind::Damaged | Kind::NotFound) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(sent)
}

/// The vault, with the credential that may leave the ledger there and under its locks; `None` where there is none yet.
fn open(context: &Context, estate: &Estate, entry: &VaultEntry, records: &[Record]) -> Result<Option<Vault>> {
    let found = look_for_recording(context, &entry.place)?;
    under_locks(context, estate, (entry, found), records)
}

/// The vault, with the credential that writes and under its locks; `None` where there is none yet.
///
/// # Errors
/// Where it is another vault, or nobody agreed to its locks.
pub fn open_to_send(
    context: &Context,
    estate: &Estate,
    entry: &VaultEntry,
    records: &[Record],
) -> Result<Option<Vault>> {
    let found = look_for_writing(context, &entry.place)?;
    under_locks(context, estate, (entry, found), records)
}

fn under_locks(
    context: &Context,
    estate: &Estate,
    (entry, found): (&VaultEntry, Option<Vault>),
    records: &[Record],
) -> Result<Option<Vault>> {
    named::check(&entry.id, found.as_ref(), records)?;
    let Some(vault) = found else { return Ok(None) };
    let plan = LockPlan::of(estate, entry);
    match plan.as_ref().and_then(LockPlan::longest) {
        Some(order) => locks::under(vault, &entry.id, order, (context.clock)()).map(Some),
        None => Ok(Some(vault)),
    }
}

/// The checkpoints of these numbers, with the lines before each.
fn bundles_of(kept: &KeptCheckpoints, run: &[u64], signed: &Signed, trust: &Trust) -> Result<Vec<Bundle>> {
    let read = |number: u64| -> Result<Sealed> {
        let (name, bytes) = kept.read(&signed.ledger, number)?;
        Sealed::open(&name, &bytes, trust)
    };
    let first = run.first().copied().unwrap_or_default();
    let before = match first.checked_sub(1) {
        Some(number) => read(number)?.checkpoint.records,
        None => 0,
    };
    let sealed = run.iter().map(|number| read(*number)).collect::<Result<Vec<_>>>()?;
    Ok(bundles(signed.ledger, &sealed, &signed.lines, before))
}

/// Writes an object under a key that is free, and reads it back. Gives whether it is locked as was asked for.
fn put(vault: &Vault, bundle: &Bundle) -> Result<(Sent, bool)> {
    let plain = bundle.render()?;
    let bytes = vault.close(&plain)?;
    let store = vault.store();
    for again in 0..TRIES {
        let key = bundle.key(&plain, again)?;
        let lock = match store.put_locked(&key, &bytes, vault.retention()) {
            Ok(lock) => lock,
            Err(problem) if problem.kind == Kind::Refused && store.size(&key)?.is_some() => {
                // A run that was stopped left it, or somebody else took the key.
                let mut left = store.get(&key, 0)?;
                let mut there = Vec::new();
                let most = bytes.len() as u64 + 1;
                let read = std::io::Read::read_to_end(&mut std::io::Read::take(&mut left, most), &mut there);
                if read.is_err() || there != bytes {
                    continue;
                }
                store.lock_of(&key)?
            }
            Err(problem) => return Err(problem),
        };
        store.forget(&key)?;
        if store.get_bytes(&key, Bundle::LARGEST)? != bytes {
            return Err(Problem::damaged(key.as_str(), "the store gives other bytes back than were written"));
        }
        let is_locked = vault.retention().is_none_or(|asked| lock.is_some_and(|lock| asked.is_met_by(&lock)));
        let sent = Sent {
            name: key.name().to_owned(),
            bytes: bytes.len() as u64,
            first: bundle.first,
            last: bundle.last(),
        };
        return Ok((sent, is_locked));
    }
    let what = format!("{TRIES} keys for the copy of the ledger are taken by something else");
    Err(Problem::new(Kind::Refused, what).at(vault.place()).remedy("see who writes into this vault"))
}

/// The object that says in a vault that it holds this ledger: a folder of keys cannot be listed everywhere.
pub(super) fn introduction(ledger: &Digest) -> Result<(Key, String)> {
    let text = format!("{{\"schema\":\"outlive/ledger-id/v0\",\"ledger\":\"{ledger}\"}}\n");
    Ok((Key::new(format!("{FOLDER}/{ledger}.json"))?, text))
}

fn introduce(vault: &Vault, ledger: &Digest) -> Result<()> {
    let (key, text) = introduction(ledger)?;
    if vault.store().size(&key)?.is_some() {
        return Ok(());
    }
    match vault.store().put_locked(&key, text.as_bytes(), vault.retention()) {
        // Another run did the same.
        Err(problem) if problem.kind == Kind::Refused && vault.store().size(&key)?.is_some() => Ok(()),
        put => put.map(drop),
    }
}

/// Keeps what this machine wrote of its ledger into a vault under lock: what the store took within `locked_for` stays for that long.
/// `None` where nothing is remembered to have been written there.
///
/// # Errors
/// Where the store does not answer. A lock that it does not make longer is in the result.
pub fn keep_ledger_locked(
    context: &Context,
    vault: &Vault,
    terms_now: impl FnOnce() -> Result<(LockTerms, TimeDelta)>,
) -> Result<Option<Kept>> {
    let Some(kept) = KeptCheckpoints::look(&context.state)? else { return Ok(None) };
    let here = VaultRef::of(vault)?;
    let mut sent: BTreeMap<Digest, Vec<Sent>> = BTreeMap::new();
    for ledger in kept.ledgers()? {
        let of_this = kept.sent(&ledger, &here)?;
        if !of_this.is_empty() {
            sent.insert(ledger, of_this);
        }
    }
    if sent.is_empty() {
        return Ok(None);
    }
    let (terms, locked_for) = terms_now()?;
    let (mut wanted, now) = (BTreeMap::new(), terms.least - locked_for);
    for (ledger, sent) in sent {
        for listed in vault.store().list(&format!("{FOLDER}/{ledger}"))? {
            // What somebody else put there is not kept for them.
            let is_ours = sent.iter().any(|sent| sent.name == listed.key.name());
            // Without the store's word on when it came, it is as if it came now.
            let until = own_time(listed.stored_at.unwrap_or(now), locked_for, now).filter(|_| is_ours);
            wanted.extend(until.map(|until| (listed.key, until.min(terms.least))));
        }
        wanted.insert(introduction(&ledger)?.0, terms.least);
    }
    vault.keep_objects(&wanted, terms).map(Some)
}
