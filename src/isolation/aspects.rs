//! What a graph knows of each of its nodes by itself: worked out once, asked for in the slice of every volume.

use super::beyond::is_wide;
use super::graph::Graph;
use super::unseen::Openness;
use crate::domain::{AssetKind, HazardClass, Nature};
use std::hash::{BuildHasherDefault, Hasher};

/// A set of hazard classes, in two bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Classes(u16);

impl Classes {
    fn insert(&mut self, class: HazardClass) {
        self.0 |= 1 << class as u16;
    }

    pub fn contains(self, class: HazardClass) -> bool {
        self.0 & (1 << class as u16) != 0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The classes, in their order.
    pub fn iter(self) -> impl Iterator<Item = HazardClass> {
        HazardClass::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

impl FromIterator<HazardClass> for Classes {
    fn from_iter<I: IntoIterator<Item = HazardClass>>(all: I) -> Self {
        let mut classes = Self::default();
        all.into_iter().for_each(|class| classes.insert(class));
        classes
    }
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aspect {
    /// The class of its loss.
    pub class: Option<HazardClass>,
    /// Whether it lies beyond a machine.
    pub wide: bool,
    /// How open it is in what it stands on.
    pub openness: Openness,
    /// The classes of hazard that something unseen below it may belong to.
    pub hidden: Classes,
    /// The classes of what nobody declared below it, where it is the lowest thing of its stack.
    pub lacking: Classes,
    /// Whether it rests on a known host.
    pub over_host: bool,
    /// Whether it is stored, or may be, on a server of which it is not known what it keeps where.
    pub is_kept: bool,
    /// Whether it, and all that it rests on, is on no circle.
    pub straight: bool,
}

impl Graph {
    pub(super) fn aspect(&self, node: usize) -> &Aspect {
        &self.aspects[node]
    }

    /// Works out everything but what is lacking, which [`Graph::look_beyond`] finds.
    pub(super) fn look_at_each(&mut self) {
        self.aspects = (0..self.nodes.len()).map(|node| self.aspect_of(node)).collect();
        self.some_need_anything = self.aspects.iter().any(|of| of.openness == Openness::Anything);
        for node in 0..self.nodes.len() {
            self.aspects[node].hidden = self.find_hidden(node, self.aspects[node].openness);
        }
        let hosts = (0..self.nodes.len()).filter(|node| self.nodes[*node].kind == Some(AssetKind::Host));
        let mut waiting: Vec<usize> = hosts.collect();
        while let Some(node) = waiting.pop() {
            if !std::mem::replace(&mut self.aspects[node].over_host, true) {
                waiting.extend(self.borne(node));
            }
        }
        self.find_shares();
        self.find_straight();
    }

    fn aspect_of(&self, node: usize) -> Aspect {
        let kind = self.nodes[node].kind;
        let openness = self.find_openness(node);
        Aspect {
            class: kind.and_then(HazardClass::of_loss),
            wide: is_wide(kind),
            openness,
            hidden: Classes::default(),
            lacking: Classes::default(),
            over_host: false,
            is_kept: false,
            straight: false,
        }
    }

    /// From the bottom up: straight is what rests on nothing but what is.
    fn find_straight(&mut self) {
        let mut left: Vec<usize> = (0..self.nodes.len()).map(|node| self.supports(node).len()).collect();
        let mut waiting: Vec<usize> = (0..left.len()).filter(|node| left[*node] == 0).collect();
        while let Some(node) = waiting.pop() {
            self.aspects[node].straight = true;
            for above in self.borne(node) {
                left[above] -= 1;
                if left[above] == 0 {
                    waiting.push(above);
                }
            }
        }
    }

    /// Whether any other asset names a node as storage or need.
    pub(super) fn bears_others(&self, node: usize) -> bool {
        let mut above = self.fed(node).filter(|edge| matches!(edge.nature, Nature::StoredOn | Nature::Needs));
        above.any(|edge| edge.holder != node && !self.nodes[edge.holder].is_point)
    }

    /// What names a node as storage or need: each once.
    pub(super) fn borne(&self, node: usize) -> std::collections::BTreeSet<usize> {
        let above = self.fed(node).filter(|edge| matches!(edge.nature, Nature::StoredOn | Nature::Needs));
        above.map(|edge| edge.holder).collect()
    }
}

/// Hashes numbers of nodes and packed sets: what is hashed nobody outside chose.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ByNumber(u64);

impl Hasher for ByNumber {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

/// See [`ByNumber`].
pub(super) type Numbered = BuildHasherDefault<ByNumber>;
