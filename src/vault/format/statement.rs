//! What readers say of an encrypted vault after it was made: that a reader was added, and that a new epoch began. Each is an
//! envelope, signed by the private key of the epoch that it is about.

use super::marker::KeyLine;
use super::{Digest, MAX_OBJECT, open_either, parse, render, seal_envelope};
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::store::Key;
use crate::vault::sealing::{Recipient, is_signed, sign};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const READER: &str = "outlive/reader/v1";
const EPOCH: &str = "outlive/epoch/v1";
const POINTS: &str = "outlive/points/v1";

/// A reader that was added to an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedReader {
    /// The statement's own key.
    pub key: String,
    /// The vault.
    pub vault: String,
    /// The epoch.
    pub epoch: String,
    /// When.
    pub at: Timestamp,
    /// The reader: 16 digits of the SHA-256 of the public key.
    pub reader: String,
    /// The object that holds what opens the epoch, sealed to the reader.
    pub object: KeyLine,
    /// By the epoch's private key, of the payload without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<String>,
}

/// An epoch that began after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BegunEpoch {
    /// The statement's own key.
    pub key: String,
    /// The vault.
    pub vault: String,
    /// The epoch: 16 hexadecimal digits.
    pub epoch: String,
    /// When.
    pub at: Timestamp,
    /// The public key of age to which everything is sealed from now on.
    pub recipient: String,
    /// The objects that hold what opens it, each sealed to one reader.
    pub keys: Vec<KeyLine>,
    /// The epoch that ended.
    pub former: String,
    /// The list of the points that there were.
    pub points: KeyLine,
    /// By the private key of the epoch that ended, of the payload without the two signatures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<String>,
    /// The same by the private key of the epoch that began: nobody else can say that theirs came before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    own_signature: Option<String>,
}

/// One or the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A reader was added.
    Reader(AddedReader),
    /// An epoch began.
    Epoch(BegunEpoch),
}

impl AddedReader {
    /// A statement that is not signed yet.
    pub fn new(
        (key, vault, epoch): (&Key, &str, &str),
        (reader, object): (&Recipient, KeyLine),
        at: Timestamp,
    ) -> Self {
        Self {
            key: key.as_str().into(),
            vault: vault.into(),
            epoch: epoch.into(),
            at,
            reader: reader.short(),
            object,
            signature: None,
        }
    }

    /// The object, signed.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(mut self, identity: &age::x25519::Identity) -> Result<Vec<u8>> {
        self.signature = Some(sign(identity, READER, &render(&self)?)?);
        seal_envelope(READER, &render(&self)?)
    }
}

impl BegunEpoch {
    /// A statement that is not signed yet.
    pub fn new(
        key: &Key,
        vault: &str,
        (epoch, at): (&str, Timestamp),
        (former, points): (&str, KeyLine),
    ) -> Self {
        Self {
            key: key.as_str().into(),
            vault: vault.into(),
            epoch: epoch.into(),
            at,
            recipient: String::new(),
            keys: Vec::new(),
            former: former.into(),
            points,
            signature: None,
            own_signature: None,
        }
    }

    /// The same with the public key of the new epoch, and what its readers need.
    pub fn for_readers(self, recipient: &Recipient, keys: &[KeyLine]) -> Self {
        Self { recipient: recipient.to_string(), keys: keys.to_vec(), ..self }
    }

    /// The object, signed by the private keys of the epoch that ended and of the one that began.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(mut self, former: &age::x25519::Identity, own: &age::x25519::Identity) -> Result<Vec<u8>> {
        let payload = render(&self)?;
        self.signature = Some(sign(former, EPOCH, &payload)?);
        self.own_signature = Some(sign(own, EPOCH, &payload)?);
        seal_envelope(EPOCH, &render(&self)?)
    }
}

impl Statement {
    /// Reads what was found under `key`; whose it is, its signature says.
    ///
    /// # Errors
    /// `Refused` for a newer format, `Damaged` for what is not exactly a statement of this vault.
    pub fn read(key: &Key, vault: &str, bytes: &[u8]) -> Result<Self> {
        let object = key.as_str();
        let damaged = |what: &str| Problem::damaged(object, what);
        // That one is of a newer kind is told of either.
        let (payload_type, payload) = open_either(object, &[READER, EPOCH], bytes).or_else(|first| {
            let second = open_either(object, &[EPOCH, READER], bytes);
            second.map_err(|second| if second.kind == Kind::Refused { second } else { first })
        })?;
        let (statement, own, of) = if payload_type == READER {
            let read: AddedReader = parse(object, &payload)?;
            (Self::Reader(read.clone()), read.key, read.vault)
        } else {
            let read: BegunEpoch = parse(object, &payload)?;
            (Self::Epoch(read.clone()), read.key, read.vault)
        };
        if statement.payload()? != payload {
            return Err(damaged("not written as this format writes it"));
        }
        match (own == object, of == vault) {
            (false, _) => Err(damaged("holds what belongs under another key")),
            (true, false) => Err(damaged("belongs to another vault")),
            (true, true) => Ok(statement),
        }
    }

    fn payload(&self) -> Result<Vec<u8>> {
        match self {
            Self::Reader(said) => render(said),
            Self::Epoch(said) => render(said),
        }
    }

    /// The epoch whose private key has to have signed it.
    pub fn signer(&self) -> &str {
        match self {
            Self::Reader(said) => &said.epoch,
            Self::Epoch(said) => &said.former,
        }
    }

    /// Whether whoever holds the private key to `recipient` said so; of an epoch that began, the one to its own key too.
    ///
    /// # Errors
    /// None in practice.
    pub fn is_of(&self, recipient: &Recipient) -> Result<bool> {
        let holds = |to: &Recipient, payload_type: &str, payload: &[u8], signature: &Option<String>| {
            signature.as_ref().is_some_and(|signature| is_signed(to, payload_type, payload, signature))
        };
        match self {
            Self::Reader(said) => {
                let payload = render(&AddedReader { signature: None, ..said.clone() })?;
                Ok(holds(recipient, READER, &payload, &said.signature))
            }
            Self::Epoch(said) => {
                let unsigned = BegunEpoch { signature: None, own_signature: None, ..said.clone() };
                let (payload, own) = (render(&unsigned)?, Recipient::parse(&said.recipient));
                let by_own = own.is_some_and(|own| holds(&own, EPOCH, &payload, &said.own_signature));
                Ok(by_own && holds(recipient, EPOCH, &payload, &said.signature))
            }
        }
    }
}

/// The points that a vault had when an epoch ended: by the SHA-256 of their roots, the name of the volume in the clear, under
/// the key of names of the epoch that began; none where it is not known.
pub type Points = BTreeMap<Digest, Option<Digest>>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointsHeader {
    schema: String,
    vault: String,
    epoch: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointLine {
    root: Digest,
    stream: Option<Digest>,
}

/// The object with such a list: JSON lines in one zstd frame.
///
/// # Errors
/// `Internal` when compression fails.
pub fn render_points(vault: &str, epoch: &str, points: &Points) -> Result<Vec<u8>> {
    let header = PointsHeader { schema: POINTS.into(), vault: vault.into(), epoch: epoch.into() };
    let mut lines = render(&header)?;
    for (root, stream) in points {
        lines.push(b'\n');
        lines.extend(render(&PointLine { root: *root, stream: *stream })?);
    }
    lines.push(b'\n');
    zstd::bulk::compress(&lines, 3)
        .map_err(|error| Problem::new(Kind::Internal, format!("cannot compress a list of points: {error}")))
}

/// Reads such a list, whose bytes are those that a signed statement names.
///
/// # Errors
/// `Refused` for a newer format, `Damaged` for what is no such list.
pub fn read_points(object: &str, vault: &str, epoch: &str, bytes: &[u8]) -> Result<Points> {
    let damaged = |what: &str| Problem::damaged(object, what.to_owned());
    let limit = usize::try_from(MAX_OBJECT).unwrap_or(usize::MAX);
    let lines = zstd::bulk::decompress(bytes, limit.min(bytes.len().saturating_mul(400) + 4096))
        .map_err(|error| damaged(&format!("cannot be decoded: {error}")))?;
    let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let header: PointsHeader = super::parse_as(POINTS, object, lines.next().unwrap_or_default())?;
    if (header.vault.as_str(), header.epoch.as_str()) != (vault, epoch) {
        return Err(damaged("a list of another vault or epoch"));
    }
    lines.map(|line| parse::<PointLine>(object, line).map(|line| (line.root, line.stream))).collect()
}
