//! A file with several names that goes while it is copied: missed under each, and no name without a file.

use super::source::copy_from;
use super::support::{Place, noise};
use crate::hand::fs;
use outlive::domain::{Result, Silent};
use outlive::providers::files::TreeSource;
use outlive::vault::format::{EntryKind, PageKind};
use outlive::vault::{Entries, Item, Source, restore, verify};
use std::path::PathBuf;

/// A real tree of which one file is removed between being listed and being read.
struct Vanishing {
    tree: TreeSource,
    root: PathBuf,
    name: &'static str,
}

impl Source for Vanishing {
    fn next(&mut self) -> Result<Option<Item>> {
        let item = self.tree.next()?;
        if let Some(Item::File(entry, _)) = &item
            && entry.path.as_bytes() == self.name.as_bytes()
        {
            fs::remove_file(self.root.join(self.name)).unwrap();
        }
        Ok(item)
    }

    fn expected_bytes(&self) -> Option<u64> {
        self.tree.expected_bytes()
    }
}

#[test]
fn every_other_name_of_a_missed_file_is_missed_too() {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir_all(original.join("folder")).unwrap();
    fs::write(original.join("a"), noise(1, 600_000)).unwrap();
    fs::hard_link(original.join("a"), original.join("folder/b")).unwrap();
    fs::hard_link(original.join("a"), original.join("z")).unwrap();
    // Another file with two names, which stays.
    fs::write(original.join("c"), noise(2, 5000)).unwrap();
    fs::hard_link(original.join("c"), original.join("d")).unwrap();
    // A symlink to it is no other name of it, and stays though it leads nowhere.
    std::os::unix::fs::symlink("a", original.join("e")).unwrap();
    let tree = TreeSource::open(&original, Vec::new()).unwrap();
    let mut source = Vanishing { tree, root: original.clone(), name: "a" };
    let report = copy_from(&place, &mut source, chrono::Utc::now());
    assert!(!original.join("a").exists(), "it never vanished");
    let root = &report.root.root;
    let missed: Vec<(String, &str)> =
        root.missed.iter().map(|missed| (missed.path.to_string(), missed.because.as_str())).collect();
    let other = "it is another name of a file that could not be read";
    assert_eq!(
        missed,
        [
            ("a".to_owned(), "vanished while it was being copied"),
            ("folder/b".to_owned(), other),
            ("z".to_owned(), other)
        ]
    );
    assert_eq!((root.totals.missed, root.totals.files, root.is_complete()), (3, 1, false));
    let entries: Vec<_> =
        Entries::new(&place.vault, PageKind::Entries, &root.entries).map(|entry| entry.unwrap()).collect();
    let names: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(names, ["", "c", "d", "e", "folder"]);
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Hardlink) {
        let first = entries.iter().find(|first| Some(&first.path) == entry.target.as_ref());
        assert!(first.is_some_and(|first| first.kind == EntryKind::File), "{} dangles", entry.path);
    }
    // What is there can be had.
    assert_eq!(verify(&place.vault, &[], &Silent).unwrap().damage, []);
    let target = place.path("restored");
    restore(&place.vault, &report.root, &target, Default::default(), &Silent)
        .unwrap()
        .verify(&place.vault, &Silent)
        .unwrap();
    for name in ["c", "d"] {
        assert_eq!(fs::read(target.join(name)).unwrap(), noise(2, 5000));
    }
}
