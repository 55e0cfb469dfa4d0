//! What servers keep of which nobody knows what they keep where: of two of its shares one may lie in the other.
//!
//! What it is not known of where it lies may be kept by any such server, so that it may lie in a share, and a share in it.

use super::elsewhere::Ask;
use super::graph::{Edge, Graph};
use super::reach::Target;
use super::slice::Slice;
use super::system::{State, Why, member, variable};
use super::unseen::Openness;
use crate::domain::{AssetKind, Nature};
use std::collections::BTreeSet;

/// What something is to others that a server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Another one may lie in it: files, and what holds files. A disk or a machine that is kept there is none of that.
    Holds,
    /// It may lie in another one: anything but a disk or a machine, which have media of their own.
    Lies,
}

impl Role {
    pub(super) fn fits(self, kind: Option<AssetKind>) -> bool {
        use AssetKind::{Catalogue, Credential, Device, Host, Identity, Key, Partition, Server};
        match self {
            Self::Holds => !matches!(
                kind,
                Some(Device | Partition | Host | Server | Credential | Identity | Key | Catalogue)
            ),
            Self::Lies => !matches!(kind, Some(Device | Host | Server)),
        }
    }
}

/// Which servers keep something.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptBy {
    /// Those of which it is said.
    servers: BTreeSet<usize>,
    /// Through which things it may be any.
    loose: Vec<usize>,
}

impl KeptBy {
    fn is_nowhere(&self) -> bool {
        self.servers.is_empty() && self.loose.is_empty()
    }
}

impl Graph {
    /// True for a server of which it is not known what it keeps where.
    pub(super) fn is_open_server(&self, node: usize) -> bool {
        self.nodes[node].kind == Some(AssetKind::Server) && self.aspect(node).openness != Openness::Closed
    }

    /// Whether any server that keeps what nobody knows may keep an asset.
    pub(super) fn is_loose(&self, node: usize) -> bool {
        let of = &self.nodes[node];
        let may_lie =
            of.kind.is_none_or(|kind| kind.can_lie_on(AssetKind::Server)) && Role::Lies.fits(of.kind);
        !of.is_point && may_lie && of.open.contains(Nature::StoredOn) && !self.open_servers.is_empty()
    }

    /// What a node is stored on by its own bonds.
    fn lies_on(&self, node: usize) -> impl Iterator<Item = usize> {
        let stored = |edge: &&Edge| edge.nature == Nature::StoredOn;
        self.own(node).filter(stored).flat_map(|edge| edge.on.iter().copied())
    }

    /// What is stored on a node by bonds of its own.
    pub(super) fn bears(&self, node: usize) -> impl Iterator<Item = usize> {
        self.fed(node).filter(|edge| edge.nature == Nature::StoredOn).map(|edge| edge.holder)
    }

    /// What an open server keeps that another thing may lie in.
    pub(super) fn shares_of(&self, server: usize) -> impl Iterator<Item = usize> {
        let holds = |node: &usize| !self.nodes[*node].is_point && Role::Holds.fits(self.nodes[*node].kind);
        self.bears(server).filter(holds)
    }

    /// Finds what is open so, and what lies on that.
    pub(super) fn find_shares(&mut self) {
        self.open_servers = (0..self.nodes.len()).filter(|node| self.is_open_server(*node)).collect();
        self.loose = (0..self.nodes.len()).filter(|node| self.is_loose(*node)).collect();
        let servers_on = |loose: &usize| {
            let resting = self.all_resting(*loose).into_iter();
            let on: BTreeSet<usize> = resting.filter(|node| self.is_open_server(*node)).collect();
            (*loose, on)
        };
        let servers_on = self.loose.iter().map(servers_on).filter(|(_, on)| !on.is_empty());
        self.servers_on = servers_on.collect();
        let kept = self.open_servers.iter().flat_map(|server| self.bears(*server));
        let mut waiting: Vec<usize> = self.loose.iter().copied().chain(kept).collect();
        while let Some(node) = waiting.pop() {
            if !std::mem::replace(&mut self.aspects[node].is_kept, true) {
                waiting.extend(self.bears(node));
            }
        }
    }

    /// Which open servers keep a node itself.
    pub(super) fn kept_by(&self, node: usize, role: Role) -> KeptBy {
        if !self.aspect(node).is_kept || !role.fits(self.nodes[node].kind) {
            return KeptBy::default();
        }
        let servers = self.lies_on(node).filter(|on| self.is_open_server(*on)).collect();
        KeptBy { servers, loose: Some(node).filter(|node| self.is_loose(*node)).into_iter().collect() }
    }

    /// Whether an open server keeps it, or may.
    pub(super) fn may_be_kept(&self, node: usize) -> bool {
        self.aspect(node).is_kept && !self.kept_by(node, Role::Lies).is_nowhere()
    }

    /// Which open servers keep a node or what holds it; without itself, where it is one.
    pub(super) fn kept_below(&self, node: usize) -> KeptBy {
        let mut kept = KeptBy::default();
        let (mut waiting, mut seen) = (vec![node], BTreeSet::from([node]));
        let holds = |at: usize| self.aspect(at).is_kept && Role::Holds.fits(self.nodes[at].kind);
        while let Some(at) = waiting.pop().filter(|at| holds(*at)) {
            kept.loose.extend(Some(at).filter(|at| self.is_loose(*at)));
            for on in self.lies_on(at) {
                kept.servers.extend(Some(on).filter(|on| *on != node && self.is_open_server(*on)));
                if seen.insert(on) && holds(on) {
                    waiting.push(on);
                }
            }
        }
        kept
    }

    /// Whether one open server may keep both.
    fn keeps_both(&self, (one, of_one): (usize, &KeptBy), (other, of_other): (usize, &KeptBy)) -> bool {
        if of_one.is_nowhere() || of_other.is_nowhere() {
            return false;
        }
        // No server keeps what it rests on.
        let rests =
            |server: usize, loose: usize| self.servers_on.get(&loose).is_some_and(|on| on.contains(&server));
        let may = |kept: &KeptBy, server: usize| {
            kept.servers.contains(&server) || kept.loose.iter().any(|loose| !rests(server, *loose))
        };
        let is_it = |server: &usize| {
            *server != one && *server != other && may(of_one, *server) && may(of_other, *server)
        };
        let mut said = of_one.servers.iter().chain(&of_other.servers);
        let both_loose = || {
            let pairs = of_one
                .loose
                .iter()
                .flat_map(|loose| of_other.loose.iter().map(move |other| (*loose, *other)));
            pairs.into_iter().any(|pair| self.has_server_beside([one, other], pair))
        };
        said.any(is_it) || both_loose()
    }

    /// Whether there is an open server that is none of `but` and rests on neither of two things.
    fn has_server_beside(&self, but: [usize; 2], (loose, other): (usize, usize)) -> bool {
        let none = BTreeSet::new();
        let on = |loose| self.servers_on.get(&loose).unwrap_or(&none);
        let (first, second, all) = (on(loose), on(other), self.open_servers.len());
        // Mostly few rest on either, and there is nothing to count.
        if first.len() + second.len() + but.len() < all || first.len().max(second.len()) == all {
            return first.len().max(second.len()) < all;
        }
        let but = but.into_iter().filter(|server| self.is_open_server(*server));
        first.union(second).copied().chain(but).collect::<BTreeSet<usize>>().len() < all
    }

    /// Whether a node that is asked about may lie in another one, or in what that lies in, on a server that keeps both.
    pub(super) fn may_lie_within(&self, node: usize, other: usize, deleted: bool) -> bool {
        let kept = if deleted { self.kept_below(other) } else { self.kept_by(other, Role::Holds) };
        self.keeps_both((node, &self.kept_by(node, Role::Lies)), (other, &kept))
    }

    /// What it is to others on a server that something happens to a node.
    pub(super) fn targets_of_shares(&self, node: usize) -> Vec<(State, Target)> {
        let told = |kept: KeptBy, server: fn(u32) -> Target, anywhere: Target| {
            let servers =
                kept.servers.into_iter().filter_map(move |on| Some(server(u32::try_from(on).ok()?)));
            servers.chain((!kept.loose.is_empty()).then_some(anywhere))
        };
        let lost = told(self.kept_by(node, Role::Holds), Target::Kept, Target::KeptAnywhere);
        let deleted = told(self.kept_below(node), Target::Emptied, Target::EmptiedAnywhere);
        let lost = lost.map(|target| (State::Lost, target));
        lost.chain(deleted.map(|target| (State::Deleted, target))).collect()
    }

    /// What is asked of an asset or a point because a server keeps it.
    pub(super) fn asks_of_shares(&self, node: usize) -> Vec<(State, Ask)> {
        let kept = self.kept_by(node, Role::Lies);
        let servers = kept
            .servers
            .iter()
            .flat_map(|server| [(State::Lost, Ask::Kept(*server)), (State::Deleted, Ask::Emptied(*server))]);
        let anywhere = [(State::Lost, Ask::KeptAnywhere), (State::Deleted, Ask::EmptiedAnywhere)];
        servers.chain(anywhere.into_iter().filter(|_| !kept.loose.is_empty())).collect()
    }
}

impl Slice<'_> {
    /// Of two things that one such server may keep, one may lie in the other.
    pub(super) fn doubt_shares(&mut self) {
        let graph = self.graph;
        let kept = |member: &usize| graph.aspect(self.members[*member].node).is_kept;
        let all: Vec<usize> = (0..self.members.len()).filter(kept).collect();
        let node = |member: usize| self.members[member].node;
        let shares: Vec<(usize, KeptBy)> =
            all.iter().map(|member| (*member, graph.kept_by(node(*member), Role::Lies))).collect();
        let mut rules = Vec::new();
        for from in all.iter().copied().filter(|from| !self.is_point(*from)) {
            for (state, nature) in [(State::Lost, Nature::StoredOn), (State::Deleted, Nature::CascadesFrom)] {
                let deleted = state == State::Deleted;
                let (below, kept) = match deleted {
                    true => (graph.below(node(from)), graph.kept_below(node(from))),
                    false => (graph.supports(node(from)), graph.kept_by(node(from), Role::Holds)),
                };
                for (to, of) in &shares {
                    let reached = !deleted || self.deletion(*to, nature).0;
                    if *to != from
                        && reached
                        && !below.contains(&node(*to))
                        && graph.keeps_both((node(*to), of), (node(from), &kept))
                    {
                        rules.push((variable(*to, state), variable(from, state), nature));
                    }
                }
            }
        }
        for (to, from, nature) in rules {
            match nature {
                Nature::StoredOn => self.doubt(member(to), vec![from], Why::Unseen(nature)),
                _ => self.system.add(to, 1, [from], false, Why::Unseen(nature)),
            }
        }
    }
}
