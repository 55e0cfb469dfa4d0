//! outlive's own credentials: whoever gets hold of the one that writes a vault may be able to empty it.

use super::stand::{ThisHost, declared_bond, file};
use super::{VaultEntry, VaultPlace};
use crate::domain::{Asset, AssetId, AssetKind, Bond, Bonds, Nature};

/// The identity of a vault's credential: `credential:<vault>.writer`, `.reader` or `.driller`.
pub(super) fn credential(vault: &str, role: &str) -> AssetId {
    AssetId(format!("credential:{vault}.{role}"))
}

/// The credentials by which this machine reaches a bucket. They lie on this machine, and whoever has it has them.
/// Where else they can be had is for the file to say: an `[[asset]]` of the same name takes their place.
///
/// Whether a writer may also delete is not known, and so it is in nobody's `deletable_by`: that would say for certain
/// that it may. The nature stays open instead, until `[[vault]]` has a `deletable_by`.
pub(super) fn credentials(vault: &VaultEntry, host: &ThisHost) -> Vec<Asset> {
    let VaultPlace::S3(place) = &vault.place else { return Vec::new() };
    if vault.id.is_empty() {
        return Vec::new();
    }
    let reader = place.reader.as_ref().map(|_| "reader");
    let roles = [Some("writer"), reader, place.driller.as_ref().map(|_| "driller")];
    roles.into_iter().flatten().map(|role| one(&vault.id, role, host)).collect()
}

/// The credential by which this machine reads the bucket that a volume is copied from: `credential:<volume>.source`. Whether it may
/// do more than read is not known.
pub(super) fn source(volume: &str, host: &ThisHost) -> Asset {
    one(volume, SOURCE, host)
}

/// What the credential of a source is called.
pub(super) const SOURCE: &str = "source";

/// What the command gets that prints the bytes of a volume's copies: `credential:<volume>.command`. A login of a database that reads all
/// of it may often drop it too; whether this one may is not known.
pub(super) fn of_command(volume: &str, host: &ThisHost) -> Asset {
    let mut asset = one(volume, COMMAND, host);
    // A login is often that of the services too, which have it elsewhere.
    asset.bonds.complete.remove(Nature::StoredOn);
    asset.bonds.complete.remove(Nature::YieldedBy);
    asset
}

/// What the credential of a command is called.
pub(super) const COMMAND: &str = "command";

/// The token by which this machine asks a provider, as an asset: it lies on this machine, and whoever has it has the token.
/// Where else it can be had is for the file to say: an `[[asset]]` of the same name takes its place.
pub(super) fn token(provider: &str, host: &ThisHost) -> Asset {
    one(provider, "token", host)
}

/// The private keys of a vault's readers: with all of them, what it holds is lost. Where they are kept is for the file to
/// say: an `[[asset]]` of the same name takes the place of what nothing is known of.
pub(super) fn reader_keys(vault: &VaultEntry) -> Vec<Asset> {
    let names = (1..=vault.readers.len()).map(|number| format!("{}.reader-{number}", vault.id));
    let key = |name: String| Asset {
        id: AssetId(format!("key:{name}")),
        kind: AssetKind::Key,
        name,
        bonds: Bonds::default(),
    };
    names.map(key).collect()
}

/// That a point needs any one of these keys.
pub(super) fn needs_a_key(keys: &[Asset]) -> Option<Bond> {
    let on: Vec<AssetId> = keys.iter().map(|key| key.id.clone()).collect();
    let first = on.first()?.clone();
    let bond = declared_bond(first, &file());
    Some(Bond { nature: Nature::Needs, dies_at: on.len(), on, ..bond })
}

fn one(vault: &str, role: &str, host: &ThisHost) -> Asset {
    let stored = declared_bond(host.asset.clone(), &file());
    let yielded = Bond { nature: Nature::YieldedBy, ..stored.clone() };
    let complete = Nature::ALL.into_iter().collect();
    let bonds = Bonds { list: vec![stored, yielded].into(), complete };
    Asset { id: credential(vault, role), kind: AssetKind::Credential, name: format!("{vault}.{role}"), bonds }
}
