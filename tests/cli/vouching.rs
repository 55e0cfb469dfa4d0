//! Who made a recovery point: where keys are pinned, what nobody signed with one of them is never taken for ours.

use super::drilling::Scene;
use super::hand::fs;
use super::nightly_estate::{EstateFile, assert_task, at, night, nightly};
use super::place::{Place, assert_same, names, noise};
use super::run::Run;
use super::signing::{key, signed};
use chrono::TimeDelta;
use outlive::signing::Signer;
use outlive::store::Key;
use outlive::vault::format::{Digest, Previous, Root};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn outlive(place: &Place, arguments: &[&str]) -> Run {
    place.outlive_by_file(arguments)
}

fn list(place: &Place) -> Vec<Value> {
    let list =
        outlive(place, &["--format", "json", "vault", "list", "shelf"]).end().expect(0).json("vault-list");
    list["points"].as_array().unwrap().clone()
}

/// The roots in a vault, oldest first.
pub fn roots(vault: &Path) -> Vec<Root> {
    let read = |name: std::ffi::OsString| {
        let key = format!("roots/{}", name.to_str().unwrap());
        Root::open(&Key::new(&*key).unwrap(), &fs::read(vault.join(&key)).unwrap()).unwrap()
    };
    let mut all: Vec<Root> = names(&vault.join("roots")).into_iter().map(read).collect();
    all.sort_by_key(|root| root.started_at);
    all
}

/// Who can write into the vault, and has no key of ours, puts a point there that is newer than all others and lacks a file.
pub fn forge(vault: &Path, name: &str, signer: Option<&Signer>) {
    let like = roots(vault).pop().unwrap();
    let later = |at: outlive::domain::Timestamp| at + TimeDelta::days(2);
    let forged = Root {
        key: format!("roots/{name}"),
        taken_at: later(like.taken_at),
        started_at: later(like.started_at),
        finished_at: later(like.finished_at),
        counter: like.counter + 1,
        ..like
    };
    fs::write(vault.join(&forged.key), forged.seal_by(signer).unwrap()).unwrap();
}

#[test]
fn what_a_strangers_point_says_of_our_packs_condemns_none_of_them() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    let vault = vault_of(&place);
    let like = roots(&vault).pop().unwrap();
    let mut lines = like.list_packs.clone();
    lines[0].sha256 = Digest::of(b"something else");
    let gone = Previous { key: "roots/never-there".into(), sha256: Digest::of(b"never there") };
    let key = "roots/00000000T000000Z-earlier".to_owned();
    let forged = Root { key, list_packs: lines, previous: Some(gone), ..like };
    fs::write(vault.join(&forged.key), forged.seal().unwrap()).unwrap();
    let told = outlive(&place, &["--format", "json", "verify", "shelf"]).end().expect(11).json("verify");
    let count = |list: &str| told[list].as_array().unwrap().len();
    assert_eq!(
        (count("points"), count("unsigned"), count("damage"), count("broken")),
        (1, 1, 0, 0),
        "{told:#}"
    );
    // A night that reads a share back and a copy see nothing wrong with our packs either.
    let later = at(&place, nightly(&place, &["--format", "json"]), 25 * 3600).end();
    assert!(!later.stdout.contains("DAMAGED") && !later.stdout.contains("\"damaged\""), "{}", later.stdout);
    let recorded = std::fs::read_to_string(place.path("state/ledger.jsonl")).unwrap();
    assert!(!recorded.contains("\"kind\":\"damaged\""), "{recorded}");
    outlive(&place, &["verify", "shelf"]).end().expect(11).says("verified");
}

fn vault_of(place: &Place) -> PathBuf {
    place.path("disk/vault")
}

#[test]
fn what_a_thief_writes_into_the_vault_is_never_taken_for_ours() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    let vault = vault_of(&place);
    let [ours] = &roots(&vault)[..] else { panic!("one point") };
    assert_eq!(ours.signed_by.len(), 1, "copies are signed");
    assert!(list(&place).iter().all(|point| point["doubted"].is_null()));
    outlive(&place, &["verify", "shelf"]).end().expect(0);

    forge(&vault, "forged", None);
    forge(&vault, "self-signed", Some(&Signer::generate().unwrap()));
    let points = list(&place);
    assert_eq!(points.len(), 3);
    let why: Vec<&str> = points.iter().filter_map(|point| point["doubted"].as_str()).collect();
    assert!(why.len() == 2 && why.iter().any(|why| why.contains("nobody signed it")), "{why:?}");
    assert!(why.iter().any(|why| why.contains("is not pinned here")), "{why:?}");

    let verified = outlive(&place, &["--format", "json", "verify", "shelf"]).end().expect(11).json("verify");
    let count = |list: &str| verified[list].as_array().unwrap().len();
    assert_eq!((count("points"), count("unsigned"), count("damage")), (1, 2, 0), "{verified:#}");
    outlive(&place, &["verify", "shelf"]).end().expect(11).says("not signed with a pinned key");

    let to = place.path("restored");
    let restored =
        outlive(&place, &["restore", "tree", "--vault", "shelf", "--to", to.to_str().unwrap()]).end();
    restored.expect(0).says("is not taken for yours");
    assert_same(&place.path("data"), &to);
    // Who names it gets it, and is told.
    let forged = points.iter().find(|point| !point["doubted"].is_null()).unwrap()["point"].as_str().unwrap();
    let to = place.path("forged");
    let arguments = ["restore", "tree", "--vault", "shelf", "--point", forged, "--to", to.to_str().unwrap()];
    outlive(&place, &arguments).end().expect(0).says("is restored all the same");

    // The next night copies all the same, though the forged point says that it is newer, and builds on ours alone.
    place.file("data/file", noise(2, 200_000));
    let later = at(&place, nightly(&place, &["--format", "json"]), 25 * 3600).end().json("nightly");
    assert_task(&later, ("tree", "shelf"), "done", "");
    let newest = roots(&vault).into_iter().filter(|root| !root.signed_by.is_empty() && root.counter == 2);
    let newest: Vec<Root> = newest.filter(|root| root.signed_by == ours.signed_by).collect();
    let [newest] = &newest[..] else { panic!("one more of ours") };
    assert_eq!(newest.previous.as_ref().unwrap().key, ours.key);
    let to = place.path("newest");
    let restore = outlive(&place, &["restore", "tree", "--vault", "shelf", "--to", to.to_str().unwrap()]);
    at(&place, restore, 26 * 3600).end().expect(0);
    assert_same(&place.path("data"), &to);
}

#[test]
fn a_signature_taken_off_or_moved_makes_no_point_of_ours() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    let vault = vault_of(&place);
    let root = roots(&vault).pop().unwrap();
    let path = vault.join(&root.key);
    let sealed = std::fs::read_to_string(&path).unwrap();
    fs::write(&path, root.seal().unwrap()).unwrap();
    let bare = list(&place);
    assert!(bare[0]["doubted"].as_str().unwrap().contains("nobody signed it"), "{bare:?}");
    // The ledger knows which bytes were written there.
    let replaced = outlive(&place, &["verify", "shelf"]).end().expect(14);
    replaced.says("replaced");
    let other = Root { taken_at: root.taken_at + TimeDelta::days(1), ..root.clone() };
    let signature = sealed.split_once("\"signatures\":").unwrap().1;
    let moved = String::from_utf8(other.seal().unwrap()).unwrap();
    let moved = moved
        .replace("envelope/v0", "envelope/v1")
        .replace("\"signatures\":[]}\n", &format!("\"signatures\":{signature}"));
    fs::write(&path, moved).unwrap();
    let damaged = outlive(&place, &["verify", "shelf"]).end().expect(14);
    damaged.says("the signature does not belong to this payload");
}

#[test]
fn points_from_before_signing_are_told_and_nothing_is_built_on_them() {
    let place = Place::new();
    place.file("data/file", noise(1, 200_000));
    let vault = place.directory("disk").join("vault");
    let file = EstateFile::new().vault("shelf", &vault).tree("tree", &place.path("data"), &["shelf"]);
    file.write(&place);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let packs = || names(&vault.join("packs")).len();
    let before = packs();
    let file = file.with(&key(&place, "signing.key"));
    file.write(&place);
    let to = place.path("early");
    let to = to.to_str().unwrap();
    let early = outlive(&place, &["restore", "tree", "--vault", "shelf", "--to", to]).end().expect(2);
    assert!(early.stderr.contains("none of the recovery points there are is signed"), "{}", early.stderr);
    assert!(!place.path("early").exists());
    outlive(&place, &["copy", "tree"]).end().expect(0);
    assert!(packs() >= 2 * before, "all was sent again: {before} and {} packs", packs());
    let [first, second] = &roots(&vault)[..] else { panic!("two points") };
    assert!(first.signed_by.is_empty() && second.signed_by.len() == 1 && second.previous.is_none());
    outlive(&place, &["restore", "tree", "--vault", "shelf", "--to", to]).end().expect(0);
    assert_same(&place.path("data"), Path::new(to));
    // The one after builds on it.
    let between = packs();
    outlive(&place, &["copy", "tree"]).end().expect(0);
    assert!(packs() - between < before + 2);
}

#[test]
fn without_its_key_a_machine_copies_nothing_and_reads_all() {
    let place = Place::new();
    let file = signed(&place);
    night(&place, 0);
    let vault = vault_of(&place);
    fs::rename(place.path("signing.key"), place.path("elsewhere")).unwrap();
    let failed = outlive(&place, &["copy", "tree"]).end();
    assert!(failed.code != Some(0) && failed.stderr.contains("signing.key"), "{}", failed.stderr);
    outlive(&place, &["vault", "list", "shelf"]).end().expect(0);
    let public = roots(&vault)[0].signed_by[0].to_string();
    // A machine that only checks has no key to sign with: what it copied would count for nothing.
    let only_checks = EstateFile::new().vault("shelf", &vault).tree("tree", &place.path("data"), &["shelf"]);
    only_checks.with(&format!("[signing]\ntrust = [{public:?}]")).write(&place);
    let refused = outlive(&place, &["copy", "tree"]).end().expect(2);
    assert!(refused.stderr.contains("there is none to sign with"), "{}", refused.stderr);
    assert_eq!(roots(&vault).len(), 1);
    outlive(&place, &["vault", "list", "shelf"]).end().expect(0);
    file.write(&place);
    // The key of somebody else is none of ours.
    key(&place, "signing.key");
    let other = outlive(&place, &["copy", "tree"]).end().expect(2);
    assert!(other.stderr.contains("does not list it"), "{}", other.stderr);
    assert_eq!(roots(&vault).len(), 1);
}

#[test]
fn a_machine_that_knows_nothing_but_the_public_key_tells_ours_from_a_thief_s() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    let vault = vault_of(&place);
    let public = roots(&vault)[0].signed_by[0].to_string();
    forge(&vault, "forged", Some(&Signer::generate().unwrap()));
    let nothing = place.path("a machine that knows nothing");
    let restore = |more: &[&str], to: &str| {
        let to = place.path(to);
        let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"restore", &"--vault", &vault, &"--to", &to];
        all.extend(more.iter().map(|word| word as &dyn AsRef<std::ffi::OsStr>));
        place.outlive_with_state(&nothing, &all).end()
    };
    restore(&["--trust", &public], "ours").expect(0).says("is not taken for yours");
    assert_same(&place.path("data"), &place.path("ours"));
    let stranger = Signer::generate().unwrap().public().to_string();
    let refused = restore(&["--trust", &stranger], "none").expect(2);
    assert!(refused.stderr.contains("none of the recovery points there are"), "{}", refused.stderr);
    restore(&["--trust", &stranger, "--trust", &public], "both").expect(0);
    let no_key = restore(&["--trust", "ed25519:none"], "none").expect(2);
    assert!(no_key.stderr.contains("no public key"), "{}", no_key.stderr);
}

#[test]
fn a_drill_is_of_our_newest_point_whatever_a_thief_adds() {
    let scene = Scene::new();
    scene.configure(&key(&scene.place, "signing.key"));
    scene.drill("checks = [\"files\"]\n");
    let vault = scene.place.path("vault");
    let none = scene.drilled(&[], 12);
    assert!(none.to_string().contains("nobody signed it"), "{none:#}");
    let copy = scene.place.outlive(&[&"copy", &"orders", &"--config", &scene.config]).end();
    copy.expect(0);
    let newest = roots(&vault).into_iter().find(|root| !root.signed_by.is_empty()).unwrap();
    forge(&vault, "forged", None);
    let passed = scene.drilled(&[], 0);
    assert_eq!(passed["point"]["taken_at"], serde_json::to_value(newest.taken_at).unwrap(), "{passed:#}");
    assert!(passed["deviations"].to_string().contains("nobody signed it"), "{passed:#}");
}
