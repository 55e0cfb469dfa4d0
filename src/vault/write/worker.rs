//! Hashing and compressing: on every core.

use super::unexpected;
use super::work::{Before, Claim, Done, DoneStep, Step, Work, is_zero};
use crate::domain::{Kind, Problem, Result};
use crate::vault::format::{Chunk, Digest, Frame};
use crate::vault::index::Index;
use crate::vault::leftover::Prover;
use crossbeam_channel::{Receiver, Sender};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

/// zstd's level: on two cores the fast levels cost least time for nearly the same size
/// (`docs/performance.md`).
const LEVEL: i32 = 1;

/// Takes work until there is no more, or nobody takes the results.
pub fn run(
    jobs: &Receiver<(u64, Work)>,
    results: &Sender<(u64, Result<Done>)>,
    index: &RwLock<Index>,
    prover: Prover<'_>,
) {
    let mut worker = match Worker::new(index, prover) {
        Ok(worker) => worker,
        Err(problem) => {
            // The receiver may have gone: then its own failure is reported.
            drop(results.send((0, Err(problem))));
            return;
        }
    };
    for (number, work) in jobs {
        // A worker that died in silence would be waited for without end.
        let done =
            catch_unwind(AssertUnwindSafe(|| worker.process(work))).unwrap_or_else(|_| Err(unexpected()));
        if results.send((number, done)).is_err() {
            return;
        }
    }
}

struct Worker<'a> {
    index: &'a RwLock<Index>,
    prover: Prover<'a>,
    compressor: zstd::bulk::Compressor<'static>,
}

impl<'a> Worker<'a> {
    fn new(index: &'a RwLock<Index>, prover: Prover<'a>) -> Result<Self> {
        let compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|error| failed(&error))?;
        Ok(Self { index, prover, compressor })
    }

    fn process(&mut self, work: Work) -> Result<Done> {
        let mut steps = Vec::with_capacity(work.steps.len());
        let mut fresh = Fresh::default();
        for step in work.steps {
            steps.push(match step {
                Step::Open(entry) => DoneStep::Open(entry),
                Step::Kept(run) => DoneStep::Kept(run),
                Step::Close { size, unsettled } => DoneStep::Close { size, unsettled },
                Step::Abandon(missed) => DoneStep::Abandon(missed),
                Step::Same { offset, before: Before { frame, skip, chunk } } => {
                    DoneStep::Known { offset, frame, skip, chunk }
                }
                Step::Data { offset, range, before, claim } => {
                    let bytes = &work.raw[range.clone()];
                    let refuted = |holds: bool| claim.iter().filter(|_| !holds).for_each(Claim::refute);
                    if is_zero(bytes) {
                        refuted(before.is_none());
                        continue;
                    }
                    let size = u32::try_from(bytes.len()).map_err(|_| too_long())?;
                    let chunk = Chunk(size, Digest::of(bytes));
                    refuted(before.as_ref().is_some_and(|before| before.chunk == chunk));
                    match before.filter(|before| before.chunk == chunk) {
                        Some(same) => DoneStep::Known { offset, frame: same.frame, skip: same.skip, chunk },
                        None => match self.find(&chunk) {
                            Some((frame, skip)) => DoneStep::Known { offset, frame, skip, chunk },
                            None => DoneStep::New { offset, skip: fresh.add(range, chunk)?, chunk },
                        },
                    }
                }
            });
        }
        let frame = fresh.compress(&work.raw, &mut self.compressor)?;
        Ok(Done { frame, steps })
    }

    /// Where the chunk is stored already. The index is free again before a pack is decoded for it.
    fn find(&self, chunk: &Chunk) -> Option<(Frame, u32)> {
        let found = self.index.read().unwrap_or_else(PoisonError::into_inner).find(chunk);
        found?.proved(self.prover)
    }
}

/// The new chunks of one work.
#[derive(Default)]
struct Fresh {
    ranges: Vec<std::ops::Range<usize>>,
    chunks: Vec<Chunk>,
    places: std::collections::HashMap<Digest, u32>,
    size: u32,
}

impl Fresh {
    /// Where in the decoded frame the chunk begins; the same bytes are not stored twice in one frame.
    fn add(&mut self, range: std::ops::Range<usize>, chunk: Chunk) -> Result<u32> {
        if let Some(skip) = self.places.get(&chunk.sha256()) {
            return Ok(*skip);
        }
        self.places.insert(chunk.sha256(), self.size);
        let skip = self.size;
        self.size = skip.checked_add(chunk.size()).ok_or_else(too_long)?;
        self.ranges.push(range);
        self.chunks.push(chunk);
        Ok(skip)
    }

    fn compress(
        self,
        raw: &[u8],
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Option<(Vec<u8>, Vec<Chunk>)>> {
        let (Some(first), Some(last)) = (self.ranges.first(), self.ranges.last()) else { return Ok(None) };
        let together = last.end - first.start == self.size as usize;
        let packed = if together {
            compressor.compress(&raw[first.start..last.end])
        } else {
            let parts: Vec<&[u8]> = self.ranges.iter().map(|range| &raw[range.clone()]).collect();
            compressor.compress(&parts.concat())
        };
        Ok(Some((packed.map_err(|error| failed(&error))?, self.chunks)))
    }
}

fn too_long() -> Problem {
    Problem::new(Kind::Internal, "a unit of work is too long")
}

fn failed(error: &std::io::Error) -> Problem {
    Problem::new(Kind::Internal, format!("cannot compress: {error}"))
}
