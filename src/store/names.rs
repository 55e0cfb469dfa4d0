//! Making the names of directories durable.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Syncs the directory that holds the name of `directory`, and gives it back; none where the name is on
/// another filesystem, which was mounted here.
///
/// # Errors
/// What the operating system said: then the name may not be relied on.
pub fn sync_name(directory: impl AsFd) -> rustix::io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = match rustix::fs::openat(&directory, "..", flags, Mode::empty()) {
        Ok(parent) => parent,
        // One that may be passed but not read cannot be synced by itself: all of its filesystem is.
        Err(Errno::ACCESS) => return rustix::fs::syncfs(&directory).map(|()| None),
        Err(error) => return Err(error),
    };
    let (below, above) = (rustix::fs::fstat(&directory)?, rustix::fs::fstat(&parent)?);
    if below.st_dev != above.st_dev || below.st_ino == above.st_ino {
        return Ok(None);
    }
    rustix::fs::fsync(&parent)?;
    Ok(Some(parent))
}

/// Syncs a directory and all that hold it, up to the root of its filesystem.
///
/// # Errors
/// As [`sync_name`].
pub fn sync_names(directory: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::fsync(&directory)?;
    let mut next = sync_name(directory)?;
    while let Some(parent) = next {
        next = sync_name(parent)?;
    }
    Ok(())
}
