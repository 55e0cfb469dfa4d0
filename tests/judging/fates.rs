//! Fates: what dies, what survives, and what cannot be said.

use crate::estate::*;
use chrono::TimeDelta;
use outlive::domain::*;
use outlive::isolation::{Cell, Fate, fate, single_points};

fn fate_in(estate: &Estate, point: &str, hazard: Hazard) -> Fate {
    fate(&estate.graph(), &PointId(point.into()), &[hazard].into(), TimeDelta::zero(), now())
}

#[test]
fn a_snapshot_dies_with_the_bottom_of_its_chain_and_the_path_says_how() {
    let Fate::Dies { path, .. } = fate_in(&incident(), "s1", lost("host:a")) else { panic!("it survived") };
    let words: Vec<String> =
        path.iter().map(|step| format!("{} {} {}", step.thing, step.verb, step.on)).collect();
    assert_eq!(words.first().unwrap(), "device vda is stored on host a");
    assert_eq!(words.last().unwrap(), "btrfs snapshot s1 is stored on filesystem data");
    assert_eq!(words.len(), 6);
}

#[test]
fn a_mirror_dies_when_both_sides_do() {
    let mut estate = incident();
    let mirror = Bond {
        nature: Nature::StoredOn,
        on: vec![AssetId("device:vda".into()), AssetId("device:sdb".into())],
        dies_at: 2,
        how: How::Observed(now()),
        grace: None,
    };
    estate.0.assets[1].bonds.list = vec![mirror].into();
    assert!(matches!(fate_in(&estate, "s1", lost("device:vda")), Fate::Survives { .. }));
    let both = [lost("device:vda"), lost("device:sdb")].into();
    let fate = fate(&estate.graph(), &PointId("s1".into()), &both, TimeDelta::zero(), now());
    let Fate::Dies { path, .. } = fate else { panic!("it survived the loss of both sides") };
    assert_eq!(path[0].on, "device sdb and device vda");
    let rows = estate.judged().survival.rows;
    assert!(!rows.iter().any(|row| row.title.contains("vda")), "the volume outlives one side of its mirror");
}

#[test]
fn bonds_that_make_no_sense_and_references_to_nothing_are_undetermined() {
    for dies_at in [0, 2, 9] {
        let mut estate = incident();
        estate.0.points[0].bonds.list[0].dies_at = dies_at;
        let fate = fate_in(&estate, "s1", lost("host:b"));
        assert!(
            matches!(fate, Fate::Undetermined { ref missing } if missing.contains("no sense")),
            "{fate:?}"
        );
    }
    let mut estate = incident();
    estate.0.points[0].bonds = stored_on(&["device:gone"]);
    let fate = fate_in(&estate, "s1", lost("host:b"));
    assert!(
        matches!(fate, Fate::Undetermined { ref missing } if missing.contains("device:gone")),
        "{fate:?}"
    );
    assert!(matches!(fate_in(&incident(), "s1", lost("host:nowhere")), Fate::Undetermined { .. }));
    assert!(matches!(fate_in(&incident(), "no such point", lost("host:a")), Fate::Undetermined { .. }));
}

#[test]
fn cycles_end() {
    let mut estate = incident();
    estate.0.assets[6].bonds = stored_on(&["filesystem:data"]);
    assert!(matches!(fate_in(&estate, "s1", lost("device:loop0")), Fate::Dies { .. }));
    assert!(estate.judged().survival.rows.len() > 5);
}

#[test]
fn two_things_with_one_id_are_believed_in_nothing() {
    let estate = incident().and_point(copy("s1", "filesystem:vault", 1));
    let graph = estate.graph();
    assert_eq!(graph.inventory().points.len(), 2);
    assert_eq!(graph.inventory().gaps.len(), 1);
    assert!(matches!(fate_in(&estate, "s1", lost("host:a")), Fate::Dies { .. } | Fate::Undetermined { .. }));
    let mut estate = incident();
    estate.0.assets.push(asset("filesystem:vault", AssetKind::Filesystem, &["host:a"]));
    let estate = estate.and_point(copy("c", "filesystem:vault", 1));
    assert!(matches!(fate_in(&estate, "c", lost("host:a")), Fate::Dies { .. }));
    assert!(matches!(fate_in(&estate, "c", lost("filesystem:data")), Fate::Undetermined { .. }));
}

#[test]
fn two_virtual_disks_may_be_one_disk_but_a_disk_is_never_on_a_file_above_it() {
    let estate = incident().opened("device:vda", Nature::StoredOn).opened("device:sdb", Nature::StoredOn);
    let estate = estate.and_point(copy("c", "filesystem:vault", 1));
    assert!(matches!(fate_in(&estate, "c", lost("device:vda")), Fate::Undetermined { .. }));
    assert!(matches!(fate_in(&estate, "c", lost("filesystem:root")), Fate::Survives { .. }));
    assert!(matches!(fate_in(&estate, "c", lost("host:a")), Fate::Undetermined { .. }));
    let one_disk = incident().opened("device:vda", Nature::StoredOn);
    let one_disk = one_disk.and_point(copy("c", "filesystem:vault", 1));
    assert!(matches!(fate_in(&one_disk, "c", lost("device:vda")), Fate::Survives { .. }));
}

#[test]
fn the_table_goes_from_the_deletion_down_to_the_host_and_flags_what_takes_all() {
    let judged = incident().judged();
    let titles: Vec<&str> = judged.survival.rows.iter().map(|row| row.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "deletion of /srv/db",
            "loss of filesystem data",
            "loss of device loop0",
            "loss of file /img.vol",
            "loss of filesystem root",
            "loss of device vda",
            "loss of host a"
        ]
    );
    assert!(
        matches!(&judged.survival.rows[0].cell, Cell::Survivor { point, .. } if incident().graph().id_at(*point).0 == "s1")
    );
    assert_eq!(single_points(&judged.survival.rows).len(), 6);
    let with_copy = incident().and_point(copy("c", "filesystem:vault", 3));
    let copied = with_copy.judged();
    assert!(single_points(&copied.survival.rows).is_empty());
    assert!(
        matches!(&copied.survival.rows[1].cell, Cell::Survivor { point, .. } if with_copy.graph().id_at(*point).0 == "c")
    );
}

#[test]
fn a_point_from_the_future_is_not_fresh() {
    let estate = incident().and_point(copy("c", "filesystem:vault", -5));
    let row = &estate.judged().survival.rows[1];
    assert!(matches!(&row.cell, Cell::Survivor { age: None, .. }), "{row:?}");
    assert!(matches!(estate.verdict("rpo"), Verdict::Undetermined(_)));
}

#[test]
fn a_volume_that_is_a_filesystem_is_not_listed_twice() {
    let mut estate = incident();
    estate.0.volumes[0].asset = AssetId("filesystem:data".into());
    let rows = estate.judged().survival.rows;
    assert_eq!(rows[0].also, Some(HazardClass::Filesystem));
    assert_eq!(rows.iter().filter(|row| row.title.contains("data")).count(), 0);
}

#[test]
fn a_token_that_closes_an_account_may_take_what_names_no_account() {
    let known = |mut bonds: Bonds| {
        bonds.complete = Nature::ALL.into_iter().collect();
        bonds
    };
    let mut estate = incident().and_point(copy("c", "filesystem:vault", 1));
    let mut account = asset("account:x", AssetKind::Account, &[]);
    let by = Bond::observed(Nature::AdministeredBy, AssetId("credential:t".into()), now());
    account.bonds = known(account.bonds.with(by));
    let mut token = asset("credential:t", AssetKind::Credential, &[]);
    token.bonds = known(token.bonds);
    let point = estate.0.points.iter_mut().find(|point| point.id.0 == "c").unwrap();
    point.bonds = known(point.bonds.clone());
    estate.0.assets.extend([account, token]);
    let misuse = || Hazard::Compromised(AssetId("credential:t".into()));
    assert!(matches!(fate_in(&estate, "c", misuse()), Fate::Undetermined { .. }));
    let host = estate.0.assets.iter_mut().find(|asset| asset.id.0 == "host:b").unwrap();
    host.bonds = known(stored_on(&["account:y"]));
    let mut other = asset("account:y", AssetKind::Account, &["provider:q"]);
    other.bonds = known(other.bonds);
    let mut provider = asset("provider:q", AssetKind::Provider, &[]);
    provider.bonds = known(provider.bonds);
    estate.0.assets.extend([other, provider]);
    for asset in &mut estate.0.assets {
        asset.bonds = known(asset.bonds.clone());
    }
    assert!(matches!(fate_in(&estate, "c", misuse()), Fate::Survives { .. }));
}

#[test]
fn what_was_never_seen_may_lie_below_a_region_that_is_open() {
    let mut estate = incident();
    let mut region = asset("region:r", AssetKind::Region, &[]);
    region.bonds.complete = Nature::ALL.into_iter().filter(|nature| *nature != Nature::StoredOn).collect();
    let mut point = copy("c", "region:r", 1);
    point.bonds.complete = Nature::ALL.into_iter().collect();
    let on = vec![AssetId("ghost".into()), AssetId("host:b".into())];
    let how = How::Observed(now());
    point.bonds.list.push(Bond { nature: Nature::StoredOn, on, dies_at: 2, how, grace: None });
    estate.0.assets.push(region);
    let estate = estate.and_point(point);
    assert!(matches!(fate_in(&estate, "c", lost("ghost")), Fate::Undetermined { .. }));
    // What a region stands on is no file on a disk, whatever it is.
    assert!(matches!(fate_in(&estate, "c", lost("device:vda")), Fate::Survives { .. }));
}

#[test]
fn what_was_never_seen_falls_when_it_is_deleted_and_perhaps_with_whoever_holds_it() {
    use Nature::{CascadesFrom, DeletableBy, StoredOn, YieldedBy};
    let says = |on: &[(Nature, &str)], hazard: Hazard| {
        let mut point = copy("c", "host:b", 1);
        let bond = |(nature, on): &(Nature, &str)| Bond::observed(*nature, AssetId((*on).into()), now());
        point.bonds.list = on.iter().map(bond).collect::<Vec<_>>().into();
        point.bonds.complete = Nature::ALL.into_iter().collect();
        let mut token = asset("credential:t", AssetKind::Credential, &[]);
        token.bonds.list = vec![Bond::observed(YieldedBy, AssetId("ghost".into()), now())].into();
        token.bonds.complete = Nature::ALL.into_iter().collect();
        let mut estate = incident();
        estate.0.assets.push(token);
        match fate_in(&estate.and_point(point), "c", hazard) {
            Fate::Dies { .. } => "dies",
            Fate::Undetermined { .. } => "may die",
            Fate::Survives { .. } => "stays",
        }
    };
    let (gone, held) = (|| deleted("ghost"), || Hazard::Compromised(AssetId("ghost".into())));
    assert_eq!(says(&[(StoredOn, "ghost")], gone()), "dies");
    assert_eq!(says(&[(StoredOn, "ghost")], held()), "may die", "what control of it means nobody knows");
    assert_eq!(says(&[(CascadesFrom, "ghost")], gone()), "dies");
    assert_eq!(says(&[(CascadesFrom, "ghost")], held()), "may die");
    assert_eq!(says(&[(DeletableBy, "ghost")], held()), "dies");
    assert_eq!(says(&[(DeletableBy, "credential:t")], held()), "dies", "a token is had from it");
    assert_eq!(says(&[(DeletableBy, "credential:t")], gone()), "stays", "nobody has it then");
    assert_eq!(says(&[(StoredOn, "host:b")], gone()), "stays");
}
