//! An encrypted vault is repaired by whoever holds a reader's key; without one, what cannot be said is said to be unknown.

use super::encrypting::{outlive, reader};
use super::nightly_estate::EstateFile;
use super::place::{Place, assert_same, tool};
use super::repairing::{Harm, Objects, harm, lost, tree};
use super::run::Ended;
use crate::hand::fs;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A tree in two encrypted vaults, each for a reader and an epoch of its own; the readers' keys.
pub fn twice(place: &Place) -> (PathBuf, [PathBuf; 2]) {
    let data = tree(place, 1);
    let mut file = EstateFile::new();
    let mut keys = Vec::new();
    for name in ["offsite", "second"] {
        let (key, public) = reader(place, &format!("{name}.key"));
        let path = place.path(name);
        file = file.with(&format!(
            "[[vault]]\nid = {name:?}\nkind = \"dir\"\npath = {path:?}\nreaders = [{public:?}]"
        ));
        keys.push(key);
    }
    file.tree("tree", &data, &["offsite", "second"]).write(place);
    for name in ["offsite", "second"] {
        outlive(place, &["vault", "init", name]).end().expect(0);
    }
    for name in ["offsite", "second"] {
        let vault = place.path(name);
        outlive(place, &["copy", data.to_str().unwrap(), "--name", "tree", "--vault", name]).end().expect(0);
        assert!(vault.join("vault.json").exists());
    }
    (data, [keys.remove(0), keys.remove(0)])
}

fn restored(place: &Place, vault: &Path, key: &Path, data: &Path) {
    let to = place.path("restored");
    let restore: [&dyn AsRef<OsStr>; 8] =
        [&"restore", &"tree", &"--vault", &vault, &"--to", &to, &"--identity", &key];
    let state = place.path("a machine that knows nothing");
    place.outlive_with_state(&state, &restore).end().expect(0);
    assert_same(data, &to);
    fs::remove_dir_all(&to).unwrap();
    let verify: [&dyn AsRef<OsStr>; 4] = [&"verify", &vault, &"--identity", &key];
    place.outlive_with_state(&state, &verify).end().expect(0);
    fs::remove_dir_all(&state).unwrap();
}

pub fn repair(place: &Place, more: &[&str]) -> Ended {
    let mut arguments = vec!["--format", "json", "vault", "repair", "offsite"];
    arguments.extend(more);
    outlive(place, &arguments).end()
}

#[test]
fn an_encrypted_vault_is_repaired_with_a_readers_key_and_without_one_it_is_undetermined() {
    let place = Place::new();
    let (data, [key, _]) = twice(&place);
    let vault = place.path("offsite");
    let pristine = place.path("pristine");
    tool("cp", &["-a".as_ref(), vault.as_os_str(), pristine.as_os_str()]);
    tool("cp", &["-a".as_ref(), place.path("state").as_os_str(), place.path("state before").as_os_str()]);
    let objects = Objects::of(&vault);
    for (object, befell) in [
        (format!("packs/{}", objects.data[0]), Harm::Gone),
        (format!("packs/{}", objects.data[0]), Harm::Bit),
        (format!("packs/{}", objects.data[1]), Harm::Cut),
        (format!("sidecars/{}", objects.data[0]), Harm::Gone),
        (format!("packs/{}", objects.list), Harm::Gone),
        (format!("roots/{}", objects.root), Harm::Bit),
    ] {
        harm(&vault.join(&object), befell);
        let stranger = place.path("a machine without a key");
        let run: [&dyn AsRef<OsStr>; 5] = [&"--format", &"json", &"vault", &"repair", &vault];
        let closed = place.outlive_with_state(&stranger, &run).end().expect(14).json("repair");
        assert_eq!(closed["points"][0]["outcome"], "undetermined", "{befell:?} {object}: {closed:#}");
        assert_eq!(closed["exit_codes"], serde_json::json!([14, 11]), "{closed:#}");
        fs::remove_dir_all(stranger).unwrap();
        let done = repair(&place, &["--identity", key.to_str().unwrap()]).expect(0).json("repair");
        assert_eq!(done["points"][0]["outcome"], "whole", "{befell:?} {object}: {done:#}");
        restored(&place, &vault, &key, &data);
        // The machine that copies sees that all bytes are right again, and no more.
        outlive(&place, &["verify", "offsite"]).end().expect(11);
        outlive(&place, &["copy", data.to_str().unwrap(), "--name", "tree", "--vault", "offsite"])
            .end()
            .expect(0);
        restored(&place, &vault, &key, &data);
        for (here, before) in [(&vault, &pristine), (&place.path("state"), &place.path("state before"))] {
            fs::remove_dir_all(here).unwrap();
            tool("cp", &["-a".as_ref(), before.as_os_str(), here.as_os_str()]);
        }
    }
}

#[test]
fn the_machine_that_copies_repairs_without_a_readers_key_what_it_remembers_and_still_has() {
    let place = Place::new();
    let (data, [key, _]) = twice(&place);
    let vault = place.path("offsite");
    let objects = Objects::of(&vault);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Gone);
    let done = repair(&place, &[]).expect(11).json("repair");
    assert_eq!(done["points"][0]["outcome"], "whole", "{done:#}");
    assert_eq!(done["left"].as_array().unwrap().len(), 0, "{done:#}");
    restored(&place, &vault, &key, &data);
    outlive(&place, &["verify", "offsite"]).end().expect(11).says("a repair put others in their place");
    // What it remembers it may forget: then nothing can be said.
    fs::remove_dir_all(place.path("state/memory")).unwrap();
    let objects = Objects::of(&vault);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Bit);
    let done = repair(&place, &[]).expect(14).json("repair");
    assert_eq!(done["points"][0]["outcome"], "undetermined", "{done:#}");
}

#[test]
fn a_machine_that_has_two_vaults_and_their_readers_keys_repairs_the_one_from_the_other() {
    let place = Place::new();
    let (data, [one, two]) = twice(&place);
    tool("mv", &[data.as_os_str(), place.path("kept").as_os_str()]);
    let (vault, second) = (place.path("offsite"), place.path("second"));
    harm(&vault.join("packs").join(&Objects::of(&vault).data[0]), Harm::Gone);
    let state = place.path("rescue");
    let with = |key: &Path| {
        let arguments: [&dyn AsRef<OsStr>; 9] =
            [&"--format", &"json", &"vault", &"repair", &vault, &"--from", &second, &"--identity", &key];
        place.outlive_with_state(&state, &arguments).end()
    };
    with(&one).expect(2).complains("none of the identities");
    let both = [&one, &two].map(|key| fs::read(key).unwrap()).concat();
    let done = with(&place.file("both.key", both)).expect(0).json("repair");
    assert_eq!(done["points"][0]["outcome"], "whole", "{done:#}");
    restored(&place, &vault, &one, &place.path("kept"));
}

#[test]
fn without_a_key_what_is_gone_comes_back_byte_for_byte_and_the_rest_stays_unknown() {
    let place = Place::new();
    let (data, [key, _]) = twice(&place);
    let (vault, clone) = (place.path("offsite"), place.path("clone"));
    tool("cp", &["-a".as_ref(), vault.as_os_str(), clone.as_os_str()]);
    let objects = Objects::of(&vault);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Gone);
    harm(&vault.join("sidecars").join(&objects.list), Harm::Gone);
    let keys = vault.join("keys");
    fs::remove_file(keys.join(&super::place::names(&keys)[0])).unwrap();
    let done = repair(&place, &["--from", clone.to_str().unwrap()]).expect(11).json("repair");
    assert_eq!((done["sent_again"].as_array().unwrap().len(), lost(&done).len()), (3, 0), "{done:#}");
    assert_eq!(done["left"].as_array().unwrap().len(), 0, "{done:#}");
    tool("diff", &["-r".as_ref(), vault.as_os_str(), clone.as_os_str()]);
    restored(&place, &vault, &key, &data);
}
