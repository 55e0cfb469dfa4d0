//! What runs left that were stopped before their root: nothing vouches for it, so that a pack is decoded before
//! anything refers to it, and only a pack that a copy could use is decoded.

use super::Vault;
use super::check_pack::decode_pack;
use super::format::{Digest, MAX_OBJECT, PackKey, PackLine, ROOTS, SIDECARS, Sidecar};
use super::parallel::{cores, in_parallel};
use super::readback::digest_of;
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
use crate::store::Key;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Sidecars that are in memory at a time.
const TOGETHER: usize = 4;

/// A pack that no root names, as its own sidecar describes it.
#[derive(Debug)]
pub struct Leftover {
    line: PackLine,
    sound: OnceLock<bool>,
}

impl Leftover {
    /// What a root would say of the pack.
    pub fn line(&self) -> &PackLine {
        &self.line
    }

    /// True where the pack was decoded, and is what its sidecar says.
    pub fn is_proved(&self) -> bool {
        self.sound.get() == Some(&true)
    }
}

/// Decodes leftovers, each once in a run.
#[derive(Clone, Copy)]
pub struct Prover<'a> {
    vault: &'a Vault,
    monitor: &'a dyn Monitor,
}

impl<'a> Prover<'a> {
    /// Reads from this vault, until the user stops it.
    pub fn new(vault: &'a Vault, monitor: &'a dyn Monitor) -> Self {
        Self { vault, monitor }
    }

    /// True where every frame of the pack decodes to what the sidecar says. Whatever is wrong with it, the copy
    /// does without it. Whoever asks while another thread decodes it waits for that.
    pub fn holds(&self, leftover: &Leftover) -> bool {
        *leftover.sound.get_or_init(|| self.decode(&leftover.line).is_ok())
    }

    fn decode(&self, line: &PackLine) -> Result<()> {
        let (now, sidecar) = described(self.vault, &line.pack)?;
        if now != *line {
            return Err(Problem::damaged(line.pack.sidecar()?.as_str(), "another one than a moment ago"));
        }
        let monitor = Uncounted(self.monitor);
        if self.vault.is_readable() {
            return decode_pack(self.vault, line, &sidecar, &monitor).map(drop);
        }
        // Who may not decrypt it takes the word of whoever held the key of names: the sidecar has a code of it.
        digest_of(self.vault, &line.pack.pack()?, (line.bytes, line.sha256), &monitor).map(drop)
    }
}

/// Hears the user's stop, and counts nothing: what is decoded on the way is no progress of the copy.
struct Uncounted<'a>(&'a dyn Monitor);

impl Monitor for Uncounted<'_> {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// Hands each leftover that is not to be avoided to `take`, with its sidecar, until `take` has enough. Nothing
/// is decoded yet; a sidecar that cannot be read is passed over.
///
/// # Errors
/// When the store cannot be listed, or the user stops it.
pub fn each_leftover(
    vault: &Vault,
    avoid: &BTreeSet<PackKey>,
    monitor: &dyn Monitor,
    mut take: impl FnMut(Leftover, &Sidecar) -> Wanted,
) -> Result<()> {
    let unfinished = unfinished(vault)?;
    let packs: Vec<&PackKey> = unfinished.iter().filter(|pack| !avoid.contains(*pack)).collect();
    for some in packs.chunks(TOGETHER) {
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked; no recovery point was written"));
        }
        let read = in_parallel(cores(), some, |pack| Ok(described(vault, pack).ok()))?;
        for (line, sidecar) in read.into_iter().flatten() {
            if take(Leftover { line, sound: OnceLock::new() }, &sidecar) == Wanted::Enough {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What was found so, once it was looked for.
pub(super) type Unfinished = Arc<Mutex<Option<Arc<Vec<PackKey>>>>>;

/// Packs that no root names. In a run of many copies they are looked for once: whatever a run leaves that is stopped later, the next builds upon.
fn unfinished(vault: &Vault) -> Result<Arc<Vec<PackKey>>> {
    let known = vault.unfinished.as_ref();
    let known = || known.map(|known| known.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(packs) = known().and_then(|known| known.clone()) {
        return Ok(packs);
    }
    let run_of = |key: &Key| key.name().split('-').nth(1).unwrap_or_default().to_owned();
    let finished: BTreeSet<String> =
        vault.store().list(ROOTS)?.iter().map(|root| run_of(&root.key)).collect();
    let sidecars = vault.store().list(SIDECARS)?.into_iter();
    let packs = sidecars
        .map(|listed| PackKey(listed.key.name().into()))
        .filter(|pack| !finished.contains(pack.0.split('-').next().unwrap_or_default()));
    let packs = Arc::new(packs.collect());
    if let Some(mut known) = known() {
        *known = Some(Arc::clone(&packs));
    }
    Ok(packs)
}

/// Forgets them: a copy that was stopped here has left some.
pub fn look_again(vault: &Vault) {
    if let Some(known) = &vault.unfinished {
        *known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether more leftovers are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// There is room for more.
    More,
    /// There is not.
    Enough,
}

/// A pack and its sidecar, in the sidecar's own words.
pub(super) fn described(vault: &Vault, pack: &PackKey) -> Result<(PackLine, Sidecar)> {
    let bytes = vault.store().get_bytes(&pack.sidecar()?, MAX_OBJECT)?;
    let sidecar = vault.open_sidecar(pack, &bytes)?;
    if !vault.is_own_epoch(sidecar.epoch.as_deref()) {
        return Err(Problem::damaged(pack.sidecar()?.as_str(), "of another epoch: nothing is built on it"));
    }
    let line = PackLine {
        pack: pack.clone(),
        role: sidecar.header.role,
        bytes: sidecar.header.bytes,
        sha256: sidecar.header.sha256,
        sidecar_bytes: bytes.len() as u64,
        sidecar_sha256: Digest::of(&bytes),
    };
    Ok((line, sidecar))
}
