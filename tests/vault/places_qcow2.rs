//! Images with a bitmap of what the guest wrote, made and written to by QEMU: what it calls clean is not read.

use super::lab::run;
use super::places::{copy_counted, noting};
use super::support::{Place, random};
use crate::hand::fs;
use outlive::vault::Vault;
use std::path::PathBuf;

const MIB: u64 = 1 << 20;

/// An image of 24 MiB of data in a directory, with a bitmap, copied once.
struct Image {
    place: Place,
    vault: Vault,
    data: PathBuf,
    copies: u32,
}

impl Image {
    fn copied() -> Self {
        let place = Place::new();
        let (data, vault) = (place.path("data"), noting(&place));
        fs::create_dir(&data).unwrap();
        let mut image = Self { place, vault, data, copies: 0 };
        let name = image.path();
        run("qemu-img", &["create", "-q", "-f", "qcow2", &name, "64M"]);
        for mib in 0..24 {
            image.write(mib, MIB * mib, MIB);
        }
        image.img(&["bitmap", "--add", "-g", "65536", &name, "outlive-1"]);
        let (read, unread) = image.copy();
        assert!(unread == 0 && read > 24 * MIB);
        image
    }

    fn path(&self) -> String {
        self.data.join("disk.qcow2").to_str().unwrap().to_owned()
    }

    fn img(&self, arguments: &[&str]) {
        run("qemu-img", arguments);
    }

    /// Writes one byte again and again, as a guest would.
    fn write(&self, byte: u64, at: u64, length: u64) {
        let command = format!("write -q -P {} {at} {length}", byte % 255 + 1);
        run("qemu-io", &["-f", "qcow2", "-c", &command, &self.path()]);
    }

    /// Copies, and sees that the image comes back; how much was read, and not read.
    fn copy(&mut self) -> (u64, u64) {
        let (report, read) = copy_counted(&self.vault, &self.data, 0, None);
        assert!(report.untrue.is_empty(), "{:?}", report.untrue);
        self.copies += 1;
        let restored = self.place.restore(&format!("restored-{}", self.copies));
        assert!(fs::read(restored.join("disk.qcow2")).unwrap() == fs::read(self.path()).unwrap());
        fs::remove_dir_all(&restored).unwrap();
        (read, report.unread_bytes)
    }

    #[track_caller]
    fn reads_little(&mut self) {
        let (read, unread) = self.copy();
        assert!(read < 6 * MIB && unread > 18 * MIB, "{read} read, {unread} not");
    }

    #[track_caller]
    fn reads_all(&mut self) {
        let (read, unread) = self.copy();
        assert!(read > 24 * MIB && unread == 0, "{read} read, {unread} not");
    }
}

#[test]
fn what_the_guest_did_not_write_is_not_read() {
    let mut image = Image::copied();
    image.write(77, 10 * MIB + 5120, 100 * 1024);
    image.reads_little();
    image.write(78, 30 * MIB, 300 * 1024);
    image.reads_little();
    run("qemu-io", &["-f", "qcow2", "-c", "discard -q 4M 256k", "-c", "write -q -z 6M 128k", &image.path()]);
    image.reads_little();
}

#[test]
fn a_bitmap_that_began_anew_is_not_believed() {
    let mut image = Image::copied();
    image.write(77, 10 * MIB, MIB);
    image.reads_little();
    image.write(78, 12 * MIB, MIB);
    image.img(&["bitmap", "--clear", &image.path(), "outlive-1"]);
    image.write(79, 14 * MIB, MIB);
    image.reads_all();
    image.img(&["bitmap", "--remove", &image.path(), "outlive-1"]);
    image.write(80, 15 * MIB, MIB);
    image.img(&["bitmap", "--add", "-g", "65536", &image.path(), "outlive-2"]);
    image.reads_all();
    image.write(81, 16 * MIB, MIB);
    image.reads_little();
}

#[test]
fn an_image_that_was_left_open_is_read_whole() {
    let mut image = Image::copied();
    let path = image.path();
    let mut killed = std::process::Command::new("qemu-io");
    killed.args(["-f", "qcow2", "-c", "write -q -P 9 1M 64k", "-c", "abort", &path]);
    assert!(!crate::hand::output(&mut killed).unwrap().status.success());
    image.reads_all();
}

#[test]
fn whatever_the_guest_writes_comes_back() {
    let mut image = Image::copied();
    let mut seed = 5;
    for _ in 0..6 {
        for _ in 0..1 + random(&mut seed) % 4 {
            let (at, length) =
                (random(&mut seed) % (60 * MIB) / 512 * 512, (1 + random(&mut seed) % 600) * 512);
            image.write(random(&mut seed), at, length);
        }
        image.copy();
    }
}
