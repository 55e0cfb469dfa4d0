//! Running other programs: argv, never a shell.

use crate::domain::{Kind, Problem, Result};
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Runs a program to its end. An interrupt at the terminal is for us, not for it: half a mount is worse than
/// a late one.
///
/// # Errors
/// `NotFound` where it is not installed; otherwise its last words on standard error.
pub fn run(program: &str, arguments: &[&OsStr]) -> Result<()> {
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).process_group(0).output().map_err(
            |error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    Problem::new(Kind::NotFound, format!("{program} is not installed"))
                }
                _ => Problem::io(format!("running {program}"), error),
            },
        )?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(Problem::new(
        Kind::Io,
        format!("{program} failed: {}", crate::domain::printable(last.trim().as_bytes())),
    ))
}
