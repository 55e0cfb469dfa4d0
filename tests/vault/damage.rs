//! Each kind of object, each thing that can befall it: noticed, named, with the recovery points it takes
//! along; those are not restored, the others are.

use super::gallery::{ACTIONS, Action, Gallery, Tampered};
use super::recorder::Recorder;
use super::support::{assert_same, overwrite};
use crate::hand::fs;
use outlive::domain::{Kind, Silent};
use outlive::vault::{RestoreOptions, Roots, Stopped, Vault, VerifyReport, restore, verify};
use std::collections::{BTreeMap, BTreeSet};

type Expected = BTreeMap<String, BTreeSet<String>>;

fn reported(report: &VerifyReport) -> Expected {
    report.damage.iter().map(|damage| (damage.object.clone(), damage.points.clone())).collect()
}

/// `verify` says exactly what is expected, and `restore` acts on it.
#[track_caller]
fn assert_noticed(gallery: &Gallery, expected: &Expected, case: &str) {
    let vault = &gallery.place.vault;
    let report = verify(vault, &gallery.records(), &Silent).unwrap();
    assert_eq!(reported(&report), *expected, "{case}");
    let mut affected: BTreeSet<String> = expected.values().flatten().cloned().collect();
    let sound: BTreeSet<String> = report.sound.iter().map(|found| found.key.as_str().to_owned()).collect();
    assert!(sound.is_disjoint(&affected), "{case}: called sound");
    assert_eq!(sound.union(&affected).count(), 3, "{case}: a point is neither sound nor broken");
    for (number, (point, original)) in gallery.points.iter().enumerate() {
        let key = point.key.as_str();
        let target = gallery.place.path("restored");
        match gallery.find(key) {
            None => {
                let problem =
                    Roots::read(vault).unwrap().choose(None, Some(&point.short())).map(drop).unwrap_err();
                assert!(matches!(problem.kind, Kind::NotFound | Kind::Damaged), "{case}: {problem}");
                assert!(affected.remove(key), "{case}: {number} is gone unnoticed");
            }
            Some(found) if affected.remove(key) => {
                let Stopped { problem, damage, .. } =
                    restore(vault, &found, &target, RestoreOptions::default(), &Silent).unwrap_err();
                let concerned = expected.iter().filter(|(_, points)| points.contains(key));
                let concerned: BTreeSet<_> = concerned.map(|(object, _)| object).collect();
                assert_eq!(
                    damage.iter().map(|found| &found.object).collect::<BTreeSet<_>>(),
                    concerned,
                    "{case}"
                );
                assert_eq!(problem.kind, Kind::Damaged, "{case}: {problem}");
                let named = expected.iter().any(|(object, points)| {
                    points.contains(key) && problem.to_string().contains(object.as_str())
                });
                assert!(named && problem.what.contains(&found.short()), "{case}: {problem}");
                assert!(!target.exists(), "{case}: something was written");
            }
            Some(found) => {
                let restored = restore(vault, &found, &target, RestoreOptions::default(), &Silent).unwrap();
                restored.verify(vault, &Silent).unwrap();
                assert_same(original, &target);
                fs::remove_dir_all(&target).unwrap();
            }
        }
    }
    assert!(affected.is_empty(), "{case}: {affected:?} are no points");
}

fn only(object: &str, points: &BTreeSet<String>) -> Expected {
    [(object.to_owned(), points.clone())].into()
}

fn every_action(gallery: &Gallery, object: &str, points: &BTreeSet<String>) {
    for action in ACTIONS {
        let tampered = Tampered::new(gallery.object(object), action);
        assert_noticed(gallery, &only(object, points), &format!("{action:?} {object}"));
        drop(tampered);
    }
}

fn swap(gallery: &Gallery, one: &str, other: &str, expected: &Expected) {
    let [a, b] = [one, other].map(|key| fs::read(gallery.object(key)).unwrap());
    let tampered = [Tampered::with(gallery.object(one), &b), Tampered::with(gallery.object(other), &a)];
    assert_noticed(gallery, expected, &format!("swap {one} {other}"));
    drop(tampered);
}

/// Damages a pack and its sidecar in every way, and swaps each with another of its kind.
fn every_damage_of(gallery: &Gallery, pack: &str, other: &str) {
    assert_ne!(pack, other);
    for (one, other) in [
        (pack.to_owned(), other.to_owned()),
        (pack.replace("packs/", "sidecars/"), other.replace("packs/", "sidecars/")),
    ] {
        every_action(gallery, &one, &gallery.needed[&one]);
        let both = [&one, &other].map(|key| (key.clone(), gallery.needed[key].clone()));
        swap(gallery, &one, &other, &both.into());
    }
    assert_noticed(gallery, &Expected::new(), "undamaged again");
}

#[test]
fn an_undamaged_vault_is_sound() {
    let gallery = Gallery::new();
    assert_noticed(&gallery, &Expected::new(), "undamaged");
    assert_eq!(verify(&gallery.place.vault, &[], &Silent).unwrap().unfinished_packs, 0);
}

#[test]
fn damage_of_content_that_two_points_share_takes_both_along() {
    let gallery = Gallery::new();
    let (shared, other) = (gallery.data_pack(&[0, 1]), gallery.data_pack(&[2]));
    assert_eq!(gallery.needed[&shared].len(), 2);
    every_damage_of(&gallery, &shared, &other);
}

#[test]
fn damage_of_content_of_one_point_leaves_the_others() {
    let gallery = Gallery::new();
    every_damage_of(&gallery, &gallery.data_pack(&[1]), &gallery.data_pack(&[0, 1]));
}

#[test]
fn damage_of_the_pages_of_a_tree_takes_its_point_along() {
    let gallery = Gallery::new();
    every_damage_of(&gallery, &gallery.tree_pack(1), &gallery.tree_pack(2));
}

#[test]
fn damage_of_the_list_of_packs_takes_its_point_along() {
    let gallery = Gallery::new();
    assert_ne!(gallery.list_pack(0), gallery.tree_pack(0));
    every_damage_of(&gallery, &gallery.list_pack(0), &gallery.list_pack(2));
}

#[test]
fn damage_of_a_root_takes_its_point_along() {
    let gallery = Gallery::new();
    let keys: Vec<String> = gallery.points.iter().map(|(found, _)| found.key.as_str().to_owned()).collect();
    for key in &keys {
        every_action(&gallery, key, &[key.clone()].into());
    }
    let both = [&keys[0], &keys[2]].map(|key| (key.clone(), [key.clone()].into()));
    swap(&gallery, &keys[0], &keys[2], &both.into());
}

#[test]
fn a_removed_root_is_missed_by_the_root_after_it_or_by_the_ledger() {
    let gallery = Gallery::new();
    let [first, newest] = [0, 1].map(|point| gallery.points[point].0.clone());
    let removed = Tampered::new(gallery.object(first.key.as_str()), Action::Remove);
    let report = verify(&gallery.place.vault, &[], &Silent).unwrap();
    let key = first.key.as_str();
    assert_eq!(reported(&report), only(key, &[key.to_owned()].into()), "the next root names it");
    drop(removed);
    let removed = Tampered::new(gallery.object(newest.key.as_str()), Action::Remove);
    let report = verify(&gallery.place.vault, &gallery.records(), &Silent).unwrap();
    let key = newest.key.as_str();
    assert_eq!(reported(&report), only(key, &[key.to_owned()].into()), "the ledger recorded it");
    // Without a ledger nothing tells that there was a newer one: its packs are merely unneeded.
    let report = verify(&gallery.place.vault, &[], &Silent).unwrap();
    assert!(report.damage.is_empty() && report.unfinished_packs > 0, "{:?}", report.damage);
    let roots = Roots::read(&gallery.place.vault).unwrap();
    assert_eq!(roots.choose(None, Some(&newest.short())).map(drop).unwrap_err().kind, Kind::NotFound);
    drop(removed);
}

#[test]
fn a_root_replaced_by_another_sound_one_is_noticed() {
    let gallery = Gallery::new();
    let (found, _) = &gallery.points[2];
    let mut root = found.root.clone();
    root.totals.files += 1;
    let tampered = Tampered::with(gallery.object(found.key.as_str()), &root.seal().unwrap());
    let report = verify(&gallery.place.vault, &gallery.records(), &Silent).unwrap();
    assert_eq!(reported(&report).keys().next().map(String::as_str), Some(found.key.as_str()));
    drop(tampered);
}

#[test]
fn damaged_instructions_concern_every_point() {
    let gallery = Gallery::new();
    every_action(&gallery, "README.md", &gallery.all_points());
}

#[test]
fn a_vault_whose_marker_is_damaged_does_not_open() {
    let gallery = Gallery::new();
    let store = Recorder::open(&gallery.place.path("vault")).unwrap();
    for action in ACTIONS {
        let tampered = Tampered::new(gallery.object("vault.json"), action);
        let problem = Vault::open(store.clone()).map(drop).unwrap_err();
        assert!(problem.to_string().contains("vault.json"), "{action:?}: {problem}");
        let problem = Vault::open_or_create(store.clone(), chrono::Utc::now()).map(drop).unwrap_err();
        assert!(matches!(problem.kind, Kind::Damaged | Kind::Refused), "{action:?}: {problem}");
        drop(tampered);
    }
    assert!(Vault::open(store).is_ok());
}

#[test]
fn the_marker_of_another_vault_makes_every_root_a_stranger() {
    let (gallery, other) = (Gallery::new(), super::support::Place::new());
    let marker = fs::read(other.path("vault/vault.json")).unwrap();
    overwrite(&gallery.object("vault.json"), &marker);
    let store = Recorder::open(&gallery.place.path("vault")).unwrap();
    let report = verify(&Vault::open(store).unwrap(), &[], &Silent).unwrap();
    assert!(report.sound.is_empty());
    assert_eq!(reported(&report).into_keys().collect::<BTreeSet<_>>(), gallery.all_points());
}
