//! What is mounted in a directory, and how a person takes it down.

use crate::domain::{Problem, Result, printable};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The mount points at or below a directory, the innermost first.
///
/// # Errors
/// When the mounts cannot be read.
pub fn mounts_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let mounts = std::fs::read("/proc/self/mountinfo")
        .map_err(|error| Problem::io("reading the mounts of this machine", error))?;
    Ok(within(&mounts, directory))
}

fn within(mounts: &[u8], directory: &Path) -> Vec<PathBuf> {
    let lines = mounts.split(|byte| *byte == b'\n');
    let points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let mut found: Vec<PathBuf> = points.map(|point| OsString::from_vec(unescaped(point)).into()).collect();
    found.retain(|point: &PathBuf| point.starts_with(directory));
    found.reverse();
    found
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((first, rest)) = text.split_first() {
        text = rest;
        let octal = rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                out.push(byte);
                text = &rest[3..];
            }
            _ => out.push(*first),
        }
    }
    out
}

/// A path as a person can paste it into a shell, safe to print.
pub fn shell_word(path: &Path) -> String {
    let text = printable(path.as_os_str().as_bytes());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The commands that take down what is mounted in a directory and remove it.
pub fn removal_commands(directory: &Path) -> String {
    let mounted = mounts_in(directory).unwrap_or_default();
    let umounts = mounted.iter().map(|point| format!("umount {}; ", shell_word(point)));
    format!("{}rm -r {}", umounts.collect::<String>(), shell_word(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_inside_is_seen_even_where_its_path_has_spaces() {
        let mounts = b"1 2 0:1 / /tmp/a\\040b/outlive-scratch-1/volume rw - ext4 /dev/loop0 rw\n";
        let inside = |directory: &str| within(mounts, Path::new(directory));
        assert_eq!(inside("/tmp/a b/outlive-scratch-1"), [Path::new("/tmp/a b/outlive-scratch-1/volume")]);
        assert!(inside("/tmp/a b/outlive-scratch-12").is_empty() && inside("/tmp/a b/outlive").is_empty());
        assert_eq!(shell_word(Path::new("/tmp/a b/it's")), "'/tmp/a b/it'\\''s'");
    }
}
