//! A monotone system of rules over what can happen to things, and its two least fixpoints: what falls for certain,
//! and what may fall. Linear in the rules; cycles end by themselves.

use crate::domain::{HazardClass, Nature};

/// What can happen to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is gone, or useless.
    Lost,
    /// It was deleted: what cascades from it goes too. Deleted implies lost.
    Deleted,
    /// It is in hostile hands.
    Held,
    /// It was struck itself, or deleted: something unseen above it may hang on that.
    Struck,
    /// Of a bucket: it is lost otherwise than by being deleted, so that no lock in it helps. Of what was named and never
    /// seen: it is lost itself, not with something else. Of a place, as a provider: somebody acts as it.
    Gone,
}

/// How many states there are.
const STATES: usize = 5;

/// One state of one member of a slice.
pub(super) type Variable = u32;

/// The variable of a member's state.
pub(super) fn variable(member: usize, state: State) -> Variable {
    u32::try_from(member * STATES).unwrap_or(u32::MAX - 8) + state as u32
}

/// The member that a variable speaks of.
pub(super) fn member(variable: Variable) -> usize {
    variable as usize / STATES
}

/// Whether a variable speaks of a member being in hostile hands.
pub(super) fn is_held(variable: Variable) -> bool {
    variable as usize % STATES == State::Held as usize
}

/// Why a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// By this bond.
    Bond(u32),
    /// By what the states mean: what is deleted is lost.
    Meaning,
    /// The first of what it needs says why: something is lost that it may stand on, and the second that it may be so.
    Doubted,
    /// It may hang on something nobody saw.
    Unseen(Nature),
    /// It may stand on something of this class that nobody declared.
    Undeclared(HazardClass),
}

/// `head` holds when `need` of the supports hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub head: Variable,
    pub need: u32,
    from: u32,
    to: u32,
    /// Whether it holds for certain, or only may.
    pub certain: bool,
    pub why: Why,
    /// Its place among the rules that need more than one.
    joint: u32,
}

/// All rules that bear on one volume.
#[derive(Debug, Clone, Default)]
pub(super) struct System {
    pub rules: Vec<Rule>,
    supports: Vec<Variable>,
    /// Per variable: the rules that name it, as a range of `fed`.
    starts: Vec<u32>,
    fed: Vec<u32>,
    variables: usize,
    /// How many rules need more than one of their supports.
    joint: u32,
}

impl System {
    pub fn new(members: usize) -> Self {
        Self { variables: members * STATES, ..Self::default() }
    }

    /// One variable more, of no member.
    pub fn extra(&mut self) -> Variable {
        self.variables += STATES;
        variable(self.variables / STATES - 1, State::Lost)
    }

    /// How many variables there are.
    pub fn size(&self) -> usize {
        self.variables
    }

    /// Adds a rule. One that can never be met is left out.
    pub fn add(
        &mut self,
        head: Variable,
        need: usize,
        supports: impl IntoIterator<Item = Variable>,
        certain: bool,
        why: Why,
    ) {
        let from = self.supports.len();
        self.supports.extend(supports);
        let to = self.supports.len();
        if need == 0 || need > to - from {
            self.supports.truncate(from);
            return;
        }
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (need, from, to) = (number(need), number(from), number(to));
        self.rules.push(Rule { head, need, from, to, certain, why, joint: self.joint });
        self.joint += u32::from(need > 1);
    }

    pub fn supports(&self, rule: &Rule) -> &[Variable] {
        &self.supports[rule.from as usize..rule.to as usize]
    }

    /// Links variables to the rules that name them. Before that nothing runs.
    pub fn seal(&mut self) {
        let mut counts = vec![0_u32; self.variables + 1];
        for support in &self.supports {
            counts[*support as usize + 1] += 1;
        }
        for place in 1..counts.len() {
            counts[place] += counts[place - 1];
        }
        self.starts = counts.clone();
        self.fed = vec![0; self.supports.len()];
        for (number, rule) in (0..).zip(&self.rules) {
            for support in &self.supports[rule.from as usize..rule.to as usize] {
                let next = &mut counts[*support as usize];
                self.fed[*next as usize] = number;
                *next += 1;
            }
        }
    }

    /// The rules that name a variable.
    pub fn fed(&self, variable: Variable) -> &[u32] {
        let place = variable as usize;
        &self.fed[self.starts[place] as usize..self.starts[place + 1] as usize]
    }

    /// What follows from the seeds: for certain, or with all that may be.
    pub fn run(&self, seeds: &[Variable], possible: bool) -> Fallen {
        let mut fallen = Fallen { marks: vec![(0, 0); self.variables], order: Vec::new() };
        let mut counts = vec![0; self.joint as usize];
        for seed in seeds {
            fallen.fall(*seed, NO_RULE);
        }
        let mut next = 0;
        while let Some(variable) = fallen.order.get(next).copied() {
            next += 1;
            for number in self.fed(variable) {
                let rule = &self.rules[*number as usize];
                if !possible && !rule.certain {
                    continue;
                }
                let met = rule.need == 1 || {
                    let count = &mut counts[rule.joint as usize];
                    *count += 1;
                    *count == rule.need
                };
                if met {
                    fallen.fall(rule.head, *number);
                }
            }
        }
        fallen
    }
}

/// When, in the order of falling, and by which rule; by none where it was struck.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub order: u32,
    pub rule: Option<u32>,
}

const NO_RULE: u32 = u32::MAX;

/// What has fallen.
#[derive(Debug, Clone)]
pub(super) struct Fallen {
    /// Per variable: when, from 1 on, and by which rule; zero where it has not.
    marks: Vec<(u32, u32)>,
    /// What fell, in order.
    order: Vec<Variable>,
}

impl Fallen {
    fn fall(&mut self, variable: Variable, rule: u32) {
        if let Some(mark @ (0, _)) = self.marks.get_mut(variable as usize) {
            self.order.push(variable);
            *mark = (u32::try_from(self.order.len()).unwrap_or(u32::MAX), rule);
        }
    }

    /// What fell, in order, and by which rule; by none where it was struck.
    pub fn in_order(&self) -> impl Iterator<Item = (Variable, Option<u32>)> {
        self.order.iter().map(|variable| (*variable, self.mark(*variable).and_then(|mark| mark.rule)))
    }

    pub fn mark(&self, variable: Variable) -> Option<Mark> {
        let (order, rule) = self.marks.get(variable as usize).copied().filter(|(order, _)| *order > 0)?;
        Some(Mark { order, rule: Some(rule).filter(|rule| *rule != NO_RULE) })
    }

    pub fn is(&self, member: usize, state: State) -> bool {
        self.mark(variable(member, state)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_two_wait_for_both_and_a_cycle_ends() {
        let lost = |member| variable(member, State::Lost);
        let mut system = System::new(4);
        system.add(lost(0), 2, [lost(1), lost(2)], true, Why::Meaning);
        system.add(lost(1), 1, [lost(0)], true, Why::Meaning);
        system.add(lost(3), 1, [lost(0)], false, Why::Unseen(Nature::StoredOn));
        system.add(lost(3), 3, [lost(0)], true, Why::Meaning);
        system.seal();
        assert!(!system.run(&[lost(1)], true).is(0, State::Lost));
        let both = system.run(&[lost(1), lost(2)], false);
        assert!(both.is(0, State::Lost) && !both.is(3, State::Lost), "what only may be is not certain");
        assert!(system.run(&[lost(0)], true).is(3, State::Lost));
    }
}
