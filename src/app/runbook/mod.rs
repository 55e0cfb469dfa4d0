//! Runbooks: made from what was just seen and judged, written where they outlive the primary, and compared with the
//! estate as it is later.

mod access;
mod by_hand;
mod called;
mod check;
mod digest;
mod dump;
mod folders;
mod index;
mod keep;
mod kit;
mod lasting;
mod look;
mod promote;
mod proven;
mod provider;
mod reaching;
mod recorded;
mod restore;
mod survivors;

pub use check::check_runbooks;
pub use folders::newest as newest_runbooks;
pub use keep::{keep_runbooks, write_runbooks};
pub use kit::{KitOrder, make_kit};

use super::stores::say_place;
use super::{Audited, Context, drill_standings, judge_estate};
use crate::domain::{Finding, Known, Result, Severity, Timestamp, Verdict, VolumeId, VolumeKind, printable};
use crate::drill::{Drill, DrillFile, read_drills};
use crate::estate::{Environment, Estate, VolumeEntry};
use crate::ledger::{DrillHistory, Ledger, PATIENCE, Record, drills};
use crate::providers::local::this_host;
use crate::report::activity::DrillStanding;
use crate::report::runbook::{Measured, Outline, Runbook, Runbooks, clocks};
use crate::rules::Judged;
use crate::vault::{cores, in_parallel};
use index::{At, Index};
use lasting::Lasting;
use look::{Found, Looked};
use reaching::Misused;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// Everything that a page is made from.
struct Scene<'a> {
    estate: &'a Estate,
    audited: &'a Audited,
    index: Index,
    vaults: Vec<Looked<'a>>,
    drills: Vec<Drill>,
    standings: BTreeMap<VolumeId, DrillStanding>,
    history: BTreeMap<(String, VolumeId), DrillHistory>,
    host: String,
    misused: Misused,
    environment: Environment,
    now: Timestamp,
    /// Until when what is made now is believed.
    until: Timestamp,
}

/// Surveys and judges the estate, and makes the runbooks of these volumes of it; of all where none is named. Looking at one path or vault
/// takes no longer than `limit`.
///
/// # Errors
/// As [`judge_estate`], and where the ledger cannot be read.
pub fn make_runbooks(
    context: &Context,
    estate: &Estate,
    volume: Option<&VolumeId>,
    limit: Duration,
) -> Result<Runbooks> {
    let audited = judge_estate(context, estate, limit)?;
    runbooks_of(context, estate, &audited, volume, limit)
}

/// The same from what was surveyed and judged already.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn runbooks_of(
    context: &Context,
    estate: &Estate,
    audited: &Audited,
    volume: Option<&VolumeId>,
    limit: Duration,
) -> Result<Runbooks> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let mut gaps: Vec<String> = (audited.graph.inventory().gaps.iter())
        .filter(|gap| gap.scope.counts())
        .map(|gap| format!("{}: {}: {}", gap.place, gap.reason.word(), gap.detail))
        .collect();
    let vaults = look::look(context, estate, &audited.graph.inventory().gaps, &records, limit);
    for looked in &vaults {
        let (place, why) = (say_place(&looked.entry.place), looked.found.as_ref().err());
        // What the survey could not see either is told once.
        let is_told = gaps.iter().any(|gap| gap.starts_with(&place));
        gaps.extend(why.filter(|_| !is_told).cloned());
    }
    let files = read_drills(estate).unwrap_or_else(|problem| {
        gaps.push(format!("the drills: {problem}"));
        Vec::new()
    });
    let scene = Scene::of(context, estate, audited, vaults, (&files, &records));
    let order: Vec<&VolumeEntry> = estate.restore_order();
    let is_wanted = |entry: &&VolumeEntry| volume.is_none_or(|wanted| entry.id == *wanted);
    let wanted: Vec<&VolumeEntry> = order.iter().copied().filter(is_wanted).collect();
    let runbooks = in_parallel(cores(), &wanted, |entry| Ok(scene.runbook(entry)))?;
    gaps.sort();
    gaps.dedup();
    let (elsewhere, to_come) = recorded::elsewhere(context, estate, &records, &scene.vaults);
    let mut made = Runbooks {
        version: env!("CARGO_PKG_VERSION"),
        config: printable(estate.path.as_os_str().as_bytes()),
        config_sha256: estate.digest.clone(),
        generated_at: scene.now,
        believe_until: scene.now.checked_add_signed(estate.runbook.believe_for).unwrap_or(scene.now),
        made_from: Vec::new(),
        acts_sha256: String::new(),
        elsewhere,
        to_come,
        escrow: estate.runbook.escrow.clone(),
        reading: estate.runbook.reading.clone(),
        order: order.iter().map(|entry| scene.outline(entry)).collect(),
        vaults: scene
            .vaults
            .iter()
            .map(|looked| access::vault(estate, &context.environment, looked))
            .collect(),
        runbooks,
        clocks: clocks()?,
        gaps,
    };
    made.made_from = digest::made_from(&made, &scene);
    made.acts_sha256 = digest::acts(&made, &scene);
    Ok(made)
}

impl<'a> Scene<'a> {
    fn of(
        context: &Context,
        estate: &'a Estate,
        audited: &'a Audited,
        vaults: Vec<Looked<'a>>,
        (files, records): (&[DrillFile], &[Record]),
    ) -> Self {
        let now = (context.clock)();
        Self {
            estate,
            audited,
            index: Index::of(estate, audited, &vaults),
            vaults,
            drills: files.iter().filter_map(|file| file.drill.as_ref().ok()).cloned().collect(),
            standings: drill_standings(estate, files, records, now),
            history: drills(records),
            host: this_host().name,
            misused: Misused::of(&audited.graph),
            environment: context.environment.clone(),
            now,
            until: audited.at.checked_add_signed(estate.runbook.believe_for).unwrap_or(audited.at),
        }
    }

    fn judged(&self, volume: &VolumeId) -> Option<&'a Judged> {
        self.index.judged.get(volume).and_then(|place| self.audited.judged.get(*place))
    }

    fn outline(&self, entry: &VolumeEntry) -> Outline {
        Outline {
            volume: entry.id.to_string(),
            owner: entry.owner.as_ref().map(|owner| owner.0.clone()),
            after: entry.after.iter().map(ToString::to_string).collect(),
            rto_seconds: self.estate.policy_of(&entry.id).rto.num_seconds(),
            measured_seconds: self.measured(&entry.id).map(|measured| measured.seconds),
        }
    }

    fn runbook(&self, entry: &VolumeEntry) -> Runbook {
        let policy = self.estate.policy_of(&entry.id);
        let judged = self.judged(&entry.id);
        let (severity, because) =
            severity(judged.map(|judged| judged.findings.as_slice()).unwrap_or_default());
        let measured = self.measured(&entry.id);
        let (reaching, reaching_more) = reaching::reaching(self, entry);
        let lasting = Lasting::of(self, entry);
        let candidates = survivors::candidates(self, entry, &lasting);
        let host = candidates.iter().find_map(|(_, found)| found.host.clone());
        Runbook {
            volume: entry.id.to_string(),
            path: entry.path.as_ref().map(|path| printable(path.as_os_str().as_bytes())),
            host: host.or_else(|| entry.path.is_some().then(|| printable(self.host.as_bytes()))),
            owner: entry.owner.as_ref().map(|owner| owner.0.clone()),
            policy: entry.policy.clone(),
            rpo_seconds: policy.judged.rpo.num_seconds(),
            rto_seconds: policy.rto.num_seconds(),
            severity,
            because,
            after: entry.after.iter().map(ToString::to_string).collect(),
            needed_by: self.index.needed_by.get(&entry.id).cloned().unwrap_or_default(),
            reaching,
            reaching_more,
            places: survivors::places(self, entry, &lasting),
            hazards: survivors::hazards(self, &lasting),
            drill: self.standings.get(&entry.id).cloned().unwrap_or_else(DrillStanding::unseen),
            procedures: restore::procedures(self, entry, &candidates, measured.as_ref()),
            measured,
            checks: restore::checks(self, entry, &candidates),
            counted: restore::as_copied(self, entry, &candidates),
            newest: restore::newest(self, entry, &candidates),
            providers: provider::escalations(self, entry),
        }
    }

    /// The newest drill of a volume that passed, where its time was measured.
    fn measured(&self, volume: &VolumeId) -> Option<Measured> {
        let passes =
            self.history.iter().filter(|((_, of), _)| of == volume).filter_map(|((name, _), history)| {
                let pass = history.last_passed.as_ref()?;
                let seconds = pass.usable_after_milliseconds? as f64 / 1000.0;
                Some(Measured { drill: name.clone(), at: pass.started_at, seconds, of: pass.taken_at })
            });
        passes.max_by_key(|measured| measured.at)
    }

    /// A point in a vault.
    fn found(&self, (vault, place): At) -> Option<(&Looked<'a>, &Found)> {
        let looked = self.vaults.get(vault)?;
        Some((looked, looked.found.as_ref().ok()?.points.get(place)?))
    }

    /// What a volume is, as this machine sees it; of one that is gone or elsewhere that is not known.
    fn kind(&self, volume: &VolumeId) -> Option<VolumeKind> {
        let seen = &self.judged(volume)?.volume;
        // A volume that is only named stands for nothing that was looked at.
        (seen.name != seen.id.0).then_some(seen.kind)
    }
}

/// The worst that is said, and all of it that is no pass.
fn severity(findings: &[Finding]) -> (String, Vec<String>) {
    let mut because = Vec::new();
    let mut worst: Option<Severity> = None;
    let mut is_open = findings.is_empty();
    for finding in findings {
        match &finding.verdict {
            Verdict::Fail(severity, why) => {
                worst = worst.max(Some(*severity));
                because.push(format!("{}: {}: {why}", finding.rule, severity.word()));
            }
            Verdict::Undetermined(why) => {
                is_open = true;
                because.push(format!("{}: undetermined: {why}", finding.rule));
            }
            Verdict::Pass(_) | Verdict::NotApplicable(_) | Verdict::Waived { .. } => {}
        }
    }
    let word = match (worst, is_open) {
        (Some(severity), _) => severity.word(),
        (None, true) => "undetermined",
        (None, false) => "sound",
    };
    (word.into(), because)
}

/// A fact where it is known.
fn known<T: Clone>(fact: &Known<T>) -> Option<T> {
    fact.value().cloned()
}
