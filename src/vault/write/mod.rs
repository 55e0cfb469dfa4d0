//! Writing a recovery point: read ahead, hash and compress on every core, assemble in order.

pub(super) mod assemble;
mod early;
mod feed;
mod sink;
pub(super) mod work;
mod worker;

use super::format::{Digest, Missed, Origin, PackKey, PackLine, Previous, ROOTS, Root, Tool, Totals};
use super::index::{Holdings, Index, PackTable};
use super::leftover::{Prover, look_again};
use super::present::Present;
use super::roots::{FoundRoot, Roots};
use super::source::Told;
use super::{Source, Vault};
use crate::domain::{ByteName, Kind, Lock, Monitor, Problem, Result, Timestamp, Volume};
use crate::signing::Signer;
use crate::store::{Key, random_hex};
use assemble::{Assembled, Assembler};
pub use early::Early;
use feed::{Feed, Out, Unread};
use std::collections::BTreeSet;
use std::sync::RwLock;
use work::{Done, Work};

/// What is to be copied, and what is known beforehand.
pub struct CopyRequest<'a> {
    /// The volume.
    pub volume: &'a Volume,
    /// Where the bytes are read.
    pub origin: Origin,
    /// The moment whose state is copied.
    pub taken_at: Timestamp,
    /// Packs known to be damaged, or that somebody may be about to delete: nothing is built on them, and their chunks are sent again.
    pub avoid: BTreeSet<PackKey>,
    /// The current time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
}

/// A recovery point that was written.
#[derive(Debug, Clone)]
pub struct CopyReport {
    /// Its root.
    pub root: FoundRoot,
    /// Every pack it needs.
    pub packs: Vec<PackLine>,
    /// What of them was read back already while it was made.
    pub early: Early,
    /// The packs among them that the point before needs too.
    pub of_parent: BTreeSet<PackKey>,
    /// The point before, where there is one.
    pub parent: Option<Digest>,
    /// Bytes written to the store, roots and sidecars included.
    pub written_bytes: u64,
    /// All points of the volume, this one too.
    pub roots: Roots,
    /// The weakest lock of all that it needs, as the store tells; `None` where it does not, or none was asked for.
    pub lock: Option<Lock>,
    /// Bytes of files that had changed which were taken as unchanged without being read: they lie where they lay.
    pub unread_bytes: u64,
    /// Files of which something was said to be unchanged that had changed. They were read whole.
    pub untrue: Vec<ByteName>,
    /// What people must know of the source, as it turned out to be.
    pub notices: Vec<String>,
}

/// How much work may wait between two stages, in units.
const AHEAD: usize = 6;
/// How much may be read and not assembled yet, in units. One that waits for a slow store must not let all that
/// follow it pile up.
const WINDOW: usize = 4 * AHEAD;

/// Copies what `source` gives into `vault` as a new recovery point. The point exists once its root does,
/// and the root is written last; what a stopped run leaves is built upon by the next.
///
/// # Errors
/// When the source cannot be read at all, or the store fails: then nothing is claimed.
pub fn copy(
    vault: &Vault,
    source: &mut dyn Source,
    request: &CopyRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<CopyReport> {
    write(vault, source, request, monitor).inspect_err(|_| look_again(vault))
}

fn write(
    vault: &Vault,
    source: &mut dyn Source,
    request: &CopyRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<CopyReport> {
    let started_at = (request.clock)();
    vault.epoch()?;
    vault.signer()?;
    let roots = Roots::of_volume(vault, &request.volume.id)?;
    let parent = roots.newest_of(&request.volume.id, started_at);
    if let Some(seal) = vault.seal() {
        seal.begin(&request.volume.id);
    }
    // What was written in a former epoch is sent again.
    let epoch = |found: &FoundRoot| found.root.lid.as_ref().map(|lid| lid.epoch.clone());
    let built_on = parent.filter(|found| vault.is_own_epoch(epoch(found).as_deref()));
    let Holdings { of_parent, left, index } = Holdings::gather(vault, built_on, &request.avoid, monitor)?;
    let prover = Prover::new(vault, monitor);
    let run = random_hex()?;
    let index = RwLock::new(index);
    let usable: BTreeSet<PackKey> = of_parent.keys().cloned().collect();
    let notes = (source.ahead() == 0)
        .then(|| vault.notes(&request.volume.id, built_on.map(|parent| &parent.id)))
        .flatten();
    // Its digits are as random as any.
    let seed = u64::from_str_radix(&random_hex()?[..16], 16).unwrap_or_default();
    let unread = Unread::new(notes, started_at, seed);
    let packs = (usable.clone(), !request.avoid.is_empty());
    let mut feed = Feed::new(vault, built_on, packs, unread, monitor);
    let held = of_parent.into_iter().chain(left).collect();
    let assembler = Assembler::new(vault, &run, &index, prover, held).reading_early();
    let assembled = pipeline(source, &mut feed, assembler, (&index, prover))?;
    if monitor.cancelled() {
        return Err(Problem::new(Kind::Cancelled, "stopped as asked; no recovery point was written"));
    }
    let told = source.told();
    let written = Written { assembled, run, started_at, parent, of_parent: usable, told };
    written.check_adopted(vault)?;
    let report = write_root(vault, request, written)?;
    let (unread_bytes, untrue) = (feed.unread.bytes, feed.unread.untrue());
    feed.unread.finish(&report.root.id);
    Ok(CopyReport { roots: roots.with(report.root.clone()), unread_bytes, untrue, ..report })
}

/// Reads a source as a copy does that builds on `parent`. It is for the pages of its trees, which the vault's spare keeps: the vault is one
/// that keeps nothing of what is written.
pub(super) fn read_again(
    vault: &Vault,
    source: &mut dyn Source,
    parent: &FoundRoot,
    (index, held): (Index, PackTable),
    monitor: &dyn Monitor,
) -> Result<()> {
    let (prover, run, index) = (Prover::new(vault, monitor), random_hex()?, RwLock::new(index));
    let unread = Unread::new(None, parent.root.started_at, 0);
    let packs = (held.keys().cloned().collect(), false);
    let mut feed = Feed::new(vault, Some(parent), packs, unread, monitor);
    let assembler = Assembler::new(vault, &run, &index, prover, held);
    pipeline(source, &mut feed, assembler, (&index, prover)).map(drop)
}

/// Runs the stages: the source is read here, workers hash and compress, one thread assembles.
fn pipeline<'a>(
    source: &mut dyn Source,
    feed: &mut Feed<'_>,
    mut assembler: Assembler<'a>,
    (index, prover): (&RwLock<Index>, Prover<'_>),
) -> Result<Assembled> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (to_workers, jobs) = crossbeam_channel::bounded::<(u64, Work)>(AHEAD);
    let (to_assembler, results) = crossbeam_channel::bounded::<(u64, Result<Done>)>(AHEAD);
    let (taken, room) = crossbeam_channel::bounded::<()>(WINDOW.max(workers + AHEAD));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (jobs, to_assembler) = (jobs.clone(), to_assembler.clone());
            scope.spawn(move || worker::run(&jobs, &to_assembler, index, prover));
        }
        drop((jobs, to_assembler));
        let assembling = scope.spawn(move || {
            // Where this one fails, the stages before end: their sends find nobody.
            assembler.run(&results, &room)?;
            drop((results, room));
            assembler.finish()
        });
        let out = Out { work: to_workers, window: taken };
        let fed = feed.run(source, &out);
        drop(out);
        let assembled = assembling.join().unwrap_or_else(|_| Err(unexpected()));
        let not_entered = fed?;
        assembled
            .map(|assembled| Assembled { totals: Totals { not_entered, ..assembled.totals }, ..assembled })
    })
}

fn unexpected() -> Problem {
    Problem::new(Kind::Internal, "a part of the copy failed unexpectedly")
}

struct Written<'a> {
    assembled: Assembled,
    run: String,
    started_at: Timestamp,
    parent: Option<&'a FoundRoot>,
    of_parent: BTreeSet<PackKey>,
    told: Told,
}

impl Written<'_> {
    /// Sees that what was left by others, and is built upon, is still there: nobody keeps a leftover for this point yet.
    fn check_adopted(&self, vault: &Vault) -> Result<()> {
        let is_adopted = |line: &&PackLine| {
            !self.assembled.new.contains(&line.pack) && !self.of_parent.contains(&line.pack)
        };
        let adopted: Vec<&PackLine> = self.assembled.packs.iter().filter(is_adopted).collect();
        if adopted.is_empty() {
            return Ok(());
        }
        let present = Present::of(vault, adopted.iter().copied())?;
        adopted.into_iter().try_for_each(|line| present.check(line))
    }
}

fn write_root(vault: &Vault, request: &CopyRequest<'_>, written: Written<'_>) -> Result<CopyReport> {
    let Written { assembled, run, started_at, parent, of_parent, told } = written;
    let consistency = told.consistency.unwrap_or(request.origin.consistency);
    let finished_at = (request.clock)();
    let random = random_hex()?;
    let stamp = started_at.format("%Y%m%dT%H%M%SZ");
    let key = Key::new(format!("{ROOTS}/{stamp}-{run}-{}", &random[..16]))?;
    let root = Root {
        key: key.as_str().into(),
        vault: vault.id().into(),
        volume: request.volume.id.clone(),
        volume_kind: request.volume.kind,
        origin: Origin { consistency, ..request.origin.clone() },
        taken_at: request.taken_at,
        started_at,
        finished_at,
        counter: parent.map_or(0, |parent| parent.root.counter).saturating_add(1),
        previous: parent.map(|parent| Previous { key: parent.key.as_str().into(), sha256: parent.id }),
        totals: assembled.totals,
        missed: assembled.missed,
        entries: assembled.entries,
        packs: assembled.packs_page,
        list_packs: assembled.list_packs,
        tool: Tool { name: "outlive".into(), version: env!("CARGO_PKG_VERSION").into() },
        lid: vault.lid(&request.volume.id)?,
        signed_by: vault.signer()?.map(Signer::public).into_iter().collect(),
    };
    let (bytes, inside) = match vault.epoch()? {
        Some(epoch) => root.seal_in(epoch, vault.signer()?).map(|(bytes, inside)| (bytes, Some(inside)))?,
        None => (root.seal_by(vault.signer()?)?, None),
    };
    // A root in another vault would be damage there, for good.
    vault.check_marker()?;
    vault.check_epoch()?;
    let is_new = |line: &&PackLine| assembled.new.contains(&line.pack);
    vault.keep_for_new(assembled.packs.iter().filter(|line| !is_new(line)))?;
    vault.note_lock(vault.store().put_locked(&key, &bytes, vault.retention())?);
    inside.iter().for_each(|inside| vault.remember(inside));
    Ok(CopyReport {
        written_bytes: assembled.written_bytes + bytes.len() as u64,
        packs: assembled.packs,
        early: assembled.early,
        root: FoundRoot {
            key,
            id: Digest::of(&bytes),
            signed: vault.signed(&root),
            root,
            stored_at: None,
            bytes: None,
        },
        lock: vault.weakest_lock(),
        of_parent,
        parent: parent.map(|parent| parent.id),
        roots: Roots::default(),
        unread_bytes: 0,
        untrue: Vec::new(),
        notices: told.notices,
    })
}

/// Missed paths kept by name; more are only counted.
const NAMED_MISSED: usize = 1000;

fn note_missed(totals: &mut Totals, list: &mut Vec<Missed>, missed: Missed) {
    totals.missed += 1;
    if list.len() < NAMED_MISSED {
        list.push(missed);
    }
}
