//! The graph: assets and recovery points as nodes, and the bonds by which they fall.

use super::beyond::Standing;
use crate::domain::{
    AssetId, AssetKind, Grace, How, Inventory, Nature, PointId, RecoveryPoint, Volume, VolumeId,
};
use std::collections::{BTreeMap, BTreeSet};

/// The natures through which loss and deletion act. The others speak of compromise.
pub(super) const DEADLY: [Nature; 3] = [Nature::StoredOn, Nature::Needs, Nature::CascadesFrom];

/// One thing that can fall.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What a sentence calls it: its kind and its name.
    pub label: String,
    /// Its kind; `None` for points and for assets that are referred to but were never seen.
    pub kind: Option<AssetKind>,
    /// True for recovery points.
    pub is_point: bool,
    /// Per nature of which not everything is known: what is missing, in words.
    pub open: BTreeMap<Nature, String>,
}

impl Node {
    /// What is missing about what it stands on, if anything is.
    pub fn open_support(&self) -> Option<(Nature, &str)> {
        [Nature::StoredOn, Nature::Needs]
            .into_iter()
            .find_map(|nature| self.open.get(&nature).map(|why| (nature, why.as_str())))
    }
}

/// One bond between nodes.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub holder: usize,
    pub nature: Nature,
    pub on: Vec<usize>,
    pub dies_at: usize,
    pub how: How,
    pub grace: Option<Grace>,
}

/// An inventory with the catalogue applied: everything that judging reads.
///
/// It owns the inventory it was made from, in one order and with what duplicates left open as gaps, so
/// that a graph can never be judged together with another survey's lists.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(super) inventory: Inventory,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// Per node: the bonds that name it as a support.
    pub(super) feeds: Vec<Vec<usize>>,
    /// Per node: its own bonds.
    pub(super) holds: Vec<Vec<usize>>,
    pub(super) assets: BTreeMap<AssetId, usize>,
    /// Per recovery point its place in the inventory and its node.
    pub(super) points: BTreeMap<PointId, (usize, usize)>,
    pub(super) by_volume: BTreeMap<VolumeId, Vec<usize>>,
    /// Points of which nobody knows the volume: they may belong to any.
    pub(super) orphans: Vec<usize>,
    /// Where leaves, and what lies beyond machines, are.
    pub(super) standings: BTreeMap<usize, Standing>,
}

/// One asset of the chain below a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The asset.
    pub asset: AssetId,
    /// Its kind, where the asset was seen.
    pub kind: Option<AssetKind>,
    /// What a sentence calls it.
    pub label: String,
    /// How many bonds lie between it and the volume, at least.
    pub depth: usize,
    /// Whether the link before it in the list stands on it directly.
    pub below_previous: bool,
    /// What is not known about what it stands on.
    pub open: Option<String>,
}

impl Graph {
    /// The inventory in one order, with the gaps that expanding it found.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The recovery point with this id.
    pub fn point(&self, id: &PointId) -> Option<&RecoveryPoint> {
        self.points.get(id).and_then(|(place, _)| self.inventory.points.get(*place))
    }

    /// The points of a volume, without those whose volume is unknown.
    pub fn points_of(&self, volume: &VolumeId) -> impl Iterator<Item = &RecoveryPoint> {
        self.by_volume.get(volume).into_iter().flatten().filter_map(|place| self.inventory.points.get(*place))
    }

    /// The points of which nobody knows the volume.
    pub fn orphans(&self) -> impl Iterator<Item = &RecoveryPoint> {
        self.orphans.iter().filter_map(|place| self.inventory.points.get(*place))
    }

    /// What a sentence calls a point: its kind and name.
    pub fn point_label(&self, id: &PointId) -> String {
        self.points.get(id).map_or_else(|| id.to_string(), |(_, node)| self.nodes[*node].label.clone())
    }

    /// What a sentence calls an asset.
    pub fn asset_label(&self, id: &AssetId) -> String {
        self.assets.get(id).map_or_else(|| id.to_string(), |node| self.nodes[*node].label.clone())
    }

    /// The labels of what a point's bytes lie on directly, sorted.
    pub fn places(&self, id: &PointId) -> Vec<String> {
        let Some((_, node)) = self.points.get(id) else { return Vec::new() };
        let edges = self.holds[*node].iter().map(|edge| &self.edges[*edge]);
        let on = edges.filter(|edge| edge.nature == Nature::StoredOn).flat_map(|edge| &edge.on);
        let labels: BTreeSet<String> = on.map(|node| self.nodes[*node].label.clone()).collect();
        labels.into_iter().collect()
    }

    /// The assets on which a volume transitively stands through storage and need, itself first, from top
    /// to bottom: each before everything it stands on, where there is no cycle.
    pub fn chain(&self, volume: &Volume) -> Vec<Link> {
        let Some(&top) = self.assets.get(&volume.asset) else { return Vec::new() };
        let order = self.chain_nodes(top);
        let depth = self.depths(top);
        let mut links = Vec::with_capacity(order.len());
        let names: BTreeMap<usize, &AssetId> = self.assets.iter().map(|(id, node)| (*node, id)).collect();
        for (place, node) in order.iter().enumerate() {
            let below_previous = place.checked_sub(1).is_some_and(|i| self.supports(order[i]).contains(node));
            let Some(id) = names.get(node) else { continue };
            links.push(Link {
                asset: (*id).clone(),
                kind: self.nodes[*node].kind,
                label: self.nodes[*node].label.clone(),
                depth: depth.get(node).copied().unwrap_or_default(),
                below_previous,
                open: self.nodes[*node].open_support().map(|(_, why)| why.to_owned()),
            });
        }
        links
    }

    /// The nodes that `node` names as storage or need, in order.
    pub(super) fn supports(&self, node: usize) -> BTreeSet<usize> {
        let edges = self.holds[node].iter().map(|edge| &self.edges[*edge]);
        edges.filter(|edge| edge.nature != Nature::CascadesFrom).flat_map(|edge| edge.on.clone()).collect()
    }

    /// `node` and everything it rests on through known storage and need.
    pub(super) fn rests_on(&self, node: usize) -> BTreeSet<usize> {
        self.depths(node).into_keys().collect()
    }

    fn depths(&self, top: usize) -> BTreeMap<usize, usize> {
        let mut depths = BTreeMap::from([(top, 0)]);
        let mut row = vec![top];
        for depth in 1.. {
            let below: BTreeSet<usize> = row.iter().flat_map(|node| self.supports(*node)).collect();
            row = below.into_iter().filter(|node| !depths.contains_key(node)).collect();
            if row.is_empty() {
                break;
            }
            depths.extend(row.iter().map(|node| (*node, depth)));
        }
        depths
    }

    /// Reverse postorder of a depth-first walk, without recursion: a volume's chain may be long.
    pub(super) fn chain_nodes(&self, top: usize) -> Vec<usize> {
        let mut seen = BTreeSet::from([top]);
        let mut stack = vec![(top, self.by_kind(top))];
        let mut done = Vec::new();
        while let Some((node, waiting)) = stack.last_mut() {
            match waiting.pop() {
                Some(next) if seen.insert(next) => {
                    let below = self.by_kind(next);
                    stack.push((next, below));
                }
                Some(_) => {}
                None => {
                    done.push(*node);
                    stack.pop();
                }
            }
        }
        done.reverse();
        done
    }

    /// Supports in the order of a stack from top to bottom, so that the last one is walked first and
    /// ends up lowest.
    fn by_kind(&self, node: usize) -> Vec<usize> {
        let mut below: Vec<usize> = self.supports(node).into_iter().collect();
        below.sort_by_key(|node| (self.nodes[*node].kind, *node));
        below
    }
}
