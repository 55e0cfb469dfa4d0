//! What a copy says that it did not read, and what it really asked the filesystem for.

use super::encrypting::{outlive, reader, restore_elsewhere};
use super::nightly_estate::EstateFile;
use super::place::{Place, assert_same, noise, tool};
use super::run::Ended;
use super::strace::calls;
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

const SIZE: u64 = 24 << 20;

/// A large file on a btrfs.
fn image(place: &mut Place) -> PathBuf {
    let top = place.filesystem("btrfs", "top", 400);
    let image = top.join("data/image");
    std::fs::create_dir(top.join("data")).unwrap();
    std::fs::write(&image, noise(1, SIZE as usize)).unwrap();
    image
}

fn change(image: &Path, seed: u64) {
    File::options()
        .write(true)
        .open(image)
        .unwrap()
        .write_all_at(&noise(seed, 9000), seed * 1_000_003)
        .unwrap();
}

/// The bytes of this file that a recorded run read.
fn read(ended: &Ended, image: &Path) -> u64 {
    let path = image.as_os_str().as_encoded_bytes();
    let calls =
        calls(&ended.log).into_iter().filter(|call| call.name == "pread64" && call.descriptor(0) == path);
    calls.map(|call| call.result.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn a_copy_says_how_much_it_did_not_read_and_does_not_ask_for_it() {
    let mut place = Place::new();
    let (image, vault) = (image(&mut place), place.path("vault"));
    let data = image.parent().unwrap().to_owned();
    let copy = |format: &str| {
        let arguments: [&dyn AsRef<std::ffi::OsStr>; 7] =
            [&"copy", &data, &"--live", &"--vault", &vault, &"--format", &format];
        place.outlive(&arguments).inject("pread64:delay_enter=1").end().expect(0)
    };
    let first = copy("json");
    assert_eq!((first.json("copy")["unread_bytes"].as_u64(), read(&first, &image)), (Some(0), SIZE));
    change(&image, 2);
    let second = copy("json");
    let unread = second.json("copy")["unread_bytes"].as_u64().unwrap();
    assert_eq!(unread + read(&second, &image), SIZE);
    assert!(unread > SIZE * 9 / 10, "{unread}");
    change(&image, 3);
    copy("text").says("unread 23.").says("MiB of files that changed: they lie where they lay");
    for entry in std::fs::read_dir(place.path("state/places")).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    // Without what is kept, all is read once more.
    std::fs::rename(place.path("state/places"), place.path("state/elsewhere")).unwrap();
    change(&image, 4);
    let without = copy("json");
    assert_eq!((without.json("copy")["unread_bytes"].as_u64(), read(&without, &image)), (Some(0), SIZE));
    let target = place.path("target");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    assert_same(&data, &target);
}

#[test]
fn who_may_not_ask_where_files_lie_reads_them() {
    let mut place = Place::new();
    let image = image(&mut place);
    let (data, vault) = (image.parent().unwrap().to_owned(), place.directory("vaults").join("vault"));
    std::fs::set_permissions(vault.parent().unwrap(), PermissionsExt::from_mode(0o1777)).unwrap();
    for seed in 2..4 {
        let copied =
            place.outlive_as_nobody(&[&"copy", &data, &"--live", &"--vault", &vault, &"--format", &"json"]);
        let copied = copied.inject("pread64:delay_enter=1").end().expect(0);
        assert_eq!(copied.json("copy")["unread_bytes"], 0);
        // Looking whether it is an image of a kind that tells takes a few bytes more.
        assert_eq!(read(&copied, &image) / 4096, SIZE / 4096);
        change(&image, seed);
    }
}

#[test]
fn into_an_encrypted_vault_little_is_read_by_who_can_open_nothing_of_it() {
    let mut place = Place::new();
    let image = image(&mut place);
    let ((key, public), vault) = (reader(&place, "one.key"), place.path("vault"));
    let table =
        format!("[[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {vault:?}\nreaders = [{public:?}]\n");
    EstateFile::new().with(&table).tree("tree", image.parent().unwrap(), &["offsite"]).write(&place);
    outlive(&place, &["vault", "init", "offsite"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    change(&image, 2);
    let copied = outlive(&place, &["--format", "json", "copy", "tree"]).end().expect(0).json("copy");
    assert!(copied["unread_bytes"].as_u64().unwrap() > SIZE * 9 / 10, "{copied:#}");
    let target = place.path("target");
    restore_elsewhere(&place, &vault, &key, &target).expect(0);
    assert_same(image.parent().unwrap(), &target);
}

#[test]
fn a_copy_that_was_told_an_untruth_says_so_and_the_next_reads_all() {
    let place = Place::new();
    let (image, vault) = (place.directory("data").join("disk.qcow2"), place.path("vault"));
    let name = image.to_str().unwrap();
    tool("qemu-img", &["create", "-q", "-f", "qcow2", name, "64M"]);
    tool("qemu-io", &["-f", "qcow2", "-c", "write -q -P 7 0 16M", name]);
    tool("qemu-img", &["bitmap", "--add", "-g", "65536", name, "outlive-1"]);
    let copy = |code| place.outlive(&[&"copy", &place.path("data"), &"--vault", &vault]).end().expect(code);
    copy(0);
    tool("qemu-io", &["-f", "qcow2", "-c", "write -q -P 8 1M 64k", name]);
    copy(0).says("unread 1");
    // Whoever writes to it and is not QEMU marks nothing.
    let bytes = std::fs::read(&image).unwrap();
    let data = (0..bytes.len()).step_by(65536).filter(|at| bytes[*at..].starts_with(&[7; 512]));
    let file = File::options().write(true).open(&image).unwrap();
    data.for_each(|at| file.write_all_at(&noise(at as u64 + 1, 65536), at as u64).unwrap());
    let told =
        copy(11).says("the filesystem or image called parts of disk.qcow2 unchanged, and they had changed");
    assert!(!told.stdout.contains("unread "), "{}", told.stdout);
    let target = place.path("target");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    assert_same(&place.path("data"), &target);
    let next =
        place.outlive(&[&"copy", &place.path("data"), &"--vault", &vault]).inject("pread64:delay_enter=1");
    assert!(read(&next.end().expect(0), &image) >= bytes.len() as u64);
}
