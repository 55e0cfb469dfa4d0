//! States folded from events: never a field that somebody sets.

use super::{Event, Record};
use crate::domain::{CopyState, Timestamp};
use crate::vault::RootRecord;
use crate::vault::format::{Digest, PACKS, PackKey, SIDECARS};
use std::collections::{BTreeMap, BTreeSet};

/// What a ledger says of one vault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How far each recovery point was proved.
    pub states: BTreeMap<Digest, CopyState>,
    /// When each point was last restored and compared.
    pub last_restored: BTreeMap<Digest, Timestamp>,
    /// Every point that was ever recorded.
    pub points: Vec<RootRecord>,
    /// Packs found damaged, or whose sidecars were: nothing is built on them again.
    pub damaged_packs: BTreeSet<PackKey>,
}

impl History {
    /// Folds the records of one vault, in their order.
    pub fn of(records: &[Record], vault: &str) -> Self {
        let mut history = Self::default();
        for record in records {
            history.take(record, vault);
        }
        history
    }

    fn take(&mut self, record: &Record, vault_id: &str) {
        match &record.event {
            Event::Stored { point, root, vault, volume, taken_at, missed, .. } if vault == vault_id => {
                let state = if *missed == 0 { CopyState::Stored } else { CopyState::Incomplete };
                self.states.insert(*point, state);
                let (key, volume) = (root.clone(), volume.clone());
                self.points.push(RootRecord { key, id: *point, volume, taken_at: *taken_at });
            }
            Event::ReadBack { point, vault, .. } if vault == vault_id => {
                self.raise(*point, CopyState::ReadBack)
            }
            Event::Verified { point, vault } if vault == vault_id => {
                // Every object was read and decoded again: what was damaged is sound now.
                if self.states.get(point) == Some(&CopyState::Damaged) {
                    self.states.insert(*point, CopyState::Stored);
                }
                self.raise(*point, CopyState::Verified);
            }
            Event::Restored { point, vault, .. } if vault == vault_id => {
                self.raise(*point, CopyState::Restored);
                self.last_restored.insert(*point, record.at);
            }
            Event::Damaged { vault, object, points, .. } if vault == vault_id => self.damaged(object, points),
            _ => {}
        }
    }

    /// Raises a state. Incomplete and damaged points stay what they are; a point this ledger did not see
    /// being stored was stored by somebody.
    fn raise(&mut self, point: Digest, to: CopyState) {
        let state = self.states.entry(point).or_insert(CopyState::Stored);
        if *state >= CopyState::Stored {
            *state = to.max(*state);
        }
    }

    fn damaged(&mut self, object: &str, points: &[String]) {
        if let Some((PACKS | SIDECARS, name)) = object.split_once('/') {
            self.damaged_packs.insert(PackKey(name.into()));
        }
        for record in self.points.iter().filter(|record| points.contains(&record.key)) {
            self.states.insert(record.id, CopyState::Damaged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VolumeId;

    fn record(event: Event) -> Record {
        let prev = Digest([0; 32]);
        Record { schema: String::new(), seq: 0, at: Timestamp::UNIX_EPOCH, prev, after_torn: false, event }
    }

    fn stored(missed: u64) -> Record {
        record(Event::Stored {
            point: Digest([1; 32]),
            root: "roots/one".into(),
            vault: "v".into(),
            volume: VolumeId("h:/p".into()),
            taken_at: Timestamp::UNIX_EPOCH,
            missed,
            written_bytes: 1,
        })
    }

    fn state(records: &[Record]) -> Option<CopyState> {
        History::of(records, "v").states.get(&Digest([1; 32])).copied()
    }

    #[test]
    fn states_rise_with_what_was_proved_and_fall_with_damage() {
        let vault = || "v".to_owned();
        let point = Digest([1; 32]);
        let read_back = || record(Event::ReadBack { point, vault: vault(), bytes: 1 });
        let verified = || record(Event::Verified { point, vault: vault() });
        let damaged = || {
            record(Event::Damaged {
                vault: vault(),
                object: "packs/a-b".into(),
                because: "x".into(),
                points: vec!["roots/one".into()],
            })
        };
        assert_eq!(state(&[]), None);
        assert_eq!(state(&[stored(0)]), Some(CopyState::Stored));
        assert_eq!(state(&[stored(0), read_back()]), Some(CopyState::ReadBack));
        assert_eq!(state(&[stored(0), verified(), read_back()]), Some(CopyState::Verified));
        assert_eq!(state(&[stored(0), verified(), damaged()]), Some(CopyState::Damaged));
        assert_eq!(state(&[stored(0), verified(), damaged(), read_back()]), Some(CopyState::Damaged));
        assert_eq!(state(&[stored(0), damaged(), verified()]), Some(CopyState::Verified));
        assert_eq!(state(&[stored(3), verified()]), Some(CopyState::Incomplete));
        let other = History::of(&[stored(0), damaged()], "another vault");
        assert_eq!(other, History::default());
        assert!(History::of(&[damaged()], "v").damaged_packs.contains(&PackKey("a-b".into())));
    }
}
