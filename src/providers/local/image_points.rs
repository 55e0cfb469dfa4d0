//! Snapshots inside qcow2 images, and the files below them, as recovery points.

use super::qcow2::{Backing, Snapshot};
use super::stack::Stack;
use super::unseen::Unseen;
use crate::domain::{
    AssetId, Bond, Bonds, Consistency, Known, Lock, LockMode, Nature, PointId, PointKind, RecoveryPoint,
    Timestamp, Usable, Volume,
};
use std::collections::BTreeSet;

/// The points of the image that the volume is, down its chain; with what could not be read.
pub(super) fn of(stack: &Stack, volume: &Volume) -> (Vec<RecoveryPoint>, Vec<Unseen>) {
    let (mut points, mut unseen) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut next = Some(volume.asset.clone());
    let now = stack.machine.now;
    while let Some(asset) = next.take().filter(|asset| seen.insert(asset.clone())) {
        match stack.images.get(&asset) {
            Some(Ok(image)) => {
                points.extend(image.snapshots.iter().map(|inside| snapshot(volume, &asset, inside, now)));
                points.extend(image.backing.iter().map(|below| backing(volume, below, now)));
                next = image.backing.as_ref().map(|below| below.asset.clone());
            }
            Some(Err(why)) => unseen.push(why.clone()),
            None => {}
        }
    }
    (points, unseen)
}

fn snapshot(volume: &Volume, asset: &AssetId, inside: &Snapshot, now: Timestamp) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId(format!("qcow2:{asset}/{} of {}", inside.id, volume.id)),
        name: format!("{} (snapshot {})", inside.name, inside.id),
        taken_at: inside.taken_at.map_or(Known::Unknown, |at| Known::Observed(at, now)),
        kind: PointKind::Qcow2Snapshot,
        catalogued: None,
        drilled_at: Known::Unknown,
        bytes: Known::Unknown,
        ..in_file(volume, asset, now)
    }
}

/// An overlay leaves the file below as it was: it holds the state of when it was last written, whatever
/// that is. Whether it ever held what the overlay was made for, nobody has looked.
const NEVER_READ: &str = "a file below an overlay: outlive never read it, and all that is known of its age is \
                          when it was last changed; it may be empty";

/// The file below, with the time of its last change.
fn backing(volume: &Volume, below: &Backing, now: Timestamp) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId(format!("qcow2-backing:{} of {}", below.asset, volume.id)),
        name: below.name.clone(),
        taken_at: below.modified.map_or(Known::Unknown, |at| Known::Observed(at, now)),
        kind: PointKind::Qcow2Backing,
        catalogued: None,
        drilled_at: Known::Unknown,
        bytes: Known::Observed(below.bytes, now),
        usable: Usable::Unproven(NEVER_READ.into()),
        ..in_file(volume, &below.asset, now)
    }
}

/// What the points in a file have in common. What the file itself needs, its own bonds say.
fn in_file(volume: &Volume, asset: &AssetId, now: Timestamp) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId(String::new()),
        name: String::new(),
        of: Known::Observed(volume.id.clone(), now),
        taken_at: Known::Unknown,
        kind: PointKind::Qcow2Snapshot,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Observed(Consistency::Crash, now),
        bytes: Known::Unknown,
        lock: Known::Observed(Lock { mode: LockMode::None, until: None }, now),
        state: None,
        usable: Usable::Yes,
        bonds: Bonds::default()
            .with(Bond::observed(Nature::StoredOn, asset.clone(), now))
            .complete(Nature::StoredOn)
            .complete(Nature::Needs),
    }
}
