//! Reads the few KiB of a file by which it is recognised.

use super::compressed::is_compressed;
use super::kind::{Content, FAR, HEAD, Sample, TAIL, recognise};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What nearly every file is told apart by.
const FIRST: usize = 4 << 10;

/// Opens a regular file for looking only: follows no link, waits for no pipe, and leaves the time of access where
/// that is allowed.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match openat(CWD, path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(CWD, path, flags, Mode::empty()),
        other => other,
    };
    let file = File::from(opened?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::NotFound, "it is no file any more")),
    }
}

/// What the file is, by a few KiB of it; `None` for anything that is not known.
pub(super) fn look(file: &File) -> io::Result<Option<Content>> {
    let sample = Sample { size: file.metadata()?.len(), ..Sample::default() };
    let far = read(file, FAR.0, FAR.1, sample.size)?;
    let sample = Sample { head: read(file, 0, FIRST, sample.size)?, far, ..sample };
    if !is_compressed(&sample.head) && recognise(&sample).is_none() {
        return Ok(None);
    }
    Ok(recognise(&whole(file, sample)?))
}

/// The sample of a file that is known to be worth it.
pub(super) fn take(file: &File) -> io::Result<Sample> {
    let sample = Sample { size: file.metadata()?.len(), ..Sample::default() };
    whole(file, sample)
}

fn whole(file: &File, sample: Sample) -> io::Result<Sample> {
    let head = read(file, 0, HEAD, sample.size)?;
    let tail = Some(read(file, sample.size.saturating_sub(TAIL as u64), TAIL, sample.size)?);
    Ok(Sample { head, tail, ..sample })
}

/// Up to `length` bytes at `offset`; fewer where the file ends.
fn read(file: &File, offset: u64, length: usize, size: u64) -> io::Result<Vec<u8>> {
    let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length.min(left)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
