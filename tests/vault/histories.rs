//! Points that vanish from random histories: a few roots are withheld, or the whole vault is as it was before. It is found,
//! or it is said that freshness is unproven.

use super::support::{noise, random, seed_or};
use crate::hand::{TempDir, fs};
use outlive::app::{Context, CopyOrder, Opened, Purpose, Stores};
use outlive::domain::{Kind, Problem, Result, Silent, Timestamp};
use outlive::estate::{CopyFrom, Environment, S3Place, VaultPlace};
use outlive::report::activity::{Told, VerifyDone};
use outlive::report::text::Look;
use outlive::store::{Key, Listed, MemoryStore, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

static NOW: AtomicI64 = AtomicI64::new(1_900_000_000);

fn clock() -> Timestamp {
    chrono::DateTime::from_timestamp(NOW.load(Relaxed), 0).unwrap()
}

/// A vault's store that shows some of its objects, as if the others had never been written.
struct Withheld {
    inner: MemoryStore,
    hidden: BTreeSet<Key>,
}

impl Store for Withheld {
    forward!(self => self.inner; place identity put_new stranger);

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        match self.hidden.contains(key) {
            true => Err(Problem::new(Kind::NotFound, format!("there is no object {key}"))),
            false => self.inner.get(key, offset),
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        if self.hidden.contains(key) { Ok(None) } else { self.inner.size(key) }
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let mut listed = self.inner.list(folder)?;
        listed.retain(|listed| !self.hidden.contains(&listed.key));
        Ok(listed)
    }
}

struct One(Arc<dyn Store>);

impl Stores for One {
    fn open(&self, _: &VaultPlace, _: Purpose) -> Result<Arc<dyn Store>> {
        Ok(self.0.clone())
    }
}

fn place() -> VaultPlace {
    VaultPlace::S3(Box::new(S3Place { bucket: "memory".into(), ..S3Place::default() }))
}

/// One run on the machine with this state.
fn context(state: &Path, store: Arc<dyn Store>) -> Context {
    Context {
        state: state.into(),
        clock,
        environment: Environment::default(),
        stores: Arc::new(One(store)),
        opened: Opened::default(),
        keys: outlive::app::Keyring::default(),
        signers: outlive::app::Signers::default(),
        max_age: std::time::Duration::ZERO,
        stop: outlive::providers::graphql::Stop::default(),
    }
}

/// A history: what each copy left in the vault, and the ledgers of the machine that copied and of one that looked once.
struct History {
    temp: TempDir,
    store: MemoryStore,
    /// All objects after so many copies.
    after: Vec<BTreeSet<Key>>,
    /// The root that each copy wrote, and its volume.
    points: Vec<(Key, String)>,
}

impl History {
    fn play(seed: &mut u64) -> Self {
        let (temp, store) = (TempDir::new(), MemoryStore::default());
        drop(outlive::vault::Vault::open_or_create(Arc::new(store.clone()), clock()).unwrap());
        let mut history = Self { after: Vec::new(), points: Vec::new(), temp, store };
        history.after.push(history.keys());
        let (volumes, copies) = (1 + random(seed) % 3, 2 + random(seed) % 6);
        let looked_after = random(seed) % copies;
        for copy in 0..copies {
            let tree = history.temp.path().join(format!("volume-{}", random(seed) % volumes));
            if random(seed).is_multiple_of(2) || !tree.exists() {
                fs::create_dir_all(&tree).unwrap();
                fs::write(tree.join("file"), noise(random(seed), 100)).unwrap();
            }
            history.copy(&tree);
            if copy == looked_after {
                history.verify("looked-once", BTreeSet::new());
            }
        }
        history
    }

    fn keys(&self) -> BTreeSet<Key> {
        let of = |folder: &str| self.store.list(folder).unwrap().into_iter().map(|listed| listed.key);
        ["roots", "packs", "sidecars"].into_iter().flat_map(of).collect()
    }

    fn copy(&mut self, tree: &Path) {
        NOW.fetch_add(3600, Relaxed);
        let order = CopyOrder {
            volume: None,
            from: CopyFrom::Path { path: tree.into(), live: true },
            vault: place(),
            vault_name: None,
            lock: None,
            longest: None,
        };
        let context = context(&self.temp.path().join("copied"), Arc::new(self.store.clone()));
        let volume = outlive::app::copy(&context, &order, &Silent).unwrap().volume;
        let (before, now) = (self.after.last().unwrap(), self.keys());
        let root = now.difference(before).find(|key| key.as_str().starts_with("roots/")).unwrap().clone();
        self.points.push((root, volume));
        self.after.push(now);
    }

    fn verify(&self, ledger: &str, hidden: BTreeSet<Key>) -> VerifyDone {
        let store = Withheld { inner: self.store.clone(), hidden };
        let context = context(&self.temp.path().join(ledger), Arc::new(store));
        outlive::app::verify(&context, &place(), &Silent).unwrap()
    }

    /// Looks at the vault without these objects: by each ledger it is found which points are gone, or not said that none is.
    fn without(&self, hidden: &BTreeSet<Key>, seen: &mut Seen) {
        let mut gone: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (root, volume) in self.points.iter().filter(|(root, _)| hidden.contains(root)) {
            gone.entry(volume).or_default().insert(root.as_str());
        }
        let all: BTreeSet<&str> = gone.values().flatten().copied().collect();
        for ledger in ["copied", "looked-once", &format!("never-{}", seen.trials)] {
            let done = self.verify(ledger, hidden.clone());
            let what = format!("by the ledger {ledger}: {gone:?} are gone; {done:#?}");
            let named: BTreeSet<&str> = done.damage.iter().map(|damage| &*damage.object).collect();
            assert!(named.is_subset(&all), "{what}");
            for (volume, roots) in &gone {
                let is_found = roots.iter().any(|root| named.contains(root));
                let is_called_fresh = done.fresh.iter().any(|fresh| fresh == volume);
                assert!(is_found || !is_called_fresh, "{what}: {volume} is called fresh");
                (seen.found, seen.unproven) =
                    (seen.found + usize::from(is_found), seen.unproven + usize::from(!is_found));
            }
            if ledger == "copied" {
                assert_eq!(named, all, "{what}");
                let newest: BTreeMap<&str, &Key> =
                    self.points.iter().map(|(root, volume)| (volume.as_str(), root)).collect();
                let fresh: Vec<&str> = newest
                    .into_iter()
                    .filter(|(_, root)| !hidden.contains(root))
                    .map(|(volume, _)| volume)
                    .collect();
                assert_eq!(done.fresh, fresh, "{what}");
            } else {
                assert_eq!(done.fresh, [""; 0], "{what}: who stored nothing calls nothing fresh");
            }
            let says = done.text(Look::default()).replace('\n', " ");
            let is_open = !done.freshness_unproven.is_empty() || done.ledger_knew == 0;
            assert_eq!(says.contains("(freshness unproven)"), is_open, "{what}\n{says}");
            assert!(!named.is_empty() || is_open || done.points.is_empty(), "{what}\n{says}");
        }
        seen.trials += 1;
    }
}

#[derive(Default)]
struct Seen {
    trials: usize,
    found: usize,
    unproven: usize,
}

#[test]
fn whatever_vanishes_from_a_history_is_found_or_its_freshness_is_unproven() {
    let (mut seed, campaign) = seed_or(20_261_131);
    println!("OUTLIVE_SEED={seed}");
    let mut seen = Seen::default();
    for _ in 0..if campaign { 1000 } else { 12 } {
        let history = History::play(&mut seed);
        let whole = history.verify("copied", BTreeSet::new());
        assert_eq!((whole.damage.len(), &whole.freshness_unproven), (0, &Vec::new()), "{whole:#?}");
        let all = history.after.last().unwrap();
        let roots: BTreeSet<Key> = history.points.iter().map(|(root, _)| root.clone()).collect();
        // Each subset of roots is as likely; at least one goes.
        let mut omitted: BTreeSet<Key> =
            roots.iter().filter(|_| random(&mut seed).is_multiple_of(2)).cloned().collect();
        omitted.extend(roots.iter().nth(random(&mut seed) as usize % roots.len()).cloned());
        history.without(&omitted, &mut seen);
        // Every single one.
        for root in &roots {
            history.without(&BTreeSet::from([root.clone()]), &mut seen);
        }
        // Every moment before, the empty vault too.
        for before in &history.after[..history.after.len() - 1] {
            history.without(&all.difference(before).cloned().collect(), &mut seen);
        }
    }
    println!("{} vaults: {} found, {} of unproven freshness", seen.trials, seen.found, seen.unproven);
    assert!(seen.found > 0 && seen.unproven > 0);
}
