//! A repair is stopped after each single thing that it makes durable, or meets another one: nothing is falsely claimed, and the next
//! run continues.

use super::cutting::{EFFECTS, is_effect};
use super::place::{Place, assert_same, names, tool};
use super::repairing::{Harm, Objects, assert_restores, copied, harm, repair, tree};
use super::run::{Ended, Run};
use super::strace::calls;
use crate::hand::fs;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A vault of which the content and the tree are damaged, to be copied for each trial; and its source.
fn harmed(place: &Place) -> (PathBuf, PathBuf) {
    let data = tree(place, 1);
    let vault = copied(place, &data, "harmed");
    let objects = Objects::of(&vault);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Gone);
    harm(&vault.join("packs").join(&objects.tree), Harm::Cut);
    (data, vault)
}

fn cloned(place: &Place, vault: &Path, name: &str) -> PathBuf {
    let clone = place.path(name);
    tool("cp", &["-a".as_ref(), vault.as_os_str(), clone.as_os_str()]);
    clone
}

fn repairing(place: &Place, vault: &Path) -> Run {
    place.outlive(&[&"vault", &"repair", &vault])
}

/// Runs a repair that waits a little before each effect, and kills it once so many are done.
fn cut(place: &Place, vault: &Path, after: usize) -> Ended {
    let run = repairing(place, vault).inject(&format!("{}:delay_enter=25000", EFFECTS.join(",")));
    let mut run = run.start();
    let (log, patience) = (run.log().to_owned(), Instant::now() + Duration::from_secs(60));
    run.process();
    while run.is_running() {
        let written = String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
        if calls(&written).iter().filter(|call| is_effect(call)).count() >= after {
            run.signal(Signal::KILL);
            break;
        }
        assert!(Instant::now() < patience, "it never came so far");
        std::thread::sleep(Duration::from_millis(1));
    }
    run.end()
}

/// Whatever is called verified restores to what was copied; whether there is such a point.
fn assert_nothing_false_is_claimed(place: &Place, vault: &Path, data: &Path) -> bool {
    let verified = place.outlive(&[&"--format", &"json", &"verify", &vault]).end();
    let json = verified.json("verify");
    let points = json["points"].as_array().unwrap();
    for point in points {
        let (name, to) = (point["point"].as_str().unwrap().to_owned(), place.path("claimed"));
        let options: [&dyn AsRef<OsStr>; 7] =
            [&"restore", &"--vault", &vault, &"--to", &to, &"--point", &name];
        place.outlive(&options).end().expect(0);
        assert_same(data, &to);
        fs::remove_dir_all(&to).unwrap();
    }
    // Where the new root is there and the ledger does not know of it yet, the old one is still missed.
    assert!(verified.code == Some(14) || verified.code == Some(0) && !points.is_empty(), "{json:#}");
    !points.is_empty()
}

#[test]
fn a_repair_that_is_stopped_after_any_effect_claims_nothing_and_the_next_continues() {
    let place = Place::new();
    let (data, harmed) = harmed(&place);
    // Each trial has the ledger of the machine that copied: what was done to another copy of the vault is no matter of it.
    let state = place.path("state");
    cloned(&place, &state, "state before");
    let whole = cut(&place, &cloned(&place, &harmed, "whole"), usize::MAX).expect(0);
    let effects = calls(&whole.log).iter().filter(|call| is_effect(call)).count();
    assert!(effects > 10, "{effects}");
    let step = if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 1 } else { 3 };
    let (mut stopped, mut gone_on, mut there) = (0, 0, 0);
    for after in (1..effects).step_by(step) {
        fs::remove_dir_all(&state).unwrap();
        cloned(&place, &place.path("state before"), "state");
        let vault = cloned(&place, &harmed, &format!("vault-{after}"));
        let killed = cut(&place, &vault, after);
        stopped += usize::from(killed.code.is_none());
        there += usize::from(assert_nothing_false_is_claimed(&place, &vault, &data));
        let done = repair(&place, &vault, &[]).expect(0).json("repair");
        let points = done["points"].as_array().unwrap();
        let written: u64 = points.iter().map(|point| point["written_bytes"].as_u64().unwrap()).sum();
        // The content is some 2.6 MB, and was sent before: it is not sent again.
        gone_on += usize::from(killed.code.is_none() && written < 100_000);
        assert_restores(&place, &vault, &data);
        fs::remove_dir_all(&vault).unwrap();
    }
    println!(
        "{stopped} were stopped among {effects} effects; {gone_on} went on, of which {there} had a point"
    );
    assert!(stopped > effects / step / 2 && gone_on > there, "{stopped}, {gone_on}, {there}");
}

#[test]
fn two_repairs_at_once_do_no_harm() {
    let place = Place::new();
    let (data, vault) = harmed(&place);
    let delay = "linkat:delay_enter=60000";
    let elsewhere = place.path("another state");
    let first = repairing(&place, &vault).inject(delay).start();
    let second = place.outlive_with_state(&elsewhere, &[&"vault", &"repair", &vault]).inject(delay).start();
    let ended = [first.end(), second.end()];
    ended.into_iter().for_each(|ended| drop(ended.expect(0)));
    assert!(names(&vault.join("roots")).len() > 2, "they did not meet");
    assert_restores(&place, &vault, &data);
}
