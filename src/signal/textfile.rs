//! The file for the textfile collector of Prometheus's node exporter, which reads `*.prom` at any moment.
//!
//! It must be whole whenever it is read, so the next one takes its place by a rename: the only one of this program
//! (`docs/decisions/0020-one-rename.md`). What it replaces begins with outlive's own header; anything else is refused.

use crate::domain::{Kind, Problem, Result, printable};
use crate::report::TEXTFILE_HEADER;
use crate::store::random_hex;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Writes `text`, the metrics of a run, to `path`, whole or not at all. All may read it, since the node exporter runs
/// as a user of its own.
///
/// A run that is killed leaves the old file whole. It may leave a file beside it that ends in 32 digits, which the
/// collector does not read and a person may remove; so does the first run on a filesystem without unnamed files.
///
/// # Errors
/// `Usage` where the name does not end in `.prom`; `Refused` where there is something else than a file that outlive
/// wrote; `Io` where the directory cannot be written.
pub fn write_textfile(path: &Path, text: &str) -> Result<()> {
    let place = printable(path.as_os_str().as_bytes());
    let target = Target::of(path).map_err(|problem| problem.at(&*place))?;
    if !begins_with_header(text.as_bytes()) {
        return Err(Problem::new(
            Kind::Internal,
            "metrics without the line that marks them as outlive's own",
        ));
    }
    target.replace(text).map_err(|problem| problem.at(place))
}

struct Target {
    folder: OwnedFd,
    /// Ends in `.prom`.
    name: Vec<u8>,
    was_there: bool,
}

impl Target {
    fn of(path: &Path) -> Result<Self> {
        let Some(name) = path.file_name().filter(|name| name.as_bytes().ends_with(b".prom")) else {
            return Err(Problem::new(Kind::Usage, "the collector reads only files that end in .prom")
                .remedy("name the textfile of [nightly] for example outlive.prom"));
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder.unwrap_or(Path::new(".")), flags, Mode::empty())
            .map_err(|error| Problem::io("opening the directory of the textfile", error))?;
        let name = name.as_bytes().to_vec();
        let was_there = is_our_own(&folder, &name)?;
        Ok(Self { folder, name, was_there })
    }

    fn replace(&self, text: &str) -> Result<()> {
        let failed = |error: Errno| Problem::io("writing the textfile", error);
        let waiting = [&self.name, b".".as_slice(), random_hex()?.as_bytes()].concat();
        let (mut file, is_named) = self.new_file(&waiting)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644)).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(|error| Problem::io("writing the textfile", error))?;
        file.sync_all().map_err(|error| Problem::io("writing the textfile", error))?;
        match (self.was_there, is_named) {
            // Takes the name only where nothing has come there meanwhile.
            (false, false) => self.link(&file, &self.name).map_err(failed)?,
            (false, true) => self.link_named(&waiting).map_err(failed)?,
            (true, false) => {
                self.link(&file, &waiting).map_err(failed)?;
                self.take_place_of_old(&waiting).map_err(failed)?;
            }
            (true, true) => self.take_place_of_old(&waiting).map_err(failed)?,
        }
        rustix::fs::fsync(&self.folder).map_err(failed)
    }

    /// A file without a name where the filesystem has such, otherwise one called `waiting`; true where it is named.
    fn new_file(&self, waiting: &[u8]) -> Result<(File, bool)> {
        let mode = Mode::from_raw_mode(0o600);
        let unnamed = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let opened = match rustix::fs::openat(&self.folder, ".", unnamed, mode) {
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                let named = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::openat(&self.folder, waiting, named, mode).map(|file| (File::from(file), true))
            }
            other => other.map(|file| (File::from(file), false)),
        };
        opened.map_err(|error| Problem::io("writing beside the textfile", error))
    }

    fn link(&self, file: &File, name: &[u8]) -> std::result::Result<(), Errno> {
        let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, unnamed, &self.folder, name, AtFlags::SYMLINK_FOLLOW)
    }

    /// The other name stays: nothing here removes one.
    fn link_named(&self, waiting: &[u8]) -> std::result::Result<(), Errno> {
        rustix::fs::linkat(&self.folder, waiting, &self.folder, &*self.name, AtFlags::empty())
    }

    fn take_place_of_old(&self, waiting: &[u8]) -> std::result::Result<(), Errno> {
        rustix::fs::renameat(&self.folder, waiting, &self.folder, &*self.name) // replaces our own textfile
    }
}

/// Whether there is a file that outlive wrote; false where there is nothing.
fn is_our_own(folder: &OwnedFd, name: &[u8]) -> Result<bool> {
    let refused = || {
        Problem::new(
            Kind::Refused,
            "something else than a textfile of outlive has this name, and is not overwritten",
        )
        .remedy("name another file, or remove this one by hand")
    };
    let failed = |error: std::io::Error| Problem::io("reading the textfile that is there", error);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(false),
        Err(Errno::LOOP | Errno::NXIO) => return Err(refused()),
        Err(error) => return Err(failed(error.into())),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(refused());
    }
    let mut start = Vec::new();
    file.take(TEXTFILE_HEADER.len() as u64 + 1).read_to_end(&mut start).map_err(failed)?;
    if begins_with_header(&start) { Ok(true) } else { Err(refused()) }
}

fn begins_with_header(bytes: &[u8]) -> bool {
    bytes.strip_prefix(TEXTFILE_HEADER.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'\n'))
}
