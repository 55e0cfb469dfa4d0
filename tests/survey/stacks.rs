//! Chains of assets down to the host, on real devices.

use crate::hand::fs;
use crate::lab::{Lab, asset, below, btrfs, chain, run, survey, volume};
use outlive::domain::AssetKind::{Device, Directory, File, Filesystem, Host, Memory, Subvolume};
use outlive::domain::{AssetId, GapReason, GapScope, Inventory, Nature, VolumeKind};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The id that a regular file has as an asset.
fn file_asset(path: &Path) -> AssetId {
    let meta = fs::metadata(path).unwrap();
    let (major, minor) = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    AssetId(format!("file:{major}:{minor}:{}", meta.ino()))
}

fn starts_with(inventory: &Inventory, from: &AssetId, kinds: &[outlive::domain::AssetKind]) {
    let chain = chain(inventory, from);
    assert_eq!(chain[..kinds.len()], *kinds, "{chain:?}");
    assert_eq!(chain.last(), Some(&Host), "{chain:?}");
}

#[test]
fn a_filesystem_on_a_loop_device_stands_on_the_backing_file_and_what_that_stands_on() {
    let mut lab = Lab::new();
    for kind in ["ext4", "xfs"] {
        let mounted = lab.filesystem(kind, kind);
        let inventory = survey(&[&mounted], &[]);
        assert_eq!(inventory.gaps, []);
        let volume = volume(&inventory, VolumeKind::Filesystem);
        starts_with(&inventory, &volume.asset, &[Filesystem, Device, File, Filesystem]);
        let device = &below(&inventory, &volume.asset)[0];
        assert_eq!(below(&inventory, device), [file_asset(&lab.path(&format!("{kind}.img")))]);
        assert!(asset(&inventory, device).bonds.is_complete(Nature::StoredOn));
    }
}

#[test]
fn a_directory_stands_on_the_filesystem_that_really_holds_it() {
    let mut lab = Lab::new();
    let mounted = lab.filesystem("ext4", "m");
    fs::create_dir_all(mounted.join("a/b")).unwrap();
    let inventory = survey(&[&mounted.join("a/b")], &[]);
    let volume = volume(&inventory, VolumeKind::Directory);
    starts_with(&inventory, &volume.asset, &[Directory, Filesystem, Device, File]);
}

#[test]
fn a_bind_mount_is_a_directory_of_the_same_filesystem() {
    let mut lab = Lab::new();
    let mounted = lab.filesystem("ext4", "m");
    let inner = mounted.join("inner");
    fs::create_dir(&inner).unwrap();
    let bound = lab.path("bound");
    lab.mount(&["--bind", inner.to_str().unwrap()], &bound);
    let by_bind = survey(&[&bound], &[]);
    let direct = survey(&[&inner], &[]);
    let seen = volume(&by_bind, VolumeKind::Directory);
    assert_eq!(seen.asset, volume(&direct, VolumeKind::Directory).asset);
    assert_eq!(below(&by_bind, &seen.asset), below(&direct, &seen.asset));
}

#[test]
fn a_loop_device_on_a_loop_device_is_followed_to_the_bottom() {
    let mut lab = Lab::new();
    let outer = lab.filesystem("ext4", "outer");
    let device = lab.loop_device(&outer.join("inner.img"), 64);
    run("mkfs.ext4", &[OsStr::new("-q"), device.as_os_str()]);
    let inner = lab.path("inner");
    lab.mount(&[device.to_str().unwrap()], &inner);
    let inventory = survey(&[&inner], &[]);
    let volume = volume(&inventory, VolumeKind::Filesystem);
    let expected = [Filesystem, Device, File, Filesystem, Device, File, Filesystem];
    starts_with(&inventory, &volume.asset, &expected);
}

#[test]
fn a_removed_backing_file_is_a_gap() {
    let mut lab = Lab::new();
    let mounted = lab.filesystem("ext4", "m");
    fs::remove_file(lab.path("m.img")).unwrap();
    let inventory = survey(&[&mounted], &[]);
    let volume = volume(&inventory, VolumeKind::Filesystem);
    let device = &below(&inventory, &volume.asset)[0];
    assert_eq!(inventory.gaps.len(), 1, "{:?}", inventory.gaps);
    assert_eq!(inventory.gaps[0].reason, GapReason::Vanished);
    assert_eq!(inventory.gaps[0].scope, GapScope::Below(device.clone()));
    assert!(!asset(&inventory, device).bonds.is_complete(Nature::StoredOn));
}

#[test]
fn a_tmpfs_stands_on_the_memory_of_the_host() {
    let mut lab = Lab::new();
    let point = lab.path("t");
    lab.mount(&["-t", "tmpfs", "none"], &point);
    let inventory = survey(&[&point], &[]);
    let volume = volume(&inventory, VolumeKind::Filesystem);
    assert_eq!(chain(&inventory, &volume.asset), [Filesystem, Memory, Host]);
}

#[test]
fn an_overlay_stands_on_its_upper_directory_and_needs_the_lower_ones() {
    let mut lab = Lab::new();
    let (below_it, above) = (lab.filesystem("ext4", "l"), lab.filesystem("ext4", "u"));
    let (colon, second) = (below_it.join("a:b"), below_it.join("c"));
    for directory in [&colon, &second, &above.join("up"), &above.join("work")] {
        fs::create_dir(directory).unwrap();
    }
    let options = format!(
        "lowerdir={}:{},upperdir={},workdir={}",
        colon.to_str().unwrap().replace(':', "\\:"),
        second.display(),
        above.join("up").display(),
        above.join("work").display()
    );
    let point = lab.path("o");
    lab.mount(&["-t", "overlay", "overlay", "-o", &options], &point);
    let inventory = survey(&[&point], &[]);
    assert_eq!(inventory.gaps, []);
    let volume = volume(&inventory, VolumeKind::Filesystem);
    starts_with(&inventory, &volume.asset, &[Filesystem, Directory, Filesystem, Device, File]);
    let overlay = asset(&inventory, &volume.asset);
    let needed: Vec<_> = overlay.bonds.of(Nature::Needs).map(|bond| bond.on[0].clone()).collect();
    let names: Vec<_> = needed.iter().map(|id| asset(&inventory, id).name.clone()).collect();
    assert_eq!(names, [colon.to_str().unwrap(), second.to_str().unwrap()]);
    assert!(overlay.bonds.is_complete(Nature::Needs) && overlay.bonds.is_complete(Nature::StoredOn));
}

#[test]
fn a_subvolume_stands_on_its_filesystem_and_is_one_wherever_it_is_mounted() {
    let mut lab = Lab::new();
    let top = lab.filesystem("btrfs", "top");
    let data = top.join("data");
    btrfs(&["subvolume", "create", data.to_str().unwrap()]);
    fs::create_dir(data.join("d")).unwrap();
    let device = run("findmnt", &["-no", "SOURCE", top.to_str().unwrap()]);
    let elsewhere = lab.path("elsewhere");
    lab.mount(&["-o", "subvol=data", &device], &elsewhere);

    let inventory = survey(&[&top], &[]);
    let filesystem = volume(&inventory, VolumeKind::Filesystem).asset;
    starts_with(&inventory, &filesystem, &[Filesystem, Device, File]);
    let direct = survey(&[&data], &[]);
    let mounted = survey(&[&elsewhere], &[]);
    let subvolume = volume(&direct, VolumeKind::Subvolume).asset;
    assert_eq!(subvolume, volume(&mounted, VolumeKind::Subvolume).asset);
    assert_eq!(below(&mounted, &subvolume), [filesystem]);
    let inside = survey(&[&elsewhere.join("d")], &[]);
    let directory = volume(&inside, VolumeKind::Directory).asset;
    starts_with(&inside, &directory, &[Directory, Subvolume, Filesystem, Device, File]);
    assert_eq!(below(&inside, &directory), [subvolume]);
}

#[test]
fn a_mirror_of_btrfs_dies_with_both_devices_and_a_stripe_with_one() {
    let mut lab = Lab::new();
    for (profile, dies_at) in [("raid1", 2), ("raid0", 1)] {
        let images = ["a", "b"].map(|name| lab.path(&format!("{profile}-{name}.img")));
        let devices = images.each_ref().map(|image| lab.loop_device(image, 128));
        let [a, b] = devices.each_ref().map(|device| device.to_str().unwrap());
        run("mkfs.btrfs", &["-q", "-d", profile, "-m", "raid1", a, b]);
        let point = lab.path(profile);
        lab.mount(&["-o", &format!("device={b}"), a], &point);
        let inventory = survey(&[&point], &[]);
        assert_eq!(inventory.gaps, []);
        let filesystem = asset(&inventory, &volume(&inventory, VolumeKind::Filesystem).asset).clone();
        let bonds: Vec<_> = filesystem.bonds.of(Nature::StoredOn).collect();
        assert_eq!((bonds.len(), bonds[0].on.len(), bonds[0].dies_at), (1, 2, dies_at), "{profile}");
        // Loop devices are not always given in the order of their numbers.
        let mut files: Vec<_> = bonds[0].on.iter().flat_map(|device| below(&inventory, device)).collect();
        let mut wanted = images.each_ref().map(|image| file_asset(image));
        files.sort();
        wanted.sort();
        assert_eq!(files, wanted, "{profile}");
    }
}

#[test]
fn a_mirror_that_already_lost_a_device_dies_with_one_more() {
    let mut lab = Lab::new();
    for count in [2, 3] {
        let images: Vec<_> = (0..count).map(|n| lab.path(&format!("{count}-{n}.img"))).collect();
        let devices: Vec<_> = images.iter().map(|image| lab.loop_device(image, 128)).collect();
        let devices: Vec<_> = devices.iter().map(|device| device.to_str().unwrap()).collect();
        run("mkfs.btrfs", &[&["-q", "-d", "raid1", "-m", "raid1"], &devices[..]].concat());
        let (lost, kept) = devices.split_last().unwrap();
        run("wipefs", &["-qa", lost]);
        btrfs(&["device", "scan", "--forget", lost]);
        let point = lab.path(&count.to_string());
        let named: String = kept.iter().map(|device| format!(",device={device}")).collect();
        lab.mount(&["-o", &format!("degraded{named}"), kept[0]], &point);
        let inventory = survey(&[&point], &[]);
        let filesystem = asset(&inventory, &volume(&inventory, VolumeKind::Filesystem).asset);
        let bonds = filesystem.bonds.of(Nature::StoredOn);
        let bonds: Vec<_> = bonds.map(|bond| (bond.dies_at, bond.on.len())).collect();
        assert_eq!(bonds, [(1, kept.len())]);
    }
}

#[test]
fn a_block_device_is_a_volume() {
    let mut lab = Lab::new();
    let device = lab.loop_device(&lab.path("d.img"), 8);
    let inventory = survey(&[&device], &[]);
    let volume = volume(&inventory, VolumeKind::Device);
    starts_with(&inventory, &volume.asset, &[Device, File, Filesystem]);
}
