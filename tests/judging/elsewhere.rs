//! What happens elsewhere in an estate reaches a recovery point only through what is not known of it.

use crate::estate::{asset, copy, now, stored_on};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Fate, expand, fate, isolate};
use outlive::rules::judge;

fn known(id: &str, kind: AssetKind, list: &[(Nature, &str)]) -> Asset {
    let mut asset = asset(id, kind, &[]);
    for (nature, on) in list {
        asset.bonds = asset.bonds.with(Bond::observed(*nature, AssetId((*on).into()), now()));
    }
    asset.bonds.complete = Nature::ALL.into_iter().collect();
    asset
}

fn without(mut asset: Asset, nature: Nature) -> Asset {
    asset.bonds.complete.remove(nature);
    asset
}

/// One copy on a place, of which everything is known, and the assets.
fn estate(on: &str, assets: Vec<Asset>) -> Inventory {
    let mut copy = copy("c", on, 1);
    copy.bonds = stored_on(&[on]);
    copy.bonds.complete = Nature::ALL.into_iter().collect();
    let volume = Volume {
        id: VolumeId("host:/srv/db".into()),
        name: "/srv/db".into(),
        kind: VolumeKind::Filesystem,
        asset: AssetId("filesystem:f".into()),
    };
    Inventory { volumes: vec![volume], points: vec![copy], assets, gaps: vec![] }
}

fn ends(inventory: &Inventory, hazard: Hazard) -> &'static str {
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
    assert_eq!(ends(&administered, taken("identity:i")), "dies");
    let unsaid = estate(without(provider(&[]), AdministeredBy));
    assert_eq!(ends(&unsaid, taken("identity:i")), "may die", "it is not known who acts as the provider");
    assert_eq!(ends(&estate(provider(&[(StoredOn, "host:h")])), taken("host:h")), "dies");
    assert_eq!(ends(&estate(without(provider(&[]), StoredOn)), taken("host:h")), "may die");
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
