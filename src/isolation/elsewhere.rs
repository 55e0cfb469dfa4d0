//! The rest of the estate, as it bears on a slice.
//!
//! What names no account may lie in any of the estate's, and what may be deleted with anything, with anything of it.
//! So whatever closes one of these accounts may take it along, though nothing in the slice hangs on that account. To put
//! all of them into every slice would cost the square of a fleet. Instead it is worked out once, for everything that can
//! happen to any asset, what that may bring down: the reach. A slice adds one rule for what of its own reaches something
//! that a member may lie in.
//!
//! The reach is taken widely: one of several supports is enough, and what stands on something unknown falls with
//! whatever it may stand on. It only ever says what *may* fall, and errs on that side alone.

use super::acts::{Acts, Known};
use super::aspects::{Classes, Numbered};
use super::beyond::{Berth, Grounds};
use super::graph::{Edge, Graph};
use super::leads::links;
use super::reach::{Reach, TOLD, Target, Through, intern};
use super::shares::Role;
use super::system::State;
use super::unseen::Openness;
use crate::domain::{AssetKind, HazardClass, Nature};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// One thing that can happen: an asset is lost, deleted, held or struck itself; or one of the hubs.
pub(super) type Spot = u32;

/// What makes many things fall at once, or is brought about by many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hub {
    /// Somebody holds something.
    Held,
    /// Somebody holds something that places may be within.
    HeldPlace,
    /// Something was deleted.
    Deleted,
    /// Something was struck that nobody saw.
    Struck,
    /// What nobody saw is lost: so may be what stands on anything, or on an unseen medium.
    Open,
    /// What nobody saw is lost, and somebody may need it.
    Need,
    /// What nobody saw is lost, of this class, below what stands on such grounds.
    Share(HazardClass, Grounds),
    /// What was not seen may be one of what is known: something beyond machines, of this class and on such grounds, is
    /// lost.
    Lost(HazardClass, Grounds),
    /// The same within machines.
    LostWithin,
    /// The same of an account or the like in hostile hands.
    Taken(Grounds),
    /// The same of a host, a server or a network.
    TakenWithin,
    /// What is known is lost, deleted or in hostile hands, as one event.
    Known(Known),
    /// What of that is on just these grounds.
    Act(Known),
    /// What may hide something of these classes, on such grounds, is lost; and whether it may hide anything else as well.
    Hides(Classes, Grounds, bool),
    /// Something beyond machines is lost, of this class and on such grounds.
    Lies(HazardClass, Grounds),
    /// What names none of these classes, on such grounds, may be lost.
    Lacks(Classes, Grounds),
    /// A server, a host, or a disk whose medium is not known is lost.
    Kin,
    /// Something is lost that an open server keeps.
    Kept(usize),
    /// The same of one of which it is not known.
    KeptAnywhere,
    /// Something is lost that any of them keeps, or may keep.
    KeptByAny,
    /// Something is deleted that lies on what an open server keeps.
    Emptied(usize),
    /// The same of one of which it is not known.
    EmptiedAnywhere,
    /// The same of any of them.
    EmptiedAny,
    /// Some of what falls alike may be lost: from one number to before another one.
    Among(Alike, usize, usize),
    /// What was named and never seen is lost itself: what is open beyond machines may stand on it.
    Ghost,
    /// Something is lost with what nobody saw it stand on or lie in.
    Fallen(usize),
}

/// What may fall with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alike {
    /// What may stand on anything.
    Anything,
    /// What is open beyond machines, and may stand on something of this class.
    Wide(HazardClass),
    /// What names none of these classes, on such grounds.
    Lacks(Classes, Grounds),
}

impl Hub {
    /// Whether it stands for something that happens to what nobody saw, apart from what happens in a slice.
    fn is_unseen(self) -> bool {
        matches!(
            self,
            Self::Share(..)
                | Self::Lost(..)
                | Self::LostWithin
                | Self::Taken(_)
                | Self::TakenWithin
                | Self::Known(_)
        )
    }
}

/// What of the estate may be below a member, unseen, or take it along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// It names nothing of a class, on such grounds: it may lie in anything of that class.
    Lies(HazardClass, Grounds),
    /// No machine is named of it, and it is there: it may be on any that is not apart.
    Seat(Berth),
    /// What it stands on is not known.
    Stands,
    /// It may stand on something that is deleted.
    Beneath,
    /// Anything that is deleted may take it along.
    Deleted,
    /// Whatever it lies in may be closed.
    Closed,
    /// It is a place, and may be within something that is held.
    Within,
    /// This server keeps it, nobody knows where: another of its shares may be below it.
    Kept(usize),
    /// Any server may keep it so.
    KeptAnywhere,
    /// The same of a deletion.
    Emptied(usize),
    /// And of one by any.
    EmptiedAnywhere,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Elsewhere {
    hubs: BTreeMap<Hub, Spot>,
    unseen: Vec<(Hub, Spot)>,
    /// Per spot, as a range of `leads`: what it may bring about next.
    starts: Vec<u32>,
    leads: Vec<Spot>,
    /// Per spot: its reach, as a place in `reaches`; the first one is empty.
    of_spot: Vec<u32>,
    reaches: Vec<Reach>,
    /// What happens to what is known.
    pub acts: Acts,
    /// Per event a few of the nodes that it strikes and of which anything may fall.
    pub told: BTreeMap<Known, Vec<u32>>,
    /// What was searched for, and whether it was found.
    searched: Arc<Mutex<HashMap<Question, bool, Numbered>>>,
    /// Per node for which something was searched: what rests on it.
    resting: Arc<Mutex<HashMap<usize, Arc<Resting>, Numbered>>>,
}

/// The nodes that rest on one.
type Resting = HashSet<usize, Numbered>;

/// From which spot, for which node, for what.
type Question = (Spot, usize, Ask);

/// The spot of an asset's node in a state; none of states that nothing elsewhere hangs on.
pub(super) fn spot(node: usize, state: State) -> Option<Spot> {
    let place = match state {
        State::Lost => 0,
        State::Deleted => 1,
        State::Held => 2,
        State::Struck => 3,
        State::Gone => 4,
    };
    Spot::try_from(node * SPOTS + place).ok()
}

/// How many spots a node has.
pub(super) const SPOTS: usize = 5;

impl Elsewhere {
    /// What a spot may bring down.
    pub fn reach(&self, spot: Spot) -> &Reach {
        &self.reaches[self.of_spot[spot as usize] as usize]
    }

    /// The number of that: of two spots with one number it is the same.
    pub fn number(&self, spot: Spot) -> u32 {
        self.of_spot[spot as usize]
    }

    pub fn hub(&self, hub: Hub) -> Option<Spot> {
        self.hubs.get(&hub).copied()
    }

    /// What may happen to what nobody saw, and reaches anything.
    pub fn unseen(&self) -> &[(Hub, Spot)] {
        &self.unseen
    }

    fn known(&self, question: Question) -> Option<bool> {
        self.searched.lock().ok()?.get(&question).copied()
    }

    fn keep(&self, question: Question, found: bool) {
        if let Ok(mut searched) = self.searched.lock() {
            searched.insert(question, found);
        }
    }

    fn leads(&self, spot: Spot) -> &[Spot] {
        &self.leads[self.starts[spot as usize] as usize..self.starts[spot as usize + 1] as usize]
    }
}

impl Graph {
    /// Works out what everything may bring down.
    pub(super) fn look_elsewhere(&mut self) {
        self.elsewhere.acts = self.find_acts();
        let (hubs, links) = links(self);
        let spots = self.nodes.len() * SPOTS + hubs.len();
        let (starts, leads) = index(spots, links.iter().copied());
        let (ends, from) = index(spots, links.iter().map(|(from, to)| (*to, *from)));
        drop(links);
        let of = |hub: Hub| hubs.get(&hub).copied();
        let through = Through {
            kept: [Hub::KeptAnywhere, Hub::KeptByAny].map(of),
            emptied: [Hub::EmptiedAnywhere, Hub::EmptiedAny].map(of),
            kin: of(Hub::Kin),
            loose_holds: self.loose.iter().any(|loose| Role::Holds.fits(self.nodes[*loose].kind)),
        };
        let found = self.find_reaches(spots, &through, |spot: Spot| {
            &from[ends[spot as usize] as usize..ends[spot as usize + 1] as usize]
        });
        let (of_spot, reaches) = intern(found);
        let unseen = hubs.iter().map(|(hub, spot)| (*hub, *spot)).filter(|(hub, _)| hub.is_unseen());
        let unseen = unseen.filter(|(_, spot)| of_spot[*spot as usize] != 0).collect();
        let acts = std::mem::take(&mut self.elsewhere.acts);
        let leads_on = |node: usize, state| spot(node, state).is_some_and(|spot| of_spot[spot as usize] != 0);
        let mut told: BTreeMap<Known, Vec<u32>> = BTreeMap::new();
        for node in 0..self.nodes.len() {
            for (class, _, grounds) in self.own_acts(node).filter(|(_, state, _)| leads_on(node, *state)) {
                let few = acts.all_of(class).filter(|known| self.is_part(Known { class, grounds }, *known));
                for known in few {
                    let nodes = told.entry(known).or_default();
                    nodes.extend(u32::try_from(node).ok().filter(|_| nodes.len() < TOLD));
                }
            }
        }
        let (searched, resting) = (Arc::default(), Arc::default());
        self.elsewhere =
            Elsewhere { hubs, unseen, starts, leads, of_spot, reaches, acts, told, searched, resting };
    }

    /// Whether a virtual disk or server may stand on it.
    pub(super) fn is_kin(&self, node: usize) -> bool {
        let aspect = self.aspect(node);
        match self.nodes[node].kind {
            None | Some(AssetKind::Server | AssetKind::Host) => true,
            Some(AssetKind::Device) => aspect.openness != Openness::Closed,
            Some(_) => false,
        }
    }

    /// Whether a spot may bring about something that fits what a node asks for, however far on. A fleet asks the same of
    /// a shared provider once a volume: the answer is kept.
    pub(super) fn leads_to(&self, question: Question, fits: impl Fn(Target, usize, bool) -> bool) -> bool {
        let (spot, asking, _) = question;
        if let Some(known) = self.elsewhere.known(question) {
            return known;
        }
        let assets = self.nodes.len() * SPOTS;
        let mut seen: HashSet<Spot, Numbered> = HashSet::default();
        let mut waiting = vec![spot];
        let mut found = false;
        let resting = self.resting(asking);
        while let Some(at) = waiting.pop().filter(|_| !found) {
            for next in self.elsewhere.leads(at).iter().filter(|next| seen.insert(**next)) {
                let node = *next as usize / SPOTS;
                let is_it =
                    |(at, target): (Spot, Target)| at == *next && fits(target, node, resting.contains(&node));
                found |= (*next as usize) < assets && self.targets(node).into_iter().any(is_it);
                waiting.push(*next);
            }
        }
        self.elsewhere.keep(question, found);
        found
    }

    /// Whether a node rests on another one through known storage and need, or is it.
    pub(super) fn rests_on(&self, node: usize, below: usize) -> bool {
        let (mut waiting, mut seen) = (vec![node], HashSet::<usize, Numbered>::default());
        while let Some(at) = waiting.pop() {
            if at == below {
                return true;
            }
            let down = |edge: &&Edge| matches!(edge.nature, Nature::StoredOn | Nature::Needs);
            waiting
                .extend(self.own(at).filter(down).flat_map(|edge| &edge.on).filter(|on| seen.insert(**on)));
        }
        false
    }

    /// All that rests on a node, and itself.
    pub(super) fn all_resting(&self, node: usize) -> HashSet<usize, Numbered> {
        let (mut waiting, mut all) = (vec![node], Resting::default());
        while let Some(at) = waiting.pop() {
            if all.insert(at) {
                waiting.extend(self.borne(at));
            }
        }
        all
    }

    /// The same, found once where it is needed.
    fn resting(&self, node: usize) -> Arc<Resting> {
        if let Some(known) = self.elsewhere.resting.lock().ok().and_then(|all| all.get(&node).cloned()) {
            return known;
        }
        let all = Arc::new(self.all_resting(node));
        if let Ok(mut known) = self.elsewhere.resting.lock() {
            known.insert(node, all.clone());
        }
        all
    }
}

/// Per first of the pairs, where its seconds begin; and the seconds.
fn index(count: usize, pairs: impl Iterator<Item = (Spot, Spot)> + Clone) -> (Vec<u32>, Vec<Spot>) {
    let mut starts = vec![0_u32; count + 1];
    pairs.clone().for_each(|(first, _)| starts[first as usize + 1] += 1);
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let (mut next, mut seconds) = (starts.clone(), vec![0; starts[count] as usize]);
    for (first, second) in pairs {
        seconds[next[first as usize] as usize] = second;
        next[first as usize] += 1;
    }
    (starts, seconds)
}
