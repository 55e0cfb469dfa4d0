//! The file that is being read: where things stand in it, and what is wrong with it.

use super::super::{Line, Unhonoured};
use super::words::suggestion;
use crate::domain::{Kind, Problem, printable};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// More complaints than this help nobody; the first ones are told.
const TOLD: usize = 100;

/// A text with what was found out about it. Reading goes on after a mistake, so that all are told at once.
pub(super) struct File<'a> {
    path: String,
    directory: &'a Path,
    text: &'a str,
    starts: Vec<usize>,
    complaints: RefCell<Vec<(usize, Problem)>>,
    unhonoured: RefCell<Vec<(usize, Unhonoured)>>,
}

impl<'a> File<'a> {
    /// `path` is how the file is named to people; relative paths in it begin at `directory`.
    pub(super) fn new(path: &Path, directory: &'a Path, text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            path: printable(path.as_os_str().as_encoded_bytes()),
            directory,
            text,
            starts,
            complaints: RefCell::default(),
            unhonoured: RefCell::default(),
        }
    }

    /// The line at a byte offset, from 1.
    pub(super) fn line(&self, at: usize) -> Line {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Where a line begins.
    pub(super) fn start_of(&self, line: Line) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// `outlive.toml:12:5`: the column counts characters, from 1.
    fn place(&self, at: usize) -> String {
        let line = self.line(at);
        let before = self.text.get(self.starts[line - 1]..at).unwrap_or_default();
        format!("{}:{line}:{}", self.path, before.chars().count() + 1)
    }

    /// Notes a mistake at a byte offset, and what to do about it.
    pub(super) fn complain(&self, at: usize, what: impl Into<String>, remedy: impl Into<String>) {
        let problem = Problem::new(Kind::Usage, what).remedy(remedy);
        self.complaints.borrow_mut().push((at, problem));
    }

    /// The name that was probably meant. After many mistakes nobody reads on, and nothing is looked for.
    pub(super) fn near<'w>(&self, written: &str, names: impl IntoIterator<Item = &'w str>) -> String {
        if self.complaints.borrow().len() < TOLD { suggestion(written, names) } else { String::new() }
    }

    /// Notes that something was asked for and will not be done.
    pub(super) fn leave_undone(&self, at: usize, key: impl Into<String>, because: impl Into<String>) {
        let undone = Unhonoured { key: key.into(), because: because.into(), line: self.line(at) };
        self.unhonoured.borrow_mut().push((at, undone));
    }

    /// A path, begun at the file's directory where it is relative.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        // The components leave out `.` and doubled slashes, so that one place has one name.
        self.directory.join(path).components().collect()
    }

    /// What is wrong with it, by line; what is not done, by line, where nothing is wrong.
    pub(super) fn finish(&self) -> std::result::Result<Vec<Unhonoured>, Vec<Problem>> {
        let mut complaints = self.complaints.take();
        if complaints.is_empty() {
            let mut undone = self.unhonoured.take();
            undone.sort_by_key(|(at, _)| *at);
            return Ok(undone.into_iter().map(|(_, undone)| undone).collect());
        }
        complaints.sort_by_key(|(at, _)| *at);
        complaints.truncate(TOLD);
        Err(complaints.into_iter().map(|(at, problem)| problem.at(self.place(at))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let file = File::new(Path::new("a.toml"), Path::new("/etc"), "ä = 1\nöö = 2");
        for (at, place) in [(0, "a.toml:1:1"), (2, "a.toml:1:2"), (7, "a.toml:2:1"), (11, "a.toml:2:3")] {
            assert_eq!(file.place(at), place);
        }
        assert_eq!(file.place(99), "a.toml:2:1");
        assert_eq!(File::new(Path::new("a"), Path::new(""), "").place(0), "a:1:1");
    }

    #[test]
    fn a_relative_path_begins_at_the_file_s_directory() {
        let file = File::new(Path::new("a.toml"), Path::new("/etc/outlive"), "");
        assert_eq!(file.resolve("drills"), Path::new("/etc/outlive/drills"));
        assert_eq!(file.resolve(".//drills/"), Path::new("/etc/outlive/drills"));
        assert_eq!(file.resolve("/srv//a"), Path::new("/srv/a"));
    }
}
