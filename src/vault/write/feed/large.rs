//! Reading a large file, block by block beside what the point before has of it.

use super::before::{Blocks, There};
use super::unread::{Belief, Plan};
use super::{Feed, MOST_STEPS, Out, Stop};
use crate::vault::Content;
use crate::vault::format::{BLOCK, Digest, UNIT};
use crate::vault::write::work::{Before, Claim, Step, is_zero};

/// A large file that is being read.
pub struct Large<'a> {
    /// Its bytes.
    pub content: &'a mut dyn Content,
    /// Its size, in bytes.
    pub size: u64,
    /// What the point before has of it.
    pub blocks: Option<Blocks>,
    /// What need not be read.
    pub plan: &'a mut Plan,
}

/// A block that is to be read.
struct Wanted {
    offset: u64,
    length: usize,
    before: Option<Before>,
    /// What it is said to hold.
    said: Said,
}

/// What is said of a block that is read all the same.
enum Said {
    /// Nothing.
    Nothing,
    /// That it is unchanged: compared here, before more of that is believed.
    Sampled,
    /// That it is unchanged: compared where it is hashed.
    Claimed(Claim),
}

impl Feed<'_> {
    /// Reads a large file in units of fixed blocks, skipping holes.
    pub(super) fn large(&mut self, mut file: Large<'_>, out: &Out) -> Result<u64, Stop> {
        let (block, unit) = (BLOCK as u64, UNIT as u64);
        let (mut at, size) = (0, file.size);
        while at < size {
            let Some((data, end)) = file.content.data_after(at)?.filter(|(data, _)| *data < size) else {
                break;
            };
            let mut begin = (data / block * block).max(at);
            let end = end.div_ceil(block).saturating_mul(block).min(size);
            while begin < end {
                let stop = ((begin / unit + 1) * unit).min(end);
                if !self.work.raw.is_empty() || self.work.steps.len() >= MOST_STEPS {
                    self.flush(out)?;
                }
                let reached = self.unit(begin, stop, &mut file)?;
                self.monitor.advance(reached - begin, 0);
                if reached < stop {
                    return Ok(reached);
                }
                begin = stop;
            }
            at = end.max(at + 1);
        }
        Ok(size)
    }

    /// Takes the blocks from `begin` to `stop`, which lie in one unit; how far the file went.
    fn unit(&mut self, begin: u64, stop: u64, file: &mut Large<'_>) -> Result<u64, Stop> {
        let mut at = begin;
        let mut wanted: Vec<Wanted> = Vec::new();
        while at < stop {
            let length = BLOCK.min(usize::try_from(stop - at).unwrap_or(BLOCK));
            match self.look(at, length, file) {
                Ok(kept) => {
                    let reached = self.read(&mut wanted, file.content)?;
                    if reached.is_some_and(|reached| reached < at) {
                        return Ok(reached.unwrap_or(at));
                    }
                    file.plan.unread += length as u64;
                    self.work.steps.extend(kept.map(|before| Step::Same { offset: at, before }));
                }
                Err(block) => wanted.push(block),
            }
            at += length as u64;
        }
        Ok(self.read(&mut wanted, file.content)?.unwrap_or(stop))
    }

    /// What is to be done with a block: kept as the point before has it, or read.
    fn look(&self, offset: u64, length: usize, file: &mut Large<'_>) -> Result<Option<Before>, Wanted> {
        let there = file.blocks.as_mut().map_or(There::Unknown, |blocks| blocks.at(offset, length));
        let there = match there {
            There::Chunk(before) if !self.usable.contains(&before.frame.pack) => There::Unknown,
            there => there,
        };
        let belief = match there {
            There::Unknown => Belief::None,
            _ => file.plan.belief(offset, offset + length as u64),
        };
        let before = there.chunk();
        let said = match belief {
            Belief::Unread => return Ok(before),
            Belief::None => Said::Nothing,
            Belief::Sampled => Said::Sampled,
            Belief::Claimed(claim) => Said::Claimed(claim),
        };
        Err(Wanted { offset, length, before, said })
    }

    /// Reads blocks that follow each other; how far the file went, where there were any.
    fn read(&mut self, wanted: &mut Vec<Wanted>, content: &mut dyn Content) -> Result<Option<u64>, Stop> {
        let (Some(first), start) = (wanted.first(), self.work.raw.len()) else { return Ok(None) };
        let (begin, length) = (first.offset, wanted.iter().map(|block| block.length).sum::<usize>());
        self.work.raw.resize(start + length, 0);
        let read = content.read_at(begin, &mut self.work.raw[start..])?;
        self.work.raw.truncate(start + read);
        let mut from = start;
        for block in wanted.drain(..) {
            let range = from..(from + block.length).min(start + read);
            if range.is_empty() {
                break;
            }
            let bytes = &self.work.raw[range.clone()];
            let is_whole = bytes.len() == block.length;
            if is_whole && matches!(block.said, Said::Sampled) && !holds(bytes, block.before.as_ref()) {
                return Err(Stop::Untrue);
            }
            let claim = match block.said {
                Said::Claimed(claim) if is_whole => Some(claim),
                _ => None,
            };
            from = range.end;
            self.work.steps.push(Step::Data { offset: block.offset, range, before: block.before, claim });
        }
        Ok(Some(begin + read as u64))
    }
}

/// True where the bytes are what the point before has.
fn holds(bytes: &[u8], before: Option<&Before>) -> bool {
    before.map_or_else(|| is_zero(bytes), |before| before.chunk.sha256() == Digest::of(bytes))
}
