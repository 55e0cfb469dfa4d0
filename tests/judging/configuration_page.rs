//! `docs/configuration.md` describes what is read, no more and no less.

use outlive::estate::{Estate, KEYS};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const PAGE: &str = include_str!("../../docs/configuration.md");

/// The example of the page.
pub fn example() -> &'static str {
    let (_, rest) = PAGE.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// The page's declared cloud.
pub fn cloud() -> &'static str {
    let block = PAGE.split("```toml\n").nth(2).unwrap();
    block.split_once("```").unwrap().0
}

/// The keys in the tables of a page, by the heading above.
fn described(page: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut sections: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut heading = "";
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        } else if let Some(key) = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |")) {
            sections.entry(heading).or_default().insert(key.0);
        }
    }
    sections
}

fn accepted() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    KEYS.iter().map(|(title, keys)| (*title, keys.iter().copied().collect())).collect()
}

#[test]
fn every_key_is_described_and_every_described_key_is_read() {
    assert_eq!(described(PAGE), accepted());
}

#[test]
fn a_page_without_a_key_is_seen() {
    assert_ne!(described(&PAGE.replace("| `look_in` |", "| look_in |")), accepted());
    assert_ne!(described(&PAGE.replace("| `any` |", "| `any` |\n| `each` |")), accepted());
}

#[test]
fn the_cloud_that_is_seen_is_read_and_asks_for_nothing_that_is_not_done() {
    let block = PAGE.split("```toml\n").nth(3).unwrap().split_once("```").unwrap().0;
    let estate = Estate::parse(Path::new("/etc/outlive/outlive.toml"), block).unwrap();
    assert_eq!((estate.unhonoured.len(), estate.providers.len(), estate.volumes.len()), (0, 1, 1));
    assert!(estate.volumes[0].is.is_some());
}

#[test]
fn what_says_where_a_reader_s_key_lies_is_read() {
    let page = include_str!("../../docs/encryption.md");
    let blocks = page.split("```toml\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let block = blocks.into_iter().find(|block| block.contains("kind = \"key\"")).unwrap();
    let estate = Estate::parse(Path::new("/etc/outlive/outlive.toml"), block).unwrap();
    assert_eq!((estate.unhonoured.len(), estate.assets.len()), (0, 2));
}

#[test]
fn the_example_is_read_and_asks_for_nothing_that_is_not_done() {
    let estate = Estate::parse(Path::new("/etc/outlive/outlive.toml"), example()).unwrap();
    assert_eq!(estate.unhonoured, []);
    assert_eq!((estate.volumes.len(), estate.vaults.len(), estate.copies.len()), (3, 2, 4));
    assert_eq!((estate.assets.len(), estate.points.len()), (1, 1));
    for (title, _) in KEYS.iter().filter(|(title, _)| title.starts_with('[')) {
        let shown = title.replace("NAME", "default");
        assert!(example().contains(&shown), "{shown} is in no example");
    }
}

/// The words of a kind are the ones that the program knows, and it tells them when another one stands there.
#[test]
fn every_kind_and_every_hazard_is_on_the_page() {
    for wrong in [
        "[[asset]]\nkind='?'\nname='n'\nowner='o'",
        "[[volume]]\nid='a'\n[[recovery_point]]\nid='p'\nvolume='a'\nkind='?'\nowner='o'",
        "[policy.default]\nsurvive=['?']",
    ] {
        let problem = Estate::parse(Path::new("outlive.toml"), wrong).unwrap_err();
        let words = problem.remedy.strip_prefix("what may stand there: ").unwrap();
        let missing: Vec<&str> =
            words.split(", ").filter(|word| !PAGE.contains(&format!("`{word}`"))).collect();
        assert_eq!(missing, Vec::<&str>::new());
        assert!(words.contains(", "));
    }
}
