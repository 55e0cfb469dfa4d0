//! What lies beyond machines and is in a slice only because members may lie in it without anybody having said so: the
//! token that somebody holds closes an account, and what names no account may be in it.
//!
//! Under one sign-on there may be thousands of accounts that fall in the same way. One of them speaks for all: of two
//! that hang in the same way on the same things, both fall or neither does, so what the second one may take along, the
//! first one takes. Which are alike is told narrowly: only accounts and their like whose storage and needs are wholly
//! known, and which otherwise hang on nothing but credentials and identities.

use super::aspects::{Classes, Numbered};
use super::graph::{Edge, Graph};
use super::slice::Slice;
use super::unseen::Openness;
use crate::domain::{AssetKind, Nature};
use std::collections::{HashMap, HashSet};

/// How something beyond machines hangs on other things.
#[derive(Debug, Clone)]
pub(super) struct Conduit {
    /// Equal where two hang on what is alike, all the way down.
    shape: u32,
    /// What it hangs on in the order of its shape, itself first; what is named twice is there twice.
    tree: Vec<u32>,
}

/// The largest tree that is compared. A circle has none.
const LARGEST: usize = 48;

/// The shape of a node in numbers, and its tree.
type Shaped = (Vec<u32>, Vec<u32>);

impl Graph {
    /// Finds the conduits: per node beyond machines its own, where there is one.
    pub(super) fn find_conduits(&mut self) {
        let mut shapes: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut conduits = HashMap::default();
        for node in (0..self.nodes.len()).filter(|node| self.aspects[*node].wide) {
            let mut left = LARGEST;
            if let (Some((shape, tree)), Ok(number)) =
                (self.shape(node, true, &mut left), u32::try_from(node))
            {
                let next = u32::try_from(shapes.len()).unwrap_or(u32::MAX);
                conduits.insert(number, Conduit { shape: *shapes.entry(shape).or_insert(next), tree });
            }
        }
        self.conduits = conduits;
    }

    fn shape(&self, node: usize, is_root: bool, left: &mut usize) -> Option<Shaped> {
        *left = left.checked_sub(1)?;
        let number = u32::try_from(node).ok()?;
        let aspect = self.aspect(node);
        if aspect.wide && !is_root {
            return Some((vec![0, number], vec![number]));
        }
        let kind = self.nodes[node].kind?;
        let acts = matches!(kind, AssetKind::Credential | AssetKind::Identity);
        if !(is_root || acts) || aspect.openness != Openness::Closed {
            return None;
        }
        let mut bonds: Vec<Shaped> = Vec::new();
        for edge in self.own(node) {
            bonds.push(self.bond_shape(edge, left)?);
        }
        bonds.sort();
        let open = self.nodes[node].open.iter().fold(0, |bits, nature| bits | 1 << nature as u32);
        let mut shape = vec![1, kind as u32, open, u32::try_from(bonds.len()).ok()?];
        let mut tree = vec![number];
        for (one, on) in bonds {
            shape.extend(one);
            tree.extend(on);
        }
        Some((shape, tree))
    }

    fn bond_shape(&self, edge: &Edge, left: &mut usize) -> Option<Shaped> {
        let hands = matches!(edge.nature, Nature::AdministeredBy | Nature::DeletableBy | Nature::YieldedBy);
        let mut all: Vec<Shaped> = Vec::new();
        for on in &edge.on {
            // By hands alone does one hang on who acts.
            if !hands && !self.aspect(*on).wide {
                return None;
            }
            all.push(self.shape(*on, false, left)?);
        }
        all.sort();
        let number = |count: usize| u32::try_from(count).ok();
        let mut shape = vec![edge.nature as u32, number(edge.dies_at)?, number(all.len())?];
        let mut tree = Vec::new();
        for (one, on) in all {
            shape.extend(one);
            tree.extend(on);
        }
        Some((shape, tree))
    }
}

/// What tells conduits apart in one slice: their shape, and which of the slice's own members stand where in it.
type Kind = (u32, Vec<(usize, u32)>);

impl Slice<'_> {
    /// Adds what lies beyond machines, of the classes that some member may lie in, and may fall because of members, in
    /// whatever way.
    pub(super) fn add_conduits(&mut self) {
        let graph = self.graph;
        let first = self.members.len();
        let mut kinds: HashSet<Kind> = HashSet::new();
        let mut looked: HashSet<u32, Numbered> = HashSet::default();
        let mut wanted = Classes::default();
        loop {
            let before = (self.members.len(), wanted);
            let mut next = 0;
            while next < self.members.len() {
                let node = self.members[next].node;
                wanted = wanted.and(graph.wants[node]);
                for on in graph.own(node).filter(|_| next >= first).flat_map(|edge| &edge.on) {
                    self.add(*on);
                }
                for wide in graph.wide_above[node].iter().filter(|wide| graph.is_of(**wide, wanted)) {
                    self.add_conduit(*wide, first, &mut looked, &mut kinds);
                }
                next += 1;
            }
            for wide in graph.wide_open.iter().filter(|wide| graph.is_of(**wide, wanted)) {
                self.add_conduit(*wide, first, &mut looked, &mut kinds);
            }
            if before == (self.members.len(), wanted) {
                return;
            }
        }
    }

    fn add_conduit(
        &mut self,
        wide: u32,
        first: usize,
        looked: &mut HashSet<u32, Numbered>,
        kinds: &mut HashSet<Kind>,
    ) {
        if !looked.insert(wide) {
            return;
        }
        let is_new = match self.graph.conduits.get(&wide) {
            Some(conduit) => {
                let own = |node: u32| self.member_of(node as usize).is_some_and(|member| member < first);
                let named = conduit.tree.iter().copied().enumerate().filter(|(_, node)| own(*node));
                kinds.insert((conduit.shape, named.collect()))
            }
            None => true,
        };
        if is_new {
            self.add(wide as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::domain::{
        Asset, AssetId, Bond, Bonds, How, Inventory, Known, Lock, LockMode, Owner, PointId, PointKind,
        Policy, RecoveryPoint, Timestamp, Usable, Volume, VolumeId, VolumeKind,
    };
    use crate::isolation::{expand_whole, isolate};

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn one_in(&mut self, bound: u64) -> bool {
            self.below(bound) == 0
        }
    }

    fn bonds(random: &mut Random, list: &[(Nature, String)]) -> Bonds {
        let bond = |(nature, on): &(Nature, String)| Bond {
            nature: *nature,
            on: vec![AssetId(on.clone())],
            dies_at: 1,
            how: How::Declared(Owner("a test".into())),
            grace: None,
        };
        let mut bonds =
            Bonds { list: list.iter().map(bond).collect(), complete: Nature::ALL.into_iter().collect() };
        if random.one_in(8) {
            bonds.complete.remove(Nature::ALL[random.below(6) as usize]);
        }
        bonds
    }

    /// Accounts of one sign-on on two providers, tokens and people between them, one volume and two copies.
    fn estate(random: &mut Random) -> Inventory {
        use Nature::{AdministeredBy, CascadesFrom, DeletableBy, StoredOn, YieldedBy};
        let mut inventory = Inventory::default();
        let mut add = |random: &mut Random, kind: AssetKind, name: String, on: &[(Nature, String)]| {
            let id = AssetId(format!("{}:{name}", kind.word()));
            let bonds = bonds(random, on);
            inventory.assets.push(Asset { id, kind, name, bonds });
        };
        add(random, AssetKind::Identity, "sign-on".into(), &[]);
        add(random, AssetKind::Network, "n".into(), &[]);
        for provider in 0..2 {
            add(random, AssetKind::Provider, provider.to_string(), &[]);
        }
        add(random, AssetKind::Host, "h".into(), &[(StoredOn, "provider:0".into())]);
        for number in 0..8 {
            let from = match random.below(4) {
                0 => "host:h".to_owned(),
                1 => format!("identity:{}", random.below(4)),
                _ => "identity:sign-on".to_owned(),
            };
            add(random, AssetKind::Credential, number.to_string(), &[(YieldedBy, from)]);
            let on = [(YieldedBy, "identity:sign-on".to_owned())];
            add(random, AssetKind::Identity, number.to_string(), &on);
            let mut on = vec![
                (StoredOn, format!("provider:{}", random.below(2))),
                (AdministeredBy, format!("credential:{number}")),
            ];
            if random.one_in(5) {
                on.push((CascadesFrom, format!("account:{}", random.below(8))));
            }
            add(random, AssetKind::Account, number.to_string(), &on);
        }
        for (bucket, provider) in [(0, random.below(2)), (1, 1)] {
            let mut on = vec![(DeletableBy, format!("credential:{}", random.below(8)))];
            if !random.one_in(3) {
                on.push((StoredOn, format!("provider:{provider}")));
            }
            add(random, AssetKind::Bucket, bucket.to_string(), &on);
        }
        add(random, AssetKind::Filesystem, "f".into(), &[(StoredOn, "host:h".into())]);
        volume(random, &mut inventory);
        inventory
    }

    fn volume(random: &mut Random, inventory: &mut Inventory) {
        let id = VolumeId("v".into());
        inventory.volumes.push(Volume {
            id: id.clone(),
            name: "v".into(),
            kind: VolumeKind::Filesystem,
            asset: AssetId("filesystem:f".into()),
        });
        for number in 0..3 {
            let on = [(Nature::StoredOn, format!("bucket:{}", number % 2))];
            let lock = match random.below(3) {
                0 => Lock { mode: LockMode::Compliance, until: Some(now() + chrono::TimeDelta::days(9)) },
                _ => Lock { mode: LockMode::None, until: None },
            };
            inventory.points.push(RecoveryPoint {
                id: PointId(number.to_string()),
                name: number.to_string(),
                of: Known::Observed(id.clone(), now()),
                taken_at: Known::Observed(now(), now()),
                kind: PointKind::VaultCopy,
                catalogued: None,
                consistency: Known::Unknown,
                bytes: Known::Unknown,
                lock: Known::Observed(lock, now()),
                state: None,
                usable: Usable::Yes,
                drilled_at: Known::Unknown,
                bonds: bonds(random, &on),
            });
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
    }

    #[test]
    fn that_one_account_speaks_for_others_changes_no_row_and_no_cut_set() {
        let policy =
            Policy { survive: crate::domain::HazardClass::ALL.into_iter().collect(), ..Policy::default() };
        let mut fewer = 0;
        for seed in 0..3_000 {
            let graph = expand_whole(estate(&mut Random(seed)), &Catalogue::default());
            let mut plain = graph.clone();
            plain.conduits.clear();
            let volume = &graph.inventory().volumes[0];
            let members = |graph| Slice::of(graph, volume, now(), &[]).members.len();
            fewer += usize::from(members(&graph) < members(&plain));
            let (rows, cuts) = isolate(&graph, volume, &policy, now());
            let (plain_rows, plain_cuts) = isolate(&plain, volume, &policy, now());
            assert_eq!(rows, plain_rows, "seed {seed}");
            assert_eq!(cuts, plain_cuts, "seed {seed}");
        }
        assert!(fewer > 500, "{fewer} slices were smaller for it");
    }
}
