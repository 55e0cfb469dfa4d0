//! Which recovery point of a volume this ledger saw being stored last.

use super::{Event, History, Record, VaultRef};
use crate::domain::VolumeId;
use crate::vault::RootRecord;

impl History {
    /// Notes the newest point of each volume, of those that were stored from here. To have read one says nothing of whether
    /// there was a newer one.
    pub(super) fn take_stored(&mut self, record: &Record, here: &VaultRef) {
        if let Event::Stored { point, vault, .. } = &record.event
            && vault.id == here.id
        {
            let last = self.stored_last.entry(point.volume.clone()).or_insert_with(|| point.clone());
            if point.taken_at >= last.taken_at {
                *last = point.clone();
            }
        }
    }

    /// The newest point of a volume that was stored from here, in this vault wherever it is.
    pub fn stored_last(&self, volume: &VolumeId) -> Option<&RootRecord> {
        self.stored_last.get(volume)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::vault::format::Digest;

    #[test]
    fn only_what_was_stored_from_here_says_which_point_is_the_newest() {
        let vault = VaultRef { id: "v".into(), place: "here".into() };
        let volume = VolumeId("h:/p".into());
        let point = |number: u8| RootRecord {
            key: format!("roots/{number}"),
            id: Digest([number; 32]),
            volume: volume.clone(),
            taken_at: Timestamp::from_timestamp(i64::from(number), 0).unwrap(),
        };
        let record = |event| Record::unchained(Timestamp::UNIX_EPOCH, event);
        let stored = |number, vault: &VaultRef| {
            record(Event::Stored { point: point(number), vault: vault.clone(), missed: 0, written_bytes: 1 })
        };
        let verified = record(Event::Verified { point: point(9), vault: vault.clone() });
        let last = |records: &[Record]| History::of(records, &vault).stored_last(&volume).cloned();
        assert_eq!(last(std::slice::from_ref(&verified)), None);
        let elsewhere = VaultRef { id: "w".into(), ..vault.clone() };
        let moved = VaultRef { place: "there".into(), ..vault.clone() };
        let all = [stored(1, &vault), stored(3, &moved), verified, stored(2, &vault), stored(7, &elsewhere)];
        assert_eq!(last(&all), Some(point(3)));
    }
}
