//! What travels between the stages of a copy.

use crate::vault::format::{Chunk, Entry, Frame, Missed, Run};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A chunk of the point before, at the same place of the same file.
pub struct Before {
    /// Its frame.
    pub frame: Frame,
    /// Where it begins in the decoded frame.
    pub skip: u32,
    /// Its size and digest.
    pub chunk: Chunk,
}

/// That what is read of a file is what the point before has. Whoever hashes it sees whether that is so.
#[derive(Debug, Clone, Default)]
pub struct Claim(Arc<AtomicBool>);

impl Claim {
    /// It is not so.
    pub fn refute(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True where it was refuted.
    pub fn is_untrue(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One step of building the tree, before hashing.
pub enum Step {
    /// An entry begins; what follows belongs to it.
    Open(Box<Entry>),
    /// Bytes of it, at `offset` in the file and at `range` in [`Work::raw`].
    Data { offset: u64, range: Range<usize>, before: Option<Before>, claim: Option<Claim> },
    /// A chunk of it that is as the point before has it, and was not read.
    Same { offset: u64, before: Before },
    /// A run of it that is stored already.
    Kept(Run),
    /// The entry ends, with the size that was really read.
    Close { size: u64, unsettled: bool },
    /// The entry ends and cannot be stored after all.
    Abandon(Missed),
}

/// Steps with the bytes they need: at most one unit.
#[derive(Default)]
pub struct Work {
    /// The bytes.
    pub raw: Vec<u8>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// One step after hashing.
pub enum DoneStep {
    /// As in [`Step::Open`].
    Open(Box<Entry>),
    /// A chunk that is stored already.
    Known { offset: u64, frame: Frame, skip: u32, chunk: Chunk },
    /// A chunk of this work's own frame.
    New { offset: u64, skip: u32, chunk: Chunk },
    /// As in [`Step::Kept`].
    Kept(Run),
    /// As in [`Step::Close`].
    Close { size: u64, unsettled: bool },
    /// As in [`Step::Abandon`].
    Abandon(Missed),
}

/// Hashed and compressed work.
pub struct Done {
    /// The new chunks compressed together, where there are any.
    pub frame: Option<(Vec<u8>, Vec<Chunk>)>,
    /// The steps, in order.
    pub steps: Vec<DoneStep>,
}

/// True where every byte is zero; sixteen bytes at a time.
pub fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().all(|chunk| u128::from_ne_bytes(*chunk) == 0) && rest.iter().all(|byte| *byte == 0)
}
