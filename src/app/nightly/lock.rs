//! One nightly run at a time on one state directory. The kernel lets go of the lock when its owner ends,
//! however it ends; the file only says who that is.

use crate::domain::{Problem, Result, Timestamp, printable, say_duration};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const NAME: &str = "nightly.lock";
/// So much of the end of the file holds its last line.
const LAST: i64 = 4096;

/// A run that holds the lock, or held it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its host.
    pub host: String,
    /// Its random id.
    pub run: String,
    /// Since when.
    pub since: Timestamp,
}

/// The lock; it is let go when this is dropped.
pub struct RunLock {
    _file: File,
}

/// What asking for the lock came to.
pub enum Asked {
    /// It is ours.
    Ours(RunLock),
    /// Another run holds it: who, as far as that can be read.
    Held(Option<Holder>),
}

impl RunLock {
    /// Asks for the lock in a state directory, which is made where it is not there yet.
    ///
    /// # Errors
    /// Where the file cannot be opened, locked or written.
    pub fn ask(state: &Path, holder: &Holder) -> Result<Asked> {
        let path = state.join(NAME);
        let failed = |error: std::io::Error| {
            Problem::io("locking the nightly run", error).at(printable(path.as_os_str().as_bytes()))
        };
        std::fs::create_dir_all(state).map_err(failed)?;
        let flags = OFlags::CREATE | OFlags::APPEND | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file =
            rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| failed(error.into()))?;
        let mut file = File::from(file);
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => return Ok(Asked::Held(last(&mut file))),
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
        // The line before may be the torn rest of a killed run's.
        let mut line = b"\n".to_vec();
        line.extend(serde_json::to_vec(holder).map_err(|error| failed(error.into()))?);
        line.push(b'\n');
        file.write_all(&line).map_err(failed)?;
        Ok(Asked::Ours(Self { _file: file }))
    }
}

impl Holder {
    /// In words, with how long it has been at it.
    pub fn say(&self, now: Timestamp) -> String {
        format!(
            "process {} on {}, for {}",
            self.pid,
            printable(self.host.as_bytes()),
            say_duration(now - self.since)
        )
    }
}

/// The last line that can be read.
fn last(file: &mut File) -> Option<Holder> {
    let length = i64::try_from(file.metadata().ok()?.len()).ok()?;
    file.seek(SeekFrom::End(-length.min(LAST))).ok()?;
    let mut bytes = Vec::new();
    file.take(LAST.unsigned_abs()).read_to_end(&mut bytes).ok()?;
    bytes.rsplit(|byte| *byte == b'\n').find_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::TempDir;

    fn holder(pid: u32) -> Holder {
        Holder { pid, host: "h".into(), run: "r".into(), since: chrono::Utc::now() }
    }

    #[test]
    fn one_run_holds_it_and_the_other_is_told_who_until_it_ends() {
        let temp = TempDir::new();
        let Asked::Ours(first) = RunLock::ask(temp.path(), &holder(1)).unwrap() else { panic!("held") };
        match RunLock::ask(temp.path(), &holder(2)).unwrap() {
            Asked::Held(Some(found)) => assert_eq!(found.pid, 1),
            _ => panic!("two runs at once, or nobody knows whose"),
        }
        drop(first);
        let Asked::Ours(_second) = RunLock::ask(temp.path(), &holder(3)).unwrap() else { panic!("held") };
        let Asked::Held(Some(found)) = RunLock::ask(temp.path(), &holder(4)).unwrap() else { panic!() };
        assert_eq!(found.pid, 3);
    }
}
