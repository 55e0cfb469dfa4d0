//! Repairing: what a vault lacks is sent again from where it can be had, and what cannot be had is named.
//!
//! Nothing is written over. An object that is gone and that somebody has byte for byte gets its own key again. For anything else a
//! point's trees are written anew around new packs, with a new root that stands in for the one before.

mod again;
mod as_source;
mod nowhere;
mod pages;
mod point;
mod root;
mod supply;
mod walk;

pub use pages::Spare;

use super::findings::Unread;
use super::format::{PACKS, PackKey, ROOTS, Root, SIDECARS, is_of_same_point};
use super::readback::Damage;
use super::restore::Lost;
use super::roots::{FoundRoot, RootRecord, Roots};
use super::verify::{Known, VerifyReport, verify_with};
use super::{Source, Vault};
use crate::domain::{ByteName, Lock, Monitor, Result, Timestamp};
use crate::store::{Key, random_hex};
use again::{id_of, send_again, wanted};
use pages::Other;
use point::Mender;
use std::collections::BTreeSet;
use std::sync::Arc;
use supply::Fetched;

/// What has no size that anybody names has at most so many bytes.
const MOST_SMALL: u64 = super::format::MAX_OBJECT;

/// Where a volume's bytes may still be: its source, or a snapshot of it.
pub trait Original: Send + Sync {
    /// Bytes of one of its files; none where they are not to be had.
    fn read(&self, path: &ByteName, offset: u64, size: u32) -> Option<Vec<u8>>;

    /// All of it, as a copy reads it; none where it cannot be read.
    fn source(&self) -> Option<Box<dyn Source>>;
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairMode {
    /// Nothing: what could be had is told.
    Plan,
    /// What can be had is written.
    Write,
}

/// What is to be repaired, and from where.
pub struct RepairRequest<'a> {
    /// What the ledger knows of the vault.
    pub known: Known<'a>,
    /// Packs that somebody may be about to delete: nothing is built on them.
    pub avoid: &'a BTreeSet<PackKey>,
    /// Whether points of this volume are to be repaired.
    pub wanted: &'a dyn Fn(&Root) -> bool,
    /// Second vaults.
    pub others: &'a [Vault],
    /// Where the bytes of the volume of a point may still be.
    pub originals: &'a dyn Fn(&Root) -> Vec<Box<dyn Original>>,
    /// Whether anything is written.
    pub mode: RepairMode,
    /// Is told of each new root once it is there.
    pub note: &'a dyn Fn(&FoundRoot, &Mended) -> Result<()>,
    /// The current time.
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// From where chunks were had that the vault lacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Supplied {
    /// From what is left of the damaged packs themselves.
    pub vault: u64,
    /// From the source.
    pub source: u64,
    /// From a second vault.
    pub other: u64,
}

/// What became of one point.
#[derive(Debug, Clone)]
pub struct Mended {
    /// The root that damage takes along, as it was.
    pub of: FoundRoot,
    /// The root that stands in for it now; none where none was written.
    pub by: Option<FoundRoot>,
    /// What is lost of it.
    pub lost: Vec<Lost>,
    /// From where the rest was had.
    pub had: Supplied,
    /// Whether a new root is better than what is there.
    pub can_be_had: bool,
    /// Bytes written for it.
    pub written_bytes: u64,
    /// Why nothing can be said of it here.
    pub undetermined: Option<String>,
}

impl Mended {
    fn of(found: &FoundRoot) -> Self {
        Self {
            of: found.clone(),
            by: None,
            lost: Vec::new(),
            had: Supplied::default(),
            can_be_had: false,
            written_bytes: 0,
            undetermined: None,
        }
    }

    /// True where nothing of it is lost.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.undetermined.is_none()
    }
}

/// What a repair found and did.
#[derive(Debug, Clone, Default)]
pub struct RepairReport {
    /// What was damaged or gone when it began.
    pub damage: Vec<Damage>,
    /// What could not be read then.
    pub unread: Vec<Unread>,
    /// Objects that were sent again under their own keys.
    pub sent_again: Vec<Key>,
    /// The points that were looked at, oldest first.
    pub points: Vec<Mended>,
    /// Points of which the root is lost, with what a ledger knows of them.
    pub lost: Vec<(Key, Option<RootRecord>)>,
    /// Points whose bytes are as they were written, and of which nothing was decoded.
    pub closed: usize,
    /// Roots that a repair wrote before, that stand in for others, and that the ledger did not know.
    pub unrecorded: Vec<(FoundRoot, Key)>,
    /// The weakest lock of all that was written, and is shared with what was; none where none was asked for.
    pub lock: Option<Lock>,
}

/// Repairs a vault.
///
/// # Errors
/// When it cannot be verified to its end, or its store fails while it is written to. What was written until then stays, and
/// the next repair builds on it.
pub fn repair(vault: &Vault, request: &RepairRequest<'_>, monitor: &dyn Monitor) -> Result<RepairReport> {
    let others: Arc<Vec<Other>> = Arc::new(request.others.iter().map(Other::new).collect());
    let mut found = read_whole(vault, request, monitor)?;
    let mut report = RepairReport {
        damage: found.damage.clone(),
        unread: found.unread.clone(),
        ..RepairReport::default()
    };
    let roots = loop {
        let roots = Roots::read(vault)?;
        let lacked: Vec<Key> =
            found.damage.iter().filter_map(|damage| Key::new(damage.object.clone()).ok()).collect();
        let wanted = wanted(vault, &lacked, &roots, &request.known)?;
        let sent = match request.mode {
            RepairMode::Plan => Vec::new(),
            RepairMode::Write => send_again(vault, &wanted, &others)?,
        };
        if sent.is_empty() {
            break roots;
        }
        report.sent_again.extend(sent);
        // A root that is there again names what else is gone.
        found = read_whole(vault, request, monitor)?;
        let is_new = |damage: &&Damage| !report.damage.iter().any(|known| known.object == damage.object);
        let new: Vec<Damage> = found.damage.iter().filter(is_new).cloned().collect();
        report.damage.extend(new);
    };
    report.closed = found.closed.len();
    report.unrecorded = unrecorded(&found, request);
    let (mut broken, lost) = broken(vault, &found, &roots, request, &others);
    report.lost = lost;
    broken.retain(|found| (request.wanted)(&found.root));
    broken.sort_by_key(|found| found.root.taken_at);
    let bad = bad_packs(&found, request);
    let listed = vault.store().list(PACKS)?;
    let names = listed.into_iter().map(|listed| PackKey(listed.key.name().into()));
    let sound = names.filter(|pack| !bad.contains(pack)).collect();
    let (run, fetched) = (random_hex()?, Fetched::default());
    let mut mender = Mender { vault, request, others, bad, sound, run, fetched, monitor };
    for point in broken {
        let best = best_of(&point, &found);
        let mended = mender.point(&point, best)?;
        mended.by.iter().try_for_each(|by| (request.note)(by, &mended))?;
        report.points.push(mended);
    }
    report.lock = vault.weakest_lock();
    Ok(report)
}

fn read_whole(vault: &Vault, request: &RepairRequest<'_>, monitor: &dyn Monitor) -> Result<VerifyReport> {
    let found = verify_with(vault, &request.known, monitor)?;
    match found.stopped {
        Some(problem) => Err(problem),
        None => Ok(found),
    }
}

/// How many paths the best root lacks that a repair wrote of this point before.
fn best_of(point: &FoundRoot, found: &VerifyReport) -> Option<u64> {
    let sound = found.sound.iter().chain(&found.closed);
    let of_it = sound.filter(|other| {
        other.root.repairs().is_some()
            && other.signed.is_trusted()
            && is_of_same_point(other.key.as_str(), point.key.as_str())
    });
    of_it.map(|other| other.root.totals.missed).min()
}

/// Roots that stand in for others, and that a repair wrote which was stopped before that was recorded.
fn unrecorded(found: &VerifyReport, request: &RepairRequest<'_>) -> Vec<(FoundRoot, Key)> {
    let sound = found.sound.iter().chain(&found.closed);
    let new = sound.filter(|by| found.stand_ins.contains(&by.id) && !request.known.repaired.contains(&by.id));
    let of = |by: &FoundRoot| {
        let replaced = found.replaced.iter().find(|of| is_of_same_point(of.key.as_str(), by.key.as_str()));
        Some((by.clone(), replaced?.key.clone())).filter(|_| by.root.repairs().is_some())
    };
    new.filter_map(of).collect()
}

fn bad_packs(found: &VerifyReport, request: &RepairRequest<'_>) -> BTreeSet<PackKey> {
    let damage = found.damage.iter().chain(&found.made_good).map(|damage| &damage.object);
    let objects = damage.chain(found.unread.iter().map(|unread| &unread.object));
    let packs = objects.filter_map(|object| match object.split_once('/') {
        Some((PACKS | SIDECARS, name)) => Some(PackKey(name.into())),
        _ => None,
    });
    packs.chain(request.avoid.iter().cloned()).collect()
}

/// The roots that damage takes along, as far as they can be had, and the others.
fn broken(
    vault: &Vault,
    found: &VerifyReport,
    roots: &Roots,
    request: &RepairRequest<'_>,
    others: &[Other],
) -> (Vec<FoundRoot>, Vec<(Key, Option<RootRecord>)>) {
    let (mut broken, mut lost) = (found.broken.clone(), Vec::new());
    let keys = found.damage.iter().filter(|damage| damage.object.starts_with(ROOTS));
    for key in keys.filter_map(|damage| Key::new(damage.object.clone()).ok()) {
        let id = id_of(&key, roots, &request.known);
        // One that can be read has something else wrong with it than its bytes, unless others name another one.
        let there = roots.sound.iter().find(|found| found.key == key);
        if there.is_some_and(|found| id.is_none_or(|id| id == found.id)) {
            continue;
        }
        broken.retain(|found| found.key != key);
        match root::recover(vault, &key, id, others) {
            Some(found) => broken.push(found),
            None => {
                let record = request.known.points.iter().find(|record| record.key == key.as_str());
                lost.push((key, record.cloned()));
            }
        }
    }
    // Of a point that was repaired before and is broken again, one attempt is enough: from the root that lacks least.
    broken.sort_by_key(|found| (found.root.totals.missed, found.root.finished_at));
    let mut points: Vec<FoundRoot> = Vec::new();
    for found in broken {
        if !points.iter().any(|other| is_of_same_point(other.key.as_str(), found.key.as_str())) {
            points.push(found);
        }
    }
    (points, lost)
}
