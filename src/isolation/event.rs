//! The basic events that bear on one volume: hazards of what is known, and the loss of what nobody saw.

use super::acts::Known;
use super::aspects::Classes;
use super::slice::Slice;
use super::system::{State, Variable, variable};
use super::unseen::Openness;
use super::what_if::hazard_title;
use crate::domain::{AssetKind, Hazard, HazardClass, Nature, Volume};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// What can happen to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// A hazard of an asset: its member, and in which state it strikes.
    Strikes(usize, State),
    /// The volume's data has gone bad.
    BadData,
    /// Something unseen below this member is lost, of one of these classes of what lies within machines.
    Unseen(usize, Classes),
    /// Something of a class that nobody declared below this member is lost.
    Undeclared(usize, HazardClass),
    /// What nobody saw or declared below this member, of a class where one is given, falls into hostile hands.
    Taken(usize, Option<HazardClass>),
    /// Something that nobody named is lost, of one of these classes, and with it what needs it, or may be stored on what does.
    UnseenNeed(Classes),
    /// An account nobody named is closed, and with it goes what is locked and may go with anything.
    UnseenClosing,
    /// Somebody nobody named acts: whoever may delete or obtain what it is not known who may, or delete what takes
    /// along what may go with anything.
    UnseenHands,
    /// The same, of which here only is known what somebody elsewhere may take along.
    HandsElsewhere,
    /// Something known is lost, deleted or in hostile hands, to which nothing ties the volume that is known.
    Elsewhere(Known),
}

/// A basic event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub happening: Happening,
    /// The hazard, where it is one of something known.
    pub hazard: Option<Hazard>,
    pub classes: BTreeSet<HazardClass>,
    /// In words.
    pub title: String,
}

/// What strikes together: the seeds of both closures.
#[derive(Debug, Clone, Default)]
pub(super) struct Seeds {
    pub certain: Vec<Variable>,
    pub possible: Vec<Variable>,
    /// Whether the volume's data has gone bad.
    pub bad_data: bool,
}

impl Slice<'_> {
    /// The seeds of an event.
    pub fn seeds(&self, happening: Happening) -> Seeds {
        let mut seeds = Seeds::default();
        match happening {
            Happening::BadData => seeds.bad_data = true,
            Happening::Strikes(member, state) => {
                seeds.certain.push(variable(member, state));
                // What is in hostile hands is not gone, unless whoever has it can end it: that follows.
                if state != State::Held {
                    seeds.certain.push(variable(member, State::Struck));
                }
                let node = self.members[member].node;
                let gone = variable(member, State::Gone);
                match self.graph.nodes[node].kind {
                    // What was never seen may be an account: to delete it, or to have it in hand, is to close that.
                    None => seeds.possible.push(gone),
                    Some(_) if state == State::Lost && !self.graph.is_place(node) => seeds.certain.push(gone),
                    Some(_) => {}
                }
            }
            // That there is something below is known; what else it is below, is not.
            Happening::Unseen(member, classes) => {
                seeds.possible = self.unseen_below(member, None);
                seeds.possible.extend(self.elsewhere_of(classes));
                // It was struck, and of what it is below nobody knows anything.
                seeds.possible.extend(self.doubted.iter().flatten().map(|of| of.beneath));
            }
            Happening::Undeclared(member, class) => {
                seeds.possible = self.unseen_below(member, Some(class));
                seeds.possible.extend(self.elsewhere_unseen(member, Some(class), false));
                if matches!(class, HazardClass::Account | HazardClass::Provider) {
                    seeds.possible.extend(self.closed_unseen());
                }
            }
            Happening::Taken(member, class) => {
                seeds.possible = self.unseen_below(member, class);
                seeds.possible.extend(self.elsewhere_unseen(member, class, true));
                seeds.possible.extend(self.closed_unseen());
                // Whoever does that holds something, as whoever takes over a host or an account that is known.
                seeds.possible.push(self.anything(State::Held));
                seeds.possible.extend(self.elsewhere_hands());
            }
            Happening::UnseenNeed(classes) => {
                // What it is stored on unseen may need it.
                let is_open = |member: &usize| {
                    self.graph.aspect(self.members[*member].node).openness != Openness::Closed
                };
                let open = (0..self.members.len()).filter(is_open);
                seeds.possible = open.map(|member| variable(member, State::Lost)).collect();
                seeds.possible.push(self.elsewhere_needs());
                seeds.possible.extend(self.elsewhere_of(classes));
            }
            Happening::UnseenClosing => seeds.possible = self.closed_unseen(),
            Happening::Elsewhere(known) => {
                let acts = self.elsewhere_acts().filter(|(of, _)| *of == known);
                seeds.possible = acts.map(|(_, stands_for_it)| stands_for_it).collect();
            }
            Happening::UnseenHands | Happening::HandsElsewhere => seeds.possible = self.in_unseen_hands(),
        }
        seeds.possible.extend(seeds.certain.clone());
        seeds
    }

    /// What somebody whom nobody named may do at first.
    fn in_unseen_hands(&self) -> Vec<Variable> {
        let mut possible = Vec::new();
        for member in 0..self.members.len() {
            if self.open_hands(member).or_else(|| self.open_cascade(member)).is_some() {
                possible.push(variable(member, State::Deleted));
            }
            if self.open_yield(member).is_some() {
                possible.push(variable(member, State::Held));
            }
            if self.acts_unnamed(member).is_some() {
                possible.push(variable(member, State::Gone));
            }
        }
        // As whoever holds anything at all, elsewhere too: who closes an account may be one of them.
        possible.push(self.anything(State::Held));
        possible.extend(self.closed_unseen());
        possible.extend(self.elsewhere_hands());
        possible
    }

    /// A member that goes with the closing of an account that nobody saw, and what is not known of it.
    pub(super) fn locked_and_open(&self) -> Option<(usize, String)> {
        let member = (0..self.members.len()).find(|member| self.goes_with_closing(*member))?;
        let title = self.graph.nodes[self.members[member].node].missing(Nature::CascadesFrom)?;
        Some((member, format!("{title}, and the closing of an account ends its lock")))
    }

    /// An account that nobody saw is closed, by itself or with its provider: something is deleted, and struck, and no lock
    /// keeps it off.
    pub(super) fn closed_unseen(&self) -> Vec<Variable> {
        let locked = (0..self.members.len()).filter(|member| self.goes_with_closing(*member));
        let locked = locked.map(|member| variable(member, State::Deleted));
        locked.chain([State::Deleted, State::Struck].map(|state| self.anything(state))).collect()
    }

    pub(super) fn is_open(&self, member: usize, nature: Nature) -> bool {
        self.graph.nodes[self.members[member].node].open.contains(nature)
    }

    fn unseen_below(&self, root: usize, class: Option<HazardClass>) -> Vec<Variable> {
        let (graph, below) = (self.graph, &self.members[root]);
        let is_open = graph.aspect(below.node).openness != Openness::Closed;
        let is_within = class.is_none() || class == Some(HazardClass::Host) && is_open;
        let mut seeds = vec![variable(root, State::Lost)];
        for (member, other) in self.members.iter().enumerate() {
            let shares = match graph.aspect(other.node).openness {
                Openness::Anything | Openness::Medium => true,
                // It may be a machine, and of what is open nobody knows that it is apart from where a point may be.
                _ if is_within && graph.unseated(other.node).is_some() => true,
                Openness::Wide | Openness::Closed => class.is_some_and(|class| {
                    graph.may_share(below.standing, (other.node, other.standing), class)
                }),
            };
            if shares && member != root {
                seeds.push(variable(member, State::Lost));
            }
        }
        seeds
    }

    /// The hazards of everything in the slice: deletion of the primary first, then losses from the top of its chain
    /// to the bottom, then everything else by class and name.
    pub fn hazards(&self, volume: &Volume, detect_within: TimeDelta) -> Vec<Event> {
        let graph = self.graph;
        let mut events = Vec::new();
        let Some(top) = self.top else { return events };
        let chain: Vec<usize> = graph.chain_nodes(self.members[top].node);
        let in_chain = chain.iter().filter_map(|node| self.member_of(*node));
        let mut rest: Vec<usize> = (0..self.known).filter(|member| !self.is_point(*member)).collect();
        rest.retain(|member| !chain.contains(&self.members[*member].node));
        rest.sort_by_key(|member| {
            let node = &graph.nodes[self.members[*member].node];
            (node.kind.and_then(HazardClass::of_loss), node.label.clone())
        });
        events.push(self.deletion_of(top, format!("deletion of {}", volume.name)));
        for member in in_chain.chain(rest) {
            self.hazards_of(member, &mut events);
        }
        let title = format!("bad data, unnoticed for {}", crate::domain::say_duration(detect_within));
        events.push(Event {
            happening: Happening::BadData,
            hazard: Some(Hazard::BadData(volume.asset.clone())),
            classes: [HazardClass::BadData].into(),
            title,
        });
        events
    }

    fn deletion_of(&self, member: usize, title: String) -> Event {
        let asset = self.graph.asset_of(self.members[member].node).cloned();
        Event {
            happening: Happening::Strikes(member, State::Deleted),
            hazard: asset.map(Hazard::Deleted),
            classes: [HazardClass::PrimaryDeletion].into(),
            title,
        }
    }

    /// The hazards of one asset: its loss, and whoever holds it.
    fn hazards_of(&self, member: usize, events: &mut Vec<Event>) {
        let node = &self.graph.nodes[self.members[member].node];
        let Some(asset) = self.graph.asset_of(self.members[member].node).cloned() else { return };
        let Some(kind) = node.kind else { return };
        let (loss, hands) = (loss_class(kind), hands_class(kind));
        if let Some(class) = loss {
            events.push(Event {
                happening: Happening::Strikes(member, State::Lost),
                hazard: Some(Hazard::Lost(asset.clone())),
                classes: [class].into(),
                title: format!("loss of {}", node.label),
            });
        }
        if let Some(class) = hands {
            let hazard = Hazard::Compromised(asset);
            events.push(Event {
                happening: Happening::Strikes(member, State::Held),
                title: hazard_title(self.graph, &hazard),
                hazard: Some(hazard),
                classes: [class].into(),
            });
        }
        if is_deleted_by_itself(kind) && self.top != Some(member) {
            events.push(self.deletion_of(member, format!("deletion of {}", node.label)));
        }
    }
}

/// The class of losing an asset of a kind; credentials and identities are misused, not lost.
pub(super) fn loss_class(kind: AssetKind) -> Option<HazardClass> {
    match kind {
        AssetKind::Credential | AssetKind::Identity => None,
        kind => HazardClass::of_loss(kind),
    }
}

/// Kinds of which the deletion is a hazard by itself.
pub(super) fn is_deleted_by_itself(kind: AssetKind) -> bool {
    matches!(kind, AssetKind::Bucket | AssetKind::Volume)
}

/// The class of somebody hostile holding an asset of a kind.
pub(super) fn hands_class(kind: AssetKind) -> Option<HazardClass> {
    match kind {
        AssetKind::Host | AssetKind::Server | AssetKind::Network => Some(HazardClass::HostCompromise),
        AssetKind::Credential => Some(HazardClass::Credential),
        // Whoever takes over an account does so as one of those who may act for it.
        AssetKind::Identity | AssetKind::Project | AssetKind::Account | AssetKind::Organisation => {
            Some(HazardClass::Identity)
        }
        _ => None,
    }
}
