//! A store in memory: for tests and simulations of many nights, where thousands of objects need no medium.

use super::{Identity, Key, Listed, Store, Upload};
use crate::domain::{Kind, Problem, Result, printable};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Objects = BTreeMap<Key, Arc<[u8]>>;

/// A store in memory. Clones share what it holds; it is gone with the last of them.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Objects>>);

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn place(&self) -> String {
        format!("memory {:p}", Arc::as_ptr(&self.0))
    }

    fn identity(&self) -> Result<Identity> {
        let because = "memory is another in each run".to_owned();
        let text = format!("{} in run {}", self.place(), std::process::id());
        Ok(Identity::of_this_run(&text, because))
    }

    fn put_new(&self, key: &Key) -> Result<Box<dyn Upload>> {
        Ok(Box::new(MemoryUpload { store: self.clone(), key: key.clone(), bytes: Vec::new() }))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let absent = || Problem::new(Kind::NotFound, format!("there is no object {key}")).at(self.place());
        let bytes = self.objects().get(key).cloned().ok_or_else(absent)?;
        let mut reader = Cursor::new(bytes);
        reader.set_position(offset);
        Ok(Box::new(reader))
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        Ok(self.objects().get(key).map(|bytes| bytes.len() as u64))
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
        Ok(found.map(|(key, bytes)| Listed { key: key.clone(), bytes: Some(bytes.len() as u64) }).collect())
    }
}

struct MemoryUpload {
    store: MemoryStore,
    key: Key,
    bytes: Vec<u8>,
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
    fn finish(self: Box<Self>) -> Result<()> {
        match self.store.objects().entry(self.key) {
            Entry::Vacant(free) => {
                free.insert(self.bytes.into());
                Ok(())
            }
            Entry::Occupied(taken) => {
                let what = format!("an object {} exists, and nothing is overwritten", taken.key());
                Err(Problem::new(Kind::Refused, what))
            }
        }
    }
}
