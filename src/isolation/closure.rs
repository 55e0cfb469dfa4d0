//! The two closures: what falls for certain, and what may fall. Least fixpoints over a worklist, linear in
//! the bonds; a counter per bond holds how many of its supports have fallen. Cycles end by themselves.

use super::graph::Graph;
use super::unseen::Openness;
use crate::domain::{AssetId, Hazard, HazardClass, HazardSet, Nature};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// What strikes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strike {
    /// Hazards that happen together.
    Hazards(HazardSet),
    /// The loss of something unseen below this asset.
    Unseen(AssetId),
    /// The loss of something of a class that nobody declared below this asset. Of what holds bytes within a
    /// machine, the class is `Host`.
    Undeclared(AssetId, HazardClass),
}

impl Strike {
    /// One hazard.
    pub fn one(hazard: Hazard) -> Self {
        Self::Hazards([hazard].into())
    }
}

/// Why a node fell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Struck,
    Bond(usize),
    /// It may stand on, need or be deleted along with something nobody saw.
    Unseen(Nature),
    /// It may stand on something of this class that nobody declared.
    Undeclared(HazardClass),
}

/// When, in the order of falling, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub order: u32,
    pub cause: Cause,
}

/// The nodes that fall. Deleted implies lost.
#[derive(Debug, Clone)]
pub(super) struct Closure {
    pub lost: Vec<Option<Mark>>,
    pub deleted: Vec<Option<Mark>>,
}

/// Both closures under one strike.
#[derive(Debug)]
pub(super) struct Outcome {
    pub certain: Closure,
    pub possible: Closure,
    /// A struck asset that is not in the graph: nothing can be said.
    pub foreign: Option<AssetId>,
}

/// Closures already computed, by what strikes.
#[derive(Debug)]
pub struct Closures<'g> {
    graph: &'g Graph,
    made: BTreeMap<Strike, Rc<Outcome>>,
}

/// Bounds memory: beyond it, closures are computed again rather than kept.
const KEPT: usize = 256;

impl<'g> Closures<'g> {
    /// None computed yet.
    pub fn new(graph: &'g Graph) -> Self {
        Self { graph, made: BTreeMap::new() }
    }

    /// The graph they are closures of.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    pub(super) fn under(&mut self, strike: &Strike) -> Rc<Outcome> {
        if let Some(outcome) = self.made.get(strike) {
            return Rc::clone(outcome);
        }
        let outcome = Rc::new(outcome(self.graph, strike));
        if self.made.len() >= KEPT {
            self.made.clear();
        }
        self.made.insert(strike.clone(), Rc::clone(&outcome));
        outcome
    }
}

/// Computes both closures.
pub(super) fn outcome(graph: &Graph, strike: &Strike) -> Outcome {
    let struck: Vec<(&AssetId, bool)> = match strike {
        Strike::Hazards(hazards) => {
            hazards.iter().map(|hazard| (hazard.asset(), matches!(hazard, Hazard::Deleted(_)))).collect()
        }
        Strike::Unseen(asset) | Strike::Undeclared(asset, _) => vec![(asset, false)],
    };
    let foreign = struck.iter().find(|(asset, _)| !graph.assets.contains_key(*asset));
    let foreign = foreign.map(|(asset, _)| (*asset).clone());
    let seeds: Vec<(usize, bool)> = struck
        .iter()
        .filter_map(|(asset, deleted)| graph.assets.get(*asset).map(|node| (*node, *deleted)))
        .collect();
    let mut certain = Run::new(graph);
    certain.strike(&seeds);
    certain.settle();
    let mut possible = Run::new(graph);
    possible.doubts = Some(Doubts::of(graph));
    possible.strike(&seeds);
    match strike {
        Strike::Hazards(_) => {}
        Strike::Unseen(_) => possible.doubt_everything(),
        Strike::Undeclared(_, class) => {
            seeds.iter().for_each(|(node, _)| possible.doubt_undeclared(*node, *class));
        }
    }
    possible.settle();
    Outcome { certain: certain.fallen, possible: possible.fallen, foreign }
}

/// Open nodes that have not been doubted yet.
struct Doubts {
    anything: Vec<usize>,
    media: Vec<usize>,
    cascades: Vec<usize>,
    /// Open things beyond machines.
    wide: Vec<usize>,
    /// Leaves that do not name something of every class.
    leaves: Vec<usize>,
}

impl Doubts {
    fn of(graph: &Graph) -> Self {
        let all = |wanted: Openness| {
            (0..graph.nodes.len()).filter(|node| graph.openness(*node) == wanted).collect::<Vec<_>>()
        };
        let cascades = (0..graph.nodes.len())
            .filter(|node| graph.nodes[*node].open.contains_key(&Nature::CascadesFrom))
            .collect();
        let leaves =
            graph.standings.keys().copied().filter(|node| !graph.lacking(*node).is_empty()).collect();
        Self {
            anything: all(Openness::Anything),
            media: all(Openness::Medium),
            cascades,
            wide: all(Openness::Wide),
            leaves,
        }
    }
}

struct Run<'g> {
    graph: &'g Graph,
    fallen: Closure,
    counts: Vec<usize>,
    queue: VecDeque<(usize, bool)>,
    order: u32,
    doubts: Option<Doubts>,
}

impl<'g> Run<'g> {
    fn new(graph: &'g Graph) -> Self {
        let none = vec![None; graph.nodes.len()];
        Self {
            graph,
            fallen: Closure { lost: none.clone(), deleted: none },
            counts: vec![0; graph.edges.len()],
            queue: VecDeque::new(),
            order: 0,
            doubts: None,
        }
    }

    fn strike(&mut self, seeds: &[(usize, bool)]) {
        for (node, deleted) in seeds {
            self.fall(*node, *deleted, Cause::Struck);
        }
        for (node, _) in seeds {
            self.doubt_below(*node);
        }
    }

    fn fall(&mut self, node: usize, deleted: bool, cause: Cause) {
        self.order += 1;
        let mark = Some(Mark { order: self.order, cause });
        if self.fallen.lost[node].is_none() {
            self.fallen.lost[node] = mark;
            self.queue.push_back((node, false));
        }
        if deleted && self.fallen.deleted[node].is_none() {
            self.fallen.deleted[node] = mark;
            self.queue.push_back((node, true));
        }
    }

    fn settle(&mut self) {
        while let Some((node, deleted)) = self.queue.pop_front() {
            self.doubt_shares(node, deleted);
            if deleted {
                self.doubt_cascades();
            } else {
                self.doubt_media(node);
                self.doubt_beyond(node);
            }
            for place in 0..self.graph.feeds[node].len() {
                let number = self.graph.feeds[node][place];
                let edge = &self.graph.edges[number];
                if (edge.nature == Nature::CascadesFrom) != deleted {
                    continue;
                }
                self.counts[number] += 1;
                if self.counts[number] == edge.dies_at {
                    self.fall(edge.holder, deleted, Cause::Bond(number));
                    if deleted {
                        self.doubt_below(edge.holder);
                    }
                }
            }
        }
    }

    /// Whatever is open in every direction may stand on `root`, unless `root` rests on it.
    fn doubt_below(&mut self, root: usize) {
        if self.graph.nodes[root].is_point {
            return;
        }
        let Some(doubts) = &mut self.doubts else { return };
        let below = self.graph.rests_on(root);
        let (kept, doubted) =
            std::mem::take(&mut doubts.anything).into_iter().partition(|n| below.contains(n));
        doubts.anything = kept;
        self.doubt(doubted);
    }

    /// Virtual disks and servers may share the medium of a fallen one of their kin.
    fn doubt_media(&mut self, fallen: usize) {
        let graph = self.graph;
        let Some(doubts) = &mut self.doubts else { return };
        if graph.nodes[fallen].is_point || doubts.media.is_empty() {
            return;
        }
        let below = graph.rests_on(fallen);
        let (doubted, kept) = std::mem::take(&mut doubts.media)
            .into_iter()
            .partition(|node| graph.may_stand_on(*node, fallen) && !below.contains(node));
        doubts.media = kept;
        self.doubt(doubted);
    }

    /// What names nothing of a class may lie in a fallen thing of that class.
    fn doubt_beyond(&mut self, fallen: usize) {
        let graph = self.graph;
        let Some(doubts) = &mut self.doubts else { return };
        let class = graph.nodes[fallen].kind.and_then(HazardClass::of_loss);
        let Some(class) = class.filter(|class| class.is_wide()) else { return };
        let below = graph.rests_on(fallen);
        let (wide, kept) = std::mem::take(&mut doubts.wide)
            .into_iter()
            .partition(|node| graph.may_stand_on(*node, fallen) && !below.contains(node));
        doubts.wide = kept;
        let (leaves, kept): (Vec<usize>, _) =
            std::mem::take(&mut doubts.leaves).into_iter().partition(|leaf| graph.may_lie_in(*leaf, fallen));
        doubts.leaves = kept;
        self.doubt(wide);
        leaves.into_iter().for_each(|leaf| self.fall(leaf, false, Cause::Undeclared(class)));
    }

    /// Something undeclared below `root` is lost: what lies below others unseen may be the same.
    fn doubt_undeclared(&mut self, root: usize, class: HazardClass) {
        let graph = self.graph;
        let Some(doubts) = &mut self.doubts else { return };
        let mut all = std::mem::take(&mut doubts.anything);
        all.append(&mut doubts.media);
        let shares = |node: &usize| graph.may_share(root, *node, class);
        let (wide, kept) = std::mem::take(&mut doubts.wide).into_iter().partition(shares);
        doubts.wide = kept;
        let (leaves, kept): (Vec<usize>, _) =
            std::mem::take(&mut doubts.leaves).into_iter().partition(shares);
        doubts.leaves = kept;
        all.extend::<Vec<usize>>(wide);
        self.doubt(all);
        leaves.into_iter().for_each(|leaf| self.fall(leaf, false, Cause::Undeclared(class)));
    }

    /// What a server keeps is not seen from here: of two of its shares one may lie in the other, or both
    /// be one. So what is lost or deleted of one may be lost or deleted of another.
    fn doubt_shares(&mut self, fallen: usize, deleted: bool) {
        let graph = self.graph;
        if self.doubts.is_none() || graph.nodes[fallen].is_point {
            return;
        }
        let below = if deleted { graph.rests_on(fallen) } else { graph.supports(fallen) };
        for server in below.iter().copied().filter(|node| *node != fallen && graph.is_open_server(*node)) {
            for edge in graph.feeds[server].iter().map(|number| &graph.edges[*number]) {
                let share = edge.holder;
                if edge.nature != Nature::StoredOn || share == fallen || below.contains(&share) {
                    continue;
                }
                let nature = if deleted { Nature::CascadesFrom } else { Nature::StoredOn };
                self.fall(share, deleted, Cause::Unseen(nature));
                self.doubt_below(share);
            }
        }
    }

    fn doubt_cascades(&mut self) {
        let Some(doubts) = &mut self.doubts else { return };
        for node in std::mem::take(&mut doubts.cascades) {
            self.fall(node, true, Cause::Unseen(Nature::CascadesFrom));
            self.doubt_below(node);
        }
    }

    fn doubt_everything(&mut self) {
        let Some(doubts) = &mut self.doubts else { return };
        let mut all = std::mem::take(&mut doubts.anything);
        all.append(&mut doubts.media);
        self.doubt(all);
    }

    fn doubt(&mut self, nodes: Vec<usize>) {
        for node in nodes {
            let nature = self.graph.nodes[node].open_support().map_or(Nature::StoredOn, |(nature, _)| nature);
            self.fall(node, false, Cause::Unseen(nature));
        }
    }
}
