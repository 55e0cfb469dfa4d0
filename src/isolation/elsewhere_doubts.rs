//! What members may lose because of something that happens elsewhere in the estate: see `elsewhere.rs`.

use super::beyond::Grounds;
use super::elsewhere::{Hub, Spot, TOLD, Target, spot};
use super::slice::Slice;
use super::system::{State, Variable, Why, variable};
use super::unseen::Openness;
use crate::domain::{HazardClass, Nature};

/// What of the estate may be below a member, unseen, or take it along.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// It names nothing of a class, on such grounds: it may lie in anything of that class.
    Lies(HazardClass, Grounds),
    /// What it stands on is not known.
    Stands,
    /// Anything that is deleted may take it along.
    Deleted,
    /// Whatever it lies in may be closed.
    Closed,
}

/// What may happen to members, by variable and spot.
type Sources = Vec<(Variable, Spot)>;

impl Slice<'_> {
    pub(super) fn doubt_elsewhere(&mut self) {
        let mut sources = self.sources();
        for (hub, spot) in self.graph.elsewhere.unseen() {
            let stands_for_it = self.system.extra();
            self.unseen.push((*hub, stands_for_it));
            sources.push((stands_for_it, *spot));
        }
        // What is deleted elsewhere was deleted, and struck.
        let (why, any) = (Why::Meaning, self.anything(State::Deleted));
        let deleted = self.found(&sources, None, Ask::Deleted);
        self.system.add(any, 1, deleted, false, why);
        self.system.add(self.anything(State::Struck), 1, [any], false, why);
        for member in 0..self.members.len() {
            for (state, ask, why) in self.asks(member) {
                let found = self.found(&sources, Some(self.members[member].node), ask);
                self.system.add(variable(member, state), 1, found, false, why);
            }
        }
    }

    /// That something nobody saw is lost elsewhere: what may stand on anything, or on an unseen medium, may be.
    pub(super) fn elsewhere_open(&self) -> Variable {
        self.anything(State::Lost)
    }

    /// The same of something that is needed.
    pub(super) fn elsewhere_needs(&self) -> Variable {
        self.anything(State::Gone)
    }

    /// What may happen elsewhere with something nobody saw below a member: of a class where one is given, lost or taken
    /// over.
    pub(super) fn elsewhere_unseen(
        &self,
        below: usize,
        class: Option<HazardClass>,
        taken: bool,
    ) -> Vec<Variable> {
        let (graph, node) = (self.graph, self.members[below].node);
        let within = class.is_none_or(|class| !class.is_wide());
        let apart = |of, grounds| graph.are_apart(of, graph.grounds(node), grounds);
        let happens = |hub: Hub| match hub {
            Hub::Share(of, grounds) => class == Some(of) && !apart(of, grounds),
            Hub::Lost(of, grounds) => class == Some(of) && !apart(of, grounds),
            Hub::LostWithin => within,
            Hub::TakenWithin => taken && within,
            Hub::Taken(grounds) => taken && !within && !apart(HazardClass::Account, grounds),
            _ => false,
        };
        let found =
            self.unseen.iter().filter(|(hub, _)| happens(*hub)).map(|(_, stands_for_it)| *stands_for_it);
        found.chain([self.elsewhere_open()]).collect()
    }

    /// What may happen to members and reaches anything.
    fn sources(&self) -> Sources {
        let elsewhere = &self.graph.elsewhere;
        let hubs = [(Hub::Held, State::Held), (Hub::Deleted, State::Deleted), (Hub::Struck, State::Struck)];
        let hubs = hubs.into_iter().map(|(hub, state)| (hub, self.anything(state)));
        let unseen = [(Hub::Open, self.elsewhere_open()), (Hub::Need, self.elsewhere_needs())];
        let hubs = hubs.chain(unseen).filter_map(|(hub, variable)| Some((variable, elsewhere.hub(hub)?)));
        let members = (0..self.members.len()).filter(|member| !self.is_point(*member));
        let own = members.flat_map(|member| {
            [State::Lost, State::Deleted, State::Held].into_iter().filter_map(move |state| {
                Some((variable(member, state), spot(self.members[member].node, state)?))
            })
        });
        hubs.chain(own).filter(|(_, spot)| !elsewhere.reach(*spot).is_empty()).collect()
    }

    /// What may become of a member because of what is elsewhere.
    fn asks(&self, member: usize) -> Vec<(State, Ask, Why)> {
        let (graph, node) = (self.graph, self.members[member].node);
        let aspect = graph.aspect(node);
        let lacking = aspect.lacking.iter().filter(|class| class.is_wide());
        let lies = |class| (State::Lost, Ask::Lies(class, graph.grounds(node)), Why::Undeclared(class));
        let mut asks: Vec<_> = lacking.map(lies).collect();
        if aspect.openness != Openness::Closed {
            let nature = graph.nodes[node].open_support().map_or(Nature::StoredOn, |(nature, _)| nature);
            asks.push((State::Lost, Ask::Stands, Why::Unseen(nature)));
        }
        // What any deletion takes along falls with what is deleted elsewhere as with any other.
        let nature = Nature::CascadesFrom;
        if self.is_open(member, nature) && !self.deletion(member, nature).0 {
            asks.push((State::Deleted, Ask::Closed, Why::Unseen(nature)));
        }
        asks
    }

    /// Which of the sources may bring about what is asked for.
    fn found(&self, sources: &Sources, node: Option<usize>, ask: Ask) -> Vec<Variable> {
        let fits = sources.iter().filter(|(_, spot)| self.finds(*spot, node, ask));
        fits.map(|(variable, _)| *variable).collect()
    }

    fn finds(&self, spot: Spot, node: Option<usize>, ask: Ask) -> bool {
        let reach = self.graph.elsewhere.reach(spot);
        let (mut before, mut count, mut full) = (None, 0, false);
        for (target, other) in reach.iter().filter(|(target, _)| self.may_fit(*target, node, ask)) {
            if self.fits(node, *other as usize, ask) {
                return true;
            }
            count = if before == Some(*target) { count + 1 } else { 1 };
            before = Some(*target);
            full |= count == TOLD;
        }
        // Where only a few of many are told, the others are looked for.
        full && self
            .graph
            .leads_to(spot, |target, other| self.may_fit(target, node, ask) && self.fits(node, other, ask))
    }

    /// Whether a target is of the sort that is asked for.
    fn may_fit(&self, target: Target, node: Option<usize>, ask: Ask) -> bool {
        let graph = self.graph;
        let openness = node.map(|node| graph.aspect(node).openness);
        match (ask, target) {
            (Ask::Lies(class, own), Target::Wide(of, grounds)) => {
                class == of && !graph.are_apart(class, own, grounds)
            }
            (Ask::Deleted, Target::Deleted) | (Ask::Closed, Target::Closed) => true,
            (Ask::Stands, Target::Deleted) => openness == Some(Openness::Anything),
            (Ask::Stands, Target::Kin) => openness == Some(Openness::Medium),
            (Ask::Stands, Target::Ghost) => openness == Some(Openness::Wide),
            (Ask::Stands, Target::Wide(class, _)) => {
                let hidden = node.map(|node| graph.aspect(node).hidden).unwrap_or_default();
                openness == Some(Openness::Wide) && hidden.contains(class)
            }
            _ => false,
        }
    }

    /// Whether it is something else than the member, and what that may stand on: nothing stands on what rests on it.
    fn fits(&self, node: Option<usize>, other: usize, ask: Ask) -> bool {
        let graph = self.graph;
        let node = match (ask, node) {
            (Ask::Deleted, _) | (_, None) => return true,
            (Ask::Lies(..) | Ask::Closed, Some(node)) => return node != other,
            (Ask::Stands, Some(node)) => node,
        };
        let by_kind = match graph.aspect(node).openness {
            Openness::Closed => false,
            Openness::Anything => true,
            Openness::Medium => graph.may_stand_on(node, other) || graph.aspect(other).carries_medium,
            Openness::Wide => graph.may_stand_on(node, other),
        };
        by_kind && !graph.rests_on(other, node)
    }

    /// A member that somebody nobody named may take along by what they do elsewhere, and what is not known of it;
    /// likewise by the loss of what nobody saw and somebody may need.
    pub(super) fn touched_from(&self, hub: Hub) -> Option<(usize, String)> {
        let spot = self.graph.elsewhere.hub(hub)?;
        (0..self.members.len()).find_map(|member| {
            let node = self.members[member].node;
            let mut asks = self.asks(member);
            let cascade = self.open_cascade(member);
            asks.extend(cascade.map(|nature| (State::Deleted, Ask::Deleted, Why::Unseen(nature))));
            let (_, _, why) = asks.iter().find(|(_, ask, _)| self.finds(spot, Some(node), *ask))?;
            let label = self.label(member);
            match why {
                Why::Undeclared(class) => Some((member, self.graph.undeclared(node, *class, label))),
                Why::Unseen(nature) => Some((member, self.graph.nodes[node].missing(*nature)?)),
                Why::Bond(_) | Why::Meaning => None,
            }
        })
    }
}
