//! Which single events make which variables hold: a bit for each, so that a rule hands on many at a time.

use super::system::{Rule, System, Variable};
use std::collections::VecDeque;

/// Per variable a row of bits, one for each event.
#[derive(Debug)]
pub(super) struct Singles {
    words: usize,
    bits: Vec<u64>,
}

impl Singles {
    /// `seeds` has per event the variables that it makes hold.
    pub fn of(system: &System, seeds: &[Vec<Variable>], possible: bool) -> Self {
        let words = seeds.len().div_ceil(64);
        let mut singles = Self { words, bits: vec![0; words * system.size()] };
        let (mut queue, mut queued) = (VecDeque::new(), vec![false; system.size()]);
        let wait = |queue: &mut VecDeque<Variable>, queued: &mut Vec<bool>, variable: Variable| {
            if !std::mem::replace(&mut queued[variable as usize], true) {
                queue.push_back(variable);
            }
        };
        for (event, variables) in seeds.iter().enumerate() {
            for variable in variables {
                singles.bits[*variable as usize * words + event / 64] |= 1 << (event % 64);
                wait(&mut queue, &mut queued, *variable);
            }
        }
        let mut given = vec![0; words];
        while let Some(variable) = queue.pop_front() {
            queued[variable as usize] = false;
            for number in system.fed(variable) {
                let rule = &system.rules[*number as usize];
                if (possible || rule.certain) && singles.apply(system, rule, variable, &mut given) {
                    wait(&mut queue, &mut queued, rule.head);
                }
            }
        }
        singles
    }

    fn row(&self, variable: Variable) -> &[u64] {
        let from = variable as usize * self.words;
        &self.bits[from..from + self.words]
    }

    /// Whether a rule, one of whose supports changed, changes its head.
    fn apply(&mut self, system: &System, rule: &Rule, changed: Variable, given: &mut Vec<u64>) -> bool {
        given.clear();
        match rule.need {
            1 => given.extend_from_slice(self.row(changed)),
            need => {
                let counts = self.counts(system, rule, need as usize);
                given.extend(counts.iter().skip(need as usize * self.words));
            }
        }
        let from = rule.head as usize * self.words;
        let mut changes = false;
        for (own, more) in self.bits[from..from + self.words].iter_mut().zip(given) {
            changes |= *more & !*own != 0;
            *own |= *more;
        }
        changes
    }

    /// Row k has the events that are enough for at least k of the supports.
    fn counts(&self, system: &System, rule: &Rule, need: usize) -> Vec<u64> {
        let mut counts = vec![0; (need + 1) * self.words];
        counts[..self.words].fill(u64::MAX);
        for support in system.supports(rule) {
            for count in (1..=need).rev() {
                for (word, own) in self.row(*support).iter().enumerate() {
                    counts[count * self.words + word] |= counts[(count - 1) * self.words + word] & own;
                }
            }
        }
        counts
    }

    /// Whether an event alone makes a variable hold.
    pub fn has(&self, variable: Variable, event: usize) -> bool {
        self.row(variable).get(event / 64).is_some_and(|word| word >> (event % 64) & 1 == 1)
    }

    /// The events that alone make a variable hold, in order.
    pub fn of_variable(&self, variable: Variable) -> impl Iterator<Item = u16> {
        let words = (0_u16..).zip(self.row(variable));
        words.flat_map(|(place, word)| {
            (0_u16..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::system::{State, Why, variable};
    use super::*;

    #[test]
    fn one_event_counts_for_each_support_it_reaches_and_beyond_the_first_word() {
        let lost = |member| variable(member, State::Lost);
        let mut system = System::new(4);
        system.add(lost(3), 2, [lost(0), lost(1), lost(2)], true, Why::Meaning);
        system.seal();
        let mut seeds = vec![vec![lost(0)]; 70];
        seeds.extend([vec![lost(0), lost(2)], vec![lost(1)]]);
        let singles = Singles::of(&system, &seeds, true);
        assert_eq!(singles.of_variable(lost(3)).collect::<Vec<_>>(), [70]);
        assert_eq!(singles.of_variable(lost(0)).count(), 71);
        assert!(singles.has(lost(1), 71) && !singles.has(lost(1), 70) && !singles.has(lost(1), 9_999));
    }
}
