//! A ledger that is signed: what a thief or an accident makes of it shows, here and in the copies in the vaults.

use super::hand::{TempDir, fs};
use super::locking;
use super::nightly_estate::{EstateFile, assert_task, at, night, nightly};
use super::place::{Place, noise};
use super::run::Run;
use super::servers::{client, seaweedfs};
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn outlive(place: &Place, arguments: &[&str]) -> Run {
    place.outlive_by_file(arguments)
}

/// A new key; what is to be written into the estate file for it.
pub fn key(place: &Place, name: &str) -> String {
    let into = place.path(name);
    let made = place.outlive(&[&"ledger", &"key", &"--into", &into]).end().expect(0);
    let (_, table) = made.stdout.split_once("\n[signing]\n").expect("the table is printed");
    format!("[signing]\n{table}")
}

/// An estate of one tree and one vault in a directory, whose ledger is signed.
pub fn signed(place: &Place) -> EstateFile {
    place.file("data/file", noise(1, 200_000));
    let file = EstateFile::new().vault("shelf", &place.directory("disk").join("vault"));
    let file = file.tree("tree", &place.path("data"), &["shelf"]).with(&key(place, "signing.key"));
    file.write(place);
    file
}

/// `ledger verify` as JSON.
#[track_caller]
fn verify(place: &Place, more: &[&str], code: i32) -> Value {
    let all = [&["--format", "json", "ledger", "verify"], more].concat();
    outlive(place, &all).end().expect(code).json("ledger-verify")
}

fn said(told: &Value, list: &str) -> String {
    told[list].to_string()
}

/// The files in a folder of which there is one below this one, sorted by name.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// The folder of the one ledger in this folder.
fn of_ledger(folder: &Path) -> PathBuf {
    let is_one = |path: &PathBuf| path.is_dir() && path.file_name().unwrap().len() == 64;
    let found: Vec<PathBuf> = files_in(folder).into_iter().filter(is_one).collect();
    let [only] = &found[..] else { panic!("{found:?}") };
    only.clone()
}

#[test]
fn a_key_is_for_its_owner_alone_and_takes_no_file_s_place() {
    let place = Place::new();
    let into = place.path("signing.key");
    let made = place.outlive(&[&"ledger", &"key", &"--into", &into]).end().expect(0);
    let secret = std::fs::read_to_string(&into).unwrap();
    assert_eq!(std::fs::metadata(&into).unwrap().permissions().mode() & 0o777, 0o600);
    let bare = secret.strip_prefix("outlive-signing-key-1:").unwrap().trim_end();
    assert!(!made.stdout.contains(bare) && !made.stderr.contains(bare));
    assert!(made.stdout.contains("trust = [\"ed25519:"), "{}", made.stdout);
    let again = place.outlive(&[&"ledger", &"key", &"--into", &into]).end().expect(1);
    assert!(again.stderr.contains("name a new file"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&into).unwrap(), secret);
    let json = place.outlive(&[&"--format", &"json", &"ledger", &"key", &"--into", &place.path("k")]).end();
    let json = json.expect(0).json("ledger-key");
    assert!(json["public_key"].as_str().unwrap().starts_with("ed25519:"));
}

#[test]
fn nights_and_commands_are_signed_and_their_record_is_in_the_vault() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    outlive(&place, &["verify", "shelf"]).end().expect(0);
    let told = verify(&place, &["--vault", "shelf"], 0);
    assert_eq!((told["checkpoints"].as_u64(), told["copies"][0]["checkpoints"].as_u64()), (Some(3), Some(3)));
    assert_eq!(told["records"], told["copies"][0]["records"]);
    let text = outlive(&place, &["ledger", "verify", "--vault", "shelf"]).end().expect(0);
    assert!(text.stdout.contains("The ledger is the one that was signed."), "{}", text.stdout);
    let shown = outlive(&place, &["--format", "json", "ledger", "show"]).end().expect(0).json("ledger-show");
    assert_eq!(shown["records"], told["records"]);
    assert_eq!(shown["events"].as_array().unwrap().last().unwrap()["kind"], "verified");
    let last = outlive(&place, &["ledger", "show", "--last", "2"]).end().expect(0);
    assert!(last.stdout.contains("The newest 2 of"), "{}", last.stdout);
    // What is in the vault are the ledger's own lines: a person reads them with standard tools.
    let copied = of_ledger(&place.path("disk/vault/ledger"));
    let all: String = files_in(&copied).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let ledger = std::fs::read_to_string(place.path("state/ledger.jsonl")).unwrap();
    assert!(ledger.lines().all(|line| all.contains(line)));
    // Verifying, listing and planning take no notice of it.
    outlive(&place, &["vault", "list", "shelf"]).end().expect(0);
    let plan = outlive(&place, &["vault", "expiry-plan", "shelf"]).end();
    assert!(!plan.stdout.contains("ledger"), "{}", plan.stdout);
}

#[test]
fn a_ledger_that_nobody_asked_to_sign_is_kept_as_before() {
    let place = Place::new();
    place.file("data/file", noise(1, 200_000));
    let file = EstateFile::new().vault("shelf", &place.directory("disk").join("vault"));
    file.tree("tree", &place.path("data"), &["shelf"]).write(&place);
    let done = night(&place, 0);
    assert!(!done.to_string().contains("signed"), "{done:#}");
    outlive(&place, &["copy", "tree"]).end().expect(0);
    assert!(!place.path("state/checkpoints").exists() && !place.path("disk/vault/ledger").exists());
    let told = verify(&place, &[], 11);
    assert!(said(&told, "open").contains("unsigned") && said(&told, "wrong") == "[]", "{told:#}");
}

#[test]
fn a_ledger_that_was_changed_is_told_whatever_was_done_to_it() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let path = place.path("state/ledger.jsonl");
    let good = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let count = lines.len();
    let mut swapped = lines.clone();
    swapped.swap(count - 2, count - 1);
    let dropped = [&lines[..2], &lines[3..]].concat();
    let backdated = lines[count - 1].replace("\"at\":\"20", "\"at\":\"19");
    let replaced = [&lines[..count - 1], &[&*backdated]].concat();
    for (how, bad) in [
        ("dropped", dropped.concat()),
        ("reordered", swapped.concat()),
        ("replaced", replaced.concat()),
        ("cut", lines[..count - 1].concat()),
        ("emptied", String::new()),
    ] {
        fs::write(&path, bad).unwrap();
        let told = verify(&place, &["--vault", "shelf"], 10);
        assert_ne!(said(&told, "wrong"), "[]", "{how}: {told:#}");
    }
    // What was signed once is not signed over by something else.
    fs::write(&path, lines[..count - 1].concat()).unwrap();
    let done = night(&place, 11);
    assert!(said(&done, "notices").contains("not the one that was signed before"), "{done:#}");
    fs::write(&path, &good).unwrap();
    verify(&place, &["--vault", "shelf"], 0);
}

#[test]
fn a_checkpoint_that_was_changed_replayed_or_signed_by_somebody_else_does_not_count() {
    let place = Place::new();
    let file = signed(&place);
    night(&place, 0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let kept = files_in(&of_ledger(&place.path("state/checkpoints")));
    let [first, second] = &kept[..] else { panic!("{kept:?}") };
    let (old, good) = (std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
    // Each bit of one is flipped where that is tested by itself; here the program is seen to look.
    for sample in 0..12 {
        let bit = good.len() * 8 * sample / 12 + sample % 8;
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        overwrite(second, &bad);
        let told = verify(&place, &[], 10);
        assert_ne!(said(&told, "wrong"), "[]", "bit {bit}: {told:#}");
    }
    overwrite(second, &old);
    let replayed = verify(&place, &[], 10);
    assert!(said(&replayed, "wrong").contains("checkpoint 0 in the place of 1"), "{replayed:#}");
    overwrite(second, &good);
    verify(&place, &["--vault", "shelf"], 0);
    // Another key is pinned: whatever this one signed counts for nothing.
    let other = key(&place, "other.key");
    let trust = other.lines().find(|line| line.starts_with("trust")).unwrap();
    place.file("outlive.toml", {
        let text = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
        let ours = text.lines().find(|line| line.starts_with("trust")).unwrap().to_owned();
        text.replace(&ours, trust)
    });
    let told = verify(&place, &["--vault", "shelf"], 10);
    assert!(said(&told, "wrong").contains("is not pinned"), "{told:#}");
    // What was copied with it does not count any more either, and with it nothing is copied.
    let done = night(&place, 14);
    assert!(said(&done, "notices").contains("`trust` does not list it"), "{done:#}");
    assert_task(&done, ("tree", "shelf"), "failed", "`trust` does not list it");
    file.write(&place);
    verify(&place, &["--vault", "shelf"], 0);
}

/// Writes over a file that nobody may write.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_older_copy_is_told_by_who_remembers_and_is_unproven_for_who_does_not() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let copied = files_in(&of_ledger(&place.path("disk/vault/ledger")));
    let newest = std::fs::read(&copied[1]).unwrap();
    fs::remove_file(&copied[1]).unwrap();
    let told = verify(&place, &["--vault", "shelf"], 10);
    assert!(said(&told, "wrong").contains("an older state was put back"), "{told:#}");
    // Another machine with the same file, and nothing remembered: both states look the same.
    let config = place.path("outlive.toml");
    let elsewhere = TempDir::new();
    let there = |code: i32| {
        let arguments: [&dyn AsRef<OsStr>; 8] =
            [&"--config", &config, &"--format", &"json", &"ledger", &"verify", &"--vault", &"shelf"];
        let run = place.outlive_with_state(elsewhere.path(), &arguments);
        run.end().expect(code).json("ledger-verify")
    };
    for _ in 0..2 {
        let told = there(11);
        assert!(
            said(&told, "open").contains("freshness unproven") && said(&told, "wrong") == "[]",
            "{told:#}"
        );
        fs::write(&copied[1], &newest).unwrap();
    }
    verify(&place, &["--vault", "shelf"], 0);
    // The oldest is gone: that is missed by everybody.
    let oldest = std::fs::read(&copied[0]).unwrap();
    fs::remove_file(&copied[0]).unwrap();
    assert!(said(&there(10), "wrong").contains("missing"));
    verify(&place, &["--vault", "shelf"], 10);
    // What is gone is sent again; what stands under its key and is something else stays, and is told.
    night(&place, 0);
    verify(&place, &["--vault", "shelf"], 0);
    let junk = vec![b'x'; oldest.len() + 1];
    fs::write(&copied[0], junk).unwrap();
    night(&place, 0);
    let told = verify(&place, &["--vault", "shelf"], 10);
    assert_eq!(told["wrong"].as_array().unwrap().len(), 1, "only the squatter: {told:#}");
    assert_eq!(told["copies"][0]["checkpoints"], told["checkpoints"], "{told:#}");
}

#[test]
fn a_night_that_did_not_run_shows() {
    let place = Place::new();
    signed(&place);
    const DAY: i64 = 86_400;
    for day in [0, 1, 3] {
        let done =
            at(&place, nightly(&place, &["--format", "json"]), day * DAY).end().expect(0).json("nightly");
        assert_eq!(said(&done, "notices").matches("signed").count(), 0, "{done:#}");
    }
    let all = ["--format", "json", "ledger", "verify", "--vault", "shelf"];
    let told = at(&place, outlive(&place, &all), 3 * DAY).end().expect(11).json("ledger-verify");
    let missed = told["missed"].as_array().unwrap();
    assert_eq!((missed.len(), missed[0]["count"].as_u64()), (1, Some(1)), "{told:#}");
    assert!(said(&told, "wrong") == "[]" && said(&told, "open") == "[]", "{told:#}");
    let later = at(&place, outlive(&place, &all), 6 * DAY).end().expect(11).json("ledger-verify");
    assert!(later["missed"].as_array().unwrap().len() == 2, "{later:#}");
    let text = at(&place, outlive(&place, &["ledger", "verify"]), 3 * DAY).end().expect(11);
    assert!(text.stdout.contains("MISSED  tree to shelf: no signed night speaks of"), "{}", text.stdout);
    // On a machine that has nothing it shows too, whatever somebody puts before the copy of the ledger.
    fs::write(place.path("disk/vault/ledger").join(format!("{}.json", "0".repeat(64))), "{}").unwrap();
    let elsewhere = place.path("elsewhere");
    let config = place.path("outlive.toml");
    let ask: [&dyn AsRef<OsStr>; 8] =
        [&"--config", &config, &"--format", &"json", &"ledger", &"verify", &"--vault", &"shelf"];
    let told = at(&place, place.outlive_with_state(&elsewhere, &ask), 3 * DAY).end().json("ledger-verify");
    assert_eq!(told["missed"][0]["count"].as_u64(), Some(1), "{told:#}");
}

#[test]
fn a_vault_that_cannot_be_reached_is_told_and_gets_what_it_missed_later() {
    let place = Place::new();
    let file = signed(&place);
    // A second vault, which is not there yet: nothing is made for the ledger alone.
    let file = file.vault("second", &place.path("disk/second"));
    file.write(&place);
    let done = nightly(&place, &["--format", "json"]).end().json("nightly");
    assert!(!said(&done, "notices").contains("ledger"), "{done:#}");
    assert!(!place.path("disk/second").exists());
    outlive(&place, &["vault", "init", "second"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let told = verify(&place, &["--vault", "second"], 0);
    assert_eq!(told["copies"][0]["checkpoints"], told["checkpoints"], "{told:#}");
    // Its folder of ledgers is a file: nothing can be written there.
    let ledger = place.path("disk/second/ledger");
    fs::rename(&ledger, place.path("aside")).unwrap();
    fs::write(&ledger, "in the way").unwrap();
    let done = night(&place, 11);
    assert!(said(&done, "notices").contains("second: the ledger is not copied there"), "{done:#}");
    fs::remove_file(&ledger).unwrap();
    fs::rename(place.path("aside"), &ledger).unwrap();
    let behind = verify(&place, &["--vault", "second"], 11);
    assert!(said(&behind, "open").contains("not in it yet"), "{behind:#}");
    night(&place, 0);
    verify(&place, &["--vault", "second"], 0);
}

#[test]
fn the_record_in_a_locked_bucket_is_out_of_reach_of_a_thief_of_the_writers_key() {
    let place = Place::new();
    let bucket = locking::estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    place.file("outlive.toml", format!("{file}\n{}", key(&place, "signing.key")));
    locking::outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    for _ in 0..2 {
        let done = locking::with_keys(nightly(&place, &["--format", "json"])).end().json("nightly");
        assert!(!said(&done, "notices").contains("ledger"), "{done:#}");
        let tasks = done["tasks"].as_array().unwrap();
        let locks = tasks.iter().find(|task| task["task"] == "lock").unwrap();
        assert_eq!(locks["outcome"], "done", "the record is kept under lock too: {locks}");
    }
    let client = client(&seaweedfs().endpoint);
    locking::block(async {
        let asked = client.list_object_versions().bucket(&bucket).prefix("night/ledger/");
        let listed = asked.send().await.unwrap();
        assert_eq!(listed.versions().len(), 3, "{listed:?}");
        for version in listed.versions() {
            let (key, id) = (version.key().unwrap(), version.version_id().unwrap());
            let asked = client.get_object_retention().bucket(&bucket).key(key).version_id(id);
            let lock = asked.send().await.unwrap().retention.unwrap();
            let until = lock.retain_until_date().unwrap().secs();
            assert!(until >= chrono::Utc::now().timestamp() + 2 * 86_400, "{key} until {until}");
            let gone = client.delete_object().bucket(&bucket).key(key).version_id(id);
            assert!(gone.bypass_governance_retention(true).send().await.is_err(), "{key} was deleted");
            // Other bytes on top, which no lock keeps off, are not what is read.
            client.put_object().bucket(&bucket).key(key).body(b"{}".to_vec().into()).send().await.unwrap();
        }
        // Something of the thief's own beside it.
        let folder = listed.versions().iter().filter_map(|version| version.key()?.rsplit_once('/'));
        let (folder, _) = folder.max_by_key(|(folder, _)| folder.len()).unwrap();
        let key = format!("{folder}/0000000002-0000000002-0123456789abcdef.jsonl");
        client.put_object().bucket(&bucket).key(key).body(b"{}\n".to_vec().into()).send().await.unwrap();
    });
    let all = ["--format", "json", "ledger", "verify", "--vault", "offsite"];
    let told = locking::outlive(&place, &all).end().expect(10).json("ledger-verify");
    assert_eq!(told["wrong"].as_array().unwrap().len(), 1, "only what the thief added: {told:#}");
    assert_eq!(told["copies"][0]["checkpoints"].as_u64(), Some(2), "{told:#}");
    assert_eq!(told["copies"][0]["records"], told["signed_records"], "{told:#}");
}
