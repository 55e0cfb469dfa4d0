//! What may stand on something that nobody saw.
//!
//! A node whose storage or needs are not completely known may fall under any hazard. Two exclusions keep
//! that from drowning every answer; what the second one frees too much is doubted apart, see 3:
//!
//! 1. Nothing stands on itself, be it through storage or need: an estate file that says so is refused. So a
//!    struck asset that rests on the node (through known bonds) cannot be below it, nor can anything that
//!    stands on the struck asset. Deaths by a cascade of deletions need no storage, so each of them counts as
//!    struck in its own right. What is between may be unseen too: a virtual disk or server, and what lies
//!    beyond machines, falls with what it may stand on only where something was struck that does not rest on
//!    it, or is lost that nobody saw (`doubts.rs`). So does what the volume goes with, where it may lie in something or be
//!    kept with it. Elsewhere (`leads.rs`) such a step counts as a strike instead.
//! 2. By kind. A device that is attached to a host, and whose storage is open all the same, is a virtual or
//!    remote disk: its medium lies outside. It can share it only with another such device or a server; an
//!    open server only with such a device, a server or a host, and it may lie in anything beyond machines. A
//!    device that is attached to no host (a loop or mapped device whose lower side could not be read) may lie
//!    on anything, a file here included. This holds for storage only: whose needs are open may need anything.
//!    Where something may stand on anything, a file that nobody saw may be below that and below such a disk.
//!    What lies beyond machines stands only on what is as wide or wider: see `beyond.rs`.
//! 3. The shares of one open server may hold each other, and what lies nobody knows where: see `shares.rs`.

use super::aspects::Classes;
use super::beyond::is_wide;
use super::graph::Graph;
use super::system::State;
use crate::domain::{AssetKind, HazardClass, Nature};

/// How far the kind of an open node narrows what it may stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Openness {
    /// Nothing is open.
    Closed,
    /// Anything may be below.
    Anything,
    /// A virtual disk or server: only its kin may be below.
    Medium,
    /// Something beyond machines: only what is wider may be below.
    Wide,
}

impl Graph {
    pub(super) fn find_openness(&self, node: usize) -> Openness {
        let medium = match self.nodes[node].kind {
            Some(AssetKind::Device) => self.nodes[node].hosts > 0,
            Some(AssetKind::Server) => true,
            _ => false,
        };
        let node = &self.nodes[node];
        let wide = is_wide(node.kind);
        match (node.open.contains(Nature::StoredOn), node.open.contains(Nature::Needs)) {
            (false, false) => Openness::Closed,
            (true, false) if medium => Openness::Medium,
            (true, false) if wide => Openness::Wide,
            _ => Openness::Anything,
        }
    }

    /// Whether its medium may be outside of what was seen, as that of a virtual disk or server: whatever else of it is not
    /// known, or whose it is.
    pub(super) fn may_lie_on_medium(&self, node: usize) -> bool {
        let of = &self.nodes[node];
        let medium = matches!(of.kind, None | Some(AssetKind::Device | AssetKind::Server));
        medium && of.open.contains(Nature::StoredOn)
    }

    /// Whether it may lie beyond machines in what nobody saw it lie in, whatever else of it is not known.
    pub(super) fn may_lie_wide(&self, node: usize) -> bool {
        let of = &self.nodes[node];
        (of.kind.is_none() || is_wide(of.kind)) && of.open.contains(Nature::StoredOn)
    }

    /// Whether, by kind, an open `node` may stand on `other` without anybody seeing it.
    pub(super) fn may_stand_on(&self, node: usize, other: usize) -> bool {
        let (aspect, on) = (self.aspect(node), self.aspect(other));
        match aspect.openness {
            Openness::Closed => false,
            Openness::Anything => true,
            Openness::Medium => match self.nodes[other].kind {
                None | Some(AssetKind::Server) => true,
                Some(AssetKind::Device) => on.openness != Openness::Closed,
                Some(AssetKind::Host) => self.nodes[node].kind == Some(AssetKind::Server),
                Some(_) => false,
            },
            Openness::Wide => match self.nodes[other].kind {
                None => true,
                Some(_) => on.wide && on.class.is_some_and(|class| aspect.hidden.contains(class)),
            },
        }
    }

    /// How what lies below something beyond machines is lost: what was named and never seen, in itself only. Whatever else
    /// takes it along, as a file that it may lie on or whoever may delete it, is nothing that is so wide.
    pub(super) fn lost_below_wide(&self, node: usize) -> State {
        self.nodes[node].kind.map_or(State::Gone, |_| State::Lost)
    }

    /// The classes of hazard that something unseen below an open node may belong to.
    pub(super) fn find_hidden(&self, node: usize, openness: Openness) -> Classes {
        match openness {
            Openness::Closed => Classes::default(),
            // Nobody else's file or filesystem is below a disk's medium, but where something may stand on anything: that may be
            // what the disk's image lies on.
            Openness::Medium if self.some_need_anything => HazardClass::LOCAL
                .into_iter()
                .filter(|class| *class != HazardClass::PrimaryDeletion)
                .collect(),
            Openness::Medium => [HazardClass::Device, HazardClass::Host].into_iter().collect(),
            Openness::Wide => self.wider(node),
            Openness::Anything => {
                let all = HazardClass::LOCAL.into_iter().chain(HazardClass::WIDE);
                all.filter(|class| *class != HazardClass::PrimaryDeletion).collect()
            }
        }
    }

    /// The classes of what something beyond machines may belong to: its own and wider ones. Its own, because
    /// a region of which no provider was declared may be any provider's region of that name. Below a provider that may
    /// build on another one may lie that one's sites, regions and accounts.
    pub(super) fn wider(&self, node: usize) -> Classes {
        let own = self.nodes[node].kind.and_then(HazardClass::of_loss);
        let builds_on_another = matches!(own, Some(HazardClass::Provider | HazardClass::Network));
        let wider = |class: &HazardClass| Some(*class) >= own || builds_on_another;
        HazardClass::WIDE.into_iter().filter(wider).collect()
    }

    /// Whether nobody but whoever holds the machine has a hand on it: what lies on a known host, and on nothing else that
    /// nobody saw, of which others may be the holders.
    fn is_on_host(&self, node: usize) -> bool {
        let storage = self.nodes[node].kind.is_some_and(AssetKind::is_within_machine);
        let bare = storage && !self.nodes[node].is_volume;
        bare && self.aspect(node).over_host && !self.nodes[node].open.contains(Nature::StoredOn)
    }

    /// Whether that it is deleted matters to anything: of what only acts, to what goes with it, or may need it.
    pub(super) fn is_missed(&self, place: usize) -> bool {
        let takes_along = |nature| matches!(nature, Nature::StoredOn | Nature::Needs | Nature::CascadesFrom);
        let acts = matches!(self.nodes[place].kind, Some(AssetKind::Credential | AssetKind::Identity));
        !acts || self.some_need_anything || self.fed(place).any(|edge| takes_along(edge.nature))
    }

    /// Whether somebody nobody named may have a hand on a node at all.
    pub(super) fn has_hands(&self, place: usize) -> bool {
        let node = &self.nodes[place];
        let nobodys = self.is_place(place) || !self.is_missed(place);
        node.is_point || !(nobodys || self.is_on_host(place))
    }

    /// A site, a region, a provider, a network: nobody acts as one, unless somebody says that it deletes or administers
    /// something, or that a credential can be had from it.
    pub(super) fn is_place(&self, node: usize) -> bool {
        self.nodes[node].kind.is_some_and(AssetKind::is_place)
    }

    /// Whether who holds a node holds what is stored on it: who is on a network does not hold the machines that are reached
    /// over it. Where they are administered from there, that is a bond of its own.
    pub(super) fn opens(&self, node: usize) -> bool {
        self.nodes[node].kind != Some(AssetKind::Network)
    }

    /// Whether it is a place that may be within something that nobody saw it in: who holds that holds it. Of everything
    /// else somebody may get hold whom nobody named, and of a place nobody does.
    pub(super) fn may_be_within(&self, node: usize) -> bool {
        self.is_place(node) && self.nodes[node].open.contains(Nature::StoredOn)
    }

    /// Whether places may be within it, and are held by who holds it.
    pub(super) fn holds_places(&self, node: usize) -> bool {
        let of = &self.nodes[node];
        (of.kind.is_none() || is_wide(of.kind)) && !of.is_point && self.opens(node)
    }

    /// Whether a place may be within it, by kind.
    pub(super) fn may_hold(&self, node: usize, place: usize) -> bool {
        let class = self.aspect(node).class;
        class.is_none_or(|class| self.wider(place).contains(class))
    }

    /// The state in which whatever hands may do with it is done: somebody acts as a place where it is not known who.
    pub(super) fn at_hand(&self, node: usize) -> State {
        if self.is_place(node) { State::Gone } else { State::Held }
    }

    /// Of a place that acts, which of the natures is open that tell who does.
    pub(super) fn acts_unnamed(&self, place: usize) -> Option<Nature> {
        let acts =
            |nature| matches!(nature, Nature::DeletableBy | Nature::AdministeredBy | Nature::YieldedBy);
        let is_it = self.is_place(place) && self.fed(place).any(|edge| acts(edge.nature));
        let mut natures = [Nature::AdministeredBy, Nature::StoredOn].into_iter();
        natures.find(|nature| is_it && self.nodes[place].open.contains(*nature))
    }

    /// Whether somebody may get hold of a node whom nobody named.
    pub(super) fn is_had(&self, node: usize) -> bool {
        !self.nodes[node].is_point && !self.is_place(node) && !self.is_on_host(node)
    }

    /// Which of the natures through which somebody gets hold of a node is open.
    pub(super) fn open_yield(&self, place: usize) -> Option<Nature> {
        let node = &self.nodes[place];
        let natures: &[Nature] = match node.kind {
            None | Some(AssetKind::Credential | AssetKind::Identity) => {
                &[Nature::YieldedBy, Nature::AdministeredBy, Nature::StoredOn]
            }
            Some(AssetKind::Key | AssetKind::Catalogue) => &[Nature::AdministeredBy, Nature::StoredOn],
            Some(_) if !self.is_had(place) => &[],
            Some(_) => &[Nature::AdministeredBy, Nature::StoredOn],
        };
        let open = natures.iter().find(|nature| node.open.contains(**nature)).copied();
        open.filter(|_| !node.is_point)
    }
}
