//! Checks of what was restored, one file a check.

mod command;
mod counts;
mod files;
mod image;
mod original;
mod same_tree;

pub use original::Original;
pub use same_tree::{Comparison, LeftOut, same_tree};

use super::definition::Drill;
use crate::domain::Monitor;
use crate::vault::{Restored, Vault, Verified};
use std::path::Path;

/// The id of the check by programs.
pub const COMMAND: &str = "command";
/// The id of the check of numbers.
pub const COUNTS: &str = "counts";
/// The id of the check of a tree.
pub const FILES: &str = "files";
/// The id of the check of a single image.
pub const IMAGE: &str = "image";

/// What a check looks at.
pub struct Trial<'a> {
    /// What was restored.
    pub restored: &'a Restored<Verified>,
    /// The vault that it came from.
    pub vault: &'a Vault,
    /// What is asked.
    pub drill: &'a Drill,
    /// The tree or file to look at: the restored one, or a stand-in while a check is being proved.
    pub path: &'a Path,
    /// A private directory for programs that want a home.
    pub home: &'a Path,
    /// Stops it.
    pub monitor: &'a dyn Monitor,
}

impl Trial<'_> {
    /// Whether what was restored is one file: an image, a device or a stream.
    pub fn is_image(&self) -> bool {
        !self.restored.target.is_dir()
    }
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It held.
    Passed,
    /// It did not.
    Failed {
        /// Why.
        because: String,
    },
    /// Nothing can be said. Never a pass.
    NotRun {
        /// Why.
        because: String,
    },
}

/// A check with what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The check's id; for a program with its name: `command:opens`.
    pub check: String,
    /// How it looked, in a few words.
    pub method: String,
    /// What it says.
    pub outcome: Outcome,
    /// What was compared or measured, in words.
    pub found: String,
    /// What a program said: standard output and standard error, each bounded.
    pub output: Option<(Vec<u8>, Vec<u8>)>,
}

/// A damage that one check alone must notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// One byte in the middle of a file, with its size and times as they were.
    FlippedByte,
    /// One more empty file, with its directory's times as they were.
    ExtraFile,
    /// One more byte at the end of a single file, with its times as they were. The check that compares all bytes may
    /// notice it too: no wrong size could be hidden from that one.
    ExtraByte,
    /// Programs are given an empty place instead of what was restored.
    Emptiness,
}

/// One question to what was restored, with its page.
pub trait Check: Sync {
    /// Its stable name.
    fn id(&self) -> &'static str;
    /// The page of documentation, in Markdown.
    fn page(&self) -> &'static str;
    /// The damage that it alone notices; `None` where none fits what was restored.
    fn damage(&self, trial: &Trial<'_>) -> Option<Damage>;
    /// Looks. One result for each thing that is looked at, at least one.
    fn look(&self, trial: &Trial<'_>) -> Vec<Checked>;
}

/// Every check, in the order in which they run: programs last, since they might touch what they look at.
pub const ALL: &[&dyn Check] = &[&files::Files, &image::Image, &counts::Counts, &command::Commands];

/// The check with this id.
pub fn by_id(id: &str) -> Option<&'static dyn Check> {
    ALL.iter().copied().find(|check| check.id() == id)
}

/// The checks that a drill asks for, in the order of [`ALL`]; where it names none, the one that compares all bytes.
pub fn asked(drill: &Drill, trial: &Trial<'_>) -> Vec<&'static dyn Check> {
    let least = [if trial.is_image() { IMAGE } else { FILES }];
    let named = if drill.checks.is_empty() { &least[..] } else { &drill.checks };
    ALL.iter().copied().filter(|check| named.contains(&check.id())).collect()
}

/// One result of a check that looks at everything at once.
fn one(check: &str, method: &str, outcome: Outcome, found: String) -> Vec<Checked> {
    vec![Checked { check: check.into(), method: method.into(), outcome, found, output: None }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_has_its_page_and_every_page_its_check() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks");
        let named = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let pages: BTreeSet<String> =
            std::fs::read_dir(pages).unwrap().map(|page| named(page.unwrap().path())).collect();
        let checks: BTreeSet<String> = ALL.iter().map(|check| check.id().to_owned()).collect();
        assert_eq!((pages, ALL.len()), (checks.clone(), checks.len()));
        for check in ALL {
            assert!(check.page().starts_with(&format!("# `{}`", check.id())), "{}", check.id());
            assert!(check.page().contains("The damage that only it catches"), "{}", check.id());
        }
    }
}
