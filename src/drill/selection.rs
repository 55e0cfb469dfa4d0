//! Which point is restored: pure, with the seed as an argument.

use crate::domain::Timestamp;
use serde::{Deserialize, Serialize};

/// How a point is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The newest.
    Latest,
    /// The oldest.
    Oldest,
    /// Any; one that is twice as old is twice as likely. Bad data goes unnoticed longest in what nobody looks at.
    Random,
    /// The newest that is not after this moment.
    At(Timestamp),
}

/// The place of the chosen point in `taken_at`, whose order does not matter; `None` where none fits.
pub fn select(select: Select, taken_at: &[Timestamp], now: Timestamp, seed: u64) -> Option<usize> {
    let mut order: Vec<usize> = (0..taken_at.len()).collect();
    // The place too, so that equal moments are told apart the same way each time.
    order.sort_by_key(|place| (taken_at[*place], *place));
    match select {
        Select::Latest => order.last().copied(),
        Select::Oldest => order.first().copied(),
        Select::At(moment) => order.into_iter().rev().find(|place| taken_at[*place] <= moment),
        Select::Random => {
            let weights: Vec<u64> = order.iter().map(|place| weight(taken_at[*place], now)).collect();
            let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            let mut left = u128::from(mixed(seed)).checked_mul(total)? >> 64;
            for (place, weight) in order.into_iter().zip(weights) {
                match left.checked_sub(u128::from(weight)) {
                    Some(rest) => left = rest,
                    None => return Some(place),
                }
            }
            None
        }
    }
}

/// A point's age in seconds, at least one: what is new, or from the future, can be chosen too.
fn weight(taken_at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from((now - taken_at).num_seconds()).unwrap_or(0).clamp(1, 1 << 40)
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): seeds that are near give numbers that are not.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn now() -> Timestamp {
        "2026-11-28T02:00:00Z".parse().unwrap()
    }

    fn aged(days: &[i64]) -> Vec<Timestamp> {
        days.iter().map(|days| now() - TimeDelta::days(*days)).collect()
    }

    #[test]
    fn the_newest_the_oldest_and_the_one_at_a_time_are_found_in_any_order() {
        let points = aged(&[3, 1, 9, 2]);
        assert_eq!(select(Select::Latest, &points, now(), 0), Some(1));
        assert_eq!(select(Select::Oldest, &points, now(), 0), Some(2));
        let at = |days| select(Select::At(now() - TimeDelta::days(days)), &points, now(), 0);
        assert_eq!((at(2), at(4), at(10)), (Some(3), Some(2), None));
        assert_eq!(select(Select::Random, &[], now(), 1), None);
    }

    #[test]
    fn a_point_twice_as_old_is_chosen_twice_as_often() {
        let points = aged(&[1, 2, 4, 0]);
        let mut counts = [0; 4];
        for seed in 0..70_000 {
            counts[select(Select::Random, &points, now(), seed).unwrap()] += 1;
        }
        for (count, expected) in counts.iter().zip([10_000, 20_000, 40_000]) {
            assert!((expected * 95 / 100..=expected * 105 / 100).contains(count), "{counts:?}");
        }
        assert!(counts[3] < 10, "{counts:?}");
    }

    #[test]
    fn one_seed_always_chooses_the_same_point_and_one_from_the_future_is_no_fault() {
        let points = aged(&[5, 9, 30, -4000]);
        for seed in [0, 1, u64::MAX, 0x1234_5678] {
            let chosen = select(Select::Random, &points, now(), seed);
            assert!(chosen.is_some());
            assert_eq!(chosen, select(Select::Random, &points, now(), seed));
        }
        assert_eq!(select(Select::Random, &aged(&[-1]), now(), 7), Some(0));
    }
}
