//! The tutorial of the README, run word by word: PostgreSQL, SeaweedFS, two nights, a drill, the table.

use super::judge::{RECORDED, complaints};
use super::place::Place;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const README: &str = include_str!("../../README.md");

/// The commands of the tutorial, in their order.
fn commands() -> String {
    let (_, tutorial) = README.split_once("\n## Every night: a tutorial\n").unwrap();
    let (tutorial, _) = tutorial.split_once("\n## ").unwrap();
    let blocks = tutorial.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect()
}

/// Eight free ports in a row.
fn ports() -> u16 {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = 20_000 + (std::process::id() % 20_000) as u16;
    (start..).step_by(8).find(|first| (*first..*first + 8).all(free)).unwrap()
}

/// `outlive`, recorded each time it is run.
fn recorded(place: &Place) -> std::path::PathBuf {
    let (bin, log) = (place.path("bin"), place.path("record"));
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nexec strace -f -qq -y -s 4096 --seccomp-bpf -o {}.$$ -e {RECORDED} -- {} \"$@\"\n",
        log.display(),
        env!("CARGO_BIN_EXE_outlive"),
    );
    let file = place.file("bin/outlive", script);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

/// What was run and what it said: all output after `marker`, up to the next one.
fn after<'a>(said: &'a str, marker: &str, nth: usize) -> &'a str {
    said.split(marker).nth(nth).unwrap_or_else(|| panic!("{marker:?} is not {nth} times in:\n{said}"))
}

#[test]
fn the_tutorial_of_the_readme_runs_word_by_word() {
    let place = Place::new();
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin");
    let path = format!("{}:{tools}:{}", recorded(&place).display(), std::env::var("PATH").unwrap());
    let script = place.file("tutorial.sh", format!("set -e\n{}", commands()));
    let said = place.path("said");
    let out = std::fs::File::create(&said).unwrap();
    let ended = Command::new("timeout")
        .args(["--kill-after=10", "300", "bash"])
        .arg(script)
        .env("PATH", path)
        .env("S3", ports().to_string())
        .env("TMPDIR", place.path(""))
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .status()
        .unwrap();
    let said = std::fs::read_to_string(said).unwrap();
    assert!(ended.success(), "{ended}:\n{said}");
    let (first, second) = (after(&said, "Nightly run of", 1), after(&said, "Nightly run of", 2));
    assert!(first.contains("copy") && first.contains("read back, recovery point"), "{said}");
    assert!(first.contains("2 checks held"), "{said}");
    assert!(second.contains("Nothing was due."), "{said}");
    assert!(second.contains("exit code 11") && second.contains("Audit of"), "{said}");
    assert!(second.contains("weekly: passed: 2 checks held"), "{said}");
    assert!(
        second.contains("restored and compared") && second.contains("TABLE DATA public orders"),
        "{said}"
    );
    let records = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path());
    let records: Vec<_> =
        records.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("record.")).collect();
    assert_eq!(records.len(), 6, "outlive is run six times");
    for record in records {
        let found = complaints(&String::from_utf8_lossy(&std::fs::read(record).unwrap()));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
