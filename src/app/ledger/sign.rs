//! Signing the ledger as it stands, and copying it into the vaults.

use super::send::send;
use crate::app::Context;
use crate::app::signers::signer_of;
use crate::app::survey::Waiting;
use crate::domain::{Kind, Problem, Result};
use crate::estate::Estate;
use crate::ledger::{Checkpoint, KeptCheckpoints, Ledger, Lines, Night, PATIENCE, Sealed, Trust};
use crate::signing::{PublicKey, Signer};
use crate::vault::format::Digest;
use std::time::Duration;

/// How often another process may take the number of a checkpoint before that is no accident.
const TRIES: usize = 20;

/// With which key this machine signs, and whose signatures count.
pub(super) struct Signing {
    signer: Signer,
    pub trust: Trust,
}

/// What was signed: the ledger, with its lines by then.
pub(super) struct Signed {
    pub ledger: Digest,
    pub lines: Lines,
}

impl Signing {
    /// As the estate file says; `None` where this machine signs nothing.
    ///
    /// # Errors
    /// Where the key cannot be had, is none, or is not among those that are trusted.
    fn of(context: &Context, estate: &Estate) -> Result<Option<Self>> {
        let Some(entry) = &estate.signing else { return Ok(None) };
        let trust = Trust::parse(&entry.trust)?;
        Ok(signer_of(context, entry, &trust)?.map(|signer| Self { signer, trust }))
    }
}

/// Signs the ledger and copies it, with what was signed before, into every vault of the estate file, each within `limit`. Gives what
/// could not be done, in sentences; nothing where this machine signs nothing.
pub fn sign_ledger(context: &Context, estate: &Estate, night: Option<Night>, limit: Duration) -> Vec<String> {
    let signed = match Signing::of(context, estate) {
        Ok(None) => return Vec::new(),
        Ok(Some(signing)) => sign(context, &signing, night).map(|signed| (signing, signed)),
        Err(problem) => Err(problem),
    };
    let (signing, signed) = match signed {
        Ok((signing, Some(signed))) => (signing, signed),
        Ok((_, None)) => return Vec::new(),
        Err(problem) => return vec![format!("the ledger is not signed: {problem}")],
    };
    let (signing, signed) = (std::sync::Arc::new(signing), std::sync::Arc::new(signed));
    let start = |entry: &crate::estate::VaultEntry| {
        let (context, estate, asked) = (context.clone(), estate.clone(), entry.clone());
        let (signing, signed) = (signing.clone(), signed.clone());
        let work = move || send(&context, (&estate, &asked), &signing, &signed);
        (entry.id.clone(), Waiting::start(limit, work))
    };
    let started: Vec<_> = estate.vaults.iter().map(start).collect();
    let end = |(id, waiting): (String, Waiting<Result<Vec<String>>>)| match waiting.end() {
        Ok(Ok(notices)) => notices,
        Ok(Err(problem)) => vec![format!("{id}: the ledger is not copied there: {problem}")],
        Err((_, why)) => vec![format!("{id}: the ledger is not copied there: {why}")],
    };
    started.into_iter().flat_map(end).collect()
}

/// Signs the ledger as it stands, unless nothing was added since it was last signed and no night is spoken of.
fn sign(context: &Context, signing: &Signing, night: Option<Night>) -> Result<Option<Signed>> {
    let kept = KeptCheckpoints::open(&context.state)?;
    for _ in 0..TRIES {
        // Another process may have signed meanwhile, and what it signed may be longer.
        let (_, lines) = Ledger::look_whole(&context.state, PATIENCE)?;
        let Some(ledger) = lines.ledger() else { return Ok(None) };
        let public = signing.signer.public();
        let before = newest_first(&kept, &ledger, &signing.trust, &public)?;
        let records = lines.count();
        if let Some(last) = before.first() {
            let said = &last.checkpoint;
            if lines.head(said.records) != Some(said.head) {
                return Err(rewritten(&kept));
            }
            if night.is_none() && said.records == records {
                return Ok(Some(Signed { ledger, lines }));
            }
        }
        let Some(head) = lines.head(records) else { return Ok(None) };
        let next = Checkpoint::after(&before, &public, (ledger, records, head), (context.clock)());
        if kept.put(&Sealed::sign(Checkpoint { night: night.clone(), ..next }, &signing.signer)?)? {
            return Ok(Some(Signed { ledger, lines }));
        }
    }
    let what = format!("the number of the next checkpoint was taken {TRIES} times");
    Err(Problem::new(Kind::Io, what).at(kept.place()).remedy("see which processes write there"))
}

/// The checkpoints of a ledger from the newest on, down to the last that this key signed.
fn newest_first(
    kept: &KeptCheckpoints,
    ledger: &Digest,
    trust: &Trust,
    key: &PublicKey,
) -> Result<Vec<Sealed>> {
    let mut found = Vec::new();
    for number in kept.numbers(ledger)?.into_iter().rev() {
        let (name, bytes) = kept.read(ledger, number)?;
        let sealed = Sealed::open(&name, &bytes, trust)?;
        let is_ours = sealed.by == *key;
        found.push(sealed);
        if is_ours {
            break;
        }
    }
    Ok(found)
}

/// What was signed once is not signed over by something else.
fn rewritten(kept: &KeptCheckpoints) -> Problem {
    let what =
        "the ledger is not the one that was signed before: its end was taken away, or it was written anew";
    Problem::new(Kind::Damaged, what)
        .at(kept.place())
        .remedy("run `outlive ledger verify`, with --vault too; keep the state directory as evidence")
}
