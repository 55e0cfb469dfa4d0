//! Repositories that restic and borg made, listed by restic and borg.

use crate::found_lab::{found, look, said, script};
use crate::hand::fs;
use crate::lab::{Lab, now};
use outlive::domain::{GapReason, GapScope, Inventory, Known, Nature, PointKind};
use std::path::Path;
use std::process::Command;

const RESTIC: &str = r#"
export RESTIC_PASSWORD=secret RESTIC_CACHE_DIR="$PWD/cache"
restic init -q -r repo && restic backup -q -r repo "$1" && restic backup -q -r repo "$2"
restic backup -q -r repo --host elsewhere "$1"
"#;

/// Runs the survey in a process of its own, because what it asks reads the environment.
fn asked(volume: &Path, directory: &Path, variables: &[(&str, &Path)]) -> Inventory {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlive"));
    command.args(["inventory", "--format", "json", "--look-in"]).args([directory, volume]);
    for name in ["RESTIC_PASSWORD", "RESTIC_PASSWORD_FILE", "BORG_PASSPHRASE", "BORG_PASSCOMMAND"] {
        command.env_remove(name);
    }
    command.env("OUTLIVE_STATE", directory.parent().unwrap().join("state"));
    command.env("BORG_BASE_DIR", directory.parent().unwrap().join("borg-home"));
    command.envs(variables.iter().copied());
    let done = command.output().unwrap();
    let words = String::from_utf8_lossy(&done.stdout);
    let document: serde_json::Value = serde_json::from_str(&words).unwrap_or_else(|error| {
        panic!("{error}: {words} {}", String::from_utf8_lossy(&done.stderr));
    });
    println!("{document:#}");
    serde_json::from_value(document["inventory"].clone()).unwrap()
}

#[test]
fn probe() {
    let lab = Lab::new();
    let (data, other, work) = (lab.directory("data"), lab.directory("other"), lab.directory("work"));
    fs::write(data.join("file"), "1").unwrap();
    script(&work, RESTIC, &[&data, &other]);
    let inventory = asked(&data, &work, &[]);
    panic!("{inventory:?}");
}
