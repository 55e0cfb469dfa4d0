//! What lies beyond a machine: sites, regions, accounts, providers, networks.
//!
//! No survey sees these; somebody declares them. Whatever names none of a class may stand on any of that
//! class, so that a primary on a declared provider and a copy of which no provider was declared are never
//! taken for apart. One exclusion holds: regions and accounts belong to providers, so two things on
//! different providers, each known to the bottom, share neither.

use super::aspects::{Aspect, Classes};
use super::graph::{Graph, Node};
use super::unseen::Openness;
use crate::domain::{AssetKind, HazardClass, How, Nature};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of where a thing is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    /// Per class of what lies beyond machines: the assets that it rests on.
    known: BTreeMap<HazardClass, BTreeSet<usize>>,
    /// Whether everything below it is known.
    closed: bool,
    /// Whether it is the lowest thing of its stack: below it lies only what was declared.
    leaf: bool,
    /// Whether a host, or a part of one, is known to hold it.
    seated: bool,
}

/// On which providers something is known to stand, as a number; zero where that tells it apart from nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Grounds(u32);

impl Grounds {
    /// What tells nothing apart.
    pub const NONE: Self = Self(0);

    /// The same, where it tells apart what things share of a class.
    pub fn telling(self, class: HazardClass) -> Self {
        match class {
            HazardClass::Region | HazardClass::Account => self,
            _ => Self::NONE,
        }
    }
}

/// What tells machines apart that hold bytes: where they are, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Berth(u32);

/// The grounds of all nodes, and where machines are and what may be on one.
#[derive(Debug, Clone, Default)]
pub(super) struct Beyond {
    of_node: Vec<Grounds>,
    /// Per number of grounds.
    providers: Vec<BTreeSet<usize>>,
    /// Of points of which no machine is named; where there are any, also of machines and their parts.
    berths: BTreeMap<usize, Berth>,
    /// Per number of a berth.
    standings: Vec<Standing>,
}

/// The classes of what holds bytes within a machine.
const NARROW: [HazardClass; 4] =
    [HazardClass::File, HazardClass::Filesystem, HazardClass::Device, HazardClass::Host];

/// The classes of what tells machines apart, besides accounts.
const TELLING: [HazardClass; 3] = [HazardClass::Site, HazardClass::Region, HazardClass::Provider];

impl Standing {
    fn apart_by(&self, other: &Self, class: HazardClass) -> bool {
        let known = self.closed && other.closed;
        let both = self.known.get(&class).zip(other.known.get(&class));
        known && both.is_some_and(|(one, two)| one.is_disjoint(two))
    }

    /// Whether what is unseen of a class below one can surely not be below the other.
    fn is_apart(&self, other: &Self, class: HazardClass) -> bool {
        let by: &[HazardClass] = match class {
            HazardClass::Region | HazardClass::Account => &[HazardClass::Provider],
            HazardClass::Host => &[HazardClass::Site, HazardClass::Region, HazardClass::Provider],
            // Two providers may share a building or a network.
            _ => &[],
        };
        by.iter().any(|class| self.apart_by(other, *class))
    }

    /// The classes of which nothing is known.
    fn lacking(&self, node: &Node) -> Classes {
        if !self.leaf {
            return Classes::default();
        }
        let open = node.open.contains(Nature::StoredOn);
        let wide = HazardClass::WIDE.into_iter().filter(|class| open || !self.known.contains_key(class));
        let narrow = NARROW.into_iter().filter(|_| !self.seated);
        narrow.chain(wide).collect()
    }
}

/// True for what lies beyond a machine.
pub(super) fn is_wide(kind: Option<AssetKind>) -> bool {
    kind.and_then(HazardClass::of_loss).is_some_and(HazardClass::is_wide)
}

impl Graph {
    /// Where a leaf, or a thing beyond machines, is; `None` for anything else.
    pub(super) fn standing(&self, node: usize) -> Option<&Standing> {
        self.standings[node].as_ref()
    }

    fn find_standing(&self, node: usize) -> Option<Standing> {
        let (wide, leaf) = (self.aspect(node).wide, self.is_leaf(node));
        (wide || leaf).then(|| self.stands(node, leaf && !wide))
    }

    /// Finds where each thing is, and what it names none of.
    pub(super) fn look_beyond(&mut self) {
        self.standings = (0..self.nodes.len()).map(|node| self.find_standing(node)).collect();
        let mut sets: BTreeMap<BTreeSet<usize>, u32> = BTreeMap::from([(BTreeSet::new(), 0)]);
        for node in 0..self.nodes.len() {
            let standing = self.standings[node].as_ref();
            self.aspects[node].lacking =
                standing.map(|standing| standing.lacking(&self.nodes[node])).unwrap_or_default();
            let providers = standing.filter(|standing| standing.closed);
            let providers = providers.and_then(|standing| standing.known.get(&HazardClass::Provider));
            let next = u32::try_from(sets.len()).unwrap_or(u32::MAX);
            let number = *sets.entry(providers.cloned().unwrap_or_default()).or_insert(next);
            self.beyond.of_node.push(Grounds(number));
        }
        let mut sets: Vec<(BTreeSet<usize>, u32)> = sets.into_iter().collect();
        sets.sort_by_key(|(_, number)| *number);
        self.beyond.providers = sets.into_iter().map(|(providers, _)| providers).collect();
        self.find_berths();
    }

    /// The same, where it tells apart what things share of a class.
    pub(super) fn grounds_of(&self, node: usize, class: HazardClass) -> Grounds {
        self.grounds(node).telling(class)
    }

    /// On which providers a node is known to stand.
    pub(super) fn grounds(&self, node: usize) -> Grounds {
        self.beyond.of_node[node]
    }

    /// The providers of grounds, in words; none where they are not known.
    pub(super) fn grounds_in_words(&self, grounds: Grounds) -> Option<String> {
        let of = self.beyond.providers[grounds.0 as usize].iter().map(|on| self.nodes[*on].label.as_str());
        let labels: Vec<&str> = of.collect();
        (!labels.is_empty()).then(|| labels.join(" and "))
    }

    /// Whether things on such grounds share nothing of a class.
    pub(super) fn are_apart(&self, class: HazardClass, one: Grounds, other: Grounds) -> bool {
        let (one, other) = (&self.beyond.providers[one.0 as usize], &self.beyond.providers[other.0 as usize]);
        let known = !one.is_empty() && !other.is_empty();
        matches!(class, HazardClass::Region | HazardClass::Account) && known && one.is_disjoint(other)
    }

    /// Whether nothing within a machine is known below it. What is stored on who acts, or on itself in a circle, is
    /// nowhere yet. A server that is somewhere may keep things elsewhere too, where that is not known.
    fn is_leaf(&self, node: usize) -> bool {
        let mut on = self.own(node).filter(|edge| edge.nature == Nature::StoredOn).flat_map(|edge| &edge.on);
        // What has no circle below it does not rest on what rests on it.
        let circle = |on: usize| !self.aspect(on).straight && self.below(on).contains(&node);
        let seats = |on: &usize| !self.aspect(*on).wide && !self.is_nowhere(*on) && !circle(*on);
        let of = &self.nodes[node];
        let elsewhere = of.kind == Some(AssetKind::Server) && of.open.contains(Nature::StoredOn);
        !self.is_nowhere(node) && (elsewhere || !on.any(seats))
    }

    /// Whether it is no place for bytes: who acts, a key, a catalogue.
    fn is_nowhere(&self, node: usize) -> bool {
        use AssetKind::{Catalogue, Credential, Identity, Key};
        matches!(self.nodes[node].kind, Some(Credential | Identity | Key | Catalogue))
    }

    /// By what it is stored on it is told where a thing is: what it needs may be anywhere.
    fn stands(&self, node: usize, leaf: bool) -> Standing {
        let below = self.below(node);
        let mut known: BTreeMap<HazardClass, BTreeSet<usize>> = BTreeMap::new();
        for on in &self.stored_below(node) {
            if let Aspect { class: Some(class), wide: true, .. } = *self.aspect(*on) {
                known.entry(class).or_default().insert(*on);
            }
        }
        let closed = below.iter().all(|on| {
            let open = self.nodes[*on].open;
            !open.contains(Nature::StoredOn) && !open.contains(Nature::Needs)
        });
        let unseated = self.nodes[node].is_point
            || matches!(self.nodes[node].kind, Some(AssetKind::Volume | AssetKind::Bucket));
        Standing { known, closed, leaf, seated: !unseated }
    }

    /// A node and all that it is stored on, to the bottom.
    fn stored_below(&self, node: usize) -> BTreeSet<usize> {
        self.stored_through(node, |_| true)
    }

    /// A node and all that it is stored on, through such nodes only.
    fn stored_through(&self, node: usize, passes: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let (mut below, mut waiting) = (BTreeSet::from([node]), vec![node]);
        while let Some(node) = waiting.pop() {
            if !passes(node) {
                continue;
            }
            let stored = self.own(node).filter(|edge| edge.nature == Nature::StoredOn);
            waiting.extend(stored.flat_map(|edge| &edge.on).copied().filter(|on| below.insert(*on)));
        }
        below
    }

    /// Whether a leaf that names nothing of that class may lie in `wide`.
    pub(super) fn may_lie_in(&self, leaf: (usize, &Standing), wide: (usize, &Standing)) -> bool {
        let class = self.aspect(wide.0).class.filter(|class| class.is_wide());
        class.is_some_and(|class| {
            self.aspect(leaf.0).lacking.contains(class) && !leaf.1.is_apart(wide.1, class)
        })
    }

    /// Whether something unseen of a class, below one node, may be below the other one as well. Hosts stand
    /// for whatever holds bytes within them.
    pub(super) fn may_share(
        &self,
        one: Option<&Standing>,
        other: (usize, Option<&Standing>),
        class: HazardClass,
    ) -> bool {
        let aspect = self.aspect(other.0);
        let hidden = aspect.hidden.and(aspect.lacking).contains(class);
        let apart = one.zip(other.1);
        hidden && !apart.is_some_and(|(one, two)| one.is_apart(two, class))
    }

    /// Where a point is of which no machine is named: all that is known of its storage somebody declared, and none of it
    /// is a machine or a part of one. What a survey saw, or documentation tells, lies where that says.
    pub(super) fn unseated(&self, point: usize) -> Option<Berth> {
        self.beyond.berths.get(&point).copied().filter(|_| self.nodes[point].is_point)
    }

    /// Where a machine, or a part of one, is; told only where some point may be on it unseen.
    pub(super) fn seat(&self, node: usize) -> Option<Berth> {
        self.beyond.berths.get(&node).copied().filter(|_| !self.nodes[node].is_point)
    }

    /// Whether something beyond machines tells two berths apart: what lies on a machine lies in whatever that lies in.
    pub(super) fn are_berths_apart(&self, one: Berth, other: Berth) -> bool {
        let of = |berth: Berth| &self.beyond.standings[berth.0 as usize];
        let (one, other) = (of(one), of(other));
        let apart = TELLING.into_iter().any(|class| one.apart_by(other, class));
        apart || one.closed && other.closed && self.are_accounts_apart(one, other)
    }

    /// A project may lie in an account, and an account in an organisation: only like tells from like.
    fn are_accounts_apart(&self, one: &Standing, other: &Standing) -> bool {
        [AssetKind::Project, AssetKind::Account, AssetKind::Organisation].into_iter().any(|kind| {
            let of = |standing: &Standing| -> BTreeSet<usize> {
                let all = standing.known.get(&HazardClass::Account).into_iter().flatten().copied();
                all.filter(|on| self.nodes[*on].kind == Some(kind)).collect()
            };
            let (one, other) = (of(one), of(other));
            !one.is_empty() && !other.is_empty() && one.is_disjoint(&other)
        })
    }

    fn is_unseated(&self, node: usize) -> bool {
        let mut stored = self.own(node).filter(|edge| edge.nature == Nature::StoredOn);
        let declared = self.nodes[node].is_point && stored.all(|edge| matches!(edge.how, How::Declared(_)));
        // Where a key or somebody is stored is not where the point is.
        let below = || self.stored_through(node, |on| !self.is_nowhere(on));
        declared && !below().into_iter().any(|on| self.is_seat(on))
    }

    fn is_seat(&self, node: usize) -> bool {
        self.aspect(node).class.is_some_and(|class| NARROW.contains(&class))
    }

    fn find_berths(&mut self) {
        let nodes = 0..self.nodes.len();
        let unseated: Vec<usize> = nodes.clone().filter(|node| self.is_unseated(*node)).collect();
        if unseated.is_empty() {
            return;
        }
        let seats: Vec<usize> = nodes.filter(|node| self.is_seat(*node)).collect();
        let mut numbers: BTreeMap<Standing, u32> = BTreeMap::new();
        for node in seats.into_iter().chain(unseated) {
            let mut standing = self.stands(node, false);
            standing.known.retain(|class, _| TELLING.contains(class) || *class == HazardClass::Account);
            standing.seated = false;
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let berth = Berth(*numbers.entry(standing).or_insert(next));
            self.beyond.berths.insert(node, berth);
        }
        let mut standings: Vec<(Standing, u32)> = numbers.into_iter().collect();
        standings.sort_by_key(|(_, number)| *number);
        self.beyond.standings = standings.into_iter().map(|(standing, _)| standing).collect();
    }

    /// What is not known of a class below a node, in words.
    pub(super) fn undeclared(&self, node: usize, class: HazardClass, label: &str) -> String {
        match self.nodes[node].open_support_of(label) {
            Some((_, why)) if self.aspect(node).openness != Openness::Closed => why,
            _ => format!("it is not declared which {} {label} stands on", class.word()),
        }
    }
}
