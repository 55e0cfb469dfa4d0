//! What may bring about what, anywhere in an estate: see `elsewhere.rs`.

use super::aspects::Classes;
use super::beyond::is_wide;
use super::elsewhere::{Hub, Spot, spot};
use super::event::hands_class;
use super::graph::{Edge, Graph};
use super::slice::{is_closed, only_opens};
use super::system::State;
use super::unseen::Openness;
use crate::domain::{HazardClass, Nature};
use std::collections::{BTreeMap, BTreeSet};

/// The hubs, and all that leads from one spot to another.
pub(super) fn links(graph: &Graph) -> (BTreeMap<Hub, Spot>, Vec<(Spot, Spot)>) {
    let mut links = Links { graph, hubs: BTreeMap::new(), links: Vec::new() };
    links.all();
    (links.hubs, links.links)
}

struct Links<'g> {
    graph: &'g Graph,
    hubs: BTreeMap<Hub, Spot>,
    links: Vec<(Spot, Spot)>,
}

impl Links<'_> {
    fn hub(&mut self, hub: Hub) -> Spot {
        let next = self.graph.nodes.len() * 3 + self.hubs.len();
        *self.hubs.entry(hub).or_insert_with(|| Spot::try_from(next).unwrap_or(Spot::MAX))
    }

    fn link(&mut self, from: (usize, State), to: (usize, State)) {
        self.links.extend(spot(from.0, from.1).zip(spot(to.0, to.1)));
    }

    fn hub_leads_to(&mut self, hub: Hub, to: (usize, State)) {
        let hub = self.hub(hub);
        self.links.extend(spot(to.0, to.1).map(|to| (hub, to)));
    }

    fn leads_to_hub(&mut self, from: (usize, State), hub: Hub) {
        let hub = self.hub(hub);
        self.links.extend(spot(from.0, from.1).map(|from| (from, hub)));
    }

    fn all(&mut self) {
        let graph = self.graph;
        let assets: Vec<usize> = (0..graph.nodes.len()).filter(|node| !graph.nodes[*node].is_point).collect();
        let open_wide: Vec<usize> =
            assets.iter().copied().filter(|node| graph.aspect(*node).openness == Openness::Wide).collect();
        for node in assets {
            self.meanings(node);
            graph.own(node).for_each(|edge| self.bond(node, edge));
            self.hands(node);
            self.support(node);
            self.beyond(node, &open_wide);
            if graph.is_open_server(node) {
                self.shares(node);
            }
        }
        let hubs: Vec<Hub> = self.hubs.keys().copied().collect();
        for one in &hubs {
            for two in &hubs {
                if let (Hub::Lies(class, wide), Hub::Lacks(classes, own)) = (*one, *two)
                    && classes.contains(class)
                    && !graph.are_apart(class, wide, own)
                {
                    let link = (self.hub(*one), self.hub(*two));
                    self.links.push(link);
                }
            }
        }
    }

    /// What the states themselves imply.
    fn meanings(&mut self, node: usize) {
        let kind = self.graph.nodes[node].kind;
        self.link((node, State::Deleted), (node, State::Lost));
        if kind.is_some_and(is_closed) {
            self.link((node, State::Lost), (node, State::Deleted));
        }
        if !kind.is_some_and(only_opens) {
            self.link((node, State::Held), (node, State::Deleted));
        }
    }

    fn bond(&mut self, node: usize, edge: &Edge) {
        use State::{Deleted, Held, Lost};
        let leads: &[(State, State)] = match edge.nature {
            Nature::StoredOn => &[(Lost, Lost), (Held, Held)],
            Nature::Needs => &[(Lost, Lost)],
            Nature::CascadesFrom => &[(Deleted, Deleted)],
            Nature::DeletableBy => &[(Held, Deleted)],
            Nature::AdministeredBy => &[(Held, Deleted), (Held, Held)],
            Nature::YieldedBy if self.graph.is_yielded(node) => &[(Held, Held)],
            Nature::YieldedBy => &[],
        };
        for on in &edge.on {
            for (from, to) in leads {
                self.link((*on, *from), (node, *to));
            }
        }
    }

    /// What somebody may do whom nobody named.
    fn hands(&mut self, node: usize) {
        let graph = self.graph;
        if graph.open_yield(node).is_some() {
            self.hub_leads_to(Hub::Held, (node, State::Held));
        }
        let deleters = [Nature::DeletableBy, Nature::AdministeredBy];
        if graph.has_hands(node) && deleters.iter().any(|by| graph.nodes[node].open.contains(*by)) {
            self.hub_leads_to(Hub::Held, (node, State::Deleted));
        }
        if graph.nodes[node].open.contains(Nature::CascadesFrom) {
            self.hub_leads_to(Hub::Held, (node, State::Deleted));
            self.hub_leads_to(Hub::Deleted, (node, State::Deleted));
        }
    }

    /// What it may stand on, unseen.
    fn support(&mut self, node: usize) {
        let (graph, lost) = (self.graph, (node, State::Lost));
        let aspect = graph.aspect(node);
        let hubs: &[Hub] = match aspect.openness {
            Openness::Closed => &[],
            Openness::Anything => &[Hub::Struck, Hub::Open, Hub::Need],
            Openness::Medium => &[Hub::Kin, Hub::Open, Hub::Need],
            Openness::Wide => &[Hub::Need],
        };
        hubs.iter().for_each(|hub| self.hub_leads_to(*hub, lost));
        if graph.is_kin(node) {
            self.leads_to_hub(lost, Hub::Kin);
        }
        if matches!(aspect.openness, Openness::Wide | Openness::Closed) {
            for class in aspect.hidden.and(aspect.lacking).iter() {
                self.hub_leads_to(Hub::Share(class, graph.grounds(node)), lost);
            }
        }
        self.may_be_unseen(node);
        let lacking: Classes = aspect.lacking.iter().filter(|class| class.is_wide()).collect();
        if lacking != Classes::default() {
            self.hub_leads_to(Hub::Lacks(lacking, graph.grounds(node)), lost);
        }
    }

    /// What was not seen may be this one.
    fn may_be_unseen(&mut self, node: usize) {
        let (graph, kind) = (self.graph, self.graph.nodes[node].kind);
        let grounds = graph.grounds(node);
        match graph.aspect(node).class {
            Some(class) if class.is_wide() => {
                self.hub_leads_to(Hub::Lost(class, grounds), (node, State::Lost))
            }
            Some(class) if HazardClass::LOCAL.contains(&class) => {
                self.hub_leads_to(Hub::LostWithin, (node, State::Lost));
            }
            _ => {}
        }
        match kind.and_then(hands_class) {
            Some(HazardClass::HostCompromise) => self.hub_leads_to(Hub::TakenWithin, (node, State::Held)),
            Some(HazardClass::Identity) if kind.is_some_and(is_closed) => {
                self.hub_leads_to(Hub::Taken(grounds), (node, State::Held));
            }
            _ => {}
        }
    }

    /// What may lie in it or stand on it where it lies beyond machines.
    fn beyond(&mut self, node: usize, open_wide: &[usize]) {
        let (graph, kind) = (self.graph, self.graph.nodes[node].kind);
        if let Some(class) = graph.aspect(node).class.filter(|class| class.is_wide()) {
            self.leads_to_hub((node, State::Lost), Hub::Lies(class, graph.grounds(node)));
        }
        if kind.is_none() || is_wide(kind) {
            for above in open_wide {
                if graph.may_stand_on(*above, node) && !graph.rests_on(node, *above) {
                    self.link((node, State::Lost), (*above, State::Lost));
                }
            }
        }
    }

    /// Of two shares of a server of which nobody knows what it keeps where, one may lie in the other.
    fn shares(&mut self, server: usize) {
        let graph = self.graph;
        let (mut waiting, mut seen) = (vec![server], BTreeSet::from([server]));
        while let Some(node) = waiting.pop() {
            for above in graph.borne(node).into_iter().filter(|above| !graph.nodes[*above].is_point) {
                if node == server {
                    self.leads_to_hub((above, State::Lost), Hub::Kept(server));
                }
                if seen.insert(above) {
                    self.leads_to_hub((above, State::Deleted), Hub::Emptied(server));
                    waiting.push(above);
                }
            }
        }
        let kept = graph.fed(server).filter(|edge| edge.nature == Nature::StoredOn);
        for share in kept.map(|edge| edge.holder).filter(|share| !graph.nodes[*share].is_point) {
            self.hub_leads_to(Hub::Kept(server), (share, State::Lost));
            self.hub_leads_to(Hub::Emptied(server), (share, State::Deleted));
        }
    }
}
