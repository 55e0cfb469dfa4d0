//! Whether the ledger is the one that was signed, here and in a vault.

use crate::app::Context;
use crate::app::stores::open_vault;
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::{Estate, VaultPlace};
use crate::ledger::{
    Bundle, FOLDER, Held, KeptCheckpoints, Ledger, Lines, PATIENCE, Sealed, Trust, VaultRef, compare,
    missed_slots,
};
use crate::report::activity::{CopyOfLedger, LedgerVerified};
use crate::vault::format::Digest;
use crate::vault::{Vault, in_parallel};

/// What this machine itself has: which ledger, its checkpoints, and its lines.
struct Own {
    ledger: Option<Digest>,
    held: Held,
}

/// Judges the ledger of the state directory, and with a vault the copies of it there. Nothing is written.
///
/// # Errors
/// `Usage` where a pinned key is none; where something cannot be read. What is wrong with the ledger is in the result.
pub fn verify_ledger(
    context: &Context,
    estate: Option<&Estate>,
    vault: Option<&VaultPlace>,
) -> Result<LedgerVerified> {
    let trust = match estate.and_then(|estate| estate.signing.as_ref()) {
        Some(entry) => Trust::parse(&entry.trust)?,
        None => Trust::default(),
    };
    let is_pinned = trust != Trust::default();
    let mut told = LedgerVerified {
        state: printable(context.state.as_os_str().as_encoded_bytes()),
        at: (context.clock)(),
        ..LedgerVerified::default()
    };
    if !is_pinned {
        told.open.push(
            "the ledger is unsigned: outlive.toml pins no key in [signing], so whoever can write it can write it anew".into(),
        );
    }
    let own = own(context, &trust, &mut told)?;
    if let Some(place) = vault {
        copies(context, place, (&own, &trust), &mut told)?;
    }
    // Where this machine has none, those of all machines that keep a copy there count: anybody may add one that is empty.
    let of_vault = told.copies.iter().map(|copy| copy.sealed.as_slice());
    let sealed: Vec<&[Sealed]> = match own.held.sealed.as_slice() {
        [] => of_vault.collect(),
        own => vec![own],
    };
    told.missed = sealed.into_iter().flat_map(|sealed| missed_slots(sealed, told.at)).collect();
    Ok(told)
}

/// Judges what is in the state directory.
fn own(context: &Context, trust: &Trust, told: &mut LedgerVerified) -> Result<Own> {
    let lines = match Ledger::look_whole(&context.state, PATIENCE) {
        Ok((_, lines)) => Some(lines),
        Err(problem) if matches!(problem.kind, Kind::Damaged | Kind::Refused) => {
            told.wrong.push(problem.to_string());
            None
        }
        Err(problem) => return Err(problem),
    };
    let kept = KeptCheckpoints::look(&context.state)?;
    let signed = kept.as_ref().map(KeptCheckpoints::ledgers).transpose()?.unwrap_or_default();
    let ledger = lines.as_ref().and_then(Lines::ledger);
    told.ledger = ledger.map(|ledger| ledger.to_string());
    told.records = lines.as_ref().map(Lines::count).unwrap_or_default();
    if *trust == Trust::default() {
        return Ok(Own { ledger, held: Held::default() });
    }
    for other in signed.iter().filter(|signed| Some(**signed) != ledger) {
        if lines.is_some() {
            told.wrong.push(format!(
                "{}: the ledger {} was signed here, and another one, or none, is in its place",
                told.state,
                short(other)
            ));
        }
    }
    // Where the chain is broken, what was signed still shows which ledger it was.
    let ledger = ledger.or_else(|| signed.first().copied());
    let (Some(ledger), Some(kept)) = (ledger, kept) else {
        unsigned(told, lines.as_ref());
        return Ok(Own { ledger, held: Held::default() });
    };
    let read = |number: &u64| kept.read(&ledger, *number).map(|(name, bytes)| (name, *number, bytes));
    let found = kept.numbers(&ledger)?.iter().map(read).map(unless_io).collect::<Result<Vec<_>>>()?;
    let mut held = Held::of(&ledger, found, trust);
    if let Some(lines) = &lines {
        held.check_lines(lines, "the ledger");
    }
    told.wrong.extend(held.problems.iter().map(Problem::to_string));
    told.checkpoints = held.sealed.len() as u64;
    match held.newest() {
        Some(newest) => {
            told.signed_records = newest.checkpoint.records;
            told.newest_at = Some(newest.checkpoint.at);
        }
        None => unsigned(told, lines.as_ref()),
    }
    let mut signers: Vec<String> = held.sealed.iter().map(|sealed| sealed.by.to_string()).collect();
    signers.sort();
    signers.dedup();
    told.signers = signers;
    Ok(Own { ledger: Some(ledger), held })
}

fn unsigned(told: &mut LedgerVerified, lines: Option<&Lines>) {
    let what = if lines.is_some_and(|lines| lines.count() > 0) {
        "the ledger is unsigned: no checkpoint that counts was made of it yet"
    } else {
        "there is no ledger here: this machine has done nothing yet, or remembers nothing of it"
    };
    told.open.push(what.into());
}

/// Judges the copies in a vault: that of this machine's ledger, or all where this machine has none.
fn copies(
    context: &Context,
    place: &VaultPlace,
    (own, trust): (&Own, &Trust),
    told: &mut LedgerVerified,
) -> Result<()> {
    let vault = open_vault(context, place)?;
    let is_id = |name: &str| Digest::parse(name.strip_suffix(".json")?);
    let mut ledgers: Vec<Digest> = match own.ledger {
        Some(ledger) => vec![ledger],
        None => vault.store().list(FOLDER)?.iter().filter_map(|listed| is_id(listed.key.name())).collect(),
    };
    ledgers.dedup();
    if ledgers.is_empty() {
        told.open.push(format!("{}: it holds no ledger", vault.place()));
    }
    if *trust == Trust::default() {
        return Ok(());
    }
    if !vault.reads_all() {
        let what = "freshness unproven: copies of the ledger there are encrypted, and nothing here opens all of them (--identity FILE)";
        told.open.push(format!("{}: {what}", vault.place()));
        return Ok(());
    }
    for ledger in ledgers {
        let copy = copy(context, &vault, (&ledger, own), trust)?;
        let place = &copy.place;
        told.wrong.extend(copy.wrong.iter().map(|wrong| format!("{place}: {wrong}")));
        told.open.extend(copy.unproven.iter().map(|why| format!("{place}: freshness unproven: {why}")));
        if copy.behind > 0 {
            let what = "checkpoints of this machine are not in it yet; the next night copies them";
            told.open.push(format!("{place}: {} {what}", copy.behind));
        }
        told.copies.push(copy);
    }
    Ok(())
}

fn copy(
    context: &Context,
    vault: &Vault,
    (ledger, own): (&Digest, &Own),
    trust: &Trust,
) -> Result<CopyOfLedger> {
    let store = vault.store();
    let listed = store.list(&format!("{FOLDER}/{ledger}"))?;
    let read = in_parallel(store.at_once(), &listed, |listed| {
        let name = listed.key.as_str().to_owned();
        let bytes = store.get_bytes(&listed.key, Bundle::LARGEST);
        Ok(unless_io(bytes.and_then(|bytes| vault.disclose(&name, bytes)).map(|bytes| (name, bytes))))
    })?;
    let read = read.into_iter().collect::<Result<Vec<_>>>()?;
    let (mut held, lines) = Held::of_bundles(ledger, read, trust);
    if let Err(problem) = lines.check("its lines") {
        held.problems.push(problem);
    }
    let kept = KeptCheckpoints::look(&context.state)?;
    let here = VaultRef::of(vault)?;
    let sent = kept.map(|kept| kept.sent(ledger, &here)).transpose()?.unwrap_or_default();
    let anchor = sent.iter().map(|sent| sent.last).max();
    let compared = compare(&own.held.sealed, &held.sealed, anchor, "its copy of the ledger");
    let newest = held.newest();
    Ok(CopyOfLedger {
        place: vault.place(),
        vault: printable(vault.id().as_bytes()),
        ledger: ledger.to_string(),
        checkpoints: held.sealed.len() as u64,
        records: lines.count(),
        newest_at: newest.map(|newest| newest.checkpoint.at),
        replayed: held.replayed as u64,
        behind: compared.behind,
        unproven: compared.unproven,
        wrong: held.problems.iter().chain(&compared.problems).map(Problem::to_string).collect(),
        sealed: held.sealed,
    })
}

/// What could not be asked for ends it; what is damaged or gone is judged.
fn unless_io<T>(read: Result<T>) -> Result<Result<T>> {
    match read {
        Err(problem) if !matches!(problem.kind, Kind::Damaged | Kind::NotFound) => Err(problem),
        other => Ok(other),
    }
}

fn short(ledger: &Digest) -> String {
    ledger.to_string()[..12].to_owned()
}
