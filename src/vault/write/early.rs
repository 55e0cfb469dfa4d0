//! Reading packs back while the copy is still being made, so that what waits for the source or the store is not lost time.

use crate::domain::{Kind, Monitor, Phase, Problem};
use crate::vault::Vault;
use crate::vault::format::{PackKey, PackLine};
use crate::vault::readback::pack_read_back;
use crossbeam_channel::{Receiver, Sender};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread::JoinHandle;

/// What was read back while a copy was made.
#[derive(Debug, Clone, Default)]
pub struct Early {
    /// The packs that came back as they were written, with the bytes that were read.
    pub sound: BTreeMap<PackKey, u64>,
    /// What was wrong with others. They are read again afterwards, and this stands whatever that gives.
    pub damaged: Vec<Problem>,
}

/// What the reader is to do.
const GO_ON: u8 = 0;
/// Nothing more than what it is reading.
const LAST: u8 = 1;
/// Nothing.
const STOP: u8 = 2;

/// Reads the packs that it is told of, in a thread of its own which ends with this. What could not be read is left to the reading that
/// follows the copy.
pub struct EarlyReader {
    state: Arc<AtomicU8>,
    lines: Option<Sender<PackLine>>,
    reading: Option<JoinHandle<Early>>,
}

impl EarlyReader {
    /// A reader of this vault.
    pub fn begin(vault: &Vault) -> Self {
        let (lines, to_read) = crossbeam_channel::unbounded();
        let state = Arc::new(AtomicU8::new(GO_ON));
        let (vault, told) = (vault.clone(), Told(state.clone()));
        let reading = std::thread::spawn(move || read(&vault, &to_read, &told));
        Self { state, lines: Some(lines), reading: Some(reading) }
    }

    /// Where to say that a pack was written.
    pub fn lines(&self) -> Option<Sender<PackLine>> {
        self.lines.clone()
    }

    /// Ends it; what is being read is read to its end, and what waits is left to the reading that follows.
    pub fn finish(mut self) -> Early {
        self.state.store(LAST, Relaxed);
        self.lines = None;
        self.reading.take().and_then(|reading| reading.join().ok()).unwrap_or_default()
    }
}

impl Drop for EarlyReader {
    fn drop(&mut self) {
        // Of a copy that came to nothing nobody wants to know.
        self.state.store(STOP, Relaxed);
    }
}

/// What the reader was told, as it sees it while it reads.
struct Told(Arc<AtomicU8>);

impl Monitor for Told {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.0.load(Relaxed) == STOP
    }
}

fn read(vault: &Vault, lines: &Receiver<PackLine>, told: &Told) -> Early {
    let mut early = Early::default();
    for line in lines {
        if told.0.load(Relaxed) != GO_ON {
            break;
        }
        match pack_read_back(vault, &line, told) {
            Ok(bytes) => drop(early.sound.insert(line.pack, bytes)),
            Err(problem) if problem.kind == Kind::Damaged => early.damaged.push(problem),
            // A store that gives nothing is not asked more often than it has to be.
            Err(_) => break,
        }
    }
    early
}
