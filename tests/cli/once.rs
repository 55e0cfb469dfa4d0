//! What a copy writes is read back once, whether that happens while it is made or after it.

use super::place::{Place, noise};
use super::strace::calls;
use outlive::ledger::{Event, Ledger, PATIENCE};
use std::collections::BTreeMap;

#[test]
fn every_pack_of_a_copy_is_opened_for_reading_once_and_all_of_them_count() {
    let place = Place::new();
    (0..15).for_each(|number| drop(place.file(&format!("data/{number:02}"), noise(number, 10_000_000))));
    let (data, vault) = (place.path("data"), place.path("vault"));
    let copied = place.outlive(&[&"copy", &data, &"--vault", &vault]).inject("openat2:delay_enter=1").end();
    let log = copied.expect(0).log.clone();
    let mut opened: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for call in calls(&log).iter().filter(|call| call.name == "openat2" && call.succeeded()) {
        let path = call.opened();
        if path.windows(7).any(|part| part == b"/packs/") {
            *opened.entry(path).or_default() += 1;
        }
    }
    let packs = std::fs::read_dir(vault.join("packs")).unwrap().map(|entry| entry.unwrap());
    let sizes: BTreeMap<_, u64> = packs
        .map(|entry| (entry.path().into_os_string().into_encoded_bytes(), entry.metadata().unwrap().len()))
        .collect();
    assert!(sizes.len() > 2, "all of it fits into {} packs", sizes.len());
    for pack in sizes.keys() {
        // For the cache to forget it, and to be read.
        assert_eq!(opened.get(pack), Some(&2), "{}", String::from_utf8_lossy(pack));
    }
    let ledger = Ledger::open(&place.path("state"), PATIENCE).unwrap();
    let read = ledger.records().iter().find_map(|record| match &record.event {
        Event::ReadBack { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert!(read.expect("read back") >= sizes.values().sum::<u64>(), "not all of it was read back");
}
