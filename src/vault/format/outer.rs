//! A root of an encrypted vault: what keeping locks and comparing bytes needs, and sealed inside it the rest.

use super::root::{Inside, Lid, Missed, Origin, Previous, Root, Tool, Totals, Turn};
use super::{Digest, Frame, MAX_OBJECT, PackKey, PackLine, PageRef, parse, render};
use crate::domain::{Consistency, Problem, Result, Timestamp, VolumeId, VolumeKind};
use crate::vault::sealing::{Epoch, Names, seal_as_text};
use serde::{Deserialize, Serialize};

pub(super) const SCHEMA: &str = "outlive/root/v1";
/// The same in another epoch than the vault's first.
pub(super) const LATER: &str = "outlive/root/v2";
/// What the two codes of a root are for.
const OUTSIDE: &str = "root";
const INSIDE: &str = "root content";

/// The version of roots of such an epoch.
pub(super) fn schema(turn: Turn) -> &'static str {
    match turn {
        Turn::First => SCHEMA,
        Turn::Later => LATER,
    }
}

/// The reverse.
pub(super) fn turn(schema: &str) -> Turn {
    if schema == LATER { Turn::Later } else { Turn::First }
}

/// What was read of a root.
#[derive(Clone, Copy)]
pub(super) struct Read<'a> {
    pub object: &'a str,
    pub payload: &'a [u8],
    pub turn: Turn,
}

/// What everybody sees of a root.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outer {
    key: String,
    vault: String,
    epoch: String,
    stream: Digest,
    taken_at: Timestamp,
    started_at: Timestamp,
    finished_at: Timestamp,
    counter: u64,
    previous: Option<Previous>,
    missed: u64,
    packs: PageRef,
    list_packs: Vec<PackLine>,
    /// The code of what is sealed.
    pub inside: Digest,
    sealed: String,
    /// The code of all that stands before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    code: Option<Digest>,
}

/// What only readers see.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    volume: VolumeId,
    volume_kind: VolumeKind,
    origin: Origin,
    totals: Totals,
    missed: Vec<Missed>,
    entries: PageRef,
    tool: Tool,
}

impl Outer {
    /// The outside of a root that is written now, and its inside as it was before it was sealed.
    pub fn of(root: &Root, epoch: &Epoch) -> Result<(Self, Vec<u8>)> {
        let inner = Inner {
            volume: root.volume.clone(),
            volume_kind: root.volume_kind,
            origin: root.origin.clone(),
            totals: root.totals.clone(),
            missed: root.missed.clone(),
            entries: root.entries.clone(),
            tool: root.tool.clone(),
        };
        let inside = render(&inner)?;
        let mut outer = Self {
            key: root.key.clone(),
            vault: root.vault.clone(),
            epoch: epoch.name.clone(),
            stream: epoch.chunk_key.stream(&root.volume),
            taken_at: root.taken_at,
            started_at: root.started_at,
            finished_at: root.finished_at,
            counter: root.counter,
            previous: root.previous.clone(),
            missed: root.totals.missed,
            packs: root.packs.clone(),
            list_packs: root.list_packs.clone(),
            inside: epoch.chunk_key.code(INSIDE, &inside),
            sealed: seal_as_text(&epoch.recipient, &inside)?,
            code: None,
        };
        outer.code = Some(epoch.chunk_key.code(OUTSIDE, &render(&outer)?));
        Ok((outer, inside))
    }

    /// The root, as far as it is known here.
    pub fn open(self, read: Read<'_>, names: &Names, inside: Inside<'_>) -> Result<Root> {
        let Read { object, payload, turn } = read;
        let names = names.of(&self.epoch);
        let damaged = |what: &str| Err(Problem::damaged(object, what));
        let Some(code) = self.code else { return damaged("has no code of those who hold the vault's key") };
        if render(&self)? != payload {
            return damaged("not written as this format writes it");
        }
        let outer = Self { code: None, ..self };
        if let Some(key) = names
            && key.code(OUTSIDE, &render(&outer)?) != code
        {
            return damaged("comes from nobody who holds the vault's key");
        }
        let Some(plain) = inside(&outer.epoch, &outer.inside, outer.sealed.as_bytes())? else {
            return Ok(outer.closed(turn));
        };
        if plain.len() as u64 > MAX_OBJECT
            || names.is_some_and(|key| key.code(INSIDE, &plain) != outer.inside)
        {
            return damaged("holds something else than it says");
        }
        let inner: Inner = parse(object, &plain)?;
        if inner.totals.missed != outer.missed
            || names.is_some_and(|key| key.stream(&inner.volume) != outer.stream)
        {
            return damaged("its inside and its outside do not agree");
        }
        Ok(outer.with(inner, turn, true))
    }

    fn closed(self, turn: Turn) -> Root {
        let nothing = PageRef {
            frame: Frame { pack: PackKey("".into()), at: 0, length: 0 },
            bytes: 0,
            sha256: Digest([0; 32]),
            level: 0,
        };
        let inner = Inner {
            volume: VolumeId(String::new()),
            volume_kind: VolumeKind::Declared,
            origin: Origin {
                host: String::new(),
                path: Default::default(),
                snapshot: None,
                consistency: Consistency::Live,
            },
            totals: Totals { missed: self.missed, ..Totals::default() },
            missed: Vec::new(),
            entries: nothing,
            tool: Tool { name: String::new(), version: String::new() },
        };
        self.with(inner, turn, false)
    }

    fn with(self, inner: Inner, turn: Turn, is_open: bool) -> Root {
        let lid = Lid {
            epoch: self.epoch,
            turn,
            stream: self.stream,
            inside: self.inside,
            is_open,
            is_named: is_open,
        };
        Root {
            key: self.key,
            vault: self.vault,
            volume: if is_open { inner.volume } else { lid.unnamed() },
            volume_kind: inner.volume_kind,
            origin: inner.origin,
            taken_at: self.taken_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            counter: self.counter,
            previous: self.previous,
            totals: inner.totals,
            missed: inner.missed,
            entries: inner.entries,
            packs: self.packs,
            list_packs: self.list_packs,
            tool: inner.tool,
            lid: Some(lid),
            signed_by: Vec::new(),
        }
    }
}
