//! What the machine that copies remembers of what it copied, unencrypted: it may open nothing in the vault, and would
//! otherwise have to read every file anew each night. A cache: all of it is compared with digests before it is used, and
//! without it a copy is only slower.

use crate::vault::format::Digest;
use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A record holds at most so much, before and after compression.
const MOST: usize = 64 * 1024 * 1024;
/// Its head: a digest, and how long the rest is.
const HEAD: usize = 36;

/// What is remembered of one vault.
#[derive(Debug)]
pub struct Memory {
    folder: PathBuf,
    /// What is inside roots, by its code; read when it is first asked for.
    points: Mutex<Option<HashMap<Digest, Vec<u8>>>>,
    pages: Mutex<Pages>,
}

/// Where pages are in a file, and how long.
type Places = HashMap<Digest, (u64, u32)>;

/// The pages that are known, and where those go that are not.
#[derive(Debug, Default)]
struct Pages {
    before: Option<(File, Places)>,
    now: Option<BufWriter<File>>,
    /// Pages that need not be written to where they go.
    there: HashSet<Digest>,
    /// Pages of the point that is being made.
    used: HashSet<Digest>,
}

/// What a file of pages holds.
#[derive(Default)]
struct Generation {
    places: Places,
    /// How many pages the last point had that came to its end.
    last: usize,
    /// It ends with a record that is whole.
    is_whole: bool,
}

impl Generation {
    fn read(file: File) -> Self {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut found = Self::default();
        let end = each(file, |digest, at, packed| match <[u8; 8]>::try_from(packed) {
            Ok(count) => found.last = usize::try_from(u64::from_le_bytes(count)).unwrap_or(0),
            Err(_) => drop(found.places.insert(digest, (at, u32::try_from(packed.len()).unwrap_or(0)))),
        });
        Self { is_whole: end == length, ..found }
    }

    /// True where more is added to it, false where a new one is begun: nothing is ever taken out of one.
    fn goes_on(&self) -> bool {
        self.is_whole && self.places.len() <= self.last.saturating_mul(4).saturating_add(4096)
    }
}

impl Memory {
    /// Remembers in this directory, made when there is something to remember.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, points: Mutex::default(), pages: Mutex::default() }
    }

    /// What is inside the root with this code.
    pub fn point(&self, code: &Digest) -> Option<Vec<u8>> {
        let mut points = lock(&self.points);
        let known = points.get_or_insert_with(|| {
            let mut all = HashMap::new();
            if let Ok(file) = File::open(self.folder.join("points")) {
                each(file, |code, _, packed| drop(unpack(packed).map(|plain| all.insert(code, plain))));
            }
            all
        });
        known.get(code).cloned()
    }

    /// Remembers what is inside a root that was written.
    pub fn keep_point(&self, code: &Digest, plain: &[u8]) {
        if self.point(code).is_some() {
            return;
        }
        lock(&self.points).get_or_insert_default().insert(*code, plain.to_vec());
        // It is a cache: what cannot be written is not remembered.
        let _ = self.open("points").and_then(|mut file| write(&mut file, code, &pack(plain)));
    }

    /// Begins with a point of a volume: looks which pages of points before it are here.
    pub fn begin(&self, stream: &Digest) {
        let name = |number: u32| format!("{}.{number}", &stream.to_string()[..32]);
        let mut newest = None;
        for number in 0.. {
            match File::open(self.folder.join(name(number))) {
                Ok(file) => newest = Some((number, file)),
                Err(_) => break,
            }
        }
        let read =
            newest.and_then(|(number, file)| Some((number, Generation::read(file.try_clone().ok()?), file)));
        let (next, there) = match &read {
            Some((number, found, _)) if found.goes_on() => (*number, found.places.keys().copied().collect()),
            Some((number, ..)) => (number + 1, HashSet::new()),
            None => (0, HashSet::new()),
        };
        let now = self.open(&name(next)).ok().map(BufWriter::new);
        let before = read.map(|(_, found, file)| (file, found.places));
        *lock(&self.pages) = Pages { before, now, there, used: HashSet::new() };
    }

    /// A page of the point before.
    pub fn page(&self, digest: &Digest) -> Option<Vec<u8>> {
        let pages = lock(&self.pages);
        let (file, places) = pages.before.as_ref()?;
        let (at, length) = places.get(digest)?;
        let mut packed = vec![0; *length as usize];
        file.read_exact_at(&mut packed, *at).ok()?;
        unpack(&packed).filter(|page| Digest::of(page) == *digest)
    }

    /// Remembers a page of the point that is being made.
    pub fn keep_page(&self, digest: &Digest, page: &[u8]) {
        let mut pages = lock(&self.pages);
        if !pages.used.insert(*digest) || pages.there.contains(digest) {
            return;
        }
        if let Some(file) = &mut pages.now
            && write(file, digest, &pack(page)).is_err()
        {
            pages.now = None;
        }
    }

    /// Ends the point that is being made.
    pub fn end(&self, code: &Digest) {
        let mut pages = lock(&self.pages);
        let used = pages.used.len() as u64;
        if let Some(mut file) = pages.now.take() {
            let _ = write(&mut file, code, &used.to_le_bytes()).and_then(|()| file.flush());
        }
    }

    fn open(&self, name: &str) -> std::io::Result<File> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.folder.join(name))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::decompress(packed, MOST.min(packed.len().saturating_mul(2000))).ok()
}

/// Nine bytes at least, so that it is never taken for a count.
fn pack(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 1).unwrap_or_default()
}

fn write(file: &mut impl Write, digest: &Digest, packed: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(packed.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
    // One write, so that what two runs append does not mix.
    file.write_all(&[digest.0.as_slice(), &length.to_le_bytes(), packed].concat())
}

/// Hands over each record with where its content begins, up to the first that is not whole; where the last whole one ends.
fn each(file: File, mut take: impl FnMut(Digest, u64, &[u8])) -> u64 {
    let (mut file, mut at) = (BufReader::new(file), 0);
    loop {
        let mut head = [0; HEAD];
        if file.read_exact(&mut head).is_err() {
            return at;
        }
        let (digest, length) = head.split_at(32);
        let (Ok(digest), Ok(length)) = (digest.try_into(), length.try_into()) else { return at };
        let length = u32::from_le_bytes(length) as usize;
        let mut packed = Vec::new();
        let whole = length <= MOST && file.by_ref().take(length as u64).read_to_end(&mut packed).is_ok();
        if !whole || packed.len() < length {
            return at;
        }
        take(Digest(digest), at + HEAD as u64, &packed);
        at += (HEAD + length) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    fn page(number: u32) -> (Digest, Vec<u8>) {
        let page = format!("page {number}").repeat(100).into_bytes();
        (Digest::of(&page), page)
    }

    fn copy(within: &TempDir, pages: std::ops::Range<u32>) -> usize {
        let memory = Memory::new(within.path().join("vault"));
        memory.begin(&Digest([7; 32]));
        let known = pages.clone().filter(|number| memory.page(&page(*number).0).is_some()).count();
        pages.map(page).for_each(|(digest, page)| memory.keep_page(&digest, &page));
        memory.end(&Digest([1; 32]));
        known
    }

    #[test]
    fn pages_and_points_are_remembered_until_the_next_time() {
        let within = TempDir::new();
        assert_eq!(copy(&within, 0..10), 0);
        assert_eq!(copy(&within, 5..15), 5);
        assert_eq!(copy(&within, 0..20), 15);
        let memory = Memory::new(within.path().join("vault"));
        let code = Digest([3; 32]);
        assert_eq!(memory.point(&code), None);
        memory.keep_point(&code, b"inside");
        assert_eq!(
            Memory::new(within.path().join("vault")).point(&code).as_deref(),
            Some(b"inside".as_slice())
        );
    }

    #[test]
    fn a_memory_that_was_cut_or_spoilt_gives_what_is_sound_and_grows_anew() {
        let within = TempDir::new();
        copy(&within, 0..10);
        let file = within.path().join("vault").join(format!("{}.0", &Digest([7; 32]).to_string()[..32]));
        let bytes = fs::read(&file).unwrap();
        for cut in 0..bytes.len() {
            let other = TempDir::new();
            fs::create_dir_all(other.path().join("vault")).unwrap();
            let there = other.path().join("vault").join(file.file_name().unwrap());
            fs::write(&there, &bytes[..cut]).unwrap();
            let known = copy(&other, 0..10);
            assert!(known <= 10 && copy(&other, 0..10) == 10, "cut to {cut}: {known}");
            let mut spoilt = bytes.clone();
            spoilt[cut] ^= 0x40;
            let other = TempDir::new();
            fs::create_dir_all(other.path().join("vault")).unwrap();
            fs::write(other.path().join("vault").join(file.file_name().unwrap()), &spoilt).unwrap();
            assert!(copy(&other, 0..10) <= 10, "bit of byte {cut}");
        }
    }

    #[test]
    fn what_no_point_needs_any_more_is_left_behind() {
        let within = TempDir::new();
        for night in 0..12 {
            copy(&within, night * 1000..(night + 1) * 1000);
        }
        let files = fs::read_dir(within.path().join("vault")).unwrap().count();
        assert!(files > 1, "one file holds all");
    }
}
