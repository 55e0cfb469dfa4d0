//! Which roots repairs wrote, in place of others.

use super::{Event, History, Record, VaultRef};

impl History {
    /// Notes a root that stands in for another one, in this vault wherever it is.
    pub(super) fn take_repair(&mut self, record: &Record, here: &VaultRef) {
        if let Event::Repaired { vault, point, .. } = &record.event
            && vault.id == here.id
        {
            self.repaired.insert(point.id);
        }
    }

    /// True where a root with this key was recorded.
    pub fn knows_root(&self, key: &str) -> bool {
        self.points.iter().any(|point| point.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CopyState, Timestamp, VolumeId};
    use crate::vault::RootRecord;
    use crate::vault::format::Digest;

    #[test]
    fn a_repair_is_known_of_its_vault_alone_and_proves_nothing_by_itself() {
        let vault = VaultRef { id: "v".into(), place: "here".into() };
        let point = |number: u8| RootRecord {
            key: format!("roots/a-b-{number}"),
            id: Digest([number; 32]),
            volume: VolumeId("h:/p".into()),
            taken_at: Timestamp::UNIX_EPOCH,
        };
        let record = |event| Record::unchained(Timestamp::UNIX_EPOCH, event);
        let stored = |number| Event::Stored {
            point: point(number),
            vault: vault.clone(),
            missed: 0,
            written_bytes: 1,
        };
        let of = |vault: &VaultRef| {
            let (vault, replaces) = (vault.clone(), point(1).key);
            Event::Repaired { vault, point: point(2), replaces, lost: 0 }
        };
        let records = [stored(1), stored(2), of(&vault)].map(record);
        let history = History::of(&records, &vault);
        assert!(history.repaired.contains(&point(2).id) && history.knows_root("roots/a-b-1"));
        assert_eq!(history.state(&point(2)), Some(CopyState::Stored));
        assert_eq!(
            history.stored_last(&point(1).volume),
            Some(&point(2)),
            "it takes the place of the newest"
        );
        let other = VaultRef { id: "w".into(), ..vault.clone() };
        assert!(History::of(&[record(of(&other))], &vault).repaired.is_empty());
    }
}
