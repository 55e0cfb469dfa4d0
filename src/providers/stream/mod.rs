//! Streams as sources: what a command prints, and standard input.

mod command;
mod input;
mod stderr;

pub use command::{CommandOrder, CommandSource};
pub use input::StdinSource;

use crate::domain::{ByteName, Timestamp};
use crate::vault::format::{Entry, EntryKind, Meta, Moment};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;

/// The one entry of a stream: a regular file that belongs to whoever made the copy, and nobody else reads.
fn entry(now: Timestamp) -> Entry {
    let moment = Moment { seconds: now.timestamp(), nanoseconds: now.timestamp_subsec_nanos() };
    Entry {
        path: ByteName::from(&b""[..]),
        kind: EntryKind::File,
        meta: Meta {
            mode: "0600".into(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            mtime: moment,
            xattrs: BTreeMap::new(),
        },
        size: 0,
        ctime: moment,
        inode: 0,
        target: None,
        device: None,
        unsettled: false,
        content: None,
    }
}

/// How long one wait for bytes is.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// True once there is something to read, or the other end is closed; false after a while.
fn is_ready(pipe: &impl AsFd) -> io::Result<bool> {
    let mut waiting = [PollFd::new(pipe, PollFlags::IN)];
    match poll(&mut waiting, Some(&WAIT)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
