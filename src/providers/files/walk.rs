//! Walking a tree in the order of a recovery point, one filesystem only.

use super::content::{FileContent, open_quietly, say};
use crate::domain::{ByteName, Problem, Result, printable};
use crate::vault::format::{Entry, EntryKind, Missed};
use crate::vault::metadata::{Seen, Spot, see};
use crate::vault::{Item, Source};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// A directory tree, or a single file, read in order. What cannot be read is given as missed.
///
/// Other filesystems mounted inside are not entered: their mount points are stored as empty directories.
/// A btrfs subvolume inside counts as another filesystem: it is a volume of its own.
pub struct TreeSource {
    start: Option<OwnedFd>,
    device: u64,
    dirs: Vec<OpenDir>,
    /// The first path of each inode that has several.
    links: HashMap<(u64, u64), FirstName>,
    /// Paths that are not entered: (filesystem number, inode).
    skip: Vec<(u64, u64)>,
    expected: Option<u64>,
}

/// The first path of an inode, and how many of its names are still to come.
struct FirstName {
    path: ByteName,
    to_come: u64,
}

struct OpenDir {
    fd: Arc<OwnedFd>,
    path: ByteName,
    /// Names still to come, the next one last.
    names: Vec<Vec<u8>>,
}

impl TreeSource {
    /// Opens `path`, a directory or a regular file; a symbolic link is followed. Directories whose
    /// `(device, inode)` are in `skip` are stored empty: the vault itself, should it lie inside.
    ///
    /// # Errors
    /// Where it is neither, or cannot be read.
    pub fn open(path: &Path, skip: Vec<(u64, u64)>) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let failed = |error: Errno| Problem::io("opening what is to be copied", error).at(place.clone());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let start = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map_err(failed)?;
        let seen = see(Spot::Open(start.as_fd()), ByteName::default()).map_err(failed)?;
        match seen.entry.kind {
            EntryKind::Dir => {}
            EntryKind::File => return Ok(Self::new(start, seen.device, skip, Some(seen.entry.size))),
            _ => {
                return Err(Problem::new(
                    crate::domain::Kind::Usage,
                    "neither a directory nor a regular file",
                )
                .at(place)
                .remedy("name a directory or an image file"));
            }
        }
        Ok(Self::new(start, seen.device, skip, None))
    }

    fn new(start: OwnedFd, device: u64, skip: Vec<(u64, u64)>, expected: Option<u64>) -> Self {
        Self { start: Some(start), device, dirs: Vec::new(), links: HashMap::new(), skip, expected }
    }

    /// The root of the tree, or the file that is the whole of it.
    fn first(&mut self, start: OwnedFd) -> Result<Option<Item>> {
        let failed = |error: Errno| Problem::io("reading what is to be copied", error);
        let seen = see(Spot::Open(start.as_fd()), ByteName::default()).map_err(failed)?;
        if seen.entry.kind == EntryKind::File {
            let content = FileContent::opened(start, seen.entry.clone());
            return Ok(Some(Item::File(seen.entry, Box::new(content))));
        }
        self.enter(start, ByteName::default()).map_err(failed)?;
        Ok(Some(Item::Plain(seen.entry)))
    }

    fn enter(&mut self, fd: OwnedFd, path: ByteName) -> std::result::Result<(), Errno> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        // Some filesystems list a name twice while the directory changes.
        names.dedup();
        self.dirs.push(OpenDir { fd: Arc::new(fd), path, names });
        Ok(())
    }

    /// One name of the innermost open directory.
    fn visit(&mut self, name: &[u8]) -> Option<Item> {
        let dir = self.dirs.last()?;
        let (fd, path) = (dir.fd.clone(), join(&dir.path, name));
        let seen = match see(Spot::Named(fd.as_fd(), name), path.clone()) {
            Ok(seen) => seen,
            Err(error) => return Some(Item::Missed(Missed { path, because: say(error) })),
        };
        match seen.entry.kind {
            EntryKind::Dir => Some(self.directory(&fd, name, seen)),
            EntryKind::File => Some(self.file(fd, name, seen)),
            _ => Some(Item::Plain(self.or_link(seen))),
        }
    }

    fn directory(&mut self, parent: &OwnedFd, name: &[u8], seen: Seen) -> Item {
        let is_elsewhere = seen.device != self.device || self.skip.contains(&(seen.device, seen.entry.inode));
        if is_elsewhere {
            return Item::Boundary(seen.entry);
        }
        let path = seen.entry.path.clone();
        let entered =
            open_quietly(parent, name, OFlags::DIRECTORY).and_then(|fd| self.enter(fd, path.clone()));
        match entered {
            Ok(()) => Item::Plain(seen.entry),
            Err(error) => Item::Missed(Missed { path, because: say(error) }),
        }
    }

    fn file(&mut self, dir: Arc<OwnedFd>, name: &[u8], seen: Seen) -> Item {
        let entry = self.or_link(seen);
        if entry.kind == EntryKind::Hardlink {
            return Item::Plain(entry);
        }
        let content = FileContent::new(dir, name, entry.clone());
        Item::File(entry, Box::new(content))
    }

    /// A second name of an inode becomes a hard link to the first.
    fn or_link(&mut self, seen: Seen) -> Entry {
        let mut entry = seen.entry;
        if seen.links < 2 {
            return entry;
        }
        match self.links.entry((seen.device, entry.inode)) {
            std::collections::hash_map::Entry::Vacant(first) => {
                first.insert(FirstName { path: entry.path.clone(), to_come: seen.links - 1 });
            }
            std::collections::hash_map::Entry::Occupied(mut first) => {
                entry.target = Some(first.get().path.clone());
                first.get_mut().to_come -= 1;
                if first.get().to_come == 0 {
                    first.remove();
                }
                entry.kind = EntryKind::Hardlink;
                entry.size = 0;
                entry.device = None;
            }
        }
        entry
    }
}

fn join(dir: &ByteName, name: &[u8]) -> ByteName {
    if dir.as_bytes().is_empty() {
        ByteName::from(name)
    } else {
        ByteName([dir.as_bytes(), b"/", name].concat())
    }
}

impl Source for TreeSource {
    fn next(&mut self) -> Result<Option<Item>> {
        if let Some(start) = self.start.take() {
            return self.first(start);
        }
        while let Some(dir) = self.dirs.last_mut() {
            let Some(name) = dir.names.pop() else {
                self.dirs.pop();
                continue;
            };
            if let Some(item) = self.visit(&name) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn expected_bytes(&self) -> Option<u64> {
        self.expected
    }
}
