//! What lies beyond a machine: sites, regions, accounts, providers, networks.
//!
//! No survey sees these; somebody declares them. Whatever names none of a class may stand on any of that
//! class, so that a primary on a declared provider and a copy of which no provider was declared are never
//! taken for apart. One exclusion holds: regions and accounts belong to providers, so two things on
//! different providers, each known to the bottom, share neither.

use super::graph::{Edge, Graph, Node, PointPlace};
use super::unseen::Openness;
use crate::domain::{AssetId, AssetKind, HazardClass, How, Nature};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of where a thing is.
#[derive(Debug, Clone, Default)]
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

/// The classes of what holds bytes within a machine.
const NARROW: [HazardClass; 4] =
    [HazardClass::File, HazardClass::Filesystem, HazardClass::Device, HazardClass::Host];

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
    fn lacking(&self, node: &Node) -> BTreeSet<HazardClass> {
        if !self.leaf {
            return BTreeSet::new();
        }
        let open = node.open.contains(Nature::StoredOn);
        let wide = HazardClass::WIDE.into_iter().filter(|class| open || !self.known.contains_key(class));
        let narrow = NARROW.into_iter().filter(|_| !self.seated);
        narrow.chain(wide).collect()
    }
}

/// A set of classes, in two bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Classes(u16);

impl Classes {
    fn insert(&mut self, class: HazardClass) {
        self.0 |= 1 << class as u16;
    }

    fn contains(self, class: HazardClass) -> bool {
        self.0 & (1 << class as u16) != 0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
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
        let (wide, leaf) = (is_wide(self.nodes[node].kind), self.is_leaf(node));
        (wide || leaf).then(|| self.stands(node, leaf && !wide))
    }

    /// Finds what lies beyond machines, and who may lie in what of it.
    pub(super) fn look_beyond(&mut self) {
        let mut above = vec![Vec::new(); self.nodes.len()];
        for wide in (0..self.nodes.len()).filter(|node| is_wide(self.nodes[*node].kind)) {
            let number = u32::try_from(wide).unwrap_or(u32::MAX);
            let (mut waiting, mut open) = (vec![wide], false);
            while let Some(node) = waiting.pop() {
                if above[node].last() != Some(&number) {
                    above[node].push(number);
                    open |= self.nodes[node].open.iter().next().is_some();
                    waiting.extend(self.own(node).flat_map(|edge| edge.on.iter().copied()));
                }
            }
            if open {
                self.wide_open.push(number);
            }
        }
        self.wide_above = above;
        self.standings = (0..self.nodes.len()).map(|node| self.find_standing(node)).collect();
        self.wants = (0..self.nodes.len()).map(|node| self.wants_of(node)).collect();
    }

    fn wants_of(&self, node: usize) -> Classes {
        let mut classes = Classes::default();
        if self.openness(node) == Openness::Wide {
            self.hidden_classes(node).into_iter().for_each(|class| classes.insert(class));
        }
        if self.is_leaf(node) {
            let lacking = self.lacking(node, self.standing(node)).into_iter();
            lacking.filter(|class| class.is_wide()).for_each(|class| classes.insert(class));
        }
        classes
    }

    /// Whether a node is of one of these classes.
    pub(super) fn is_of(&self, node: u32, classes: Classes) -> bool {
        let class = self.nodes[node as usize].kind.and_then(HazardClass::of_loss);
        class.is_some_and(|class| classes.contains(class))
    }

    /// Whether nothing within a machine is known below it. What is stored on who acts, or on itself in a circle, is
    /// nowhere yet.
    fn is_leaf(&self, node: usize) -> bool {
        let nowhere = |node: usize| {
            use AssetKind::{Catalogue, Credential, Identity, Key};
            matches!(self.nodes[node].kind, Some(Credential | Identity | Key | Catalogue))
        };
        let mut on = self.own(node).filter(|edge| edge.nature == Nature::StoredOn).flat_map(|edge| &edge.on);
        let seats = |on: &usize| {
            !is_wide(self.nodes[*on].kind) && !nowhere(*on) && !self.rests_on(*on).contains(&node)
        };
        !nowhere(node) && !on.any(seats)
    }

    fn stands(&self, node: usize, leaf: bool) -> Standing {
        let below = self.rests_on(node);
        let mut known: BTreeMap<HazardClass, BTreeSet<usize>> = BTreeMap::new();
        for on in below {
            if let Some(class) = self.nodes[*on].kind.and_then(HazardClass::of_loss)
                && class.is_wide()
            {
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

    /// The classes of hazard that something undeclared below a leaf may belong to.
    pub(super) fn lacking(&self, node: usize, standing: Option<&Standing>) -> BTreeSet<HazardClass> {
        standing.map(|standing| standing.lacking(&self.nodes[node])).unwrap_or_default()
    }

    /// Whether a leaf that names nothing of that class may lie in `wide`.
    pub(super) fn may_lie_in(&self, leaf: (usize, &Standing), wide: (usize, &Standing)) -> bool {
        let class = self.nodes[wide.0].kind.and_then(HazardClass::of_loss).filter(|class| class.is_wide());
        class.is_some_and(|class| {
            leaf.1.lacking(&self.nodes[leaf.0]).contains(&class) && !leaf.1.is_apart(wide.1, class)
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
        let hidden =
            self.hidden_classes(other.0).contains(&class) || self.lacking(other.0, other.1).contains(&class);
        let apart = one.zip(other.1);
        hidden && !apart.is_some_and(|(one, two)| one.is_apart(two, class))
    }

    /// Whether a point may be on a machine, or on a part of one, though no bond says so: it was declared on something
    /// beyond machines alone, and no site, region or provider tells the two apart.
    pub fn may_be_on(&self, point: PointPlace, part: &AssetId) -> bool {
        let node = self.node_of.get(point as usize).map(|node| *node as usize);
        let Some((node, part)) = node.zip(self.assets.get(part)) else { return false };
        let storage = |edge: &&Edge| edge.nature == Nature::StoredOn;
        let declared = self.own(node).filter(storage).any(|edge| matches!(edge.how, How::Declared(_)));
        let below = |node: usize, class: HazardClass| -> BTreeSet<usize> {
            let of_class = |on: &usize| self.nodes[*on].kind.and_then(HazardClass::of_loss) == Some(class);
            self.rests_on(node).iter().copied().filter(of_class).collect()
        };
        let seated = NARROW.into_iter().any(|class| !below(node, class).is_empty());
        let apart =
            [HazardClass::Site, HazardClass::Region, HazardClass::Provider].into_iter().any(|class| {
                let (one, other) = (below(node, class), below(*part, class));
                !one.is_empty() && !other.is_empty() && one.is_disjoint(&other)
            });
        declared && !seated && !apart
    }

    /// What is not known of a class below a node, in words.
    pub(super) fn undeclared(&self, node: usize, class: HazardClass, label: &str) -> String {
        match self.nodes[node].open_support_of(label) {
            Some((_, why)) if self.openness(node) != Openness::Closed => why,
            _ => format!("it is not declared which {} {label} stands on", class.word()),
        }
    }
}
