//! Whether what the file says in several places holds together.

use super::super::stand::{ThisHost, canonical, stand};
use super::super::{DeclaredAsset, StandsOn, VaultEntry, VolumeEntry};
use super::cycles::{self, Hang};
use super::file::File;
use super::words::shown;
use crate::domain::{AssetId, AssetKind, Nature};
use std::collections::{BTreeMap, BTreeSet};

/// Complains of an `[[asset]]` that a `stands_on` puts elsewhere, and of what hangs on itself. Each asset comes with
/// the offset of what it says of its bytes.
pub(super) fn complain(
    file: &File<'_>,
    stands: &Stands<'_>,
    assets: &[(DeclaredAsset, usize)],
    mut hangs: Vec<Hang>,
) {
    let said: BTreeMap<AssetId, Said> =
        assets.iter().map(|(asset, at)| (canonical(&asset.id), Said::of(asset, *at))).collect();
    let mut told = BTreeSet::new();
    for (place, stands_on) in stands.all() {
        for stood in stand(stands_on, &nobody()).assets {
            let builds_on_nobody = stood.kind == AssetKind::Provider
                && stood.bonds.is_complete(Nature::StoredOn)
                && stood.bonds.of(Nature::StoredOn).next().is_none();
            if let Some(said) = said.get(&stood.id).filter(|said| builds_on_nobody && said.is_on_something())
                && told.insert((stood.id.clone(), stood.id.clone()))
            {
                let id = shown(&stood.id.0);
                let what = format!(
                    "{id} is stored on something here, and builds on nobody by the `stands_on` of {place}"
                );
                file.complain(said.at, what, "correct one of the two");
            }
            for bond in stood.bonds.of(Nature::StoredOn) {
                for on in &bond.on {
                    let at = said.get(&stood.id).map_or(usize::MAX, |said| said.at);
                    hangs.push(Hang { from: stood.id.clone(), to: on.clone(), nature: bond.nature, at });
                    let Some(said) = said.get(&stood.id).filter(|said| !said.agrees(on)) else { continue };
                    if told.insert((stood.id.clone(), on.clone())) {
                        let what = format!(
                            "{} is not stored on {} here, and is by the `stands_on` of {place}",
                            shown(&stood.id.0),
                            shown(&on.0)
                        );
                        file.complain(said.at, what, "name it here too, or correct one of the two");
                    }
                }
            }
        }
    }
    cycles::complain(file, &hangs);
}

/// What an asset's own declaration says of where its bytes lie.
struct Said {
    /// All of it, or nothing.
    stored_on: Option<BTreeSet<AssetId>>,
    at: usize,
}

impl Said {
    fn of(asset: &DeclaredAsset, at: usize) -> Self {
        let on = asset.bonds.of(Nature::StoredOn).flat_map(|bond| &bond.on).map(canonical);
        let stored_on = asset.bonds.is_complete(Nature::StoredOn).then(|| on.collect());
        Self { stored_on, at }
    }

    fn is_on_something(&self) -> bool {
        self.stored_on.as_ref().is_some_and(|known| !known.is_empty())
    }

    fn agrees(&self, on: &AssetId) -> bool {
        self.stored_on.as_ref().is_none_or(|known| known.contains(on))
    }
}

/// Everything that says what it stands on.
pub(super) struct Stands<'e> {
    pub(super) volumes: &'e [VolumeEntry],
    pub(super) vaults: &'e [VaultEntry],
    pub(super) host: &'e StandsOn,
}

impl<'e> Stands<'e> {
    /// Every `stands_on`, with whose it is.
    fn all(&self) -> impl Iterator<Item = (String, &'e StandsOn)> + use<'e> {
        let volumes = self.volumes.iter();
        let volumes = volumes.map(|entry| (format!("the volume on line {}", entry.line), &entry.stands_on));
        let vaults = self.vaults.iter();
        let vaults = vaults.map(|entry| (format!("the vault on line {}", entry.line), &entry.stands_on));
        volumes.chain(vaults).chain([("[host]".to_owned(), self.host)])
    }
}

/// No machine: while a file is read, nobody knows on which it is.
fn nobody() -> ThisHost {
    ThisHost { asset: AssetId("host:".into()), name: String::new() }
}
