//! What a copy writes is read back once, and what was read while it is made has to be there when it ends.

use super::nightly_estate::{EstateFile, ledger};
use super::place::{Place, noise};
use super::strace::{Call, calls};
use outlive::ledger::Event;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often each pack was opened, by what was recorded.
fn opened(log: &str) -> BTreeMap<Vec<u8>, usize> {
    let mut opened: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let of_packs = |call: &Call| call.opened().windows(7).any(|part| part == b"/packs/");
    for call in calls(log).iter().filter(|call| call.name == "openat2" && call.succeeded() && of_packs(call))
    {
        *opened.entry(call.opened()).or_default() += 1;
    }
    opened
}

/// The packs in a vault, with their sizes in bytes.
fn packs(vault: &Path) -> BTreeMap<PathBuf, u64> {
    let packs = std::fs::read_dir(vault.join("packs")).unwrap().map(|entry| entry.unwrap());
    packs.map(|entry| (entry.path(), entry.metadata().unwrap().len())).collect()
}

/// A volume that is copied by a script which waits after 140 MB, enough for two packs, until somebody makes a file.
fn waiting(place: &Place) -> (PathBuf, PathBuf) {
    let (first, rest) =
        (place.file("first", noise(1, 140_000_000)), place.file("rest", noise(2, 20_000_000)));
    let (go, vault) = (place.path("go"), place.path("vault"));
    let script = format!(
        "cat {first:?}; while [ ! -e {go:?} ]; do sleep 0.05; done; cat {rest:?}",
        go = go.as_os_str()
    );
    let from = format!("command = [\"sh\", \"-c\", {script:?}], file = \"dump\"");
    EstateFile::new()
        .vault("offsite", &vault)
        .command("orders", &place.path("first"), &from, "offsite", "longest = \"10m\"")
        .write(place);
    (go, vault)
}

#[test]
fn every_pack_is_read_once_those_that_are_finished_before_the_copy_ends() {
    let place = Place::new();
    let (go, vault) = waiting(&place);
    let mut copy = place.outlive_by_file(&["copy", "orders"]).inject("openat2:delay_enter=1").start();
    copy.wait_for("/packs/");
    let patience = Instant::now() + Duration::from_secs(120);
    // For the cache to forget it, and to be read.
    while opened(&String::from_utf8_lossy(&std::fs::read(copy.log()).unwrap()))
        .values()
        .all(|times| *times < 2)
    {
        assert!(copy.is_running() && Instant::now() < patience, "no pack was read while the copy waited");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::write(go, "").unwrap();
    let log = copy.end().expect(0).log;
    let (opened, packs) = (opened(&log), packs(&vault));
    assert!(packs.len() > 2, "all of it fits into {} packs", packs.len());
    let times = |pack: &PathBuf| opened.get(pack.as_os_str().as_encoded_bytes()).copied().unwrap_or_default();
    // Once more where it was read before the end: is it there still?
    assert!(packs.keys().all(|pack| matches!(times(pack), 2 | 3)), "{opened:?}");
    assert!(packs.keys().any(|pack| times(pack) == 3), "nothing was read before the end: {opened:?}");
    let records = ledger(&place);
    let read = records.iter().find_map(|record| match &record.event {
        Event::ReadBack { bytes, since, .. } => Some((*bytes, *since, record.at)),
        _ => None,
    });
    let (bytes, since, at) = read.expect("read back");
    assert!(bytes >= packs.values().sum::<u64>(), "not all of it was read back");
    // What was read first was read before the end, and counts from when the copy began.
    assert!(since < at, "{since} {at}");
}

#[test]
fn a_pack_that_goes_after_it_was_read_is_missed_before_the_copy_counts() {
    let place = Place::new();
    let (go, vault) = waiting(&place);
    let mut copy = place.outlive_by_file(&["copy", "orders"]).inject("openat2:delay_enter=1").start();
    copy.wait_for("/packs/");
    let patience = Instant::now() + Duration::from_secs(120);
    let read = loop {
        let log = String::from_utf8_lossy(&std::fs::read(copy.log()).unwrap()).into_owned();
        if let Some((path, _)) = opened(&log).into_iter().find(|(_, times)| *times > 1) {
            break PathBuf::from(String::from_utf8(path).unwrap());
        }
        assert!(copy.is_running() && Instant::now() < patience, "no pack was read while the copy waited");
        std::thread::sleep(Duration::from_millis(20));
    };
    // Whoever has it open reads it to its end all the same.
    std::fs::rename(&read, place.path("taken")).unwrap();
    std::fs::write(go, "").unwrap();
    let name = read.file_name().unwrap().to_str().unwrap();
    copy.end().expect(14).says(name);
    let records = ledger(&place);
    let is_of = |object: &str| object.ends_with(name);
    assert!(
        records.iter().any(|record| matches!(&record.event, Event::Damaged { object, .. } if is_of(object)))
    );
    assert!(
        !records.iter().any(|record| matches!(record.event, Event::ReadBack { .. })),
        "it counts as read back"
    );
    assert!(packs(&vault).keys().all(|pack| *pack != read));
}
