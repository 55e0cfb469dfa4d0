//! Which drills are due.

use super::{Due, Schedule};
use crate::domain::Timestamp;

/// A drill as far as its schedule goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillSlot {
    /// Its name.
    pub name: String,
    /// Its slots.
    pub schedule: Schedule,
    /// When the last run began that came to a verdict. A run that could not be tried serves no slot.
    pub last_tried_at: Option<Timestamp>,
    /// When the last run of all began, where that one could not be tried: the next one tries again, whatever was served.
    pub not_run_at: Option<Timestamp>,
}

/// The drills that are due, longest first, by their place in `slots`. What was missed while the machine was off is
/// due once, now.
pub fn drills_due(slots: &[DrillSlot], now: Timestamp) -> Vec<(usize, Due)> {
    let due = |(place, slot): (usize, &DrillSlot)| {
        let again = || slot.not_run_at.and_then(|_| slot.schedule.due(None, now));
        Some((place, slot.schedule.due(slot.last_tried_at, now).or_else(again)?))
    };
    let mut all: Vec<(usize, Due)> = slots.iter().enumerate().filter_map(due).collect();
    all.sort_by(|(a, one), (b, other)| (one.since, &slots[*a].name).cmp(&(other.since, &slots[*b].name)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn slot(name: &str, last: Option<&str>) -> DrillSlot {
        let schedule = Schedule { every: TimeDelta::days(1), offset: TimeDelta::hours(3) };
        DrillSlot { name: name.into(), schedule, last_tried_at: last.map(at), not_run_at: None }
    }

    #[test]
    fn what_was_missed_is_due_once_and_what_was_served_is_not() {
        let slots = [
            slot("served", Some("2026-11-28T03:00:05Z")),
            slot("never", None),
            slot("missed", Some("2026-11-20T03:10:00Z")),
        ];
        let due = drills_due(&slots, at("2026-11-28T09:00:00Z"));
        let named: Vec<_> = due.iter().map(|(place, due)| (slots[*place].name.as_str(), due.slots)).collect();
        assert_eq!(named, [("missed", 8), ("never", 1)]);
        assert_eq!(due[0].1.since, at("2026-11-21T03:00:00Z"));
        assert!(drills_due(&slots[..1], at("2026-11-29T02:59:59Z")).is_empty());
        assert_eq!(drills_due(&slots[..1], at("2026-11-29T03:00:00Z")).len(), 1);
    }

    #[test]
    fn what_could_not_be_tried_is_due_though_its_slot_was_served_before() {
        let served = slot("served", Some("2026-11-28T03:00:05Z"));
        let tried = [DrillSlot { not_run_at: Some(at("2026-11-28T08:00:00Z")), ..served }];
        let due = drills_due(&tried, at("2026-11-28T09:00:00Z"));
        assert_eq!((due.len(), due[0].1.since), (1, at("2026-11-28T03:00:00Z")));
        let missed = slot("missed", Some("2026-11-20T03:10:00Z"));
        let tried = [DrillSlot { not_run_at: Some(at("2026-11-28T08:00:00Z")), ..missed }];
        assert_eq!(drills_due(&tried, at("2026-11-28T09:00:00Z"))[0].1.slots, 8);
    }
}
