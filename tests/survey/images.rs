//! qcow2 images: snapshots inside, chains of files, and what is missing from them.

use crate::hand::fs;
use crate::lab::{Lab, asset, bonded, point, run, survey, volume};
use outlive::domain::{AssetKind, GapReason, GapScope, Inventory, Nature, PointKind, Usable, VolumeKind};
use std::path::Path;

fn qemu_img(arguments: &[&str]) {
    run("qemu-img", arguments);
}

fn create(image: &Path, backing: Option<&str>) {
    let image = image.to_str().unwrap();
    match backing {
        Some(backing) => qemu_img(&["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, image]),
        None => qemu_img(&["create", "-q", "-f", "qcow2", image, "4M"]),
    }
}

fn needed(inventory: &Inventory, image: &str) -> Vec<String> {
    let file = inventory.assets.iter().find(|asset| asset.name.ends_with(image)).unwrap();
    file.bonds.of(Nature::Needs).map(|bond| asset(inventory, &bond.on[0]).name.clone()).collect()
}

#[test]
fn a_snapshot_inside_an_image_is_a_point_in_the_same_file() {
    let lab = Lab::new();
    let image = lab.path("disk.qcow2");
    create(&image, None);
    for name in ["before", "after"] {
        qemu_img(&["snapshot", "-c", name, image.to_str().unwrap()]);
    }
    let inventory = survey(&[&image], &[]);
    assert_eq!(inventory.gaps, []);
    let volume = volume(&inventory, VolumeKind::Image);
    assert_eq!(inventory.points.len(), 2);
    let before = point(&inventory, "before (snapshot 1)");
    assert_eq!((before.kind, &before.usable), (PointKind::Qcow2Snapshot, &Usable::Yes));
    assert!(bonded(before, Nature::StoredOn, &volume.asset));
    let age = chrono::Utc::now() - *before.taken_at.value().unwrap();
    assert!(age.num_seconds().abs() < 60, "{age}");
    assert!(asset(&inventory, &volume.asset).bonds.is_complete(Nature::Needs));
}

#[test]
fn each_file_below_an_overlay_is_a_point_and_needed_by_the_one_above() {
    let mut lab = Lab::new();
    let elsewhere = lab.filesystem("ext4", "elsewhere");
    let (base, middle, top) = (elsewhere.join("base.qcow2"), lab.path("middle.qcow2"), lab.path("top.qcow2"));
    create(&base, None);
    create(&middle, base.to_str());
    create(&top, Some("middle.qcow2"));
    qemu_img(&["snapshot", "-c", "inside", middle.to_str().unwrap()]);
    let inventory = survey(&[&top], &[]);
    assert_eq!(inventory.gaps, []);
    let volume = volume(&inventory, VolumeKind::Image);
    assert_eq!(inventory.points.len(), 3);
    assert_eq!(needed(&inventory, "/top.qcow2"), [middle.to_str().unwrap()]);
    assert_eq!(needed(&inventory, "/middle.qcow2"), [base.to_str().unwrap()]);
    let lowest = point(&inventory, "base.qcow2");
    assert_eq!(lowest.kind, PointKind::Qcow2Backing);
    let modified = fs::metadata(&base).unwrap().modified().unwrap();
    assert_eq!(*lowest.taken_at.value().unwrap(), chrono::DateTime::<chrono::Utc>::from(modified));
    let file = lowest.bonds.of(Nature::StoredOn).next().unwrap().on[0].clone();
    assert_ne!(file, volume.asset);
    let home = crate::lab::below(&inventory, &file)[0].clone();
    assert!(asset(&inventory, &home).name.ends_with("/elsewhere (ext4)"));
}

#[test]
fn an_overlay_whose_base_is_gone_is_a_gap() {
    let lab = Lab::new();
    let (base, top) = (lab.path("base.qcow2"), lab.path("top.qcow2"));
    create(&base, None);
    create(&top, base.to_str());
    fs::remove_file(&base).unwrap();
    let inventory = survey(&[&top], &[]);
    let volume = volume(&inventory, VolumeKind::Image);
    let scope = GapScope::Below(volume.asset.clone());
    assert!(inventory.gaps.iter().any(|gap| gap.reason == GapReason::Vanished && gap.scope == scope));
    assert!(!asset(&inventory, &volume.asset).bonds.is_complete(Nature::Needs));
}

#[test]
fn an_image_needs_its_external_data_file() {
    let lab = Lab::new();
    let (image, data) = (lab.path("d.qcow2"), lab.path("d.raw"));
    let options = format!("data_file={},data_file_raw=on", data.display());
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", &options, image.to_str().unwrap(), "4M"]);
    let inventory = survey(&[&image], &[]);
    assert_eq!(needed(&inventory, "/d.qcow2"), [data.to_str().unwrap()]);
}

#[test]
fn an_image_that_names_a_base_on_a_network_is_not_followed_there() {
    let lab = Lab::new();
    let image = lab.path("net.qcow2");
    let base = "nbd://127.0.0.1:1/x";
    let arguments = ["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", base];
    qemu_img(&[&arguments[..], &[image.to_str().unwrap(), "4M"]].concat());
    let inventory = survey(&[&image], &[]);
    assert!(inventory.gaps.iter().any(|gap| gap.reason == GapReason::Unsupported), "{:?}", inventory.gaps);
    assert!(needed(&inventory, "/net.qcow2").is_empty());
}

#[test]
fn images_that_lead_in_a_circle_end() {
    let lab = Lab::new();
    let (a, b) = (lab.path("a.qcow2"), lab.path("b.qcow2"));
    create(&a, None);
    create(&b, a.to_str());
    let (upper, lower) = (b.to_str().unwrap(), a.to_str().unwrap());
    qemu_img(&["rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", upper, lower]);
    let inventory = survey(&[&b], &[]);
    assert_eq!(needed(&inventory, "/a.qcow2"), [upper]);
}

#[test]
fn a_damaged_image_is_a_gap_of_its_points() {
    let lab = Lab::new();
    let image = lab.path("bad.qcow2");
    fs::write(&image, b"QFI\xfb\xff\xff\xff\xff garbage").unwrap();
    let inventory = survey(&[&image], &[]);
    let volume = volume(&inventory, VolumeKind::Image);
    let scope = GapScope::PointsOf(volume.id);
    let gap = inventory.gaps.iter().find(|gap| gap.scope == scope).unwrap();
    assert_eq!(gap.reason, GapReason::Failed);
}

#[test]
fn an_ordinary_file_is_an_image_without_points() {
    let lab = Lab::new();
    for content in [&b""[..], b"Q", b"anything at all"] {
        let file = lab.path("file");
        fs::write(&file, content).unwrap();
        let inventory = survey(&[&file], &[]);
        let volume = volume(&inventory, VolumeKind::Image);
        assert_eq!(asset(&inventory, &volume.asset).kind, AssetKind::File);
        assert!(inventory.points.is_empty() && inventory.gaps.is_empty());
    }
}
