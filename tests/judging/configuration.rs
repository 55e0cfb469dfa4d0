//! An estate file that is right: what is read out of it.

use chrono::{TimeDelta, TimeZone, Utc};
use outlive::domain::*;
use outlive::estate::*;
use std::path::{Path, PathBuf};

/// The sketch of the design, with every `…` filled in.
const SKETCH: &str = r#"[policy.default]                  # also for volumes that nobody listed
rpo = "26h"                       # an error unless interval + longest copy fits into it
rto = "1h"
drill_every = "7d"
detect_within = "3d"              # how long bad data may go unnoticed
survive = ["primary-deletion", "device", "host", "account", "region", "provider", "credential", "key"]
min_cut_order = 2
locked_for = "35d"
keep = { daily = 14, weekly = 8, monthly = 12 }

[[provider]]
id = "railway"
kind = "railway"
token = { env = "RAILWAY_API_TOKEN" }      # env, file, systemd credential or command; never inline

[[volume]]                                  # observed by a provider, or declared
id = "orders-db"
is = "railway:3d2c42fb-0000-4000-8000-000000000000"
policy = "default"
owner = "payments"

[[vault]]
id = "offsite"
kind = "s3"                                 # or "dir"
endpoint = "https://s3.example"
bucket = "outlive-vault"
writer = { env = "OUTLIVE_WRITER" }         # roles: writer, reader
reader = { file = "/etc/outlive/reader" }
lock = { mode = "compliance" }
readers = ["age10nttr7uv5dh3alakgz6gndkexktzy8j43ntyax8t8ulrprqzx5nqf80eaa"]   # public keys
stands_on = { provider = "backblaze", account = "acme-dr", region = "eu-central" }

[[copy]]
volume = "orders-db"
from = { command = ["pg_dump", "--format=custom", "--dbname=orders"] }   # argv, never a shell
to = "offsite"
every = "24h"                               # slots of a schedule, not "last + 24h"
"#;

pub fn read(text: &str) -> Estate {
    Estate::parse(Path::new("/etc/outlive/outlive.toml"), text)
        .unwrap_or_else(|problem| panic!("{problem}\n{}", problem.remedy))
}

#[test]
fn the_sketch_of_the_design_is_read_as_it_stands() {
    let estate = read(SKETCH);
    let id = VolumeId("orders-db".into());
    let policy = estate.policy_of(&id);
    assert_eq!(policy.judged.rpo, TimeDelta::hours(26));
    assert_eq!((policy.rto, policy.judged.drill_every), (TimeDelta::hours(1), Some(TimeDelta::days(7))));
    use HazardClass::*;
    let wanted = [PrimaryDeletion, Device, Host, Account, Region, Provider, Credential, Key];
    assert_eq!(policy.judged.survive, wanted.into());
    assert_eq!((policy.judged.min_cut_order, policy.judged.locked_for), (2, Some(TimeDelta::days(35))));
    assert_eq!(policy.judged.detect_within, TimeDelta::days(3));
    assert_eq!(estate.volume(&id).unwrap().owner, Some(Owner("payments".into())));
    let vault = estate.vault("offsite").unwrap();
    let VaultPlace::S3(place) = &vault.place else { panic!("{vault:?}") };
    assert_eq!((&*place.bucket, place.endpoint.as_deref()), ("outlive-vault", Some("https://s3.example")));
    assert_eq!(place.writer, S3Access::Joined(SecretSource::Env("OUTLIVE_WRITER".into())));
    assert_eq!(place.reader, Some(S3Access::Joined(SecretSource::File("/etc/outlive/reader".into()))));
    assert_eq!(vault.stands_on.assets[&AssetKind::Account], "acme-dr");
    assert_eq!((vault.readers.len(), &vault.epoch_key, &vault.identity), (1, &None, &None));
    let copy = estate.copies_of(&id).next().unwrap();
    assert_eq!(
        (copy.every, copy.longest, copy.offset),
        (TimeDelta::hours(24), TimeDelta::hours(2), TimeDelta::zero())
    );
    let argv = ["pg_dump", "--format=custom", "--dbname=orders"].map(str::to_owned).to_vec();
    let (file, env) = ("orders-db.dump".into(), Default::default());
    assert_eq!(copy.from, CopyFrom::Command { argv, file, env, consistency: None });
    assert_eq!(estate.copies_to("offsite").count(), 1);
}

#[test]
fn what_the_sketch_asks_for_and_nobody_does_is_listed_by_line() {
    assert_eq!(read(SKETCH).unhonoured, []);
    let undone = read(&SKETCH.replace("kind = \"railway\"", "kind = \"fly\"")).unhonoured;
    let keys: Vec<(&str, usize)> = undone.iter().map(|undone| (&*undone.key, undone.line)).collect();
    for expected in [("provider.railway.kind", 13), ("volume.orders-db.is", 18)] {
        assert!(keys.contains(&expected), "{expected:?} in {keys:?}");
    }
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.is_sorted_by_key(|(_, line)| line), "{keys:?}");
    assert!(undone.iter().all(|undone| undone.because.len() > 20));
}

#[test]
fn a_provider_that_is_asked_has_a_token_and_bounds_and_a_volume_may_be_a_thing_of_it() {
    let estate = read(SKETCH);
    let provider = &estate.providers[0];
    assert_eq!(provider.token, Some(SecretSource::Env("RAILWAY_API_TOKEN".into())));
    assert_eq!((&provider.endpoint, provider.longest), (&None, TimeDelta::minutes(2)));
    assert_eq!(provider.credential(), AssetId("credential:railway.token".into()));
    let there = ("railway".to_owned(), "3d2c42fb-0000-4000-8000-000000000000".to_owned());
    assert_eq!(estate.volumes[0].is, Some(there));
    // What lies on this machine can be had from it; where else, an asset of that name says.
    let host = ThisHost { asset: AssetId("host:here".into()), name: "here".into() };
    let [token] = &*estate.tokens(&host) else { panic!("{:?}", estate.tokens(&host)) };
    let yielded: Vec<_> = token.bonds.of(Nature::YieldedBy).flat_map(|bond| &bond.on).collect();
    assert_eq!((&token.id, yielded), (&provider.credential(), vec![&host.asset]));
    let declared =
        "\n[[asset]]\nkind = \"credential\"\nname = \"railway.token\"\nowner = \"o\"\nyielded_by = []\n";
    assert_eq!(read(&format!("{SKETCH}{declared}")).tokens(&host), []);
    let own = SKETCH.replace(
        "kind = \"railway\"",
        "kind = \"railway\"\nendpoint = \"http://127.0.0.1:9/graphql\"\nlongest = \"30s\"",
    );
    let provider = &read(&own).providers[0];
    assert_eq!(provider.endpoint.as_deref(), Some("http://127.0.0.1:9/graphql"));
    assert_eq!(provider.longest, TimeDelta::seconds(30));
}

#[test]
fn an_empty_file_asks_for_nothing_and_has_the_default_policy() {
    let estate = read("");
    assert_eq!(estate.unhonoured, []);
    assert_eq!(estate.default_policy(), &PolicyEntry::default());
    let built_in = Policy { drill_every: Some(TimeDelta::days(30)), ..Policy::default() };
    assert_eq!(estate.default_policy().judged, built_in);
    assert_eq!(estate.drills, Path::new("/etc/outlive/drills"));
    assert_eq!(estate.nightly.deadline, TimeDelta::hours(6));
    assert!(estate.volumes.is_empty() && estate.vaults.is_empty() && estate.copies.is_empty());
    // SHA-256 of nothing.
    assert_eq!(estate.digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_policy_has_from_the_default_what_it_leaves_out() {
    let estate = read(
        "[policy.z]\nrpo = \"1h\"\n[policy.default]\nrpo = \"2h\"\nrto = \"10m\"\ndrill_every = \"never\"\n\
         [[volume]]\nid = \"a\"\npolicy = \"z\"\n[[volume]]\nid = \"b\"\n",
    );
    let policy = |id: &str| estate.policy_of(&VolumeId(id.into()));
    assert_eq!((policy("a").judged.rpo, policy("a").rto), (TimeDelta::hours(1), TimeDelta::minutes(10)));
    assert_eq!(policy("a").judged.drill_every, None);
    assert_eq!(policy("b").judged.rpo, TimeDelta::hours(2));
    assert_eq!(policy("never listed"), policy("b"));
}

#[test]
fn every_class_of_hazard_can_be_asked_for_and_a_narrower_word_means_its_class() {
    let words = HazardClass::ALL.map(|class| format!("'{}'", class.word())).join(",");
    let survive = |words: &str| {
        let estate = read(&format!("[policy.default]\nsurvive = [{words}]\n"));
        assert_eq!(estate.unhonoured, []);
        estate.default_policy().judged.survive.clone()
    };
    assert_eq!(survive(&words), HazardClass::ALL.into());
    assert_eq!(survive("'project', 'account', 'organisation'"), [HazardClass::Account].into());
    assert_eq!(survive("'upstream-provider', 'provider'"), [HazardClass::Provider].into());
}

#[test]
fn a_lock_that_the_default_policy_asks_for_is_asked_of_all() {
    let estate = read("[policy.default]\nlocked_for = '35d'\n[policy.z]\nrpo = '1h'\n");
    assert_eq!(estate.policies["z"].judged.locked_for, Some(TimeDelta::days(35)));
    assert_eq!(read("").default_policy().judged.locked_for, None);
}

#[test]
fn a_declared_topology_is_read_with_its_bonds() {
    let estate = read(TOPOLOGY);
    let owner = How::Declared(Owner("ops".into()));
    let key = &estate.assets[0];
    assert_eq!((&*key.id.0, key.kind), ("key:backup", AssetKind::Key));
    assert!(!key.bonds.is_complete(Nature::Needs), "what is not written down is not known");
    assert!(key.bonds.is_complete(Nature::StoredOn));
    let stored: Vec<&Bond> = key.bonds.of(Nature::StoredOn).collect();
    let two = vec![AssetId("host:a".into()), AssetId("host:b".into())];
    let grace = Some(Grace { seconds: 172_800 });
    assert_eq!(stored, [&Bond { nature: Nature::StoredOn, on: two, dies_at: 2, how: owner.clone(), grace }]);
    assert!(key.bonds.is_complete(Nature::YieldedBy) && key.bonds.of(Nature::YieldedBy).count() == 0);
    let point = &estate.points[0];
    assert_eq!((&*point.id, &*point.volume.0, point.kind), ("nightly", "db", PointKind::NamedCopy));
    assert_eq!(point.taken_at, Some(Utc.with_ymd_and_hms(2026, 11, 1, 2, 0, 0).unwrap()));
    let until = Utc.with_ymd_and_hms(2026, 12, 31, 0, 0, 0).unwrap();
    assert_eq!(point.lock, Some((LockMode::Compliance, Some(until))));
    assert_eq!(point.bonds.list.len(), 4);
    assert!(point.bonds.list.iter().all(|bond| bond.how == owner));
    assert_eq!(estate.host.assets[&AssetKind::Provider], "hetzner");
    assert_eq!(estate.host.owner, Some(Owner("ops".into())));
}

const TOPOLOGY: &str = r#"
[host]
stands_on = { provider = "hetzner", account = "acme", owner = "ops" }

[[volume]]
id = "db"

[[asset]]
kind = "key"
name = "backup"
owner = "ops"
stored_on = [{ any = ["host:a", "host:b"], dies_at = 2, grace = "48h" }]
yielded_by = []

[[recovery_point]]
id = "nightly"
volume = "db"
kind = "named_copy"
owner = "ops"
taken_at = 2026-11-01T02:00:00Z
lock = { mode = "compliance", until = "2026-12-31" }
stored_on = ["device:sdb", "provider:hetzner"]
cascades_from = ["volume:db"]
needs = ["key:backup"]
"#;

#[test]
fn times_of_day_move_the_slots() {
    for (every, at, hours) in
        [("24h", "02:00", 2), ("6h", "02:00", 2), ("6h", "21:00", 3), ("7d", "23:00", 23), ("1d", "00:00", 0)]
    {
        let text = format!(
            "[policy.default]\nrpo=\"90d\"\n[[volume]]\nid='a'\npath='/a'\n[[vault]]\nid='v'\nkind='dir'\npath='/v'\n\
             [[copy]]\nvolume='a'\nto='v'\nevery='{every}'\nat='{at}'\n"
        );
        assert_eq!(read(&text).copies[0].offset, TimeDelta::hours(hours), "{every} {at}");
    }
}

#[test]
fn a_copy_may_take_what_the_rpo_leaves_but_no_more_than_six_hours() {
    for (rpo, every, longest) in [("26h", "24h", 2), ("90d", "24h", 6), ("3h", "2h", 1)] {
        let text = format!(
            "[policy.default]\nrpo='{rpo}'\n[[volume]]\nid='a'\npath='/a'\n[[vault]]\nid='v'\nkind='dir'\npath='/v'\n\
             [[copy]]\nvolume='a'\nto='v'\nevery='{every}'\n"
        );
        assert_eq!(read(&text).copies[0].longest, TimeDelta::hours(longest), "{rpo} {every}");
    }
}

#[test]
fn a_slower_second_copy_is_no_mistake() {
    let estate = read(
        "[[volume]]\nid='a'\npath='/a'\n[[vault]]\nid='v'\nkind='dir'\npath='/v'\n[[vault]]\nid='w'\nkind='dir'\npath='/w'\n\
         [[copy]]\nvolume='a'\nto='v'\nevery='24h'\n[[copy]]\nvolume='a'\nto='w'\nevery='7d'\n",
    );
    assert_eq!(estate.copies_of(&VolumeId("a".into())).count(), 2);
    assert_eq!(estate.copies[1].longest, TimeDelta::hours(6));
}

#[test]
fn relative_paths_begin_at_the_file_s_directory() {
    let estate = read(
        "drills='d'\n[nightly]\ntextfile='out.prom'\nevidence='/var/e'\nping={file='ping'}\n[[volume]]\nid='a'\npath='./data/'\n\
         look_in=['../b']\n[[vault]]\nid='v'\nkind='dir'\npath='v'\n[[copy]]\nvolume='a'\nto='v'\nevery='1h'\n\
         from={command=['./dump','x'],file='x.sql',env={PGPASSWORD={command=['bin/pass']}}}\n",
    );
    let at = |rest: &str| PathBuf::from("/etc/outlive").join(rest);
    assert_eq!(estate.drills, at("d"));
    assert_eq!(estate.volumes[0].path, Some(at("data")));
    assert_eq!(estate.volumes[0].look_in, [at("../b")]);
    assert_eq!(estate.vaults[0].place, VaultPlace::Dir(at("v")));
    assert_eq!(estate.nightly.textfile, Some(at("out.prom")));
    assert_eq!(estate.nightly.evidence, Some("/var/e".into()));
    assert_eq!(estate.nightly.ping, Some(SecretSource::File(at("ping"))));
    let CopyFrom::Command { argv, env, .. } = &estate.copies[0].from else { panic!() };
    assert_eq!(argv, &["/etc/outlive/dump", "x"]);
    assert_eq!(env["PGPASSWORD"], SecretSource::Command(vec!["/etc/outlive/bin/pass".into()]));
}

#[test]
fn a_bucket_is_read_with_each_way_to_name_its_credential() {
    let env = |name: &str| SecretSource::Env(name.into());
    let keys = |session| S3Access::Keys { id: env("I"), secret: env("S"), session };
    for (written, expected) in [
        ("", S3Access::Environment),
        ("writer={profile='p'}", S3Access::Profile("p".into())),
        ("writer={credential='c'}", S3Access::Joined(SecretSource::Credential("c".into()))),
        ("writer={access_key_id={env='I'},secret_access_key={env='S'}}", keys(None)),
        (
            "writer={access_key_id={env='I'},secret_access_key={env='S'},session_token={env='T'}}",
            keys(Some(env("T"))),
        ),
        (
            "writer={role='arn:aws:iam::1:role/r',profile='p'}",
            S3Access::Role { arn: "arn:aws:iam::1:role/r".into(), profile: Some("p".into()) },
        ),
    ] {
        let text = format!(
            "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nprefix='a/b'\nregion='eu-1'\naddressing='host'\n\
             endpoint='http://127.0.0.1:9000/'\n{written}\n"
        );
        let VaultPlace::S3(place) = read(&text).vaults.remove(0).place else { panic!() };
        assert_eq!(place.writer, expected, "{written}");
        assert_eq!(
            (&*place.prefix, place.region.as_deref(), place.addressing),
            ("a/b/", Some("eu-1"), Addressing::Host)
        );
        assert_eq!(place.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    }
}
