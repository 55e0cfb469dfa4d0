//! The second writing of which bonds a thing of a kind may have at all.

use crate::brute::Brute;
use outlive::domain::*;
use std::collections::BTreeSet;

/// Whether a thing of one kind may be stored on one of another.
pub fn lies(above: Option<AssetKind>, below: Option<AssetKind>, hosts: usize) -> bool {
    use AssetKind::*;
    let rank = |kind| match kind {
        Some(Site) => 1,
        Some(Region) => 2,
        Some(Project | Account | Organisation) => 3,
        Some(Provider | UpstreamProvider) => 4,
        Some(Network) => 5,
        _ => 0,
    };
    let machine = rank(below) > 0 || matches!(below, Some(Host | Server));
    match (rank(above), above) {
        (0, Some(Server)) => machine,
        // A disk of a host lies there; its medium, where that is elsewhere, on a server.
        (0, Some(Device)) if hosts > 0 => below == Some(Server) || below == Some(Host) && hosts == 1,
        (0, _) => true,
        (4 | 5, _) => rank(below) > 0,
        (own, _) => rank(below) >= own,
    }
}

pub fn is_place(kind: Option<AssetKind>) -> bool {
    use AssetKind::*;
    matches!(kind, Some(Site | Region | Provider | UpstreamProvider | Network))
}

/// Storage within a machine.
pub fn is_within(kind: Option<AssetKind>) -> bool {
    use AssetKind::*;
    matches!(kind, Some(Directory | Subvolume | File | Filesystem | Pool | Partition | Device | Memory))
}

/// Who might have a bond.
pub struct Holder {
    pub kind: Option<AssetKind>,
    pub is_point: bool,
    pub is_volume: bool,
    /// How many hosts it is said to be stored on.
    pub hosts: usize,
}

impl Holder {
    /// Whether a bond of it on things of these kinds means anything.
    pub fn may_have(&self, nature: Nature, mut on: impl Iterator<Item = Option<AssetKind>>) -> bool {
        use AssetKind::{Credential, Identity};
        match nature {
            // Only who acts, and what acts are done with, is had from somewhere.
            Nature::YieldedBy => !self.is_point && matches!(self.kind, None | Some(Credential | Identity)),
            // Nobody has hands on a place: on the accounts there, yes. Nor on a disk: on the machine, yes.
            Nature::DeletableBy | Nature::AdministeredBy => {
                !is_place(self.kind) && (self.is_volume || !is_within(self.kind))
            }
            Nature::StoredOn => on.all(|on| lies(self.kind, on, self.hosts)),
            _ => true,
        }
    }
}

impl Brute<'_> {
    /// Its bonds, but for those on who may delete a point that is locked against them.
    pub fn effective(&self, thing: usize) -> impl Iterator<Item = &(Nature, BTreeSet<usize>, usize)> {
        let kept_off = self.things[thing].point.is_some() && !self.reaches(thing, Nature::AdministeredBy).0;
        let hands = |nature| matches!(nature, Nature::DeletableBy | Nature::AdministeredBy);
        self.things[thing].bonds.iter().filter(move |bond| !(kept_off && hands(bond.0)))
    }
}
