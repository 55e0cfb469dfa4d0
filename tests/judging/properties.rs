//! What holds of every tangle: what is not known never makes anything greener, one more way to fall never makes anything
//! safer, one more copy that shares nothing never makes anything worse, and nothing depends on the order of listing.

use crate::estate::now;
use crate::random::{Random, cases, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{CutSets, Row, Sets, blast_radius, expand, isolate};
use outlive::rules::{Overall, judge, overall};
use std::collections::BTreeSet;

/// How many acts lose everything at least; one more than is looked for where none do.
fn order(sets: &Sets) -> usize {
    sets.sets.first().map_or(sets.complete_to + 1, |set| set.order())
}

/// Every class is asked for: a policy that leaves one out may not ask for what takes a forgotten fact's place.
fn policy() -> Policy {
    let detect_within = chrono::TimeDelta::hours(2);
    Policy { survive: HazardClass::ALL.into(), min_cut_order: 2, detect_within, ..Policy::default() }
}

fn cuts(inventory: &Inventory) -> Vec<(VolumeId, CutSets)> {
    let graph = expand(inventory, &Catalogue::default());
    let all = graph.inventory().volumes.iter();
    all.map(|volume| (volume.id.clone(), isolate(&graph, volume, &policy(), now()).1)).collect()
}

/// What surely survives a hazard, of each volume.
fn survivors(inventory: &Inventory, hazard: &Hazard) -> BTreeSet<(VolumeId, PointId)> {
    let graph = expand(inventory, &Catalogue::default());
    let hits = blast_radius(&graph, hazard, &policy().into(), now());
    let ids = |row: &Row| row.survivors.iter().map(|place| graph.id_at(*place)).collect::<Vec<_>>();
    hits.iter().flat_map(|hit| ids(&hit.row).into_iter().map(|id| (hit.volume.id.clone(), id))).collect()
}

fn any_hazard(random: &mut Random, inventory: &Inventory) -> Hazard {
    let asset = inventory.assets[random.below(inventory.assets.len())].id.clone();
    [Hazard::Lost, Hazard::Deleted, Hazard::Compromised, Hazard::BadData][random.below(4)](asset)
}

/// The bonds of something by its place among assets and points.
fn bonds_at(inventory: &mut Inventory, place: usize) -> &mut Bonds {
    let assets = inventory.assets.len();
    match inventory.assets.get_mut(place) {
        Some(asset) => &mut asset.bonds,
        None => &mut inventory.points[place - assets].bonds,
    }
}

fn any_place(random: &mut Random, inventory: &Inventory) -> usize {
    random.below(inventory.assets.len() + inventory.points.len())
}

/// A tangle that could be: nothing is stored on itself in a circle, and volumes hold data. That storage has no circles
/// is what the engine takes for granted where something is not known, so that forgetting half a circle may help.
fn possible_tangle(random: &mut Random) -> Inventory {
    let mut inventory = random.tangle();
    let ids: Vec<AssetId> = inventory.assets.iter().map(|asset| asset.id.clone()).collect();
    let tops: BTreeSet<AssetId> = inventory.volumes.iter().map(|volume| volume.asset.clone()).collect();
    for (place, asset) in inventory.assets.iter_mut().enumerate() {
        let later = |on: &AssetId| ids.iter().position(|id| id == on).is_none_or(|other| other > place);
        asset.bonds.list.retain(|bond| !is_storage(bond.nature) || bond.on.iter().all(later));
        if tops.contains(&asset.id) {
            use AssetKind::{Directory, Filesystem, Subvolume, Volume};
            asset.kind = [Directory, Filesystem, Subvolume, Volume][random.below(4)];
        }
    }
    if !random.one_in(3) {
        declare(&mut inventory);
        add_copy(&mut inventory, "first");
    }
    inventory
}

/// Places beyond machines, one of each class, by a name.
fn places(inventory: &mut Inventory, name: &str) -> Vec<Bond> {
    use AssetKind::{Account, Network, Provider, Region, Site};
    let all = [
        (Provider, "provider"),
        (Region, "region"),
        (Account, "account"),
        (Site, "site"),
        (Network, "network"),
    ];
    let mut bonds = Vec::new();
    for (kind, word) in all {
        let id = AssetId(format!("{name}-{word}"));
        let provider = format!("{name}-provider");
        let below = if matches!(kind, Region | Account) { vec![provider.as_str()] } else { Vec::new() };
        let whole = whole(crate::estate::stored_on(&below));
        inventory.assets.push(Asset { id: id.clone(), kind, name: id.0.clone(), bonds: whole });
        bonds.push(Bond::observed(Nature::StoredOn, id, now()));
    }
    bonds
}

fn whole(bonds: Bonds) -> Bonds {
    Bonds { complete: Nature::ALL.into_iter().collect(), ..bonds }
}

/// Says of everything where it is, beyond machines.
fn declare(inventory: &mut Inventory) {
    let count = inventory.assets.len();
    let bonds = places(inventory, "here");
    let assets = inventory.assets.iter_mut().take(count).map(|asset| &mut asset.bonds);
    for all in assets.chain(inventory.points.iter_mut().map(|point| &mut point.bonds)) {
        all.list.extend(bonds.iter().cloned());
    }
}

/// Adds a copy of the first volume that shares nothing with anything.
fn add_copy(inventory: &mut Inventory, name: &str) {
    let bonds = Bonds { list: places(inventory, name).into(), ..whole(Bonds::default()) };
    let host = AssetId(format!("{name}-host"));
    inventory.assets.push(Asset { id: host.clone(), kind: AssetKind::Host, name: host.0.clone(), bonds });
    let mut copy = crate::estate::copy(&format!("{name}-copy"), &host.0, 20);
    copy.of = Known::Observed(inventory.volumes[0].id.clone(), now());
    copy.bonds = whole(copy.bonds);
    inventory.points.push(copy);
}

fn is_storage(nature: Nature) -> bool {
    matches!(nature, Nature::StoredOn | Nature::Needs)
}

/// Forgets one fact; which, in words, and whether it was a bond.
fn forget(random: &mut Random, inventory: &mut Inventory) -> (String, bool) {
    let number = random.below(inventory.points.len().max(1));
    let what = random.below(12);
    if what < 6 || inventory.points.is_empty() {
        let place = any_place(random, inventory);
        let bonds = bonds_at(inventory, place);
        if bonds.list.is_empty() || what < 2 {
            let nature = Nature::ALL[random.below(6)];
            bonds.complete.remove(nature);
            return (format!("that all of {nature:?} is known"), false);
        }
        let which = random.below(bonds.list.len());
        let bond = bonds.list.remove(which);
        bonds.complete.remove(bond.nature);
        return (format!("{bond:?}"), true);
    }
    let point = &mut inventory.points[number];
    match what {
        6 => point.of = Known::Unknown,
        7 => point.taken_at = Known::Unknown,
        8 => point.lock = Known::Unknown,
        9 => point.bytes = Known::Unknown,
        10 => (point.consistency, point.drilled_at) = (Known::Unknown, Known::Unknown),
        _ if point.usable == Usable::Yes => point.usable = Usable::Unproven("nobody looked".into()),
        _ => {}
    }
    (format!("fact {what} of {}", point.id), false)
}

fn is_green(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass(_) | Verdict::NotApplicable(_))
}

fn greens(inventory: &Inventory) -> (BTreeSet<(VolumeId, String)>, Overall) {
    let graph = expand(inventory, &Catalogue::default());
    let judged = judge(&graph, &policy(), now());
    let findings = judged.iter().flat_map(|judged| &judged.findings);
    let green = findings.filter(|finding| is_green(&finding.verdict));
    (green.map(|finding| (finding.volume.clone(), finding.rule.clone())).collect(), overall(&judged, &graph))
}

/// The verdicts of some rules, for a message.
fn said(inventory: &Inventory, rules: &BTreeSet<(VolumeId, String)>) -> Vec<Verdict> {
    let judged = judge(&expand(inventory, &Catalogue::default()), &policy(), now());
    let findings = judged.into_iter().flat_map(|judged| judged.findings);
    let told = findings.filter(|finding| rules.contains(&(finding.volume.clone(), finding.rule.clone())));
    told.map(|finding| finding.verdict).collect()
}

#[test]
fn what_is_forgotten_makes_nothing_greener() {
    let (mut moved, mut green) = (0, 0);
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let inventory = possible_tangle(&mut random);
        let mut less = inventory.clone();
        let (fact, is_bond) = forget(&mut random, &mut less);
        let hazard = any_hazard(&mut random, &inventory);
        for ((_, before), (id, after)) in cuts(&inventory).iter().zip(&cuts(&less)) {
            let (before, after) = (order(&before.possible), order(&after.possible));
            assert!(
                after <= before,
                "seed {seed}: forgetting {fact} leaves {id} at {after} acts, not {before}"
            );
            moved += usize::from(after < before);
        }
        if is_bond {
            // What was bonded may no longer bear on the volume, and the kinds of what may be unseen are narrowed: of
            // bonds the orders are held here, and findings on plausible stacks in `forgetting.rs`.
            continue;
        }
        let (before, after) = (survivors(&inventory, &hazard), survivors(&less, &hazard));
        assert!(after.is_subset(&before), "seed {seed}: forgetting {fact}, {hazard:?} leaves {after:?}");
        let ((before, whole), (after, poorer)) = (greens(&inventory), greens(&less));
        assert!(
            after.is_subset(&before),
            "seed {seed}: forgetting {fact} turned {:?} green: {:?} became {:?}",
            &after - &before,
            said(&inventory, &(&after - &before)),
            said(&less, &(&after - &before))
        );
        assert!(whole == Overall::Sound || poorer != Overall::Sound, "seed {seed}: forgetting {fact}");
        green += before.len();
    }
    println!("seed {}: {moved} orders fell, {green} findings were green", seed());
    assert!(moved > 100 && green > 1000, "{moved} orders fell, {green} findings were green");
}

#[test]
fn one_more_way_to_fall_makes_nothing_safer() {
    let mut moved = 0;
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let inventory = possible_tangle(&mut random);
        let mut more = inventory.clone();
        let place = any_place(&mut random, &inventory);
        let nature = Nature::ALL[random.below(6)];
        let earliest = if place < inventory.assets.len() && is_storage(nature) { place + 1 } else { 0 };
        if earliest >= inventory.assets.len() {
            continue;
        }
        let on = &inventory.assets[earliest + random.below(inventory.assets.len() - earliest)];
        let on = on.id.clone();
        let hazard = any_hazard(&mut random, &inventory);
        let bonds = bonds_at(&mut more, place);
        if !bonds.is_complete(nature) {
            continue;
        }
        bonds.list.push(Bond::observed(nature, on, now()));
        for ((_, before), (id, after)) in cuts(&inventory).iter().zip(&cuts(&more)) {
            for (before, after) in [(&before.certain, &after.certain), (&before.possible, &after.possible)] {
                let (before, after) = (order(before), order(after));
                assert!(
                    after <= before,
                    "seed {seed}: {nature:?} more: {id} takes {after} acts, not {before}"
                );
                moved += usize::from(after < before);
            }
        }
        if is_storage(nature) {
            // Where a thing is, is not known completely until all classes are named: naming one more may tell it apart.
            continue;
        }
        let (before, after) = (survivors(&inventory, &hazard), survivors(&more, &hazard));
        assert!(after.is_subset(&before), "seed {seed}: {nature:?} more: {hazard:?} leaves {after:?}");
    }
    assert!(moved > 100, "the order fell {moved} times");
}

#[test]
fn a_copy_that_shares_nothing_makes_nothing_worse() {
    let mut moved = 0;
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let inventory = possible_tangle(&mut random);
        let mut more = inventory.clone();
        add_copy(&mut more, "second");
        let hazard = any_hazard(&mut random, &inventory);
        for ((_, before), (id, after)) in cuts(&inventory).iter().zip(&cuts(&more)) {
            for (before, after) in [(&before.certain, &after.certain), (&before.possible, &after.possible)] {
                let (before, after) = (order(before), order(after));
                assert!(after >= before, "seed {seed}: a copy more: {id} takes {after} acts, not {before}");
                moved += usize::from(after > before);
            }
        }
        let (before, after) = (survivors(&inventory, &hazard), survivors(&more, &hazard));
        assert!(before.is_subset(&after), "seed {seed}: a copy more: {hazard:?} leaves {after:?}");
    }
    assert!(moved > 300, "the order rose {moved} times");
}

#[test]
fn neither_the_order_of_listing_nor_a_second_judging_shows() {
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let mut inventory = random.tangle();
        if let Some(mut twin) = inventory.points.first().cloned().filter(|_| random.one_in(5)) {
            twin.name = "a twin".into();
            inventory.points.push(twin);
        }
        let text = |inventory: &Inventory| {
            let graph = expand(inventory, &Catalogue::default());
            let judged = judge(&graph, &policy(), now());
            outlive::report::json::audit(&graph, &judged, &policy(), now(), &[])
        };
        let before = text(&inventory);
        assert!(before == text(&inventory), "seed {seed}: a second judging says something else");
        random.shuffle(&mut inventory.volumes);
        random.shuffle(&mut inventory.points);
        random.shuffle(&mut inventory.assets);
        inventory.assets.iter_mut().for_each(|asset| random.shuffle(&mut asset.bonds.list));
        inventory.points.iter_mut().for_each(|point| random.shuffle(&mut point.bonds.list));
        assert!(before == text(&inventory), "seed {seed}: the order of listing shows");
    }
}
