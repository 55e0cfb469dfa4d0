//! The world of years of nights: a store with a clock and locks, an estate with two policies, and volumes of which one is not listed.

use super::support::One;
use crate::hand::TempDir;
use chrono::{DateTime, TimeDelta};
use outlive::app::{Context, LockPlan, LocksKept, keep_locks};
use outlive::domain::{
    AssetId, Consistency, Keep, Lock, LockKind, LockMode, Result, Silent, Timestamp, Volume, VolumeId,
    VolumeKind,
};
use outlive::estate::{Environment, Estate};
use outlive::ledger::{Event, Ledger, PATIENCE};
use outlive::providers::files::TreeSource;
use outlive::store::{Key, MemoryStore, Retention, Store};
use outlive::vault::format::{Digest, Missed, Origin};
use outlive::vault::{CopyReport, CopyRequest, Item, LockTerms, Source, Vault, copy};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

/// What a policy asks for.
pub struct Asked {
    pub volume: &'static str,
    pub locked_for: TimeDelta,
    pub keep: Keep,
    /// It is copied every so many nights.
    pub every: usize,
}

const KEEP: Keep = Keep { hourly: 0, daily: 14, weekly: 8, monthly: 12, yearly: 3 };
const LITTLE: Keep = Keep { hourly: 0, daily: 3, weekly: 2, monthly: 0, yearly: 0 };
/// By the policy without a name, by another one, and what the estate file does not list: that is kept by the first.
pub const ALL: [Asked; 3] = [
    Asked { volume: "long", locked_for: TimeDelta::days(35), keep: KEEP, every: 1 },
    Asked { volume: "short", locked_for: TimeDelta::days(14), keep: LITTLE, every: 3 },
    Asked { volume: "unlisted", locked_for: TimeDelta::days(35), keep: KEEP, every: 9 },
];
pub const ESTATE: &str = r#"
[policy.default]
rpo = "26h"
locked_for = "35d"
keep = { daily = 14, weekly = 8, monthly = 12, yearly = 3 }
[policy.little]
rpo = "80h"
locked_for = "14d"
keep = { daily = 3, weekly = 2 }
[[vault]]
id = "offsite"
kind = "s3"
endpoint = "http://127.0.0.1:1"
bucket = "bucket"
writer = { env = "KEYS" }
lock = { mode = "compliance" }
[[volume]]
id = "long"
path = "/long"
[[volume]]
id = "short"
path = "/short"
policy = "little"
[[copy]]
volume = "long"
to = "offsite"
every = "24h"
[[copy]]
volume = "short"
to = "offsite"
every = "72h"
"#;
/// The times of the simulations that go through the program's own nights: its clock is a function without a world around it.
static NOW: [AtomicI64; 2] = [const { AtomicI64::new(0) }; 2];
const CLOCKS: [fn() -> Timestamp; 2] = [|| clock(0), || clock(1)];

fn clock(of: usize) -> Timestamp {
    DateTime::from_timestamp(NOW[of].load(Relaxed), 0).unwrap()
}

/// A tree of which something could not be read.
pub struct Lacking(pub Option<TreeSource>);

impl Source for Lacking {
    fn next(&mut self) -> Result<Option<Item>> {
        let item = self.0.as_mut().map(Source::next).transpose()?.flatten();
        if item.is_none() && self.0.take().is_some() {
            return Ok(Some(Item::Missed(Missed {
                path: b"zz"[..].into(),
                because: "as the test wants it".into(),
            })));
        }
        Ok(item)
    }

    fn expected_bytes(&self) -> Option<u64> {
        None
    }
}

/// A store whose calls for longer locks are counted.
pub struct Counting {
    pub inner: MemoryStore,
    pub extended: AtomicUsize,
}

impl Store for Counting {
    forward!(self => self.inner; place identity put_new get size stranger list);

    fn at_once(&self) -> usize {
        1
    }

    fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        self.inner.lock_of(key)
    }

    fn extend_lock(&self, key: &Key, retention: Retention) -> Result<()> {
        self.extended.fetch_add(1, Relaxed);
        self.inner.extend_lock(key, retention)
    }

    fn server_time(&self) -> Result<Option<Timestamp>> {
        self.inner.server_time()
    }
}

pub struct World {
    pub now: Arc<AtomicI64>,
    pub store: Arc<Counting>,
    pub temp: TempDir,
    /// Which clock the program has.
    clock: usize,
    /// In memory: a night records some tens of locks, each of which waits for the medium.
    states: TempDir,
}

impl World {
    /// With the first or the second clock: no two tests that let the program keep locks have the same.
    pub fn new(of: usize) -> Self {
        let now = Arc::new(AtomicI64::new(1_900_000_000));
        let clock = now.clone();
        let clock = Arc::new(move || DateTime::from_timestamp(clock.load(Relaxed), 0).unwrap());
        let store =
            Arc::new(Counting { inner: MemoryStore::with_locks(clock), extended: AtomicUsize::new(0) });
        Self { now, store, temp: TempDir::new(), clock: of, states: TempDir::new_in("/dev/shm") }
    }

    pub fn now(&self) -> Timestamp {
        DateTime::from_timestamp(self.now.load(Relaxed), 0).unwrap()
    }

    pub fn tree(&self) -> PathBuf {
        self.temp.path().join("tree")
    }

    pub fn terms(&self, asked: &Asked) -> LockTerms {
        LockTerms::new(LockKind::Compliance, asked.locked_for, TimeDelta::days(400), self.now()).unwrap()
    }

    /// Copies as what a policy asks for, from a source, as a state of some time before.
    pub fn copy(
        &self,
        vault: &Vault,
        asked: &Asked,
        source: &mut dyn Source,
        before: TimeDelta,
    ) -> CopyReport {
        let volume = Volume {
            id: VolumeId(asked.volume.into()),
            name: "/volume".into(),
            kind: VolumeKind::Directory,
            asset: AssetId("directory:test".into()),
        };
        let origin = Origin {
            host: "test".into(),
            path: self.tree().as_os_str().as_encoded_bytes().into(),
            snapshot: None,
            consistency: Consistency::Live,
        };
        let (taken_at, clock) = (self.now() - before, &|| self.now());
        let request = CopyRequest { volume: &volume, origin, taken_at, avoid: BTreeSet::new(), clock };
        copy(&vault.clone().under(self.terms(asked)), source, &request, &Silent).unwrap()
    }

    pub fn source(&self) -> TreeSource {
        TreeSource::open(&self.tree(), Vec::new()).unwrap()
    }

    pub fn lock_of(&self, key: &Key) -> Option<Lock> {
        self.store.lock_of(key).unwrap()
    }

    /// Whether an object is locked until then, for everybody.
    pub fn is_locked(&self, key: &Key, until: Timestamp) -> bool {
        let lock = self.lock_of(key).unwrap();
        lock.mode == LockMode::Compliance && lock.until.is_some_and(|ends| ends >= until)
    }

    /// The machine loses all that it remembers every ten nights: its ledger would be years long, and is read every night.
    fn state(&self, night: usize) -> PathBuf {
        self.states.path().join(format!("{}", night / 10))
    }

    /// What the nights do for the locks of a vault.
    pub fn keep(&self, night: usize, estate: &Estate) -> LocksKept {
        NOW[self.clock].store(self.now.load(Relaxed), Relaxed);
        let (stores, clock) = (Arc::new(One(self.store.clone())), CLOCKS[self.clock]);
        let context = Context { clock, stores, ..Context::real(self.state(night), Environment::default()) };
        keep_locks(&context, &LockPlan::of(estate, &estate.vaults[0]).unwrap()).unwrap()
    }

    /// The end of the lock that the ledger has of each point, as the last that it heard.
    pub fn recorded(&self, night: usize) -> BTreeMap<Digest, Timestamp> {
        let mut ends = BTreeMap::new();
        for record in Ledger::look(&self.state(night), PATIENCE).unwrap() {
            if let Event::Locked { point, lock: Some(lock), .. } = record.event {
                ends.insert(point.id, lock.until.unwrap());
            }
        }
        ends
    }
}
