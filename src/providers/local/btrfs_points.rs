//! btrfs snapshots as recovery points.

use super::btrfs::Subvolume;
use super::place::{Form, Machine, Place};
use super::snapshots::Snapshots;
use super::stack::Stack;
use super::system::shown;
use super::unseen::Unseen;
use crate::domain::{
    AssetId, Bond, Bonds, Consistency, How, Known, Lock, LockMode, Nature, PointId, PointKind, RecoveryPoint,
    Source, Usable, Volume, VolumeKind,
};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The snapshots of the subvolume that `place` is or lies in; of every subvolume, where it is a whole
/// filesystem. A writable one dies with whichever directory it lies in, `place` or one of `others`.
pub(super) fn of(
    stack: &mut Stack,
    volume: &Volume,
    place: &Place,
    others: &[PathBuf],
) -> Result<Vec<RecoveryPoint>, Unseen> {
    let snapshots = Snapshots::around(place)?;
    let filesystem = stack.btrfs(place);
    let listed = if volume.kind == VolumeKind::Filesystem { snapshots.of_any() } else { snapshots.of_own() };
    let around: Vec<_> = others.iter().filter_map(|path| stack.machine.place(path).ok()).collect();
    let around: Vec<_> = around.into_iter().filter(|other| other.form == Form::Directory).collect();
    let mut points = Vec::new();
    for snapshot in listed {
        let mut point = point(stack.machine, &snapshots, snapshot, &filesystem, volume, place);
        let reaching = [place]
            .into_iter()
            .chain(&around)
            .filter(|other| lies_inside(snapshot, other))
            .filter(|other| other.mount.device == place.mount.device);
        let dying: BTreeSet<_> =
            reaching.filter(|_| !snapshot.read_only).map(|other| stack.path(other)).collect();
        point.bonds.list.extend(dying.into_iter().map(dies_with));
        points.push(point);
    }
    Ok(points)
}

fn point(
    machine: &Machine,
    snapshots: &Snapshots,
    snapshot: &Subvolume,
    filesystem: &AssetId,
    volume: &Volume,
    place: &Place,
) -> RecoveryPoint {
    let now = machine.now;
    let root = snapshots.shown_at(machine, place, snapshot);
    let name = match (&root, &snapshot.tree) {
        (Some(path), _) => shown(path),
        (None, Some(tree)) => format!("{} (not mounted)", shown(tree)),
        (None, None) => format!("subvolume {}", snapshot.id),
    };
    RecoveryPoint {
        id: PointId(format!("btrfs:{}/{} of {}", snapshots.filesystem(), snapshot.id, volume.id)),
        usable: usable(snapshots, snapshot, volume, place, root.as_deref()),
        name,
        of: Known::Observed(volume.id.clone(), now),
        taken_at: snapshot.made.map_or(Known::Unknown, |made| Known::Observed(made, now)),
        kind: PointKind::BtrfsSnapshot,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Observed(Consistency::Crash, now),
        bytes: Known::Unknown,
        lock: Known::Observed(Lock { mode: LockMode::None, until: None }, now),
        state: None,
        bonds: Bonds::default()
            .with(Bond::observed(Nature::StoredOn, filesystem.clone(), now))
            .complete(Nature::StoredOn)
            .complete(Nature::Needs),
    }
}

/// True where deleting what is at `place` reaches the snapshot; also where its path is not known.
fn lies_inside(snapshot: &Subvolume, place: &Place) -> bool {
    snapshot.tree.as_ref().is_none_or(|tree| tree.starts_with(&place.tree))
}

fn dies_with(asset: AssetId) -> Bond {
    let source = Source {
        address: "tests/survey: a nested writable snapshot dies with rm -rf".into(),
        read: "2026-11-22".into(),
    };
    Bond {
        nature: Nature::CascadesFrom,
        on: vec![asset],
        dies_at: 1,
        how: How::Documented(source),
        grace: None,
    }
}

/// A part of a subvolume may be younger than the snapshot: then there is nothing of it to restore. And a
/// snapshot ends where another subvolume begins.
fn usable(
    snapshots: &Snapshots,
    snapshot: &Subvolume,
    volume: &Volume,
    place: &Place,
    root: Option<&std::path::Path>,
) -> Usable {
    let is_part = matches!(volume.kind, VolumeKind::Directory | VolumeKind::Image);
    if is_part {
        let Some((root, within)) = root.zip(snapshots.within_own(place)) else {
            return Usable::Unproven(format!("no mount shows whether it holds {}", volume.name));
        };
        match root.join(within).symlink_metadata() {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Usable::No(format!("it does not hold {}", volume.name));
            }
            Err(error) => return Usable::Unproven(format!("it could not be looked into: {error}")),
        }
    }
    if volume.kind == VolumeKind::Filesystem {
        return Usable::Unproven(format!("of the subvolume {} only", snapshots.source_of(snapshot)));
    }
    if let Some(out) = snapshots.left_out(place).first() {
        let out = out.tree.as_deref().map_or_else(|| format!("{}", out.id), shown);
        return Usable::Unproven(format!("it leaves out what lies below in other subvolumes, such as {out}"));
    }
    match snapshot.read_only {
        true => Usable::Yes,
        false => Usable::Unproven("writable: may have been changed since it was taken".into()),
    }
}
