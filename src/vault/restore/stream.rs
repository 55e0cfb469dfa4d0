//! One file of a recovery point, written in order to whatever reads it.

use super::super::Vault;
use super::super::format::{Digest, Entry, EntryKind, Run};
use super::super::parallel::{cores, in_parallel};
use super::super::roots::FoundRoot;
use super::super::tree::runs;
use super::only::Part;
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
use std::io::Write;

/// Runs that are decoded together: each is half a MiB at most.
const TOGETHER: usize = 32;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed {
    /// The file, as it is in the point.
    pub entry: Entry,
}

/// Writes the one file that a part of a point is. Each chunk is compared with its SHA-256 before it is written.
///
/// # Errors
/// `Refused` where the part is not one file; `Damaged`, after all that comes before; what the store or the reader said.
pub fn stream(
    vault: &Vault,
    found: &FoundRoot,
    part: &Part,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<Streamed> {
    let entry = only_file(vault, found, part)?;
    monitor.begin(Phase::Restore, Some(entry.size));
    let written = write_all(vault, &entry, out, monitor);
    monitor.end();
    written.map(|()| Streamed { entry })
}

fn only_file(vault: &Vault, found: &FoundRoot, part: &Part) -> Result<Entry> {
    let mut one = None;
    for entry in part.entries(vault, found.root.tree()?) {
        let entry = entry?;
        let is_root = entry.path.as_bytes().is_empty();
        match entry.kind {
            EntryKind::Dir if is_root || !part.is_all() => {}
            EntryKind::File if one.is_none() => one = Some(entry),
            _ => {
                let what = "standard output takes one file, and this is more or something else";
                return Err(Problem::new(Kind::Refused, what)
                    .at(entry.path.to_string())
                    .remedy("name one file with --only; `outlive restore --list` shows what there is"));
            }
        }
    }
    one.ok_or_else(|| {
        Problem::new(Kind::Refused, "standard output takes one file, and there is none")
            .remedy("name one file with --only; `outlive restore --list` shows what there is")
    })
}

fn write_all(vault: &Vault, entry: &Entry, out: &mut dyn Write, monitor: &dyn Monitor) -> Result<()> {
    let mut at = 0;
    let mut waiting: Vec<Run> = Vec::with_capacity(TOGETHER);
    let mut all = runs(vault, entry.content.as_ref());
    loop {
        let run = all.next().transpose()?;
        let is_last = run.is_none();
        waiting.extend(run);
        if is_last || waiting.len() == TOGETHER {
            let decoded = in_parallel(cores(), &waiting, |run| bytes_of(vault, run))?;
            for (run, bytes) in waiting.drain(..).zip(decoded) {
                if run.offset.checked_add(bytes.len() as u64).is_none_or(|end| end > entry.size) {
                    let what = "a run reaches beyond its file";
                    return Err(Problem::damaged(run.frame.pack.pack()?.as_str(), what));
                }
                zeros(run.offset - at, out, monitor)?;
                put(&bytes, out, monitor)?;
                at = run.offset + bytes.len() as u64;
            }
        }
        if is_last {
            zeros(entry.size - at, out, monitor)?;
            return out.flush().map_err(failed);
        }
    }
}

/// The bytes of a run, each chunk as it was read at the source.
fn bytes_of(vault: &Vault, run: &Run) -> Result<Vec<u8>> {
    let raw = vault.data_frame(&run.frame)?;
    for (_, skip, chunk) in run.pieces() {
        let start = skip as usize;
        let bytes = raw.get(start..start.saturating_add(chunk.size() as usize));
        if bytes.is_none_or(|bytes| Digest::of(bytes) != chunk.sha256()) {
            let what = "a chunk does not match its SHA-256";
            return Err(Problem::damaged(run.frame.pack.pack()?.as_str(), what));
        }
    }
    let start = run.skip as usize;
    let end = start.saturating_add(usize::try_from(run.size()).unwrap_or(usize::MAX));
    Ok(raw.get(start..end).unwrap_or_default().to_vec())
}

fn zeros(mut count: u64, out: &mut dyn Write, monitor: &dyn Monitor) -> Result<()> {
    let zeros = [0; 64 * 1024];
    while count > 0 {
        let length = usize::try_from(count).map_or(zeros.len(), |left| left.min(zeros.len()));
        put(&zeros[..length], out, monitor)?;
        count -= length as u64;
    }
    Ok(())
}

fn put(bytes: &[u8], out: &mut dyn Write, monitor: &dyn Monitor) -> Result<()> {
    if monitor.cancelled() {
        return Err(Problem::new(
            Kind::Cancelled,
            "stopped as asked; standard output has a part of the file",
        ));
    }
    out.write_all(bytes).map_err(failed)?;
    monitor.advance(bytes.len() as u64, 0);
    Ok(())
}

fn failed(error: std::io::Error) -> Problem {
    Problem::io("writing to standard output", error)
}
