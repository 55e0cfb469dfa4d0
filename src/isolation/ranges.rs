//! What leads to many things at once, but for a few: ranges of what falls alike, halved, so that each thing of a fleet may lead
//! to nearly all of some others by few links.

use super::elsewhere::{Alike, Hub, Spot, spot};
use super::leads::Links;
use super::system::State;

/// What falls alike, in order.
type All<'a> = (Alike, &'a [usize]);

impl Links<'_> {
    /// That it is lost with something that nobody saw it lie in or stand on. What may stand on anything may stand on it, as
    /// if it had been struck: which of the two was seen shall not matter.
    pub(super) fn fallen(&mut self, node: usize) -> Spot {
        let hub = Hub::Fallen(node);
        if let Some(known) = self.hubs.get(&hub) {
            return *known;
        }
        let own = self.hub(hub);
        self.hub_leads_to(hub, (node, State::Lost));
        self.all_not_below(node, own, (Alike::Anything, &self.anything.clone()));
        own
    }

    /// Leads from a spot of a node to all of some that may stand on it: nothing stands on what rests on it.
    pub(super) fn all_not_below(&mut self, node: usize, from: Spot, all: All<'_>) {
        if !all.1.is_empty() {
            let below = self.graph.below(node);
            let except: Vec<usize> = below.iter().filter_map(|on| all.1.binary_search(on).ok()).collect();
            self.among_but(all, from, (0, all.1.len()), &except);
        }
    }

    /// Leads from a spot to all of a range but some: halved until a half has none of these, so that many times many
    /// take few links.
    fn among_but(&mut self, all: All<'_>, from: Spot, (first, end): (usize, usize), but: &[usize]) {
        let from_first = but.partition_point(|place| *place < first);
        if but.get(from_first).is_none_or(|place| *place >= end) {
            let among = self.among(all, first, end);
            self.links.extend(among.map(|among| (from, among)));
        } else if end - first > 1 {
            let middle = first.midpoint(end);
            self.among_but(all, from, (first, middle), but);
            self.among_but(all, from, (middle, end), but);
        }
    }

    /// What stands for a range of what falls alike.
    fn among(&mut self, all: All<'_>, first: usize, end: usize) -> Option<Spot> {
        if end - first == 1 {
            let node = all.1[first];
            return match all.0 {
                Alike::Anything => spot(node, State::Lost),
                Alike::Wide(_) | Alike::Lacks(..) => Some(self.fallen(node)),
            };
        }
        let hub = Hub::Among(all.0, first, end);
        if let Some(known) = self.hubs.get(&hub) {
            return Some(*known);
        }
        let (own, middle) = (self.hub(hub), first.midpoint(end));
        for (first, end) in [(first, middle), (middle, end)] {
            let half = self.among(all, first, end);
            self.links.extend(half.map(|half| (own, half)));
        }
        Some(own)
    }
}
