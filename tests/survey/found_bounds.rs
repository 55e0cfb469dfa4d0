//! What a look into a directory leaves out is always said.

use crate::found_lab::{found, look, look_for, said};
use crate::hand::fs;
use crate::lab::{Lab, run};
use outlive::domain::{GapReason, GapScope, Known, Owner, PointKind, VolumeId};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

const DUMP: &str = "-- MySQL dump 10\n-- Dump completed\n";

#[test]
fn links_pipes_and_devices_are_not_followed_and_other_filesystems_are_a_gap() {
    let mut lab = Lab::new();
    let (data, copies, beside) = (lab.directory("data"), lab.directory("copies"), lab.directory("beside"));
    fs::write(beside.join("dump"), DUMP).unwrap();
    symlink(&beside, copies.join("to-directory")).unwrap();
    symlink(beside.join("dump"), copies.join("to-file")).unwrap();
    symlink(&copies, copies.join("to-itself")).unwrap();
    run("mkfifo", &[copies.join("pipe")]);
    let inventory = look(&[&data], &[&copies]);
    assert_eq!((inventory.points.len(), inventory.gaps.len()), (0, 0), "{inventory:?}");
    lab.mount(&["-t", "tmpfs", "none"], &copies.join("mounted"));
    fs::write(copies.join("mounted/dump"), DUMP).unwrap();
    let inventory = look(&[&data], &[&copies]);
    assert_eq!(inventory.points.len(), 0);
    let volume = GapScope::PointsOf(inventory.volumes[0].id.clone());
    assert_eq!((&inventory.gaps[0].scope, inventory.gaps[0].reason), (&volume, GapReason::Unsupported));
    assert!(inventory.gaps[0].place.ends_with("/mounted"), "{:?}", inventory.gaps);
    // Named, it is looked into, and the gap is closed.
    let inventory = look(&[&data], &[&copies, &copies.join("mounted")]);
    assert_eq!(found(&inventory, "/mounted/dump", PointKind::Dump).kind, PointKind::Dump);
}

#[test]
fn a_tree_that_is_too_deep_or_takes_too_long_is_a_gap() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    let deep = copies.join(["d"; 70].join("/"));
    std::fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("dump"), DUMP).unwrap();
    fs::write(copies.join("dump"), DUMP).unwrap();
    let inventory = look(&[&data], &[&copies]);
    assert_eq!(inventory.points.len(), 1);
    assert!(inventory.gaps[0].detail.contains("more than 64 directories deep"), "{:?}", inventory.gaps);
    // Inside a volume it hides nothing that could count.
    let inventory = look(&[&copies], &[&data]);
    let inside = GapScope::Inside(inventory.volumes[0].id.clone());
    let scopes: Vec<_> = inventory.gaps.iter().map(|gap| &gap.scope).collect();
    assert_eq!((scopes, inventory.has_open_gaps()), (vec![&inside], false));
    let many = lab.directory("many");
    for number in 0..20_000 {
        fs::File::create_new(many.join(number.to_string())).unwrap();
    }
    let began = Instant::now();
    let inventory = look_for(&[&data], &[(many, None)], Duration::from_millis(60));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(inventory.gaps.len(), 1);
    assert_eq!(inventory.gaps[0].reason, GapReason::TimedOut);
}

#[test]
fn what_is_missing_or_no_directory_is_a_gap() {
    let lab = Lab::new();
    let data = lab.directory("data");
    fs::write(lab.path("file"), DUMP).unwrap();
    for (name, reason) in [("missing", GapReason::Vanished), ("file", GapReason::Failed)] {
        let inventory = look(&[&data], &[&lab.path(name)]);
        let gaps: Vec<_> = inventory.gaps.iter().map(|gap| gap.reason).collect();
        assert_eq!(gaps, [reason]);
    }
}

#[test]
fn of_which_volume_a_thing_is_only_one_volume_or_a_person_says() {
    let lab = Lab::new();
    let (one, two, copies) = (lab.directory("one"), lab.directory("two"), lab.directory("copies"));
    fs::write(copies.join("dump"), DUMP).unwrap();
    let of = |inventory: &outlive::domain::Inventory| found(inventory, "/dump", PointKind::Dump).of.clone();
    let alone = look(&[&one], &[&copies]);
    assert_eq!(of(&alone), Known::Declared(alone.volumes[0].id.clone(), Owner("--look-in".into())));
    assert_eq!(of(&look(&[&one, &two], &[&copies])), Known::Unknown);
    let limit = Duration::from_secs(60);
    let orders = VolumeId("orders".into());
    let told = look_for(&[&one, &two], &[(copies.clone(), Some(orders.clone()))], limit);
    assert_eq!(of(&told), Known::Declared(orders.clone(), Owner("look_in".into())));
    let shop = VolumeId("shop".into());
    let twice = [(copies.clone(), Some(orders)), (copies, Some(shop))];
    assert_eq!(of(&look_for(&[&one, &two], &twice, limit)), Known::Unknown);
}

#[test]
fn a_directory_is_looked_at_once_whoever_names_it_and_a_vault_has_to_be_named() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("data/copies"));
    fs::write(copies.join("dump"), DUMP).unwrap();
    run("sqlite3", &[copies.join("database").as_os_str(), "create table t (a)".as_ref()]);
    // What is data where it lies in the volume is looked for where somebody says so.
    let inventory = look(&[&data], &[&copies, &copies, &data.join("../data/copies")]);
    assert_eq!((inventory.points.len(), inventory.gaps.len()), (2, 0), "{inventory:?}");
    let vault = lab.directory("data/vault");
    fs::write(vault.join("vault.json"), "{}").unwrap();
    std::fs::create_dir_all(vault.join("packs")).unwrap();
    fs::write(vault.join("packs/dump"), DUMP).unwrap();
    let inventory = look(&[&data], &[]);
    assert_eq!(inventory.points.len(), 1);
    assert!(inventory.gaps[0].detail.contains("name it with --vault"), "{:?}", inventory.gaps);
    assert!(!said(&inventory.points[0]).1);
}
