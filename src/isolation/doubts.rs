//! What may also happen, through what nobody saw or said: rules that hold possibly.
//!
//! Each is a rule like any other, so that what may fall is a least fixpoint too, and cut sets of it are exact. Two
//! exclusions keep them from drowning every answer; `unseen.rs` and `beyond.rs` say why they are sound.

use super::beyond::{Berth, Standing};
use super::singles::Singles;
use super::slice::{Slice, is_closed};
use super::system::{State, Variable, Why, member, variable};
use super::unseen::Openness;
use crate::domain::{AssetKind, HazardClass, Nature};

/// How a member falls with what nobody saw it stand on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubted {
    /// What stands for any of the things being lost that it may stand on.
    pub with: Variable,
    /// What stands for something having been struck that it may stand on, however far below.
    pub beneath: Variable,
}

impl Slice<'_> {
    pub(super) fn doubts(&mut self) {
        let open = |member: usize| self.graph.aspect(self.members[member].node).openness;
        let asks = |member: usize| open(member) != Openness::Closed || self.may_fall_unseen(member);
        let bearing = if (0..self.members.len()).any(asks) { self.bearing() } else { Vec::new() };
        self.look_beneath(&bearing);
        let wide = self.wide_by_class();
        let seat = |member: usize| Some((member, self.graph.seat(self.members[member].node)?));
        let seats: Vec<(usize, Berth)> = (0..self.members.len()).filter_map(seat).collect();
        for member in 0..self.members.len() {
            self.doubt_support(member, &bearing);
            self.doubt_lies(member, &wide);
            self.doubt_deletion(member);
            self.doubt_hands(member);
            self.doubt_seat(member, &seats);
        }
        self.doubt_anything();
        self.doubt_shares();
        self.doubt_elsewhere();
    }

    /// Per class of what lies beyond machines: the members of it.
    fn wide_by_class(&self) -> Vec<Vec<usize>> {
        let mut wide = vec![Vec::new(); HazardClass::ALL.len()];
        for (member, of) in self.members.iter().enumerate() {
            let aspect = self.graph.aspect(of.node);
            if let Some(class) = aspect.class.filter(|_| aspect.wide) {
                wide[class as usize].push(member);
            }
        }
        wide
    }

    /// Per member: the members that name it as storage or need.
    fn bearing(&self) -> Vec<Vec<usize>> {
        let mut bearing = vec![Vec::new(); self.members.len()];
        for (member, of) in self.members.iter().enumerate() {
            for on in self.graph.supports(of.node).into_iter().filter_map(|on| self.member_of(on)) {
                bearing[on].push(member);
            }
        }
        bearing
    }

    /// Per member: whether it is `below`, or rests on it.
    fn resting_on(bearing: &[Vec<usize>], below: usize) -> Vec<bool> {
        let mut rests = vec![false; bearing.len()];
        let mut waiting = vec![below];
        while let Some(member) = waiting.pop() {
            if !std::mem::replace(&mut rests[member], true) {
                waiting.extend(&bearing[member]);
            }
        }
        rests
    }

    /// The members that are no points, without one.
    fn others(&self, member: usize) -> impl Iterator<Item = usize> {
        (0..self.members.len()).filter(move |other| *other != member && !self.is_point(*other))
    }

    /// Whether it may fall with something that is lost and that nobody saw it stand on or lie in, and something else rests
    /// on it.
    fn may_fall_unseen(&self, member: usize) -> bool {
        let (graph, node) = (self.graph, self.members[member].node);
        let aspect = graph.aspect(node);
        let narrow = matches!(aspect.openness, Openness::Medium | Openness::Wide);
        // What nothing here goes with takes something along by what is elsewhere alone, which is taken widely.
        let bears = self.members[member].bears;
        let lies = || bears && (aspect.lacking.iter().any(HazardClass::is_wide) || graph.may_be_kept(node));
        !self.is_point(member) && (narrow || lies()) && graph.bears_others(node)
    }

    /// Nothing stands on what rests on it, however many things nobody saw are between: with what was struck above it, and
    /// nothing else, it does not fall.
    fn look_beneath(&mut self, bearing: &[Vec<usize>]) {
        self.doubted = vec![None; self.members.len()];
        let doubted: Vec<usize> =
            (0..self.members.len()).filter(|member| self.may_fall_unseen(*member)).collect();
        for member in doubted {
            let above = Self::resting_on(bearing, member);
            let missed = |other: &usize| self.graph.is_missed(self.members[*other].node);
            let others = self.others(member).filter(|other| !above[*other] && missed(other));
            let struck: Vec<Variable> = others.map(|other| variable(other, State::Struck)).collect();
            let (with, beneath) = (self.system.extra(), self.system.extra());
            self.doubted[member] = Some(Doubted { with, beneath });
            self.system.add(beneath, 1, struck, false, Why::Meaning);
            self.system.add(variable(member, State::Lost), 2, [with, beneath], false, Why::Doubted);
        }
    }

    /// A member may fall with any of these.
    pub(super) fn doubt(&mut self, member: usize, with: Vec<Variable>, why: Why) {
        let falls = self.doubted[member].map_or(variable(member, State::Lost), |of| of.with);
        self.system.add(falls, 1, with, false, why);
    }

    /// Whether two of some events do the same here.
    pub(super) fn do_the_same(&self, reach: &Singles, one: usize, other: usize) -> bool {
        let same = |of: Variable| reach.has(of, one) == reach.has(of, other);
        // With what it may fall is nothing to what has fallen.
        let half = |(member, of): (usize, &Option<Doubted>)| {
            let fallen = reach.has(variable(member, State::Lost), one);
            of.is_none_or(|of| fallen || same(of.with) && same(of.beneath))
        };
        (0..variable(self.members.len(), State::Lost)).all(same) && self.doubted.iter().enumerate().all(half)
    }

    /// The member that a variable speaks of; none of one that stands for several, or for nothing here.
    pub(super) fn owner(&self, of: Variable) -> Option<usize> {
        let own = Some(member(of)).filter(|member| *member < self.members.len());
        let stands_for =
            |doubted: &Option<Doubted>| doubted.is_some_and(|it| it.with == of || it.beneath == of);
        own.or_else(|| self.doubted.iter().position(stands_for))
    }

    /// What its storage or needs may be, unseen.
    fn doubt_support(&mut self, member: usize, bearing: &[Vec<usize>]) {
        let (graph, node) = (self.graph, self.members[member].node);
        let openness = graph.aspect(node).openness;
        if openness == Openness::Closed {
            return;
        }
        let above = Self::resting_on(bearing, member);
        let nature = graph.nodes[node].open_support().map_or(Nature::StoredOn, |(nature, _)| nature);
        let may = self.others(member).filter(|other| !above[*other]);
        let supports: Vec<Variable> = match openness {
            Openness::Anything => may.map(|other| variable(other, State::Struck)).collect(),
            Openness::Wide => may
                .filter(|other| graph.may_stand_on(node, self.members[*other].node))
                .map(|other| variable(other, graph.lost_below_wide(self.members[other].node)))
                .collect(),
            Openness::Medium | Openness::Closed => may
                .filter(|other| {
                    let other = self.members[*other].node;
                    graph.may_stand_on(node, other)
                })
                .map(|other| variable(other, State::Lost))
                .collect(),
        };
        let why = Why::Unseen(nature);
        match openness {
            Openness::Anything => self.system.add(variable(member, State::Lost), 1, supports, false, why),
            _ => self.doubt(member, supports, why),
        }
    }

    /// What names nothing of a class may lie in anything of that class that does not rest on it.
    fn doubt_lies(&mut self, member: usize, wide: &[Vec<usize>]) {
        let (graph, node) = (self.graph, self.members[member].node);
        let Some(standing) = self.members[member].standing else { return };
        let lacking = graph.aspect(node).lacking;
        let mut others: Vec<usize> =
            lacking.iter().flat_map(|class| &wide[class as usize]).copied().collect();
        others.sort_unstable();
        for other in others.into_iter().filter(|other| *other != member) {
            let wide = &self.members[other];
            let above = graph.bears_others(node) && graph.rests_on(wide.node, node);
            let lies = |other: &Standing| !above && graph.may_lie_in((node, standing), (wide.node, other));
            if let Some(class) = graph.aspect(wide.node).class
                && wide.standing.is_some_and(lies)
            {
                let lost = variable(other, State::Lost);
                self.doubt(member, vec![lost], Why::Undeclared(class));
            }
        }
    }

    /// A point of which no machine is named may be on any that nothing tells apart from where it is, and falls then with
    /// what strikes that machine, or a part of it. What befalls the machine through something else is not followed:
    /// decision 14 says why.
    fn doubt_seat(&mut self, member: usize, seats: &[(usize, Berth)]) {
        let graph = self.graph;
        let Some(berth) = graph.unseated(self.members[member].node) else { return };
        let there = seats.iter().filter(|(_, seat)| !graph.are_berths_apart(berth, *seat));
        let struck: Vec<Variable> = there.map(|(seat, _)| variable(*seat, State::Struck)).collect();
        self.system.add(variable(member, State::Lost), 1, struck, false, Why::Undeclared(HazardClass::Host));
    }

    /// Whose deletion, and which hands, may take it along.
    fn doubt_deletion(&mut self, member: usize) {
        let deleted = variable(member, State::Deleted);
        if self.is_open(member, Nature::CascadesFrom) {
            let why = Why::Unseen(Nature::CascadesFrom);
            if self.deletion(member, Nature::CascadesFrom).0 {
                // Whoever holds something may delete what nobody declared at all; what is declared elsewhere is asked apart.
                let any = [State::Deleted, State::Held].map(|state| self.anything(state));
                self.system.add(deleted, 1, any, false, why);
            } else {
                // A lock does not hold against the closing of what it lies in.
                let closed = self
                    .others(member)
                    .filter(|other| self.graph.nodes[self.members[*other].node].kind.is_some_and(is_closed));
                let closed: Vec<Variable> = closed.map(|other| variable(other, State::Deleted)).collect();
                self.system.add(deleted, 1, closed, false, why);
            }
        }
        if let Some(nature) = self.open_hands(member) {
            self.system.add(deleted, 1, [self.anything(State::Held)], false, Why::Unseen(nature));
        }
    }

    /// That any member at all is in a state: one variable, so that doubts cost no more than there are members.
    pub(super) fn anything(&self, state: State) -> Variable {
        variable(self.members.len(), state)
    }

    fn doubt_anything(&mut self) {
        for member in 0..self.members.len() {
            let deleted = variable(member, State::Deleted);
            self.system.add(self.anything(State::Deleted), 1, [deleted], true, Why::Meaning);
            if !self.is_point(member) {
                let held = variable(member, State::Held);
                self.system.add(self.anything(State::Held), 1, [held], true, Why::Meaning);
            }
        }
    }

    /// Whether it is open with which deletions it goes, and a lock does not keep all of them off.
    pub(super) fn open_cascade(&self, member: usize) -> Option<Nature> {
        let nature = Nature::CascadesFrom;
        Some(nature).filter(|nature| self.is_open(member, *nature) && self.deletion(member, *nature).0)
    }

    /// Whether it is open with which deletions it goes, and a lock keeps all off but the closing of an account.
    pub(super) fn goes_with_closing(&self, member: usize) -> bool {
        let nature = Nature::CascadesFrom;
        self.is_open(member, nature) && !self.deletion(member, nature).0
    }

    /// Whether somebody may have a hand on a member at all, and end it through a nature.
    pub(super) fn in_hands(&self, member: usize, nature: Nature) -> bool {
        let place = self.members[member].node;
        // That a credential is deleted matters to what goes with it.
        let only_acts = matches!(
            self.graph.nodes[place].kind,
            Some(AssetKind::Credential | AssetKind::Identity) if !self.members[member].carries
        );
        let has_hands = self.top == Some(member) || self.graph.has_hands(place) && !only_acts;
        has_hands && self.deletion(member, nature).0
    }

    /// Which of the natures through which somebody deletes is open, where deletion reaches the member at all.
    pub(super) fn open_hands(&self, member: usize) -> Option<Nature> {
        let open = self.graph.nodes[self.members[member].node].open;
        [Nature::DeletableBy, Nature::AdministeredBy]
            .into_iter()
            .find(|nature| open.contains(*nature) && self.in_hands(member, *nature))
    }

    /// Of a place that acts on something here, which of the natures is open that tell who does.
    pub(super) fn acts_unnamed(&self, member: usize) -> Option<Nature> {
        self.graph.acts_unnamed(self.members[member].node).filter(|_| self.members[member].acts)
    }

    /// From where somebody may get hold of it.
    fn doubt_hands(&mut self, member: usize) {
        if let Some(nature) = self.open_yield(member) {
            let held = variable(member, State::Held);
            self.system.add(held, 1, [self.anything(State::Held)], false, Why::Unseen(nature));
        }
        let (graph, node) = (self.graph, self.members[member].node);
        if graph.may_be_within(node) {
            let holds = |other: &usize| {
                let other = self.members[*other].node;
                graph.holds_places(other) && graph.may_hold(other, node) && !graph.rests_on(other, node)
            };
            let held: Vec<Variable> =
                self.others(member).filter(holds).map(|other| variable(other, State::Held)).collect();
            self.system.add(variable(member, State::Held), 1, held, false, Why::Unseen(Nature::StoredOn));
        }
        if let Some(nature) = self.acts_unnamed(member) {
            let acts = variable(member, State::Gone);
            self.system.add(acts, 1, [self.anything(State::Held)], false, Why::Unseen(nature));
        }
    }

    /// Which of the natures through which somebody gets hold of a member is open.
    pub(super) fn open_yield(&self, member: usize) -> Option<Nature> {
        self.graph.open_yield(self.members[member].node)
    }
}
