//! A store in memory: for tests and simulations of many nights, where thousands of objects need no medium.

use super::{Identity, Key, Listed, Retention, Store, UNLOCKED, Upload, has_no_locks};
use crate::domain::{Kind, Lock, Problem, Result, Timestamp, printable};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The time, for a store that is asked for it.
pub type StoreClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Clone)]
struct Object {
    bytes: Arc<[u8]>,
    lock: Option<Retention>,
    stored_at: Option<Timestamp>,
}

type Objects = BTreeMap<Key, Object>;

/// A store in memory. Clones share what it holds; it is gone with the last of them.
#[derive(Clone, Default)]
pub struct MemoryStore {
    objects: Arc<Mutex<Objects>>,
    clock: Option<StoreClock>,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// A store with a clock of its own, that keeps locks as S3 does.
    pub fn with_locks(clock: StoreClock) -> Self {
        Self { objects: Arc::default(), clock: Some(clock) }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn absent(&self, key: &Key) -> Problem {
        Problem::new(Kind::NotFound, format!("there is no object {key}")).at(self.place())
    }
}

impl Store for MemoryStore {
    fn place(&self) -> String {
        format!("memory {:p}", Arc::as_ptr(&self.objects))
    }

    fn identity(&self) -> Result<Identity> {
        let because = "memory is another in each run".to_owned();
        let text = format!("{} in run {}", self.place(), std::process::id());
        Ok(Identity::of_this_run(&text, because))
    }

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        if retention.is_some() && self.clock.is_none() {
            return Err(has_no_locks(self.place()));
        }
        Ok(Box::new(MemoryUpload { store: self.clone(), key: key.clone(), bytes: Vec::new(), retention }))
    }

    fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        let objects = self.objects();
        let object = objects.get(key).ok_or_else(|| self.absent(key))?;
        Ok(Some(object.lock.map_or(UNLOCKED, Retention::lock)))
    }

    fn extend_lock(&self, key: &Key, retention: Retention) -> Result<()> {
        if self.clock.is_none() {
            return Err(has_no_locks(self.place()));
        }
        let mut objects = self.objects();
        let object = objects.get_mut(key).ok_or_else(|| self.absent(key))?;
        if object.lock.is_some_and(|lock| lock.kind > retention.kind || lock.until > retention.until) {
            return Err(Problem::new(Kind::Refused, "a lock is only made longer").at(key.as_str()));
        }
        object.lock = Some(retention);
        Ok(())
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let bytes = self.objects().get(key).map(|object| object.bytes.clone());
        let mut reader = Cursor::new(bytes.ok_or_else(|| self.absent(key))?);
        reader.set_position(offset);
        Ok(Box::new(reader))
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        Ok(self.objects().get(key).map(|object| object.bytes.len() as u64))
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        let objects = self.objects();
        let mut tops = objects.keys().filter_map(|key| key.as_str().split('/').next());
        Ok(tops.find(|top| !known.contains(top)).map(|top| printable(top.as_bytes())))
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let objects = self.objects();
        let directly = |key: &Key| key.as_str().rsplit_once('/').is_some_and(|(above, _)| above == folder);
        let found = objects.iter().filter(|(key, _)| directly(key));
        let listed = found.map(|(key, object)| {
            let (bytes, stored_at) = (Some(object.bytes.len() as u64), object.stored_at);
            Listed { key: key.clone(), bytes, stored_at }
        });
        Ok(listed.collect())
    }

    fn server_time(&self) -> Result<Option<Timestamp>> {
        Ok(self.clock.as_ref().map(|clock| clock()))
    }
}

struct MemoryUpload {
    store: MemoryStore,
    key: Key,
    bytes: Vec<u8>,
    retention: Option<Retention>,
}

impl Write for MemoryUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for MemoryUpload {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        let stored_at = self.store.clock.as_ref().map(|clock| clock());
        match self.store.objects().entry(self.key) {
            Entry::Vacant(free) => {
                let lock = self.retention;
                free.insert(Object { bytes: self.bytes.into(), lock, stored_at });
                Ok(Some(lock.map_or(UNLOCKED, Retention::lock)))
            }
            Entry::Occupied(taken) => {
                let what = format!("an object {} exists, and nothing is overwritten", taken.key());
                Err(Problem::new(Kind::Refused, what))
            }
        }
    }
}
