//! What happens to what is known elsewhere in an estate, where nothing that is known ties it to a volume: one event for each
//! class of hazard, and of what lies beyond machines for each set of providers. Whoever holds something there counts with
//! whoever nobody named.

use super::aspects::Classes;
use super::beyond::Grounds;
use super::elsewhere::Hub;
use super::event::{Event, Happening, hands_class, is_deleted_by_itself, loss_class};
use super::graph::Graph;
use super::slice::{Member, Slice};
use super::system::{Fallen, State, Variable};
use super::unseen::Openness;
use crate::domain::HazardClass;
use std::collections::{BTreeMap, BTreeSet};

/// The classes of somebody hostile holding something.
pub(super) const HANDS: [HazardClass; 3] =
    [HazardClass::Credential, HazardClass::Identity, HazardClass::HostCompromise];

/// The classes of losing what something needs.
pub(super) const NEEDED: [HazardClass; 2] = [HazardClass::Key, HazardClass::Catalogue];

/// The classes of losing anything.
const LOST: [HazardClass; 11] = [
    HazardClass::File,
    HazardClass::Filesystem,
    HazardClass::Device,
    HazardClass::Host,
    HazardClass::Site,
    HazardClass::Region,
    HazardClass::Account,
    HazardClass::Provider,
    HazardClass::Network,
    HazardClass::Key,
    HazardClass::Catalogue,
];

/// What may happen to a node: the class of that, the state it leaves, and on which grounds.
type Act = (HazardClass, State, Grounds);

/// What happens as one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    pub class: HazardClass,
    pub grounds: Grounds,
}

impl Known {
    /// Whether what happens is a loss of what something may stand on, and not that somebody may delete it.
    pub fn is_loss(self) -> bool {
        self.class != HazardClass::PrimaryDeletion && !HANDS.contains(&self.class)
    }
}

/// The events there are, each with how many nodes it strikes.
#[derive(Debug, Clone, Default)]
pub(super) struct Acts(BTreeMap<Known, usize>);

impl Acts {
    pub fn all(&self) -> impl Iterator<Item = Known> {
        self.0.keys().copied()
    }

    pub fn all_of(&self, class: HazardClass) -> impl Iterator<Item = Known> {
        let from = Known { class, grounds: Grounds::NONE };
        self.0.range(from..).map(|(known, _)| *known).take_while(move |known| known.class == class)
    }

    fn count(&self, known: Known) -> usize {
        self.0.get(&known).copied().unwrap_or_default()
    }
}

impl Graph {
    /// The classes of what may be lost below a node without anybody having seen it. What was named and never seen may
    /// itself be anything.
    pub(super) fn may_hide(&self, node: usize) -> Classes {
        let aspect = self.aspect(node);
        let needs = aspect.openness != Openness::Closed;
        let needed: Classes = NEEDED.into_iter().filter(|_| needs).collect();
        let all = match self.nodes[node].kind {
            None => LOST.into_iter().collect(),
            Some(_) => aspect.hidden.and(aspect.lacking).and(needed),
        };
        if self.nodes[node].is_point { Classes::default() } else { all }
    }

    /// What may happen to a node itself.
    pub(super) fn own_acts(&self, node: usize) -> impl Iterator<Item = Act> {
        let kind = self.nodes[node].kind;
        let grounds =
            move |class: HazardClass| if class.is_wide() { self.grounds(node) } else { Grounds::NONE };
        let lost = kind.and_then(loss_class).map(|class| (class, State::Lost, grounds(class)));
        let held = kind.and_then(hands_class).map(|class| (class, State::Held, Grounds::NONE));
        let deleted = kind.is_none_or(is_deleted_by_itself);
        let deleted = deleted.then_some((HazardClass::PrimaryDeletion, State::Deleted, Grounds::NONE));
        lost.into_iter().chain(held).chain(deleted).filter(move |_| !self.nodes[node].is_point)
    }

    /// What may happen to a node, or to what nobody saw below it.
    fn acts(&self, node: usize) -> impl Iterator<Item = Act> {
        let unseen = self.may_hide(node).iter();
        let unseen = unseen.map(move |class| (class, State::Lost, self.grounds_of(node, class)));
        self.own_acts(node).chain(unseen)
    }

    /// Each event once: what is on no grounds that are known may be on any.
    pub(super) fn find_acts(&self) -> Acts {
        let nodes = || 0..self.nodes.len();
        let mut all: BTreeSet<Known> = BTreeSet::new();
        for (class, _, grounds) in nodes().flat_map(|node| self.acts(node)) {
            all.insert(Known { class, grounds });
        }
        let one = |known: &Known| {
            let other = |of: &&Known| of.class == known.class && of.grounds != Grounds::NONE;
            known.grounds != Grounds::NONE || !all.iter().any(|of| other(&of))
        };
        let mut acts: BTreeMap<Known, usize> =
            all.iter().filter(|known| one(known)).map(|known| (*known, 0)).collect();
        for node in nodes() {
            let classes: BTreeSet<HazardClass> = self.acts(node).map(|(class, ..)| class).collect();
            for class in classes {
                let from = Known { class, grounds: Grounds::NONE };
                for (known, count) in acts.range_mut(from..).take_while(|(known, _)| known.class == class) {
                    *count += usize::from(self.strikes(*known, node));
                }
            }
        }
        Acts(acts)
    }

    /// Whether what is on just some grounds may be what an event strikes.
    pub(super) fn is_part(&self, act: Known, of: Known) -> bool {
        act.class == of.class && !self.are_apart(HazardClass::Account, act.grounds, of.grounds)
    }

    /// Whether an event is one of what nobody saw below a node.
    fn hides(&self, known: Known, node: usize) -> bool {
        let grounds = self.grounds_of(node, known.class);
        self.may_hide(node).contains(known.class) && self.is_part(Known { grounds, ..known }, known)
    }

    /// Whether an event is one of a node.
    fn strikes(&self, known: Known, node: usize) -> bool {
        self.acts(node).any(|(class, _, grounds)| self.is_part(Known { class, grounds }, known))
    }
}

/// An event elsewhere that may take something here along.
struct Touching {
    known: Known,
    /// What falls first, and what is not known of it.
    member: usize,
    why: String,
    falls: BTreeSet<Variable>,
}

impl Slice<'_> {
    /// What happens to something known elsewhere, of these classes, and may reach something here; but for what one of the
    /// events of the unseen that there are does as well.
    pub(super) fn elsewhere(
        &self,
        asked: &BTreeSet<HazardClass>,
        others: &[(Event, usize)],
    ) -> Vec<(Event, usize)> {
        let known = self.elsewhere_acts().filter(|(known, _)| asked.contains(&known.class));
        let mut touching: Vec<Touching> = known.filter_map(|(known, by)| self.touching(known, by)).collect();
        for (event, _) in others.iter().filter(|(event, _)| event.hazard.is_none()) {
            if touching.iter().any(|one| event.classes.contains(&one.known.class)) {
                let falls = self.falls(&self.system.run(&self.seeds(event.happening).possible, true));
                touching
                    .retain(|one| !event.classes.contains(&one.known.class) || !one.falls.is_subset(&falls));
            }
        }
        let least = |(place, one): &(usize, &Touching)| {
            // One of which another one does all is none besides; of equal ones the first counts.
            !touching.iter().enumerate().any(|(other, than)| {
                let same_class = than.known.class == one.known.class && other != *place;
                let equal = than.falls.len() == one.falls.len();
                same_class && one.falls.is_subset(&than.falls) && (!equal || other < *place)
            })
        };
        let kept: Vec<&Touching> = touching.iter().enumerate().filter(least).map(|(_, one)| one).collect();
        let alone = |one: &Touching| kept.iter().filter(|of| of.known.class == one.known.class).count() == 1;
        let event = |one: &&Touching| {
            let title = self.in_words(one, alone(one));
            let (happening, classes) = (Happening::Elsewhere(one.known), [one.known.class].into());
            (Event { happening, hazard: None, classes, title }, one.member)
        };
        kept.iter().map(event).collect()
    }

    /// What an event elsewhere does here, where it does anything.
    fn touching(&self, known: Known, by: Variable) -> Option<Touching> {
        let fallen = self.system.run(&[by], true);
        let (member, why) = self.first_touched(&fallen)?;
        if self.is_all_here(known) {
            return None;
        }
        let falls = self.falls(&fallen);
        Some(Touching { known, member, why, falls })
    }

    /// Whether an event strikes nothing that is not in the slice.
    fn is_all_here(&self, known: Known) -> bool {
        // What is not seen below what only acts is no event of its own: it counts as elsewhere.
        let is_here = |member: &&Member<'_>| {
            let graph = self.graph;
            graph.strikes(known, member.node) && (member.bears || !graph.hides(known, member.node))
        };
        let here = self.members[..self.known].iter().filter(is_here).count();
        here >= self.graph.elsewhere.acts.count(known)
    }

    /// What fell here.
    fn falls(&self, fallen: &Fallen) -> BTreeSet<Variable> {
        let falls = fallen.in_order().map(|(variable, _)| variable);
        falls.filter(|variable| self.owner(*variable).is_some()).collect()
    }

    fn in_words(&self, one: &Touching, alone: bool) -> String {
        let graph = self.graph;
        let told = graph.elsewhere.told.get(&one.known).into_iter().flatten().copied();
        let mut told = told.filter(|node| self.member_of(*node as usize).is_none());
        let label = told.find(|node| self.may_reach(*node as usize, one.known, one.member));
        let what = label.map_or("something elsewhere", |node| &graph.nodes[node as usize].label);
        match graph.grounds_in_words(one.known.grounds).filter(|_| !alone) {
            Some(on) => format!("{}; {what}, on {on}, may take that along", one.why),
            None => format!("{}; {what} may take that along", one.why),
        }
    }

    /// What may be taken along by whoever holds what is known, of the classes asked for, or what nobody named; told by one
    /// elsewhere, where one is enough.
    pub(super) fn touched_by_hands(&self, asked: &BTreeSet<HazardClass>) -> Option<(usize, String)> {
        let known = || self.elsewhere_acts().filter(|(known, _)| asked.contains(&known.class));
        let told = || known().find_map(|(known, by)| self.touching(known, by));
        let told = told().map(|one| (one.member, self.in_words(&one, true)));
        told.or_else(|| {
            // What is all here may be elsewhere as far as others know: that a point is another volume's takes it out of here.
            let held = known().map(|(_, by)| by).chain([self.anything(State::Held)]);
            // Where anything at all is in hands that nobody named, these may close an account that nobody saw.
            let unnamed = self.graph.elsewhere.hub(Hub::Held).is_some();
            let closed = unnamed.then(|| self.closed_unseen());
            self.touched_by(&held.chain(closed.into_iter().flatten()).collect::<Vec<_>>())
        })
    }

    /// That whoever was not named is one who is known elsewhere.
    pub(super) fn elsewhere_hands(&self) -> impl Iterator<Item = Variable> {
        self.elsewhere_of(HANDS.into_iter().collect())
    }

    /// That what was not seen is something known elsewhere, of these classes.
    pub(super) fn elsewhere_of(&self, classes: Classes) -> impl Iterator<Item = Variable> {
        let of = self.elsewhere_acts().filter(move |(known, _)| classes.contains(known.class));
        of.map(|(_, variable)| variable)
    }

    /// What happens to what is known elsewhere, each with what stands for it.
    pub(super) fn elsewhere_acts(&self) -> impl Iterator<Item = (Known, Variable)> {
        self.unseen.iter().filter_map(|(hub, stands_for_it)| match hub {
            Hub::Known(known) => Some((*known, *stands_for_it)),
            _ => None,
        })
    }
}
