//! Files that share bytes with a volume: hard links, and reflinks on real filesystems that can make them.

use crate::found_lab::{found, look, said};
use crate::hand::fs;
use crate::lab::{Lab, below, now, run};
use outlive::catalogue::Catalogue;
use outlive::domain::{HazardClass, Inventory, Known, Nature, PointKind, Policy};
use outlive::isolation::{Cell, expand};
use outlive::rules::judge;
use std::path::Path;

fn reflink(from: &Path, to: &Path) {
    run("cp", &["-a".as_ref(), "--reflink=always".as_ref(), from.as_os_str(), to.as_os_str()]);
}

fn noise(path: &Path) {
    let bytes: Vec<u8> =
        (0..1_u32 << 18).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(path, bytes).unwrap();
    run("sync", &["-f".as_ref(), path.as_os_str()]);
}

/// How many points the loss of something of this class takes for certain, and leaves unproven.
fn dead_under(inventory: &Inventory, class: HazardClass) -> usize {
    let graph = expand(inventory, &Catalogue::built_in().unwrap());
    let judged = judge(&graph, &Policy::default(), now()).remove(0);
    judged.survival.rows.iter().filter(|row| row.class == class).map(|row| row.dead.len()).max().unwrap()
}

#[test]
fn a_reflink_of_an_image_shares_its_bytes_and_dies_with_the_filesystem() {
    let mut lab = Lab::new();
    for kind in ["xfs", "btrfs"] {
        let mounted = lab.filesystem(kind, kind);
        let (image, copies) = (mounted.join("disk.raw"), mounted.join("copies/deep"));
        std::fs::create_dir_all(&copies).unwrap();
        noise(&image);
        reflink(&image, &copies.join("clone"));
        // A copy of its own, and a reflink of something else.
        run("cp", &["--reflink=never".as_ref(), image.as_os_str(), copies.join("own").as_os_str()]);
        noise(&copies.join("other"));
        reflink(&copies.join("other"), &copies.join("other-clone"));
        let inventory = look(&[&image], &[&mounted.join("copies")]);
        assert_eq!(inventory.gaps, [], "{kind}");
        assert_eq!(inventory.points.len(), 1, "{kind}: {:?}", inventory.points);
        let clone = found(&inventory, "/clone", PointKind::Reflink);
        assert_eq!(clone.of, Known::Observed(inventory.volumes[0].id.clone(), now()));
        let (why, useless) = said(clone);
        assert!(
            why.contains("shares 1048576 bytes") && why.contains("not an independent copy") && !useless,
            "{why}"
        );
        assert_eq!(dead_under(&inventory, HazardClass::PrimaryDeletion), 0, "{kind}");
        assert_eq!(dead_under(&inventory, HazardClass::Filesystem), 1, "{kind}");
        // What the words say: the bytes are there while either name is.
        fs::remove_file(&image).unwrap();
        assert_eq!(std::fs::read(copies.join("clone")).unwrap(), std::fs::read(copies.join("own")).unwrap());
    }
}

#[test]
fn a_tree_of_reflinks_or_hard_links_is_one_point_that_tells_how_many_files_are_tied() {
    let mut lab = Lab::new();
    let mounted = lab.filesystem("xfs", "xfs");
    let (data, copies) = (mounted.join("data"), mounted.join("copies"));
    std::fs::create_dir_all(data.join("in")).unwrap();
    std::fs::create_dir_all(&copies).unwrap();
    for name in ["a", "in/b"] {
        noise(&data.join(name));
    }
    reflink(&data, &copies.join("cloned"));
    fs::write(copies.join("cloned/own"), "own").unwrap();
    run("cp", &["-al".as_ref(), data.as_os_str(), copies.join("linked").as_os_str()]);
    let inventory = look(&[&data], &[&copies]);
    assert_eq!(inventory.points.len(), 2, "{:?}", inventory.points);
    let cloned = said(found(&inventory, "/cloned", PointKind::Reflink)).0;
    assert!(cloned.starts_with("2 of its 3 files: shares 2097152 bytes"), "{cloned}");
    let linked = said(found(&inventory, "/linked", PointKind::HardLink)).0;
    assert!(linked.starts_with("2 of its 2 files: the volume's own file under another name"), "{linked}");
}

#[test]
fn a_hard_link_survives_the_deletion_of_the_other_name_and_changes_with_it() {
    let lab = Lab::new();
    let (image, copies) = (lab.path("disk.raw"), lab.directory("copies"));
    fs::write(&image, "bytes").unwrap();
    fs::hard_link(&image, copies.join("same")).unwrap();
    fs::write(copies.join("other"), "bytes").unwrap();
    let inventory = look(&[&image], &[&copies]);
    assert_eq!(inventory.points.len(), 1);
    let link = found(&inventory, "/same", PointKind::HardLink);
    let (why, useless) = said(link);
    assert!(why.contains("overwriting changes both; no copy") && !useless, "{why}");
    let on = &link.bonds.of(Nature::StoredOn).next().unwrap().on[0];
    assert!(!below(&inventory, on).is_empty() && *on != inventory.volumes[0].asset);
    assert_eq!(dead_under(&inventory, HazardClass::PrimaryDeletion), 0);
    fs::write(&image, "other").unwrap();
    assert_eq!(std::fs::read(copies.join("same")).unwrap(), b"other");
    fs::remove_file(&image).unwrap();
    assert_eq!(std::fs::read(copies.join("same")).unwrap(), b"other");
}

#[test]
fn nothing_that_was_found_survives_for_certain_and_what_lies_in_the_volume_dies_with_it() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data/in"), lab.directory("copies"));
    let dump = "-- MySQL dump 10\n-- Dump completed\n";
    fs::write(data.join("inside.txt"), dump).unwrap();
    let database = data.join("database");
    run("sqlite3", &[database.as_os_str(), "create table t (a)".as_ref()]);
    let inventory = look(&[&lab.path("data")], &[]);
    assert_eq!(inventory.points.len(), 1);
    assert_eq!(found(&inventory, "/inside.txt", PointKind::Dump).of.value(), Some(&inventory.volumes[0].id));
    assert_eq!(dead_under(&inventory, HazardClass::PrimaryDeletion), 1);
    fs::write(copies.join("outside.txt"), dump).unwrap();
    let inventory = look(&[&lab.path("data")], &[&copies]);
    assert_eq!(inventory.points.len(), 2);
    assert_eq!(dead_under(&inventory, HazardClass::PrimaryDeletion), 1);
    let graph = expand(&inventory, &Catalogue::built_in().unwrap());
    let judged = judge(&graph, &Policy::default(), now()).remove(0);
    assert!(judged.survival.rows.iter().all(|row| !matches!(row.cell, Cell::Survivor { .. })));
}
