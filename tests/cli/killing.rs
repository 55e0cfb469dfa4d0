//! `kill -9` at random moments of a copy: nothing is claimed that cannot be restored, and the next copy goes
//! on from what arrived.

use super::place::{Place, assert_same, names, noise};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Large enough that a copy takes a while and fills several packs; half of it compresses.
fn make_data(place: &Place) -> PathBuf {
    for number in 0..12_u64 {
        place.file(&format!("data/noise/{number}"), noise(number + 1, 20_000_000));
        let line = format!("row {number:08} of a log that says nearly the same every time\n");
        place.file(&format!("data/text/{number}"), line.repeat(100_000));
    }
    for number in 0..200_u64 {
        place.file(&format!("data/small/{number}"), noise(number + 1000, 3_000 + number as usize));
    }
    place.path("data")
}

pub fn seed() -> u64 {
    let given =
        std::env::var("OUTLIVE_SEED").ok().map(|seed| seed.parse().expect("OUTLIVE_SEED is a number"));
    given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64)
}

/// All that is claimed holds: the ledger can be read, and every point that is listed verifies.
#[track_caller]
pub fn assert_nothing_false_is_claimed(place: &Place, vault: &Path) -> usize {
    if !vault.join("vault.json").exists() {
        return 0;
    }
    let listed = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end();
    let json = listed.json("vault-list");
    let points = json["points"].as_array().unwrap();
    assert_eq!(json["damaged"].as_array().unwrap().len(), 0, "{json:#}");
    let verified = place.outlive(&[&"verify", &vault, &"--format", &"json"]).end();
    let code = if points.is_empty() { 11 } else { 0 };
    assert_eq!(
        (listed.code, verified.code),
        (Some(code), Some(code)),
        "{}{}",
        verified.stdout,
        verified.stderr
    );
    let sound = verified.json("verify")["points"].as_array().unwrap().len();
    assert_eq!(sound, points.len(), "listed and verified differ");
    sound
}

/// Copies undisturbed: the bytes written, and how long it took until the recovery point was there.
pub fn undisturbed(place: &Place, data: &Path, vault: &Path) -> (u64, Duration) {
    let copy = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end().expect(0);
    let json = copy.json("copy");
    assert_eq!(json["state"], "read back");
    let seconds = json["copy_seconds"].as_f64().unwrap();
    (json["written_bytes"].as_u64().unwrap(), Duration::from_secs_f64(seconds))
}

/// Other bytes wherever they do not compress, so that a copy onto what is there has something to do.
fn change_data(place: &Place, seed: u64) {
    (0..12).for_each(|number| {
        drop(place.file(&format!("data/noise/{number}"), noise(seed.wrapping_add(number), 20_000_000)));
    });
}

/// Kills a copy after this time; true where it had not ended by itself.
fn kill_after(place: &Place, data: &Path, vault: &Path, moment: Duration) -> bool {
    let mut copy = place.outlive(&[&"copy", &data, &"--vault", &vault]).start();
    copy.process();
    std::thread::sleep(moment);
    let was_running = copy.signal(Signal::KILL);
    let ended = copy.end();
    assert!(ended.code.is_none_or(|code| code == 0), "{}", ended.stderr);
    was_running && ended.code.is_none()
}

#[test]
fn a_copy_killed_at_any_moment_claims_nothing_and_the_next_goes_on() {
    const PER_VAULT: usize = 8;
    let place = Place::new();
    let data = make_data(&place);
    let (whole, usual) = undisturbed(&place, &data, &place.path("undisturbed"));
    let (seed, rounds) = (seed(), if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 1000 } else { 15 });
    println!("seed {seed}; an undisturbed copy takes {usual:?} and writes {whole} bytes");
    let (moments, mut hits, mut vault, mut points) = (noise(seed, rounds * 8), 0, PathBuf::new(), 0);
    for (round, moment) in moments.chunks(8).enumerate() {
        if round.is_multiple_of(PER_VAULT) {
            // What is left of several kills lies in one vault; each vault begins with kills of a first copy.
            (vault, points) = (place.path(&format!("vault-{round}")), 0);
        }
        let share = u64::from_le_bytes(moment.try_into().unwrap()) as f64 / u64::MAX as f64;
        let killed = kill_after(&place, &data, &vault, usual.mul_f64(share));
        let now = assert_nothing_false_is_claimed(&place, &vault);
        let hit = killed && now == points;
        assert!(hit || now == points + 1, "a copy that was not stopped left {now} points after {points}");
        points = now;
        println!("round {round}: killed after {share:.3} of the usual time, hit: {hit}, points: {points}");
        hits += usize::from(hit);
        let is_last_of_vault = (round + 1).is_multiple_of(PER_VAULT) || round + 1 == rounds;
        if is_last_of_vault {
            undisturbed(&place, &data, &vault);
            assert_nothing_false_is_claimed(&place, &vault);
            let target = place.path(&format!("restored-{round}"));
            place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
            assert_same(&data, &target);
            [&vault, &target].into_iter().for_each(|done| std::fs::remove_dir_all(done).unwrap());
        } else if points > 0 {
            change_data(&place, seed.wrapping_add(round as u64 * 100));
        }
    }
    println!("{hits} of {rounds} kills hit before the recovery point was there");
    assert!(hits > 0, "no kill hit a copy in its midst: nothing was tested (seed {seed})");
}

#[test]
fn a_copy_after_one_that_was_killed_late_sends_only_what_had_not_arrived() {
    let place = Place::new();
    let data = make_data(&place);
    let (whole, _) = undisturbed(&place, &data, &place.path("undisturbed"));
    let vault = place.path("vault");
    let mut copy = place.outlive(&[&"copy", &data, &"--vault", &vault]).start();
    // A pack can be built upon once its sidecar is there.
    while !vault.join("sidecars").exists() || names(&vault.join("sidecars")).is_empty() {
        assert!(copy.is_running(), "the copy was too fast to be killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(copy.signal(Signal::KILL), "the copy was too fast to be killed");
    copy.end();
    assert_eq!(assert_nothing_false_is_claimed(&place, &vault), 0);
    let (rest, _) = undisturbed(&place, &data, &vault);
    println!("a first copy writes {whole} bytes, one after a killed run {rest}");
    assert!(rest < whole * 9 / 10, "{rest} of {whole} bytes were sent again");
    let target = place.path("restored");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    assert_same(&data, &target);
}
