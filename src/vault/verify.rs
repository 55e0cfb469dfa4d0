//! Verifying a vault: every object against its digest, every chunk decoded to what was read at the source.

use super::findings::{Findings, Unread};
use super::format::{EntryKind, PackKey, PackLine, PackRole, PageKind, Run, SIDECARS, Sidecar};
use super::index::{PackTable, packs_of};
use super::line::split;
use super::parallel::in_parallel;
use super::readback::{Damage, digest_of};
use super::roots::{FoundRoot, RootRecord, Roots};
use super::tree::runs;
use super::{Entries, Vault, decode, gone};
use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use crate::store::{Key, read_failed};
use crate::vault::format::{Chunk, Digest, Hasher};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::Arc;

/// What verifying found.
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// The recovery points whose every object is sound, oldest first.
    pub sound: Vec<FoundRoot>,
    /// The recovery points that damage takes along, as far as their roots can be read.
    pub broken: Vec<FoundRoot>,
    /// The recovery points of which nothing can be said: something that they need was not read.
    pub open: Vec<FoundRoot>,
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Chunks decoded and compared.
    pub chunks: u64,
    /// What is not as it was written.
    pub damage: Vec<Damage>,
    /// What could not be read, so that nothing is known of it.
    pub unread: Vec<Unread>,
    /// Why it ended before all was read; none where it did not.
    pub stopped: Option<Problem>,
    /// Packs of runs that were stopped before they wrote a root: no point needs them.
    pub unfinished_packs: u64,
}

/// Reads a whole vault. `known` is what the ledger recorded of it: a point that was recorded and is gone
/// is damage. What cannot be read, or is not read because the user stops it, hides no damage found elsewhere.
///
/// # Errors
/// When the roots cannot be listed; where nothing is damaged and the vault holds what a newer outlive wrote.
/// Damage is in the report, not an error, and so is what could not be read.
pub fn verify(vault: &Vault, known: &[RootRecord], monitor: &dyn Monitor) -> Result<VerifyReport> {
    let roots = Roots::read(vault)?;
    let mut findings = Findings::default();
    // A restore refuses to begin beside instructions that are not what was written: it concerns every point.
    if let Err(problem) = vault.check_readme() {
        findings.note(problem, roots.sound.iter().map(|found| found.key.as_str()));
    }
    for (key, problem) in &roots.damaged {
        note_root(key, problem, &mut findings);
    }
    missing_roots(&roots, known, &mut findings);
    let needs = gather_needs(vault, &roots, &mut findings);
    let mut report = VerifyReport::default();
    check_packs(vault, &needs, &roots, &mut findings, &mut report, monitor)?;
    walk_all(vault, &roots, &mut findings, monitor);
    report.objects += roots.sound.len() as u64 + roots.damaged.len() as u64 + 2;
    match unfinished(vault, &needs) {
        Ok(packs) => report.unfinished_packs = packs,
        Err(problem) => findings.note(problem, []),
    }
    if let (Some(problem), true) = (findings.refused.take(), findings.damage.is_empty()) {
        return Err(problem);
    }
    for found in roots.sound {
        let point = found.key.as_str();
        match (findings.breaks(point), findings.leaves_open(point)) {
            (true, _) => report.broken.push(found),
            (false, true) => report.open.push(found),
            (false, false) => report.sound.push(found),
        }
    }
    report.damage = findings.damage.into_values().collect();
    report.unread = findings.unread.into_values().collect();
    report.stopped = findings.stopped;
    Ok(report)
}

/// A root that the operating system does not let us read is unread. Any other that cannot be used, one of a newer
/// outlive too, is a recovery point that cannot be had here.
fn note_root(key: &Key, problem: &Problem, findings: &mut Findings) {
    let problem = match problem.kind {
        Kind::Io => problem.clone(),
        _ => Problem::damaged(problem.place.clone(), problem.what.clone()),
    };
    findings.note(problem, [key.as_str()]);
}

fn walk_all(vault: &Vault, roots: &Roots, findings: &mut Findings, monitor: &dyn Monitor) {
    for found in &roots.sound {
        if monitor.cancelled() {
            return findings.note(stopped(), []);
        }
        // A list of packs that cannot be read has been noted; nothing below it can be walked.
        if let Ok(packs) = packs_of(vault, found) {
            let walked = Walk::new(vault, &packs, findings).point(found);
            if let Err(problem) = walked {
                findings.note(problem, [found.key.as_str()]);
            }
        }
    }
}

fn stopped() -> Problem {
    Problem::new(Kind::Cancelled, "stopped as asked")
}

/// Points that the ledger or a later point knows of and that are not there, or not the same.
fn missing_roots(roots: &Roots, known: &[RootRecord], findings: &mut Findings) {
    let there: BTreeMap<&str, Option<Digest>> = roots
        .sound
        .iter()
        .map(|found| (found.key.as_str(), Some(found.id)))
        .chain(roots.damaged.iter().map(|(key, _)| (key.as_str(), None)))
        .collect();
    let previous = roots.sound.iter().filter_map(|found| found.root.previous.as_ref());
    let named =
        previous.map(|previous| (previous.key.as_str(), previous.sha256, "the point after it names it"));
    let recorded = known.iter().map(|record| (record.key.as_str(), record.id, "the ledger recorded it"));
    for (key, id, by) in named.chain(recorded) {
        let because = match there.get(key) {
            None => format!("gone: {by}, and it is not there"),
            Some(Some(found)) if *found != id => format!("replaced: {by} with another SHA-256"),
            Some(_) => continue,
        };
        findings.note(Problem::damaged(super::safe(key), because), [key]);
    }
}

/// Which packs are needed, and by which points: points by their place in the list of sound roots, because
/// there may be many of both.
struct Needs {
    lines: BTreeMap<PackKey, (PackLine, Vec<u32>)>,
}

fn gather_needs(vault: &Vault, roots: &Roots, findings: &mut Findings) -> Needs {
    let mut lines: BTreeMap<PackKey, (PackLine, Vec<u32>)> = BTreeMap::new();
    for (number, found) in (0..).zip(&roots.sound) {
        let needed: Vec<PackLine> = match packs_of(vault, found) {
            Ok(table) => table.into_values().collect(),
            Err(problem) => {
                findings.note(problem, [found.key.as_str()]);
                // What can still be checked of it: the packs that its root names itself.
                found.root.list_packs.clone()
            }
        };
        for line in needed {
            let (_, points) = lines.entry(line.pack.clone()).or_insert((line, Vec::new()));
            points.push(number);
        }
    }
    Needs { lines }
}

fn check_packs(
    vault: &Vault,
    needs: &Needs,
    roots: &Roots,
    findings: &mut Findings,
    report: &mut VerifyReport,
    monitor: &dyn Monitor,
) -> Result<()> {
    let needed: Vec<_> = needs.lines.values().collect();
    monitor.begin(Phase::Verify, Some(needed.iter().map(|(line, _)| line.bytes).sum()));
    let checked = in_parallel(&needed, |(line, _)| Ok(check_pack(vault, line, monitor)));
    monitor.end();
    for ((line, points), (pack, sidecar)) in needed.into_iter().zip(checked?) {
        let read = [pack.map(|chunks| (line.bytes, chunks)), sidecar.map(|()| (line.sidecar_bytes, 0))];
        for result in read {
            match result {
                Ok((bytes, chunks)) => {
                    report.objects += 1;
                    report.bytes += bytes;
                    report.chunks += chunks;
                }
                Err(problem) => {
                    // What is damaged was read too; what could not be read, or was left out, was not.
                    report.objects += u64::from(problem.kind == Kind::Damaged);
                    let named = points.iter().filter_map(|number| roots.sound.get(*number as usize));
                    findings.note(problem, named.map(|found| found.key.as_str()));
                }
            }
        }
    }
    Ok(())
}

/// Checks one pack and its sidecar: how many chunks were decoded, and whether the sidecar is sound.
fn check_pack(vault: &Vault, line: &PackLine, monitor: &dyn Monitor) -> (Result<u64>, Result<()>) {
    if monitor.cancelled() {
        return (Err(stopped()), Err(stopped()));
    }
    match vault.sidecar(line) {
        Ok(sidecar) => (decode_pack(vault, line, &sidecar, monitor), Ok(())),
        // Without its sidecar the frames cannot be told apart here; the bytes still have a digest.
        Err(problem) => {
            let key = line.pack.pack();
            (
                key.and_then(|key| digest_of(vault, &key, (line.bytes, line.sha256), monitor)).map(|_| 0),
                Err(problem),
            )
        }
    }
}

/// Streams a pack once: its own digest, and each frame decoded to the chunks its sidecar names.
fn decode_pack(vault: &Vault, line: &PackLine, sidecar: &Sidecar, monitor: &dyn Monitor) -> Result<u64> {
    let key = line.pack.pack()?;
    let damaged = |what: &str| Problem::damaged(key.as_str(), what);
    if vault
        .store()
        .size(&key)?
        .ok_or_else(|| damaged("gone: a recovery point needs it and it is not there"))?
        != line.bytes
    {
        return Err(damaged("not as long as it was written"));
    }
    let mut reader = vault.store().get(&key, 0).map_err(gone)?;
    let mut hasher = Hasher::default();
    let mut chunks = 0;
    for frame in &sidecar.frames {
        if monitor.cancelled() {
            return Err(stopped());
        }
        let mut packed = vec![0; frame.length as usize];
        reader.read_exact(&mut packed).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged("ends too early"),
            _ => read_failed(&key, vault.store(), error),
        })?;
        hasher.update(&packed);
        monitor.advance(u64::from(frame.length), 0);
        let bytes: usize = frame.chunks.iter().map(|chunk| chunk.size() as usize).sum();
        if bytes > super::format::MAX_PAGE {
            return Err(damaged("a frame is larger than this format allows"));
        }
        let raw = decode(&key, &packed, bytes)?;
        let mut at = 0;
        for chunk in &frame.chunks {
            let end = at + chunk.size() as usize;
            if Digest::of(&raw[at..end]) != chunk.sha256() {
                return Err(damaged("a chunk does not match its SHA-256"));
            }
            at = end;
            chunks += 1;
        }
    }
    if hasher.finish() == line.sha256 { Ok(chunks) } else { Err(damaged("does not match its SHA-256")) }
}

/// Walks one point's trees and compares every run with what its pack was verified to hold.
struct Walk<'a> {
    vault: &'a Vault,
    packs: &'a PackTable,
    findings: &'a Findings,
    recent: VecDeque<Arc<Sidecar>>,
}

/// Sidecars kept at hand: neighbouring runs mostly lie in few packs.
const RECENT: usize = 8;

impl<'a> Walk<'a> {
    fn new(vault: &'a Vault, packs: &'a PackTable, findings: &'a Findings) -> Self {
        Self { vault, packs, findings, recent: VecDeque::new() }
    }

    fn point(&mut self, found: &FoundRoot) -> Result<()> {
        let mut dirs: Vec<ByteName> = Vec::new();
        for entry in Entries::new(self.vault, PageKind::Entries, &found.root.entries) {
            let entry = entry?;
            if let Some((parent, _)) = split(entry.path.as_bytes()) {
                let depth = dirs.iter().rposition(|dir| dir.as_bytes() == parent);
                let Some(depth) = depth else {
                    let what = format!("its tree holds {} without its directory", entry.path);
                    return Err(Problem::damaged(found.key.as_str(), what));
                };
                dirs.truncate(depth + 1);
            }
            if entry.kind == EntryKind::Dir {
                dirs.push(entry.path.clone());
            }
            for run in runs(self.vault, entry.content.as_ref()) {
                let run = run?;
                if run.offset.saturating_add(run.size()) > entry.size {
                    let object = run.frame.pack.pack()?;
                    return Err(Problem::damaged(object.as_str(), "a run reaches beyond its file"));
                }
                self.run(&run)?;
            }
        }
        Ok(())
    }

    fn run(&mut self, run: &Run) -> Result<()> {
        let key = run.frame.pack.pack()?;
        let Some(line) = self.packs.get(&run.frame.pack).filter(|line| line.role == PackRole::Data) else {
            return Err(Problem::damaged(
                key.as_str(),
                "needed, and not in the recovery point's list of packs",
            ));
        };
        if self.findings.has(key.as_str()) || self.findings.has(line.pack.sidecar()?.as_str()) {
            return Ok(());
        }
        let sidecar = self.sidecar(line)?;
        let frame = sidecar.frames.binary_search_by_key(&run.frame.at, |frame| frame.at).ok();
        let frame = frame
            .and_then(|index| sidecar.frames.get(index))
            .filter(|frame| frame.length == run.frame.length);
        let held: BTreeMap<u32, Chunk> = frame
            .iter()
            .flat_map(|frame| &frame.chunks)
            .scan(0u32, |skip, chunk| {
                let at = *skip;
                *skip = at.saturating_add(chunk.size());
                Some((at, *chunk))
            })
            .collect();
        if run.pieces().all(|(_, skip, chunk)| held.get(&skip) == Some(&chunk)) {
            Ok(())
        } else {
            Err(Problem::damaged(key.as_str(), "does not hold what the recovery point expects of it"))
        }
    }

    fn sidecar(&mut self, line: &PackLine) -> Result<Arc<Sidecar>> {
        if let Some(found) = self.recent.iter().find(|sidecar| sidecar.header.pack == line.pack) {
            return Ok(found.clone());
        }
        let sidecar = Arc::new(self.vault.sidecar(line)?);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sidecar.clone());
        Ok(sidecar)
    }
}

/// Packs that no readable point needs.
fn unfinished(vault: &Vault, needs: &Needs) -> Result<u64> {
    let packs = vault.store().list(SIDECARS)?;
    let unneeded =
        packs.iter().filter(|listed| !needs.lines.contains_key(&PackKey(listed.key.name().into())));
    Ok(unneeded.count() as u64)
}
