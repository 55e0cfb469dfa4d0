//! What a slow store, and a vault with many packs, cost a copy.

use super::stream::{copy_stream_into, pipe};
use super::support::{Place, noise};
use crate::hand::fs;
use outlive::domain::{Result, Silent};
use outlive::providers::stream::StdinSource;
use outlive::store::{DirStore, Key, Listed, Store};
use outlive::vault::{CopyReport, Vault};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A directory store that gives no pack until its reader stands still, and notes what is listed.
struct Slow {
    inner: DirStore,
    fed: Arc<AtomicU64>,
    stood_at: AtomicU64,
    listed: Mutex<Vec<String>>,
}

impl Slow {
    fn open(place: &Place) -> Arc<Self> {
        let inner = DirStore::open(&place.path("vault")).unwrap();
        Arc::new(Self { inner, fed: Arc::default(), stood_at: AtomicU64::new(0), listed: Mutex::default() })
    }
}

impl Store for Slow {
    forward!(self => self.inner; place identity put_new size stranger);

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        if key.as_str().starts_with("packs/") && self.stood_at.load(Relaxed) == 0 {
            let mut before = u64::MAX;
            while before != self.fed.load(Relaxed) {
                before = self.fed.load(Relaxed);
                std::thread::sleep(Duration::from_millis(500));
            }
            self.stood_at.store(before, Relaxed);
        }
        self.inner.get(key, offset)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        self.listed.lock().unwrap().push(folder.to_owned());
        self.inner.list(folder)
    }
}

/// Copies these bytes, as often as they are repeated with a change, through a pipe.
fn copy_piped(vault: &Vault, store: &Slow, id: &str, first: Vec<u8>, more: u64) -> CopyReport {
    let (read, mut write) = std::io::pipe().unwrap();
    let fed = store.fed.clone();
    let writing = std::thread::spawn(move || {
        write.write_all(&first).unwrap();
        for seed in 0..more {
            write.write_all(&noise(1000 + seed, 1_000_000)).unwrap();
            fed.fetch_add(1_000_000, Relaxed);
        }
    });
    let mut source = StdinSource::new(read, chrono::Utc::now());
    let copied = copy_stream_into(vault, id, &mut source, &Silent).unwrap();
    writing.join().unwrap();
    copied
}

#[test]
fn what_follows_a_unit_that_waits_for_a_slow_store_does_not_pile_up() {
    let place = Place::new();
    // What a stopped run left: it is decoded before anything refers to it, and the store takes its time.
    let root = pipe(&place, noise(1, 400_000)).unwrap().root;
    fs::remove_file(place.path("vault").join(root.key.as_str())).unwrap();
    let store = Slow::open(&place);
    let vault = Vault::open(store.clone()).unwrap();
    copy_piped(&vault, &store, "stream", noise(1, 400_000), 100);
    let stood_at = store.stood_at.load(Relaxed);
    assert!(stood_at > 0, "nothing waited for the store");
    assert!(stood_at < 40_000_000, "{stood_at} bytes were read while the first unit waited");
}

#[test]
fn a_run_of_many_copies_lists_the_packs_of_a_vault_once() {
    let place = Place::new();
    pipe(&place, noise(1, 400_000)).unwrap();
    let store = Slow::open(&place);
    let vault = Vault::open(store.clone()).unwrap().for_many();
    let listed = |id: &str, seed: u64| {
        store.listed.lock().unwrap().clear();
        copy_piped(&vault, &store, id, noise(seed, 400_000), 0);
        let mut listed = store.listed.lock().unwrap().clone();
        listed.sort();
        listed
    };
    assert_eq!(listed("stream", 2), ["roots", "roots", "sidecars"]);
    assert_eq!(listed("another", 3), ["roots"]);
    assert_eq!(listed("stream", 4), ["roots"]);
}
