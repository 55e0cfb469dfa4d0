//! What programs rely on: exit codes, JSON, and where errors go.

use super::place::Place;
use super::run::binary;
use std::ffi::OsStr;
use std::path::PathBuf;

struct Scene {
    place: Place,
    data: PathBuf,
    vault: PathBuf,
}

/// A directory, and a vault with a copy of it.
fn scene() -> Scene {
    let place = Place::new();
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let vault = place.path("vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    Scene { place, data, vault }
}

#[test]
fn every_command_gives_json_with_its_schema_and_the_exit_codes_of_the_process() {
    let Scene { place, data, vault } = scene();
    let to = place.path("restored");
    let commands: [(&str, i32, Vec<&dyn AsRef<OsStr>>); 16] = [
        ("copy", 0, vec![&"copy", &data, &"--vault", &vault]),
        ("verify", 0, vec![&"verify", &vault]),
        ("vault-list", 0, vec![&"vault", &"list", &vault]),
        ("restore", 0, vec![&"restore", &"--vault", &vault, &"--to", &to]),
        ("restorable", 0, vec![&"restore", &"--vault", &vault]),
        ("restore-list", 0, vec![&"restore", &"--vault", &vault, &"--list"]),
        ("points", 0, vec![&"points", &data, &"--vault", &vault]),
        ("audit", 10, vec![&"audit", &data, &"--vault", &vault]),
        ("inventory", 0, vec![&"inventory", &data]),
        ("ledger-show", 0, vec![&"ledger", &"show"]),
        ("ledger-verify", 11, vec![&"ledger", &"verify", &"--vault", &vault]),
        ("explain", 0, vec![&"explain", &"same-file"]),
        ("explain", 0, vec![&"explain"]),
        ("rehearse", 0, vec![&"rehearse", &data]),
        ("error", 2, vec![&"explain", &"no-such-rule"]),
        ("error", 2, vec![&"restore", &"--vault", &vault, &"--to", &to]),
    ];
    for (schema, code, mut arguments) in commands {
        arguments.extend([&"--format" as &dyn AsRef<OsStr>, &"json"]);
        let ended = place.outlive(&arguments).end().expect(code);
        ended.json(schema);
        assert_eq!(ended.stderr.is_empty(), schema != "error", "{schema}: {}", ended.stderr);
        assert!(!ended.stdout.chars().any(|c| c.is_control() && c != '\n'), "{schema}: control characters");
    }
}

#[test]
fn errors_say_what_happened_where_and_what_to_do_on_standard_error() {
    let Scene { place, data, vault } = scene();
    let (nowhere, deep, full) = (place.path("nowhere"), place.path("not/there"), data.clone());
    let failures: [(i32, Vec<&dyn AsRef<OsStr>>); 7] = [
        (2, vec![&"copy", &nowhere, &"--vault", &vault]),
        (2, vec![&"copy", &data, &"--vault", &deep]),
        (2, vec![&"verify", &nowhere]),
        (2, vec![&"vault", &"list", &data]),
        (2, vec![&"restore", &"--vault", &nowhere, &"--to", &nowhere]),
        (2, vec![&"restore", &"--vault", &vault, &"--to", &full]),
        (2, vec![&"rehearse", &nowhere]),
    ];
    for (code, mut arguments) in failures {
        let ended = place.outlive(&arguments).end().expect(code);
        assert_eq!(ended.stdout, "", "an error went to standard output");
        let lines = ended.complaints();
        assert!(lines.len() == 3, "{}", ended.stderr);
        let begins = ["error: ", "where: ", "to do: "];
        assert!(begins.iter().zip(&lines).all(|(begin, line)| line.starts_with(begin)), "{}", ended.stderr);
        assert!(lines.iter().all(|line| line.len() > 12), "{}", ended.stderr);
        arguments.extend([&"--format" as &dyn AsRef<OsStr>, &"json"]);
        let ended = place.outlive(&arguments).end().expect(code);
        let json = ended.json("error");
        for (key, begin) in [("what", "error: "), ("place", "where: "), ("what_to_do", "to do: ")] {
            let said = format!("{begin}{}", json[key].as_str().unwrap());
            assert!(ended.complaints().contains(&said), "{said}\n{}", ended.stderr);
        }
    }
}

#[test]
fn wrong_arguments_are_usage_errors_and_are_explained() {
    let place = Place::new();
    let wrong: [&[&dyn AsRef<OsStr>]; 9] = [
        &[&"no-such-command"],
        &[&"audit"],
        &[&"copy", &"a"],
        &[&"restore", &"--vault", &"a"],
        &[&"audit", &"a", &"--rpo", &"soon"],
        &[&"audit", &"a", &"--rpo", &"99999999999999999999d"],
        &[&"audit", &"a", &"--time-limit", &"-1s"],
        &[&"audit", &"a", &"--survive", &"everything"],
        &[&"audit", &"a", &"--format", &"yaml"],
    ];
    for arguments in wrong {
        let ended = place.outlive(arguments).end().expect(2);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{}", ended.stderr);
        let format: [&dyn AsRef<OsStr>; 2] = [&"--format", &"json"];
        let json = place.outlive(&[&format, arguments].concat()).end().expect(2).json("error");
        assert!(json["what"].as_str().unwrap().len() > 12, "{json:#}");
    }
    let nothing = place.recorded(vec![binary().into()]).end().expect(2);
    assert!(nothing.stderr.contains("Usage:"), "{}", nothing.stderr);
}

#[test]
fn huge_arguments_are_answered_and_not_choked_on() {
    let place = Place::new();
    let huge = "x".repeat(100_000);
    place.outlive(&[&"audit", &huge]).end().expect(11);
    place.outlive(&[&"explain", &huge]).end().expect(2).complains("there is no rule or kind");
    place.outlive(&[&"verify", &huge]).end().complains("error: ");
    place.outlive(&[&"audit", &"a", &"--time-limit", &huge]).end().expect(2);
    let many: Vec<String> = (0..500).map(|number| format!("nowhere-{number}")).collect();
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"audit", &"--format", &"json"];
    arguments.extend(many.iter().map(|path| path as &dyn AsRef<OsStr>));
    let json = place.outlive(&arguments).end().expect(11).json("audit");
    assert_eq!(json["gaps"].as_array().unwrap().len(), 500);
}

#[test]
fn version_and_help_answer_and_the_help_lists_every_exit_code() {
    let place = Place::new();
    let version = place.recorded(vec![binary().into(), "--version".into()]).end().expect(0);
    assert_eq!(version.stdout, format!("outlive {}\n", env!("CARGO_PKG_VERSION")));
    let help = place.recorded(vec![binary().into(), "--help".into()]).end().expect(0);
    let codes = help.stdout.split("Exit codes:").nth(1).unwrap();
    for code in [0, 1, 2, 10, 11, 12, 14] {
        let listed = codes.lines().any(|line| line.trim_start().starts_with(&format!("{code}  ")));
        assert!(listed, "{code} is not in {codes}");
    }
}

#[test]
fn a_result_that_nobody_could_read_is_no_success() {
    let place = Place::new();
    let ended = place.outlive(&[&"explain"]).inject("write:error=ENOSPC:when=1").end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
}
