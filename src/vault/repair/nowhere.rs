//! A store that gives what another one has and keeps nothing of what it is given.

use crate::domain::{Lock, Result};
use crate::store::{Identity, Key, Listed, Retention, Store, Upload};
use std::io::{Read, Write};
use std::sync::Arc;

/// Reads from a store, and writes nowhere.
pub struct Nowhere(pub Arc<dyn Store>);

struct Dropped;

impl Write for Dropped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Upload for Dropped {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        Ok(None)
    }
}

impl Store for Nowhere {
    fn place(&self) -> String {
        self.0.place()
    }

    fn identity(&self) -> Result<Identity> {
        self.0.identity()
    }

    fn put_new(&self, _: &Key, _: Option<Retention>) -> Result<Box<dyn Upload>> {
        Ok(Box::new(Dropped))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        self.0.get(key, offset)
    }

    fn get_span(&self, key: &Key, offset: u64, length: u64) -> Result<Box<dyn Read + Send>> {
        self.0.get_span(key, offset, length)
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        self.0.size(key)
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        self.0.stranger(known)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        self.0.list(folder)
    }
}
