//! The system that a restore is run on may be a chroot of another, may lack what a running system has, and
//! another process may hold what it would write to. None of that keeps anybody from the data.

use super::judge::complaints;
use super::place::{Place, assert_same, noise, tool};
use super::run::{Ended, binary};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a rescue system hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hides {
    /// /proc is there; the table of mounts leaves out the one that the chroot lies on.
    ItsMount,
    /// /proc is there, and the mount can be found; /sys is not, which tells devices apart.
    Sys,
    /// There is neither.
    Proc,
}

/// A directory with the program, what it is linked with, and a vault with its ledger.
struct Rescue {
    root: PathBuf,
    data: PathBuf,
    hides: Hides,
}

impl Rescue {
    fn new(place: &mut Place, hides: Hides) -> Self {
        let root = place.filesystem("ext4", "disk", 512).join("root");
        ["proc", "tmp"].iter().for_each(|name| std::fs::create_dir_all(root.join(name)).unwrap());
        let linked = tool("ldd", &[binary()]);
        let libraries = linked.split_whitespace().filter(|word| word.starts_with('/'));
        for library in libraries {
            let to = root.join(library.trim_start_matches('/'));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(library, to).unwrap();
        }
        std::fs::copy(binary(), root.join("outlive")).unwrap();
        let rescue = Self { data: data(place), root, hides };
        let copy: [&dyn AsRef<OsStr>; 4] = [&"copy", &rescue.data, &"--vault", &rescue.vault()];
        place.outlive_with_state(&rescue.root.join("state"), &copy).end().expect(0).says("read back");
        rescue
    }

    fn vault(&self) -> PathBuf {
        self.root.join("vault")
    }

    /// The program with these arguments, in the chroot.
    fn outlive(&self, place: &Place, arguments: &[&str]) -> Ended {
        let prepare = match self.hides {
            Hides::ItsMount => "mount -t proc proc \"$0/proc\"",
            Hides::Sys => "mount --bind \"$0\" \"$0\" && mount -t proc proc \"$0/proc\"",
            Hides::Proc => "true",
        };
        let script = format!("{prepare} && exec chroot \"$0\" /outlive --state /state \"$@\"");
        let unshare = ["unshare", "--mount", "--propagation=private", "sh", "-c", &script];
        let mut program: Vec<OsString> = unshare.map(OsString::from).to_vec();
        program.push(self.root.clone().into());
        program.extend(arguments.iter().map(OsString::from));
        let ended = place.recorded(program).start().end_unjudged();
        // What makes the chroot mounts, in a namespace of its own; nothing else is let pass.
        let found = complaints(&ended.log).into_iter().filter(|found| !found.contains("mounts over"));
        assert_eq!(found.collect::<Vec<_>>(), Vec::<String>::new());
        ended
    }
}

/// A tree with everything that has extended attributes and cannot be opened for them.
fn data(place: &Place) -> PathBuf {
    let file = place.file("data/below/a", noise(7, 300_000));
    let data = place.path("data");
    tool("setfattr", &["-n".as_ref(), "user.a".as_ref(), "-v".as_ref(), "b".as_ref(), file.as_os_str()]);
    let (link, pipe) = (data.join("link"), data.join("below/pipe"));
    std::os::unix::fs::symlink("below/a", &link).unwrap();
    tool("mkfifo", &[&pipe]);
    drop(std::os::unix::net::UnixListener::bind(data.join("socket")).unwrap());
    for path in [link, pipe, data.join("socket")] {
        let set = ["-h", "-n", "trusted.a", "-v", "c"].map(OsStr::new);
        tool("setfattr", &[set.as_slice(), &[path.as_os_str()]].concat());
    }
    data
}

fn trusted(path: &Path) -> String {
    tool(
        "getfattr",
        &["-h", "--only-values", "-n", "trusted.a"]
            .map(OsStr::new)
            .iter()
            .chain([&path.as_os_str()])
            .collect::<Vec<_>>(),
    )
}

#[test]
fn in_a_rescue_system_everything_about_a_vault_works_and_nothing_counts_as_proved() {
    for (hides, why) in [
        (Hides::ItsMount, "the table of mounts does not name its mount"),
        (Hides::Sys, "/sys does not say which device it is on"),
        (Hides::Proc, "the table of mounts cannot be read"),
    ] {
        let mut place = Place::new();
        let rescue = Rescue::new(&mut place, hides);
        let said = |ended: Ended| ended.says("device unknown").says(why);
        let list =
            |proved: &str| said(rescue.outlive(&place, &["vault", "list", "/vault"]).expect(0)).says(proved);
        let restore = ["restore", "--vault", "/vault", "--to", "/restored"];
        said(rescue.outlive(&place, &restore).expect(0)).says("restored and compared");
        // What diff says of two pipes is that they are pipes.
        let both = [&rescue.data, &rescue.root.join("restored")].map(|path| path.join(""));
        let compare =
            ["-aHAXnci", "--delete"].map(OsString::from).into_iter().chain(both.map(OsString::from));
        assert_eq!(tool("rsync", &compare.collect::<Vec<_>>()), "", "{hides:?}");
        for name in ["link", "below/pipe", "socket"] {
            assert_eq!(trusted(&rescue.root.join("restored").join(name)), "c", "{hides:?}: {name}");
        }
        let listed = list(" stored");
        assert!(!listed.stdout.contains("read back"), "{hides:?}: {}", listed.stdout);
        said(rescue.outlive(&place, &["verify", "/vault"]).expect(0)).says("verified");
        // Another run cannot know that it is the same place.
        let listed = list(" stored");
        assert!(!listed.stdout.contains("verified"), "{hides:?}: {}", listed.stdout);
        let outside: [&dyn AsRef<OsStr>; 3] = [&"vault", &"list", &rescue.vault()];
        let state = rescue.root.join("state");
        place.outlive_with_state(&state, &outside).end().expect(0).says("read back");
    }
}

#[test]
fn damage_that_a_rescue_system_finds_may_be_damage_of_any_place_of_the_vault() {
    let mut place = Place::new();
    let rescue = Rescue::new(&mut place, Hides::ItsMount);
    let packs = std::fs::read_dir(rescue.vault().join("packs")).unwrap();
    let pack = packs.map(|pack| pack.unwrap().path()).max().unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    rescue.outlive(&place, &["verify", "/vault"]).expect(14);
    let outside: [&dyn AsRef<OsStr>; 3] = [&"vault", &"list", &rescue.vault()];
    place.outlive_with_state(&rescue.root.join("state"), &outside).end().expect(0).says(" damaged");
}

#[test]
fn a_ledger_that_another_process_holds_keeps_nobody_from_the_data_and_no_command_waits_for_ever() {
    let place = Place::new();
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let (vault, target) = (place.path("vault"), place.path("target"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let path = place.path("state/ledger.jsonl");
    let ledger = std::fs::File::open(&path).unwrap();
    rustix::fs::flock(&ledger, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let restore: &[&dyn AsRef<OsStr>] = &[&"restore", &"--vault", &vault, &"--to", &target];
    let others: [&[&dyn AsRef<OsStr>]; 3] =
        [&[&"vault", &"list", &vault], &[&"verify", &vault], &[&"copy", &data, &"--vault", &vault]];
    // A copy that came to nothing has a code of its own.
    let codes = [1, 1, 14];
    let patience = Instant::now() + Duration::from_secs(90);
    let mut runs: Vec<_> = [restore].iter().chain(&others).map(|run| place.outlive(run).start()).collect();
    let mut late = false;
    while runs.iter_mut().any(super::run::Running::is_running) && !late {
        late = Instant::now() > patience;
        std::thread::sleep(Duration::from_millis(50));
    }
    if late {
        for run in &mut runs {
            run.signal(rustix::process::Signal::KILL);
        }
    }
    assert!(!late, "they wait for ever");
    let mut runs = runs.into_iter();
    let restored = runs.next().unwrap().end().expect(0);
    restored.says("no ledger").says("holds the lock").says("not recorded").says("restored and compared");
    assert_same(&data, &target);
    for (run, code) in runs.zip(codes) {
        let held = run.end().expect(code).complains("holds the lock of the ledger");
        held.complains(path.to_str().unwrap()).complains("fuser -v");
    }
}
