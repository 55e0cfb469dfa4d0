//! SIGTERM and SIGINT: the work ends at a safe place, says so, and claims nothing.

use super::place::{Place, assert_same, noise};
use rustix::process::Signal;
use std::path::PathBuf;

/// So many files that a copy, slowed down below, is never done before a signal comes.
fn data(place: &Place) -> PathBuf {
    (0..60).for_each(|number| drop(place.file(&format!("data/{number:02}"), noise(number, 1_200_000))));
    place.path("data")
}

#[test]
fn a_copy_that_is_told_to_stop_says_so_claims_nothing_and_the_next_is_fine() {
    let place = Place::new();
    let data = data(&place);
    for (name, signal) in [("term", Signal::TERM), ("interrupt", Signal::INT)] {
        let vault = place.path(name);
        let run = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]);
        let mut copy = run.inject("pread64:delay_enter=20000").start();
        copy.wait_for("/data>, \"03\"");
        assert!(copy.signal(signal), "the copy was faster than the signal");
        let ended = copy.end().expect(14).complains("stopped as asked");
        assert_eq!(ended.json("error")["what"], "stopped as asked; no recovery point was written");
        place.outlive(&[&"vault", &"list", &vault]).end().expect(11).says("no recovery point");
        place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
        let target = place.path(&format!("restored-{name}"));
        place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
        assert_same(&data, &target);
    }
}

#[test]
fn a_restore_that_is_told_to_stop_is_not_called_restored() {
    let place = Place::new();
    let (data, vault, target) = (data(&place), place.path("vault"), place.path("target"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let run = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]);
    let mut restore = run.inject("pwrite64:delay_enter=10000").start();
    restore.wait_for("/target>, \"03\"");
    assert!(restore.signal(Signal::TERM), "the restore was faster than the signal");
    let ended = restore.end();
    assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.stdout);
    ended.complains("stopped as asked");
    let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
    assert!(!listed.stdout.contains("restored"), "{}", listed.stdout);
    // The next one goes on.
    place
        .outlive(&[&"restore", &"--vault", &vault, &"--to", &target])
        .end()
        .expect(0)
        .says("restored and compared");
    assert_same(&data, &target);
}

#[test]
fn a_verification_that_is_told_to_stop_claims_nothing() {
    let place = Place::new();
    let (data, vault) = (data(&place), place.path("vault"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let mut verify = place.outlive(&[&"verify", &vault]).inject("read:delay_enter=20000").start();
    verify.wait_for("\"packs/");
    assert!(verify.signal(Signal::TERM), "the verification was faster than the signal");
    let ended = verify.end();
    assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.stdout);
    let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
    assert!(!listed.stdout.contains("verified"), "{}", listed.stdout);
}
