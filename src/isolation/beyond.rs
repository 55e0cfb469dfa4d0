//! What lies beyond a machine: sites, regions, accounts, providers, networks.
//!
//! No survey sees these; somebody declares them. Whatever names none of a class may stand on any of that
//! class, so that a primary on a declared provider and a copy of which no provider was declared are never
//! taken for apart. One exclusion holds: regions and accounts belong to providers, so two things on
//! different providers, each known to the bottom, share neither.

use super::graph::{Graph, Node};
use super::unseen::Openness;
use crate::domain::{AssetKind, HazardClass, Nature};
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
        let open = node.open.contains_key(&Nature::StoredOn);
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
    /// Where each leaf and each thing beyond machines is.
    pub(super) fn find_standings(&self) -> BTreeMap<usize, Standing> {
        let nodes = 0..self.nodes.len();
        nodes
            .filter_map(|node| {
                let (wide, leaf) = (is_wide(self.nodes[node].kind), self.is_leaf(node));
                (wide || leaf).then(|| (node, self.standing(node, leaf && !wide)))
            })
            .collect()
    }

    fn is_leaf(&self, node: usize) -> bool {
        let class = self.nodes[node].kind.and_then(HazardClass::of_loss);
        let unjudged = class.is_some_and(|class| HazardClass::UNJUDGED.contains(&class));
        let stored = self.holds[node].iter().map(|edge| &self.edges[*edge]);
        let mut on = stored.filter(|edge| edge.nature == Nature::StoredOn).flat_map(|edge| &edge.on);
        !unjudged && on.all(|on| is_wide(self.nodes[*on].kind))
    }

    fn standing(&self, node: usize, leaf: bool) -> Standing {
        let below = self.rests_on(node);
        let mut known: BTreeMap<HazardClass, BTreeSet<usize>> = BTreeMap::new();
        for on in &below {
            if let Some(class) = self.nodes[*on].kind.and_then(HazardClass::of_loss)
                && class.is_wide()
            {
                known.entry(class).or_default().insert(*on);
            }
        }
        let closed = below.iter().all(|on| self.nodes[*on].open_support().is_none());
        let unseated = self.nodes[node].is_point
            || matches!(self.nodes[node].kind, Some(AssetKind::Volume | AssetKind::Bucket));
        Standing { known, closed, leaf, seated: !unseated }
    }

    /// The classes of hazard that something undeclared below a leaf may belong to.
    pub(super) fn lacking(&self, node: usize) -> BTreeSet<HazardClass> {
        self.standings.get(&node).map(|standing| standing.lacking(&self.nodes[node])).unwrap_or_default()
    }

    /// Whether a leaf that names nothing of that class may lie in `wide`.
    pub(super) fn may_lie_in(&self, leaf: usize, wide: usize) -> bool {
        let class = self.nodes[wide].kind.and_then(HazardClass::of_loss).filter(|class| class.is_wide());
        match (class, self.standings.get(&leaf), self.standings.get(&wide)) {
            (Some(class), Some(one), Some(two)) => {
                one.lacking(&self.nodes[leaf]).contains(&class) && !one.is_apart(two, class)
            }
            _ => false,
        }
    }

    /// Whether something unseen of a class, below one node, may be below the other one as well. Hosts stand
    /// for whatever holds bytes within them.
    pub(super) fn may_share(&self, one: usize, other: usize, class: HazardClass) -> bool {
        let hidden = self.hidden_classes(other).contains(&class) || self.lacking(other).contains(&class);
        let apart = self.standings.get(&one).zip(self.standings.get(&other));
        hidden && !apart.is_some_and(|(one, two)| one.is_apart(two, class))
    }

    /// What is not known of a class below a node, in words.
    pub(super) fn undeclared(&self, node: usize, class: HazardClass) -> String {
        let label = &self.nodes[node].label;
        match self.nodes[node].open_support() {
            Some((_, why)) if self.openness(node) != Openness::Closed => why.to_owned(),
            _ => format!("it is not declared which {} {label} stands on", class.word()),
        }
    }
}
