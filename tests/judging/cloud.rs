//! A made-up estate in a cloud: a volume whose backups lie inside it, a token found on a build host, and a vault in
//! another account. Everything is known of it.

use crate::estate::now;
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Graph, expand};

pub const VOLUME: &str = "volume:orders-db";

pub fn id(id: &str) -> AssetId {
    AssetId(id.into())
}

/// Bonds of which everything is known: one for each nature and asset.
pub fn known(bonds: &[(Nature, &str)]) -> Bonds {
    let mut all = Bonds { complete: Nature::ALL.into_iter().collect(), ..Bonds::default() };
    for (nature, on) in bonds {
        all = all.with(Bond::observed(*nature, id(on), now()));
    }
    all
}

pub fn asset(name: &str, kind: AssetKind, bonds: &[(Nature, &str)]) -> Asset {
    let short = name.split_once(':').map_or(name, |(_, name)| name).to_owned();
    Asset { id: id(name), kind, name: short, bonds: known(bonds) }
}

pub fn point(name: &str, hours: i64, mode: LockMode, bonds: &[(Nature, &str)]) -> RecoveryPoint {
    let until = matches!(mode, LockMode::Compliance | LockMode::Governance);
    let until = until.then(|| now() + TimeDelta::days(30));
    RecoveryPoint {
        id: PointId(name.into()),
        name: name.into(),
        of: Known::Observed(VolumeId("orders-db".into()), now()),
        taken_at: Known::Observed(now() - TimeDelta::hours(hours), now()),
        kind: PointKind::NamedCopy,
        catalogued: None,
        consistency: Known::Observed(Consistency::Crash, now()),
        bytes: Known::Observed(4096, now()),
        lock: Known::Observed(Lock { mode, until }, now()),
        state: None,
        usable: Usable::Yes,
        drilled_at: Known::Unknown,
        bonds: known(bonds),
    }
}

/// The estate with these points in the bucket of the vault, besides a backup inside the volume.
pub fn estate(vaulted: Vec<RecoveryPoint>) -> Inventory {
    use Nature::*;
    let assets = vec![
        asset(VOLUME, AssetKind::Volume, &[(StoredOn, "project:shop"), (DeletableBy, "credential:ci")]),
        asset("project:shop", AssetKind::Project, &[(StoredOn, "account:acme")]),
        asset("account:acme", AssetKind::Account, &[(AdministeredBy, "identity:root")]),
        asset("identity:root", AssetKind::Identity, &[]),
        asset(
            "credential:ci",
            AssetKind::Credential,
            &[(YieldedBy, "host:build-3"), (YieldedBy, "account:acme")],
        ),
        asset("host:build-3", AssetKind::Host, &[]),
        asset(
            "bucket:vault",
            AssetKind::Bucket,
            &[(StoredOn, "account:dr"), (DeletableBy, "identity:admin")],
        ),
        asset("account:dr", AssetKind::Account, &[(AdministeredBy, "identity:dr-root")]),
        asset("identity:dr-root", AssetKind::Identity, &[]),
        asset("identity:admin", AssetKind::Identity, &[]),
        asset("credential:writer", AssetKind::Credential, &[(StoredOn, "host:outlive")]),
        asset("host:outlive", AssetKind::Host, &[]),
        asset("key:vault", AssetKind::Key, &[(AdministeredBy, "identity:keys")]),
        asset("identity:keys", AssetKind::Identity, &[]),
    ];
    let inside = point("inside", 1, LockMode::None, &[(StoredOn, VOLUME), (CascadesFrom, VOLUME)]);
    let points = [vec![inside], vaulted].concat();
    let volume = Volume {
        id: VolumeId("orders-db".into()),
        name: "orders-db".into(),
        kind: VolumeKind::Declared,
        asset: id(VOLUME),
    };
    Inventory { volumes: vec![volume], points, assets, gaps: vec![], ..Inventory::default() }
}

/// A copy in the vault.
pub fn vaulted(name: &str, hours: i64, mode: LockMode) -> RecoveryPoint {
    use Nature::*;
    let bonds = [
        (StoredOn, "bucket:vault"),
        (DeletableBy, "credential:writer"),
        (AdministeredBy, "identity:admin"),
        (Needs, "key:vault"),
    ];
    point(name, hours, mode, &bonds)
}

pub fn graph(inventory: &Inventory) -> Graph {
    expand(inventory, &Catalogue::default())
}
