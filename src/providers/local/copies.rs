//! Directories that a person named as holding copies: each entry is one.

use super::place::{Form, Machine, Place};
use super::sealed;
use super::stack::{Located, Stack};
use super::system::{entries, shown};
use super::unseen::Unseen;
use crate::domain::{
    Bond, Bonds, Gap, GapReason, GapScope, Inventory, Known, Lock, LockMode, Nature, Owner, PointId,
    PointKind, RecoveryPoint, Usable, VolumeId,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Surveys one directory of copies of `paths`; `of` is the volume they are of, where it can be only one.
pub(super) fn survey(
    directory: &Path,
    paths: &[PathBuf],
    of: Option<&VolumeId>,
    machine: &Machine,
    limit: Duration,
) -> (Inventory, Vec<Located>) {
    let mut stack = Stack::new(machine, limit);
    let mut inventory = Inventory::default();
    let listed = machine.place(directory).and_then(|place| match place.form {
        Form::Directory => Ok((entries(&place.path)?, place)),
        _ => Err(Unseen::new(
            GapReason::Failed,
            "it is no directory; name the directory that holds the copies",
        )),
    });
    match listed {
        Ok((children, place)) => {
            let primaries: Vec<_> = paths.iter().filter_map(|path| machine.place(path).ok()).collect();
            for child in children {
                match entry(&mut stack, &child, &place, &primaries) {
                    Ok(Some(point)) => inventory.points.push(RecoveryPoint { of: declared(of), ..point }),
                    Ok(None) => {}
                    Err(unseen) => inventory.gaps.push(gap(unseen, &child)),
                }
            }
        }
        Err(unseen) => inventory.gaps.push(gap(unseen, directory)),
    }
    inventory.assets = stack.assets;
    inventory.gaps.extend(stack.gaps);
    (inventory, stack.located)
}

fn gap(unseen: Unseen, path: &Path) -> Gap {
    unseen.gap(GapScope::Points, shown(path))
}

/// Whoever names a directory of copies for one path says what they are copies of.
fn declared(of: Option<&VolumeId>) -> Known<VolumeId> {
    of.map_or(Known::Unknown, |volume| Known::Declared(volume.clone(), Owner("--copies".into())))
}

/// One entry as a recovery point; `None` for what is no copy: the primary itself, what holds it, a
/// second name for another entry, and what stores nothing.
fn entry(
    stack: &mut Stack,
    path: &Path,
    directory: &Place,
    primaries: &[Place],
) -> Result<Option<RecoveryPoint>, Unseen> {
    let place = stack.machine.place(path)?;
    let is_link = place.path != path;
    if is_link && place.path.parent() == Some(&directory.path) {
        return Ok(None);
    }
    if matches!(place.form, Form::Other | Form::Block(_)) || primaries.iter().any(|it| holds(&place, it)) {
        return Ok(None);
    }
    let now = stack.machine.now;
    let asset = stack.path(&place);
    let mut bonds = Bonds::default().with(Bond::observed(Nature::StoredOn, asset, now));
    if !is_link {
        // Its name is in the directory: what deletes the directory takes it along.
        let named_in = stack.directory(directory);
        bonds = bonds.with(Bond::observed(Nature::StoredOn, named_in, now));
    }
    let usable = usable(&place);
    if !sealed::needs_more(&place) {
        bonds = bonds.complete(Nature::Needs);
    }
    // The older of both times, never the more hopeful one: copying tools keep the modification time of
    // the source, and a file that was only touched or moved here is no newer for it.
    let taken_at = place.born.into_iter().chain(place.modified).min();
    Ok(Some(RecoveryPoint {
        id: PointId(format!("copy:{}", shown(path))),
        name: shown(path),
        of: Known::Unknown,
        taken_at: taken_at.map_or(Known::Unknown, |at| Known::Observed(at, now)),
        kind: PointKind::NamedCopy,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Unknown,
        bytes: if place.form == Form::File { Known::Observed(place.bytes, now) } else { Known::Unknown },
        lock: Known::Observed(Lock { mode: LockMode::None, until: None }, now),
        state: None,
        usable,
        bonds: bonds.complete(Nature::StoredOn),
    }))
}

/// True where the entry is the primary, or the primary lies in it, by whatever mount.
fn holds(entry: &Place, primary: &Place) -> bool {
    let same_path = primary.path.starts_with(&entry.path);
    // A second name of an image is listed, on the same file: that it is no copy is for a rule to say.
    let same_tree = entry.form == Form::Directory
        && entry.mount.device == primary.mount.device
        && primary.tree.starts_with(&entry.tree);
    same_path || same_tree
}

/// That somebody calls a directory one of copies proves nothing about what lies in it: it may be notes, or
/// an image that is corrupt.
const NEVER_READ: &str = "named by --copies; never read or restored by outlive";

fn usable(place: &Place) -> Usable {
    match place.form {
        Form::Directory => match entries(&place.path) {
            Ok(entries) if entries.is_empty() => Usable::No("empty".into()),
            Ok(_) => Usable::Unproven(NEVER_READ.into()),
            Err(unseen) => Usable::Unproven(format!("cannot be read: {}", unseen.detail)),
        },
        _ if place.bytes == 0 => Usable::No("empty".into()),
        _ => Usable::Unproven(NEVER_READ.into()),
    }
}
