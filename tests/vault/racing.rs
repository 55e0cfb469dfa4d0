//! Two runs that make one vault at the same moment, in a store that does not know conditions: it takes both markers, and
//! keeps the last. Nothing that a run claims may rest on the other's vault.

use super::support::{Place, copy_into, noise};
use crate::hand::fs;
use outlive::app::{Context, CopyOrder, Opened, Purpose, Stores};
use outlive::domain::{Kind, Lock, Problem, Result, Silent};
use outlive::estate::{CopyFrom, Environment, S3Place, VaultPlace};
use outlive::ledger::{Event, Ledger, PATIENCE};
use outlive::store::{Identity, Key, Listed, MemoryStore, Retention, Store, Upload};
use outlive::vault::format::Marker;
use outlive::vault::{Roots, Vault};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// When something happens meanwhile: a write was looked for and is about to be, or was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Looked,
    Written,
}

type Meanwhile = (At, &'static str, Box<dyn FnOnce(&Careless) + Send>);

/// A store that looks whether a key is free, and then writes whatever came in between. Clones share it.
#[derive(Clone, Default)]
struct Careless {
    objects: Arc<Mutex<BTreeMap<Key, Vec<u8>>>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

impl Careless {
    /// Does something once, at the first key that begins so.
    fn meanwhile(&self, at: At, key: &'static str, act: impl FnOnce(&Careless) + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some((at, key, Box::new(act)));
    }

    fn happens(&self, at: At, key: &Key) {
        let due = |(when, begin, _): &mut Meanwhile| *when == at && key.as_str().starts_with(*begin);
        let taken = self.meanwhile.lock().unwrap().take_if(due);
        if let Some((_, _, act)) = taken {
            act(self);
        }
    }

    fn has_happened(&self) -> bool {
        self.meanwhile.lock().unwrap().is_none()
    }

    /// What another run does that had looked before: its marker goes over whatever is there.
    fn put_marker_of(&self, id: &str) {
        let readme = (self as &dyn Store).get_bytes(&Marker::readme_key().unwrap(), 1 << 20).unwrap();
        let marker = Marker::new(id.into(), chrono::Utc::now(), &readme);
        self.objects.lock().unwrap().insert(Marker::key().unwrap(), marker.render().unwrap());
    }

    fn vault(&self) -> Vault {
        Vault::open_or_create(Arc::new(self.clone()), chrono::Utc::now()).unwrap()
    }
}

impl Store for Careless {
    fn place(&self) -> String {
        "careless".into()
    }

    fn identity(&self) -> Result<Identity> {
        Ok(Identity::remote("careless".into()))
    }

    fn put_new(&self, key: &Key, _: Option<Retention>) -> Result<Box<dyn Upload>> {
        Ok(Box::new(Careful { store: self.clone(), key: key.clone(), bytes: Vec::new() }))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let absent = || Problem::new(Kind::NotFound, format!("there is no object {key}"));
        let mut reader = Cursor::new(self.objects.lock().unwrap().get(key).cloned().ok_or_else(absent)?);
        reader.set_position(offset);
        Ok(Box::new(reader))
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        Ok(self.objects.lock().unwrap().get(key).map(|bytes| bytes.len() as u64))
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        self.in_memory().stranger(known)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        self.in_memory().list(folder)
    }
}

impl Careless {
    /// What it holds, in a store that can list.
    fn in_memory(&self) -> MemoryStore {
        let memory = MemoryStore::default();
        for (key, bytes) in self.objects.lock().unwrap().iter() {
            (&memory as &dyn Store).put_bytes(key, bytes).unwrap();
        }
        memory
    }
}

struct Careful {
    store: Careless,
    key: Key,
    bytes: Vec<u8>,
}

impl Write for Careful {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Careful {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        if self.store.size(&self.key)?.is_some() {
            return Err(Problem::new(Kind::Refused, format!("an object {} exists", self.key)));
        }
        self.store.happens(At::Looked, &self.key);
        self.store.objects.lock().unwrap().insert(self.key.clone(), self.bytes);
        self.store.happens(At::Written, &self.key);
        Ok(None)
    }
}

fn tree(place: &Place) -> PathBuf {
    let tree = place.path("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), noise(1, 50_000)).unwrap();
    tree
}

#[test]
fn a_run_whose_marker_was_written_over_takes_the_vault_that_is_there() {
    let store = Careless::default();
    store.meanwhile(At::Written, "vault.json", |store| store.put_marker_of("the-other"));
    let vault = store.vault();
    assert!(store.has_happened());
    assert_eq!(vault.id(), "the-other");
    let place = Place::new();
    copy_into(&vault, &tree(&place), &Silent).unwrap();
    let roots = Roots::read(&store.vault()).unwrap();
    assert_eq!((roots.sound.len(), roots.damaged.len()), (1, 0));
}

#[test]
fn of_two_runs_that_make_one_vault_at_once_no_root_is_of_a_vault_that_is_not_there() {
    let (store, loser) = (Careless::default(), Arc::new(Mutex::new(None)));
    let kept = loser.clone();
    store.meanwhile(At::Looked, "vault.json", move |store| {
        *kept.lock().unwrap() = Some(store.vault());
    });
    let winner = store.vault();
    let loser = loser.lock().unwrap().take().unwrap();
    assert_ne!(winner.id(), loser.id());
    let place = Place::new();
    let tree = tree(&place);
    let problem = copy_into(&loser, &tree, &Silent).map(drop).unwrap_err();
    assert!(problem.kind == Kind::Refused && problem.what.contains("another vault"), "{problem}");
    assert!(loser.is_displaced() && !winner.is_displaced());
    // What it had written is built upon by the next, and nothing is damaged.
    copy_into(&winner, &tree, &Silent).unwrap();
    let roots = Roots::read(&store.vault()).unwrap();
    assert_eq!((roots.sound.len(), roots.damaged.len()), (1, 0), "{:?}", roots.damaged);
}

struct Only(Careless);

impl Stores for Only {
    fn open(&self, _: &VaultPlace, _: Purpose) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.0.clone()))
    }
}

#[test]
fn a_copy_whose_vault_was_replaced_after_its_root_was_written_is_not_read_back() {
    let (place, store) = (Place::new(), Careless::default());
    store.meanwhile(At::Written, "roots/", |store| store.put_marker_of("the-other"));
    let context = Context {
        state: place.path("state"),
        clock: chrono::Utc::now,
        environment: Environment::default(),
        stores: Arc::new(Only(store.clone())),
        opened: Opened::default(),
        keys: outlive::app::Keyring::default(),
        signers: outlive::app::Signers::default(),
        max_age: std::time::Duration::ZERO,
        stop: outlive::providers::graphql::Stop::default(),
    };
    let order = CopyOrder {
        vault_name: None,
        volume: None,
        from: CopyFrom::Path { path: tree(&place), live: true },
        vault: VaultPlace::S3(Box::new(S3Place { bucket: "careless".into(), ..S3Place::default() })),
        lock: None,
        longest: None,
    };
    let problem = outlive::app::copy(&context, &order, &Silent).map(drop).unwrap_err();
    assert!(store.has_happened());
    assert!(problem.what.contains("another vault took this one's place"), "{problem}");
    assert!(problem.remedy.contains("run it again"), "{problem:?}");
    let records = Ledger::look(&context.state, PATIENCE).unwrap();
    let is_proof = |event: &Event| matches!(event, Event::ReadBack { .. });
    assert!(!records.iter().any(|record| is_proof(&record.event)), "it was recorded as read back");
    // No name of an estate is bound to the vault that is not there, and the same run goes on in the one that is.
    assert!(context.opened.any(&order.vault).is_none());
    let done = outlive::app::copy(&context, &order, &Silent).unwrap();
    assert_eq!(done.state, "read back");
    assert_eq!(store.vault().id(), "the-other");
}
