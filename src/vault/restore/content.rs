//! Writing content on every core: each frame is decoded once, each chunk compared before it is written.

use super::super::Vault;
use super::super::format::{Chunk, Digest, Entry, Frame};
use super::super::metadata::{Kept, Receiver, Spot, give};
use super::RestoreOptions;
use super::begun::fill_in;
use super::fetch::Fetched;
use super::job::Part;
use super::run::Lost;
use super::sums::{Sums, sum_of};
use crate::domain::{Kind, Monitor, Problem, Result};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// A file being written: whoever writes its last piece gives it its metadata.
pub struct Output {
    pub entry: Entry,
    pub file: OwnedFd,
    pub place: String,
    /// True where a stopped restore may have written some of it.
    pub again: bool,
    /// True for a block device, which keeps its own metadata.
    pub is_device: bool,
    pub open_pieces: AtomicUsize,
}

pub struct Piece {
    pub output: Arc<Output>,
    pub offset: u64,
    pub skip: u32,
    pub chunk: Chunk,
    /// Where its sum is noted once it is written.
    pub sum: Option<u32>,
}

/// What the workers found out together.
#[derive(Default)]
pub struct Shared {
    pub failure: Mutex<Option<Problem>>,
    pub lost: Mutex<Vec<Lost>>,
    /// The damage that took something, by what was said of it.
    pub damage: Mutex<Vec<Problem>>,
    pub kept: Mutex<Kept>,
    pub sums: Sums,
}

impl Shared {
    pub fn fail(&self, problem: Problem) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
    }

    /// Remembers each damaged object once: many files may be lost with one.
    pub fn note(&self, problem: &Problem) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |noted: &Problem| (&noted.place, &noted.what) == (&problem.place, &problem.what);
        if !damage
            .iter()
            .any(|noted| is_same(noted) || noted.kind == Kind::Damaged && noted.place == problem.place)
        {
            damage.push(problem.clone());
        }
    }

    pub fn failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// True where the vault does not give what it was asked for, damaged or not.
pub fn cannot_be_had(problem: &Problem) -> bool {
    matches!(problem.kind, Kind::Damaged | Kind::Io)
}

/// Decodes the frames of a job and writes their pieces.
pub fn work(vault: &Vault, job: Fetched, shared: &Shared, options: RestoreOptions, monitor: &dyn Monitor) {
    for Part { frame, pieces } in job.job.parts {
        let raw = match job.bytes.as_ref().and_then(|bytes| bytes.of(&frame)) {
            _ if shared.failed() => Err(None),
            Some(packed) => vault.decode_data(&frame, packed).map_err(Some),
            None => vault.data_frame(&frame).map_err(Some),
        };
        for piece in pieces {
            let written = match &raw {
                Ok(raw) => write_piece(&piece, raw, &frame, &shared.sums),
                Err(Some(problem)) => Err(problem.clone()),
                Err(None) => Ok(()),
            };
            match written {
                Ok(()) => monitor.advance(u64::from(piece.chunk.size()), 0),
                // An error while writing is the target's, whatever became of the vault.
                Err(problem)
                    if options.despite_damage
                        && (problem.kind == Kind::Damaged || raw.is_err() && cannot_be_had(&problem)) =>
                {
                    lose(shared, &piece.output, &problem);
                }
                Err(problem) => shared.fail(problem),
            }
            done(&piece.output, shared);
        }
    }
}

fn write_piece(piece: &Piece, raw: &[u8], frame: &Frame, sums: &Sums) -> Result<()> {
    let start = piece.skip as usize;
    let end = start.saturating_add(piece.chunk.size() as usize);
    // The sum comes first: it is of the bytes that the digest then speaks for, or of others, which reading back finds.
    let summed = raw.get(start..end).map(|bytes| (bytes, sum_of(bytes)));
    let Some((bytes, sum)) = summed.filter(|(bytes, _)| Digest::of(bytes) == piece.chunk.sha256()) else {
        return Err(Problem::damaged(frame.pack.pack()?.as_str(), "a chunk does not match its SHA-256"));
    };
    let Output { file, place, again, .. } = &*piece.output;
    if *again {
        fill_in(file, piece.offset, bytes, place)?;
    } else {
        write_sparse(file, piece.offset, bytes)
            .map_err(|error| Problem::io("writing", error).at(place.clone()))?;
    }
    if let Some(number) = piece.sum {
        sums.note(number, sum);
    }
    Ok(())
}

/// Writes bytes, leaving whole zero pages of the new file as holes.
fn write_sparse(file: &OwnedFd, offset: u64, bytes: &[u8]) -> std::result::Result<(), Errno> {
    const PAGE: usize = 4096;
    let is_zero = |page: &[u8]| page.len() == PAGE && page.iter().all(|byte| *byte == 0);
    let mut at = 0;
    while at < bytes.len() {
        let mut end = at;
        while end < bytes.len() {
            let next = (end + PAGE).min(bytes.len());
            if is_zero(&bytes[end..next]) {
                break;
            }
            end = next;
        }
        while at < end {
            match rustix::io::pwrite(file, &bytes[at..end], offset + at as u64) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => at += written,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        if at < bytes.len() {
            at += PAGE;
        }
    }
    Ok(())
}

pub fn lose(shared: &Shared, output: &Output, problem: &Problem) {
    let lost = Lost { path: output.entry.path.clone(), because: problem.to_string() };
    shared.lost.lock().unwrap_or_else(PoisonError::into_inner).push(lost);
    shared.note(problem);
}

/// One piece less is open; after the last, the file gets its metadata.
pub fn done(output: &Output, shared: &Shared) {
    if output.open_pieces.fetch_sub(1, SeqCst) == 1 && !output.is_device {
        let mut kept = Kept::default();
        let given = give(Spot::Open(output.file.as_fd()), &output.entry.meta, Receiver::Made, &mut kept);
        let mut all = shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.ownership += kept.ownership;
        all.xattrs += kept.xattrs;
        if let Err(error) = given {
            shared.fail(Problem::io("giving metadata", error).at(output.place.clone()));
        }
    }
}
