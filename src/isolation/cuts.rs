//! Minimal cut sets of a monotone system, exact up to order 3.
//!
//! Each variable gets its family: the minimal sets of events, of at most `order` events, after which it holds. A rule
//! that needs k of n supports gives the unions of one set each from k of their families; a variable has the union of
//! what its rules give. Families only grow, so repeating this until nothing changes ends at the least fixpoint, also
//! where rules form a cycle. Leaving out sets of more than `order` events is exact: what builds up a set of n events
//! has at most n events itself.

use super::aspects::Numbered;
use super::singles::Singles;
use super::system::{Rule, System, Variable};
use std::collections::{HashSet, VecDeque};

/// The largest set that is looked for.
pub(super) const ORDER: usize = 3;

/// The most sets that one family may have. Beyond it, nothing is said of the order that made it so large.
pub(super) const LIMIT: usize = 5_000;

/// Up to three events, by number, in order, packed so that comparing two sets compares numbers: how many there are,
/// then the events, then [`NOTHING`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Set(u64);

const NOTHING: u16 = u16::MAX;

impl Set {
    pub const EMPTY: Self = Self::of([NOTHING; ORDER], 0);

    const fn of(events: [u16; ORDER], count: usize) -> Self {
        let [first, second, third] = events;
        Self((count as u64) << 48 | (first as u64) << 32 | (second as u64) << 16 | third as u64)
    }

    pub fn one(event: u16) -> Self {
        Self::of([event, NOTHING, NOTHING], 1)
    }

    fn all(self) -> [u16; ORDER] {
        [(self.0 >> 32) as u16, (self.0 >> 16) as u16, self.0 as u16]
    }

    pub fn events(self) -> impl Iterator<Item = u16> {
        self.all().into_iter().take(self.len())
    }

    pub fn len(self) -> usize {
        (self.0 >> 48) as usize
    }

    /// All its subsets, the empty one and itself among them.
    fn subsets(self) -> impl Iterator<Item = Self> {
        let [a, b, c] = self.all();
        let of = |events, count| Self::of(events, count);
        let (one, two) = (|a| of([a, NOTHING, NOTHING], 1), |a, b| of([a, b, NOTHING], 2));
        let all = [Self::EMPTY, one(a), one(b), two(a, b), one(c), two(a, c), two(b, c), self];
        // Of n events, the first 2^n.
        all.into_iter().take(1 << self.len())
    }

    pub fn is_subset(self, other: Self) -> bool {
        let ([one, two, three], all) = (self.all(), other.all());
        let has = |event: u16| event == NOTHING || all.contains(&event);
        has(one) && has(two) && has(three)
    }

    /// Both together, where that is no more than `order` events.
    pub fn with(self, other: Self, order: usize) -> Option<Self> {
        let (mut all, mut count) = (self.all(), self.len());
        for event in other.events() {
            if !all[..count].contains(&event) {
                if count >= order {
                    return None;
                }
                all[count] = event;
                count += 1;
            }
        }
        all.sort_unstable();
        Some(Self::of(all, count))
    }
}

/// Minimal sets: none holds another one. In order of size, then of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Family(Vec<Set>);

/// A family that passed [`LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Family {
    /// Holds without any event.
    pub fn always() -> Self {
        Self(vec![Set::EMPTY])
    }

    pub fn sets(&self) -> &[Set] {
        &self.0
    }

    /// Whether a set holds one of these: a set has eight subsets at most, fewer than a family has sets.
    pub fn is_met_by(&self, set: Set) -> bool {
        !self.0.is_empty() && set.subsets().any(|subset| self.0.binary_search(&subset).is_ok())
    }

    /// Adds a set, unless one of its subsets is there; what it makes superfluous goes. Whether anything changed.
    fn add(&mut self, set: Set) -> bool {
        if self.is_met_by(set) {
            return false;
        }
        let larger = self.0.partition_point(|own| own.len() <= set.len());
        if self.0[larger..].iter().any(|own| set.is_subset(*own)) {
            self.0.retain(|own| !set.is_subset(*own));
        }
        self.0.insert(self.0.partition_point(|own| *own < set), set);
        true
    }

    fn join(&mut self, other: &Self) -> Result<bool, TooMany> {
        let mut changed = false;
        for set in &other.0 {
            changed |= self.add(*set);
        }
        if self.0.len() > LIMIT { Err(TooMany) } else { Ok(changed) }
    }

    fn product(&self, other: &Self, order: usize) -> Result<Self, TooMany> {
        let mut both = Self::default();
        for (one, two) in self.0.iter().flat_map(|one| other.0.iter().map(move |two| (one, two))) {
            if let Some(set) = one.with(*two, order) {
                both.add(set);
            }
            if both.0.len() > LIMIT {
                return Err(TooMany);
            }
        }
        Ok(both)
    }

    /// The minimal ones among sets.
    pub fn of(sets: impl IntoIterator<Item = Set>) -> Self {
        let mut family = Self::default();
        for set in sets {
            family.add(set);
        }
        family
    }
}

/// The families of all variables. `seeds` has per event the variables that it makes hold.
///
/// What single events do is worked out first, with a bit for each event: most families have no larger sets, and no
/// larger set is looked at that holds an event which is enough by itself.
pub(super) fn families(
    system: &System,
    seeds: &[Vec<Variable>],
    possible: bool,
    order: usize,
) -> Result<Families, TooMany> {
    let mut growing = Families {
        singles: Singles::of(system, seeds, possible),
        larger: vec![Family::default(); system.size()],
        fresh: vec![Vec::new(); system.size()],
        queue: VecDeque::new(),
    };
    if order > 1 {
        let joint = system.rules.iter().filter(|rule| rule.need > 1 && (possible || rule.certain));
        joint.into_iter().try_for_each(|rule| growing.join(system, rule, order))?;
    }
    while let Some(variable) = growing.queue.pop_front() {
        // What was there before has been handed on already.
        let fresh = std::mem::take(&mut growing.fresh[variable as usize]);
        for number in system.fed(variable) {
            let rule = &system.rules[*number as usize];
            if !possible && !rule.certain {
                continue;
            }
            match rule.need {
                1 => fresh.iter().try_for_each(|set| growing.add(rule.head, *set))?,
                _ => growing.join(system, rule, order)?,
            }
        }
    }
    Ok(growing)
}

/// The families of variables while they grow, and per variable which larger sets were not yet handed on.
pub(super) struct Families {
    singles: Singles,
    larger: Vec<Family>,
    fresh: Vec<Vec<Set>>,
    queue: VecDeque<Variable>,
}

impl Families {
    /// The family of a variable.
    pub fn of(&self, variable: Variable) -> Family {
        Family(self.sets_of(variable).collect())
    }

    fn sets_of(&self, variable: Variable) -> impl Iterator<Item = Set> {
        let singles = self.singles.of_variable(variable).map(Set::one);
        singles.chain(self.larger[variable as usize].0.iter().copied())
    }

    /// What a rule that needs more than one of its supports gives.
    fn join(&mut self, system: &System, rule: &Rule, order: usize) -> Result<(), TooMany> {
        // What holds an event that is enough by itself comes to nothing.
        let rest = |set: &Set| !set.events().any(|event| self.singles.has(rule.head, usize::from(event)));
        let of = |support: &Variable| Family(self.sets_of(*support).filter(rest).collect());
        let supports: Vec<Family> = system.supports(rule).iter().map(of).collect();
        for set in some_of(supports.iter(), rule.need as usize, order)?.0 {
            self.add(rule.head, set)?;
        }
        Ok(())
    }

    fn add(&mut self, variable: Variable, set: Set) -> Result<(), TooMany> {
        if set.events().any(|event| self.singles.has(variable, usize::from(event))) {
            return Ok(());
        }
        let (family, fresh) = (&mut self.larger[variable as usize], &mut self.fresh[variable as usize]);
        if family.add(set) {
            if fresh.is_empty() {
                self.queue.push_back(variable);
            }
            fresh.push(set);
        }
        if family.0.len() > LIMIT { Err(TooMany) } else { Ok(()) }
    }
}

/// What makes `need` of some families hold.
fn some_of<'a>(
    families: impl Iterator<Item = &'a Family>,
    need: usize,
    order: usize,
) -> Result<Family, TooMany> {
    // Per number of families: what makes so many of those seen so far hold.
    let mut met = vec![Family::default(); need + 1];
    met[0] = Family::always();
    for family in families {
        for count in (1..=need).rev() {
            let more = met[count - 1].product(family, order)?;
            met[count].join(&more)?;
        }
    }
    Ok(met.pop().unwrap_or_default())
}

/// The minimal sets that meet every one of some families: each set of the first family that is not met yet is a
/// branch, and every branch adds an event, so that the search is no deeper than `order`. Smaller sets come first, so
/// that nothing is tried that holds a set already found.
///
/// An event that is enough for each of them is found at once, and nothing larger that holds it is looked at.
pub(super) fn meet_all(mut families: Vec<Family>, order: usize) -> Result<Family, TooMany> {
    let shared = match families.split_first() {
        Some((first, others)) if order > 0 => {
            let singles = first.0.iter().take_while(|set| set.len() <= 1).filter(|set| set.len() == 1);
            let all = |set: &&Set| others.iter().all(|other| other.0.binary_search(*set).is_ok());
            Family(singles.filter(all).copied().collect())
        }
        _ => Family::default(),
    };
    if !shared.0.is_empty() {
        for family in &mut families {
            family.0.retain(|set| !shared.is_met_by(*set));
        }
    }
    // What is left has no event of these, and no single one that is enough.
    let mut all = shared.0;
    all.extend(meet_rest(families, order)?.0);
    if all.len() > LIMIT { Err(TooMany) } else { Ok(Family(all)) }
}

fn meet_rest(mut families: Vec<Family>, order: usize) -> Result<Family, TooMany> {
    families.sort_by(|a, b| (a.0.len(), a).cmp(&(b.0.len(), b)));
    families.dedup();
    let mut found = Family::default();
    let mut seen: HashSet<Set, Numbered> = HashSet::default();
    let mut open: [Vec<Set>; ORDER + 1] = Default::default();
    open[0].push(Set::EMPTY);
    for size in 0..=order {
        for set in std::mem::take(&mut open[size]) {
            if found.is_met_by(set) {
                continue;
            }
            let Some(family) = families.iter().find(|family| !family.is_met_by(set)) else {
                found.add(set);
                continue;
            };
            for more in family.sets().iter().filter_map(|own| set.with(*own, order)) {
                if !found.is_met_by(more) && seen.insert(more) {
                    open[more.len()].push(more);
                }
            }
            if found.0.len() > LIMIT || seen.len() > LIMIT * 40 {
                return Err(TooMany);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(events: &[u16]) -> Set {
        events.iter().fold(Set::EMPTY, |set, event| set.with(Set::one(*event), ORDER).unwrap())
    }

    #[test]
    fn a_family_keeps_minimal_sets_only() {
        let family = Family::of([set(&[1, 2]), set(&[1, 2, 3]), set(&[3]), set(&[2, 3])]);
        assert_eq!(family.sets(), [set(&[3]), set(&[1, 2])]);
        assert_eq!(Family::of([set(&[1]), Set::EMPTY]).sets(), [Set::EMPTY]);
    }

    #[test]
    fn two_of_three_is_every_pair() {
        let one = |event| Family::of([set(&[event])]);
        let all = [one(1), one(2), one(3)];
        let pairs = some_of(all.iter(), 2, ORDER).unwrap();
        assert_eq!(pairs.sets(), [set(&[1, 2]), set(&[1, 3]), set(&[2, 3])]);
        assert_eq!(some_of(all.iter(), 3, 2).unwrap().sets(), []);
    }

    #[test]
    fn what_meets_all_is_minimal_and_what_cannot_be_met_has_no_set() {
        let families = vec![Family::of([set(&[1]), set(&[2])]), Family::of([set(&[1]), set(&[3])])];
        assert_eq!(meet_all(families.clone(), ORDER).unwrap().sets(), [set(&[1]), set(&[2, 3])]);
        let never = [families, vec![Family::default()]].concat();
        assert_eq!(meet_all(never, ORDER).unwrap().sets(), []);
        assert_eq!(meet_all(Vec::new(), ORDER).unwrap(), Family::always());
    }
}
