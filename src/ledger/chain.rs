//! The file: one JSON object a line, each naming the SHA-256 of the line before.

use super::{Event, Lines};
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::store::sync_names;
use crate::vault::format::{Digest, parse, render};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(super) const SCHEMA: &str = "outlive/ledger/v0";
const NAME: &str = "ledger.jsonl";
/// What the first line names as the line before it.
const NOTHING: Digest = Digest([0; 32]);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The format.
    pub schema: String,
    /// The line's number, from 0. A line that was torn by a crash counts too.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The SHA-256 of the line before, without its newline.
    pub prev: Digest,
    /// True where the line before is the torn rest of a write that was cut off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_torn: bool,
    /// What happened.
    pub event: Event,
}

#[cfg(test)]
impl Record {
    /// One whose place in a chain is no matter.
    pub(super) fn unchained(at: Timestamp, event: Event) -> Self {
        Self { schema: String::new(), seq: 0, at, prev: Digest([0; 32]), after_torn: false, event }
    }
}

/// How long a command waits for another process to let go of the ledger. Each holds it for moments only.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// An open ledger. Several processes may hold it: each line is appended under a lock.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    records: Vec<Record>,
    /// How much of the file has been read, in bytes; always the end of a line.
    read: u64,
    lines: u64,
    last: Digest,
    /// How long another process may keep us waiting.
    patience: Duration,
}

impl Ledger {
    /// Opens the ledger in a state directory, making both where they are not there. Now and later, another
    /// process that holds it is waited for no longer than `patience`.
    ///
    /// # Errors
    /// When it cannot be read or written, or is held too long; `Damaged` where its chain is broken.
    pub fn open(state: &Path, patience: Duration) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Problem::io("opening the ledger", error)
                .at(printable(state.as_os_str().as_bytes()))
                .remedy("name a directory that may be written with --state")
        };
        std::fs::create_dir_all(state).map_err(failed)?;
        let path = state.join(NAME);
        let flags = OFlags::CREATE | OFlags::APPEND | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file =
            rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| failed(error.into()))?;
        let ledger = Self::read(path, File::from(file), patience)?;
        if ledger.records.is_empty() {
            // Nothing is appended before the names that lead to it are durable, whoever made them.
            let directory = File::open(state).map_err(failed)?;
            sync_names(&directory).map_err(|error| failed(error.into()))?;
        }
        Ok(ledger)
    }

    fn read(path: PathBuf, file: File, patience: Duration) -> Result<Self> {
        let place = || printable(path.as_os_str().as_bytes());
        let kind = file.metadata().map_err(|error| Problem::io("opening the ledger", error).at(place()))?;
        if !kind.is_file() {
            // A pipe would be waited for without end.
            return Err(Problem::new(Kind::Refused, "the ledger is no regular file").at(place()));
        }
        let mut ledger = Self { path, file, records: Vec::new(), read: 0, lines: 0, last: NOTHING, patience };
        ledger.locked(|ledger| ledger.catch_up().map(drop))?;
        Ok(ledger)
    }

    /// Reads a ledger without making or needing to write anything; empty where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is held by another process for longer than `patience`; `Damaged` where its
    /// chain is broken.
    pub fn look(state: &Path, patience: Duration) -> Result<Vec<Record>> {
        Ok(Self::open_to_look(state, patience)?.map(|ledger| ledger.records).unwrap_or_default())
    }

    /// The same with each record's line as it stands, and with those that are no record: torn ends of writes.
    ///
    /// # Errors
    /// As [`Ledger::look`].
    pub fn look_whole(state: &Path, patience: Duration) -> Result<(Vec<Record>, Lines)> {
        let Some(mut ledger) = Self::open_to_look(state, patience)? else { return Ok(Default::default()) };
        let mut bytes = Vec::new();
        // What was read and checked stays as it is: others only append.
        ledger.file.seek(SeekFrom::Start(0)).map_err(|error| ledger.failed("reading", error))?;
        let whole = (&ledger.file).take(ledger.read).read_to_end(&mut bytes);
        whole.map_err(|error| ledger.failed("reading", error))?;
        let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.pop();
        Ok((ledger.records, Lines::new(lines)))
    }

    fn open_to_look(state: &Path, patience: Duration) -> Result<Option<Self>> {
        let path = state.join(NAME);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => Self::read(path, File::from(file), patience).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => {
                Err(Problem::io("opening the ledger", error).at(printable(path.as_os_str().as_bytes())))
            }
        }
    }

    /// All records so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Reads what other processes appended since.
    ///
    /// # Errors
    /// As [`Ledger::look`].
    pub fn refresh(&mut self) -> Result<()> {
        self.locked(|ledger| ledger.catch_up().map(drop))
    }

    /// Appends an event and makes it durable.
    ///
    /// # Errors
    /// When it cannot be written: then the event counts as not having happened.
    pub fn append(&mut self, at: Timestamp, event: Event) -> Result<()> {
        self.locked(|ledger| {
            let torn = ledger.catch_up()?;
            let mut line = Vec::new();
            if let Some(torn) = &torn {
                // The rest of a cut-off write stays as a line of its own, inside the chain.
                line.push(b'\n');
                ledger.last = Digest::of(torn);
                ledger.lines += 1;
            }
            let record = Record {
                schema: SCHEMA.into(),
                seq: ledger.lines,
                at,
                prev: ledger.last,
                after_torn: torn.is_some(),
                event,
            };
            let text = render(&record)?;
            line.extend_from_slice(&text);
            line.push(b'\n');
            ledger.file.write_all(&line).map_err(|error| ledger.failed("writing", error))?;
            ledger.file.sync_all().map_err(|error| ledger.failed("writing", error))?;
            ledger.read += line.len() as u64 + torn.map_or(0, |torn| torn.len() as u64);
            ledger.take(record, &text);
            Ok(())
        })
    }

    /// Reads what was appended since; the rest of a line without its newline is returned as torn.
    fn catch_up(&mut self) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.read)).map_err(|error| self.failed("reading", error))?;
        self.file.read_to_end(&mut bytes).map_err(|error| self.failed("reading", error))?;
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let rest = lines.pop().unwrap_or_default();
        let parsed: Vec<Option<Record>> = lines.iter().map(|line| parse("ledger", line).ok()).collect();
        for (number, line) in lines.iter().enumerate() {
            self.read += line.len() as u64 + 1;
            if parsed.get(number + 1).and_then(Option::as_ref).is_some_and(|next| next.after_torn) {
                // Whatever it looks like: the writer after it found it without its end.
                self.last = Digest::of(line);
                self.lines += 1;
                continue;
            }
            let Some(record) = parsed[number].clone() else { return Err(self.broken("cannot be read")) };
            if record.schema != SCHEMA || record.seq != self.lines || record.prev != self.last {
                return Err(self.broken("does not follow from the line before it"));
            }
            self.take(record, line);
        }
        Ok((!rest.is_empty()).then(|| rest.to_vec()))
    }

    fn take(&mut self, record: Record, text: &[u8]) {
        self.last = Digest::of(text);
        self.lines += 1;
        self.records.push(record);
    }

    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.lock()?;
        let done = work(self);
        let unlocked = rustix::fs::flock(&self.file, FlockOperation::Unlock);
        let done = done?;
        unlocked.map_err(|error| self.failed("unlocking", error.into()))?;
        Ok(done)
    }

    /// Whoever holds the ledger may have been stopped while holding it: nothing waits for that without end.
    fn lock(&self) -> Result<()> {
        let deadline = Instant::now() + self.patience;
        loop {
            match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(Errno::WOULDBLOCK) => return Err(self.held()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.failed("locking", error.into())),
            }
        }
    }

    fn held(&self) -> Problem {
        let place = printable(self.path.as_os_str().as_bytes());
        let what = format!(
            "another process holds the lock of the ledger, and did not let go within {} s",
            self.patience.as_secs_f32()
        );
        let remedy =
            format!("find that process with `fuser -v {place}`, end it or wait for it; then run this again");
        Problem::new(Kind::Io, what).at(place).remedy(remedy)
    }

    fn failed(&self, doing: &str, error: std::io::Error) -> Problem {
        Problem::io(format!("{doing} the ledger"), error).at(printable(self.path.as_os_str().as_bytes()))
    }

    fn broken(&self, what: &str) -> Problem {
        Problem::new(
            Kind::Damaged,
            format!("line {} {what}: the ledger was altered or damaged", self.lines + 1),
        )
        .at(printable(self.path.as_os_str().as_bytes()))
        .remedy("keep the file as evidence and move it aside; a new ledger starts with nothing proved")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VolumeId;
    use crate::hand::{TempDir, fs};

    fn event(number: u64) -> Event {
        let vault = crate::ledger::VaultRef { id: "x".into(), place: "y".into() };
        Event::CopyStarted { volume: VolumeId(format!("v{number}")), vault }
    }

    #[test]
    fn every_altered_byte_or_missing_line_breaks_the_chain() {
        let temp = TempDir::new();
        let mut ledger = Ledger::open(temp.path(), PATIENCE).unwrap();
        let now = chrono::Utc::now();
        (0..4).for_each(|number| ledger.append(now, event(number)).unwrap());
        assert_eq!(Ledger::look(temp.path(), PATIENCE).unwrap().len(), 4);
        let path = temp.path().join(NAME);
        let good = std::fs::read(&path).unwrap();
        let last_line = good[..good.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        // The last line has no line after it that names its digest: only its form can be checked.
        for at in 0..last_line {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(Ledger::look(temp.path(), PATIENCE).is_err(), "byte {at} went unnoticed");
        }
        let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
        fs::write(&path, [lines[0], lines[2], lines[3]].concat()).unwrap();
        assert!(Ledger::look(temp.path(), PATIENCE).is_err(), "a missing line went unnoticed");
    }

    #[test]
    fn a_write_that_was_cut_off_is_kept_in_the_chain_and_the_ledger_goes_on() {
        let temp = TempDir::new();
        let now = chrono::Utc::now();
        Ledger::open(temp.path(), PATIENCE).unwrap().append(now, event(0)).unwrap();
        let path = temp.path().join(NAME);
        let good = std::fs::read(&path).unwrap();
        for cut in [1, good.len() / 2, good.len() - 1] {
            fs::write(&path, [&good[..], &good[..cut]].concat()).unwrap();
            let mut ledger = Ledger::open(temp.path(), PATIENCE).unwrap();
            ledger.append(now, event(1)).unwrap();
            ledger.append(now, event(2)).unwrap();
            let records = Ledger::look(temp.path(), PATIENCE).unwrap();
            assert_eq!(records.len(), 3, "cut after {cut} bytes");
            assert!(records[1].after_torn);
        }
    }

    #[test]
    fn two_writers_share_one_chain() {
        let temp = TempDir::new();
        let mut ledgers =
            [Ledger::open(temp.path(), PATIENCE).unwrap(), Ledger::open(temp.path(), PATIENCE).unwrap()];
        for number in 0..10 {
            ledgers[usize::from(number % 3 == 0)].append(chrono::Utc::now(), event(number)).unwrap();
        }
        assert_eq!(Ledger::look(temp.path(), PATIENCE).unwrap().len(), 10);
    }

    #[test]
    fn a_ledger_that_another_process_holds_is_waited_for_only_so_long() {
        let temp = TempDir::new();
        let brief = Duration::from_millis(50);
        let mut ledger = Ledger::open(temp.path(), brief).unwrap();
        let holder = File::open(temp.path().join(NAME)).unwrap();
        rustix::fs::flock(&holder, FlockOperation::LockExclusive).unwrap();
        let began = Instant::now();
        let refused = [
            Ledger::open(temp.path(), brief).map(drop),
            Ledger::look(temp.path(), brief).map(drop),
            ledger.refresh(),
            ledger.append(chrono::Utc::now(), event(0)),
        ];
        assert!(began.elapsed() >= 4 * brief && began.elapsed() < Duration::from_secs(20));
        for refused in refused {
            let problem = refused.unwrap_err();
            assert!(problem.what.contains("holds the lock"), "{problem:?}");
            assert!(problem.place.ends_with(NAME) && problem.remedy.contains(&problem.place), "{problem:?}");
        }
        rustix::fs::flock(&holder, FlockOperation::Unlock).unwrap();
        ledger.append(chrono::Utc::now(), event(1)).unwrap();
        assert_eq!(Ledger::look(temp.path(), brief).unwrap().len(), 1);
    }
}
