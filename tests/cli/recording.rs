//! The recorder notices what must not happen: otherwise its silence would prove nothing.

use super::judge::complaints;
use super::place::Place;
use std::ffi::OsString;

/// Runs a program under the recorder; what the judge says of it.
fn judged(place: &Place, program: &[&str]) -> Vec<String> {
    let words: Vec<OsString> = program.iter().map(OsString::from).collect();
    complaints(&place.recorded(words).start().end_unjudged().log)
}

#[test]
fn the_judge_catches_every_way_of_losing_bytes() {
    let place = Place::new();
    let directory = place.directory("precious");
    let reset = || {
        drop(std::fs::remove_dir_all(&directory));
        std::fs::create_dir_all(directory.join("empty")).unwrap();
        std::fs::create_dir_all(directory.join("outlive-scratch-of-another")).unwrap();
        for name in ["a", "b", "outlive-scratch-of-another/c"] {
            std::fs::write(directory.join(name), "precious").unwrap();
        }
        super::place::tool("setfattr", &["-n", "user.a", "-v", "b", directory.join("a").to_str().unwrap()]);
    };
    let shell = [
        ("rm a", "removes"),
        ("rmdir empty", "removes"),
        ("rm -r ../precious/empty", "removes"),
        ("rm outlive-scratch-of-another/c", "removes"),
        ("mkdir $PWD/outlive-scratch-1; rm $PWD/outlive-scratch-1/../a", "removes"),
        ("mv a b", "renames"),
        ("mv a c", "renames"),
        ("mkdir $PWD/outlive-scratch-1; mv a $PWD/outlive-scratch-1/a", "renames"),
        ("> a", "opens for writing"),
        ("echo x 1<> a", "opens for writing"),
        ("exec 3<> a; echo x >&3", "opens for writing"),
        ("cp b a", "opens for writing"),
        ("truncate -s 1 a", "opens for writing"),
        ("dd if=/dev/zero of=a bs=1 count=1 conv=notrunc", "opens for writing"),
        ("fallocate -p -o 0 -l 4 a", "opens for writing"),
        ("setfattr -x user.a a", "removes an attribute"),
        ("perl -e 'truncate(\"a\", 1)'", "cuts"),
    ];
    for (command, wanted) in shell {
        reset();
        let command = format!("cd {} && {command}", directory.display());
        let found = judged(&place, &["sh", "-c", &command]);
        assert!(found.iter().any(|complaint| complaint.contains(wanted)), "{command}: {found:?}");
    }
    // Without a shell between, the program itself is judged.
    reset();
    let found = judged(&place, &["rm", directory.join("a").to_str().unwrap()]);
    assert!(found.iter().any(|complaint| complaint.contains("removes")), "rm a: {found:?}");
}

#[test]
fn the_judge_lets_new_files_appending_and_own_scratch_space_pass() {
    let place = Place::new();
    let directory = place.directory("precious");
    std::fs::write(directory.join("log"), "precious").unwrap();
    let fine = [
        "echo more >> log; cat log; set -C; echo x > new; ln new other",
        "mkdir outlive-scratch-1; echo a > outlive-scratch-1/a; mv outlive-scratch-1/a outlive-scratch-1/b; rm -r outlive-scratch-1",
        "echo silence > /dev/null",
    ];
    for command in fine {
        let command = command.replace("outlive", &format!("{}/outlive", directory.display()));
        let command = format!("cd {} && {command}", directory.display());
        assert_eq!(judged(&place, &["sh", "-c", &command]), Vec::<String>::new(), "{command}");
    }
}
