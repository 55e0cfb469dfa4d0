//! The content of one file, read without changing when it was last read where that is allowed.

use crate::providers::local::{is_image, is_on_btrfs, places_in_image, places_on_btrfs};
use crate::vault::Places;
use crate::vault::format::{Entry, Moment};
use crate::vault::metadata::{Spot, read_full, see};
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Longer than a tick of the clock by which a kernel notes changes (10 ms at the slowest).
const TICK: Duration = Duration::from_millis(20);

/// A regular file, opened when it is first read.
pub struct FileContent {
    /// The directory and the name in it; none for a file that was opened by its path.
    from: Option<(Arc<OwnedFd>, Vec<u8>)>,
    expected: Entry,
    open: Option<OwnedFd>,
}

/// Opens without following a link and without waiting; without noting the access where we may.
pub fn open_quietly(dir: &OwnedFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(dir, name, flags, Mode::empty()),
        other => other,
    }
}

impl FileContent {
    /// The file `name` in `dir`, seen before as `expected`.
    pub fn new(dir: Arc<OwnedFd>, name: &[u8], expected: Entry) -> Self {
        Self { from: Some((dir, name.to_vec())), expected, open: None }
    }

    /// A file that is open already.
    pub fn opened(file: OwnedFd, expected: Entry) -> Self {
        Self { from: None, expected, open: Some(file) }
    }

    fn file(&mut self) -> Result<&OwnedFd, String> {
        if let (None, Some((dir, name))) = (&self.open, &self.from) {
            let file = open_quietly(dir, name, OFlags::empty()).map_err(say)?;
            let seen = see(Spot::Open(file.as_fd()), self.expected.path.clone()).map_err(say)?;
            if seen.entry.inode != self.expected.inode || seen.entry.kind != self.expected.kind {
                return Err("replaced by something else while it was being copied".into());
            }
            self.open = Some(file);
        }
        self.open.as_ref().ok_or_else(|| "not open".into())
    }
}

/// Waits until the kernel's clock gives changes another time than this one, so that whoever changes the file from now on is
/// seen by that. `None` where the time is still to come.
fn wait_for_another_tick(ctime: Moment) -> Option<()> {
    let changed = u64::try_from(ctime.seconds).ok()?;
    let changed = UNIX_EPOCH.checked_add(Duration::new(changed, ctime.nanoseconds))?;
    for _ in 0..2 {
        if changed.elapsed().is_ok_and(|since| since > TICK) {
            return Some(());
        }
        std::thread::sleep(TICK * 2);
    }
    None
}

/// The operating system's words for an error.
pub fn say(error: Errno) -> String {
    match error {
        Errno::NOENT => "vanished while it was being copied".into(),
        other => std::io::Error::from(other).to_string(),
    }
}

impl crate::vault::Content for FileContent {
    fn data_after(&mut self, offset: u64) -> Result<Option<(u64, u64)>, String> {
        let size = self.expected.size;
        let file = self.file()?;
        match rustix::fs::seek(file, SeekFrom::Data(offset)) {
            Ok(start) => {
                let end = rustix::fs::seek(file, SeekFrom::Hole(start)).map_err(say)?;
                Ok(Some((start, end)))
            }
            Err(Errno::NXIO) => Ok(None),
            // The filesystem does not tell holes: all is data, and zeros are found by reading.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok((offset < size).then_some((offset, size))),
            Err(error) => Err(say(error)),
        }
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, String> {
        let file = self.file()?;
        read_full(file, offset, buffer).map_err(say)
    }

    fn has_changed(&mut self) -> Result<bool, String> {
        let path = self.expected.path.clone();
        let seen = see(Spot::Open(self.file()?.as_fd()), path).map_err(say)?;
        Ok(!self.expected.is_unchanged(&seen.entry))
    }

    fn places(&mut self) -> Option<Places> {
        let ctime = self.expected.ctime;
        let file = self.file().ok()?;
        if !is_on_btrfs(file) && !is_image(file) {
            return None;
        }
        wait_for_another_tick(ctime)?;
        places_on_btrfs(file).or_else(|| places_in_image(file))
    }
}
