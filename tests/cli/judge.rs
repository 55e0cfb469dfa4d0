//! Judging a recording: what a run may not have done, whoever asked for it.
//!
//! What may be removed or overwritten is what lies in a directory called `outlive-scratch-…` that the same
//! run made. Attempts count like deeds.
//!
//! One exception for the program itself: the textfile for monitoring (decision 20). A file `<name>.prom` may be
//! replaced by `<name>.prom.<32 digits>` that the same run made, after the run opened the old one to look whose it is.
//!
//! Another for the program itself: a restore that was stopped goes on. Below a target `<dir>/<name>`, once the same run opened the note
//! `<dir>/.<name>.outlive-restore` to add to it, what is there may be opened for writing, and never cut; that only zeros are written
//! over is for the tests of that (`going_on.rs`). A block device may be opened where nobody else can meanwhile (`targets.rs`).
//!
//! A third for the program itself: what a provider answered is kept in `surveys/NAME.kept` of the state directory, which the next answer is
//! written over (decision 33). It is never cut, and not reached over a link; that it begins as ours do is for `asking_again.rs`.
//!
//! The other exceptions, all for programs that the run started (`mount`, `umount`, `mkfs.btrfs`, `btrfs`, `borg`,
//! `cp`, `qemu-img`), never for the program itself:
//! - `mount` and `umount` drive `/dev/loop-control` and loop devices, and keep a lock and a table in
//!   `/run/mount`; `btrfs` drives `/dev/btrfs-control`.
//! - `/run/blkid`: the cache that `mount` and `mkfs.btrfs` keep of what they saw on devices.
//! - PostgreSQL's programs work in the new cluster that a restore made for them: below `<dir>/data` and `<dir>/socket`, once the program itself
//!   made both in this run, and in the memory that the server's processes share. Names that do not begin with `/` are below `<dir>/data`,
//!   where these programs work.
//! - `borg` keeps its own notes and temporary files, never in a repository: tests give it `/run/outlive-test-borg`;
//!   the library that makes its ids keeps a clock in `/var/lib/libuuid`.
//! - `qemu-img` waits for its files by io_uring; it opens them by calls that are seen.
//! - their own memory, pipes and sockets, which are no files: `/proc/self`, `pipe:[…]`, `socket:[…]`.

use super::hand::{BEGIN, END};
use super::strace::{Call, calls};
use std::collections::{HashMap, HashSet};

/// The calls to record.
pub const RECORDED: &str = "trace=unlink,unlinkat,rmdir,rename,renameat,renameat2,truncate,ftruncate,open,\
    openat,openat2,open_by_handle_at,creat,fallocate,removexattr,lremovexattr,fremovexattr,linkat,link,\
    symlink,symlinkat,mkdir,mkdirat,mount,umount2,move_mount,execve,clone,clone3,fork,vfork,ioctl,io_uring_setup";

/// What programs that a run starts may write to, by program: what the path begins with.
const OF_CHILDREN: [(&str, &[&str]); 5] = [
    ("mount", &["/dev/loop", "/run/mount/", "/run/blkid/"]),
    ("umount", &["/dev/loop", "/run/mount/"]),
    ("btrfs", &["/dev/btrfs-control"]),
    ("mkfs.btrfs", &["/dev/btrfs-control", "/run/blkid/"]),
    ("borg", &["/run/outlive-test-borg/", "/var/lib/libuuid/clock.txt"]),
];

/// What works in a new cluster.
const OF_POSTGRES: [&str; 4] = ["initdb", "postgres", "pg_ctl", "pg_restore"];

/// Words in the names of ioctls that destroy, whatever they act on.
const DESTROYING_IOCTLS: [&str; 8] =
    ["DESTROY", "DISCARD", "ZEROOUT", "CLR_FD", "RM_DEV", "RESIZE", "CTL_REMOVE", "SETFLAGS"];
/// What the program itself may ask of a file, device or terminal: to read.
const READING_IOCTLS: [&str; 10] = [
    "TREE_SEARCH",
    "INO_LOOKUP",
    "FS_INFO",
    "DEV_INFO",
    "GET_SUBVOL",
    "GET_STATUS",
    "FIEMAP",
    "TCGETS",
    "GWINSZ",
    "FIONREAD",
];

/// Everything in the recording that is not allowed; one line each.
pub fn complaints(log: &str) -> Vec<String> {
    let calls = calls(log);
    let mut court = Court {
        programs: Programs::of(&calls),
        scratch: Vec::new(),
        links: HashSet::new(),
        made: HashSet::new(),
        named: HashSet::new(),
        looked_at: HashSet::new(),
        noted: Vec::new(),
        directories: HashSet::new(),
    };
    let mut hand = Hand::default();
    let mut found = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        if hand.did(call) {
            continue;
        }
        if let Some(why) = court.judge(at, call) {
            found.push(format!("{}: {why}: {}", court.programs.name(call.thread, at), call.line));
        }
    }
    found
}

/// What tests do themselves (`tests/hand/mod.rs`), by thread; what a thread starts meanwhile is the test's, too.
#[derive(Default)]
struct Hand {
    depth: HashMap<u32, u32>,
}

impl Hand {
    fn did(&mut self, call: &Call) -> bool {
        let depth = self.depth.entry(call.thread).or_default();
        match call.name.as_str() {
            "rmdir" if call.string(0) == BEGIN.as_bytes() => *depth += 1,
            "rmdir" if call.string(0) == END.as_bytes() => {
                *depth = depth.saturating_sub(1);
                return true;
            }
            "clone" | "clone3" | "fork" | "vfork" => {
                let of_child = u32::from(*depth > 0);
                if let Some(child) = call.child() {
                    self.depth.insert(child, of_child);
                }
                return of_child > 0;
            }
            _ => {}
        }
        *depth > 0
    }
}

/// Which program each thread was running at each call.
struct Programs {
    started: HashMap<u32, Vec<(usize, String)>>,
    /// Who started each thread, and when: numbers are used again.
    parents: HashMap<u32, Vec<(u32, usize)>>,
    first: String,
}

impl Programs {
    fn of(calls: &[Call]) -> Self {
        let mut programs = Self { started: HashMap::new(), parents: HashMap::new(), first: String::new() };
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.succeeded()) {
            match call.name.as_str() {
                "execve" => {
                    let path = String::from_utf8_lossy(&call.string(0)).into_owned();
                    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                    // Only changes the user before it becomes what is to be recorded.
                    if name != "setpriv" && programs.first.is_empty() {
                        programs.first.clone_from(&name);
                    }
                    programs.started.entry(call.thread).or_default().push((at, name));
                }
                "clone" | "clone3" | "fork" | "vfork" => {
                    if let Some(child) = call.child() {
                        programs.parents.entry(child).or_default().push((call.thread, at));
                    }
                }
                _ => {}
            }
        }
        programs
    }

    fn name(&self, thread: u32, at: usize) -> &str {
        let born = self.parents.get(&thread).and_then(|all| all.iter().rev().find(|(_, since)| *since < at));
        let since = born.map_or(0, |(_, since)| *since);
        let own = self.started.get(&thread);
        let own = own.and_then(|all| all.iter().rev().find(|(from, _)| (since..=at).contains(from)));
        match (own, born) {
            (Some((_, name)), _) => name,
            (None, Some((parent, since))) if parent != &thread => self.name(*parent, *since),
            _ => &self.first,
        }
    }

    /// Who is at work: the program that is recorded, or what it started.
    fn actor(&self, thread: u32, at: usize) -> Actor {
        let name = self.name(thread, at);
        if name == self.first { Actor::Itself } else { Actor::Child(name.to_owned()) }
    }
}

/// Who made a call.
enum Actor {
    Itself,
    Child(String),
}

impl Actor {
    fn is(&self, program: &str) -> bool {
        matches!(self, Self::Child(name) if name == program)
    }
}

struct Court {
    programs: Programs,
    /// Scratch directories that this run made.
    scratch: Vec<Vec<u8>>,
    /// Symlinks that this run made in them: what lies behind is elsewhere.
    links: HashSet<Vec<u8>>,
    /// Files that this run made.
    made: HashSet<Vec<u8>>,
    /// Names that this run gave to files.
    named: HashSet<Vec<u8>>,
    /// Textfiles that this run opened for reading.
    looked_at: HashSet<Vec<u8>>,
    /// Targets of stopped restores, whose notes this run opened.
    noted: Vec<Vec<u8>>,
    /// Directories that the program itself made.
    directories: HashSet<Vec<u8>>,
}

impl Court {
    fn judge(&mut self, at: usize, call: &Call) -> Option<&'static str> {
        let actor = &self.programs.actor(call.thread, at);
        match call.name.as_str() {
            "mkdir" => self.note_directory(actor, call.string(0), call),
            "mkdirat" => self.note_directory(actor, call.path_at(0), call),
            "symlink" => drop(self.links.insert(call.string(1))),
            "linkat" if call.succeeded() => drop(self.named.insert(call.path_at(2))),
            "symlinkat" => drop(self.links.insert(call.path_at(1))),
            "io_uring_setup" if !actor.is("qemu-img") => return Some("does what no recorder sees"),
            "open_by_handle_at" if !call.has(2, "O_PATH") => return Some("opens without a name"),
            "unlink" | "rmdir" => return self.may(actor, &call.string(0), "removes"),
            "unlinkat" => return self.may(actor, &call.path_at(0), "removes"),
            "rename" => return self.may_rename(actor, &call.string(0), &call.string(1)),
            "renameat" | "renameat2" => {
                return self.may_rename(actor, &call.path_at(0), &call.path_at(2));
            }
            "truncate" => return self.may(actor, &call.string(0), "cuts"),
            "ftruncate" | "fallocate" => return self.may_size(actor, call),
            "creat" => return self.may(actor, &call.string(0), "overwrites"),
            "open" => return self.may_open(actor, call, 1, call.string(0)),
            "openat" | "openat2" => return self.may_open(actor, call, 2, call.path_at(0)),
            "removexattr" | "lremovexattr" => {
                return self.may(actor, &call.string(0), "removes an attribute of");
            }
            "fremovexattr" => return self.may(actor, &call.descriptor(0), "removes an attribute of"),
            "mount" => return self.may(actor, &call.string(1), "mounts over"),
            "move_mount" => return self.may(actor, &call.path_at(2), "mounts over"),
            "umount2" => return self.may(actor, &call.string(0), "unmounts"),
            "ioctl" => return self.may_control(actor, call),
            _ => {}
        }
        None
    }

    fn note_directory(&mut self, actor: &Actor, path: Vec<u8>, call: &Call) {
        // It may have been started by a shell that is recorded.
        if call.succeeded() && (matches!(actor, Actor::Itself) || actor.is("outlive")) {
            self.directories.insert(path.clone());
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if call.succeeded() && name.starts_with(b"outlive-scratch-") {
            self.scratch.push(path);
        }
    }

    fn in_scratch(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let leads_out = slashes.into_iter().any(|at| self.links.contains(&path[..at]));
        !leads_out && !climbs(path) && self.scratch.iter().any(|scratch| is_at_or_below(path, scratch))
    }

    /// In a cluster that was made for it.
    fn in_cluster(&self, name: &str, path: &[u8]) -> bool {
        if !OF_POSTGRES.contains(&name) || climbs(path) {
            return false;
        }
        let made = |directory: &[u8], name: &[u8]| self.directories.contains(&[directory, name].concat());
        let is_there = |directory: &&Vec<u8>| {
            let above = directory.strip_suffix(b"/data");
            above.is_some_and(|above| {
                let is_in = |name: &[u8]| is_at_or_below(path, &[above, name].concat());
                made(above, b"/socket") && (is_in(b"/data") || is_in(b"/socket") || !path.starts_with(b"/"))
            })
        };
        path.starts_with(b"/dev/shm/PostgreSQL.") || self.directories.iter().any(|made| is_there(&made))
    }

    fn may(&self, actor: &Actor, path: &[u8], what: &'static str) -> Option<&'static str> {
        let of_child = match actor {
            Actor::Itself => false,
            Actor::Child(name) => {
                let own = OF_CHILDREN.iter().filter(|(program, _)| program == name);
                let mut places = own.flat_map(|(_, places)| *places);
                places.any(|place| path.starts_with(place.as_bytes())) && !climbs(path)
                    || self.in_cluster(name, path)
            }
        };
        (!of_child && !self.in_scratch(path)).then_some(what)
    }

    fn may_rename(&self, actor: &Actor, from: &[u8], to: &[u8]) -> Option<&'static str> {
        if matches!(actor, Actor::Itself) && self.replaces_textfile(from, to) {
            return None;
        }
        self.may(actor, from, "renames").or_else(|| self.may(actor, to, "renames over"))
    }

    fn replaces_textfile(&self, from: &[u8], to: &[u8]) -> bool {
        let digits = from.strip_prefix(to).and_then(|rest| rest.strip_prefix(b"."));
        let is_random = digits.is_some_and(|all| all.len() == 32 && all.iter().all(u8::is_ascii_hexdigit));
        let is_known = (self.named.contains(from) || self.made.contains(from)) && self.looked_at.contains(to);
        to.ends_with(b".prom") && is_random && is_known && !climbs(to)
    }

    /// Setting a length is for files that this run made.
    fn may_size(&self, actor: &Actor, call: &Call) -> Option<&'static str> {
        let path = call.descriptor(0);
        let own = self.made.contains(&path) || is_no_file(&path);
        let only_reserves = call.name == "fallocate"
            && !["PUNCH", "ZERO", "COLLAPSE", "INSERT"].iter().any(|mode| call.line.contains(mode));
        if own || only_reserves && self.made.contains(&path) {
            return None;
        }
        self.may(actor, &path, "cuts")
    }

    fn may_open(&mut self, actor: &Actor, call: &Call, flags: usize, named: Vec<u8>) -> Option<&'static str> {
        let has = |flag| call.has(flags, flag);
        let is_new = has("O_CREAT") && has("O_EXCL") || has("O_TMPFILE");
        let path = if call.succeeded() { call.opened() } else { named };
        if is_new && call.succeeded() {
            self.made.insert(path);
            return None;
        }
        if call.succeeded() && has("O_RDONLY") && path.ends_with(b".prom") {
            self.looked_at.insert(path.clone());
        }
        if call.succeeded() && has("O_RDWR") && has("O_APPEND") && !has("O_TRUNC") {
            self.noted.extend(target_of_note(&path));
        }
        let writes = has("O_WRONLY") || has("O_RDWR") || has("O_TRUNC") || has("O_CREAT");
        if !writes || is_new || has("O_APPEND") && !has("O_TRUNC") || is_no_file(&path) {
            return None;
        }
        // A block device that the kernel gives to nobody else meanwhile; that it was all zero is for `targets.rs`.
        let is_device = path.starts_with(b"/dev/") && !climbs(&path) && has("O_RDWR") && has("O_EXCL");
        let goes_on =
            || is_device || self.noted.iter().any(|target| is_at_or_below(&path, target)) && !climbs(&path);
        let is_kept = is_kept_answer(&path) && has("O_RDWR") && has("O_NOFOLLOW");
        if matches!(actor, Actor::Itself) && !has("O_TRUNC") && !has("O_CREAT") && (is_kept || goes_on()) {
            return None;
        }
        self.may(actor, &path, "opens for writing what is there")
    }

    fn may_control(&self, actor: &Actor, call: &Call) -> Option<&'static str> {
        let request = call.arguments.get(1).map_or("", String::as_str);
        let reads = READING_IOCTLS.iter().any(|word| request.contains(word));
        let destroys = DESTROYING_IOCTLS.iter().any(|word| request.contains(word));
        let path = call.descriptor(0);
        match (matches!(actor, Actor::Itself), reads || is_no_file(&path), destroys) {
            (_, true, _) => None,
            (true, false, _) => Some("asks a device or file for something else than to be read"),
            (false, false, true) => self.may(actor, &path, "destroys by ioctl"),
            (false, false, false) => None,
        }
    }
}

/// The target that a note of a restore is of.
fn target_of_note(note: &[u8]) -> Option<Vec<u8>> {
    let name = note.iter().rposition(|byte| *byte == b'/')? + 1;
    let target = note[name..].strip_prefix(b".")?.strip_suffix(b".outlive-restore")?;
    Some([&note[..name], target].concat())
}

/// An answer of a provider, which the next one takes the place of.
fn is_kept_answer(path: &[u8]) -> bool {
    let mut names = path.rsplit(|byte| *byte == b'/');
    let is_named = names.next().is_some_and(|name| name.len() > 5 && name.ends_with(b".kept"));
    is_named && names.next() == Some(b"surveys") && !climbs(path)
}

fn climbs(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|part| part == b"..")
}

fn is_at_or_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// What a write cannot lose: the null device, and what exists in memory only.
fn is_no_file(path: &[u8]) -> bool {
    let prefixes: [&[u8]; 4] = [b"/proc/self/", b"pipe:", b"socket:", b"/memfd:"];
    let leads_on = path.starts_with(b"/proc/self/fd/") || climbs(path);
    path == b"/dev/null"
        || path == b"/dev/tty"
        || !leads_on && prefixes.iter().any(|prefix| path.starts_with(prefix))
}
