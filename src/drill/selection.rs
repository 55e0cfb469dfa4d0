//! Which recovery point a drill restores. Pure: the clock and the seed are arguments.

use crate::domain::Timestamp;

/// How a point is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The newest.
    Latest,
    /// The oldest that is still there.
    Oldest,
    /// Any; a point's weight falls with its age, since young ones are what a restore will want, and none has no chance.
    Random,
    /// The newest that is not younger than this.
    At(Timestamp),
}

impl Selection {
    /// The word in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Oldest => "oldest",
            Self::Random => "random",
            Self::At(_) => "at",
        }
    }
}

/// The place of the chosen point in `points`, which are sorted oldest first. `None` where none fits. The same seed
/// chooses the same point.
pub fn choose(selection: Selection, points: &[Timestamp], now: Timestamp, seed: u64) -> Option<usize> {
    match selection {
        Selection::Latest => points.len().checked_sub(1),
        Selection::Oldest => (!points.is_empty()).then_some(0),
        Selection::At(moment) => points.iter().rposition(|taken_at| *taken_at <= moment),
        Selection::Random => random(points, now, seed),
    }
}

/// A point's weight is 2^32 divided by its age in days, plus one: after a month it is a thirtieth of today's, never
/// zero.
fn random(points: &[Timestamp], now: Timestamp, seed: u64) -> Option<usize> {
    let weight = |taken_at: &Timestamp| {
        let days = (now - *taken_at).num_days().max(0).unsigned_abs();
        (1 << 32) / (days + 1) + 1
    };
    let total: u128 = points.iter().map(|point| u128::from(weight(point))).sum();
    let mut left = u128::from(scrambled(seed)).checked_rem(total)?;
    points.iter().position(|point| match left.checked_sub(u128::from(weight(point))) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    })
}

/// Spreads a seed over 64 bits: one step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
fn scrambled(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn now() -> Timestamp {
        "2026-11-28T00:00:00Z".parse().unwrap()
    }

    /// Points of these ages in days, oldest first.
    fn points(ages: &[i64]) -> Vec<Timestamp> {
        ages.iter().map(|days| now() - TimeDelta::days(*days)).collect()
    }

    #[test]
    fn newest_oldest_and_at_a_moment_are_what_they_say() {
        let points = points(&[9, 5, 1]);
        let at = |days| Selection::At(now() - TimeDelta::days(days));
        let cases = [
            (Selection::Latest, Some(2)),
            (Selection::Oldest, Some(0)),
            (at(5), Some(1)),
            (at(4), Some(1)),
            (at(0), Some(2)),
            (at(10), None),
        ];
        for (selection, chosen) in cases {
            assert_eq!(choose(selection, &points, now(), 1), chosen, "{selection:?}");
        }
        for selection in [Selection::Latest, Selection::Oldest, Selection::Random, at(0)] {
            assert_eq!(choose(selection, &[], now(), 1), None, "{selection:?}");
        }
    }

    #[test]
    fn a_seed_chooses_again_what_it_chose() {
        let points = points(&[30, 20, 10, 5, 2, 1, 0]);
        for seed in 0..1000 {
            let chosen = choose(Selection::Random, &points, now(), seed);
            assert_eq!(chosen, choose(Selection::Random, &points, now(), seed));
            assert!(chosen.is_some_and(|place| place < points.len()));
        }
    }

    #[test]
    fn random_choice_falls_with_age_and_leaves_no_point_out() {
        let points = points(&[9, 1, 0]);
        let mut counts = [0u32; 3];
        for seed in 0..32_000 {
            counts[choose(Selection::Random, &points, now(), seed).unwrap()] += 1;
        }
        // The weights are 1/10, 1/2 and 1: of 32,000 choices 2,000, 10,000 and 20,000.
        for (count, expected) in counts.into_iter().zip([2_000, 10_000, 20_000u32]) {
            assert!(count.abs_diff(expected) < expected / 10, "{counts:?}");
        }
    }

    #[test]
    fn a_point_of_the_future_weighs_as_one_of_today() {
        let points = [now() + TimeDelta::days(400)];
        assert_eq!(choose(Selection::Random, &points, now(), 7), Some(0));
    }
}
