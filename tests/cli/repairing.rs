//! A vault that is damaged in every way is whole again after a repair, as far as the bytes are anywhere; the rest is named, path by path.

use super::place::{Place, assert_same, chmod, names, noise, tool};
use super::run::Ended;
use crate::hand::fs;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The objects of a vault that holds one point.
pub struct Objects {
    pub root: String,
    pub tree: String,
    pub list: String,
    /// Packs of content, the largest first.
    pub data: Vec<String>,
}

impl Objects {
    /// What the newest root names, read without the program.
    pub fn of(vault: &Path) -> Self {
        let root = names(&vault.join("roots")).pop().unwrap().into_string().unwrap();
        let bytes = fs::read(vault.join("roots").join(&root)).unwrap();
        let size = |name: &str| std::fs::metadata(vault.join("packs").join(name)).unwrap().len();
        let packs = names(&vault.join("packs")).into_iter().map(|name| name.into_string().unwrap());
        Self::named(root, &bytes, packs.map(|name| (size(&name), name)).collect())
    }

    /// The same from the root and the sizes of the packs.
    pub fn named(root: String, bytes: &[u8], mut packs: Vec<(u64, String)>) -> Self {
        let envelope: Value = serde_json::from_slice(bytes).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        let pack = |of: &str| payload[of]["pack"].as_str().unwrap_or_default().to_owned();
        let (tree, list) = (pack("entries"), pack("packs"));
        packs.retain(|(_, name)| *name != tree && *name != list);
        packs.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        Self { root, tree, list, data: packs.into_iter().map(|(_, name)| name).collect() }
    }
}

/// What befalls an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Harm {
    Bit,
    Cut,
    Gone,
}

impl Harm {
    /// The bytes of an object by then; none where it is gone.
    pub fn of(self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let middle = bytes.len() / 2;
        match self {
            Self::Bit => bytes[middle] ^= 4,
            Self::Cut => bytes.truncate(middle),
            Self::Gone => return None,
        }
        Some(bytes)
    }
}

pub fn harm(object: &Path, harm: Harm) {
    chmod(object, 0o600);
    match harm.of(fs::read(object).unwrap()) {
        Some(bytes) => fs::write(object, bytes).unwrap(),
        None => fs::remove_file(object).unwrap(),
    }
}

pub fn repair(place: &Place, vault: &Path, more: &[&dyn AsRef<OsStr>]) -> Ended {
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"--format", &"json", &"vault", &"repair", &vault];
    arguments.extend(more);
    place.outlive(&arguments).end()
}

/// The paths that a repair calls lost.
pub fn lost(done: &Value) -> BTreeSet<String> {
    let all = done["lost"].as_array().unwrap().iter();
    all.map(|lost| lost["path"].as_str().unwrap_or("(all)").to_owned()).collect()
}

/// A tree of small files, large ones, links and empty ones.
pub fn tree(place: &Place, seed: u64) -> PathBuf {
    for number in 0..25 {
        place.file(&format!("data/small/{number:02}"), noise(seed + number, 3_000 + number as usize * 1_000));
    }
    place.file("data/large", noise(seed + 100, 2_300_000));
    place.file("data/empty", "");
    fs::hard_link(place.path("data/small/03"), place.path("data/other name")).unwrap();
    std::os::unix::fs::symlink("large", place.path("data/link")).unwrap();
    place.path("data")
}

/// An image with holes, of which the runs have pages of their own.
fn image(place: &Place) -> PathBuf {
    let blocks: Vec<u8> = (0..200)
        .flat_map(|block| if block % 2 == 0 { noise(block, 65_536) } else { vec![0; 65_536] })
        .collect();
    place.file("image.raw", blocks)
}

pub fn copied(place: &Place, data: &Path, name: &str) -> PathBuf {
    let vault = place.path(name);
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    vault
}

/// The newest point restores to the same, here and where nothing but the vault is known.
#[track_caller]
pub fn assert_restores(place: &Place, vault: &Path, data: &Path) {
    for state in ["state", "state of nothing"] {
        let to = place.path("restored");
        let restore: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &vault, &"--to", &to];
        place.outlive_with_state(&place.path(state), &restore).end().expect(0);
        if data.is_dir() {
            assert_same(data, &to);
            fs::remove_dir_all(&to).unwrap();
        } else {
            assert!(fs::read(data).unwrap() == fs::read(&to).unwrap(), "the image is another");
            fs::remove_file(&to).unwrap();
        }
    }
    place.outlive(&[&"verify", &vault]).end().expect(0).says("verified: ");
    let elsewhere = place.path("state of nothing");
    place.outlive_with_state(&elsewhere, &[&"verify", &vault]).end().expect(0).says("verified: ");
    fs::remove_dir_all(elsewhere).unwrap();
}

/// Every kind of object, and what may befall it.
pub fn harms(objects: &Objects) -> Vec<(String, Harm)> {
    let of = |folder: &str, name: &str| format!("{folder}/{name}");
    vec![
        (of("packs", &objects.data[0]), Harm::Bit),
        (of("packs", &objects.data[0]), Harm::Cut),
        (of("packs", &objects.data[0]), Harm::Gone),
        (of("sidecars", &objects.data[0]), Harm::Cut),
        (of("sidecars", &objects.data[0]), Harm::Gone),
        (of("packs", &objects.tree), Harm::Cut),
        (of("packs", &objects.tree), Harm::Gone),
        (of("sidecars", &objects.tree), Harm::Bit),
        (of("packs", &objects.list), Harm::Bit),
        (of("packs", &objects.list), Harm::Gone),
        (of("sidecars", &objects.list), Harm::Cut),
        (of("roots", &objects.root), Harm::Bit),
    ]
}

fn repaired_from_the_source(place: &Place, data: &Path) {
    let kinds = harms(&Objects::of(&copied(place, data, "vault to look at"))).len();
    for number in 0..kinds {
        let vault = copied(place, data, &format!("vault-{number}"));
        let (object, befell) = harms(&Objects::of(&vault)).swap_remove(number);
        harm(&vault.join(&object), befell);
        place.outlive(&[&"verify", &vault]).end().expect(14).says(&object);
        let before: Vec<_> = names(&vault.join("roots"));
        let planned = repair(place, &vault, &[&"--plan"]).expect(14).json("repair");
        assert_eq!(planned["points"][0]["outcome"], "could_be_whole", "{befell:?} {object}: {planned:#}");
        assert_eq!(names(&vault.join("roots")), before, "a plan wrote something");
        let done = repair(place, &vault, &[]).expect(0).json("repair");
        assert_eq!(done["points"][0]["outcome"], "whole", "{befell:?} {object}: {done:#}");
        assert_eq!((lost(&done).len(), done["left"].as_array().unwrap().len()), (0, 0), "{done:#}");
        assert_restores(place, &vault, data);
        let again = repair(place, &vault, &[]).expect(0).json("repair");
        assert_eq!(again["points"].as_array().unwrap().len(), 0, "{befell:?} {object}: {again:#}");
    }
}

#[test]
fn a_tree_that_is_damaged_in_any_way_is_whole_again_from_the_source() {
    let place = Place::new();
    let data = tree(&place, 1);
    repaired_from_the_source(&place, &data);
}

#[test]
fn an_image_that_is_damaged_in_any_way_is_whole_again_from_the_source() {
    let place = Place::new();
    let data = image(&place);
    repaired_from_the_source(&place, &data);
}

#[test]
fn what_is_had_nowhere_is_named_exactly_and_the_rest_restores() {
    for befell in [Harm::Bit, Harm::Gone] {
        let place = Place::new();
        let data = tree(&place, 1);
        let vault = copied(&place, &data, "vault");
        tool("mv", &[data.as_os_str(), place.path("kept").as_os_str()]);
        let objects = Objects::of(&vault);
        harm(&vault.join("packs").join(&objects.data[0]), befell);
        // What a restore that goes around damage calls lost is what is lost.
        let to = place.path("despite");
        let options: [&dyn AsRef<OsStr>; 8] =
            [&"restore", &"--vault", &vault, &"--to", &to, &"--despite-damage", &"--format", &"json"];
        let despite = place.outlive(&options).end().expect(14).json("restore");
        let mut expected = lost(&despite);
        assert_eq!(expected.len() > 1, befell == Harm::Gone, "{expected:?}");
        if expected.contains("other name") || expected.contains("small/03") {
            expected.extend(["other name".to_owned(), "small/03".to_owned()]);
        }
        let done = repair(&place, &vault, &[]).expect(14).json("repair");
        assert_eq!(lost(&done), expected, "{befell:?}");
        for lost in done["lost"].as_array().unwrap() {
            assert_eq!(lost["point"], done["points"][0]["point"], "{lost}");
            assert!(lost["volume"].as_str().unwrap().ends_with("/data"), "{lost}");
        }
        assert_eq!(done["points"][0]["outcome"], "in_part", "{done:#}");
        place.outlive(&[&"verify", &vault]).end().expect(14);
        let (now, rest) = (done["points"][0]["now"].as_str().unwrap().to_owned(), place.path("rest"));
        let options: [&dyn AsRef<OsStr>; 7] =
            [&"restore", &"--vault", &vault, &"--to", &rest, &"--point", &now];
        place.outlive(&options).end().expect(14).says("incomplete");
        expected.iter().for_each(|path| fs::remove_file(place.path("kept").join(path)).unwrap());
        assert_same_content(&place.path("kept"), &rest);
        let again = repair(&place, &vault, &[]).expect(14).json("repair");
        assert_eq!(again["points"][0]["outcome"], "not_repaired", "nothing is gained: {again:#}");
    }
}

fn assert_same_content(one: &Path, other: &Path) {
    tool("diff", &["-r".as_ref(), "--no-dereference".as_ref(), one.as_os_str(), other.as_os_str()]);
}

#[test]
fn of_a_source_that_changed_only_what_is_the_same_is_used() {
    let place = Place::new();
    let data = tree(&place, 1);
    let vault = copied(&place, &data, "vault");
    tool("cp", &["-a".as_ref(), data.as_os_str(), place.path("kept").as_os_str()]);
    place.file("data/small/07", noise(900, 10_000));
    place.file("data/small/09", noise(901, 7));
    fs::remove_file(place.path("data/small/11")).unwrap();
    let objects = Objects::of(&vault);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Gone);
    let done = repair(&place, &vault, &[]).expect(14).json("repair");
    let changed = ["small/07", "small/09", "small/11"];
    assert_eq!(lost(&done), changed.map(str::to_owned).into(), "{done:#}");
    assert_eq!(done["points"][0]["outcome"], "in_part");
    let (now, rest) = (done["points"][0]["now"].as_str().unwrap().to_owned(), place.path("rest"));
    let options: [&dyn AsRef<OsStr>; 7] = [&"restore", &"--vault", &vault, &"--to", &rest, &"--point", &now];
    place.outlive(&options).end().expect(14);
    changed.iter().for_each(|path| fs::remove_file(place.path("kept").join(path)).unwrap());
    assert_same_content(&place.path("kept"), &rest);
    // With the old bytes at hand the same point is whole.
    tool("rsync", &["-a".as_ref(), place.path("kept/").as_os_str(), place.path("older").as_os_str()]);
    place.file("older/small/07", noise(8, 10_000));
    place.file("older/small/09", noise(10, 12_000));
    place.file("older/small/11", noise(12, 14_000));
    let older = place.path("older");
    let more: [&dyn AsRef<OsStr>; 4] = [&"--volume", &data, &"--source", &older];
    let done = repair(&place, &vault, &more).expect(0).json("repair");
    assert_eq!(done["points"][0]["outcome"], "whole", "{done:#}");
    let (now, whole) = (done["points"][0]["now"].as_str().unwrap().to_owned(), place.path("whole"));
    let options: [&dyn AsRef<OsStr>; 7] = [&"restore", &"--vault", &vault, &"--to", &whole, &"--point", &now];
    place.outlive(&options).end().expect(0);
    assert_same_content(&older, &whole);
    place.outlive(&[&"verify", &vault]).end().expect(11);
}

#[test]
fn a_copy_after_a_verification_that_found_damage_sends_the_damaged_content_again() {
    let place = Place::new();
    let data = tree(&place, 1);
    for (name, befell) in [("one", Harm::Bit), ("other", Harm::Gone)] {
        let vault = copied(&place, &data, name);
        harm(&vault.join("packs").join(&Objects::of(&vault).data[0]), befell);
        place.outlive(&[&"verify", &vault]).end().expect(14);
        let copied =
            place.outlive(&[&"--format", &"json", &"copy", &data, &"--vault", &vault]).end().expect(0);
        let id = copied.json("copy")["id"].clone();
        let verified =
            place.outlive(&[&"--format", &"json", &"verify", &vault]).end().expect(14).json("verify");
        let sound: Vec<_> = verified["points"].as_array().unwrap().iter().map(|point| &point["id"]).collect();
        assert_eq!(sound, [&id], "{verified:#}");
    }
}
