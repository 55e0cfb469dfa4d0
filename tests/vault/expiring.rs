//! Months of nights in a vault under lock, with a plan every few of them that somebody carries out: whatever the policy keeps is
//! there and whole after each, and a plan and a copy that meet do not miss each other.

use super::support::{Place, noise};
use crate::hand::{by_hand, fs};
use chrono::DateTime;
use outlive::app::{
    Context, CopyOrder, ExpiryOrder, LockPlan, Opened, Purpose, Stores, copy, expiry_plan, keep_locks,
    make_vault, verify,
};
use outlive::domain::{Kind, Lock, Monitor, Phase, Result, Silent, Timestamp};
use outlive::estate::{CopyFrom, Environment, Estate, VaultPlace};
use outlive::ledger::{Event, Ledger, PATIENCE, PlannedExpiry, VaultRef};
use outlive::plan::needed_until;
use outlive::store::{Identity, Key, Listed, MemoryStore, Retention, Store, Upload};
use outlive::vault::format::PackKey;
use outlive::vault::{FoundRoot, Roots, Vault, packs_known};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// The clock of the tests in this file, in seconds since 1970: each begins where it is.
static NOW: AtomicI64 = AtomicI64::new(1_796_000_000);

fn clock() -> Timestamp {
    DateTime::from_timestamp(NOW.load(Relaxed), 0).unwrap()
}

type Meanwhile = Option<(&'static str, usize, Box<dyn FnOnce() + Send>)>;

/// A store with locks from which somebody else removes things.
#[derive(Clone)]
struct Shelf {
    memory: MemoryStore,
    gone: Arc<Mutex<BTreeSet<Key>>>,
    /// Something that happens once: when the roots are listed for the so-many-th time, or a root was written.
    meanwhile: Arc<Mutex<Meanwhile>>,
    lists: Arc<AtomicUsize>,
}

impl Shelf {
    fn new() -> Self {
        let memory = MemoryStore::with_locks(Arc::new(clock));
        Self { memory, gone: Arc::default(), meanwhile: Arc::default(), lists: Arc::default() }
    }

    fn meanwhile(&self, at: &'static str, count: usize, act: impl FnOnce() + Send + 'static) {
        self.lists.store(0, Relaxed);
        *self.meanwhile.lock().unwrap() = Some((at, count, Box::new(act)));
    }

    fn happens(&self, at: &str, count: usize) {
        let taken = self.meanwhile.lock().unwrap().take_if(|(when, which, _)| *when == at && *which == count);
        if let Some((.., act)) = taken {
            act();
        }
    }

    fn is_gone(&self, key: &Key) -> bool {
        self.gone.lock().unwrap().contains(key)
    }

    /// What somebody with a credential that may delete does; the store keeps what is locked.
    fn remove(&self, key: &Key) {
        let lock = self.memory.lock_of(key).unwrap().unwrap();
        assert!(lock.until.is_none_or(|until| until <= clock()), "{key} is locked: {lock:?} at {}", clock());
        assert!(self.gone.lock().unwrap().insert(key.clone()), "{key} is gone already");
    }
}

impl Store for Shelf {
    fn place(&self) -> String {
        "shelf".into()
    }

    fn identity(&self) -> Result<Identity> {
        Ok(Identity::remote("shelf".into()))
    }

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        let upload = self.memory.put_new(key, retention)?;
        Ok(Box::new(Shelving { shelf: self.clone(), is_root: key.as_str().starts_with("roots/"), upload }))
    }

    fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        self.memory.lock_of(key)
    }

    fn extend_lock(&self, key: &Key, retention: Retention) -> Result<()> {
        self.memory.extend_lock(key, retention)
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let absent = Key::new("not-there").unwrap();
        self.memory.get(if self.is_gone(key) { &absent } else { key }, offset)
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        if self.is_gone(key) { Ok(None) } else { self.memory.size(key) }
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        self.memory.stranger(known)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        if folder == "roots" {
            let count = 1 + self.lists.fetch_add(1, Relaxed);
            self.happens("list", count);
        }
        let mut listed = self.memory.list(folder)?;
        listed.retain(|listed| !self.is_gone(&listed.key));
        Ok(listed)
    }

    fn server_time(&self) -> Result<Option<Timestamp>> {
        self.memory.server_time()
    }
}

struct Shelving {
    shelf: Shelf,
    is_root: bool,
    upload: Box<dyn Upload>,
}

impl Write for Shelving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.upload.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Shelving {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        let lock = self.upload.finish()?;
        if self.is_root {
            self.shelf.happens("root", 0);
        }
        Ok(lock)
    }
}

struct Only(Shelf);

impl Stores for Only {
    fn open(&self, _: &VaultPlace, _: Purpose) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.0.clone()))
    }
}

/// Stops a copy half-way.
struct Stop(AtomicBool);

impl Monitor for Stop {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {
        self.0.store(true, Relaxed);
    }
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.0.load(Relaxed)
    }
}

struct Scene {
    place: Place,
    shelf: Shelf,
    estate: Estate,
    state: PathBuf,
    plans: usize,
}

impl Scene {
    fn new(policy: &str) -> Self {
        let (place, shelf) = (Place::new(), Shelf::new());
        let tree = place.path("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("stays"), noise(1, 30_000)).unwrap();
        let text = format!(
            "[policy.default]\nrpo = \"26h\"\ndetect_within = \"2d\"\n{policy}\n\
             [[volume]]\nid = \"tree\"\npath = {tree:?}\n[[copy]]\nvolume = \"tree\"\nto = \"shelf\"\nevery = \"24h\"\nlongest = \"2h\"\n\
             [[vault]]\nid = \"shelf\"\nkind = \"s3\"\nbucket = \"shelf\"\nprefix = \"p\"\nlock = {{ mode = \"compliance\" }}\n"
        );
        let estate = Estate::parse(Path::new("/outlive.toml"), &text).unwrap();
        let state = place.path("state");
        let scene = Self { place, shelf, estate, state, plans: 0 };
        let entry = &scene.estate.vaults[0];
        make_vault(&scene.context(), entry, LockPlan::of(&scene.estate, entry).as_ref()).unwrap();
        scene
    }

    /// A run of its own: nothing is remembered from the one before.
    fn context(&self) -> Context {
        Context {
            state: self.state.clone(),
            clock,
            environment: Environment::default(),
            stores: Arc::new(Only(self.shelf.clone())),
            opened: Opened::default(),
            keys: outlive::app::Keyring::default(),
            signers: outlive::app::Signers::default(),
            max_age: std::time::Duration::ZERO,
            stop: outlive::providers::graphql::Stop::default(),
        }
    }

    fn order(&self) -> CopyOrder {
        let entry = &self.estate.vaults[0];
        let volume = self.estate.volumes[0].id.clone();
        CopyOrder {
            lock: self.estate.lock_order(entry, &volume),
            volume: Some(volume),
            from: CopyFrom::Path { path: self.place.path("tree"), live: true },
            vault: entry.place.clone(),
            vault_name: Some(entry.id.clone()),
            longest: None,
        }
    }

    fn change(&self, seed: u64) {
        fs::write(self.place.path("tree/changes"), noise(seed, 20_000)).unwrap();
    }

    fn roots(&self) -> Vec<FoundRoot> {
        Roots::read(&Vault::open(Arc::new(self.shelf.clone())).unwrap()).unwrap().sound
    }

    /// A plan that is carried out at once; how many points went.
    fn expire(&mut self) -> usize {
        self.plans += 1;
        let into = self.place.path(&format!("plan-{}", self.plans));
        let entry = &self.estate.vaults[0];
        let order = ExpiryOrder { estate: &self.estate, entry, into: Some(&into) };
        let plan = expiry_plan(&self.context(), order).unwrap();
        assert_eq!((plan.unknown.len(), plan.strange.len()), (0, 0), "{plan:?}");
        for file in &plan.files {
            let batch: serde_json::Value =
                serde_json::from_slice(&std::fs::read(into.join(&file.name)).unwrap()).unwrap();
            for object in batch["Objects"].as_array().unwrap() {
                let key = object["Key"].as_str().unwrap().strip_prefix("p/").unwrap();
                self.shelf.remove(&Key::new(key).unwrap());
            }
        }
        plan.points.len()
    }
}

/// Tests of one clock, one after the other.
static ONE: Mutex<()> = Mutex::new(());

#[test]
fn through_a_season_of_plans_what_the_policy_keeps_is_there_and_whole() {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut scene = Scene::new("locked_for = \"3d\"\nkeep = { daily = 2, weekly = 3, monthly = 2 }");
    let volume = scene.estate.volumes[0].id.clone();
    let policy = scene.estate.policy_of(&volume).clone();
    let (mut gone, mut most) = (0, 0);
    for night in 0..100_u64 {
        NOW.fetch_add(86_400, Relaxed);
        // What was there weeks ago comes back: it would be built upon, were it there still.
        scene.change(night % 17);
        if night % 9 == 4 {
            let stopped = copy(&scene.context(), &scene.order(), &Stop(AtomicBool::new(false)));
            assert_eq!(stopped.map(drop).unwrap_err().kind, Kind::Cancelled);
            scene.change(1000 + night);
        }
        copy(&scene.context(), &scene.order(), &Silent).unwrap();
        let plan = LockPlan::of(&scene.estate, &scene.estate.vaults[0]).unwrap();
        let kept = keep_locks(&scene.context(), &plan).unwrap();
        assert!(kept.refused.is_none() && kept.short.is_empty(), "night {night}: {kept:?}");
        if night % 4 != 3 {
            continue;
        }
        let before = scene.roots();
        let stored: Vec<Timestamp> = before.iter().map(|found| found.stored_at.unwrap()).collect();
        let needed = needed_until(&stored, policy.keep, policy.judged.locked_for.unwrap(), clock());
        gone += scene.expire();
        let after: BTreeSet<_> = scene.roots().into_iter().map(|found| found.id).collect();
        for (found, _) in before.iter().zip(needed).filter(|(_, until)| until.is_some()) {
            assert!(after.contains(&found.id), "night {night}: {} is needed", found.short());
        }
        most = most.max(after.len());
        let verified = verify(&scene.context(), &scene.estate.vaults[0].place, &Silent).unwrap();
        assert!(verified.is_sound(), "night {night}: {:?}", verified.damage);
        assert_eq!((verified.points.len(), verified.let_go), (after.len(), gone as u64));
    }
    assert!(gone > 60 && most < 30, "{gone} went, and there were {most} at most");
}

#[test]
fn a_copy_that_ends_while_a_plan_is_made_lets_no_file_of_it_be_written() {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let scene = Scene::new("locked_for = \"3d\"");
    for night in 0..30 {
        NOW.fetch_add(86_400, Relaxed);
        scene.change(night);
        copy(&scene.context(), &scene.order(), &Silent).unwrap();
    }
    let (context, order) = (scene.context(), scene.order());
    let elsewhere = Context { state: scene.place.path("elsewhere"), ..context };
    scene.shelf.meanwhile("list", 2, move || drop(copy(&elsewhere, &order, &Silent).unwrap()));
    let into = scene.place.path("plan");
    let entry = &scene.estate.vaults[0];
    let order = ExpiryOrder { estate: &scene.estate, entry, into: Some(&into) };
    let problem = expiry_plan(&scene.context(), order).map(drop).unwrap_err();
    assert!(problem.what.contains("came while the plan was made"), "{problem}");
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0);
    let again = ExpiryOrder { into: Some(&scene.place.path("again")), ..order };
    assert!(expiry_plan(&scene.context(), again).unwrap().points.len() > 10);
}

#[test]
fn a_copy_that_needs_what_a_plan_lets_go_meanwhile_is_refused() {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let scene = Scene::new("locked_for = \"3d\"");
    copy(&scene.context(), &scene.order(), &Silent).unwrap();
    NOW.fetch_add(86_400, Relaxed);
    scene.change(5);
    let (state, shelf) = (scene.state.clone(), scene.shelf.clone());
    scene.shelf.meanwhile("root", 0, move || {
        let here = VaultRef::of(&Vault::open(Arc::new(shelf.clone())).unwrap()).unwrap();
        let packs = shelf.memory.list("packs").unwrap().into_iter();
        let packs = packs.map(|listed| PackKey(listed.key.name().into())).collect();
        let planned = PlannedExpiry { packs, ..PlannedExpiry::default() };
        let event = Event::ExpiryPlanned { vault: here, planned };
        by_hand(|| Ledger::open(&state, PATIENCE).unwrap().append(clock(), event).unwrap());
    });
    let problem = copy(&scene.context(), &scene.order(), &Silent).map(drop).unwrap_err();
    assert_eq!(problem.kind, Kind::Refused, "{problem}");
    assert!(problem.what.contains("a plan for expiry was made meanwhile"), "{problem}");
    assert!(problem.remedy.contains("make a new one"), "{problem:?}");
    // Whoever has the files of that plan may carry it out at any time: the next point rests on nothing of it, though the one before it
    // does.
    let planned: BTreeSet<String> = Ledger::open(&scene.state, PATIENCE)
        .unwrap()
        .records()
        .iter()
        .filter_map(|record| match &record.event {
            Event::ExpiryPlanned { planned, .. } => Some(planned.packs.iter().map(|pack| pack.0.to_string())),
            _ => None,
        })
        .flatten()
        .collect();
    NOW.fetch_add(86_400, Relaxed);
    scene.change(6);
    copy(&scene.context(), &scene.order(), &Silent).unwrap();
    let vault = Vault::open(Arc::new(scene.shelf.clone())).unwrap();
    let newest = Roots::read(&vault).unwrap().sound.pop().unwrap();
    let needs = packs_known(&vault, &newest).unwrap();
    assert!(!planned.is_empty() && !needs.is_empty());
    assert!(needs.keys().all(|pack| !planned.contains(&*pack.0)), "{needs:?}");
}
