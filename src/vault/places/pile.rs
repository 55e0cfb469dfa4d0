//! A file to which records are only ever added, each under a key; where it has grown large, the next file is begun. A
//! cache: what is not whole is not there.

use crate::vault::format::Digest;
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A record is at most so long, packed and unpacked, in bytes.
pub const MOST: usize = 16 * 1024 * 1024;
/// A file that is longer is added to no more, in bytes.
const FULL: u64 = 128 * 1024 * 1024;
/// Records of one file at most, so that their keys stay in memory.
const MOST_RECORDS: usize = 1 << 20;
/// A record begins with its key, and how long it is packed.
const HEAD: usize = 36;
/// What is packed begins with its digest.
const CHECK: usize = 32;

/// Where each record begins in a file, and how long it is.
type Records = HashMap<Digest, (u64, u32)>;

/// The newest file, and the one to which is added: mostly the same.
#[derive(Debug)]
pub struct Pile {
    old: Option<(File, Records)>,
    new: Option<File>,
    /// Whether what is in the newest file need not be added.
    is_same: bool,
    path: PathBuf,
}

impl Pile {
    /// The files `<name>.0`, `<name>.1` and so on in a folder, which is made when something is to be kept.
    pub fn open(folder: &Path, name: &str) -> Self {
        let path = |number: u32| folder.join(format!("{name}.{number}"));
        let newest = (0..).map_while(|number| Some((number, File::open(path(number)).ok()?))).last();
        let Some((number, file)) = newest else {
            return Self { old: None, new: None, is_same: true, path: path(0) };
        };
        let length = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let (places, end) = scan(&file);
        let is_same = end == length && length < FULL && places.len() < MOST_RECORDS;
        let path = path(if is_same { number } else { number + 1 });
        Self { old: Some((file, places)), new: None, is_same, path }
    }

    /// The record with this key, as it was added last.
    pub fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        let (file, places) = self.old.as_ref()?;
        let (at, length) = places.get(key)?;
        let mut packed = vec![0; *length as usize];
        file.read_exact_at(&mut packed, *at).ok()?;
        let (check, packed) = packed.split_at_checked(CHECK)?;
        let plain = zstd::bulk::decompress(packed, MOST.min(packed.len().saturating_mul(2000))).ok()?;
        (Digest::of(&plain).0 == *check).then_some(plain)
    }

    /// Adds a record; how many bytes that took. What cannot be written is not kept.
    pub fn add(&mut self, key: &Digest, plain: &[u8]) -> Option<u64> {
        let packed = zstd::bulk::compress(plain, 1).ok().filter(|_| plain.len() <= MOST)?;
        let length = u32::try_from(CHECK + packed.len()).ok().filter(|length| *length as usize <= MOST)?;
        let record = [&key.0[..], &length.to_le_bytes(), &Digest::of(plain).0, &packed].concat();
        // One write, so that what two runs add does not mix.
        self.file()?.write_all(&record).ok()?;
        Some(record.len() as u64)
    }

    /// True where the file to which is added has this key already.
    pub fn has(&self, key: &Digest) -> bool {
        self.is_same && self.old.as_ref().is_some_and(|(_, places)| places.contains_key(key))
    }

    fn file(&mut self) -> Option<&mut File> {
        if self.new.is_none() {
            let folder = self.path.parent()?;
            DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
            self.new = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path).ok();
        }
        self.new.as_mut()
    }
}

/// Where the records are, and where the last whole one ends.
fn scan(file: &File) -> (Records, u64) {
    let (mut places, mut at) = (HashMap::new(), 0);
    let Ok(length) = file.metadata().map(|metadata| metadata.len()) else { return (places, at) };
    let mut from = BufReader::new(file);
    while places.len() < MOST_RECORDS {
        let mut head = [0; HEAD];
        if from.read_exact(&mut head).is_err() {
            break;
        }
        let (key, size) = head.split_at(32);
        let (Ok(key), Ok(size)) = (key.try_into(), size.try_into()) else { break };
        let (begin, size) = (at + HEAD as u64, u32::from_le_bytes(size));
        let end = begin + u64::from(size);
        if size as usize > MOST || end > length || from.seek_relative(size.into()).is_err() {
            break;
        }
        places.insert(Digest(key), (begin, size));
        at = end;
    }
    (places, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    fn record(number: u32) -> (Digest, Vec<u8>) {
        (Digest([number.to_le_bytes()[0]; 32]), format!("record {number}").repeat(50).into_bytes())
    }

    fn held(within: &Path, numbers: std::ops::Range<u32>) -> usize {
        let pile = Pile::open(within, "pile");
        let is_there = |number: &u32| pile.get(&record(*number).0) == Some(record(*number).1);
        numbers.filter(is_there).count()
    }

    fn add(within: &Path, numbers: std::ops::Range<u32>) {
        let mut pile = Pile::open(within, "pile");
        numbers.map(record).for_each(|(key, plain)| assert!(pile.add(&key, &plain).is_some()));
    }

    #[test]
    fn records_are_kept_and_the_last_of_a_key_counts() {
        let within = TempDir::new();
        assert_eq!(held(within.path(), 0..9), 0);
        add(within.path(), 0..5);
        add(within.path(), 3..9);
        assert_eq!(held(within.path(), 0..10), 9);
        let mut pile = Pile::open(within.path(), "pile");
        assert!(pile.has(&record(3).0) && !pile.has(&record(9).0));
        pile.add(&record(3).0, b"other");
        assert_eq!(Pile::open(within.path(), "pile").get(&record(3).0).as_deref(), Some(&b"other"[..]));
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(within.path().join("pile.0")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_was_cut_or_spoilt_is_not_there_and_nothing_is_added_to_it() {
        let within = TempDir::new();
        add(within.path(), 0..4);
        let bytes = fs::read(within.path().join("pile.0")).unwrap();
        for at in 0..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 0x40;
            for wrong in [&bytes[..at], &spoilt[..]] {
                let other = TempDir::new();
                let file = other.path().join("pile.0");
                fs::write(&file, wrong).unwrap();
                assert!(held(other.path(), 0..4) < 4, "byte {at}");
                add(other.path(), 0..4);
                // A flipped bit in a record hides that record only, and the same key added again counts.
                assert_eq!(held(other.path(), 0..4), 4, "byte {at}");
                assert!(fs::read(&file).unwrap().starts_with(wrong));
            }
        }
    }
}
