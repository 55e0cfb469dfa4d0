//! Roots that claim to stand in for others: believed only as far as what is left of the first says the same.

use super::support::{Place, noise, repaired};
use super::unchanged::copy_at;
use crate::hand::fs;
use outlive::domain::{Silent, VolumeKind};
use outlive::store::Key;
use outlive::vault::format::{Digest, PackRole, Previous, Root};
use outlive::vault::{CopyReport, FoundRoot, Known, RootRecord, VerifyReport, verify_with};
use std::collections::BTreeSet;

fn write(place: &Place, seed: u64) {
    fs::write(place.path("volume/file"), noise(seed, 100_000)).unwrap();
    fs::write(place.path("volume/other"), noise(seed + 10, 1_000)).unwrap();
}

/// Two points of a volume that differ in nothing but the content of files.
fn two_points(place: &Place) -> (CopyReport, CopyReport) {
    let volume = place.path("volume");
    fs::create_dir(&volume).unwrap();
    let now = chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    let copy = |seed, now: outlive::domain::Timestamp| {
        write(place, seed);
        copy_at(place, &volume, now, 1_900_000_000)
    };
    (copy(1, now), copy(2, now + chrono::TimeDelta::hours(24)))
}

/// A root that stands in for `of` and holds what `holding` does.
fn stand_in(place: &Place, of: &FoundRoot, holding: &FoundRoot) -> FoundRoot {
    let (point, _) = of.key.name().rsplit_once('-').unwrap();
    let key = Key::new(format!("roots/{point}-00000000000000aa")).unwrap();
    let root = Root {
        key: key.as_str().into(),
        previous: Some(Previous { key: of.key.as_str().into(), sha256: of.id }),
        entries: holding.root.entries.clone(),
        packs: holding.root.packs.clone(),
        list_packs: holding.root.list_packs.clone(),
        totals: holding.root.totals.clone(),
        ..of.root.clone()
    };
    let bytes = root.seal().unwrap();
    place.vault.store().put_bytes(&key, &bytes).unwrap();
    FoundRoot {
        key,
        id: Digest::of(&bytes),
        signed: outlive::vault::Signed::Unasked,
        root,
        stored_at: None,
        bytes: None,
    }
}

fn judged(place: &Place, points: &[RootRecord], repaired: &[&FoundRoot]) -> VerifyReport {
    let (let_go, repaired) = (BTreeSet::new(), repaired.iter().map(|found| found.id).collect());
    verify_with(&place.vault, &Known { points, let_go: &let_go, repaired: &repaired }, &Silent).unwrap()
}

/// Removes the pack of content that only the first of two points needs.
fn lose_content(place: &Place, of: &CopyReport, other: &CopyReport) {
    let is_own = |name: &&outlive::vault::format::PackLine| {
        name.role == PackRole::Data && !other.packs.iter().any(|line| line.pack == name.pack)
    };
    let own = of.packs.iter().find(is_own).unwrap();
    fs::remove_file(place.path("vault").join(own.pack.pack().unwrap().as_str())).unwrap();
}

#[test]
fn a_root_with_other_content_excuses_no_damage_whatever_the_ledger_says() {
    let place = Place::new();
    let (first, second) = two_points(&place);
    let forged = stand_in(&place, &first.root, &second.root);
    lose_content(&place, &first, &second);
    for repaired in [&[][..], &[&forged][..]] {
        let report = judged(&place, &[], repaired);
        assert_eq!((report.damage.len(), report.made_good.len(), report.broken.len()), (1, 0, 1));
    }
}

#[test]
fn a_root_that_was_removed_is_missed_where_the_ledger_knows_it_and_no_repair() {
    let place = Place::new();
    let (first, second) = two_points(&place);
    let by = stand_in(&place, &first.root, &second.root);
    fs::remove_file(place.path("vault").join(first.root.key.as_str())).unwrap();
    let known = [first.root.record()];
    let report = judged(&place, &known, &[]);
    assert_eq!((report.damage.len(), report.made_good.len()), (1, 0), "a thief could write it");
    let report = judged(&place, &known, &[&by]);
    assert_eq!((report.damage.len(), report.made_good.len()), (0, 1), "this machine wrote it");
    // Where nothing is known, the vault is all there is.
    assert_eq!(judged(&place, &[], &[]).made_good.len(), 1);
}

#[test]
fn a_root_that_says_another_moment_or_kind_or_lacks_more_stands_in_for_nothing() {
    let place = Place::new();
    let (first, second) = two_points(&place);
    lose_content(&place, &first, &second);
    write(&place, 1);
    let by = repaired(&place, &place.path("volume"));
    fs::remove_file(place.path("vault").join(by.key.as_str())).unwrap();
    for wrong in 0..5 {
        let mut root = by.root.clone();
        let (point, _) = by.key.as_str().rsplit_once('-').unwrap();
        let key = Key::new(format!("{point}-{wrong:016x}")).unwrap();
        root.key = key.as_str().into();
        match wrong {
            0 => root.counter += 1,
            1 => root.taken_at += chrono::TimeDelta::seconds(1),
            2 => root.volume_kind = VolumeKind::Image,
            3 => root.totals.missed += 1,
            _ => {}
        }
        place.vault.store().put_bytes(&key, &root.seal().unwrap()).unwrap();
        let made_good = judged(&place, &[], &[]).made_good.len();
        assert_eq!(made_good, usize::from(wrong == 4), "case {wrong}");
    }
}
