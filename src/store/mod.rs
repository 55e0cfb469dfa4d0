//! Where objects are kept: written once, under a new key, read back by key.
//!
//! There is no delete, no overwrite and no rename in the contract, for any store.

mod dir;
mod held;
mod key;
mod lock;
mod memory;
mod names;
mod probe;
mod s3;
mod standing;

pub use dir::{DirStore, INCOMING, random_hex};
pub use held::{Hold, StoredVersion};
pub use key::Key;
pub use lock::{Retention, UNLOCKED, weaker};
pub use memory::{MemoryStore, StoreClock};
pub use names::sync_names;
pub use probe::{Asked, CANARIES, Found, Scope, Trial};
pub use s3::{Fetching, Limits, Lost, Object, Prefix, S3Store, Streaming, overlap};
pub use standing::Identity;

use crate::domain::{Kind, Lock, Problem, Result, Timestamp};
use chrono::TimeDelta;
use rustix::io::Errno;
use std::io::{Read, Write};

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its size, in bytes; none where the medium gives an error for it.
    pub bytes: Option<u64>,
    /// When the store took it, by the store's own clock; none where it has none.
    pub stored_at: Option<Timestamp>,
}

/// An object being written. Dropping it without [`Upload::finish`] leaves no object.
pub trait Upload: Write + Send {
    /// Makes the object durable and gives it its key. Gives the lock that the store says it has; `None` where it does not
    /// say.
    ///
    /// # Errors
    /// When the store fails, or an object of this key exists: never overwritten. That it has another lock than was
    /// asked for is no error: it is what it is.
    fn finish(self: Box<Self>) -> Result<Option<Lock>>;
}

/// A store of objects. Called from threads; a store that talks to a network keeps its own runtime.
pub trait Store: Send + Sync {
    /// Where it is, for people; safe to print.
    fn place(&self) -> String;

    /// How many small requests at once it is good for: a network waits longer than it works.
    fn at_once(&self) -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }

    /// What tells this very place from a copy of everything in it.
    ///
    /// # Errors
    /// What the store said.
    fn identity(&self) -> Result<Identity>;

    /// Begins an object under a new key, and under a lock where one is asked for.
    ///
    /// # Errors
    /// When the store cannot be written, and `Refused` where it has no locks and one is asked for.
    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>>;

    /// The lock that an object has; `None` where the store does not say. A store without locks need not be asked.
    ///
    /// # Errors
    /// `NotFound` where there is no object; otherwise what the store said.
    fn lock_of(&self, _key: &Key) -> Result<Option<Lock>> {
        Ok(Some(UNLOCKED))
    }

    /// Makes an object's lock last longer, or gives it one. There is no call for less.
    ///
    /// # Errors
    /// `Refused` where the store has no locks; otherwise what the store said.
    fn extend_lock(&self, _key: &Key, _retention: Retention) -> Result<()> {
        Err(has_no_locks(self.place()))
    }

    /// Everything that is stored under the key of a listed object: what was written, and what somebody put on top of it, each
    /// with what holds off its deletion. A key of which not all is shown has one that is not known.
    ///
    /// # Errors
    /// As [`Store::lock_of`].
    fn versions_of(&self, listed: &Listed) -> Result<Vec<StoredVersion>> {
        held::only_version(self, listed)
    }

    /// Since when an object is there, by whatever clock there is: that of the store, or of the filesystem. `None` where nobody
    /// says.
    ///
    /// # Errors
    /// What the store said.
    fn there_since(&self, listed: &Listed) -> Result<Option<Timestamp>> {
        Ok(listed.stored_at)
    }

    /// Opens an object for reading from `offset` on.
    ///
    /// # Errors
    /// `NotFound` where there is none; otherwise what the store said.
    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>>;

    /// Opens `length` bytes of an object from `offset` on; fewer where it ends before.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn get_span(&self, key: &Key, offset: u64, length: u64) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.get(key, offset)?.take(length)))
    }

    /// Drops what this machine remembers of an object, so that reading it next asks the medium it is on, as
    /// far as the operating system can be told so. A store that remembers nothing has nothing to do.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn forget(&self, _key: &Key) -> Result<()> {
        Ok(())
    }

    /// The size of an object in bytes, or `None` where there is none.
    ///
    /// # Errors
    /// What the store said.
    fn size(&self, key: &Key) -> Result<Option<u64>>;

    /// The name of something at the top of the store that is none of `known`, should there be anything.
    ///
    /// # Errors
    /// What the store said.
    fn stranger(&self, known: &[&str]) -> Result<Option<String>>;

    /// All objects whose keys lie in `folder`, sorted by key.
    ///
    /// # Errors
    /// What the store said; a partial list is never returned.
    fn list(&self, folder: &str) -> Result<Vec<Listed>>;

    /// The time of the store's own clock; `None` for one that has no other clock than this machine's.
    ///
    /// # Errors
    /// What the store said.
    fn server_time(&self) -> Result<Option<Timestamp>> {
        Ok(None)
    }

    /// What people must know of how this store turned out to work; each thing is told once.
    fn notice(&self) -> Option<String> {
        None
    }

    /// Asks what it does, with small objects made for that; where it is asked of locks, a few of them are locked for
    /// minutes. `None` where there is nothing to ask: the machine keeps the store itself.
    ///
    /// # Errors
    /// Where nothing could be written at all; what the store said.
    fn probe(&self, _scope: Scope, _now: Timestamp) -> Result<Option<Vec<Trial>>> {
        Ok(None)
    }
}

/// How far a store's clock and this machine's may differ before nothing can be said of how fresh a copy is.
pub const MOST_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What a store without locks says where one is asked for.
fn has_no_locks(place: String) -> Problem {
    Problem::new(Kind::Refused, "this store has no locks")
        .at(place)
        .remedy("keep the vault in a bucket with Object Lock, or write lock = { mode = \"none\" }")
}

/// True where this error says that the medium or its filesystem has lost what was asked for: a block that cannot
/// be read, an inode or a tree that does not match its checksum, or a link where an object was written.
fn is_lost(error: Errno) -> bool {
    matches!(error, Errno::IO | Errno::BADMSG | Errno::UCLEAN | Errno::NODATA | Errno::REMOTEIO | Errno::LOOP)
}

/// A stored object that could not be read. A medium that gives an error for it has lost it: that is damage,
/// with the object's name. Anything else is the store's own failure.
pub fn read_failed(key: &Key, store: &dyn Store, error: std::io::Error) -> Problem {
    if let Some(problem) = error.get_ref().and_then(|inner| inner.downcast_ref::<Problem>()) {
        return problem.clone();
    }
    if Errno::from_io_error(&error).is_some_and(is_lost) {
        return Problem::damaged(key.as_str(), format!("cannot be read: {error}"));
    }
    Problem::io(format!("reading {key}"), error).at(store.place())
}

impl dyn Store + '_ {
    /// Writes a whole small object.
    ///
    /// # Errors
    /// As [`Store::put_new`] and [`Upload::finish`].
    pub fn put_bytes(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        self.put_locked(key, bytes, None).map(drop)
    }

    /// The same under a lock; the one that it has by then, where the store says.
    ///
    /// # Errors
    /// As [`Store::put_new`] and [`Upload::finish`].
    pub fn put_locked(&self, key: &Key, bytes: &[u8], retention: Option<Retention>) -> Result<Option<Lock>> {
        let mut upload = self.put_new(key, retention)?;
        upload.write_all(bytes).map_err(|error| self.failed("writing", key, error))?;
        upload.finish()
    }

    /// Reads a whole small object of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Store::get`]; `Damaged` where it is larger than `limit`.
    pub fn get_bytes(&self, key: &Key, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let reader = self.get(key, 0)?;
        reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| read_failed(key, self, error))?;
        if bytes.len() as u64 > limit {
            return Err(Problem::damaged(key.as_str(), format!("larger than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// Reads exactly `length` bytes of an object from `offset` on.
    ///
    /// # Errors
    /// As [`Store::get`]; `Damaged` where the object ends before.
    pub fn get_range(&self, key: &Key, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.get_span(key, offset, length as u64)?.read_exact(&mut bytes).map_err(|error| {
            match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Problem::damaged(key.as_str(), "ends too early"),
                _ => read_failed(key, self, error),
            }
        })?;
        Ok(bytes)
    }

    /// How far the store's clock is ahead of `now`, this machine's; `None` where it has no clock of its own. More
    /// than [`MOST_SKEW`] either way, and nothing can be said of how fresh a copy is.
    ///
    /// # Errors
    /// As [`Store::server_time`].
    pub fn clock_skew(&self, now: Timestamp) -> Result<Option<TimeDelta>> {
        Ok(self.server_time()?.map(|theirs| theirs - now))
    }

    fn failed(&self, doing: &str, key: &Key, error: std::io::Error) -> Problem {
        Problem::io(format!("{doing} {key}"), error).at(self.place())
    }
}
