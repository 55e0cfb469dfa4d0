//! The bytes of one object, fetched in the state that was listed where that is still there.

use super::entry;
use crate::domain::{Kind, Problem, printable};
use crate::store::{Fetching, Lost, Object, Prefix, Streaming};
use crate::vault::Content;
use crate::vault::format::{Entry, UNIT};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// How often an object is fetched at most before it counts as one that cannot be read.
const ATTEMPTS: usize = 3;
/// So many objects one after the other that the store gave no usable answer for: it is down, and the rest is not asked for.
const FAILED: u64 = 16;

const MD5_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";
const AGAIN: &str = "look whether the store is well and gives that object to others; then run it again: it goes on where it was";

/// How an object of the list was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Not at all: the point before has it.
    Kept = 0,
    /// As it was listed, after the list had ended.
    AsListed = 1,
    /// In another state.
    Replaced = 2,
    /// It was not there any more.
    Gone = 3,
    /// It could not be read, whatever its state: the point is without it, and says so.
    Missed = 4,
}

/// What all objects of one copy share.
pub struct Shared {
    pub prefix: Prefix,
    /// In the order of a recovery point.
    pub objects: Vec<Object>,
    seen: Vec<AtomicU8>,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    fetched: u64,
    denied: u64,
    /// How many failed one after the other, with none fetched between.
    failed_in_a_row: u64,
    /// The last that the store does not give, and what it says.
    last: Option<String>,
    failed: Option<Problem>,
}

impl Shared {
    pub fn new(prefix: Prefix, objects: Vec<Object>) -> Self {
        let seen = objects.iter().map(|_| AtomicU8::new(Seen::Kept as u8)).collect();
        Self { prefix, objects, seen, tally: Mutex::default() }
    }

    /// How the object of this number was read.
    pub fn seen(&self, number: usize) -> Seen {
        match self.seen[number].load(Relaxed) {
            0 => Seen::Kept,
            1 => Seen::AsListed,
            2 => Seen::Replaced,
            3 => Seen::Gone,
            _ => Seen::Missed,
        }
    }

    /// Notes how the object of this number was read.
    pub fn note(&self, number: usize, seen: Seen) {
        self.seen[number].store(seen as u8, Relaxed);
    }

    /// Why going on is pointless, should it be.
    pub fn failed(&self) -> Option<Problem> {
        self.with(|tally| tally.failed.clone())
    }

    /// Why there is no copy, once all was asked for: nothing was fetched, and the point before has nothing of it.
    pub fn nothing_was_read(&self) -> Option<Problem> {
        let has_one = |number: usize| self.objects[number].bytes > 0 && self.seen(number) == Seen::Kept;
        if (0..self.objects.len()).any(has_one) {
            return None;
        }
        let (fetched, denied, last) = self.with(|tally| (tally.fetched, tally.denied, tally.last.clone()));
        match last {
            _ if fetched > 0 => None,
            Some(last) => Some(self.problem(format!("no object could be read; the last was {last}"), AGAIN)),
            None => (denied > 0).then(|| {
                let what = "the credential may not read any object of what is to be copied";
                let remedy =
                    "give it the right to get objects there (s3:GetObject), besides that to list them";
                self.problem(what.into(), remedy)
            }),
        }
    }

    fn problem(&self, what: String, remedy: &str) -> Problem {
        Problem::new(Kind::Io, what).at(self.prefix.place()).remedy(remedy)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Tally) -> T) -> T {
        act(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// In words, why one object cannot be read; what is the matter with all of them is kept.
    fn say(&self, number: usize, lost: Lost) -> String {
        let name = || printable(self.objects[number].name.as_bytes());
        match lost {
            Lost::Gone => "vanished while it was being copied".into(),
            Lost::Replaced => "was replaced again and again while it was being copied".into(),
            Lost::Odd(what) => what,
            Lost::Denied(says) => {
                self.with(|tally| tally.denied += 1);
                format!("may not be read: {says}")
            }
            Lost::Refused(says) => {
                self.with(|tally| tally.last = Some(format!("{}: {says}", name())));
                format!("cannot be read as it is: {says}")
            }
            Lost::Failed(says) => {
                let last = format!("{}: {says}", name());
                let what =
                    format!("{FAILED} objects one after the other could not be read; the last was {last}");
                self.with(|tally| {
                    (tally.failed_in_a_row, tally.last) = (tally.failed_in_a_row + 1, Some(last));
                    if tally.failed_in_a_row >= FAILED {
                        tally.failed.get_or_insert_with(|| self.problem(what, AGAIN));
                    }
                });
                format!("could not be read: {says}")
            }
            Lost::All(problem) => {
                let problem = problem.at(self.prefix.place());
                let what = problem.what.clone();
                self.with(|tally| tally.failed = tally.failed.take().or(Some(problem)));
                what
            }
        }
    }
}

/// One object.
pub struct ObjectContent {
    shared: Arc<Shared>,
    number: usize,
    fetching: Option<Fetching>,
    open: Option<Streaming>,
    /// Where in the object reading is.
    at: u64,
    /// Its length as it is read, in bytes.
    length: u64,
    is_as_listed: bool,
}

impl ObjectContent {
    pub fn new(shared: Arc<Shared>, number: usize) -> Self {
        let length = shared.objects[number].bytes;
        Self { shared, number, fetching: None, open: None, at: 0, length, is_as_listed: true }
    }

    fn listed(&self) -> &Object {
        &self.shared.objects[self.number]
    }

    /// An empty object is not asked for, unless its ETag says that it is none.
    fn is_fetched(&self) -> bool {
        let Object { bytes, etag, .. } = self.listed();
        let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        *bytes > 0 || is_md5 && !etag.eq_ignore_ascii_case(MD5_OF_NOTHING)
    }

    fn begin(&self, etag: Option<&str>) -> Fetching {
        self.shared.prefix.fetch(&self.listed().name, etag, UNIT as u64)
    }

    /// Fetches it: as it was listed, or else as it is now.
    fn open(&mut self) -> Result<Streaming, Lost> {
        let etag = self.listed().etag.clone();
        let (mut condition, mut last) = (Some(&*etag), Lost::Replaced);
        for _ in 0..ATTEMPTS {
            let fetching = self.fetching.take().unwrap_or_else(|| self.begin(condition));
            let lost = match fetching.end() {
                Ok(open) => match self.judged(&open) {
                    None => return Ok(open),
                    Some(lost) => lost,
                },
                Err(lost) => lost,
            };
            match lost {
                Lost::Replaced => condition = None,
                Lost::Odd(_) => {}
                _ => return Err(lost),
            }
            last = lost;
        }
        Err(last)
    }

    /// What is wrong with an answer, beside the list.
    fn judged(&mut self, open: &Streaming) -> Option<Lost> {
        let (now, bytes) = (open.object(&self.listed().name), self.listed().bytes);
        self.is_as_listed = now.etag == self.listed().etag;
        if self.is_as_listed && now.bytes != bytes {
            let what = format!("the store lists it with {bytes} bytes and gives {}", now.bytes);
            return Some(Lost::Odd(what));
        }
        None
    }

    /// Opens it, and the entry that it is now where that is another.
    fn opened_now(&mut self) -> Result<Option<Entry>, Lost> {
        if self.open.is_some() || !self.is_fetched() {
            return Ok(None);
        }
        let open = self.open()?;
        let now = open.object(&self.listed().name);
        (self.length, self.at) = (now.bytes, 0);
        self.open = Some(open);
        self.shared.note(self.number, if self.is_as_listed { Seen::AsListed } else { Seen::Replaced });
        self.shared.with(|tally| (tally.fetched, tally.failed_in_a_row) = (tally.fetched + 1, 0));
        Ok((!self.is_as_listed).then(|| entry::of(&now)))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Lost> {
        if buffer.is_empty() || offset >= self.length {
            return Ok(0);
        }
        let before = self.open.is_some() && offset < self.at;
        if before {
            // What is fetched again must be what was told: the entry is written already.
            let etag = self.open.take().map(|open| open.object("").etag);
            self.open = Some(self.begin(etag.as_deref()).end()?);
            self.at = 0;
        }
        let Some(open) = &mut self.open else { return Err(Lost::Odd("it was not opened".into())) };
        let mut aside = vec![0; UNIT.min(usize::try_from(offset - self.at).unwrap_or(UNIT))];
        while self.at < offset {
            let wanted = aside.len().min(usize::try_from(offset - self.at).unwrap_or(UNIT));
            let read = open.read(&mut aside[..wanted])?;
            if read == 0 {
                return Ok(0);
            }
            self.at += read as u64;
        }
        let read = open.read(buffer)?;
        self.at += read as u64;
        if self.at == self.length {
            open.finish()?;
        }
        Ok(read)
    }

    /// In words, and noted as not read.
    fn lost(&self, lost: Lost) -> String {
        let seen = match lost {
            Lost::Gone => Seen::Gone,
            Lost::Replaced => Seen::Replaced,
            _ => Seen::Missed,
        };
        self.shared.note(self.number, seen);
        self.shared.say(self.number, lost)
    }
}

impl Content for ObjectContent {
    fn fetch_ahead(&mut self) {
        let listed = self.listed();
        if self.is_fetched() && listed.bytes <= UNIT as u64 && !listed.etag.is_empty() {
            self.fetching = Some(self.begin(Some(&listed.etag)));
        }
    }

    fn opened(&mut self) -> Result<Option<Entry>, String> {
        if self.listed().etag.is_empty() {
            return Err(
                self.lost(Lost::Odd("the store lists it without an ETag: nothing tells what it is".into()))
            );
        }
        self.opened_now().map_err(|lost| self.lost(lost))
    }

    fn data_after(&mut self, offset: u64) -> Result<Option<(u64, u64)>, String> {
        Ok((offset < self.length).then_some((offset, self.length)))
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, String> {
        self.read(offset, buffer).map_err(|lost| match lost {
            Lost::Replaced => {
                self.shared.note(self.number, Seen::Replaced);
                format!("{} was replaced while it was being read", printable(self.listed().name.as_bytes()))
            }
            lost => self.lost(lost),
        })
    }

    fn has_changed(&mut self) -> Result<bool, String> {
        Ok(!self.is_as_listed)
    }
}
