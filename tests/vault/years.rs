//! Years of nightly copies under lock: at every moment everything that a live point needs is locked for as long as it is
//! needed, and no night makes more locks longer than its share.

use super::support::{random, seed_or};
use crate::hand::{TempDir, fs};
use chrono::TimeDelta;
use outlive::domain::{
    AssetId, Consistency, Keep, Lock, LockKind, LockMode, Result, SLACK, Silent, Timestamp, Volume, VolumeId,
    VolumeKind,
};
use outlive::plan::{needed_until, own_time};
use outlive::providers::files::TreeSource;
use outlive::store::{Key, MemoryStore, Retention, Store};
use outlive::vault::format::{Marker, Origin};
use outlive::vault::{
    CopyReport, CopyRequest, FoundRoot, LockTerms, Needed, Roots, Vault, copy, packs_known,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

const LOCKED_FOR: TimeDelta = TimeDelta::days(35);
const KEEP: Keep = Keep { hourly: 0, daily: 14, weekly: 8, monthly: 12, yearly: 3 };
const FILES: usize = 12;

/// A store whose calls for longer locks are counted.
struct Counting {
    inner: MemoryStore,
    extended: AtomicUsize,
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

struct World {
    now: Arc<AtomicI64>,
    store: Arc<Counting>,
    temp: TempDir,
}

impl World {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_900_000_000));
        let clock = now.clone();
        let clock = Arc::new(move || chrono::DateTime::from_timestamp(clock.load(Relaxed), 0).unwrap());
        let store =
            Arc::new(Counting { inner: MemoryStore::with_locks(clock), extended: AtomicUsize::new(0) });
        Self { now, store, temp: TempDir::new() }
    }

    fn now(&self) -> Timestamp {
        chrono::DateTime::from_timestamp(self.now.load(Relaxed), 0).unwrap()
    }

    fn terms(&self) -> LockTerms {
        LockTerms::new(LockKind::Compliance, LOCKED_FOR, TimeDelta::days(400), self.now()).unwrap()
    }

    fn copy(&self, vault: &Vault) -> CopyReport {
        let volume = Volume {
            id: VolumeId("test:/volume".into()),
            name: "/volume".into(),
            kind: VolumeKind::Directory,
            asset: AssetId("directory:test".into()),
        };
        let path = self.temp.path().join("tree");
        let origin = Origin {
            host: "test".into(),
            path: path.as_os_str().as_encoded_bytes().into(),
            snapshot: None,
            consistency: Consistency::Live,
        };
        let (now, clock) = (self.now(), &|| self.now());
        let request = CopyRequest { volume: &volume, origin, taken_at: now, avoid: BTreeSet::new(), clock };
        let mut source = TreeSource::open(&path, Vec::new()).unwrap();
        copy(&vault.clone().under(self.terms()), &mut source, &request, &Silent).unwrap()
    }

    /// Whether an object is locked until then, for everybody.
    fn is_locked(&self, key: &Key, until: Timestamp) -> bool {
        let lock = self.store.lock_of(key).unwrap().unwrap();
        lock.mode == LockMode::Compliance && lock.until.is_some_and(|ends| ends >= until)
    }
}

/// Every object that a point needs.
fn objects_of(vault: &Vault, point: &FoundRoot) -> Vec<Key> {
    let packs = packs_known(vault, point).unwrap();
    let packs = packs.keys().flat_map(|pack| [pack.pack().unwrap(), pack.sidecar().unwrap()]);
    packs.chain([point.key.clone(), Marker::key().unwrap(), Marker::readme_key().unwrap()]).collect()
}

/// What is needed of these points, and until when, by the rule that the manual states.
fn needed(points: &[FoundRoot], now: Timestamp) -> Vec<Needed> {
    let stored: Vec<Timestamp> = points.iter().map(|point| point.stored_at.unwrap()).collect();
    let until = needed_until(&stored, KEEP, LOCKED_FOR, now);
    let live: Vec<bool> = until.iter().map(Option::is_some).collect();
    assert_eq!(live, live_by_the_manual(&stored, now), "{now}");
    let both = points.iter().zip(until);
    both.filter_map(|(point, until)| Some(Needed { point: point.clone(), until: until? })).collect()
}

/// Which of these are live by the words of the manual: in their own time, the newest, and of each day, week, month and year, back to as many
/// as are kept, the newest. Reckoned otherwise than the program does: by what a calendar prints.
fn live_by_the_manual(stored: &[Timestamp], now: Timestamp) -> Vec<bool> {
    let mut live: Vec<bool> = stored.iter().map(|at| *at + LOCKED_FOR > now).collect();
    let newest = (0..stored.len()).max_by_key(|place| (stored[*place], *place));
    newest.into_iter().for_each(|place| live[place] = true);
    let periods = [(KEEP.daily, "%F"), (KEEP.weekly, "%G-%V"), (KEEP.monthly, "%Y-%m"), (KEEP.yearly, "%Y")];
    for (count, period) in periods {
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (place, at) in stored.iter().enumerate() {
            let one = last.entry(at.format(period).to_string()).or_insert(place);
            if stored[*one] <= *at {
                *one = place;
            }
        }
        last.into_values().rev().take(count).for_each(|place| live[place] = true);
    }
    live
}

/// Everything that these points need is locked until they need it no more; how many objects that are.
#[track_caller]
fn assert_locked(world: &World, vault: &Vault, live: &[Needed], when: &str) -> usize {
    let mut until: BTreeMap<Key, Timestamp> = BTreeMap::new();
    for Needed { point, until: of_point } in live {
        for key in objects_of(vault, point) {
            let last = until.entry(key).or_insert(*of_point);
            *last = (*last).max(*of_point);
        }
    }
    for (key, until) in &until {
        assert!(world.is_locked(key, *until), "{when}: {key} is not locked until {until}");
    }
    until.len()
}

#[test]
fn over_years_everything_that_a_live_point_needs_is_locked_for_as_long_as_it_is_needed() {
    let (mut seed, campaign) = seed_or(20_261_129);
    println!("OUTLIVE_SEED={seed}");
    let nights = if campaign { 3652 } else { 400 };
    let world = World::new();
    let tree = world.temp.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let write = |number: usize, seed: &mut u64| {
        let bytes: Vec<u8> = (0..500).flat_map(|_| random(seed).to_le_bytes()).collect();
        fs::write(tree.join(format!("file-{number}")), bytes).unwrap();
    };
    (0..FILES).for_each(|number| write(number, &mut seed));
    let vault = Vault::open_or_create(world.store.clone(), world.now()).unwrap();
    vault.lock_itself(world.terms()).unwrap();
    let (mut most, mut late, mut objects, mut extended) = (0.0_f64, 0, 0, 0);
    for night in 0..nights {
        // Now and then nobody runs it for some nights, and not always at the same hour.
        let days = if random(&mut seed).is_multiple_of(40) { 1 + random(&mut seed) % 3 } else { 1 };
        late += usize::from(days > 1);
        world.now.fetch_add((days * 86_400 + random(&mut seed) % 3600) as i64 - 1800, Relaxed);
        write((random(&mut seed) as usize) % FILES, &mut seed);
        // Until somebody comes to make locks longer, they last, for what this night still needs too.
        let points = Roots::read(&vault).unwrap().sound;
        let still = needed(&points, world.now()).into_iter();
        let still: Vec<_> = still.map(|live| Needed { until: world.now(), ..live }).collect();
        assert_locked(&world, &vault, &still, &format!("before night {night}"));
        let before = world.store.extended.load(Relaxed);
        let report = world.copy(&vault);
        let asked = Retention::new(LockKind::Compliance, world.now() + LOCKED_FOR);
        assert!(report.lock.is_some_and(|lock| asked.is_met_by(&lock)), "night {night}: {:?}", report.lock);
        let points = Roots::read(&vault).unwrap().sound;
        // A night that is stopped now made no lock longer: what is stored is locked for its own time.
        let own = |point: &FoundRoot| own_time(point.stored_at.unwrap(), LOCKED_FOR, world.now());
        let own = points.iter().filter_map(|point| Some(Needed { until: own(point)?, point: point.clone() }));
        assert_locked(&world, &vault, &own.collect::<Vec<_>>(), &format!("in the midst of night {night}"));
        let live = needed(&points, world.now());
        let (kept, locks) = vault.keep_needed(&live, world.terms()).unwrap();
        assert!(kept.refused.is_none(), "night {night}: {:?}", kept.refused);
        for Needed { point, until } in &live {
            let lock = locks[&point.id].unwrap();
            assert!(Retention::new(LockKind::Compliance, *until).is_met_by(&lock), "night {night}: {lock:?}");
        }
        let all = assert_locked(&world, &vault, &live, &format!("after night {night}"));
        let calls = world.store.extended.load(Relaxed) - before;
        // Nights that were left out are made up for.
        let share = 2.0 * all as f64 / SLACK.num_days() as f64 * days as f64;
        most = most.max(calls as f64 / share.ceil());
        assert!(calls as f64 <= share.ceil(), "night {night}: {calls} calls of {all} objects");
        (objects, extended) = (objects.max(all), extended + calls);
    }
    println!(
        "{nights} nights, {late} of them late; at most {objects} live objects, {extended} locks made longer"
    );
    println!("at most {most:.2} of what a night may ask for");
    assert!(late > 0 && most > 0.3, "{late} nights were late, {most} of the share was used");
}

#[test]
fn an_object_that_cannot_be_locked_longer_is_told_and_the_others_are() {
    let world = World::new();
    fs::create_dir(world.temp.path().join("tree")).unwrap();
    fs::write(world.temp.path().join("tree/file"), "something").unwrap();
    let vault = Vault::open_or_create(world.store.clone(), world.now()).unwrap();
    vault.lock_itself(world.terms()).unwrap();
    world.copy(&vault);
    // Somebody locked one of them for longer than we ever would: that is nobody's to shorten.
    let points = Roots::read(&vault).unwrap().sound;
    let long = Retention::new(LockKind::Compliance, world.now() + TimeDelta::days(4000));
    world.store.inner.extend_lock(&points[0].key, long).unwrap();
    world.now.fetch_add(30 * 86_400, Relaxed);
    let live = needed(&points, world.now());
    let (kept, locks) = vault.keep_needed(&live, world.terms()).unwrap();
    assert!(kept.refused.is_none() && kept.extended > 0, "{kept:?}");
    let lock = locks[&points[0].id].unwrap();
    assert!(lock.until.unwrap() >= world.now() + LOCKED_FOR, "{lock:?}");
    assert!(world.is_locked(&points[0].key, long.until));
}

#[test]
fn more_than_the_most_is_refused_and_says_what_to_do() {
    let now = chrono::Utc::now();
    let terms = |days| LockTerms::new(LockKind::Compliance, TimeDelta::days(days), TimeDelta::days(400), now);
    assert!(terms(393).is_ok(), "with the slack of seven days");
    let problem = terms(394).unwrap_err();
    assert!(problem.what.contains("401 d") && problem.remedy.contains("most"), "{problem:?}");
}
