//! From an inventory and the catalogue to the graph.

use super::aspects::Numbered;
use super::beyond::Beyond;
use super::documented::{Below, apply_kind};
use super::duplicates::settle;
use super::elsewhere::Elsewhere;
use super::graph::{Edge, Graph, Node, PointPlace, label};
use crate::catalogue::{Catalogue, Effect, Follows, Statement};
use crate::domain::{
    AssetId, AssetKind, Bond, BondList, Bonds, Gap, GapReason, GapScope, How, Inventory, Known, Nature,
    NatureSet, RecoveryPoint, Volume, VolumeId, printable,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Applies the catalogue and links everything by index.
///
/// A stated "survives" settles that nothing else takes the thing along; "dies" bonds it to its volume;
/// "unknown" leaves it open. What the survey observed itself is never replaced. References to assets that
/// were not seen, bonds that make no sense and ids that are carried twice become what is missing: never
/// an error, never optimism.
pub fn expand(inventory: &Inventory, catalogue: &Catalogue) -> Graph {
    expand_whole(inventory.clone(), catalogue)
}

/// The same, without a second copy of an inventory that may be large.
pub fn expand_whole(inventory: Inventory, catalogue: &Catalogue) -> Graph {
    let mut inventory = settle(inventory);
    share(&mut inventory);
    let mut builder = Builder::default();
    for asset in &inventory.assets {
        let label = format!("{} {}", asset.kind.word(), asset.name);
        builder.asset(asset.id.clone(), label, Some(asset.kind));
    }
    for volume in &inventory.volumes {
        let node = builder.asset_or_phantom(&volume.asset);
        builder.nodes[node].is_volume = true;
    }
    for asset in &inventory.assets {
        let mut bonds = asset.bonds.clone();
        if let Some(statement) = catalogue.on_asset(asset.kind) {
            apply(&mut bonds, statement, None);
        }
        let node = builder.asset_or_phantom(&asset.id);
        builder.bond(node, &bonds);
    }
    let node_of = builder.points(&mut inventory, catalogue);
    let (by_volume, orphans) = by_volume(&inventory.points);
    let (feeds, holds) = builder.index();
    let Builder { nodes, edges, assets, ids } = builder;
    let replicas = catalogue.kinds().filter_map(|kind| {
        let follows = match kind.replica.as_ref()?.says {
            Follows::Yes => true,
            Follows::No => false,
            Follows::Unknown => return None,
        };
        Some((kind.name.clone(), follows))
    });
    let replicas = replicas.collect();
    let mut graph = Graph {
        inventory,
        nodes,
        edges,
        feeds,
        holds,
        assets,
        ids,
        node_of,
        by_volume,
        orphans,
        open_servers: Vec::new(),
        some_need_anything: false,
        loose: Vec::new(),
        servers_on: BTreeMap::new(),
        aspects: Vec::new(),
        standings: Vec::new(),
        beyond: Beyond::default(),
        elsewhere: Elsewhere::default(),
        replicas,
    };
    graph.look_at_each();
    graph.look_beyond();
    graph.look_elsewhere();
    graph
}

/// Puts bonds into one order, so that the order of listing does not show, and lets equal ones share memory.
fn share(inventory: &mut Inventory) {
    let mut known: HashSet<BondList> = HashSet::new();
    // By address: what was met there, which stays there as long as it is kept here, and what stands for it.
    let mut met: HashMap<usize, (BondList, BondList), Numbered> = HashMap::default();
    let bonds = (inventory.assets.iter_mut().map(|asset| &mut asset.bonds))
        .chain(inventory.points.iter_mut().map(|point| &mut point.bonds));
    for bonds in bonds {
        let (_, shared) = met.entry(bonds.list.address()).or_insert_with(|| {
            let mut sorted = bonds.list.clone();
            if !sorted.is_sorted() {
                sorted.sort();
            }
            let shared = known.get(&sorted).cloned().unwrap_or_else(|| {
                known.insert(sorted.clone());
                sorted
            });
            (bonds.list.clone(), shared)
        });
        bonds.list = shared.clone();
    }
}

/// The places of points per volume, and of those of which nobody knows the volume.
fn by_volume(points: &[RecoveryPoint]) -> (BTreeMap<VolumeId, Vec<PointPlace>>, Vec<PointPlace>) {
    let (mut by_volume, mut orphans) = (BTreeMap::<VolumeId, Vec<PointPlace>>::new(), Vec::new());
    for (place, point) in (0..).zip(points) {
        match point.of.value() {
            Some(volume) => match by_volume.get_mut(volume) {
                Some(places) => places.push(place),
                None => drop(by_volume.insert(volume.clone(), vec![place])),
            },
            None => orphans.push(place),
        }
    }
    (by_volume, orphans)
}

/// Adds what the catalogue states on deletion, where the survey has not settled it.
fn apply(bonds: &mut Bonds, statement: &Statement, primary: Option<&AssetId>) {
    if bonds.is_complete(Nature::CascadesFrom) {
        return;
    }
    match (statement.effect, primary) {
        (Effect::Survives, _) => {}
        (Effect::Dies, Some(primary)) => bonds.list.push(Bond {
            nature: Nature::CascadesFrom,
            on: vec![primary.clone()],
            dies_at: 1,
            how: How::Documented(statement.source.clone()),
            grace: None,
        }),
        (Effect::Dies, None) | (Effect::Unknown, _) => return,
    }
    bonds.complete.insert(Nature::CascadesFrom);
}

/// A recovery point says of itself that it is of a kind that nobody describes.
fn no_such_kind(name: &str) -> Gap {
    Gap {
        scope: GapScope::Asked(name.to_owned()),
        place: printable(name.as_bytes()),
        reason: GapReason::Unsupported,
        detail:
            "no catalogue describes this kind of recovery point: see docs/catalogue.md, or describe it in a \
                 file of your own"
                .to_owned(),
    }
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    assets: BTreeMap<AssetId, usize>,
    ids: Vec<Option<AssetId>>,
}

impl Builder {
    fn node(&mut self, label: String, kind: Option<AssetKind>, id: Option<AssetId>) -> usize {
        let (is_point, open, odd) = (id.is_none(), NatureSet::default(), BTreeMap::new());
        self.nodes.push(Node { label, kind, is_point, hosts: 0, is_volume: false, open, odd });
        self.ids.push(id);
        self.nodes.len() - 1
    }

    fn asset(&mut self, id: AssetId, label: String, kind: Option<AssetKind>) -> usize {
        let node = self.node(label, kind, Some(id.clone()));
        self.assets.insert(id, node);
        node
    }

    /// The asset's node. One that nobody saw becomes a node of which nothing is known.
    fn asset_or_phantom(&mut self, id: &AssetId) -> usize {
        if let Some(node) = self.assets.get(id) {
            return *node;
        }
        let label = format!("asset {id}");
        let why = format!("{label} is referred to, but was not seen");
        let node = self.asset(id.clone(), label, None);
        self.nodes[node].open = Nature::ALL.into_iter().collect();
        self.nodes[node].odd = Nature::ALL.into_iter().map(|nature| (nature, why.clone())).collect();
        node
    }

    /// One node for all points of a volume that hang on the same bonds: what dies with what is the same for each.
    fn points(&mut self, inventory: &mut Inventory, catalogue: &Catalogue) -> Vec<u32> {
        let volumes: HashMap<&VolumeId, &Volume> = inventory.volumes.iter().map(|v| (&v.id, v)).collect();
        let mut alike: HashMap<_, usize> = HashMap::new();
        let mut members: Vec<(&RecoveryPoint, usize)> = Vec::new();
        let mut class_of = Vec::with_capacity(inventory.points.len());
        for point in &inventory.points {
            // Equal lists are one, since they were shared.
            let bonds = (point.bonds.list.address(), point.bonds.complete);
            let key = (point.of.value(), point.kind, &point.catalogued, bonds);
            let class = *alike.entry(key).or_insert(members.len());
            match members.get_mut(class) {
                Some((_, count)) => *count += 1,
                None => members.push((point, 1)),
            }
            class_of.push(class);
        }
        let first = self.nodes.len();
        for (point, count) in &members {
            let label = match count {
                1 => label(point),
                more => format!("{} and {} like it", label(point), more - 1),
            };
            self.node(label, None, None);
        }
        let (_, holds) = self.index();
        let (mut locks, mut gaps) = (Vec::with_capacity(members.len()), Vec::new());
        for (class, (point, _)) in members.into_iter().enumerate() {
            let (mut bonds, mut lock) = (point.bonds.clone(), Known::Unknown);
            let primary = point.of.value().and_then(|id| volumes.get(id)).map(|volume| &volume.asset);
            if let Some(statement) = catalogue.on_point(point.kind) {
                apply(&mut bonds, statement, primary);
            }
            match point.catalogued.as_deref().map(|name| (name, catalogue.kind(name))) {
                Some((_, Some(kind))) => {
                    let (all, is_of) = (self.below(&holds, primary), |node: &usize| self.nodes[*node].kind);
                    let named = |kind| {
                        let of_kind = all.iter().skip(1).filter(|node| is_of(node) == Some(kind));
                        of_kind.filter_map(|node| self.ids[*node].clone()).collect()
                    };
                    let may_be = |kind| all.iter().any(|node| self.may_lie_unseen(*node, kind));
                    let below = Below { named: &named, may_be: &may_be };
                    apply_kind(&mut bonds, &mut lock, kind, primary, &below);
                    bonds.list.sort();
                }
                Some((name, None)) => gaps.push(no_such_kind(name)),
                None => {}
            }
            locks.push(lock);
            self.bond(first + class, &bonds);
        }
        for (point, class) in inventory.points.iter_mut().zip(&class_of) {
            if point.lock.is_unknown() {
                point.lock = locks[*class].clone();
            }
        }
        inventory.gaps.extend(gaps);
        inventory.gaps.sort();
        inventory.gaps.dedup();
        class_of.into_iter().map(|class| u32::try_from(first + class).unwrap_or(u32::MAX)).collect()
    }

    /// The primary, and what it stands on, however far down.
    fn below(&self, holds: &[Vec<u32>], primary: Option<&AssetId>) -> Vec<usize> {
        let Some(top) = primary.and_then(|primary| self.assets.get(primary)) else { return Vec::new() };
        let mut seen = BTreeSet::from([*top]);
        let (mut all, mut waiting) = (Vec::new(), vec![*top]);
        while let Some(node) = waiting.pop() {
            all.push(node);
            // What was referred to and never seen has no bonds of its own.
            let edges = holds.get(node).into_iter().flatten().map(|edge| &self.edges[*edge as usize]);
            let storage = edges.filter(|edge| edge.nature == Nature::StoredOn);
            waiting.extend(storage.flat_map(|edge| &edge.on).filter(|on| seen.insert(**on)));
        }
        all
    }

    /// Whether it may lie, unseen, in something of a kind: the disk of a host only in that host.
    fn may_lie_unseen(&self, node: usize, on: AssetKind) -> bool {
        let of = &self.nodes[node];
        let may = |kind: AssetKind| kind.can_lie_on(on) && !(kind == AssetKind::Device && of.hosts > 0);
        of.open.contains(Nature::StoredOn) && of.kind.is_none_or(may)
    }

    fn bond(&mut self, holder: usize, bonds: &Bonds) {
        for nature in Nature::ALL {
            if !bonds.is_complete(nature) {
                self.nodes[holder].open.insert(nature);
            }
        }
        let stored = bonds.list.iter().filter(|bond| bond.nature == Nature::StoredOn);
        let stored: BTreeSet<&AssetId> = stored.flat_map(|bond| &bond.on).collect();
        let kinds = stored.iter().filter_map(|id| self.assets.get(*id)).map(|node| self.nodes[*node].kind);
        self.nodes[holder].hosts = kinds.filter(|kind| *kind == Some(AssetKind::Host)).count();
        for bond in &bonds.list {
            let on: BTreeSet<usize> = bond.on.iter().map(|id| self.asset_or_phantom(id)).collect();
            if let Some(why) = self.contradiction(holder, bond.nature, &on) {
                self.leave_out(holder, bond.nature, why);
                continue;
            }
            if bond.dies_at == 0 || bond.dies_at > on.len() {
                let (at, of) = (bond.dies_at, on.len());
                let label = &self.nodes[holder].label;
                let why = format!(
                    "a bond says that {label} falls when {at} of {of} assets fall, which makes no sense"
                );
                self.leave_out(holder, bond.nature, why);
                continue;
            }
            let (how, grace) = (bond.how.clone(), bond.grace);
            let on = on.into_iter().collect();
            self.edges.push(Edge { holder, nature: bond.nature, on, dies_at: bond.dies_at, how, grace });
        }
    }

    /// Why nothing of a kind has such a bond; `None` where it may. What is thought of where a nature is open decides what can
    /// be said of it: whatever is not, as hands on a place, would make who says nothing of it look safer.
    fn contradiction(&self, holder: usize, nature: Nature, on: &BTreeSet<usize>) -> Option<String> {
        let (node, label) = (&self.nodes[holder], &self.nodes[holder].label);
        if nature == Nature::YieldedBy && !node.is_yielded() {
            let why = "can be had, which is neither a credential nor an identity";
            return Some(format!("a bond says from where {label} {why}"));
        }
        let kind = node.kind?;
        if matches!(nature, Nature::AdministeredBy | Nature::DeletableBy) {
            let why = match kind {
                _ if kind.is_place() => "is a place: only accounts there are in hands",
                _ if kind.is_within_machine() && !node.is_volume => "is within a machine: that is in hands",
                _ => return None,
            };
            return Some(format!("a bond says in whose hands {label} is, which {why}"));
        }
        if nature != Nature::StoredOn {
            return None;
        }
        // What was named and never seen may be anything.
        let of = |below: &usize| self.nodes[*below].kind.unwrap_or(AssetKind::File);
        let lies = |below: &usize| match (kind, of(below)) {
            // A disk of a host lies there; its medium, where that is elsewhere, on a server.
            (AssetKind::Device, AssetKind::Host) => node.hosts == 1,
            (AssetKind::Device, below) if node.hosts > 0 => below == AssetKind::Server,
            (kind, below) => kind.can_lie_on(below),
        };
        let below = &self.nodes[*on.iter().find(|below| !lies(below))?].label;
        Some(format!("a bond says that {label} {} {below}, and no {} does", nature.verb(), kind.word()))
    }

    /// A bond that makes no sense is one of which nothing is known.
    fn leave_out(&mut self, holder: usize, nature: Nature, why: String) {
        self.nodes[holder].open.insert(nature);
        self.nodes[holder].odd.insert(nature, why);
    }

    /// Per node: the bonds that name it, and its own.
    fn index(&self) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let mut feeds = vec![Vec::new(); self.nodes.len()];
        let mut holds = vec![Vec::new(); self.nodes.len()];
        for (place, edge) in (0..).zip(&self.edges) {
            holds[edge.holder].push(place);
            for support in &edge.on {
                feeds[*support].push(place);
            }
        }
        (feeds, holds)
    }
}
