//! Encryption: whoever copies seals to an epoch's public key and can open nothing; readers hold what opens.
//!
//! `age` does the encryption; what stands here is which key is whose, and reading a part of a sealed object.

mod epoch;
mod epochs;
mod keys;
mod memory;
mod names;
mod span;
mod state;
mod statements;
mod vouch;

pub use epoch::{ChunkKey, Epoch, Ids};
pub use epochs::{Epochs, KnownEpoch};
use keys::opened_by;
pub use keys::{Identities, NewEpoch, Opened, OpenedEpoch, Recipient};
pub use memory::Memory;
pub use names::Names;
pub use span::Heads;
pub use state::{Seal, VaultKeys, added_keys};
pub use vouch::{is_signed, sign};

use crate::domain::{Kind, Problem, Result};
use age::armor::{ArmoredReader, ArmoredWriter, Format as ArmorFormat};
use std::io::{Read, Write};

/// Seals a small object to a reader.
///
/// # Errors
/// `Internal` where that fails: it needs nothing from outside.
pub(super) fn seal(recipient: &Recipient, plain: &[u8]) -> Result<Vec<u8>> {
    let failed =
        |what: &dyn std::fmt::Display| Problem::new(Kind::Internal, format!("cannot encrypt: {what}"));
    let mut sealed = Vec::new();
    let encryptor = recipient.encryptor()?;
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| failed(&error))?;
    writer.write_all(plain).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(sealed)
}

/// The same as text, for a place in a JSON object.
///
/// # Errors
/// As [`seal`].
pub(super) fn seal_as_text(recipient: &Recipient, plain: &[u8]) -> Result<String> {
    let failed =
        |what: &dyn std::fmt::Display| Problem::new(Kind::Internal, format!("cannot encrypt: {what}"));
    let mut text = Vec::new();
    let armor =
        ArmoredWriter::wrap_output(&mut text, ArmorFormat::AsciiArmor).map_err(|error| failed(&error))?;
    let mut writer = recipient.encryptor()?.wrap_output(armor).map_err(|error| failed(&error))?;
    writer.write_all(plain).map_err(|error| failed(&error))?;
    writer.finish().and_then(ArmoredWriter::finish).map_err(|error| failed(&error))?;
    String::from_utf8(text).map_err(|error| failed(&error))
}

/// Opens a small sealed object, of at most `limit` bytes inside.
///
/// # Errors
/// `Damaged`, naming `object`, where none of the identities opens it, or it is not what was sealed.
pub(super) fn unseal<'i>(
    object: &str,
    sealed: &[u8],
    identities: impl Iterator<Item = &'i age::x25519::Identity>,
    limit: u64,
) -> Result<Vec<u8>> {
    let cannot = |what: &dyn std::fmt::Display| {
        Problem::damaged(object, format!("cannot be decrypted: {}", super::safe(&what.to_string())))
    };
    // A text stands where a code vouches for it.
    if sealed.starts_with(b"age-encryption.org/") && !span::has_short_header(sealed) {
        return Err(cannot(&"its header is longer than this format writes"));
    }
    let decryptor =
        age::Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(|error| cannot(&error))?;
    let reader = decryptor.decrypt(identities.map(|one| one as &dyn age::Identity));
    let mut plain = Vec::new();
    let reader = reader.map_err(|error| cannot(&error))?;
    reader.take(limit + 1).read_to_end(&mut plain).map_err(|error| cannot(&error))?;
    if plain.len() as u64 > limit {
        return Err(Problem::damaged(object, format!("holds more than {limit} bytes")));
    }
    Ok(plain)
}
