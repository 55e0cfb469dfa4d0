//! The phases of a drill: open, select, restore, check, prove, dispose. Nothing ends it early without a reason kept.

use super::evidence::Evidence;
use super::prove::prove;
use super::trust::Candidates;
use super::{Afterwards, DrillOrder, Proving};
use crate::app::fresh::Freshness;
use crate::app::restore::refuse_inside;
use crate::app::stores::{directory_of, open_vault};
use crate::app::vaults::unread_epochs;
use crate::app::{Context, named};
use crate::domain::{Kind, Monitor, Phase, Problem, Result, Timestamp, printable};
use crate::drill::checks::{Checked, Outcome, Trial, asked};
use crate::drill::choose;
use crate::drill::sandbox::Scratch;
use crate::ledger::{History, Record, VaultRef};
use crate::report::activity::{DrillPhase, DrillProof, DrillScratch};
use crate::vault::{
    Damage, FoundRoot, RestoreOptions, RestoreReport, Restored, Roots, Stopped, Unread, Vault, Verified,
    restore,
};
use chrono::TimeDelta;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The vault that was opened.
pub struct TriedVault {
    pub name: String,
    pub place: VaultRef,
    pub said: String,
}

/// What is to be tried, and what is known before.
pub struct Asked<'a> {
    pub context: &'a Context,
    pub order: &'a DrillOrder,
    pub records: &'a [Record],
    pub seed: u64,
    pub now: Timestamp,
}

/// Everything that was found out.
#[derive(Default)]
pub struct Tried {
    pub vault: Option<TriedVault>,
    pub candidates: usize,
    pub point: Option<FoundRoot>,
    pub newest_age: Option<TimeDelta>,
    pub usable_after: Option<Duration>,
    pub phases: Vec<DrillPhase>,
    pub checks: Vec<Checked>,
    pub proofs: Vec<DrillProof>,
    pub failed: Vec<String>,
    pub not_run: Vec<String>,
    /// What was restored and found to be as stored.
    pub report: Option<RestoreReport>,
    pub scratch: Option<DrillScratch>,
    pub deviations: Vec<String>,
    pub damage: Vec<Damage>,
    pub unread: Vec<Unread>,
}

impl Tried {
    /// Tries it.
    pub fn of(asked: &Asked<'_>, evidence: &mut Evidence, monitor: &dyn Monitor) -> Self {
        let Asked { order, seed, now, .. } = *asked;
        let began = Instant::now();
        let limit = Limit { inner: monitor, ends: began.checked_add(order.drill.timeout) };
        let mut tried = Self::default();
        let opened = tried.timed("open", evidence, |tried| tried.open(asked));
        let Some((vault, points)) = opened else { return tried };
        let found = tried.timed("select", evidence, |tried| tried.select(order, points, now, seed));
        let Some(found) = found else { return tried };
        let Some(scratch) = tried.scratch(order, &found, now) else { return tried };
        let restored =
            tried.timed("restore", evidence, |tried| tried.restore(&vault, &found, &scratch, &limit));
        if let Some(restored) = &restored {
            let home = scratch.path().join("home");
            let trial = Trial {
                restored,
                vault: &vault,
                drill: &order.drill,
                path: &restored.target,
                home: &home,
                monitor: &limit,
            };
            tried.timed("check", evidence, |tried| tried.check(&trial));
            // The data is usable once it is checked, not before.
            tried.usable_after = Some(began.elapsed());
            if order.proving == Proving::EachCheck {
                tried.timed("prove", evidence, |tried| tried.prove(&trial, &scratch));
            }
        } else {
            tried.usable_after = Some(began.elapsed());
        }
        tried.timed("dispose", evidence, |tried| tried.dispose(scratch, order.afterwards));
        tried
    }

    fn timed<T>(
        &mut self,
        phase: &'static str,
        evidence: &mut Evidence,
        act: impl FnOnce(&mut Self) -> T,
    ) -> T {
        evidence.log(&format!("{phase} begins"));
        let began = Instant::now();
        let done = act(self);
        self.phases.push(DrillPhase { phase, seconds: began.elapsed().as_secs_f64() });
        evidence.log(&format!("{phase} ends"));
        done
    }

    /// The first vault that holds complete points of the volume, oldest first.
    fn open(&mut self, Asked { context, order, records, .. }: &Asked<'_>) -> Option<(Vault, Vec<FoundRoot>)> {
        let (mut unreachable, mut empty) = (Vec::new(), Vec::new());
        for entry in &order.vaults {
            let looked = open_vault(context, &entry.place).and_then(|vault| {
                named::check(&entry.id, Some(&vault), records)?;
                vault.know(&order.drill.volume);
                let mut roots = Roots::read(&vault)?;
                // What the estate file gives up cannot keep a drill from passing: anybody who writes there can leave such behind, locked.
                let given_up = entry.given_up((context.clock)());
                roots.damaged.retain(|(key, _)| !given_up.contains(key.as_str()));
                Ok((VaultRef::of(&vault)?, vault, roots))
            });
            match looked {
                Ok((place, vault, roots)) => {
                    let history = History::of(records, &place);
                    let Candidates { points, mut failed, mut open, mut deviations } =
                        Candidates::of(&roots, &history, &order.drill.volume, (context.clock)());
                    self.deviations.append(&mut deviations);
                    self.failed.append(&mut failed);
                    self.not_run.append(&mut open);
                    if points.is_empty() {
                        empty.push(format!("{} holds no complete recovery point of it", entry.id));
                        continue;
                    }
                    self.not_run.extend(unopened(&roots, &points));
                    self.not_run.extend(unread(&vault, &points, &history));
                    let said = vault.place();
                    self.vault = Some(TriedVault { name: entry.id.clone(), place, said });
                    self.deviations.append(&mut unreachable);
                    return Some((vault, points));
                }
                Err(problem) => unreachable.push(format!("{} could not be opened: {problem}", entry.id)),
            }
        }
        if order.vaults.is_empty() {
            unreachable.push("the estate has no vault".into());
        }
        // What was not seen may hold points: only where all was seen is there none.
        let to = if unreachable.is_empty() { &mut self.failed } else { &mut self.not_run };
        to.extend(unreachable.into_iter().chain(empty));
        None
    }

    fn select(
        &mut self,
        order: &DrillOrder,
        points: Vec<FoundRoot>,
        now: Timestamp,
        seed: u64,
    ) -> Option<FoundRoot> {
        let moments: Vec<Timestamp> = points.iter().map(|found| found.root.taken_at).collect();
        self.candidates = points.len();
        self.newest_age = moments.last().map(|newest| now - *newest);
        let chosen = choose(order.drill.select, &moments, now, seed);
        let found = chosen.and_then(|place| points.into_iter().nth(place));
        if found.is_none() {
            self.failed.push("no recovery point is as old as the drill asks for".into());
        }
        self.point = found.clone();
        found
    }

    /// Scratch space with room for the point.
    fn scratch(&mut self, order: &DrillOrder, found: &FoundRoot, now: Timestamp) -> Option<Scratch> {
        let parent = order.drill.restore_to.clone().unwrap_or_else(std::env::temp_dir);
        let vaults = order.vaults.iter().filter_map(|entry| directory_of(&entry.place));
        for vault in vaults.filter(|vault| vault.is_dir()) {
            if let Err(problem) = refuse_inside(vault, &parent, now) {
                self.not_run.push(format!("there is no scratch space: {problem}"));
                return None;
            }
        }
        let made = Scratch::create(&parent).and_then(|scratch| {
            std::fs::create_dir(scratch.path().join("home"))
                .map_err(|error| Problem::io("making scratch space", error))?;
            Ok(scratch)
        });
        let scratch = match made {
            Ok(scratch) => scratch,
            Err(problem) => {
                self.not_run.push(format!("there is no scratch space: {problem}"));
                return None;
            }
        };
        let left = scratch.left_by_others();
        let others = left.iter().map(|path| {
            let commands = crate::drill::sandbox::removal_commands(path);
            format!("{}; to remove it: {commands}", printable(path.as_os_str().as_bytes()))
        });
        let others: Vec<String> = others.collect();
        for other in &others {
            self.deviations.push(format!("a run that was killed, or asked to keep it, left {other}"));
        }
        let path = printable(scratch.path().as_os_str().as_bytes());
        self.scratch = Some(DrillScratch { path, removed: false, left: None, others });
        let (free, needed) = (scratch.free_bytes(), found.root.totals.bytes);
        if let Some(free) = free.filter(|free| *free < needed) {
            self.not_run.push(format!("scratch space has {free} bytes free, {needed} are needed"));
            self.dispose(scratch, Afterwards::Remove);
            return None;
        }
        Some(scratch)
    }

    /// Restores, and compares what was written with the recovery point.
    fn restore(
        &mut self,
        vault: &Vault,
        found: &FoundRoot,
        scratch: &Scratch,
        limit: &Limit<'_>,
    ) -> Option<Restored<Verified>> {
        let target = scratch.path().join("restored");
        let written = restore(vault, found, &target, RestoreOptions::default(), limit);
        let verified = written.and_then(|written| {
            self.damage.extend(written.report.damage.iter().cloned());
            written.verify(vault, limit)
        });
        match verified {
            Ok(restored) => {
                self.report = Some(restored.report.clone());
                Some(restored)
            }
            Err(Stopped { problem, damage, unread }) => {
                self.damage.extend(damage);
                self.unread.extend(unread);
                let why = match problem.kind {
                    Kind::Cancelled if limit.is_over() => {
                        "its timeout was over before it was restored".into()
                    }
                    Kind::Cancelled => "it was asked to stop before it was restored".into(),
                    _ => format!("it was not restored: {problem}"),
                };
                if problem.kind == Kind::Damaged {
                    self.failed.push(why)
                } else {
                    self.not_run.push(why)
                }
                None
            }
        }
    }

    fn check(&mut self, trial: &Trial<'_>) {
        for check in asked(trial.drill, trial) {
            if trial.monitor.cancelled() {
                let because = "the drill's timeout was over, or it was asked to stop".into();
                self.checks.push(Checked {
                    check: check.id().into(),
                    method: String::new(),
                    outcome: Outcome::NotRun { because },
                    found: String::new(),
                    output: None,
                });
                continue;
            }
            self.checks.extend(check.look(trial));
        }
    }

    fn prove(&mut self, trial: &Trial<'_>, scratch: &Scratch) {
        match prove(trial, scratch) {
            Ok(proofs) => {
                for proof in &proofs {
                    let why = proof.because.as_deref().unwrap_or_default();
                    match proof.outcome {
                        "proved" => {}
                        "not_proved" => {
                            self.failed.push(format!("the check {} is not proved: {why}", proof.check))
                        }
                        // A check that nothing shows to be one is no reason to pass.
                        _ => self.not_run.push(format!(
                            "the check {} could not be proved: no damage fits what was restored",
                            proof.check
                        )),
                    }
                }
                self.proofs = proofs;
            }
            Err(problem) => self.not_run.push(format!("the checks could not be proved: {problem}")),
        }
    }

    fn dispose(&mut self, scratch: Scratch, afterwards: Afterwards) {
        let (removed, left) = match afterwards {
            Afterwards::Keep => {
                (false, Some(format!("kept as asked; to remove it: {}", scratch.removal_commands())))
            }
            Afterwards::Remove => {
                let left = scratch.remove().left;
                (left.is_none(), left)
            }
        };
        if let (Some(left), Afterwards::Remove) = (&left, afterwards) {
            self.deviations.push(format!("scratch space is still there: {left}"));
        }
        if let Some(told) = &mut self.scratch {
            (told.removed, told.left) = (removed, left);
        }
    }
}

/// What keeps the newest point from being drilled that may be of the volume: it is of an epoch that nothing here opens.
fn unopened(roots: &Roots, points: &[FoundRoot]) -> Option<String> {
    let count =
        roots.newer_closed(points.last()?).filter(|newer| newer.root.named_volume().is_none()).count();
    (count > 0).then(|| {
        format!("{count} newer recovery points were made in an epoch that nothing here opens, and may be of this volume: give the private key of a reader of it (--identity FILE)")
    })
}

/// What keeps a drill from saying that the newest point is yours: something that may tell of epochs could not be read, and this machine did
/// not store the point.
fn unread(vault: &Vault, points: &[FoundRoot], history: &History) -> Option<String> {
    unread_epochs(vault).filter(|_| Freshness::of(points.iter(), history).proven.is_empty())
}

/// Ends a drill when its timeout is over.
pub struct Limit<'a> {
    inner: &'a dyn Monitor,
    ends: Option<Instant>,
}

impl Limit<'_> {
    fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }
}

impl Monitor for Limit<'_> {
    fn begin(&self, phase: Phase, total: Option<u64>) {
        self.inner.begin(phase, total);
    }

    fn advance(&self, bytes: u64, files: u64) {
        self.inner.advance(bytes, files);
    }

    fn end(&self) {
        self.inner.end();
    }

    fn cancelled(&self) -> bool {
        self.is_over() || self.inner.cancelled()
    }
}

/// An empty directory in scratch space.
///
/// # Errors
/// Where it cannot be made.
pub(super) fn empty_place(scratch: &Path) -> Result<std::path::PathBuf> {
    let path = scratch.join("empty");
    std::fs::create_dir(&path).map_err(|error| Problem::io("making an empty place", error))?;
    Ok(path)
}
