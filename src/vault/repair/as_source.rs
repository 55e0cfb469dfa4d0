//! A recovery point of a second vault, read as a copy reads a source.

use super::super::format::{Entry, EntryKind, Frame, PageKind, Root, Run};
use super::super::roots::Roots;
use super::super::tree::runs;
use super::super::{Content, Entries, Item, Source, Vault};
use crate::domain::{Result, VolumeKind};
use std::io::Read;

/// The entries of a point, with their content.
pub struct PointSource {
    vault: Vault,
    entries: Entries,
    kind: VolumeKind,
    size: u64,
}

impl PointSource {
    /// The point of the same volume that was taken nearest to this one; none where there is none that can be read.
    pub fn like(vault: &Vault, root: &Root) -> Option<Self> {
        let roots = Roots::read(vault).ok()?;
        let of_volume = roots.sound.into_iter().filter(|found| found.root.volume == root.volume);
        let nearest = of_volume.min_by_key(|found| (found.root.taken_at - root.taken_at).abs())?.root;
        let entries = Entries::new(vault, PageKind::Entries, nearest.tree().ok()?);
        let (kind, size) = (nearest.volume_kind, nearest.totals.bytes);
        Some(Self { vault: vault.clone(), entries, kind, size })
    }
}

impl Source for PointSource {
    fn next(&mut self) -> Result<Option<Item>> {
        let Some(mut entry) = self.entries.next_line()? else { return Ok(None) };
        if entry.kind != EntryKind::File {
            return Ok(Some(Item::Plain(entry)));
        }
        let content = Stored {
            runs: runs(&self.vault, entry.content.as_ref()),
            vault: self.vault.clone(),
            ahead: None,
            decoded: None,
            entry: Entry { content: None, ..entry.clone() },
        };
        entry = content.entry.clone();
        Ok(Some(match self.kind {
            VolumeKind::Stream => Item::Stream(entry, Box::new(Flowing { content, at: 0 })),
            _ => Item::File(entry, Box::new(content)),
        }))
    }

    fn expected_bytes(&self) -> Option<u64> {
        Some(self.size)
    }
}

/// The content of one file, asked for from its beginning to its end.
struct Stored {
    vault: Vault,
    runs: Box<dyn Iterator<Item = Result<Run>> + Send>,
    ahead: Option<Run>,
    decoded: Option<(Frame, Vec<u8>)>,
    entry: Entry,
}

impl Stored {
    fn frame(&mut self, frame: &Frame) -> std::result::Result<&[u8], String> {
        if self.decoded.as_ref().is_none_or(|(known, _)| known != frame) {
            let raw = self.vault.data_frame(frame).map_err(|problem| problem.to_string())?;
            self.decoded = Some((frame.clone(), raw));
        }
        Ok(self.decoded.as_ref().map(|(_, raw)| raw.as_slice()).unwrap_or_default())
    }
}

impl Content for Stored {
    fn data_after(&mut self, offset: u64) -> std::result::Result<Option<(u64, u64)>, String> {
        Ok((offset < self.entry.size).then_some((offset, self.entry.size)))
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::result::Result<usize, String> {
        let length = usize::try_from(self.entry.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = length.min(buffer.len());
        let (buffer, end) = (&mut buffer[..length], offset + length as u64);
        buffer.fill(0);
        loop {
            let run = match self.ahead.take() {
                Some(run) => run,
                None => match self.runs.next() {
                    Some(run) => run.map_err(|problem| problem.to_string())?,
                    None => return Ok(length),
                },
            };
            let (from, to) = (run.offset.max(offset), run.offset.saturating_add(run.size()).min(end));
            if from < to {
                let at = u64::from(run.skip) + (from - run.offset);
                let raw = self.frame(&run.frame)?;
                let (at, bytes) = (at as usize, (to - from) as usize);
                let found =
                    raw.get(at..at.saturating_add(bytes)).ok_or("a frame holds less than it should")?;
                let into = (from - offset) as usize;
                buffer[into..into + bytes].copy_from_slice(found);
            }
            if run.offset.saturating_add(run.size()) > end {
                self.ahead = Some(run);
                return Ok(length);
            }
        }
    }

    fn has_changed(&mut self) -> std::result::Result<bool, String> {
        Ok(self.entry.unsettled)
    }
}

/// The same as a stream.
struct Flowing {
    content: Stored,
    at: u64,
}

impl Read for Flowing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.content.read_at(self.at, buffer).map_err(std::io::Error::other)?;
        self.at += read as u64;
        Ok(read)
    }
}
