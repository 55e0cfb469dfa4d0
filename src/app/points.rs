//! All recovery points of one volume, with what changed from each to the next: so that a person sees where the damage began.

use super::stores::open_vault;
use super::vaults::id_of;
use super::{Audited, Context};
use crate::domain::{
    GapScope, Inventory, Kind, Known, PointId, Problem, RecoveryPoint, Result, Timestamp, Usable, VolumeId,
    printable,
};
use crate::estate::VaultPlace;
use crate::isolation::{Fate, Radius};
use crate::report::activity::{ChangeSaid, Counted, FateSaid, PointSaid, PointsListed, say_lock};
use crate::vault::{Change, FoundRoot, Roots, Vault, change, cores, in_parallel, names};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What is asked.
pub struct PointsOrder<'a> {
    /// The volume, by its id or path.
    pub volume: &'a str,
    /// What was seen.
    pub inventory: &'a Inventory,
    /// The vaults that were looked at.
    pub vaults: &'a [VaultPlace],
    /// Hazards, with what they take.
    pub what_if: Option<(&'a Audited, &'a Radius)>,
    /// When it is asked.
    pub now: Timestamp,
    /// How long comparing the points of one vault may take.
    pub limit: Duration,
}

/// Lists the points of a volume, oldest first.
///
/// # Errors
/// `NotFound` where there is no such volume, nor a point of one; `Usage` where several are called so.
pub fn points(context: &Context, order: &PointsOrder<'_>) -> Result<PointsListed> {
    let volume = volume(order)?;
    let mut found: Vec<&RecoveryPoint> =
        order.inventory.points.iter().filter(|point| point.of.value() == Some(&volume)).collect();
    found.sort_by_key(|point| (point.taken_at.value().copied(), point.id.clone()));
    let mut changes = changes(context, order, &found);
    let mut fates = fates(order);
    let listed = found.iter().map(|point| {
        let uncompared =
            || Uncompared::Never("not in a vault: only outlive's own copies are compared".into());
        let compared = changes.remove(&point.id).unwrap_or_else(|| Err(uncompared()));
        said(point, compared, fates.remove(&point.id), order.now)
    });
    let listed = listed.collect();
    let may_hide = |scope: &GapScope| match scope {
        GapScope::Points => true,
        GapScope::PointsOf(of) => *of == volume,
        _ => false,
    };
    let gaps = order.inventory.gaps.iter().filter(|gap| may_hide(&gap.scope));
    Ok(PointsListed {
        volume: printable(volume.0.as_bytes()),
        what_if: order.what_if.map(|(_, radius)| radius.title.clone()),
        points: listed,
        gaps: gaps.map(|gap| format!("{}: {}", gap.place, gap.detail)).collect(),
        at: order.now,
    })
}

/// The one volume that is called so, or of which there are points.
fn volume(order: &PointsOrder<'_>) -> Result<VolumeId> {
    let volumes = order.inventory.volumes.iter();
    let called = volumes.filter(|volume| volume.name == order.volume || names(&volume.id, order.volume));
    let of_points = order.inventory.points.iter().filter_map(|point| point.of.value());
    let of_points = of_points.filter(|of| names(of, order.volume)).cloned();
    let mut found: Vec<VolumeId> = called.map(|volume| volume.id.clone()).chain(of_points).collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Problem::new(Kind::NotFound, "no such volume, and no recovery point of one")
            .at(printable(order.volume.as_bytes()))
            .remedy("`outlive inventory` shows the volumes there are; --vault names a vault that is in no estate file")),
        several => Err(Problem::new(Kind::Usage, "several volumes are called so")
            .at(several.iter().map(|id| printable(id.0.as_bytes())).collect::<Vec<_>>().join(", "))
            .remedy("name one of them by its whole id")),
    }
}

/// What changed, or why that is not known.
type Compared = std::result::Result<ChangeSaid, Uncompared>;

/// Why nobody knows what changed.
enum Uncompared {
    /// There is nothing to compare.
    Never(String),
    /// It could have been known, and was hindered.
    Hindered(String),
}

/// What changed from each point of a vault to the next one of the same volume there.
fn changes(
    context: &Context,
    order: &PointsOrder<'_>,
    points: &[&RecoveryPoint],
) -> BTreeMap<PointId, Compared> {
    let mut all = BTreeMap::new();
    let asked: BTreeSet<&PointId> = points.iter().map(|point| &point.id).collect();
    for place in order.vaults {
        // A vault that cannot be read is a gap of the survey already.
        let Ok(vault) = open_vault(context, place) else { continue };
        let Ok(roots) = Roots::read(&vault) else { continue };
        let listed: Vec<&FoundRoot> =
            roots.sound.iter().filter(|found| asked.contains(&id_of(&vault, found))).collect();
        // Where the time is over, the newest are compared.
        let numbers: Vec<usize> = (0..listed.len()).rev().collect();
        let until = Instant::now().checked_add(order.limit);
        let work = |number: &usize| Ok(compared(&vault, &listed, *number, until));
        let mut compared = in_parallel(cores().min(MOST_AT_ONCE), &numbers, work).unwrap_or_default();
        compared.reverse();
        let mut usual = Usual::default();
        for (found, compared) in listed.iter().zip(&mut compared) {
            if let Ok(change) = compared {
                change.hints = usual.hints(change, found.root.totals.files);
            }
        }
        all.extend(listed.iter().map(|found| id_of(&vault, found)).zip(compared));
    }
    all
}

/// Each comparison holds some dozens of MiB at most.
const MOST_AT_ONCE: usize = 4;

fn compared(vault: &Vault, listed: &[&FoundRoot], number: usize, until: Option<Instant>) -> Compared {
    let never = "the first in its vault: there is none before it";
    let now = listed[number];
    let before = number.checked_sub(1).and_then(|before| listed.get(before));
    let Some(before) = before else { return Err(Uncompared::Never(never.into())) };
    if now.root.is_closed() || before.root.is_closed() {
        return Err(Uncompared::Hindered("encrypted, and nothing here opens it (--identity FILE)".into()));
    }
    let Change { added, changed, removed, files, renamed, new_bytes, packed_bytes } =
        change(vault, before, now, until).map_err(|problem| Uncompared::Hindered(problem.to_string()))?;
    let counted = |tally: crate::vault::Tally| Counted { entries: tally.entries, bytes: tally.bytes };
    Ok(ChangeSaid {
        against: before.short(),
        added: counted(added),
        changed: counted(changed),
        removed: counted(removed),
        files,
        renamed,
        new_bytes,
        packed_bytes,
        hints: Vec::new(),
    })
}

/// What was usual in the changes so far: something that differs much is worth a look.
#[derive(Default)]
struct Usual {
    shares: Vec<f64>,
    packed: Vec<f64>,
}

/// Less than so many new bytes, or changed files, say nothing.
const ENOUGH_BYTES: u64 = 256 * 1024;
const ENOUGH_FILES: u64 = 10;

impl Usual {
    /// What is unusual about a change, in words.
    fn hints(&mut self, change: &ChangeSaid, files: u64) -> Vec<String> {
        let mut hints = Vec::new();
        let share = change.files as f64 / files.max(1) as f64;
        let usual = middle(&self.shares);
        let jumps = usual.is_none_or(|usual| share >= 5.0 * usual);
        if change.files >= ENOUGH_FILES && share >= 0.3 && jumps {
            let before = usual.map_or("nothing to compare with".into(), |usual| {
                format!("usually {}%", (usual * 100.0).round())
            });
            hints.push(format!("{}% of the files are new or changed ({before})", (share * 100.0).round()));
        }
        if change.new_bytes >= ENOUGH_BYTES {
            let packed = change.packed_bytes as f64 / change.new_bytes as f64;
            let usual = middle(&self.packed);
            if packed >= 0.95 && usual.is_some_and(|usual| usual <= 0.8) {
                hints
                    .push("what is new does not compress, and what came before did: is it encrypted?".into());
            }
            self.packed.push(packed);
        }
        if change.renamed >= ENOUGH_FILES {
            hints.push(format!("{} files have one ending more than before", change.renamed));
        }
        let gone = change.removed.entries as f64 / files.max(1) as f64;
        if change.removed.entries >= ENOUGH_FILES && gone >= 0.3 {
            hints.push(format!("{} entries are gone", change.removed.entries));
        }
        // What was unusual is no measure of what is usual.
        if hints.is_empty() {
            self.shares.push(share);
        }
        hints
    }
}

fn middle(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// What becomes of the points under the hazards that were asked for. What no hazard reaches stays.
fn fates(order: &PointsOrder<'_>) -> BTreeMap<PointId, FateSaid> {
    let Some((audited, radius)) = order.what_if else { return BTreeMap::new() };
    let stays = || FateSaid { fate: "stays", because: None };
    let inventory = audited.graph.inventory();
    let mut fates: BTreeMap<_, _> =
        inventory.points.iter().map(|point| (point.id.clone(), stays())).collect();
    for traced in radius.struck.iter().flat_map(|struck| &struck.traced.points) {
        let said = match &traced.reason.fate {
            Fate::Dies { path, .. } => {
                let steps = path.iter().map(|step| format!("{} {} {}", step.thing, step.verb, step.on));
                FateSaid { fate: "dies", because: Some(steps.collect::<Vec<_>>().join("; ")) }
            }
            Fate::Survives { until } => {
                let until = until.map(|until| format!("known until {}", until.format("%Y-%m-%d %H:%M UTC")));
                FateSaid { fate: "stays", because: until }
            }
            Fate::Undetermined { missing } => {
                FateSaid { fate: "undetermined", because: Some(missing.clone()) }
            }
        };
        for place in &traced.places {
            // Of a point that may be of several volumes, what is worse counts.
            let known = fates.entry(audited.graph.id_at(*place)).or_insert_with(stays);
            let rank = |said: &FateSaid| {
                ["stays", "undetermined", "dies"].iter().position(|word| *word == said.fate)
            };
            if rank(&said) >= rank(known) {
                *known = said.clone();
            }
        }
    }
    fates
}

fn said(point: &RecoveryPoint, compared: Compared, fate: Option<FateSaid>, now: Timestamp) -> PointSaid {
    let (change, change_unknown, change_hindered) = match compared {
        Ok(change) => (Some(change), None, false),
        Err(Uncompared::Never(why)) => (None, Some(why), false),
        Err(Uncompared::Hindered(why)) => (None, Some(why), true),
    };
    let (counts, because) = match &point.usable {
        Usable::Yes => (true, None),
        Usable::Unproven(why) | Usable::No(why) => (false, Some(why.clone())),
    };
    let drilled = match &point.drilled_at {
        Known::Unknown => "unknown".to_owned(),
        known => match known.value().copied().flatten() {
            Some(at) => format!("{} ago", crate::domain::say_duration(now - at)),
            None => "never".into(),
        },
    };
    PointSaid {
        id: point.id.0.clone(),
        name: point.name.clone(),
        kind: point.kind.word(),
        taken_at: point.taken_at.value().copied(),
        state: point.state.map(|state| state.word()),
        counts,
        because,
        lock: point.lock.value().copied().map_or("unknown".into(), say_lock),
        drilled,
        bytes: point.bytes.value().copied(),
        change,
        change_unknown,
        change_hindered,
        fate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(files: u64, new_bytes: u64, packed_bytes: u64) -> ChangeSaid {
        ChangeSaid { files, new_bytes, packed_bytes, ..ChangeSaid::default() }
    }

    #[test]
    fn a_jump_is_hinted_at_and_what_is_usual_is_not() {
        let mut usual = Usual::default();
        for _ in 0..5 {
            assert_eq!(usual.hints(&changed(20, 1_000_000, 300_000), 1000), Vec::<String>::new());
        }
        let hints = usual.hints(&changed(900, 50_000_000, 50_000_000), 1000);
        assert!(hints[0].starts_with("90% of the files") && hints[0].contains("usually 2%"), "{hints:?}");
        assert!(hints[1].contains("does not compress"), "{hints:?}");
        // Data that never compressed is no news, and neither are a few files.
        let mut media = Usual::default();
        for _ in 0..3 {
            assert_eq!(media.hints(&changed(9, 1_000_000, 1_000_000), 10), Vec::<String>::new());
        }
    }
}
