//! Nights into a real bucket.

use super::nightly_estate::{EstateFile, assert_task, nightly};
use super::place::{Place, noise};
use super::run::Run;
use super::servers::{ID, SECRET, seaweedfs};

/// A tree and a dump into a new bucket, with the keys of `KEYS`.
fn estate(place: &Place) -> EstateFile {
    let server = seaweedfs();
    place.file("data/file", noise(1, 3_000_000));
    let vault = format!(
        "[[vault]]\nid = \"bucket\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {:?}\nprefix = \"night/\"\n\
         writer = {{ env = \"KEYS\" }}",
        server.endpoint,
        server.new_bucket()
    );
    let file = EstateFile::new().with(&vault).vault("shelf", &place.path("vault"));
    let file = file.tree("tree", &place.path("data"), &["bucket", "shelf"]);
    file.script("dump", &place.directory("database"), "echo row", "bucket", "")
}

fn with_keys(place: &Place, secret: &str) -> Run {
    nightly(place, &["--format", "json"]).environment("KEYS", format!("{ID}:{secret}"))
}

#[test]
fn two_volumes_are_copied_into_a_bucket_in_one_night_and_nothing_is_due_in_the_next() {
    let place = Place::new();
    estate(&place).write(&place);
    let first = with_keys(&place, SECRET).end();
    let done = first.json("nightly");
    assert_task(&done, ("tree", "bucket"), "done", "read back");
    assert_task(&done, ("dump", "bucket"), "done", "read back");
    let second = with_keys(&place, SECRET).end();
    assert_eq!(second.json("nightly")["tasks"].as_array().unwrap().len(), 0, "{}", second.stdout);
    // The server is on this very host, and nobody says what it stores on: that is never sound.
    assert_eq!((first.code, second.code), (Some(11), Some(11)), "{}", second.stdout);
}

#[test]
fn a_bucket_whose_key_is_wrong_fails_its_copies_clearly_and_no_others() {
    let place = Place::new();
    estate(&place).write(&place);
    let ended = with_keys(&place, "canary-of-a-wrong-key").end().expect(14);
    let done = ended.json("nightly");
    assert_task(&done, ("tree", "shelf"), "done", "read back");
    assert_task(&done, ("tree", "bucket"), "failed", "credential");
    assert_task(&done, ("dump", "bucket"), "failed", "credential");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("canary-of-a-wrong-key"));
}
