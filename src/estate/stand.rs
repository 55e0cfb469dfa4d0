//! What a declaration says that a thing stands on, as assets and bonds.

use super::StandsOn;
use crate::domain::{Asset, AssetId, AssetKind, Bond, Bonds, How, Nature, Owner, printable};

/// Who says so where the file names nobody.
pub(super) fn file() -> Owner {
    Owner("the estate file".into())
}

/// This machine: the asset that a survey takes it for, and its name on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThisHost {
    /// Its asset.
    pub asset: AssetId,
    /// Its name, as `uname -n` says it.
    pub name: String,
}

impl ThisHost {
    /// Whether a name or address means this machine: its name, a loopback address, or no address at all.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_lowercase();
        let own = self.name.to_lowercase();
        let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let loopback = match name.parse::<std::net::IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback() || address.is_unspecified(),
            // `127.1` is one too.
            Err(_) => name.starts_with("127.") || name == "localhost" || name.ends_with(".localhost"),
        };
        let known = name == own || (!name.contains('.') && name == short(&own)) || own == short(&name);
        let is_id = format!("host:{name}") == self.asset.0.to_lowercase();
        loopback || is_id || (known && name.parse::<std::net::IpAddr>().is_err())
    }
}

/// What a declaration comes to.
pub(super) struct Stood {
    /// Bonds to what the thing stands on directly. Complete where the declaration says who holds the bytes.
    pub bonds: Bonds,
    /// What it names, each with its own bonds.
    pub assets: Vec<Asset>,
}

/// Kinds that something stands on directly, where no host is declared.
const DIRECT: [AssetKind; 7] = [
    AssetKind::Site,
    AssetKind::Region,
    AssetKind::Project,
    AssetKind::Account,
    AssetKind::Organisation,
    AssetKind::Provider,
    AssetKind::Network,
];

/// Reads a declaration. Its host, site or provider says where bytes are; a region or an account alone does not.
pub(super) fn stand(stands_on: &StandsOn, host: &ThisHost) -> Stood {
    let owner = stands_on.owner.clone().unwrap_or_else(file);
    let bond = |on: AssetId| declared_bond(on, &owner);
    let id = |kind: AssetKind| stands_on.assets.get(&kind).map(|name| identity(stands_on, kind, name));
    let beyond: Vec<AssetId> = DIRECT.into_iter().filter_map(id).collect();
    let mut assets: Vec<Asset> =
        DIRECT.into_iter().filter_map(|kind| asset(stands_on, kind, &owner)).collect();
    if let (Some(name), Some(_)) =
        (stands_on.assets.get(&AssetKind::UpstreamProvider), id(AssetKind::Provider))
    {
        let upstream = identity(stands_on, AssetKind::UpstreamProvider, name);
        if assets.iter().all(|asset| asset.id != upstream) {
            assets.push(whole(upstream, AssetKind::Provider, name));
        }
    }
    let on = match stands_on.assets.get(&AssetKind::Host) {
        None => beyond,
        Some(name) if host.is_named(name) => vec![host.asset.clone()],
        Some(name) => {
            let own = AssetId(format!("host:{}", name.to_lowercase()));
            let mut asset = whole(own.clone(), AssetKind::Host, name);
            asset.bonds.list = beyond.into_iter().map(bond).collect();
            assets.push(asset);
            vec![own]
        }
    };
    let mut bonds = Bonds { list: on.into_iter().map(bond).collect(), ..Bonds::default() };
    if tells_where(stands_on) {
        bonds = bonds.complete(Nature::StoredOn).complete(Nature::Needs).complete(Nature::CascadesFrom);
    }
    Stood { bonds, assets }
}

/// Whether it tells where bytes are: a region or an account alone does not.
pub(super) fn tells_where(stands_on: &StandsOn) -> bool {
    let holds = [AssetKind::Host, AssetKind::Site, AssetKind::Provider];
    holds.iter().any(|kind| stands_on.assets.contains_key(kind))
}

/// A bond of storage that somebody declared.
pub(super) fn declared_bond(on: AssetId, owner: &Owner) -> Bond {
    let how = How::Declared(owner.clone());
    Bond { nature: Nature::StoredOn, on: vec![on], dies_at: 1, how, grace: None }
}

/// The asset that stands for one kind in a declaration, with its bonds to the wider ones.
fn asset(stands_on: &StandsOn, kind: AssetKind, owner: &Owner) -> Option<Asset> {
    let name = stands_on.assets.get(&kind)?;
    let id = identity(stands_on, kind, name);
    let wider: &[AssetKind] = match kind {
        AssetKind::Region | AssetKind::Organisation => &[AssetKind::Provider],
        AssetKind::Account => &[AssetKind::Organisation, AssetKind::Provider],
        AssetKind::Project => &[AssetKind::Account, AssetKind::Organisation, AssetKind::Provider],
        AssetKind::Provider => &[AssetKind::UpstreamProvider],
        _ => &[],
    };
    let mut asset = whole(id.clone(), kind, name);
    for wide in wider {
        if let Some(name) = stands_on.assets.get(wide) {
            let on = identity(stands_on, *wide, name);
            // A provider that builds on nobody may be named as its own upstream.
            if on != id {
                asset.bonds.list.push(declared_bond(on, owner));
            }
        }
    }
    let belongs = wider.contains(&AssetKind::Provider);
    if belongs {
        match stands_on.assets.get(&AssetKind::Provider) {
            Some(provider) => asset.name = printable(format!("{provider}/{name}").as_bytes()),
            None => asset.bonds.complete.remove(Nature::StoredOn),
        }
    }
    // Who says nothing of what a provider builds on has not said that it builds on nobody.
    if kind == AssetKind::Provider && !stands_on.assets.contains_key(&AssetKind::UpstreamProvider) {
        asset.bonds.complete.remove(Nature::StoredOn);
    }
    Some(asset)
}

fn whole(id: AssetId, kind: AssetKind, name: &str) -> Asset {
    let bonds =
        Bonds::default().complete(Nature::StoredOn).complete(Nature::Needs).complete(Nature::CascadesFrom);
    Asset { id, kind, name: printable(name.as_bytes()), bonds }
}

/// `<kind>:<name>`; `<kind>:<provider>/<name>` for what belongs to a provider, where one is declared beside it:
/// two regions of one name at two providers are two. An upstream provider is a provider, to whom others may be
/// customers themselves.
fn identity(stands_on: &StandsOn, kind: AssetKind, name: &str) -> AssetId {
    let belongs =
        matches!(kind, AssetKind::Region | AssetKind::Project | AssetKind::Account | AssetKind::Organisation);
    let id = match stands_on.assets.get(&AssetKind::Provider).filter(|_| belongs) {
        Some(provider) => format!("{}:{provider}/{name}", kind.word()),
        None if kind == AssetKind::UpstreamProvider => format!("provider:{name}"),
        None => format!("{}:{name}", kind.word()),
    };
    AssetId(id.to_lowercase())
}

/// Every asset that a declaration names: as `<kind>:<name>`, and as [`identity`] writes it.
pub(super) fn named(stands_on: &StandsOn) -> Vec<(AssetId, AssetId)> {
    let both = |(kind, name): (&AssetKind, &String)| {
        let whole = identity(stands_on, *kind, name);
        let short = match kind {
            AssetKind::UpstreamProvider => whole.clone(),
            _ => AssetId(format!("{}:{name}", kind.word()).to_lowercase()),
        };
        (short, whole)
    };
    stands_on.assets.iter().map(both).collect()
}

/// As [`canonical`]; this machine, by whatever name, is what a survey takes it for.
pub(super) fn canonical_on(id: &AssetId, host: &ThisHost) -> AssetId {
    match id.0.split_once(':') {
        Some(("host", name)) if host.is_named(name) => host.asset.clone(),
        _ => canonical(id),
    }
}

/// An id as [`identity`] writes it: `Hetzner` and `hetzner` are one provider.
pub(super) fn canonical(id: &AssetId) -> AssetId {
    let wide = ["site", "region", "project", "account", "organisation", "provider", "network", "host"];
    match id.0.split_once(':') {
        Some(("upstream_provider", name)) => AssetId(format!("provider:{}", name.to_lowercase())),
        Some((word, _)) if wide.contains(&word) => AssetId(id.0.to_lowercase()),
        _ => id.clone(),
    }
}
