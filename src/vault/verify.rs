//! Verifying a vault: every object against its digest, every chunk decoded to what was read at the source.

use super::check_pack::{Checked, check_claims, stopped};
use super::findings::{Findings, Unread};
use super::format::{EntryKind, PackKey, PackLine, PackRole, PageKind, Run, SIDECARS, Sidecar};
use super::index::{PackTable, packs_of};
use super::line::{is_at_or_above, split};
use super::parallel::{cores, in_parallel};
use super::readback::Damage;
use super::roots::{FoundRoot, RootRecord, Roots};
use super::stand_in::replaced;
use super::tree::runs;
use super::{Entries, Vault};
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
use crate::store::Key;
use crate::vault::format::{Chunk, Digest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// The recovery points whose every object is as it was written, and which are encrypted, so that nothing was decoded here.
    pub closed: Vec<FoundRoot>,
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
    /// Packs that no recovery point that can be read needs: of runs that were stopped, for one.
    pub unfinished_packs: u64,
    /// Points that are gone as a plan let them go.
    pub let_go: u64,
    /// Roots that damage takes along, and in whose place a sound one stands that a repair wrote, as far as they can be read.
    pub replaced: Vec<FoundRoot>,
    /// The identities of the points that stand in for those.
    pub stand_ins: BTreeSet<Digest>,
    /// The damage that concerns such roots alone.
    pub made_good: Vec<Damage>,
}

/// What a ledger knows of a vault.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// Points that were recorded: one that is gone is damage.
    pub points: &'k [RootRecord],
    /// Points that may be gone, because a plan let them go.
    pub let_go: &'k BTreeSet<Digest>,
    /// Roots that repairs wrote.
    pub repaired: &'k BTreeSet<Digest>,
}

/// Reads a whole vault. `known` is what the ledger recorded of it: a point that was recorded and is gone
/// is damage. What cannot be read, or is not read because the user stops it, hides no damage found elsewhere.
///
/// # Errors
/// When the roots cannot be listed; where nothing is damaged and the vault holds what a newer outlive wrote.
/// Damage is in the report, not an error, and so is what could not be read.
pub fn verify(vault: &Vault, known: &[RootRecord], monitor: &dyn Monitor) -> Result<VerifyReport> {
    let nothing = BTreeSet::new();
    verify_with(vault, &Known { points: known, let_go: &nothing, repaired: &nothing }, monitor)
}

/// The same, with all that a ledger knows.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(vault: &Vault, known: &Known<'_>, monitor: &dyn Monitor) -> Result<VerifyReport> {
    let roots = Roots::read_back(vault)?;
    let mut findings = Findings::default();
    // A restore refuses to begin beside instructions that are not what was written: it concerns every point.
    if let Err(problem) = vault.check_readme() {
        findings.note(problem, roots.sound.iter().map(|found| found.key.as_str()));
    }
    for (key, problem) in &roots.damaged {
        note_root(key, problem, &mut findings);
    }
    let let_go = missing_roots(&roots, known.points, known.let_go, &mut findings);
    let needs = gather_needs(vault, &roots, &mut findings);
    let mut report = VerifyReport { let_go, ..VerifyReport::default() };
    check_packs(vault, &needs, &roots, &mut findings, &mut report, monitor)?;
    walk_all(vault, &roots, &mut findings, monitor);
    check_keys(vault, &roots, &mut findings, &mut report);
    report.objects += roots.sound.len() as u64 + roots.damaged.len() as u64 + 2;
    match unfinished(vault, &needs) {
        Ok(packs) => report.unfinished_packs = packs,
        Err(problem) => findings.note(problem, []),
    }
    if let (Some(problem), true) = (findings.refused.take(), findings.damage.is_empty()) {
        return Err(problem);
    }
    let replaced = replaced(vault, &roots, &findings, known);
    let strangers = strangers(&roots, known);
    for found in roots.sound {
        let point = found.key.as_str();
        match (findings.breaks(point), findings.leaves_open(point)) {
            (true, _) if replaced.contains_key(point) => report.replaced.push(found),
            (true, _) => report.broken.push(found),
            (false, true) => report.open.push(found),
            (false, false) if !vault.reads(&found) => report.closed.push(found),
            (false, false) => report.sound.push(found),
        }
    }
    report.stand_ins = replaced.values().flatten().copied().collect();
    let replaced: BTreeSet<String> = replaced.into_keys().collect();
    let only = |points: &BTreeSet<String>, of: &BTreeSet<String>| !points.is_empty() && points.is_subset(of);
    // What only points of strangers need, or say of our objects, is no damage to ours.
    let ours = findings.damage.into_values().filter(|damage| !only(&damage.points, &strangers));
    (report.made_good, report.damage) = ours.partition(|damage| only(&damage.points, &replaced));
    report.unread =
        findings.unread.into_values().filter(|unread| !only(&unread.points, &strangers)).collect();
    report.stopped = findings.stopped;
    Ok(report)
}

/// The keys of roots that are not taken for ours. Of what the ledger knows under its key, damage is damage, whoever signed it.
fn strangers(roots: &Roots, known: &Known<'_>) -> BTreeSet<String> {
    let known: BTreeSet<&str> = known.points.iter().map(|record| record.key.as_str()).collect();
    let all = roots.sound.iter().filter(|found| !found.signed.is_trusted()).map(|found| found.key.as_str());
    all.filter(|key| !known.contains(key)).map(str::to_owned).collect()
}

/// Checks what readers need to open the vault: all points fall with that. What lies there and is none of it counts for nothing,
/// and somebody put it there.
fn check_keys(vault: &Vault, roots: &Roots, findings: &mut Findings, report: &mut VerifyReport) {
    for (key, problem) in vault.epochs().into_iter().flat_map(|epochs| &epochs.wrong) {
        findings.note(Problem::damaged(key.as_str(), problem.what.clone()), []);
    }
    findings.note_epochs(vault, roots);
    for line in vault.key_lines() {
        match vault.check_key(line) {
            Ok(bytes) => {
                report.objects += 1;
                report.bytes += bytes;
            }
            Err(problem) => findings.note(problem, roots.sound.iter().map(|found| found.key.as_str())),
        }
    }
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
    for found in roots.sound.iter().filter(|found| vault.reads(found)) {
        if monitor.cancelled() {
            return findings.note(stopped(), []);
        }
        // A list of packs that cannot be read has been noted; nothing below it can be walked.
        if let Ok(packs) = packs_of(vault, found) {
            let walked = Walk::new(vault, &packs, findings, found).point();
            if let Err(problem) = walked {
                findings.note(problem, [found.key.as_str()]);
            }
        }
    }
}

/// Points that the ledger or a later point knows of and that are not there, or not the same. Of those that are gone as a plan
/// let them go: how many there are.
fn missing_roots(
    roots: &Roots,
    known: &[RootRecord],
    let_go: &BTreeSet<Digest>,
    findings: &mut Findings,
) -> u64 {
    let mut gone = BTreeSet::new();
    let there: BTreeMap<&str, Option<Digest>> = roots
        .sound
        .iter()
        .map(|found| (found.key.as_str(), Some(found.id)))
        .chain(roots.damaged.iter().map(|(key, _)| (key.as_str(), None)))
        .collect();
    let ours = roots.sound.iter().filter(|found| found.signed.is_trusted());
    let previous = ours.filter_map(|found| found.root.previous.as_ref());
    let named =
        previous.map(|previous| (previous.key.as_str(), previous.sha256, "the point after it names it"));
    let recorded = known.iter().map(|record| (record.key.as_str(), record.id, "the ledger recorded it"));
    for (key, id, by) in named.chain(recorded) {
        let because = match there.get(key) {
            None if let_go.contains(&id) => {
                gone.insert(id);
                continue;
            }
            None => format!("gone: {by}, and it is not there"),
            Some(Some(found)) if *found != id => format!("replaced: {by} with another SHA-256"),
            Some(_) => continue,
        };
        findings.note(Problem::damaged(super::safe(key), because), [key]);
    }
    gone.len() as u64
}

/// Which packs are needed, in the words of which points: points by their place in the list of sound roots,
/// because there may be many of both. Points that say the same of a pack share a claim.
struct Needs {
    claims: BTreeMap<PackKey, Vec<(PackLine, Vec<u32>)>>,
}

fn gather_needs(vault: &Vault, roots: &Roots, findings: &mut Findings) -> Needs {
    let mut claims: BTreeMap<PackKey, Vec<(PackLine, Vec<u32>)>> = BTreeMap::new();
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
            let of_pack = claims.entry(line.pack.clone()).or_insert_with(|| Vec::with_capacity(1));
            match of_pack.iter_mut().find(|(claim, _)| *claim == line) {
                Some((_, points)) => points.push(number),
                None => of_pack.push((line, vec![number])),
            }
        }
    }
    Needs { claims }
}

fn check_packs(
    vault: &Vault,
    needs: &Needs,
    roots: &Roots,
    findings: &mut Findings,
    report: &mut VerifyReport,
    monitor: &dyn Monitor,
) -> Result<()> {
    let needed: Vec<_> = needs.claims.values().collect();
    let bytes = needed.iter().filter_map(|claims| claims.first()).map(|(line, _)| line.bytes);
    monitor.begin(Phase::Verify, Some(bytes.fold(0, u64::saturating_add)));
    let checked = in_parallel(cores(), &needed, |claims| {
        let lines: Vec<&PackLine> = claims.iter().map(|(line, _)| line).collect();
        Ok(check_claims(vault, &lines, monitor))
    });
    monitor.end();
    for (claims, checked) in needed.into_iter().zip(checked?) {
        for ((line, points), checked) in claims.iter().zip(checked) {
            let named = points.iter().filter_map(|number| roots.sound.get(*number as usize));
            let named: Vec<&str> = named.map(|found| found.key.as_str()).collect();
            note_checked(line, checked, &named, findings, report);
        }
    }
    Ok(())
}

fn note_checked(
    line: &PackLine,
    (pack, sidecar): Checked,
    points: &[&str],
    findings: &mut Findings,
    report: &mut VerifyReport,
) {
    let read = [pack.map(|chunks| (line.bytes, chunks)), sidecar.map(|()| (line.sidecar_bytes, 0))];
    for result in read {
        match result {
            Ok((bytes, chunks)) => {
                report.objects += 1;
                report.bytes = report.bytes.saturating_add(bytes);
                report.chunks += chunks;
            }
            Err(problem) => {
                // What is damaged was read too; what could not be read, or was left out, was not.
                report.objects += u64::from(problem.kind == Kind::Damaged);
                findings.note(problem, points.iter().copied());
            }
        }
    }
}

/// Walks one point's trees and compares every run with what its pack was verified to hold.
struct Walk<'a> {
    vault: &'a Vault,
    packs: &'a PackTable,
    findings: &'a Findings,
    root: &'a FoundRoot,
    recent: VecDeque<Arc<Sidecar>>,
}

/// Sidecars kept at hand: neighbouring runs mostly lie in few packs.
const RECENT: usize = 8;

impl<'a> Walk<'a> {
    fn new(vault: &'a Vault, packs: &'a PackTable, findings: &'a Findings, root: &'a FoundRoot) -> Self {
        Self { vault, packs, findings, root, recent: VecDeque::new() }
    }

    fn point(&mut self) -> Result<()> {
        // The path of the directory where we are: those above it are its beginnings, and need not be kept.
        let mut dir: Option<Vec<u8>> = None;
        for entry in Entries::new(self.vault, PageKind::Entries, self.root.root.tree()?) {
            let entry = entry?;
            if let Some((parent, _)) = split(entry.path.as_bytes()) {
                let Some(dir) = dir.as_mut().filter(|dir| is_at_or_above(parent, dir)) else {
                    let what = format!("its tree holds {} without its directory", entry.path);
                    return Err(Problem::damaged(self.root.key.as_str(), what));
                };
                dir.truncate(parent.len());
            }
            if entry.kind == EntryKind::Dir {
                dir = Some(entry.path.as_bytes().to_vec());
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
        let point = self.root.key.as_str();
        if self.findings.has(key.as_str(), point) || self.findings.has(line.pack.sidecar()?.as_str(), point) {
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
        let ids = self.vault.ids_of(&sidecar);
        let holds = |skip: u32, chunk: &Chunk| {
            ids.as_ref().is_some_and(|ids| held.get(&skip) == Some(&ids.chunk(chunk)))
        };
        if run.pieces().all(|(_, skip, chunk)| holds(skip, &chunk)) {
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
        packs.iter().filter(|listed| !needs.claims.contains_key(&PackKey(listed.key.name().into())));
    Ok(unneeded.count() as u64)
}
