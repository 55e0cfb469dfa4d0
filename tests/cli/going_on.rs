//! A restore that was killed goes on: what is there is not fetched again, and nothing that is not zero is written over.

use super::killing::seed;
use super::place::{Place, chmod, names, noise, tool};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Large and small files, holes, hard links, attributes, modes that forbid writing, and things that are no files.
fn make_data(place: &Place) -> PathBuf {
    let data = place.path("data");
    for number in 0..6_u64 {
        place.file(&format!("data/large/{number}"), noise(number + 1, 9_000_000));
    }
    for number in 0..150_u64 {
        place.file(&format!("data/small/{number}"), noise(number + 1000, 3_000 + number as usize));
    }
    let holes = fs::File::create_new(data.join("large/holes")).unwrap();
    holes.set_len(40_000_000).unwrap();
    holes.write_all_at(&noise(7, 300_000), 20_000_001).unwrap();
    place.file("data/empty", "");
    place.directory("data/no/files/here");
    for (from, to) in [("large/0", "other"), ("small/3", "no/files/other"), ("large/holes", "z")] {
        fs::hard_link(data.join(from), data.join(to)).unwrap();
    }
    symlink("large/0", data.join("link")).unwrap();
    tool("mkfifo", &[data.join("pipe")]);
    for path in ["large/1", "small", "no"] {
        tool("setfattr", &["-n", "user.a", "-v", "b", data.join(path).to_str().unwrap()]);
    }
    chmod(&data.join("large/2"), 0o400);
    chmod(&data.join("small"), 0o555);
    for path in ["no/files", "small", ""] {
        tool("touch", &["-d", "2001-02-03 04:05:06.789", data.join(path).to_str().unwrap()]);
    }
    data
}

/// The same for all that rsync can tell; diff takes two pipes for different.
#[track_caller]
fn same(original: &Path, restored: &Path) {
    let with_slash = |path: &Path| format!("{}/", path.display());
    let said = tool("rsync", &["-aHAXnci", "--delete", &with_slash(original), &with_slash(restored)]);
    assert_eq!(said, "", "rsync sees differences");
}

#[allow(clippy::ptr_arg, reason = "an unsized path is no argument")]
fn restore<'a>(vault: &'a PathBuf, to: &'a PathBuf) -> [&'a dyn AsRef<OsStr>; 5] {
    [&"restore", &"--vault", vault, &"--to", to]
}

fn note_of(target: &Path) -> PathBuf {
    target.with_file_name(format!(".{}.outlive-restore", target.file_name().unwrap().to_str().unwrap()))
}

/// Kills a restore after this time; true where that was in its midst.
fn kill_after(place: &Place, vault: &PathBuf, to: &PathBuf, moment: Duration) -> bool {
    let mut running = place.outlive(&restore(vault, to)).start();
    running.process();
    std::thread::sleep(moment);
    let was_running = running.signal(Signal::KILL);
    let ended = running.end();
    was_running && ended.code.is_none() && to.exists()
}

/// Kills restores of this at random moments, and lets the next one finish each.
#[allow(clippy::print_stdout, reason = "seeds are printed")]
fn killed_and_finished(place: &Place, data: &Path, name: &str, rounds: usize, is_same: &dyn Fn(&Path)) {
    let (vault, seed) = (place.path(name), seed());
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    // The first one is slower than those after it, which find the vault in memory: the moments are of the faster.
    let undisturbed = |number| {
        let (to, began) = (place.path(&format!("{name}-undisturbed-{number}")), Instant::now());
        place.outlive(&restore(&vault, &to)).end().expect(0);
        began.elapsed()
    };
    let usual = (0..3).map(undisturbed).min().unwrap();
    println!("seed {seed}; an undisturbed restore takes {usual:?}");
    let mut hits = 0;
    for (round, moment) in noise(seed, rounds * 8 * 8).chunks(8).enumerate() {
        // Where all came too early or too late, more of them do not.
        if round >= rounds && hits > 0 {
            break;
        }
        let share = u64::from_le_bytes(moment.try_into().unwrap()) as f64 / u64::MAX as f64;
        let to = place.path(&format!("{name}-{round}"));
        let mut hit = kill_after(place, &vault, &to, usual.mul_f64(share));
        // Also one that goes on may be killed.
        hit |= round % 3 == 0 && kill_after(place, &vault, &to, usual.mul_f64(share / 2.0));
        let is_done = fs::read_to_string(note_of(&to)).is_ok_and(|note| note.contains("\"finished\""));
        if !is_done {
            let ended = place.outlive(&[&restore(&vault, &to)[..], &[&"--format", &"json"]].concat()).end();
            let done = ended.expect(0).json("restore");
            assert_eq!(done["compared"], true);
            println!("round {round}: killed after {share:.3}, hit: {hit}, kept {}", done["kept_bytes"]);
        }
        is_same(&to);
        hits += usize::from(hit && !is_done);
        let removed = if to.is_dir() { fs::remove_dir_all(&to) } else { fs::remove_file(&to) };
        removed.unwrap();
    }
    println!("{hits} kills hit a restore in its midst");
    assert!(hits > 0, "no kill hit a restore in its midst: nothing was tested (seed {seed})");
}

fn rounds() -> usize {
    if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 50 } else { 6 }
}

#[test]
fn a_restore_of_a_tree_killed_at_any_moment_is_finished_by_the_next() {
    let place = Place::new();
    let data = make_data(&place);
    killed_and_finished(&place, &data, "tree", rounds(), &|to| same(&data, to));
}

#[test]
fn a_restore_of_an_image_killed_at_any_moment_is_finished_by_the_next() {
    let place = Place::new();
    let mut bytes = noise(3, 40_000_000);
    bytes[10_000_000..25_000_000].fill(0);
    let image = place.file("disk.img", &bytes);
    killed_and_finished(&place, &image, "image", rounds(), &|to| {
        assert!(fs::read(to).unwrap() == bytes, "{} has other bytes", to.display());
    });
}

/// A restore that was killed once some of it was there.
fn stopped(place: &Place, vault: &PathBuf, to: &PathBuf) {
    let mut running = place.outlive(&restore(vault, to)).inject("pwrite64:delay_enter=30000").start();
    let written = |to: &Path| fs::metadata(to.join("large/0")).is_ok_and(|file| file.len() > 0);
    while !written(to) {
        assert!(running.is_running(), "the restore was too fast to be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(running.signal(Signal::KILL));
    running.end();
}

#[test]
fn what_is_there_already_is_not_fetched_again() {
    let place = Place::new();
    let (data, vault, to) = (make_data(&place), place.path("vault"), place.path("to"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    place.outlive(&restore(&vault, &to)).end().expect(0);
    // As if it had been killed before it was compared.
    let note = fs::read_to_string(note_of(&to)).unwrap();
    fs::write(note_of(&to), note.replace("{\"state\":\"finished\"}", "")).unwrap();
    let ended = place.outlive(&restore(&vault, &to)).end().expect(0).says("were there from a restore");
    let packs =
        ended.log.lines().filter(|line| line.contains("pread64(") && line.contains("/packs/")).count();
    assert_eq!(packs, 0, "packs were read");
    same(&data, &to);
}

#[test]
fn a_restore_does_not_go_on_among_what_is_not_of_the_point_and_says_what_that_is() {
    let place = Place::new();
    let (data, vault) = (make_data(&place), place.path("vault"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let to = place.path("to");
    stopped(&place, &vault, &to);
    let refused = |stranger: &str, why: &str| {
        let before = tool("find", &[to.to_str().unwrap(), "-printf", "%P %y %m %s %T@ %C@ %l\n"]);
        let ended = place.outlive(&restore(&vault, &to)).end().expect(2);
        ended.complains(why).complains(stranger).complains("nothing is overwritten");
        let after = tool("find", &[to.to_str().unwrap(), "-printf", "%P %y %m %s %T@ %C@ %l\n"]);
        assert_eq!(before, after, "{stranger}");
    };
    for stranger in ["aaa", "large/0a", "large/.hidden", "zzz"] {
        place.file(&format!("to/{stranger}"), "mine");
        refused(stranger, "is not of the recovery point");
        fs::remove_file(to.join(stranger)).unwrap();
    }
    fs::create_dir(to.join("link")).unwrap();
    refused("link", "is something else than in the recovery point");
    fs::remove_dir(to.join("link")).unwrap();
    // Somebody's bytes where the point has others.
    let path = to.join("large/0");
    fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"mine", 8_999_000).unwrap();
    let ended = place.outlive(&restore(&vault, &to)).end().expect(2);
    ended.complains("holds other bytes than the recovery point").complains("large/0");
    let mut there = [0; 4];
    fs::File::open(&path).unwrap().read_exact_at(&mut there, 8_999_000).unwrap();
    assert_eq!(&there, b"mine");
}

#[test]
fn another_point_another_part_and_a_target_without_a_note_are_refused() {
    let place = Place::new();
    let (data, vault, to) = (make_data(&place), place.path("vault"), place.path("to"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    stopped(&place, &vault, &to);
    let part = [&restore(&vault, &to)[..], &[&"--only", &"small"]].concat();
    place.outlive(&part).end().expect(2).complains("an unfinished restore of another part");
    let other = place.path("other");
    place.outlive(&[&"copy", &data, &"--vault", &other]).end().expect(0);
    place.outlive(&restore(&other, &to)).end().expect(2).complains("an unfinished restore of another vault");
    place.file("data/new", "x");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    place.outlive(&restore(&vault, &to)).end().expect(2).complains("restore of another recovery point");
    fs::rename(note_of(&to), place.path("note")).unwrap();
    place.outlive(&restore(&vault, &to)).end().expect(2).complains("not empty");
    // The note of another directory of that name does not vouch for this one.
    fs::rename(place.path("note"), note_of(&to)).unwrap();
    fs::rename(&to, place.path("moved")).unwrap();
    place.file("to/large/0", noise(1, 9_000_000));
    fs::remove_file(data.join("new")).unwrap();
    let first = names(&vault.join("roots"));
    assert_eq!(first.len(), 2);
    let listed = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().expect(0);
    let point = listed.json("vault-list")["points"][0]["id"].as_str().unwrap().to_owned();
    let named = [&restore(&vault, &to)[..], &[&"--point", &point]].concat();
    place.outlive(&named).end().expect(2).complains("something else than the stopped restore made");
}

#[test]
fn two_restores_into_one_target_are_not_at_work_at_once() {
    let place = Place::new();
    let (data, vault, to) = (make_data(&place), place.path("vault"), place.path("to"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let mut running = place.outlive(&restore(&vault, &to)).inject("pwrite64:delay_enter=20000").start();
    running.wait_for(".to.outlive-restore");
    while !to.join("empty").exists() {
        assert!(running.is_running(), "the restore was too fast");
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = place.outlive(&restore(&vault, &to)).end().expect(2);
    second.complains("another restore into this target is at work");
    running.end().expect(0).says("restored and compared");
    same(&data, &to);
}

#[test]
fn where_no_note_can_be_kept_it_is_restored_all_the_same_and_said() {
    let mut place = Place::new();
    let (data, vault) = (make_data(&place), place.path("vault"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let above = place.tmpfs("above", "1m");
    let to = above.join("to");
    place.mount(&[&"-t", &"tmpfs", &"tmpfs"], &to);
    tool("mount", &["-o", "remount,ro", above.to_str().unwrap()]);
    place.outlive(&restore(&vault, &to)).end().expect(0).says("no note could be kept beside the target");
    same(&data, &to);
}
