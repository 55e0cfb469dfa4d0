//! `kill -9` at random moments of a night: the ledger claims nothing that the vault does not hold, and the next night
//! goes on from what arrived.

use super::nightly_estate::{EstateFile, is_unended, ledger, night, nightly, notices, verified};
use super::place::{Place, names, noise};
use outlive::ledger::{Event, Record};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const UNENDED: &str = "did not end by itself";

/// Several packs of each volume, so that a kill leaves some of them behind.
fn make_data(place: &Place) {
    (0..6_u64).for_each(|n| drop(place.file(&format!("data/{n}"), noise(n + 1, 10_000_000))));
    place.file("dumped", noise(99, 50_000_000));
    place.directory("database");
}

/// The estate with its vault in this directory.
fn write_estate(place: &Place, vault: &Path) {
    let dump = format!("cat {}", place.path("dumped").display());
    let file = EstateFile::new().vault("shelf", vault).tree("tree", &place.path("data"), &["shelf"]);
    file.script("dump", &place.path("database"), &dump, "shelf", "").write(place);
    place.directory("scratch");
    place.file("drills/weekly/drill.toml", "volume = \"tree\"\nrestore_to = \"../../scratch\"\n");
}

/// Bytes of packs that a later copy can build upon: those whose sidecar is there too.
fn arrived(vault: &Path) -> u64 {
    let Ok(sidecars) = vault.join("sidecars").read_dir() else { return 0 };
    let packs = sidecars.map(|sidecar| vault.join("packs").join(sidecar.unwrap().file_name()));
    packs.map(|pack| pack.metadata().unwrap().len()).sum()
}

/// The keys of points that the records say came back, and the bytes that were written for what they say is stored.
fn claimed(records: &[Record]) -> (BTreeSet<String>, u64) {
    let read_back = records.iter().filter_map(|record| match &record.event {
        Event::ReadBack { point, .. } => Some(point.key.clone()),
        _ => None,
    });
    let written = records.iter().map(|record| match &record.event {
        Event::Stored { written_bytes, .. } => *written_bytes,
        _ => 0,
    });
    (read_back.collect(), written.sum())
}

/// Everything that the ledger says came back is in the vault and verifies; so does every point that is listed.
#[track_caller]
fn assert_nothing_false_is_claimed(place: &Place, vault: &Path) -> usize {
    let records = if place.path("state/ledger.jsonl").exists() { ledger(place) } else { Vec::new() };
    let (keys, _) = claimed(&records);
    for key in &keys {
        assert!(vault.join(key).exists(), "the ledger claims {key}, and the vault has no such point");
    }
    if !vault.join("vault.json").exists() {
        assert!(keys.is_empty());
        return 0;
    }
    let there = vault.join("roots").read_dir().map_or(0, Iterator::count);
    let ended = verified(place, vault).expect(if there == 0 { 11 } else { 0 });
    assert_eq!(ended.json("verify")["points"].as_array().unwrap().len(), there, "{}", ended.stdout);
    keys.len()
}

/// Kills a night after this time; true where it had not ended by itself.
fn kill_after(place: &Place, moment: Duration) -> bool {
    let mut run = nightly(place, &[]).start();
    run.process();
    std::thread::sleep(moment);
    let was_running = run.signal(Signal::KILL);
    run.end().code.is_none() && was_running
}

/// Whatever a killed drill left in scratch space is named, with how to remove it, in the evidence of the next.
#[track_caller]
fn assert_scratch_is_reported(place: &Place, left: &[OsString]) {
    let mut evidence = String::new();
    for run in names(&place.path("state/evidence/weekly")) {
        let record = place.path("state/evidence/weekly").join(run).join("record.json");
        evidence.push_str(&std::fs::read_to_string(record).unwrap_or_default());
    }
    for name in left {
        let path = place.path("scratch").join(name);
        let (path, told) = (path.to_str().unwrap(), evidence.contains("to remove it: "));
        assert!(told && evidence.contains(path), "{path} is left and told nowhere: {evidence}");
    }
    assert_eq!(names(&place.path("scratch")), left, "a run removed what another had made, or left its own");
}

/// What a killed night left is told, kept and built upon by the next.
fn go_on(place: &Place, vault: &Path, whole: u64) {
    let before = ledger_or_nothing(place);
    let (kept, had) = (arrived(vault), is_unended(&before));
    let left = names(&place.path("scratch"));
    let next = night(place, 0);
    assert_scratch_is_reported(place, &left);
    assert_eq!(notices(&next, UNENDED), had, "{next:#}");
    let tasks = next["tasks"].as_array().unwrap();
    assert!(tasks.iter().all(|task| task["outcome"] == "done"), "{next:#}");
    let records = ledger(place);
    let (_, written) = claimed(&records[before.len()..]);
    assert!(
        written + kept <= whole + whole / 50,
        "{kept} of {whole} bytes had arrived, and {written} were sent"
    );
    assert!(!is_unended(&records));
    let after = assert_nothing_false_is_claimed(place, vault);
    // A point may have been written and not yet read back when the kill came: it is copied again.
    assert_eq!(after, 2, "{next:#}");
    let last = night(place, 0);
    assert!(last["tasks"].as_array().unwrap().is_empty() && !notices(&last, UNENDED), "{last:#}");
}

fn ledger_or_nothing(place: &Place) -> Vec<Record> {
    if place.path("state/ledger.jsonl").exists() { ledger(place) } else { Vec::new() }
}

fn seed() -> u64 {
    let given =
        std::env::var("OUTLIVE_SEED").ok().map(|seed| seed.parse().expect("OUTLIVE_SEED is a number"));
    given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64)
}

fn forget(place: &Place, vault: &PathBuf) {
    let (state, scratch) = (place.path("state"), place.path("scratch"));
    [vault, &state, &scratch]
        .into_iter()
        .filter(|path| path.exists())
        .for_each(|path| std::fs::remove_dir_all(path).unwrap());
    place.directory("scratch");
}

/// An undisturbed night: the bytes it writes, and how long it takes.
fn undisturbed(place: &Place, vault: &PathBuf) -> (u64, Duration) {
    write_estate(place, vault);
    let began = Instant::now();
    night(place, 0);
    let usual = began.elapsed();
    let whole = claimed(&ledger(place)).1;
    forget(place, vault);
    (whole, usual)
}

#[test]
fn a_night_killed_at_any_moment_claims_nothing_false_and_the_next_says_so_and_goes_on() {
    let place = Place::new();
    make_data(&place);
    let vault = place.path("vault");
    let (whole, mut usual) = undisturbed(&place, &vault);
    let (seed, rounds) = (seed(), if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 100 } else { 8 });
    println!("seed {seed}; an undisturbed night takes {usual:?} and writes {whole} bytes");
    let (mut hits, mut told, mut drilling) = (0, 0, 0);
    // As many kills as were asked for hit a night at work; nights that ended before theirs count for nothing.
    for (round, moment) in noise(seed, rounds * 64).chunks(8).enumerate() {
        if told == rounds {
            break;
        }
        let share = u64::from_le_bytes(moment.try_into().unwrap()) as f64 / u64::MAX as f64;
        let began = Instant::now();
        let killed = kill_after(&place, usual.mul_f64(share));
        if !killed {
            usual = usual.min(began.elapsed());
        }
        let unended = is_unended(&ledger_or_nothing(&place));
        assert!(killed || !unended, "a night that was not killed left no end");
        drilling += usize::from(!names(&place.path("scratch")).is_empty());
        let claims = assert_nothing_false_is_claimed(&place, &vault);
        let kept = arrived(&vault);
        println!("round {round}: after {share:.3}, killed: {killed}, claims {claims}, {kept} bytes arrived");
        go_on(&place, &vault, whole);
        (hits, told) = (hits + usize::from(killed), told + usize::from(unended));
        forget(&place, &vault);
    }
    println!("{hits} kills hit, {told} of them at work, {drilling} left scratch space");
    assert_eq!(told, rounds, "too few kills hit a night at work (seed {seed})");
}

#[test]
fn a_night_after_one_that_was_killed_late_sends_only_what_had_not_arrived() {
    let place = Place::new();
    make_data(&place);
    let vault = place.path("vault");
    let (whole, _) = undisturbed(&place, &vault);
    let mut run = nightly(&place, &[]).start();
    while arrived(&vault) == 0 {
        assert!(run.is_running(), "the night was too fast to be killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(run.signal(Signal::KILL), "the night was too fast to be killed");
    run.end();
    let kept = arrived(&vault);
    assert!(kept > 0 && is_unended(&ledger(&place)));
    assert_nothing_false_is_claimed(&place, &vault);
    go_on(&place, &vault, whole);
    println!("a first night writes {whole} bytes, of which {kept} had arrived");
}
