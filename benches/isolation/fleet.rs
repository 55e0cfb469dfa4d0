//! A seeded fleet: providers, accounts, projects, hosts with the tokens that lie on them, buckets under lock, and
//! volumes with their recovery points. A few percent of it is not known.

use chrono::{TimeDelta, TimeZone, Utc};
use outlive::domain::*;
use std::collections::BTreeMap;

/// How large, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub volumes: usize,
    /// Of each volume.
    pub points: usize,
    pub seed: u64,
}

/// The moment at which fleets are judged.
pub fn now() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 22, 2, 0, 0).single().unwrap_or_default()
}

/// Asks for every class, and for two acts.
pub fn policy() -> Policy {
    Policy { survive: HazardClass::ALL.into(), min_cut_order: 2, ..Policy::default() }
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// A bond of `dies_at` of some assets.
fn bond(nature: Nature, on: &[String]) -> Bond {
    let on = on.iter().cloned().map(AssetId).collect();
    Bond { nature, on, dies_at: 1, how: How::Observed(now()), grace: None }
}

fn bonds(list: &[(Nature, String)]) -> Bonds {
    let list = list.iter().map(|(nature, on)| bond(*nature, std::slice::from_ref(on))).collect();
    Bonds { list, complete: Nature::ALL.into_iter().collect() }
}

struct Fleet {
    random: Random,
    size: Size,
    inventory: Inventory,
}

/// How many volumes one team keeps: a team has an account, and its tokens lie on its own hosts.
const TEAM: usize = 50;

/// A fleet with five assets a volume, a tenth of them credentials; of a few percent a nature is not known.
pub fn fleet(size: Size) -> Inventory {
    let mut fleet = known_fleet(size);
    fleet.forget();
    fleet.inventory
}

/// A fleet of which all is known but what the provider of a quarter of it builds on.
pub fn fleet_on_an_open_provider(size: Size) -> Inventory {
    let mut inventory = known_fleet(size).inventory;
    if let Some(open) = inventory.assets.iter_mut().find(|asset| asset.kind == AssetKind::Provider) {
        open.bonds.complete.remove(Nature::StoredOn);
    }
    inventory
}

/// A fleet of which every fourth filesystem is a share of a server, of which nobody knows what it keeps where, and every
/// twentieth lies nobody knows where.
pub fn fleet_on_servers(size: Size) -> Inventory {
    let mut inventory = known_fleet(size).inventory;
    let mut servers = Vec::new();
    let filesystems = inventory.assets.iter_mut().filter(|asset| asset.kind == AssetKind::Filesystem);
    for (number, filesystem) in filesystems.enumerate() {
        if number % 20 == 0 {
            filesystem.bonds.list = Bonds::default().list;
            filesystem.bonds.complete.remove(Nature::StoredOn);
        } else if number % 4 == 0 {
            let name = format!("nas-{}", number / 40);
            servers.push(name.clone());
            filesystem.bonds.list = bonds(&[(Nature::StoredOn, format!("server:{name}"))]).list;
        }
    }
    servers.dedup();
    let mut fleet = Fleet { random: Random(size.seed), size, inventory };
    for (number, name) in servers.into_iter().enumerate() {
        fleet.asset(AssetKind::Server, name, &[(Nature::StoredOn, format!("host:{}", number % 10))]);
    }
    for server in fleet.inventory.assets.iter_mut().filter(|asset| asset.kind == AssetKind::Server) {
        server.bonds.complete.remove(Nature::StoredOn);
    }
    fleet.inventory
}

fn known_fleet(size: Size) -> Fleet {
    let mut fleet = Fleet { random: Random(size.seed), size, inventory: Inventory::default() };
    fleet.world();
    let teams = size.volumes.div_ceil(TEAM);
    (0..teams).for_each(|team| fleet.team(team));
    (0..size.volumes).for_each(|volume| fleet.volume(volume));
    let rest = (size.volumes * 5).saturating_sub(fleet.inventory.assets.len());
    (0..rest).for_each(|spare| {
        let on = format!("host:{}", fleet.random.below(teams * 10));
        fleet.asset(AssetKind::Device, format!("spare-{spare}"), &[(Nature::StoredOn, on)]);
    });
    fleet
}

impl Fleet {
    fn asset(&mut self, kind: AssetKind, name: String, on: &[(Nature, String)]) {
        let id = AssetId(format!("{}:{name}", kind.word()));
        self.inventory.assets.push(Asset { id, kind, name, bonds: bonds(on) });
    }

    /// What all teams share.
    fn world(&mut self) {
        use Nature::{AdministeredBy, StoredOn};
        self.asset(AssetKind::Network, "office".into(), &[]);
        self.asset(AssetKind::Identity, "sign-on".into(), &[]);
        for provider in 0..4 {
            let on = format!("provider:{provider}");
            self.asset(AssetKind::Provider, provider.to_string(), &[]);
            for region in 0..3 {
                let region = format!("{provider}/{region}");
                self.asset(AssetKind::Region, region.clone(), &[(StoredOn, on.clone())]);
                self.asset(AssetKind::Site, region, &[]);
            }
        }
        let on = [(AdministeredBy, "identity:sign-on".to_owned()), (StoredOn, "provider:0".to_owned())];
        self.asset(AssetKind::Organisation, "all".into(), &on);
    }

    /// An account for what runs, one elsewhere for copies; projects, hosts, people, tokens, buckets and keys.
    fn team(&mut self, team: usize) {
        use Nature::{AdministeredBy, CascadesFrom, DeletableBy, StoredOn, YieldedBy};
        let (own, other) = (team % 4, (team + 1) % 4);
        let own_named = |what: &str, number: usize| format!("{what}:{}", team * 10 + number);
        for (name, provider) in [(format!("{team}"), own), (format!("{team}-copies"), other)] {
            let admin = format!("credential:{name}-root");
            let on = [(StoredOn, format!("provider:{provider}")), (AdministeredBy, admin)];
            self.asset(AssetKind::Account, name.clone(), &on);
            self.asset(
                AssetKind::Credential,
                format!("{name}-root"),
                &[(YieldedBy, own_named("identity", 0))],
            );
        }
        for person in 0..3 {
            let on = [(YieldedBy, "identity:sign-on".to_owned())];
            self.asset(AssetKind::Identity, (team * 10 + person).to_string(), &on);
        }
        for number in 0..10 {
            let account = format!("account:{team}");
            let name = (team * 10 + number).to_string();
            if number < 4 {
                let on = [
                    (StoredOn, account.clone()),
                    (CascadesFrom, account.clone()),
                    (AdministeredBy, own_named("credential", number)),
                ];
                self.asset(AssetKind::Project, name.clone(), &on);
            }
            let project = own_named("project", number % 4);
            let site = format!("{own}/{}", self.random.below(3));
            let on = [
                (StoredOn, format!("region:{site}")),
                (StoredOn, format!("site:{site}")),
                (StoredOn, project.clone()),
                (CascadesFrom, project),
                (AdministeredBy, own_named("credential", 4 + number % 6)),
            ];
            self.asset(AssetKind::Host, name, &on);
        }
        for token in 0..TEAM / 2 - 2 {
            // Every hundredth token lies on some other team's host.
            let hosts = self.size.volumes.div_ceil(TEAM) * 10;
            let stray = self.random.one_in(100);
            let host = if stray { self.random.below(hosts) } else { team * 10 + self.random.below(10) };
            let name = if token < 10 { (team * 10 + token).to_string() } else { format!("{team}-{token}") };
            let on = [(YieldedBy, format!("host:{host}")), (YieldedBy, own_named("identity", token % 3))];
            self.asset(AssetKind::Credential, name, &on);
        }
        for bucket in 0..3 {
            let account = format!("account:{team}-copies");
            let on = [
                (StoredOn, account.clone()),
                (CascadesFrom, account),
                (DeletableBy, format!("credential:{team}-{}", 10 + bucket)),
            ];
            self.asset(AssetKind::Bucket, format!("{team}-{bucket}"), &on);
            self.asset(AssetKind::Key, format!("{team}-{bucket}"), &[]);
        }
        self.asset(AssetKind::Catalogue, team.to_string(), &[(StoredOn, own_named("host", 0))]);
    }

    /// A volume with its filesystem and disk, its snapshots, the provider's backups and copies elsewhere.
    fn volume(&mut self, number: usize) {
        use Nature::{CascadesFrom, DeletableBy, StoredOn};
        let team = number / TEAM;
        let host = format!("host:{}", team * 10 + self.random.below(10));
        let token = format!("credential:{team}-{}", 10 + self.random.below(TEAM / 2 - 12));
        let name = number.to_string();
        self.asset(AssetKind::Device, name.clone(), &[(StoredOn, host)]);
        self.asset(AssetKind::Filesystem, name.clone(), &[(StoredOn, format!("device:{name}"))]);
        let on = [(StoredOn, format!("filesystem:{name}")), (DeletableBy, token.clone())];
        self.asset(AssetKind::Subvolume, name.clone(), &on);
        let asset = format!("subvolume:{name}");
        let id = VolumeId(format!("volume-{number}"));
        self.inventory.volumes.push(Volume {
            id: id.clone(),
            name: format!("/srv/{number}"),
            kind: VolumeKind::Subvolume,
            asset: AssetId(asset.clone()),
        });
        let project = format!("project:{}", team * 10 + self.random.below(4));
        let snapshots = bonds(&[(StoredOn, format!("filesystem:{name}")), (DeletableBy, token.clone())]);
        let backups = bonds(&[
            (StoredOn, project.clone()),
            (CascadesFrom, project),
            (CascadesFrom, asset),
            (DeletableBy, token),
        ]);
        let bucket = format!("{team}-{}", number % 3);
        let copies = bonds(&[
            (StoredOn, format!("bucket:{bucket}")),
            (CascadesFrom, format!("bucket:{bucket}")),
            (Nature::Needs, format!("key:{bucket}")),
            (Nature::Needs, format!("catalogue:{team}")),
            (DeletableBy, format!("credential:{team}-{}", 10 + number % 3)),
        ]);
        for place in 0..self.size.points {
            let (kind, bonds) = match place % 4 {
                0 => (PointKind::BtrfsSnapshot, &snapshots),
                1 => (PointKind::Declared, &backups),
                _ => (PointKind::VaultCopy, &copies),
            };
            self.point(&id, place, kind, bonds.clone());
        }
    }

    fn point(&mut self, of: &VolumeId, place: usize, kind: PointKind, bonds: Bonds) {
        let hours = TimeDelta::hours(1 + (place * 5) as i64);
        let (mode, until) = match (kind, place % 8) {
            (PointKind::VaultCopy, 0..=4) => {
                (LockMode::Compliance, Some(now() + TimeDelta::days(30) - hours))
            }
            (PointKind::VaultCopy, _) => (LockMode::Governance, Some(now() + TimeDelta::days(9) - hours)),
            _ => (LockMode::None, None),
        };
        let known = self.random.below(100);
        self.inventory.points.push(RecoveryPoint {
            id: PointId(format!("{of}/{place:04}")),
            name: format!("{place:04}"),
            of: Known::Observed(of.clone(), now()),
            taken_at: Known::Observed(now() - hours, now()),
            kind,
            catalogued: None,
            consistency: Known::Observed(Consistency::Crash, now()),
            bytes: Known::Observed(1 << 30, now()),
            lock: match known {
                0 => Known::Unknown,
                _ => Known::Observed(Lock { mode, until }, now()),
            },
            state: (kind == PointKind::VaultCopy).then_some(CopyState::Verified),
            usable: if known == 1 { Usable::Unproven("nobody looked".into()) } else { Usable::Yes },
            drilled_at: Known::Unknown,
            bonds,
        });
    }

    /// Of three assets in a hundred, one nature is not known.
    fn forget(&mut self) {
        for asset in &mut self.inventory.assets {
            if self.random.below(100) < 3 {
                asset.bonds.complete.remove(Nature::ALL[self.random.below(6)]);
            }
        }
    }
}

/// One volume with many points on 20 places of two bonds each, so that 40 assets and a few more bear on it.
pub fn one_volume(points: usize) -> Inventory {
    let size = Size { volumes: 1, points: 0, seed: 1 };
    let mut fleet = Fleet { random: Random(size.seed), size, inventory: Inventory::default() };
    use Nature::{DeletableBy, StoredOn};
    fleet.asset(AssetKind::Host, "h".into(), &[]);
    fleet.asset(AssetKind::Filesystem, "f".into(), &[(StoredOn, "host:h".into())]);
    let id = VolumeId("one".into());
    let asset = AssetId("filesystem:f".into());
    fleet.inventory.volumes.push(Volume {
        id: id.clone(),
        name: "/srv".into(),
        kind: VolumeKind::Filesystem,
        asset,
    });
    for place in 0..18 {
        fleet.asset(AssetKind::Host, place.to_string(), &[]);
        fleet.asset(AssetKind::Credential, place.to_string(), &[]);
    }
    for number in 0..points {
        let (host, token) = (fleet.random.below(18), fleet.random.below(18));
        let on = [(StoredOn, format!("host:{host}")), (DeletableBy, format!("credential:{token}"))];
        let place = number % 5;
        fleet.point(&id, place, PointKind::Declared, bonds(&on));
        if let Some(point) = fleet.inventory.points.last_mut() {
            point.id = PointId(number.to_string());
        }
    }
    fleet.inventory
}

/// A volume on a stack of devices of which the lowest lies nobody knows where, with a snapshot on each tenth.
pub fn stack(length: usize) -> Inventory {
    use Nature::StoredOn;
    let size = Size { volumes: 1, points: 0, seed: 1 };
    let mut fleet = Fleet { random: Random(size.seed), size, inventory: Inventory::default() };
    for number in 0..length {
        let on = [(StoredOn, format!("device:{}", number + 1))];
        let below: &[_] = if number + 1 < length { &on } else { &[] };
        fleet.asset(AssetKind::Device, number.to_string(), below);
        if let Some(lowest) = fleet.inventory.assets.last_mut().filter(|_| number + 1 == length) {
            lowest.bonds.complete.remove(StoredOn);
        }
    }
    fleet.volume_on("device:0");
    for number in (0..length).step_by(10) {
        let on = bonds(&[(StoredOn, format!("device:{number}"))]);
        fleet.point(&VolumeId("one".into()), number, PointKind::BtrfsSnapshot, on);
    }
    fleet.inventory
}

/// A volume that any of many tokens may delete; of none is it known from where it can be had.
pub fn tokens(count: usize) -> Inventory {
    use Nature::{DeletableBy, StoredOn, YieldedBy};
    let size = Size { volumes: 1, points: 0, seed: 1 };
    let mut fleet = Fleet { random: Random(size.seed), size, inventory: Inventory::default() };
    let mut on = vec![(StoredOn, "host:h".to_owned())];
    fleet.asset(AssetKind::Host, "h".into(), &[]);
    for number in 0..count {
        fleet.asset(AssetKind::Credential, number.to_string(), &[]);
        if let Some(token) = fleet.inventory.assets.last_mut() {
            token.bonds.complete.remove(YieldedBy);
        }
        on.push((DeletableBy, format!("credential:{number}")));
    }
    fleet.asset(AssetKind::Device, "0".into(), &on);
    fleet.volume_on("device:0");
    fleet.point(&VolumeId("one".into()), 0, PointKind::Declared, bonds(&on));
    fleet.inventory
}

impl Fleet {
    fn volume_on(&mut self, asset: &str) {
        self.inventory.volumes.push(Volume {
            id: VolumeId("one".into()),
            name: "/srv".into(),
            kind: VolumeKind::Declared,
            asset: AssetId(asset.into()),
        });
    }
}

/// Every volume by the same policy.
pub fn policies() -> Policies {
    Policies { default: policy(), of_volume: BTreeMap::new(), waivers: Vec::new() }
}
