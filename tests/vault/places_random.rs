//! Random writing on a real btrfs, and after each time a copy: every byte comes back.

use super::lab::{btrfs, run};
use super::places_btrfs::{Disk, SIZE, write_at};
use super::support::{noise, random, seed_or};
use crate::hand::fs;
use std::path::PathBuf;

/// Does something to one of the files.
fn disturb(disk: &Disk, seed: &mut u64) {
    let files: Vec<PathBuf> = (0..3).map(|number| disk.data.join(format!("file-{number}"))).collect();
    let file = &files[(random(seed) % 3) as usize];
    let length = fs::metadata(file).map_or(0, |metadata| metadata.len());
    let (at, size) = (random(seed) % length.max(1), 1 + random(seed) % 150_000);
    let (aligned, many) = (at / 4096 * 4096, (size / 4096 + 1) * 4096);
    let io = |command: String| drop(run("xfs_io", &["-c", &command, file.to_str().unwrap()]));
    let other = &files[(random(seed) % 3) as usize];
    match random(seed) % 12 {
        0..=4 => write_at(file, at, &noise(random(seed), size as usize)),
        5 => write_at(file, at, &vec![0; size as usize]),
        6 => io(format!("fpunch {at} {size}")),
        7 => io(format!("truncate {}", SIZE / 2 + at / 2)),
        8 => io(format!("falloc {at} {size}")),
        9 if aligned + many < length
            && other != file
            && fs::metadata(other).unwrap().len() > aligned + many =>
        {
            io(format!("reflink {} {aligned} {aligned} {many}", other.display()));
        }
        10 if other != file => fs::rename(file, disk.data.join("moved"))
            .and_then(|()| fs::rename(other, file))
            .and_then(|()| fs::rename(disk.data.join("moved"), other))
            .unwrap(),
        _ => drop(run("sync", &["-f", disk.top.to_str().unwrap()])),
    }
}

#[test]
fn whatever_is_written_between_copies_comes_back() {
    let (mut seed, is_campaign) = seed_or(20_270);
    println!("OUTLIVE_SEED={seed}");
    for _ in 0..if is_campaign { 20 } else { 1 } {
        let mut disk = Disk::new();
        for number in 0..3 {
            let bytes = noise(random(&mut seed), SIZE as usize * 2 / 3);
            fs::write(disk.data.join(format!("file-{number}")), bytes).unwrap();
        }
        let mut unread = 0;
        for night in 0..if is_campaign { 60 } else { 12 } {
            (0..1 + random(&mut seed) % 12).for_each(|_| disturb(&disk, &mut seed));
            let from = match random(&mut seed) % 3 {
                0 => {
                    let at = disk.top.join(format!("at-{night}"));
                    btrfs(&[
                        "subvolume",
                        "snapshot",
                        "-r",
                        disk.data.to_str().unwrap(),
                        at.to_str().unwrap(),
                    ]);
                    at
                }
                _ => disk.data.clone(),
            };
            unread += disk.copies(&from).1;
            if from != disk.data {
                btrfs(&["subvolume", "delete", from.to_str().unwrap()]);
            }
        }
        assert!(unread > SIZE, "only {unread} bytes were not read: nothing is tested");
    }
}

#[test]
fn what_is_written_while_copies_are_made_comes_back_from_the_next() {
    let (mut seed, is_campaign) = seed_or(20_271);
    println!("OUTLIVE_SEED={seed}");
    let mut disk = Disk::new();
    let file = disk.data.join("file");
    fs::write(&file, noise(random(&mut seed), SIZE as usize)).unwrap();
    let (mut unread, mut unsettled) = (0, 0);
    for _ in 0..if is_campaign { 100 } else { 6 } {
        // After a copy during which it changed, all is read.
        disk.copies(&disk.data.clone());
        write_at(&file, random(&mut seed) % (SIZE - 70_000), b"a little");
        unread += disk.copies(&disk.data.clone()).1;
        let (mut writing, file) = (seed, file.clone());
        random(&mut seed);
        // While the second of these copies is made, the writer comes to its end.
        let writer = std::thread::spawn(move || {
            for _ in 0..60 {
                let at = random(&mut writing) % (SIZE - 70_000);
                write_at(&file, at, &noise(random(&mut writing), 1 + (at % 60_000) as usize));
                std::thread::sleep(std::time::Duration::from_millis(random(&mut writing) % 10));
            }
        });
        while !writer.is_finished() {
            unsettled += disk.copies_meanwhile();
        }
        writer.join().unwrap();
    }
    assert!(
        unread > SIZE && unsettled > 0,
        "{unread} bytes not read, {unsettled} copies while it was written to"
    );
}
