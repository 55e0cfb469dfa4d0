//! What lies beyond machines and is in a slice only because members may lie in it without anybody having said so: the
//! token that somebody holds closes an account, and what names no account may be in it.
//!
//! Under one sign-on there may be thousands of accounts that fall in the same way. One of them speaks for all: of two
//! that hang in the same way on the same things, both fall or neither does, so what the second one may take along, the
//! first one takes. Which are alike is told narrowly: only accounts and their like whose storage and needs are wholly
//! known, and which otherwise hang on nothing but credentials and identities.

use super::aspects::{Classes, Numbered};
use super::graph::{Edge, Graph};
use super::slice::Slice;
use super::unseen::Openness;
use crate::domain::{AssetKind, Nature};
use std::collections::{HashMap, HashSet};

/// How something beyond machines hangs on other things.
#[derive(Debug, Clone)]
pub(super) struct Conduit {
    /// Equal where two hang on what is alike, all the way down.
    shape: u32,
    /// What it hangs on in the order of its shape, itself first; what is named twice is there twice.
    tree: Vec<u32>,
}

/// The largest tree that is compared. A circle has none.
const LARGEST: usize = 48;

/// The shape of a node in numbers, and its tree.
type Shaped = (Vec<u32>, Vec<u32>);

impl Graph {
    /// Finds the conduits: per node beyond machines its own, where there is one.
    pub(super) fn find_conduits(&mut self) {
        let mut shapes: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut conduits = HashMap::default();
        for node in (0..self.nodes.len()).filter(|node| self.aspects[*node].wide) {
            let mut left = LARGEST;
            if let (Some((shape, tree)), Ok(number)) =
                (self.shape(node, true, &mut left), u32::try_from(node))
            {
                let next = u32::try_from(shapes.len()).unwrap_or(u32::MAX);
                conduits.insert(number, Conduit { shape: *shapes.entry(shape).or_insert(next), tree });
            }
        }
        self.conduits = conduits;
    }

    fn shape(&self, node: usize, is_root: bool, left: &mut usize) -> Option<Shaped> {
        *left = left.checked_sub(1)?;
        let number = u32::try_from(node).ok()?;
        let aspect = self.aspect(node);
        if aspect.wide && !is_root {
            return Some((vec![0, number], vec![number]));
        }
        let kind = self.nodes[node].kind?;
        let acts = matches!(kind, AssetKind::Credential | AssetKind::Identity);
        if !(is_root || acts) || aspect.openness != Openness::Closed {
            return None;
        }
        let mut bonds: Vec<Shaped> = Vec::new();
        for edge in self.own(node) {
            bonds.push(self.bond_shape(edge, left)?);
        }
        bonds.sort();
        let open = self.nodes[node].open.iter().fold(0, |bits, nature| bits | 1 << nature as u32);
        let mut shape = vec![1, kind as u32, open, u32::try_from(bonds.len()).ok()?];
        let mut tree = vec![number];
        for (one, on) in bonds {
            shape.extend(one);
            tree.extend(on);
        }
        Some((shape, tree))
    }

    fn bond_shape(&self, edge: &Edge, left: &mut usize) -> Option<Shaped> {
        let hands = matches!(edge.nature, Nature::AdministeredBy | Nature::DeletableBy | Nature::YieldedBy);
        let mut all: Vec<Shaped> = Vec::new();
        for on in &edge.on {
            // By hands alone does one hang on who acts.
            if !hands && !self.aspect(*on).wide {
                return None;
            }
            all.push(self.shape(*on, false, left)?);
        }
        all.sort();
        let number = |count: usize| u32::try_from(count).ok();
        let mut shape = vec![edge.nature as u32, number(edge.dies_at)?, number(all.len())?];
        let mut tree = Vec::new();
        for (one, on) in all {
            shape.extend(one);
            tree.extend(on);
        }
        Some((shape, tree))
    }
}

/// What tells conduits apart in one slice: their shape, and which of the slice's own members stand where in it.
type Kind = (u32, Vec<(usize, u32)>);

impl Slice<'_> {
    /// Adds what lies beyond machines, of the classes that some member may lie in, and may fall because of members, in
    /// whatever way.
    pub(super) fn add_conduits(&mut self) {
        let graph = self.graph;
        let first = self.members.len();
        let mut kinds: HashSet<Kind> = HashSet::new();
        let mut looked: HashSet<u32, Numbered> = HashSet::default();
        let mut wanted = Classes::default();
        loop {
            let before = (self.members.len(), wanted);
            let mut next = 0;
            while next < self.members.len() {
                let node = self.members[next].node;
                wanted = wanted.and(graph.wants[node]);
                for on in graph.own(node).filter(|_| next >= first).flat_map(|edge| &edge.on) {
                    self.add(*on);
                }
                for wide in graph.wide_above[node].iter().filter(|wide| graph.is_of(**wide, wanted)) {
                    self.add_conduit(*wide, first, &mut looked, &mut kinds);
                }
                next += 1;
            }
            for wide in graph.wide_open.iter().filter(|wide| graph.is_of(**wide, wanted)) {
                self.add_conduit(*wide, first, &mut looked, &mut kinds);
            }
            if before == (self.members.len(), wanted) {
                return;
            }
        }
    }

    fn add_conduit(
        &mut self,
        wide: u32,
        first: usize,
        looked: &mut HashSet<u32, Numbered>,
        kinds: &mut HashSet<Kind>,
    ) {
        if !looked.insert(wide) {
            return;
        }
        let is_new = match self.graph.conduits.get(&wide) {
            Some(conduit) => {
                let own = |node: u32| self.member_of(node as usize).is_some_and(|member| member < first);
                let named = conduit.tree.iter().copied().enumerate().filter(|(_, node)| own(*node));
                kinds.insert((conduit.shape, named.collect()))
            }
            None => true,
        };
        if is_new {
            self.add(wide as usize);
        }
    }
}
