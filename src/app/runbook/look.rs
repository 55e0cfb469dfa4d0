//! What the vaults hold, as somebody has to name it who restores by hand: ids, and the names of roots.

use crate::app::stores::{open_vault, say_place};
use crate::app::survey::Waiting;
use crate::app::vaults::id_of;
use crate::app::{Context, named};
use crate::domain::{Gap, GapReason, PointId, Result, Timestamp, VolumeId, VolumeKind, printable};
use crate::estate::{Estate, VaultEntry};
use crate::ledger::{History, Record, VaultRef};
use crate::vault::{FoundRoot, Roots};
use std::sync::Arc;
use std::time::Duration;

/// A vault of the estate, and what was found there, or why nothing was.
pub(super) struct Looked<'a> {
    pub entry: &'a VaultEntry,
    pub found: std::result::Result<VaultFound, String>,
}

/// What a vault holds.
pub(super) struct VaultFound {
    /// Its random identity.
    pub id: String,
    /// Whether a private key is needed.
    pub is_encrypted: bool,
    /// Its points, the oldest first.
    pub points: Vec<Found>,
}

/// One recovery point.
pub(super) struct Found {
    /// Its id in the inventory.
    pub point: PointId,
    /// As `--point` takes it.
    pub short: String,
    /// The name of its root object.
    pub root: String,
    /// The volume as the vault or the ledger knows it; it may be called otherwise in the estate file.
    pub volume: Option<VolumeId>,
    /// What the volume was; none where it is closed.
    pub kind: Option<VolumeKind>,
    /// The machine that it was read on; none where it is closed.
    pub host: Option<String>,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
    /// What the copy counted; none where it is closed.
    pub counted: Option<Counted>,
}

/// What a copy counted of what it read.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// Directories, links and all names of files too.
    pub entries: u64,
    /// Files, each once.
    pub files: u64,
    /// The bytes of those files.
    pub bytes: u64,
}

/// Looks into every vault at once, each within `limit`. Those that did not answer the survey in time are not waited for again.
pub(super) fn look<'a>(
    context: &Context,
    estate: &'a Estate,
    gaps: &[Gap],
    records: &[Record],
    limit: Duration,
) -> Vec<Looked<'a>> {
    let records: Arc<[Record]> = records.into();
    let is_late = |entry: &VaultEntry| {
        let place = say_place(&entry.place);
        gaps.iter().any(|gap| gap.reason == GapReason::TimedOut && gap.place == place)
    };
    let start = |entry: &'a VaultEntry| {
        let (context, asked, records) = (context.clone(), entry.clone(), records.clone());
        let begun = (!is_late(entry)).then(|| Waiting::start(limit, move || one(&context, &asked, &records)));
        (entry, begun)
    };
    let started: Vec<_> = estate.vaults.iter().map(start).collect();
    let end = |(entry, waiting): (&'a VaultEntry, Option<Waiting<Result<VaultFound>>>)| {
        let why = |why: String| format!("{}: the vault {}: {why}", say_place(&entry.place), entry.id);
        let found = match waiting.map(Waiting::end) {
            Some(Ok(found)) => found.map_err(|problem| why(problem.to_string())),
            Some(Err((_, late))) => Err(why(late)),
            None => Err(why("it did not answer in time".into())),
        };
        Looked { entry, found }
    };
    started.into_iter().map(end).collect()
}

fn one(context: &Context, entry: &VaultEntry, records: &[Record]) -> Result<VaultFound> {
    let vault = open_vault(context, &entry.place)?;
    named::check(&entry.id, Some(&vault), records)?;
    let roots = Roots::read(&vault)?;
    let history = History::of(records, &VaultRef::of(&vault)?);
    let found = |found: &FoundRoot| {
        let root = &found.root;
        let recorded = || history.points.iter().find(|record| record.id == found.id);
        let volume = root.named_volume().cloned().or_else(|| recorded().map(|record| record.volume.clone()));
        Found {
            point: id_of(&vault, found),
            short: found.short(),
            root: found.key.name().to_owned(),
            volume,
            kind: (!root.is_closed()).then_some(root.volume_kind),
            host: (!root.is_closed()).then(|| printable(root.origin.host.as_bytes())),
            taken_at: root.taken_at,
            counted: (!root.is_closed()).then_some(Counted {
                entries: root.totals.entries,
                files: root.totals.files,
                bytes: root.totals.bytes,
            }),
        }
    };
    Ok(VaultFound {
        id: vault.id().to_owned(),
        is_encrypted: vault.is_encrypted(),
        points: roots.sound.iter().map(found).collect(),
    })
}
