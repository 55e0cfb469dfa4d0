//! Verifying a vault: every object against its digest, every chunk decoded to what was read at the source.

use super::check_pack::check_claims;
use super::format::{EntryKind, PackKey, PackLine, PackRole, PageKind, Run, SIDECARS, Sidecar};
use super::index::{PackTable, packs_of};
use super::line::{is_at_or_above, split};
use super::parallel::in_parallel;
use super::readback::Damage;
use super::roots::{FoundRoot, RootRecord, Roots};
use super::tree::runs;
use super::{Entries, Vault, gone};
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
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
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Chunks decoded and compared.
    pub chunks: u64,
    /// What is not as it was written.
    pub damage: Vec<Damage>,
    /// Packs of runs that were stopped before they wrote a root: no point needs them.
    pub unfinished_packs: u64,
}

/// Reads a whole vault. `known` is what the ledger recorded of it: a point that was recorded and is gone
/// is damage.
///
/// # Errors
/// When the store fails, or holds what a newer outlive wrote. Damage is in the report, not an error.
pub fn verify(vault: &Vault, known: &[RootRecord], monitor: &dyn Monitor) -> Result<VerifyReport> {
    let roots = Roots::read_back(vault)?;
    let mut damage = Damages::default();
    // A restore refuses to begin beside instructions that are not what was written: it concerns every point.
    let readme = vault.check_readme();
    damage.note_result(readme.clone(), None)?;
    for found in &roots.sound {
        damage.note_result(readme.clone(), Some(found.key.as_str()))?;
    }
    for (key, problem) in &roots.damaged {
        damage.note(problem, [key.as_str()]);
    }
    missing_roots(&roots, known, &mut damage);
    let needs = gather_needs(vault, &roots, &mut damage)?;
    let mut report = VerifyReport::default();
    check_packs(vault, &needs, &roots, &mut damage, &mut report, monitor)?;
    for found in &roots.sound {
        // A list of packs that cannot be read has been noted; nothing below it can be walked.
        if let Ok(packs) = packs_of(vault, found) {
            let walked = Walk::new(vault, &packs, &damage, found).point();
            damage.note_result(walked, Some(found.key.as_str()))?;
        }
    }
    report.objects += roots.sound.len() as u64 + roots.damaged.len() as u64 + 2;
    report.unfinished_packs = unfinished(vault, &needs)?;
    let (broken, sound) = roots.sound.into_iter().partition(|found| damage.touches(found.key.as_str()));
    (report.broken, report.sound) = (broken, sound);
    report.damage = damage.0.into_values().collect();
    Ok(report)
}

/// Damage by object.
#[derive(Default)]
struct Damages(BTreeMap<String, Damage>);

impl Damages {
    fn note<'a>(&mut self, problem: &Problem, points: impl IntoIterator<Item = &'a str>) {
        let damage = self.0.entry(problem.place.clone()).or_insert_with(|| Damage {
            object: problem.place.clone(),
            because: problem.what.clone(),
            points: BTreeSet::new(),
        });
        damage.points.extend(points.into_iter().map(str::to_owned));
    }

    /// Notes damage; passes on every other problem.
    fn note_result(&mut self, result: Result<()>, point: Option<&str>) -> Result<()> {
        match result {
            Err(problem) if problem.kind == Kind::NotFound => {
                self.note(&gone(problem), point);
                Ok(())
            }
            Err(problem) if problem.kind == Kind::Damaged => {
                self.note(&problem, point);
                Ok(())
            }
            other => other,
        }
    }

    fn touches(&self, point: &str) -> bool {
        self.0.values().any(|damage| damage.points.contains(point))
    }

    /// True where this object is damage for this point; for another one it may be what it names.
    fn has(&self, object: &str, point: &str) -> bool {
        self.0.get(object).is_some_and(|damage| damage.points.contains(point))
    }
}

/// Points that the ledger or a later point knows of and that are not there, or not the same.
fn missing_roots(roots: &Roots, known: &[RootRecord], damage: &mut Damages) {
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
        damage.note(&Problem::damaged(super::safe(key), because), [key]);
    }
}

/// Which packs are needed, in the words of which points: points by their place in the list of sound roots,
/// because there may be many of both. Points that say the same of a pack share a claim.
struct Needs {
    claims: BTreeMap<PackKey, Vec<(PackLine, Vec<u32>)>>,
}

fn gather_needs(vault: &Vault, roots: &Roots, damage: &mut Damages) -> Result<Needs> {
    let mut claims: BTreeMap<PackKey, Vec<(PackLine, Vec<u32>)>> = BTreeMap::new();
    for (number, found) in (0..).zip(&roots.sound) {
        let needed: Vec<PackLine> = match packs_of(vault, found) {
            Ok(table) => table.into_values().collect(),
            Err(problem) => {
                damage.note_result(Err(problem), Some(found.key.as_str()))?;
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
    Ok(Needs { claims })
}

fn check_packs(
    vault: &Vault,
    needs: &Needs,
    roots: &Roots,
    damage: &mut Damages,
    report: &mut VerifyReport,
    monitor: &dyn Monitor,
) -> Result<()> {
    let needed: Vec<_> = needs.claims.values().collect();
    let bytes = needed.iter().filter_map(|claims| claims.first()).map(|(line, _)| line.bytes);
    monitor.begin(Phase::Verify, Some(bytes.fold(0, u64::saturating_add)));
    let checked = in_parallel(&needed, |claims| {
        let lines: Vec<&PackLine> = claims.iter().map(|(line, _)| line).collect();
        Ok(check_claims(vault, &lines, monitor))
    });
    monitor.end();
    for (claims, checked) in needed.into_iter().zip(checked?) {
        report.objects += 2;
        if let Some((line, _)) = claims.first() {
            report.bytes = report.bytes.saturating_add(line.bytes).saturating_add(line.sidecar_bytes);
        }
        for ((_, points), (pack, sidecar)) in claims.iter().zip(checked) {
            for result in [pack, sidecar.map(|()| 0)] {
                match result {
                    Ok(chunks) => report.chunks += chunks,
                    Err(problem) if problem.kind == Kind::Damaged => {
                        let named = points.iter().filter_map(|number| roots.sound.get(*number as usize));
                        damage.note(&problem, named.map(|found| found.key.as_str()));
                    }
                    Err(problem) => return Err(problem),
                }
            }
        }
    }
    Ok(())
}

/// Walks one point's trees and compares every run with what its pack was verified to hold.
struct Walk<'a> {
    vault: &'a Vault,
    packs: &'a PackTable,
    damage: &'a Damages,
    root: &'a FoundRoot,
    recent: VecDeque<Arc<Sidecar>>,
}

/// Sidecars kept at hand: neighbouring runs mostly lie in few packs.
const RECENT: usize = 8;

impl<'a> Walk<'a> {
    fn new(vault: &'a Vault, packs: &'a PackTable, damage: &'a Damages, root: &'a FoundRoot) -> Self {
        Self { vault, packs, damage, root, recent: VecDeque::new() }
    }

    fn point(&mut self) -> Result<()> {
        // The path of the directory where we are: those above it are its beginnings, and need not be kept.
        let mut dir: Option<Vec<u8>> = None;
        for entry in Entries::new(self.vault, PageKind::Entries, &self.root.root.entries) {
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
        if self.damage.has(key.as_str(), point) || self.damage.has(line.pack.sidecar()?.as_str(), point) {
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
        packs.iter().filter(|listed| !needs.claims.contains_key(&PackKey(listed.key.name().into())));
    Ok(unneeded.count() as u64)
}
