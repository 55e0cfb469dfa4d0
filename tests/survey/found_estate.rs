//! What an estate file says of directories to look in, through the program itself.

use crate::hand::fs;
use crate::lab::Lab;
use serde_json::Value;
use std::process::Command;

#[test]
fn the_directories_of_each_volume_hold_its_recovery_points_under_its_name() {
    let lab = Lab::new();
    let (one, two) = (lab.directory("one"), lab.directory("two"));
    let (for_one, for_two) = (lab.directory("for-one"), lab.directory("for-two"));
    for directory in [&for_one, &for_two] {
        fs::write(directory.join("dump"), "-- MySQL dump 10\n-- Dump completed\n").unwrap();
    }
    let volume = |id: &str, path: &std::path::Path, look_in: &std::path::Path| {
        let (path, look_in) = (path.display(), look_in.display());
        format!("[[volume]]\nid = \"{id}\"\npath = \"{path}\"\nlook_in = [\"{look_in}\"]\n")
    };
    let config = lab.path("outlive.toml");
    fs::write(&config, volume("orders", &one, &for_one) + &volume("shop", &two, &for_two)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlive"));
    command.args(["inventory", "--format", "json", "--config"]).arg(&config);
    let done = command.env("OUTLIVE_STATE", lab.path("state")).output().unwrap();
    let document: Value = serde_json::from_slice(&done.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&done.stderr)));
    let points = document["recovery_points"].as_array().unwrap();
    let mut of: Vec<_> = points
        .iter()
        .map(|point| (point["volume"].as_str().unwrap(), point["name"].as_str().unwrap().to_owned()))
        .collect();
    of.sort();
    let names = [&for_one, &for_two].map(|directory| directory.join("dump").display().to_string());
    assert_eq!(of, [("orders", names[0].clone()), ("shop", names[1].clone())], "{document:#}");
}
