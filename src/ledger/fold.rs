//! States folded from events: never a field that somebody sets.

use super::{DrillEnd, Event, Record, TriedEscrow, VaultRef};
use crate::domain::{CopyState, Lock, Timestamp, VolumeId};
use crate::vault::RootRecord;
use crate::vault::format::{Digest, PACKS, PackKey, SIDECARS};
use std::collections::{BTreeMap, BTreeSet};

/// What a ledger says of one vault at its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How far each recovery point was proved here.
    pub states: BTreeMap<Digest, CopyState>,
    /// Since when every object of a point has been read back here: the oldest reading it builds on.
    pub read_since: BTreeMap<Digest, Timestamp>,
    /// When a restore of a point from here was last tried with success: by a drill, or for real.
    pub restored_at: BTreeMap<Digest, Timestamp>,
    /// Every point that was ever recorded of this vault, here or where a copy of it was.
    pub points: Vec<RootRecord>,
    /// Packs found damaged, or whose sidecars were: nothing is built on them again.
    pub damaged_packs: BTreeSet<PackKey>,
    /// When packs were last read back as a share of the vault.
    pub pack_read: BTreeMap<PackKey, Timestamp>,
    /// When a share was last read.
    pub last_share: Option<Timestamp>,
    /// The lock that a point had, and when that was read.
    pub locks: BTreeMap<Digest, (Lock, Timestamp)>,
    /// Packs that plans for expiry named: nothing new is built on them.
    pub planned_packs: BTreeSet<PackKey>,
    /// The roots that repairs wrote here, which stand in for others.
    pub repaired: BTreeSet<Digest>,
    /// The newest point of each volume, of those stored from here.
    pub(super) stored_last: BTreeMap<VolumeId, RootRecord>,
    /// The points that plans for expiry let go, and when.
    pub(super) planned: BTreeMap<Digest, Timestamp>,
    /// When the store was last found to keep the lock that it was given.
    pub(super) kept_locks_at: Option<Timestamp>,
    /// What the store was found not to do, and when.
    pub(super) fails: BTreeMap<String, Timestamp>,
    /// Proofs of escrow keys, the last one last.
    pub(super) escrows: Vec<TriedEscrow>,
    /// The keys of the roots that damage takes along.
    damaged_roots: BTreeSet<String>,
    /// How many events were folded: their order is what tells later from earlier.
    events: usize,
    /// When a pack, or its sidecar, was last found damaged.
    pack_damaged: BTreeMap<PackKey, usize>,
    /// When a point was last verified whole.
    verified: BTreeMap<Digest, usize>,
    /// When a pack, or its sidecar, could last not be read.
    pack_unread: BTreeMap<PackKey, Moment>,
    /// The same of anything that the point with this root needs.
    root_unread: BTreeMap<String, Moment>,
    /// When a point was last read back, and since when all that it builds on was.
    read_back: BTreeMap<Digest, Moment>,
}

/// When something happened: by the order of the events, and by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    event: usize,
    at: Timestamp,
}

impl History {
    /// Folds the records of one vault, in their order.
    pub fn of(records: &[Record], vault: &VaultRef) -> Self {
        let mut history = Self::default();
        for record in records {
            history.take(record, vault);
            history.take_stored(record, vault);
            history.take_restore(record, vault);
            history.take_lock(record, vault);
            history.take_check(record, vault);
            history.take_plan(record, vault);
            history.take_repair(record, vault);
            history.take_escrow(record, vault);
        }
        history
    }

    /// How far a point was proved here; `None` where nothing is recorded of it.
    pub fn state(&self, point: &RootRecord) -> Option<CopyState> {
        let state = self.states.get(&point.id).copied();
        match (self.damaged_roots.contains(&point.key), self.is_unread(point, std::iter::empty())) {
            (true, _) => Some(CopyState::Damaged),
            (false, true) => state.min(Some(CopyState::Stored)),
            (false, false) => state,
        }
    }

    /// True where something that this point needs, one of these packs too, could not be read, and the point has not
    /// been verified since, nor read back with everything that it builds on.
    pub fn is_unread<'a>(&self, point: &RootRecord, mut packs: impl Iterator<Item = &'a PackKey>) -> bool {
        let verified = self.verified.get(&point.id).copied();
        let read_back = self.read_back.get(&point.id);
        let is_open = |unread: &Moment| {
            let was_verified = verified > Some(unread.event);
            let was_read = read_back.is_some_and(|read| read.event > unread.event && read.at >= unread.at);
            !was_verified && !was_read
        };
        self.root_unread.get(&point.key).is_some_and(is_open)
            || packs.any(|pack| self.pack_unread.get(pack).is_some_and(is_open))
    }

    /// True where whoever asks for a state must name the packs: some were found damaged or could not be read.
    pub fn depends_on_packs(&self) -> bool {
        !self.pack_damaged.is_empty() || !self.pack_unread.is_empty()
    }

    /// True where a pack that this point needs was found damaged, and the point was not verified since.
    pub fn is_damaged(&self, point: &RootRecord, pack: &PackKey) -> bool {
        let verified = self.verified.get(&point.id);
        self.pack_damaged.get(pack).is_some_and(|found| verified < Some(found))
    }

    /// How far a point that needs these packs was proved here. Whoever found a pack damaged need not have known
    /// every point that needs it, and a point may have come about since: only a verification after that clears it.
    /// The same holds of a pack that could not be read, which leaves a point no more than stored.
    pub fn state_with<'a>(
        &self,
        point: &RootRecord,
        packs: impl Iterator<Item = &'a PackKey> + Clone,
    ) -> Option<CopyState> {
        if packs.clone().any(|pack| self.is_damaged(point, pack)) {
            return Some(CopyState::Damaged);
        }
        let state = self.state(point);
        if self.is_unread(point, packs) { state.min(Some(CopyState::Stored)) } else { state }
    }

    fn take(&mut self, record: &Record, here: &VaultRef) {
        self.events += 1;
        match &record.event {
            Event::CopyStarted { .. }
            | Event::CopyFailed { .. }
            // What a drill restored whole has its own event, `Restored`.
            | Event::Drilled { .. }
            | Event::NightBegan { .. }
            | Event::NightEnded { .. }
            | Event::WebhookTold { .. }
            | Event::RunbooksWritten { .. }
            | Event::Locked { .. }
            | Event::StoreChecked { .. }
            | Event::ExpiryPlanned { .. }
            | Event::ReaderAdded { .. }
            | Event::EpochBegan { .. }
            | Event::EscrowTried { .. }
            | Event::SentAgain { .. }
            | Event::Repaired { .. }
            | Event::VaultNamed { .. } => {}
            Event::Stored { point, vault, missed, .. } => {
                let state = if *missed == 0 { CopyState::Stored } else { CopyState::Incomplete };
                if self.knows(point, vault, here) {
                    self.states.insert(point.id, state);
                }
            }
            Event::ReadBack { point, vault, since, .. } => {
                if self.knows(point, vault, here) {
                    self.raise(point.id, CopyState::ReadBack);
                    self.read_since.insert(point.id, *since);
                    self.read_back.insert(point.id, Moment { event: self.events, at: *since });
                }
            }
            Event::Verified { point, vault } => {
                if self.knows(point, vault, here) {
                    // Every object was read and decoded again: what was damaged is sound now.
                    self.damaged_roots.remove(&point.key);
                    self.raise(point.id, CopyState::Verified);
                    self.read_since.insert(point.id, record.at);
                    self.verified.insert(point.id, self.events);
                }
            }
            Event::Restored { point, vault, .. } if self.knows(point, vault, here) => {
                self.raise(point.id, CopyState::Restored);
            }
            Event::ShareRead { vault, packs, .. } => self.take_share(packs, (vault == here, record.at)),
            // Damage that was found where the place could not be told may be damage here.
            Event::Damaged { vault, object, points, .. } if vault.may_be(here) => {
                if let Some((PACKS | SIDECARS, name)) = object.split_once('/') {
                    self.damaged_packs.insert(PackKey(name.into()));
                    self.pack_damaged.insert(PackKey(name.into()), self.events);
                }
                self.damaged_roots.extend(points.iter().cloned());
            }
            Event::Unread { vault, object, points, .. } if vault == here => {
                let moment = Moment { event: self.events, at: record.at };
                if let Some((PACKS | SIDECARS, name)) = object.split_once('/') {
                    self.pack_unread.insert(PackKey(name.into()), moment);
                }
                self.root_unread.extend(points.iter().map(|key| (key.clone(), moment)));
            }
            Event::Restored { .. } | Event::Damaged { .. } | Event::Unread { .. } => {}
        }
    }

    /// Notes which packs were read back, where that was here.
    fn take_share(&mut self, packs: &[PackKey], (is_here, at): (bool, Timestamp)) {
        if is_here {
            self.pack_read.extend(packs.iter().map(|pack| (pack.clone(), at)));
            self.last_share = Some(at);
        }
    }

    /// Notes that a point exists; true where the event speaks of this very place.
    pub(super) fn knows(&mut self, point: &RootRecord, vault: &VaultRef, here: &VaultRef) -> bool {
        if vault.id == here.id && !self.points.iter().any(|known| known.id == point.id) {
            self.points.push(point.clone());
        }
        vault == here
    }

    /// Notes when a restore succeeded. A drill that restored only a sample raises no state, and is a restore all the same.
    fn take_restore(&mut self, record: &Record, here: &VaultRef) {
        let (point, vault, at) = match &record.event {
            Event::Restored { point, vault, .. } => (point, vault, record.at),
            Event::Drilled { point: Some(point), vault: Some(vault), outcome, started_at, .. }
                if *outcome == DrillEnd::Passed =>
            {
                (point, vault, *started_at)
            }
            _ => return,
        };
        if vault == here {
            let last = self.restored_at.entry(point.id).or_insert(at);
            *last = at.max(*last);
        }
    }

    /// Raises a state. An incomplete point stays what it is; one that this ledger did not see being stored
    /// was stored by somebody.
    fn raise(&mut self, point: Digest, to: CopyState) {
        let state = self.states.entry(point).or_insert(CopyState::Stored);
        if *state >= CopyState::Stored {
            *state = to.max(*state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(event: Event) -> Record {
        Record::unchained(Timestamp::UNIX_EPOCH, event)
    }

    fn vault() -> VaultRef {
        VaultRef { id: "v".into(), place: "here".into() }
    }

    fn point() -> RootRecord {
        let volume = VolumeId("h:/p".into());
        RootRecord { key: "roots/one".into(), id: Digest([1; 32]), volume, taken_at: Timestamp::UNIX_EPOCH }
    }

    fn stored(missed: u64) -> Record {
        record(Event::Stored { point: point(), vault: vault(), missed, written_bytes: 1 })
    }

    fn read_back() -> Record {
        record(Event::ReadBack { point: point(), vault: vault(), bytes: 1, since: Timestamp::UNIX_EPOCH })
    }

    fn verified() -> Record {
        record(Event::Verified { point: point(), vault: vault() })
    }

    fn damaged() -> Record {
        let (object, because) = ("packs/a-b".into(), "x".into());
        record(Event::Damaged { vault: vault(), object, because, points: vec!["roots/one".into()] })
    }

    fn unread(seconds: i64, points: &[&str]) -> Record {
        let (object, because) = ("packs/a-b".into(), "x".into());
        let points = points.iter().map(|point| (*point).to_owned()).collect();
        let event = Event::Unread { vault: vault(), object, because, points };
        Record { at: Timestamp::from_timestamp(seconds, 0).unwrap(), ..record(event) }
    }

    fn read_back_since(seconds: i64) -> Record {
        let since = Timestamp::from_timestamp(seconds, 0).unwrap();
        record(Event::ReadBack { point: point(), vault: vault(), bytes: 1, since })
    }

    fn state(records: &[Record]) -> Option<CopyState> {
        History::of(records, &vault()).state(&point())
    }

    #[test]
    fn states_rise_with_what_was_proved_and_fall_with_damage() {
        assert_eq!(state(&[]), None);
        assert_eq!(state(&[stored(0)]), Some(CopyState::Stored));
        assert_eq!(state(&[stored(0), read_back()]), Some(CopyState::ReadBack));
        assert_eq!(state(&[stored(0), verified(), read_back()]), Some(CopyState::Verified));
        assert_eq!(state(&[stored(0), verified(), damaged()]), Some(CopyState::Damaged));
        assert_eq!(state(&[stored(0), verified(), damaged(), read_back()]), Some(CopyState::Damaged));
        assert_eq!(state(&[stored(0), damaged(), verified()]), Some(CopyState::Verified));
        assert_eq!(state(&[stored(3), verified()]), Some(CopyState::Incomplete));
        assert!(History::of(&[damaged()], &vault()).damaged_packs.contains(&PackKey("a-b".into())));
    }

    #[test]
    fn a_point_that_needs_a_pack_found_damaged_is_damaged_until_it_is_verified_whoever_named_it() {
        let of_another = || {
            let (object, because) = ("sidecars/a-b".into(), "x".into());
            record(Event::Damaged { vault: vault(), object, because, points: vec!["roots/other".into()] })
        };
        let needs = [PackKey("a-b".into())];
        let state = |records: &[Record]| History::of(records, &vault()).state_with(&point(), needs.iter());
        assert_eq!(state(&[of_another(), stored(0), read_back()]), Some(CopyState::Damaged));
        assert_eq!(state(&[stored(0), verified(), of_another()]), Some(CopyState::Damaged));
        assert_eq!(state(&[stored(0), of_another(), verified()]), Some(CopyState::Verified));
        let needs_another = [PackKey("c-d".into())];
        let history = History::of(&[stored(0), read_back(), of_another()], &vault());
        assert_eq!(history.state_with(&point(), needs_another.iter()), Some(CopyState::ReadBack));
    }

    #[test]
    fn what_could_not_be_read_is_no_more_than_stored_until_all_of_it_was_read_again() {
        let needs = [PackKey("a-b".into())];
        let state = |records: &[Record]| History::of(records, &vault()).state_with(&point(), needs.iter());
        for named in [["roots/one"], ["roots/other"]] {
            let unread = || unread(5, &named);
            assert_eq!(state(&[stored(0), verified(), unread()]), Some(CopyState::Stored));
            assert_eq!(state(&[unread(), stored(0)]), Some(CopyState::Stored));
            // What a reading of before is inherited by says nothing of an object that could not be read since.
            assert_eq!(state(&[stored(0), unread(), read_back_since(4)]), Some(CopyState::Stored));
            assert_eq!(state(&[stored(0), read_back_since(6), unread()]), Some(CopyState::Stored));
            assert_eq!(state(&[stored(0), unread(), read_back_since(6)]), Some(CopyState::ReadBack));
            assert_eq!(state(&[stored(0), unread(), verified()]), Some(CopyState::Verified));
            assert_eq!(state(&[stored(3), verified(), unread()]), Some(CopyState::Incomplete));
            assert_eq!(
                state(&[stored(0), damaged(), unread(), read_back_since(6)]),
                Some(CopyState::Damaged)
            );
        }
        assert_eq!(state(&[unread(5, &["roots/one"])]), None, "nothing is recorded of it");
        let needs_another = [PackKey("c-d".into())];
        let history = History::of(&[stored(0), read_back(), unread(5, &["roots/other"])], &vault());
        assert_eq!(history.state_with(&point(), needs_another.iter()), Some(CopyState::ReadBack));
    }

    #[test]
    fn damage_found_by_a_host_that_only_verified_is_not_forgotten() {
        assert_eq!(state(&[verified(), damaged()]), Some(CopyState::Damaged));
        assert_eq!(History::of(&[verified()], &vault()).points, [point()]);
    }

    #[test]
    fn the_last_restore_that_succeeded_counts_whether_a_drill_tried_it_or_a_person() {
        let hour = |hour: i64| Timestamp::from_timestamp(hour * 3600, 0).unwrap();
        let drilled = |at: i64, outcome| {
            let event = Event::Drilled {
                drill: "weekly".into(),
                run: "r".into(),
                volume: point().volume,
                vault: Some(vault()),
                point: Some(point()),
                outcome,
                because: String::new(),
                started_at: hour(at),
                usable_after_milliseconds: None,
                record_sha256: None,
            };
            record(event)
        };
        let event = Event::Restored { point: point(), vault: vault(), target: "/t".into(), bytes: 1 };
        let restored = Record { at: hour(5), ..record(event) };
        let last = |records: &[Record]| History::of(records, &vault()).restored_at.get(&point().id).copied();
        assert_eq!(last(&[stored(0), drilled(1, DrillEnd::Failed), drilled(2, DrillEnd::NotRun)]), None);
        assert_eq!(last(&[drilled(3, DrillEnd::Passed), drilled(4, DrillEnd::Failed)]), Some(hour(3)));
        assert_eq!(last(&[restored, drilled(3, DrillEnd::Passed)]), Some(hour(5)));
        let elsewhere = VaultRef { place: "elsewhere".into(), ..vault() };
        assert!(History::of(&[drilled(3, DrillEnd::Passed)], &elsewhere).restored_at.is_empty());
    }

    #[test]
    fn what_was_proved_at_one_place_says_nothing_of_a_copy_of_the_vault_elsewhere() {
        let elsewhere = VaultRef { place: "elsewhere".into(), ..vault() };
        let history = History::of(&[stored(0), verified(), damaged()], &elsewhere);
        assert_eq!(history.state(&point()), None);
        assert_eq!(history.points, [point()], "its points are known all the same");
        let other = VaultRef { id: "w".into(), ..vault() };
        let nothing = History { events: 2, ..History::default() };
        assert_eq!(History::of(&[stored(0), verified()], &other), nothing);
    }
}
