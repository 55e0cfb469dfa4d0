//! What members may lose because of something that happens elsewhere in the estate: see `elsewhere.rs`.

use super::acts::Known;
use super::aspects::Numbered;
use super::doubts::Doubted;
use super::elsewhere::{Ask, Hub, Spot, spot};
use super::reach::{TOLD, Target, part};
use super::slice::Slice;
use super::system::{Fallen, State, Variable, Why, member, variable};
use super::unseen::Openness;
use crate::domain::{HazardClass, Nature};
use std::collections::HashMap;

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
        let deleted = self.found(&sources, None, Ask::Deleted);
        self.system.add(self.anything(State::Deleted), 1, deleted, false, Why::Meaning);
        for member in 0..self.members.len() {
            self.look_beneath_elsewhere(member, &sources);
            for (state, ask, why) in self.asks(member) {
                let node = self.members[member].node;
                let found = self.found(&sources, Some(node), ask);
                match ask {
                    Ask::Stands | Ask::Lies(..) | Ask::Kept(_) | Ask::KeptAnywhere => {
                        self.doubt(member, found, why);
                    }
                    _ => self.system.add(variable(member, state), 1, found, false, why),
                }
            }
        }
    }

    /// What may be struck elsewhere that a member may stand on: what is deleted, and whatever nobody saw.
    fn look_beneath_elsewhere(&mut self, member: usize, sources: &Sources) {
        let Some(Doubted { beneath, .. }) = self.doubted[member] else { return };
        let mut found = self.found(sources, Some(self.members[member].node), Ask::Beneath);
        found.extend([self.elsewhere_open(), self.elsewhere_needs(), self.anything(State::Struck)]);
        let acts = self.elsewhere_acts().filter(|(known, _)| known.is_loss());
        found.extend(acts.map(|(_, stands_for_it)| stands_for_it));
        self.system.add(beneath, 1, found, false, Why::Meaning);
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
            Hub::Share(of, grounds) => {
                class == Some(of) && !apart(of, grounds) || class.is_none() && of == HazardClass::Host
            }
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
        let members = (0..self.members.len()).filter(|member| !self.is_point(*member));
        let ghosts =
            members.clone().filter(|member| self.graph.nodes[self.members[*member].node].kind.is_none());
        let ghosts = ghosts.map(|ghost| (Hub::Ghost, variable(ghost, State::Gone)));
        let hubs = hubs.chain(unseen).chain(ghosts);
        let hubs = hubs.filter_map(|(hub, variable)| Some((variable, elsewhere.hub(hub)?)));
        let own = members.flat_map(|member| {
            let acts = self.graph.is_place(self.members[member].node).then_some(State::Gone);
            [State::Lost, State::Deleted, State::Held, State::Struck].into_iter().chain(acts).filter_map(
                move |state| Some((variable(member, state), spot(self.members[member].node, state)?)),
            )
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
        let berth = graph.unseated(node);
        asks.extend(berth.map(|berth| (State::Lost, Ask::Seat(berth), Why::Undeclared(HazardClass::Host))));
        if graph.may_be_within(node) {
            asks.push((State::Held, Ask::Within, Why::Unseen(Nature::StoredOn)));
        }
        if aspect.openness != Openness::Closed {
            let nature = graph.nodes[node].open_support().map_or(Nature::StoredOn, |(nature, _)| nature);
            asks.push((State::Lost, Ask::Stands, Why::Unseen(nature)));
        }
        for (state, ask) in graph.asks_of_shares(node) {
            let nature = if state == State::Deleted { Nature::CascadesFrom } else { Nature::StoredOn };
            if state != State::Deleted || self.deletion(member, nature).0 {
                asks.push((state, ask, Why::Unseen(nature)));
            }
        }
        // What any deletion takes along falls with what is deleted elsewhere as with any other.
        if self.goes_with_closing(member) {
            asks.push((State::Deleted, Ask::Closed, Why::Unseen(Nature::CascadesFrom)));
        }
        asks
    }

    /// Which of the sources may bring about what is asked for.
    fn found(&self, sources: &Sources, node: Option<usize>, ask: Ask) -> Vec<Variable> {
        // Many of them bring about the same.
        let mut told: HashMap<u32, Option<bool>, Numbered> = HashMap::default();
        let fits = sources.iter().filter(|(_, spot)| {
            let number = self.graph.elsewhere.number(*spot);
            let told = *told.entry(number).or_insert_with(|| self.tells(*spot, node, ask));
            told.unwrap_or_else(|| self.searches(*spot, node, ask))
        });
        fits.map(|(variable, _)| *variable).collect()
    }

    fn finds(&self, spot: Spot, node: Option<usize>, ask: Ask) -> bool {
        self.tells(spot, node, ask).unwrap_or_else(|| self.searches(spot, node, ask))
    }

    /// What the reach of a spot says; none where only a few of many are told, and the others have to be looked for.
    fn tells(&self, spot: Spot, node: Option<usize>, ask: Ask) -> Option<bool> {
        let reach = self.graph.elsewhere.reach(spot);
        let (mut before, mut count, mut full) = (None, 0, false);
        let may = part(reach, ask).into_iter().flatten();
        for (target, other) in may.filter(|(target, _)| self.may_fit(*target, node, ask)) {
            if *target == Target::Kept(*other) {
                let mut shares = self.graph.shares_of(*other as usize);
                if shares.any(|share| self.fits(node, share, ask, || false)) {
                    return Some(true);
                }
                continue;
            }
            let other = *other as usize;
            let rests = || node.is_some_and(|node| self.graph.rests_on(other, node));
            if self.fits(node, other, ask, rests) {
                return Some(true);
            }
            count = if before == Some(*target) { count + 1 } else { 1 };
            before = Some(*target);
            full |= count == TOLD;
        }
        let rests = |other: usize| node.is_some_and(|node| self.graph.rests_on(other, node));
        let shares =
            self.graph.of_all_shares(reach, ask, |other| self.fits(node, other, ask, || rests(other)));
        shares.or_else(|| Some(false).filter(|_| !full || node.is_none()))
    }

    fn searches(&self, spot: Spot, node: Option<usize>, ask: Ask) -> bool {
        let Some(asking) = node else { return false };
        // Where a point is, and not which one it is, decides what it may be on: all of a place ask as one.
        let asking = if matches!(ask, Ask::Seat(_)) { 0 } else { asking };
        self.graph.leads_to((spot, asking, ask), |target, other, rests| {
            self.may_fit(target, node, ask) && self.fits(node, other, ask, || rests)
        })
    }

    /// Whether a target is of the sort that is asked for.
    fn may_fit(&self, target: Target, node: Option<usize>, ask: Ask) -> bool {
        let graph = self.graph;
        let openness = node.map(|node| graph.aspect(node).openness);
        match (ask, target) {
            (Ask::Lies(class, own), Target::Wide(of, grounds)) => {
                class == of && !graph.are_apart(class, own, grounds)
            }
            (Ask::Seat(_), Target::Seat)
            | (Ask::Deleted, Target::Deleted)
            | (Ask::Closed, Target::Closed)
            | (Ask::Within, Target::Holds) => true,
            (Ask::Kept(server), Target::Kept(on)) | (Ask::Emptied(server), Target::Emptied(on)) => {
                server == on as usize
            }
            (Ask::Kept(_) | Ask::KeptAnywhere, Target::KeptAnywhere)
            | (Ask::KeptAnywhere, Target::Kept(_))
            | (Ask::Emptied(_) | Ask::EmptiedAnywhere, Target::EmptiedAnywhere)
            | (Ask::EmptiedAnywhere, Target::Emptied(_)) => true,
            (Ask::Stands, Target::Deleted) => openness == Some(Openness::Anything),
            (Ask::Beneath, Target::Deleted) => true,
            (Ask::Stands, Target::Kin) => openness == Some(Openness::Medium),
            (Ask::Stands, Target::Wide(class, _)) => {
                let hidden = node.map(|node| graph.aspect(node).hidden).unwrap_or_default();
                openness == Some(Openness::Wide) && hidden.contains(class)
            }
            _ => false,
        }
    }

    /// Whether it is something else than the member, and what that may stand on: nothing stands on what rests on it.
    fn fits(&self, node: Option<usize>, other: usize, ask: Ask, rests: impl Fn() -> bool) -> bool {
        let graph = self.graph;
        let node = match (ask, node) {
            (Ask::Deleted, _) | (_, None) => return true,
            (Ask::Closed, Some(node)) => return node != other,
            (Ask::Lies(..), Some(node)) => return node != other && !(graph.bears_others(node) && rests()),
            (Ask::Kept(_) | Ask::KeptAnywhere, Some(node)) => {
                let apart = node != other && !graph.supports(other).contains(&node);
                return apart && graph.may_lie_within(node, other, false);
            }
            (Ask::Emptied(_) | Ask::EmptiedAnywhere, Some(node)) => {
                return !rests() && graph.may_lie_within(node, other, true);
            }
            (Ask::Seat(own), _) => {
                return graph.seat(other).is_some_and(|seat| !graph.are_berths_apart(own, seat));
            }
            (Ask::Beneath, _) => return graph.is_missed(other) && !rests(),
            (Ask::Within, Some(node)) => return graph.may_hold(other, node) && !rests(),
            (Ask::Stands, Some(node)) => node,
        };
        let by_kind = match graph.aspect(node).openness {
            Openness::Closed => false,
            Openness::Anything => true,
            Openness::Medium | Openness::Wide => graph.may_stand_on(node, other),
        };
        by_kind && !rests()
    }

    /// A member that may fall with something that happens elsewhere alone, and what is not known of it.
    pub(super) fn touched_by(&self, happens: &[Variable]) -> Option<(usize, String)> {
        self.first_touched(&self.system.run(happens, true))
    }

    /// The first member of what fell, and what is not known of it.
    pub(super) fn first_touched(&self, fallen: &Fallen) -> Option<(usize, String)> {
        let fell = fallen.in_order().find_map(|(variable, rule)| {
            let rule = self.system.rules[rule? as usize];
            let why = match rule.why {
                // What stands for what it falls with tells why.
                Why::Doubted => {
                    let with = fallen.mark(self.system.supports(&rule)[0])?.rule?;
                    self.system.rules[with as usize].why
                }
                why => why,
            };
            Some((Some(member(variable)).filter(|member| *member < self.members.len())?, why))
        });
        fell.map(|(member, why)| {
            let node = self.members[member].node;
            let (graph, label) = (self.graph, self.label(member));
            let why = match why {
                Why::Undeclared(class) => Some(graph.undeclared(node, class, label)),
                Why::Unseen(nature) => graph.nodes[node].missing(nature),
                Why::Bond(_) | Why::Meaning | Why::Doubted => None,
            };
            (member, why.unwrap_or_else(|| format!("what {label} stands on is not wholly known")))
        })
    }

    /// Whether what happens to a node elsewhere, as an event of a class, is what a member may fall with.
    pub(super) fn may_reach(&self, node: usize, known: Known, of: usize) -> bool {
        let asking = self.members[of].node;
        let asks = self.asks(of).into_iter().map(|(_, ask, _)| ask).chain([Ask::Deleted]);
        let own = self.graph.own_acts(node).filter(|(class, ..)| *class == known.class);
        let spots =
            own.flat_map(|(_, state, _)| [state, State::Struck]).filter_map(|state| spot(node, state));
        let spots: Vec<Spot> = spots.collect();
        asks.into_iter().any(|ask| spots.iter().any(|spot| self.finds(*spot, Some(asking), ask)))
    }
}
