//! What a test does itself, told apart from what the program does in the same process.
//!
//! The suite runs under a recorder (`scripts/test`), and the record is judged: nothing may be deleted or
//! overwritten (`tests/cli/suite.rs`). Tests must do just that, to build a state or to damage one. They do
//! it through this module, which leaves a mark in the record before and after, in the same thread. What is
//! not marked counts as the program's, so a forgotten mark shows as a complaint and never as silence.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::path::Path;
use std::process::{Command, Output};

/// Marks: attempts to remove a directory that no system has.
pub const BEGIN: &str = "/proc/outlive-test/by-hand";
pub const END: &str = "/proc/outlive-test/by-hand-no-more";

struct Mark;

impl Drop for Mark {
    fn drop(&mut self) {
        drop(std::fs::remove_dir(END));
    }
}

/// Does something of the test's own. Never call the program in it.
pub fn by_hand<T>(act: impl FnOnce() -> T) -> T {
    drop(std::fs::remove_dir(BEGIN));
    let _mark = Mark;
    act()
}

/// Runs a program as a part of the test.
pub fn output(command: &mut Command) -> std::io::Result<Output> {
    by_hand(|| command.output())
}

/// `std::fs`, by hand.
pub mod fs {
    pub use std::fs::*;

    use super::{Path, by_hand};
    use std::io::Result;

    pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
        by_hand(|| std::fs::write(path, bytes))
    }

    pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<u64> {
        by_hand(|| std::fs::copy(from, to))
    }

    pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        by_hand(|| std::fs::rename(from, to))
    }

    pub fn remove_file(path: impl AsRef<Path>) -> Result<()> {
        by_hand(|| std::fs::remove_file(path))
    }

    pub fn remove_dir(path: impl AsRef<Path>) -> Result<()> {
        by_hand(|| std::fs::remove_dir(path))
    }

    pub fn remove_dir_all(path: impl AsRef<Path>) -> Result<()> {
        by_hand(|| std::fs::remove_dir_all(path))
    }

    pub fn set_modified(path: impl AsRef<Path>, time: std::time::SystemTime) -> Result<()> {
        by_hand(|| File::options().write(true).open(path)?.set_modified(time))
    }

    /// A file of this length, all hole.
    pub fn sparse(path: impl AsRef<Path>, length: u64) -> Result<()> {
        by_hand(|| File::create(path)?.set_len(length))
    }
}

/// A temporary directory, removed by hand.
pub struct TempDir(Option<tempfile::TempDir>);

impl TempDir {
    pub fn new() -> Self {
        Self(Some(tempfile::Builder::new().prefix("outlive-test-").tempdir().unwrap()))
    }

    /// The same in this directory.
    pub fn new_in(directory: &str) -> Self {
        Self(Some(tempfile::Builder::new().prefix("outlive-test-").tempdir_in(directory).unwrap()))
    }

    pub fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        by_hand(|| drop(self.0.take()));
    }
}
