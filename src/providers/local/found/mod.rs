//! Recovery points found by content: dumps, archives, databases and images by their bytes, repositories by their own
//! programs, and files that share their bytes with a volume. Found is not proved: nothing here counts as usable.

mod borg;
mod compressed;
#[cfg(test)]
mod hostile;
mod image;
mod kind;
mod points;
mod postgres;
mod repository;
mod restic;
mod sample;
mod search;
mod shared;
mod sql;
mod sqlite;
mod tar;
mod text;
mod visit;
mod walk;

pub(super) use search::Search;
pub(super) use shared::Index;

use super::place::{Form, Machine, Place};
use super::stack::{Located, Stack};
use super::system::shown;
use super::unseen::Unseen;
use crate::domain::{Gap, GapReason, GapScope, Inventory, Owner, Volume, VolumeId};
use repository::Tool;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use visit::Visitor;
use walk::{Bounds, Left, walk};

/// More entries than this are not looked at below one directory.
const ENTRIES: usize = 1_000_000;
/// Nor deeper than this many directories.
const DEPTH: usize = 64;

/// A directory that is looked into.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Which.
    pub(super) root: PathBuf,
    /// Why.
    pub(super) asked: Asked,
}

/// Why a directory is looked into.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// It is a volume: what lies in it is the volume's, and its databases are data, no copies.
    Inside(Volume),
    /// Somebody said that copies may be in it, and of what, if it can be told.
    LookIn(Option<(VolumeId, Owner)>),
}

/// What is known around a directory that is looked into.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    /// The volumes that were surveyed, with their paths.
    pub(super) volumes: Vec<(VolumeId, PathBuf)>,
    /// Directories that others look at: volumes, vaults, other places to look in; by device and inode.
    pub(super) known: BTreeSet<(u64, u64)>,
    /// The markers of vaults that others look at: an overlay shows a vault under another inode.
    pub(super) markers: BTreeSet<Vec<u8>>,
    /// What of each volume's files can be shared.
    pub(super) shared: Arc<Vec<Index>>,
    /// The name of this machine.
    pub(super) host: String,
}

/// What a look into a directory brought.
pub(super) type Looked = (Inventory, Vec<Located>, Option<Index>);

/// The device and inode of a directory, by which a walk knows it again.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|seen| (seen.dev(), seen.ino()))
}

/// The marker of a vault in a directory, as far as it can be one.
pub(super) fn marker(vault: &Path) -> Option<Vec<u8>> {
    let path = vault.join("vault.json");
    let is_small = fs::symlink_metadata(&path).is_ok_and(|seen| seen.is_file() && seen.len() <= 64 * 1024);
    is_small.then(|| fs::read(path).ok()).flatten()
}

/// Looks into one directory. Half of `limit` is for walking, the rest for the programs that are asked.
///
/// With `indexing`, what the volume's files could share with others is noted too.
pub(super) fn survey(
    job: &Job,
    around: &Around,
    indexing: Indexing,
    machine: &Machine,
    limit: Duration,
) -> Looked {
    let began = Instant::now();
    let mut stack = Stack::new(machine, limit / 4);
    let mut inventory = Inventory::default();
    let mut index = None;
    match machine.place(&job.root).and_then(|place| suits(job, place)) {
        Err(unseen) => inventory.gaps.push(job.gap(unseen, &job.root)),
        Ok(place) => {
            if let (Asked::Inside(volume), Indexing::Yes) = (&job.asked, indexing) {
                index = Some(Index::new(volume.id.clone(), &place, place.form == Form::File));
            }
            let bounds = Bounds { entries: ENTRIES, depth: DEPTH, until: began + limit / 2 };
            let mut visitor = Visitor::new(job, around, &place, index.take());
            let left = match place.form {
                Form::File => visitor.only_the_file(&place),
                _ => walk(&place.path, &bounds, &mut visitor),
            };
            let found = visitor.end();
            index = found.index;
            gaps(job, &place.path, left, &mut inventory.gaps);
            gaps(job, &place.path, found.left, &mut inventory.gaps);
            points::of(job, around, &mut stack, found.things, began + limit * 9 / 10, &mut inventory);
        }
    }
    inventory.assets = stack.assets;
    inventory.gaps.extend(stack.gaps);
    (inventory, stack.located, index)
}

/// Whether it is noted what a volume's files could share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Indexing {
    Yes,
    No,
}

fn suits(job: &Job, place: Place) -> Result<Place, Unseen> {
    match (&job.asked, place.form) {
        (_, Form::Directory) | (Asked::Inside(_), Form::File) => Ok(place),
        _ => Err(Unseen::new(GapReason::Failed, "it is no directory; name a directory to look in")),
    }
}

impl Job {
    fn gap(&self, unseen: Unseen, path: &Path) -> Gap {
        unseen.gap(self.scope(), shown(path))
    }
}

/// What a walk left out, as gaps. What is mounted inside a volume is no part of it.
fn gaps(job: &Job, root: &Path, left: Left, gaps: &mut Vec<Gap>) {
    // What lies inside a volume is unproven at best: a bound there hides nothing that a verdict could rest on.
    let scope = match &job.asked {
        Asked::Inside(volume) => GapScope::Inside(volume.id.clone()),
        Asked::LookIn(_) => job.scope(),
    };
    gaps.extend(left.bound.map(|unseen| unseen.gap(scope, shown(root))));
    if let Some((first, count, unseen)) = left.unread {
        let detail = format!("{count} could not be read here, this is the first: {}", unseen.detail);
        gaps.push(job.gap(Unseen { detail, ..unseen }, &first));
    }
    if let (Some((first, count)), Asked::LookIn(_)) = (left.elsewhere, &job.asked) {
        let detail = format!(
            "another filesystem begins here, which was not looked at ({count} such directories); name it with \
             --look-in too"
        );
        gaps.push(job.gap(Unseen::new(GapReason::Unsupported, detail), &first));
    }
}

/// Something that was found.
#[derive(Debug, Clone)]
enum Thing {
    /// A file, or a directory that is one dump, by its content.
    Content(PathBuf, kind::Content),
    /// A repository.
    Repository(PathBuf, Tool),
    /// Files that are the volume's own, or share bytes with it.
    Tied(visit::Tied),
    /// A vault of ours that nobody named.
    Vault(PathBuf),
}
