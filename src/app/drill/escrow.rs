//! Seeing that the key in the safe still opens a vault: every epoch that goes on, and of the newest point the root, the tree and a few packs.

use crate::app::stores::Purpose;
use crate::app::{Context, keys, named, signers};
use crate::domain::{Kind, Monitor, Problem, Result, Timestamp, printable};
use crate::estate::{Estate, ReaderRole, VaultEntry};
use crate::ledger::{DrillEnd, Event, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{EscrowDone, EscrowsDone};
use crate::store::random_hex;
use crate::vault::{FoundRoot, Identities, Recipient, Roots, Sampled, Vault, VaultKeys, sample};
use std::time::Instant;

/// So many packs are decoded.
const PACKS: usize = 4;

/// A vault, and the reader whose key is to be proved on it.
struct Asked<'e> {
    entry: &'e VaultEntry,
    reader: Recipient,
    identities: Identities,
}

/// What was found out.
#[derive(Default)]
struct Proof {
    vault: Option<VaultRef>,
    place: String,
    epochs: Vec<String>,
    point: Option<FoundRoot>,
    sampled: Sampled,
}

/// Proves the escrow keys that were given on the vaults of these names, or on all whose reader one of them is. Each is recorded, however it ends.
///
/// # Errors
/// `Usage` where a name is none, no key was given, or none of them is that of an escrow reader; where the ledger cannot be written.
pub fn prove_escrow(
    context: &Context,
    estate: &Estate,
    names: &[String],
    monitor: &dyn Monitor,
) -> Result<EscrowsDone> {
    let asked = asked(context, estate, names)?;
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let mut proofs = Vec::new();
    for asked in &asked {
        let (began, at) = (Instant::now(), (context.clock)());
        let mut proof = Proof::default();
        let tried = prove(context, asked, &ledger, &mut proof, monitor);
        let (outcome, because) = verdict(tried, &proof);
        if let Some(vault) = &proof.vault {
            let event = Event::EscrowTried {
                vault: vault.clone(),
                reader: asked.reader.to_string(),
                outcome,
                because: because.clone(),
                epochs: proof.epochs.clone(),
                point: proof.point.as_ref().map(FoundRoot::record),
                packs: proof.sampled.packs,
                bytes: proof.sampled.bytes,
            };
            ledger.append((context.clock)(), event)?;
        }
        proofs.push(done(asked, proof, (outcome, because), at, began));
    }
    Ok(EscrowsDone { proofs, notices: Vec::new() })
}

/// On which vaults which key is to be proved.
fn asked<'e>(context: &Context, estate: &'e Estate, names: &[String]) -> Result<Vec<Asked<'e>>> {
    let usage = |what: String, remedy: &str| Problem::new(Kind::Usage, what).remedy(remedy);
    let given = keys::given(context)?;
    if given.is_empty() {
        let what = "no private key was given, and that of an escrow reader is to be proved";
        return Err(usage(what.into(), "name its file: --identity FILE"));
    }
    let unknown = names.iter().find(|name| estate.vault(name).is_none());
    if let Some(name) = unknown {
        let what = format!("the estate file has no vault `{}`", printable(name.as_bytes()));
        return Err(usage(what, "name one of its [[vault]] tables by its id"));
    }
    let mut asked = Vec::new();
    for entry in estate.vaults.iter().filter(|entry| names.is_empty() || names.contains(&entry.id)) {
        let escrows = entry.readers.iter().filter(|reader| reader.role == ReaderRole::Escrow);
        let readers: Vec<Recipient> = escrows.filter_map(|reader| Recipient::parse(&reader.key)).collect();
        let found = readers.into_iter().map(|reader| (given.only(&reader), reader));
        let found: Vec<_> = found.filter(|(identities, _)| !identities.is_empty()).collect();
        if found.is_empty() && !names.is_empty() {
            let what = format!(
                "the private key that was given is that of no reader of `{}` with the role escrow",
                entry.id
            );
            return Err(usage(
                what,
                "declare its public key (age-keygen -y FILE): readers = [{ key = \"age1…\", role = \"escrow\" }]",
            ));
        }
        asked.extend(found.into_iter().map(|(identities, reader)| Asked { entry, reader, identities }));
    }
    if asked.is_empty() {
        let what = "the private key that was given is that of no reader with the role escrow, of any vault of the estate file";
        return Err(usage(
            what.into(),
            "declare its public key (age-keygen -y FILE): readers = [{ key = \"age1…\", role = \"escrow\" }]",
        ));
    }
    Ok(asked)
}

/// Tries the key. What was found out until something ended it is in `proof`.
fn prove(
    context: &Context,
    Asked { entry, identities, .. }: &Asked<'_>,
    ledger: &Ledger,
    proof: &mut Proof,
    monitor: &dyn Monitor,
) -> Result<()> {
    let vault = Vault::open(context.stores.open(&entry.place, Purpose::Read)?)?;
    (proof.place, proof.vault) = (vault.place(), Some(VaultRef::of(&vault)?));
    named::check(&entry.id, Some(&vault), ledger.records())?;
    if !vault.is_encrypted() {
        return Err(Problem::new(Kind::Refused, "the vault was made without encryption").at(vault.place()));
    }
    let vault = vault.with_keys(&VaultKeys { identities: identities.clone(), ..VaultKeys::default() })?;
    let vault = signers::signed(context, Purpose::Read, vault)?;
    let epochs = vault.epochs().into_iter().flat_map(|epochs| epochs.iter());
    proof.epochs = epochs.filter(|epoch| vault.opens(&epoch.name)).map(|epoch| epoch.name.clone()).collect();
    check_epochs(&vault)?;
    let roots = Roots::read(&vault)?;
    let newest = roots.sound.iter().rev().find(|found| found.signed.is_trusted());
    let newest = newest.ok_or_else(|| {
        Problem::new(Kind::NotFound, "the vault holds no recovery point of yours that can be read")
    })?;
    proof.point = Some(newest.clone());
    if !vault.reads(newest) {
        let what = format!(
            "the newest recovery point, {}, is of a former epoch that it does not open",
            newest.short()
        );
        return Err(Problem::new(Kind::Refused, what));
    }
    let seed = u64::from_str_radix(&random_hex()?[..16], 16).unwrap_or_default();
    proof.sampled = sample(&vault, newest, PACKS, seed, monitor)?;
    Ok(())
}

/// Sees that every epoch that goes on is opened, and that these are all.
fn check_epochs(vault: &Vault) -> Result<()> {
    let Some(epochs) = vault.epochs() else { return Ok(()) };
    epochs.check_read()?;
    if epochs.is_forked() {
        let what = "two epochs of the vault began after the same one: see `outlive vault reader list`";
        return Err(Problem::new(Kind::Io, what));
    }
    match epochs.current().find(|epoch| !vault.opens(&epoch.name)) {
        Some(closed) => {
            let what = format!("it does not open the epoch {}, in which copies are made now", closed.name);
            Err(Problem::new(Kind::Refused, what))
        }
        None => Ok(()),
    }
}

/// What it comes to. Where something could not be asked, nothing is said of the key.
fn verdict(tried: Result<()>, proof: &Proof) -> (DrillEnd, String) {
    match tried {
        Ok(()) => {
            let Sampled { entries, packs, .. } = proof.sampled;
            let point = proof.point.as_ref().map(FoundRoot::short).unwrap_or_default();
            let epochs = proof.epochs.len();
            let because = format!(
                "it opened {epochs} epochs, and of the newest recovery point, {point}, {entries} entries and {packs} packs"
            );
            (DrillEnd::Passed, because)
        }
        Err(problem) => match problem.kind {
            Kind::Refused | Kind::Damaged => (DrillEnd::Failed, problem.to_string()),
            _ => (DrillEnd::NotRun, problem.to_string()),
        },
    }
}

fn done(
    asked: &Asked<'_>,
    proof: Proof,
    (outcome, because): (DrillEnd, String),
    at: Timestamp,
    began: Instant,
) -> EscrowDone {
    EscrowDone {
        vault: asked.entry.id.clone(),
        place: proof.place,
        reader: asked.reader.to_string(),
        at,
        outcome: super::record::word(outcome),
        because,
        epochs: proof.epochs,
        point: proof.point.as_ref().map(FoundRoot::short),
        taken_at: proof.point.as_ref().map(|found| found.root.taken_at),
        entries: proof.sampled.entries,
        packs: proof.sampled.packs,
        bytes: proof.sampled.bytes,
        seconds: began.elapsed().as_secs_f64(),
    }
}
