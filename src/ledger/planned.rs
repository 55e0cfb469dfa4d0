//! What plans for expiry have named: only that may be gone without being missed.

use super::{Event, History, Record, VaultRef};
use crate::vault::RootRecord;
use crate::vault::format::{Digest, PackKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a plan for expiry names. It is recorded before anybody can carry it out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedExpiry {
    /// The points that go.
    pub points: Vec<RootRecord>,
    /// The packs that go, each with its sidecar: nothing new is built on them.
    pub packs: Vec<PackKey>,
    /// Points that an earlier plan named, that are still there, and that this one keeps: should they go now, they are missed.
    pub kept_again: Vec<Digest>,
    /// The SHA-256 of each file that was written, in their order.
    pub files: Vec<Digest>,
}

impl History {
    /// Notes what was planned. Points are let go at this very place: a plan for a copy of the vault says nothing of this one. Its
    /// packs are not built on wherever they may be meant, as where one bucket is reached under two names.
    pub(super) fn take_plan(&mut self, record: &Record, here: &VaultRef) {
        let Event::ExpiryPlanned { vault, planned } = &record.event else { return };
        if vault.id == here.id {
            self.planned_packs.extend(planned.packs.iter().cloned());
        }
        if vault == here {
            self.planned.retain(|id, _| !planned.kept_again.contains(id));
            self.planned.extend(planned.points.iter().map(|point| (point.id, record.at)));
        }
    }

    /// The points that have to be there: those that were recorded, but for those that a plan let go. One of those that is
    /// there all the same counts as there.
    pub fn awaited(&self) -> impl Iterator<Item = &RootRecord> {
        self.points.iter().filter(|point| !self.planned.contains_key(&point.id))
    }

    /// The points that a plan let go, and none took that back.
    pub fn let_go(&self) -> BTreeSet<Digest> {
        self.planned.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, VolumeId};

    fn vault(place: &str) -> VaultRef {
        VaultRef { id: "v".into(), place: place.into() }
    }

    fn point(number: u8) -> RootRecord {
        let (key, id) = (format!("roots/{number}"), Digest([number; 32]));
        RootRecord { key, id, volume: VolumeId("h:/p".into()), taken_at: Timestamp::UNIX_EPOCH }
    }

    fn record(event: Event) -> Record {
        Record::unchained(Timestamp::UNIX_EPOCH, event)
    }

    fn stored(number: u8) -> Record {
        record(Event::Stored { point: point(number), vault: vault("here"), missed: 0, written_bytes: 1 })
    }

    fn plan(place: &str, points: &[u8], kept_again: &[u8]) -> Record {
        let planned = PlannedExpiry {
            points: points.iter().copied().map(point).collect(),
            packs: points.iter().map(|number| PackKey(format!("pack-{number}").into())).collect(),
            kept_again: kept_again.iter().map(|number| point(*number).id).collect(),
            files: Vec::new(),
        };
        record(Event::ExpiryPlanned { vault: vault(place), planned })
    }

    #[test]
    fn only_what_was_planned_here_may_be_gone_and_only_until_a_plan_keeps_it_again() {
        let awaited = |records: &[Record]| {
            let history = History::of(records, &vault("here"));
            history.awaited().map(|point| point.id.0[0]).collect::<Vec<u8>>()
        };
        let two = || vec![stored(1), stored(2)];
        let with = |more: Vec<Record>| two().into_iter().chain(more).collect::<Vec<_>>();
        assert_eq!(awaited(&two()), [1, 2]);
        assert_eq!(awaited(&with(vec![plan("here", &[1], &[])])), [2]);
        assert_eq!(awaited(&with(vec![plan("elsewhere", &[1], &[])])), [1, 2]);
        assert_eq!(awaited(&with(vec![plan("here", &[1], &[]), plan("here", &[2], &[1])])), [1]);
        assert_eq!(awaited(&with(vec![plan("here", &[1], &[]), plan("here", &[], &[])])), [2]);
        // A file that was written may be carried out at any time: nothing is built on its packs again.
        let history =
            History::of(&with(vec![plan("here", &[1], &[]), plan("here", &[], &[1])]), &vault("here"));
        assert!(history.planned_packs.contains(&PackKey("pack-1".into())));
        // One bucket may have two names: a plan for what may be elsewhere excuses nothing here, and is built on nowhere.
        let history = History::of(&with(vec![plan("elsewhere", &[1], &[])]), &vault("here"));
        assert!(history.planned_packs.contains(&PackKey("pack-1".into())) && history.let_go().is_empty());
    }
}
