//! On a real btrfs: what lies where it lay is not read, and whatever happens to a file, its bytes come back.

use super::lab::{Lab, btrfs, run};
use super::places::{copy_counted, noting};
use super::support::{Place, noise, random};
use crate::hand::{by_hand, fs};
use outlive::vault::Vault;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const BLOCK: u64 = 64 * 1024;
pub const SIZE: u64 = 24 << 20;
/// Of 24 MiB one block in 48 is read, and some were changed.
const LITTLE: u64 = 40 * BLOCK;

/// How much of a file a copy may read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reads {
    Little,
    All,
    Either,
}

/// A btrfs with a directory to copy, and a vault elsewhere.
pub struct Disk {
    lab: Lab,
    place: Place,
    vault: Vault,
    pub top: PathBuf,
    pub data: PathBuf,
    copies: u32,
}

impl Disk {
    pub fn new() -> Self {
        let mut lab = Lab::new();
        let (top, image, place) = (lab.path("top"), lab.path("top.img"), Place::new());
        let device = lab.loop_device(&image, 600);
        run("mkfs.btrfs", &["-q", device.to_str().unwrap()]);
        lab.mount(&[device.to_str().unwrap()], &top);
        let (data, vault) = (top.join("data"), noting(&place));
        btrfs(&["subvolume", "create", data.to_str().unwrap()]);
        Self { lab, place, vault, top, data, copies: 0 }
    }

    /// Copies the directory, and sees that what comes back is what is there; how much was read, and not read.
    pub fn copies(&mut self, from: &Path) -> (u64, u64) {
        let (report, read) = copy_counted(&self.vault, from, 0, None);
        assert_eq!(report.root.root.totals.unsettled, 0);
        assert!(report.untrue.is_empty(), "{:?}", report.untrue);
        self.copies += 1;
        let restored = self.place.restore(&format!("restored-{}", self.copies));
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let came_back = fs::read(restored.join(entry.file_name())).unwrap();
            assert!(came_back == fs::read(entry.path()).unwrap(), "copy {}: {:?}", self.copies, entry.path());
        }
        fs::remove_dir_all(&restored).unwrap();
        (read, report.unread_bytes)
    }

    /// Copies while somebody may write; how many files changed meanwhile.
    pub fn copies_meanwhile(&mut self) -> u64 {
        let (report, _) = copy_counted(&self.vault, &self.data, 0, None);
        assert!(report.untrue.is_empty(), "{:?}", report.untrue);
        report.root.root.totals.unsettled
    }

    #[track_caller]
    fn expect(&mut self, reads: Reads, what: &str) {
        let data = self.data.clone();
        let (read, unread) = self.copies(&data);
        match reads {
            Reads::Little => {
                assert!(read <= LITTLE && unread > SIZE / 2, "{what}: {read} read, {unread} not")
            }
            Reads::All => assert!(unread == 0 && read >= SIZE / 2, "{what}: {read} read, {unread} not"),
            Reads::Either => {}
        }
    }

    fn image(&self) -> PathBuf {
        self.data.join("image")
    }
}

pub fn write_at(file: &Path, at: u64, bytes: &[u8]) {
    by_hand(|| fs::File::options().write(true).open(file)?.write_all_at(bytes, at)).unwrap();
}

fn io(file: &Path, command: &str) {
    run("xfs_io", &["-c", command, file.to_str().unwrap()]);
}

fn copied() -> Disk {
    let mut disk = Disk::new();
    fs::write(disk.image(), noise(1, SIZE as usize)).unwrap();
    disk.expect(Reads::All, "the first copy");
    disk
}

#[test]
fn of_a_large_file_that_changed_a_little_little_is_read() {
    let mut disk = copied();
    let mut seed = 1;
    for night in 0..3 {
        for _ in 0..4 {
            write_at(&disk.image(), random(&mut seed) % (SIZE - 5000), &noise(random(&mut seed), 4500));
        }
        disk.expect(Reads::Little, &format!("night {night}"));
    }
    let image = disk.image();
    io(&image, "fpunch 3000000 1000000");
    disk.expect(Reads::Little, "a hole");
    io(&image, &format!("truncate {}", SIZE - 3_000_001));
    disk.expect(Reads::Little, "cut");
    io(&image, &format!("truncate {}", SIZE - 1_000_000));
    disk.expect(Reads::Little, "longer by a hole");
    write_at(&image, SIZE - 1_000_000, &noise(3, 400_000));
    disk.expect(Reads::Little, "longer by bytes");
    io(&image, &format!("reflink {} 8388608 1048576 1048576", image.display()));
    disk.expect(Reads::Little, "a part of it cloned over another");
    io(&image, "falloc 30000000 200000");
    disk.expect(Reads::Little, "set aside");
    write_at(&image, 30_000_100, &noise(4, 3000));
    disk.expect(Reads::Little, "written into what was set aside");
    write_at(&image, 30_000_100, &noise(5, 3000));
    disk.expect(Reads::Little, "and once more");
    run("xfs_io", &["-c", "mmap -rw 0 1m", "-c", "mwrite -S 0x41 5000 9000", image.to_str().unwrap()]);
    disk.expect(Reads::Little, "through memory");
}

#[test]
fn another_file_under_the_name_is_read_whole() {
    let mut disk = copied();
    fs::write(disk.data.join("other"), noise(2, SIZE as usize)).unwrap();
    disk.copies(&disk.data.clone());
    fs::rename(disk.data.join("other"), disk.image()).unwrap();
    disk.expect(Reads::All, "an old file renamed over it");
    run(
        "cp",
        &["--reflink=always", disk.image().to_str().unwrap(), disk.data.join("clone").to_str().unwrap()],
    );
    fs::rename(disk.data.join("clone"), disk.image()).unwrap();
    disk.expect(Reads::Either, "its own clone renamed over it");
}

#[test]
fn what_is_written_in_place_is_read_whole() {
    let mut disk = Disk::new();
    fs::write(disk.image(), b"").unwrap();
    run("chattr", &["+C", disk.image().to_str().unwrap()]);
    write_at(&disk.image(), 0, &noise(1, SIZE as usize));
    disk.expect(Reads::All, "the first copy");
    write_at(&disk.image(), 5_000_000, b"changed in place");
    disk.expect(Reads::All, "a file without copy on write");
}

#[test]
fn from_snapshot_to_snapshot_and_from_there_to_live_data_little_is_read() {
    let mut disk = copied();
    for number in 0..3_u64 {
        write_at(&disk.image(), number * 7_000_000, &noise(number, 9000));
        let snapshot = disk.top.join(format!("snapshot-{number}"));
        btrfs(&["subvolume", "snapshot", "-r", disk.data.to_str().unwrap(), snapshot.to_str().unwrap()]);
        write_at(&disk.image(), 1_000_000 + number, b"after the snapshot");
        let (read, unread) = disk.copies(&snapshot);
        assert!(read <= LITTLE && unread > SIZE / 2, "snapshot {number}: {read} read, {unread} not");
    }
    disk.expect(Reads::Little, "live data");
}

#[test]
fn what_the_filesystem_moved_comes_back_too() {
    let mut disk = copied();
    for turn in 0..2 {
        run("btrfs", &["filesystem", "defragment", "-f", disk.image().to_str().unwrap()]);
        write_at(&disk.image(), 9_000_000, &noise(turn, 100));
        disk.expect(Reads::Either, "defragmented");
        run("btrfs", &["balance", "start", "--full-balance", disk.top.to_str().unwrap()]);
        write_at(&disk.image(), 12_000_000, &noise(turn, 100));
        disk.expect(Reads::Either, "balanced");
    }
    write_at(&disk.image(), 100, b"x");
    disk.expect(Reads::Little, "afterwards");
}

#[test]
fn compressed_extents_are_told_apart_too() {
    let mut disk = Disk::new();
    run("mount", &["-o", "remount,compress-force=zstd", disk.top.to_str().unwrap()]);
    let text = |seed: u64| noise(seed, 3000).repeat(9000)[..SIZE as usize].to_vec();
    fs::write(disk.image(), text(1)).unwrap();
    disk.expect(Reads::All, "the first copy");
    write_at(&disk.image(), 10_000_000, &text(2)[..200_000]);
    disk.expect(Reads::Little, "a part changed");
}

#[test]
fn a_device_that_was_taken_back_to_an_older_state_is_read_whole() {
    let mut disk = copied();
    let (device, saved) =
        (run("findmnt", &["-no", "SOURCE", disk.top.to_str().unwrap()]), disk.lab.path("saved"));
    let (top, saved) = (disk.top.to_str().unwrap().to_owned(), saved.to_str().unwrap().to_owned());
    let dd = |from: &str, to: &str| {
        run("umount", &[&top]);
        let (from, to) = (format!("if={from}"), format!("of={to}"));
        run("dd", &[from.as_str(), &to, "bs=1M", "conv=fsync", "status=none"]);
        run("mount", &[&device, &top]);
    };
    dd(&device, &saved);
    disk.expect(Reads::Either, "mounted anew");
    // The same course twice, with other bytes: extents lie in the same places and have the same numbers.
    let image = disk.image();
    let course = |seed: u64| {
        for at in 0..6_u64 {
            write_at(&image, at * 4_000_000, &noise(seed + at, 300_000));
            run("sync", &["-f", &top]);
        }
    };
    course(100);
    let before = extents(&disk.image());
    disk.copies(&disk.data.clone());
    dd(&saved, &device);
    course(200);
    let after = extents(&disk.image());
    assert_eq!(before, after, "the extents differ: nothing is tested");
    disk.expect(Reads::All, "taken back");
}

#[test]
fn space_that_was_given_away_and_written_anew_is_not_taken_for_what_was_there() {
    let mut disk = Disk::new();
    let (image, top) = (disk.image(), disk.top.to_str().unwrap().to_owned());
    let sync = || drop(run("sync", &["-f", &top]));
    // Extents of their own, each of which is free again once it is written over.
    for at in 0..SIZE >> 18 {
        write_at_or_new(&image, at << 18, &noise(at, 1 << 18));
        sync();
    }
    // A full disk leaves no choice but what was free before.
    let filler = |size: u64| {
        let file = disk.top.join(format!("filler-{size}"));
        let end = fs::metadata(&file).map_or(0, |metadata| metadata.len());
        let (arguments, file) =
            ([format!("-o{end}"), format!("-l{size}M")], file.to_str().unwrap().to_owned());
        let fallocate =
            crate::hand::output(std::process::Command::new("fallocate").args(arguments).arg(file));
        fallocate.unwrap().status.success()
    };
    [64, 16, 4, 1].into_iter().for_each(|size| while filler(size) {});
    fs::remove_file(disk.top.join("filler-1")).unwrap();
    sync();
    disk.expect(Reads::All, "the first copy");
    let (before, at) = (extents(&image), 30 << 18);
    let again = (0..80).any(|seed| {
        write_at(&image, at, &noise(1000 + seed, 1 << 18));
        sync();
        seed > 0 && extents(&image) == before
    });
    assert!(again, "it never lay in the old place again: nothing is tested");
    disk.expect(Reads::Little, "other bytes in the old place");
}

fn write_at_or_new(file: &Path, at: u64, bytes: &[u8]) {
    by_hand(|| fs::File::options().append(true).create(true).open(file)?.write_all_at(bytes, at)).unwrap();
}

/// Where the extents of a file lie, as a person would look.
fn extents(file: &Path) -> String {
    let told = run("filefrag", &["-v", file.to_str().unwrap()]);
    told.lines().filter(|line| line.contains("..")).collect::<Vec<_>>().join("\n")
}
