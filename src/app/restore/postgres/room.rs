//! The new directory: what lies where in it, and that it is one.

use super::account::{Account, write_new};
use super::patience::Patience;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::fs::Mode;
use rustix::io::Errno;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The name of every server's socket here: the port is part of it, though nothing listens on a port.
const SOCKET: &str = ".s.PGSQL.5432";
/// A path of a socket has at most so many bytes, with the zero behind it.
const LONGEST: usize = 108;
/// The note of a restore that was stopped (`src/vault/restore/note.rs`).
const NOTE: &str = ".outlive-restore";

/// A new directory, by its whole path.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub root: PathBuf,
}

/// What is restored into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One file, to be read into a new cluster.
    Dump,
    /// A data directory.
    Cluster,
}

impl Shape {
    /// The name of what is restored.
    fn name(self) -> &'static str {
        match self {
            Self::Dump => "dump",
            Self::Cluster => "data",
        }
    }
}

/// Sees that nobody but root can put something else in the place of what root makes and gives away below this directory.
///
/// # Errors
/// `Refused`, naming the directory that is somebody else's, or that others may write to.
fn refuse_movable(directory: &Path) -> Result<()> {
    const STICKY: u32 = 0o1000;
    for above in directory.ancestors() {
        let place = printable(above.as_os_str().as_encoded_bytes());
        let stat = std::fs::symlink_metadata(above)
            .map_err(|error| Problem::io("looking at the directories above the target", error).at(&*place))?;
        let is_open = stat.mode() & 0o022 != 0 && stat.mode() & STICKY == 0;
        if stat.uid() != 0 || is_open || !stat.is_dir() {
            let what = "this directory is not root's alone: whoever may write to it could put something else in the place of what root gives away there";
            return Err(Problem::new(Kind::Refused, what).at(place).remedy(
                "name a new directory below one that is root's and that others cannot write to, such as /srv",
            ));
        }
    }
    Ok(())
}

impl Room {
    /// The directory, which is not made yet, for `account`.
    ///
    /// # Errors
    /// `Refused` where a server could not work in it.
    pub fn of(target: &Path, account: &Account, patience: Patience<'_>) -> Result<Self> {
        let place = printable(target.as_os_str().as_encoded_bytes());
        let root = super::super::targets::whole(target).ok_or_else(|| {
            Problem::new(Kind::NotFound, "the directory that it is to lie in is not there").at(place.clone())
        })?;
        let room = Self { root };
        let refuse = |what: String| {
            Err(Problem::new(Kind::Refused, what).at(place.clone()).remedy("name another new directory"))
        };
        // A line break or a quotation mark in a configuration is more trouble than another name.
        if room.root.to_str().is_none_or(|path| path.contains(['\n', '\r', '\'', '"', '\\'])) {
            return refuse("PostgreSQL cannot be told such a path".into());
        }
        let over = room.socket().as_os_str().len() + 1;
        if over > LONGEST {
            let over = over - LONGEST;
            return refuse(format!("the path is {over} bytes too long for the socket of a server in it"));
        }
        let above = room.root.parent().unwrap_or(Path::new("/"));
        if account.becomes.is_some() {
            refuse_movable(above)?;
        }
        account.comes_to(above, patience)?;
        if room.root.is_dir() {
            account.comes_to(&room.root, patience)?;
        }
        Ok(room)
    }

    /// Makes the directory, or takes it where it is empty or holds what a stopped restore of this shape left; where the restore goes in it.
    ///
    /// # Errors
    /// `Refused` where there is something else.
    pub fn begin(&self, target: &Path, shape: Shape) -> Result<PathBuf> {
        let place = printable(target.as_os_str().as_encoded_bytes());
        let refuse = |what: &str| {
            Err(Problem::new(Kind::Refused, format!("{what}, and nothing is overwritten"))
                .at(place.clone())
                .remedy("name a directory that does not exist yet, or an empty one"))
        };
        let failed = |error: std::io::Error| Problem::io("making the target", error).at(place.clone());
        let is_root = rustix::process::geteuid().is_root();
        // Root's is passed by the user that PostgreSQL runs as, who can neither list nor change it.
        let mode = if is_root { Mode::RWXU | Mode::XGRP | Mode::XOTH } else { Mode::RWXU };
        match rustix::fs::mkdir(target, mode) {
            Ok(()) => {
                // Whatever the process takes away of new directories.
                rustix::fs::chmod(target, mode).map_err(|error| failed(error.into()))?;
                return Ok(self.root.join(shape.name()));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let there = std::fs::symlink_metadata(target).map_err(failed)?;
        if !there.is_dir() {
            return refuse("there is something already");
        }
        // What others may change while root gives files away in it could be anything by then.
        let own = rustix::process::geteuid().as_raw();
        if there.uid() != own || there.mode() & 0o022 != 0 {
            return refuse("the directory is somebody else's, or others may write to it");
        }
        let names: std::io::Result<Vec<OsString>> =
            std::fs::read_dir(target).map_err(failed)?.map(|entry| Ok(entry?.file_name())).collect();
        let names = names.map_err(failed)?;
        let note = OsString::from(format!(".{}{NOTE}", shape.name()));
        let is_left = names.contains(&note) && names.iter().all(|name| *name == note || name == shape.name());
        if names.is_empty() || is_left {
            Ok(self.root.join(shape.name()))
        } else {
            refuse("the directory is not empty")
        }
    }

    pub fn dump(&self) -> PathBuf {
        self.root.join(Shape::Dump.name())
    }

    pub fn data(&self) -> PathBuf {
        self.root.join(Shape::Cluster.name())
    }

    /// The directory of the socket.
    pub fn sockets(&self) -> PathBuf {
        self.root.join("socket")
    }

    pub fn socket(&self) -> PathBuf {
        self.sockets().join(SOCKET)
    }

    /// What the server says.
    pub fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// The configuration while it is a scratch server, instead of any that was restored.
    pub fn config(&self) -> PathBuf {
        self.root.join("scratch.conf")
    }

    /// Who may connect to it then.
    pub fn access(&self) -> PathBuf {
        self.root.join("scratch_hba.conf")
    }

    /// Who may connect to it from its promotion on.
    pub fn own_access(&self) -> PathBuf {
        self.root.join("primary_hba.conf")
    }

    /// As whom the user that it runs as comes then, where its superuser has another name.
    pub fn own_names(&self) -> PathBuf {
        self.root.join("primary_ident.conf")
    }

    /// A script that starts it.
    pub fn start(&self) -> PathBuf {
        self.root.join("start.sh")
    }

    /// How it becomes a primary, in words and commands.
    pub fn promote(&self) -> PathBuf {
        self.root.join("promote.txt")
    }

    /// Who owned what, and who might use it, in the dump.
    pub fn rights(&self) -> PathBuf {
        self.root.join("owners.sql")
    }

    /// A unit for systemd that starts it by its own configuration.
    pub fn unit(&self) -> PathBuf {
        self.root.join("postgres.service")
    }

    /// A script that stops it.
    pub fn stop(&self) -> PathBuf {
        self.root.join("stop.sh")
    }

    /// Makes what a server needs besides its data.
    ///
    /// # Errors
    /// What the system said.
    pub fn furnish(&self, account: &Account) -> Result<()> {
        self.make(&self.sockets(), account)?;
        let said = "# Written by outlive for the scratch server: the settings stand in start.sh, on its command line.\n";
        write_new(&self.config(), said)?;
        // Only this user comes to the socket, and root.
        write_new(&self.access(), "local all all trust\n")?;
        write_new(&self.log(), "")?;
        [self.config(), self.access(), self.log()].iter().try_for_each(|path| account.own(path))
    }

    /// Makes a directory for one user alone.
    ///
    /// # Errors
    /// What the system said.
    pub fn make(&self, path: &Path, account: &Account) -> Result<()> {
        rustix::fs::mkdir(path, Mode::RWXU).map_err(|error| {
            Problem::io("making a directory", error).at(printable(path.as_os_str().as_encoded_bytes()))
        })?;
        account.own(path)
    }
}
