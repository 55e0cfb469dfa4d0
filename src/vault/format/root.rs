//! A root: the top of one recovery point.

use super::outer::{self, Outer, Read};
use super::{Digest, PackLine, PageRef, Unwrapped, open_signed, parse, render, seal_signed};
use crate::domain::{ByteName, Consistency, Kind, Problem, Result, Timestamp, VolumeId, VolumeKind};
use crate::signing::{PublicKey, Signer};
use crate::store::Key;
use crate::vault::sealing::{Epoch, Names};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "outlive/root/v0";

/// Where the bytes were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The host's name.
    pub host: String,
    /// The path that was asked for.
    pub path: ByteName,
    /// The snapshot that was read instead of the live data.
    pub snapshot: Option<String>,
    /// In which state the data was.
    pub consistency: Consistency,
}

/// The recovery point of the same volume before this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its root's key.
    pub key: String,
    /// The SHA-256 of its root object.
    pub sha256: super::Digest,
}

/// The program that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Counts over the whole point.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Entries of the tree.
    pub entries: u64,
    /// Regular files among them, hard links not counted.
    pub files: u64,
    /// The sizes of those files together, in bytes.
    pub bytes: u64,
    /// Bytes written to packs for this point; the rest was there before.
    pub new_pack_bytes: u64,
    /// Files that changed while they were read.
    pub unsettled: u64,
    /// Directories that are other volumes, stored empty.
    pub not_entered: u64,
    /// Paths that could not be read. More than none: the point is incomplete.
    pub missed: u64,
}

/// A path that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missed {
    /// The path below the volume's root.
    pub path: ByteName,
    /// Why.
    pub because: String,
}

/// The top of one recovery point. An object is identified by the digest that a root, or what hangs below
/// it, names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The root's own key, so that two swapped roots are noticed.
    pub key: String,
    /// The identity of the vault it was written to.
    pub vault: String,
    /// The volume.
    pub volume: VolumeId,
    /// What the volume was.
    pub volume_kind: VolumeKind,
    /// Where the bytes were read.
    pub origin: Origin,
    /// The moment whose state it holds: of the snapshot, or when reading live data began.
    pub taken_at: Timestamp,
    /// When the copy began.
    pub started_at: Timestamp,
    /// When the last object below this root was durable.
    pub finished_at: Timestamp,
    /// 1 for a volume's first point in this vault, then one more each time.
    pub counter: u64,
    /// The point before.
    pub previous: Option<Previous>,
    /// Counts.
    pub totals: Totals,
    /// The first thousand of what could not be read.
    pub missed: Vec<Missed>,
    /// The tree of entries.
    pub entries: PageRef,
    /// The tree of packs that the point needs, save those of `list_packs`.
    pub packs: PageRef,
    /// The packs that hold the pages of `packs`.
    pub list_packs: Vec<PackLine>,
    /// The program that wrote it.
    pub tool: Tool,
    /// In an encrypted vault: how it is closed.
    #[serde(skip)]
    pub lid: Option<Lid>,
    /// Whose signatures over it hold; no key counts before somebody pinned it.
    #[serde(skip)]
    pub signed_by: Vec<PublicKey>,
}

/// How a root of an encrypted vault is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lid {
    /// The epoch in which it was written.
    pub epoch: String,
    /// Whether that is the vault's first.
    pub turn: Turn,
    /// The name of its volume in the clear.
    pub stream: Digest,
    /// The code of what is inside.
    pub inside: Digest,
    /// True where what is inside is known here.
    pub is_open: bool,
    /// True where at least the volume's name is.
    pub is_named: bool,
}

impl Lid {
    /// What the volume is called where its name is not known.
    pub fn unnamed(&self) -> VolumeId {
        VolumeId(format!("sealed:{}", &self.stream.to_string()[..16]))
    }
}

/// Whether an epoch is the first of its vault: roots of others have another version, so that programs that know one epoch alone
/// refuse them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is in the marker.
    First,
    /// It began after another.
    Later,
}

/// What is inside a root, before it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The code of it, which stands outside.
    pub code: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Gives what is inside a root, where that is known here: from its epoch, the code of it, and what is sealed.
pub type Inside<'a> = &'a dyn Fn(&str, &Digest, &[u8]) -> Result<Option<Vec<u8>>>;

/// True where two keys are of roots of one point: of the same run, that began at the same time. Every copy has a run of its own, and only a
/// repair writes another root of one that was.
pub fn is_of_same_point(one: &str, other: &str) -> bool {
    let point = |key| str::rsplit_once(key, '-').map(|(point, _)| point);
    one != other && point(one).is_some() && point(one) == point(other)
}

impl Root {
    /// The root of the same point that this one was written in place of, by a repair; none for what a copy wrote.
    pub fn repairs(&self) -> Option<&Previous> {
        self.previous.as_ref().filter(|before| is_of_same_point(&before.key, &self.key))
    }

    /// True where nothing was missed.
    pub fn is_complete(&self) -> bool {
        self.totals.missed == 0
    }

    /// True where nothing but what stands outside is known of it here.
    pub fn is_closed(&self) -> bool {
        self.lid.as_ref().is_some_and(|lid| !lid.is_open)
    }

    /// The volume, unless its name is not known here either.
    pub fn named_volume(&self) -> Option<&VolumeId> {
        Some(&self.volume).filter(|_| self.lid.as_ref().is_none_or(|lid| lid.is_named))
    }

    /// The tree of entries.
    ///
    /// # Errors
    /// `Refused` where it is encrypted, and nothing here opens it.
    pub fn tree(&self) -> Result<&PageRef> {
        if self.is_closed() {
            return Err(Problem::new(
                Kind::Refused,
                "encrypted: what is in this recovery point cannot be read here",
            )
            .at(self.key.clone())
            .remedy("give the private key of one of the vault's readers: --identity FILE"));
        }
        Ok(&self.entries)
    }

    /// The bytes of the root object in a vault that is not encrypted, signed by nobody.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self) -> Result<Vec<u8>> {
        self.seal_by(None)
    }

    /// The same, signed where there is somebody who signs.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal_by(&self, signer: Option<&Signer>) -> Result<Vec<u8>> {
        seal_signed(SCHEMA, &render(self)?, signer)
    }

    /// The same in an encrypted one, with what is inside it.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal_in(&self, epoch: &Epoch, signer: Option<&Signer>) -> Result<(Vec<u8>, Content)> {
        let (outer, bytes) = Outer::of(self, epoch)?;
        let turn = self.lid.as_ref().map_or(Turn::First, |lid| lid.turn);
        let sealed = seal_signed(outer::schema(turn), &render(&outer)?, signer)?;
        Ok((sealed, Content { code: outer.inside, bytes }))
    }

    /// Reads a root object of a vault that is not encrypted, found under `key`.
    ///
    /// # Errors
    /// As [`Root::open_with`].
    pub fn open(key: &Key, bytes: &[u8]) -> Result<Self> {
        Self::open_with(key, bytes, &Names::default(), &|_, _, _| Ok(None))
    }

    /// Reads a root object that was found under `key`. Where the key of names is known, one of an encrypted vault that does not
    /// come from somebody who holds it is damage.
    ///
    /// # Errors
    /// `Refused` for a newer format; `Damaged` for what is wrong in itself or belongs to another key.
    pub fn open_with(key: &Key, bytes: &[u8], names: &Names, inside: Inside<'_>) -> Result<Self> {
        let object = key.as_str();
        let Unwrapped { payload_type, payload, signed_by } =
            open_signed(object, &[SCHEMA, outer::SCHEMA, outer::LATER], bytes)?;
        let root: Self = match payload_type {
            SCHEMA => parse(object, &payload)?,
            schema => {
                let read = Read { object, payload: &payload, turn: outer::turn(schema) };
                parse::<Outer>(object, &payload)?.open(read, names, inside)?
            }
        };
        let root = Self { signed_by, ..root };
        if root.key != key.as_str() {
            let other = crate::domain::printable(root.key.as_bytes());
            return Err(Problem::damaged(key.as_str(), format!("holds the root that belongs under {other}")));
        }
        Ok(root)
    }
}
