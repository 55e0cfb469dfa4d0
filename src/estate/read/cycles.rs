//! What hangs on itself over others: nothing lies on itself, so the file says something that cannot be.

use super::file::File;
use super::words::shown;
use crate::domain::{AssetId, Nature};
use std::collections::BTreeMap;

/// More cycles than this help nobody.
const TOLD: usize = 20;
/// A longer cycle is shown by its beginning.
const SHOWN: usize = 6;

/// One asset hangs on another: both as they are compared, with where that is written.
#[derive(Debug, Clone)]
pub(super) struct Hang {
    pub(super) from: AssetId,
    pub(super) to: AssetId,
    pub(super) nature: Nature,
    /// Its offset in the file.
    pub(super) at: usize,
}

/// Complains of cycles through storage, needs and cascades. That two administer each other, or that each credential
/// yields the other, is no mistake.
pub(super) fn complain(file: &File<'_>, hangs: &[Hang]) {
    let physical = |hang: &&Hang| {
        matches!(hang.nature, Nature::StoredOn | Nature::Needs | Nature::CascadesFrom) && hang.from != hang.to
    };
    let mut places: BTreeMap<&AssetId, usize> = BTreeMap::new();
    let mut below: Vec<Vec<(usize, &Hang)>> = Vec::new();
    let mut place = |id, below: &mut Vec<_>| {
        *places.entry(id).or_insert_with(|| {
            below.push(Vec::new());
            below.len() - 1
        })
    };
    for hang in hangs.iter().filter(physical) {
        let from = place(&hang.from, &mut below);
        let to = place(&hang.to, &mut below);
        below[from].push((to, hang));
    }
    cycles(&below).into_iter().for_each(|cycle| told(file, &cycle));
}

/// Where a search stands with a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    Above(usize),
    Wholly,
}

/// Searches in depth, with a stack of its own: a chain may be as long as the file.
fn cycles<'h>(below: &[Vec<(usize, &'h Hang)>]) -> Vec<Vec<&'h Hang>> {
    let mut seen = vec![Seen::Not; below.len()];
    let mut found = Vec::new();
    for first in 0..below.len() {
        if seen[first] != Seen::Not {
            continue;
        }
        seen[first] = Seen::Above(0);
        let mut way: Vec<(usize, usize)> = vec![(first, 0)];
        let mut over: Vec<&Hang> = Vec::new();
        while let Some((node, next)) = way.last_mut() {
            let Some((to, hang)) = below[*node].get(*next).copied() else {
                seen[*node] = Seen::Wholly;
                way.pop();
                over.pop();
                continue;
            };
            *next += 1;
            match seen[to] {
                Seen::Not => {
                    seen[to] = Seen::Above(way.len());
                    way.push((to, 0));
                    over.push(hang);
                }
                Seen::Above(depth) => {
                    found.push(over[depth..].iter().copied().chain([hang]).collect());
                    if found.len() == TOLD {
                        return found;
                    }
                }
                Seen::Wholly => {}
            }
        }
    }
    found
}

/// Says a cycle from where it is first written.
fn told(file: &File<'_>, cycle: &[&Hang]) {
    let Some(first) = (0..cycle.len()).min_by_key(|place| cycle[*place].at) else { return };
    let around = || cycle[first..].iter().chain(&cycle[..first]);
    let mut what = shown(&cycle[first].from.0);
    for (place, hang) in around().take(SHOWN).enumerate() {
        let joint = if place == 0 { " " } else { ", which " };
        what += &format!("{joint}{} {}", hang.nature.verb(), shown(&hang.to.0));
    }
    if cycle.len() > SHOWN {
        what += &format!(
            ", and so on over {} more, back to {}",
            cycle.len() - SHOWN,
            shown(&cycle[first].from.0)
        );
    }
    file.complain(cycle[first].at, what, "nothing hangs on itself: take out the bond that is wrong");
}
