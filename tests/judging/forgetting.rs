//! Forgetting a fact never makes anything greener, and the order of listing never shows.

use crate::estate::{asset, copy, now};
use crate::random::{Random, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::expand;
use outlive::rules::{Judged, Overall, judge, overall};
use std::collections::HashMap;

const CASES: u64 = 800;

/// One fact that can be forgotten.
#[derive(Debug, Clone)]
enum Fact {
    Complete { asset: bool, thing: usize, nature: Nature },
    Bond { asset: bool, thing: usize, bond: usize },
    Of(usize),
    TakenAt(usize),
    Consistency(usize),
}

fn facts(inventory: &Inventory) -> Vec<Fact> {
    let mut facts = Vec::new();
    let assets = inventory.assets.iter().map(|asset| (true, &asset.bonds)).enumerate();
    let points = inventory.points.iter().map(|point| (false, &point.bonds)).enumerate();
    for (thing, (asset, bonds)) in assets.chain(points) {
        facts.extend(bonds.complete.iter().map(|nature| Fact::Complete { asset, thing, nature }));
        facts.extend((0..bonds.list.len()).map(|bond| Fact::Bond { asset, thing, bond }));
    }
    for point in 0..inventory.points.len() {
        facts.extend([Fact::Of(point), Fact::TakenAt(point), Fact::Consistency(point)]);
    }
    facts
}

fn forget(inventory: &Inventory, fact: &Fact) -> Inventory {
    let mut less = inventory.clone();
    match fact {
        Fact::Complete { asset, thing, nature } => {
            bonds_of(&mut less, *asset, *thing).complete.remove(*nature);
        }
        Fact::Bond { asset, thing, bond } => {
            let bonds = bonds_of(&mut less, *asset, *thing);
            let nature = bonds.list.remove(*bond).nature;
            bonds.complete.remove(nature);
        }
        Fact::Of(point) => less.points[*point].of = Known::Unknown,
        Fact::TakenAt(point) => less.points[*point].taken_at = Known::Unknown,
        Fact::Consistency(point) => less.points[*point].consistency = Known::Unknown,
    }
    less
}

fn bonds_of(inventory: &mut Inventory, asset: bool, thing: usize) -> &mut Bonds {
    if asset { &mut inventory.assets[thing].bonds } else { &mut inventory.points[thing].bonds }
}

/// Everything is asked for, so that each rule has its say.
fn everything() -> Policy {
    Policy { survive: HazardClass::ALL.into(), ..Policy::default() }
}

fn judged(inventory: &Inventory, catalogue: &Catalogue) -> (Vec<Judged>, Overall) {
    let graph = expand(inventory, catalogue);
    let judged = judge(&graph, &everything(), now());
    let overall = overall(&judged, &graph);
    (judged, overall)
}

/// Pass and not applicable let an exit code be 0. A failure may become undetermined when the fact behind it
/// is forgotten: both are equally far from green.
fn is_green(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass(_) | Verdict::NotApplicable(_))
}

#[test]
fn forgetting_a_fact_never_makes_a_finding_greener() {
    let (mut greens, mut reds, mut forgotten) = (0, 0, 0);
    let mut beyond = HashMap::new();
    for case in 0..CASES {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        // A catalogue that says nothing lets observed cascades speak for themselves.
        let cascades = random.one_in(2);
        let catalogue = if cascades { Catalogue::default() } else { Catalogue::built_in().unwrap() };
        let inventory = random.inventory(cascades);
        let (before, whole) = judged(&inventory, &catalogue);
        let all = facts(&inventory);
        for _ in 0..8 {
            let fact = &all[random.below(all.len())];
            let (after, poorer) = judged(&forget(&inventory, fact), &catalogue);
            forgotten += 1;
            assert!(
                whole == Overall::Sound || poorer != Overall::Sound,
                "seed {seed}: {fact:?} made it sound"
            );
            let pairs = before.iter().flat_map(|j| &j.findings).zip(after.iter().flat_map(|j| &j.findings));
            for (before, after) in pairs {
                let sort = std::mem::discriminant(&before.verdict);
                let wide =
                    HazardClass::WIDE.iter().any(|class| before.rule == format!("same-{}", class.word()));
                if wide {
                    *beyond.entry(sort).or_insert(0) += 1;
                }
                if is_green(&before.verdict) {
                    greens += 1
                } else {
                    reds += 1
                }
                assert!(
                    is_green(&before.verdict) || !is_green(&after.verdict),
                    "seed {seed}: forgetting {fact:?} turned {before:?} into {after:?}"
                );
            }
        }
    }
    println!("seed {}: {forgotten} facts forgotten, {greens} green and {reds} other findings", seed());
    assert!(beyond.len() == 4 && beyond.values().all(|count| *count > 200), "beyond machines: {beyond:?}");
    assert!(greens > 1000 && reds > 1000, "the made-up inventories do not vary");
}

#[test]
fn the_order_of_listing_never_shows() {
    for case in 0..150 {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let mut inventory = random.inventory(false);
        // Duplicates that disagree are the hardest to keep in order.
        if let Some(first) = inventory.points.first().cloned() {
            let mut twin = first;
            twin.name = "a twin".into();
            inventory.points.push(twin);
        }
        let catalogue = Catalogue::built_in().unwrap();
        let report = |inventory: &Inventory| {
            let graph = expand(inventory, &catalogue);
            let judged = judge(&graph, &everything(), now());
            outlive::report::json::audit(&graph, &judged, &everything(), now(), &[])
        };
        let (before, json) = (judged(&inventory, &catalogue), report(&inventory));
        random.shuffle(&mut inventory.volumes);
        random.shuffle(&mut inventory.points);
        random.shuffle(&mut inventory.assets);
        for asset in &mut inventory.assets {
            random.shuffle(&mut asset.bonds.list);
        }
        assert_eq!(before, judged(&inventory, &catalogue), "seed {seed}");
        assert_eq!(json, report(&inventory), "seed {seed}");
    }
}

/// A volume and its copy in accounts of their own at one provider, with what is said of that provider or of both accounts.
fn at_one_provider(of_provider: &[Bond], of_accounts: &[Bond]) -> Inventory {
    let whole = |mut asset: Asset, more: &[Bond]| {
        asset.bonds.list.extend(more.iter().cloned());
        asset.bonds.complete = Nature::ALL.into_iter().collect();
        asset
    };
    let account = |id: &str| whole(asset(id, AssetKind::Account, &["provider:p"]), of_accounts);
    let mut copy = copy("c", "bucket:b", 1);
    copy.bonds.complete = Nature::ALL.into_iter().collect();
    Inventory {
        assets: vec![
            whole(asset("bucket:a", AssetKind::Bucket, &["account:a"]), &[]),
            whole(asset("bucket:b", AssetKind::Bucket, &["account:b"]), &[]),
            account("account:a"),
            account("account:b"),
            whole(asset("provider:p", AssetKind::Provider, &[]), of_provider),
            whole(asset("identity:i", AssetKind::Identity, &[]), &[]),
        ],
        volumes: vec![Volume {
            id: VolumeId("host:/srv/db".into()),
            name: "/srv/db".into(),
            kind: VolumeKind::Declared,
            asset: AssetId("bucket:a".into()),
        }],
        points: vec![copy],
        ..Inventory::default()
    }
}

#[test]
fn hands_on_a_provider_are_no_fact_and_those_on_its_accounts_are() {
    let hands = |nature| Bond::observed(nature, AssetId("identity:i".into()), now());
    let verdict = |inventory: &Inventory| {
        let policy = Policy { survive: [HazardClass::Identity].into(), ..Policy::default() };
        let findings = judge(&expand(inventory, &Catalogue::default()), &policy, now()).remove(0).findings;
        findings.into_iter().find(|finding| finding.rule == "identity-reaches-both").unwrap().verdict
    };
    for nature in [Nature::AdministeredBy, Nature::DeletableBy] {
        // Said or not, it is the same: who says nothing of it is no better off.
        let said = verdict(&at_one_provider(&[hands(nature)], &[]));
        assert_eq!(said, verdict(&at_one_provider(&[], &[])), "{nature:?}");
        let of_accounts = verdict(&at_one_provider(&[], &[hands(nature)]));
        assert!(matches!(of_accounts, Verdict::Fail(..)), "{nature:?} of both accounts: {of_accounts:?}");
    }
}
