//! Things that carry one id. Which of them is right nobody knows, so what they disagree on is unknown.

use crate::domain::{
    Asset, Bonds, Gap, GapReason, GapScope, Inventory, Known, RecoveryPoint, Usable, Volume,
};
use serde::Serialize;

/// Brings an inventory into one order, whatever order things were listed in, and merges what carries one
/// id to the poorest that can be said of it, with a gap.
pub(super) fn settle(inventory: &Inventory) -> Inventory {
    let mut gaps = inventory.gaps.clone();
    let volumes = groups(&inventory.volumes, |volume| &volume.id.0)
        .into_iter()
        .filter_map(|group| merge_volumes(group, &mut gaps))
        .collect();
    let points = groups(&inventory.points, |point| &point.id.0)
        .into_iter()
        .filter_map(|group| merge_points(group, &mut gaps))
        .collect();
    let assets = groups(&inventory.assets, |asset| &asset.id.0)
        .into_iter()
        .filter_map(|group| merge_assets(group, &mut gaps))
        .collect();
    gaps.sort();
    gaps.dedup();
    Inventory { volumes, points, assets, gaps }
}

/// The items by id, each group in an order that does not depend on the listing and without equal ones.
fn groups<T: Clone + PartialEq + Serialize>(items: &[T], id: impl Fn(&T) -> &String) -> Vec<Vec<T>> {
    let mut sorted = items.to_vec();
    sorted.sort_by(|a, b| id(a).cmp(id(b)));
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in sorted {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| id(first) == id(&item)) => {
                if !group.contains(&item) {
                    group.push(item);
                }
            }
            _ => groups.push(vec![item]),
        }
    }
    for group in groups.iter_mut().filter(|group| group.len() > 1) {
        // Domain types always serialise; an empty text would only make two of them compare equal.
        group.sort_by_cached_key(|item| serde_json::to_string(item).unwrap_or_default());
    }
    groups
}

fn merge_volumes(group: Vec<Volume>, gaps: &mut Vec<Gap>) -> Option<Volume> {
    let count = group.len();
    let first = group.into_iter().next()?;
    if count > 1 {
        gaps.push(twice(GapScope::Volume(first.id.0.clone()), "volumes", &first.id.0, count));
    }
    Some(first)
}

fn merge_assets(group: Vec<Asset>, gaps: &mut Vec<Gap>) -> Option<Asset> {
    let count = group.len();
    let bonds = group.iter().flat_map(|asset| asset.bonds.list.clone()).collect();
    let mut first = group.into_iter().next()?;
    if count > 1 {
        gaps.push(twice(GapScope::Below(first.id.clone()), "assets", &first.id.0, count));
        first.bonds = Bonds { list: bonds, ..Bonds::default() };
    }
    Some(first)
}

fn merge_points(group: Vec<RecoveryPoint>, gaps: &mut Vec<Gap>) -> Option<RecoveryPoint> {
    let count = group.len();
    let bonds = group.iter().flat_map(|point| point.bonds.list.clone()).collect();
    let mut first = group.into_iter().next()?;
    if count > 1 {
        gaps.push(twice(GapScope::Points, "recovery points", &first.id.0, count));
        first.of = Known::Unknown;
        first.taken_at = Known::Unknown;
        first.consistency = Known::Unknown;
        first.usable = Usable::Unproven(format!("{count} recovery points carry its id"));
        first.bonds = Bonds { list: bonds, ..Bonds::default() };
    }
    Some(first)
}

fn twice(scope: GapScope, what: &str, id: &str, count: usize) -> Gap {
    Gap {
        scope,
        place: id.to_owned(),
        reason: GapReason::Failed,
        detail: format!("{count} {what} carry this id and differ: give each its own"),
    }
}
