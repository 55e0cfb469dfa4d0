//! Where a stopped restore must not go on: what is there is not what it made, or is reached from elsewhere. And what one that went on may claim.

use super::place::{Place, noise};
use super::run::Run;
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A tree of some large files, one of them with two names, in a vault.
fn copied(place: &Place) -> PathBuf {
    for number in 0..6_u64 {
        place.file(&format!("data/{number}"), noise(number + 1, 5_000_000));
    }
    place.file("data/sub/deep/file", "deep");
    fs::hard_link(place.path("data/0"), place.path("data/sub/again")).unwrap();
    let vault = place.path("vault");
    place.outlive(&[&"copy", &place.path("data"), &"--vault", &vault]).end().expect(0);
    vault
}

fn restore(place: &Place, to: &Path) -> Run {
    place.outlive(&[&"restore", &"--vault", &place.path("vault"), &"--to", &to])
}

/// Kills a restore once some of it is there.
fn stop(place: &Place, to: &Path) {
    let mut running = restore(place, to).inject("pwrite64:delay_enter=30000").start();
    while !fs::metadata(to.join("0")).is_ok_and(|file| file.len() > 0) {
        assert!(running.is_running(), "the restore was too fast to be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(running.signal(Signal::KILL));
    running.end();
}

fn state(place: &Place) -> String {
    let listed = place.outlive(&[&"vault", &"list", &place.path("vault"), &"--format", &"json"]).end();
    listed.expect(0).json("vault-list")["points"][0]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_restore_that_went_on_does_not_show_that_the_vault_gives_all_of_it() {
    let place = Place::new();
    copied(&place);
    let to = place.path("to");
    stop(&place, &to);
    restore(&place, &to).end().expect(0).says("were there from a restore");
    assert_eq!(state(&place), "read back");
    restore(&place, &place.path("whole")).end().expect(0);
    assert_eq!(state(&place), "restored");
}

#[test]
fn neither_does_one_that_went_on_before_a_byte_was_there() {
    let place = Place::new();
    copied(&place);
    let to = place.path("to");
    let mut running = restore(&place, &to).inject("pwrite64:delay_enter=60000000").start();
    while !fs::metadata(to.join("0")).is_ok_and(|file| file.len() > 0) {
        assert!(running.is_running(), "the restore was too fast to be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(running.signal(Signal::KILL));
    running.end();
    let ended = restore(&place, &to).end().expect(0);
    assert!(!ended.stdout.contains("were there from a restore"), "{}", ended.stdout);
    assert_eq!(state(&place), "read back");
}

#[test]
fn what_was_made_and_is_gone_is_made_anew() {
    let place = Place::new();
    copied(&place);
    let to = place.path("to");
    stop(&place, &to);
    fs::remove_dir_all(&to).unwrap();
    restore(&place, &to).end().expect(0).says("restored and compared");
    stop(&place, &place.path("other"));
    fs::remove_dir_all(place.path("other")).unwrap();
    fs::create_dir(place.path("other")).unwrap();
    restore(&place, &place.path("other")).end().expect(0).says("restored and compared");
}

#[test]
fn another_filesystem_in_the_place_of_the_target_is_left_alone() {
    let mut place = Place::new();
    copied(&place);
    let to = place.tmpfs("to", "100m");
    stop(&place, &to);
    // Its root has the same inode.
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&to);
    place.tmpfs("to", "100m");
    assert_eq!(inode(&to), before);
    fs::create_dir(to.join("sub")).unwrap();
    fs::write(to.join("0"), vec![0; 5_000_000]).unwrap();
    restore(&place, &to).end().expect(2).complains("something else than the stopped restore made");
    assert!(fs::read(to.join("0")).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn what_has_a_name_elsewhere_or_is_mounted_inside_is_not_written_to() {
    let mut place = Place::new();
    copied(&place);
    let to = place.path("to");
    stop(&place, &to);
    fs::hard_link(to.join("0"), place.path("outside")).unwrap();
    restore(&place, &to).end().expect(2).complains("has another name outside of the target");
    fs::remove_file(place.path("outside")).unwrap();
    let elsewhere = place.directory("elsewhere");
    place.mount(&[&"--bind", &elsewhere], &to.join("sub"));
    restore(&place, &to).end().expect(2).complains("is mounted there");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}
