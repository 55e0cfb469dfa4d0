//! What happens elsewhere in an estate reaches a recovery point only through what is not known of it.

use crate::estate::{asset, copy, now, stored_on};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Fate, expand, fate, isolate};
use outlive::rules::judge;

pub fn known(id: &str, kind: AssetKind, list: &[(Nature, &str)]) -> Asset {
    let mut asset = asset(id, kind, &[]);
    for (nature, on) in list {
        asset.bonds = asset.bonds.with(Bond::observed(*nature, AssetId((*on).into()), now()));
    }
    asset.bonds.complete = Nature::ALL.into_iter().collect();
    asset
}

pub fn without(mut asset: Asset, nature: Nature) -> Asset {
    asset.bonds.complete.remove(nature);
    asset
}

/// One copy on a place, of which everything is known, and the assets.
pub fn estate(on: &str, assets: Vec<Asset>) -> Inventory {
    let mut copy = copy("c", on, 1);
    copy.bonds = stored_on(&[on]);
    copy.bonds.complete = Nature::ALL.into_iter().collect();
    let volume = Volume {
        id: VolumeId("host:/srv/db".into()),
        name: "/srv/db".into(),
        kind: VolumeKind::Filesystem,
        asset: AssetId("filesystem:f".into()),
    };
    Inventory { volumes: vec![volume], points: vec![copy], assets, gaps: vec![], ..Inventory::default() }
}

pub fn ends(inventory: &Inventory, hazard: Hazard) -> &'static str {
    let graph = expand(inventory, &Catalogue::default());
    let hazards = [hazard].into();
    match fate(&graph, &PointId("c".into()), &hazards, chrono::TimeDelta::hours(1), now()) {
        Fate::Dies { .. } => "dies",
        Fate::Undetermined { .. } => "may die",
        Fate::Survives { .. } => "stays",
    }
}

#[test]
fn a_copy_of_which_no_account_is_named_goes_perhaps_with_any_account_that_a_token_closes() {
    use Nature::{AdministeredBy, StoredOn};
    let bucket = |on: &[(Nature, &str)]| known("bucket:b", AssetKind::Bucket, on);
    let assets = |bucket: Asset| {
        vec![
            known("filesystem:f", AssetKind::Filesystem, &[]),
            known("provider:p", AssetKind::Provider, &[]),
            known("provider:q", AssetKind::Provider, &[]),
            known("credential:t", AssetKind::Credential, &[]),
            known(
                "account:a",
                AssetKind::Account,
                &[(StoredOn, "provider:p"), (AdministeredBy, "credential:t")],
            ),
            known("account:o", AssetKind::Account, &[(StoredOn, "provider:p")]),
            bucket,
        ]
    };
    let misuse = || Hazard::Compromised(AssetId("credential:t".into()));
    assert_eq!(ends(&estate("bucket:b", assets(bucket(&[]))), misuse()), "may die");
    let named = bucket(&[(StoredOn, "account:o")]);
    assert_eq!(ends(&estate("bucket:b", assets(named)), misuse()), "stays");
    let there = bucket(&[(StoredOn, "provider:q")]);
    assert_eq!(ends(&estate("bucket:b", assets(there)), misuse()), "stays", "accounts belong to providers");
    let here = bucket(&[(StoredOn, "provider:p")]);
    assert_eq!(ends(&estate("bucket:b", assets(here)), misuse()), "may die");
}

#[test]
fn whoever_may_act_as_a_provider_holds_what_can_be_had_from_it() {
    use Nature::{AdministeredBy, DeletableBy, StoredOn, YieldedBy};
    let estate = |provider: Asset| {
        let root = [(DeletableBy, "credential:root")];
        let assets = vec![
            known("filesystem:f", AssetKind::Filesystem, &root),
            known("bucket:b", AssetKind::Bucket, &root),
            known("credential:root", AssetKind::Credential, &[(YieldedBy, "provider:p")]),
            known("identity:i", AssetKind::Identity, &[]),
            known("host:h", AssetKind::Host, &[]),
            provider,
        ];
        estate("bucket:b", assets)
    };
    let taken = |of: &str| Hazard::Compromised(AssetId(of.into()));
    let provider = |on: &[(Nature, &str)]| known("provider:p", AssetKind::Provider, on);
    let administered = estate(provider(&[(AdministeredBy, "identity:i")]));
    assert_eq!(ends(&administered, taken("identity:i")), "may die", "nobody has a provider in hand");
    let unsaid = estate(without(provider(&[]), AdministeredBy));
    assert_eq!(ends(&unsaid, taken("identity:i")), "may die", "it is not known who acts as the provider");
    assert_eq!(ends(&estate(without(provider(&[]), StoredOn)), taken("host:h")), "may die");
    let on_host = estate(provider(&[(StoredOn, "host:h")]));
    assert_eq!(ends(&on_host, taken("host:h")), "may die", "a provider is stored on no host");
    assert_eq!(ends(&estate(provider(&[])), taken("host:h")), "stays");
}

#[test]
fn a_token_elsewhere_may_close_the_account_that_a_volume_and_its_copy_may_lie_in() {
    use Nature::{AdministeredBy, StoredOn};
    let says = |on: &[(Nature, &str)], token: bool| {
        let by = [(AdministeredBy, "credential:t")];
        let mut assets = vec![
            known("filesystem:f", AssetKind::Filesystem, on),
            known("account:a", AssetKind::Account, if token { &by } else { &[] }),
            known("account:o", AssetKind::Account, &[]),
            known("bucket:b", AssetKind::Bucket, on),
        ];
        assets.extend(token.then(|| known("credential:t", AssetKind::Credential, &[])));
        let graph = expand(&estate("bucket:b", assets), &Catalogue::default());
        // Nobody asks for accounts: what ends one is told where it is asked for.
        let policy = Policy { survive: [HazardClass::Credential].into(), ..Policy::default() };
        let findings = judge(&graph, &policy, now()).remove(0).findings;
        let found = findings.into_iter().find(|finding| finding.rule == "credential-reaches-both");
        found.unwrap().verdict
    };
    assert!(matches!(says(&[], true), Verdict::Undetermined(why) if why.contains("account")));
    assert!(matches!(says(&[(StoredOn, "account:o")], true), Verdict::NotApplicable(_)));
    assert!(matches!(says(&[], false), Verdict::NotApplicable(_)), "nobody is known who may");
}

#[test]
fn a_share_of_a_server_may_lie_in_another_one_that_nothing_else_ties_to_it() {
    use Nature::{CascadesFrom, Needs, StoredOn};
    for (kind, nature, hazard) in [
        (AssetKind::Key, Needs, Hazard::Lost as fn(AssetId) -> Hazard),
        (AssetKind::Bucket, CascadesFrom, Hazard::Deleted),
    ] {
        let assets = |server: Asset| {
            vec![
                known("filesystem:f", AssetKind::Filesystem, &[]),
                server,
                known("x:k", kind, &[]),
                known("filesystem:x", AssetKind::Filesystem, &[(StoredOn, "server:s"), (nature, "x:k")]),
            ]
        };
        let server = || known("server:s", AssetKind::Server, &[]);
        let lost = || hazard(AssetId("x:k".into()));
        let open = assets(without(server(), StoredOn));
        assert_eq!(ends(&estate("server:s", open), lost()), "may die", "{nature:?}");
        assert_eq!(ends(&estate("server:s", assets(server())), lost()), "stays", "{nature:?}");
    }
}

#[test]
fn hands_that_nobody_named_count_also_where_they_reach_a_copy_in_several_steps() {
    use Nature::{DeletableBy, Needs, StoredOn};
    let assets = |bucket: Asset| {
        vec![
            known("provider:p", AssetKind::Provider, &[]),
            known("account:o", AssetKind::Account, &[(StoredOn, "provider:p")]),
            known("filesystem:f", AssetKind::Filesystem, &[(StoredOn, "account:o")]),
            known("bucket:b", AssetKind::Bucket, &[(StoredOn, "provider:p")]),
            // Far away: somebody deletes a bucket, on which a host may stand that another account needs.
            bucket,
            without(known("host:z", AssetKind::Host, &[]), Needs),
            known("account:w", AssetKind::Account, &[(StoredOn, "provider:p"), (Needs, "host:z")]),
        ]
    };
    let events = |bucket: Asset| {
        let graph = expand(&estate("bucket:b", assets(bucket)), &Catalogue::default());
        let policy = Policy { survive: [HazardClass::Credential].into(), ..Policy::default() };
        let (_, cuts) = isolate(&graph, &graph.inventory().volumes[0], &policy, now());
        cuts.events.iter().filter(|event| event.hazard.is_none()).count()
    };
    let bucket = || known("bucket:x", AssetKind::Bucket, &[]);
    assert_eq!(events(without(bucket(), DeletableBy)), 1);
    assert_eq!(events(bucket()), 0);
}

#[test]
fn a_copy_of_which_no_machine_is_named_may_be_on_any_that_nothing_tells_apart() {
    use Nature::StoredOn;
    let said = |on: &str| {
        let mut estate = estate(
            on,
            vec![
                known("provider:p", AssetKind::Provider, &[]),
                known("provider:q", AssetKind::Provider, &[]),
                known("account:a", AssetKind::Account, &[(StoredOn, "provider:p")]),
                known("account:b", AssetKind::Account, &[(StoredOn, "provider:p")]),
                known("host:h", AssetKind::Host, &[(StoredOn, "account:a"), (StoredOn, "provider:p")]),
                known("host:far", AssetKind::Host, &[(StoredOn, "provider:p")]),
                known("filesystem:f", AssetKind::Filesystem, &[(StoredOn, "host:h")]),
            ],
        );
        set_how(&mut estate, &How::Declared(Owner("the owner".into())));
        estate
    };
    let host = |name: &str| Hazard::Lost(AssetId(format!("host:{name}")));
    assert_eq!(ends(&said("provider:p"), host("h")), "may die");
    assert_eq!(ends(&said("provider:p"), host("far")), "may die", "it is not in the volume's slice");
    assert_eq!(ends(&said("provider:q"), host("h")), "stays");
    assert_eq!(ends(&said("account:b"), host("h")), "stays", "what is on a machine is in its account");
    assert_eq!(ends(&said("account:a"), host("h")), "may die");
    assert_eq!(ends(&said("host:far"), host("h")), "stays", "a machine is named");
    assert_eq!(
        ends(&said("provider:p"), Hazard::Lost(AssetId("filesystem:f".into()))),
        "may die",
        "so may it be on a part"
    );
    let mut seen = said("provider:p");
    set_how(&mut seen, &How::Observed(now()));
    assert_eq!(ends(&seen, host("h")), "stays", "a survey says where it looked");
}

fn set_how(estate: &mut Inventory, how: &How) {
    for bonds in estate.points.iter_mut().map(|point| &mut point.bonds) {
        let all: Vec<Bond> =
            bonds.list.iter().map(|bond| Bond { how: how.clone(), ..bond.clone() }).collect();
        bonds.list = all.into();
    }
}

/// A volume and its copy, of which all is known but the account; and an account that `hangs` so on something elsewhere.
fn without_account(kind: AssetKind, hangs: &[Nature], account: Asset) -> Inventory {
    use AssetKind::{Bucket, Device, Filesystem, Host, Network, Provider, Region, Site};
    use Nature::StoredOn;
    let beyond = |number: usize| {
        [("region", Region), ("site", Site), ("network", Network), ("provider", Provider)]
            .map(|(word, kind)| known(&format!("{word}:{number}"), kind, &[]))
    };
    let mut assets: Vec<Asset> = [1, 2, 3].into_iter().flat_map(beyond).collect();
    let on = |number: usize, kind, id: &str| {
        let ids = ["region", "site", "network", "provider"].map(|word| format!("{word}:{number}"));
        known(id, kind, &ids.each_ref().map(|id| (StoredOn, id.as_str())))
    };
    assets.extend([on(1, Host, "host:1"), on(2, Host, "host:2")]);
    assets.push(known("device:1", Device, &[(StoredOn, "host:1")]));
    assets.push(known("filesystem:f", Filesystem, &[(StoredOn, "device:1")]));
    assets.push(known("bucket:b", Bucket, &[(StoredOn, "host:2")]));
    assets.push(known("x:far", kind, &[]));
    let far: Vec<(Nature, &str)> = hangs.iter().map(|nature| (*nature, "x:far")).collect();
    let mut account = account;
    for (nature, on) in far {
        account.bonds = account.bonds.with(Bond::observed(nature, AssetId(on.into()), now()));
    }
    account.bonds.complete = Nature::ALL.into_iter().collect();
    assets.push(account);
    estate("bucket:b", assets)
}

#[test]
fn what_is_lost_elsewhere_counts_where_it_may_take_a_volume_and_its_copy() {
    use AssetKind::{Account, Device, Host, Key, Network, Region, Site, UpstreamProvider};
    use Nature::{Needs, StoredOn};
    let cases = [
        (Key, HazardClass::Key, "key-only-with-primary", Needs),
        (AssetKind::Catalogue, HazardClass::Catalogue, "catalogue-only-with-primary", Needs),
        (Region, HazardClass::Region, "same-region", Needs),
        (Site, HazardClass::Site, "same-site", Needs),
        (Network, HazardClass::Network, "same-network", StoredOn),
        (UpstreamProvider, HazardClass::Provider, "same-provider", Needs),
        (Host, HazardClass::Host, "same-host", Needs),
        (Device, HazardClass::Device, "same-device", Needs),
    ];
    for (kind, class, rule, nature) in cases {
        let says = |hangs: &[Nature], at: &[(Nature, &str)]| {
            let account = known("account:a", Account, at);
            let graph = expand(&without_account(kind, hangs, account), &Catalogue::default());
            let policy = Policy { survive: [class].into(), ..Policy::default() };
            let findings = judge(&graph, &policy, now()).remove(0).findings;
            findings.into_iter().find(|finding| finding.rule == rule).unwrap().verdict
        };
        let open = says(&[nature], &[]);
        let why = matches!(&open, Verdict::Undetermined(why) if why.contains("which account"));
        assert!(why, "{rule}: {open:?}");
        assert!(is_green(&says(&[], &[])), "{rule}: nothing hangs on it");
        let elsewhere = says(&[nature], &[(StoredOn, "provider:3")]);
        assert!(is_green(&elsewhere), "{rule}, of an account of another provider: {elsewhere:?}");
        // It may be the volume's account, and cannot be the copy's.
        let here = says(&[nature], &[(StoredOn, "provider:1")]);
        assert!(is_green(&here), "{rule}, of an account of the volume's provider: {here:?}");
    }
}

#[test]
fn what_two_providers_lose_is_two_events() {
    use AssetKind::{Account, Region};
    use Nature::{Needs, StoredOn};
    let mut inventory =
        without_account(Region, &[], known("account:1", Account, &[(StoredOn, "provider:1")]));
    for number in [1, 2] {
        let (region, on) = (format!("region:far{number}"), format!("provider:{number}"));
        inventory.assets.push(known(&region, Region, &[(StoredOn, &on)]));
        let account = format!("account:far{number}");
        inventory.assets.push(known(&account, Account, &[(StoredOn, &on), (Needs, &region)]));
    }
    let policy = Policy { survive: [HazardClass::Region].into(), ..Policy::default() };
    let graph = expand(&inventory, &Catalogue::default());
    let (_, cuts) = isolate(&graph, &graph.inventory().volumes[0], &policy, now());
    let unseen = cuts.events.iter().filter(|event| event.hazard.is_none());
    let told: Vec<&str> = unseen.map(|event| event.title.rsplit("; ").next().unwrap()).collect();
    let along = |number| format!("region far{number}, on provider {number}, may take that along");
    assert_eq!(told, [along(1), along(2)]);
    assert!(cuts.possible.sets.iter().all(|set| set.order() > 1), "{:?}", cuts.possible);
}

fn is_green(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass(_) | Verdict::NotApplicable(_))
}

#[test]
fn a_copy_of_which_no_machine_is_named_falls_perhaps_with_a_host_that_the_volume_is_tied_to_by_nothing() {
    use AssetKind::{Account, Host};
    use Nature::Needs;
    let says = |top_on: &str, needs: bool| {
        let on: &[(Nature, &str)] = if needs { &[(Needs, "x:far")] } else { &[] };
        let mut inventory = without_account(Host, &[], known("account:a", Account, on));
        // A volume of which no host is named either, or one on its own host.
        inventory.volumes[0].asset = AssetId(top_on.into());
        let beyond = ["region:1", "site:1", "network:1", "provider:1"].map(|on| (Nature::StoredOn, on));
        inventory.assets.push(known("volume:v", AssetKind::Volume, &beyond));
        let bonds = &mut inventory.points[0].bonds;
        let on = ["region:2", "site:2", "network:2", "provider:2"];
        let declared = |on: &str| {
            let how = How::Declared(Owner("the owner".into()));
            Bond { how, ..Bond::observed(Nature::StoredOn, AssetId(on.into()), now()) }
        };
        bonds.list = on.into_iter().map(declared).collect::<Vec<_>>().into();
        let policy = Policy { survive: [HazardClass::Host].into(), min_cut_order: 2, ..Policy::default() };
        let graph = expand(&inventory, &Catalogue::default());
        let findings = judge(&graph, &policy, now()).remove(0).findings;
        let verdict = |rule| findings.iter().find(|finding| finding.rule == rule).unwrap().verdict.clone();
        ["same-host", "cut-order"].map(verdict)
    };
    for top in ["filesystem:f", "volume:v"] {
        let open = says(top, true);
        assert!(open.iter().all(|verdict| matches!(verdict, Verdict::Undetermined(_))), "{top}: {open:?}");
    }
    assert!(says("filesystem:f", false).iter().all(is_green));
}

#[test]
fn a_key_elsewhere_that_copies_alone_may_need_leaves_none_of_them() {
    use AssetKind::{Account, Key};
    use Nature::{Needs, StoredOn};
    let says = |at: &str| {
        let account = known("account:a", Account, &[(StoredOn, at), (Needs, "x:far")]);
        let graph = expand(&without_account(Key, &[], account), &Catalogue::default());
        let policy = Policy { survive: [HazardClass::Key].into(), ..Policy::default() };
        let findings = judge(&graph, &policy, now()).remove(0).findings;
        findings.into_iter().find(|finding| finding.rule == "key-only-with-primary").unwrap().verdict
    };
    let open = says("provider:2");
    let named = matches!(&open, Verdict::Undetermined(why) if why.ends_with("; key far may take that along"));
    assert!(named, "{open:?}");
    assert!(is_green(&says("provider:3")));
}

#[test]
fn one_region_that_may_be_of_any_provider_is_one_event() {
    use AssetKind::{Account, Region};
    use Nature::{Needs, StoredOn};
    let mut inventory = without_account(Region, &[Needs], known("account:a", Account, &[]));
    for number in [1, 2, 3] {
        let (region, on) = (format!("region:of{number}"), format!("provider:{number}"));
        inventory.assets.push(known(&region, Region, &[(StoredOn, &on)]));
    }
    let policy = Policy { survive: [HazardClass::Region].into(), ..Policy::default() };
    let graph = expand(&inventory, &Catalogue::default());
    let (_, cuts) = isolate(&graph, &graph.inventory().volumes[0], &policy, now());
    let told: Vec<&str> =
        cuts.events.iter().filter(|event| event.is_elsewhere).map(|event| event.title.as_str()).collect();
    assert!(
        matches!(told[..], [one] if one.ends_with("stands on; region far may take that along")),
        "{told:?}"
    );
}
