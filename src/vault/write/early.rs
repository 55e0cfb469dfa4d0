//! Reading packs back while the copy is still being made, so that what waits for the source or the store is not lost time.

use crate::domain::{Kind, Silent};
use crate::vault::Vault;
use crate::vault::format::{PackKey, PackLine};
use crate::vault::readback::pack_read_back;
use crossbeam_channel::{Receiver, Sender};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// The packs that came back as they were written, with the bytes that were read.
pub type Early = BTreeMap<PackKey, u64>;

/// Reads the packs that it is told of. It only ever finds that one is sound: whatever else there is to say of a pack says the reading that
/// follows the copy, which then reads it again.
pub struct EarlyReader {
    stop: Arc<AtomicBool>,
    lines: Sender<PackLine>,
    reading: JoinHandle<Early>,
}

impl EarlyReader {
    /// A reader in a thread of its own, which ends with the copy.
    pub fn begin(vault: &Vault) -> Self {
        let (lines, to_read) = crossbeam_channel::unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let (vault, stopped) = (vault.clone(), stop.clone());
        let reading = std::thread::spawn(move || read(&vault, &to_read, &stopped));
        Self { stop, lines, reading }
    }

    /// Where to say that a pack was written.
    pub fn lines(&self) -> Sender<PackLine> {
        self.lines.clone()
    }

    /// Ends it; what is being read is read to its end, and what waits is left to the reading that follows.
    pub fn finish(self) -> Early {
        let Self { stop, lines, reading } = self;
        stop.store(true, Relaxed);
        drop(lines);
        reading.join().unwrap_or_default()
    }
}

fn read(vault: &Vault, lines: &Receiver<PackLine>, stopped: &AtomicBool) -> Early {
    let mut early = Early::new();
    for line in lines {
        if stopped.load(Relaxed) {
            break;
        }
        match pack_read_back(vault, &line, &Silent) {
            Ok(bytes) => drop(early.insert(line.pack, bytes)),
            Err(problem) if problem.kind == Kind::Damaged => {}
            // A store that gives nothing is not asked more often than it has to be.
            Err(_) => break,
        }
    }
    early
}
