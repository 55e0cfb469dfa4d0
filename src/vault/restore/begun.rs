//! Going on with a restore that was stopped: nothing is in its target but what the point holds, and only what is zero there is written.

use super::super::Vault;
use super::super::format::{Chunk, Digest, Entry, EntryKind, PageRef};
use super::super::metadata::read_full;
use super::content::cannot_be_had;
use super::only::Part;
use super::target::Target;
use crate::domain::{ByteName, Kind, Problem, Result};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Sees that nothing is below the target but what the part holds, each of its kind, before anything is written. What a page of the tree says
/// that cannot be had, a restore despite damage did not make either.
///
/// # Errors
/// `Refused`, naming the first that is something else; `Damaged`; what the store or the system said.
pub fn refuse_strangers(
    vault: &Vault,
    target: &Target,
    (part, tree): (&Part, &PageRef),
    despite_damage: bool,
) -> Result<()> {
    let io = |path: &ByteName, error: Errno| {
        Problem::io("looking at what is in the target", error).at(target.place_of(path))
    };
    let whole = ByteName::default();
    let root = rustix::fs::fstat(&target.root).map_err(|error| io(&whole, error))?;
    if FileType::from_raw_mode(root.st_mode) != FileType::Directory {
        return Ok(());
    }
    let filesystem = root.st_dev;
    let mut shared: HashMap<u64, Names> = HashMap::new();
    let mut there = Walk::new(target.as_fd()).map_err(|error| io(&whole, error))?;
    let is_lost = |entry: &Result<Entry>| despite_damage && entry.as_ref().is_err_and(cannot_be_had);
    let mut entries = part.entries(vault, tree).filter(|entry| !is_lost(entry));
    let mut entry = entries.next().transpose()?;
    let walked = |(path, error): (ByteName, Errno)| match error {
        Errno::XDEV => stranger(target.place_of(&path), MOUNTED),
        error => io(&path, error),
    };
    while let Some((path, stat)) = there.next().map_err(walked)? {
        while let Some(before) = &entry
            && Entry::compare_paths(&before.path, &path) == Ordering::Less
        {
            entry = entries.next().transpose()?;
        }
        let is_it = entry.as_ref().filter(|entry| entry.path == path);
        let place = target.place_of(&path);
        let Some(is_it) = is_it else {
            return Err(stranger(place, "is not of the recovery point"));
        };
        if !may_be(is_it.kind, FileType::from_raw_mode(stat.st_mode)) {
            return Err(stranger(place, "is something else than in the recovery point"));
        }
        if stat.st_dev != filesystem {
            return Err(stranger(place, MOUNTED));
        }
        if stat.st_nlink > 1 && FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            let names = shared.entry(stat.st_ino).or_insert(Names { place, there: 0, all: stat.st_nlink });
            names.there += 1;
        }
    }
    // What has a name elsewhere too would be written to there.
    match shared.into_values().find(|names| names.there < names.all) {
        Some(names) => Err(stranger(names.place, "has another name outside of the target")),
        None => Ok(()),
    }
}

const MOUNTED: &str = "is another filesystem, or is mounted there";

/// The names of one file.
struct Names {
    place: String,
    /// How many there are below the target, and how many at all.
    there: u64,
    all: u64,
}

/// Something in the target of a stopped restore that this restore cannot have made.
pub fn stranger(place: String, what: &str) -> Problem {
    let what = format!("{what}, and nothing is overwritten: the stopped restore cannot go on here");
    Problem::new(Kind::Refused, what)
        .at(place)
        .remedy("restore to another target, or move this elsewhere first")
}

fn may_be(kind: EntryKind, there: FileType) -> bool {
    match kind {
        EntryKind::File => there == FileType::RegularFile,
        EntryKind::Dir => there == FileType::Directory,
        EntryKind::Symlink => there == FileType::Symlink,
        EntryKind::Hardlink => there != FileType::Directory,
        EntryKind::Fifo => there == FileType::Fifo,
        EntryKind::Socket => there == FileType::Socket,
        EntryKind::CharDevice => there == FileType::CharacterDevice,
        EntryKind::BlockDevice => there == FileType::BlockDevice,
    }
}

/// Opens what a name is of, unless something is mounted there.
fn within(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
    rustix::fs::openat2(parent, name, flags, Mode::empty(), ResolveFlags::NO_XDEV)
}

/// What is below a directory, in the order of a tree.
struct Walk {
    open: Vec<Level>,
}

struct Level {
    dir: OwnedFd,
    path: ByteName,
    /// The next one last.
    names: Vec<Vec<u8>>,
}

impl Walk {
    fn new(root: BorrowedFd<'_>) -> std::result::Result<Self, Errno> {
        let dir = rustix::io::fcntl_dupfd_cloexec(root, 0)?;
        Ok(Self { open: vec![Level::new(dir, ByteName::default())?] })
    }

    fn next(&mut self) -> std::result::Result<Option<(ByteName, Stat)>, (ByteName, Errno)> {
        while let Some(level) = self.open.last_mut() {
            let Some(name) = level.names.pop() else {
                self.open.pop();
                continue;
            };
            let slash: &[u8] = if level.path.as_bytes().is_empty() { b"" } else { b"/" };
            let path = ByteName([level.path.as_bytes(), slash, &name].concat());
            let failed = |error| (path.clone(), error);
            let stat = rustix::fs::statat(&level.dir, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW);
            let stat = stat.map_err(failed)?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let dir = within(level.dir.as_fd(), &name, flags);
                let below = dir.and_then(|dir| Level::new(dir, path.clone())).map_err(failed)?;
                self.open.push(below);
            }
            return Ok(Some((path, stat)));
        }
        Ok(None)
    }
}

impl Level {
    fn new(dir: OwnedFd, path: ByteName) -> std::result::Result<Self, Errno> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(name);
            }
        }
        names.sort();
        names.reverse();
        Ok(Self { dir, path, names })
    }
}

/// Makes a file; where a restore goes on, one that is there is opened. True where it was.
///
/// # Errors
/// As [`open_file`].
pub fn make_file(
    (parent, name): (BorrowedFd<'_>, &[u8]),
    size: u64,
    again: bool,
    place: &str,
) -> Result<(OwnedFd, bool)> {
    let new = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match rustix::fs::openat(parent, name, new, Mode::RUSR | Mode::WUSR) {
        Err(Errno::EXIST) if again => Ok((open_file(parent, name, size, place)?, true)),
        Err(error) => Err(Problem::io("making", error).at(place)),
        Ok(file) => Ok((file, false)),
    }
}

/// The same of a directory. One that is there may have been given its own mode already, and is filled like a new one.
///
/// # Errors
/// What the system said.
pub fn make_dir((parent, name): (BorrowedFd<'_>, &[u8]), again: bool, place: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let was_there = match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Err(Errno::EXIST) if again => Ok(true),
        made => made.map(|()| false),
    };
    let opened = was_there.and_then(|was_there| {
        let dir = within(parent, name, flags)?;
        if was_there { rustix::fs::fchmod(&dir, Mode::RWXU).map(|()| dir) } else { Ok(dir) }
    });
    opened.map_err(|error| Problem::io("making", error).at(place))
}

/// Opens a file that a stopped restore made, whatever mode it was given by then.
///
/// # Errors
/// `Refused` where it is not as such a restore left it; what the system said.
pub fn open_file(parent: BorrowedFd<'_>, name: &[u8], size: u64, place: &str) -> Result<OwnedFd> {
    let io = |error: Errno| Problem::io("opening what a stopped restore made", error).at(place);
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match within(parent, name, OFlags::RDWR | flags) {
        Err(Errno::ACCESS) => {
            let read = within(parent, name, OFlags::RDONLY | flags);
            rustix::fs::fchmod(read.map_err(io)?, Mode::RUSR | Mode::WUSR).map_err(io)?;
            within(parent, name, OFlags::RDWR | flags)
        }
        other => other,
    };
    let file = file.map_err(io)?;
    grow(&file, size, place)?;
    Ok(file)
}

/// Gives a file that a stopped restore made and did not come to size its size: by a zero at its end, which cuts nothing.
///
/// # Errors
/// `Refused` where it has another size than that restore gives; what the system said.
pub fn grow(file: &OwnedFd, size: u64, place: &str) -> Result<()> {
    let io = |error: Errno| Problem::io("sizing what a stopped restore made", error).at(place);
    let stat = rustix::fs::fstat(file).map_err(io)?;
    let there = u64::try_from(stat.st_size).unwrap_or_default();
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || there != 0 && there != size {
        return Err(stranger(place.to_owned(), "is not as it was left"));
    }
    if there < size {
        rustix::io::pwrite(file, &[0], size - 1).map_err(io)?;
    }
    Ok(())
}

/// Whether the chunk is in the file already; its bytes then.
///
/// # Errors
/// What the system said.
pub fn has_chunk(file: &OwnedFd, offset: u64, chunk: &Chunk) -> std::result::Result<Option<Vec<u8>>, Errno> {
    let mut there = vec![0; chunk.size() as usize];
    let read = read_full(file, offset, &mut there)?;
    // What is all zero was not written; where zeros are meant, writing them costs nothing.
    let is_there = read == there.len() && there.iter().any(|byte| *byte != 0);
    Ok((is_there && Digest::of(&there) == chunk.sha256()).then_some(there))
}

/// Writes the bytes of a chunk where they are not yet. A stopped restore left what it wrote, and zeros: anything else is somebody's.
///
/// # Errors
/// `Refused` where other bytes are there; what the system said.
pub fn fill_in(file: &OwnedFd, offset: u64, bytes: &[u8], place: &str) -> Result<()> {
    const PAGE: usize = 4096;
    let io = |error: Errno| Problem::io("writing", error).at(place);
    let mut there = vec![0; bytes.len()];
    let read = read_full(file, offset, &mut there).map_err(io)?;
    let fits = there.iter().zip(bytes).all(|(there, byte)| *there == 0 || there == byte);
    if read != bytes.len() || !fits {
        return Err(stranger(
            place.to_owned(),
            &format!("holds other bytes than the recovery point, at {offset}"),
        ));
    }
    for (number, (page, there)) in bytes.chunks(PAGE).zip(there.chunks(PAGE)).enumerate() {
        let mut done = if page == there { page.len() } else { 0 };
        while done < page.len() {
            match rustix::io::pwrite(file, &page[done..], offset + (number * PAGE + done) as u64) {
                Ok(0) => return Err(io(Errno::IO)),
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(error) => return Err(io(error)),
            }
        }
    }
    Ok(())
}

/// Whether what is there under a name is the entry without content that was to be made.
///
/// # Errors
/// `Refused` where it is something else; what the system said.
pub fn is_made(parent: BorrowedFd<'_>, name: &[u8], entry: &Entry, place: &str) -> Result<()> {
    let io = |error: Errno| Problem::io("looking at what a stopped restore made", error).at(place);
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
    let mut same = may_be(entry.kind, FileType::from_raw_mode(stat.st_mode));
    if same && entry.kind == EntryKind::Symlink {
        let to = rustix::fs::readlinkat(parent, name, Vec::new()).map_err(io)?;
        same = entry.target.as_ref().is_some_and(|target| target.as_bytes() == to.to_bytes());
    } else if let Some((major, minor)) = entry.device {
        same &= stat.st_rdev == rustix::fs::makedev(major, minor);
    }
    if same {
        Ok(())
    } else {
        Err(stranger(place.to_owned(), "is something else than in the recovery point"))
    }
}

/// Whether two names are of one file.
pub fn is_same_file(one: (BorrowedFd<'_>, &[u8]), other: (BorrowedFd<'_>, &[u8])) -> bool {
    let see = |(dir, name): (BorrowedFd<'_>, &[u8])| {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    see(one).is_some_and(|one| Some(one) == see(other))
}
