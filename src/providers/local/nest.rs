//! What lies inside a volume dies with it: a directory below another one, on the same filesystem, in the
//! upper directory of an overlay, or on a filesystem that is mounted inside.

use super::appear::{Spot, Upper};
use super::place::Machine;
use super::stack::{Located, Stack};
use super::system::System;
use super::unseen::Unseen;
use crate::domain::{Asset, AssetId, AssetKind, Bond, Inventory, Nature, Timestamp};
use std::path::{Path, PathBuf};
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
    for volume in volumes {
        let is_subtree = match kind_of(volume, assets) {
            Some(AssetKind::Directory | AssetKind::Subvolume) => true,
            // Everything on a filesystem is bonded to it already; but not what is mounted inside.
            Some(AssetKind::Filesystem) => false,
            _ => continue, // Nothing lies in a file.
        };
        for below in inside.iter().filter(|below| below.asset != volume.asset) {
            let bond = match relation(volume, below) {
                Relation::Within if is_subtree => Bond::observed(Nature::StoredOn, volume.asset.clone(), now),
                Relation::Within => continue,
                // Snapshots are subvolumes, and nothing can be deleted in a read-only one by its path.
                Relation::Shown | Relation::MayBeShown(_)
                    if !matches!(kind_of(below, assets), Some(AssetKind::Directory | AssetKind::File)) =>
                {
                    continue;
                }
                Relation::Shown => Bond::observed(Nature::CascadesFrom, volume.asset.clone(), now),
                // An asset that nobody surveyed: no deletion is known to leave what hangs on it.
                Relation::MayBeShown(upper) => {
                    Bond::observed(Nature::CascadesFrom, AssetId(upper.name.clone()), now)
                }
                Relation::Apart => continue,
            };
            let Some(asset) = assets.iter_mut().find(|asset| asset.id == below.asset) else { continue };
            if !asset.bonds.list.iter().any(|known| known.nature == bond.nature && known.on == bond.on) {
                asset.bonds.list.push(bond);
            }
        }
    }
}

fn kind_of(located: &Located, assets: &[Asset]) -> Option<AssetKind> {
    assets.iter().find(|asset| asset.id == located.asset).map(|asset| asset.kind)
}

/// How something lies to a volume.
enum Relation<'a> {
    /// Truly below, on the same filesystem.
    Within,
    /// Whoever deletes what the volume's path shows deletes it: through an overlay, or in a mount inside.
    Shown,
    /// It may lie in the upper directory of the overlay that the volume is on.
    MayBeShown(&'a Upper),
    /// None of these.
    Apart,
}

fn relation<'a>(volume: &'a Located, below: &Located) -> Relation<'a> {
    let inside = |spot: &Spot| spot.0 == volume.spot.0 && spot.1.starts_with(&volume.spot.1);
    if inside(&below.spot) && below.spot != volume.spot {
        return Relation::Within;
    }
    if below.shown_at.iter().any(inside) || below.views.iter().any(|view| view.starts_with(&volume.path)) {
        return Relation::Shown;
    }
    match &volume.hidden_upper {
        Some(upper) if below.spot.0 != volume.spot.0 => Relation::MayBeShown(upper),
        _ => Relation::Apart,
    }
}

/// What deleting a volume by its path does to a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It leaves the vault.
    Apart,
    /// It takes the vault: one is on an overlay, the other in the upper directory of it.
    ThroughOverlay,
    /// It takes the vault: that can be seen below the volume's path, through a mount.
    ThroughMount,
    /// Nobody can say: the upper directory of an overlay is not known, and the vault may lie in it.
    Unknown,
}

/// Whether deleting what is at `volume` reaches `held`, or, where that is not there yet, the directory it
/// would be made in. What cannot be looked at is `Apart`: a survey says so as a gap.
pub fn reach(volume: &Path, held: &Path, system: &System, now: Timestamp) -> Reach {
    let machine = Machine::look(system, now);
    let parent = held.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let looked = || -> Result<_, Unseen> {
        let held = machine.place(held).or_else(|_| machine.place(parent))?;
        let mut stack = Stack::new(&machine, Duration::from_secs(10));
        let places = [machine.place(volume)?, held];
        Ok(places.each_ref().map(|place| stack.located_at(AssetId(String::new()), place)))
    };
    let Ok([volume, held]) = looked() else { return Reach::Apart };
    let inside = |spot: &Spot| spot.0 == volume.spot.0 && spot.1.starts_with(&volume.spot.1);
    match relation(&volume, &held) {
        _ if held.shown_at.iter().any(inside) => Reach::ThroughOverlay,
        _ if inside(&held.spot) => Reach::ThroughMount,
        Relation::Within | Relation::Shown => Reach::ThroughMount,
        Relation::MayBeShown(_) => Reach::Unknown,
        Relation::Apart => Reach::Apart,
    }
}
