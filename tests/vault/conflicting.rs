//! Recovery points that say different things of one pack: at most one of them is right.

use super::support::{Place, noise};
use crate::hand::fs;
use outlive::domain::{Silent, Timestamp};
use outlive::store::Key;
use outlive::vault::format::{Digest, PackLine, Root};
use outlive::vault::{RestoreOptions, Roots, VerifyReport, restore, verify};

/// A second root like the first, with another first line in its own list of packs.
fn add_root(place: &Place, like: &Root, after: chrono::TimeDelta, change: impl Fn(&mut PackLine)) -> String {
    let taken_at: Timestamp = like.taken_at + after;
    let mut root = Root { taken_at, key: "roots/another".into(), ..like.clone() };
    change(&mut root.list_packs[0]);
    let key = Key::new(&*root.key).unwrap();
    place.vault.store().put_bytes(&key, &root.seal().unwrap()).unwrap();
    root.key
}

fn can_be_restored(place: &Place, key: &str) -> bool {
    let roots = Roots::read(&place.vault).unwrap();
    let found = roots.sound.iter().find(|found| found.key.as_str() == key).unwrap();
    let target = place.path(&format!("target of {}", key.replace('/', " ")));
    restore(&place.vault, found, &target, RestoreOptions::default(), &Silent).is_ok()
}

#[track_caller]
fn assert_sound(report: &VerifyReport, sound: &str, broken: &str, case: &str) {
    let keys = |found: &[outlive::vault::FoundRoot]| -> Vec<String> {
        found.iter().map(|found| found.key.as_str().to_owned()).collect()
    };
    assert_eq!(
        (keys(&report.sound), keys(&report.broken)),
        (vec![sound.into()], vec![broken.into()]),
        "{case}"
    );
}

#[test]
fn verify_passes_no_point_that_names_other_bytes_of_a_pack_than_another_point_does() {
    type Change = fn(&mut PackLine);
    let changes: [(&str, Change); 4] = [
        ("digest", |line| line.sha256 = Digest::of(b"other")),
        ("length", |line| line.bytes += 1),
        ("sidecar", |line| line.sidecar_sha256 = Digest::of(b"other")),
        ("length of the sidecar", |line| line.sidecar_bytes += 1),
    ];
    for (case, change) in changes {
        // The false root comes to be read before the true one, or after it.
        for after in [-1, 1].map(chrono::TimeDelta::seconds) {
            let place = Place::new();
            fs::create_dir(place.path("original")).unwrap();
            fs::write(place.path("original/file"), noise(1, 5000)).unwrap();
            let first = place.copy(&place.path("original")).root;
            let false_one = add_root(&place, &first.root, after, change);
            let report = verify(&place.vault, &[], &Silent).unwrap();
            assert_sound(&report, first.key.as_str(), &false_one, case);
            assert!(!report.damage.is_empty(), "{case}");
            assert!(can_be_restored(&place, first.key.as_str()), "{case}");
            assert!(!can_be_restored(&place, &false_one), "{case}");
        }
    }
}

#[test]
fn a_point_whose_two_lists_disagree_about_a_pack_is_damaged() {
    let place = Place::new();
    fs::create_dir(place.path("original")).unwrap();
    fs::write(place.path("original/file"), noise(1, 5000)).unwrap();
    let report = place.copy(&place.path("original"));
    let first = report.root;
    let in_pages = report.packs.iter().find(|line| !first.root.list_packs.contains(line)).unwrap().clone();
    let mut root = Root { key: "roots/another".into(), ..first.root.clone() };
    root.list_packs.push(PackLine { sha256: Digest::of(b"other"), ..in_pages });
    let key = Key::new(&*root.key).unwrap();
    place.vault.store().put_bytes(&key, &root.seal().unwrap()).unwrap();
    let report = verify(&place.vault, &[], &Silent).unwrap();
    assert_sound(&report, first.key.as_str(), "roots/another", "two lists");
    assert!(!can_be_restored(&place, "roots/another"));
}
