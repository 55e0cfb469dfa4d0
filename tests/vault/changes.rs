//! What changed between two points, told page by page, is what a comparison of all their entries tells.

use super::support::{Place, noise, random, seed_or};
use crate::hand::fs;
use outlive::vault::format::{Content, Entry, EntryKind, PageKind};
use outlive::vault::{Change, Entries, FoundRoot, Tally, Vault, change};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

fn entries(vault: &Vault, found: &FoundRoot) -> BTreeMap<Vec<u8>, Entry> {
    let all = Entries::new(vault, PageKind::Entries, found.root.tree().unwrap());
    all.map(|entry| entry.map(|entry| (entry.path.as_bytes().to_vec(), entry)).unwrap()).collect()
}

fn digests(entry: &Entry) -> Vec<(u32, String)> {
    let Some(Content::Runs(runs)) = &entry.content else { return Vec::new() };
    let chunks = runs.iter().flat_map(|run| &run.chunks);
    chunks.map(|chunk| (chunk.size(), chunk.sha256().to_string())).collect()
}

/// Added, changed and removed, and files among them, by looking at everything.
fn by_all(vault: &Vault, before: &FoundRoot, now: &FoundRoot) -> (Tally, Tally, Tally, u64) {
    let (old, new) = (entries(vault, before), entries(vault, now));
    let (mut added, mut changed, mut removed, mut files) = <(Tally, Tally, Tally, u64)>::default();
    for (path, entry) in &new {
        let was = old.get(path);
        let had: BTreeSet<_> = was.iter().flat_map(|was| digests(was)).collect();
        let bytes: u64 =
            digests(entry).iter().filter(|chunk| !had.contains(*chunk)).map(|chunk| u64::from(chunk.0)).sum();
        let is_file = entry.kind == EntryKind::File;
        match was {
            None => {
                (added.entries, added.bytes) = (added.entries + 1, added.bytes + entry.size);
                files += u64::from(is_file);
            }
            Some(was) if (&was.meta, was.size, digests(was)) != (&entry.meta, entry.size, digests(entry)) => {
                (changed.entries, changed.bytes) = (changed.entries + 1, changed.bytes + bytes);
                files += u64::from(is_file && (digests(was) != digests(entry) || was.size != entry.size));
            }
            Some(_) => {}
        }
    }
    for entry in old.iter().filter(|(path, _)| !new.contains_key(*path)).map(|(_, entry)| entry) {
        (removed.entries, removed.bytes) = (removed.entries + 1, removed.bytes + entry.size);
    }
    (added, changed, removed, files)
}

#[test]
fn a_file_that_was_made_zeros_is_a_file_that_changed() {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir_all(&data).unwrap();
    (0..20).for_each(|number| fs::write(data.join(format!("{number}")), noise(number, 9_000)).unwrap());
    let before = place.copy(&data).root;
    (0..20).for_each(|number| fs::write(data.join(format!("{number}")), [0; 9_000]).unwrap());
    let now = place.copy(&data).root;
    let change = change(&place.vault, &before, &now, None).unwrap();
    assert_eq!((change.files, change.changed.entries, change.new_bytes), (20, 20, 0));
    let over = outlive::vault::change(&place.vault, &before, &now, Some(Instant::now())).unwrap_err();
    assert!(over.what.contains("in the time that it may take"), "{over}");
}

#[test]
#[allow(clippy::print_stdout, reason = "seeds are printed")]
fn page_by_page_tells_what_all_entries_tell() {
    let (mut seed, campaign) = seed_or(11);
    println!("seed {seed}");
    let place = Place::new();
    let data = place.path("data");
    let write = |number: u64, content: &[u8]| {
        let directory = data.join(format!("{:02}", number % 37));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{number:05}")), content).unwrap();
    };
    // Enough for a tree of several levels.
    (0..3_000).for_each(|number| write(number, &number.to_le_bytes()));
    let mut before = place.copy(&data).root;
    assert!(before.root.entries.level > 0, "one page is no tree");
    for round in 0..if campaign { 60 } else { 6 } {
        for _ in 0..random(&mut seed) % 30 {
            let number = random(&mut seed) % 3_300;
            let path = data.join(format!("{:02}/{number:05}", number % 37));
            match random(&mut seed) % 3 {
                0 if path.exists() => fs::remove_file(path).unwrap(),
                1 => write(number, &noise(random(&mut seed), (random(&mut seed) % 200_000) as usize)),
                _ => write(number, b""),
            }
        }
        let now = place.copy(&data).root;
        let Change { added, changed, removed, files, .. } =
            change(&place.vault, &before, &now, None).unwrap();
        let told = (added, changed, removed, files);
        assert_eq!(told, by_all(&place.vault, &before, &now), "round {round}");
        let same = change(&place.vault, &now, &now, None).unwrap();
        assert_eq!(same, Change::default());
        before = now;
    }
}
