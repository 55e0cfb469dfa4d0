//! One pack from the medium: its digest, its sidecar, and every frame decoded to the chunks it is said to hold.

use super::format::{Digest, Hasher, MAX_OBJECT, MAX_PAGE, PackLine, Sidecar};
use super::readback::digest_of;
use super::{Vault, decode, gone};
use crate::domain::{Kind, Monitor, Problem, Result};
use crate::store::read_failed;

/// What checking one line of a list of packs gave: how many chunks of the pack were decoded, and whether its
/// sidecar is sound.
pub(super) type Checked = (Result<u64>, Result<()>);

/// Checks one pack and its sidecar.
pub(super) fn check_pack(vault: &Vault, line: &PackLine, monitor: &dyn Monitor) -> Checked {
    if monitor.cancelled() {
        return (Err(stopped()), Err(stopped()));
    }
    let forgotten = line.pack.sidecar().and_then(|key| vault.store().forget(&key).map_err(gone));
    match forgotten.and_then(|()| vault.sidecar(line)) {
        Ok(sidecar) => (decode_pack(vault, line, &sidecar, monitor), Ok(())),
        // Without its sidecar the frames cannot be told apart here; the bytes still have a digest.
        Err(problem) => {
            let key = line.pack.pack();
            let digest = key.and_then(|key| digest_of(vault, &key, (line.bytes, line.sha256), monitor));
            (digest.map(|_| 0), Err(problem))
        }
    }
}

/// The user's stop.
pub(super) fn stopped() -> Problem {
    Problem::new(Kind::Cancelled, "stopped as asked")
}

/// Checks what several recovery points say of one pack, each in its own words: at most one of them is right,
/// and the pack is read for that one only.
pub(super) fn check_claims(vault: &Vault, claims: &[&PackLine], monitor: &dyn Monitor) -> Vec<Checked> {
    let fits = match claims {
        [_] => Some(0),
        _ => claims.first().and_then(|claim| best_fit(vault, claims, claim)),
    };
    let chosen = fits.unwrap_or(0);
    let check = |(number, claim): (usize, &&PackLine)| {
        if number == chosen {
            return check_pack(vault, claim, monitor);
        }
        let what = "not what this recovery point names: another one names other bytes of it";
        let wrong = claim.pack.pack().and_then(|key| Err(Problem::damaged(key.as_str(), what)));
        (wrong, Ok(()))
    };
    claims.iter().enumerate().map(check).collect()
}

/// The claim whose sidecar is the one that is there.
fn best_fit(vault: &Vault, claims: &[&PackLine], any: &PackLine) -> Option<usize> {
    let bytes = vault.store().get_bytes(&any.pack.sidecar().ok()?, MAX_OBJECT).ok()?;
    let header = Sidecar::open(&any.pack, &bytes).ok()?.header;
    let found = PackLine {
        pack: header.pack,
        role: header.role,
        bytes: header.bytes,
        sha256: header.sha256,
        sidecar_bytes: bytes.len() as u64,
        sidecar_sha256: Digest::of(&bytes),
    };
    claims.iter().position(|line| **line == found)
}

/// Streams a pack once: its own digest, and each frame decoded to the chunks its sidecar names.
pub(super) fn decode_pack(
    vault: &Vault,
    line: &PackLine,
    sidecar: &Sidecar,
    monitor: &dyn Monitor,
) -> Result<u64> {
    let key = line.pack.pack()?;
    let damaged = |what: &str| Problem::damaged(key.as_str(), what);
    if vault
        .store()
        .size(&key)?
        .ok_or_else(|| damaged("gone: a recovery point needs it and it is not there"))?
        != line.bytes
    {
        return Err(damaged("not as long as it was written"));
    }
    let store = vault.store();
    let mut reader = store.forget(&key).and_then(|()| store.get(&key, 0)).map_err(gone)?;
    let mut hasher = Hasher::default();
    let mut chunks = 0;
    for frame in &sidecar.frames {
        if monitor.cancelled() {
            return Err(stopped());
        }
        let mut packed = vec![0; frame.length as usize];
        reader.read_exact(&mut packed).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged("ends too early"),
            _ => read_failed(&key, store, error),
        })?;
        hasher.update(&packed);
        monitor.advance(u64::from(frame.length), 0);
        let bytes: usize = frame.chunks.iter().map(|chunk| chunk.size() as usize).sum();
        if bytes > MAX_PAGE {
            return Err(damaged("a frame is larger than this format allows"));
        }
        let raw = decode(&key, &packed, bytes)?;
        let mut at = 0;
        for chunk in &frame.chunks {
            let end = at + chunk.size() as usize;
            if Digest::of(&raw[at..end]) != chunk.sha256() {
                return Err(damaged("a chunk does not match its SHA-256"));
            }
            at = end;
            chunks += 1;
        }
    }
    if hasher.finish() == line.sha256 { Ok(chunks) } else { Err(damaged("does not match its SHA-256")) }
}
