//! What source code may not say, line by line.

use super::source::{File, code_only, has_word, line_of, product_code, word_offsets};

/// The only place that removes anything: scratch space that it made itself.
const SANDBOX: &str = "src/drill/sandbox/";
/// The only place with `unsafe`.
const IOCTL: &str = "src/providers/local/ioctl.rs";
/// The only place that renames, on one line: over the textfile that an earlier run wrote (decision 20).
const TEXTFILE: &str = "src/signal/textfile.rs";
const RENAMES_TEXTFILE: &str = "// replaces our own textfile";
const ALL_RUST: [&str; 3] = ["src/", "tests/", "benches/"];

/// Calls that delete or overwrite, whatever they act on.
const DESTROYING: [&str; 25] = [
    "remove_file",
    "remove_dir",
    "remove_dir_all",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename(",
    "rename_with(",
    "renameat",
    "renameat_with",
    "renameat2",
    "truncate(true)",
    "O_TRUNC",
    "OFlags::TRUNC",
    "PUNCH_HOLE",
    "ZERO_RANGE",
    "COLLAPSE_RANGE",
    "SNAP_DESTROY",
    "SUBVOL_DESTROY",
    "removexattr",
    "fremovexattr",
    "lremovexattr",
    "File::create(",
    "fs::write(",
    "fs::copy(",
];
/// What the API of a store has to delete, to end an upload, to shorten a lock or to have a bucket do so: by the start
/// of a name, in any writing.
const DESTROYING_REQUESTS: [&str; 18] = [
    "delete_object",
    "deleteobject",
    "delete_bucket",
    "deletebucket",
    "delete_public_access",
    "deletepublicaccess",
    "abort_multipart",
    "abortmultipart",
    "bypass_governance",
    "bypassgovernance",
    "put_bucket_",
    "putbucket",
    "put_object_lock",
    "putobjectlock",
    "put_object_retention",
    "putobjectretention",
    "copy_object",
    "copyobject",
];
/// Arguments that make another program delete.
const DESTROYING_ARGUMENTS: [&str; 5] = ["\"rm\"", "\"shred\"", "\"wipefs\"", "\"delete\"", "\"mkfs"];
/// The file that makes locks of objects longer, and the one call for it.
const LOCKS: &str = "src/store/s3/lock.rs";
const LENGTHENS_A_LOCK: &str = "self.client.put_object_retention()";
/// The file that asks for less of a lock, of an object that it made itself, and the one line that does.
const PROBE: &str = "src/store/s3/probe_locks.rs";
const ASKS_FOR_LESS: &str =
    "self.bucket.client.put_object_retention(); // of a canary: a sound store refuses";
/// Calls that set a length: of a new file they make a sparse one, of an old file they cut.
const RESIZING: [&str; 2] = ["set_len", "ftruncate"];

/// Files stay short enough to be read in one go; the binary only parses, runs and exits.
pub fn files_stay_short(file: &File) -> Vec<String> {
    let limit = if file.path == "src/main.rs" { 30 } else { 400 };
    let lines = file.text.lines().count();
    if file.is_rust_in(&ALL_RUST) && lines > limit {
        vec![format!("{}: {lines} lines, the limit is {limit}", file.path)]
    } else {
        Vec::new()
    }
}

/// Nothing is left for later in a way that only a running program would find.
pub fn nothing_is_unfinished(file: &File) -> Vec<String> {
    if !file.is_rust_in(&ALL_RUST) {
        return Vec::new();
    }
    lines_with(file, &code_only(&file.text), &["todo!", "unimplemented!"], |_| false)
}

/// A panic needs a reason why it cannot happen: `// cannot …` on the line or the one above.
pub fn panics_say_why_not(file: &File) -> Vec<String> {
    if !file.is_rust_in(&["src/"]) {
        return Vec::new();
    }
    let raw: Vec<&str> = file.text.lines().collect();
    let excused = |line: usize| {
        raw[line - 1].contains("// cannot") || line > 1 && raw[line - 2].trim_start().starts_with("// cannot")
    };
    lines_with(file, &product_code(&file.text), &[".unwrap()", ".expect("], excused)
}

/// Only the command line prints.
pub fn only_the_command_line_prints(file: &File) -> Vec<String> {
    const PRINTING: [&str; 5] = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
    if !file.is_rust_in(&["src/"]) || file.path.starts_with("src/cli/") {
        return Vec::new();
    }
    lines_with(file, &product_code(&file.text), &PRINTING, |_| false)
}

/// No deletion and no overwriting outside the scratch space.
pub fn nothing_destroys(file: &File) -> Vec<String> {
    if !file.is_rust_in(&["src/"]) || file.path.starts_with(SANDBOX) {
        return Vec::new();
    }
    let code = product_code(&file.text);
    let raw: Vec<&str> = file.text.lines().collect();
    let is_the_rename = |line: usize| {
        let text = raw[line - 1];
        let excused = text.contains("rustix::fs::renameat(") && text.ends_with(RENAMES_TEXTFILE);
        file.path == TEXTFILE && excused && file.text.matches(RENAMES_TEXTFILE).count() == 1
    };
    // A compliance lock is only ever made longer by it, whoever asks; one of governance without a right to bypass it too.
    let lengthens = |line: usize| {
        let is_it = raw[line - 1].contains(LENGTHENS_A_LOCK);
        let once = code.matches("put_object_retention").count() == 1;
        let asks = file.path == PROBE && raw[line - 1].ends_with(ASKS_FOR_LESS);
        once && (file.path == LOCKS && is_it || asks)
    };
    let mut wrong = lines_with(file, &code, &DESTROYING, is_the_rename);
    wrong.extend(lines_with(file, &code, &RESIZING, |line| raw[line - 1].contains("// new file:")));
    wrong.extend(opens_that_take_what_is_there(file, &code));
    for (line, code) in code.lines().enumerate() {
        let code = code.to_ascii_lowercase();
        let request = DESTROYING_REQUESTS.iter().find(|request| code.contains(**request));
        let request = request.filter(|request| **request != "put_object_retention" || !lengthens(line + 1));
        wrong.extend(request.map(|request| format!("{}:{}: `{request}`", file.path, line + 1)));
    }
    for (line, (raw, code)) in raw.iter().zip(code.lines()).enumerate() {
        let argument = DESTROYING_ARGUMENTS.iter().find(|argument| raw.contains(**argument));
        if let Some(argument) = argument.filter(|_| !code.trim().is_empty()) {
            wrong.push(format!("{}:{}: {argument} as an argument", file.path, line + 1));
        }
    }
    wrong
}

/// `unsafe` stands where an ioctl needs it, and nowhere else.
pub fn unsafe_stays_in_one_file(file: &File) -> Vec<String> {
    if !file.is_rust_in(&ALL_RUST) || file.path == IOCTL {
        return Vec::new();
    }
    lines_with(file, &code_only(&file.text), &["unsafe"], |_| false)
}

/// Creating must be of a new file (`create_new`, `EXCL`) or append: else it opens what is there.
fn opens_that_take_what_is_there(file: &File, code: &str) -> Vec<String> {
    let shapes = [
        (".create(true)", [".append(true)", ".create_new(true)"]),
        ("OFlags::CREATE", ["OFlags::EXCL", "OFlags::APPEND"]),
    ];
    let mut wrong = Vec::new();
    for (creates, harmless) in shapes {
        for at in word_offsets(code, creates) {
            let statement = statement_around(code, at);
            if !harmless.iter().any(|word| has_word(statement, word)) {
                let line = line_of(code, at);
                wrong.push(format!("{}:{line}: `{creates}` without any of {harmless:?}", file.path));
            }
        }
    }
    wrong
}

fn statement_around(code: &str, at: usize) -> &str {
    let start = code[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    let end = code[at..].find([';', '{', '}']).map_or(code.len(), |length| at + length);
    &code[start..end]
}

/// One complaint for each pattern in `code` whose line is not excused.
fn lines_with(file: &File, code: &str, patterns: &[&str], excused: impl Fn(usize) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for pattern in patterns {
        for at in word_offsets(code, pattern) {
            let line = line_of(code, at);
            if !excused(line) {
                wrong.push(format!("{}:{line}: `{pattern}`", file.path));
            }
        }
    }
    wrong
}

/// Asserts that the check complains about each of `wrong` and about none of `fine`, all in src/vault/a.rs.
#[cfg(test)]
fn tell_apart(check: fn(&File) -> Vec<String>, wrong: &[&str], fine: &[&str]) {
    for text in wrong {
        assert!(!check(&File::new("src/vault/a.rs", text)).is_empty(), "not seen: {text}");
    }
    for text in fine {
        let complaints = check(&File::new("src/vault/a.rs", text));
        assert!(complaints.is_empty(), "{complaints:?}: {text}");
    }
}

#[test]
fn a_long_file_is_seen() {
    tell_apart(files_stay_short, &["x\n".repeat(401).as_str()], &["x\n".repeat(400).as_str()]);
    assert!(!files_stay_short(&File::new("tests/a.rs", &"x\n".repeat(401))).is_empty());
    assert!(!files_stay_short(&File::new("src/main.rs", &"x\n".repeat(31))).is_empty());
    assert!(files_stay_short(&File::new("docs/a.md", &"x\n".repeat(401))).is_empty());
}

#[test]
fn unfinished_code_is_seen() {
    let wrong = ["fn f() { todo!() }", "#[cfg(test)]\nmod tests { fn f() { unimplemented!() } }"];
    tell_apart(nothing_is_unfinished, &wrong, &["// todo!\nconst S: &str = \"todo!\";"]);
}

#[test]
fn a_panic_without_a_reason_is_seen() {
    let wrong = [
        "a.unwrap();",
        "a\n  .expect(\"b\");",
        "// cannot fail: far away\n\na.unwrap();",
        "a.unwrap(); // can fail",
    ];
    let fine = [
        "a.unwrap(); // cannot fail: just filled",
        "// cannot fail: just filled\na.expect(\"b\");",
        "a.unwrap_or(1); a.expect_err(2); // .unwrap()",
        "#[cfg(test)]\nmod tests { fn f() { a.unwrap(); } }",
    ];
    tell_apart(panics_say_why_not, &wrong, &fine);
}

#[test]
fn printing_outside_the_command_line_is_seen() {
    let wrong = ["println!(\"a\");", "std::print!(\"a\")", "eprintln!()", "dbg!(a)"];
    tell_apart(only_the_command_line_prints, &wrong, &["writeln!(out)?;", "// println!"]);
    assert!(only_the_command_line_prints(&File::new("src/cli/a.rs", wrong[0])).is_empty());
}

#[test]
fn deleting_and_overwriting_are_seen() {
    let mut wrong: Vec<String> =
        DESTROYING.iter().chain(&RESIZING).map(|call| format!("x::{call} y);")).collect();
    wrong.extend(DESTROYING_ARGUMENTS.iter().map(|argument| format!("command.arg({argument}\");")));
    wrong.extend(
        [
            "OpenOptions::new().write(true).create(true).open(p);",
            "openat(d, p, OFlags::CREATE | OFlags::WRONLY);",
        ]
        .map(str::to_owned),
    );
    wrong.extend(DESTROYING_REQUESTS.iter().map(|request| format!("client.{request}s().send();")));
    wrong.extend(
        ["client.delete_objects()", "DeleteObjectsFluentBuilder", ".bypass_governance_retention(true)"]
            .map(str::to_owned),
    );
    let fine = [
        "names.truncate(3); set.remove(&a); File::create_new(p);",
        "#[serde(rename = \"a\", rename_all = \"kebab-case\")]",
        "file.set_len(9)?; // new file: the length of a sparse one",
        "OpenOptions::new().append(true).create(true).open(p);",
        "openat(d, p, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY);",
        "// remove_file, \"rm\"\n#[cfg(test)]\nmod tests { fn f() { std::fs::write(p, \"rm\"); } }",
    ];
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    tell_apart(nothing_destroys, &wrong, &fine);
    assert!(nothing_destroys(&File::new("src/drill/sandbox/mod.rs", "remove_dir_all(p)")).is_empty());
    assert!(!nothing_destroys(&File::new("src/drill/mod.rs", "remove_dir_all(p)")).is_empty());
}

#[test]
fn the_one_rename_is_excused_in_its_file_on_its_line_and_nowhere_else() {
    let line = format!("rustix::fs::renameat(a, b, a, c) {RENAMES_TEXTFILE}");
    let complaints = |path: &str, text: &str| nothing_destroys(&File::new(path, text)).len();
    assert_eq!(complaints(TEXTFILE, &line), 0);
    assert_eq!(complaints("src/signal/ping.rs", &line), 1);
    assert_eq!(complaints(TEXTFILE, "rustix::fs::renameat(a, b, a, c)"), 1);
    assert_eq!(complaints(TEXTFILE, &format!("{line}\n{line}")), 2);
    assert_eq!(complaints(TEXTFILE, &format!("unlinkat(a, b) {RENAMES_TEXTFILE}")), 1);
}

#[test]
fn the_one_call_that_makes_a_lock_longer_is_excused_in_its_file_and_nowhere_else() {
    let line = format!("let request = {LENGTHENS_A_LOCK}.bucket(b);");
    let complaints = |path: &str, text: &str| nothing_destroys(&File::new(path, text)).len();
    assert_eq!(complaints(LOCKS, &line), 0);
    assert_eq!(complaints("src/store/s3/put.rs", &line), 1);
    assert_eq!(complaints(LOCKS, &format!("{line}\n{line}")), 2);
    assert_eq!(complaints(LOCKS, &format!("{line}\nx.bypass_governance_retention(true)")), 1);
}

#[test]
fn the_one_call_that_asks_for_less_is_excused_in_its_file_and_nowhere_else() {
    let line = format!("let request = {ASKS_FOR_LESS}");
    let complaints = |path: &str, text: &str| nothing_destroys(&File::new(path, text)).len();
    assert_eq!(complaints(PROBE, &line), 0);
    assert_eq!(complaints(LOCKS, &line), 1);
    assert_eq!(complaints(PROBE, &format!("{line}\n{line}")), 2);
    assert_eq!(complaints(PROBE, "self.bucket.client.put_object_retention();"), 1);
    assert_eq!(complaints(PROBE, &format!("{line}\nx.bypass_governance_retention(true)")), 1);
}

#[test]
fn unsafe_elsewhere_is_seen() {
    tell_apart(unsafe_stays_in_one_file, &["unsafe { f() }"], &["#![deny(unsafe_code)] // unsafe"]);
    assert!(unsafe_stays_in_one_file(&File::new(IOCTL, "unsafe { f() }")).is_empty());
}
