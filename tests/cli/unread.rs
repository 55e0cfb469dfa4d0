//! An object that could not be read: nothing is claimed of what needs it until it was read again, and a restore
//! despite damage brings back all the rest.

use super::place::{Place, chmod, names, noise, tool};
use super::run::Ended;
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};

/// A volume that nobody copied, and then with something new a second time: both points need the first one's pack.
fn copied_by_nobody(place: &Place) -> (PathBuf, PathBuf) {
    let data = place.file("data/a", noise(1, 100_000)).parent().unwrap().to_owned();
    let shared = place.directory("shared");
    chmod(&shared, 0o1777);
    let vault = shared.join("vault");
    copy(place, &data, &vault).expect(0);
    place.file("data/b", noise(2, 1000));
    copy(place, &data, &vault).expect(0);
    (data, vault)
}

fn copy(place: &Place, data: &Path, vault: &Path) -> Ended {
    place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault]).end()
}

fn audit(place: &Place, data: &Path, vault: &Path) -> Ended {
    place.outlive_as_nobody(&[&"audit", &data, &"--vault", &vault, &"--survive", &"primary-deletion"]).end()
}

fn states(place: &Place, vault: &Path) -> Vec<String> {
    let list = place.outlive_as_nobody(&[&"vault", &"list", &vault, &"--format", &"json"]).end();
    let list = list.json("vault-list");
    let points = list["points"].as_array().unwrap().iter();
    points.map(|point| point["state"].as_str().unwrap().to_owned()).collect()
}

/// The largest pack: the content that both points need.
fn content_pack(vault: &Path) -> PathBuf {
    let packs = names(&vault.join("packs")).into_iter().map(|name| vault.join("packs").join(name));
    packs.max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap()
}

fn key_of(pack: &Path) -> String {
    format!("packs/{}", pack.file_name().unwrap().to_str().unwrap())
}

fn give_to(pack: &Path, user: u32) {
    chown(pack, Some(user), None).unwrap();
}

const NOBODY: u32 = 65534;

#[test]
fn what_verify_could_not_read_is_proved_no_more_until_it_was_read_again() {
    let place = Place::new();
    let (data, vault) = copied_by_nobody(&place);
    assert_eq!(states(&place, &vault), ["read back", "read back"]);
    audit(&place, &data, &vault).expect(0).says("read back");
    let pack = content_pack(&vault);
    give_to(&pack, 0);
    let verify = place.outlive_as_nobody(&[&"verify", &vault]).end().expect(1);
    verify.says("UNREAD").says(&key_of(&pack));
    assert_eq!(states(&place, &vault), ["stored", "stored"]);
    audit(&place, &data, &vault).expect(11).says("not read back");
    // Nothing is inherited from what could not be read.
    copy(&place, &data, &vault).expect(14).complains(&key_of(&pack));
    assert_eq!(states(&place, &vault), ["stored"; 3]);
    audit(&place, &data, &vault).expect(11);
    give_to(&pack, NOBODY);
    copy(&place, &data, &vault).expect(0).says("read back");
    assert_eq!(states(&place, &vault), ["stored", "stored", "stored", "read back"]);
    audit(&place, &data, &vault).expect(0).says("read back");
    place.outlive_as_nobody(&[&"verify", &vault]).end().expect(0);
    assert_eq!(states(&place, &vault), ["verified"; 4]);
}

#[test]
fn what_a_restore_or_a_read_back_could_not_read_is_recorded_too() {
    let place = Place::new();
    let (data, vault) = copied_by_nobody(&place);
    let (pack, to) = (content_pack(&vault), place.path("home/restored"));
    give_to(&pack, 0);
    let restore = place.outlive_as_nobody(&[&"restore", &"--vault", &vault, &"--to", &to]);
    restore.end().expect(1).complains(&key_of(&pack));
    assert_eq!(states(&place, &vault), ["stored", "stored"], "the older point needs the same pack");
    give_to(&pack, NOBODY);
    place.outlive_as_nobody(&[&"verify", &vault]).end().expect(0);
    // The instructions are read back with each copy.
    give_to(&vault.join("README.md"), 0);
    chmod(&vault.join("README.md"), 0o400);
    copy(&place, &data, &vault).expect(14).complains("README.md");
    assert_eq!(states(&place, &vault), ["verified", "verified", "stored"]);
    let ledger = names(&place.path("state-of-nobody")).into_iter();
    let ledger = ledger.filter_map(|name| fs::read_to_string(place.path("state-of-nobody").join(name)).ok());
    let ledger: String = ledger.collect();
    for object in [key_of(&pack), "README.md".into()] {
        let unread = |line: &str| line.contains("\"unread\"") && line.contains(&object);
        assert!(ledger.lines().any(unread), "{object} is not recorded: {ledger}");
    }
}

#[test]
fn despite_damage_an_object_that_may_not_be_read_loses_its_files_and_no_others() {
    let place = Place::new();
    let (data, vault) = copied_by_nobody(&place);
    let pack = content_pack(&vault);
    for (object, lost) in [(vault.join("README.md"), false), (pack, true)] {
        give_to(&object, 0);
        chmod(&object, 0o400);
        let name = object.file_name().unwrap().to_str().unwrap();
        let to = place.path("home").join(name);
        let despite: [&dyn AsRef<std::ffi::OsStr>; 6] =
            [&"restore", &"--despite-damage", &"--vault", &vault, &"--to", &to];
        let restored = place.outlive_as_nobody(&despite).end().expect(14).says(name);
        assert_eq!(restored.stdout.contains("LOST"), lost, "{}", restored.stdout);
        assert_eq!(fs::read(to.join("b")).unwrap(), fs::read(data.join("b")).unwrap());
        let is_whole = fs::read(to.join("a")).unwrap() == fs::read(data.join("a")).unwrap();
        assert_eq!(is_whole, !lost);
        assert_eq!(states(&place, &vault), ["stored", "stored"], "unread is not damaged");
        give_to(&object, NOBODY);
        place.outlive_as_nobody(&[&"verify", &vault]).end().expect(0);
    }
}

#[test]
fn a_link_in_the_place_of_a_pack_is_damage_and_the_rest_comes_back() {
    let place = Place::new();
    let (data, vault) = copied_by_nobody(&place);
    let (pack, aside) = (content_pack(&vault), place.path("aside"));
    tool("mv", &[&pack, &aside]);
    symlink(&aside, &pack).unwrap();
    let verify = place.outlive_as_nobody(&[&"verify", &vault]).end().expect(14);
    verify.says(&format!("DAMAGED {}", key_of(&pack)));
    let to = place.path("home/restored");
    let despite: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"restore", &"--despite-damage", &"--vault", &vault, &"--to", &to];
    place.outlive_as_nobody(&despite).end().expect(14).says(&key_of(&pack)).says("LOST");
    assert_eq!(fs::read(to.join("b")).unwrap(), fs::read(data.join("b")).unwrap());
}

#[test]
fn every_error_of_a_medium_or_its_filesystem_is_damage_with_the_object_s_name() {
    let place = Place::new();
    let (_, vault) = copied_by_nobody(&place);
    let first = place.outlive(&[&"verify", &vault]).end().expect(0);
    let number = first.count_until("openat2", "\"README.md");
    for error in ["EBADMSG", "EUCLEAN", "ENODATA", "EREMOTEIO", "ELOOP"] {
        let verify = place.outlive(&[&"verify", &vault]);
        let verify = verify.inject(&format!("openat2:error={error}:when={number}")).end().expect(14);
        verify.says("DAMAGED README.md");
    }
}

#[test]
fn one_bad_entry_does_not_end_the_listing_of_a_vault() {
    let place = Place::new();
    let (_, vault) = copied_by_nobody(&place);
    let first =
        place.outlive(&[&"verify", &vault]).inject("newfstatat:error=ENOSYS:when=60000").end().expect(0);
    let packs = names(&vault.join("sidecars"));
    let number = first.count_until("newfstatat", "vault/sidecars>");
    assert!(packs.len() > 2, "{packs:?}");
    let verify = place.outlive(&[&"verify", &vault]);
    let verified = verify.inject(&format!("newfstatat:error=EBADMSG:when={number}")).end().expect(0);
    assert!(verified.log.contains("EBADMSG (Bad message) (INJECTED)"), "the fault never fired");
}
