//! Where a bucket is: its asset, and whether that is this machine.

use super::S3Place;
use super::stand::{ThisHost, declared_bond};
use crate::domain::{Asset, AssetId, AssetKind, Bonds, Nature, Owner, printable};

/// The bucket itself: what is stored under two prefixes of it dies together.
pub(super) fn bucket(place: &S3Place, mut bonds: Bonds, host: &ThisHost, owner: &Owner) -> Asset {
    let address = place.endpoint.as_deref().map_or("AWS", address);
    let (id, mut name) = (format!("bucket:{address}/{}", place.bucket), place.bucket.clone());
    if is_here(place, host) {
        let on = declared_bond(host.asset.clone(), owner);
        if !bonds.list.contains(&on) {
            bonds.list.push(on);
        }
        // Which of this machine's disks it keeps its bytes on is not known.
        bonds.complete.remove(Nature::StoredOn);
        name = format!("{name} at {address} on this host, {}", host.name);
    }
    Asset { id: AssetId(id.to_lowercase()), kind: AssetKind::Bucket, name: printable(name.as_bytes()), bonds }
}

/// Whether it is reached at this machine.
pub(super) fn is_here(place: &S3Place, host: &ThisHost) -> bool {
    place.endpoint.as_deref().is_some_and(|endpoint| host.is_named(machine(address(endpoint))))
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
