//! A cheap checksum of every chunk that was written, so that reading the target back need not hash all of it a second time.

use crc_fast::CrcAlgorithm::Crc64Nvme;
use std::sync::{Mutex, PoisonError};

/// Sums and files of which one is kept: at most 32 MiB, and half as much again while they grow. Whatever comes after these is compared by its SHA-256.
const MOST: usize = 4 * 1024 * 1024;

/// CRC-64/NVME of these bytes. Zero stands for none: a chunk with that sum is compared by its SHA-256.
pub fn sum_of(bytes: &[u8]) -> u64 {
    crc_fast::checksum(Crc64Nvme, bytes)
}

/// The sums of what was written. The SHA-256 of each of these chunks was compared just before it was, so that the sum has to find what
/// a disk or a kernel did to it, and nothing that somebody chose.
#[derive(Debug, Default)]
pub struct Sums(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Of each chunk, in the order of the tree; zero until it is written.
    sums: Vec<u64>,
    /// Where those of each file begin, in the order of the tree.
    files: Vec<u32>,
    full: bool,
}

impl Sums {
    /// The next file of the tree begins.
    pub fn begin_file(&self) {
        let mut kept = self.kept();
        match u32::try_from(kept.sums.len()) {
            Ok(first) if !kept.full => kept.files.push(first),
            _ => kept.full = true,
        }
        kept.full |= kept.sums.len() + kept.files.len() >= MOST;
    }

    /// Room for the next chunk of that file; none once there are too many.
    pub fn room(&self) -> Option<u32> {
        let mut kept = self.kept();
        kept.full |= kept.sums.len() + kept.files.len() >= MOST;
        let number = u32::try_from(kept.sums.len()).ok().filter(|_| !kept.full)?;
        kept.sums.push(0);
        Some(number)
    }

    /// Notes the sum of a chunk that was written.
    pub fn note(&self, number: u32, sum: u64) {
        if let Some(kept) = self.kept().sums.get_mut(number as usize) {
            *kept = sum;
        }
    }

    /// The sum of the n-th chunk of the n-th file, both counted from zero, where it is known.
    pub fn of(&self, file: usize, chunk: usize) -> Option<u64> {
        let kept = self.kept();
        let first = *kept.files.get(file)? as usize;
        let end = kept.files.get(file + 1).map_or(kept.sums.len(), |next| *next as usize);
        let at = first.checked_add(chunk).filter(|at| *at < end)?;
        kept.sums.get(at).copied().filter(|sum| *sum != 0)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_found_where_it_was_noted_and_nowhere_else() {
        let sums = Sums::default();
        for chunks in [2, 0, 1] {
            sums.begin_file();
            for _ in 0..chunks {
                let number = sums.room().unwrap();
                sums.note(number, u64::from(number) + 7);
            }
        }
        assert_eq!([sums.of(0, 0), sums.of(0, 1), sums.of(0, 2)], [Some(7), Some(8), None]);
        assert_eq!([sums.of(1, 0), sums.of(2, 0), sums.of(2, 1), sums.of(3, 0)], [None, Some(9), None, None]);
    }

    #[test]
    fn what_was_not_written_has_no_sum() {
        let sums = Sums::default();
        sums.begin_file();
        sums.room().unwrap();
        assert_eq!(sums.of(0, 0), None);
    }

    #[test]
    fn they_take_so_much_memory_and_no_more() {
        let sums = Sums::default();
        sums.begin_file();
        let had = (0..MOST + 10).filter_map(|_| sums.room()).count();
        assert!(had < MOST && had > MOST - 10, "{had}");
        // A file that begins after that has none, and does not get those of another.
        sums.begin_file();
        assert_eq!((sums.room(), sums.of(1, 0)), (None, None));
        sums.note(0, 3);
        assert_eq!(sums.of(0, 0), Some(3));
    }
}
