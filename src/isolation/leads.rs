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

/// The hubs, and all that leads from one spot to another.
pub(super) fn links(graph: &Graph) -> (BTreeMap<Hub, Spot>, Vec<(Spot, Spot)>) {
    let mut links = Links { graph, hubs: BTreeMap::new(), links: Vec::new() };
    links.all();
    (links.hubs, links.links)
}

/// What falls alike, in order.
type All<'a> = (Alike, &'a [usize]);

struct Links<'g> {
    graph: &'g Graph,
    hubs: BTreeMap<Hub, Spot>,
    links: Vec<(Spot, Spot)>,
}

impl Links<'_> {
    fn hub(&mut self, hub: Hub) -> Spot {
        let next = self.graph.nodes.len() * SPOTS + self.hubs.len();
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
        let assets = || (0..graph.nodes.len()).filter(|node| !graph.nodes[*node].is_point);
        let mut open: BTreeMap<HazardClass, Vec<usize>> = BTreeMap::new();
        for node in assets().filter(|node| graph.aspect(*node).openness == Openness::Wide) {
            graph.aspect(node).hidden.iter().for_each(|class| open.entry(class).or_default().push(node));
        }
        let anything: Vec<usize> =
            assets().filter(|node| graph.aspect(*node).openness == Openness::Anything).collect();
        let mut lacking: BTreeMap<(Classes, Grounds), Vec<usize>> = BTreeMap::new();
        for node in assets() {
            let lacks = wide_lacking(graph, node);
            if lacks != Classes::default() {
                lacking.entry((lacks, graph.grounds(node))).or_default().push(node);
            }
        }
        for node in assets() {
            self.meanings(node);
            self.struck(node, &anything);
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
        for (lies, from) in hubs {
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
    fn struck(&mut self, node: usize, anything: &[usize]) {
        if let Some(from) = spot(node, State::Struck) {
            self.all_not_below(node, from, (Alike::Anything, anything));
        }
        if self.graph.aspect(node).openness == Openness::Anything {
            self.hub_leads_to(Hub::Struck, (node, State::Lost));
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
            Openness::Anything => &[Hub::Open, Hub::Need],
            Openness::Medium => &[Hub::Kin, Hub::Open, Hub::Need],
            Openness::Wide => &[Hub::Need],
        };
        hubs.iter().for_each(|hub| self.hub_leads_to(*hub, lost));
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
        let (graph, lost) = (self.graph, (node, State::Lost));
        if let Some(class) = graph.aspect(node).class.filter(|class| class.is_wide()) {
            let all = open.get(&class).map(Vec::as_slice).unwrap_or_default();
            if let Some(from) = spot(node, State::Lost) {
                self.all_not_below(node, from, (Alike::Wide(class), all));
            }
        }
        if graph.aspect(node).openness == Openness::Wide {
            self.hub_leads_to(Hub::Ghost, lost);
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

    /// Leads from a spot of a node to all of some that may stand on it: nothing stands on what rests on it.
    fn all_not_below(&mut self, node: usize, from: Spot, all: All<'_>) {
        if !all.1.is_empty() {
            let below = self.graph.below(node);
            let except: Vec<usize> = below.iter().filter_map(|on| all.1.binary_search(on).ok()).collect();
            self.among_but(all, from, (0, all.1.len()), &except);
        }
    }

    /// Leads from a spot to all of a range but some: halved until a half has none of these, so that many times many
    /// take few links.
    fn among_but(&mut self, all: All<'_>, from: Spot, (first, end): (usize, usize), but: &[usize]) {
        if !but.iter().any(|place| (first..end).contains(place)) {
            let among = self.among(all, first, end);
            self.links.extend(among.map(|among| (from, among)));
        } else if end - first > 1 {
            let middle = first.midpoint(end);
            self.among_but(all, from, (first, middle), but);
            self.among_but(all, from, (middle, end), but);
        }
    }

    /// What stands for a range of what falls alike.
    fn among(&mut self, all: All<'_>, first: usize, end: usize) -> Option<Spot> {
        if end - first == 1 {
            return spot(all.1[first], State::Lost);
        }
        let hub = Hub::Among(all.0, first, end);
        if let Some(known) = self.hubs.get(&hub) {
            return Some(*known);
        }
        let (own, middle) = (self.hub(hub), first.midpoint(end));
        for (first, end) in [(first, middle), (middle, end)] {
            let half = self.among(all, first, end);
            self.links.extend(half.map(|half| (own, half)));
        }
        Some(own)
    }

    /// Of two shares of a server of which nobody knows what it keeps where, one may lie in the other.
    fn shares(&mut self) {
        let graph = self.graph;
        for server in graph.open_servers.iter().copied() {
            let kept: Vec<usize> =
                graph.bears(server).filter(|share| !graph.nodes[*share].is_point).collect();
            self.kept(&kept, Hub::Kept(server), Hub::Emptied(server));
            for share in kept.into_iter().filter(|share| Role::Lies.fits(graph.nodes[*share].kind)) {
                self.hub_leads_to(Hub::Kept(server), (share, State::Lost));
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
            self.hub_leads_to(Hub::KeptByAny, (share, State::Lost));
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
