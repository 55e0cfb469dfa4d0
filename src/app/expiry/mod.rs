//! What may go from a vault, as files that a person gives to a tool and a credential of their own: `outlive vault expiry-plan`.
//!
//! Nothing is deleted here, and no credential of this program could. A plan is recorded before its files are there: what it names
//! may be gone afterwards, and nothing else.

mod files;
mod objects;
mod points;

use super::Context;
use super::locks::time_of;
use super::named;
use super::stores::say_place;
use super::vaults::{unknown_place, what_to_know};
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::{Estate, VaultEntry, VaultPlace};
use crate::ledger::{Event, History, Ledger, PATIENCE, PlannedExpiry, VaultRef};
use crate::report::activity::{ExpiringPoint, ExpiryPlan, PlanFile, StayingPoint};
use crate::store::Key;
use crate::vault::format::{Digest, PACKS, PackKey, ROOTS, SIDECARS};
use crate::vault::{FoundRoot, Roots, Vault};
use files::Batch;
use objects::{Going, Objects};
use points::Points;
use std::collections::BTreeSet;
use std::path::Path;

/// Of which vault, and where to.
#[derive(Debug, Clone, Copy)]
pub struct ExpiryOrder<'o> {
    /// The estate, whose policies say what stays.
    pub estate: &'o Estate,
    /// The vault.
    pub entry: &'o VaultEntry,
    /// A folder that is made for the files; without it nothing is written or recorded.
    pub into: Option<&'o Path>,
}

/// Everything that is known when a plan is made.
struct Scene<'s> {
    order: ExpiryOrder<'s>,
    vault: &'s Vault,
    history: &'s History,
    /// By the store's clock, where it has one.
    now: Timestamp,
}

/// Says what may go from a vault and why all else stays; with a folder, writes the files of it.
///
/// # Errors
/// `NotFound` where there is no vault; `Refused` where its store's clock is not to be relied on, where the place of the vault cannot
/// be told, so that no plan for it can be recorded, and where the folder is there already; what the store and the ledger said.
pub fn expiry_plan(context: &Context, order: ExpiryOrder<'_>) -> Result<ExpiryPlan> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let entry = order.entry;
    let vault = named::open(context, &entry.id, &entry.place, &records)?.ok_or_else(|| {
        Problem::new(Kind::NotFound, "no vault here: there is no vault.json")
            .at(say_place(&entry.place))
            .remedy("the first copy makes it; a vault under lock is made by `outlive vault init`")
    })?;
    let here = VaultRef::of(&vault)?;
    if let (Some(_), Some(why)) = (order.into, unknown_place(&vault)?) {
        let what = format!("a plan is recorded for one place, and nobody can tell this one: {why}");
        return Err(Problem::new(Kind::Refused, what)
            .at(vault.place())
            .remedy("make it where /proc and /sys are"));
    }
    let local = (context.clock)();
    let now = match entry.place {
        VaultPlace::S3(_) => time_of(vault.store(), local)?,
        VaultPlace::Dir(_) => local,
    };
    let history = History::of(&records, &here);
    let scene = Scene { order, vault: &vault, history: &history, now };
    let roots = Roots::read_back(&vault)?;
    let points = Points::judge(&scene, &roots)?;
    let objects = Objects::judge(&scene, &points)?;
    let batches = files::batches(&entry.place, &objects)?;
    let kept_again = kept_again(&scene, &points);
    if let Some(into) = order.into {
        let planned = planned(&points, &objects, &batches, kept_again.clone());
        if !batches.is_empty() {
            files::make_folder(into)?;
        }
        if !batches.is_empty() || !kept_again.is_empty() {
            let mut ledger = Ledger::open(&context.state, PATIENCE)?;
            let of_it = planned.points.iter().map(|point| point.id).collect();
            ledger.append((context.clock)(), Event::ExpiryPlanned { vault: here.clone(), planned })?;
            let written = refuse_new_points(&vault, &roots).and_then(|()| files::write(into, &batches));
            if let Err(problem) = written {
                // Nobody was given the whole of it: nothing that it names is excused.
                let planned = PlannedExpiry { kept_again: of_it, ..PlannedExpiry::default() };
                ledger.append((context.clock)(), Event::ExpiryPlanned { vault: here, planned })?;
                return Err(problem);
            }
        }
    }
    told(&scene, points, objects, &batches, kept_again.len())
}

/// Points that an earlier plan let go, that are there, and that stay now.
fn kept_again(scene: &Scene<'_>, points: &Points) -> Vec<Digest> {
    let let_go = scene.history.let_go();
    points.staying.iter().map(|(found, _)| found.id).filter(|id| let_go.contains(id)).collect()
}

fn planned(points: &Points, objects: &Objects, batches: &[Batch], kept_again: Vec<Digest>) -> PlannedExpiry {
    let packs = objects.others.iter().filter_map(|going| pack_of(&going.listed.key));
    let packs: BTreeSet<PackKey> = packs.collect();
    PlannedExpiry {
        points: points.going.iter().map(|(found, _)| found.record()).collect(),
        packs: packs.into_iter().collect(),
        kept_again,
        files: batches.iter().map(|batch| Digest::of(&batch.content)).collect(),
    }
}

/// The pack that an object is, or is the sidecar of.
fn pack_of(key: &Key) -> Option<PackKey> {
    match key.as_str().split_once('/') {
        Some((PACKS | SIDECARS, name)) => Some(PackKey(name.into())),
        _ => None,
    }
}

/// A copy that ended meanwhile may build on what the plan lets go. It looks for plans once its root is there, and this for roots once
/// the plan is recorded: one of the two sees the other.
fn refuse_new_points(vault: &Vault, before: &Roots) -> Result<()> {
    let known: BTreeSet<&Key> = (before.sound.iter().map(|found| &found.key))
        .chain(before.damaged.iter().map(|(key, _)| key))
        .collect();
    let listed = vault.store().list(ROOTS)?;
    let Some(new) = listed.iter().find(|listed| !known.contains(&listed.key)) else { return Ok(()) };
    Err(Problem::new(
        Kind::Refused,
        "a recovery point came while the plan was made: no file of it was written",
    )
    .at(new.key.as_str())
    .remedy("run it again, into another folder"))
}

fn told(
    scene: &Scene<'_>,
    points: Points,
    objects: Objects,
    batches: &[Batch],
    kept_again: usize,
) -> Result<ExpiryPlan> {
    let (order, vault) = (scene.order, scene.vault);
    let into = order.into.filter(|_| !batches.is_empty());
    let file = |batch: &Batch| PlanFile {
        name: batch.name.clone(),
        entries: batch.entries,
        sha256: Digest::of(&batch.content).to_string(),
    };
    let all = || objects.roots.iter().chain(&objects.others);
    let bytes = all().filter_map(|going: &Going| going.listed.bytes).fold(0, u64::saturating_add);
    Ok(ExpiryPlan {
        name: order.entry.id.clone(),
        place: vault.place(),
        vault: printable(vault.id().as_bytes()),
        at: scene.now,
        written_to: into.map(files::say),
        carried_out_by: into.map(|into| files::carried_out_by(&order.entry.place, into)).transpose()?,
        points: points.going.iter().map(|(found, stored_at)| going(found, *stored_at)).collect(),
        objects: all().count(),
        bytes,
        files: batches.iter().map(file).collect(),
        staying: points.staying.iter().map(|(found, why)| staying(found, why)).collect(),
        left: objects.left,
        strange: points.strange.into_iter().chain(objects.strange).collect(),
        written_over: objects.written_over,
        unknown: points.unknown.into_iter().chain(points.untold).chain(objects.unknown).collect(),
        kept_again,
        notices: what_to_know(vault)?,
    })
}

fn going(found: &FoundRoot, stored_at: Timestamp) -> ExpiringPoint {
    ExpiringPoint {
        point: found.short(),
        id: found.id.to_string(),
        volume: printable(found.root.volume.0.as_bytes()),
        taken_at: found.root.taken_at,
        stored_at,
    }
}

fn staying(found: &FoundRoot, why: &str) -> StayingPoint {
    StayingPoint {
        point: found.short(),
        id: found.id.to_string(),
        volume: printable(found.root.volume.0.as_bytes()),
        taken_at: found.root.taken_at,
        because: why.to_owned(),
    }
}
