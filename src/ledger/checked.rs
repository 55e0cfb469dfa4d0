//! What stores were found to do when they were asked.

use super::{Event, History, Record, VaultRef};
use crate::domain::Timestamp;
use crate::store::Asked;
use serde::{Deserialize, Serialize};

/// What a store was found to do: the stable names of what was asked, by what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedStore {
    /// What it does.
    pub holds: Vec<String>,
    /// What it does not do.
    pub fails: Vec<String>,
    /// What the answers did not tell.
    pub open: Vec<String>,
}

impl History {
    /// Notes what the store was found to do. What it was found not to do, here or where a copy of the vault is, stays so until it
    /// is found to do that here: a check that learnt nothing takes nothing back.
    pub(super) fn take_check(&mut self, record: &Record, here: &VaultRef) {
        if let Event::StoreChecked { vault, checked } = &record.event
            && vault.id == here.id
        {
            if vault == here {
                if checked.holds.iter().any(|asked| asked == Asked::Lock.id()) {
                    self.kept_locks_at = Some(record.at);
                }
                self.fails.retain(|asked, _| !checked.holds.contains(asked));
            }
            self.fails.extend(checked.fails.iter().map(|asked| (asked.clone(), record.at)));
        }
    }

    /// Notes which lock a point had.
    pub(super) fn take_lock(&mut self, record: &Record, here: &VaultRef) {
        if let Event::Locked { point, vault, lock } = &record.event
            && self.knows(point, vault, here)
        {
            match lock {
                Some(lock) => drop(self.locks.insert(point.id, (*lock, record.at))),
                None => drop(self.locks.remove(&point.id)),
            }
        }
    }

    /// When the store was last found to keep the locks that it is given, and nothing was found since that says otherwise.
    pub fn keeps_locks(&self) -> Option<Timestamp> {
        self.kept_locks_at.filter(|_| self.gives_locks_up().is_none())
    }

    /// When the store was last found not to keep locks.
    pub fn gives_locks_up(&self) -> Option<Timestamp> {
        let of_locks = Asked::OF_LOCKS.iter().filter_map(|asked| self.fails.get(asked.id()));
        of_locks.max().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at: i64, vault: &VaultRef, fails: &[&str], holds: &[&str]) -> Record {
        let all = |of: &[&str]| of.iter().map(|asked| (*asked).to_owned()).collect();
        let checked = CheckedStore { fails: all(fails), holds: all(holds), open: Vec::new() };
        let event = Event::StoreChecked { vault: vault.clone(), checked };
        Record::unchained(Timestamp::from_timestamp(at, 0).unwrap(), event)
    }

    #[test]
    fn what_a_store_gave_up_counts_until_it_is_found_to_keep_that() {
        let here = VaultRef { id: "v".into(), place: "here".into() };
        let there = VaultRef { place: "there".into(), ..here.clone() };
        let gives_up =
            |records: &[Record]| History::of(records, &here).gives_locks_up().map(|at| at.timestamp());
        assert_eq!(gives_up(&[]), None);
        let sound = record(1, &here, &["creates-once"], &["lock", "lock-shorter"]);
        assert_eq!(gives_up(std::slice::from_ref(&sound)), None);
        let lies = record(3, &here, &["clock", "lock-shorter"], &["lock"]);
        let (silent, elsewhere) =
            (record(4, &here, &[], &["lock"]), record(5, &there, &[], &["lock-shorter"]));
        assert_eq!(gives_up(&[sound.clone(), lies.clone(), silent, elsewhere]), Some(3));
        let mended = record(6, &here, &[], &["lock-shorter"]);
        assert_eq!(gives_up(&[lies.clone(), mended.clone()]), None);
        let keeps = |records: &[Record]| History::of(records, &here).keeps_locks().map(|at| at.timestamp());
        let never = record(2, &here, &[], &["creates-once"]);
        assert_eq!(keeps(&[never.clone(), record(2, &there, &[], &["lock"])]), None);
        assert_eq!(keeps(&[sound.clone(), never]), Some(1));
        // What it gave up since counts against the lock that it told.
        assert_eq!(keeps(&[sound.clone(), lies.clone()]), None);
        assert_eq!(keeps(&[sound.clone(), lies, mended]), Some(3));
        // The place is told by the address: under another one it is the same vault.
        assert_eq!(gives_up(&[sound, record(7, &there, &["lock"], &[])]), Some(7));
    }
}
