//! A block device as a target: only one that nobody uses, that is large enough, and of which every byte was read to be zero.

use super::super::metadata::read_full;
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
use rustix::fs::{FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Whether a path is a block device itself, and no link to one.
pub fn is_device(path: &Path) -> bool {
    rustix::fs::lstat(path).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::BlockDevice)
}

/// Opens a device for a file of `size` bytes, for nobody else to use meanwhile.
///
/// # Errors
/// `Refused` where it is in use, too small, or not empty; what the system said.
pub fn open_empty(path: &Path, size: u64, place: &str, monitor: &dyn Monitor) -> Result<OwnedFd> {
    let refused = |what: String| {
        Problem::new(Kind::Refused, format!("{what}, and nothing is overwritten"))
            .at(place)
            .remedy("name a device that holds nothing: unused, large enough, and all zero")
    };
    let io = |error: Errno| Problem::io("opening the device", error).at(place);
    // Asked for like this, the kernel gives only a device that nothing has mounted, swaps on or builds upon.
    let flags = OFlags::RDWR | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let device = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::BUSY) => {
            return Err(refused("the device is in use: mounted, swapped on, or part of another".into()));
        }
        Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => {
            return Err(refused("the device cannot be written to".into()));
        }
        other => other.map_err(io)?,
    };
    let stat = rustix::fs::fstat(&device).map_err(io)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::BlockDevice {
        return Err(refused("there is something already".into()));
    }
    let number = (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    if let Some(holder) = held(number) {
        return Err(refused(format!("the device is in use: {holder}")));
    }
    let length = rustix::fs::seek(&device, SeekFrom::End(0)).map_err(io)?;
    if length < size {
        return Err(refused(format!("the device has {length} bytes, and {size} are needed")));
    }
    monitor.begin(Phase::Compare, Some(length));
    let first = first_byte(&device, length, monitor);
    monitor.end();
    match first.map_err(|problem| problem.at(place))? {
        Some(at) => Err(refused(format!("the device is not empty: there is something at byte {at}"))),
        None => Ok(device),
    }
}

/// Who uses a device, as far as the kernel's tree and table of mounts say.
fn held((major, minor): (u32, u32)) -> Option<String> {
    let holders = std::fs::read_dir(format!("/sys/dev/block/{major}:{minor}/holders"));
    if let Some(Ok(holder)) = holders.ok().and_then(|mut holders| holders.next()) {
        return Some(format!("{} is built upon it", holder.file_name().to_string_lossy()));
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let wanted = format!("{major}:{minor}");
    let mut mounts = mounts.lines().map(|line| line.split(' '));
    let is_mounted = mounts.any(|mut words| words.nth(2) == Some(&wanted));
    is_mounted.then(|| "it is mounted".to_owned())
}

/// Where the first byte is that is not zero.
fn first_byte(device: &OwnedFd, length: u64, monitor: &dyn Monitor) -> Result<Option<u64>> {
    let mut buffer = vec![0; 4 * 1024 * 1024];
    let mut at = 0;
    while at < length {
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked; nothing was written"));
        }
        let wanted = usize::try_from(length - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = read_full(device, at, &mut buffer[..wanted])
            .map_err(|error| Problem::io("reading the device, which must be empty", error))?;
        if read < wanted {
            return Err(Problem::new(Kind::Io, "the device ends before its length"));
        }
        if let Some(found) = buffer[..read].iter().position(|byte| *byte != 0) {
            return Ok(Some(at + found as u64));
        }
        monitor.advance(read as u64, 0);
        at += read as u64;
    }
    Ok(None)
}
