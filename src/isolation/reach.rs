//! What each thing that can happen in an estate may bring down that a slice may ask for: see `elsewhere.rs`.

use super::aspects::Numbered;
use super::beyond::Grounds;
use super::elsewhere::{Ask, Spot, spot};
use super::graph::Graph;
use super::slice::is_closed;
use super::system::State;
use crate::domain::HazardClass;
use std::collections::{BTreeMap, HashMap};

/// What of a reach a member may care about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    /// Something beyond machines is lost, of this class and on such grounds.
    Wide(HazardClass, Grounds),
    /// A machine is struck, or a part of one.
    Seat,
    /// Something is lost that a virtual disk or server may stand on.
    Kin,
    /// Something is deleted.
    Deleted,
    /// An account or the like is closed.
    Closed,
    /// Something is lost that an open server keeps.
    Kept(u32),
    /// The same of one of which it is not known.
    KeptAnywhere,
    /// Something is deleted that lies on what an open server keeps.
    Emptied(u32),
    /// The same of one of which it is not known.
    EmptiedAnywhere,
    /// Somebody holds something that places may be within.
    Holds,
}

/// How many of one target are told one by one.
pub(super) const TOLD: usize = 8;

/// What something may bring down: of each target a few, in order; of what a server keeps, the server itself where all of it
/// goes.
pub(super) type Reach = Vec<(Target, u32)>;

/// The hubs that stand for all that servers keep, or may.
#[derive(Debug)]
pub(super) struct Through {
    pub kept: [Option<Spot>; 2],
    pub emptied: [Option<Spot>; 2],
    pub kin: Option<Spot>,
    /// Whether others may lie in any of what any server may keep: else that it is lost tells nothing of what servers keep.
    pub loose_holds: bool,
}

/// A reach that grows.
#[derive(Debug, Clone, Default)]
struct Gathered {
    reach: Reach,
    /// Of a long one: which of each target there are.
    known: Option<BTreeMap<Target, Vec<u32>>>,
}

impl Gathered {
    /// Takes one more; false where it is there, or enough of its target are.
    fn take(&mut self, (target, node): (Target, u32)) -> bool {
        const SHORT: usize = 64;
        if self.reach.len() == SHORT && self.known.is_none() {
            let mut known = BTreeMap::<Target, Vec<u32>>::new();
            self.reach.iter().for_each(|(target, node)| known.entry(*target).or_default().push(*node));
            self.known = Some(known);
        }
        let is_new = match &mut self.known {
            Some(known) => {
                let told = known.entry(target).or_default();
                let is_new = told.len() < TOLD && !told.contains(&node);
                told.extend(Some(node).filter(|_| is_new));
                is_new
            }
            None => {
                let told = || self.reach.iter().filter(|(of, _)| *of == target);
                told().count() < TOLD && told().all(|(_, of)| *of != node)
            }
        };
        self.reach.extend(Some((target, node)).filter(|_| is_new));
        is_new
    }
}

/// The part of a reach, which is in order, that may answer what is asked.
pub(super) fn part(reach: &Reach, ask: Ask) -> [&[(Target, u32)]; 2] {
    let from = |target: Target| reach.partition_point(|(of, _)| *of < target);
    let kept = |server: usize| u32::try_from(server).unwrap_or(u32::MAX);
    let of = |target: Target| {
        let start = from(target);
        &reach[start..start + reach[start..].partition_point(|(of, _)| *of == target)]
    };
    let between = |one: Target, end: Target| &reach[from(one)..from(end)];
    let (anywhere, emptied) = (Target::KeptAnywhere, Target::Emptied(0));
    match ask {
        Ask::Beneath | Ask::Deleted => [of(Target::Deleted), &[]],
        Ask::Closed => [of(Target::Closed), &[]],
        Ask::Within => [of(Target::Holds), &[]],
        Ask::Seat(_) => [of(Target::Seat), &[]],
        Ask::Lies(..) => [&reach[..from(Target::Seat)], &[]],
        Ask::Stands => [&reach[..from(Target::Kept(0))], &[]],
        Ask::Kept(server) => [of(Target::Kept(kept(server))), between(anywhere, emptied)],
        Ask::KeptAnywhere => [between(Target::Kept(0), emptied), &[]],
        Ask::Emptied(server) => [of(Target::Emptied(kept(server))), &reach[from(Target::EmptiedAnywhere)..]],
        Ask::EmptiedAnywhere => [&reach[from(emptied)..], &[]],
    }
}

impl Graph {
    /// Per spot what it may bring down: each target is handed back to whatever leads to it.
    pub(super) fn find_reaches<'l>(
        &self,
        spots: usize,
        through: &Through,
        before: impl Fn(Spot) -> &'l [Spot],
    ) -> Vec<Reach> {
        let mut found = vec![Gathered::default(); spots];
        let mut waiting: Vec<(Spot, (Target, u32))> = Vec::new();
        for node in (0..self.nodes.len()).filter(|node| !self.nodes[*node].is_point) {
            for (at, target) in self.targets(node) {
                waiting.push((at, (target, u32::try_from(node).unwrap_or(u32::MAX))));
            }
        }
        while let Some((at, one)) = waiting.pop() {
            for earlier in before(at) {
                let one = of_whole_server(one, *earlier);
                if !self.is_implied(one.0, *earlier, through) && found[*earlier as usize].take(one) {
                    waiting.push((*earlier, one));
                }
            }
        }
        found.into_iter().map(|gathered| gathered.reach).collect()
    }

    /// Whether a target, handed back through a hub, is told by that hub: through what any server may keep each of them loses all
    /// its shares, and through what an unseen medium may be each that may lie on one. To list these would cost the square of
    /// the servers.
    fn is_implied(&self, target: Target, at: Spot, through: &Through) -> bool {
        let of = |[anywhere, by_any]: &[Option<Spot>; 2]| {
            *anywhere == Some(at) || through.loose_holds && *by_any == Some(at)
        };
        match target {
            Target::Kept(server) => {
                let medium = through.kin == Some(at) && self.may_lie_on_medium(server as usize);
                of(&through.kept) || of(&through.emptied) || medium
            }
            Target::Emptied(_) => of(&through.emptied),
            _ => false,
        }
    }

    /// Of servers of which a reach tells that they lose all their shares, and of what any may keep: whether one share fits. None
    /// where it tells nothing of the kind.
    pub(super) fn of_all_shares(
        &self,
        reach: &Reach,
        ask: Ask,
        fits: impl Fn(usize) -> bool,
    ) -> Option<bool> {
        let has = |target: Target| {
            let at = reach.partition_point(|(of, _)| *of < target);
            reach.get(at).is_some_and(|(of, _)| *of == target)
        };
        let (anywhere, kin) = match ask {
            Ask::Kept(_) | Ask::KeptAnywhere => (has(Target::KeptAnywhere), has(Target::Kin)),
            Ask::Emptied(_) | Ask::EmptiedAnywhere => (has(Target::EmptiedAnywhere), false),
            _ => (false, false),
        };
        if !anywhere && !kin {
            return None;
        }
        let shares = |server: usize| {
            let mut shares = self.bears(server).filter(|share| !self.nodes[*share].is_point);
            (anywhere || self.may_lie_on_medium(server)) && shares.any(&fits)
        };
        let found = match ask {
            Ask::Kept(server) | Ask::Emptied(server) => shares(server),
            _ => self.open_servers.iter().any(|server| shares(*server)),
        };
        Some(found || anywhere && self.loose.iter().any(|share| fits(*share)))
            .filter(|found| *found || anywhere)
    }

    /// What it is to others that something happens to a node.
    pub(super) fn targets(&self, node: usize) -> Vec<(Spot, Target)> {
        let kind = self.nodes[node].kind;
        let mut targets = Vec::new();
        if let Some(lost) = spot(node, State::Lost) {
            let class = self.aspect(node).class.filter(|class| class.is_wide());
            targets.extend(class.map(|class| (lost, Target::Wide(class, self.grounds_of(node, class)))));
            targets.extend(self.is_kin(node).then_some((lost, Target::Kin)));
        }
        let held = spot(node, State::Held).filter(|_| self.holds_places(node));
        targets.extend(held.map(|held| (held, Target::Holds)));
        let struck = spot(node, State::Struck).filter(|_| self.seat(node).is_some());
        targets.extend(struck.map(|struck| (struck, Target::Seat)));
        if let Some(deleted) = spot(node, State::Deleted) {
            targets.push((deleted, Target::Deleted));
            targets.extend(kind.is_some_and(is_closed).then_some((deleted, Target::Closed)));
        }
        let of_shares = self.targets_of_shares(node).into_iter();
        targets.extend(of_shares.filter_map(|(state, target)| Some((spot(node, state)?, target))));
        targets
    }
}

/// What is lost with the server that keeps it is told by that server, for all of its shares: where many servers go down
/// together, to tell a few shares of each would cost the square of the servers.
fn of_whole_server((target, node): (Target, u32), at: Spot) -> (Target, u32) {
    match target {
        Target::Kept(server) if spot(server as usize, State::Lost) == Some(at) => (target, server),
        _ => (target, node),
    }
}

/// Equal reaches once, the empty one first; and per spot which is its own.
pub(super) fn intern(found: Vec<Reach>) -> (Vec<u32>, Vec<Reach>) {
    let mut known: HashMap<Reach, u32, Numbered> = HashMap::default();
    known.insert(Reach::new(), 0);
    let mut of_spot = Vec::with_capacity(found.len());
    for mut reach in found {
        reach.sort_unstable();
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        of_spot.push(*known.entry(reach).or_insert(next));
    }
    let mut reaches: Vec<(Reach, u32)> = known.into_iter().collect();
    reaches.sort_unstable_by_key(|(_, place)| *place);
    (of_spot, reaches.into_iter().map(|(reach, _)| reach).collect())
}
