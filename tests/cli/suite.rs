//! The record of the whole suite: what `scripts/test` recorded while every other test binary ran.
//!
//! The tests of this binary are not in it: each run of the program here is recorded and judged on its own
//! (`tests/cli/run.rs`).

use super::judge::{RECORDED, complaints};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The test binaries whose record must be there, by the start of its name.
const BINARIES: [&str; 7] = ["judging-", "night-", "outlive-", "store-", "survey-", "tidy-", "vault-"];

#[test]
#[ignore = "judges what scripts/test records while the other tests run"]
fn nothing_in_the_whole_suite_deleted_or_overwrote_anything_outside_scratch() {
    let folder =
        std::env::var_os("OUTLIVE_RECORD").map(PathBuf::from).expect("scripts/test sets OUTLIVE_RECORD");
    let calls = RECORDED.split_whitespace().collect::<String>();
    assert!(include_str!("../../scripts/recorded").contains(&calls), "the two recorders record other calls");
    let mut seen = BTreeSet::new();
    let (mut records, mut lines, mut found) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let log = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
        assert!(log.contains("execve("), "{name}: nothing was recorded");
        seen.extend(BINARIES.into_iter().filter(|binary| name.starts_with(binary)));
        records += 1;
        lines += log.lines().count();
        found.extend(complaints(&log).into_iter().map(|complaint| format!("{name}: {complaint}")));
    }
    assert_eq!(seen, BINARIES.into(), "a test binary was not recorded");
    assert!(found.is_empty(), "the record shows {} times:\n  {}", found.len(), found.join("\n  "));
    println!("{records} records, {lines} lines");
}
