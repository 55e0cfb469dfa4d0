//! The graph: assets and kinds of recovery points as nodes, and the bonds by which they fall.

use super::aspects::Aspect;
use super::beyond::{Beyond, Standing};
use super::elsewhere::Elsewhere;
use crate::domain::{
    AssetId, AssetKind, Grace, How, Inventory, Nature, NatureSet, PointId, PointKind, RecoveryPoint, Volume,
    VolumeId,
};
use std::collections::{BTreeMap, BTreeSet};

/// The place of a recovery point in the inventory of its graph.
pub type PointPlace = u32;

/// One thing that can fall: an asset, or all recovery points of a volume that hang on the same bonds.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What a sentence calls it: its kind and its name.
    pub label: String,
    /// Its kind; `None` for points and for assets that are referred to but were never seen.
    pub kind: Option<AssetKind>,
    /// True for recovery points.
    pub is_point: bool,
    /// On how many hosts it is said to be stored.
    pub hosts: usize,
    /// True for what some volume is.
    pub is_volume: bool,
    /// The natures of which not everything is known.
    pub open: NatureSet,
    /// Per open nature what is missing, where it is not simply that nobody said so.
    pub odd: BTreeMap<Nature, String>,
}

impl Node {
    /// Whether it is had from somewhere: only who acts, and what acts are done with, is.
    pub fn is_yielded(&self) -> bool {
        !self.is_point && matches!(self.kind, None | Some(AssetKind::Credential | AssetKind::Identity))
    }

    /// What is missing of a nature, in words; `None` where it is wholly known.
    pub fn missing(&self, nature: Nature) -> Option<String> {
        self.missing_of(nature, &self.label)
    }

    /// The same of one of the points that it stands for.
    pub fn missing_of(&self, nature: Nature, label: &str) -> Option<String> {
        self.open.contains(nature).then(|| match self.odd.get(&nature) {
            Some(why) => why.clone(),
            None => match nature {
                Nature::Needs => format!("not everything that {label} needs is known"),
                Nature::CascadesFrom => format!("it is not known which deletions take {label} along"),
                Nature::DeletableBy => format!("it is not known which credentials may delete {label}"),
                Nature::AdministeredBy => format!("it is not known who administers {label}"),
                Nature::YieldedBy => format!("it is not known from where {label} can be had"),
                Nature::StoredOn => format!("it is not known to the bottom what {label} is stored on"),
            },
        })
    }

    /// What is missing about what it stands on, if anything is.
    pub fn open_support(&self) -> Option<(Nature, String)> {
        self.open_support_of(&self.label)
    }

    /// The same of one of the points that it stands for.
    pub fn open_support_of(&self, label: &str) -> Option<(Nature, String)> {
        [Nature::StoredOn, Nature::Needs]
            .into_iter()
            .find_map(|nature| self.missing_of(nature, label).map(|why| (nature, why)))
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
    pub(super) feeds: Vec<Vec<u32>>,
    /// Per node: its own bonds.
    pub(super) holds: Vec<Vec<u32>>,
    pub(super) assets: BTreeMap<AssetId, usize>,
    /// Per node: the id of its asset; points have none.
    pub(super) ids: Vec<Option<AssetId>>,
    /// Per recovery point, by its place in the inventory: its node.
    pub(super) node_of: Vec<u32>,
    pub(super) by_volume: BTreeMap<VolumeId, Vec<PointPlace>>,
    /// Points of which nobody knows the volume: they may belong to any.
    pub(super) orphans: Vec<PointPlace>,
    /// Servers of which it is not known what they keep where.
    pub(super) open_servers: Vec<usize>,
    /// Whether anything may stand on anything, or need it.
    pub(super) some_need_anything: bool,
    /// What any of them may keep.
    pub(super) loose: Vec<usize>,
    /// Which open servers rest on one of those.
    pub(super) servers_on: BTreeMap<usize, BTreeSet<usize>>,
    /// Per node: what is known of it by itself.
    pub(super) aspects: Vec<Aspect>,
    /// Per node: where it is, of leaves and of what lies beyond machines.
    pub(super) standings: Vec<Option<Standing>>,
    /// What tells grounds apart.
    pub(super) beyond: Beyond,
    /// What the rest of the estate may do to a slice.
    pub(super) elsewhere: Elsewhere,
    /// Kinds of a catalogue of which it is stated whether they follow their volume change by change. Of others nobody
    /// established it.
    pub(super) replicas: BTreeMap<String, bool>,
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

    /// The place of the recovery point with this id.
    pub fn place(&self, id: &PointId) -> Option<PointPlace> {
        let place = self.inventory.points.binary_search_by(|point| point.id.cmp(id)).ok()?;
        u32::try_from(place).ok()
    }

    /// The recovery point at a place.
    pub fn at(&self, place: PointPlace) -> Option<&RecoveryPoint> {
        self.inventory.points.get(place as usize)
    }

    /// The id of the recovery point at a place.
    pub fn id_at(&self, place: PointPlace) -> PointId {
        self.at(place).map_or_else(|| PointId(String::new()), |point| point.id.clone())
    }

    /// What a sentence calls the recovery point at a place.
    pub fn label_at(&self, place: PointPlace) -> String {
        self.at(place).map_or_else(String::new, label)
    }

    /// The recovery point with this id.
    pub fn point(&self, id: &PointId) -> Option<&RecoveryPoint> {
        self.place(id).and_then(|place| self.at(place))
    }

    /// The points of a volume, without those whose volume is unknown.
    pub fn points_of(&self, volume: &VolumeId) -> impl Iterator<Item = &RecoveryPoint> {
        self.by_volume.get(volume).into_iter().flatten().filter_map(|place| self.at(*place))
    }

    /// The points of which nobody knows the volume.
    pub fn orphans(&self) -> impl Iterator<Item = &RecoveryPoint> {
        self.orphans.iter().filter_map(|place| self.at(*place))
    }

    /// What is not known of that with which a point goes when something is deleted, in words: then another window may
    /// hold than the one that is seen.
    pub fn open_windows(&self, id: &PointId) -> Option<String> {
        self.open_along(id, &[Nature::CascadesFrom, Nature::StoredOn, Nature::Needs])
    }

    /// What is not known of that which a point needs, down to what its storage needs, in words.
    pub fn open_needs(&self, id: &PointId) -> Option<String> {
        self.open_along(id, &[Nature::Needs, Nature::StoredOn])
    }

    /// What is missing of some natures, of a point and of everything that it hangs on by these.
    fn open_along(&self, id: &PointId, natures: &[Nature]) -> Option<String> {
        let top = self.place(id).map(|place| self.node_of[place as usize] as usize)?;
        let (mut seen, mut waiting) = (BTreeSet::from([top]), vec![top]);
        while let Some(node) = waiting.pop() {
            if let Some(why) = natures.iter().find_map(|nature| self.nodes[node].missing(*nature)) {
                return Some(why);
            }
            let along =
                self.own(node).filter(|edge| natures.contains(&edge.nature)).flat_map(|edge| &edge.on);
            waiting.extend(along.copied().filter(|on| seen.insert(*on)));
        }
        None
    }

    /// What a sentence calls a point: its kind and name.
    pub fn point_label(&self, id: &PointId) -> String {
        self.point(id).map_or_else(|| id.to_string(), label)
    }

    /// What a sentence calls an asset.
    pub fn asset_label(&self, id: &AssetId) -> String {
        self.assets.get(id).map_or_else(|| id.to_string(), |node| self.nodes[*node].label.clone())
    }

    /// Whether an asset was seen, or is at least referred to.
    pub fn knows(&self, id: &AssetId) -> bool {
        self.assets.contains_key(id)
    }

    /// The labels of what a point's bytes lie on directly, sorted.
    pub fn places(&self, id: &PointId) -> Vec<String> {
        let Some(node) = self.place(id).map(|place| self.node_of[place as usize] as usize) else {
            return Vec::new();
        };
        self.labels(node, Nature::StoredOn)
    }

    /// For how long a point can be had back that went along with what was deleted: the shortest window of the bonds
    /// that the survey, a declaration or the catalogue gives it.
    pub fn undelete_window(&self, id: &PointId) -> Option<Grace> {
        let node = self.place(id).map(|place| self.node_of[place as usize] as usize)?;
        let cascades = self.own(node).filter(|edge| edge.nature == Nature::CascadesFrom);
        cascades.filter_map(|edge| edge.grace).min()
    }

    /// The labels of what a node hangs on directly by one nature, sorted.
    pub(super) fn labels(&self, node: usize, nature: Nature) -> Vec<String> {
        let edges = self.own(node).filter(|edge| edge.nature == nature).flat_map(|edge| &edge.on);
        let labels: BTreeSet<String> = edges.map(|node| self.nodes[*node].label.clone()).collect();
        labels.into_iter().collect()
    }

    /// The bonds of a node.
    pub(super) fn own(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.holds[node].iter().map(|edge| &self.edges[*edge as usize])
    }

    /// The bonds that name a node as a support.
    pub(super) fn fed(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.feeds[node].iter().map(|edge| &self.edges[*edge as usize])
    }

    /// The assets on which a volume transitively stands through storage and need, itself first, from top
    /// to bottom: each before everything it stands on, where there is no cycle.
    pub fn chain(&self, volume: &Volume) -> Vec<Link> {
        let Some(&top) = self.assets.get(&volume.asset) else { return Vec::new() };
        let order = self.chain_nodes(top);
        let depth = self.depths(top);
        let mut links = Vec::with_capacity(order.len());
        for (place, node) in order.iter().enumerate() {
            let below_previous = place.checked_sub(1).is_some_and(|i| self.supports(order[i]).contains(node));
            let Some(id) = self.asset_of(*node) else { continue };
            links.push(Link {
                asset: id.clone(),
                kind: self.nodes[*node].kind,
                label: self.nodes[*node].label.clone(),
                depth: depth.get(node).copied().unwrap_or_default(),
                below_previous,
                open: self.nodes[*node].open_support().map(|(_, why)| why),
            });
        }
        links
    }

    /// The id of an asset's node.
    pub(super) fn asset_of(&self, node: usize) -> Option<&AssetId> {
        self.ids.get(node).and_then(Option::as_ref)
    }

    /// The nodes that `node` names as storage or need, in order.
    pub(super) fn supports(&self, node: usize) -> BTreeSet<usize> {
        let below = |edge: &&Edge| matches!(edge.nature, Nature::StoredOn | Nature::Needs);
        self.own(node).filter(below).flat_map(|edge| edge.on.iter().copied()).collect()
    }

    /// `node` and everything it rests on through known storage and need.
    pub(super) fn below(&self, node: usize) -> BTreeSet<usize> {
        let mut below = BTreeSet::from([node]);
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            waiting.extend(self.supports(node).into_iter().filter(|next| below.insert(*next)));
        }
        below
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

/// What a sentence calls a point: its kind and its name.
pub(super) fn label(point: &RecoveryPoint) -> String {
    match (&point.catalogued, point.kind) {
        (Some(kind), PointKind::Catalogued) => format!("{kind} {}", point.name),
        _ => format!("{} {}", point.kind.word(), point.name),
    }
}
