//! Schedules: fixed slots, so that a late run moves nothing, and one that was missed is caught up once.

use crate::domain::Timestamp;
use chrono::{DateTime, TimeDelta};

/// Moments that something is due at: whole multiples of `every` since 1970, moved by `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From one slot to the next; at least a second.
    pub every: TimeDelta,
    /// Moves all slots.
    pub offset: TimeDelta,
}

/// That something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The first slot that was not served.
    pub since: Timestamp,
    /// How many slots went by unserved, this one included; at least 1.
    pub slots: u64,
}

impl Schedule {
    /// The latest slot that is not after `now`.
    pub fn slot(self, now: Timestamp) -> Timestamp {
        let every = self.every.num_seconds().max(1);
        let moved = now.timestamp() - self.offset.num_seconds();
        let slot = moved - moved.rem_euclid(every) + self.offset.num_seconds();
        // Seconds of a moment that exists, less than one slot before it.
        DateTime::from_timestamp(slot, 0).unwrap_or(now)
    }

    /// Whether something is due that was last done at `last`. What is said to have been done in the future was
    /// done by a clock that was wrong: it serves no slot, or a clock that jumped back would end all copies.
    pub fn due(self, last: Option<Timestamp>, now: Timestamp) -> Option<Due> {
        let slot = self.slot(now);
        let last = last.filter(|last| *last <= now + SLACK);
        match last {
            Some(last) if last >= slot => None,
            None => Some(Due { since: slot, slots: 1 }),
            Some(last) => {
                let every = self.every.num_seconds().max(1);
                let since = self.slot(last) + TimeDelta::seconds(every);
                let slots = (slot - since).num_seconds() / every + 1;
                Some(Due { since, slots: u64::try_from(slots).unwrap_or(1) })
            }
        }
    }
}

/// How far apart two clocks may be before one of them counts as wrong.
const SLACK: TimeDelta = TimeDelta::minutes(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NIGHTLY: Schedule = Schedule { every: TimeDelta::hours(24), offset: TimeDelta::hours(2) };

    #[test]
    fn a_slot_is_due_once_however_late_it_is_served() {
        assert_eq!(NIGHTLY.slot(at("2026-11-28T01:59:59Z")), at("2026-11-27T02:00:00Z"));
        assert_eq!(NIGHTLY.slot(at("2026-11-28T02:00:00Z")), at("2026-11-28T02:00:00Z"));
        let late = at("2026-11-28T09:00:00Z");
        assert_eq!(NIGHTLY.due(Some(at("2026-11-28T02:00:00Z")), late), None);
        let due = NIGHTLY.due(Some(late), at("2026-11-29T02:00:00Z")).unwrap();
        assert_eq!(
            (due.since, due.slots),
            (at("2026-11-29T02:00:00Z"), 1),
            "not 24 hours after the late one"
        );
    }

    #[test]
    fn missed_slots_are_counted_and_due_together() {
        let due = NIGHTLY.due(Some(at("2026-11-20T02:00:05Z")), at("2026-11-23T12:00:00Z")).unwrap();
        assert_eq!((due.since, due.slots), (at("2026-11-21T02:00:00Z"), 3));
        assert_eq!(NIGHTLY.due(None, at("2026-11-23T12:00:00Z")).unwrap().slots, 1);
    }

    #[test]
    fn what_a_wrong_clock_recorded_serves_no_slot() {
        let now = at("2026-11-28T12:00:00Z");
        assert_eq!(NIGHTLY.due(Some(at("2026-11-28T12:04:00Z")), now), None, "clocks differ a little");
        assert!(NIGHTLY.due(Some(at("2036-11-28T12:00:00Z")), now).is_some());
    }
}
