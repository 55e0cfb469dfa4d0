//! The same directory or file as a read-only snapshot shows it: what to copy instead of live data.

use super::place::{Machine, Place};
use super::snapshots::Snapshots;
use super::system::{System, shown};
use super::unseen::Unseen;
use crate::domain::{Result, Timestamp};
use std::path::{Path, PathBuf};

/// A path as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotView {
    /// Where it can be read.
    pub path: PathBuf,
    /// What a person calls the snapshot, safe to print: its path.
    pub name: String,
    /// When the snapshot was taken.
    pub taken_at: Timestamp,
}

/// The directory or file `path` in the newest read-only btrfs snapshot of the subvolume that holds it,
/// of those snapshots which a mount shows and which have it.
///
/// `None` where there is no such snapshot; on other filesystems; and where another subvolume lies below
/// `path`, because a snapshot leaves that one out and a copy of it would silently lack data.
///
/// # Errors
/// A path that is not there; a list of snapshots that could not be read, which needs root.
pub fn newest_snapshot_view(path: &Path, system: &System) -> Result<Option<SnapshotView>> {
    let machine = Machine::look(system, Timestamp::default());
    let seen = machine.place(path).and_then(|place| newest(&machine, &place, None));
    seen.map_err(|unseen| unseen.problem(shown(path)))
}

/// The snapshot of this name, as [`SnapshotView::name`] has it.
///
/// # Errors
/// As [`newest_snapshot_view`].
pub fn snapshot_view_named(path: &Path, name: &str, system: &System) -> Result<Option<SnapshotView>> {
    let machine = Machine::look(system, Timestamp::default());
    let seen = machine.place(path).and_then(|place| newest(&machine, &place, Some(name)));
    seen.map_err(|unseen| unseen.problem(shown(path)))
}

/// The newest, of those with this name where one is asked for.
fn newest(
    machine: &Machine,
    place: &Place,
    name: Option<&str>,
) -> std::result::Result<Option<SnapshotView>, Unseen> {
    if !place.is_btrfs() {
        return Ok(None);
    }
    let snapshots = Snapshots::around(place)?;
    let Some(within) = snapshots.within_own(place) else { return Ok(None) };
    if !snapshots.left_out(place).is_empty() {
        return Ok(None);
    }
    let read_only = snapshots.of_own().into_iter().filter(|snapshot| snapshot.read_only);
    let mut dated: Vec<_> = read_only.filter_map(|snapshot| Some((snapshot.made?, snapshot))).collect();
    dated.sort_by_key(|(made, snapshot)| (*made, snapshot.id));
    Ok(dated.into_iter().rev().find_map(|(taken_at, snapshot)| {
        let root = snapshots.shown_at(machine, place, snapshot)?;
        if name.is_some_and(|name| name != shown(&root)) {
            return None;
        }
        let path = if within.as_os_str().is_empty() { root.clone() } else { root.join(&within) };
        // A link within the snapshot could lead back to the live data: nothing is followed.
        path.canonicalize().is_ok_and(|found| found == path).then(|| SnapshotView {
            path,
            name: shown(&root),
            taken_at,
        })
    }))
}
