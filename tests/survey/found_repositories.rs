//! Repositories that restic and borg made, listed by restic and borg.

use crate::found_lab::{halve, script};
use crate::hand::fs;
use crate::lab::Lab;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is written to by borg besides its repositories; the judge of the recorded suite knows this place.
const NOTES: &str = "/run/outlive-test-borg";

const RESTIC: &str = r#"
export RESTIC_PASSWORD=secret RESTIC_CACHE_DIR="$PWD/../cache"
restic init -q -r repo
restic backup -q -r repo "$1"; restic backup -q -r repo "$2"; restic backup -q -r repo --host elsewhere "$1"
restic backup -q -r repo --exclude "$1" "$(dirname "$1")"; restic backup -q -r repo "$(dirname "$1")"
printf secret > ../password; printf wrong > ../wrong
"#;

const BORG: &str = r#"
export BORG_PASSPHRASE=secret BORG_BASE_DIR=/run/outlive-test-borg/home
borg init --encryption=repokey repo
borg create repo::same "$1"; borg create repo::other "$2"; borg create --exclude "$1" repo::without "$(dirname "$1")"
borg init --encryption=none plain
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
borg create plain::same "$1"
"#;

/// The document of the program, run with these variables: the programs that it asks read the environment.
fn asked(volume: &Path, directory: &Path, variables: &[(&str, &str)]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlive"));
    command
        .args(["inventory", "--format", "json", "--time-limit", "60s", "--look-in"])
        .args([directory, volume]);
    for name in ["RESTIC_PASSWORD", "RESTIC_PASSWORD_FILE", "BORG_PASSPHRASE", "BORG_PASSCOMMAND"] {
        command.env_remove(name);
    }
    command.env("OUTLIVE_STATE", directory.parent().unwrap().join("state"));
    command.env("BORG_BASE_DIR", format!("{NOTES}/home")).env("TMPDIR", NOTES);
    command.envs(variables.iter().copied());
    let done = command.output().unwrap();
    let words = String::from_utf8_lossy(&done.stdout);
    serde_json::from_str(&words)
        .unwrap_or_else(|error| panic!("{error}: {words} {}", String::from_utf8_lossy(&done.stderr)))
}

fn words(value: &Value) -> String {
    value.to_string()
}

/// Every file below a directory with its bytes and times: nothing of a repository may change.
fn state(directory: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let modified = path.metadata().unwrap().modified().unwrap();
        let bytes = if path.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
        if path.is_dir() {
            all.extend(state(&path));
        }
        all.push((path, bytes, modified));
    }
    all.sort();
    all
}

struct Made {
    lab: Lab,
    volume: PathBuf,
    work: PathBuf,
}

fn made(text: &str) -> Made {
    std::fs::create_dir_all(NOTES).unwrap();
    let lab = Lab::new();
    let (volume, other) = (lab.directory("all/data"), lab.directory("other"));
    let work = lab.directory("work");
    fs::write(volume.join("file"), "1").unwrap();
    script(&work, text, &[&volume, &other]);
    Made { lab, volume, work }
}

fn points(document: &Value) -> &Vec<Value> {
    document["recovery_points"].as_array().unwrap()
}

fn gaps(document: &Value) -> &Vec<Value> {
    document["gaps"].as_array().unwrap()
}

#[test]
fn a_repository_of_restic_is_listed_by_restic_with_the_password_and_a_gap_without() {
    let made = made(RESTIC);
    let before = state(&made.work);
    let password = made.lab.path("password");
    let document = asked(&made.volume, &made.work, &[("RESTIC_PASSWORD_FILE", password.to_str().unwrap())]);
    assert_eq!(gaps(&document).len(), 0, "{document:#}");
    let all = points(&document);
    assert_eq!(all.len(), 5, "{document:#}");
    assert!(all.iter().all(|point| point["kind"] == "restic snapshot"), "{document:#}");
    let id = &document["volumes"][0]["id"];
    let of = |point: &&Value| point["volume"] == *id;
    assert_eq!(all.iter().filter(of).count(), 2, "of the volume, and of all around it: {document:#}");
    assert!(
        all.iter().all(|point| words(point).contains("listed by restic; never restored")),
        "{document:#}"
    );
    let wrong = made.lab.path("wrong");
    let wrong = asked(&made.volume, &made.work, &[("RESTIC_PASSWORD_FILE", wrong.to_str().unwrap())]);
    let without = asked(&made.volume, &made.work, &[]);
    for (document, advice) in [(wrong, "check RESTIC_PASSWORD_FILE"), (without, "set RESTIC_PASSWORD_FILE")] {
        assert_eq!((points(&document).len(), gaps(&document).len()), (0, 1), "{document:#}");
        assert!(words(&gaps(&document)[0]).contains(advice), "{document:#}");
    }
    assert_eq!(state(&made.work), before, "the repository was changed");
}

#[test]
fn a_repository_of_borg_is_listed_by_borg_with_the_passphrase_and_a_gap_without() {
    let made = made(BORG);
    let before = state(&made.work);
    let document = asked(&made.volume, &made.work, &[("BORG_PASSCOMMAND", "echo secret")]);
    assert_eq!(gaps(&document).len(), 0, "{document:#}");
    let all = points(&document);
    assert_eq!(all.len(), 4, "{document:#}");
    assert!(all.iter().all(|point| point["kind"] == "borg archive"), "{document:#}");
    let id = &document["volumes"][0]["id"];
    assert_eq!(all.iter().filter(|point| point["volume"] == *id).count(), 2, "{document:#}");
    for (variable, advice) in
        [(("A", "b"), "set BORG_PASSCOMMAND"), (("BORG_PASSPHRASE", "no"), "check BORG_PASS")]
    {
        let document = asked(&made.volume, &made.work, &[variable]);
        assert_eq!((points(&document).len(), gaps(&document).len()), (1, 1), "{document:#}");
        assert!(words(&gaps(&document)[0]).contains(advice), "{document:#}");
    }
    let stranger = format!("{NOTES}/stranger");
    let document =
        asked(&made.volume, &made.work, &[("BORG_BASE_DIR", &stranger), ("BORG_PASSPHRASE", "secret")]);
    assert!(words(&document["gaps"]).contains("once by hand"), "{document:#}");
    assert_eq!(state(&made.work), before, "a repository was changed");
}

#[test]
fn a_program_that_is_missing_or_hangs_is_a_gap_and_a_directory_that_only_looks_so_is_none() {
    let made = made(RESTIC);
    let tools = made.lab.directory("tools");
    let none = [("PATH", tools.to_str().unwrap()), ("RESTIC_PASSWORD", "secret")];
    let document = asked(&made.volume, &made.work, &none);
    assert_eq!(gaps(&document)[0]["reason"], "missing-tool", "{document:#}");
    let hanging = tools.join("restic");
    fs::write(&hanging, "#!/bin/sh\nexec /bin/sleep 300\n").unwrap();
    std::fs::set_permissions(&hanging, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let began = std::time::Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlive"));
    command.args(["inventory", "--format", "json", "--time-limit", "3s", "--look-in"]);
    let done = command.args([&made.work, &made.volume]).envs(none).output().unwrap();
    let document: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(gaps(&document)[0]["reason"], "timed-out", "{document:#}");
    assert!(began.elapsed().as_secs() < 60);
    // Of the words alone nothing follows.
    let keys = made.work.join("repo/keys");
    for key in std::fs::read_dir(&keys).unwrap() {
        let key = key.unwrap().path();
        halve(&key, &made.lab.path("half"));
        fs::remove_file(&key).unwrap();
        fs::copy(made.lab.path("half"), &key).unwrap();
    }
    let document = asked(&made.volume, &made.work, &none);
    assert_eq!((points(&document).len(), gaps(&document).len()), (0, 0), "{document:#}");
}
