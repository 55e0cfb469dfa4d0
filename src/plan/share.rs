//! Which share of a vault is read back today, so that everything is within a number of days.

use crate::domain::Timestamp;
use chrono::TimeDelta;

/// A stored object that takes part in the rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredPack<'a> {
    /// What tells it from others; orders equals.
    pub key: &'a str,
    /// Its size, in bytes.
    pub bytes: u64,
    /// When it was last read back whole; `None` where that was never recorded.
    pub read_at: Option<Timestamp>,
}

/// What is to be read today.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// Places in the list that was given, those read longest ago first.
    pub chosen: Vec<usize>,
    /// How many of all are overdue already: not read within the time that the policy gives.
    pub overdue: usize,
}

/// The least time between two shares that counts: whoever runs it every minute does not read everything in an hour.
const NIGHT: TimeDelta = TimeDelta::hours(20);
/// When the next share will be read, at the latest: what would be overdue by then is read now.
const NEXT: TimeDelta = TimeDelta::hours(30);

/// Chooses those read longest ago: as many bytes as the time since the last share is of `within` less one
/// night, and whatever would be overdue before the next. What was read lately is left alone.
pub fn share(
    packs: &[StoredPack<'_>],
    within: TimeDelta,
    last_share: Option<Timestamp>,
    now: Timestamp,
) -> Share {
    // A reading in the future was recorded by a wrong clock, and proves nothing.
    let age = |pack: &StoredPack<'_>| pack.read_at.filter(|at| *at <= now).map(|at| now - at);
    let mut order: Vec<usize> = (0..packs.len()).collect();
    order.sort_by_key(|place| {
        let pack = &packs[*place];
        (std::cmp::Reverse(age(pack).unwrap_or(TimeDelta::MAX)), pack.key)
    });
    let total: u64 = packs.iter().map(|pack| pack.bytes).sum();
    let since = last_share.filter(|at| *at <= now).map_or(TimeDelta::hours(24), |at| now - at);
    let quota = if last_share.is_some() && since < NIGHT { 0 } else { part(total, since, within - NEXT) };
    let (mut chosen, mut bytes) = (Vec::new(), 0);
    for place in order {
        let pack = &packs[place];
        let lately = age(pack).is_some_and(|age| age < NIGHT);
        let must = age(pack).is_none_or(|age| age + NEXT >= within);
        if !lately && (must || bytes < quota) {
            bytes += pack.bytes;
            chosen.push(place);
        }
    }
    let overdue = packs.iter().filter(|pack| age(pack).is_none_or(|age| age > within)).count();
    Share { chosen, overdue }
}

/// `total` times `since` over `within`, rounded up, and no more than `total`.
fn part(total: u64, since: TimeDelta, within: TimeDelta) -> u64 {
    let (since, within) =
        (since.num_seconds().max(0).unsigned_abs(), within.num_seconds().max(1).unsigned_abs());
    let part = (u128::from(total) * u128::from(since)).div_ceil(u128::from(within));
    u64::try_from(part).unwrap_or(u64::MAX).min(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: TimeDelta = TimeDelta::days(1);

    fn start() -> Timestamp {
        "2026-01-01T02:00:00Z".parse().unwrap()
    }

    /// Plays `nights` nights over packs that were all read on the first day.
    fn play(nights: i32, within: TimeDelta, step: TimeDelta) -> (Vec<usize>, TimeDelta) {
        let mut read = vec![start(); 70];
        let (mut last, mut sizes, mut oldest) = (None, Vec::new(), TimeDelta::zero());
        let names: Vec<String> = (0..read.len()).map(|number| format!("{number:03}")).collect();
        for night in 1..=nights {
            let now = start() + step * night;
            let packs: Vec<StoredPack<'_>> = (read.iter().zip(&names))
                .map(|(at, key)| StoredPack { key, bytes: 10, read_at: Some(*at) })
                .collect();
            let share = share(&packs, within, last, now);
            sizes.push(share.chosen.len());
            share.chosen.iter().for_each(|place| read[*place] = now);
            last = Some(now);
            oldest = oldest.max(now - *read.iter().min().unwrap());
        }
        (sizes, oldest)
    }

    #[test]
    fn everything_is_read_within_the_time_and_each_night_reads_about_as_much() {
        let (sizes, oldest) = play(60, DAY * 7, DAY);
        assert!(oldest <= DAY * 7, "{oldest}");
        assert!(sizes.iter().all(|size| (11..=14).contains(size)), "{sizes:?}");
    }

    #[test]
    fn nights_that_were_missed_are_made_up_for() {
        let (_, oldest) = play(40, DAY * 7, DAY * 3);
        assert!(oldest <= DAY * 7, "{oldest}");
    }

    #[test]
    fn a_second_run_in_one_night_reads_nothing_again() {
        let now = start() + DAY;
        let pack = StoredPack { key: "a", bytes: 1, read_at: Some(start()) };
        assert_eq!(share(&[pack], DAY * 7, Some(now - TimeDelta::hours(1)), now).chosen, Vec::<usize>::new());
        let fresh = StoredPack { read_at: Some(now - TimeDelta::hours(1)), ..pack };
        assert_eq!(share(&[fresh], DAY * 7, None, now).chosen, Vec::<usize>::new());
    }

    #[test]
    fn what_was_never_read_or_by_a_wrong_clock_is_read_now_and_counts_as_overdue() {
        let now = start();
        let never = StoredPack { key: "a", bytes: 1, read_at: None };
        let future = StoredPack { key: "b", bytes: 1, read_at: Some(now + DAY) };
        let lately = StoredPack { key: "c", bytes: 1, read_at: Some(now) };
        let share = share(&[never, future, lately], DAY * 7, Some(now), now);
        assert_eq!((share.chosen, share.overdue), (vec![0, 1], 2));
    }
}
