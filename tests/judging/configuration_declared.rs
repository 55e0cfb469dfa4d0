//! What is declared beyond a machine: bonds of volumes and vaults, outlive's own credentials, points that somebody
//! answers for, waivers; and files that are very large.

use crate::configuration::read;
use crate::configuration_page::cloud;
use crate::estate::now;
use chrono::{TimeDelta, TimeZone, Utc};
use outlive::domain::*;
use outlive::estate::*;
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;

fn this() -> ThisHost {
    ThisHost { asset: AssetId("host:0123".into()), name: "db1.example".into() }
}

fn id(text: &str) -> AssetId {
    AssetId(text.into())
}

/// What the bonds of one nature name, in their order.
fn named(bonds: &Bonds, nature: Nature) -> Vec<&str> {
    bonds.of(nature).flat_map(|bond| &bond.on).map(|on| on.0.as_str()).collect()
}

#[test]
fn the_declared_cloud_of_the_page_is_one_graph_without_loose_ends() {
    let estate = read(cloud());
    assert_eq!(estate.unhonoured, []);
    let at = Utc.with_ymd_and_hms(2026, 4, 24, 12, 0, 0).unwrap();
    let inventory = estate.declared(&this(), at);
    assert_eq!(inventory.gaps, []);
    let bonds = inventory.assets.iter().map(|asset| &asset.bonds);
    for on in bonds.chain(inventory.points.iter().map(|point| &point.bonds)).flat_map(|bonds| &bonds.list) {
        assert!(on.on.iter().all(|on| inventory.asset(on).is_some()), "{on:?} hangs on nothing");
    }
    let volume = &inventory.asset(&id("volume:orders")).unwrap().bonds;
    assert_eq!(named(volume, Nature::CascadesFrom), ["project:railway/shop"]);
    assert_eq!(named(volume, Nature::DeletableBy), ["credential:ci-domains"]);
    assert_eq!(named(volume, Nature::AdministeredBy), ["account:railway/acme"]);
    let token = &inventory.asset(&id("credential:ci-domains")).unwrap().bonds;
    assert_eq!(named(token, Nature::YieldedBy), ["host:build-3"]);
    let [backup, export] = &inventory.points[..] else { panic!("{:?}", inventory.points) };
    let kind = (backup.kind, backup.catalogued.as_deref());
    assert_eq!(kind, (PointKind::Catalogued, Some("railway.volume-backup")));
    assert_eq!((backup.bytes.value(), &backup.usable), (Some(&48_000_000_000), &Usable::Yes));
    assert_eq!((export.kind, export.catalogued.as_deref()), (PointKind::Dump, None));
    let drilled = Utc.with_ymd_and_hms(2026, 2, 3, 0, 0, 0).unwrap();
    assert_eq!(export.drilled_at, Known::Declared(Some(drilled), Owner("payments".into())));
}

#[test]
fn bonds_of_a_volume_join_what_it_stands_on() {
    let estate = read(
        "[[volume]]\nid='a'\nowner='team'\nstands_on={provider='p'}\ncascades_from=['host:nas']\n\
         needs=[]\nadministered_by=['account:x']\n[[asset]]\nkind='account'\nname='x'\nowner='o'\n",
    );
    let inventory = estate.declared(&this(), now());
    let bonds = &inventory.asset(&id("volume:a")).unwrap().bonds;
    assert_eq!(named(bonds, Nature::StoredOn), ["provider:p"]);
    assert_eq!(named(bonds, Nature::CascadesFrom), ["host:nas"]);
    assert!(bonds.is_complete(Nature::AdministeredBy) && !bonds.is_complete(Nature::DeletableBy));
    let administered = bonds.of(Nature::AdministeredBy).next().unwrap();
    assert_eq!(administered.how, How::Declared(Owner("team".into())));
}

#[test]
fn bonds_of_a_volume_with_a_path_go_onto_what_was_found_and_looking_completes_where_its_bytes_are() {
    let estate = read(
        "[[volume]]\nid='a'\npath='/srv/a'\nstored_on=['host:db1']\ndeletable_by=['credential:t']\nneeds=[]\n\
         cascades_from=[]\nadministered_by=[]\n[[asset]]\nkind='credential'\nname='t'\nowner='o'\n",
    );
    let found = Asset {
        id: id("directory:1"),
        kind: AssetKind::Directory,
        name: "/srv/a".into(),
        bonds: Bonds::default().with(Bond::observed(Nature::StoredOn, id("filesystem:1"), now())),
    };
    let volume = Volume {
        id: VolumeId("a".into()),
        name: "/srv/a".into(),
        kind: VolumeKind::Directory,
        asset: found.id.clone(),
    };
    let mut inventory = Inventory { volumes: vec![volume], assets: vec![found], ..Inventory::default() };
    estate.place_host(&mut inventory, &this());
    let bonds = &inventory.asset(&id("directory:1")).unwrap().bonds;
    // This host is the one that the survey knows, by whatever name.
    assert_eq!(named(bonds, Nature::StoredOn), ["filesystem:1", "host:0123"]);
    assert_eq!(named(bonds, Nature::DeletableBy), ["credential:t"]);
    let complete: Vec<Nature> = bonds.complete.iter().collect();
    assert_eq!(complete, [Nature::CascadesFrom, Nature::AdministeredBy, Nature::Needs, Nature::DeletableBy]);
}

const BUCKET: &str = "[[vault]]\nid='off'\nkind='s3'\nbucket='bbb'\nendpoint='https://s3.example'\nreader={env='R'}\n\
    stands_on={provider='p',owner='ops'}\n";

#[test]
fn outlive_s_own_credentials_are_assets_and_who_may_delete_stays_open_until_it_is_said() {
    let estate = read(BUCKET);
    let (bonds, assets) = estate.vault_bonds(&estate.vaults[0], &this());
    assert!(!bonds.is_complete(Nature::DeletableBy) && named(&bonds, Nature::DeletableBy).is_empty());
    for role in ["credential:off.writer", "credential:off.reader"] {
        let own = assets.iter().find(|asset| asset.id.0 == role).unwrap();
        assert_eq!(own.kind, AssetKind::Credential);
        assert_eq!(named(&own.bonds, Nature::StoredOn), ["host:0123"]);
        assert_eq!(named(&own.bonds, Nature::YieldedBy), ["host:0123"]);
    }
    let said = read(&format!(
        "{BUCKET}deletable_by=['credential:off.writer']\nadministered_by=['account:root']\nneeds=['key:k']\n\
         [[asset]]\nkind='key'\nname='k'\nowner='o'\n[[asset]]\nkind='account'\nname='root'\nowner='o'\n"
    ));
    let (bonds, _) = said.vault_bonds(&said.vaults[0], &this());
    assert_eq!(named(&bonds, Nature::DeletableBy), ["credential:off.writer"]);
    assert_eq!(named(&bonds, Nature::Needs), ["key:k"]);
    assert!(bonds.is_complete(Nature::DeletableBy) && bonds.is_complete(Nature::AdministeredBy));
    assert!(bonds.of(Nature::Needs).all(|bond| bond.how == How::Declared(Owner("ops".into()))));
}

#[test]
fn an_asset_takes_the_place_of_outlive_s_own_credential_and_a_directory_has_none() {
    let own = "[[asset]]\nkind='credential'\nname='off.writer'\nowner='o'\nyielded_by=['host:ci']\n";
    let estate = read(&format!("{BUCKET}{own}"));
    let (_, assets) = estate.vault_bonds(&estate.vaults[0], &this());
    assert!(assets.iter().all(|asset| asset.id.0 != "credential:off.writer"));
    let declared = estate.declared(&this(), now());
    let writer = &declared.asset(&id("credential:off.writer")).unwrap().bonds;
    assert_eq!(named(writer, Nature::YieldedBy), ["host:ci"]);
    let shelf = read("[[vault]]\nid='v'\nkind='dir'\npath='/v'\ndeletable_by=[]\n");
    let (bonds, assets) = shelf.vault_bonds(&shelf.vaults[0], &this());
    assert!(assets.is_empty() && bonds.is_complete(Nature::DeletableBy));
    assert!(!bonds.is_complete(Nature::StoredOn));
}

#[test]
fn what_an_asset_leaves_out_a_stands_on_says() {
    let estate = read(
        "[[volume]]\nid='a'\nstands_on={provider='p',upstream_provider='u',region='r'}\n\
         [[asset]]\nkind='provider'\nname='P'\nowner='o'\ndeletable_by=[]\n",
    );
    let inventory = estate.declared(&this(), now());
    assert_eq!(inventory.assets.iter().filter(|asset| asset.id.0 == "provider:p").count(), 1);
    let bonds = &inventory.asset(&id("provider:p")).unwrap().bonds;
    assert_eq!(named(bonds, Nature::StoredOn), ["provider:u"]);
    assert!(bonds.is_complete(Nature::StoredOn) && bonds.is_complete(Nature::DeletableBy));
}

/// A file with one recovery point of these keys, and that point on 24 April 2026.
fn point(keys: &str) -> (Estate, Inventory) {
    let before = "[[volume]]\nid='a'\n[[recovery_point]]\nid='p'\nvolume='a'\nkind='replica'\nowner='ops'\n";
    let estate = read(&format!("{before}{keys}"));
    let at = Utc.with_ymd_and_hms(2026, 4, 24, 0, 0, 0).unwrap();
    let inventory = estate.declared(&this(), at);
    (estate, inventory)
}

#[test]
fn a_declared_point_counts_only_while_its_owner_answers_for_it() {
    let usable = |keys: &str| point(keys).1.points[0].usable.clone();
    assert_eq!(usable("review_by='2026-04-25'"), Usable::Yes);
    assert_eq!(usable("review_by='2026-04-24T00:00:01Z'"), Usable::Yes);
    for (keys, words) in [
        ("", "answer for it with a `review_by`"),
        ("review_by='2026-04-24'", "to be reviewed by 2026-04-24: see that it is still there"),
    ] {
        let Usable::Unproven(why) = usable(keys) else { panic!("{keys}") };
        assert!(why.starts_with("declared by ops, never seen") && why.contains(words), "{why}");
    }
    let Usable::No(why) = usable("review_by='2026-05-01'\nuseless='the key is lost'") else { panic!() };
    assert_eq!(why, "declared useless by ops: the key is lost");
    assert_eq!(point("").1.points[0].kind, PointKind::Replica);
}

#[test]
fn a_moment_that_is_still_to_come_is_a_gap_with_its_line_and_no_fact() {
    assert_eq!(
        point("drilled_at='never'\n").1.points[0].drilled_at,
        Known::Declared(None, Owner("ops".into()))
    );
    let (_, inventory) = point("taken_at='2026-04-25'\ndrilled_at='2026-04-26'\n");
    let said: Vec<(&str, &str)> =
        inventory.gaps.iter().map(|gap| (gap.place.as_str(), gap.detail.as_str())).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    for ((place, detail), words) in said.iter().zip([
        "`recovery_point.p.taken_at` is 2026-04-25 00:00 UTC, which is still to come",
        "`recovery_point.p.drilled_at` is 2026-04-26",
    ]) {
        assert_eq!(*place, "/etc/outlive/outlive.toml:3");
        assert!(detail.contains(words), "{detail}");
    }
    assert!(inventory.has_open_gaps());
    let point = &inventory.points[0];
    assert!(point.taken_at.is_unknown() && point.drilled_at.is_unknown());
    assert_eq!(self::point("taken_at='2026-04-24'\ndrilled_at='2026-04-24'\n").1.gaps, []);
}

#[test]
fn a_reference_that_nothing_answers_to_is_a_gap_with_the_first_line_that_names_it() {
    let (estate, inventory) = point("stored_on=['device:sdx','host:db1','host:nas']\nneeds=['device:sdx']\n");
    let (kind, name, bonds) = (AssetKind::Host, "db1".to_owned(), Bonds::default());
    let host = Asset { id: this().asset, kind, name, bonds };
    let inventory = Inventory { assets: vec![host], ..inventory };
    let gaps = estate.dangling_gaps(&inventory, &this());
    let said: Vec<(&GapScope, &str)> = gaps.iter().map(|gap| (&gap.scope, gap.place.as_str())).collect();
    let line = "/etc/outlive/outlive.toml:3";
    let missed = [GapScope::Below(id("device:sdx")), GapScope::Below(id("host:nas"))];
    assert_eq!(said, [(&missed[0], line), (&missed[1], line)]);
    assert!(gaps[0].detail.starts_with("device:sdx is named there, and was neither found nor declared"));
}

#[test]
fn waivers_are_read_with_their_lines_also_those_that_are_over() {
    let estate = read(
        "[[volume]]\nid='a'\n[[waiver]]\nrule='same-provider'\nvolume='a'\nowner='ops'\nreason='moving'\nuntil='2001-01-01'\n",
    );
    let until = Utc.with_ymd_and_hms(2001, 1, 1, 0, 0, 0).unwrap();
    let waiver = RuleWaiver {
        rule: "same-provider".into(),
        volume: VolumeId("a".into()),
        reason: "moving".into(),
        owner: Owner("ops".into()),
        until,
        undetermined: false,
    };
    assert_eq!(estate.waivers().collect::<Vec<_>>(), [(&waiver, 3)]);
    assert_eq!(estate.policies().waivers, [waiver]);
}

#[test]
fn credentials_that_yield_each_other_are_no_mistake() {
    let one = |name: &str, other: &str| {
        format!(
            "[[asset]]\nkind='identity'\nname='{name}'\nowner='o'\nyielded_by=['identity:{other}']\nadministered_by=['identity:{other}']\n"
        )
    };
    assert_eq!(read(&(one("a", "b") + &one("b", "a"))).assets.len(), 2);
}

/// A file of `count` volumes, each with an asset on the one before, a point, and a copy.
fn large(count: usize) -> String {
    let mut text = "[[vault]]\nid='v'\nkind='dir'\npath='/v'\n".to_owned();
    for place in 0..count {
        let on = if place == 0 { "provider:p".into() } else { format!("bucket:b{}", place - 1) };
        text += &format!(
            "[[volume]]\nid='v{place}'\npath='/srv/{place}'\nstands_on={{provider='p',account='a{place}'}}\n\
             [[asset]]\nkind='bucket'\nname='b{place}'\nowner='o'\nstored_on=['{on}']\n\
             [[recovery_point]]\nid='p{place}'\nvolume='v{place}'\nkind='dump'\nowner='o'\nstored_on=['bucket:b{place}']\n\
             [[copy]]\nvolume='v{place}'\nto='v'\nevery='1h'\n"
        );
    }
    text
}

/// The least processor time of three tries: others use this machine too.
fn shortest(work: impl Fn()) -> Duration {
    let used = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    };
    let once = || {
        let begun = used();
        work();
        used() - begun
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn four_times_as_many_tables_take_about_four_times_as_long_also_where_all_are_wrong() {
    type Change = fn(String) -> String;
    let changes: [Change; 3] = [
        |text| text,
        |text| text.replace("'bucket:b", "'bucket:c"),
        |text| text.replacen("'provider:p'", "'bucket:b1'", 1).replace("kind='dump'", "kind='damp'"),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let time = |count| {
            let text = change(large(count));
            shortest(|| {
                let estate = Estate::check(Path::new("outlive.toml"), &text);
                assert_eq!(estate.is_ok(), place == 0);
                if let Ok(estate) = estate {
                    assert_eq!(estate.declared(&this(), now()).points.len(), count);
                }
            })
        };
        let (few, many) = (time(1_000), time(4_000));
        let ratio = many.as_secs_f64() / few.as_secs_f64().max(0.000_1);
        assert!(ratio < 9.0, "change {place}: {few:?} and {many:?}, {ratio:.1} times as long");
    }
    let hundred_thousand = large(25_000);
    let estate = Estate::check(Path::new("outlive.toml"), &hundred_thousand).unwrap();
    assert_eq!(
        estate.volumes.len() + estate.assets.len() + estate.points.len() + estate.copies.len(),
        100_000
    );
    assert_eq!(estate.copies[0].longest, TimeDelta::hours(6));
}
