//! What holds of every tangle: what is not known never makes anything greener, one more way to fall never makes anything
//! safer, one more copy that shares nothing never makes anything worse, and nothing depends on the order of listing.

use crate::brute_kinds::Holder;
use crate::estate::now;
use crate::random::{Random, cases, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{CutSet, CutSets, Fate, Sets, Standing, expand, isolate, trace};
use outlive::rules::judge;
use std::collections::{BTreeMap, BTreeSet};

/// How many acts lose everything at least; one more than is looked for where none do.
pub fn order(sets: &Sets) -> usize {
    sets.sets.first().map_or(sets.complete_to + 1, |set| set.order())
}

/// Every class is asked for: a policy that leaves one out may not ask for what takes a forgotten fact's place.
pub fn policy() -> Policy {
    let detect_within = chrono::TimeDelta::hours(2);
    Policy { survive: HazardClass::ALL.into(), min_cut_order: 2, detect_within, ..Policy::default() }
}

pub fn cuts(inventory: &Inventory) -> Vec<(VolumeId, CutSets)> {
    let graph = expand(inventory, &Catalogue::default());
    let all = graph.inventory().volumes.iter();
    all.map(|volume| (volume.id.clone(), isolate(&graph, volume, &policy(), now()).1)).collect()
}

/// Sets as the hazards that are known of them, and how many acts they are: what has no hazard is something unseen.
fn told<'c>(cuts: &'c CutSets, sets: &Sets) -> Vec<(BTreeSet<&'c Hazard>, usize)> {
    let of = |set: &CutSet| {
        let events: Vec<usize> = set.events().collect();
        let hazards = events.iter().filter_map(|event| cuts.events[*event].hazard.as_ref());
        (hazards.collect(), events.len())
    };
    sets.sets.iter().map(of).collect()
}

/// A set of `all` for which there is none in `at_least`: with no other known hazard, and with no more acts.
pub fn without_one(all: (&CutSets, &Sets), at_least: (&CutSets, &Sets)) -> Option<String> {
    let (sets, least) = (told(all.0, all.1), told(at_least.0, at_least.1));
    let has = |(hazards, acts): &(BTreeSet<&Hazard>, usize)| {
        least.iter().any(|(known, of)| of <= acts && known.is_subset(hazards))
    };
    let lacks = sets.iter().find(|set| at_least.1.complete_to >= set.1 && !has(set))?;
    Some(format!("there is nothing of {lacks:?} in {least:?}"))
}

/// What surely survives a hazard and counts, of each volume.
pub fn survivors(inventory: &Inventory, hazard: &Hazard) -> BTreeSet<(VolumeId, PointId)> {
    let graph = expand(inventory, &Catalogue::default());
    let mut all = BTreeSet::new();
    for volume in &graph.inventory().volumes {
        let traced = trace(&graph, volume, &[[hazard.clone()].into()], &policy(), now());
        let stays = traced.iter().flat_map(|traced| &traced.points).filter(|points| {
            matches!(points.reason.fate, Fate::Survives { .. }) && points.standing == Standing::Counts
        });
        let places = stays.flat_map(|points| &points.places);
        all.extend(places.map(|place| (volume.id.clone(), graph.id_at(*place))));
    }
    all
}

pub fn any_hazard(random: &mut Random, inventory: &Inventory) -> Hazard {
    let asset = inventory.assets[random.below(inventory.assets.len())].id.clone();
    [Hazard::Lost, Hazard::Deleted, Hazard::Compromised, Hazard::BadData][random.below(4)](asset)
}

/// What these bonds name as storage and needs.
fn supports<'b>(bonds: impl IntoIterator<Item = &'b Bond>) -> impl Iterator<Item = AssetId> {
    bonds.into_iter().filter(|bond| is_storage(bond.nature)).flat_map(|bond| bond.on.clone())
}

/// The classes of what lies beyond machines below these bonds, and whether there is a host, which says in whose hands a
/// disk is; none stands for what else lies within one. Behind somebody, a key or a catalogue no machine is named: what
/// is stored there is nowhere yet.
fn classes_below<'b>(
    inventory: &Inventory,
    bonds: impl IntoIterator<Item = &'b Bond>,
) -> BTreeSet<Option<HazardClass>> {
    let kinds = kinds_of(inventory);
    let (mut seen, mut classes) = (BTreeSet::new(), BTreeSet::new());
    let mut waiting: Vec<(AssetId, bool)> = supports(bonds).map(|id| (id, false)).collect();
    while let Some((id, behind)) = waiting.pop() {
        let asset = inventory.assets.iter().find(|asset| asset.id == id);
        if let Some(asset) = asset.filter(|_| seen.insert((id, behind))) {
            use AssetKind::{Catalogue, Credential, Identity, Key};
            let nowhere = matches!(asset.kind, Credential | Identity | Key | Catalogue);
            let host = Some(HazardClass::Host).filter(|_| asset.kind == AssetKind::Host);
            let class = host.or(HazardClass::of_loss(asset.kind).filter(|class| class.is_wide()));
            let is_wide = class.is_some_and(HazardClass::is_wide);
            classes.extend((!nowhere && (is_wide || !behind)).then_some(class));
            let mean = |bond: &&Bond| !means_nothing((asset.kind, true), bond, &kinds);
            let next = supports(asset.bonds.list.iter().filter(mean));
            waiting.extend(next.map(|id| (id, behind || nowhere)));
        }
    }
    classes
}

/// What these bonds rest on, to the bottom, through storage and need.
fn rests_on<'b>(inventory: &Inventory, bonds: impl IntoIterator<Item = &'b Bond>) -> BTreeSet<AssetId> {
    let (mut waiting, mut below): (Vec<AssetId>, _) = (supports(bonds).collect(), BTreeSet::new());
    while let Some(id) = waiting.pop() {
        let asset = inventory.assets.iter().find(|asset| asset.id == id);
        if let Some(asset) = asset.filter(|_| below.insert(id)) {
            waiting.extend(supports(&asset.bonds.list));
        }
    }
    below
}

/// Whether that tells something apart: what names no region or no machine may lie in any, and to name one is no way to
/// fall. By what it is stored on, not by what it needs, is it told where something is.
fn tells_apart(inventory: &Inventory, own: &[Bond], bond: &Bond) -> bool {
    let same = own.iter().filter(|own| own.nature == bond.nature);
    let known = classes_below(inventory, same);
    !classes_below(inventory, [bond]).is_subset(&known)
}

/// Whether to rest on that as well says more than one more way to fall: nothing rests on what rests on it, so that
/// something below, of which it was not known what it rests on, is now known not to rest on the holder.
fn rules_out_a_circle(inventory: &Inventory, own: &[Bond], bond: &Bond) -> bool {
    let known = rests_on(inventory, own);
    let is_open = |id: &AssetId| {
        inventory.assets.iter().any(|asset| {
            asset.id == *id
                && [Nature::StoredOn, Nature::Needs].iter().any(|nature| !asset.bonds.is_complete(*nature))
        })
    };
    rests_on(inventory, [bond]).iter().any(|below| is_open(below) && !known.contains(below))
}

/// The bonds of something by its place among assets and points.
pub fn bonds_at(inventory: &mut Inventory, place: usize) -> &mut Bonds {
    let assets = inventory.assets.len();
    match inventory.assets.get_mut(place) {
        Some(asset) => &mut asset.bonds,
        None => &mut inventory.points[place - assets].bonds,
    }
}

pub fn any_place(random: &mut Random, inventory: &Inventory) -> usize {
    random.below(inventory.assets.len() + inventory.points.len())
}

/// Whether a bond says what no thing of such a kind does, so that nothing is known by it.
fn means_nothing(
    (kind, is_volume): (AssetKind, bool),
    bond: &Bond,
    kinds: &BTreeMap<AssetId, AssetKind>,
) -> bool {
    let holder = Holder { kind: Some(kind), is_point: false, is_volume, hosts: 0 };
    !holder.may_have(bond.nature, bond.on.iter().map(|on| kinds.get(on).copied()))
}

/// A tangle that could be: nothing is stored on itself in a circle, kinds are mostly borne in mind, and volumes hold data.
/// That storage has no circles is what the engine takes for granted where something is not known, so that forgetting
/// half a circle may help.
pub fn possible_tangle(random: &mut Random) -> Inventory {
    let mut inventory = random.tangle();
    let ids: Vec<AssetId> = inventory.assets.iter().map(|asset| asset.id.clone()).collect();
    let tops: BTreeSet<AssetId> = inventory.volumes.iter().map(|volume| volume.asset.clone()).collect();
    for asset in inventory.assets.iter_mut().filter(|asset| tops.contains(&asset.id)) {
        use AssetKind::{Directory, Filesystem, Subvolume, Volume};
        asset.kind = [Directory, Filesystem, Subvolume, Volume][random.below(4)];
    }
    let kinds = kinds_of(&inventory);
    for (place, asset) in inventory.assets.iter_mut().enumerate() {
        let later = |on: &AssetId| ids.iter().position(|id| id == on).is_none_or(|other| other > place);
        asset.bonds.list.retain(|bond| !is_storage(bond.nature) || bond.on.iter().all(later));
        let kind = (asset.kind, tops.contains(&asset.id));
        asset.bonds.list.retain(|bond| random.one_in(8) || !means_nothing(kind, bond, &kinds));
    }
    if !random.one_in(3) {
        declare(&mut inventory);
        add_copy(&mut inventory, "first", AssetKind::Host);
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
    let kinds = kinds_of(inventory);
    for asset in inventory.assets.iter_mut().take(count) {
        let mean = bonds.iter().filter(|bond| !means_nothing((asset.kind, true), bond, &kinds));
        asset.bonds.list.extend(mean.cloned());
    }
    for point in &mut inventory.points {
        point.bonds.list.extend(bonds.iter().cloned());
    }
}

fn kinds_of(inventory: &Inventory) -> BTreeMap<AssetId, AssetKind> {
    inventory.assets.iter().map(|asset| (asset.id.clone(), asset.kind)).collect()
}

/// Adds a copy of the first volume that shares nothing with anything.
fn add_copy(inventory: &mut Inventory, name: &str, kind: AssetKind) {
    let bonds = Bonds { list: places(inventory, name).into(), ..whole(Bonds::default()) };
    let on = AssetId(format!("{name}-{}", kind.word()));
    inventory.assets.push(Asset { id: on.clone(), kind, name: on.0.clone(), bonds });
    let mut copy = crate::estate::copy(&format!("{name}-copy"), &on.0, 20);
    copy.of = Known::Observed(inventory.volumes[0].id.clone(), now());
    copy.bonds = whole(copy.bonds);
    inventory.points.push(copy);
}

pub fn is_storage(nature: Nature) -> bool {
    matches!(nature, Nature::StoredOn | Nature::Needs)
}

#[test]
fn one_more_way_to_fall_makes_nothing_safer() {
    let (mut moved, mut storage) = (0, 0);
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
        let on = inventory.assets[earliest + random.below(inventory.assets.len() - earliest)].id.clone();
        let hazard = any_hazard(&mut random, &inventory);
        // A disk of a host contradicts whatever else it is said to be stored on, and then one of the two is not believed.
        let holder = inventory.assets.get(place).map(|asset| asset.kind);
        if nature == Nature::StoredOn && holder == Some(AssetKind::Device) {
            continue;
        }
        let bonds = bonds_at(&mut more, place);
        if !bonds.is_complete(nature) {
            continue;
        }
        let how = How::Declared(Owner("somebody".into()));
        let bond = Bond { how, ..Bond::observed(nature, on, now()) };
        let circle = holder.is_some() && rules_out_a_circle(&inventory, &bonds.list, &bond);
        let tells = is_storage(nature) && (circle || tells_apart(&inventory, &bonds.list, &bond));
        bonds.list.push(bond.clone());
        let nothing = |kind| means_nothing((kind, true), &bond, &kinds_of(&inventory));
        if tells || holder.is_some_and(nothing) {
            continue;
        }
        for ((_, before), (id, after)) in cuts(&inventory).iter().zip(&cuts(&more)) {
            for (before, after) in [(&before.certain, &after.certain), (&before.possible, &after.possible)] {
                let (before, after) = (order(before), order(after));
                assert!(
                    after <= before,
                    "seed {seed}: {nature:?} more: {id} takes {after} acts, not {before}"
                );
                moved += usize::from(after < before);
            }
            for (known, later) in [(&before.certain, &after.certain), (&before.possible, &after.possible)] {
                let lacks = without_one((before, known), (after, later));
                assert!(
                    lacks.is_none(),
                    "seed {seed}: {nature:?} more at {place} {bond:?}: {id}: {}\n{}",
                    lacks.unwrap(),
                    crate::properties_brute::say(&inventory)
                );
            }
        }
        storage += usize::from(is_storage(nature));
        let (before, after) = (survivors(&inventory, &hazard), survivors(&more, &hazard));
        assert!(
            after.is_subset(&before),
            "seed {seed}: {bond:?} more at {place}: {hazard:?} leaves {after:?}, not {before:?}\n{}",
            crate::properties_brute::say(&inventory)
        );
    }
    assert!(moved > 100 && storage > 500, "the order fell {moved} times, {storage} were stored on more");
}

#[test]
fn a_copy_that_shares_nothing_makes_nothing_worse() {
    let mut moved = 0;
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let inventory = possible_tangle(&mut random);
        let mut more = inventory.clone();
        // In a bucket: a point of which nobody named the machine might be on that of the copy.
        add_copy(&mut more, "second", AssetKind::Bucket);
        let hazard = any_hazard(&mut random, &inventory);
        // Of the volume that it is a copy of: to another one, the account that it is in is one more to lie in.
        for ((_, before), (id, after)) in cuts(&inventory).iter().zip(&cuts(&more)).take(1) {
            for (before, after) in [(&before.certain, &after.certain), (&before.possible, &after.possible)] {
                let (before, after) = (order(before), order(after));
                assert!(after >= before, "seed {seed}: a copy more: {id} takes {after} acts, not {before}");
                moved += usize::from(after > before);
            }
            for (before_sets, after_sets) in
                [(&before.certain, &after.certain), (&before.possible, &after.possible)]
            {
                let lacks = without_one((after, after_sets), (before, before_sets));
                assert!(lacks.is_none(), "seed {seed}: a copy more: {id}: {}", lacks.unwrap());
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

/// What surely stays, and what surely dies, of each volume: with as much of the estate looked at as some hazards name.
fn told_of(inventory: &Inventory, hazards: &HazardSet, looked_at: &HazardSet) -> Vec<(String, String)> {
    let graph = expand(inventory, &Catalogue::default());
    let mut all = Vec::new();
    for volume in &graph.inventory().volumes {
        let sets = [hazards.clone(), looked_at.clone()];
        let traced = trace(&graph, volume, &sets, &policy(), now()).swap_remove(0);
        let word = |fate: &Fate| match fate {
            Fate::Dies { .. } => "dies",
            Fate::Undetermined { .. } => "may die",
            Fate::Survives { .. } => "stays",
        };
        all.push((volume.id.to_string(), word(&traced.primary.fate).to_owned()));
        for points in &traced.points {
            let fate = word(&points.reason.fate);
            all.extend(points.places.iter().map(|place| (graph.id_at(*place).to_string(), fate.to_owned())));
        }
    }
    all.sort();
    all
}

#[test]
fn who_looks_at_the_whole_estate_sees_nothing_that_the_slice_of_a_volume_does_not_say() {
    let mut doubts = 0;
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let inventory = random.tangle();
        let hazards: HazardSet =
            (0..1 + random.below(2)).map(|_| any_hazard(&mut random, &inventory)).collect();
        let all = inventory.assets.iter().map(|asset| Hazard::Lost(asset.id.clone())).collect();
        let slice = told_of(&inventory, &hazards, &hazards);
        assert_eq!(slice, told_of(&inventory, &hazards, &all), "seed {seed}: {hazards:?}");
        doubts += slice.iter().filter(|(_, fate)| fate == "may die").count();
    }
    assert!(doubts > 10_000, "{doubts} points were in doubt");
}
