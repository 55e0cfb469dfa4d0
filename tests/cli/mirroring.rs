//! A bucket that somebody else writes to, copied by an estate file: restored byte for byte, judged by where it lies.

use super::locking::block;
use super::place::{Place, noise};
use super::proxy::Proxy;
use super::run::Run;
use super::servers::{ID, SECRET, client, seaweedfs};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A repository as pgBackRest makes one, below a directory.
pub fn repository(place: &Place) -> PathBuf {
    let (full, next) = ("20261129-020000F", "20261129-020000F_20261130-020000I");
    for (backup, seed) in [(full, 1), (next, 2)] {
        let file = |name: &str, bytes: Vec<u8>| {
            drop(place.file(&format!("repo/backup/main/{backup}/{name}"), bytes))
        };
        file("backup.manifest", format!("[backup]\nbackup-label=\"{backup}\"\n").into_bytes());
        file("backup.manifest.copy", format!("[backup]\nbackup-label=\"{backup}\"\n").into_bytes());
        file("pg_data/PG_VERSION.zst", noise(seed, 20));
        file("pg_data/base/5/1259.zst", noise(seed + 10, 900_000));
        (0..30).for_each(|number| {
            file(&format!("pg_data/base/5/{}.zst", 2600 + number), noise(seed + number, 4000))
        });
    }
    for number in 1..40 {
        let name = format!(
            "repo/archive/main/15-1/0000000100000000/0000000100000000000000{number:02X}-{:040x}.zst",
            number * 7
        );
        place.file(&name, noise(100 + number, 60_000));
    }
    for info in ["archive/main/archive.info", "backup/main/backup.info"] {
        for name in [info.to_owned(), format!("{info}.copy")] {
            place.file(&format!("repo/{name}"), "[backrest]\nbackrest-format=5\n");
        }
    }
    place.path("repo")
}

/// Writes what lies below a directory into a bucket, as its owner does.
pub fn upload(directory: &Path, bucket: &str, prefix: &str) {
    let client = client(&seaweedfs().endpoint);
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            if entry.path().is_dir() {
                waiting.push(entry.path());
                continue;
            }
            let key = entry.path().strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
            let body = ByteStream::from(std::fs::read(entry.path()).unwrap());
            let request = client.put_object().bucket(bucket).key(format!("{prefix}{key}")).body(body);
            block(request.send()).unwrap();
        }
    }
}

/// An estate with a mirror of a new bucket into a directory; the bucket's name.
fn estate(place: &Place) -> String {
    let server = seaweedfs();
    let bucket = server.new_bucket();
    let file = format!(
        r#"[policy.default]
rpo = "26h"
drill_every = "never"
survive = ["primary-deletion"]
[[volume]]
id = "archive"
owner = "ops"
stands_on = {{ provider = "railway", account = "acme", owner = "ops" }}
deletable_by = ["credential:archive.source"]
[[vault]]
id = "shelf"
kind = "dir"
path = {:?}
[[copy]]
volume = "archive"
to = "shelf"
every = "24h"
[copy.from.s3]
endpoint = {:?}
bucket = {bucket:?}
prefix = "pgbackrest/repo1"
reader = {{ env = "KEYS" }}
"#,
        place.path("vault"),
        server.endpoint,
    );
    place.file("outlive.toml", file);
    bucket
}

fn outlive(place: &Place, arguments: &[&str]) -> Run {
    place.outlive_by_file(arguments).environment("KEYS", format!("{ID}:{SECRET}"))
}

#[test]
fn a_repository_in_a_bucket_is_mirrored_and_comes_back_byte_for_byte() {
    let place = Place::new();
    let bucket = estate(&place);
    let repository = repository(&place);
    upload(&repository, &bucket, "pgbackrest/repo1/");
    // What lies beside the prefix is none of it.
    upload(place.file("beside/x", "x").parent().unwrap(), &bucket, "pgbackrest/repo10/");
    let first = outlive(&place, &["--format", "json", "copy", "archive"]).end().expect(0).json("copy");
    assert_eq!((&first["state"], &first["files"]), (&"read back".into(), &111.into()), "{first:#}");
    let second = outlive(&place, &["--format", "json", "copy", "archive"]).end().expect(0).json("copy");
    assert!(second["written_bytes"].as_u64().unwrap() < 10_000, "{second:#}");
    let target = place.path("restored");
    outlive(&place, &["restore", "--vault", "shelf", "archive", "--to", target.to_str().unwrap()])
        .end()
        .expect(0);
    assert_same_bytes(&repository, &target);
    let audit = outlive(&place, &["--format", "json", "audit"]).end().json("audit");
    assert_lies_in(&audit, &bucket);
}

/// Names and bytes: a bucket has no owners, modes and times of directories.
pub fn assert_same_bytes(original: &Path, restored: &Path) {
    let same =
        super::hand::output(std::process::Command::new("diff").arg("-r").args([original, restored])).unwrap();
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
}

/// The volume is in the bucket, which dies with the account; what its copy is is told.
fn assert_lies_in(audit: &Value, bucket: &str) {
    let text = audit.to_string();
    assert!(text.contains("archive.source"), "{audit:#}");
    // A server on this very machine stores nobody knows where: that is told of the bucket, and not of the account alone.
    let on_this_host = text.contains(&format!("bucket {bucket} at 127.0.0.1"));
    assert!(on_this_host, "{audit:#}");
}

#[test]
fn a_mirror_of_one_moment_is_told_as_such() {
    let place = Place::new();
    let bucket = estate(&place);
    upload(&repository(&place), &bucket, "pgbackrest/repo1/");
    outlive(&place, &["copy", "archive"]).end().expect(0);
    let inventory = outlive(&place, &["--format", "json", "inventory"]).end().json("inventory");
    let copies = inventory["recovery_points"].as_array().unwrap();
    assert_eq!(copies.len(), 1, "{inventory:#}");
    assert_eq!(copies[0]["consistency"], "crash", "{copies:#?}");
    // The credential that reads the bucket is one of those that may destroy the volume.
    let credentials = outlive(&place, &["credentials"]).end();
    assert!(credentials.stdout.contains("archive.source"), "{}", credentials.stdout);
}

#[test]
fn a_vault_below_the_prefix_an_empty_prefix_and_a_wrong_key_are_refused_clearly() {
    let place = Place::new();
    let bucket = estate(&place);
    let empty = outlive(&place, &["copy", "archive"]).end();
    assert!([Some(2), Some(14)].contains(&empty.code), "{:?}", empty.code);
    empty.complains("no object below this prefix").complains("to do: check bucket and prefix");
    assert!(!place.path("vault").exists(), "a vault was made for nothing");
    let wrong =
        place.outlive_by_file(&["copy", "archive"]).environment("KEYS", format!("{ID}:canary-canary-canary"));
    let wrong = wrong.end();
    assert!(!wrong.stderr.contains("canary-canary"), "{}", wrong.stderr);
    wrong.complains("credential");
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    // The same server, written otherwise: that shows only once both are put in one form.
    let named = |host: &str| seaweedfs().endpoint.replace("127.0.0.1", host);
    let vault = format!(
        "kind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nprefix = \"pgbackrest/repo1/vault\"\nwriter = {{ env = \"KEYS\" }}",
        named("LOCALHOST"),
    );
    let file = file.replace(&seaweedfs().endpoint, &named("localhost"));
    let dir = format!("kind = \"dir\"\npath = {:?}", place.path("vault"));
    assert!(file.contains(&dir));
    place.file("outlive.toml", file.replace(&dir, &vault));
    upload(place.file("some/x", "x").parent().unwrap(), &bucket, "pgbackrest/repo1/");
    let refused = outlive(&place, &["copy", "archive"]).end();
    refused.expect(2).complains("lies where it is to be copied from");
}

/// A list of one object, and of one whose key climbs out of the tree and moves the terminal.
const ODD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><IsTruncated>false</IsTruncated>\
    <EncodingType>url</EncodingType>\
    <Contents><Key>pgbackrest/repo1/x</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag><Size>9</Size></Contents>\
    <Contents><Key>pgbackrest/repo1/%2E%2E/up%1B%5B2J</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag>\
    <Size>9</Size></Contents></ListBucketResult>";

#[test]
fn a_copy_with_a_key_that_is_no_file_is_incomplete_everywhere_and_names_it_safely() {
    let place = Place::new();
    let bucket = estate(&place);
    upload(place.file("some/x", noise(3, 1000)).parent().unwrap(), &bucket, "pgbackrest/repo1/");
    let proxy = Proxy::start(&seaweedfs().endpoint);
    proxy.instead(|head| head.line().contains("list-type=2").then(|| ("200 OK".to_owned(), ODD.to_owned())));
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    place.file("outlive.toml", file.replace(&seaweedfs().endpoint, &proxy.endpoint));
    let copied = outlive(&place, &["copy", "archive"]).end().expect(14);
    assert!(copied.stdout.contains("incomplete") && copied.stdout.contains("../up"), "{}", copied.stdout);
    assert!(!copied.stdout.contains('\u{1b}') && !copied.stderr.contains('\u{1b}'));
    let again = outlive(&place, &["--format", "json", "copy", "archive"]).end().expect(14).json("copy");
    assert_eq!((&again["state"], &again["missed_count"]), (&"incomplete".into(), &1.into()), "{again:#}");
    // What was listed is not what is there: that is told, and no point claims a moment.
    assert!(again["notices"].to_string().contains("of no one moment"), "{again:#}");
    let target = place.path("restored");
    let restore = ["restore", "--vault", "shelf", "archive", "--to", target.to_str().unwrap()];
    outlive(&place, &restore).end().expect(2).complains("only incomplete recovery points");
}
