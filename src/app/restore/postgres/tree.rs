//! A data directory that was restored: whether a server may be started on it, and giving it to the user that runs it.

use super::account::Account;
use super::settings::refuse_includes;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// None of the files that are read here is longer.
const LONGEST: u64 = 1 << 20;
/// A data directory is not deeper.
const DEEPEST: usize = 64;
/// Files that make a server go on with somebody else's log instead of only recovering from a crash.
const FOLLOWING: [(&str, &str); 5] = [
    ("standby.signal", "it is of a standby, which follows another server"),
    ("recovery.signal", "it is a base backup, which needs the archived log of its server"),
    ("recovery.conf", "it is of a standby, or a base backup, of an old version"),
    (
        "tablespace_map",
        "it is a base backup with tablespaces, and a server writes into these where the map says that they lay",
    ),
    ("backup_label", "it is a base backup, which needs the log of its server from its beginning to its end"),
];

/// What a data directory says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataDirectory {
    /// The content of `PG_VERSION`: `15`, or `9.6`.
    pub version: String,
    /// The number before the first point.
    pub major: u32,
}

/// Which version it is of.
///
/// # Errors
/// `Refused` where it does not say that.
pub(super) fn version_of(data: &Path) -> Result<DataDirectory> {
    let version = read(data, "PG_VERSION")?.unwrap_or_default().trim().to_owned();
    // It is repeated in commands: it is a version, or nothing.
    let is_number =
        |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = version.split('.').count() <= 2 && version.split('.').all(is_number);
    let major = version.split('.').next().filter(|_| is_version).and_then(|major| major.parse().ok());
    major.map(|major| DataDirectory { version, major }).ok_or_else(|| {
        let place = printable(data.join("PG_VERSION").as_os_str().as_encoded_bytes());
        Problem::new(Kind::Refused, "PG_VERSION holds no version").at(place)
    })
}

/// Looks at what a server would do that is started on it, before one is.
///
/// # Errors
/// `Refused` where it would read other files, or would follow another server.
pub(super) fn refuse_reaching(data: &Path) -> Result<()> {
    let place = |name: &str| printable(data.join(name).as_os_str().as_encoded_bytes());
    for (name, because) in FOLLOWING {
        if rustix::fs::lstat(data.join(name)).is_ok() {
            return Err(Problem::new(Kind::Refused, format!("the data directory is not started: {because}"))
                .at(place(name))
                .remedy("choose the archive and the point in time yourself, and start it by hand; see docs/postgres.md"));
        }
    }
    let own = "postgresql.auto.conf";
    refuse_includes(&read(data, own)?.unwrap_or_default()).map_err(|problem| problem.at(place(own)))
}

/// Looks whether a server would take itself for one that runs.
///
/// # Errors
/// `Refused` where it would.
pub(super) fn refuse_alive(data: &Path) -> Result<()> {
    let place = |name: &str| printable(data.join(name).as_os_str().as_encoded_bytes());
    if let Some(process) =
        read(data, "postmaster.pid")?.and_then(|text| text.lines().next()?.trim().parse().ok())
        && is_alive(process)
    {
        let what = format!(
            "the data directory was copied from a running server, and process {process} is alive here"
        );
        return Err(Problem::new(Kind::Refused, format!("{what}: PostgreSQL would take it for that server"))
            .at(place("postmaster.pid"))
            .remedy("remove this file from what was restored, never from the place of a running server; then start it with start.sh"));
    }
    Ok(())
}

fn is_alive(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

fn read(data: &Path, name: &str) -> Result<Option<String>> {
    let path = data.join(name);
    let failed = |error: std::io::Error| {
        Problem::io("reading what was restored", error).at(printable(path.as_os_str().as_encoded_bytes()))
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(&path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(failed(error.into())),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Sees that no link leads out of it, and gives all in it to the user that runs the server. What is restored is held open on the way: a name
/// is never followed.
///
/// # Errors
/// `Refused`, naming the first link that leads elsewhere, before anything is given away.
pub(super) fn hand_over(data: &Path, account: &Account) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let failed = |error: Errno| {
        Problem::io("looking at what was restored", error).at(printable(data.as_os_str().as_encoded_bytes()))
    };
    let open = || rustix::fs::open(data, flags, Mode::empty()).map_err(failed);
    walk(&open()?, data, 0, &mut |_, path, kind| match kind {
        FileType::Symlink => refuse_leaving(data, path),
        FileType::Directory | FileType::RegularFile => Ok(()),
        _ => Err(Problem::new(Kind::Refused, "a data directory holds no such thing; it is not started")
            .at(printable(path.as_os_str().as_encoded_bytes()))),
    })?;
    let root = open()?;
    if let Some((user, group)) = account.becomes {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        walk(&root, data, 0, &mut |(above, name), path, _| {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(above, name, Some(user), Some(group), flags).map_err(|error| {
                Problem::io(format!("giving what was restored to the user {}", account.name), error)
                    .at(printable(path.as_os_str().as_encoded_bytes()))
            })
        })?;
        rustix::fs::fchown(&root, Some(user), Some(group)).map_err(failed)?;
    }
    // A server does not start where others may look in.
    rustix::fs::fchmod(&root, Mode::RWXU).map_err(failed)
}

/// A link to be followed leads to tablespaces, or to a log, of the server that was copied: it may be alive.
fn refuse_leaving(data: &Path, path: &Path) -> Result<()> {
    let to = std::fs::read_link(path).unwrap_or_default();
    let inside =
        data.canonicalize().is_ok_and(|data| path.canonicalize().is_ok_and(|to| to.starts_with(data)));
    if inside {
        return Ok(());
    }
    let what = format!(
        "the data directory is not started: a link in it leads to {}, which was not restored and may be another server's",
        printable(to.as_os_str().as_encoded_bytes())
    );
    Err(Problem::new(Kind::Refused, what).at(printable(path.as_os_str().as_encoded_bytes())).remedy(
        "restore what lies there to a new place too, point the link there, and start it by hand; a tablespace is a volume of its own",
    ))
}

type Visit<'v> = dyn FnMut((BorrowedFd<'_>, &std::ffi::CStr), &Path, FileType) -> Result<()> + 'v;

/// Visits all below a directory, what lies in a directory before itself.
fn walk(directory: &OwnedFd, path: &Path, depth: usize, visit: &mut Visit<'_>) -> Result<()> {
    let failed = |path: &Path, error: Errno| {
        Problem::io("looking at what was restored", error).at(printable(path.as_os_str().as_encoded_bytes()))
    };
    if depth > DEEPEST {
        return Err(Problem::new(Kind::Refused, "a data directory is not so deep; it is not started"));
    }
    for entry in rustix::fs::Dir::read_from(directory).map_err(|error| failed(path, error))? {
        let entry = entry.map_err(|error| failed(path, error))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let below: PathBuf =
            path.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.to_bytes()));
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let kind = FileType::from_raw_mode(stat.map_err(|error| failed(&below, error))?.st_mode);
        if kind == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let inner = rustix::fs::openat(directory, name, flags, Mode::empty());
            walk(&inner.map_err(|error| failed(&below, error))?, &below, depth + 1, visit)?;
        }
        visit((directory.as_fd(), name), &below, kind)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    fn oneself() -> Account {
        Account { name: "me".into(), becomes: None }
    }

    #[test]
    fn a_data_directory_that_would_reach_elsewhere_is_not_started() {
        let place = TempDir::new();
        let data = place.path().join("data");
        fs::create_dir_all(data.join("pg_tblspc")).unwrap();
        fs::write(data.join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(version_of(&data).unwrap(), DataDirectory { version: "15".into(), major: 15 });
        for wrong in ["14.; id", "15.0.1", "", "15\n16", "-1", "99999", "15."] {
            fs::write(data.join("PG_VERSION"), wrong).unwrap();
            assert!(version_of(&data).is_err(), "{wrong}");
        }
        fs::write(data.join("PG_VERSION"), "9.6\n").unwrap();
        assert_eq!(version_of(&data).unwrap().major, 9);
        refuse_reaching(&data).unwrap();
        hand_over(&data, &oneself()).unwrap();
        for (name, text, because) in [
            ("standby.signal", "", "follows another server"),
            ("recovery.signal", "", "archived log"),
            ("recovery.conf", "", "old version"),
            ("tablespace_map", "16385 /srv/live\n", "where the map says"),
            ("backup_label", "", "base backup"),
            ("postgresql.auto.conf", "INCLUDE_if_exists '/etc/x'\n", "reads another file"),
        ] {
            fs::write(data.join(name), text).unwrap();
            let problem = refuse_reaching(&data).unwrap_err();
            assert!(problem.what.contains(because), "{name}: {problem}");
            fs::remove_file(data.join(name)).unwrap();
        }
        refuse_alive(&data).unwrap();
        fs::write(data.join("postmaster.pid"), format!("{}\n/x\n", std::process::id())).unwrap();
        assert!(refuse_alive(&data).unwrap_err().what.contains("is alive here"));
        std::os::unix::fs::symlink("../base", data.join("pg_tblspc/1")).unwrap();
        fs::create_dir(data.join("base")).unwrap();
        hand_over(&data, &oneself()).unwrap();
        std::os::unix::fs::symlink("/", data.join("pg_tblspc/2")).unwrap();
        let problem = hand_over(&data, &oneself()).unwrap_err();
        assert!(problem.place.ends_with("pg_tblspc/2") && problem.what.contains("leads to /"), "{problem}");
    }
}
