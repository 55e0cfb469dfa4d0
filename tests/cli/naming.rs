//! Names of any bytes: restored exactly, and never obeyed by a terminal.

use super::place::{Place, assert_same, chmod};
use super::run::Ended;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const HOSTILE: [&[u8]; 9] = [
    b"line\nfeed",
    b"carriage\rreturn",
    b"escape \x1b[2J\x1b]0;title\x07",
    b"not utf-8 \xff\xfe\x80",
    b"c1 \xc2\x9b31m",
    b"bidi \xe2\x80\xaegnp.exe",
    b"tab\tand \x7f and \x01",
    b"back\\slash \"quote\" 'quote'",
    b"--keep",
];

fn below(directory: &Path, name: &[u8]) -> PathBuf {
    directory.join(OsStr::from_bytes(name))
}

/// A terminal obeys nothing of what was said.
#[track_caller]
fn assert_tame(ended: &Ended) {
    for (stream, said) in [("standard output", &ended.stdout), ("standard error", &ended.stderr)] {
        let wild =
            said.chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
        assert!(wild.is_none(), "{stream} holds {wild:?}: {said:?}");
    }
}

/// Runs in both formats; both must be tame.
#[track_caller]
fn tame(place: &Place, arguments: &[&dyn AsRef<OsStr>]) -> Ended {
    let text = place.outlive(arguments).end();
    assert_tame(&text);
    let format: [&dyn AsRef<OsStr>; 2] = [&"--format", &"json"];
    let with_format = [&format, arguments].concat();
    let json = place.outlive(&with_format).end();
    assert_tame(&json);
    assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_ok(), "{}", json.stdout);
    text
}

#[test]
fn hostile_names_in_a_tree_come_back_exactly_and_print_safely() {
    let place = Place::new();
    let data = place.directory("data");
    for name in HOSTILE {
        fs::create_dir(below(&data, name)).unwrap();
        for inner in HOSTILE {
            fs::write(below(&below(&data, name), inner), inner).unwrap();
        }
        symlink(OsStr::from_bytes(name), below(&data, &[b"link ", name].concat())).unwrap();
    }
    let (vault, target) = (place.path("vault"), place.path("target"));
    assert_eq!(tame(&place, &[&"copy", &data, &"--vault", &vault]).code, Some(0));
    tame(&place, &[&"verify", &vault]);
    tame(&place, &[&"vault", &"list", &vault]);
    tame(&place, &[&"audit", &data, &"--vault", &vault, &"--copies", &data]);
    assert_tame(&place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0));
    assert_same(&data, &target);
}

#[test]
fn hostile_names_of_volumes_vaults_and_targets_print_safely() {
    let place = Place::new();
    for (number, name) in HOSTILE.into_iter().filter(|name| !name.starts_with(b"-")).enumerate() {
        let root = place.directory(&format!("root-{number}"));
        let (data, vault, target) = (
            below(&root, name),
            below(&root, &[b"v ", name].concat()),
            below(&root, &[b"t ", name].concat()),
        );
        fs::create_dir(&data).unwrap();
        fs::write(below(&data, name), name).unwrap();
        assert_eq!(tame(&place, &[&"copy", &data, &"--vault", &vault]).code, Some(0), "{name:?}");
        assert_eq!(tame(&place, &[&"vault", &"list", &vault]).code, Some(0));
        assert_eq!(tame(&place, &[&"verify", &vault]).code, Some(0));
        tame(&place, &[&"audit", &data, &"--vault", &vault, &"--copies", &root]);
        tame(&place, &[&"inventory", &data]);
        tame(&place, &[&"restore", &"--vault", &vault, &"--to", &data]);
        assert_tame(&place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0));
        assert_same(&data, &target);
        // Named by its path, as a person at a prompt would.
        let again = below(&root, &[b"again ", name].concat());
        assert_tame(
            &place.outlive(&[&"restore", &data, &"--vault", &vault, &"--to", &again]).end().expect(0),
        );
        assert_same(&data, &again);
    }
}

#[test]
fn hostile_names_in_errors_and_lists_of_missed_paths_print_safely() {
    let place = Place::new();
    let data = place.directory("data");
    for name in HOSTILE {
        fs::write(below(&data, name), name).unwrap();
        chmod(&below(&data, name), 0o600);
        let wild = OsString::from(OsStr::from_bytes(name));
        tame(&place, &[&"explain", &"--", &wild]);
        tame(&place, &[&"verify", &"--", &wild]);
        if !name.starts_with(b"-") {
            let (nowhere, vault) = (below(&place.path("nowhere"), name), place.path("vault"));
            tame(&place, &[&"copy", &nowhere, &"--vault", &vault]);
            tame(&place, &[&"audit", &nowhere]);
            tame(&place, &[&"rehearse", &nowhere]);
            tame(&place, &[&"restore", &wild, &"--vault", &nowhere, &"--to", &nowhere]);
        }
    }
    let vault = place.directory("theirs");
    chmod(&vault, 0o1777);
    for format in ["text", "json"] {
        let copy = place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault, &"--format", &format]).end();
        assert_tame(&copy.expect(14).says("Permission denied"));
    }
}

#[test]
fn arguments_that_cannot_be_parsed_are_repeated_safely() {
    let place = Place::new();
    for name in HOSTILE.into_iter().filter(|name| !name.starts_with(b"-")) {
        let wild = OsString::from(OsStr::from_bytes(name));
        let option = OsString::from(OsStr::from_bytes(&[b"--", name].concat()));
        assert_eq!(tame(&place, &[&"audit", &"a", &"--rpo", &wild]).code, Some(2));
        assert_eq!(tame(&place, &[&"audit", &"a", &option]).code, Some(2));
        assert_eq!(tame(&place, &[&wild]).code, Some(2));
    }
}
