//! `despite_damage`: all that is sound comes back, and exactly what is lost is listed.

use super::gallery::{Action, Tampered};
use super::support::{Place, noise};
use crate::hand::fs;
use outlive::domain::Silent;
use outlive::vault::{CopyReport, RestoreOptions, RestoreReport, restore};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const DESPITE: RestoreOptions = RestoreOptions { devices: false, despite_damage: true };

/// Two files in units of their own, one of them under two names, and many small ones.
fn make(place: &Place) -> (PathBuf, CopyReport) {
    let original = place.path("original");
    fs::create_dir_all(original.join("folder")).unwrap();
    fs::write(original.join("folder/one"), noise(1, 3 * 512 * 1024)).unwrap();
    fs::write(original.join("two"), noise(2, 2 * 512 * 1024)).unwrap();
    for number in 0..3000 {
        fs::write(original.join(format!("folder/small {number:04}")), noise(100 + number, 30)).unwrap();
    }
    fs::hard_link(original.join("folder/one"), original.join("zz one")).unwrap();
    let report = place.copy(&original);
    (original, report)
}

fn restore_despite(place: &Place, report: &CopyReport, name: &str) -> RestoreReport {
    let refused = restore(&place.vault, &report.root, &place.path(name), Default::default(), &Silent);
    assert!(refused.is_err() && !place.path(name).exists(), "restored without being told to");
    let restored = restore(&place.vault, &report.root, &place.path(name), DESPITE, &Silent).unwrap();
    let written = restored.report.clone();
    assert_eq!(restored.verify(&place.vault, &Silent).is_ok(), written.lost.is_empty(), "lost, yet verified");
    written
}

/// The paths of files in `original` that are not the same in `restored`.
fn differing(original: &Path, restored: &Path) -> BTreeSet<String> {
    let folders = ["", "folder/"];
    let names = folders.iter().flat_map(|folder| {
        let entries = fs::read_dir(original.join(folder)).unwrap().map(Result::unwrap);
        entries
            .filter(|entry| entry.path().is_file())
            .map(move |entry| format!("{folder}{}", entry.file_name().to_str().unwrap()))
    });
    names.filter(|name| fs::read(original.join(name)).ok() != fs::read(restored.join(name)).ok()).collect()
}

fn lost(report: &RestoreReport) -> BTreeSet<String> {
    report.lost.iter().map(|lost| lost.path.to_string()).collect()
}

#[test]
fn a_damaged_frame_loses_its_files_only_under_each_of_their_names() {
    let place = Place::new();
    let (original, report) = make(&place);
    let data = report.packs.iter().max_by_key(|line| line.bytes).unwrap();
    let object = place.path("vault").join(data.pack.pack().unwrap().as_str());
    let sound = fs::read(&object).unwrap();
    for at in [600_000, 2_000_000, sound.len() - 100] {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        let tampered = Tampered::with(object.clone(), &flipped);
        let name = format!("restored {at}");
        let written = restore_despite(&place, &report, &name);
        assert!(!written.lost.is_empty(), "{at}: nothing lost");
        assert_eq!(lost(&written), differing(&original, &place.path(&name)), "{at}");
        drop(tampered);
    }
}

#[test]
fn without_its_content_every_file_with_content_is_listed() {
    let place = Place::new();
    let (original, report) = make(&place);
    let data = report.packs.iter().max_by_key(|line| line.bytes).unwrap();
    for (number, action) in [Action::Remove, Action::Directory, Action::CutAll].into_iter().enumerate() {
        let object = place.path("vault").join(data.pack.pack().unwrap().as_str());
        let tampered = Tampered::new(object, action);
        let name = format!("restored {number}");
        let written = restore_despite(&place, &report, &name);
        assert_eq!(lost(&written).len(), 3003, "{action:?}");
        assert_eq!(lost(&written), differing(&original, &place.path(&name)), "{action:?}");
        drop(tampered);
    }
}

#[test]
fn a_damaged_sidecar_or_page_of_instructions_loses_nothing() {
    let place = Place::new();
    let (original, report) = make(&place);
    let mut objects: Vec<String> =
        report.packs.iter().map(|line| line.pack.sidecar().unwrap().as_str().to_owned()).collect();
    objects.push("README.md".into());
    objects.push(format!("packs/{}", report.root.root.packs.frame.pack.0));
    for (number, object) in objects.iter().enumerate() {
        let tampered = Tampered::new(place.path("vault").join(object), Action::Remove);
        let name = format!("restored {number}");
        let written = restore_despite(&place, &report, &name);
        assert!(written.lost.is_empty(), "{object}: {:?}", written.lost);
        let damage: Vec<&String> = written.damage.iter().map(|found| &found.object).collect();
        assert_eq!(damage, [object], "it goes unmentioned");
        assert!(differing(&original, &place.path(&name)).is_empty(), "{object}");
        drop(tampered);
    }
}

#[test]
fn a_damaged_page_of_the_tree_is_listed_and_the_other_pages_come_back() {
    // Packs have random names, and so the digests by which inner pages end: mostly there is one inner page.
    let made = std::iter::repeat_with(|| {
        let place = Place::new();
        let (original, report) = make(&place);
        (place, original, report)
    });
    let (place, original, report) = made
        .take(20)
        .find(|(_, _, report)| report.root.root.entries.level == 1)
        .expect("no tree with one inner page");
    let top = &report.root.root.entries;
    // The last leaf lies directly before the inner page in its pack.
    let object = place.path("vault").join(top.frame.pack.pack().unwrap().as_str());
    let mut flipped = fs::read(&object).unwrap();
    flipped[usize::try_from(top.frame.at).unwrap() - 20] ^= 1;
    let tampered = Tampered::with(object, &flipped);
    let written = restore_despite(&place, &report, "restored");
    assert_eq!(written.lost.len(), 1, "{:?}", written.lost);
    assert!(written.lost[0].because.contains(&*top.frame.pack.0), "{:?}", written.lost);
    let gone = differing(&original, &place.path("restored"));
    assert!(!gone.is_empty() && gone.len() < 1500, "{}", gone.len());
    assert!(gone.iter().all(|name| !place.path("restored").join(name).exists()), "restored otherwise");
    drop(tampered);
}
