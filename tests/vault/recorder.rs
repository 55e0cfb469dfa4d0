//! A recording layer over the store: no test here sees an object written twice.

use crate::hand::TempDir;
use outlive::domain::{Lock, Result};
use outlive::store::{DirStore, Key, Retention, Store, Upload};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What was written under each key, by its length.
type Written = Arc<Mutex<BTreeMap<Key, u64>>>;

/// A directory store that fails the test when an object that exists is given other bytes.
pub struct Recorder {
    inner: DirStore,
    written: Written,
    read: Mutex<Vec<Key>>,
}

impl Recorder {
    pub fn create(path: &Path) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            inner: DirStore::create(path)?,
            written: Written::default(),
            read: Mutex::default(),
        }))
    }

    pub fn open(path: &Path) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            inner: DirStore::open(path)?,
            written: Written::default(),
            read: Mutex::default(),
        }))
    }

    /// How often this object was read so far, from its beginning.
    pub fn times_read(&self, key: &Key) -> usize {
        self.read.lock().unwrap().iter().filter(|read| *read == key).count()
    }
}

impl Store for Recorder {
    forward!(self => self.inner; place identity forget size stranger list);

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        let inner = self.inner.put_new(key, retention)?;
        Ok(Box::new(Recording {
            inner,
            key: key.clone(),
            bytes: 0,
            store: self.inner.clone(),
            written: self.written.clone(),
        }))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        if offset == 0 {
            self.read.lock().unwrap().push(key.clone());
        }
        self.inner.get(key, offset)
    }
}

struct Recording {
    inner: Box<dyn Upload>,
    key: Key,
    bytes: u64,
    store: DirStore,
    written: Written,
}

impl Write for Recording {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl Upload for Recording {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        let Self { inner, key, bytes, store, written } = *self;
        let before = store.size(&key)?;
        let finished = inner.finish();
        if finished.is_ok() {
            assert_eq!(before, None, "{key} existed and was written over");
            assert_eq!(store.size(&key)?, Some(bytes), "{key} is not what was written");
            let again = written.lock().unwrap().insert(key.clone(), bytes);
            assert_eq!(again, None, "{key} was written twice");
        }
        finished
    }
}

#[test]
fn the_recording_layer_sees_an_object_that_is_written_over() {
    let temp = TempDir::new();
    let recorder = Recorder::create(&temp.path().join("vault")).unwrap();
    let key = Key::new("packs/one").unwrap();
    (&*recorder as &dyn Store).put_bytes(&key, b"first").unwrap();
    // Somebody removes it behind the store's back: the store would now write it anew, the recorder knows.
    crate::hand::fs::remove_file(temp.path().join("vault/packs/one")).unwrap();
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        (&*recorder as &dyn Store).put_bytes(&key, b"second")
    }));
    assert!(again.is_err(), "a second writing of one key went unnoticed");
}
