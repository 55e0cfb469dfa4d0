//! A seeded source of small tangles: anything bonded to anything, cycles included, so that a second, plain way of
//! judging can try everything.

use crate::estate::now;
use crate::random::Random;
use chrono::TimeDelta;
use outlive::domain::*;

pub const KINDS: [AssetKind; 24] = {
    use AssetKind::*;
    [
        Volume,
        Bucket,
        Directory,
        Subvolume,
        File,
        Filesystem,
        Pool,
        Partition,
        Device,
        Memory,
        Server,
        Host,
        Site,
        Region,
        Project,
        Account,
        Organisation,
        Provider,
        UpstreamProvider,
        Network,
        Credential,
        Identity,
        Key,
        Catalogue,
    ]
};

/// What turns up often, so that chains of it form.
const COMMON: [AssetKind; 8] = {
    use AssetKind::*;
    [Filesystem, Device, Host, Server, Account, Credential, Credential, Key]
};

impl Random {
    /// A tangle. In every third everything is known.
    pub fn tangle(&mut self) -> Inventory {
        let forgetful = [0, 0, 40, 40, 12, 5][self.below(6)];
        let count = 2 + self.below(9);
        let kinds: Vec<AssetKind> = (0..count).map(|_| self.kind()).collect();
        let mut ids: Vec<AssetId> = (0..count).map(asset_id).collect();
        if self.one_in(8) {
            ids.push(AssetId("ghost".into()));
        }
        let mut inventory = Inventory::default();
        for (place, kind) in kinds.into_iter().enumerate() {
            let bonds = self.ties(&ids, forgetful, place + 1);
            let (id, name) = (ids[place].clone(), ids[place].0.clone());
            inventory.assets.push(Asset { id, kind, name, bonds });
        }
        let tops = if self.one_in(20) { ids.len() } else { count.min(3) };
        for number in 0..1 + self.below(2) {
            let (id, asset) = (VolumeId(format!("v{number}")), ids[self.below(tops)].clone());
            let kind = VolumeKind::Declared;
            inventory.volumes.push(outlive::domain::Volume { name: id.0.clone(), id, kind, asset });
        }
        for number in 0..self.below(7) {
            let volume = self.below(inventory.volumes.len() + 1) % inventory.volumes.len();
            let of = inventory.volumes[volume].id.clone();
            let mut point = self.state_of(number, of, &ids, forgetful);
            if let Some(last) = inventory.points.last().filter(|_| self.one_in(4)) {
                (point.bonds, point.of, point.kind) = (last.bonds.clone(), last.of.clone(), last.kind);
            }
            inventory.points.push(point);
        }
        inventory
    }

    /// What is asked for of a tangle.
    pub fn tangle_policy(&mut self) -> Policy {
        let all = HazardClass::ALL.into_iter();
        let some = self.one_in(3);
        let survive = all.filter(|_| !some || self.one_in(2)).collect();
        let detect_within = TimeDelta::hours([2, 10, 72][self.below(3)]);
        Policy { survive, detect_within, ..Policy::default() }
    }

    fn kind(&mut self) -> AssetKind {
        match self.one_in(2) {
            true => KINDS[self.below(KINDS.len())],
            false => COMMON[self.below(COMMON.len())],
        }
    }

    /// Bonds to what comes later in the list, now and then to anything.
    fn ties(&mut self, ids: &[AssetId], forgetful: usize, from: usize) -> Bonds {
        let mut bonds = Bonds { list: Vec::new().into(), complete: Nature::ALL.into_iter().collect() };
        for _ in 0..[0, 1, 1, 2, 2, 3][self.below(6)] {
            let nature = match self.below(8) {
                0 | 1 => Nature::StoredOn,
                number => Nature::ALL[number - 2],
            };
            let later = if from < ids.len() && !self.one_in(6) { from } else { 0 };
            let mut on = vec![ids[later + self.below(ids.len() - later)].clone()];
            while on.len() < 4 && self.one_in(3) {
                on.push(ids[later + self.below(ids.len() - later)].clone());
            }
            on.sort();
            on.dedup();
            let nonsense = self.one_in(60);
            let dies_at = if nonsense { 9 * self.below(2) } else { 1 + self.below(on.len()) };
            let grace = [None, None, None, Some(0), Some(3600), Some(9 * 86_400)][self.below(6)];
            let grace = grace.map(|seconds| Grace { seconds });
            bonds.list.push(Bond { nature, on, dies_at, how: How::Observed(now()), grace });
        }
        for nature in Nature::ALL {
            if forgetful > 0 && self.one_in(forgetful) {
                bonds.complete.remove(nature);
            }
        }
        bonds
    }

    fn state_of(&mut self, number: usize, of: VolumeId, ids: &[AssetId], forgetful: usize) -> RecoveryPoint {
        let kinds = [PointKind::Declared, PointKind::VaultCopy, PointKind::Declared, PointKind::Replica];
        let kind = self.below(4);
        let mut point = crate::estate::point(&format!("p{number}"), kinds[kind], "", 1);
        if kind == 2 {
            // Whether it follows its volume, nobody knows.
            point.catalogued = Some("nobody.describes-it".into());
        }
        point.bonds = self.ties(ids, forgetful, 0);
        if self.one_in(6) {
            // Somebody said so.
            point.bonds.list = point.bonds.list.iter().cloned().map(said).collect();
        }
        point.of = Known::Observed(of, now());
        let hours = [1, 1, 3, 20, 30, 60, 90, 400, -3][self.below(9)];
        point.taken_at = Known::Observed(now() - TimeDelta::hours(hours), now());
        point.lock = self.lock();
        let known = if forgetful > 0 { self.below(forgetful) } else { 99 };
        match known {
            0 => point.of = Known::Unknown,
            1 => point.taken_at = Known::Unknown,
            2 => point.usable = Usable::Unproven("nobody looked".into()),
            3 => point.lock = Known::Unknown,
            _ => {}
        }
        if self.one_in(15) {
            point.usable = Usable::No("empty".into());
        }
        if self.one_in(15) {
            point.state = Some(CopyState::Damaged);
        }
        point
    }

    pub fn lock(&mut self) -> Known<Lock> {
        let mode =
            [LockMode::Compliance, LockMode::Governance, LockMode::LegalHold, LockMode::None, LockMode::None]
                [self.below(5)];
        let until = match (mode, self.below(6)) {
            (LockMode::LegalHold | LockMode::None, _) | (_, 0) => None,
            (_, 1) => Some(now() - TimeDelta::hours(1)),
            _ => Some(now() + TimeDelta::days(9)),
        };
        Known::Observed(Lock { mode, until }, now())
    }
}

fn said(mut bond: Bond) -> Bond {
    bond.how = How::Declared(Owner("somebody".into()));
    bond
}

/// Two letters each, so that no name is a part of another one.
fn asset_id(place: usize) -> AssetId {
    let letter = (b'a' + place as u8) as char;
    AssetId(format!("{letter}x"))
}
