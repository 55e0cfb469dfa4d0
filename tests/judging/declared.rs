//! Declared estates: what the file says becomes an inventory, and is judged with what was seen.

use crate::estate::{asset, copy, is, now, stored_on, verdict};
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::estate::*;
use outlive::isolation::{Fate, expand, trace};
use outlive::report::text::{Look, audit};
use outlive::rules::{Judged, Overall, judge, judge_each, overall};
use std::collections::BTreeMap;

fn this() -> ThisHost {
    ThisHost { asset: AssetId("host:0123".into()), name: "Db1.example".into() }
}

fn stands(pairs: &[(AssetKind, &str)]) -> StandsOn {
    let assets = pairs.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect();
    StandsOn { assets, owner: Some(Owner("ops".into())) }
}

fn vault(endpoint: Option<&str>, stands_on: StandsOn) -> VaultEntry {
    let endpoint = endpoint.map(str::to_owned);
    let place = S3Place { bucket: "backups".into(), endpoint, ..S3Place::default() };
    VaultEntry {
        id: "offsite".into(),
        place: VaultPlace::S3(Box::new(place)),
        stands_on,
        bonds: Bonds::default(),
        lock: None,
        readers: Vec::new(),
        escrow_within: None,
        epoch_key: None,
        identity: None,
        waive_damage: None,
        waive_unread: None,
        line: 9,
    }
}

fn estate(host: StandsOn) -> Estate {
    Estate {
        path: "outlive.toml".into(),
        digest: String::new(),
        as_of: None,
        host,
        policies: BTreeMap::new(),
        providers: vec![],
        volumes: vec![],
        vaults: vec![],
        copies: vec![],
        assets: vec![],
        points: vec![],
        waivers: vec![],
        nightly: NightlyEntry {
            concurrency: 1,
            deadline: TimeDelta::hours(6),
            ping: None,
            webhook: None,
            textfile: None,
            evidence: None,
        },
        runbook: Default::default(),
        signing: None,
        drills: "drills".into(),
        drills_by: NamedBy::Custom,
        catalogue: outlive::catalogue::Catalogue::built_in().unwrap(),
        unhonoured: vec![],
    }
}

fn volume(id: &str, stands_on: StandsOn) -> VolumeEntry {
    VolumeEntry {
        id: VolumeId(id.into()),
        path: None,
        policy: "default".into(),
        owner: None,
        look_in: vec![],
        stands_on,
        bonds: Bonds::default(),
        waive_drill: None,
        plan_changed_at: None,
        is: None,
        after: Vec::new(),
        line: 3,
    }
}

/// `/srv/db` on a disk of this host, with a verified copy in the vault.
fn night(estate: &Estate, vault: &VaultEntry) -> Inventory {
    let mut inventory = Inventory {
        volumes: vec![Volume {
            id: VolumeId("host:/srv/db".into()),
            name: "/srv/db".into(),
            kind: VolumeKind::Filesystem,
            asset: AssetId("filesystem:data".into()),
        }],
        assets: vec![
            asset("filesystem:data", AssetKind::Filesystem, &["device:vda"]),
            asset("device:vda", AssetKind::Device, &["host:0123"]),
            asset("host:0123", AssetKind::Host, &[]),
        ],
        ..Inventory::default()
    };
    let (bonds, assets) = estate.vault_bonds(vault, &this());
    let mut point = copy("c", "nowhere", 1);
    point.bonds = bonds;
    inventory.merge(Inventory { points: vec![point], assets, ..Inventory::default() });
    inventory.merge(estate.declared(&this(), now()));
    estate.place_host(&mut inventory, &this());
    inventory
}

fn judged(inventory: &Inventory) -> Vec<Judged> {
    let policy = Policy { survive: HazardClass::ALL.into(), ..Policy::default() };
    judge(&expand(inventory, &Catalogue::built_in().unwrap()), &policy, now())
}

fn says(host: &[(AssetKind, &str)], vault: &VaultEntry, rule: &str, sort: &str) {
    let found = verdict(&judged(&night(&estate(stands(host)), vault))[0], rule);
    assert!(is(&found, sort), "{rule}: {found:?}, and not {sort}");
}

#[test]
fn host_and_vault_at_two_providers_are_apart_and_at_one_they_are_not() {
    use AssetKind::{Account, Provider, Region, UpstreamProvider};
    let own =
        |provider| [(Provider, provider), (UpstreamProvider, provider), (Region, "eu"), (Account, "acme")];
    let here = own("Hetzner");
    let s3 = Some("https://s3.example");
    let other = vault(s3, stands(&own("backblaze")));
    let same = vault(s3, stands(&[(Provider, "hetzner"), (Region, "eu"), (Account, "acme")]));
    for rule in ["same-provider", "same-region", "same-account"] {
        says(&here, &other, rule, "pass");
        says(&here, &same, rule, "fail");
        says(&[], &other, rule, "undetermined");
        says(&here, &vault(s3, StandsOn::default()), rule, "undetermined");
    }
    for rule in ["same-filesystem", "same-device", "same-host"] {
        says(&here, &other, rule, "pass");
        says(&here, &vault(s3, StandsOn::default()), rule, "undetermined");
    }
    says(&here, &other, "same-site", "undetermined");
    // Where nobody says on whom a provider builds, it may be on the other one.
    let silent = vault(s3, stands(&[(Provider, "backblaze"), (Region, "eu"), (Account, "acme")]));
    for rule in ["same-provider", "same-region", "same-account"] {
        says(&here, &silent, rule, "undetermined");
        says(&[here[0], here[2], here[3]], &other, rule, "undetermined");
    }
    // A name alone does not say whose region it is.
    says(&here, &vault(s3, stands(&[(Region, "eu")])), "same-region", "undetermined");
    let upstream = [(Provider, "railway"), (UpstreamProvider, "GCP")];
    says(&upstream, &vault(s3, stands(&[(Provider, "gcp")])), "same-provider", "fail");
}

#[test]
fn a_bucket_that_is_reached_at_this_machine_stands_on_it_whatever_is_declared() {
    let elsewhere = || stands(&[(AssetKind::Provider, "backblaze"), (AssetKind::Host, "nas")]);
    for here in [
        "http://127.0.0.1:8333",
        "http://127.9.9.9",
        "http://127.1:80/",
        "http://localhost:9000",
        "https://S3.localhost",
        "http://[::1]:8333",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0:1",
        "http://user:secret@localhost:9000/path",
        "http://db1:9000",
        "http://db1.example.:9000",
    ] {
        let vault = vault(Some(here), elsewhere());
        says(&[], &vault, "same-host", "fail");
        // On which of its disks is not known.
        says(&[], &vault, "same-device", "undetermined");
        let (_, assets) = estate(StandsOn::default()).vault_bonds(&vault, &this());
        let bucket = assets.iter().find(|asset| asset.kind == AssetKind::Bucket).unwrap();
        assert!(bucket.name.contains(" on this host, ") && !bucket.name.contains("secret"), "{here}");
    }
    for elsewhere_too in
        ["http://128.0.0.1", "https://db1.elsewhere", "https://localhost.example", "http://[::2]:1"]
    {
        says(&[], &vault(Some(elsewhere_too), elsewhere()), "same-host", "pass");
    }
    says(&[], &vault(None, elsewhere()), "same-host", "pass");
    // Named as a host, by name or id, it is the same machine.
    for name in ["db1", "DB1.example", "0123"] {
        let named = vault(Some("https://s3.example"), stands(&[(AssetKind::Host, name)]));
        says(&[], &named, "same-host", "fail");
    }
}

#[test]
fn who_may_delete_the_bucket_of_a_vault_can_be_said() {
    let said = |endpoint: &str, address: &str| {
        let mut estate = estate(StandsOn::default());
        let bonds = Nature::ALL.into_iter().fold(Bonds::default(), Bonds::complete);
        let id = AssetId(format!("bucket:{address}/backups"));
        estate.assets.push(DeclaredAsset {
            id: id.clone(),
            kind: AssetKind::Bucket,
            name: "ours".into(),
            bonds,
            line: 5,
        });
        let entry = vault(Some(endpoint), stands(&[(AssetKind::Provider, "backblaze")]));
        estate.vaults.push(entry.clone());
        let (points, assets) = estate.vault_bonds(&entry, &this());
        assert!(points.list.iter().any(|bond| bond.on == [id.clone()]), "{points:?}");
        assert!(assets.iter().all(|asset| asset.id != id), "it is there twice");
        let own = estate.declared(&this(), now()).assets;
        own.into_iter().find(|asset| asset.id == id).unwrap().bonds
    };
    let on = |bonds: &Bonds, id: &str| bonds.list.iter().any(|bond| bond.on == [AssetId(id.into())]);
    let elsewhere = said("https://s3.example", "s3.example");
    assert!(on(&elsewhere, "provider:backblaze") && elsewhere.is_complete(Nature::DeletableBy));
    assert!(elsewhere.is_complete(Nature::StoredOn) && !on(&elsewhere, "host:0123"));
    // What is reached at this machine is on it, whatever is said of it.
    let here = said("http://127.0.0.1:8333", "127.0.0.1:8333");
    assert!(on(&here, "host:0123") && !here.is_complete(Nature::StoredOn), "{here:?}");
    assert!(here.is_complete(Nature::DeletableBy));
}

#[test]
fn a_declared_point_is_no_survivor_for_certain() {
    let mut estate = estate(StandsOn::default());
    estate.volumes.push(volume("orders", stands(&[(AssetKind::Provider, "railway")])));
    estate.points.push(DeclaredPoint {
        id: "weekly".into(),
        volume: VolumeId("orders".into()),
        kind: PointKind::NamedCopy,
        catalogued: None,
        bytes: None,
        drilled_at: None,
        never_drilled: false,
        review_by: None,
        useless: None,
        taken_at: Some(now() - TimeDelta::hours(1)),
        lock: Some((LockMode::Compliance, None)),
        bonds: stored_on(&["provider:Backblaze"]),
        owner: Owner("ops".into()),
        line: 5,
    });
    estate.assets.push(DeclaredAsset {
        id: AssetId("provider:Backblaze".into()),
        kind: AssetKind::Provider,
        name: "Backblaze".into(),
        bonds: stored_on(&[]),
        line: 7,
    });
    let inventory = estate.declared(&this(), now());
    assert_eq!(inventory.volumes[0].kind, VolumeKind::Declared);
    let judged = judged(&inventory);
    for rule in ["no-recovery-point", "same-provider"] {
        let found = verdict(&judged[0], rule);
        assert!(
            matches!(&found, Verdict::Undetermined(why) if why.contains("declared by ops, never seen")),
            "{rule}: {found:?}"
        );
    }
    // What certainly goes, goes, whoever declared it.
    estate.points[0].bonds = stored_on(&["provider:railway"]);
    let shared = verdict(&self::judged(&estate.declared(&this(), now()))[0], "same-provider");
    assert!(is(&shared, "fail"), "{shared:?}");
}

#[test]
fn a_declared_volume_and_a_bucket_at_one_provider_may_share_a_machine() {
    let at =
        |provider: &str| stands(&[(AssetKind::Provider, provider), (AssetKind::UpstreamProvider, provider)]);
    let s3 = |provider: &str| vault(Some("https://s3.example"), at(provider));
    for (vault, stands_on, sort) in [
        (s3("railway"), at("railway"), "undetermined"),
        (s3("backblaze"), at("railway"), "pass"),
        (s3("backblaze"), StandsOn::default(), "undetermined"),
        (self::vault(None, StandsOn::default()), at("railway"), "undetermined"),
    ] {
        let mut estate = estate(StandsOn::default());
        let bonds = Bonds::default().complete(Nature::Needs).complete(Nature::CascadesFrom);
        estate.volumes.push(VolumeEntry { bonds, ..volume("orders", stands_on.clone()) });
        let mut inventory = night(&estate, &vault);
        inventory.points[0].of = Known::Observed(VolumeId("orders".into()), now());
        let all = judged(&inventory);
        let orders = all.iter().find(|judged| judged.volume.id.0 == "orders").unwrap();
        let found = verdict(orders, "same-device");
        assert!(is(&found, sort), "{stands_on:?} {vault:?}: {found:?}");
    }
}

#[test]
fn a_reference_to_a_volume_that_was_found_means_what_was_found() {
    let mut estate = estate(StandsOn::default());
    estate.points.push(DeclaredPoint {
        id: "beside".into(),
        volume: VolumeId("host:/srv/db".into()),
        kind: PointKind::NamedCopy,
        catalogued: None,
        bytes: None,
        drilled_at: None,
        never_drilled: false,
        review_by: None,
        useless: None,
        taken_at: None,
        lock: None,
        bonds: stored_on(&["volume:host:/srv/db"]),
        owner: Owner("ops".into()),
        line: 5,
    });
    let mut inventory = night(&estate, &vault(None, StandsOn::default()));
    inventory.points.retain(|point| point.id.0 == "declared:beside");
    assert!(is(&verdict(&judged(&inventory)[0], "same-device"), "fail"));
}

#[test]
fn what_is_asked_for_and_not_done_keeps_the_result_from_being_sound() {
    use AssetKind::{Provider, UpstreamProvider};
    let own = |provider| stands(&[(Provider, provider), (UpstreamProvider, provider)]);
    let mut estate = estate(own("hetzner"));
    estate.policies.insert(
        "default".into(),
        PolicyEntry {
            judged: Policy { survive: [HazardClass::Provider].into(), ..Policy::default() },
            rto: TimeDelta::hours(1),
            verify_within: TimeDelta::days(30),
            keep: outlive::domain::Keep::default(),
        },
    );
    let policies = estate.policies();
    assert_eq!(*policies.of(&VolumeId("any".into())), estate.policies["default"].judged);
    let mut inventory = night(&estate, &vault(Some("https://s3.example"), own("backblaze")));
    inventory.points[0].consistency = Known::Observed(Consistency::Crash, now());
    let come_to = |inventory: &Inventory| {
        let catalogue = Catalogue::built_in().unwrap();
        let graph = expand(inventory, &catalogue);
        let judged = judge_each(&graph, &policies, now());
        let look = Look { width: 100, colour: false };
        (overall(&judged, &graph), audit(&graph, &judged, &policies.default, &catalogue, now(), look))
    };
    let (sound, text) = come_to(&inventory);
    assert_eq!(sound, Overall::Sound, "{text}");
    estate.unhonoured.push(Unhonoured {
        key: "vault.offsite.lock".into(),
        because: "locks are not judged yet".into(),
        line: 12,
    });
    inventory.gaps.extend(estate.unhonoured_gaps());
    let (open, text) = come_to(&inventory);
    assert_eq!(open, Overall::Undetermined);
    assert!(text.contains("look at outlive.toml:12: vault.offsite.lock: locks are not judged yet"), "{text}");
    assert!(text.contains("1 thing the configuration asks for and nothing does:"), "{text}");
}

#[test]
fn an_encrypted_vault_falls_with_all_its_readers_keys_and_where_they_are_is_asked() {
    use AssetKind::{Account, Provider, Region, UpstreamProvider};
    let own =
        |provider| [(Provider, provider), (UpstreamProvider, provider), (Region, "eu"), (Account, "acme")];
    let mut encrypted = vault(Some("https://s3.example"), stands(&own("backblaze")));
    says(&own("Hetzner"), &encrypted, "key-only-with-primary", "not applicable");
    let reader = |key: &str| ReaderEntry { key: key.into(), role: ReaderRole::Reader, owner: None };
    encrypted.readers = vec![reader("age1one"), reader("age1two")];
    says(&own("Hetzner"), &encrypted, "key-only-with-primary", "undetermined");
    let key = |number: usize, on: &str| {
        let bonds = Nature::ALL.into_iter().fold(Bonds::default(), Bonds::complete);
        let id = AssetId(format!("key:offsite.reader-{number}"));
        let bonds = bonds.with(Bond {
            how: How::Declared(Owner("ops".into())),
            ..Bond::observed(Nature::StoredOn, AssetId(on.into()), now())
        });
        DeclaredAsset { id, kind: AssetKind::Key, name: format!("reader {number}"), bonds, line: 20 }
    };
    let lost = |lost: &[&str], kept_on: [&str; 2]| -> bool {
        let mut estate = estate(stands(&own("Hetzner")));
        estate.assets = vec![key(1, kept_on[0]), key(2, kept_on[1])];
        let graph = expand(&night(&estate, &encrypted), &Catalogue::built_in().unwrap());
        let set = lost.iter().map(|asset| Hazard::Lost(AssetId((*asset).into()))).collect();
        let policy = Policy { survive: HazardClass::ALL.into(), ..Policy::default() };
        let traced = trace(&graph, &graph.inventory().volumes[0], &[set], &policy, now());
        traced[0].points.iter().any(|points| matches!(points.reason.fate, Fate::Dies { .. }))
    };
    let safe = ["host:0123", "site:safe"];
    assert!(!lost(&["key:offsite.reader-1"], safe));
    assert!(lost(&["key:offsite.reader-1", "key:offsite.reader-2"], safe));
    assert!(!lost(&["host:0123"], safe));
    assert!(lost(&["host:0123"], ["host:0123", "device:vda"]));
}
