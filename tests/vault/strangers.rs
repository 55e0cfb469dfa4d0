//! What a vault finds that it did not write itself.

use super::recorder::Recorder;
use super::support::{Place, assert_same, noise};
use crate::hand::fs;
use outlive::domain::Kind;
use outlive::store::Key;
use outlive::vault::Vault;
use outlive::vault::format::{Chunk, Digest, PackKey, PackRole, Sidecar, SidecarFrame};

fn open_or_create(place: &Place, name: &str) -> outlive::domain::Result<Vault> {
    Vault::open_or_create(Recorder::create(&place.path(name)).unwrap(), chrono::Utc::now())
}

#[test]
fn a_directory_that_holds_other_things_is_not_made_a_vault() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/thesis.txt"), "mine").unwrap();
    let problem = open_or_create(&place, "mine").map(drop).unwrap_err();
    assert_eq!(problem.kind, Kind::Refused);
    assert!(problem.what.contains("thesis.txt"), "{problem}");
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1, "something was written");
}

#[test]
fn a_vault_that_lost_its_marker_is_not_made_a_new_one() {
    let place = Place::new();
    fs::create_dir(place.path("original")).unwrap();
    place.copy(&place.path("original"));
    fs::remove_file(place.path("vault/vault.json")).unwrap();
    assert_eq!(open_or_create(&place, "vault").map(drop).unwrap_err().kind, Kind::Refused);
    assert!(!place.path("vault/vault.json").exists());
}

#[test]
fn a_vault_whose_making_was_stopped_is_finished_by_the_next_run() {
    let place = Place::new();
    fs::create_dir_all(place.path("begun/incoming")).unwrap();
    fs::write(place.path("begun/incoming/README.md.0123"), "half").unwrap();
    fs::copy(place.path("vault/README.md"), place.path("begun/README.md")).unwrap();
    open_or_create(&place, "begun").unwrap().check_readme().unwrap();
}

#[test]
fn a_forged_sidecar_neither_stops_a_copy_nor_is_built_upon() {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir(&original).unwrap();
    fs::write(original.join("file"), noise(1, 5000)).unwrap();
    let chunk = Chunk(u32::MAX, Digest::of(b"any"));
    let shapes = [
        vec![SidecarFrame { at: 0, length: 8, chunks: vec![chunk; 3] }],
        vec![SidecarFrame { at: 0, length: u32::MAX, chunks: Vec::new() }],
        vec![SidecarFrame { at: u64::MAX, length: 8, chunks: Vec::new() }],
        vec![SidecarFrame { at: 0, length: 8, chunks: Vec::new() }; 2],
    ];
    for (number, frames) in shapes.into_iter().enumerate() {
        let pack = PackKey(format!("forged-{number}").into());
        let store = place.vault.store();
        store.put_bytes(&pack.pack().unwrap(), b"8 bytes.").unwrap();
        let sidecar = Sidecar::new(pack.clone(), PackRole::Data, 8, Digest::of(b"8 bytes."), frames);
        store.put_bytes(&pack.sidecar().unwrap(), &sidecar.render().unwrap()).unwrap();
        let report = place.copy(&original);
        assert!(report.packs.iter().all(|line| line.pack != pack), "built upon {pack:?}");
        assert_same(&original, &place.restore(&format!("restored {number}")));
    }
    let garbage = Key::new("sidecars/garbage").unwrap();
    place.vault.store().put_bytes(&garbage, &noise(3, 999)).unwrap();
    place.copy(&original);
}

#[test]
fn a_page_that_somebody_else_wrote_never_becomes_a_vaults_instructions() {
    let place = Place::new();
    let page = fs::read(place.path("vault/README.md")).unwrap();
    let pages = [b"mine".to_vec(), Vec::new(), page[..page.len() - 1].to_vec(), [&page[..], b"\n"].concat()];
    for (number, page) in pages.into_iter().enumerate() {
        let name = format!("mine {number}");
        fs::create_dir(place.path(&name)).unwrap();
        fs::write(place.path(&name).join("README.md"), &page).unwrap();
        let problem = open_or_create(&place, &name).map(drop).unwrap_err();
        assert_eq!(problem.kind, Kind::Refused, "{problem}");
        assert!(problem.what.contains("README.md"), "{problem}");
        assert_eq!(fs::read_dir(place.path(&name)).unwrap().count(), 1, "something was written");
        assert_eq!(fs::read(place.path(&name).join("README.md")).unwrap(), page);
    }
    fs::create_dir_all(place.path("folder/README.md")).unwrap();
    assert_eq!(open_or_create(&place, "folder").map(drop).unwrap_err().kind, Kind::Refused);
}
