//! The real binary, run as a user runs it: what it prints, how it ends, and, in a recording of its system
//! calls, that it and the programs it starts delete and overwrite nothing.
//!
//! Needs root, strace, btrfs-progs, e2fsprogs, qemu-utils and rsync: `scripts/test` installs them. Without
//! them the tests fail.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in tests a panic is the message

mod auditing;
mod cloning;
mod contract;
mod damaged;
mod deep;
mod doubting;
mod drilling;
mod durable;
#[path = "../hand/mod.rs"]
mod hand;
mod judge;
mod killing;
mod many;
mod medium;
mod naming;
mod place;
mod proving;
mod reaching;
mod recording;
mod refusing;
mod rehearsing;
mod rehearsing_own;
mod remembering;
mod rescue;
mod run;
mod sources;
mod space;
mod stopping;
mod strace;
mod suite;
mod unread;
mod unreadable;
