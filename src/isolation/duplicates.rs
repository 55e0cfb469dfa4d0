//! Things that carry one id. Which of them is right nobody knows, so what they disagree on is unknown.

use crate::domain::{
    Asset, Bonds, Gap, GapReason, GapScope, Inventory, Known, RecoveryPoint, Usable, Volume,
};
use serde::Serialize;

/// Brings an inventory into one order, whatever order things were listed in, and merges what carries one
/// id to the poorest that can be said of it, with a gap.
pub(super) fn settle(inventory: Inventory) -> Inventory {
    let mut gaps = inventory.gaps;
    let volumes = groups(inventory.volumes, |volume| &volume.id.0, |group| merge_volumes(group, &mut gaps));
    let points = groups(inventory.points, |point| &point.id.0, |group| merge_points(group, &mut gaps));
    let assets = groups(inventory.assets, |asset| &asset.id.0, |group| merge_assets(group, &mut gaps));
    gaps.sort();
    gaps.dedup();
    let mut checks = inventory.checks;
    checks.sort();
    checks.dedup();
    let mut roles = inventory.roles;
    roles.sort();
    roles.dedup();
    let mut accounts = inventory.accounts;
    accounts.sort();
    accounts.dedup();
    Inventory { volumes, points, assets, gaps, checks, roles, accounts }
}

/// The items by id, one for each: equal ones count once, and what differs is merged in an order that does not depend
/// on the listing. An estate may hold a million of them: nothing is copied.
fn groups<T: PartialEq + Serialize>(
    mut items: Vec<T>,
    id: impl Fn(&T) -> &String,
    mut merge: impl FnMut(Vec<T>) -> Option<T>,
) -> Vec<T> {
    items.sort_by(|a, b| id(a).cmp(id(b)));
    if items.windows(2).all(|two| id(&two[0]) != id(&two[1])) {
        return items;
    }
    let mut single = Vec::with_capacity(items.len());
    let mut group: Vec<T> = Vec::new();
    for item in items {
        if group.first().is_some_and(|first| id(first) != id(&item)) {
            single.extend(one(std::mem::take(&mut group), &mut merge));
        }
        if !group.contains(&item) {
            group.push(item);
        }
    }
    single.extend(one(group, &mut merge));
    single
}

fn one<T: Serialize>(mut group: Vec<T>, merge: &mut impl FnMut(Vec<T>) -> Option<T>) -> Option<T> {
    if group.len() > 1 {
        // Domain types always serialise; an empty text would only make two of them compare equal.
        group.sort_by_cached_key(|item| serde_json::to_string(item).unwrap_or_default());
        return merge(group);
    }
    group.pop()
}

fn merge_volumes(group: Vec<Volume>, gaps: &mut Vec<Gap>) -> Option<Volume> {
    let count = group.len();
    let first = group.into_iter().next()?;
    gaps.push(twice(GapScope::Volume(first.id.0.clone()), "volumes", &first.id.0, count));
    Some(first)
}

fn merge_assets(group: Vec<Asset>, gaps: &mut Vec<Gap>) -> Option<Asset> {
    let count = group.len();
    let bonds = group.iter().flat_map(|asset| asset.bonds.list.clone()).collect();
    let mut first = group.into_iter().next()?;
    gaps.push(twice(GapScope::Below(first.id.clone()), "assets", &first.id.0, count));
    first.bonds = Bonds { list: bonds, ..Bonds::default() };
    Some(first)
}

fn merge_points(group: Vec<RecoveryPoint>, gaps: &mut Vec<Gap>) -> Option<RecoveryPoint> {
    let count = group.len();
    let bonds = group.iter().flat_map(|point| point.bonds.list.clone()).collect();
    let mut first = group.into_iter().next()?;
    gaps.push(twice(GapScope::Points, "recovery points", &first.id.0, count));
    first.of = Known::Unknown;
    first.taken_at = Known::Unknown;
    first.consistency = Known::Unknown;
    first.bytes = Known::Unknown;
    first.lock = Known::Unknown;
    first.drilled_at = Known::Unknown;
    first.usable = Usable::Unproven(format!("{count} recovery points carry its id"));
    first.bonds = Bonds { list: bonds, ..Bonds::default() };
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
