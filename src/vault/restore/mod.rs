//! Restoring a recovery point to a new, empty target.

mod check;
mod content;
mod run;
mod target;

pub use run::Lost;

use super::format::{EntryKind, PageKind};
use super::index::packs_of;
use super::metadata::Kept;
use super::roots::FoundRoot;
use super::{Entries, Vault, read_back, safe};
use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Written to the target, not yet read back from it.
#[derive(Debug)]
pub struct Written;
/// Read back from the target and found to be what the recovery point holds.
#[derive(Debug)]
pub struct Verified;

/// How to restore.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestoreOptions {
    /// Make device nodes too. Without it they are counted as left out.
    pub devices: bool,
    /// Go on where objects are damaged, and list what is lost.
    pub despite_damage: bool,
}

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// Entries made.
    pub entries: u64,
    /// Bytes of files, holes included.
    pub bytes: u64,
    /// Device nodes that were not made.
    pub devices_left_out: u64,
    /// Owners and extended attributes that could not be set.
    pub not_given: Kept,
    /// The names of extended attributes that a target which was there before has and keeps.
    pub target_keeps: BTreeSet<String>,
    /// The names of labels that the kernel gave and nobody stored; known once the target was read back.
    pub labels: BTreeSet<String>,
    /// Paths whose content is lost, with the reason; only with `despite_damage`.
    pub lost: Vec<Lost>,
}

/// A restored recovery point. Only this module makes one; what it may be used for depends on `State`.
#[derive(Debug)]
pub struct Restored<State> {
    /// Where it is.
    pub target: PathBuf,
    /// The recovery point.
    pub point: FoundRoot,
    /// What was done.
    pub report: RestoreReport,
    state: PhantomData<State>,
}

/// Restores a point. All its objects are read back before anything is written, so that damage is known
/// before it is used.
///
/// # Errors
/// `Refused` where the target is not new or empty; `Damaged`, naming the objects, where some are damaged
/// (unless `despite_damage`); otherwise what the store or the target said.
pub fn restore(
    vault: &Vault,
    found: &FoundRoot,
    target: &Path,
    options: RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<Restored<Written>> {
    check_objects(vault, found, options, monitor)?;
    let kind = first_kind(vault, found)?;
    let mut tree = target::Target::create(target, kind)?;
    monitor.begin(Phase::Restore, Some(found.root.totals.bytes));
    let report = run::restore_entries(vault, found, &mut tree, options, monitor);
    monitor.end();
    let report = report?;
    tree.sync()?;
    Ok(Restored { target: target.to_path_buf(), point: found.clone(), report, state: PhantomData })
}

impl Restored<Written> {
    /// Reads the target back: every file's bytes against the digests taken at the source, and all metadata
    /// that the operating system let us set.
    ///
    /// # Errors
    /// `Damaged`, naming the first path that differs; `Refused` where content was lost.
    pub fn verify(self, vault: &Vault, monitor: &dyn Monitor) -> Result<Restored<Verified>> {
        if let Some(lost) = self.report.lost.first() {
            let others = self.report.lost.len() - 1;
            let what = format!("content is lost: {} ({}), and {others} more", lost.path, lost.because);
            return Err(Problem::new(Kind::Damaged, what).at(safe(&self.target.to_string_lossy())));
        }
        monitor.begin(Phase::Compare, Some(self.point.root.totals.bytes));
        let compared = check::compare(vault, &self.point, &self.target, &self.report, monitor);
        monitor.end();
        let report = RestoreReport { labels: compared?, ..self.report };
        Ok(Restored { target: self.target, point: self.point, report, state: PhantomData })
    }
}

/// Reads back all that the point needs.
fn check_objects(
    vault: &Vault,
    found: &FoundRoot,
    options: RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<()> {
    let checked = vault.check_readme().map_err(super::gone).and_then(|()| {
        let packs: Vec<_> = packs_of(vault, found)?.into_values().collect();
        read_back(vault, &packs, found.key.as_str(), monitor)
    });
    let damage = match checked {
        Ok(read) => read.damage,
        // The list of packs itself is damaged: what of the tree can still be read is tried.
        Err(problem) if problem.kind == Kind::Damaged && options.despite_damage => return Ok(()),
        Err(problem) => return Err(takes_along(problem, found)),
    };
    if damage.is_empty() || options.despite_damage {
        return Ok(());
    }
    let objects: Vec<String> =
        damage.iter().map(|damage| format!("{} ({})", damage.object, damage.because)).collect();
    Err(takes_along(Problem::damaged(objects.join(", "), "damaged in the vault"), found))
}

/// Says which recovery point an object takes along, and what can be done.
fn takes_along(problem: Problem, found: &FoundRoot) -> Problem {
    if problem.kind != Kind::Damaged {
        return problem;
    }
    let volume = safe(&found.root.volume.0);
    let what = format!(
        "{}; recovery point {} of {volume} needs it, and nothing was restored",
        problem.what,
        found.short()
    );
    Problem { what, ..problem }
        .remedy("choose another point with --point, or restore what is sound with --despite-damage")
}

fn first_kind(vault: &Vault, found: &FoundRoot) -> Result<EntryKind> {
    let first = Entries::new(vault, PageKind::Entries, &found.root.entries).next_line()?;
    match first {
        Some(entry)
            if entry.path == ByteName::default()
                && matches!(entry.kind, EntryKind::Dir | EntryKind::File) =>
        {
            Ok(entry.kind)
        }
        _ => Err(Problem::damaged(found.key.as_str(), "its tree does not begin with its root")),
    }
}
