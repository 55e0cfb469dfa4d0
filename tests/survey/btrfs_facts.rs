//! What the catalogue states about btrfs, executed.

use crate::hand::{self, fs};
use crate::lab::{Lab, btrfs, run};
use std::path::{Path, PathBuf};

/// A filesystem with a subvolume `data` that holds one file.
fn with_data(lab: &mut Lab) -> (PathBuf, PathBuf) {
    let top = lab.filesystem("btrfs", "top");
    let data = top.join("data");
    btrfs(&["subvolume", "create", data.to_str().unwrap()]);
    fs::write(data.join("orders"), "1 2 3").unwrap();
    (top, data)
}

fn snapshot(of: &Path, at: &Path, options: &[&str]) {
    let paths = [of.to_str().unwrap(), at.to_str().unwrap()];
    btrfs(&[&["subvolume", "snapshot"], options, &paths].concat());
}

#[test]
fn a_snapshot_survives_the_deletion_of_its_origin() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    snapshot(&data, &top.join("beside"), &["-r"]);
    btrfs(&["subvolume", "delete", data.to_str().unwrap()]);
    assert_eq!(fs::read(top.join("beside/orders")).unwrap(), b"1 2 3");
}

#[test]
fn a_nested_writable_snapshot_dies_with_rm_rf() {
    let mut lab = Lab::new();
    let (_, data) = with_data(&mut lab);
    snapshot(&data, &data.join("nested"), &[]);
    run("rm", &["-rf", data.to_str().unwrap()]);
    assert!(!data.join("nested").exists());
}

#[test]
fn a_nested_read_only_snapshot_survives_rm_rf() {
    let mut lab = Lab::new();
    let (_, data) = with_data(&mut lab);
    snapshot(&data, &data.join("nested"), &["-r"]);
    // It complains about what it could not remove, and removes all the rest.
    let done = hand::output(std::process::Command::new("rm").arg("-rf").arg(&data)).unwrap();
    assert!(!done.status.success());
    assert!(!data.join("orders").exists());
    assert_eq!(fs::read(data.join("nested/orders")).unwrap(), b"1 2 3");
}

#[test]
fn a_subvolume_that_holds_another_refuses_its_deletion() {
    let mut lab = Lab::new();
    let (_, data) = with_data(&mut lab);
    snapshot(&data, &data.join("nested"), &[]);
    let delete = ["subvolume", "delete", data.to_str().unwrap()];
    assert!(!hand::output(std::process::Command::new("btrfs").args(delete)).unwrap().status.success());
    assert!(data.join("orders").exists());
}
