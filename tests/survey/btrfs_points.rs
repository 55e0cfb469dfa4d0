//! btrfs snapshots as recovery points.

use crate::hand::fs;
use crate::lab::{Lab, bonded, btrfs, now, point, survey, volume};
use outlive::domain::{Consistency, Known, Nature, PointKind, Usable, VolumeKind};
use outlive::providers::local::{System, newest_snapshot_view};
use std::path::{Path, PathBuf};

/// A filesystem with a subvolume `data` in which there is the directory `old`.
fn with_data(lab: &mut Lab) -> (PathBuf, PathBuf) {
    let top = lab.filesystem("btrfs", "top");
    let data = top.join("data");
    btrfs(&["subvolume", "create", data.to_str().unwrap()]);
    fs::create_dir(data.join("old")).unwrap();
    fs::write(data.join("old/file"), "1").unwrap();
    (top, data)
}

fn snapshot(of: &Path, at: &Path, options: &[&str]) {
    let paths = [of.to_str().unwrap(), at.to_str().unwrap()];
    btrfs(&[&["subvolume", "snapshot"], options, &paths].concat());
}

#[test]
fn the_snapshots_of_a_subvolume_are_its_points_and_lie_on_its_filesystem() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    snapshot(&data, &top.join("one"), &["-r"]);
    fs::create_dir(top.join("deep")).unwrap();
    snapshot(&data, &top.join("deep/two"), &[]);
    btrfs(&["subvolume", "create", top.join("other").to_str().unwrap()]);
    snapshot(&top.join("other"), &top.join("of-other"), &["-r"]);

    let inventory = survey(&[&data], &[]);
    let volume = volume(&inventory, VolumeKind::Subvolume);
    assert_eq!(inventory.gaps, []);
    assert_eq!(inventory.points.len(), 2);
    let one = point(&inventory, "/top/one");
    assert_eq!((one.kind, &one.usable), (PointKind::BtrfsSnapshot, &Usable::Yes));
    assert_eq!(one.of, Known::Observed(volume.id.clone(), now()));
    assert_eq!(one.consistency, Known::Observed(Consistency::Crash, now()));
    let age = chrono::Utc::now() - *one.taken_at.value().unwrap();
    assert!(age.num_seconds().abs() < 60, "{age}");
    assert!(one.bonds.is_complete(Nature::StoredOn) && one.bonds.is_complete(Nature::Needs));
    assert!(!one.bonds.is_complete(Nature::CascadesFrom));
    let filesystem = crate::lab::below(&inventory, &volume.asset)[0].clone();
    assert!(bonded(one, Nature::StoredOn, &filesystem));
    let two = point(&inventory, "/deep/two");
    assert!(matches!(&two.usable, Usable::Unproven(why) if why.starts_with("writable")));
    assert!(!bonded(two, Nature::CascadesFrom, &volume.asset));
}

#[test]
fn a_whole_filesystem_has_the_snapshots_of_all_its_subvolumes_and_none_stands_for_the_whole() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    snapshot(&data, &top.join("of-data"), &["-r"]);
    snapshot(&top, &top.join("of-top"), &["-r"]);
    let inventory = survey(&[&top], &[]);
    volume(&inventory, VolumeKind::Filesystem);
    assert_eq!(inventory.points.len(), 2);
    for (name, of) in [("/of-data", "/data"), ("/of-top", "/")] {
        let wanted = Usable::Unproven(format!("of the subvolume {of} only"));
        assert_eq!(point(&inventory, name).usable, wanted);
    }
}

#[test]
fn a_writable_snapshot_inside_the_volume_is_deleted_along_with_it_and_a_read_only_one_is_not() {
    let mut lab = Lab::new();
    let (_, data) = with_data(&mut lab);
    snapshot(&data, &data.join("writable"), &[]);
    snapshot(&data, &data.join("fixed"), &["-r"]);
    let inventory = survey(&[&data], &[]);
    let volume = volume(&inventory, VolumeKind::Subvolume);
    assert!(bonded(point(&inventory, "/writable"), Nature::CascadesFrom, &volume.asset));
    assert!(!bonded(point(&inventory, "/fixed"), Nature::CascadesFrom, &volume.asset));
}

#[test]
fn a_writable_snapshot_inside_another_volume_is_deleted_along_with_that_one() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    let other = top.join("other");
    fs::create_dir(&other).unwrap();
    snapshot(&data, &other.join("snap"), &[]);
    let inventory = survey(&[&data, &other], &[]);
    let other = inventory.volumes.iter().find(|volume| volume.name.ends_with("/other")).unwrap();
    assert!(bonded(point(&inventory, "/snap"), Nature::CascadesFrom, &other.asset));
}

#[test]
fn a_snapshot_older_than_a_directory_is_no_point_to_restore_it_from() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    snapshot(&data, &top.join("snap"), &["-r"]);
    fs::create_dir(data.join("new")).unwrap();
    let old = survey(&[&data.join("old")], &[]);
    assert_eq!(point(&old, "/snap").usable, Usable::Yes);
    let new = survey(&[&data.join("new")], &[]);
    assert!(matches!(&point(&new, "/snap").usable, Usable::No(_)));
}

#[test]
fn a_snapshot_that_no_mount_shows_is_listed_and_not_looked_into() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    snapshot(&data, &top.join("snap"), &["-r"]);
    let device = crate::lab::run("findmnt", &["-no", "SOURCE", top.to_str().unwrap()]);
    let hidden = lab.path("hidden");
    lab.mount(&["-o", "subvol=data", &device], &hidden);
    // The top level is hidden by an empty filesystem: only the subvolume's own mount shows anything.
    lab.mount(&["-t", "tmpfs", "none"], &top);
    let inventory = survey(&[&hidden], &[]);
    assert_eq!(point(&inventory, "/snap (not mounted)").usable, Usable::Yes);
    assert_eq!(newest_snapshot_view(&hidden, &System::default()).unwrap(), None);
    let inside = survey(&[&hidden.join("old")], &[]);
    assert!(matches!(&inside.points[0].usable, Usable::Unproven(_)));
}

#[test]
fn the_newest_read_only_snapshot_shows_a_path_as_it_was() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    let system = System::default();
    assert_eq!(newest_snapshot_view(&data, &system).unwrap(), None);
    snapshot(&data, &top.join("first"), &["-r"]);
    fs::write(data.join("old/file"), "2").unwrap();
    snapshot(&data, &top.join("second"), &["-r"]);
    fs::write(data.join("old/file"), "3").unwrap();
    snapshot(&data, &top.join("writable"), &[]);
    let view = newest_snapshot_view(&data.join("old/file"), &system).unwrap().unwrap();
    assert_eq!(
        (view.path.as_path(), fs::read(&view.path).unwrap()),
        (&*top.join("second/old/file"), b"2".into())
    );
    assert_eq!(view.name, top.join("second").display().to_string());
    let view = newest_snapshot_view(&data, &system).unwrap().unwrap();
    assert_eq!(view.path, top.join("second"));
    // Another mount of the subvolume alone still finds the snapshot through the first one.
    let device = crate::lab::run("findmnt", &["-no", "SOURCE", top.to_str().unwrap()]);
    let elsewhere = lab.path("elsewhere");
    lab.mount(&["-o", "subvol=data", &device], &elsewhere);
    let view = newest_snapshot_view(&elsewhere.join("old"), &system).unwrap().unwrap();
    assert_eq!(view.path, top.join("second/old"));
}

#[test]
fn a_snapshot_does_not_stand_for_a_path_that_holds_another_subvolume() {
    let mut lab = Lab::new();
    let (top, data) = with_data(&mut lab);
    btrfs(&["subvolume", "create", data.join("inner").to_str().unwrap()]);
    snapshot(&data, &top.join("snap"), &["-r"]);
    assert_eq!(newest_snapshot_view(&data, &System::default()).unwrap(), None);
    assert!(newest_snapshot_view(&data.join("old"), &System::default()).unwrap().is_some());
    let unproven = survey(&[&data], &[]);
    assert!(
        matches!(&point(&unproven, "/snap").usable, Usable::Unproven(why) if why.contains("/data/inner"))
    );
    assert_eq!(point(&survey(&[&data.join("old")], &[]), "/snap").usable, Usable::Yes);
}

#[test]
fn the_subvolume_in_which_snapper_keeps_the_snapshots_is_no_data_they_leave_out() {
    let mut lab = Lab::new();
    let (_, data) = with_data(&mut lab);
    let kept = data.join(".snapshots");
    btrfs(&["subvolume", "create", kept.to_str().unwrap()]);
    fs::create_dir(kept.join("1")).unwrap();
    snapshot(&data, &kept.join("1/snapshot"), &["-r"]);
    assert_eq!(survey(&[&data], &[]).points[0].usable, Usable::Yes);
    let view = newest_snapshot_view(&data, &System::default()).unwrap().unwrap();
    assert_eq!(view.path, kept.join("1/snapshot"));
}

#[test]
fn other_filesystems_have_no_snapshot_view_and_a_missing_path_is_an_error() {
    let mut lab = Lab::new();
    let mounted = lab.filesystem("ext4", "m");
    assert_eq!(newest_snapshot_view(&mounted, &System::default()).unwrap(), None);
    assert!(newest_snapshot_view(&lab.path("missing"), &System::default()).is_err());
}
