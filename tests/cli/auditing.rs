//! `outlive audit`: what survives is shown, and what was not seen never counts as survived.

use super::place::{Place, tool};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A btrfs filesystem on a loop device, with a subvolume and two read-only snapshots of it.
fn btrfs_with_snapshots(place: &mut Place) -> PathBuf {
    let mount = place.filesystem("btrfs", "pool", 256);
    let data = mount.join("data");
    tool("btrfs", &["subvolume".as_ref(), "create".as_ref(), data.as_os_str()]);
    std::fs::write(data.join("orders"), vec![7; 300_000]).unwrap();
    for name in ["one", "two"] {
        let snapshot = mount.join(name);
        let words = ["subvolume", "snapshot", "-r"].map(AsRef::as_ref);
        tool("btrfs", &[words.as_slice(), &[data.as_os_str(), snapshot.as_os_str()]].concat());
    }
    data
}

/// The row about losing this class of thing.
#[track_caller]
fn row<'a>(audit: &'a Value, class: &str) -> &'a Value {
    let rows = audit["volumes"][0]["survival"].as_array().unwrap();
    let fits = |row: &&Value| row["class"] == class || row["also_class"] == class;
    rows.iter().find(fits).unwrap_or_else(|| panic!("no row {class} in {audit:#}"))
}

/// The text table's row about losing the volume's own filesystem, which comes first.
#[track_caller]
fn filesystem_line(text: &str) -> &str {
    text.lines().find(|line| line.contains("loss of filesystem")).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn losing_a_filesystem_with_its_snapshots_leaves_none_until_a_verified_copy_lies_elsewhere() {
    let mut place = Place::new();
    let data = btrfs_with_snapshots(&mut place);
    let vault = place.filesystem("ext4", "elsewhere", 64).join("vault");
    let ended = place.outlive(&[&"audit", &data]).end().expect(10);
    assert!(filesystem_line(&ended.stdout).contains("NONE"), "{}", ended.stdout);
    let json = place.outlive(&[&"audit", &data, &"--format", &"json"]).end().json("audit");
    assert_eq!(row(&json, "filesystem")["result"], "none");
    assert_eq!(json["exit_codes"][0], 10);

    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back").says("snapshot");
    place.outlive(&[&"verify", &vault]).end().expect(0).says("verified");
    let ended = place.outlive(&[&"audit", &data, &"--vault", &vault]).end();
    let line = filesystem_line(&ended.stdout);
    assert!(line.contains("verified") && !line.contains("NONE"), "{line}\n{}", ended.stdout);
    let json =
        place.outlive(&[&"audit", &data, &"--vault", &vault, &"--format", &"json"]).end().json("audit");
    let survivor = &row(&json, "filesystem")["survivor"];
    assert_eq!(survivor["state"], "verified");
    assert!(survivor["age_seconds"].as_i64().is_some_and(|age| (0..600).contains(&age)), "{survivor}");
}

#[test]
fn a_copy_that_this_machine_never_read_back_does_not_count() {
    let mut place = Place::new();
    let data = btrfs_with_snapshots(&mut place);
    let vault = place.filesystem("ext4", "elsewhere", 64).join("vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let empty = place.directory("empty-state");
    let audit: [&dyn AsRef<std::ffi::OsStr>; 6] = [&"audit", &data, &"--vault", &vault, &"--format", &"json"];
    let json = place.outlive_with_state(&empty, &audit).end().json("audit");
    assert_eq!(row(&json, "filesystem")["result"], "unknown", "{json:#}");
    assert_ne!(json["overall"], "sound");
    let json = place.outlive(&audit).end().json("audit");
    assert_eq!(row(&json, "filesystem")["survivor"]["state"], "read back");
}

#[test]
fn snapshots_inside_a_qcow2_share_its_file() {
    let place = Place::new();
    let image = place.path("disk.qcow2");
    tool(
        "qemu-img",
        &[
            "create".as_ref(),
            "-q".as_ref(),
            "-f".as_ref(),
            "qcow2".as_ref(),
            image.as_os_str(),
            "16M".as_ref(),
        ],
    );
    for name in ["monday", "tuesday"] {
        tool("qemu-img", &["snapshot".as_ref(), "-c".as_ref(), name.as_ref(), image.as_os_str()]);
    }
    place.outlive(&[&"audit", &image]).end().expect(10).says("same-file").says("NONE");
    let json = place.outlive(&[&"audit", &image, &"--format", &"json"]).end().expect(10).json("audit");
    let findings = json["volumes"][0]["findings"].as_array().unwrap();
    let same_file = findings.iter().find(|finding| finding["rule"] == "same-file").unwrap();
    assert_eq!(same_file["verdict"], "fail", "{same_file}");
}

#[test]
fn an_audit_that_saw_nothing_is_undetermined_in_every_format() {
    let place = Place::new();
    let nowhere = place.path("nowhere");
    place.outlive(&[&"audit", &nowhere]).end().expect(11);
    let json = place.outlive(&[&"audit", &nowhere, &"--format", &"json"]).end().expect(11).json("audit");
    assert_eq!((&json["overall"], json["volumes"].as_array().unwrap().len()), (&"undetermined".into(), 0));
    assert_eq!(json["gaps"].as_array().unwrap().len(), 1, "{json:#}");
    place.outlive(&[&"inventory", &nowhere]).end().expect(11);
    place.outlive(&[&"inventory", &nowhere, &"--format", &"json"]).end().expect(11).json("inventory");
}

#[test]
fn a_volume_that_may_not_be_read_is_undetermined() {
    let place = Place::new();
    let closed = place.file("closed/inner/data", "x");
    super::place::chmod(&place.path("closed"), 0o700);
    let json = place.outlive_as_nobody(&[&"audit", &closed, &"--format", &"json"]).end().json("audit");
    assert!(json["exit_codes"].as_array().unwrap().contains(&11.into()), "{json:#}");
    assert_ne!(json["overall"], "sound");
}

#[test]
fn beside_a_volume_that_was_seen_one_that_was_not_is_still_told() {
    let place = Place::new();
    let seen: &Path = &place.directory("seen");
    let json =
        place.outlive(&[&"audit", &seen, &place.path("nowhere"), &"--format", &"json"]).end().json("audit");
    let codes = json["exit_codes"].as_array().unwrap();
    assert!(codes.contains(&10.into()) && codes.contains(&11.into()), "{codes:?}");
}

#[test]
fn a_vault_that_cannot_be_read_is_a_gap_and_no_survivor() {
    let place = Place::new();
    let data = place.file("data/a", "x").parent().unwrap().to_owned();
    let vault = place.directory("no-vault");
    let json =
        place.outlive(&[&"audit", &data, &"--vault", &vault, &"--format", &"json"]).end().json("audit");
    assert!(json["gaps"].to_string().contains("no vault here"), "{json:#}");
    assert_ne!(json["overall"], "sound");
}

#[test]
fn a_file_below_an_overlay_that_nobody_read_is_no_recovery_point() {
    let place = Place::new();
    let (base, top) = (place.path("base.qcow2"), place.path("top.qcow2"));
    let create = ["create", "-q", "-f", "qcow2"].map(AsRef::as_ref);
    tool("qemu-img", &[create.as_slice(), &[base.as_os_str(), "4M".as_ref()]].concat());
    let on_base = ["-F".as_ref(), "qcow2".as_ref(), "-b".as_ref(), base.as_os_str(), top.as_os_str()];
    tool("qemu-img", &[create.as_slice(), &on_base].concat());
    let audit = ["--survive", "primary-deletion", "--format", "json"];
    let audit: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"audit", &top, &audit[0], &audit[1], &audit[2], &audit[3]];
    let json = place.outlive(&audit).end().expect(11).json("audit");
    assert_eq!(row(&json, "primary-deletion")["result"], "unknown", "{json:#}");
    assert!(json.to_string().contains("it may be empty"), "{json:#}");
}

#[test]
fn a_ledger_that_is_a_pipe_or_that_another_process_holds_does_not_hold_up_an_audit() {
    let place = Place::new();
    let data = place.file("data/a", "x").parent().unwrap().to_owned();
    let vault = place.path("vault");
    let held = place.path("held");
    place.outlive_with_state(&held, &[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let ledger = std::fs::File::open(held.join("ledger.jsonl")).unwrap();
    rustix::fs::flock(&ledger, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let pipe = place.directory("pipe");
    tool("mkfifo", &[pipe.join("ledger.jsonl")]);
    for (state, said) in [(pipe, "no regular file"), (held, "holds the lock of the ledger")] {
        let arguments: [&dyn AsRef<std::ffi::OsStr>; 8] =
            [&"audit", &data, &"--vault", &vault, &"--time-limit", &"2s", &"--format", &"json"];
        let mut audit = place.outlive_with_state(&state, &arguments).start();
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while audit.is_running() {
            let late = std::time::Instant::now() > patience;
            if late {
                audit.signal(rustix::process::Signal::KILL);
            }
            assert!(!late, "the audit hangs at {}", state.display());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let json = audit.end().json("audit");
        assert!(json["gaps"].to_string().contains(said), "{json:#}");
        assert_eq!(row(&json, "primary-deletion")["result"], "unknown", "{json:#}");
    }
}

/// An estate of which nothing can be seen: a database at a provider, a token that may delete its backups, and a host
/// from which that can be had.
fn declared(place: &Place) -> PathBuf {
    let text = r#"
[[volume]]
id = "orders-db"
stands_on = { provider = "railway", account = "acme", owner = "ops" }

[[asset]]
kind = "credential"
name = "ci-domains"
owner = "ops"
yielded_by = ["host:build-3"]

[[asset]]
kind = "host"
name = "build-3"
owner = "ops"

[[recovery_point]]
id = "b1"
volume = "orders-db"
kind = "named_copy"
owner = "ops"
taken_at = "2026-01-21"
stored_on = ["volume:orders-db"]
deletable_by = ["credential:ci-domains"]
cascades_from = ["volume:orders-db"]
"#;
    place.file("outlive.toml", text)
}

#[test]
fn what_if_and_explain_speak_of_a_declared_estate_and_say_what_is_not_known() {
    let place = Place::new();
    let config = declared(&place);
    let what_if =
        |hazard: &str| place.outlive(&[&"audit", &"--config", &config, &"--what-if", &hazard]).end();
    what_if("credential:ci-domains")
        .expect(11)
        .says("misuse of credential ci-domains (found on host build-3)");
    what_if("compromised:host:build-3").expect(11).says("takeover of host build-3");
    what_if("volume:orders-db").expect(0).says("deletion of volume orders-db").says("DIES");
    what_if("bad-data:volume:orders-db").says("bad data in volume orders-db");
    what_if("credential:ci-domain").expect(2).complains("did you mean credential:ci-domains?");
    what_if("orders-db").expect(0).says("deletion of volume orders-db");
    what_if("account:acme").says("loss of account railway/acme").says("DIES");
    what_if("acount:acme").expect(2).complains("did you mean account:railway/acme?");
    what_if("build-3").says("loss of host build-3");
    what_if("bad-data:host:build-3").expect(2).complains("is no volume");
    let both: [&dyn AsRef<std::ffi::OsStr>; 9] = [
        &"audit",
        &"--config",
        &config,
        &"--what-if",
        &"credential:ci-domains",
        &"--what-if",
        &"volume:orders-db",
        &"--format",
        &"json",
    ];
    let json = place.outlive(&both).end().expect(0).json("what-if");
    assert_eq!((&json["volumes"][0]["dies"], json["hazards"].as_array().unwrap().len()), (&1.into(), 2));

    let as_one = place.outlive(&[&both[..5], &[&"volume:orders-db", &"--format", &"json"]].concat());
    assert_eq!(as_one.end().expect(0).json("what-if")["volumes"], json["volumes"]);
    what_if("credential:ci-domains, orders-db")
        .expect(0)
        .says("misuse of credential")
        .says("deletion of volume");
    what_if(",").expect(2).complains("nothing here is called `,`");

    let explain = |what: &str| place.outlive(&[&"explain", &what, &"--config", &config]).end();
    explain("orders-db").expect(11).says("Under deletion of volume orders-db").says("What may also take it");
    explain("host:build-3").expect(11).says("Under loss of host build-3");
    explain("rpo").expect(0).says("Remedy: ");
    explain("railway.volume-backup").expect(0).says("dies, by volumeDelete").says("2026-11-22");
    explain("orders-bd").expect(2).complains("did you mean volume:orders-db?");
    let json: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"explain", &"orders-db", &"--config", &config, &"--format", &"json"];
    let json = place.outlive(&json).end().expect(11).json("explain-volume");
    assert_eq!(json["volumes"][0]["locks"][0]["lock"]["known"], "unknown", "{json:#}");
}

#[test]
fn an_estate_without_volumes_is_told_what_to_write() {
    let place = Place::new();
    let config = place.file("outlive.toml", "");
    let ended = place.outlive(&[&"audit", &"--config", &config]).end().expect(11);
    ended.says("What to do first: name a volume in the estate file");
}

#[test]
fn no_line_of_an_error_is_wider_than_a_hundred_columns_and_what_is_copied_stays_whole() {
    let place = Place::new();
    let config = place.path(&"deep/".repeat(40));
    let ended = place.outlive(&[&"audit", &"--config", &config]).end().expect(2);
    assert!(ended.stderr.contains(&"deep/".repeat(40)), "{}", ended.stderr);
    let ended = place.outlive(&[&"audit", &"--survive", &"everything"]).end().expect(2);
    assert!(ended.stderr.lines().all(|line| line.chars().count() <= 100), "{}", ended.stderr);
    let ended = place.outlive(&[&"explain", &"no-such-rule-or-anything"]).end().expect(2);
    assert!(ended.stderr.lines().all(|line| line.chars().count() <= 100), "{}", ended.stderr);
    assert!(ended.stderr.contains("\n       "), "the rest stands below the text: {}", ended.stderr);
}

#[test]
fn what_if_and_explain_take_paths_too() {
    let place = Place::new();
    let data = place.file("data/a", "x").parent().unwrap().to_owned();
    let name = data.to_str().unwrap();
    place.outlive(&[&"explain", &name, &data]).end().says("Under deletion of");
    place.outlive(&[&"explain", &name]).end().says("Under deletion of");
    let what_if = format!("volume:{name}");
    place.outlive(&[&"audit", &data, &"--what-if", &what_if]).end().says("DIES").says("NONE");
    let kind = place.outlive(&[&"explain", &"aws.rds-snapshot", &"--format", &"json"]);
    let kind = kind.end().expect(0).json("explain-kind");
    assert!(
        kind["statements"].as_array().unwrap().iter().all(|stated| !stated["source"].is_null()),
        "{kind:#}"
    );
    place
        .outlive(&[&"explain", &"aws.rds-snapshott"])
        .end()
        .expect(2)
        .complains("did you mean aws.rds-snapshot");
    place.outlive(&[&"explain", &"rpoo"]).end().expect(2).complains("did you mean rpo?");
}
