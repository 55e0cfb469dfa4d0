//! A seeded source of made-up inventories.

use crate::estate::{now, point, stored_on};
use outlive::domain::*;

/// The seed of this run.
pub fn seed() -> u64 {
    std::env::var("OUTLIVE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_122)
}

/// How many cases are tried: ten times as many in a campaign.
pub fn cases(usual: u64) -> u64 {
    match std::env::var_os("OUTLIVE_CAMPAIGN") {
        Some(_) => usual * 10,
        None => usual,
    }
}

/// SplitMix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }

    /// A storage stack in layers, as a survey may see it: each asset lies on one or two of lower layers.
    pub fn inventory(&mut self, cascades: bool) -> Inventory {
        use AssetKind::*;
        let layers: [&[AssetKind]; 6] =
            [&[Directory, Subvolume], &[Filesystem], &[Device], &[File], &[Filesystem, Memory], &[Device]];
        let mut assets: Vec<Asset> = Vec::new();
        let beyond = self.beyond(&mut assets);
        let first = assets.len();
        let hosts = 1 + self.below(2);
        for host in 0..hosts {
            let bonds = self.declared(&beyond);
            assets.push(made(format!("host:{host}"), Host, bonds));
        }
        for (id, kind) in
            [("server:s", Server), ("bucket:b", Bucket), ("bucket:c", Bucket), ("volume:v", Volume)]
        {
            if self.one_in(3) {
                let bonds = self.declared(&beyond);
                assets.push(made(id.into(), kind, bonds));
            }
        }
        let mut lower: Vec<String> = assets[first..].iter().map(|asset| asset.id.0.clone()).collect();
        for (depth, kinds) in layers.iter().enumerate().rev() {
            let mut here = Vec::new();
            for number in 0..1 + self.below(3) {
                let kind = kinds[self.below(kinds.len())];
                let bonds = if depth == 5 {
                    let host = format!("host:{}", self.below(hosts));
                    stored_on(&[&host])
                } else {
                    self.bonds(&lower)
                };
                let id = format!("{}:{depth}.{number}", kind.word());
                here.push(id.clone());
                assets.push(made(id, kind, bonds));
            }
            // Now and then a lower layer is passed over.
            if !self.one_in(4) {
                lower.clear();
            }
            lower.extend(here);
        }
        self.kept_on(assets, cascades)
    }

    /// Volumes and their recovery points on these assets, of which here and there something is not known.
    fn kept_on(&mut self, assets: Vec<Asset>, cascades: bool) -> Inventory {
        let all: Vec<String> = assets.iter().map(|asset| asset.id.0.clone()).collect();
        let mut inventory = Inventory { assets, ..Inventory::default() };
        for number in 0..1 + self.below(2) {
            let declared = all.iter().find(|id| id.starts_with("volume:")).filter(|_| self.one_in(2));
            let last = &all[all.len() - 1 - self.below(all.len().min(4))];
            let asset = AssetId(declared.unwrap_or(last).clone());
            let id = VolumeId(format!("volume {number}"));
            inventory.volumes.push(outlive::domain::Volume {
                name: id.0.clone(),
                id,
                kind: VolumeKind::Directory,
                asset,
            });
        }
        for number in 0..self.below(6) {
            let point = self.point(number, &all, &inventory.volumes, cascades);
            inventory.points.push(point);
        }
        for asset in &mut inventory.assets {
            if self.one_in(12) {
                asset.bonds.complete.remove(Nature::StoredOn);
            }
        }
        inventory
    }

    /// Sites, regions, accounts, providers and networks, in every third inventory none.
    fn beyond(&mut self, assets: &mut Vec<Asset>) -> Vec<String> {
        use AssetKind::*;
        if self.one_in(3) {
            return Vec::new();
        }
        for (id, kind) in [("provider:p", Provider), ("provider:q", Provider)] {
            let upstream = if self.one_in(6) { stored_on(&["upstream:u"]) } else { stored_on(&[]) };
            assets.push(made(id.into(), kind, upstream));
        }
        assets.push(made("upstream:u".into(), UpstreamProvider, stored_on(&[])));
        for (kind, word) in [(Region, "region"), (Account, "account")] {
            for (name, on) in [("p/x", "provider:p"), ("p/y", "provider:p"), ("q/x", "provider:q")] {
                assets.push(made(format!("{word}:{name}"), kind, stored_on(&[on])));
            }
            let mut bare = stored_on(&[]);
            bare.complete.remove(Nature::StoredOn);
            assets.push(made(format!("{word}:x"), kind, bare));
        }
        for (id, kind) in [("site:s", Site), ("site:t", Site), ("network:n", Network), ("network:m", Network)]
        {
            assets.push(made(id.into(), kind, stored_on(&[])));
        }
        let ids = assets.iter().map(|asset| asset.id.0.clone());
        ids.filter(|id| !id.starts_with("upstream")).collect()
    }

    /// What somebody may declare of a host or bucket: of each class one, or now and then none.
    fn declared(&mut self, beyond: &[String]) -> Bonds {
        let mut on = Vec::new();
        for word in ["provider:", "region:", "account:", "site:", "network:"] {
            let of: Vec<&String> = beyond.iter().filter(|id| id.starts_with(word)).collect();
            if !of.is_empty() && !self.one_in(4) {
                on.push(of[self.below(of.len())].as_str());
            }
        }
        stored_on(&on)
    }

    fn bonds(&mut self, on: &[String]) -> Bonds {
        let mut bonds = stored_on(&[&on[self.below(on.len())]]);
        if self.one_in(4) {
            let other = AssetId(on[self.below(on.len())].clone());
            match self.below(3) {
                0 => bonds.list.push(Bond::observed(Nature::Needs, other, now())),
                1 => bonds.list.push(Bond::observed(Nature::StoredOn, other, now())),
                _ if bonds.list[0].on[0] != other => {
                    bonds.list[0].on.push(other);
                    bonds.list[0].dies_at = 2;
                }
                _ => {}
            }
        }
        bonds
    }

    fn point(&mut self, number: usize, all: &[String], volumes: &[Volume], cascades: bool) -> RecoveryPoint {
        let kinds = [PointKind::BtrfsSnapshot, PointKind::NamedCopy, PointKind::VaultCopy];
        let kind = kinds[self.below(kinds.len())];
        let hours = [1, 1, 20, 30, 400, -3][self.below(6)];
        let mut point = point(&format!("p{number}"), kind, &all[self.below(all.len())], hours);
        let volume = &volumes[self.below(volumes.len())];
        point.of = Known::Observed(volume.id.clone(), now());
        if self.one_in(3) {
            point.consistency = Known::Observed(Consistency::Live, now());
        }
        match self.below(10) {
            0 => point.usable = Usable::Unproven("nobody looked".into()),
            1 => point.usable = Usable::No("empty".into()),
            2 => point.taken_at = Known::Unknown,
            3 => point.bonds.complete.remove(Nature::Needs),
            _ => {}
        }
        if cascades {
            point.bonds.complete.insert(Nature::CascadesFrom);
            if self.one_in(3) {
                point.bonds.list.push(Bond::observed(Nature::CascadesFrom, volume.asset.clone(), now()));
            }
        }
        point
    }
}

fn made(id: String, kind: AssetKind, bonds: Bonds) -> Asset {
    Asset { name: id.clone(), id: AssetId(id), kind, bonds }
}
