//! What may bring about what, anywhere in an estate: see `elsewhere.rs`.

use super::acts::{Known, NEEDED};
use super::aspects::Classes;
use super::beyond::Grounds;
use super::elsewhere::{Alike, Hub, SPOTS, Spot, spot};
use super::event::hands_class;
use super::graph::{Edge, Graph};
use super::shares::Role;
use super::slice::{is_closed, only_opens};
use super::system::State;
use super::unseen::Openness;
use crate::domain::{HazardClass, Nature};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The hubs, and all that leads from one spot to another.
pub(super) fn links(graph: &Graph) -> (BTreeMap<Hub, Spot>, Vec<(Spot, Spot)>) {
    let anything = (0..graph.nodes.len())
        .filter(|node| !graph.nodes[*node].is_point && graph.aspect(*node).openness == Openness::Anything);
    let anything = anything.collect();
    let mut links = Links { graph, anything, hubs: BTreeMap::new(), links: Vec::new() };
    links.all();
    (links.hubs, links.links)
}

/// What is gathered of them.
pub(super) struct Links<'g> {
    pub graph: &'g Graph,
    /// What may stand on anything, in order.
    pub anything: Rc<[usize]>,
    pub hubs: BTreeMap<Hub, Spot>,
    pub links: Vec<(Spot, Spot)>,
}

impl Links<'_> {
    pub(super) fn hub(&mut self, hub: Hub) -> Spot {
        let next = self.graph.nodes.len() * SPOTS + self.hubs.len();
        *self.hubs.entry(hub).or_insert_with(|| Spot::try_from(next).unwrap_or(Spot::MAX))
    }

    fn link(&mut self, from: (usize, State), to: (usize, State)) {
        self.links.extend(spot(from.0, from.1).zip(spot(to.0, to.1)));
    }

    pub(super) fn hub_leads_to(&mut self, hub: Hub, to: (usize, State)) {
        let hub = self.hub(hub);
        self.links.extend(spot(to.0, to.1).map(|to| (hub, to)));
    }

    fn leads_to_hub(&mut self, from: (usize, State), hub: Hub) {
        let hub = self.hub(hub);
        self.links.extend(spot(from.0, from.1).map(|from| (from, hub)));
    }

    fn all(&mut self) {
        let graph = self.graph;
        let assets = || (0..graph.nodes.len()).filter(|node| !graph.nodes[*node].is_point);
        let mut open: BTreeMap<HazardClass, Vec<usize>> = BTreeMap::new();
        for node in assets().filter(|node| graph.may_lie_wide(*node)) {
            graph.wider(node).iter().for_each(|class| open.entry(class).or_default().push(node));
        }
        let mut lacking: BTreeMap<(Classes, Grounds), Vec<usize>> = BTreeMap::new();
        for node in assets() {
            let lacks = wide_lacking(graph, node);
            if lacks != Classes::default() {
                lacking.entry((lacks, graph.grounds(node))).or_default().push(node);
            }
        }
        for node in assets() {
            self.meanings(node);
            self.struck(node);
            graph.own(node).for_each(|edge| self.bond(node, edge));
            self.hands(node);
            self.support(node);
            self.beyond(node, &open);
            self.lies(node, &lacking);
        }
        self.shares();
        self.hidden();
        self.known_together();
        let hubs = self.hubs.iter().map(|(hub, spot)| (*hub, *spot));
        let lacks: Vec<(Hub, Spot)> = hubs.clone().filter(|(hub, _)| matches!(hub, Hub::Lacks(..))).collect();
        for (lies, from) in hubs.filter(|(hub, _)| matches!(hub, Hub::Lies(..))) {
            for (lacks, to) in &lacks {
                if let (Hub::Lies(class, wide), Hub::Lacks(classes, own)) = (lies, *lacks)
                    && classes.contains(class)
                    && !graph.are_apart(class, wide, own)
                {
                    self.links.push((from, *to));
                }
            }
        }
    }

    /// What is lost unseen, by what may hide it.
    fn hidden(&mut self) {
        let hides = |(hub, spot): (&Hub, &Spot)| match hub {
            Hub::Hides(classes, grounds, opens) => Some((*classes, *grounds, *opens, *spot)),
            _ => None,
        };
        let hides: Vec<_> = self.hubs.iter().filter_map(hides).collect();
        for (classes, grounds, opens, spot) in hides {
            for class in classes.iter() {
                let grounds = grounds.telling(class);
                let act = self.hub(Hub::Act(Known { class, grounds }));
                self.links.push((act, spot));
                // What may stand on anything falls with whatever nobody saw.
                if !opens && !NEEDED.contains(&class) {
                    let share = self.hub(Hub::Share(class, grounds));
                    self.links.push((share, spot));
                }
            }
        }
    }

    /// What is on no grounds that are known may be on any, and what is on several on each.
    fn known_together(&mut self) {
        let acts = |(hub, spot): (&Hub, &Spot)| match hub {
            Hub::Act(act) => Some((*act, *spot)),
            _ => None,
        };
        let acts: Vec<(Known, Spot)> = self.hubs.iter().filter_map(acts).collect();
        for known in self.graph.elsewhere.acts.all() {
            let from = self.hub(Hub::Known(known));
            for (_, to) in acts.iter().filter(|(act, _)| self.graph.is_part(*act, known)) {
                self.links.push((from, *to));
            }
        }
    }

    /// What the states themselves imply.
    fn meanings(&mut self, node: usize) {
        let kind = self.graph.nodes[node].kind;
        self.link((node, State::Deleted), (node, State::Lost));
        self.link((node, State::Deleted), (node, State::Struck));
        if kind.is_some_and(is_closed) {
            self.link((node, State::Lost), (node, State::Deleted));
        }
        if !kind.is_some_and(only_opens) {
            self.link((node, State::Held), (node, State::Deleted));
        }
    }

    /// What may stand on anything may stand on it.
    fn struck(&mut self, node: usize) {
        if let Some(from) = spot(node, State::Struck) {
            self.all_not_below(node, from, (Alike::Anything, &self.anything.clone()));
        }
        if self.graph.aspect(node).openness == Openness::Anything {
            self.hub_leads_to(Hub::Struck, (node, State::Lost));
        }
    }

    fn hub_fells(&mut self, hub: Hub, node: usize) {
        let link = (self.hub(hub), self.fallen(node));
        self.links.push(link);
    }

    fn bond(&mut self, node: usize, edge: &Edge) {
        use State::{Deleted, Held, Lost};
        let leads: &[(State, State)] = match edge.nature {
            Nature::StoredOn => &[(Lost, Lost), (Held, Held)],
            Nature::Needs => &[(Lost, Lost)],
            Nature::CascadesFrom => &[(Deleted, Deleted)],
            Nature::DeletableBy => &[(Held, Deleted)],
            Nature::AdministeredBy => &[(Held, Deleted), (Held, Held)],
            Nature::YieldedBy => &[(Held, Held)],
        };
        for on in &edge.on {
            for (from, to) in leads {
                let from = match (edge.nature, from) {
                    (Nature::StoredOn, Held) if !self.graph.opens(*on) => continue,
                    (Nature::StoredOn, Held) => Held,
                    (_, Held) => self.graph.at_hand(*on),
                    (_, from) => *from,
                };
                self.link((*on, from), (node, *to));
            }
        }
    }

    /// What somebody may do whom nobody named.
    fn hands(&mut self, node: usize) {
        let graph = self.graph;
        if graph.open_yield(node).is_some() {
            self.hub_leads_to(Hub::Held, (node, State::Held));
        }
        if graph.is_place(node) {
            self.link((node, State::Held), (node, State::Gone));
        }
        if graph.holds_places(node) {
            self.leads_to_hub((node, State::Held), Hub::HeldPlace);
        }
        if graph.may_be_within(node) {
            self.hub_leads_to(Hub::HeldPlace, (node, State::Held));
        }
        if graph.acts_unnamed(node).is_some() {
            self.hub_leads_to(Hub::Held, (node, State::Gone));
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
            Openness::Anything | Openness::Medium => &[Hub::Open, Hub::Need],
            Openness::Wide => &[Hub::Need],
        };
        hubs.iter().for_each(|hub| self.hub_leads_to(*hub, lost));
        if graph.may_lie_on_medium(node) {
            self.hub_fells(Hub::Kin, node);
        }
        if graph.is_kin(node) {
            self.leads_to_hub(lost, Hub::Kin);
        }
        let unseen = graph.may_hide(node);
        if unseen != Classes::default() {
            let opens = matches!(aspect.openness, Openness::Anything | Openness::Medium);
            self.hub_leads_to(Hub::Hides(unseen, graph.grounds(node), opens), lost);
        }
        self.may_be_unseen(node);
        let lacking = wide_lacking(graph, node);
        if lacking != Classes::default() {
            self.hub_fells(Hub::Lacks(lacking, graph.grounds(node)), node);
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
        for (class, state, grounds) in graph.own_acts(node) {
            self.hub_leads_to(Hub::Act(Known { class, grounds }), (node, state));
            if state != State::Held && graph.seat(node).is_some() {
                self.hub_leads_to(Hub::Act(Known { class, grounds }), (node, State::Struck));
            }
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
    fn beyond(&mut self, node: usize, open: &BTreeMap<HazardClass, Vec<usize>>) {
        let graph = self.graph;
        if let Some(class) = graph.aspect(node).class.filter(|class| class.is_wide()) {
            let all = open.get(&class).map(Vec::as_slice).unwrap_or_default();
            if let Some(from) = spot(node, State::Lost) {
                self.all_not_below(node, from, (Alike::Wide(class), all));
            }
        }
        if graph.may_lie_wide(node) {
            self.hub_fells(Hub::Ghost, node);
        }
    }

    /// What names nothing of its class may lie in it, but for what it rests on itself.
    fn lies(&mut self, node: usize, lacking: &BTreeMap<(Classes, Grounds), Vec<usize>>) {
        let (graph, lost) = (self.graph, (node, State::Lost));
        let Some(class) = graph.aspect(node).class.filter(|class| class.is_wide()) else { return };
        let Some(from) = spot(node, State::Lost) else { return };
        let grounds = graph.grounds_of(node, class);
        let below = graph.below(node);
        if !below.iter().any(|on| *on != node && graph.aspect(*on).lacking.contains(class)) {
            return self.leads_to_hub(lost, Hub::Lies(class, grounds));
        }
        for ((classes, own), all) in lacking {
            if classes.contains(class) && !graph.are_apart(class, grounds, *own) {
                self.all_not_below(node, from, (Alike::Lacks(*classes, *own), all));
            }
        }
    }

    /// Of two shares of a server of which nobody knows what it keeps where, one may lie in the other.
    fn shares(&mut self) {
        let graph = self.graph;
        for server in graph.open_servers.iter().copied() {
            let kept: Vec<usize> =
                graph.bears(server).filter(|share| !graph.nodes[*share].is_point).collect();
            self.kept(&kept, Hub::Kept(server), Hub::Emptied(server));
            for share in kept.into_iter().filter(|share| Role::Lies.fits(graph.nodes[*share].kind)) {
                self.hub_fells(Hub::Kept(server), share);
                self.hub_leads_to(Hub::Emptied(server), (share, State::Deleted));
            }
            for (from, to) in [
                (Hub::KeptAnywhere, Hub::Kept(server)),
                (Hub::EmptiedAnywhere, Hub::Emptied(server)),
                (Hub::Kept(server), Hub::KeptByAny),
                (Hub::Emptied(server), Hub::EmptiedAny),
            ] {
                let link = (self.hub(from), self.hub(to));
                self.links.push(link);
            }
        }
        self.kept(&graph.loose, Hub::KeptAnywhere, Hub::EmptiedAnywhere);
        for share in graph.loose.iter().copied() {
            self.hub_fells(Hub::KeptByAny, share);
            self.hub_leads_to(Hub::EmptiedAny, (share, State::Deleted));
        }
    }

    /// What is lost with one of some shares, and deleted with what lies on one.
    fn kept(&mut self, shares: &[usize], lost: Hub, deleted: Hub) {
        let graph = self.graph;
        let holds = |node: &usize| !graph.nodes[*node].is_point && Role::Holds.fits(graph.nodes[*node].kind);
        let mut waiting: Vec<usize> = shares.iter().copied().filter(holds).collect();
        waiting.iter().for_each(|share| self.leads_to_hub((*share, State::Lost), lost));
        let mut seen = BTreeSet::new();
        while let Some(node) = waiting.pop() {
            if seen.insert(node) {
                self.leads_to_hub((node, State::Deleted), deleted);
                waiting.extend(graph.bears(node).filter(holds));
            }
        }
    }
}

/// What a node names none of, of what lies beyond machines.
fn wide_lacking(graph: &Graph, node: usize) -> Classes {
    graph.aspect(node).lacking.iter().filter(|class| class.is_wide()).collect()
}
