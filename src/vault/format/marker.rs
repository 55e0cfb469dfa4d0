//! `vault.json`: says that a store holds a vault, and in which format. An envelope like a root, so that every bit counts.

use super::{Digest, MAX_OBJECT, open_either, parse, render, seal_envelope};
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::store::{Key, Store};
use crate::vault::sealing::ChunkKey;
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "outlive/vault/v0";
/// The same of a vault that is encrypted.
const ENCRYPTED: &str = "outlive/vault/v1";

/// How a vault is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// The epoch: 16 hexadecimal digits.
    pub epoch: String,
    /// The public key of age to which everything is sealed.
    pub recipient: String,
    /// The objects that hold what opens it, each sealed to one reader.
    pub keys: Vec<KeyLine>,
    /// The code of the payload without it, under the key of names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Digest>,
}

/// What the code is for.
const PURPOSE: &str = "vault";

/// One of the objects that hold an epoch's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLine {
    /// Its key.
    pub key: String,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// The content of `vault.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The vault's random identity.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The SHA-256 of `README.md` beside it: how to restore by hand.
    pub readme_sha256: Digest,
    /// How it is encrypted; none where it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encryption: Option<Encryption>,
}

impl Marker {
    /// The marker of a new vault.
    pub fn new(id: String, created: Timestamp, readme: &[u8]) -> Self {
        Self { id, created, readme_sha256: Digest::of(readme), encryption: None }
    }

    /// The same of a vault that is encrypted so, as whoever holds this key says.
    ///
    /// # Errors
    /// None in practice.
    pub fn encrypted(self, encryption: Encryption, key: &ChunkKey) -> Result<Self> {
        let mut marker = Self { encryption: Some(Encryption { code: None, ..encryption }), ..self };
        let code = key.code(PURPOSE, &render(&marker)?);
        marker.encryption = marker.encryption.map(|encryption| Encryption { code: Some(code), ..encryption });
        Ok(marker)
    }

    /// Whether it comes from somebody who holds this key, and names keys at all.
    ///
    /// # Errors
    /// None in practice.
    pub fn comes_from(&self, key: &ChunkKey) -> Result<bool> {
        let Some(encryption) = self.encryption.clone().filter(|encryption| !encryption.keys.is_empty())
        else {
            return Ok(false);
        };
        Ok(self.clone().encrypted(encryption, key)? == *self)
    }

    /// The marker's key.
    ///
    /// # Errors
    /// None in practice: the key is a constant.
    pub fn key() -> Result<Key> {
        Key::new("vault.json")
    }

    /// The key of the instructions.
    ///
    /// # Errors
    /// None in practice: the key is a constant.
    pub fn readme_key() -> Result<Key> {
        Key::new(super::README_KEY)
    }

    /// Reads the marker of a store; `None` where there is none.
    ///
    /// # Errors
    /// `Refused` for a newer format, `Damaged` for what is not exactly a marker.
    pub fn read(store: &dyn Store) -> Result<Option<Self>> {
        let key = Self::key()?;
        let bytes = match store.forget(&key).and_then(|()| store.get_bytes(&key, MAX_OBJECT)) {
            Err(problem) if problem.kind == Kind::NotFound => return Ok(None),
            other => other?,
        };
        let (_, payload) = open_either(key.as_str(), &[SCHEMA, ENCRYPTED], &bytes)?;
        let marker: Self = parse(key.as_str(), &payload)?;
        if marker.render()? == bytes {
            Ok(Some(marker))
        } else {
            Err(Problem::damaged(key.as_str(), "not written as this format writes it"))
        }
    }

    /// The marker's bytes.
    ///
    /// # Errors
    /// None in practice.
    pub fn render(&self) -> Result<Vec<u8>> {
        let schema = if self.encryption.is_some() { ENCRYPTED } else { SCHEMA };
        seal_envelope(schema, &render(self)?)
    }
}
