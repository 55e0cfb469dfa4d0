//! What is not known never makes anything greener: facts of tangles, forgotten one by one.

use crate::estate::now;
use crate::properties::{
    any_hazard, any_place, bonds_at, cuts, order, policy, possible_tangle, survivors, without_one,
};
use crate::random::{Random, cases, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::expand;
use outlive::rules::{Overall, judge, overall};
use std::collections::BTreeSet;

/// Whether a bond is the only one that names something which was never seen: with it that thing would be forgotten too.
fn is_last_word(inventory: &Inventory, bond: &Bond) -> bool {
    let bonds = inventory.assets.iter().map(|asset| &asset.bonds);
    let bonds = bonds.chain(inventory.points.iter().map(|point| &point.bonds));
    let named: BTreeSet<&AssetId> = bonds.flat_map(|bonds| &bonds.list).flat_map(|bond| &bond.on).collect();
    let known = |on: &AssetId| {
        let seen = inventory.assets.iter().any(|asset| asset.id == *on);
        seen || named.contains(on) || inventory.volumes.iter().any(|volume| volume.asset == *on)
    };
    !bond.on.iter().all(known)
}

/// Forgets one fact; which, in words, and the bond, where it was one.
fn forget(random: &mut Random, inventory: &mut Inventory) -> (String, Option<Bond>) {
    let number = random.below(inventory.points.len().max(1));
    let what = random.below(12);
    if what < 6 || inventory.points.is_empty() {
        let place = any_place(random, inventory);
        let bonds = bonds_at(inventory, place);
        if bonds.list.is_empty() || what < 2 {
            let nature = Nature::ALL[random.below(6)];
            bonds.complete.remove(nature);
            return (format!("that all of {nature:?} is known"), None);
        }
        let which = random.below(bonds.list.len());
        let bond = bonds.list.remove(which);
        bonds.complete.remove(bond.nature);
        return (format!("{bond:?}"), Some(bond));
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
    (format!("fact {what} of {}", point.id), None)
}

fn is_green(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass(_) | Verdict::NotApplicable(_))
}

pub fn greens(inventory: &Inventory) -> (BTreeSet<(VolumeId, String)>, Overall) {
    let graph = expand(inventory, &Catalogue::default());
    let judged = judge(&graph, &policy(), now());
    let findings = judged.iter().flat_map(|judged| &judged.findings);
    let green = findings.filter(|finding| is_green(&finding.verdict));
    (green.map(|finding| (finding.volume.clone(), finding.rule.clone())).collect(), overall(&judged, &graph))
}

/// The verdicts of some rules, for a message.
pub fn said(inventory: &Inventory, rules: &BTreeSet<(VolumeId, String)>) -> Vec<Verdict> {
    let judged = judge(&expand(inventory, &Catalogue::default()), &policy(), now());
    let findings = judged.into_iter().flat_map(|judged| judged.findings);
    let told = findings.filter(|finding| rules.contains(&(finding.volume.clone(), finding.rule.clone())));
    told.map(|finding| finding.verdict).collect()
}

/// Whether fewer acts, and no other ones, lose everything; how many orders fell.
fn sets_are_no_greener(whole: &Inventory, less: &Inventory, what: &str) -> usize {
    let mut fell = 0;
    for ((_, before), (id, after)) in cuts(whole).iter().zip(&cuts(less)) {
        let missing = without_one((before, &before.possible), (after, &after.possible));
        let surer = without_one((after, &after.certain), (before, &before.certain));
        assert!(
            missing.is_none() && surer.is_none(),
            "{what}, {id}: possible {missing:?}, certain {surer:?}"
        );
        fell += usize::from(order(&after.possible) < order(&before.possible));
    }
    fell
}

#[test]
fn what_is_forgotten_makes_nothing_greener() {
    let (mut fell, mut green, mut bonds) = (0, 0, 0);
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let inventory = possible_tangle(&mut random);
        let mut less = inventory.clone();
        let (fact, bond) = forget(&mut random, &mut less);
        if bond.as_ref().is_some_and(|bond| is_last_word(&less, bond)) {
            continue;
        }
        let what = format!("seed {seed}: forgetting {fact}");
        let hazard = any_hazard(&mut random, &inventory);
        for ((_, before), (id, after)) in cuts(&inventory).iter().zip(&cuts(&less)) {
            let (before, after) = (order(&before.possible), order(&after.possible));
            assert!(
                after <= before,
                "{what} leaves {id} at {after} acts, not {before}: {}",
                crate::properties_brute::say(&inventory)
            );
        }
        let (before, after) = (survivors(&inventory, &hazard), survivors(&less, &hazard));
        assert!(
            after.is_subset(&before),
            "{what}: {hazard:?} leaves {after:?}, not {before:?}: {}",
            crate::properties_brute::say(&inventory)
        );
        fell += sets_are_no_greener(&inventory, &less, &what);
        let ((before, whole), (after, poorer)) = (greens(&inventory), greens(&less));
        assert!(whole == Overall::Sound || poorer != Overall::Sound, "{what} made it sound");
        let turned = &after - &before;
        let said = || (said(&inventory, &turned), said(&less, &turned));
        assert!(
            turned.is_empty(),
            "{what} turned {turned:?} green: {:?}\n{}",
            said(),
            crate::properties_brute::say(&inventory)
        );
        (green, bonds) = (green + before.len(), bonds + usize::from(bond.is_some()));
    }
    assert!(fell > 100 && green > 1000 && bonds > 1000, "{fell} fell, {green} green, {bonds} bonds");
}
