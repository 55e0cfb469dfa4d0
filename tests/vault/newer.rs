//! What a newer outlive wrote is refused as newer, not called damaged and not half read.

use super::forge::{Forge, entry, json};
use super::recorder::Recorder;
use super::support::{Place, overwrite};
use crate::hand::fs;
use outlive::domain::{Kind, Problem, Silent};
use outlive::vault::format::{EntryKind, seal_envelope};
use outlive::vault::{RestoreOptions, Roots, Vault, verify};
use std::path::Path;

#[track_caller]
fn assert_newer<T>(result: Result<T, Problem>, object: &str) {
    let problem = result.map(drop).unwrap_err();
    assert_eq!(problem.kind, Kind::Refused, "{problem}");
    assert!(problem.to_string().contains(object), "{problem}");
    let newer = problem.what.contains("version 2") || problem.what.contains("version 3");
    assert!(newer && problem.remedy.contains("newer outlive"), "{problem:?}");
}

fn open(place: &Place) -> Result<Vault, Problem> {
    Vault::open(Recorder::open(&place.path("vault")).unwrap())
}

fn replace(object: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(object).unwrap();
    assert!(text.contains(from));
    overwrite(object, text.replacen(from, to, 1).as_bytes());
}

#[test]
fn a_newer_vault_is_refused_whether_it_is_opened_or_made() {
    for (from, to) in
        [("outlive/vault/v0", "outlive/vault/v2"), ("outlive/envelope/v0", "outlive/envelope/v2")]
    {
        let place = Place::new();
        replace(&place.path("vault/vault.json"), from, to);
        assert_newer(open(&place), "vault.json");
        let store = Recorder::open(&place.path("vault")).unwrap();
        assert_newer(Vault::open_or_create(store, chrono::Utc::now()), "vault.json");
    }
}

#[test]
fn a_newer_vault_of_which_nothing_else_is_known_is_refused_as_newer() {
    let place = Place::new();
    overwrite(&place.path("vault/vault.json"), br#"{"schema":"outlive/envelope/v2","other":[1]}"#);
    assert_newer(open(&place), "vault.json");
    overwrite(&place.path("vault/vault.json"), &seal_envelope("outlive/vault/v2", b"{}").unwrap());
    assert_newer(open(&place), "vault.json");
}

#[test]
fn a_newer_root_is_named_as_newer_and_never_taken_for_a_point() {
    for payload_type in ["outlive/root/v3", "outlive/envelope/v3"] {
        let place = Place::new();
        let original = place.path("original");
        fs::create_dir(&original).unwrap();
        let root = place.copy(&original).root;
        let from = payload_type.replace("v3", "v0");
        replace(&place.path("vault").join(root.key.as_str()), &from, payload_type);
        let roots = Roots::read(&place.vault).unwrap();
        assert!(roots.sound.is_empty());
        let (key, problem) = &roots.damaged[0];
        assert_eq!(key, &root.key);
        assert_newer::<()>(Err(problem.clone()), root.key.as_str());
        assert!(roots.choose(None, None).is_err());
        let report = verify(&place.vault, &[], &Silent).unwrap();
        assert_eq!(report.damage[0].object, root.key.as_str());
        assert!(report.sound.is_empty());
    }
}

#[test]
fn a_newer_page_is_refused_and_nothing_is_written() {
    let mut forge = Forge::new();
    let header = "{\"schema\":\"outlive/page/v2\",\"kind\":\"entries\",\"level\":0,\"more\":true}\n";
    let page = forge.page_with_header(header, &[json(&entry("", EntryKind::Dir))]);
    let forged = forge.finish(page);
    assert_newer(forged.restore("target", RestoreOptions::default()), "packs/forged-tree");
    assert!(!forged.cage.join("target").exists());
    assert_newer(forged.verify(), "packs/forged-tree");
}

#[test]
fn another_schema_altogether_is_damage() {
    let place = Place::new();
    overwrite(&place.path("vault/vault.json"), br#"{"schema":"someone/else/v9"}"#);
    assert_eq!(open(&place).map(drop).unwrap_err().kind, Kind::Damaged);
}
