//! What goes wrong in a night: each copy fails alone, in time, and in words; nothing of it counts as done.

use super::listener::{Answer, Listener};
use super::nightly_estate::{ENDLESS, EstateFile, assert_task, at, is_unended, ledger, night, nightly};
use super::place::{Place, noise, tool};
use chrono::{TimeDelta, Timelike, Utc};
use outlive::ledger::{Event, Ledger, PATIENCE};
use outlive::report::activity::{NightVerdict, NightlyDone};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

fn with_data(place: &Place) -> EstateFile {
    place.file("data/file", noise(1, 8_000_000));
    place.directory("database");
    EstateFile::new().vault("good", &place.path("good"))
}

fn largest_pack(place: &Place) -> PathBuf {
    let packs = place.path("good/packs").read_dir().unwrap().map(|pack| pack.unwrap().path());
    packs.max_by_key(|pack| pack.metadata().unwrap().len()).unwrap()
}

#[test]
fn a_vault_that_is_read_only_full_or_gone_fails_its_own_copy_and_leaves_the_others() {
    let mut place = Place::new();
    let (fixed, full) = (place.tmpfs("fixed", "64m"), place.tmpfs("full", "4m"));
    let data = place.path("data");
    let file = with_data(&place).vault("fixed", &fixed.join("vault"));
    file.clone().tree("tree", &data, &["good", "fixed"]).write(&place);
    // On another filesystem than the volume's there is a copy to fall back on, and it is a live one.
    night(&place, 10);
    tool("mount", &["-o".as_ref(), "remount,ro".as_ref(), fixed.as_os_str()]);
    let file = file.vault("full", &full.join("vault")).vault("gone", &place.path("no/such/mount/vault"));
    file.tree("tree", &data, &["good", "fixed", "full", "gone"]).write(&place);
    let ended = at(&place, nightly(&place, &["--format", "json"]), DAY).end().expect(14);
    let done = ended.json("nightly");
    assert_task(&done, ("tree", "good"), "done", "read back");
    assert_task(&done, ("tree", "fixed"), "failed", "Read-only file system");
    assert_task(&done, ("tree", "full"), "failed", "No space left");
    assert_task(&done, ("tree", "gone"), "failed", "No such file or directory");
    assert!(!is_unended(&ledger(&place)));
    let listed = place.outlive(&[&"vault", &"list", &full.join("vault")]).end();
    assert_ne!(listed.code, Some(0), "a full vault lists a point: {}", listed.stdout);
}

#[test]
fn an_endpoint_that_never_answers_holds_up_neither_the_others_nor_the_end() {
    let place = Place::new();
    let silent = Listener::new(vec![Answer::Silence]);
    let vault = format!(
        "[[vault]]\nid = \"silent\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = \"bucket\"\nwriter = {{ env = \"KEYS\" }}",
        silent.url("")
    );
    let file = with_data(&place).with(&vault).tree("tree", &place.path("data"), &["silent", "good"]);
    file.with("[nightly]\ndeadline = \"8s\"\nconcurrency = 1").write(&place);
    let began = Instant::now();
    let run = nightly(&place, &["--format", "json"]).environment("KEYS", "id:canary-secret");
    let ended = run.end().expect(14);
    let took = began.elapsed();
    let done = ended.json("nightly");
    assert_task(&done, ("tree", "good"), "done", "read back");
    assert_task(&done, ("tree", "silent"), "not_done", "");
    assert!(!silent.asked().is_empty(), "nobody asked it");
    // The deadline, half a minute for what hangs, ten seconds for a last look, and a machine that is busy.
    assert!(took < Duration::from_secs(8 + 30 + 10 + 15), "it took {took:?}");
    assert!(!is_unended(&ledger(&place)));
    assert!(!ended.stdout.contains("canary-secret"));
}

#[test]
fn what_is_not_done_by_the_time_that_was_asked_for_is_reported_as_not_done() {
    let place = Place::new();
    let file = with_data(&place).tree("tree", &place.path("data"), &["good"]);
    let file = file.script("dump", &place.path("database"), ENDLESS, "good", "");
    file.with("[nightly]\ndeadline = \"3m\"").write(&place);
    // Its clock is put to 20 seconds before a full minute.
    let now = Utc::now();
    let shift = 40 - i64::from(now.second());
    let until = (now + TimeDelta::seconds(shift) + TimeDelta::minutes(1)).format("%H:%M").to_string();
    let began = Instant::now();
    let run = nightly(&place, &["--until", &until, "--format", "json"]);
    let done = at(&place, run, shift).end().expect(14).json("nightly");
    let took = began.elapsed();
    assert_task(&done, ("tree", "good"), "done", "read back");
    assert_task(&done, ("dump", "good"), "not_done", "the run ended before it was done");
    assert!(took > Duration::from_secs(10) && took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_clock_that_went_back_two_years_does_not_keep_a_volume_from_being_copied() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    at(&place, nightly(&place, &[]), 2 * YEAR).end().expect(0);
    let ended = nightly(&place, &["--format", "json"]).end();
    let done = ended.json("nightly");
    assert_task(&done, ("tree", "good"), "done", "read back");
}

#[test]
fn a_key_that_has_expired_fails_the_copy_in_the_words_of_who_refused_it_and_is_not_told() {
    let place = Place::new();
    let script =
        r#"[ "$KEY" = new ] || { echo "access denied: key $KEY has expired" >&2; exit 1; }; echo row"#;
    let from = |key: &str| {
        format!(
            "command = [\"sh\", \"-c\", {script:?}], env = {{ KEY = {{ command = [\"sh\", \"-c\", {key:?}] }} }}"
        )
    };
    let file = with_data(&place).tree("tree", &place.path("data"), &["good"]);
    let database = place.path("database");
    let old = file.command("old", &database, &from("echo canary-0815"), "good", "");
    let dead = old.command("dead", &place.directory("other"), &from("echo no agent >&2; exit 1"), "good", "");
    dead.write(&place);
    let ended = nightly(&place, &["--format", "json"]).end().expect(14);
    let done = ended.json("nightly");
    assert_task(&done, ("tree", "good"), "done", "read back");
    assert_task(&done, ("old", "good"), "failed", "has expired");
    assert_task(&done, ("dead", "good"), "failed", "no agent");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("canary-0815"));
}

#[test]
fn a_bit_that_flips_in_a_pack_is_found_by_the_share_that_is_read_back_and_named() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    night(&place, 0);
    let pack = largest_pack(&place);
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    let ended = at(&place, nightly(&place, &["--format", "json"]), 2 * DAY).end().expect(14);
    let done = ended.json("nightly");
    let tasks = done["tasks"].as_array().unwrap();
    let read = tasks.iter().find(|task| task["task"] == "read_back").expect("nothing was to be read back");
    let name = pack.file_name().unwrap().to_str().unwrap();
    assert_eq!(read["outcome"], "failed", "{done:#}");
    let detail = read["detail"].as_str().unwrap();
    assert!(detail.contains("DAMAGED") && detail.contains(name), "{detail}");
    // The volume is copied anew, since its newest copy counts no more; the damage fails each night.
    let again = at(&place, nightly(&place, &["--format", "json"]), 2 * DAY + 60).end().expect(14);
    let done = again.json("nightly");
    assert_task(&done, ("tree", "good"), "done", "7.6 MiB written");
    assert!(again.stdout.contains("known to be damaged"), "{}", again.stdout);
    assert_task(&done, ("tree", "good"), "done", "read back");
    let config = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    let waived = |object: &str, until: &str| {
        let waiver = format!(
            "[vault.waive_damage]\nobjects = [\"packs/{object}\"]\nreason = \"given up\"\nowner = \"ann\"\nuntil = {until:?}\n"
        );
        place.file("outlive.toml", config.replacen("[[volume]]", &format!("{waiver}[[volume]]"), 1));
        at(&place, nightly(&place, &["--format", "json"]), 2 * DAY + 120).end()
    };
    waived(name, "2999-01-01")
        .expect(0)
        .says("damage of 1 objects is given up until 2999-01-01 by ann: given up");
    waived(name, "2020-01-01").expect(14).says("known to be damaged");
    waived("another", "2999-01-01").expect(14).says("known to be damaged");
    // What is sound again counts again, and fails no night, once somebody has verified it.
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    place.outlive(&[&"verify", &place.path("good")]).end().expect(0);
    let sound = waived("another", "2020-01-01").expect(0);
    assert!(!sound.stdout.contains("known to be damaged"), "{}", sound.stdout);
}

#[test]
fn an_empty_vault_that_was_made_below_an_unmounted_disk_is_not_the_one_that_is_missed_later() {
    let place = Place::new();
    let vault = place.path("good");
    with_data(&place).script("dump", &place.path("database"), "exit 1", "good", "").write(&place);
    nightly(&place, &[]).end().expect(14);
    assert!(vault.join("vault.json").exists(), "no vault was made: nothing is tried here");
    std::fs::rename(&vault, place.path("below")).unwrap();
    place.outlive(&[&"copy", &place.path("data"), &"--vault", &vault]).end().expect(0);
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    let done = night(&place, 0);
    assert_task(&done, ("tree", "good"), "done", "read back");
}

#[test]
fn a_copy_that_may_be_of_an_unmounted_directory_fails_the_night_and_serves_no_slot() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    night(&place, 0);
    std::fs::rename(place.path("data"), place.path("aside")).unwrap();
    place.directory("data");
    let empty = at(&place, nightly(&place, &["--format", "json"]), DAY).end().expect(14);
    assert_task(&empty.json("nightly"), ("tree", "good"), "failed", "was it mounted?");
    std::fs::remove_dir(place.path("data")).unwrap();
    std::fs::rename(place.path("aside"), place.path("data")).unwrap();
    let back = at(&place, nightly(&place, &["--format", "json"]), DAY + 60).end().expect(0);
    assert_task(&back.json("nightly"), ("tree", "good"), "done", "read back");
}

#[test]
fn the_ledger_keeps_what_a_night_failed_to_do_and_why() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("no-data"), &["good"]).write(&place);
    nightly(&place, &[]).end().expect(14);
    let undone = ledger(&place).into_iter().find_map(|record| match record.event {
        Event::NightEnded { undone, .. } => Some(undone),
        _ => None,
    });
    let undone = undone.expect("the night has no end");
    assert_eq!(undone.len(), 1);
    assert_eq!((undone[0].volume.as_deref(), &*undone[0].outcome), (Some("tree"), "failed"));
    assert!(undone[0].because.contains("No such file"), "{}", undone[0].because);
}

#[test]
fn a_dry_run_says_what_cannot_be_done() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    night(&place, 0);
    place.file("drills/weekly/drill.toml", "volume = \"tree\"\nchekcs = []\n");
    let dry = nightly(&place, &["--dry-run"]).end().expect(13);
    dry.says("chekcs");
}

#[test]
fn a_stop_is_heard_while_vaults_are_looked_at() {
    let place = Place::new();
    let silent = Listener::new(vec![Answer::Silence]);
    let vault = format!(
        "[[vault]]\nid = \"silent\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = \"bucket\"\nwriter = {{ env = \"KEYS\" }}",
        silent.url("")
    );
    with_data(&place).with(&vault).tree("tree", &place.path("data"), &["silent"]).write(&place);
    let run = nightly(&place, &["--format", "json", "--time-limit", "30m"]).environment("KEYS", "id:secret");
    let mut stopped = run.start();
    while silent.asked().is_empty() {
        assert!(stopped.is_running());
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = Instant::now();
    assert!(stopped.signal(Signal::TERM));
    let ended = stopped.end();
    assert!(matches!(ended.code, Some(11 | 14)), "{:?}", ended.code);
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?}", asked.elapsed());
    let done = ended.json("nightly");
    assert_eq!(done["volumes"][0]["standing"], "undetermined", "{done:#}");
    assert!(!is_unended(&ledger(&place)));
}

#[test]
fn a_copy_that_builds_on_what_was_found_damaged_or_is_gone_is_made_anew_at_once() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    night(&place, 0);
    let pack = largest_pack(&place);
    // As when the damage is found before the copy that builds on it has ended: the point is not among those named.
    let read = ledger(&place).into_iter().find_map(|record| match record.event {
        Event::ReadBack { vault, .. } => Some(vault),
        _ => None,
    });
    let object = format!("packs/{}", pack.file_name().unwrap().to_str().unwrap());
    let (vault, because) = (read.expect("nothing was read back"), "tried".into());
    let damaged = Event::Damaged { vault, object, because, points: Vec::new() };
    Ledger::open(&place.path("state"), PATIENCE).unwrap().append(Utc::now(), damaged).unwrap();
    let again = at(&place, nightly(&place, &["--format", "json"]), 60).end();
    assert_task(&again.json("nightly"), ("tree", "good"), "done", "7.6 MiB written");
    for pack in place.path("good/packs").read_dir().unwrap() {
        std::fs::remove_file(pack.unwrap().path()).unwrap();
    }
    let last = at(&place, nightly(&place, &["--format", "json"]), 120).end();
    assert_task(&last.json("nightly"), ("tree", "good"), "done", "7.6 MiB written");
}

#[test]
fn a_vault_that_is_missed_is_not_made_anew_and_another_is_not_taken_for_it() {
    let place = Place::new();
    with_data(&place);
    let data = place.path("data");
    let (vault, aside) = (place.path("vault-1"), place.path("aside"));
    let file = EstateFile::new().vault("disk", &vault);
    file.clone().tree("tree", &data, &["disk"]).write(&place);
    night(&place, 0);
    std::fs::rename(&vault, &aside).unwrap();
    let missed = at(&place, nightly(&place, &["--format", "json"]), DAY).end().expect(14);
    assert_task(&missed.json("nightly"), ("tree", "disk"), "failed", "it is not there any more");
    assert!(!vault.exists(), "a vault was made where one is missed");
    let config = place.path("outlive.toml");
    let by_hand = place.outlive(&[&"--config", &config, &"copy", &"tree"]).end();
    assert!(by_hand.code != Some(0) && !vault.exists(), "{:?} {}", by_hand.code, by_hand.stdout);
    assert!(by_hand.stderr.contains("it is not there any more"), "{}", by_hand.stderr);
    // One that somebody else made there is not the one that is missed.
    let copied = place.outlive(&[&"copy", &data, &"--vault", &vault]).end();
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    let other = at(&place, nightly(&place, &["--format", "json"]), DAY).end().expect(14);
    assert_task(
        &other.json("nightly"),
        ("tree", "disk"),
        "failed",
        "another vault stands where this one was",
    );
    let audited = place.outlive(&[&"--config", &config, &"audit"]).end().expect(11);
    audited.says("another vault stands where this one was");
    std::fs::remove_dir_all(&vault).unwrap();
    std::fs::rename(&aside, &vault).unwrap();
    let back = at(&place, nightly(&place, &["--format", "json"]), DAY).end().expect(0);
    assert_task(&back.json("nightly"), ("tree", "disk"), "done", "read back");
    // Whoever knows that it is gone for good gives the new one another name.
    std::fs::rename(&vault, &aside).unwrap();
    EstateFile::new().vault("second", &vault).tree("tree", &data, &["second"]).write(&place);
    let renamed = at(&place, nightly(&place, &["--format", "json"]), 2 * DAY).end().expect(0);
    assert_task(&renamed.json("nightly"), ("tree", "second"), "done", "read back");
}

#[test]
fn a_volume_that_is_too_large_to_be_searched_inside_can_be_sound_and_the_bound_is_told() {
    let place = Place::new();
    with_data(&place).tree("tree", &place.path("data"), &["good"]).write(&place);
    place.file(&format!("data/{}/file", ["d"; 70].join("/")), "deep");
    night(&place, 0);
    let audited = place.outlive(&[&"--config", &place.path("outlive.toml"), &"audit"]).end();
    assert_eq!(audited.code, Some(0), "{}", audited.stdout);
    assert!(audited.stdout.contains("more than 64 directories deep"), "{}", audited.stdout);
}

#[test]
fn what_could_not_be_seen_keeps_a_night_from_being_sound() {
    let seen = super::night::night(&["orders"]);
    assert_eq!(NightVerdict::of(&seen), []);
    let unseen = NightlyDone { gaps: vec!["/mnt: not there".into()], ..seen };
    assert_eq!(NightVerdict::of(&unseen), [NightVerdict::Undetermined]);
}
