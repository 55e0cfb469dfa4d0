//! A store that fails as it is told to, over a real directory; and a record of what came back whole.

use super::random::Random;
use outlive::app::{Purpose, Stores};
use outlive::domain::{Kind, Lock, Problem, Result, Timestamp};
use outlive::estate::VaultPlace;
use outlive::store::{DirStore, Identity, Key, Listed, Retention, Store, Upload};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What goes wrong, and in how many of a hundred calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing does.
    None,
    /// The store cannot be reached at all.
    Unreachable,
    /// Objects cannot be begun.
    Put(u64),
    /// The bytes are taken, and the end is refused.
    Finish(u64),
    /// Objects cannot be opened.
    Get(u64),
    /// A reading breaks off with an error.
    Break(u64),
    /// A reading ends too early, without an error.
    Short(u64),
    /// A reading gives other bytes.
    Corrupt(u64),
    /// Nothing can be listed.
    List(u64),
    /// Only the listing of this number of the night fails, counted from 1.
    ListOf(u64),
}

/// Everything that all stores of one simulation share.
#[derive(Clone)]
pub struct Faulty(Arc<Shared>);

struct Shared {
    tonight: Mutex<Fault>,
    random: Mutex<Random>,
    fired: AtomicU64,
    /// How often anything was listed tonight.
    listed: AtomicU64,
    /// When each object was last given whole and right, from its beginning to its end.
    whole: Mutex<BTreeMap<String, Timestamp>>,
    clock: fn() -> Timestamp,
}

impl Faulty {
    pub fn new(seed: u64, clock: fn() -> Timestamp) -> Self {
        Self(Arc::new(Shared {
            tonight: Mutex::new(Fault::None),
            random: Mutex::new(Random::new(seed)),
            fired: AtomicU64::new(0),
            listed: AtomicU64::new(0),
            whole: Mutex::default(),
            clock,
        }))
    }

    pub fn tonight(&self, fault: Fault) {
        self.0.listed.store(0, Relaxed);
        *self.0.tonight.lock().unwrap() = fault;
    }

    /// How often anything went wrong so far.
    pub fn fired(&self) -> u64 {
        self.0.fired.load(Relaxed)
    }

    /// When this object last came back whole and right.
    pub fn whole(&self, key: &str) -> Option<Timestamp> {
        self.0.whole.lock().unwrap().get(key).copied()
    }

    fn strikes(&self, asked: impl Fn(Fault) -> Option<u64>) -> bool {
        let Some(percent) = asked(*self.0.tonight.lock().unwrap()) else { return false };
        let strikes = self.0.random.lock().unwrap().chance(percent);
        self.0.fired.fetch_add(u64::from(strikes), Relaxed);
        strikes
    }
}

fn failed(doing: &str, what: &str) -> Problem {
    Problem::new(Kind::Io, format!("{doing} {what}: the store failed, as the test wants it"))
}

impl Stores for Faulty {
    fn open(&self, place: &VaultPlace, purpose: Purpose) -> Result<Arc<dyn Store>> {
        let VaultPlace::Dir(path) = place else { panic!("only directories are played with") };
        if self.strikes(|fault| (fault == Fault::Unreachable).then_some(100)) {
            return Err(failed("connecting to", "the store"));
        }
        let inner = match purpose {
            Purpose::Read | Purpose::Record => DirStore::open(path)?,
            Purpose::Write => DirStore::create(path)?,
        };
        Ok(Arc::new(FaultyStore { inner, faulty: self.clone() }))
    }
}

struct FaultyStore {
    inner: DirStore,
    faulty: Faulty,
}

macro_rules! percent {
    ($kind:ident) => {
        |fault| match fault {
            Fault::$kind(percent) => Some(percent),
            _ => None,
        }
    };
}

impl Store for FaultyStore {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn identity(&self) -> Result<Identity> {
        self.inner.identity()
    }

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        if self.faulty.strikes(percent!(Put)) {
            return Err(failed("creating", key.as_str()));
        }
        let inner = self.inner.put_new(key, retention)?;
        Ok(Box::new(FaultyUpload { inner, key: key.clone(), faulty: self.faulty.clone() }))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        if self.faulty.strikes(percent!(Get)) {
            return Err(failed("reading", key.as_str()));
        }
        let spoils = if self.faulty.strikes(percent!(Break)) {
            Spoils::Break
        } else if self.faulty.strikes(percent!(Short)) {
            Spoils::Short
        } else if self.faulty.strikes(percent!(Corrupt)) {
            Spoils::Corrupt
        } else {
            Spoils::Nothing
        };
        let whole = (offset == 0 && spoils == Spoils::Nothing).then(|| key.as_str().to_owned());
        let (inner, length) = (self.inner.get(key, offset)?, self.inner.size(key)?);
        Ok(Box::new(FaultyRead { inner, spoils, given: 0, length, whole, faulty: self.faulty.clone() }))
    }

    fn forget(&self, key: &Key) -> Result<()> {
        self.inner.forget(key)
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        self.inner.size(key)
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        self.inner.stranger(known)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let number = 1 + self.faulty.0.listed.fetch_add(1, Relaxed);
        let one = |fault| (fault == Fault::ListOf(number)).then_some(100);
        if self.faulty.strikes(percent!(List)) || self.faulty.strikes(one) {
            return Err(failed("listing", folder));
        }
        self.inner.list(folder)
    }
}

struct FaultyUpload {
    inner: Box<dyn Upload>,
    key: Key,
    faulty: Faulty,
}

impl Write for FaultyUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Upload for FaultyUpload {
    fn finish(self: Box<Self>) -> Result<Option<Lock>> {
        if self.faulty.strikes(percent!(Finish)) {
            return Err(failed("writing", self.key.as_str()));
        }
        self.inner.finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoils {
    Nothing,
    Break,
    Short,
    Corrupt,
}

struct FaultyRead {
    inner: Box<dyn Read + Send>,
    spoils: Spoils,
    given: usize,
    length: Option<u64>,
    whole: Option<String>,
    faulty: Faulty,
}

impl Read for FaultyRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.spoils, self.given) {
            (Spoils::Break, 1..) => return Err(io::Error::other("broken off, as the test wants it")),
            (Spoils::Short, 1..) => return Ok(0),
            _ => {}
        }
        let most = if self.spoils == Spoils::Nothing { buffer.len() } else { buffer.len().min(100) };
        let read = self.inner.read(&mut buffer[..most])?;
        if self.spoils == Spoils::Corrupt && self.given == 0 && read > 0 {
            buffer[read / 2] ^= 0x20;
        }
        // Whoever knows how much there is need not ask for the end.
        let ended = Some((self.given + read) as u64) == self.length;
        if let Some(key) = self.whole.take_if(|_| ended) {
            self.faulty.0.whole.lock().unwrap().insert(key, (self.faulty.0.clock)());
        }
        self.given += read;
        Ok(read)
    }
}
