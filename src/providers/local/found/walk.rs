//! Walks a tree within bounds: so many entries, so deep, until a moment; over no link and into no other filesystem.

use crate::domain::{GapReason, printable};
use crate::providers::local::unseen::Unseen;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a walk keeps to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How many entries are looked at.
    pub(super) entries: usize,
    /// How many directories deep.
    pub(super) depth: usize,
    /// Until when.
    pub(super) until: Instant,
}

/// Whether to go into a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enter {
    Yes,
    /// It is known for what it is, or somebody else looks at it.
    No,
}

/// What is done with what a walk meets.
pub(super) trait Visit {
    /// A directory below the root, before its entries.
    fn directory(&mut self, path: &Path, seen: &Metadata) -> Enter;
    /// The names in a directory, before any of them is visited.
    fn names(&mut self, path: &Path, names: &[OsString]) -> Enter;
    /// A regular file.
    fn file(&mut self, path: &Path, seen: &Metadata);
}

/// What a walk left out, and why.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// A bound was reached.
    pub(super) bound: Option<Unseen>,
    /// The first directory or file that could not be read, how many there are, and why the first could not.
    pub(super) unread: Option<(PathBuf, usize, Unseen)>,
    /// The first directory on another filesystem, and how many there are.
    pub(super) elsewhere: Option<(PathBuf, usize)>,
}

impl Left {
    /// Counts something that could not be read.
    pub(super) fn unread(&mut self, path: &Path, unseen: Unseen) {
        match &mut self.unread {
            Some((_, count, _)) => *count += 1,
            none => *none = Some((path.to_owned(), 1, unseen)),
        }
    }

    fn elsewhere(&mut self, path: &Path) {
        match &mut self.elsewhere {
            Some((_, count)) => *count += 1,
            none => *none = Some((path.to_owned(), 1)),
        }
    }
}

/// Walks what is below `root`, in the order of names.
pub(super) fn walk(root: &Path, bounds: &Bounds, visit: &mut dyn Visit) -> Left {
    let mut left = Left::default();
    let device = match fs::symlink_metadata(root) {
        Ok(seen) => seen.dev(),
        Err(error) => {
            left.unread(root, Unseen::io(&error));
            return left;
        }
    };
    let mut waiting = vec![(root.to_owned(), 0)];
    let mut entries = 0;
    while let Some((directory, depth)) = waiting.pop() {
        let names = match names(&directory, bounds, &mut entries) {
            Ok(names) => names,
            Err(Why::Bound(unseen)) => {
                left.bound = Some(unseen);
                return left;
            }
            Err(Why::Unread(unseen)) => {
                left.unread(&directory, unseen);
                continue;
            }
        };
        if visit.names(&directory, &names) == Enter::No {
            continue;
        }
        let mut below = Vec::new();
        for name in names {
            if Instant::now() >= bounds.until {
                left.bound = Some(late());
                return left;
            }
            let path = directory.join(name);
            match fs::symlink_metadata(&path) {
                Ok(seen) if seen.is_file() => visit.file(&path, &seen),
                Ok(seen) if seen.is_dir() && seen.dev() != device => left.elsewhere(&path),
                Ok(seen) if seen.is_dir() && visit.directory(&path, &seen) == Enter::Yes => below.push(path),
                // Links, pipes, sockets and devices hold nothing; what vanished meanwhile is not there.
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => left.unread(&path, Unseen::io(&error)),
            }
        }
        if depth >= bounds.depth && !below.is_empty() {
            let detail = format!(
                "not everything below was looked at: it goes more than {} directories deep, for example in {}",
                bounds.depth,
                printable(directory.as_os_str().as_bytes())
            );
            left.bound = Some(Unseen::new(GapReason::Unsupported, detail));
            continue;
        }
        waiting.extend(below.into_iter().rev().map(|path| (path, depth + 1)));
    }
    left
}

enum Why {
    Bound(Unseen),
    Unread(Unseen),
}

fn late() -> Unseen {
    let detail =
        "not everything below was looked at in time; raise --time-limit, or name a smaller directory";
    Unseen::new(GapReason::TimedOut, detail)
}

/// The names in a directory, sorted; counted before they are kept, so that one huge directory is bounded too.
fn names(directory: &Path, bounds: &Bounds, entries: &mut usize) -> Result<Vec<OsString>, Why> {
    let unread = |error: std::io::Error| Why::Unread(Unseen::io(&error));
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(unread)? {
        *entries += 1;
        if *entries > bounds.entries {
            let detail = format!(
                "not everything below was looked at: there are more than {} entries; name a smaller directory",
                bounds.entries
            );
            return Err(Why::Bound(Unseen::new(GapReason::Unsupported, detail)));
        }
        if Instant::now() >= bounds.until {
            return Err(Why::Bound(late()));
        }
        names.push(entry.map_err(unread)?.file_name());
    }
    names.sort();
    Ok(names)
}
