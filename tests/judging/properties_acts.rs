//! No audit calls safe what one act may take, wherever in the estate that act happens.

use crate::estate::now;
use crate::properties::{order, possible_tangle};
use crate::properties_brute::say;
use crate::random::{Random, cases, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Fate, Graph, Standing, Traced, expand, isolate, trace};
use outlive::rules::{Case, by_id};

/// What may happen to an asset, each with the class under which a policy asks for it.
fn acts(asset: &Asset) -> Vec<(HazardClass, Hazard)> {
    use AssetKind::*;
    let id = || asset.id.clone();
    let mut acts = Vec::new();
    match asset.kind {
        Credential => acts.push((HazardClass::Credential, Hazard::Compromised(id()))),
        Identity => acts.push((HazardClass::Identity, Hazard::Compromised(id()))),
        Bucket | Volume => acts.push((HazardClass::PrimaryDeletion, Hazard::Deleted(id()))),
        kind => acts.extend(HazardClass::of_loss(kind).map(|class| (class, Hazard::Lost(id())))),
    }
    match asset.kind {
        Project | Account | Organisation => acts.push((HazardClass::Identity, Hazard::Compromised(id()))),
        Host | Server | Network => acts.push((HazardClass::HostCompromise, Hazard::Compromised(id()))),
        _ => {}
    }
    acts
}

/// The rule that asks for a class.
fn rule(class: HazardClass) -> Option<String> {
    Some(match class {
        HazardClass::PrimaryDeletion => "cascade-on-deletion".to_owned(),
        HazardClass::Credential | HazardClass::Identity => format!("{}-reaches-both", class.word()),
        HazardClass::Key | HazardClass::Catalogue => format!("{}-only-with-primary", class.word()),
        HazardClass::BadData => return None,
        class => format!("same-{}", class.word()),
    })
}

/// Whether every point of a volume that counts and is recent may be gone, and the volume too; of what points need, the
/// points alone, and all of them. Then: whether all that count may be.
fn may_lose_all(graph: &Graph, traced: &Traced, policy: &Policy, class: HazardClass) -> Option<bool> {
    let alone = matches!(class, HazardClass::Key | HazardClass::Catalogue);
    let young = |place: &u32| {
        let taken = graph.at(*place).and_then(|point| point.taken_at.value());
        taken.is_some_and(|at| *at <= now() && now() - *at <= policy.rpo)
    };
    let stays = |fate: &Fate| matches!(fate, Fate::Survives { .. });
    let own = traced.points.iter().filter(|of| !of.is_orphan && of.standing == Standing::Counts);
    let own: Vec<_> = own.collect();
    let kept = own.iter().filter(|of| stays(&of.reason.fate));
    let (mut kept, gone) = (kept.clone(), !own.is_empty() && kept.count() == 0);
    let recent_kept = kept.any(|of| of.places.iter().any(young));
    let all = if alone { gone } else { !recent_kept && !stays(&traced.primary.fate) };
    all.then_some(gone)
}

#[test]
fn what_one_act_may_take_no_audit_calls_safe() {
    let mut seen = [0; 16];
    for case in 0..cases(10_000) {
        let seed = seed().wrapping_add(case);
        let inventory = possible_tangle(&mut Random(seed));
        let graph = expand(&inventory, &Catalogue::default());
        for (class, hazard) in inventory.assets.iter().flat_map(acts) {
            let policy = Policy { survive: [class].into(), ..Policy::default() };
            for volume in &graph.inventory().volumes {
                let traced = trace(&graph, volume, &[[hazard.clone()].into()], &policy, now());
                let Some(gone) = traced.iter().find_map(|of| may_lose_all(&graph, of, &policy, class)) else {
                    continue;
                };
                let (survival, cuts) = isolate(&graph, volume, &policy, now());
                let takes = || traced.iter().any(|of| !matches!(of.primary.fate, Fate::Survives { .. }));
                let what = || format!("seed {seed}: {hazard:?} of {}: {}", volume.id, say(&inventory));
                assert!(!takes() || order(&cuts.possible) == 1, "no act takes all: {}", what());
                let case = Case {
                    graph: &graph,
                    volume,
                    policy: &policy,
                    survival: &survival,
                    cuts: &cuts,
                    now: now(),
                };
                if let Some(rule) = rule(class).filter(|_| gone) {
                    let verdict = by_id(&rule).unwrap().judge(case);
                    assert!(
                        !matches!(verdict, Verdict::Pass(_) | Verdict::NotApplicable(_)),
                        "{rule} says {verdict:?}: {}",
                        what()
                    );
                }
                seen[class as usize] += 1;
            }
        }
    }
    println!("{seen:?}");
}
