//! A proof does not pass to a clone, however the clone was made: block by block, or by the filesystem itself.

use super::place::{Place, noise, tool};
use std::path::{Path, PathBuf};

/// Data copied to this vault, and verified there.
fn verified(place: &Place, vault: &Path) -> PathBuf {
    let data = place.file("data/a", noise(1, 100_000)).parent().unwrap().to_owned();
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    place.outlive(&[&"verify", &vault]).end().expect(0);
    assert_eq!(state(place, vault), "verified");
    data
}

/// What is said of the only point in a vault.
fn state(place: &Place, vault: &Path) -> serde_json::Value {
    let list = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().json("vault-list");
    list["points"][0]["state"].clone()
}

/// The clone is unproved, and the original as proved as before; what the clone proves, it proves for itself.
fn assert_proved_alone(place: &Place, data: &Path, vault: &Path, clone: &Path) {
    assert_eq!(state(place, clone), "stored");
    assert_eq!(state(place, vault), "verified");
    let audit = place.outlive(&[&"audit", &data, &"--vault", &clone, &"--format", &"json"]).end();
    let rows = audit.json("audit")["volumes"][0]["survival"].clone();
    assert!(rows.as_array().unwrap().iter().all(|row| row["result"] != "survivor"), "{rows:#}");
    place.outlive(&[&"verify", &clone]).end().expect(0);
    assert_eq!(state(place, clone), "verified");
    assert_eq!(state(place, vault), "verified");
}

#[test]
fn a_block_by_block_clone_of_a_vault_is_unproved() {
    let mut place = Place::new();
    let vault = place.filesystem("ext4", "first", 64).join("vault");
    let data = verified(&place, &vault);
    tool("sync", &["-f".as_ref(), vault.as_os_str()]);
    let (image, clone) = (place.path("first.img"), place.path("second.img"));
    tool("cp", &["--sparse=always".as_ref(), image.as_os_str(), clone.as_os_str()]);
    let second = place.path("second");
    place.mount(&[&"-o", &"loop", &clone], &second);
    assert_proved_alone(&place, &data, &vault, &second.join("vault"));
}

#[test]
fn a_snapshot_of_a_vault_that_is_a_subvolume_is_unproved() {
    let mut place = Place::new();
    let filesystem = place.filesystem("btrfs", "pool", 256);
    let (vault, snapshot) = (filesystem.join("vault"), filesystem.join("snapshot"));
    tool("btrfs", &["subvolume".as_ref(), "create".as_ref(), vault.as_os_str()]);
    let data = verified(&place, &vault);
    let words = ["subvolume", "snapshot"].map(AsRef::as_ref);
    tool("btrfs", &[words[0], words[1], vault.as_os_str(), snapshot.as_os_str()]);
    assert_proved_alone(&place, &data, &vault, &snapshot);
}

#[test]
fn a_filesystem_mounted_anew_elsewhere_and_by_another_loop_device_keeps_its_proofs() {
    let mut place = Place::new();
    let image = place.path("image");
    std::fs::File::create_new(&image).unwrap().set_len(64 << 20).unwrap();
    tool("mkfs.ext4", &["-q".as_ref(), image.as_os_str()]);
    // What is mounted below `tmp` is taken down whatever happens.
    let (before, after) = (place.directory("tmp/before"), place.directory("tmp/after"));
    tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), before.as_os_str()]);
    let device = |point: &Path| tool("findmnt", &["-no".as_ref(), "SOURCE".as_ref(), point.as_os_str()]);
    let first = device(&before);
    verified(&place, &before.join("vault"));
    tool("umount", &[&before]);
    // The freed loop device is taken by others, so that the image gets another one.
    let mut taken = 0;
    while taken < 4 && !std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(first.trim()) {
        place.filesystem("ext4", &format!("other-{taken}"), 8);
        taken += 1;
    }
    tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), after.as_os_str()]);
    println!("{} before, {} after", first.trim(), device(&after).trim());
    assert_eq!(state(&place, &after.join("vault")), "verified");
}
