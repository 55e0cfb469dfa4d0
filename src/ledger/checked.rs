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
    /// Notes what the store was found to do.
    pub(super) fn take_check(&mut self, record: &Record, here: &VaultRef) {
        if let Event::StoreChecked { vault, checked } = &record.event
            && vault == here
        {
            self.checked = Some((checked.clone(), record.at));
        }
    }

    /// When the store was last asked, and found not to keep locks.
    pub fn gives_locks_up(&self) -> Option<Timestamp> {
        let (checked, at) = self.checked.as_ref()?;
        let denies = |id: &String| Asked::OF_LOCKS.iter().any(|asked| asked.id() == id);
        checked.fails.iter().any(denies).then_some(*at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::format::Digest;

    fn record(at: i64, vault: &VaultRef, fails: &[&str]) -> Record {
        let fails = fails.iter().map(|asked| (*asked).to_owned()).collect();
        let checked = CheckedStore { fails, ..CheckedStore::default() };
        let event = Event::StoreChecked { vault: vault.clone(), checked };
        let at = Timestamp::from_timestamp(at, 0).unwrap();
        Record { schema: String::new(), seq: 0, at, prev: Digest([0; 32]), after_torn: false, event }
    }

    #[test]
    fn what_was_found_last_at_this_place_says_whether_locks_are_given_up() {
        let here = VaultRef { id: "v".into(), place: "here".into() };
        let there = VaultRef { place: "there".into(), ..here.clone() };
        let gives_up =
            |records: &[Record]| History::of(records, &here).gives_locks_up().map(|at| at.timestamp());
        assert_eq!(gives_up(&[]), None);
        let (sound, other) = (record(1, &here, &["creates-once"]), record(2, &there, &["lock"]));
        assert_eq!(gives_up(&[sound.clone(), other]), None);
        let (lies, mended) = (record(3, &here, &["clock", "lock-shorter"]), record(4, &here, &[]));
        assert_eq!(gives_up(&[sound, lies.clone()]), Some(3));
        assert_eq!(gives_up(&[lies, mended]), None);
    }
}
