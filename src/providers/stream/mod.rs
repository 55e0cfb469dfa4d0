//! Streams as sources: what a command prints, and standard input.

mod command;
mod input;
mod stderr;

pub use command::{CommandOrder, CommandSource};
pub use input::StdinSource;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::AsFd;

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
