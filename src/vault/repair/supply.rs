//! Where chunks are had that a vault lacks: from what is left of the pack itself, from the source, from a second vault. Whatever it is,
//! only bytes with the SHA-256 that the recovery point names are taken.

use super::super::Vault;
use super::super::format::{Chunk, Digest, Frame, PackKey, PackLine, PackRole, UNIT};
use super::super::pack::PackWriter;
use super::pages::Other;
use super::{Original, RepairMode, Supplied};
use crate::domain::{ByteName, Kind, Monitor, Problem, Result};
use std::collections::{BTreeMap, HashMap};

/// A chunk that is lacked, and where it belongs.
pub struct Want {
    pub chunk: Chunk,
    /// Where it was stored.
    pub frame: Frame,
    pub skip: u32,
    /// The first place in the volume where it belongs.
    pub path: ByteName,
    pub offset: u64,
}

/// Where chunks are by now that were written anew.
#[derive(Default)]
pub struct Fetched {
    pub places: HashMap<Digest, (Frame, u32)>,
    pub packs: BTreeMap<PackKey, PackLine>,
}

/// Gets what is wanted, in the order in which it is asked for.
pub struct Supply<'a> {
    vault: &'a Vault,
    originals: &'a [Box<dyn Original>],
    others: &'a [Other],
    monitor: &'a dyn Monitor,
    sink: Sink,
    pub had: Supplied,
}

impl<'a> Supply<'a> {
    pub fn new(
        vault: &'a Vault,
        originals: &'a [Box<dyn Original>],
        others: &'a [Other],
        (run, mode): (&str, RepairMode),
        monitor: &'a dyn Monitor,
    ) -> Self {
        let writer = (mode == RepairMode::Write).then(|| PackWriter::new(vault, run, PackRole::Data));
        let sink = Sink { writer, raw: Vec::new(), chunks: Vec::new(), places: HashMap::new() };
        Self { vault, originals, others, monitor, sink, had: Supplied::default() }
    }

    /// Gets as many of these as can be had, and stores them.
    ///
    /// # Errors
    /// What the vault's own store said while it was written to, and the user's stop. What cannot be had is no error.
    pub fn get(mut self, wants: Vec<Want>) -> Result<(Fetched, Supplied)> {
        let mut lacked: Vec<Want> = Vec::new();
        let mut last: Option<(Frame, Option<Vec<u8>>)> = None;
        for want in wants {
            self.go_on()?;
            if last.as_ref().is_none_or(|(frame, _)| *frame != want.frame) {
                last = Some((want.frame.clone(), self.vault.data_frame(&want.frame).ok()));
            }
            let raw = last.as_ref().and_then(|(_, raw)| raw.as_deref());
            if let Some(bytes) = raw.and_then(|raw| cut(raw, want.skip, &want.chunk)) {
                self.sink.add(want.chunk, bytes)?;
                self.had.vault += 1;
            } else if let Some(bytes) = self.read_source(&want) {
                self.sink.add(want.chunk, &bytes)?;
                self.had.source += 1;
            } else {
                lacked.push(want);
            }
        }
        for other in self.others {
            lacked = self.read_other(other, lacked)?;
        }
        let had = self.had;
        Ok((self.sink.finish()?, had))
    }

    fn go_on(&self) -> Result<()> {
        match self.monitor.cancelled() {
            true => Err(Problem::new(Kind::Cancelled, "stopped as asked")),
            false => Ok(()),
        }
    }

    fn read_source(&self, want: &Want) -> Option<Vec<u8>> {
        self.originals.iter().find_map(|original| {
            let bytes = original.read(&want.path, want.offset, want.chunk.size())?;
            is_it(&bytes, &want.chunk).then_some(bytes)
        })
    }

    /// What is still lacked afterwards. A second vault that cannot be read has nothing.
    fn read_other(&mut self, other: &Other, wants: Vec<Want>) -> Result<Vec<Want>> {
        if wants.is_empty() {
            return Ok(wants);
        }
        let names: HashMap<Digest, Chunk> =
            wants.iter().map(|want| (other.name(&want.chunk.sha256()), want.chunk)).collect();
        let mut places: HashMap<Digest, Vec<(Frame, u32)>> = HashMap::new();
        let _ = other.each_frame(|role, frame, chunks| {
            let mut skip = 0u32;
            for chunk in chunks.iter().filter(|_| role == PackRole::Data) {
                let wanted = names.get(&chunk.sha256()).filter(|wanted| wanted.size() == chunk.size());
                if let Some(wanted) = wanted {
                    places.entry(wanted.sha256()).or_default().push((frame.clone(), skip));
                }
                skip = skip.saturating_add(chunk.size());
            }
        });
        let mut lacked = Vec::new();
        let mut last: Option<(Frame, Option<Vec<u8>>)> = None;
        for want in wants {
            self.go_on()?;
            let mut found = None;
            for (frame, skip) in places.get(&want.chunk.sha256()).into_iter().flatten() {
                if last.as_ref().is_none_or(|(read, _)| read != frame) {
                    last = Some((frame.clone(), other.vault.data_frame(frame).ok()));
                }
                let raw = last.as_ref().and_then(|(_, raw)| raw.as_deref());
                found = raw.and_then(|raw| cut(raw, *skip, &want.chunk)).map(<[u8]>::to_vec);
                if found.is_some() {
                    break;
                }
            }
            match found {
                Some(bytes) => {
                    self.sink.add(want.chunk, &bytes)?;
                    self.had.other += 1;
                }
                None => lacked.push(want),
            }
        }
        Ok(lacked)
    }
}

fn is_it(bytes: &[u8], chunk: &Chunk) -> bool {
    bytes.len() == chunk.size() as usize && Digest::of(bytes) == chunk.sha256()
}

/// A chunk of a decoded frame, where it is there.
fn cut<'r>(raw: &'r [u8], skip: u32, chunk: &Chunk) -> Option<&'r [u8]> {
    let start = skip as usize;
    let end = start.checked_add(chunk.size() as usize)?;
    raw.get(start..end).filter(|bytes| is_it(bytes, chunk))
}

/// Packs what was had, a unit at a time.
struct Sink {
    /// None where nothing is to be written.
    writer: Option<PackWriter>,
    raw: Vec<u8>,
    chunks: Vec<Chunk>,
    places: HashMap<Digest, (Frame, u32)>,
}

impl Sink {
    fn add(&mut self, chunk: Chunk, bytes: &[u8]) -> Result<()> {
        if self.raw.len() + bytes.len() > UNIT {
            self.flush()?;
        }
        self.raw.extend_from_slice(bytes);
        self.chunks.push(chunk);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let (raw, chunks) = (std::mem::take(&mut self.raw), std::mem::take(&mut self.chunks));
        if chunks.is_empty() {
            return Ok(());
        }
        let frame = match &mut self.writer {
            Some(writer) => {
                let packed = zstd::bulk::compress(&raw, 1)
                    .map_err(|error| Problem::new(Kind::Internal, format!("cannot compress: {error}")))?;
                writer.append(&packed, chunks.clone())?
            }
            None => Frame { pack: PackKey("".into()), at: 0, length: 0 },
        };
        let mut skip = 0;
        for chunk in chunks {
            self.places.insert(chunk.sha256(), (frame.clone(), skip));
            skip += chunk.size();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Fetched> {
        self.flush()?;
        let packs = self.writer.map(PackWriter::finish).transpose()?.unwrap_or_default();
        Ok(Fetched { places: self.places, packs })
    }
}
