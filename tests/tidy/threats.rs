//! What the page on threats names as shown: tests that are there.

use super::source::{File, code_only, has_word};

pub const PAGE: &str = "docs/threat-model.md";

/// Every test that the page names is in the file that stands before it in the same line. A name in backticks counts as one of a
/// test where it is a sentence, so that keys of `outlive.toml` do not.
pub fn named_tests_exist(page: &File, files: &[File]) -> Vec<String> {
    let (mut named, mut wrong) = (0, Vec::new());
    for (number, line) in page.text.lines().enumerate() {
        let mut within = None;
        for span in line.split('`').skip(1).step_by(2) {
            if is_source(span) {
                within = Some(span);
            } else if is_sentence(span) {
                named += 1;
                let complaint = missing(span, within, files);
                wrong.extend(complaint.map(|what| format!("{}:{}: {what}", page.path, number + 1)));
            }
        }
    }
    if named == 0 {
        wrong.push(format!("{}: not one test was found on it", page.path));
    }
    wrong
}

/// Why there is no such test in that file; `None` where there is.
fn missing(name: &str, within: Option<&str>, files: &[File]) -> Option<String> {
    let Some(path) = within else { return Some(format!("`{name}` stands behind no file in its line")) };
    let Some(file) = files.iter().find(|file| file.path == path) else {
        return Some(format!("`{name}` is to be in {path}, which is not there"));
    };
    let is_there = is_test(&file.text, name) || is_case(file, name, files);
    (!is_there).then(|| format!("`{name}` is no test in {path}"))
}

fn is_source(span: &str) -> bool {
    span.ends_with(".rs") && ["tests/", "src/"].iter().any(|folder| span.starts_with(folder))
}

/// Three words or more.
fn is_sentence(span: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    span.split('_').count() > 2 && span.split('_').all(is_word)
}

/// True where the text has a function of this name under `#[test]`.
fn is_test(text: &str, name: &str) -> bool {
    let code = code_only(text);
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let begins = format!("fn {name}(");
    let is_marked = |at: usize| {
        let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        attributes.any(|line| *line == "#[test]")
    };
    lines.iter().enumerate().any(|(at, line)| line.starts_with(&begins) && is_marked(at))
}

/// True where it is a case of a contract: a public function of which another file of the suite makes a test.
fn is_case(file: &File, name: &str, files: &[File]) -> bool {
    let is_public = code_only(&file.text).contains(&format!("pub fn {name}("));
    let others = files.iter().filter(|other| other.path != file.path && other.is_rust_in(&["tests/"]));
    is_public && others.map(|other| code_only(&other.text)).any(|code| has_word(&code, name))
}

#[test]
fn a_test_that_is_not_where_the_page_says_is_seen() {
    let tests = "#[test]\n#[ignore = \"x\"]\nfn it_holds_so_far() {}\n// #[test]\nfn it_is_no_test() {}\n\
                 pub fn a_case_of_many() {}\npub fn a_helper_of_none() {}\n";
    let files = [
        File::new("tests/a/b.rs", tests),
        File::new("tests/a/mod.rs", "passes!(a_case_of_many);\n// a_helper_of_none"),
    ];
    let complaints = |text: &str| named_tests_exist(&File::new(PAGE, text), &files);
    let fine = [
        "| a claim | `tests/a/b.rs` `it_holds_so_far` |",
        "`locked_for`, `most` and `tests/a/mod.rs`; `tests/a/b.rs` `it_holds_so_far`, `a_case_of_many`",
    ];
    for text in fine {
        assert_eq!(complaints(text), Vec::<String>::new(), "{text}");
    }
    let wrong = [
        "",
        "it_holds_so_far",
        "`it_holds_so_far` in `tests/a/b.rs`",
        "`tests/a/b.rs`\n`it_holds_so_far`",
        "`tests/a/c.rs` `it_holds_so_far`",
        "`tests/a/mod.rs` `a_case_of_many`",
        "`tests/a/b.rs` `it_holds_no_more`",
        "`tests/a/b.rs` `it_is_no_test`",
        "`tests/a/b.rs` `a_helper_of_none`",
    ];
    for text in wrong {
        assert_eq!(complaints(text).len(), 1, "{text}");
    }
}
