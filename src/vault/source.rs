//! What a copy pulls its bytes from.

use super::format::{Entry, Missed};
use crate::domain::{Consistency, Result};
use std::io::Read;

/// One thing to store, in the order of [`Entry::compare_paths`].
pub enum Item {
    /// An entry without content to read.
    Plain(Entry),
    /// A directory that belongs to another volume (another filesystem is mounted there): stored empty.
    Boundary(Entry),
    /// A regular file and its content; it is opened only when it is read.
    File(Entry, Box<dyn Content>),
    /// A regular file that is read once, from its beginning to its end; its size is known then. Where nothing is
    /// there for a while, reading gives `WouldBlock`, so that the copy can be stopped meanwhile.
    Stream(Entry, Box<dyn Read + Send>),
    /// A path that could not be read.
    Missed(Missed),
}

/// Entries pulled one by one.
pub trait Source: Send {
    /// The next item, or `None` after the last.
    ///
    /// # Errors
    /// What makes going on pointless: the root of the volume cannot be read.
    fn next(&mut self) -> Result<Option<Item>>;

    /// The size of the whole in bytes, where it is known beforehand.
    fn expected_bytes(&self) -> Option<u64>;

    /// Called after the last item, before anything is claimed: whether all of it came.
    ///
    /// # Errors
    /// Why there must be no recovery point, though bytes have flowed.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    /// How many files it is asked for ahead of the one that is being read, so that those to be read are fetched meanwhile. None where
    /// they are read where they lie; files that are fetched lie nowhere.
    fn ahead(&self) -> usize {
        0
    }

    /// Called after [`Source::finish`]: what is known of the whole only once it was read.
    fn told(&mut self) -> Told {
        Told::default()
    }
}

/// What a source says of a copy at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// In which state the data turned out to be; none where nothing but what was known before is.
    pub consistency: Option<Consistency>,
    /// What people must know.
    pub notices: Vec<String>,
}

/// The content of one file.
pub trait Content: Send {
    /// The next stretch of data at or after `offset` as `(start, end)` in bytes; holes are skipped.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn data_after(&mut self, offset: u64) -> std::result::Result<Option<(u64, u64)>, String>;

    /// Reads at `offset` until `buffer` is full or the file ends; how many bytes that were.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::result::Result<usize, String>;

    /// After reading: true where the file changed since its entry was made.
    ///
    /// # Errors
    /// Why that cannot be said, in words.
    fn has_changed(&mut self) -> std::result::Result<bool, String>;

    /// Begins to fetch it, where it does not lie here. It is called only where it is to be read, and need not be.
    fn fetch_ahead(&mut self) {}

    /// Before reading: the entry as it is by now, where it is another than the source told.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn opened(&mut self) -> std::result::Result<Option<Entry>, String> {
        Ok(None)
    }

    /// Before reading: where the bytes lie on what stores them, where that tells what changed. What is read afterwards is
    /// as new as that, or newer.
    fn places(&mut self) -> Option<Places> {
        None
    }
}

/// Where the bytes of a file lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// In what they lie. Places can be compared only with others of which the same is said.
    pub within: String,
    /// How far the count has come by which pieces are numbered. It never goes back.
    pub count: u64,
    /// In order, without overlap, [`MOST_PLACES`] at most. Of what none covers nothing is known.
    pub all: Vec<Place>,
}

/// Places of one file at most: whoever has more tells none, for they are in memory.
pub const MOST_PLACES: usize = 1 << 20;

/// A stretch of a file that lies in one stored piece. Pieces are never rewritten: other bytes make another piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// Where the piece is.
    pub piece: u64,
    /// Where the file's first byte would be in the piece, which may be before its beginning: the same for every part of a
    /// stretch. It wraps around.
    pub origin: u64,
    /// The number under which the piece was written.
    pub written: u64,
}

impl Place {
    /// Where it ends in the file, in bytes.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// True where this is of the same piece under a smaller number.
    pub fn is_older_than(&self, other: &Self) -> bool {
        (self.piece, self.origin) == (other.piece, other.origin) && self.written < other.written
    }

    /// True where both are of one piece, and would have the same bytes at the same offset.
    pub fn lies_like(&self, other: &Self) -> bool {
        (self.piece, self.origin, self.written) == (other.piece, other.origin, other.written)
    }
}
