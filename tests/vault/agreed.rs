//! A copy under lock: only where somebody agreed to that lock, and only by a clock that is right.

use super::support::Place;
use crate::hand::fs;
use chrono::{TimeDelta, Utc};
use outlive::app::{Context, CopyOrder, LockPlan, Opened, Purpose, Stores, copy, keep_locks};
use outlive::domain::{Keep, Kind, Lock, LockKind, Result, Silent, VolumeId};
use outlive::estate::{CopyFrom, Environment, Estate, LockOrder, S3Place, VaultPlace};
use outlive::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use outlive::store::{Key, MemoryStore, Retention, Store};
use outlive::vault::Vault;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// A store whose clock may be ahead, and that may stop telling locks.
#[derive(Clone)]
struct Odd {
    inner: MemoryStore,
    ahead: Arc<AtomicI64>,
    is_silent: Arc<AtomicBool>,
}

impl Odd {
    fn new() -> Self {
        let ahead: Arc<AtomicI64> = Arc::default();
        let by = ahead.clone();
        let inner =
            MemoryStore::with_locks(Arc::new(move || Utc::now() + TimeDelta::seconds(by.load(Relaxed))));
        Self { inner, ahead, is_silent: Arc::default() }
    }
}

impl Store for Odd {
    forward!(self => self.inner; place identity put_new get size stranger list);

    fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        if self.is_silent.load(Relaxed) { Ok(None) } else { self.inner.lock_of(key) }
    }

    fn extend_lock(&self, key: &Key, retention: Retention) -> Result<()> {
        self.inner.extend_lock(key, retention)
    }

    fn server_time(&self) -> Result<Option<outlive::domain::Timestamp>> {
        self.inner.server_time()
    }
}

struct Only(Odd);

impl Stores for Only {
    fn open(&self, _: &VaultPlace, _: Purpose) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.0.clone()))
    }
}

struct World {
    place: Place,
    store: Odd,
    context: Context,
    order: CopyOrder,
}

impl World {
    fn new() -> Self {
        let (place, store) = (Place::new(), Odd::new());
        let tree = place.path("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), "something").unwrap();
        let context = Context {
            state: place.path("state"),
            clock: Utc::now,
            environment: Environment::default(),
            stores: Arc::new(Only(store.clone())),
            opened: Opened::default(),
            keys: outlive::app::Keyring::default(),
            signers: outlive::app::Signers::default(),
            max_age: std::time::Duration::ZERO,
            stop: outlive::providers::graphql::Stop::default(),
        };
        let bucket = S3Place { bucket: "odd".into(), ..S3Place::default() };
        let lock = LockOrder {
            kind: LockKind::Compliance,
            locked_for: TimeDelta::days(35),
            most: TimeDelta::days(400),
            keep: Keep::default(),
        };
        let order = CopyOrder {
            vault_name: Some("offsite".into()),
            volume: Some(VolumeId("tree".into())),
            from: CopyFrom::Path { path: tree, live: true },
            vault: VaultPlace::S3(Box::new(bucket)),
            lock: Some(lock),
            longest: None,
        };
        Self { place, store, context, order }
    }

    /// Makes the vault, under such a lock where one is given.
    fn make(&self, kind: Option<LockKind>) -> Vault {
        let until = Utc::now() + TimeDelta::days(42);
        let retention = kind.map(|kind| Retention::new(kind, until));
        Vault::open_or_create_under(Arc::new(self.store.clone()), Utc::now(), retention, None).unwrap()
    }

    fn refused(&self) -> String {
        let problem = copy(&self.context, &self.order, &Silent).map(drop).unwrap_err();
        assert_eq!(problem.kind, Kind::Refused, "{problem}");
        for folder in ["packs", "roots"] {
            assert!(self.store.list(folder).unwrap().is_empty(), "{folder}: something was written");
        }
        problem.to_string()
    }

    fn plan(&self) -> LockPlan {
        let text = format!(
            "[policy.default]\nlocked_for = '35d'\n[[volume]]\nid = 'tree'\npath = {:?}\n\
             [[vault]]\nid = 'offsite'\nkind = 's3'\nbucket = 'odd'\nlock = {{}}\n\
             [[copy]]\nvolume = 'tree'\nto = 'offsite'\nevery = '24h'\n",
            self.place.path("tree")
        );
        let estate = Estate::parse(Path::new("outlive.toml"), &text).unwrap();
        LockPlan::of(&estate, &estate.vaults[0]).unwrap()
    }
}

#[test]
fn without_a_vault_or_with_one_under_a_softer_lock_nothing_is_copied() {
    let world = World::new();
    assert!(world.refused().contains("was not made with one"));
    assert_eq!(world.store.stranger(&[]).unwrap(), None, "nothing was made on the way");
    world.make(Some(LockKind::Governance));
    assert!(world.refused().contains("was not made with one"));
    let world = World::new();
    world.make(None);
    assert!(world.refused().contains("was not made with one"));
}

#[test]
fn by_a_clock_that_is_years_ahead_nothing_is_locked() {
    let world = World::new();
    world.make(Some(LockKind::Compliance));
    world.store.ahead.store(3 * 365 * 86_400, Relaxed);
    assert!(world.refused().contains("apart"));
    let kept = keep_locks(&world.context, &world.plan()).unwrap();
    assert_eq!((kept.points, kept.extended), (0, 0), "there is no point yet");
    world.store.ahead.store(0, Relaxed);
    assert!(copy(&world.context, &world.order, &Silent).unwrap().lock.is_some());
    world.store.ahead.store(-3 * 365 * 86_400, Relaxed);
    let kept = keep_locks(&world.context, &world.plan()).unwrap();
    let (_, problem) = kept.refused.unwrap();
    assert!(problem.what.contains("apart"), "{problem}");
}

#[test]
fn a_lock_that_the_store_tells_no_more_is_believed_no_more() {
    let world = World::new();
    let vault = world.make(Some(LockKind::Compliance));
    let lock = copy(&world.context, &world.order, &Silent).unwrap().lock.unwrap();
    assert!(lock.until.unwrap() >= Utc::now() + TimeDelta::days(35));
    let believed = || {
        let records = Ledger::look(&world.context.state, PATIENCE).unwrap();
        let told = records.iter().filter(|record| matches!(record.event, Event::Locked { .. })).count();
        (History::of(&records, &VaultRef::of(&vault).unwrap()).locks.len(), told)
    };
    let kept = keep_locks(&world.context, &world.plan()).unwrap();
    assert!(kept.points == 1 && kept.short.is_empty() && kept.refused.is_none(), "{kept:?}");
    assert_eq!(believed(), (1, 1), "the same lock is not recorded twice");
    // Its own lock is not told either: then nobody is known to have agreed, and nothing is known of the point's.
    world.store.is_silent.store(true, Relaxed);
    let kept = keep_locks(&world.context, &world.plan()).unwrap();
    assert!(kept.refused.is_some(), "{kept:?}");
    assert_eq!(believed().0, 0);
}
