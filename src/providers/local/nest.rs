//! What lies inside a volume dies with it: a directory below another one, on the same filesystem.

use super::place::Machine;
use super::stack::{Located, Stack};
use super::system::System;
use crate::domain::{Asset, AssetKind, Bond, Inventory, Nature, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// Bonds each of the directories `held` (vaults, directories of copies) that lies inside one of the
/// `volumes` to that volume: deleting the volume takes it along. Both must have been surveyed into the
/// inventory; a path that cannot be looked at any more changes nothing.
///
/// Where it lies is judged by the path within the filesystem, so that a second mount hides nothing.
pub fn nest(
    inventory: &mut Inventory,
    volumes: &[PathBuf],
    held: &[PathBuf],
    system: &System,
    now: Timestamp,
) {
    let machine = Machine::look(system, now);
    let locate = |paths: &[PathBuf], as_directories: bool| {
        let mut stack = Stack::new(&machine, Duration::from_secs(10));
        for path in paths {
            if let Ok(place) = machine.place(path) {
                let asset = if as_directories { stack.directory(&place) } else { stack.path(&place) };
                stack.locate(&asset, &place);
            }
        }
        stack.located
    };
    let (volumes, mut inside) = (locate(volumes, false), locate(held, true));
    inside.extend(locate(held, false));
    nest_located(&mut inventory.assets, &volumes, &inside, now);
}

/// The same for places that were noted while their assets were described.
pub(super) fn nest_located(assets: &mut [Asset], volumes: &[Located], inside: &[Located], now: Timestamp) {
    let is_directory = |located: &Located, assets: &[Asset]| {
        let asset = assets.iter().find(|asset| asset.id == located.asset);
        asset.is_some_and(|asset| matches!(asset.kind, AssetKind::Directory | AssetKind::Subvolume))
    };
    for volume in volumes {
        if !is_directory(volume, assets) {
            continue; // Nothing lies in a file; and everything on a filesystem is bonded to it already.
        }
        for below in inside.iter().filter(|below| lies_in(below, volume)) {
            let bond = Bond::observed(Nature::StoredOn, volume.asset.clone(), now);
            let Some(asset) = assets.iter_mut().find(|asset| asset.id == below.asset) else { continue };
            if !asset.bonds.list.iter().any(|known| known.nature == bond.nature && known.on == bond.on) {
                asset.bonds.list.push(bond);
            }
        }
    }
}

/// True for what is truly below, on the same filesystem.
fn lies_in(below: &Located, volume: &Located) -> bool {
    below.asset != volume.asset
        && below.filesystem == volume.filesystem
        && below.tree != volume.tree
        && below.tree.starts_with(&volume.tree)
}
