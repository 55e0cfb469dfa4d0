//! The part of a graph that bears on one volume: everything its primary and its recovery points hang on through
//! known bonds, and the rules by which these fall. Judging a volume costs what its slice costs, not what the
//! estate does.

use super::aspects::Numbered;
use super::beyond::Standing;
use super::doubts::Doubted;
use super::elsewhere::Hub;
use super::graph::{Edge, Graph, PointPlace};
use super::system::{State, System, Variable, Why, variable};
use crate::domain::{AssetId, AssetKind, Lock, LockMode, Nature, RecoveryPoint, Timestamp, Volume};
use std::collections::{BTreeMap, HashMap};

/// What holds off the deletion of recovery points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Hold {
    /// Nothing.
    Free,
    /// A lock that whoever administers it can lift: governance, or a legal hold.
    Soft,
    /// A compliance lock: nobody deletes it before its end.
    Firm,
    /// It is not known.
    Unknown,
}

/// One node of a slice.
#[derive(Debug, Clone)]
pub(super) struct Member<'g> {
    pub node: usize,
    pub hold: Hold,
    pub standing: Option<&'g Standing>,
    /// Whether something here is in its hands: that may be deleted, or held.
    pub acts: bool,
    /// Whether the volume or one of its points goes with it where it is deleted, or is it.
    pub carries: bool,
    /// Whether it goes so where it is lost, in whatever way.
    pub bears: bool,
}

impl Member<'_> {
    fn new(node: usize, hold: Hold) -> Self {
        Self { node, hold, standing: None, acts: false, carries: false, bears: false }
    }
}

/// Recovery points with one fate.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub member: usize,
    pub places: Vec<PointPlace>,
    /// Whether it is not known which volume they are states of.
    pub orphans: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Slice<'g> {
    pub graph: &'g Graph,
    pub members: Vec<Member<'g>>,
    /// How many members, from the first, the volume hangs on through known bonds. The others are there because they are
    /// struck.
    pub known: usize,
    of_asset: HashMap<usize, usize, Numbered>,
    pub system: System,
    /// Per member: how it falls with what nobody saw it stand on, where something rests on it.
    pub doubted: Vec<Option<Doubted>>,
    /// What may happen to what nobody saw elsewhere, each with what stands for it.
    pub unseen: Vec<(Hub, Variable)>,
    /// The primary; none where it was never seen.
    pub top: Option<usize>,
    pub groups: Vec<Group>,
}

/// Kinds of which control does not mean that they can be ended.
pub(super) fn only_opens(kind: AssetKind) -> bool {
    use AssetKind::{Catalogue, Credential, Identity, Key};
    matches!(kind, Credential | Identity | Key | Catalogue) || kind.is_place()
}

/// Kinds that are lost by being closed.
pub(super) fn is_closed(kind: AssetKind) -> bool {
    matches!(kind, AssetKind::Project | AssetKind::Account | AssetKind::Organisation)
}

impl<'g> Slice<'g> {
    /// The slice of a volume at a moment, with some assets more: what may share something unseen with it.
    pub fn of(graph: &'g Graph, volume: &Volume, now: Timestamp, more: &[AssetId]) -> Self {
        let own = graph.by_volume.get(&volume.id).into_iter().flatten().map(|place| (*place, false));
        let points = own.chain(graph.orphans.iter().map(|place| (*place, true)));
        Self::with(graph, graph.assets.get(&volume.asset).copied(), points, now, more)
    }

    /// The slice of one recovery point.
    pub fn of_point(graph: &'g Graph, place: PointPlace, now: Timestamp, more: &[AssetId]) -> Self {
        Self::with(graph, None, [(place, false)].into_iter(), now, more)
    }

    fn with(
        graph: &'g Graph,
        top: Option<usize>,
        points: impl Iterator<Item = (PointPlace, bool)>,
        now: Timestamp,
        more: &[AssetId],
    ) -> Self {
        let mut groups: BTreeMap<(usize, Hold, bool), Vec<PointPlace>> = BTreeMap::new();
        for (place, orphan) in points {
            let Some(point) = graph.at(place) else { continue };
            let node = graph.node_of[place as usize] as usize;
            groups.entry((node, hold(point, now), orphan)).or_default().push(place);
        }
        let mut slice = Self {
            graph,
            members: Vec::new(),
            known: 0,
            unseen: Vec::new(),
            of_asset: HashMap::default(),
            system: System::default(),
            doubted: Vec::new(),
            top: None,
            groups: Vec::new(),
        };
        slice.top = top.map(|top| slice.add(top));
        for ((node, hold, orphans), places) in groups {
            let member = slice.members.len();
            slice.members.push(Member::new(node, hold));
            slice.groups.push(Group { member, places, orphans });
        }
        slice.close(0);
        slice.known = slice.members.len();
        for asset in more {
            if let Some(node) = graph.assets.get(asset) {
                slice.add(*node);
            }
        }
        slice.close(slice.known);
        slice.write_rules();
        slice
    }

    pub(super) fn add(&mut self, node: usize) -> usize {
        *self.of_asset.entry(node).or_insert_with(|| {
            self.members.push(Member::new(node, Hold::Free));
            self.members.len() - 1
        })
    }

    /// Everything that the members hang on, in the order in which it is found.
    fn close(&mut self, mut next: usize) {
        while next < self.members.len() {
            let (graph, node) = (self.graph, self.members[next].node);
            // Who may delete a point, and is kept off by its lock, does nothing here.
            let hands = |edge: &&Edge| matches!(edge.nature, Nature::DeletableBy | Nature::AdministeredBy);
            let kept_off = graph.nodes[node].is_point && !self.deletion(next, Nature::AdministeredBy).0;
            for on in graph.own(node).filter(|edge| !(kept_off && hands(edge))).flat_map(|edge| &edge.on) {
                self.add(*on);
            }
            next += 1;
        }
    }

    /// The member that an asset is.
    pub fn member(&self, asset: &AssetId) -> Option<usize> {
        self.graph.assets.get(asset).and_then(|node| self.of_asset.get(node)).copied()
    }

    /// The member that a node of an asset is.
    pub fn member_of(&self, node: usize) -> Option<usize> {
        self.of_asset.get(&node).copied()
    }

    pub fn is_point(&self, member: usize) -> bool {
        self.graph.nodes[self.members[member].node].is_point
    }

    pub fn label(&self, member: usize) -> &str {
        &self.graph.nodes[self.members[member].node].label
    }

    fn write_rules(&mut self) {
        let graph = self.graph;
        // One more stands for "any member".
        self.system = System::new(self.members.len() + 1);
        for member in &mut self.members {
            member.standing = graph.standing(member.node);
        }
        self.find_carriers();
        self.find_hands();
        for member in 0..self.members.len() {
            self.meanings(member);
            for number in &graph.holds[self.members[member].node] {
                self.bond(member, *number, &graph.edges[*number as usize]);
            }
        }
        self.doubts();
        self.system.seal();
    }

    /// What the volume and its points go with, however far down. What goes with a deletion goes with a loss only where that
    /// is a deletion too, as of an account.
    fn find_carriers(&mut self) {
        let graph = self.graph;
        let own = self.groups.iter().map(|group| group.member).chain(self.top);
        let mut waiting: Vec<(usize, bool)> = own.map(|member| (member, true)).collect();
        while let Some((member, lost)) = waiting.pop() {
            let of = &mut self.members[member];
            let lost = lost || graph.nodes[of.node].kind.is_some_and(is_closed);
            if of.carries && (of.bears || !lost) {
                continue;
            }
            (of.carries, of.bears) = (true, of.bears || lost);
            for edge in graph.own(of.node) {
                let goes_with = match edge.nature {
                    Nature::StoredOn | Nature::Needs if lost => Some(true),
                    Nature::CascadesFrom if self.deletion(member, edge.nature).0 => Some(false),
                    _ => None,
                };
                let on = edge.on.iter().filter_map(|on| self.member_of(*on));
                waiting.extend(on.filter_map(|on| Some((on, goes_with?))));
            }
        }
    }

    /// What something here is in the hands of: as far as somebody else could be, of whom nobody said it.
    fn find_hands(&mut self) {
        let graph = self.graph;
        for holder in 0..self.members.len() {
            for edge in graph.own(self.members[holder].node) {
                let hands = self.in_hands(holder, edge.nature);
                let is_it = match edge.nature {
                    Nature::StoredOn | Nature::Needs | Nature::CascadesFrom => false,
                    Nature::DeletableBy => hands,
                    Nature::AdministeredBy | Nature::YieldedBy => {
                        hands || graph.is_had(self.members[holder].node)
                    }
                };
                for on in edge.on.iter().filter(|_| is_it) {
                    if let Some(on) = self.member_of(*on) {
                        self.members[on].acts = true;
                    }
                }
            }
        }
    }

    /// What the states themselves imply.
    fn meanings(&mut self, member: usize) {
        let of = |state| variable(member, state);
        self.system.add(of(State::Lost), 1, [of(State::Deleted)], true, Why::Meaning);
        if self.is_point(member) {
            return;
        }
        self.system.add(of(State::Struck), 1, [of(State::Deleted)], true, Why::Meaning);
        let kind = self.graph.nodes[self.members[member].node].kind;
        if self.graph.is_place(self.members[member].node) {
            // Whoever holds it acts as it.
            self.system.add(of(State::Gone), 1, [of(State::Held)], true, Why::Meaning);
        }
        if kind.is_some_and(is_closed) {
            // To lose an account is to have it closed, and what is deleted along with it goes.
            self.system.add(of(State::Deleted), 1, [of(State::Lost)], true, Why::Meaning);
        }
        if !kind.is_some_and(only_opens) {
            // Of what was never seen it is not known what control of it means.
            self.system.add(of(State::Deleted), 1, [of(State::Held)], kind.is_some(), Why::Meaning);
        }
    }

    fn bond(&mut self, holder: usize, number: u32, edge: &Edge) {
        let of = |state| variable(holder, state);
        let all: Vec<usize> = edge.on.iter().filter_map(|on| self.member_of(*on)).collect();
        let on = |state| all.iter().map(move |member| variable(*member, state));
        let hands: Vec<Variable> = all
            .iter()
            .map(|member| variable(*member, self.graph.at_hand(self.members[*member].node)))
            .collect();
        let (need, why) = (edge.dies_at, Why::Bond(number));
        let (deletes, surely) = self.deletion(holder, edge.nature);
        let is_point = self.is_point(holder);
        match edge.nature {
            Nature::StoredOn | Nature::Needs => {
                self.stored(holder, edge, &all, why);
                if edge.nature == Nature::StoredOn && !is_point {
                    // Whoever holds one of the places can read what lies there, and do with it what it allows.
                    let opens = all.iter().filter(|on| self.graph.opens(self.members[**on].node));
                    let held: Vec<Variable> = opens.map(|on| variable(*on, State::Held)).collect();
                    self.system.add(of(State::Held), 1, held, true, why);
                }
            }
            Nature::CascadesFrom => {
                if deletes {
                    self.system.add(of(State::Deleted), need, on(State::Deleted), surely, why);
                }
                self.closures(holder, need, &all, why);
            }
            Nature::DeletableBy if deletes => {
                self.system.add(of(State::Deleted), need, hands.iter().copied(), surely, why);
            }
            Nature::AdministeredBy => {
                if deletes {
                    self.system.add(of(State::Deleted), need, hands.iter().copied(), surely, why);
                }
                if !is_point {
                    self.system.add(of(State::Held), need, hands.iter().copied(), true, why);
                }
            }
            Nature::YieldedBy => {
                self.system.add(of(State::Held), need, hands.iter().copied(), true, why);
            }
            Nature::DeletableBy => {}
        }
    }

    /// The closing of an account ends every lock; whether that of a project does, nobody established.
    fn closures(&mut self, holder: usize, need: usize, all: &[usize], why: Why) {
        let kind = |member: usize| self.graph.nodes[self.members[member].node].kind;
        if self.members[holder].hold == Hold::Free {
            return;
        }
        let closed = |project: bool| -> Vec<Variable> {
            let ends = |member: &&usize| match kind(**member) {
                Some(AssetKind::Account | AssetKind::Organisation) => true,
                Some(AssetKind::Project) => project,
                _ => false,
            };
            all.iter().filter(ends).map(|member| variable(*member, State::Deleted)).collect()
        };
        let (surely, perhaps) = (closed(false), closed(true));
        let deleted = variable(holder, State::Deleted);
        self.system.add(deleted, need, surely, true, why);
        self.system.add(deleted, need, perhaps, false, why);
    }

    fn stored(&mut self, holder: usize, edge: &Edge, all: &[usize], why: Why) {
        let (graph, need) = (self.graph, edge.dies_at);
        let is_bucket =
            |member: &usize| graph.nodes[self.members[*member].node].kind == Some(AssetKind::Bucket);
        let lost: Vec<Variable> = all.iter().map(|member| variable(*member, State::Lost)).collect();
        let gone: Vec<Variable> = all
            .iter()
            .map(|member| variable(*member, if is_bucket(member) { State::Gone } else { State::Lost }))
            .collect();
        // A store that honours a lock does not delete the bucket around it; whether this one does was not tried.
        let locked = matches!(self.members[holder].hold, Hold::Firm | Hold::Unknown) && gone != lost;
        if locked {
            self.system.add(variable(holder, State::Lost), need, gone, true, why);
        }
        if is_bucket(&holder) {
            self.system.add(variable(holder, State::Gone), need, lost.clone(), true, why);
        }
        self.system.add(variable(holder, State::Lost), need, lost, !locked, why);
    }

    /// Whether a deletion through a nature can reach a member at all, and whether it does so for certain.
    pub fn deletion(&self, member: usize, nature: Nature) -> (bool, bool) {
        match self.members[member].hold {
            Hold::Free => (true, true),
            Hold::Firm => (false, false),
            // Who administers it may lift such a lock; whether anybody else may is not known.
            Hold::Soft => (true, nature == Nature::AdministeredBy),
            Hold::Unknown => (true, false),
        }
    }
}

/// What holds off a point's deletion at a moment.
pub(super) fn hold(point: &RecoveryPoint, now: Timestamp) -> Hold {
    match point.lock.value() {
        None => Hold::Unknown,
        Some(Lock { mode: LockMode::None, .. }) => Hold::Free,
        Some(Lock { mode: LockMode::LegalHold, .. }) => Hold::Soft,
        Some(Lock { mode: LockMode::Compliance | LockMode::Governance, until: None }) => Hold::Unknown,
        Some(Lock { until: Some(until), .. }) if *until <= now => Hold::Free,
        Some(Lock { mode: LockMode::Compliance, .. }) => Hold::Firm,
        Some(Lock { mode: LockMode::Governance, .. }) => Hold::Soft,
    }
}
