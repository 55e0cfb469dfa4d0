//! The ledger: damage to it is noticed, and what it knew of cannot vanish from a vault unnoticed.

use super::place::{Place, assert_same, names};
use std::fs;
use std::path::PathBuf;

fn copied(place: &Place) -> (PathBuf, PathBuf) {
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let vault = place.path("vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    (data, vault)
}

#[test]
fn a_damaged_ledger_proves_nothing_and_is_not_written_on() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let path = place.path("state/ledger.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let audit =
        place.outlive(&[&"audit", &data, &"--vault", &vault, &"--format", &"json"]).end().json("audit");
    assert!(audit["gaps"].to_string().contains("ledger cannot be read"), "{audit:#}");
    assert_ne!(audit["overall"], "sound");
    let rows = audit["volumes"][0]["survival"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["result"] != "survivor"), "{audit:#}");
    let copy = place.outlive(&[&"copy", &data, &"--vault", &vault]).end();
    assert!(copy.code == Some(14), "{:?}", copy.code);
    copy.complains("ledger was altered or damaged").complains("to do: keep the file as evidence");
    let verify = place.outlive(&[&"verify", &vault]).end();
    assert!(verify.code.is_some_and(|code| code != 0));
    verify.complains("ledger was altered or damaged");
    assert_eq!(fs::read(&path).unwrap(), bytes, "a damaged ledger is evidence");
    // At 03:00 the data counts: a restore goes on, and says that it is not recorded.
    let target = place.path("target");
    let restore = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    restore.says("no ledger").says("not recorded");
    assert_same(&data, &target);
}

#[test]
fn a_line_cut_off_by_a_crash_is_no_damage() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let path = place.path("state/ledger.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"schema\":\"outlive/led");
    fs::write(&path, &bytes).unwrap();
    place.outlive(&[&"vault", &"list", &vault]).end().expect(0).says("read back");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
    assert!(fs::read(&path).unwrap().starts_with(&bytes), "what was there is kept");
    place.outlive(&[&"verify", &vault]).end().expect(0);
}

#[test]
fn without_the_newest_root_a_restore_refuses_and_names_the_older_point() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let older = names(&vault.join("roots"))[0].clone();
    let first = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().json("vault-list");
    let first = first["points"][0]["point"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.file("data/a", "content, newer");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let newest = names(&vault.join("roots")).into_iter().find(|name| *name != older).unwrap();
    fs::remove_file(vault.join("roots").join(&newest)).unwrap();
    let target = place.path("target");
    let restore = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(14);
    let restore = restore.complains("damaged or gone").complains(newest.to_str().unwrap());
    restore.complains(&format!("restore it with --point {first}"));
    assert!(!target.exists());
    let with = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target, &"--point", &first]).end();
    with.expect(0).says("restored and compared");
    assert_eq!(fs::read(target.join("a")).unwrap(), b"content");
    place.outlive(&[&"verify", &vault]).end().expect(14);
    let audit =
        place.outlive(&[&"audit", &data, &"--vault", &vault, &"--format", &"json"]).end().json("audit");
    assert!(audit["gaps"].to_string().contains("not in the vault any more"), "{audit:#}");
}

#[test]
fn who_stored_nothing_is_told_that_newer_points_may_be_missing() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let volume = |json: &serde_json::Value| json["points"][0]["volume"].as_str().unwrap().to_owned();
    let verify: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"verify", &vault, &"--format", &"json"];
    let own = place.outlive(&verify).end().expect(0).json("verify");
    assert_eq!(
        (&own["fresh"][0], own["freshness_unproven"].as_array().unwrap().len()),
        (&volume(&own).into(), 0)
    );
    let text =
        place.outlive(&[&"verify", &vault]).end().expect(0).says("those that this machine stored last");
    assert!(!text.stdout.contains("freshness unproven"), "{}", text.stdout);
    let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
    assert!(!listed.stdout.contains("freshness unproven"), "{}", listed.stdout);
    // Another machine looks, and looks again when it knows the point: it did not store it, and others may have been.
    let elsewhere = place.path("elsewhere");
    for known in [0, 1] {
        let other = place.outlive_with_state(&elsewhere, &verify).end().expect(0).json("verify");
        assert_eq!(other["ledger_knew"], known);
        assert_eq!(
            (other["fresh"].as_array().unwrap().len(), &other["freshness_unproven"][0]),
            (0, &volume(&own).into())
        );
        let text = place.outlive_with_state(&elsewhere, &[&"verify", &vault]).end().expect(0);
        text.says("cannot be said").says("(freshness unproven)");
    }
    let listed = place.outlive_with_state(&elsewhere, &[&"vault", &"list", &vault]).end().expect(0);
    listed.says("(freshness unproven)");
    let bare = place.path("bare");
    for (state, is_said) in [(place.path("state"), false), (bare, true)] {
        let target = state.with_extension("restored");
        let restore: [&dyn AsRef<std::ffi::OsStr>; 5] = [&"restore", &"--vault", &vault, &"--to", &target];
        let restored = place.outlive_with_state(&state, &restore).end().expect(0);
        assert_eq!(restored.stdout.contains("freshness unproven"), is_said, "{}", restored.stdout);
        assert_same(&data, &target);
    }
}

#[test]
fn two_copies_at_once_share_one_vault_and_one_ledger() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let all: Vec<_> = (0..4).map(|_| place.outlive(&[&"copy", &data, &"--vault", &vault]).start()).collect();
    for copy in all {
        copy.end().expect(0).says("read back");
    }
    let listed = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().json("vault-list");
    assert_eq!(listed["points"].as_array().unwrap().len(), 5);
    place.outlive(&[&"verify", &vault]).end().expect(0);
}
