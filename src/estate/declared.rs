//! Declared things as an inventory. Nobody saw them: a declared recovery point never counts for certain.

use super::stand::{Stood, ThisHost, canonical, declared_bond, stand};
use super::{Estate, S3Place, VaultEntry, VaultPlace};
use crate::domain::{
    Asset, AssetId, AssetKind, Bonds, Gap, GapReason, GapScope, Inventory, Known, Lock, Nature, Owner,
    PointId, Policies, RecoveryPoint, Timestamp, Usable, Volume, VolumeId, VolumeKind, printable,
};

impl Estate {
    /// The declared volumes without a path, assets and recovery points.
    pub fn declared(&self, host: &ThisHost) -> Inventory {
        let mut inventory = Inventory::default();
        for asset in &self.assets {
            let (id, kind) = (canonical(&asset.id), provider_kind(asset.kind));
            let bonds = canonical_bonds(&asset.bonds);
            inventory.assets.push(Asset { id, kind, name: asset.name.clone(), bonds });
        }
        for entry in self.volumes.iter().filter(|volume| volume.path.is_none()) {
            let Stood { bonds, assets } = stand(&entry.stands_on, host);
            let (asset, name) = (of_volume(&entry.id), printable(entry.id.0.as_bytes()));
            let own = Asset { id: asset.clone(), kind: AssetKind::Volume, name: name.clone(), bonds };
            let volume = Volume { id: entry.id.clone(), name, kind: VolumeKind::Declared, asset };
            let assets = self.undeclared(assets).into_iter().chain([own]).collect();
            inventory.merge(Inventory { volumes: vec![volume], assets, ..Inventory::default() });
        }
        inventory.points = self.points.iter().map(point).collect();
        inventory
    }

    /// What is declared as it stood at a moment, wherever this is asked: no machine is looked at, and what was taken
    /// later is not there yet.
    pub fn declared_as_of(&self, moment: Timestamp) -> Inventory {
        // No name in a file means this machine: none holds a control character.
        let nowhere = ThisHost { asset: AssetId("host:localhost".into()), name: "\0".into() };
        let mut inventory = self.declared(&nowhere);
        inventory.points.retain(|point| point.taken_at.value().is_none_or(|taken| *taken <= moment));
        inventory.gaps.extend(self.unhonoured_gaps());
        inventory.sort();
        inventory
    }

    /// How many recovery points are declared that were taken after a moment.
    pub fn taken_after(&self, moment: Timestamp) -> usize {
        self.points.iter().filter(|point| point.taken_at.is_some_and(|taken| taken > moment)).count()
    }

    /// What the points of a vault stand on, and those assets. For a directory only what is declared besides what
    /// looking at it tells: the list of bonds is then never complete. A bucket that is reached at this machine
    /// stands on this machine, whatever is declared.
    pub fn vault_bonds(&self, vault: &VaultEntry, host: &ThisHost) -> (Bonds, Vec<Asset>) {
        let Stood { bonds, assets } = stand(&vault.stands_on, host);
        let mut assets = self.undeclared(assets);
        match &vault.place {
            VaultPlace::Dir(_) => (Bonds { list: bonds.list, ..Bonds::default() }, assets),
            VaultPlace::S3(place) => {
                let owner = vault.stands_on.owner.clone().unwrap_or_else(file);
                let bucket = bucket(place, bonds, host, &owner);
                let on = declared_bond(bucket.id.clone(), &owner);
                assets.push(bucket);
                (Bonds::default().with(on).complete(Nature::StoredOn).complete(Nature::Needs), assets)
            }
        }
    }

    /// What is declared of this machine, put into the inventory of everything that was surveyed and declared.
    /// `volume:<id>` of a volume that was found by its path comes to mean what was found.
    pub fn place_host(&self, inventory: &mut Inventory, host: &ThisHost) {
        let mut own = self.host.clone();
        own.assets.remove(&AssetKind::Host);
        let Stood { bonds, assets } = stand(&own, host);
        for asset in inventory.assets.iter_mut().filter(|asset| asset.id == host.asset) {
            asset.bonds.list.extend(bonds.list.clone());
        }
        let mut assets = self.undeclared(assets);
        for volume in inventory.volumes.iter().filter(|volume| volume.asset != of_volume(&volume.id)) {
            let owner = file();
            let mut deleted = declared_bond(volume.asset.clone(), &owner);
            deleted.nature = Nature::CascadesFrom;
            let bonds = Bonds::default()
                .with(declared_bond(volume.asset.clone(), &owner))
                .with(deleted)
                .complete(Nature::StoredOn)
                .complete(Nature::Needs)
                .complete(Nature::CascadesFrom);
            let (id, name) = (of_volume(&volume.id), volume.name.clone());
            assets.push(Asset { id, kind: AssetKind::Volume, name, bonds });
        }
        inventory.merge(Inventory { assets, ..Inventory::default() });
    }

    /// The policy of each volume; `default` also where one names a policy that is not there.
    pub fn policies(&self) -> Policies {
        let named = |name: &str| self.policies.get(name).map(|policy| policy.judged.clone());
        let default = named("default").unwrap_or_default();
        let of_volume = self
            .volumes
            .iter()
            .filter_map(|volume| named(&volume.policy).map(|policy| (volume.id.clone(), policy)))
            .collect();
        Policies { default, of_volume, waivers: Vec::new() }
    }

    /// What the file asks for and nothing does: it counts, so that the result is not sound.
    pub fn unhonoured_gaps(&self) -> Vec<Gap> {
        let path = printable(self.path.as_os_str().as_encoded_bytes());
        let gap = |asked: &super::Unhonoured| Gap {
            scope: GapScope::Asked(asked.key.clone()),
            place: format!("{path}:{}", asked.line),
            reason: GapReason::Unsupported,
            detail: format!("{}: {}", printable(asked.key.as_bytes()), asked.because),
        };
        self.unhonoured.iter().map(gap).collect()
    }

    /// Without those assets that the file declares in their own right: theirs are the bonds that count.
    fn undeclared(&self, assets: Vec<Asset>) -> Vec<Asset> {
        let declared = |asset: &Asset| self.assets.iter().any(|known| canonical(&known.id) == asset.id);
        assets.into_iter().filter(|asset| !declared(asset)).collect()
    }
}

fn file() -> Owner {
    Owner("the estate file".into())
}

fn of_volume(id: &VolumeId) -> AssetId {
    AssetId(format!("volume:{id}"))
}

/// An upstream provider is a provider: see `canonical`.
fn provider_kind(kind: AssetKind) -> AssetKind {
    if kind == AssetKind::UpstreamProvider { AssetKind::Provider } else { kind }
}

fn canonical_bonds(bonds: &Bonds) -> Bonds {
    let mut bonds = bonds.clone();
    for bond in &mut bonds.list {
        bond.on = bond.on.iter().map(canonical).collect();
    }
    bonds
}

fn point(declared: &super::DeclaredPoint) -> RecoveryPoint {
    let owner = &declared.owner;
    RecoveryPoint {
        id: PointId(format!("declared:{}", declared.id)),
        name: printable(declared.id.as_bytes()),
        of: Known::Declared(declared.volume.clone(), owner.clone()),
        taken_at: declared.taken_at.map_or(Known::Unknown, |at| Known::Declared(at, owner.clone())),
        kind: declared.kind,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Unknown,
        bytes: Known::Unknown,
        lock: declared
            .lock
            .map_or(Known::Unknown, |(mode, until)| Known::Declared(Lock { mode, until }, owner.clone())),
        state: None,
        usable: Usable::Unproven(format!("declared by {}, never seen", printable(owner.0.as_bytes()))),
        bonds: canonical_bonds(&declared.bonds),
    }
}

/// The bucket itself: what is stored under two prefixes of it dies together.
fn bucket(place: &S3Place, mut bonds: Bonds, host: &ThisHost, owner: &Owner) -> Asset {
    let address = place.endpoint.as_deref().map_or("AWS", address);
    let (id, mut name) = (format!("bucket:{address}/{}", place.bucket), place.bucket.clone());
    if place.endpoint.is_some() && host.is_named(machine(address)) {
        let on = declared_bond(host.asset.clone(), owner);
        if !bonds.list.contains(&on) {
            bonds.list.push(on);
        }
        // Which of this machine's disks it keeps its bytes on is not known.
        bonds.complete.remove(Nature::StoredOn);
        name = format!("{name} at {address}, which is this host");
    }
    Asset { id: AssetId(id.to_lowercase()), kind: AssetKind::Bucket, name: printable(name.as_bytes()), bonds }
}

/// `host:port` of an address, without a user and password.
fn address(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    place.rsplit_once('@').map_or(place, |(_, place)| place)
}

/// The host of `host:port`, `[::1]:port` or `::1`.
fn machine(address: &str) -> &str {
    if let Some((inner, _)) = address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inner;
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}
