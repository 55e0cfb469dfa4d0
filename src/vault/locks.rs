//! Keeping what recovery points need under lock: written under one, read back, and made longer while it is needed.

use super::Vault;
use super::format::{Digest, KEYS, Marker, PackLine};
use super::index::packs_known;
use super::parallel::in_parallel;
use super::roots::FoundRoot;
use super::sealing::added_keys;
use crate::domain::{Kind, Lock, LockKind, LockMode, Problem, Result, Timestamp, say_duration, slack_of};
use crate::store::{Key, Retention, UNLOCKED, weaker};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Under which locks a vault's objects are kept at a moment of its store's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockTerms {
    /// The kind.
    pub kind: LockKind,
    /// The end of a lock that is given now.
    pub until: Timestamp,
    /// What is needed and ends before is made longer.
    pub least: Timestamp,
}

impl LockTerms {
    /// Terms for what is to be locked for `locked_for` from `now` on, by the store's clock.
    ///
    /// # Errors
    /// `Refused` where that, with the slack, is longer than `most`.
    pub fn new(kind: LockKind, locked_for: TimeDelta, most: TimeDelta, now: Timestamp) -> Result<Self> {
        let whole = locked_for.checked_add(&slack_of(locked_for)).unwrap_or(TimeDelta::MAX);
        if whole > most {
            let (asked, most) = (say_duration(whole), say_duration(most));
            let what =
                format!("objects would be locked for {asked}, and the most that is allowed here is {most}");
            return Err(Problem::new(Kind::Refused, what).remedy(
                "nobody can take a lock back: ask for less in the policy's `locked_for`, or allow more in the vault's \
                 lock = { most = \"…\" }",
            ));
        }
        let end = |length: TimeDelta| {
            let until = now.checked_add_signed(length);
            until.ok_or_else(|| Problem::new(Kind::Refused, "the end of the lock is no date"))
        };
        Ok(Self { kind, until: Retention::new(kind, end(whole)?).until, least: end(locked_for)? })
    }

    /// How much longer than is needed a lock lasts that is given now.
    pub(super) fn slack(&self) -> TimeDelta {
        self.until - self.least
    }

    /// Whether a lock is as hard as is asked for, and lasts until then.
    pub fn meets(&self, lock: &Lock, until: Timestamp) -> bool {
        Retention::new(self.kind, until).is_met_by(lock)
    }

    /// The lock that is asked for now.
    pub fn retention(&self) -> Retention {
        Retention::new(self.kind, self.until)
    }
}

/// Terms under which a vault is written to, and what the store made of them.
#[derive(Debug)]
pub(super) struct Locking {
    terms: LockTerms,
    seen: Mutex<Weakest>,
}

/// The weakest of many locks.
#[derive(Debug, Clone, Copy, Default)]
struct Weakest {
    lock: Option<Lock>,
    /// Of some it is not known.
    unknown: bool,
}

impl Weakest {
    fn take(&mut self, lock: Option<Lock>) {
        match lock {
            Some(lock) => self.lock = Some(self.lock.map_or(lock, |before| weaker(before, lock))),
            None => self.unknown = true,
        }
    }

    /// What is known of all of them; that one has none is known, whatever the others have.
    fn known(self) -> Option<Lock> {
        self.lock.filter(|lock| !self.unknown || *lock == UNLOCKED)
    }
}

impl Locking {
    pub fn new(terms: LockTerms) -> Self {
        Self { terms, seen: Mutex::default() }
    }

    pub fn terms(&self) -> LockTerms {
        self.terms
    }

    pub fn note(&self, lock: Option<Lock>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take(lock);
    }

    pub fn weakest(&self) -> Option<Lock> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).known()
    }
}

/// What became of the locks of some objects.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// How many locks were made longer.
    pub extended: usize,
    /// Why some could not be, and how many.
    pub refused: Option<(usize, Problem)>,
    /// Per object: the lock that it has by now; `None` where the store does not say.
    locks: BTreeMap<Key, Option<Lock>>,
}

impl Kept {
    pub(super) fn refuse(&mut self, problem: Problem) {
        let (count, first) = self.refused.take().unwrap_or((0, problem));
        self.refused = Some((count + 1, first));
    }

    /// The weakest lock of some of the objects; `None` where of one it is not known, and none is known to have none.
    fn weakest<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> Option<Lock> {
        let mut weakest = Weakest::default();
        keys.for_each(|key| weakest.take(self.locks.get(key).copied().flatten()));
        weakest.known()
    }
}

/// One recovery point that is to stay.
#[derive(Debug, Clone)]
pub struct Needed {
    /// The point.
    pub point: FoundRoot,
    /// Until when.
    pub until: Timestamp,
}

/// The objects of a pack.
fn of_pack(line: &PackLine) -> Result<[Key; 2]> {
    Ok([line.pack.pack()?, line.pack.sidecar()?])
}

impl Vault {
    /// The objects that every recovery point needs.
    fn of_all(&self) -> Result<BTreeSet<Key>> {
        let mut all = BTreeSet::from([Marker::key()?, Marker::readme_key()?]);
        if self.is_encrypted() {
            let named = self.key_lines().map(|line| Key::new(line.key.clone()));
            all.extend(named.collect::<Result<Vec<_>>>()?);
            let epochs = self.epochs().into_iter().flat_map(|epochs| epochs.iter());
            let listed = self.store().list(KEYS)?;
            all.extend(epochs.flat_map(|epoch| added_keys(&listed, &epoch.name)));
        }
        Ok(all)
    }

    /// The lock that what is written now gets.
    pub fn retention(&self) -> Option<Retention> {
        self.locking.as_ref().map(|locking| locking.terms().retention())
    }

    /// The lock of the vault's own marker; `None` where the store does not say.
    ///
    /// # Errors
    /// What the store said.
    pub fn own_lock(&self) -> Result<Option<Lock>> {
        self.store().lock_of(&Marker::key()?).map_err(super::gone)
    }

    /// Puts what every recovery point needs, the marker and the instructions, under lock; the weaker of the two that they
    /// have by then.
    ///
    /// # Errors
    /// What the store said.
    pub fn lock_itself(&self, terms: LockTerms) -> Result<Option<Lock>> {
        let wanted: BTreeMap<Key, Timestamp> =
            self.of_all()?.into_iter().map(|key| (key, terms.least)).collect();
        let kept = keep_locked(self, &wanted, terms, false)?;
        match kept.refused {
            Some((_, problem)) => Err(problem),
            None => Ok(kept.weakest(wanted.keys())),
        }
    }

    /// Notes the lock that something has which was written under one.
    pub(super) fn note_lock(&self, lock: Option<Lock>) {
        if let Some(locking) = &self.locking {
            locking.note(lock);
        }
    }

    /// Sees that what a new point needs, and was there before it, stays as long as the point has to: before its root is
    /// written, so that there is no point whose objects are not locked yet.
    pub(super) fn keep_for_new<'l>(&self, lines: impl Iterator<Item = &'l PackLine>) -> Result<()> {
        let Some(locking) = &self.locking else { return Ok(()) };
        let mut wanted: BTreeMap<Key, Timestamp> = BTreeMap::new();
        let keys = lines.map(of_pack).collect::<Result<Vec<_>>>()?;
        let terms = locking.terms();
        wanted.extend(keys.into_iter().flatten().chain(self.of_all()?).map(|key| (key, terms.least)));
        let kept = keep_locked(self, &wanted, terms, false)?;
        // What went while the copy was made, as something may that no point needed until now, makes no point.
        if let Some((_, problem)) = kept.refused.filter(|(_, problem)| problem.kind == Kind::NotFound) {
            return Err(super::gone(problem));
        }
        kept.locks.values().for_each(|lock| locking.note(*lock));
        Ok(())
    }

    /// The weakest lock of all that was written or kept under these terms; `None` where it is not known.
    pub(super) fn weakest_lock(&self) -> Option<Lock> {
        self.locking.as_ref().and_then(|locking| locking.weakest())
    }

    /// Sees that each of these objects stays until then.
    ///
    /// # Errors
    /// Where the store does not answer. A lock that it does not make longer is no error: it stands in the result.
    pub fn keep_objects(&self, wanted: &BTreeMap<Key, Timestamp>, terms: LockTerms) -> Result<Kept> {
        keep_locked(self, wanted, terms, true)
    }

    /// Sees that everything that these points need stays as long as they have to. Gives each point's lock: the weakest
    /// of what it needs.
    ///
    /// # Errors
    /// Where the store does not answer. A lock that it does not make longer, and a point of which the list of what it needs
    /// is damaged, are no error: they stand in the result.
    pub fn keep_needed(
        &self,
        needed: &[Needed],
        terms: LockTerms,
    ) -> Result<(Kept, BTreeMap<Digest, Option<Lock>>)> {
        let mut wanted: BTreeMap<Key, Timestamp> = BTreeMap::new();
        let mut objects: Vec<(Digest, Vec<Key>)> = Vec::new();
        let mut unread = Vec::new();
        let of_all = self.of_all()?;
        for Needed { point, until } in needed {
            let table = match packs_known(self, point) {
                Ok(table) => table,
                // The others are to stay all the same.
                Err(problem) if problem.kind == Kind::Damaged => {
                    unread.push(problem);
                    continue;
                }
                Err(problem) => return Err(problem),
            };
            let packs = table.values().map(of_pack).collect::<Result<Vec<_>>>()?;
            let keys: Vec<Key> = packs
                .into_iter()
                .flatten()
                .chain(of_all.iter().cloned())
                .chain([point.key.clone()])
                .collect();
            // Nothing is needed for longer than what is written now: a point that claims to be of the future is not believed.
            let until = terms.least.min(*until);
            for key in &keys {
                let least = wanted.entry(key.clone()).or_insert(until);
                *least = (*least).max(until);
            }
            objects.push((point.id, keys));
        }
        let mut kept = keep_locked(self, &wanted, terms, true)?;
        self.keep_unread(terms, &mut kept);
        unread.into_iter().for_each(|problem| kept.refuse(problem));
        let locks = objects.into_iter().map(|(id, keys)| (id, kept.weakest(keys.iter()))).collect();
        Ok((kept, locks))
    }
}

/// Reads the lock of each object, and makes those longer that end before they are needed; with `ahead`, also some that
/// will soon, so that no single night has to make all of them longer.
pub(super) fn keep_locked(
    vault: &Vault,
    wanted: &BTreeMap<Key, Timestamp>,
    terms: LockTerms,
    ahead: bool,
) -> Result<Kept> {
    let store = vault.store();
    let keys: Vec<&Key> = wanted.keys().collect();
    let looked = each(vault, &keys, |key| match store.lock_of(key) {
        // What is gone has no lock; that it is gone is for whoever reads it back.
        Err(problem) if problem.kind == Kind::NotFound => Ok((Some(UNLOCKED), Some(problem))),
        lock => lock.map(|lock| (lock, None)),
    })?;
    let mut kept = Kept::default();
    let mut due: Vec<Due<'_>> = Vec::new();
    for ((key, least), (lock, gone)) in wanted.iter().zip(looked) {
        kept.locks.insert(key.clone(), lock);
        match gone {
            Some(problem) => kept.refuse(problem),
            None => due.push(Due { key, least: *least, ends: ends(terms, *least, lock), lock }),
        }
    }
    let days = usize::try_from(terms.slack().num_days()).unwrap_or(1).max(1);
    let most_ahead = if ahead { (2 * wanted.len()).div_ceil(days) } else { 0 };
    let soon = terms.slack() / 2;
    due.retain(|due| due.ends < due.least + soon);
    due.sort_by_key(|due| due.ends - due.least);
    let must = due.iter().filter(|due| due.ends < due.least).count();
    due.truncate(must.max(most_ahead));
    let extended = each(vault, &due, |Due { key, lock, .. }| {
        // What is under a harder lock than is asked for by now stays under it: there is no call for less.
        let is_firm = lock.is_some_and(|lock| lock.mode == LockMode::Compliance);
        let kind = if is_firm { LockKind::Compliance } else { terms.kind };
        // No end comes nearer, whatever kind of lock it is of.
        let until = lock.and_then(|lock| lock.until).max(Some(terms.until)).unwrap_or(terms.until);
        Ok(match store.extend_lock(key, Retention::new(kind, until)) {
            // What counts is what the store says afterwards, not that it took the call.
            Ok(()) => Ok(store.lock_of(key)?),
            Err(problem) => Err(problem),
        })
    })?;
    for (Due { key, .. }, done) in due.into_iter().zip(extended) {
        match done {
            Ok(lock) => {
                kept.extended += 1;
                kept.locks.insert(key.clone(), lock);
            }
            Err(problem) => kept.refuse(problem),
        }
    }
    Ok(kept)
}

/// An object whose lock ends before it is needed, or soon.
struct Due<'k> {
    key: &'k Key,
    least: Timestamp,
    ends: Timestamp,
    lock: Option<Lock>,
}

/// When a lock ends that is as hard as is asked for; long ago, where it is none, or the store does not say.
pub(super) fn ends(terms: LockTerms, least: Timestamp, lock: Option<Lock>) -> Timestamp {
    let as_hard =
        lock.and_then(|lock| lock.until.filter(|until| Retention::new(terms.kind, *until).is_met_by(&lock)));
    as_hard.unwrap_or(least - TimeDelta::days(36_500))
}

/// The same for each, many at once; the first failure ends it, since a store that does not answer is not asked again for
/// each of thousands.
fn each<T: Sync, R: Send>(
    vault: &Vault,
    items: &[T],
    ask: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let down = std::sync::atomic::AtomicBool::new(false);
    in_parallel(vault.store().at_once(), items, |item| {
        use std::sync::atomic::Ordering::Relaxed;
        if down.load(Relaxed) {
            return Err(Problem::new(Kind::Io, "the store had failed before").at(vault.place()));
        }
        ask(item).inspect_err(|_| down.store(true, Relaxed))
    })
}
