//! What counts as proved: a proof belongs to a vault at its place, and to objects that are still there.

use super::place::{Place, chmod, noise, tool};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A copied volume and its vault.
fn copied(place: &Place) -> (PathBuf, PathBuf) {
    let data = place.file("data/a", noise(1, 100_000)).parent().unwrap().to_owned();
    let vault = place.path("vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    (data, vault)
}

/// How often a point in this vault counts as surviving in an audit of `data`.
fn survivors(place: &Place, state: &Path, data: &Path, vault: &Path) -> usize {
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"audit", &data, &"--vault", &vault, &"--format", &"json"];
    let audit = place.outlive_with_state(state, &arguments).end().json("audit");
    let rows = audit["volumes"][0]["survival"].as_array().unwrap();
    rows.iter().filter(|row| row["result"] == "survivor").count()
}

fn state_in_list(place: &Place, state: &Path, vault: &Path) -> Value {
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 5] = [&"vault", &"list", &vault, &"--format", &"json"];
    let list = place.outlive_with_state(state, &arguments).end().json("vault-list");
    list["points"][0]["state"].clone()
}

fn only_pack(vault: &Path, largest: bool) -> PathBuf {
    let mut packs: Vec<_> =
        fs::read_dir(vault.join("packs")).unwrap().map(|pack| pack.unwrap().path()).collect();
    packs.sort_by_key(|pack| fs::metadata(pack).unwrap().len());
    if largest { packs.pop().unwrap() } else { packs.remove(0) }
}

#[test]
fn a_point_whose_packs_are_gone_is_no_survivor_whatever_the_ledger_remembers() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let state = place.path("state");
    assert!(survivors(&place, &state, &data, &vault) > 0);
    fs::remove_file(only_pack(&vault, true)).unwrap();
    assert_eq!(survivors(&place, &state, &data, &vault), 0);
}

#[test]
fn a_copy_of_a_vault_elsewhere_is_unproved_until_it_is_verified_there() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let (state, copy) = (place.path("state"), place.path("moved"));
    tool("cp", &["-a", vault.to_str().unwrap(), copy.to_str().unwrap()]);
    assert_eq!(survivors(&place, &state, &data, &copy), 0);
    place.outlive(&[&"verify", &copy]).end().expect(0);
    assert!(survivors(&place, &state, &data, &copy) > 0);
}

#[test]
fn damage_found_by_a_machine_that_did_not_make_the_copy_is_remembered() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let other = place.path("other-state");
    place.outlive_with_state(&other, &[&"verify", &vault]).end().expect(0);
    assert_eq!(state_in_list(&place, &other, &vault), "verified");
    let pack = only_pack(&vault, true);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[1000] ^= 1;
    chmod(&pack, 0o600);
    fs::write(&pack, &bytes).unwrap();
    place.outlive_with_state(&other, &[&"verify", &vault]).end().expect(14);
    assert_eq!(state_in_list(&place, &other, &vault), "damaged");
    assert_eq!(survivors(&place, &other, &data, &vault), 0);
}

#[test]
fn packs_of_the_point_before_that_are_gone_are_sent_again() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    fs::remove_file(only_pack(&vault, true)).unwrap();
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
    let target = place.path("target");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    super::place::assert_same(&data, &target);
}

#[test]
fn a_newer_incomplete_point_is_named_when_an_older_one_is_restored() {
    let place = Place::new();
    let data = place.directory("data");
    chmod(&data, 0o755);
    fs::write(data.join("a"), b"one").unwrap();
    let vault = place.directory("vault");
    tool("chown", &["65534:65534", vault.to_str().unwrap()]);
    place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    fs::write(data.join("b"), b"two").unwrap();
    chmod(&data.join("b"), 0o600);
    place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault]).end().expect(14);
    let target = place.path("tmp/target");
    let restore = place.outlive_as_nobody(&[&"restore", &"--vault", &vault, &"--to", &target]).end();
    assert!(restore.code == Some(0), "{:?}", restore.code);
    restore.says("a newer recovery point").says("is incomplete (1 paths missed)");
}

#[test]
fn a_root_that_cannot_be_opened_does_not_take_the_others_along() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    std::os::unix::fs::symlink("nowhere", vault.join("roots/20990101T000000Z-stray")).unwrap();
    let list = place.outlive(&[&"vault", &"list", &vault]).end().expect(14);
    list.says("stray").says("read back");
    let restore =
        place.outlive(&[&"restore", &"--vault", &vault, &"--to", &place.path("t1")]).end().expect(14);
    let point = restore.complains("restore it with --point").text_after("--point ");
    place
        .outlive(&[&"restore", &"--vault", &vault, &"--to", &place.path("t2"), &"--point", &point])
        .end()
        .expect(0);
    super::place::assert_same(&data, &place.path("t2"));
}

#[test]
fn a_vault_on_a_filesystem_mounted_inside_may_be_copied_to_and_through_a_bind_mount_is_not_copied_into_itself()
 {
    let mut place = Place::new();
    let data = place.directory("data");
    place.file("data/a", b"content");
    let inside = place.tmpfs("data/inside", "20m");
    place.outlive(&[&"copy", &data, &"--vault", &inside.join("vault")]).end().expect(0);
    let bound = place.directory("bound");
    place.mount(&[&"--bind", &data], &bound);
    let vault = bound.join("vault");
    let first = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end().json("copy");
    let second =
        place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end().json("copy");
    assert_eq!(first["files"], second["files"], "the vault was copied into itself");
}
