//! A reader that is added to an encrypted vault: alone it gets everything back, old and new; and nobody who only copies can add
//! one, or say so.

use super::recorder::Recorder;
use super::sealed::{Sealed, reader, restored};
use super::support::{assert_same, overwrite};
use crate::hand::fs;
use outlive::domain::{Kind, Lock, Problem, Result, Silent};
use outlive::store::{DirStore, Key, Retention, Store, Upload};
use outlive::vault::format::{AddedReader, EPOCHS, KEYS, KeyLine};
use outlive::vault::{Epochs, Identities, ReaderAdded, Recipient, Roots, Vault, VaultKeys, verify};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub fn identities(file: &Path) -> Identities {
    Identities::parse(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The vault as whoever has this file sees it, on a machine that remembers nothing.
pub fn as_whoever_has(sealed: &Sealed, file: &Path) -> Result<Vault> {
    let vault = Vault::open(Recorder::open(&sealed.place.path("vault"))?)?;
    vault.with_keys(&VaultKeys { identities: identities(file), ..VaultKeys::default() })
}

/// A store that is stopped after so many objects.
pub struct Stopping {
    inner: DirStore,
    left: Arc<Mutex<usize>>,
}

impl Stopping {
    pub fn after(objects: usize, path: &Path) -> Arc<Self> {
        let (inner, left) = (DirStore::open(path).unwrap(), Arc::new(Mutex::new(objects)));
        Arc::new(Self { inner, left })
    }
}

impl Store for Stopping {
    forward!(self => self.inner; place identity get forget size stranger list);

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        let upload = self.inner.put_new(key, retention)?;
        Ok(Box::new(Stopped { upload, left: self.left.clone() }))
    }
}

struct Stopped {
    upload: Box<dyn Upload>,
    left: Arc<Mutex<usize>>,
}

impl Write for Stopped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.upload.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.upload.flush()
    }
}

impl Upload for Stopped {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or_else(|| Problem::new(Kind::Io, "stopped by the test"))?;
        self.upload.finish()
    }
}

#[test]
fn a_reader_that_was_added_alone_gets_back_what_was_there_and_what_comes() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let before = [sealed.objects("packs"), sealed.objects("roots"), sealed.objects(KEYS)];
    let (new, to_new) = reader(sealed.place.temp.path(), "new.key");
    assert_eq!(as_whoever_has(&sealed, &new).map(drop).unwrap_err().kind, Kind::Refused);
    let added = sealed.as_reader(0).add_reader(&to_new, chrono::Utc::now()).unwrap();
    assert_eq!(added, ReaderAdded { added: vec![sealed.epoch.name.clone()], ..ReaderAdded::default() });
    assert_eq!(sealed.objects("packs"), before[0]);
    assert_eq!(sealed.objects("roots"), before[1]);
    assert_eq!((sealed.objects(KEYS).len(), sealed.objects(EPOCHS).len()), (before[2].len() + 1, 1));
    fs::write(original.join("file 7"), "changed").unwrap();
    sealed.place.copy(&original);
    // Alone: the keys of the others are gone.
    for key in &before[2] {
        fs::remove_file(key).unwrap();
    }
    let vault = as_whoever_has(&sealed, &new).unwrap();
    let roots = Roots::read(&vault).unwrap();
    assert_eq!((roots.sound.len(), roots.damaged.len()), (2, 0));
    restored(&vault, &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
    let report = verify(&vault, &[], &Silent).unwrap();
    let gone: Vec<&str> = report.damage.iter().map(|damage| damage.object.as_str()).collect();
    assert_eq!(gone.len(), 2, "only the keys that the test took away: {gone:?}");
}

#[test]
fn who_is_a_reader_is_known_without_any_key_and_is_not_added_twice() {
    let sealed = Sealed::new();
    sealed.place.copy(&sealed.original());
    let (_, to_new) = reader(sealed.place.temp.path(), "new.key");
    assert!(!sealed.as_copier().is_for(&to_new));
    sealed.as_reader(1).add_reader(&to_new, chrono::Utc::now()).unwrap();
    assert!(sealed.as_copier().is_for(&to_new));
    assert!(sealed.opened(&VaultKeys::default()).is_for(&to_new));
    let objects = sealed.objects(KEYS).len();
    let again = sealed.as_reader(0).add_reader(&to_new, chrono::Utc::now()).unwrap();
    assert_eq!((again.added.len(), again.already.len()), (0, 1));
    assert_eq!(sealed.objects(KEYS).len(), objects);
    // A reader of the beginning is one already, too.
    let public = super::support::run("age-keygen", &["-y", sealed.readers[0].to_str().unwrap()]);
    let first = Recipient::parse(public.trim()).unwrap();
    assert_eq!(sealed.as_reader(1).add_reader(&first, chrono::Utc::now()).unwrap().already.len(), 1);
    // The vault's own key is no reader's; and who opens nothing adds nobody.
    let own = sealed.as_reader(0).add_reader(&sealed.epoch.recipient, chrono::Utc::now()).unwrap_err();
    assert_eq!(own.kind, Kind::Usage);
    let refused = sealed.as_copier().add_reader(&to_new, chrono::Utc::now()).unwrap_err();
    assert_eq!(refused.kind, Kind::Refused);
    let plain = super::support::Place::new();
    let refused = plain.vault.add_reader(&to_new, chrono::Utc::now()).unwrap_err();
    assert!(refused.what.contains("not encrypted"), "{refused}");
}

/// What whoever stole the machine that copies can write: its key of names, and the right to write.
#[test]
fn nobody_but_a_reader_can_say_that_one_was_added() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let (thief, to_thief) = reader(sealed.place.temp.path(), "thief.key");
    // They have no private key of the epoch, so that they take one of their own.
    let own: age::x25519::Identity = fs::read_to_string(&thief)
        .unwrap()
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .unwrap()
        .parse()
        .unwrap();
    let store = Recorder::open(&sealed.place.path("vault")).unwrap();
    let store: &dyn Store = &*store;
    let object = Key::new(format!("{KEYS}/{}-{}", sealed.epoch.name, "0".repeat(16))).unwrap();
    store.put_bytes(&object, b"junk").unwrap();
    let line = KeyLine { key: object.as_str().into(), sha256: outlive::vault::format::Digest::of(b"junk") };
    let key = Key::new(format!("{EPOCHS}/{}-{}", sealed.epoch.name, "1".repeat(16))).unwrap();
    let said = AddedReader::new(
        (&key, sealed.place.vault.id(), &sealed.epoch.name),
        (&to_thief, line),
        chrono::Utc::now(),
    );
    store.put_bytes(&key, &said.seal(&own).unwrap()).unwrap();
    let junk = Key::new(format!("{EPOCHS}/x")).unwrap();
    store.put_bytes(&junk, b"{}").unwrap();
    let vault = sealed.as_copier();
    assert!(!vault.is_for(&to_thief), "a reader was accepted that no reader added");
    assert_eq!(vault.epochs().map(|epochs: &Epochs| epochs.wrong.len()), Some(2));
    assert!(as_whoever_has(&sealed, &thief).is_err());
    // It is told, and nothing else falls with it.
    for vault in [vault, sealed.as_reader(0)] {
        let report = verify(&vault, &[], &Silent).unwrap();
        let told: Vec<&str> = report.damage.iter().map(|damage| damage.object.as_str()).collect();
        assert_eq!(told, [key.as_str(), junk.as_str()]);
        assert_eq!(report.sound.len() + report.closed.len(), 1);
    }
    restored(&sealed.as_reader(0), &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
}

#[test]
fn a_statement_that_was_changed_or_belongs_to_another_vault_counts_for_nothing() {
    let sealed = Sealed::new();
    sealed.place.copy(&sealed.original());
    let (_, to_new) = reader(sealed.place.temp.path(), "new.key");
    sealed.as_reader(0).add_reader(&to_new, chrono::Utc::now()).unwrap();
    let object = sealed.objects(EPOCHS).remove(0);
    let sound = fs::read(&object).unwrap();
    for at in (0..sound.len()).step_by(7) {
        let mut spoilt = sound.clone();
        spoilt[at] ^= 1;
        overwrite(&object, &spoilt);
        let vault = sealed.opened(&VaultKeys::default());
        assert!(!vault.is_for(&to_new), "byte {at}");
        assert_eq!(vault.epochs().unwrap().wrong.len(), 1, "byte {at}");
    }
    overwrite(&object, &sound);
    assert!(sealed.opened(&VaultKeys::default()).is_for(&to_new));
    // The same in another vault, and in this one under another name.
    let other = Sealed::new();
    fs::create_dir_all(other.place.path("vault").join(EPOCHS)).unwrap();
    let name = object.file_name().unwrap().to_str().unwrap();
    fs::copy(&object, other.place.path("vault").join(EPOCHS).join(name)).unwrap();
    assert!(!other.opened(&VaultKeys::default()).is_for(&to_new));
    fs::copy(&object, object.with_file_name(format!("{}f", &name[..name.len() - 1]))).unwrap();
    assert_eq!(sealed.opened(&VaultKeys::default()).epochs().unwrap().wrong.len(), 1);
    // What a newer program said is told as newer.
    let newer = outlive::vault::format::seal_envelope("outlive/reader/v2", b"{}").unwrap();
    overwrite(&object.with_file_name("newer"), &newer);
    let vault = sealed.opened(&VaultKeys::default());
    assert!(vault.epochs().unwrap().wrong.iter().any(|(_, problem)| problem.what.contains("version 2")));
}

#[test]
fn a_run_that_was_stopped_while_it_added_a_reader_is_made_good_by_the_next() {
    for objects in 0..2 {
        let sealed = Sealed::new();
        let original = sealed.original();
        sealed.place.copy(&original);
        let (new, to_new) = reader(sealed.place.temp.path(), "new.key");
        let vault = Vault::open(Stopping::after(objects, &sealed.place.path("vault"))).unwrap();
        let keys = VaultKeys { identities: identities(&sealed.readers[0]), ..VaultKeys::default() };
        let stopped = vault.with_keys(&keys).unwrap().add_reader(&to_new, chrono::Utc::now());
        assert_eq!(stopped.unwrap_err().kind, Kind::Io);
        assert!(!sealed.as_copier().is_for(&to_new), "{objects}: it is not said yet");
        let report = verify(&sealed.as_reader(0), &[], &Silent).unwrap();
        assert_eq!((report.sound.len(), report.damage.len()), (1, 0), "{objects}");
        let added = sealed.as_reader(0).add_reader(&to_new, chrono::Utc::now()).unwrap();
        assert_eq!(added.added.len(), 1, "{objects}");
        assert!(sealed.as_copier().is_for(&to_new));
        let to = sealed.place.path(&format!("restored {objects}"));
        restored(&as_whoever_has(&sealed, &new).unwrap(), &to);
        assert_same(&original, &to);
    }
}
