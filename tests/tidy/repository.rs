//! Reads the repository's text files.

use super::source::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file that git would take, or that lies there where git does not answer.
pub fn files() -> Vec<File> {
    let mut paths = git_paths().unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(Path::new(""), &mut found);
        found
    });
    paths.sort();
    paths.into_iter().filter_map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Option<File> {
    let text = std::fs::read_to_string(root().join(path)).ok()?;
    Some(File { path: path.to_str()?.to_owned(), text })
}

fn git_paths() -> Option<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()?;
    let list = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<_> = list.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return };
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && path != Path::new(".git") && path != Path::new("target") => {
                walk(&path, found);
            }
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn the_repository_is_read_with_and_without_git() {
    let listed = files();
    let mut walked = Vec::new();
    walk(Path::new(""), &mut walked);
    for wanted in ["Cargo.toml", "src/lib.rs", "tests/tidy.rs"] {
        assert!(listed.iter().any(|file| file.path == wanted), "{wanted} is not listed");
        assert!(walked.iter().any(|path| path == Path::new(wanted)), "{wanted} is not walked");
    }
}
