//! Every rule: a case where it fires, one where it does not, one where a missing fact leaves it open.

use crate::estate::*;
use outlive::domain::*;
use outlive::isolation::expand;
use outlive::rules::{ALL, Overall, by_id, judge, overall};

fn fires(verdict: &Verdict, severity: Severity) -> bool {
    matches!(verdict, Verdict::Fail(found, _) if *found == severity)
}

fn holds(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass(_))
}

fn is_open(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Undetermined(_))
}

#[test]
fn every_rule_has_a_page_that_begins_with_its_name_and_says_what_to_do() {
    for rule in ALL {
        assert!(rule.page().starts_with(&format!("# {}: {}\n", rule.id(), rule.title())), "{}", rule.id());
        for part in ["## Why", "## When it fires", "## What to do", "## What makes it undetermined"] {
            assert!(rule.page().contains(part), "{}: {part}", rule.id());
        }
        assert!(by_id(rule.id()).is_some());
        assert!(!rule.remedy().is_empty());
    }
}

#[test]
fn the_estate_file_may_name_every_rule_and_no_other() {
    let ids: Vec<&str> = ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids, RULE_IDS);
}

#[test]
fn no_recovery_point() {
    let none = incident().with_points(vec![]);
    assert!(fires(&none.verdict("no-recovery-point"), Severity::Critical));
    for rule in ALL.iter().skip(1) {
        assert!(matches!(none.verdict(rule.id()), Verdict::NotApplicable(_)), "{}", rule.id());
    }
    let mut useless = incident();
    useless.0.points.iter_mut().for_each(|point| point.usable = Usable::No("it is empty".into()));
    assert!(fires(&useless.verdict("no-recovery-point"), Severity::Critical));
    assert!(holds(&incident().verdict("no-recovery-point")));
    for scope in [GapScope::Points, GapScope::PointsOf(VolumeId("host:/srv/db".into()))] {
        let hidden = incident().with_points(vec![]).with_gap(scope);
        for rule in ALL.iter().filter(|rule| rule.is_asked(&Policy::default())) {
            assert!(is_open(&hidden.verdict(rule.id())), "{}", rule.id());
        }
    }
    let mut unproven = incident();
    unproven.0.points.iter_mut().for_each(|point| point.usable = Usable::Unproven("not looked into".into()));
    assert!(is_open(&unproven.verdict("no-recovery-point")));
}

#[test]
fn shared_fate_of_file_filesystem_device_and_host() {
    let cases = [
        ("same-file", "file:/img.vol"),
        ("same-filesystem", "filesystem:data"),
        ("same-device", "device:vda"),
        ("same-host", "host:a"),
    ];
    for (rule, shared) in cases {
        let fatal = incident().with_points(vec![copy("c", shared, 1)]);
        assert!(fires(&fatal.verdict(rule), Severity::Critical), "{rule}: {:?}", fatal.verdict(rule));
        let elsewhere = incident().with_points(vec![copy("c", "filesystem:vault", 1)]);
        assert!(holds(&elsewhere.verdict(rule)), "{rule}: {:?}", elsewhere.verdict(rule));
        let mut open = elsewhere;
        open.0.points[0].bonds.complete.remove(Nature::StoredOn);
        assert!(is_open(&open.verdict(rule)), "{rule}: {:?}", open.verdict(rule));
    }
}

#[test]
fn a_copy_declared_on_a_provider_alone_is_off_the_host_where_the_host_is_on_another() {
    let judged = |of_host: Option<&str>, known_host: bool| {
        let mut estate = incident().with_points(vec![copy("c", "provider:x", 1)]);
        for provider in ["provider:x", "provider:y"] {
            estate.0.assets.push(asset(provider, AssetKind::Provider, &[]));
        }
        let on = if known_host { "host:b" } else { "provider:x" };
        let how = How::Declared(Owner("ops".into()));
        let bond = |on: &str| Bond {
            how: how.clone(),
            ..Bond::observed(Nature::StoredOn, AssetId(on.into()), now())
        };
        estate.0.points[0].bonds.list = vec![bond(on)].into();
        let host = estate.0.assets.iter_mut().find(|asset| asset.id.0 == "host:a").unwrap();
        host.bonds.list.extend(of_host.map(bond));
        ["same-file", "same-filesystem", "same-device", "same-host"].map(|rule| estate.verdict(rule))
    };
    let all = |verdicts: [Verdict; 4], wanted: fn(&Verdict) -> bool| {
        verdicts.iter().for_each(|verdict| assert!(wanted(verdict), "{verdict:?}"));
    };
    all(judged(None, false), is_open);
    all(judged(Some("provider:x"), false), is_open);
    all(judged(Some("provider:y"), false), holds);
    all(judged(None, true), holds);
}

#[test]
fn shared_fate_stays_open_where_the_volume_stands_on_something_unseen() {
    let mut estate = incident().with_points(vec![copy("c", "filesystem:root", 1)]);
    estate.0.assets[1].bonds = Bonds::default();
    for rule in ["same-filesystem", "same-device", "same-host", "rpo"] {
        assert!(is_open(&estate.verdict(rule)), "{rule}: {:?}", estate.verdict(rule));
    }
    let mut known = incident().with_points(vec![copy("c", "filesystem:vault", 1)]);
    known.0.assets[1].bonds = Bonds::default();
    known.0.assets.retain(|asset| !asset.id.0.contains("root"));
    assert!(holds(&known.verdict("same-file")), "{:?}", known.verdict("same-file"));
}

#[test]
fn a_class_that_the_policy_does_not_name_does_not_apply() {
    let policy = Policy { survive: [HazardClass::PrimaryDeletion].into(), ..Policy::default() };
    let judged = judge(&incident().graph(), &policy, now()).remove(0);
    assert!(matches!(verdict(&judged, "same-host"), Verdict::NotApplicable(why) if why.contains("policy")));
    assert!(holds(&verdict(&judged, "rpo")));
}

#[test]
fn recovery_point_objective() {
    let old = incident().and_point(copy("c", "filesystem:vault", 27));
    assert!(fires(&old.verdict("rpo"), Severity::High));
    let young = incident().and_point(copy("c", "filesystem:vault", 25));
    assert!(holds(&young.verdict("rpo")));
    let mut unknown = incident().and_point(copy("c", "filesystem:vault", 25));
    unknown.0.points[2].taken_at = Known::Unknown;
    assert!(is_open(&unknown.verdict("rpo")));
    let mut perhaps = old.and_point(copy("d", "filesystem:vault", 1));
    perhaps.0.points[3].usable = Usable::Unproven("not read back".into());
    assert!(is_open(&perhaps.verdict("rpo")));
}

#[test]
fn live_copy() {
    let taken = |consistency: Known<Consistency>| {
        let mut estate = incident().and_point(copy("c", "filesystem:vault", 1));
        estate.0.points[2].consistency = consistency;
        estate
    };
    let live = taken(Known::Observed(Consistency::Live, now()));
    assert!(fires(&live.verdict("live-copy"), Severity::Medium));
    assert!(holds(&taken(Known::Observed(Consistency::Crash, now())).verdict("live-copy")));
    assert!(is_open(&taken(Known::Unknown).verdict("live-copy")));
    assert!(matches!(incident().verdict("live-copy"), Verdict::NotApplicable(_)));
}

#[test]
fn a_damaged_copy_that_claims_to_be_usable_is_not_counted_on() {
    let mut estate = incident().with_points(vec![copy("c", "filesystem:vault", 1)]);
    estate.0.points[0].state = Some(CopyState::Damaged);
    assert!(is_open(&estate.verdict("no-recovery-point")));
}

#[test]
fn no_volume_and_anything_unseen_are_never_sound() {
    let of = |estate: &Estate| {
        let graph = estate.graph();
        overall(&judge(&graph, &Policy::default(), now()), &graph)
    };
    let sound = incident().and_point(copy("c", "filesystem:vault", 1));
    assert_eq!(of(&sound), Overall::Sound);
    assert_eq!(of(&incident()), Overall::Failed);
    for scope in [
        GapScope::Volume("/srv/other".into()),
        GapScope::Points,
        GapScope::PointsOf(VolumeId("host:/srv/db".into())),
        GapScope::Below(AssetId("device:sdb".into())),
    ] {
        let gap = incident().and_point(copy("c", "filesystem:vault", 1)).with_gap(scope.clone());
        assert_eq!(of(&gap), Overall::Undetermined, "{scope:?}");
        let (graph, policy) = (gap.graph(), Policy::default());
        let look = outlive::report::text::Look { width: 100, colour: false };
        let text = outlive::report::text::audit(
            &graph,
            &judge(&graph, &policy, now()),
            &policy,
            &outlive::catalogue::Catalogue::built_in().unwrap(),
            now(),
            look,
        );
        assert!(!text.contains("Nothing to do") && text.contains("make /mnt/vault readable"), "{text}");
    }
    let empty = expand(&Inventory::default(), &outlive::catalogue::Catalogue::built_in().unwrap());
    assert_eq!(overall(&[], &empty), Overall::Undetermined);
}
