//! What each of many assets alone does to a volume in hostile hands, counted and without the reasons: for all of them
//! at once, at about the cost of tracing a few.

use super::event::Happening;
use super::graph::Graph;
use super::singles::Singles;
use super::slice::Slice;
use super::system::{State, variable};
use crate::domain::{AssetId, Timestamp, Volume};

/// Whether something dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dies {
    /// It stays for certain.
    No,
    /// It cannot be said.
    Perhaps,
    /// It dies for certain.
    Yes,
}

/// What one asset takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Whether the volume itself goes.
    pub primary: Dies,
    /// How many of its recovery points die for certain.
    pub dies: usize,
    /// Of how many that cannot be said.
    pub open: usize,
}

/// What becomes of a volume and of the points that are known to be its own where one of these assets falls into hostile hands, for
/// each of them; the same that [`super::trace`] says of it.
pub fn weigh(graph: &Graph, volume: &Volume, assets: &[AssetId], now: Timestamp) -> Vec<Weight> {
    let own = Slice::of(graph, volume, now, &[]);
    // What the volume hangs on is in its slice as it is; the rest can only do what is open there.
    let (inside, outside): (Vec<usize>, Vec<usize>) = (0..assets.len())
        .partition(|place| own.member(&assets[*place]).is_some() || !graph.knows(&assets[*place]));
    let nothing = Weight { primary: own.top.map_or(Dies::Perhaps, |_| Dies::No), dies: 0, open: 0 };
    let mut weights = vec![nothing; assets.len()];
    let named = |places: &[usize]| places.iter().map(|place| assets[*place].clone()).collect::<Vec<_>>();
    for places in inside.chunks(TOGETHER) {
        let weighed = in_slice(&own, &named(places));
        places.iter().zip(weighed).for_each(|(place, weight)| weights[*place] = weight);
    }
    for places in outside.chunks(TOGETHER).filter(|_| !is_closed(&own)) {
        let some = named(places);
        let weighed = in_slice(&Slice::of(graph, volume, now, &some), &some);
        places.iter().zip(weighed).for_each(|(place, weight)| weights[*place] = weight);
    }
    weights
}

/// How many are looked at together: a bit of memory for each, in each state of all that the volume hangs on.
const TOGETHER: usize = 512;

/// Whether nothing in a slice may happen through what nobody knows.
fn is_closed(slice: &Slice<'_>) -> bool {
    let is_certain = slice.system.rules.iter().all(|rule| rule.certain);
    is_certain && slice.unseen.is_empty() && slice.doubted.iter().all(Option::is_none)
}

fn in_slice(slice: &Slice<'_>, assets: &[AssetId]) -> Vec<Weight> {
    let graph = slice.graph;
    let seeds: Vec<_> = assets
        .iter()
        .map(|asset| {
            let member = slice.member(asset);
            member.map(|member| slice.seeds(Happening::Strikes(member, State::Held))).unwrap_or_default()
        })
        .collect();
    let certain: Vec<_> = seeds.iter().map(|seeds| seeds.certain.clone()).collect();
    let possible: Vec<_> = seeds.into_iter().map(|seeds| seeds.possible).collect();
    let surely = Singles::of(&slice.system, &certain, false);
    let perhaps = Singles::of(&slice.system, &possible, true);
    let fate = |member: usize, number: usize| {
        let lost = variable(member, State::Lost);
        // What is not in the graph may do anything.
        match (surely.has(lost, number), perhaps.has(lost, number) || !graph.knows(&assets[number])) {
            (true, _) => Dies::Yes,
            (false, true) => Dies::Perhaps,
            (false, false) => Dies::No,
        }
    };
    let one = |number: usize| {
        let mut weight =
            Weight { primary: slice.top.map_or(Dies::Perhaps, |top| fate(top, number)), dies: 0, open: 0 };
        for group in slice.groups.iter().filter(|group| !group.orphans) {
            match fate(group.member, number) {
                Dies::Yes => weight.dies += group.places.len(),
                Dies::Perhaps => weight.open += group.places.len(),
                Dies::No => {}
            }
        }
        weight
    };
    (0..assets.len()).map(one).collect()
}
