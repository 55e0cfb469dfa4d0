//! From an inventory and the catalogue to the graph.

use super::duplicates::settle;
use super::graph::{DEADLY, Edge, Graph, Node};
use crate::catalogue::{Catalogue, Effect, Statement};
use crate::domain::{AssetId, Bond, Bonds, How, Inventory, Nature, Volume, VolumeId};
use std::collections::{BTreeMap, BTreeSet};

/// Applies the catalogue and links everything by index.
///
/// A stated "survives" settles that nothing else takes the thing along; "dies" bonds it to its volume;
/// "unknown" leaves it open. What the survey observed itself is never replaced. References to assets that
/// were not seen, bonds that make no sense and ids that are carried twice become what is missing: never
/// an error, never optimism.
pub fn expand(inventory: &Inventory, catalogue: &Catalogue) -> Graph {
    let inventory = settle(inventory);
    let mut builder = Builder::default();
    for asset in &inventory.assets {
        let label = format!("{} {}", asset.kind.word(), asset.name);
        let node = builder.node(label, Some(asset.kind), false);
        builder.assets.insert(asset.id.clone(), node);
    }
    let volumes: BTreeMap<&VolumeId, &Volume> = inventory.volumes.iter().map(|v| (&v.id, v)).collect();
    for volume in &inventory.volumes {
        builder.asset_or_phantom(&volume.asset);
    }
    for asset in &inventory.assets {
        let mut bonds = asset.bonds.clone();
        if let Some(statement) = catalogue.on_asset(asset.kind) {
            apply(&mut bonds, statement, None);
        }
        let node = builder.asset_or_phantom(&asset.id);
        builder.bond(node, &bonds);
    }
    let (mut points, mut by_volume, mut orphans) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (place, point) in inventory.points.iter().enumerate() {
        let mut bonds = point.bonds.clone();
        let of = point.of.value();
        if let Some(statement) = catalogue.on_point(point.kind) {
            apply(&mut bonds, statement, of.and_then(|id| volumes.get(id)).map(|volume| &volume.asset));
        }
        let node = builder.node(format!("{} {}", point.kind.word(), point.name), None, true);
        builder.bond(node, &bonds);
        points.insert(point.id.clone(), (place, node));
        match of {
            Some(volume) => by_volume.entry(volume.clone()).or_insert_with(Vec::new).push(place),
            None => orphans.push(place),
        }
    }
    let (feeds, holds) = builder.index();
    let Builder { nodes, edges, assets } = builder;
    let standings = BTreeMap::new();
    let mut graph =
        Graph { inventory, nodes, edges, feeds, holds, assets, points, by_volume, orphans, standings };
    graph.standings = graph.find_standings();
    graph
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

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    assets: BTreeMap<AssetId, usize>,
}

impl Builder {
    fn node(&mut self, label: String, kind: Option<crate::domain::AssetKind>, is_point: bool) -> usize {
        self.nodes.push(Node { label, kind, is_point, open: BTreeMap::new() });
        self.nodes.len() - 1
    }

    /// The asset's node. One that nobody saw becomes a node of which nothing is known.
    fn asset_or_phantom(&mut self, id: &AssetId) -> usize {
        if let Some(node) = self.assets.get(id) {
            return *node;
        }
        let label = format!("asset {id}");
        let node = self.node(label.clone(), None, false);
        let why = format!("{label} is referred to, but was not seen");
        self.nodes[node].open = DEADLY.iter().map(|nature| (*nature, why.clone())).collect();
        self.assets.insert(id.clone(), node);
        node
    }

    fn bond(&mut self, holder: usize, bonds: &Bonds) {
        for nature in DEADLY {
            if !bonds.is_complete(nature) {
                let why = missing(nature, &self.nodes[holder].label);
                self.nodes[holder].open.insert(nature, why);
            }
        }
        let mut list: Vec<&Bond> = bonds.list.iter().filter(|bond| DEADLY.contains(&bond.nature)).collect();
        // The order of listing must not show; domain types always serialise.
        list.sort_by_cached_key(|bond| {
            (bond.nature, bond.on.clone(), bond.dies_at, serde_json::to_string(bond).unwrap_or_default())
        });
        for bond in list {
            let on: BTreeSet<usize> = bond.on.iter().map(|id| self.asset_or_phantom(id)).collect();
            if bond.dies_at == 0 || bond.dies_at > on.len() {
                let (at, of) = (bond.dies_at, on.len());
                let label = &self.nodes[holder].label;
                let why = format!(
                    "a bond says that {label} falls when {at} of {of} assets fall, which makes no sense"
                );
                self.nodes[holder].open.insert(bond.nature, why);
                continue;
            }
            let (how, grace) = (bond.how.clone(), bond.grace);
            let on = on.into_iter().collect();
            self.edges.push(Edge { holder, nature: bond.nature, on, dies_at: bond.dies_at, how, grace });
        }
    }

    /// Per node: the bonds that name it, and its own.
    fn index(&self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let mut feeds = vec![Vec::new(); self.nodes.len()];
        let mut holds = vec![Vec::new(); self.nodes.len()];
        for (place, edge) in self.edges.iter().enumerate() {
            holds[edge.holder].push(place);
            for support in &edge.on {
                feeds[*support].push(place);
            }
        }
        (feeds, holds)
    }
}

fn missing(nature: Nature, label: &str) -> String {
    match nature {
        Nature::Needs => format!("not everything that {label} needs is known"),
        Nature::CascadesFrom => format!("it is not known which deletions take {label} along"),
        _ => format!("it is not known to the bottom what {label} is stored on"),
    }
}
