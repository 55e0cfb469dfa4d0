//! Damage that any command finds is recorded: nothing is claimed of what it takes along, and nothing is built
//! on it.

use super::place::{Place, assert_same, chmod, names, noise, tool};
use super::run::{Ended, Run};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A volume that was copied twice, with something new the second time: both points need the first one's pack.
fn copied_twice(place: &Place) -> (PathBuf, PathBuf) {
    let data = place.file("data/a", noise(1, 100_000)).parent().unwrap().to_owned();
    let vault = place.path("vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    place.file("data/b", noise(2, 1000));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    (data, vault)
}

fn flip(object: &Path, at: usize) {
    let mut bytes = fs::read(object).unwrap();
    bytes[at] ^= 1;
    chmod(object, 0o600);
    fs::write(object, &bytes).unwrap();
}

/// Flips a byte in the midst of the largest pack; its key.
fn flip_content(vault: &Path) -> String {
    let packs = names(&vault.join("packs")).into_iter().map(|name| vault.join("packs").join(name));
    let pack = packs.max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap();
    flip(&pack, 1000);
    format!("packs/{}", pack.file_name().unwrap().to_str().unwrap())
}

fn states(place: &Place, vault: &Path) -> Vec<String> {
    let list = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().json("vault-list");
    let points = list["points"].as_array().unwrap().iter();
    points.map(|point| point["state"].as_str().unwrap().to_owned()).collect()
}

fn audit(place: &Place, data: &Path, vault: &Path) -> Ended {
    place.outlive(&[&"audit", &data, &"--vault", &vault, &"--survive", &"primary-deletion"]).end()
}

fn restore(place: &Place, vault: &Path, to: &str, more: &[&dyn AsRef<OsStr>]) -> Ended {
    let to = place.path(to);
    let arguments: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &vault, &"--to", &to];
    place.outlive(&[&arguments, more].concat()).end()
}

#[test]
fn damage_that_a_restore_finds_turns_the_audit_and_the_next_copy_does_not_build_on_it() {
    let place = Place::new();
    let (data, vault) = copied_twice(&place);
    audit(&place, &data, &vault).expect(0).says("read back");
    let pack = flip_content(&vault);
    restore(&place, &vault, "refused", &[]).expect(14).complains(&pack);
    assert_eq!(states(&place, &vault), ["damaged", "damaged"], "the older point needs the same pack");
    audit(&place, &data, &vault).expect(10);
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
    assert_eq!(states(&place, &vault), ["damaged", "damaged", "read back"]);
    restore(&place, &vault, "restored", &[]).expect(0);
    assert_same(&data, &place.path("restored"));
    audit(&place, &data, &vault).expect(0);
}

#[test]
fn damage_that_a_restore_in_part_finds_is_shown_and_recorded() {
    let place = Place::new();
    let (data, vault) = copied_twice(&place);
    let pack = flip_content(&vault);
    let restored = restore(&place, &vault, "part", &[&"--despite-damage"]).expect(14);
    restored.says("restored in part").says(&format!("DAMAGED {pack}"));
    assert_eq!(states(&place, &vault), ["damaged", "damaged"]);
    audit(&place, &data, &vault).expect(10);
}

/// Runs it twice: the second time the disk is full as soon as the ledger is written to.
fn on_a_full_disk(run: impl Fn() -> Run) -> Ended {
    let number = run().inject("write:delay_enter=1").end().expect(14).count_until("write", "ledger");
    run().inject(&format!("write:error=ENOSPC:when={number}")).end().expect(14)
}

#[test]
fn a_restore_whose_ledger_cannot_be_written_says_its_own_result_and_that_it_is_not_recorded() {
    let place = Place::new();
    let (_, vault) = copied_twice(&place);
    let pack = flip_content(&vault);
    let file = place.file("file", "no directory");
    let (to, part) = (place.path("refused"), place.path("part"));
    let refused = place.outlive_with_state(&file, &[&"restore", &"--vault", &vault, &"--to", &to]).end();
    let refused = refused.expect(14).complains(&pack).complains("damaged in the vault");
    refused.complains("this damage is not recorded: ").complains("opening the ledger");
    let arguments: [&dyn AsRef<OsStr>; 6] =
        [&"restore", &"--vault", &vault, &"--to", &part, &"--despite-damage"];
    let restored = place.outlive_with_state(&file, &arguments).end().expect(14);
    restored.says("restored in part").says("the damage is not recorded").says(&pack);
    // A ledger that was there and is full when the damage comes.
    let full = on_a_full_disk(|| place.outlive(&[&"restore", &"--vault", &vault, &"--to", &to]));
    full.complains(&pack).complains("this damage is not recorded: ").complains("No space left");
}

#[test]
fn whatever_is_damaged_a_restore_despite_it_names_it_fails_and_is_not_called_restored() {
    let place = Place::new();
    let (data, vault) = copied_twice(&place);
    let mut objects = vec!["README.md".to_owned()];
    for folder in ["packs", "sidecars"] {
        let all = names(&vault.join(folder)).into_iter();
        objects.extend(all.map(|name| format!("{folder}/{}", name.to_str().unwrap())));
    }
    let mut whole = 0;
    for (number, object) in objects.iter().enumerate() {
        let copy = place.path(&format!("vault-{number}"));
        tool("cp", &["-a".as_ref(), vault.as_os_str(), copy.as_os_str()]);
        flip(&copy.join(object), fs::metadata(copy.join(object)).unwrap().len() as usize - 1);
        // The first point alone needs some of it, the second needs the rest.
        let listed = place.outlive(&[&"vault", &"list", &copy, &"--format", &"json"]).end();
        let points = listed.json("vault-list")["points"].clone();
        let mut named = 0;
        for point in points.as_array().unwrap() {
            let name = point["point"].as_str().unwrap();
            let to = format!("restored-{number}-{name}");
            if restore(&place, &copy, &format!("{to}-plain"), &[&"--point", &name]).code == Some(0) {
                continue;
            }
            named += 1;
            let options: [&dyn AsRef<OsStr>; 5] =
                [&"--point", &name, &"--despite-damage", &"--format", &"json"];
            let ended = restore(&place, &copy, &to, &options);
            let json = match ended.expect(14) {
                ended if ended.stdout.contains("outlive/error/v0") => {
                    ended.complains(object);
                    continue;
                }
                ended => ended.json("restore"),
            };
            let damage: Vec<_> = json["damage"].as_array().unwrap().iter().collect();
            assert_eq!(damage.len(), 1, "{object}: {json:#}");
            assert_eq!(damage[0]["object"].as_str(), Some(object.as_str()));
            if json["lost"].as_array().unwrap().is_empty() {
                assert_eq!(json["compared"], true, "{object}");
                whole += 1;
                if point == points.as_array().unwrap().last().unwrap() {
                    assert_same(&data, &place.path(&to));
                }
            }
        }
        assert!(named > 0, "{object}: no point needs it");
        let damaged = states(&place, &copy).into_iter().filter(|state| state == "damaged").count();
        assert_eq!(damaged, named, "{object}: {:?}", states(&place, &copy));
    }
    assert!(whole > 4, "sidecars, instructions and lists of packs can be done without: {whole}");
}

#[test]
fn damaged_instructions_keep_the_next_copy_from_being_called_read_back() {
    let place = Place::new();
    let (data, vault) = copied_twice(&place);
    flip(&vault.join("README.md"), 100);
    restore(&place, &vault, "refused", &[]).expect(14).complains("README.md");
    assert_eq!(states(&place, &vault), ["damaged", "damaged"], "they concern every point");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(14).says("DAMAGED README.md");
    audit(&place, &data, &vault).expect(10);
}

#[test]
fn damage_that_another_run_records_while_a_copy_is_made_counts_for_that_copy() {
    let place = Place::new();
    let (data, vault) = copied_twice(&place);
    let pack = flip_content(&vault);
    (0..20).for_each(|number| drop(place.file(&format!("data/new-{number}"), noise(100 + number, 70_000))));
    let run = place.outlive(&[&"copy", &data, &"--vault", &vault]);
    let mut copy = run.inject("pread64:delay_enter=50000").start();
    // The history was read, and the ledger let go, before the data is.
    copy.wait_for("/data>, \"new-0\"");
    assert!(copy.signal(Signal::STOP), "the copy was faster than the signal");
    place.outlive(&[&"verify", &vault]).end().expect(14).says(&format!("DAMAGED {pack}"));
    assert_eq!(names(&vault.join("roots")).len(), 2, "the copy was faster than the verification");
    assert!(copy.signal(Signal::CONT));
    let copied = copy.end().expect(14).says(&format!("DAMAGED {pack}"));
    assert!(!copied.stdout.contains("read back: "), "{}", copied.stdout);
    assert_eq!(states(&place, &vault), ["damaged", "damaged", "damaged"]);
    audit(&place, &data, &vault).expect(10);
}

/// Three volumes in one vault, all of an ordinary user: the vault, and the largest pack of each.
fn three_volumes(place: &Place) -> (PathBuf, Vec<PathBuf>) {
    let vault = place.directory("vault");
    chmod(&vault, 0o777);
    let mut largest: Vec<PathBuf> = Vec::new();
    for number in 0..3 {
        let data = place.file(&format!("data-{number}/a"), noise(number, 50_000));
        place.outlive_as_nobody(&[&"copy", &data.parent().unwrap(), &"--vault", &vault]).end().expect(0);
        let packs = names(&vault.join("packs")).into_iter().map(|name| vault.join("packs").join(name));
        let new = packs.filter(|pack| !largest.contains(pack) && fs::metadata(pack).unwrap().len() > 40_000);
        largest.extend(new.collect::<Vec<_>>());
        assert_eq!(largest.len() as u64, number + 1);
    }
    (vault, largest)
}

fn object(pack: &Path) -> String {
    format!("packs/{}", pack.file_name().unwrap().to_str().unwrap())
}

#[test]
fn an_object_that_may_not_be_read_hides_no_damage_and_its_point_is_not_called_verified() {
    let place = Place::new();
    let (vault, packs) = three_volumes(&place);
    chmod(&packs[1], 0);
    let verify = |code| {
        let run = place.outlive_as_nobody(&[&"verify", &vault, &"--format", &"json"]);
        run.end().expect(code).json("verify")
    };
    let json = verify(1);
    let count = |json: &serde_json::Value, list: &str| json[list].as_array().unwrap().len();
    assert_eq!(
        ["points", "broken", "open", "damage", "unread"].map(|list| count(&json, list)),
        [2, 0, 1, 0, 1]
    );
    assert_eq!(json["unread"][0]["object"], object(&packs[1]), "{json:#}");
    assert!(json["unread"][0]["because"].as_str().unwrap().contains("Permission denied"), "{json:#}");
    flip(&packs[0], 1000);
    let json = verify(14);
    assert_eq!(
        ["points", "broken", "open", "damage", "unread"].map(|list| count(&json, list)),
        [1, 1, 1, 1, 1]
    );
    assert_eq!(json["damage"][0]["object"], object(&packs[0]), "{json:#}");
    let told = place.outlive_as_nobody(&[&"verify", &vault]).end().expect(14);
    told.says("DAMAGED packs/")
        .says("UNREAD packs/")
        .says("not verified: ")
        .says("broken: ")
        .says("verified: ");
    let listed = place.outlive_as_nobody(&[&"vault", &"list", &vault, &"--format", &"json"]).end();
    let listed = listed.json("vault-list");
    let points = listed["points"].as_array().unwrap().iter();
    let mut states: Vec<_> = points.map(|point| point["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["damaged", "stored", "verified"], "{listed:#}");
}

#[test]
fn damage_found_before_a_verification_was_told_to_stop_is_recorded() {
    let place = Place::new();
    let (_, vault) = copied_twice(&place);
    flip(&vault.join("README.md"), 100);
    let mut verify = place.outlive(&[&"verify", &vault]).inject("read:delay_enter=20000").start();
    verify.wait_for("\"packs/");
    assert!(verify.signal(Signal::TERM), "the verification was faster than the signal");
    let ended =
        verify.end().expect(14).says("DAMAGED README.md").says("Not everything was read: stopped as asked");
    assert!(!ended.stdout.contains("verified: "), "{}", ended.stdout);
    assert_eq!(states(&place, &vault), ["damaged", "damaged"]);
}

#[test]
fn a_verification_whose_ledger_is_full_names_the_damage_and_that_it_is_not_recorded() {
    let place = Place::new();
    let (_, vault) = copied_twice(&place);
    let pack = flip_content(&vault);
    let full = on_a_full_disk(|| place.outlive(&[&"verify", &vault]));
    full.complains(&pack).complains("this damage is not recorded: ").complains("No space left");
    // The line itself may have arrived, or not: the next verification says it again in any case.
    place.outlive(&[&"verify", &vault]).end().expect(14).says(&format!("DAMAGED {pack}"));
}
