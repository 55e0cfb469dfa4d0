//! Restoring below a directory that hands its ACL down: what comes back is what was stored, and no more.

use super::support::{Place, assert_same, chmod, run};
use crate::hand::fs;
use outlive::domain::{Kind, Result, Silent};
use outlive::vault::{RestoreReport, Restored, Roots, Written, restore};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A directory whose new entries inherit an ACL.
fn handing_down(place: &Place) -> PathBuf {
    let path = place.path("acl");
    fs::create_dir(&path).unwrap();
    run("setfacl", &["-d", "-m", "u:daemon:rwx", path.to_str().unwrap()]);
    // It does: else the test would show nothing.
    fs::write(path.join("probe"), "").unwrap();
    assert!(acl(&path.join("probe")).contains("daemon"));
    fs::remove_file(path.join("probe")).unwrap();
    path
}

fn acl(path: &Path) -> String {
    run("getfacl", &["-cp", path.to_str().unwrap()])
}

fn written(place: &Place, target: &Path) -> Restored<Written> {
    let roots = Roots::read(&place.vault).unwrap();
    restore(&place.vault, roots.sound.last().unwrap(), target, Default::default(), &Silent).unwrap()
}

fn verified(place: &Place, written: Restored<Written>) -> Result<RestoreReport> {
    Ok(written.verify(&place.vault, &Silent)?.report)
}

/// Entries with an ACL of their own, and without.
fn tree(place: &Place) -> PathBuf {
    let root = place.path("original");
    for directory in ["", "plain", "plain/deep", "own"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for (name, mode) in [("file", 0o640), ("plain/deep/run", 0o755), ("closed", 0o000), ("acl", 0o660)] {
        fs::write(root.join(name), name).unwrap();
        chmod(&root.join(name), mode);
    }
    chmod(&root.join("plain"), 0o2750);
    symlink("file", root.join("link")).unwrap();
    run("mkfifo", &[root.join("fifo").to_str().unwrap()]);
    run("setfacl", &["-m", "u:65534:rw", root.join("acl").to_str().unwrap()]);
    run("setfacl", &["-d", "-m", "g:7:rx", root.join("own").to_str().unwrap()]);
    fs::write(root.join("own/inherited"), "x").unwrap();
    root
}

#[test]
fn no_entry_keeps_an_acl_that_it_inherited_and_was_not_stored() {
    let place = Place::new();
    let (target, original) = (handing_down(&place).join("new"), tree(&place));
    place.copy(&original);
    let report = verified(&place, written(&place, &target)).unwrap();
    assert!(report.target_keeps.is_empty() && report.labels.is_empty(), "{report:?}");
    assert_same(&original, &target);
    for name in ["", "file", "plain", "plain/deep/run", "acl", "own", "own/inherited"] {
        assert_eq!(acl(&target.join(name)), acl(&original.join(name)), "{name}");
    }
}

#[test]
fn a_volume_that_is_one_file_comes_back_without_an_inherited_acl_too() {
    let place = Place::new();
    let (target, original) = (handing_down(&place).join("image"), place.path("image"));
    fs::write(&original, "bytes").unwrap();
    chmod(&original, 0o604);
    place.copy(&original);
    verified(&place, written(&place, &target)).unwrap();
    assert_eq!(acl(&target), acl(&original));
}

#[test]
fn an_empty_target_that_was_there_keeps_its_own_acl_which_is_told_and_hands_it_to_nothing() {
    let place = Place::new();
    let (target, original) = (handing_down(&place), tree(&place));
    place.copy(&original);
    let report = verified(&place, written(&place, &target)).unwrap();
    assert_eq!(report.target_keeps, ["system.posix_acl_default".to_owned()].into());
    assert!(acl(&target).contains("default:user:daemon:rwx"));
    for name in ["file", "plain", "plain/deep/run", "acl", "own", "own/inherited"] {
        assert_eq!(acl(&target.join(name)), acl(&original.join(name)), "{name}");
    }
}

#[test]
fn a_label_of_the_kernel_is_told_and_any_other_attribute_that_was_not_stored_is_a_difference() {
    let place = Place::new();
    place.copy(&tree(&place));
    // As SELinux gives every new entry one.
    let (labelled, changed) = (place.path("labelled"), place.path("changed"));
    let restored = written(&place, &labelled);
    for name in ["file", "plain"] {
        let path = labelled.join(name);
        run("setfattr", &["-n", "security.selinux", "-v", "a_label", path.to_str().unwrap()]);
    }
    let report = verified(&place, restored).unwrap();
    assert_eq!(report.labels, ["security.selinux".to_owned()].into());
    let restored = written(&place, &changed);
    run("setfattr", &["-n", "user.other", "-v", "x", changed.join("file").to_str().unwrap()]);
    let problem = verified(&place, restored).unwrap_err();
    assert_eq!(problem.kind, Kind::Damaged);
    assert!(problem.what.contains("extended attributes"), "{problem}");
}

/// A btrfs filesystem in an image file, mounted while this lives.
struct Btrfs(PathBuf);

impl Drop for Btrfs {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
    }
}

impl Btrfs {
    fn mounted(place: &Place) -> Self {
        let (image, at) = (place.path("btrfs.image"), place.path("btrfs"));
        run("truncate", &["-s", "128M", image.to_str().unwrap()]);
        run("mkfs.btrfs", &["-q", image.to_str().unwrap()]);
        fs::create_dir(&at).unwrap();
        run("mount", &["-o", "loop", image.to_str().unwrap(), at.to_str().unwrap()]);
        Self(at)
    }
}

#[test]
fn a_property_that_btrfs_hands_down_is_told_and_no_difference() {
    let place = Place::new();
    place.copy(&tree(&place));
    let btrfs = Btrfs::mounted(&place);
    for (name, made) in [("new", false), ("there", true)] {
        let above = btrfs.0.join(format!("above {name}"));
        fs::create_dir(&above).unwrap();
        run("btrfs", &["property", "set", above.to_str().unwrap(), "compression", "zstd"]);
        let target = above.join("target");
        if made {
            fs::create_dir(&target).unwrap();
        }
        let report = verified(&place, written(&place, &target)).unwrap();
        assert!(report.labels.contains("btrfs.compression"), "{name}: {report:?}");
        let kept = run("btrfs", &["property", "get", target.join("file").to_str().unwrap(), "compression"]);
        assert_eq!(kept.trim(), "compression=zstd", "{name}: nothing was handed down");
    }
}
