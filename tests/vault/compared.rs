//! A restored target is compared with what was written to it, and every byte that differs is found.

use super::support::{Place, noise};
use crate::hand::{by_hand, fs};
use outlive::domain::{Kind, Silent};
use outlive::vault::{Restored, Roots, Written, restore};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

const LARGE: usize = 21_000_000;

/// Files before and after a large one with holes, some of them empty or without content.
fn copied() -> Place {
    let place = Place::new();
    let top = place.path("original");
    fs::create_dir_all(top.join("sub")).unwrap();
    fs::write(top.join("a empty"), "").unwrap();
    for number in 0..40 {
        fs::write(top.join(format!("b {number:02}")), noise(number, 3_000 + number as usize)).unwrap();
    }
    fs::sparse(top.join("c hole"), 1_000_000).unwrap();
    fs::sparse(top.join("d large"), LARGE as u64 + 4_000_000).unwrap();
    let large = by_hand(|| File::options().write(true).open(top.join("d large")).unwrap());
    // The same block at several places, and a hole in the middle.
    for at in [0, 65_536, 4_000_000, 12_000_000] {
        large.write_all_at(&noise(7, 65_536), at).unwrap();
    }
    large.write_all_at(&noise(8, 9_000_000), 12_100_000).unwrap();
    for number in 0..40 {
        fs::write(top.join(format!("sub/{number:02}")), noise(99 - number, 3_000)).unwrap();
    }
    fs::hard_link(top.join("d large"), top.join("z again")).unwrap();
    place.copy(&top);
    place
}

fn restored(place: &Place, target: &Path) -> Restored<Written> {
    let roots = Roots::read(&place.vault).unwrap();
    restore(&place.vault, &roots.sound[0], target, Default::default(), &Silent).unwrap()
}

/// Changes one bit of a file, and nothing else that shows.
fn flip(file: &Path, at: u64) {
    let before = file.metadata().unwrap();
    let open = by_hand(|| File::options().read(true).write(true).open(file).unwrap());
    let mut byte = [0];
    open.read_exact_at(&mut byte, at).unwrap();
    open.write_all_at(&[byte[0] ^ 1], at).unwrap();
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: time(before.atime(), before.atime_nsec()),
        last_modification: time(before.mtime(), before.mtime_nsec()),
    };
    utimensat(CWD, file, &times, AtFlags::empty()).unwrap();
}

#[test]
fn what_is_as_it_was_written_passes_twice() {
    let place = copied();
    let verified = restored(&place, &place.path("target")).verify(&place.vault, &Silent).unwrap();
    verified.compare_again(&place.vault, &Silent).unwrap();
}

#[test]
fn one_bit_anywhere_is_found_and_its_file_named() {
    let place = copied();
    let end = LARGE as u64;
    let bits = [
        ("b 00", 0),
        ("b 39", 3_038),
        ("c hole", 500_000),
        ("d large", 0),
        ("d large", 65_536 + 17),
        ("d large", 6_000_000),
        ("d large", 12_065_535),
        ("d large", end),
        ("d large", end + 3_999_999),
        ("sub/00", 5),
        ("sub/39", 2_999),
    ];
    for (number, (name, at)) in bits.into_iter().enumerate() {
        let target = place.path(&format!("target {number}"));
        let written = restored(&place, &target);
        flip(&target.join(name), at);
        let problem = written.verify(&place.vault, &Silent).expect_err(name).problem;
        assert_eq!(problem.kind, Kind::Damaged, "{name} {at}: {problem}");
        let told = problem.to_string();
        assert!(told.contains(name) && told.contains("other bytes at"), "{name} {at}: {told}");
    }
}
