//! Declared things as an inventory. Nobody saw them: a declared recovery point counts only as long as somebody
//! answers for it.

use super::place::{bucket, is_here};
use super::stand::{Stood, ThisHost, canonical_on, declared_bond, file, stand};
use super::{
    CopyFrom, DeclaredPoint, Estate, Line, S3Place, StandsOn, VaultEntry, VaultPlace, VolumeEntry, own,
};
use crate::domain::{
    Asset, AssetId, AssetKind, Bonds, Gap, GapReason, GapScope, Inventory, Known, Lock, Nature, PointId,
    Policies, Policy, RecoveryPoint, RuleWaiver, Timestamp, Usable, Volume, VolumeId, VolumeKind, printable,
};
use std::collections::{BTreeMap, BTreeSet};

impl Estate {
    /// The declared volumes without a path, assets and recovery points. A moment that is not over at `now` is no
    /// fact, and becomes a gap.
    pub fn declared(&self, host: &ThisHost, now: Timestamp) -> Inventory {
        let own = self.own_assets(host);
        let ids: BTreeSet<&AssetId> = own.iter().map(|asset| &asset.id).collect();
        let (mut volumes, mut assets) = (Vec::new(), Vec::new());
        for entry in self.volumes.iter().filter(|volume| !volume.is_looked_at()) {
            let mut stood = stand(&entry.stands_on, host);
            only_stored(&mut stood.bonds);
            if let Some(place) = self.prefix_of(&entry.id) {
                stood = self.in_bucket(entry, place, stood, host);
            }
            let bonds = joined(stood.bonds, canonical_bonds(&entry.bonds, host));
            let (asset, name) = (of_volume(&entry.id), printable(entry.id.0.as_bytes()));
            volumes.push(Volume {
                id: entry.id.clone(),
                name: name.clone(),
                kind: VolumeKind::Declared,
                asset: asset.clone(),
            });
            assets.extend(stood.assets.into_iter().filter(|asset| !ids.contains(&asset.id)));
            assets.push(Asset { id: asset, kind: AssetKind::Volume, name, bonds });
        }
        let points = self.points.iter().map(|declared| point(declared, host, now)).collect();
        let gaps = self.points.iter().flat_map(|declared| self.not_yet(declared, now)).collect();
        let mut inventory = Inventory { assets: own.clone(), volumes, points, gaps, ..Inventory::default() };
        inventory.merge(Inventory { assets, ..Inventory::default() });
        inventory
    }

    /// The prefix that a volume is copied from, where it is one.
    fn prefix_of(&self, volume: &VolumeId) -> Option<&S3Place> {
        self.copies_of(volume).find_map(|copy| match &copy.from {
            CopyFrom::Prefix(place) => Some(&**place),
            _ => None,
        })
    }

    /// What is copied out of a bucket lies in that bucket, and the bucket on what the volume is said to stand on. The credential that
    /// reads it lies on this machine.
    fn in_bucket(&self, entry: &VolumeEntry, place: &S3Place, stood: Stood, host: &ThisHost) -> Stood {
        let owner = entry.stands_on.owner.clone().unwrap_or_else(file);
        let bucket = bucket(place, stood.bonds, host, &owner);
        let bonds =
            Bonds::default().with(declared_bond(bucket.id.clone(), &owner)).complete(Nature::StoredOn);
        let own = self.undeclared(vec![bucket, own::source(&entry.id.0, host)], host);
        Stood { bonds, assets: stood.assets.into_iter().chain(own).collect() }
    }

    /// The assets that the file declares in their own right. What one does not say, a `stands_on` that names it may.
    fn own_assets(&self, host: &ThisHost) -> Vec<Asset> {
        let mut assets: Vec<Asset> = Vec::new();
        let mut places = BTreeMap::new();
        for asset in &self.assets {
            let (id, kind) = (canonical_on(&asset.id, host), provider_kind(asset.kind));
            let bonds = canonical_bonds(&asset.bonds, host);
            places.insert(id.clone(), assets.len());
            assets.push(Asset { id, kind, name: asset.name.clone(), bonds });
        }
        let mut said: BTreeMap<usize, Bonds> = BTreeMap::new();
        for stood in self.stands().flat_map(|stands_on| stand(stands_on, host).assets) {
            let Some(place) = places.get(&stood.id) else { continue };
            match said.get_mut(place) {
                // What one of them leaves open stays open.
                Some(known) => {
                    let both =
                        |nature: &Nature| known.is_complete(*nature) && stood.bonds.is_complete(*nature);
                    let complete = Nature::ALL.into_iter().filter(both).collect();
                    known.list.extend(stood.bonds.list);
                    known.complete = complete;
                }
                None => drop(said.insert(*place, stood.bonds)),
            }
        }
        for (place, mut more) in said {
            let bonds = &mut assets[place].bonds;
            more.list.retain(|bond| !bonds.is_complete(bond.nature));
            only_stored(&mut more);
            *bonds = joined(std::mem::take(bonds), more);
        }
        self.add_buckets(&mut assets, &places, host);
        assets
    }

    /// What vaults, and volumes that are copied out of buckets, say of buckets that are declared in their own right too: who deletes one, only a declaration can say. What
    /// either says counts, and one that is reached at this machine stands on it all the same.
    fn add_buckets(&self, assets: &mut [Asset], places: &BTreeMap<AssetId, usize>, host: &ThisHost) {
        let vaults = self.vaults.iter().filter_map(|vault| match &vault.place {
            VaultPlace::S3(place) => Some((&**place, &vault.stands_on)),
            VaultPlace::Dir(_) => None,
        });
        let volumes = self.volumes.iter();
        let sources = volumes.filter_map(|volume| Some((self.prefix_of(&volume.id)?, &volume.stands_on)));
        let mut all: BTreeMap<usize, (Bonds, bool)> = BTreeMap::new();
        for (place, stands_on) in vaults.chain(sources) {
            let owner = stands_on.owner.clone().unwrap_or_else(file);
            let mut seen = bucket(place, stand(stands_on, host).bonds, host, &owner);
            let Some(declared) = places.get(&seen.id) else { continue };
            only_stored(&mut seen.bonds);
            let is_here = is_here(place, host);
            match all.get_mut(declared) {
                // What one of them leaves open stays open.
                Some((known, _)) => {
                    if !seen.bonds.is_complete(Nature::StoredOn) {
                        known.complete.remove(Nature::StoredOn);
                    }
                    known.list.extend(seen.bonds.list);
                }
                None => drop(all.insert(*declared, (seen.bonds, is_here))),
            }
        }
        for (declared, (seen, is_here)) in all {
            let bonds = &mut assets[declared].bonds;
            *bonds = joined(std::mem::take(bonds), seen);
            if is_here {
                bonds.complete.remove(Nature::StoredOn);
            }
        }
    }

    /// Every `stands_on` of the file.
    fn stands(&self) -> impl Iterator<Item = &StandsOn> {
        let volumes = self.volumes.iter().map(|volume| &volume.stands_on);
        volumes.chain(self.vaults.iter().map(|vault| &vault.stands_on)).chain([&self.host])
    }

    /// What the points of a vault stand on, and those assets, with the credentials that reach it. For a directory
    /// only what is declared besides what looking at it tells: where its bytes are is never complete here. A bucket
    /// that is reached at this machine stands on this machine, whatever is declared.
    pub fn vault_bonds(&self, vault: &VaultEntry, host: &ThisHost) -> (Bonds, Vec<Asset>) {
        let Stood { bonds, assets } = stand(&vault.stands_on, host);
        let mut assets = self.undeclared(assets, host);
        let mut declared = canonical_bonds(&vault.bonds, host);
        let keys = own::reader_keys(vault);
        declared.list.extend(own::needs_a_key(&keys));
        assets.extend(self.undeclared(keys, host));
        match &vault.place {
            VaultPlace::Dir(_) => (joined(Bonds { list: bonds.list, ..Bonds::default() }, declared), assets),
            VaultPlace::S3(place) => {
                let owner = vault.stands_on.owner.clone().unwrap_or_else(file);
                let bucket = bucket(place, bonds, host, &owner);
                let on = declared_bond(bucket.id.clone(), &owner);
                assets.extend(self.undeclared(vec![bucket], host));
                assets.extend(self.undeclared(own::credentials(vault, host), host));
                let stored = Bonds::default().with(on).complete(Nature::StoredOn).complete(Nature::Needs);
                (joined(stored, declared), assets)
            }
        }
    }

    /// The tokens by which this machine asks providers, and what the commands get that copies come from, but for those that the file declares
    /// in their own right.
    pub fn tokens(&self, host: &ThisHost) -> Vec<Asset> {
        let with_token =
            self.providers.iter().filter(|provider| provider.token.is_some() && provider.kind != "local");
        let tokens = with_token.map(|provider| own::token(&provider.id, host));
        let of_commands = self.of_commands().into_keys().map(|volume| own::of_command(&volume.0, host));
        self.undeclared(tokens.chain(of_commands).collect(), host)
    }

    /// The variables that the commands get which the copies of a volume come from, by volume. Each may hold a secret.
    pub fn of_commands(&self) -> BTreeMap<&VolumeId, BTreeSet<&str>> {
        let mut all: BTreeMap<&VolumeId, BTreeSet<&str>> = BTreeMap::new();
        for copy in &self.copies {
            let CopyFrom::Command { env, .. } = &copy.from else { continue };
            if !env.is_empty() {
                all.entry(&copy.volume).or_default().extend(env.keys().map(String::as_str));
            }
        }
        all
    }

    /// What is declared of this machine and of volumes that were found by their paths or at a provider, put into the inventory of
    /// everything that was surveyed and declared. `volume:<id>` of such a volume comes to mean what was found.
    pub fn place_host(&self, inventory: &mut Inventory, host: &ThisHost) {
        let mut own = self.host.clone();
        own.assets.remove(&AssetKind::Host);
        let Stood { bonds, assets } = stand(&own, host);
        for asset in inventory.assets.iter_mut().filter(|asset| asset.id == host.asset) {
            asset.bonds.list.extend(bonds.list.clone());
        }
        let mut assets = self.undeclared(assets, host);
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
        self.bond_found(inventory, host);
        inventory.merge(Inventory { assets, ..Inventory::default() });
    }

    /// Puts what is declared of a volume with a path onto what was found there. Where its bytes lie, looking
    /// completes, and a declaration only adds to it.
    fn bond_found(&self, inventory: &mut Inventory, host: &ThisHost) {
        let said: BTreeMap<&VolumeId, &Bonds> = (self.volumes.iter())
            .filter(|entry| entry.is_looked_at() && entry.bonds != Bonds::default())
            .map(|entry| (&entry.id, &entry.bonds))
            .collect();
        let mut found: BTreeMap<&AssetId, Vec<&Bonds>> = BTreeMap::new();
        for volume in &inventory.volumes {
            if let Some(bonds) = said.get(&volume.id) {
                found.entry(&volume.asset).or_default().push(bonds);
            }
        }
        for asset in &mut inventory.assets {
            for bonds in found.get(&asset.id).into_iter().flatten() {
                let mut bonds = canonical_bonds(bonds, host);
                bonds.complete.remove(Nature::StoredOn);
                asset.bonds = joined(std::mem::take(&mut asset.bonds), bonds);
            }
        }
    }

    /// The policy of each volume; `default` also where one names a policy that is not there.
    pub fn policies(&self) -> Policies {
        let named = |name: &str| self.policies.get(name).map(|policy| policy.judged.clone());
        let default = named("default").unwrap_or_default();
        let of_volume = self
            .volumes
            .iter()
            .filter_map(|volume| {
                let plan_changed_at = volume.plan_changed_at;
                named(&volume.policy).map(|policy| (volume.id.clone(), Policy { plan_changed_at, ..policy }))
            })
            .collect();
        // Who waives the drills of a volume waives what asks for them.
        let undrilled = self.volumes.iter().filter_map(|volume| Some((volume, volume.waive_drill.as_ref()?)));
        let undrilled = undrilled.flat_map(|(volume, waiver)| {
            ["never-drilled", "drill-stale", "drill-older-than-plan"].map(|rule| RuleWaiver {
                rule: rule.to_owned(),
                volume: volume.id.clone(),
                reason: waiver.reason.clone(),
                owner: waiver.owner.clone(),
                until: waiver.until,
                // Where no drill is asked, nothing need be known of one.
                undetermined: true,
            })
        });
        let waivers = self.waivers().map(|(waiver, _)| waiver.clone()).chain(undrilled).collect();
        Policies { default, of_volume, waivers }
    }

    /// What the file asks for and nothing does: it counts, so that the result is not sound.
    pub fn unhonoured_gaps(&self) -> Vec<Gap> {
        let gap = |asked: &super::Unhonoured| Gap {
            scope: GapScope::Asked(asked.key.clone()),
            place: self.place(asked.line),
            reason: GapReason::Unsupported,
            detail: format!("{}: {}", printable(asked.key.as_bytes()), asked.because),
        };
        self.unhonoured.iter().map(gap).collect()
    }

    /// What a declared point says of moments that are still to come.
    fn not_yet(&self, declared: &DeclaredPoint, now: Timestamp) -> Vec<Gap> {
        let keys = [("taken_at", declared.taken_at), ("drilled_at", declared.drilled_at)];
        let future = keys.into_iter().filter_map(|(key, at)| Some((key, at.filter(|at| *at > now)?)));
        let gap = |(key, at): (&str, Timestamp)| Gap {
            scope: GapScope::PointsOf(declared.volume.clone()),
            place: self.place(declared.line),
            reason: GapReason::Failed,
            detail: format!(
                "`recovery_point.{}.{key}` is {}, which is still to come: correct it; until then it is not known",
                printable(declared.id.as_bytes()),
                at.format("%Y-%m-%d %H:%M UTC")
            ),
        };
        future.map(gap).collect()
    }

    /// A line of the file as a place.
    pub(super) fn place(&self, line: Line) -> String {
        format!("{}:{line}", printable(self.path.as_os_str().as_encoded_bytes()))
    }

    /// Without those assets that the file declares in their own right: see [`Estate::own_assets`].
    fn undeclared(&self, assets: Vec<Asset>, host: &ThisHost) -> Vec<Asset> {
        let ids: BTreeSet<AssetId> = self.assets.iter().map(|known| canonical_on(&known.id, host)).collect();
        assets.into_iter().filter(|asset| !ids.contains(&asset.id)).collect()
    }
}

/// Where something's bytes are says neither what they need nor what else takes them along: what has lines of its own for
/// these says so there.
fn only_stored(bonds: &mut Bonds) {
    bonds.complete.remove(Nature::Needs);
    bonds.complete.remove(Nature::CascadesFrom);
}

fn of_volume(id: &VolumeId) -> AssetId {
    AssetId(format!("volume:{id}"))
}

/// An upstream provider is a provider: see `canonical`.
fn provider_kind(kind: AssetKind) -> AssetKind {
    if kind == AssetKind::UpstreamProvider { AssetKind::Provider } else { kind }
}

/// The bonds of both, each once; what one of them knows wholly is wholly known.
fn joined(mut one: Bonds, other: Bonds) -> Bonds {
    for bond in other.list {
        if !one.list.contains(&bond) {
            one.list.push(bond);
        }
    }
    other.complete.iter().for_each(|nature| one.complete.insert(nature));
    one
}

fn canonical_bonds(bonds: &Bonds, host: &ThisHost) -> Bonds {
    let mut bonds = bonds.clone();
    for bond in &mut bonds.list {
        bond.on = bond.on.iter().map(|on| canonical_on(on, host)).collect();
    }
    bonds
}

fn point(declared: &DeclaredPoint, host: &ThisHost, now: Timestamp) -> RecoveryPoint {
    let owner = &declared.owner;
    let past = |at: Option<Timestamp>| {
        at.filter(|at| *at <= now).map_or(Known::Unknown, |at| Known::Declared(at, owner.clone()))
    };
    RecoveryPoint {
        id: PointId(format!("declared:{}", declared.id)),
        name: printable(declared.id.as_bytes()),
        of: Known::Declared(declared.volume.clone(), owner.clone()),
        taken_at: past(declared.taken_at),
        kind: declared.kind,
        catalogued: declared.catalogued.as_deref().map(Into::into),
        drilled_at: match (declared.never_drilled, past(declared.drilled_at)) {
            (true, _) => Known::Declared(None, owner.clone()),
            (false, Known::Declared(at, owner)) => Known::Declared(Some(at), owner),
            (false, _) => Known::Unknown,
        },
        consistency: Known::Unknown,
        bytes: declared.bytes.map_or(Known::Unknown, |bytes| Known::Declared(bytes, owner.clone())),
        lock: declared
            .lock
            .map_or(Known::Unknown, |(mode, until)| Known::Declared(Lock { mode, until }, owner.clone())),
        state: None,
        usable: usable(declared, now),
        bonds: canonical_bonds(&declared.bonds, host),
    }
}

/// Whoever declares a point may answer for it for a time; nobody else has seen it.
fn usable(declared: &DeclaredPoint, now: Timestamp) -> Usable {
    let owner = printable(declared.owner.0.as_bytes());
    if let Some(why) = &declared.useless {
        return Usable::No(format!("declared useless by {owner}: {why}"));
    }
    match declared.review_by {
        Some(until) if until > now => Usable::Yes,
        Some(until) => Usable::Unproven(format!(
            "declared by {owner}, never seen, and to be reviewed by {}: see that it is still there, and give it a later `review_by`",
            until.format("%Y-%m-%d")
        )),
        None => Usable::Unproven(format!(
            "declared by {owner}, never seen: see that it is there, and answer for it with a `review_by`"
        )),
    }
}
