//! Restoring a recovery point to a new, empty target.

mod begun;
mod check;
mod content;
mod device;
mod fetch;
mod job;
mod note;
mod only;
mod run;
mod stream;
mod sums;
mod target;

pub use only::{Only, Part, Picker};
pub use run::Lost;
pub use stream::{Streamed, stream};

use super::format::{Entry, EntryKind, PageKind};
use super::index::packs_of;
use super::metadata::Kept;
use super::roots::FoundRoot;
use super::{Damage, Entries, Stopped, Unread, Vault, read_back, safe};
use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use begun::refuse_strangers;
use note::{Note, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use sums::Sums;
use target::{Noting, Prepared, Target, prepare};

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
    /// Bytes that a restore which was stopped had written already.
    pub kept_bytes: u64,
    /// Whether it went on where one was stopped: then it did not read all of the vault's objects back before.
    pub went_on: bool,
    /// Where the note beside the target is; none where there is none.
    pub note: Option<String>,
    /// Why there is none though there should be.
    pub unnoted: Option<String>,
    /// Device nodes that were not made.
    pub devices_left_out: u64,
    /// Owners and extended attributes that could not be set.
    pub not_given: Kept,
    /// The names of extended attributes that a target which was there before has and keeps.
    pub target_keeps: BTreeSet<String>,
    /// The names of attributes that the kernel or the filesystem gave and nobody stored; known once the target was read back.
    pub labels: BTreeSet<String>,
    /// Paths whose content is lost, with the reason; only with `despite_damage`.
    pub lost: Vec<Lost>,
    /// The objects of the point that are not as they were written, also where nothing is lost with them; only
    /// with `despite_damage`.
    pub damage: Vec<Damage>,
    /// The same of objects that could not be read, though nothing says that they are damaged.
    pub unread: Vec<Unread>,
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
    /// What of it was asked for.
    pub part: Part,
    /// What was written, until it was read back.
    sums: Sums,
    /// Held until it was read back.
    note: Option<Note>,
    state: PhantomData<State>,
}

/// What is to be restored where, and how.
pub struct RestoreRequest<'a> {
    /// The recovery point.
    pub found: &'a FoundRoot,
    /// What of it.
    pub part: Part,
    /// Where to.
    pub target: &'a Path,
    /// How.
    pub options: RestoreOptions,
    /// Whether it can go on after it was stopped: a note beside the target tells then what was begun.
    pub resumable: bool,
}

/// Restores a whole point into scratch space, as [`restore_part`] does.
///
/// # Errors
/// As [`restore_part`].
pub fn restore(
    vault: &Vault,
    found: &FoundRoot,
    target: &Path,
    options: RestoreOptions,
    monitor: &dyn Monitor,
) -> std::result::Result<Restored<Written>, Stopped> {
    let part = Part::default();
    restore_part(vault, RestoreRequest { found, part, target, options, resumable: false }, monitor)
}

/// Restores a point, or a part of it. All objects of a whole point are read back before anything is written, so that damage is known
/// before it is used; of a part, each chunk is compared with its SHA-256 before it is written. So it is where a restore goes on that was
/// stopped: it had read all back.
///
/// # Errors
/// `Refused` where the target is neither new or empty nor of the same restore; `Damaged`, naming the objects, where some are damaged
/// (unless `despite_damage`); otherwise what the store or the target said. With all damage found until then.
pub fn restore_part(
    vault: &Vault,
    request: RestoreRequest<'_>,
    monitor: &dyn Monitor,
) -> std::result::Result<Restored<Written>, Stopped> {
    let RestoreRequest { found, part, target, options, resumable } = request;
    // Nothing is read for long that could not be used.
    let tree = found.root.tree()?;
    vault.opened()?;
    let first = first_entry(vault, found);
    let noting = match resumable {
        true => Noting::Beside(Subject::of(vault, found, &part)),
        false => Noting::No,
    };
    // What was begun is held from here on; what is new is made only once the vault is known to have it.
    let mut prepared = None;
    if let Ok(first) = &first
        && Target::vacant(target, first.kind).is_err()
    {
        let begun = prepare(target, first, noting.clone(), monitor)?;
        refuse_strangers(vault, &begun.target, (&part, tree), options.despite_damage)?;
        prepared = Some(begun);
    }
    let goes_on = prepared.as_ref().is_some_and(|begun| begun.target.again);
    let reads_back = part.is_all() && !goes_on;
    let checked = if reads_back { check_objects(vault, found, monitor)? } else { Checked::default() };
    let Checked { damage, unread, failed } = checked;
    match failed {
        Some(problem) if !options.despite_damage => return Err(Stopped { problem, damage, unread }),
        None if !damage.is_empty() && !options.despite_damage => {
            return Err(Stopped { problem: takes_along(&damage, found), damage, unread });
        }
        _ => {}
    }
    let prepared = match prepared {
        Some(prepared) => Ok(prepared),
        None => first.and_then(|first| {
            let prepared = prepare(target, &first, noting, monitor)?;
            // Another run may have begun here, and stopped, while the vault was read.
            if prepared.target.again {
                refuse_strangers(vault, &prepared.target, (&part, tree), options.despite_damage)?;
            }
            Ok(prepared)
        }),
    };
    let written = prepared.and_then(|prepared| write(vault, (found, &part), prepared, options, monitor));
    match written {
        Ok((mut report, sums, note)) => {
            report.damage = one_each(damage.into_iter().chain(report.damage));
            report.unread.extend(unread);
            report.unread.sort();
            report.unread.dedup_by(|one, other| one.object == other.object);
            let (target, point) = (target.to_path_buf(), found.clone());
            Ok(Restored { target, point, report, part, sums, note, state: PhantomData })
        }
        Err(problem) => {
            let said = Damage::said_by(&problem, found.key.as_str());
            Err(Stopped { damage: one_each(damage.into_iter().chain(said)), unread, problem })
        }
    }
}

fn write(
    vault: &Vault,
    (found, part): (&FoundRoot, &Part),
    Prepared { mut target, note, unnoted }: Prepared,
    options: RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<(RestoreReport, Sums, Option<Note>)> {
    monitor.begin(Phase::Restore, Some(bytes_of(part, found)));
    let report = run::restore_entries(vault, (found, part), &mut target, options, monitor);
    monitor.end();
    let (mut report, sums) = report?;
    target.sync()?;
    report.went_on = target.again;
    report.note = note.as_ref().map(|note| note.place().to_owned());
    report.unnoted = unnoted;
    Ok((report, sums, note))
}

/// How many bytes of files are asked for.
fn bytes_of(part: &Part, found: &FoundRoot) -> u64 {
    if part.is_all() { found.root.totals.bytes } else { part.bytes }
}

/// Each damaged object once.
fn one_each(damage: impl Iterator<Item = Damage>) -> Vec<Damage> {
    let mut by_object = BTreeMap::new();
    for found in damage {
        by_object.entry(found.object.clone()).or_insert(found);
    }
    by_object.into_values().collect()
}

impl Restored<Written> {
    /// Reads the target back: every file's bytes against what was written, which was compared with the digests taken at the source, and all
    /// metadata that the operating system let us set.
    ///
    /// # Errors
    /// `Damaged`, naming the first path that differs, or where content was lost; with the damage that was found
    /// in the vault on the way.
    pub fn verify(
        self,
        vault: &Vault,
        monitor: &dyn Monitor,
    ) -> std::result::Result<Restored<Verified>, Stopped> {
        if let Some(lost) = self.report.lost.first() {
            let others = self.report.lost.len() - 1;
            let what = format!("content is lost: {} ({}), and {others} more", lost.path, lost.because);
            return Err(Problem::new(Kind::Damaged, what).at(safe(&self.target.to_string_lossy())).into());
        }
        monitor.begin(Phase::Compare, Some(bytes_of(&self.part, &self.point)));
        let compared = check::compare(vault, &self, &self.sums, monitor);
        monitor.end();
        let mut note = self.note;
        let compared = compared.and_then(|labels| {
            note.as_mut().map_or(Ok(()), Note::finished)?;
            Ok(labels)
        });
        let labels = compared.map_err(|problem| {
            let damage = Damage::said_by(&problem, self.point.key.as_str()).into_iter().collect();
            Stopped { problem, damage, unread: Vec::new() }
        })?;
        let report = RestoreReport { labels, ..self.report };
        let (sums, state) = (Sums::default(), PhantomData);
        Ok(Restored { target: self.target, point: self.point, report, part: self.part, sums, note, state })
    }
}

impl Restored<Verified> {
    /// Reads the target back once more, against the digests taken at the source: a drill looks again, and a check that is proved must see
    /// what was damaged.
    ///
    /// # Errors
    /// `Damaged`, naming the first path that differs; otherwise what the store or the target said.
    pub fn compare_again(&self, vault: &Vault, monitor: &dyn Monitor) -> Result<()> {
        check::compare(vault, self, &Sums::default(), monitor).map(drop)
    }
}

/// What of a point's objects is not as it was written, or could not be read.
#[derive(Default)]
struct Checked {
    damage: Vec<Damage>,
    unread: Vec<Unread>,
    /// The first problem that something could not be read for.
    failed: Option<Problem>,
}

impl Checked {
    /// Notes a problem with an object; gives back what is none.
    fn note(&mut self, problem: Problem, point: &str) -> std::result::Result<(), Stopped> {
        if let Some(said) = Damage::said_by(&problem, point) {
            self.damage.push(said);
        } else if let Some(said) = Unread::said_by(&problem, point) {
            self.unread.push(said);
            self.failed.get_or_insert(problem);
        } else {
            let (damage, unread) = (std::mem::take(&mut self.damage), std::mem::take(&mut self.unread));
            return Err(Stopped { problem, damage, unread });
        }
        Ok(())
    }
}

/// Reads back all that the point needs; what of it is damaged, and what could not be read.
fn check_objects(
    vault: &Vault,
    found: &FoundRoot,
    monitor: &dyn Monitor,
) -> std::result::Result<Checked, Stopped> {
    let point = found.key.as_str();
    let mut checked = Checked::default();
    if let Err(problem) = vault.check_readme().map_err(super::gone) {
        checked.note(problem, point)?;
    }
    let packs: Vec<_> = match packs_of(vault, found) {
        Ok(table) => table.into_values().collect(),
        // The list of packs itself cannot be had: the packs that the root names are known all the same.
        Err(problem) => {
            checked.note(problem, point)?;
            found.root.list_packs.clone()
        }
    };
    match read_back(vault, &packs, point, monitor) {
        Ok(read) => checked.damage.extend(read.damage),
        Err(stopped) => {
            checked.damage.extend(stopped.damage);
            checked.unread.extend(stopped.unread);
            // What stopped it is noted already, where it is about an object alone.
            if Unread::said_by(&stopped.problem, point).is_none() {
                checked.note(stopped.problem, point)?;
            } else {
                checked.failed.get_or_insert(stopped.problem);
            }
        }
    }
    checked.damage = one_each(checked.damage.into_iter());
    Ok(checked)
}

/// Says which objects are damaged, which recovery point they take along, and what can be done.
fn takes_along(damage: &[Damage], found: &FoundRoot) -> Problem {
    let objects: Vec<String> =
        damage.iter().map(|damage| format!("{} ({})", damage.object, damage.because)).collect();
    let what = format!(
        "damaged in the vault; recovery point {} of {} needs it, and nothing was restored",
        found.short(),
        safe(&found.root.volume.0)
    );
    Problem::damaged(objects.join(", "), what)
        .remedy("choose another point with --point, or restore what is sound with --despite-damage")
}

fn first_entry(vault: &Vault, found: &FoundRoot) -> Result<Entry> {
    let first = Entries::new(vault, PageKind::Entries, found.root.tree()?).next_line()?;
    match first {
        Some(entry)
            if entry.path == ByteName::default()
                && matches!(entry.kind, EntryKind::Dir | EntryKind::File) =>
        {
            Ok(entry)
        }
        _ => Err(Problem::damaged(found.key.as_str(), "its tree does not begin with its root")),
    }
}
