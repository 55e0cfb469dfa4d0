//! Seeing that the key in the safe still opens a vault: every epoch that goes on, and of the newest point the root, the tree and a few packs.

use super::trust::Candidates;
use crate::app::stores::Purpose;
use crate::app::{Context, keys, named, signers};
use crate::domain::{Kind, Monitor, Problem, Result, Timestamp, VolumeId, printable};
use crate::estate::{Estate, ReaderRole, VaultEntry};
use crate::ledger::{DrillEnd, Event, History, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{EscrowDone, EscrowsDone};
use crate::store::random_hex;
use crate::vault::{
    Epochs, FoundRoot, Identities, Recipient, Roots, Sampled, Vault, VaultKeys, has_content, sample,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// So many packs are decoded.
const PACKS: usize = 4;

/// A vault, and the reader whose key is to be proved on it.
struct Asked<'e> {
    entry: &'e VaultEntry,
    reader: Recipient,
    identities: Identities,
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// The vault and its place: whatever is wrong there, the key had no part in it.
    #[default]
    Vault,
    /// The key itself.
    Key,
}

/// What was found out.
#[derive(Default)]
struct Proof {
    stage: Stage,
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
    let here = VaultRef::of(&vault)?;
    (proof.place, proof.vault) = (vault.place(), Some(here.clone()));
    named::check(&entry.id, Some(&vault), ledger.records())?;
    if !vault.is_encrypted() {
        return Err(Problem::new(Kind::Refused, "the vault was made without encryption").at(vault.place()));
    }
    let vault = keys::disowning(context, Some(entry), vault);
    let vault = signers::signed(context, Purpose::Read, vault)?;
    proof.stage = Stage::Key;
    let vault = vault.with_keys(&VaultKeys { identities: identities.clone(), ..VaultKeys::default() })?;
    let epochs = vault.epochs().into_iter().flat_map(|epochs| epochs.iter());
    proof.epochs = epochs.filter(|epoch| vault.opens(&epoch.name)).map(|epoch| epoch.name.clone()).collect();
    check_epochs(&vault)?;
    let newest =
        newest((&vault, &Roots::read(&vault)?), &History::of(ledger.records(), &here), (context.clock)())?;
    proof.point = Some(newest.clone());
    let seed = u64::from_str_radix(&random_hex()?[..16], 16).unwrap_or_default();
    proof.sampled = sample(&vault, &newest, PACKS, seed, monitor)?;
    Ok(())
}

/// The newest point that is taken for ours, is not doubted, and has content to decode: of an epoch that goes on, where there is one.
fn newest((vault, roots): (&Vault, &Roots), history: &History, now: Timestamp) -> Result<FoundRoot> {
    let open = |why: Vec<String>| Problem::new(Kind::Io, why.join("; "));
    let volumes: BTreeSet<&VolumeId> = roots.sound.iter().map(|found| &found.root.volume).collect();
    let mut points = Vec::new();
    let mut unsure = BTreeMap::new();
    for volume in volumes {
        let Candidates { points: of_volume, failed, open, .. } = Candidates::of(roots, history, volume, now);
        points.extend(of_volume.into_iter().filter(|found| found.signed.is_trusted()));
        unsure.insert(volume, failed.into_iter().chain(open).collect::<Vec<_>>());
    }
    let current: BTreeSet<&str> =
        vault.epochs().into_iter().flat_map(Epochs::current).map(|epoch| epoch.name.as_str()).collect();
    let goes_on =
        |found: &FoundRoot| found.root.lid.as_ref().is_some_and(|lid| current.contains(lid.epoch.as_str()));
    points.sort_by(|a, b| (goes_on(a), a.order()).cmp(&(goes_on(b), b.order())));
    for found in points.into_iter().rev() {
        if let Some(why) = unsure.remove(&found.root.volume).filter(|why| !why.is_empty()) {
            return Err(open(why));
        }
        if !vault.reads(&found) {
            let what = format!(
                "the newest recovery point, {}, is of a former epoch that it does not open",
                found.short()
            );
            return Err(Problem::new(Kind::Refused, what));
        }
        if has_content(vault, &found)? {
            return Ok(found);
        }
    }
    let why: Vec<String> = unsure.into_values().flatten().collect();
    if !why.is_empty() {
        return Err(open(why));
    }
    let what = "the vault holds no recovery point of yours that can be read and has content, so there is nothing to decode";
    Err(Problem::new(Kind::NotFound, what))
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

/// What it comes to. Where something could not be asked, or was said before the key was tried, nothing is said of the key.
fn verdict(tried: Result<()>, proof: &Proof) -> (DrillEnd, String) {
    let Sampled { entries, packs, .. } = proof.sampled;
    match tried {
        Ok(()) if packs == 0 => (DrillEnd::NotRun, "no pack was decoded, so nothing was seen of it".into()),
        Ok(()) => {
            let point = proof.point.as_ref().map(FoundRoot::short).unwrap_or_default();
            let epochs = proof.epochs.len();
            let because = format!(
                "it opened {epochs} epochs, and of the newest recovery point with content, {point}, {entries} entries and {packs} packs"
            );
            (DrillEnd::Passed, because)
        }
        Err(problem) => match (proof.stage, problem.kind) {
            (Stage::Key, Kind::Refused | Kind::Damaged) => (DrillEnd::Failed, problem.to_string()),
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
