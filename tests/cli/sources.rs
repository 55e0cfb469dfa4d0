//! Sources that vanish, cannot be read or fail while they are copied: recorded, and never claimed.

use super::place::{Place, chmod, noise, tool};
use super::run::Ended;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A directory with `files` files of 600 kB each.
fn data(place: &Place, files: u64) -> PathBuf {
    (0..files).for_each(|number| drop(place.file(&format!("data/{number:02}"), noise(number, 600_000))));
    place.path("data")
}

/// The point is incomplete wherever it is told of, and saves nobody.
#[track_caller]
fn assert_incomplete(place: &Place, data: &Path, vault: &Path, copy: &Ended, missed: &str) {
    assert_eq!(copy.code, Some(14), "{}{}", copy.stdout, copy.stderr);
    let json = copy.json("copy");
    assert_eq!(json["state"], "incomplete");
    let paths: Vec<&str> =
        json["missed"].as_array().unwrap().iter().map(|missed| missed["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&missed), "{missed} is not among {paths:?}");
    let state = |code| {
        let listed = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().expect(code);
        listed.json("vault-list")["points"][0]["state"].clone()
    };
    assert_eq!(state(0), "incomplete");
    let verified = place.outlive(&[&"verify", &vault]).end().expect(11);
    assert!(
        verified.stdout.contains("incomplete") && !verified.stdout.contains("verified:"),
        "{}",
        verified.stdout
    );
    assert_eq!(state(0), "incomplete", "verifying made a whole of a part");
    let audit =
        place.outlive(&[&"audit", &data, &"--vault", &vault, &"--format", &"json"]).end().json("audit");
    assert_no_survivor(&audit);
    let target = place.path("refused");
    let refused = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(2);
    refused.complains("only incomplete recovery points").complains("--point");
    assert!(!target.exists());
}

#[track_caller]
fn assert_no_survivor(audit: &Value) {
    let rows = audit["volumes"][0]["survival"].as_array().unwrap();
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row["result"] != "survivor"), "{audit:#}");
}

#[test]
fn a_file_that_vanishes_during_a_copy_is_recorded_and_the_copy_is_never_called_whole() {
    let place = Place::new();
    let (data, vault) = (data(&place, 40), place.path("vault"));
    // Every write takes its time, so that the last file is removed while the first are copied.
    let run = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]);
    let mut copy = run.inject("pread64:delay_enter=20000").start();
    copy.wait_for("/data>, \"00\"");
    std::fs::remove_file(data.join("39")).unwrap();
    let copy = copy.end();
    assert!(copy.stdout.contains("vanished while it was being copied"), "{}", copy.stdout);
    assert_incomplete(&place, &data, &vault, &copy, "39");
    // The next copy is of what is there now, and whole.
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
}

#[test]
fn a_file_that_cannot_be_opened_any_more_is_recorded() {
    let place = Place::new();
    let (data, vault) = (data(&place, 3), place.path("vault"));
    // With a state of its own, so that both runs are the first of their ledger and make the same calls.
    let probe: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"copy", &data, &"--vault", &place.path("probe")];
    let probe = place.outlive_with_state(&place.path("state-of-probe"), &probe).end();
    let number = probe.count_until("openat", "/data>, \"01\"");
    let run = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]);
    let copy = run.inject(&format!("openat:error=ENOENT:when={number}")).end();
    assert!(copy.log.contains("\"01\", ") && copy.log.contains("(INJECTED)"), "nothing was injected");
    assert_incomplete(&place, &data, &vault, &copy, "01");
}

#[test]
fn a_file_that_an_ordinary_user_may_not_read_is_recorded() {
    let place = Place::new();
    let data = data(&place, 2);
    chmod(&place.file("data/secret", "root's own"), 0o600);
    let vault = place.directory("vault");
    chmod(&vault, 0o1777);
    let copy = place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end();
    assert_incomplete(&place, &data, &vault, &copy, "secret");
}

#[test]
fn a_read_error_in_the_midst_of_a_file_is_recorded() {
    let place = Place::new();
    let (data, vault) = (data(&place, 3), place.path("vault"));
    let probe = place.outlive(&[&"copy", &data, &"--vault", &place.path("probe")]);
    let number = probe.inject("pread64:delay_enter=1").end().count_until("pread64", "/data/00>");
    let run = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]);
    let copy = run.inject(&format!("pread64:error=EIO:when={}", number + 1)).end();
    assert!(copy.log.contains("(INJECTED)"), "nothing was injected");
    assert!(copy.stdout.contains("Input/output error"), "{}", copy.stdout);
    assert_incomplete(&place, &data, &vault, &copy, "00");
}

#[test]
fn a_directory_that_cannot_be_listed_is_recorded_and_the_rest_is_copied() {
    let place = Place::new();
    let data = data(&place, 2);
    chmod(place.file("data/closed/inside", "x").parent().unwrap(), 0o700);
    let vault = place.directory("vault");
    chmod(&vault, 0o1777);
    let copy = place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end();
    assert_incomplete(&place, &data, &vault, &copy, "closed");
    assert_eq!(copy.json("copy")["files"], 2);
}

#[test]
fn a_whole_source_that_is_gone_or_may_not_be_read_makes_no_point() {
    let place = Place::new();
    let vault = place.directory("vault");
    chmod(&vault, 0o1777);
    let closed = place.directory("closed");
    chmod(&closed, 0o700);
    place
        .outlive(&[&"copy", &place.path("gone"), &"--vault", &vault])
        .end()
        .expect(2)
        .complains("check the path");
    let refused = place.outlive_as_nobody(&[&"copy", &closed, &"--vault", &vault]).end();
    assert!([Some(2), Some(14)].contains(&refused.code), "{:?}", refused.code);
    refused.complains("Permission denied").complains("to do: ");
    tool("mkfifo", &[place.path("pipe")]);
    place.outlive(&[&"copy", &place.path("pipe"), &"--vault", &vault]).end().expect(2);
    assert!(!vault.join("roots").exists());
}
