//! What the writer writes its own readers take.

use super::support::{Place, copy_into, noise, run};
use crate::hand::{self, fs};
use outlive::domain::Silent;
use outlive::vault::verify;
use std::os::unix::ffi::OsStrExt;

/// A filesystem that takes large attributes, on a loop device; taken down when dropped.
struct Xfs(std::path::PathBuf);

impl Xfs {
    fn new(place: &Place) -> Self {
        let (image, mount) = (place.path("xfs.img"), place.path("xfs"));
        run("truncate", &["-s", "400M", image.to_str().unwrap()]);
        run("mkfs.xfs", &["-q", image.to_str().unwrap()]);
        fs::create_dir(&mount).unwrap();
        run("mount", &["-o", "loop", image.to_str().unwrap(), mount.to_str().unwrap()]);
        Self(mount)
    }
}

impl Drop for Xfs {
    fn drop(&mut self) {
        drop(hand::output(std::process::Command::new("umount").arg(&self.0)));
    }
}

#[test]
fn attributes_larger_than_the_format_stores_make_a_point_incomplete_and_not_unreadable() {
    let place = Place::new();
    let xfs = Xfs::new(&place);
    let data = xfs.0.join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("heavy"), b"content").unwrap();
    fs::write(data.join("light"), b"content").unwrap();
    let value = noise(1, 60_000);
    let file = fs::File::open(data.join("heavy")).unwrap();
    for number in 0..40 {
        rustix::fs::fsetxattr(&file, format!("user.{number}"), &value, rustix::fs::XattrFlags::empty())
            .unwrap();
    }
    let report = copy_into(&place.vault, &data, &Silent).unwrap();
    assert_eq!(report.root.root.totals.missed, 1, "{:?}", report.root.root.missed);
    assert!(report.root.root.missed[0].because.contains("extended attributes"));
    assert_eq!(verify(&place.vault, &[], &Silent).unwrap().damage, []);
    let restored = place.restore("restored");
    assert_eq!(fs::read(restored.join("heavy")).unwrap(), b"content");
}

#[test]
fn sizes_that_add_up_to_more_than_can_be_counted_do_no_harm() {
    let place = Place::new();
    let xfs = Xfs::new(&place);
    let data = xfs.0.join("data");
    fs::create_dir(&data).unwrap();
    for name in ["a", "b", "c"] {
        fs::sparse(data.join(name), (1 << 63) - 1).unwrap();
    }
    let report = copy_into(&place.vault, &data, &Silent).unwrap();
    assert_eq!(report.root.root.totals.bytes, u64::MAX);
    assert_eq!(verify(&place.vault, &[], &Silent).unwrap().damage, []);
}

#[test]
fn sizes_around_blocks_and_units_come_back() {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    for size in [0, 1, 4095, 4096, 65_535, 65_536, 65_537, 524_287, 524_288, 524_289, 1_048_576, 1_048_577] {
        fs::write(data.join(size.to_string()), noise(size as u64, size)).unwrap();
        let mut zeros = vec![0; size];
        if let Some(last) = zeros.last_mut() {
            *last = 7;
        }
        fs::write(data.join(format!("zeros {size}")), zeros).unwrap();
    }
    for name in ["one", "two"] {
        place.copy(&data);
        super::support::assert_same(&data, &place.restore(name));
    }
}

#[test]
fn names_that_differ_only_in_their_bytes_stay_apart() {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    for name in
        [&b"\xc3\xa9"[..], b"e\xcc\x81", b"\xe9", b"\\xe9", b"a/b".split(|b| *b == b'/').next().unwrap()]
    {
        fs::write(data.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    place.copy(&data);
    super::support::assert_same(&data, &place.restore("restored"));
}
