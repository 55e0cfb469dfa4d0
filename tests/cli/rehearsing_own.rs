//! `outlive rehearse PATH`: what it says of the user's own data is true, and no more.

use super::place::{Place, chmod, names, noise, tool};
use std::path::Path;

#[test]
fn an_ordinary_user_rehearses_the_data_of_root_and_is_told_what_was_not_given() {
    let place = Place::new();
    let scratch = place.directory("scratch");
    chmod(&scratch, 0o1777);
    let doc = Path::new("/usr/share/doc/bash");
    let ended = place.outlive_as_nobody(&[&"rehearse", &doc, &"--scratch", &scratch]).end().expect(0);
    let ended = ended.says("entries could not be given their owner").says("compared byte by byte");
    assert!(!ended.stdout.contains("IDENTICAL"), "{}", ended.stdout);
}

#[test]
fn device_nodes_are_left_out_and_counted_and_fail_nothing() {
    let place = Place::new();
    let data = place.file("data/file", "bytes").parent().unwrap().to_path_buf();
    let (node, link) = (data.join("node"), data.join("other"));
    tool("mknod", &[node.as_os_str(), "c".as_ref(), "1".as_ref(), "3".as_ref()]);
    std::fs::hard_link(&node, &link).unwrap();
    let ended = place.outlive(&[&"rehearse", &data]).end().expect(0).says("2 device nodes were left out");
    assert!(!ended.stdout.contains("IDENTICAL"), "{}", ended.stdout);
}

#[test]
fn what_is_mounted_inside_is_named_as_not_rehearsed() {
    let mut place = Place::new();
    place.file("data/file", "bytes");
    place.tmpfs("data/inner", "1m");
    place.file("data/inner/lost", "never copied");
    let ended = place.outlive(&[&"rehearse", &place.path("data")]).end().expect(0);
    let ended = ended.says("1 directories are other volumes and were not rehearsed: inner");
    assert!(!ended.stdout.contains("IDENTICAL"), "{}", ended.stdout);
}

#[test]
fn a_rehearsal_that_would_fill_the_disk_is_refused_with_both_figures() {
    let mut place = Place::new();
    let scratch = place.tmpfs("small", "90m");
    let data = place.file("data/file", noise(7, 30 << 20)).parent().unwrap().to_path_buf();
    let refused = place.outlive(&[&"rehearse", &data, &"--scratch", &scratch]).end().expect(2);
    refused.complains("too little room").complains("124.0 MiB").complains("--scratch DIR");
    assert!(names(&scratch).is_empty(), "scratch space was left");
    // Holes take no room.
    let sparse = place.path("sparse.img");
    std::fs::File::create_new(&sparse).unwrap().set_len(1 << 30).unwrap();
    place.outlive(&[&"rehearse", &sparse, &"--scratch", &scratch]).end().expect(0);
}

#[test]
fn the_result_as_json_says_what_was_proved_removed_and_not_seen() {
    let place = Place::new();
    let data = place.file("data/file", "bytes").parent().unwrap().to_path_buf();
    let ended = place.outlive(&[&"rehearse", &data, &"--format", &"json"]).end().expect(0);
    let json = ended.json("rehearse");
    assert_eq!(json["copy"]["state"], "verified");
    assert_eq!(json["loss"]["entries"], 2);
    assert!(json["removed"].as_str().unwrap().contains("outlive-scratch-"), "{json}");
    assert!(json["gaps"].is_array() && json["perhaps"].is_array(), "{json}");
}
