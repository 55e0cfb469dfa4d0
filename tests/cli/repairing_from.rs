//! A repair from a second vault: another copy of the same source, a copy of the vault itself, and vaults that are damaged or hostile.

use super::place::{Place, assert_same, names, noise, tool};
use super::repairing::{Harm, Objects, assert_restores, copied, harm, lost, repair, tree};
use crate::hand::fs;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A tree in two vaults, and gone itself; what it held lies aside.
fn twice(place: &Place) -> (PathBuf, PathBuf, PathBuf) {
    let data = tree(place, 1);
    let vaults = ["vault", "second"].map(|name| copied(place, &data, name));
    tool("mv", &[data.as_os_str(), place.path("kept").as_os_str()]);
    let [vault, second] = vaults;
    (place.path("kept"), vault, second)
}

/// The vault, object by object, at another place.
fn cloned(place: &Place, vault: &Path, name: &str) -> PathBuf {
    let clone = place.path(name);
    tool("cp", &["-a".as_ref(), vault.as_os_str(), clone.as_os_str()]);
    clone
}

#[test]
fn content_and_pages_that_are_lost_come_from_another_copy_of_the_same_source() {
    let place = Place::new();
    let (kept, vault, second) = twice(&place);
    let pristine = cloned(&place, &vault, "pristine");
    let objects = Objects::of(&vault);
    for (number, (folder, name, befell)) in [
        ("packs", &objects.data[0], Harm::Gone),
        ("packs", &objects.data[0], Harm::Bit),
        ("sidecars", &objects.data[0], Harm::Gone),
        ("packs", &objects.tree, Harm::Gone),
        ("packs", &objects.tree, Harm::Cut),
        ("packs", &objects.list, Harm::Gone),
    ]
    .into_iter()
    .enumerate()
    {
        let vault = cloned(&place, &pristine, &format!("vault-{number}"));
        harm(&vault.join(folder).join(name), befell);
        let done = repair(&place, &vault, &[&"--from", &second]).expect(0).json("repair");
        assert_eq!(done["points"][0]["outcome"], "whole", "{befell:?} {folder}: {done:#}");
        assert_restores(&place, &vault, &kept);
    }
}

#[test]
fn what_is_gone_comes_back_as_it_was_from_a_copy_of_the_vault_itself() {
    let place = Place::new();
    let (kept, vault, _) = twice(&place);
    let clone = cloned(&place, &vault, "clone");
    let root = Objects::of(&vault).root;
    let pack = names(&vault.join("packs"))[0].clone();
    let gone = [vault.join("roots").join(&root), vault.join("packs").join(&pack), vault.join("README.md")];
    gone.iter().for_each(|object| fs::remove_file(object).unwrap());
    let done = repair(&place, &vault, &[&"--from", &clone]).expect(0).json("repair");
    assert_eq!(done["sent_again"].as_array().unwrap().len(), 3, "{done:#}");
    assert_eq!(done["points"].as_array().unwrap().len(), 0, "no root stands in for another: {done:#}");
    tool("diff", &["-r".as_ref(), vault.as_os_str(), clone.as_os_str()]);
    assert_restores(&place, &vault, &kept);
}

#[test]
fn a_root_whose_object_is_spoilt_comes_from_a_copy_of_the_vault_and_without_one_all_of_the_point_is_lost() {
    let place = Place::new();
    let (kept, vault, second) = twice(&place);
    let clone = cloned(&place, &vault, "clone");
    let objects = Objects::of(&vault);
    harm(&vault.join("roots").join(&objects.root), Harm::Cut);
    let done = repair(&place, &vault, &[&"--from", &second]).expect(14).json("repair");
    assert_eq!(lost(&done), ["(all)".to_owned()].into(), "{done:#}");
    assert!(done["lost"][0]["volume"].as_str().unwrap().ends_with("/data"), "{done:#}");
    let done = repair(&place, &vault, &[&"--from", &clone]).expect(0).json("repair");
    assert_eq!(done["points"][0]["outcome"], "whole", "{done:#}");
    assert_restores(&place, &vault, &kept);
}

/// Puts another byte in every so many of each object in a folder.
fn spoil(folder: &Path, every: usize) {
    for name in names(folder) {
        let path = folder.join(name);
        super::place::chmod(&path, 0o600);
        let mut bytes = fs::read(&path).unwrap();
        (every / 2..bytes.len()).step_by(every).for_each(|at| bytes[at] ^= 0x20);
        fs::write(&path, bytes).unwrap();
    }
}

/// What is lost is lost, and whatever else is there is right to the byte.
fn assert_nothing_wrong_came_in(place: &Place, vault: &Path, kept: &Path, done: &serde_json::Value) {
    let now = done["points"][0]["now"].as_str().unwrap().to_owned();
    let rest = place.path("rest");
    let options: [&dyn AsRef<OsStr>; 7] = [&"restore", &"--vault", &vault, &"--to", &rest, &"--point", &now];
    place.outlive(&options).end().expect(14);
    let lost = lost(done);
    assert!(!lost.is_empty() && lost.len() < 25, "{lost:?}");
    let left = place.path("left");
    tool("cp", &["-a".as_ref(), kept.as_os_str(), left.as_os_str()]);
    lost.iter().for_each(|path| fs::remove_file(left.join(path)).unwrap());
    tool("diff", &["-r".as_ref(), "--no-dereference".as_ref(), left.as_os_str(), rest.as_os_str()]);
}

#[test]
fn from_a_second_vault_that_is_damaged_only_what_is_right_is_taken() {
    let place = Place::new();
    let (kept, vault, second) = twice(&place);
    harm(&vault.join("packs").join(&Objects::of(&vault).data[0]), Harm::Gone);
    spoil(&second.join("packs"), 300_000);
    let done = repair(&place, &vault, &[&"--from", &second]).expect(14).json("repair");
    assert_nothing_wrong_came_in(&place, &vault, &kept, &done);
}

#[test]
fn a_hostile_second_vault_brings_no_wrong_byte_in() {
    let place = Place::new();
    let (kept, vault, second) = twice(&place);
    // Another tree under the same names, sizes and volume; and in a copy of the vault, roots and packs under each other's keys.
    let other = place.path("kept");
    tool("cp", &["-a".as_ref(), other.as_os_str(), place.path("data").as_os_str()]);
    place.file("data/large", noise(77, 2_300_000));
    place.file("data/small/05", noise(78, 8_000));
    let forged = copied(&place, &place.path("data"), "forged");
    fs::remove_dir_all(place.path("data")).unwrap();
    let objects = Objects::of(&vault);
    let clone = cloned(&place, &vault, "clone");
    let forged_objects = Objects::of(&forged);
    for (ours, theirs) in [
        (clone.join("packs").join(&objects.data[0]), forged.join("packs").join(&forged_objects.data[0])),
        (clone.join("packs").join(&objects.tree), forged.join("packs").join(&forged_objects.tree)),
        (
            clone.join("sidecars").join(&objects.data[0]),
            forged.join("sidecars").join(&forged_objects.data[0]),
        ),
    ] {
        super::place::chmod(&ours, 0o600);
        fs::write(&ours, fs::read(theirs).unwrap()).unwrap();
    }
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Gone);
    let done = repair(&place, &vault, &[&"--from", &clone, &"--from", &forged]).expect(14).json("repair");
    assert_eq!(done["sent_again"].as_array().unwrap().len(), 0, "{done:#}");
    assert_eq!(lost(&done), ["large", "small/05"].map(str::to_owned).into(), "{done:#}");
    assert_nothing_wrong_came_in(&place, &vault, &kept, &done);
    let done = repair(&place, &vault, &[&"--from", &forged, &"--from", &second]).expect(0).json("repair");
    assert_eq!(done["points"][0]["outcome"], "whole", "{done:#}");
    assert_same(&kept, &{
        let (now, to) = (done["points"][0]["now"].as_str().unwrap().to_owned(), place.path("whole"));
        let options: [&dyn AsRef<OsStr>; 7] =
            [&"restore", &"--vault", &vault, &"--to", &to, &"--point", &now];
        place.outlive(&options).end().expect(0);
        to
    });
}
