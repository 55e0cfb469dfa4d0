//! `outlive rehearse`: the whole job once, and nothing left behind.

use super::place::{Place, assert_same, chmod, names, tool};
use rustix::process::Signal;
use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Nothing is mounted, attached to a loop device or lying about below `directory`.
#[track_caller]
fn assert_nothing_left(directory: &Path) {
    assert_eq!(names(directory), Vec::<OsString>::new(), "scratch space was left");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(directory.to_str().unwrap()), "something is still mounted");
    let loops = tool("losetup", &["--list", "--noheadings", "--output", "BACK-FILE"]);
    assert!(!loops.contains(directory.to_str().unwrap()), "a loop device is still attached: {loops}");
}

#[test]
fn a_rehearsal_shows_flag_loss_copy_identity_and_times_and_leaves_nothing() {
    let place = Place::new();
    let ended = place.outlive(&[&"rehearse"]).end().expect(0).says("The rehearsal succeeded.");
    let ended = ended.says("btrfs on a loop device").says("IDENTICAL").says("Times: make ").says("restore ");
    let ended =
        ended.says("is deleted, with the data and every snapshot in it").says("verified: recovery point");
    let flag = ended.stdout.split("2. Flag").nth(1).unwrap().split("3. Copy").next().unwrap();
    assert!(flag.contains("ONE ACT, EVERY RECOVERY POINT") && flag.contains("3 of 3"), "no flag: {flag}");
    let row = ended.stdout.lines().find(|line| line.contains('\u{25b6}')).unwrap();
    assert!(row.contains("NONE") && row.contains("verified"), "{row}");
    assert_nothing_left(&place.path("tmp"));
    assert!(!place.path("state").exists(), "a rehearsal is no part of the user's ledger");
}

#[test]
fn an_ordinary_user_rehearses_with_plain_directories_and_is_told_why() {
    let place = Place::new();
    let ended = place.outlive_as_nobody(&[&"rehearse"]).end().expect(0);
    ended.says("plain directories (only root may mount a loop device)").says("IDENTICAL");
    assert_nothing_left(&place.path("tmp"));
}

#[test]
fn without_mkfs_a_rehearsal_falls_back_to_plain_directories_and_says_why() {
    let place = Place::new();
    let few = place.directory("few");
    ["cp", "mount", "umount"].iter().for_each(|name| {
        symlink(tool("which", &[name]).trim_end(), few.join(name)).unwrap();
    });
    let ended = place.outlive(&[&"rehearse"]).environment("PATH", &few).end().expect(0);
    ended.says("plain directories (mkfs.btrfs is not installed)").says("IDENTICAL");
    assert_nothing_left(&place.path("tmp"));
}

#[test]
fn where_a_mount_is_refused_a_rehearsal_falls_back_and_leaves_nothing() {
    let place = Place::new();
    let ended = place.outlive(&[&"rehearse"]).inject("mount:error=EPERM").end().expect(0);
    ended.says("plain directories (mount failed:").says("IDENTICAL");
    assert_nothing_left(&place.path("tmp"));
}

#[test]
fn the_documentation_of_this_machine_is_rehearsed_and_only_read() {
    let place = Place::new();
    let (original, scratch) = (Path::new("/usr/share/doc"), place.directory("scratch"));
    let listing = |directory: &Path| {
        tool("find", &[directory.to_str().unwrap(), "-printf", "%p %y %m %U %G %s %T@ %C@ %i %l\n"])
    };
    let before = listing(original);
    let ended = place.outlive(&[&"rehearse", &original, &"--keep", &"--scratch", &scratch]).end().expect(0);
    ended.says("IDENTICAL").says("your data was only read").says("Kept as asked:");
    assert!(before == listing(original), "the original was changed");
    let kept = scratch.join(&names(&scratch)[0]);
    assert_same(original, &kept.join("restored"));
}

#[test]
fn a_rehearsal_that_is_interrupted_cleans_up() {
    let place = Place::new();
    let waits = ["mount(", "SNAP_CREATE", "vault.json", "roots"];
    for wait in waits {
        let mut running = place.outlive(&[&"rehearse"]).start();
        running.wait_for(wait);
        let hit = running.signal(Signal::INT);
        let ended = running.end();
        println!("{wait}: {:?}\n{}{}", ended.code, ended.stdout, ended.stderr);
        assert!(hit, "the interrupt after {wait} came too late");
        assert_nothing_left(&place.path("tmp"));
        // Past the copy there is little that could stop: then it simply ends well.
        assert!([Some(12), Some(0)].contains(&ended.code), "{wait}: {:?} {}", ended.code, ended.stderr);
        if ended.code == Some(12) {
            ended.complains("stopped as asked");
        }
    }
}

#[test]
fn a_rehearsal_with_unreadable_data_fails_and_says_what_could_not_be_read() {
    let place = Place::new();
    chmod(&place.file("data/secret", "s"), 0o600);
    place.file("data/open", "o");
    let ended = place.outlive_as_nobody(&[&"rehearse", &place.path("data")]).end().expect(12);
    ended.complains("incomplete").complains("secret").complains("to do: ");
    assert_nothing_left(&place.path("tmp"));
}

#[test]
fn an_interrupt_at_any_moment_of_the_making_leaves_nothing() {
    let place = Place::new();
    for delay in [0, 100, 300, 500] {
        let mut running = place.outlive(&[&"rehearse"]).start();
        running.wait_for("orders.db");
        std::thread::sleep(std::time::Duration::from_millis(delay));
        assert!(running.signal(Signal::INT), "the interrupt after {delay} ms came too late");
        running.end().expect(12).complains("stopped as asked");
        assert_nothing_left(&place.path("tmp"));
    }
}

#[test]
fn what_a_killed_rehearsal_left_is_named_by_the_next_with_the_commands_that_remove_it() {
    let place = Place::new();
    let mut running = place.outlive(&[&"rehearse"]).start();
    running.wait_for("SNAP_CREATE");
    assert!(running.signal(Signal::KILL));
    running.end();
    let data = place.file("data/file", "bytes").parent().unwrap().to_path_buf();
    let ended = place.outlive(&[&"rehearse", &data, &"--format", &"json"]).end().expect(0);
    let json = ended.json("rehearse");
    let left = json["left"][0].as_str().unwrap();
    let commands = left.split("to remove it: ").nth(1).unwrap();
    assert!(commands.starts_with("umount ") && commands.contains("; rm -r /"), "{left}");
    tool("sh", &["-e", "-c", commands]);
    assert_nothing_left(&place.path("tmp"));
}

#[test]
fn what_cannot_be_unmounted_is_named_with_the_command() {
    let place = Place::new();
    let run = place.outlive(&[&"rehearse", &"--keep"]).inject("umount2:error=EBUSY");
    let ended = run.end().expect(12).complains("umount /").complains("Kept as asked: ");
    let commands = ended.stderr.split("to remove it: ").nth(1).unwrap().trim();
    tool("sh", &["-e", "-c", commands]);
    assert_nothing_left(&place.path("tmp"));
}
