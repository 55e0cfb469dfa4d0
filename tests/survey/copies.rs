//! Directories that are named as holding copies, and what lies inside a volume.

use crate::hand::fs;
use crate::lab::{Lab, asset, below, bonded, now, point, survey, volume};
use outlive::catalogue::Catalogue;
use outlive::domain::{
    Asset, AssetId, GapReason, GapScope, Inventory, Known, Nature, Owner, Policy, Usable, Verdict, VolumeKind,
};
use outlive::isolation::{Cell, expand};
use outlive::providers::local::{System, nest, stand};
use outlive::rules::judge;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

fn named<'a>(inventory: &'a Inventory, end: &str) -> &'a Asset {
    let mut found = inventory.assets.iter().filter(|asset| asset.name.ends_with(end));
    found.next().unwrap_or_else(|| panic!("no asset {end}"))
}

fn never_read() -> Usable {
    Usable::Unproven("named by --copies; never read or restored by outlive".into())
}

#[test]
fn a_named_copy_is_never_a_survivor_and_dies_for_certain_with_what_it_lies_on() {
    let mut lab = Lab::new();
    let (one, two) = (lab.filesystem("ext4", "one"), lab.filesystem("ext4", "two"));
    let data = one.join("data");
    for inside in [&data.join("copies"), &two.join("copies")] {
        fs::create_dir_all(inside).unwrap();
        fs::write(inside.join("notes.txt"), "no copy at all").unwrap();
    }
    let judged = |copies: &Path| {
        let graph = expand(&survey(&[&data], &[copies]), &Catalogue::built_in().unwrap());
        judge(&graph, &Policy::default(), now()).remove(0)
    };
    let elsewhere = judged(&two.join("copies"));
    assert!(elsewhere.survival.rows.iter().all(|row| !matches!(row.cell, Cell::Survivor { .. })));
    let deletion = &elsewhere.survival.rows[0];
    assert!(matches!(&deletion.cell, Cell::Unknown { because } if because.contains("named by --copies")));
    for finding in &elsewhere.findings {
        // That it is as large as it was is no proof of anything else.
        let of_size = finding.rule == "artefact-empty-or-shrunk";
        assert!(of_size || !matches!(finding.verdict, Verdict::Pass(_)), "{finding:?}");
    }
    let inside = judged(&data.join("copies"));
    let deletion = &inside.survival.rows[0];
    assert_eq!((&deletion.cell, deletion.points, deletion.dead.len()), (&Cell::None, 1, 1));
}

#[test]
fn each_entry_is_a_copy_of_the_one_path_and_never_newer_than_it_may_be() {
    let mut lab = Lab::new();
    let data = lab.directory("data");
    let copies = lab.filesystem("ext4", "copies");
    fs::write(copies.join("dump.sql"), "12345").unwrap();
    fs::create_dir(copies.join("tree")).unwrap();
    fs::write(copies.join("tree/x"), "x").unwrap();
    let early = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    for (name, time) in [("kept-time", early), ("touched", late)] {
        fs::sparse(copies.join(name), 1).unwrap();
        fs::set_modified(copies.join(name), time).unwrap();
    }
    let inventory = survey(&[&data], &[&copies]);
    assert_eq!(inventory.gaps, []);
    let volume = volume(&inventory, VolumeKind::Directory);
    let dump = point(&inventory, "/dump.sql");
    assert_eq!(dump.of, Known::Declared(volume.id, Owner("--copies".into())));
    assert_eq!((&dump.bytes, &dump.usable), (&Known::Observed(5, now()), &never_read()));
    assert!(dump.consistency.is_unknown());
    assert_eq!(point(&inventory, "/tree").bytes, Known::Unknown);
    let taken = |name: &str| *point(&inventory, name).taken_at.value().unwrap();
    assert_eq!(SystemTime::from(taken("/kept-time")), early);
    assert!(taken("/touched") < chrono::Utc::now() + Duration::from_secs(60));
    let home = below(&inventory, &dump.bonds.of(Nature::StoredOn).next().unwrap().on[0])[0].clone();
    assert!(asset(&inventory, &home).name.ends_with("/copies (ext4)"));
    // ext4 makes it: empty, and for root alone.
    assert_eq!(point(&inventory, "/lost+found").usable, Usable::No("empty".into()));
}

#[test]
fn copies_of_several_paths_are_of_nobody_knows_which() {
    let lab = Lab::new();
    let (a, b, copies) = (lab.directory("a"), lab.directory("b"), lab.directory("copies"));
    fs::write(copies.join("x"), "").unwrap();
    let inventory = survey(&[&a, &b], &[&copies]);
    assert_eq!(point(&inventory, "/x").of, Known::Unknown);
    assert_eq!(point(&inventory, "/x").usable, Usable::No("empty".into()));
}

#[test]
fn the_primary_itself_and_what_holds_it_are_no_copies() {
    let lab = Lab::new();
    let data = lab.directory("all/around/data");
    fs::write(lab.path("all/copy"), "1").unwrap();
    let inventory = survey(&[&data], &[&lab.path("all")]);
    assert_eq!(inventory.points.len(), 1);
    let inventory = survey(&[&data], &[&lab.path("all/around")]);
    assert_eq!(inventory.points.len(), 0);
}

#[test]
fn a_hard_link_of_the_image_is_on_the_same_file() {
    let lab = Lab::new();
    let (image, copies) = (lab.path("disk.raw"), lab.directory("copies"));
    fs::write(&image, "bytes").unwrap();
    fs::hard_link(&image, copies.join("disk.raw")).unwrap();
    let inventory = survey(&[&image], &[&copies]);
    let volume = volume(&inventory, VolumeKind::Image);
    assert!(bonded(point(&inventory, "copies/disk.raw"), Nature::StoredOn, &volume.asset));
}

#[test]
fn a_link_to_another_entry_is_no_second_copy_and_one_that_leads_nowhere_is_a_gap() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    fs::write(copies.join("monday"), "1").unwrap();
    symlink("monday", copies.join("latest")).unwrap();
    symlink("nowhere", copies.join("broken")).unwrap();
    let inventory = survey(&[&data], &[&copies]);
    assert_eq!(inventory.points.len(), 1);
    let gaps: Vec<_> = inventory.gaps.iter().map(|gap| (gap.reason, gap.scope.clone())).collect();
    assert_eq!(gaps, [(GapReason::Vanished, GapScope::Points)]);
}

#[test]
fn a_missing_directory_of_copies_and_a_file_in_its_place_are_gaps() {
    let lab = Lab::new();
    let data = lab.directory("data");
    fs::write(lab.path("file"), "1").unwrap();
    for (name, reason) in [("missing", GapReason::Vanished), ("file", GapReason::Failed)] {
        let inventory = survey(&[&data], &[&lab.path(name)]);
        assert_eq!(inventory.volumes.len(), 1);
        let gaps: Vec<_> = inventory.gaps.iter().map(|gap| (gap.reason, gap.scope.clone())).collect();
        assert_eq!(gaps, [(reason, GapScope::Points)]);
    }
}

#[test]
fn a_copy_that_needs_a_key_or_a_base_says_so() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    fs::write(copies.join("dump.sql.age"), "1").unwrap();
    fs::write(copies.join("dump.sql"), "1").unwrap();
    for name in ["restic/config", "restic/data", "restic/keys"] {
        fs::create_dir_all(copies.join(name)).unwrap();
    }
    let inventory = survey(&[&data], &[&copies]);
    let whole = |name| point(&inventory, name).bonds.is_complete(Nature::Needs);
    assert_eq!((whole("/dump.sql.age"), whole("/restic"), whole("/dump.sql")), (false, false, true));
}

/// The first asset that a point's bonds of storage lead to and that is this one, at any depth.
fn reaches(inventory: &Inventory, from: &[AssetId], to: &AssetId) -> bool {
    from.iter().any(|id| id == to || reaches(inventory, &below(inventory, id), to))
}

#[test]
fn copies_inside_the_volume_are_deleted_along_with_it() {
    let mut lab = Lab::new();
    for kind in ["ext4", "btrfs"] {
        let mounted = lab.filesystem(kind, kind);
        let (data, copies) = (mounted.join("data"), mounted.join("data/copies"));
        match kind {
            "btrfs" => crate::lab::btrfs(&["subvolume", "create", data.to_str().unwrap()]),
            _ => fs::create_dir(&data).unwrap(),
        }
        fs::create_dir(&copies).unwrap();
        fs::write(copies.join("dump"), "1").unwrap();
        // Another mount of the same directory hides from the path where it lies.
        let bound = lab.path(&format!("bound-{kind}"));
        lab.mount(&["--bind", copies.to_str().unwrap()], &bound);
        for named in [&copies, &bound] {
            let inventory = survey(&[&data], &[named]);
            let primary = &inventory.volumes[0].asset;
            let on: Vec<_> = point(&inventory, "/dump").bonds.of(Nature::StoredOn).collect();
            let on: Vec<_> = on.iter().flat_map(|bond| bond.on.clone()).collect();
            assert!(reaches(&inventory, &on, primary), "{kind} {}", named.display());
        }
        let beside = mounted.join("data-copies");
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("dump"), "1").unwrap();
        let inventory = survey(&[&data], &[&beside]);
        let on: Vec<_> = point(&inventory, "/dump").bonds.of(Nature::StoredOn).collect();
        let on: Vec<_> = on.iter().flat_map(|bond| bond.on.clone()).collect();
        assert!(!reaches(&inventory, &on, &inventory.volumes[0].asset), "{kind}");
    }
}

#[test]
fn a_vault_inside_a_volume_is_bonded_to_it_and_one_beside_it_is_not() {
    let lab = Lab::new();
    let data = lab.directory("data");
    let system = System::default();
    for (vault, inside) in [(lab.directory("data/deep/vault"), true), (lab.directory("data2"), false)] {
        let mut inventory = survey(&[&data], &[]);
        let standing = stand(&vault, &system, now());
        let on = standing.on.unwrap();
        inventory.merge(Inventory { assets: standing.assets, ..Inventory::default() });
        let paths = |path: &Path| vec![path.to_path_buf()];
        for _ in 0..2 {
            nest(&mut inventory, &paths(&data), &paths(&vault), &system, now());
        }
        let volume = inventory.volumes[0].asset.clone();
        let bonds = below(&inventory, &on).iter().filter(|id| **id == volume).count();
        assert_eq!(bonds, usize::from(inside), "{}", vault.display());
        assert!(!below(&inventory, &volume).contains(&on));
    }
}

#[test]
fn copies_that_an_overlay_or_a_mount_shows_inside_the_volume_are_deleted_along_with_it() {
    let mut lab = Lab::new();
    let options = ["lower", "upper", "work"].map(|name| lab.directory(name));
    let [lower, upper, work] = options.each_ref().map(|path| path.display());
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let merged = lab.path("merged");
    lab.mount(&["-t", "overlay", "overlay", "-o", &options], &merged);
    fs::create_dir_all(merged.join("data")).unwrap();
    let mounted = lab.path("volume/mounted");
    lab.mount(&["-t", "tmpfs", "none"], &mounted);
    for (volume, copies, taken) in [
        ("merged/data", "upper/data/copies", true),
        ("merged", "upper/copies", true),
        ("merged/data", "upper/copies", false),
        ("volume", "volume/mounted/copies", true),
        ("merged", "volume/mounted/copies", false),
    ] {
        let (volume, copies) = (lab.path(volume), lab.path(copies));
        fs::create_dir_all(&copies).unwrap();
        fs::write(copies.join("dump"), "1").unwrap();
        let inventory = survey(&[&volume], &[&copies]);
        let primary = &inventory.volumes[0].asset;
        let directory = named(&inventory, copies.to_str().unwrap());
        let along = directory.bonds.of(Nature::CascadesFrom).any(|bond| bond.on.contains(primary));
        assert_eq!(along, taken, "{} and {}", volume.display(), copies.display());
    }
}

#[test]
fn a_volume_inside_another_is_deleted_along_with_it() {
    let lab = Lab::new();
    let (outer, inner) = (lab.directory("outer"), lab.directory("outer/inner"));
    let inventory = survey(&[&outer, &inner], &[]);
    let (outer, inner) = (named(&inventory, "/outer"), named(&inventory, "/outer/inner"));
    assert!(below(&inventory, &inner.id).contains(&outer.id));
    assert!(!below(&inventory, &outer.id).contains(&inner.id));
}
