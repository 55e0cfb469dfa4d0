//! Objects that are gone, sent again under their own keys where somebody has the very same bytes. A key is only taken where nothing is
//! under it: nothing is ever written over.

use super::super::format::{Digest, Hasher, Marker, PackLine, README_KEY, ROOTS};
use super::super::index::packs_known;
use super::super::roots::Roots;
use super::super::verify::Known;
use super::super::{README, Vault};
use super::pages::Other;
use crate::domain::{Kind, Result};
use crate::store::Key;
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// What an object is to be: its SHA-256, and how long it is where that is known.
pub type Wanted = BTreeMap<Key, (Digest, Option<u64>)>;

/// What the objects that are lacked are to be, as far as anything says so.
pub fn wanted(vault: &Vault, lacked: &[Key], roots: &Roots, known: &Known<'_>) -> Result<Wanted> {
    let mut wanted = Wanted::new();
    let mut note = |key: &Key, digest, bytes| {
        if lacked.contains(key) {
            wanted.insert(key.clone(), (digest, bytes));
        }
    };
    note(&Marker::readme_key()?, vault.marker.readme_sha256, None);
    for line in vault.key_lines() {
        note(&Key::new(line.key.clone())?, line.sha256, None);
    }
    for found in &roots.sound {
        let Ok(table) = packs_known(vault, found) else {
            found.root.list_packs.iter().try_for_each(|line| of_line(line, &mut note))?;
            continue;
        };
        table.values().try_for_each(|line| of_line(line, &mut note))?;
    }
    for key in lacked.iter().filter(|key| key.as_str().starts_with(ROOTS)) {
        if let Some(id) = id_of(key, roots, known) {
            wanted.insert(key.clone(), (id, None));
        }
    }
    Ok(wanted)
}

fn of_line(line: &PackLine, note: &mut impl FnMut(&Key, Digest, Option<u64>)) -> Result<()> {
    note(&line.pack.pack()?, line.sha256, Some(line.bytes));
    note(&line.pack.sidecar()?, line.sidecar_sha256, Some(line.sidecar_bytes));
    Ok(())
}

/// The SHA-256 of the root under a key, as the ledger or another root names it.
pub fn id_of(key: &Key, roots: &Roots, known: &Known<'_>) -> Option<Digest> {
    let recorded = known.points.iter().find(|record| record.key == key.as_str()).map(|record| record.id);
    recorded.or_else(|| {
        let mut previous = roots.sound.iter().filter_map(|found| found.root.previous.as_ref());
        previous.find(|previous| previous.key == key.as_str()).map(|previous| previous.sha256)
    })
}

/// Sends each of these again that is not there and that somebody has; which ones.
///
/// # Errors
/// What the vault's store said.
pub fn send_again(vault: &Vault, wanted: &Wanted, others: &[Other]) -> Result<Vec<Key>> {
    let mut sent = Vec::new();
    for (key, expected) in wanted {
        if vault.store.size(key).ok().flatten().is_some() || vault.store.size(key).is_err() {
            continue;
        }
        let own = (key.as_str() == README_KEY).then(|| README.as_bytes());
        let is_sent = match own.filter(|page| Digest::of(page) == expected.0) {
            Some(page) => send(vault, key, &mut &*page, *expected)?,
            None => {
                let mut is_sent = false;
                for other in others {
                    let Ok(mut reader) = other.vault.store().get(key, 0) else { continue };
                    is_sent = send(vault, key, &mut reader, *expected)?;
                    if is_sent {
                        break;
                    }
                }
                is_sent
            }
        };
        if is_sent {
            sent.push(key.clone());
        }
    }
    Ok(sent)
}

/// Whether the bytes were those that were expected: only then is there an object.
fn send(vault: &Vault, key: &Key, reader: &mut dyn Read, expected: (Digest, Option<u64>)) -> Result<bool> {
    let mut upload = vault.store.put_new(key, vault.retention())?;
    let (mut hasher, mut bytes, mut buffer) = (Hasher::default(), 0u64, vec![0; 256 * 1024]);
    loop {
        // What breaks off is not what was expected.
        let Ok(read) = reader.read(&mut buffer) else { return Ok(false) };
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if expected.1.is_some_and(|most| bytes > most) || expected.1.is_none() && bytes > super::MOST_SMALL {
            return Ok(false);
        }
        hasher.update(&buffer[..read]);
        upload
            .write_all(&buffer[..read])
            .map_err(|error| crate::domain::Problem::io(format!("writing {key}"), error).at(vault.place()))?;
    }
    if hasher.finish() != expected.0 {
        return Ok(false);
    }
    match upload.finish() {
        Ok(lock) => {
            vault.note_lock(lock);
            Ok(true)
        }
        // Somebody else was faster.
        Err(problem) if problem.kind == Kind::Refused => Ok(false),
        Err(problem) => Err(problem),
    }
}
