//! What lies beyond a machine: each rule fires, does not, and is undetermined where something was not declared.

use crate::estate::{asset, copy, incident, is, lost, now, stored_on, verdict};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::expand;
use outlive::rules::{ALL, Judged, judge, judge_each};

/// Each class with its rule.
const CLASSES: [(HazardClass, AssetKind, &str); 5] = [
    (HazardClass::Site, AssetKind::Site, "same-site"),
    (HazardClass::Region, AssetKind::Region, "same-region"),
    (HazardClass::Account, AssetKind::Account, "same-account"),
    (HazardClass::Provider, AssetKind::Provider, "same-provider"),
    (HazardClass::Network, AssetKind::Network, "same-network"),
];

/// The incident with a copy on another host. Each host stands on what is named, and assets are given.
fn two_hosts(primary: &[&str], vault: &[&str], assets: Vec<Asset>) -> Inventory {
    let mut inventory = incident().and_point(copy("c", "filesystem:vault", 1)).0;
    for (host, on) in [("host:a", primary), ("host:b", vault)] {
        let known = inventory.assets.iter_mut().find(|asset| asset.id.0 == host).unwrap();
        known.bonds = stored_on(on);
    }
    inventory.assets.extend(assets);
    inventory
}

fn judged(inventory: &Inventory, class: HazardClass) -> Judged {
    let policy = Policy { survive: [class].into(), ..Policy::default() };
    judge(&expand(inventory, &Catalogue::built_in().unwrap()), &policy, now()).remove(0)
}

fn found(inventory: &Inventory, class: HazardClass, rule: &str) -> Verdict {
    verdict(&judged(inventory, class), rule)
}

#[test]
fn what_both_stand_on_fails_and_what_only_one_stands_on_holds() {
    for (class, kind, rule) in CLASSES {
        let assets = || vec![asset("x:1", kind, &[]), asset("x:2", kind, &[])];
        let shared = found(&two_hosts(&["x:1"], &["x:1"], assets()), class, rule);
        assert!(
            matches!(&shared, Verdict::Fail(Severity::Critical, why) if why.contains("x:1") || why.contains('1')),
            "{shared:?}"
        );
        let apart = found(&two_hosts(&["x:1"], &["x:2"], assets()), class, rule);
        assert!(is(&apart, "pass"), "{rule}: {apart:?}");
        // Any one of several copies is enough.
        let mut other = two_hosts(&["x:1"], &["x:1"], assets());
        other.assets.push(asset("host:c", AssetKind::Host, &["x:2"]));
        other.points.push(copy("d", "host:c", 2));
        let other = found(&other, class, rule);
        assert!(is(&other, "pass"), "{rule}: {other:?}");
    }
}

#[test]
fn whoever_declares_nothing_may_stand_on_the_same() {
    for (class, kind, rule) in CLASSES {
        let assets = || vec![asset("x:1", kind, &[])];
        for (primary, vault) in [(vec![], vec![]), (vec!["x:1"], vec![]), (vec![], vec!["x:1"])] {
            let open = found(&two_hosts(&primary, &vault, assets()), class, rule);
            let why = format!("it is not declared which {}", class.word());
            assert!(
                matches!(&open, Verdict::Undetermined(said) if said.contains(&why)),
                "{rule}, primary on {primary:?}, vault on {vault:?}: {open:?}"
            );
        }
        // One of two copies is at another place than the primary, wherever that is.
        let two = || vec![asset("x:1", kind, &[]), asset("x:2", kind, &[])];
        let mut either = two_hosts(&[], &["x:1"], two());
        either.assets.push(asset("host:c", AssetKind::Host, &["x:2"]));
        either.points.push(copy("d", "host:c", 2));
        let either = found(&either, class, rule);
        assert!(is(&either, "pass"), "{rule}: {either:?}");
    }
}

#[test]
fn the_rpo_reads_the_same_losses() {
    let assets =
        || vec![asset("provider:p", AssetKind::Provider, &[]), asset("provider:q", AssetKind::Provider, &[])];
    let class = HazardClass::Provider;
    let shared = two_hosts(&["provider:p"], &["provider:p"], assets());
    assert!(is(&found(&shared, class, "rpo"), "fail"));
    let apart = two_hosts(&["provider:p"], &["provider:q"], assets());
    assert!(is(&found(&apart, class, "rpo"), "pass"));
    let open = two_hosts(&["provider:p"], &[], assets());
    assert!(is(&found(&open, class, "rpo"), "undetermined"));
}

#[test]
fn what_a_provider_builds_on_takes_it_along() {
    let upstream = || {
        vec![
            asset("provider:p", AssetKind::Provider, &["provider:u"]),
            asset("provider:u", AssetKind::Provider, &[]),
        ]
    };
    let resold = two_hosts(&["provider:p"], &["provider:u"], upstream());
    assert!(is(&found(&resold, HazardClass::Provider, "same-provider"), "fail"));
}

#[test]
fn a_region_or_account_counts_within_its_provider() {
    for (class, kind, rule) in
        CLASSES.into_iter().filter(|(class, ..)| matches!(class, HazardClass::Region | HazardClass::Account))
    {
        let assets = || {
            let mut bare = asset("x:eu", kind, &[]);
            bare.bonds.complete.remove(Nature::StoredOn);
            vec![
                asset("provider:p", AssetKind::Provider, &[]),
                asset("provider:q", AssetKind::Provider, &[]),
                asset("x:p/eu", kind, &["provider:p"]),
                asset("x:q/eu", kind, &["provider:q"]),
                bare,
            ]
        };
        let apart = two_hosts(&["x:p/eu", "provider:p"], &["x:q/eu", "provider:q"], assets());
        assert!(is(&found(&apart, class, rule), "pass"), "{rule}: {:?}", found(&apart, class, rule));
        // Another provider's region is another one, whichever it is.
        let mut named = assets();
        named.retain(|asset| asset.id.0 != "x:eu");
        let elsewhere = two_hosts(&["x:p/eu", "provider:p"], &["provider:q"], named);
        assert!(is(&found(&elsewhere, class, rule), "pass"), "{rule}");
        // Unless it is open what that other provider builds on.
        let mut open = elsewhere.clone();
        let other = open.assets.iter_mut().find(|asset| asset.id.0 == "provider:q").unwrap();
        other.bonds.complete.remove(Nature::StoredOn);
        assert!(is(&found(&open, class, rule), "undetermined"), "{rule}");
        let within = two_hosts(&["x:p/eu", "provider:p"], &["provider:p"], assets());
        assert!(is(&found(&within, class, rule), "undetermined"), "{rule}");
        for (primary, vault) in [("x:eu", "x:p/eu"), ("x:p/eu", "x:eu")] {
            let open = found(&two_hosts(&[primary], &[vault], assets()), class, rule);
            assert!(is(&open, "undetermined"), "{rule}: {primary} and {vault}: {open:?}");
        }
    }
}

#[test]
fn what_nothing_is_known_of_is_never_green_once_it_is_asked_for() {
    let apart = two_hosts(&[], &[], vec![]);
    for (class, rule) in [
        (HazardClass::HostCompromise, "same-host-compromise"),
        (HazardClass::Credential, "credential-reaches-both"),
        (HazardClass::Identity, "identity-reaches-both"),
    ] {
        let said = found(&apart, class, rule);
        assert!(is(&said, "undetermined"), "{rule}: {said:?}");
    }
    // The only copy is younger than what goes bad unnoticed.
    let said = found(&apart, HazardClass::BadData, "retention-shorter-than-detection");
    assert!(is(&said, "fail"), "{said:?}");
}

#[test]
fn what_is_not_asked_for_does_not_apply_and_local_classes_stay_what_they_were() {
    let inventory = two_hosts(&[], &[], vec![]);
    let local =
        judge(&expand(&inventory, &Catalogue::built_in().unwrap()), &Policy::default(), now()).remove(0);
    for (_, _, rule) in CLASSES {
        assert!(is(&verdict(&local, rule), "not applicable"), "{rule}");
    }
    assert!(is(&verdict(&local, "same-host"), "pass"));
    assert_eq!(local.survival.shadows, []);
    let not_asked: Vec<&str> =
        ALL.iter().filter(|rule| !rule.is_asked(&Policy::default())).map(|rule| rule.id()).collect();
    assert!(CLASSES.iter().all(|(_, _, rule)| not_asked.contains(rule)), "{not_asked:?}");
    assert!(not_asked.contains(&"credential-reaches-both") && !not_asked.contains(&"cascade-on-deletion"));
}

#[test]
fn each_volume_is_judged_by_its_own_policy() {
    let mut inventory =
        two_hosts(&["provider:p"], &["provider:p"], vec![asset("provider:p", AssetKind::Provider, &[])]);
    let mut second = inventory.volumes[0].clone();
    second.id = VolumeId("host:/srv/web".into());
    inventory.volumes.push(second);
    let strict = Policy { survive: [HazardClass::Provider].into(), ..Policy::default() };
    let policies = Policies {
        default: Policy::default(),
        of_volume: [(VolumeId("host:/srv/db".into()), strict)].into(),
        ..Policies::default()
    };
    let graph = expand(&inventory, &Catalogue::built_in().unwrap());
    let judged = judge_each(&graph, &policies, now());
    assert!(is(&verdict(&judged[0], "same-provider"), "fail"));
    assert!(is(&verdict(&judged[1], "same-provider"), "not applicable"));
    // The table shows the loss to both.
    for judged in &judged {
        assert!(judged.survival.rows.iter().any(|row| row.hazard == lost("provider:p")));
    }
}
