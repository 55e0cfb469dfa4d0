//! The module list of src/lib.rs is the order of the layers, and every file hangs on it.

use super::source::{File, code_only, leading_word, line_of, word_offsets};
use std::collections::BTreeSet;

/// The modules of src/lib.rs, in order.
pub fn layers(files: &[File]) -> Vec<String> {
    let root = files.iter().find(|file| file.path == "src/lib.rs");
    root.map_or_else(Vec::new, |file| declared(&code_only(&file.text)))
}

/// Paths that start at `crate`, or reach it by `super`, name only the file's own module or one listed above it.
pub fn imports_only_upwards(file: &File, layers: &[String]) -> Vec<String> {
    let Some(own) = layer_of(&file.path) else { return Vec::new() };
    let Some(rank) = layers.iter().position(|layer| layer == own) else {
        return vec![format!("{}: module `{own}` is not listed in src/lib.rs", file.path)];
    };
    let code = code_only(&file.text);
    let mut wrong = Vec::new();
    for (at, rest) in paths_from_the_root(&file.path, &code) {
        for name in first_names(rest) {
            if !layers[..=rank].iter().any(|layer| layer == name) {
                let line = line_of(&code, at);
                wrong.push(format!("{}:{line}: `{own}` may not import `{name}`", file.path));
            }
        }
    }
    wrong
}

/// Layers that judge are free of I/O, clock, threads and environment.
pub fn pure_layers_stay_pure(file: &File) -> Vec<String> {
    const PURE: [&str; 5] = ["src/domain/", "src/catalogue/", "src/isolation/", "src/rules/", "src/plan/"];
    const IMPURE: [&str; 14] = [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::thread",
        "std::os",
        "tokio",
        "rustix",
        "getrandom",
        "async",
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant",
    ];
    if !file.is_rust_in(&PURE) {
        return Vec::new();
    }
    let code = code_only(&file.text);
    let found =
        IMPURE.iter().flat_map(|name| word_offsets(&code, name).into_iter().map(move |at| (at, name)));
    found
        .map(|(at, name)| format!("{}:{}: `{name}` in a pure layer", file.path, line_of(&code, at)))
        .collect()
}

/// Every .rs file below src is reached by `mod` lines from src/lib.rs or src/main.rs.
pub fn no_dead_files(files: &[File]) -> Vec<String> {
    let mut open = vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()];
    let mut reached = BTreeSet::new();
    while let Some(path) = open.pop() {
        let Some(file) = files.iter().find(|file| file.path == path) else { continue };
        if !reached.insert(path) {
            continue;
        }
        let folder = folder_of_children(&file.path);
        for name in declared(&code_only(&file.text)) {
            open.push(format!("{folder}{name}.rs"));
            open.push(format!("{folder}{name}/mod.rs"));
        }
    }
    files
        .iter()
        .filter(|file| file.is_rust_in(&["src/"]) && !reached.contains(&file.path))
        .map(|file| format!("{}: no `mod` line leads to this file", file.path))
        .collect()
}

/// Each layer says in its first line what it is for.
pub fn layers_introduce_themselves(files: &[File], layers: &[String]) -> Vec<String> {
    let introduced = |layer: &String| {
        // What only unit tests import lives with the other tests.
        let places =
            ["src/{}/mod.rs", "src/{}.rs", "tests/{}/mod.rs"].map(|place| place.replace("{}", layer));
        files.iter().any(|file| places.contains(&file.path) && file.text.starts_with("//! "))
    };
    layers
        .iter()
        .filter(|layer| !introduced(layer))
        .map(|layer| format!("src/{layer}/mod.rs: does not begin with a `//!` line"))
        .collect()
}

/// `src/vault/read.rs` and `src/vault.rs` are of the layer `vault`; lib.rs and main.rs are of none.
fn layer_of(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let layer = inner.split('/').next()?;
    (!matches!(inner, "lib" | "main")).then_some(layer)
}

fn folder_of_children(path: &str) -> String {
    for root in ["mod.rs", "lib.rs", "main.rs"] {
        if let Some(folder) = path.strip_suffix(root).filter(|folder| folder.ends_with('/')) {
            return folder.to_owned();
        }
    }
    format!("{}/", path.trim_end_matches(".rs"))
}

/// The names in `mod name;` lines.
fn declared(code: &str) -> Vec<String> {
    let after_mod = word_offsets(code, "mod").into_iter().map(|at| code[at + 3..].trim_start());
    after_mod
        .map(|rest| (leading_word(rest), rest))
        .filter(|(name, rest)| rest[name.len()..].trim_start().starts_with(';'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Where a path starts at the crate's root, and what follows the root.
fn paths_from_the_root<'a>(path: &str, code: &'a str) -> Vec<(usize, &'a str)> {
    let mut found: Vec<_> =
        word_offsets(code, "crate::").into_iter().map(|at| (at, &code[at + "crate::".len()..])).collect();
    for at in word_offsets(code, "super::") {
        if code[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut steps = 0;
        while let Some(shorter) = rest.strip_prefix("super::") {
            (rest, steps) = (shorter, steps + 1);
        }
        if steps == depth_of_file(path) + inline_modules_around(code, at) {
            found.push((at, rest));
        }
    }
    found
}

/// How many `super` lead from the file's own module to the crate's root.
fn depth_of_file(path: &str) -> usize {
    folder_of_children(path).matches('/').count() - 1
}

/// How many `mod name { … }` enclose this place.
fn inline_modules_around(code: &str, place: usize) -> usize {
    let opens = |at: usize| {
        let rest = code[at + 3..].trim_start();
        let after = rest[leading_word(rest).len()..].trim_start();
        after.starts_with('{').then(|| code.len() - after.len())
    };
    let starts = word_offsets(code, "mod").into_iter().filter_map(opens);
    starts.filter(|&open| open < place && place < matching_brace(code, open)).count()
}

fn matching_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The first name of a path, or of each branch of `{a::b, c::{d, e}}`.
fn first_names(rest: &str) -> Vec<&str> {
    let Some(tree) = rest.strip_prefix('{') else {
        return vec![first_name(rest)];
    };
    let (mut depth, mut start, mut names) = (0_usize, 0, Vec::new());
    for (at, byte) in tree.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b',' | b'}' if depth == 0 => {
                names.push(first_name(tree[start..at].trim_start()));
                start = at + 1;
                if byte == b'}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty() && *name != "self");
    names
}

fn first_name(path: &str) -> &str {
    if path.starts_with('*') { "*" } else { leading_word(path) }
}

#[cfg(test)]
fn sample_layers() -> Vec<String> {
    ["domain", "store", "vault", "cli"].map(str::to_owned).to_vec()
}

#[test]
fn an_import_of_a_lower_layer_is_seen_in_every_shape() {
    let wrong = [
        ("src/store/mod.rs", "use crate::vault::Root;"),
        ("src/store/mod.rs", "use crate::{domain::{Known, Gap}, vault::Root};"),
        ("src/store/mod.rs", "use crate::{\n    domain::Known,\n    cli,\n};"),
        ("src/store/mod.rs", "fn f() { crate::cli::run() }"),
        ("src/store/mod.rs", "use super::vault::Root;"),
        ("src/store/s3/mod.rs", "use super::super::vault::Root;"),
        ("src/store/dir.rs", "mod tests { use super::super::super::vault::Root; }"),
        ("src/store/mod.rs", "use crate::*;"),
        ("src/store/mod.rs", "use crate::{*};"),
        ("src/other/mod.rs", "// not listed"),
    ];
    for (path, text) in wrong {
        let count = imports_only_upwards(&File::new(path, text), &sample_layers()).len();
        assert_eq!(count, 1, "{path}: {text}");
    }
}

#[test]
fn imports_of_upper_layers_and_of_the_own_one_are_fine() {
    let fine = [
        ("src/vault/mod.rs", "use crate::{domain::Known, store::{Key, Store}, vault::format};"),
        ("src/store/dir.rs", "use super::Store;\nmod tests { use super::super::Store; }"),
        ("src/store/mod.rs", "// crate::vault\nconst S: &str = \"crate::cli\";"),
        ("src/domain/point.rs", "pub(crate) fn f() {}"),
        ("src/main.rs", "use outlive::cli;"),
    ];
    for (path, text) in fine {
        let wrong = imports_only_upwards(&File::new(path, text), &sample_layers());
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_clock_or_a_file_in_a_pure_layer_is_seen() {
    for text in ["use std::fs;", "let now = Utc::now();", "async fn f() {}", "std::env::var(X)"] {
        assert!(!pure_layers_stay_pure(&File::new("src/rules/a.rs", text)).is_empty(), "{text}");
        assert!(pure_layers_stay_pure(&File::new("src/cli/a.rs", text)).is_empty(), "{text}");
    }
    assert!(
        pure_layers_stay_pure(&File::new("src/rules/a.rs", "// async, std::fs\nuse std::fmt;")).is_empty()
    );
}

#[test]
fn a_file_without_a_mod_line_is_seen() {
    let lib = File::new("src/lib.rs", "pub mod store;\n// mod ghost;\nmod inline { fn f() {} }");
    let store = File::new("src/store/mod.rs", "pub(crate) mod dir;");
    let dir = File::new("src/store/dir.rs", "mod deep;");
    let deep = File::new("src/store/dir/deep.rs", "");
    let fine = vec![lib, store, dir, deep];
    assert!(no_dead_files(&fine).is_empty());
    let mut wrong = fine;
    wrong.push(File::new("src/ghost.rs", ""));
    wrong.push(File::new("src/store/ghost.rs", ""));
    assert_eq!(no_dead_files(&wrong).len(), 2);
}

#[test]
fn a_layer_that_does_not_introduce_itself_is_seen() {
    let files = [File::new("src/domain/mod.rs", "//! Nouns."), File::new("src/store/mod.rs", "mod dir;")];
    let layers = ["domain".to_owned(), "store".to_owned(), "gone".to_owned()];
    assert_eq!(layers_introduce_themselves(&files, &layers).len(), 2);
    assert!(layers_introduce_themselves(&files, &layers[..1]).is_empty());
}
