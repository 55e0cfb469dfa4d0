//! One path that was asked for: which volume it is, what it stands on, which recovery points it has.

use super::filesystem::is_view;
use super::place::{Form, Machine, Place};
use super::stack::{Located, Stack};
use super::system::{System, shown};
use super::unseen::Unseen;
use super::{btrfs_points, image_points};
use crate::domain::{AssetKind, Gap, GapReason, GapScope, Inventory, Result, Timestamp, Volume, VolumeKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The volume that `path` is.
///
/// # Errors
/// A path that is not there or may not be looked at, and one in which nothing can be stored.
pub fn volume_of(path: &Path, system: &System, now: Timestamp) -> Result<Volume> {
    let machine = Machine::look(system, now);
    let mut stack = Stack::new(&machine, Duration::from_secs(10));
    let seen = machine.place(path).and_then(|place| volume(&mut stack, &place));
    seen.map_err(|unseen| unseen.problem(shown(path)))
}

fn volume(stack: &mut Stack, place: &Place) -> std::result::Result<Volume, Unseen> {
    if is_view(&place.mount.kind) {
        return Err(Unseen::new(
            GapReason::Unsupported,
            format!(
                "a filesystem of type {} shows what the kernel knows: it stores nothing",
                place.mount.kind
            ),
        ));
    }
    if place.form == Form::Other {
        let detail = "a pipe, socket or character device stores nothing";
        return Err(Unseen::new(GapReason::Unsupported, detail));
    }
    let asset = stack.path(place);
    let kind = match place.form {
        Form::File => VolumeKind::Image,
        Form::Block(_) => VolumeKind::Device,
        _ if place.is_whole_filesystem() => VolumeKind::Filesystem,
        _ if asset.0.starts_with("subvolume:") => VolumeKind::Subvolume,
        _ => VolumeKind::Directory,
    };
    Ok(Volume { id: place.volume_id(), name: shown(&place.path), kind, asset })
}

/// Surveys one path of `all` that were asked for; also tells where what it met lies.
pub(super) fn survey(
    path: &Path,
    all: &[PathBuf],
    machine: &Machine,
    limit: Duration,
) -> (Inventory, Vec<Located>) {
    let mut stack = Stack::new(machine, limit);
    let mut inventory = Inventory::default();
    let seen = machine.place(path).and_then(|place| Ok((volume(&mut stack, &place)?, place)));
    match seen {
        Ok((volume, place)) => {
            stack.locate(&volume.asset, &place);
            points(&mut stack, &volume, &place, all, &mut inventory);
            inventory.volumes.push(volume);
        }
        Err(unseen) => inventory.gaps.push(unseen.gap(GapScope::Volume(shown(path)), shown(path))),
    }
    inventory.assets = stack.assets;
    inventory.gaps.extend(stack.gaps);
    (inventory, stack.located)
}

fn points(stack: &mut Stack, volume: &Volume, place: &Place, all: &[PathBuf], inventory: &mut Inventory) {
    if place.is_btrfs() && !matches!(place.form, Form::Block(_)) {
        match btrfs_points::of(stack, volume, place, all) {
            Ok(points) => inventory.points.extend(points),
            Err(unseen) => inventory.gaps.push(of_volume(volume, unseen)),
        }
    }
    let (points, unseen) = image_points::of(stack, volume);
    inventory.points.extend(points);
    inventory.gaps.extend(unseen.into_iter().map(|unseen| of_volume(volume, unseen)));
    inventory.gaps.extend(unread_kinds(stack).into_iter().map(|unseen| of_volume(volume, unseen)));
}

fn of_volume(volume: &Volume, unseen: Unseen) -> Gap {
    unseen.gap(GapScope::PointsOf(volume.id.clone()), volume.name.clone())
}

/// Kinds of snapshots that something below the volume may have, and that are not read yet.
fn unread_kinds(stack: &Stack) -> Vec<Unseen> {
    let mut found = Vec::new();
    if stack.assets.iter().any(|asset| asset.kind == AssetKind::Pool) {
        found.push(Unseen::new(GapReason::Unsupported, "ZFS snapshots are not read yet"));
    }
    if stack.has_logical_volume {
        found.push(Unseen::new(GapReason::Unsupported, "LVM snapshots are not read yet"));
    }
    found
}
