//! What on this machine somebody may miss: mounted filesystems with something in them, directories that usually hold data, and
//! PostgreSQL's data directories. For a first estate file, which a person corrects.

use super::mountinfo::{self, Mount};
use super::system::System;
use crate::domain::printable;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a candidate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateKind {
    /// A mounted filesystem, of this type.
    Mount(String),
    /// A directory that usually holds data, or that somebody named.
    Directory,
    /// The data directory of a PostgreSQL of this version.
    Postgres(String),
}

/// Something that may be a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: CandidateKind,
}

/// Types of filesystems that hold what is still there after a restart.
const LASTING: [&str; 21] = [
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "zfs",
    "f2fs",
    "jfs",
    "bcachefs",
    "reiserfs",
    "ntfs",
    "ntfs3",
    "exfat",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "ceph",
    "glusterfs",
    "virtiofs",
    "9p",
];
/// Where the system itself is mounted, and what others look after.
const NO_DATA: [&str; 11] = [
    "/boot",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/tmp",
    "/snap",
    "/usr",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/kubelet",
];
/// Directories of the root filesystem that usually hold data.
const USUAL: [&str; 4] = ["/home", "/srv", "/var/www", "/var/lib/mysql"];
/// Where PostgreSQL's data directories usually are: so many directories below these.
const CLUSTERS: [(&str, usize); 3] =
    [("/var/lib/postgresql", 2), ("/var/lib/pgsql", 2), ("/usr/local/pgsql", 1)];
/// How deep data directories are looked for below a directory that somebody names.
const BELOW_NAMED: usize = 3;
/// How many entries of one directory are looked at for that.
const MOST: usize = 1_000;

/// Everything on this machine that may be a volume, and what could not be looked at. `pgdata` is what the environment says of a
/// data directory.
pub fn candidates(system: &System, pgdata: Option<&Path>) -> (Vec<Candidate>, Vec<String>) {
    let mut gaps = Vec::new();
    let mounts = mountinfo::read(system).unwrap_or_else(|unseen| {
        gaps.push(format!("the table of mounts: {}", unseen.detail));
        Vec::new()
    });
    let mut all = of_mounts(&mounts, &NO_DATA);
    let usual = USUAL.iter().map(Path::new);
    let own = usual.filter(|path| !all.iter().any(|known| known.path == *path) && holds_something(path));
    let own: Vec<_> =
        own.map(|path| Candidate { path: path.to_owned(), kind: CandidateKind::Directory }).collect();
    all.extend(own);
    for (place, depth) in CLUSTERS {
        clusters_below(Path::new(place), depth, &mut all);
    }
    all.extend(pgdata.and_then(cluster));
    settle(&mut all);
    (all, gaps)
}

/// The same of paths that somebody names: each is a candidate, and so are data directories below it.
pub fn candidates_below(paths: &[PathBuf]) -> (Vec<Candidate>, Vec<String>) {
    let (mut all, mut gaps) = (Vec::new(), Vec::new());
    for path in paths {
        match fs::metadata(path) {
            Ok(_) => {
                let itself = Candidate { path: path.clone(), kind: CandidateKind::Directory };
                all.push(cluster(path).unwrap_or(itself));
                clusters_below(path, BELOW_NAMED, &mut all);
            }
            Err(error) => gaps.push(format!("{}: {}", printable(path.as_os_str().as_bytes()), error.kind())),
        }
    }
    settle(&mut all);
    (all, gaps)
}

fn settle(all: &mut Vec<Candidate>) {
    all.sort_by(|one, other| one.path.cmp(&other.path));
    all.dedup_by(|one, other| one.path == other.path);
}

/// Filesystems with something in them, each where it was mounted first.
fn of_mounts(mounts: &[Mount], no_data: &[&str]) -> Vec<Candidate> {
    let mut seen = Vec::new();
    let is_data = |mount: &&Mount| {
        let lasts = LASTING.contains(&mount.kind.as_str()) || mount.kind.starts_with("fuse.");
        let is_system =
            mount.point == Path::new("/") || no_data.iter().any(|place| mount.point.starts_with(place));
        lasts && !is_system && !mount.is_read_only() && holds_something(&mount.point)
    };
    let mut all = Vec::new();
    for mount in mounts.iter().filter(is_data) {
        if !seen.contains(&(mount.device, &mount.root)) {
            seen.push((mount.device, &mount.root));
            all.push(Candidate { path: mount.point.clone(), kind: CandidateKind::Mount(mount.kind.clone()) });
        }
    }
    all
}

/// Whether a directory has an entry that somebody put there.
fn holds_something(path: &Path) -> bool {
    let is_data = |entry: fs::DirEntry| entry.file_name() != "lost+found";
    fs::read_dir(path).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(is_data)))
}

fn clusters_below(path: &Path, depth: usize, all: &mut Vec<Candidate>) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in
        entries.take(MOST).flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        match cluster(&entry.path()) {
            Some(found) => all.push(found),
            None if depth > 1 => clusters_below(&entry.path(), depth - 1, all),
            None => {}
        }
    }
}

/// A data directory of PostgreSQL: it says its version, and has its control file.
fn cluster(path: &Path) -> Option<Candidate> {
    let file = fs::symlink_metadata(path.join("PG_VERSION"))
        .ok()
        .filter(|file| file.is_file() && file.len() < 16)?;
    let control = fs::symlink_metadata(path.join("global/pg_control")).ok()?;
    if !file.is_file() || !control.is_file() {
        return None;
    }
    let version = fs::read_to_string(path.join("PG_VERSION")).ok()?;
    let version = version.trim();
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let kind = CandidateKind::Postgres(version.to_owned());
    is_version.then(|| Candidate { path: path.to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs as by_hand};

    #[test]
    fn a_filesystem_counts_once_and_only_with_something_in_it() {
        let directory = TempDir::new();
        let place = |name: &str| directory.path().join(name);
        for name in ["data", "again", "empty", "read-only", "memory"] {
            by_hand::create_dir_all(place(name)).unwrap();
        }
        by_hand::create_dir_all(place("empty/lost+found")).unwrap();
        for name in ["data/a", "again/a", "read-only/a", "memory/a"] {
            by_hand::write(place(name), "a").unwrap();
        }
        let line = |name: &str, device: &str, kind: &str, flags: &str| {
            format!("1 1 {device} / {} {flags} - {kind} /dev/x {flags}\n", place(name).display())
        };
        let table = [
            line("data", "8:1", "ext4", "rw"),
            line("again", "8:1", "ext4", "rw"),
            line("empty", "8:2", "xfs", "rw"),
            line("read-only", "8:3", "ext4", "ro"),
            line("memory", "0:9", "tmpfs", "rw"),
        ];
        let mounts = mountinfo::parse(table.concat().as_bytes());
        assert_eq!(of_mounts(&mounts, &[directory.path().to_str().unwrap()]), []);
        let found = of_mounts(&mounts, &[]);
        assert_eq!(found, [Candidate { path: place("data"), kind: CandidateKind::Mount("ext4".into()) }]);
    }

    #[test]
    fn a_data_directory_is_told_by_its_version_and_its_control_file() {
        let directory = TempDir::new();
        let main = directory.path().join("15/main");
        by_hand::create_dir_all(main.join("global")).unwrap();
        by_hand::write(main.join("PG_VERSION"), "15\n").unwrap();
        let all = || candidates_below(&[directory.path().to_owned()]).0;
        assert_eq!(all().len(), 1, "it has no control file");
        by_hand::write(main.join("global/pg_control"), "x").unwrap();
        assert_eq!(all()[1], Candidate { path: main.clone(), kind: CandidateKind::Postgres("15".into()) });
        by_hand::write(main.join("PG_VERSION"), "15\"\n").unwrap();
        assert_eq!(all().len(), 1, "that is no version");
        let (_, gaps) = candidates_below(&["/nowhere/at/all".into()]);
        assert_eq!(gaps.len(), 1);
    }
}
