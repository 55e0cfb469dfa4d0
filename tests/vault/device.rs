//! Block devices: an image of every byte, or nothing.

use super::support::{Place, noise, run};
use crate::hand::{self, fs};
use outlive::domain::{AssetId, Consistency, Result, Silent, Volume, VolumeId, VolumeKind};
use outlive::providers::files::DeviceSource;
use outlive::vault::format::Origin;
use outlive::vault::{CopyReport, CopyRequest, Roots, copy};
use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A loop device, detached at the end.
struct Loop(PathBuf);

impl Loop {
    fn on(file: &Path) -> Self {
        Self(run("losetup", &["--find", "--show", file.to_str().unwrap()]).trim().into())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        drop(hand::output(Command::new("losetup").arg("-d").arg(&self.0)));
    }
}

fn copy_device(place: &Place, mut source: DeviceSource) -> Result<CopyReport> {
    let volume = Volume {
        id: VolumeId("test:/device".into()),
        name: "/device".into(),
        kind: VolumeKind::Device,
        asset: AssetId("device:test".into()),
    };
    let origin = Origin {
        host: "test".into(),
        path: (&b"/dev/test"[..]).into(),
        snapshot: None,
        consistency: Consistency::Live,
    };
    let clock = &chrono::Utc::now;
    let request = CopyRequest { volume: &volume, origin, taken_at: clock(), avoid: BTreeSet::new(), clock };
    copy(&place.vault, &mut source, &request, &Silent)
}

fn open(device: &Loop) -> DeviceSource {
    DeviceSource::open(&device.0, chrono::Utc::now()).unwrap()
}

#[test]
fn a_filesystem_on_a_device_comes_back_as_an_image_and_a_change_costs_what_changed() {
    let place = Place::new();
    let file = place.path("disk");
    // No multiple of a block, nor of a unit.
    fs::sparse(&file, (24 << 20) + 4096).unwrap();
    run("mkfs.ext4", &["-q", file.to_str().unwrap()]);
    let disk = hand::by_hand(|| fs::File::options().write(true).open(&file)).unwrap();
    hand::by_hand(|| disk.write_all_at(&noise(7, 3_000_000), 12 << 20)).unwrap();
    let device = Loop::on(&file);
    let first = copy_device(&place, open(&device)).unwrap();
    assert_eq!(first.root.root.totals.bytes, (24 << 20) + 4096);
    assert!(first.written_bytes < 6_000_000, "zeros were stored: {}", first.written_bytes);
    assert!(std::fs::read(place.restore("first")).unwrap() == std::fs::read(&file).unwrap());
    drop(device);
    hand::by_hand(|| disk.write_all_at(b"changed", (24 << 20) + 4000)).unwrap();
    let device = Loop::on(&file);
    let second = copy_device(&place, open(&device)).unwrap();
    assert!(second.written_bytes < 100_000, "{} bytes for seven", second.written_bytes);
    assert!(std::fs::read(place.restore("second")).unwrap() == std::fs::read(&file).unwrap());
}

#[test]
fn a_device_that_cannot_be_read_to_its_end_leaves_no_point() {
    let place = Place::new();
    let file = place.path("disk");
    fs::write(&file, noise(8, 16 << 20)).unwrap();
    let device = Loop::on(&file);
    // What the device stands on ends earlier than the device: the kernel gives an error there.
    fs::sparse(&file, 6 << 20).unwrap();
    let problem = copy_device(&place, open(&device)).unwrap_err();
    assert!(problem.what.contains("reading the block device at byte"), "{problem}");
    assert!(Roots::read(&place.vault).unwrap().sound.is_empty(), "a point of half a device");
}

#[test]
fn a_device_that_changes_its_size_leaves_no_point() {
    let place = Place::new();
    let file = place.path("disk");
    fs::write(&file, noise(9, 8 << 20)).unwrap();
    let device = Loop::on(&file);
    let source = open(&device);
    hand::by_hand(|| fs::File::options().write(true).open(&file).unwrap().set_len(9 << 20)).unwrap();
    run("losetup", &["-c", device.0.to_str().unwrap()]);
    let problem = copy_device(&place, source).unwrap_err();
    assert!(problem.what.contains("had 8388608 bytes and now has 9437184"), "{problem}");
    assert!(Roots::read(&place.vault).unwrap().sound.is_empty());
}
