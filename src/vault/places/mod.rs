//! What this machine keeps of where the files of a volume lay when they were copied, so that the next copy need not read
//! what lies there still. A cache beside the vault: it names the point it was made with, and where it is gone, spoilt or of
//! another point, files are read whole.

mod compare;
mod pile;

pub use compare::{Sample, Stretches};

use super::format::{Digest, Entry};
use super::source::{MOST_PLACES, Place, Places};
use crate::domain::{ByteName, Timestamp, VolumeId};
use pile::Pile;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::path::Path;

/// Places of so many bytes of a file are kept together, so that a change in one place leaves the others as they were.
const PART: u64 = 64 * 1024 * 1024;
/// What is added for one point at most, in bytes; of files beyond that nothing is kept.
const MOST_ADDED: u64 = 64 * 1024 * 1024;
/// The list of a point's files holds at most so many, and so many parts of theirs.
const MOST_FILES: usize = 20_000;
const MOST_PARTS: usize = 100_000;
/// A place as it is kept, in bytes.
const WIDTH: usize = 40;

/// What is kept of one file of a point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noted {
    path: ByteName,
    /// Its size when it was copied, in bytes.
    pub size: u64,
    within: String,
    count: u64,
    /// When all of it was read last.
    pub read_at: Timestamp,
    /// Whether some of what was copied was taken as unchanged since.
    pub is_partly_unread: bool,
    parts: Vec<Digest>,
}

/// What is kept of one point.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    /// Something was told to be unchanged, and had changed: the next copy believes nothing, not even times.
    is_doubted: bool,
    /// Of some files that were not wholly read there was nothing kept. Lists that do not say so may lack some.
    #[serde(default = "yes")]
    lacks_some: bool,
    files: Vec<Noted>,
}

fn yes() -> bool {
    true
}

/// What was kept of the point before, and what is to be kept of the one that is being made.
pub struct Notes {
    pile: Pile,
    before: std::iter::Peekable<std::vec::IntoIter<Noted>>,
    is_doubted: bool,
    is_whole: bool,
    now: List,
    added: u64,
    parts: usize,
}

impl Notes {
    /// Looks for what was kept of `parent`, a point of this volume.
    pub fn open(folder: &Path, volume: &VolumeId, parent: Option<&Digest>) -> Self {
        let pile = Pile::open(folder, &Digest::of(volume.0.as_bytes()).to_string()[..32]);
        let list = parent.and_then(|root| pile.get(&list_of(root)));
        let list: Option<List> = list.and_then(|list| serde_json::from_slice(&list).ok());
        let is_whole = list.as_ref().is_some_and(|list| !list.lacks_some);
        let List { is_doubted, files, .. } = list.unwrap_or_default();
        let before = files.into_iter().peekable();
        Self { pile, before, is_doubted, is_whole, now: List::default(), added: 0, parts: 0 }
    }

    /// True where something was kept of every large file of the point before that was not wholly read. Otherwise one of which nothing
    /// is known may be such.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// True where the copy before was told something that was not so.
    pub fn is_doubted(&self) -> bool {
        self.is_doubted
    }

    /// What was kept of this file. Paths are asked for in order.
    pub fn find(&mut self, path: &ByteName) -> Option<Noted> {
        let order = |noted: &Noted| Entry::compare_paths(&noted.path, path);
        while self.before.next_if(|noted| order(noted) == Ordering::Less).is_some() {}
        self.before.next_if(|noted| order(noted) == Ordering::Equal)
    }

    /// What lies where it lay when this was kept.
    pub fn unchanged(&self, noted: &Noted, now: &Places, size: u64) -> Stretches {
        if noted.within != now.within || noted.count > now.count {
            return Stretches::default();
        }
        // A part that is not there tells nothing of its bytes.
        let parts = noted.parts.iter().zip(0_u64..);
        let before = parts.flat_map(|(part, number)| {
            self.pile.get(part).and_then(|bytes| unpack(&bytes, number * PART)).unwrap_or_default()
        });
        Stretches::unchanged(before, &now.all, size.min(noted.size))
    }

    /// Keeps where a file lay that was copied.
    pub fn note(&mut self, path: ByteName, size: u64, places: &Places, read: (Timestamp, bool)) {
        let is_noted = self.note_places(path, size, places, read).is_some();
        self.now.lacks_some |= read.1 && !is_noted;
    }

    fn note_places(
        &mut self,
        path: ByteName,
        size: u64,
        places: &Places,
        read: (Timestamp, bool),
    ) -> Option<()> {
        let parts = self.room_for(size)?;
        let mut digests = Vec::with_capacity(parts);
        let mut rest = &places.all[..];
        for number in 0..parts as u64 {
            let (from, to) = (number * PART, (number + 1) * PART);
            rest = &rest[rest.partition_point(|place| place.end() <= from)..];
            let here = &rest[..rest.partition_point(|place| place.offset < to)];
            let bytes = pack(here, from, to);
            let digest = Digest::of(&bytes);
            if !self.add(&digest, &bytes) {
                return None;
            }
            digests.push(digest);
        }
        let (within, count) = (places.within.clone(), places.count);
        let (read_at, is_partly_unread) = read;
        self.parts += parts;
        self.now.files.push(Noted { path, size, within, count, read_at, is_partly_unread, parts: digests });
        Some(())
    }

    /// Keeps what was kept of a file, which is as it was.
    pub fn keep(&mut self, noted: Noted) {
        let is_partly_unread = noted.is_partly_unread;
        let is_kept = self.keep_places(noted).is_some();
        self.now.lacks_some |= is_partly_unread && !is_kept;
    }

    fn keep_places(&mut self, noted: Noted) -> Option<()> {
        self.room_for(noted.size)?;
        for part in &noted.parts {
            // In a file of records that was begun anew it is not yet.
            let is_kept =
                self.pile.has(part) || self.pile.get(part).is_some_and(|bytes| self.add(part, &bytes));
            if !is_kept {
                return None;
            }
        }
        self.parts += noted.parts.len();
        self.now.files.push(noted);
        Some(())
    }

    /// Ends the point, whose root is written. In doubt nothing is kept but the doubt.
    pub fn finish(mut self, root: &Digest, is_doubted: bool) {
        let List { lacks_some, files, .. } = std::mem::take(&mut self.now);
        let files = if is_doubted { Vec::new() } else { files };
        // Where it cannot be kept, the next copy finds no list, and reads what may not have been read.
        if let Ok(list) = serde_json::to_vec(&List { is_doubted, lacks_some, files }) {
            self.pile.add(&list_of(root), &list);
        }
    }

    /// The parts of a file of this size, where there is room for them.
    fn room_for(&self, size: u64) -> Option<usize> {
        let parts = usize::try_from(size.div_ceil(PART)).ok()?;
        let fits = self.added <= MOST_ADDED && self.now.files.len() < MOST_FILES;
        (fits && self.parts.saturating_add(parts) <= MOST_PARTS).then_some(parts)
    }

    fn add(&mut self, digest: &Digest, bytes: &[u8]) -> bool {
        if self.pile.has(digest) {
            return true;
        }
        let added = self.pile.add(digest, bytes);
        self.added += added.unwrap_or(0);
        added.is_some()
    }
}

/// The key of a point's list of files.
fn list_of(root: &Digest) -> Digest {
    Digest::of(&[b"files of ", &root.0[..]].concat())
}

/// Places between two bytes of a file: each as what it adds to the one before, so that it compresses.
fn pack(places: &[Place], from: u64, to: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(places.len() * WIDTH);
    let mut last = Place { offset: from, length: 0, piece: 0, origin: 0, written: 0 };
    for place in places {
        let begin = place.offset.max(from);
        let cut = Place { offset: begin, length: place.end().min(to).saturating_sub(begin), ..*place };
        let numbers = [
            cut.offset.wrapping_sub(last.end()),
            cut.length,
            cut.piece.wrapping_sub(last.piece),
            cut.origin.wrapping_sub(last.origin),
            cut.written.wrapping_sub(last.written),
        ];
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        last = cut;
    }
    bytes
}

/// The same back; `None` where they would not be in order.
fn unpack(bytes: &[u8], from: u64) -> Option<Vec<Place>> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let (rows, left) = numbers.as_chunks::<5>();
    if !rest.is_empty() || !left.is_empty() || rows.len() > MOST_PLACES {
        return None;
    }
    let mut last = Place { offset: from, length: 0, piece: 0, origin: 0, written: 0 };
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let [gap, length, piece, origin, written] = row.map(u64::from_le_bytes);
        let offset = last.end().checked_add(gap)?;
        let next = Place {
            offset,
            length,
            piece: last.piece.wrapping_add(piece),
            origin: last.origin.wrapping_add(origin),
            written: last.written.wrapping_add(written),
        };
        if length == 0 || offset.checked_add(length)? > from.checked_add(PART)? {
            return None;
        }
        places.push(next);
        last = next;
    }
    Some(places)
}
