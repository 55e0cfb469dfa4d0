//! Standard input, or any other stream that somebody else ends.

use super::is_ready;
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::providers::one_file::entry;
use crate::vault::{Item, Source};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A source that is read from a pipe, socket or file to its end.
pub struct StdinSource<R> {
    bytes: Option<R>,
    now: Timestamp,
    read: Arc<AtomicU64>,
}

impl<R: Read + AsFd + Send + 'static> StdinSource<R> {
    /// Reads `bytes`, beginning `now`.
    pub fn new(bytes: R, now: Timestamp) -> Self {
        Self { bytes: Some(bytes), now, read: Arc::default() }
    }
}

impl<R: Read + AsFd + Send + 'static> Source for StdinSource<R> {
    fn next(&mut self) -> Result<Option<Item>> {
        let waiting = self.bytes.take().map(|bytes| Waiting { bytes, read: self.read.clone() });
        Ok(waiting.map(|waiting| Item::Stream(entry(self.now, 0), Box::new(waiting))))
    }

    fn expected_bytes(&self) -> Option<u64> {
        None
    }

    fn finish(&mut self) -> Result<()> {
        if self.read.load(Relaxed) > 0 {
            return Ok(());
        }
        Err(Problem::new(Kind::Refused, "standard input was empty, and an empty copy is none")
            .remedy("see whether the program before it in the pipe failed"))
    }
}

struct Waiting<R> {
    bytes: R,
    read: Arc<AtomicU64>,
}

impl<R: Read + AsFd> Read for Waiting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !is_ready(&self.bytes)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let read = self.bytes.read(buffer)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}
