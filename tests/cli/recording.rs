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

#[test]
fn only_what_a_test_marks_as_its_own_is_let_pass_with_all_it_starts() {
    let (begin, end) = (super::hand::BEGIN, super::hand::END);
    let marked = |inside: &str, outside: &str| {
        complaints(&format!(
            "1 execve(\"/t/vault-1\", [], 0x1) = 0\n\
            1 clone3({{flags=CLONE_VM}}, 88) = 2\n\
            1 rmdir(\"{begin}\") = -1 ENOENT (No such file or directory)\n\
            1 rmdir(\"{begin}\") = -1 ENOENT (No such file or directory)\n\
            1 rmdir(\"{end}\") = -1 ENOENT (No such file or directory)\n\
            1 clone3({{flags=CLONE_VM}}, 88) = 3\n\
            {inside}\n\
            1 rmdir(\"{end}\") = -1 ENOENT (No such file or directory)\n\
            {outside}\n"
        ))
        .len()
    };
    assert_eq!(marked("1 unlink(\"/a\") = 0", ""), 0);
    assert_eq!(marked("3 unlink(\"/a\") = 0", "3 unlink(\"/a\") = 0"), 0);
    // Another thread meanwhile, the same thread afterwards, and a thread whose number was used before.
    assert_eq!(marked("2 unlink(\"/a\") = 0", ""), 1);
    assert_eq!(marked("", "1 unlink(\"/a\") = 0"), 1);
    assert_eq!(marked("", "1 clone3({flags=CLONE_VM}, 88) = 3\n3 unlink(\"/a\") = 0"), 1);
    let real = Place::new();
    let file = real.directory("precious").join("a");
    std::fs::write(&file, "precious").unwrap();
    let script = |script: &str| judged(&real, &["perl", "-e", script]);
    let marked = format!("rmdir '{begin}'; unlink '{0}'; rmdir '{end}';", file.display());
    assert_eq!(script(&marked), Vec::<String>::new());
    std::fs::write(&file, "precious").unwrap();
    assert_eq!(script(&format!("unlink '{}';", file.display())).len(), 1);
}

#[test]
fn the_judge_knows_which_program_may_touch_which_device_and_is_not_led_astray() {
    let begin = "1 execve(\"/t/outlive\", [], 0x1) = 0\n1 mkdir(\"/s/outlive-scratch-1\", 0700) = 0\n";
    let child = |name: &str| format!("1 vfork() = 2\n2 execve(\"/sbin/{name}\", [], 0x1) = 0\n");
    let found = |log: String| complaints(&format!("{begin}{log}\n")).len();
    for (name, call) in [
        ("mount", "openat(AT_FDCWD</>, \"/dev/vda\", O_WRONLY|O_TRUNC) = 3</dev/vda>"),
        ("cp", "openat(AT_FDCWD</>, \"/dev/loop1\", O_WRONLY) = 3</dev/loop1>"),
        ("btrfs", "unlink(\"/dev/mapper/precious\") = 0"),
        ("mount", "unlink(\"/run/mount/../../home/precious\") = 0"),
        ("mount", "ioctl(3</dev/vda>, BLKDISCARD, [0, 512]) = 0"),
    ] {
        assert_eq!(found(format!("{}2 {call}", child(name))), 1, "{name}: {call}");
    }
    assert_eq!(
        found(format!("{}2 openat(AT_FDCWD</>, \"/dev/loop1\", O_RDWR) = 3</dev/loop1>", child("mount"))),
        0
    );
    for call in [
        "open_by_handle_at(3</>, {handle_bytes=8}, O_WRONLY|O_TRUNC) = 4</precious>",
        "io_uring_setup(8, {}) = 4<anon_inode:[io_uring]>",
        "openat(AT_FDCWD</>, \"/proc/self/fd/3\", O_WRONLY|O_TRUNC) = ?",
    ] {
        assert_eq!(found(format!("1 {call}")), 1, "{call}");
    }
    // Through a symlink in its own scratch space.
    let link = "1 symlink(\"/home\", \"/s/outlive-scratch-1/l\") = 0\n";
    assert_eq!(found(format!("{link}1 unlink(\"/s/outlive-scratch-1/l/precious\") = 0")), 1);
    assert_eq!(found(format!("{link}1 unlink(\"/s/outlive-scratch-1/l\") = 0")), 0);
    // A thread of its own with a number that a child had before.
    let own = format!("{}1 clone3({{flags=CLONE_VM}}, 88) = 2\n2 ", child("mount"));
    assert_eq!(found(format!("{own}openat(AT_FDCWD</>, \"/dev/loop1\", O_RDWR) = 3</dev/loop1>")), 1);
}
