//! Surveying an estate: what `outlive.toml` names, under the names that it gives.

use super::accounts::{Asking, names_there, volume_of, without_declared};
use super::{AccountOrder, Audited, Context, SeenVault, SurveyOrder, survey};
use crate::domain::{
    Asset, AssetId, AssetKind, Bonds, GapScope, Inventory, Policies, Result, Timestamp, Volume, VolumeId,
    VolumeKind, printable,
};
use crate::estate::{Estate, VolumeEntry};
use crate::isolation::{Graph, expand_whole};
use crate::providers::local::this_host;
use crate::rules::{Judged, idle_waivers, judge_one, overall};
use crate::vault::{cores, in_parallel};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// Looks at everything that an estate names. Every volume of it is in the result, also one that could not be seen.
pub fn survey_estate(context: &Context, estate: &Estate, limit: Duration) -> Inventory {
    let paths = estate.volumes.iter().filter_map(|volume| volume.path.clone()).collect();
    let now = (context.clock)();
    let vaults = estate.vaults.iter().map(|entry| SeenVault::declared(estate, entry, now)).collect();
    let look_in = estate.volumes.iter().flat_map(|volume| {
        volume.look_in.iter().map(|directory| (directory.clone(), Some(volume.id.clone())))
    });
    let order = SurveyOrder { paths, look_in: look_in.collect(), vaults, limit, ..SurveyOrder::default() };
    let accounts = AccountOrder::all(estate);
    let asking = Asking::start(context, &accounts, now);
    let mut inventory = survey(context, &order);
    call_by_their_names(&mut inventory, estate);
    let host = this_host();
    inventory.merge(estate.declared(&host, now));
    let mut there = asking.end();
    let named = names_there(&mut there, estate);
    give_names(&mut there, &named);
    let own = estate.tokens(&host);
    if !own.is_empty() {
        // The tokens lie on this machine, also where no volume does.
        let (id, name) = (host.asset.clone(), printable(host.name.as_bytes()));
        there.assets.push(Asset { id, kind: AssetKind::Host, name, bonds: Bonds::default() });
    }
    there.assets.extend(own);
    let there = without_declared(there, &inventory);
    inventory.merge(there);
    estate.place_host(&mut inventory, &host);
    inventory.gaps.extend(estate.unhonoured_gaps());
    inventory.gaps.extend(estate.dangling_gaps(&inventory, &host));
    let seen: BTreeSet<VolumeId> = inventory.volumes.iter().map(|volume| volume.id.clone()).collect();
    inventory.volumes.extend(estate.volumes.iter().filter(|entry| !seen.contains(&entry.id)).map(unseen));
    inventory.gaps.extend(idle_waivers(&estate.policies(), &inventory));
    inventory.sort();
    inventory
}

/// Gives volumes the names of the file, wherever they are named by host and path. So copies that were made before
/// there was a file, or without it, count for the same volume.
fn call_by_their_names(inventory: &mut Inventory, estate: &Estate) {
    let by_path: BTreeMap<String, &VolumeId> = (estate.volumes.iter())
        .filter_map(|entry| Some((printable(entry.path.as_ref()?.as_os_str().as_bytes()), &entry.id)))
        .collect();
    let named: BTreeMap<VolumeId, VolumeId> = (inventory.volumes.iter())
        .filter_map(|volume| Some((volume.id.clone(), (*by_path.get(&volume.name)?).clone())))
        .collect();
    give_names(inventory, &named);
}

/// Gives volumes other ids, wherever they are named.
fn give_names(inventory: &mut Inventory, named: &BTreeMap<VolumeId, VolumeId>) {
    for volume in &mut inventory.volumes {
        if let Some(id) = named.get(&volume.id) {
            volume.id = id.clone();
        }
    }
    for point in &mut inventory.points {
        if let Some(of) = volume_of(&mut point.of)
            && let Some(id) = named.get(of)
        {
            *of = id.clone();
        }
    }
    for gap in &mut inventory.gaps {
        if let GapScope::PointsOf(of) | GapScope::Inside(of) = &mut gap.scope
            && let Some(id) = named.get(of)
        {
            *of = id.clone();
        }
        if let GapScope::Volume(of) = &mut gap.scope
            && let Some(id) = named.get(&VolumeId(of.clone()))
        {
            *of = id.0.clone();
        }
    }
}

/// A volume that could not be seen here, or is not here: it stands on nothing that is known.
fn unseen(entry: &VolumeEntry) -> Volume {
    Volume {
        id: entry.id.clone(),
        name: entry.id.0.clone(),
        kind: VolumeKind::Directory,
        asset: AssetId(format!("volume:{}", entry.id)),
    }
}

/// Surveys and judges an estate, each volume by its own policy.
///
/// # Errors
/// None yet: what cannot be seen is in the result.
pub fn judge_estate(context: &Context, estate: &Estate, limit: Duration) -> Result<Audited> {
    if let Some(moment) = estate.as_of {
        return judge_as_of(estate, moment);
    }
    let inventory = survey_estate(context, estate, limit);
    judge_inventory(estate, inventory, (context.clock)())
}

/// Judges what is declared, as it stood at a moment; no machine is looked at.
///
/// # Errors
/// As [`judge_estate`].
pub fn judge_as_of(estate: &Estate, moment: Timestamp) -> Result<Audited> {
    let mut inventory = estate.declared_as_of(moment);
    inventory.gaps.extend(idle_waivers(&estate.policies(), &inventory));
    inventory.sort();
    judge_inventory(estate, inventory, moment)
}

/// Judges every volume by its own policy, sorted by id, on all cores.
///
/// # Errors
/// None: what cannot be said is in the result.
pub fn judge_all(graph: &Graph, policies: &Policies, now: Timestamp) -> Result<Vec<Judged>> {
    let volumes = &graph.inventory().volumes;
    in_parallel(cores(), volumes, |volume| Ok(judge_one(graph, volume, policies, now)))
}

fn judge_inventory(estate: &Estate, inventory: Inventory, at: Timestamp) -> Result<Audited> {
    let graph = expand_whole(inventory, &estate.catalogue);
    let judged = judge_all(&graph, &estate.policies(), at)?;
    let overall = overall(&judged, &graph);
    let catalogue = estate.catalogue.clone();
    Ok(Audited { graph, catalogue, judged, overall, at })
}
