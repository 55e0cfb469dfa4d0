//! Which slots of the schedule no signed checkpoint speaks of. Pure.

use super::{Sealed, SpokenCopy};
use crate::domain::Timestamp;
use crate::plan::Schedule;
use chrono::TimeDelta;
use serde::Serialize;
use std::collections::BTreeMap;

/// Slots of one scheduled copy, one after the other, that no checkpoint speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissedSlots {
    /// The volume's name in the estate file.
    pub volume: String,
    /// The vault's.
    pub vault: String,
    /// The first of them.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
}

/// Of one copy: its schedule, the latest slot that was spoken of, and how long a night may take.
#[derive(Clone, Copy)]
struct Spoken {
    schedule: Schedule,
    last: Timestamp,
    deadline: TimeDelta,
}

impl Spoken {
    /// The slots after the last one that was spoken of and before `end`.
    fn missed(&self, (volume, vault): &(String, String), end: Timestamp) -> Option<MissedSlots> {
        let every = self.schedule.every.num_seconds().max(1);
        let first = self.last.checked_add_signed(TimeDelta::seconds(every)).filter(|first| *first < end)?;
        let more = (end - first).num_seconds().saturating_sub(1) / every;
        let last = first.checked_add_signed(TimeDelta::seconds(more.checked_mul(every)?))?;
        let count = u64::try_from(more).ok()? + 1;
        Some(MissedSlots { volume: volume.clone(), vault: vault.clone(), first, last, count })
    }
}

/// The slots that no checkpoint speaks of, from the first one that does up to `now`, by the schedules that the checkpoints themselves
/// tell. A night speaks of the latest slot of each copy when it began and of those that came while it ran; what it lists no more is
/// scheduled no more. The newest slots are not missed before the night that serves them would have to be over.
pub fn missed_slots(sealed: &[Sealed], now: Timestamp) -> Vec<MissedSlots> {
    let mut open: BTreeMap<(String, String), Spoken> = BTreeMap::new();
    let mut missed = Vec::new();
    for checkpoint in sealed.iter().map(|sealed| &sealed.checkpoint) {
        let Some(night) = &checkpoint.night else { continue };
        let before = std::mem::take(&mut open);
        for copy in &night.copies {
            let (schedule, deadline) = (schedule_of(copy), TimeDelta::try_seconds(night.deadline_seconds));
            // A clock that went back ends no schedule: what was spoken of stays so.
            let last = schedule.slot(checkpoint.at.max(night.began));
            let key = (copy.volume.clone(), copy.vault.clone());
            let last = before.get(&key).map_or(last, |spoken| spoken.last.max(last));
            open.insert(key, Spoken { schedule, last, deadline: deadline.unwrap_or_default() });
        }
        for (key, spoken) in &before {
            let schedule = open.get(key).map_or(spoken.schedule, |now| now.schedule);
            missed.extend(spoken.missed(key, schedule.slot(night.began)));
        }
    }
    for (key, spoken) in &open {
        // What is to be seen by now: a slot at this very moment is due as soon as it is over.
        let end = now.checked_sub_signed(spoken.deadline).unwrap_or(now);
        missed.extend(spoken.missed(key, end));
    }
    missed
}

fn schedule_of(copy: &SpokenCopy) -> Schedule {
    let seconds = |seconds: i64| TimeDelta::try_seconds(seconds).unwrap_or_default();
    Schedule { every: seconds(copy.every_seconds), offset: seconds(copy.offset_seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Checkpoint, Night};
    use crate::signing::Signer;
    use crate::vault::format::Digest;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    /// A checkpoint of a night from `began` to `ended`, with these copies: a volume and hours between its slots.
    fn night(began: &str, ended: &str, copies: &[(&str, i64)]) -> Sealed {
        let signer = Signer::parse(&format!("outlive-signing-key-1:{}=", "A".repeat(43))).unwrap();
        let copy = |(volume, hours): &(&str, i64)| SpokenCopy {
            volume: (*volume).into(),
            vault: "v".into(),
            every_seconds: hours * 3600,
            offset_seconds: 2 * 3600,
            outcome: "done".into(),
        };
        let of = (Digest([1; 32]), 1, Digest([2; 32]));
        let copies = copies.iter().map(copy).collect();
        let night = Some(Night { began: at(began), deadline_seconds: 6 * 3600, copies });
        let checkpoint = Checkpoint::after(&[], &signer.public(), of, at(ended));
        Sealed::sign(Checkpoint { night, ..checkpoint }, &signer).unwrap()
    }

    fn said(sealed: &[Sealed], now: &str) -> Vec<(String, String, u64)> {
        let say =
            |missed: MissedSlots| (missed.volume, missed.first.format("%dT%H:%M").to_string(), missed.count);
        missed_slots(sealed, at(now)).into_iter().map(say).collect()
    }

    #[test]
    fn a_night_that_nobody_speaks_of_is_missed_once_it_would_have_to_be_over() {
        let one = |day: u32| night(&format!("{day:02}T02:00"), &format!("{day:02}T02:30"), &[("a", 24)]);
        assert_eq!(said(&[], "30T00:00"), []);
        let each = [one(1), one(2), one(3)];
        assert_eq!(said(&each, "03T23:00"), []);
        assert_eq!(said(&each, "04T07:59"), [], "that night may still run");
        assert_eq!(said(&each, "04T08:01"), [("a".into(), "04T02:00".into(), 1)]);
        assert_eq!(said(&each, "06T09:00"), [("a".into(), "04T02:00".into(), 3)]);
        let late = night("02T11:00", "02T11:10", &[("a", 24)]);
        assert_eq!(said(&[one(1), late, one(3)], "03T05:00"), [], "a late night speaks of its slot");
        assert_eq!(
            said(&[one(1), one(3), one(6)], "06T05:00"),
            [("a".into(), "02T02:00".into(), 1), ("a".into(), "04T02:00".into(), 2)]
        );
    }

    #[test]
    fn each_copy_counts_by_its_own_schedule_also_after_that_was_changed() {
        // Every slot that came while a night ran is spoken of by that night.
        let hourly = [night("01T02:00", "01T05:30", &[("a", 1)]), night("01T07:10", "01T07:20", &[("a", 1)])];
        assert_eq!(said(&hourly, "01T08:00"), [("a".into(), "01T06:00".into(), 1)]);
        let two = [
            night("01T02:00", "01T02:10", &[("a", 24), ("b", 168)]),
            night("02T02:00", "02T02:10", &[("a", 24)]),
        ];
        assert_eq!(said(&two, "02T09:00"), [], "what is listed no more is scheduled no more");
        let changed =
            [night("01T02:00", "01T02:10", &[("a", 1)]), night("02T02:00", "02T02:10", &[("a", 24)])];
        assert_eq!(said(&changed, "02T09:00"), [("a".into(), "01T03:00".into(), 23)]);
        let back = [night("03T02:00", "03T02:10", &[("a", 24)]), night("01T02:00", "01T02:10", &[("a", 24)])];
        assert_eq!(said(&back, "03T09:00"), [], "a clock that went back makes nothing missed");
    }
}
