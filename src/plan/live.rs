//! Which recovery points are still needed, and until when they have to stay.

use crate::domain::{Keep, Timestamp};
use chrono::{DateTime, Datelike, TimeDelta};
use std::collections::BTreeSet;

/// One period of each kind that a moment lies in.
type Period = fn(Timestamp) -> (i64, u32);

fn rules(keep: Keep) -> [(usize, Period); 5] {
    [
        (keep.hourly, |at| (at.timestamp().div_euclid(3600), 0)),
        (keep.daily, |at| (i64::from(at.num_days_from_ce()), 0)),
        (keep.weekly, |at| (i64::from(at.iso_week().year()), at.iso_week().week())),
        (keep.monthly, |at| (i64::from(at.year()), at.month())),
        (keep.yearly, |at| (i64::from(at.year()), 0)),
    ]
}

pub(super) fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC)
}

/// Until when a point has to stay for its own sake; `None` of one whose time is over.
pub fn own_time(stored_at: Timestamp, locked_for: TimeDelta, now: Timestamp) -> Option<Timestamp> {
    Some(later(stored_at, locked_for)).filter(|until| *until > now)
}

/// Which of a volume's points stay beyond their own time: the newest, and what `keep` keeps. Of one moment, which stores tell in whole
/// seconds, the later in the list is the newer.
pub(super) fn kept(stored_at: &[Timestamp], keep: Keep) -> BTreeSet<usize> {
    let mut newest_first: Vec<usize> = (0..stored_at.len()).collect();
    newest_first.sort_by_key(|place| std::cmp::Reverse((stored_at[*place], *place)));
    let mut kept: BTreeSet<usize> = newest_first.first().copied().into_iter().collect();
    for (count, period) in rules(keep) {
        let mut periods = BTreeSet::new();
        for place in &newest_first {
            if periods.len() < count && periods.insert(period(stored_at[*place])) {
                kept.insert(*place);
            }
        }
    }
    kept
}

/// Until when each of a volume's points has to stay, by the moments at which the store took them, in any order, but that of one
/// moment the last is the newest; `None` of one that nothing needs any more.
///
/// Each is needed until `locked_for` after the store took it. Of what `keep` keeps, and of the newest in any case, it is not
/// known for how long it will be needed: it is to stay for `locked_for` from `now` on. The order is that of the store: a
/// moment that a writer claims could push others out.
pub fn needed_until(
    stored_at: &[Timestamp],
    keep: Keep,
    locked_for: TimeDelta,
    now: Timestamp,
) -> Vec<Option<Timestamp>> {
    let kept = kept(stored_at, keep);
    let needed = |(place, at): (usize, &Timestamp)| {
        own_time(*at, locked_for, now).max(kept.contains(&place).then(|| later(now, locked_for)))
    };
    stored_at.iter().enumerate().map(needed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("{text}:00Z").parse().unwrap()
    }

    const WEEK: TimeDelta = TimeDelta::days(7);

    #[test]
    fn each_is_needed_for_its_time_and_the_newest_for_ever() {
        let now = at("2026-11-29T03:00");
        let stored = [at("2026-11-01T02:00"), at("2026-11-25T02:00"), at("2026-11-20T02:00")];
        let needed = needed_until(&stored, Keep::default(), WEEK, now);
        assert_eq!(needed, [None, Some(now + WEEK), None]);
        let two = [at("2026-11-24T02:00"), at("2026-11-25T02:00")];
        assert_eq!(needed_until(&two, Keep::default(), WEEK, now), [Some(two[0] + WEEK), Some(now + WEEK)]);
        assert!(needed_until(&[], Keep::default(), WEEK, now).is_empty());
        let at_once = [at("2026-11-01T02:00"); 3];
        assert_eq!(needed_until(&at_once, Keep::default(), WEEK, now), [None, None, Some(now + WEEK)]);
    }

    #[test]
    fn of_each_period_that_has_one_the_newest_is_kept() {
        let now = at("2026-11-29T03:00");
        let stored: Vec<Timestamp> = (0..400).map(|night| now - TimeDelta::days(night)).collect();
        let keep = Keep { daily: 3, monthly: 4, yearly: 2, ..Keep::default() };
        let needed = needed_until(&stored, keep, TimeDelta::zero(), now);
        let kept: Vec<Timestamp> =
            stored.iter().zip(&needed).filter(|(_, until)| until.is_some()).map(|(at, _)| *at).collect();
        let wanted = [
            "2026-11-29T03:00",
            "2026-11-28T03:00",
            "2026-11-27T03:00",
            "2026-10-31T03:00",
            "2026-09-30T03:00",
            "2026-08-31T03:00",
            "2025-12-31T03:00",
        ];
        assert_eq!(kept, wanted.map(at));
    }

    #[test]
    fn a_gap_of_nights_does_not_use_up_what_is_kept() {
        let now = at("2026-11-29T03:00");
        let stored = [at("2026-11-28T03:00"), at("2026-06-01T03:00"), at("2026-05-31T23:00")];
        let keep = Keep { daily: 3, ..Keep::default() };
        let needed = needed_until(&stored, keep, TimeDelta::days(1), now);
        assert!(needed.iter().all(Option::is_some), "three days that have one, however long ago");
        let weekly = Keep { weekly: 2, ..Keep::default() };
        // The last of May 2026 is a Sunday: another week.
        assert_eq!(needed_until(&stored, weekly, TimeDelta::days(1), now)[2], None);
    }
}
