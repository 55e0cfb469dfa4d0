//! What the point before has of a file.

use super::super::work::Before;
use crate::domain::{ByteName, Result};
use crate::vault::format::{Chunk, Entry, Frame, Run};
use crate::vault::tree::runs;
use crate::vault::{Entries, Vault};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// The entries of the point before, read along in the same order.
pub struct Parent {
    entries: Option<Entries>,
    ahead: Option<Entry>,
}

impl Parent {
    /// Reads these; none where nothing of the point before can be referred to.
    pub fn new(entries: Option<Entries>) -> Self {
        Self { entries, ahead: None }
    }

    /// The entry with this path. Paths are asked for in order.
    pub fn find(&mut self, path: &ByteName) -> Option<Entry> {
        loop {
            if self.ahead.is_none() {
                match self.entries.as_mut()?.next_line() {
                    Ok(Some(entry)) => self.ahead = Some(entry),
                    // At the end, or damaged: the rest is read from the source, which is always right.
                    Ok(None) | Err(_) => self.entries = None,
                }
            }
            match Entry::compare_paths(&self.ahead.as_ref()?.path, path) {
                Ordering::Less => self.ahead = None,
                Ordering::Equal => return self.ahead.take(),
                Ordering::Greater => return None,
            }
        }
    }
}

/// What the point before has at one block of a file.
pub enum There {
    /// This chunk, as long as the block.
    Chunk(Before),
    /// Nothing: the block was zeros.
    Zeros,
    /// Nobody can say, or chunks that are cut otherwise.
    Unknown,
}

impl There {
    /// The chunk, where there is one.
    pub fn chunk(self) -> Option<Before> {
        match self {
            Self::Chunk(before) => Some(before),
            Self::Zeros | Self::Unknown => None,
        }
    }
}

/// The chunks that the point before has of one large file, asked for in order of their offsets.
pub struct Blocks {
    runs: Box<dyn Iterator<Item = Result<Run>> + Send>,
    pieces: VecDeque<(u64, Frame, u32, Chunk)>,
    /// Some of the runs could not be read: what they covered is not known.
    is_damaged: bool,
}

impl Blocks {
    /// Those of an entry of the point before.
    pub fn new(vault: &Vault, before: &Entry) -> Self {
        let runs = runs(vault, before.content.as_ref());
        Self { runs, pieces: VecDeque::new(), is_damaged: false }
    }

    /// What there is at the block of this length.
    pub fn at(&mut self, offset: u64, length: usize) -> There {
        let end = offset.saturating_add(length as u64);
        loop {
            let is_past = |(at, _, _, chunk): &(u64, Frame, u32, Chunk)| {
                at.saturating_add(u64::from(chunk.size())) <= offset
            };
            while self.pieces.front().is_some_and(is_past) {
                self.pieces.pop_front();
            }
            if let Some((at, frame, skip, chunk)) = self.pieces.front() {
                return match *at {
                    at if at == offset && chunk.size() as usize == length => {
                        There::Chunk(Before { frame: frame.clone(), skip: *skip, chunk: *chunk })
                    }
                    at if at >= end && !self.is_damaged => There::Zeros,
                    _ => There::Unknown,
                };
            }
            match self.runs.next() {
                Some(Ok(run)) => {
                    let frame = &run.frame;
                    self.pieces
                        .extend(run.pieces().map(|(at, skip, chunk)| (at, frame.clone(), skip, chunk)));
                }
                // Damage in the point before ends the comparison; the bytes are then stored anew.
                Some(Err(_)) => {
                    self.is_damaged = true;
                    return There::Unknown;
                }
                None if self.is_damaged => return There::Unknown,
                None => return There::Zeros,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Problem;
    use crate::vault::format::{Digest, PackKey};

    /// A run of chunks of these sizes, which begins there.
    fn run(offset: u64, sizes: &[u32]) -> Result<Run> {
        let frame = Frame { pack: PackKey("pack".into()), at: 0, length: 100 };
        let chunks = sizes.iter().map(|size| Chunk(*size, Digest::of(&size.to_le_bytes()))).collect();
        Ok(Run { offset, frame, skip: 0, chunks })
    }

    fn answers(runs: Vec<Result<Run>>, blocks: &[(u64, usize)]) -> String {
        let runs = Box::new(runs.into_iter());
        let mut all = Blocks { runs, pieces: VecDeque::new(), is_damaged: false };
        let word = |there| match there {
            There::Chunk(_) => 'c',
            There::Zeros => 'z',
            There::Unknown => '?',
        };
        blocks.iter().map(|(offset, length)| word(all.at(*offset, *length))).collect()
    }

    #[test]
    fn only_what_is_certainly_nothing_is_zeros() {
        let blocks = [(0, 10), (10, 10), (20, 10), (30, 10), (40, 10), (50, 5)];
        assert_eq!(answers(vec![run(0, &[10]), run(20, &[10, 10])], &blocks), "czcczz");
        assert_eq!(answers(vec![], &blocks), "zzzzzz");
        // Cut otherwise: a chunk that reaches over two blocks, or begins within one.
        assert_eq!(
            answers(vec![run(0, &[15]), run(25, &[5]), run(30, &[10]), run(50, &[10])], &blocks),
            "???cz?"
        );
        // What a run that cannot be read would have covered is not known; what others cover is.
        let damaged = || Err(Problem::damaged("packs/one", "gone"));
        assert_eq!(answers(vec![run(0, &[10]), damaged(), run(30, &[10])], &blocks), "c??c??");
        assert_eq!(answers(vec![damaged()], &blocks), "??????");
    }
}
