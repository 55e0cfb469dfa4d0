//! Packs are read back while a copy is still being made; what does not come back as it was written is left to the reading that follows.

use super::stream::copy_stream_into;
use super::support::{Place, noise};
use outlive::domain::{Kind, Problem, Result, Silent};
use outlive::providers::stream::StdinSource;
use outlive::store::{DirStore, Key, Store};
use outlive::vault::{CopyReport, Vault};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What becomes of the first pack that is read.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Sound,
    Damaged,
    Unreadable,
}

/// A directory store that counts the packs that are read, and gives the first of them as it is told.
struct Watched {
    inner: DirStore,
    first: First,
    given: AtomicUsize,
    read: Mutex<Vec<String>>,
}

impl Store for Watched {
    forward!(self => self.inner; place identity put_new forget size stranger list);

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        if !key.as_str().starts_with("packs/") {
            return self.inner.get(key, offset);
        }
        self.read.lock().unwrap().push(key.as_str().to_owned());
        let is_first = self.given.fetch_add(1, Relaxed) == 0;
        match self.first {
            First::Damaged if is_first => Ok(Box::new(self.inner.get(key, offset)?.take(1_000))),
            First::Unreadable if is_first => Err(Problem::new(Kind::Io, "the store gives nothing")),
            _ => self.inner.get(key, offset),
        }
    }
}

/// Copies two packs and a half of noise, the last of it only when some pack was read meanwhile.
fn copy_through(first: First) -> (CopyReport, Arc<Watched>) {
    let place = Place::new();
    let inner = DirStore::open(&place.path("vault")).unwrap();
    let store = Arc::new(Watched { inner, first, given: AtomicUsize::new(0), read: Mutex::default() });
    let vault = Vault::open(store.clone()).unwrap();
    let (read, mut write) = std::io::pipe().unwrap();
    let watched = store.clone();
    let writing = std::thread::spawn(move || {
        (0..120).for_each(|seed| write.write_all(&noise(seed, 1_000_000)).unwrap());
        let patience = Instant::now() + Duration::from_secs(120);
        while watched.given.load(Relaxed) == 0 {
            assert!(Instant::now() < patience, "no pack was read while there was more to write");
            std::thread::sleep(Duration::from_millis(5));
        }
        (120..160).for_each(|seed| write.write_all(&noise(seed, 1_000_000)).unwrap());
    });
    let mut source = StdinSource::new(read, chrono::Utc::now());
    let copied = copy_stream_into(&vault, "stream", &mut source, &Silent).unwrap();
    writing.join().unwrap();
    (copied, store)
}

#[test]
fn a_pack_is_read_back_before_the_copy_ends_and_its_bytes_are_counted() {
    let (copied, store) = copy_through(First::Sound);
    assert!(!copied.early.sound.is_empty(), "nothing was read early");
    let read: BTreeSet<String> = store.read.lock().unwrap().iter().cloned().collect();
    for (pack, bytes) in &copied.early.sound {
        let line = copied.packs.iter().find(|line| line.pack == *pack).expect("a pack of this copy");
        assert_eq!(*bytes, line.bytes + line.sidecar_bytes);
        assert!(read.contains(pack.pack().unwrap().as_str()), "{pack:?} was not read");
    }
}

#[test]
fn a_pack_that_came_back_otherwise_does_not_count_as_read() {
    for first in [First::Damaged, First::Unreadable] {
        let (copied, store) = copy_through(first);
        let read = store.read.lock().unwrap();
        let unsound = read.first().expect("one was read");
        let counted =
            |key: &String| copied.early.sound.keys().any(|pack| pack.pack().unwrap().as_str() == key);
        assert!(!counted(unsound), "{unsound} counts as read back");
        if first == First::Unreadable {
            assert_eq!((copied.early.sound.len(), read.len()), (0, 1), "it was asked for more");
        }
    }
}
