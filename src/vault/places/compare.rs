//! Which blocks of a file lie where they lay, and which of those are read all the same.

use crate::vault::format::BLOCK;
use crate::vault::source::Place;

const SIZE: u64 = BLOCK as u64;
/// Of so many blocks that are taken as unchanged, one is read.
const ONE_IN: u64 = 64;
/// So many are read of a file at least.
const AT_LEAST: u64 = 8;

/// Stretches of a file, in order, asked for in order.
#[derive(Debug, Default)]
pub struct Stretches {
    all: Vec<(u64, u64)>,
    at: usize,
}

impl Stretches {
    /// What lies where it lay `before`, up to the byte `end`. Where a piece has a smaller number than it had, the count went
    /// back meanwhile, and nothing can be said.
    pub fn unchanged(before: impl Iterator<Item = Place>, now: &[Place], end: u64) -> Self {
        let mut all: Vec<(u64, u64)> = Vec::new();
        let mut now = now.iter().peekable();
        for before in before {
            while let Some(place) = now.peek().filter(|place| place.offset < before.end()) {
                if place.is_older_than(&before) {
                    return Self::default();
                }
                let (from, to) = (place.offset.max(before.offset), place.end().min(before.end()).min(end));
                if from < to && place.lies_like(&before) {
                    match all.last_mut() {
                        Some(last) if last.1 == from => last.1 = to,
                        _ => all.push((from, to)),
                    }
                }
                if place.end() > before.end() {
                    break;
                }
                now.next();
            }
        }
        Self { all, at: 0 }
    }

    /// How many blocks lie in them with all their bytes; the last one of a file may be shorter, and ends at `end`.
    pub fn blocks(&self, end: u64) -> u64 {
        let last = |to: u64| if to == end { to.div_ceil(SIZE) } else { to / SIZE };
        self.all.iter().map(|(from, to)| last(*to).saturating_sub(from.div_ceil(SIZE))).sum()
    }

    /// True where all of `from..to` lies in one.
    pub fn cover(&mut self, from: u64, to: u64) -> bool {
        while self.all.get(self.at).is_some_and(|stretch| stretch.1 <= from) {
            self.at += 1;
        }
        self.all.get(self.at).is_some_and(|stretch| stretch.0 <= from && to <= stretch.1)
    }
}

/// Chooses the blocks that are read all the same: of each so many in a row one, which one by chance.
#[derive(Debug)]
pub struct Sample {
    row: u64,
    seen: u64,
    chosen: u64,
    state: u64,
}

impl Sample {
    /// Of so many blocks. Whoever knows `seed` knows which.
    pub fn of(blocks: u64, seed: u64) -> Self {
        Self { row: (blocks / AT_LEAST).clamp(1, ONE_IN), seen: 0, chosen: 0, state: seed }
    }

    /// Whether the next block is read.
    pub fn takes_next(&mut self) -> bool {
        let at = self.seen % self.row;
        if at == 0 {
            self.chosen = self.random() % self.row;
        }
        self.seen += 1;
        at == self.chosen
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: u64, length: u64, piece: u64, within: u64, written: u64) -> Place {
        Place { offset, length, piece, origin: within.wrapping_sub(offset), written }
    }

    fn unchanged(before: &[Place], now: &[Place]) -> Vec<(u64, u64)> {
        Stretches::unchanged(before.iter().copied(), now, u64::MAX).all
    }

    #[test]
    fn what_is_of_the_same_piece_at_the_same_place_is_unchanged_however_it_is_cut() {
        let before = [place(0, 100, 7, 0, 1), place(100, 50, 9, 0, 1)];
        let cut = [
            place(0, 30, 7, 0, 1),
            place(30, 20, 11, 0, 2),
            place(50, 60, 7, 50, 1),
            place(110, 40, 9, 10, 1),
        ];
        // From 100 on the second piece's place holds the first one's bytes: its own begin at 110 again.
        assert_eq!(unchanged(&before, &cut), [(0, 30), (50, 100), (110, 150)]);
        assert_eq!(unchanged(&cut, &before), [(0, 30), (50, 100), (110, 150)]);
        assert_eq!(unchanged(&before, &before), [(0, 150)]);
    }

    #[test]
    fn another_piece_another_writing_and_a_shift_are_changes() {
        let before = [place(0, 100, 7, 0, 1)];
        for other in
            [place(0, 100, 8, 0, 1), place(0, 100, 7, 0, 2), place(0, 100, 7, 4, 1), place(100, 9, 7, 100, 1)]
        {
            assert_eq!(unchanged(&before, &[other]), []);
        }
        // The count went back: what it calls unchanged elsewhere may have changed too.
        let (then, now) = ([before[0], place(100, 50, 9, 0, 5)], [before[0], place(100, 50, 9, 0, 4)]);
        assert_eq!((unchanged(&then, &now), unchanged(&now, &then)), (vec![], vec![(0, 100)]));
        assert_eq!(unchanged(&[], &before), []);
        assert_eq!(unchanged(&before, &[]), []);
    }

    #[test]
    fn only_whole_blocks_are_counted_but_for_the_last_of_the_file() {
        let stretches = |all: &[(u64, u64)]| Stretches { all: all.to_vec(), at: 0 };
        assert_eq!(stretches(&[(0, 3 * SIZE)]).blocks(9 * SIZE), 3);
        assert_eq!(stretches(&[(1, 3 * SIZE - 1)]).blocks(9 * SIZE), 1);
        assert_eq!(stretches(&[(5, 9)]).blocks(9 * SIZE), 0);
        assert_eq!(stretches(&[(0, 3 * SIZE + 5)]).blocks(3 * SIZE + 5), 4);
        let mut asked = stretches(&[(10, 20), (30, 40)]);
        let answers = [(0, 5), (10, 20), (15, 21), (20, 30), (31, 39), (40, 41)]
            .map(|(from, to)| asked.cover(from, to));
        assert_eq!(answers, [false, true, false, false, true, false]);
    }

    #[test]
    fn a_sample_has_some_of_each_file_and_one_in_so_many_of_a_large_one() {
        for (blocks, least, most) in [(1, 1, 1), (7, 7, 7), (8, 8, 8), (100, 8, 9), (6400, 100, 100)] {
            for seed in 0..50 {
                let mut sample = Sample::of(blocks, seed);
                let taken = (0..blocks).filter(|_| sample.takes_next()).count();
                assert!((least..=most).contains(&taken), "{taken} of {blocks} with seed {seed}");
            }
        }
        let first = |seed| {
            let mut sample = Sample::of(6400, seed);
            (0..64).position(|_| sample.takes_next())
        };
        assert!((1..50).any(|seed| first(seed) != first(0)), "the choice does not depend on the seed");
    }
}
