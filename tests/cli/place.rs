//! A temporary place with a state directory, a home and filesystems of its own, taken down whatever happens.

use super::run::{Run, binary};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A temporary directory, and what must be undone before it can go.
pub struct Place {
    undo: Vec<Vec<OsString>>,
    root: PathBuf,
    runs: AtomicU64,
    _directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests mount filesystems: run them as root");
        let directory = tempfile::Builder::new().prefix("outlive-test-").tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        // An ordinary user may look in: some tests run as one.
        chmod(&root, 0o755);
        let place = Self { undo: Vec::new(), root, runs: AtomicU64::new(0), _directory: directory };
        ["home", "tmp"].iter().for_each(|name| chmod(&place.directory(name), 0o1777));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A new directory.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A new file.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary with these arguments, with this place's state, home and temporary directory.
    pub fn outlive(&self, arguments: &[&dyn AsRef<OsStr>]) -> Run {
        self.outlive_with_state(&self.path("state"), arguments)
    }

    /// The same with the estate file of this place.
    pub fn outlive_by_file(&self, arguments: &[&str]) -> Run {
        let config = self.path("outlive.toml");
        let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"--config", &config];
        all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        self.outlive(&all)
    }

    /// The same with another state directory: another machine, as far as the ledger is concerned.
    pub fn outlive_with_state(&self, state: &Path, arguments: &[&dyn AsRef<OsStr>]) -> Run {
        let mut program: Vec<OsString> = vec![binary().into(), "--state".into(), state.into()];
        program.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        self.recorded(program)
    }

    /// The same as an ordinary user, who can read a copy of the binary here.
    pub fn outlive_as_nobody(&self, arguments: &[&dyn AsRef<OsStr>]) -> Run {
        let copy = self.path("outlive");
        if !copy.exists() {
            std::fs::copy(binary(), &copy).unwrap();
            chmod(&copy, 0o755);
        }
        let state = self.directory("state-of-nobody");
        chmod(&state, 0o1777);
        let setpriv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        let mut program: Vec<OsString> = setpriv.map(OsString::from).to_vec();
        program.extend([copy.into(), "--state".into(), state.into()]);
        program.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        self.recorded(program)
    }

    /// Any program, recorded; for testing the recorder itself.
    pub fn recorded(&self, program: Vec<OsString>) -> Run {
        let log = self.path(&format!("recording-{}", self.runs.fetch_add(1, Relaxed)));
        let run = Run::new(program, log).environment("HOME", self.path("home"));
        let run = run.environment("XDG_STATE_HOME", self.path("home/state"));
        run.environment("TMPDIR", self.path("tmp")).environment("LC_ALL", "C")
    }

    /// Mounts with these arguments before the mount point, which is made.
    pub fn mount(&mut self, arguments: &[&dyn AsRef<OsStr>], point: &Path) {
        std::fs::create_dir_all(point).unwrap();
        let mut all: Vec<&OsStr> = arguments.iter().map(|argument| argument.as_ref()).collect();
        all.push(point.as_os_str());
        tool("mount", &all);
        self.undo_mount(point);
    }

    /// What a test mounted by itself is taken down with the rest.
    pub fn undo_mount(&mut self, point: &Path) {
        self.undo.push(["umount".as_ref(), "--".as_ref(), point.as_os_str()].map(OsStr::to_owned).to_vec());
    }

    /// A new filesystem on a loop device, mounted; so many MiB.
    pub fn filesystem(&mut self, kind: &str, name: &str, mebibytes: u64) -> PathBuf {
        let (image, point) = (self.path(&format!("{name}.img")), self.path(name));
        std::fs::File::create_new(&image).unwrap().set_len(mebibytes << 20).unwrap();
        tool(&format!("mkfs.{kind}"), &["-q".as_ref(), image.as_os_str()]);
        self.mount(&[&"-o", &"loop", &image], &point);
        point
    }

    /// A small filesystem in memory, writable for all.
    pub fn tmpfs(&mut self, name: &str, size: &str) -> PathBuf {
        let point = self.path(name);
        self.mount(&[&"-t", &"tmpfs", &"-o", &format!("size={size},mode=1777"), &"tmpfs"], &point);
        point
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What a run that failed its test left mounted goes too.
        for mount in mounts_below(&self.path("tmp")) {
            undone(&["umount".into(), mount.into()]);
        }
        let left: Vec<_> = self.undo.iter().rev().filter(|command| !undone(command)).collect();
        assert!(left.is_empty() || std::thread::panicking(), "the test left these to do: {left:?}");
    }
}

fn mounts_below(directory: &Path) -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| Path::new(point).starts_with(directory)).map(str::to_owned).collect()
}

/// A mount may be busy for a moment after its last user ended.
fn undone(command: &[OsString]) -> bool {
    (0..50).any(|_| {
        let done = Command::new(&command[0]).args(&command[1..]).output();
        done.is_ok_and(|done| done.status.success()) || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }
    })
}

/// Runs a program that must succeed; what it printed.
#[track_caller]
pub fn tool<A: AsRef<OsStr>>(program: &str, arguments: &[A]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program} could not be started ({error}): scripts/test installs what the suite needs")
    });
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{program} failed: {said}{}", String::from_utf8_lossy(&done.stderr));
    said
}

/// Two trees are the same for everything that diff and rsync can tell.
#[track_caller]
pub fn assert_same(original: &Path, restored: &Path) {
    tool("diff", &["-r".as_ref(), "--no-dereference".as_ref(), original.as_os_str(), restored.as_os_str()]);
    let with_slash = |path: &Path| [path.as_os_str(), OsStr::new("/")].join(OsStr::new(""));
    let options = ["-aHAXnci".into(), "--delete".into()];
    let differences =
        tool("rsync", &[options.as_slice(), &[with_slash(original), with_slash(restored)]].concat());
    assert_eq!(differences, "", "rsync sees differences");
}

pub fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<OsString> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Bytes that do not compress and do not repeat, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
