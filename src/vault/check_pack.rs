//! One pack from the medium: its digest, its sidecar, and every frame decoded to the chunks it is said to hold.

use super::format::{Digest, Hasher, MAX_OBJECT, MAX_PAGE, PackLine, PackRole, Sidecar, SidecarFrame};
use super::readback::digest_of;
use super::sealing::Ids;
use super::{Vault, decode, gone, safe};
use crate::domain::{Kind, Monitor, Problem, Result};
use crate::store::{Key, read_failed};
use std::io::{BufReader, ErrorKind, Read};

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
    let header = vault.open_sidecar(&any.pack, &bytes).ok()?.header;
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

/// Streams a pack once: its own digest, and each frame decoded to the chunks its sidecar names. Where it is encrypted and
/// nothing here opens it, only its digest: then no chunk was decoded.
pub(super) fn decode_pack(
    vault: &Vault,
    line: &PackLine,
    sidecar: &Sidecar,
    monitor: &dyn Monitor,
) -> Result<u64> {
    let key = line.pack.pack()?;
    let is_sealed = vault.is_encrypted() && line.role != PackRole::List;
    let is_closed =
        is_sealed && !vault.seal().zip(sidecar.epoch.as_ref()).is_some_and(|(seal, epoch)| seal.opens(epoch));
    // Without the key of names no page is told by its name either.
    let Some(ids) = vault.ids_of(sidecar).filter(|_| !is_closed) else {
        return digest_of(vault, &key, (line.bytes, line.sha256), monitor).map(|_| 0);
    };
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
    if let Some(seal) = vault.seal().filter(|_| is_sealed) {
        // A header without end is not read.
        seal.heads.of(store, &key)?;
    }
    let reader = store.forget(&key).and_then(|()| store.get(&key, 0)).map_err(gone)?;
    let mut stored = Hashed { reader, hasher: Hasher::default(), failed: false };
    let frames = Frames { key: &key, ids: &ids, sidecar, monitor };
    let opened = if is_sealed { vault.opened()? } else { None };
    let decoded = match opened {
        None => frames.decode(&mut stored),
        Some(opened) => age::Decryptor::new_buffered(BufReader::new(&mut stored))
            .and_then(|sealed| sealed.decrypt(opened.identities()))
            .map_err(|error| match error {
                age::DecryptError::Io(error) => Failed::Reading(error),
                other => {
                    Failed::Wrong(damaged(&format!("cannot be decrypted: {}", safe(&other.to_string()))))
                }
            })
            .and_then(|mut inside| frames.decode(&mut inside)),
    };
    match decoded {
        Ok(chunks) if stored.hasher.finish() == line.sha256 => Ok(chunks),
        Ok(_) => Err(damaged("does not match its SHA-256")),
        Err(Failed::Wrong(problem)) => Err(problem),
        Err(Failed::Reading(error)) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(damaged("ends too early"))
        }
        Err(Failed::Reading(error)) if stored.failed => Err(read_failed(&key, store, error)),
        Err(Failed::Reading(error)) => {
            Err(damaged(&format!("cannot be decrypted: {}", safe(&error.to_string()))))
        }
    }
}

/// Why a pack could not be decoded.
enum Failed {
    Reading(std::io::Error),
    Wrong(Problem),
}

/// An object as it is read, with its digest.
struct Hashed {
    reader: Box<dyn Read + Send>,
    hasher: Hasher,
    /// The store did not give it.
    failed: bool,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer).inspect_err(|error| {
            self.failed |= error.kind() != ErrorKind::Interrupted;
        })?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// The frames of a pack, as its sidecar names them.
struct Frames<'a> {
    key: &'a Key,
    ids: &'a Ids,
    sidecar: &'a Sidecar,
    monitor: &'a dyn Monitor,
}

impl Frames<'_> {
    /// Decodes all of them from a pack's content, and reads that to its end.
    fn decode(&self, content: &mut dyn Read) -> std::result::Result<u64, Failed> {
        let mut chunks = 0;
        for frame in &self.sidecar.frames {
            if self.monitor.cancelled() {
                return Err(Failed::Wrong(stopped()));
            }
            let mut packed = vec![0; frame.length as usize];
            content.read_exact(&mut packed).map_err(Failed::Reading)?;
            self.monitor.advance(u64::from(frame.length), 0);
            chunks += self.frame(frame, &packed).map_err(Failed::Wrong)?;
        }
        match content.read(&mut [0]).map_err(Failed::Reading)? {
            0 => Ok(chunks),
            _ => Err(Failed::Wrong(Problem::damaged(self.key.as_str(), "not as long as it was written"))),
        }
    }

    fn frame(&self, frame: &SidecarFrame, packed: &[u8]) -> Result<u64> {
        let damaged = |what: &str| Err(Problem::damaged(self.key.as_str(), what));
        let bytes: usize = frame.chunks.iter().map(|chunk| chunk.size() as usize).sum();
        if bytes > MAX_PAGE {
            return damaged("a frame is larger than this format allows");
        }
        let raw = decode(self.key, packed, bytes)?;
        let mut at = 0;
        for chunk in &frame.chunks {
            let end = at + chunk.size() as usize;
            if self.ids.of(&Digest::of(&raw[at..end])) != chunk.sha256() {
                return damaged("a chunk does not match its SHA-256");
            }
            at = end;
        }
        Ok(frame.chunks.len() as u64)
    }
}
