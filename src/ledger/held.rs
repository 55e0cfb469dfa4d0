//! Whether checkpoints follow from one another, and whether lines are those that they speak of. Pure.

use super::{Bundle, Lines, Sealed, Trust};
use crate::domain::{Problem, Result};
use crate::signing::PublicKey;
use crate::vault::format::Digest;
use std::collections::BTreeMap;

/// The checkpoints of one ledger in one place.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// Those with a good signature by a pinned key, in their order.
    pub sealed: Vec<Sealed>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// How many were there more than once, bit by bit: that changes nothing.
    pub replayed: usize,
    /// The number of the first that is not there, though a later one is; the count of all where none is missing.
    whole: u64,
}

/// What was read: what it is called, the number under which it was found, and the bytes.
type Found = (String, u64, Vec<u8>);
/// The lines of a step: in which object they were found, and the number of its checkpoint.
type Copied = (String, u64, Vec<Vec<u8>>);

impl Held {
    /// Judges the checkpoints of a ledger.
    pub fn of(ledger: &Digest, found: Vec<Result<Found>>, trust: &Trust) -> Self {
        let mut held = Self::default();
        let mut by_number: BTreeMap<u64, Sealed> = BTreeMap::new();
        for read in found {
            let opened = read.and_then(|(name, number, bytes)| {
                let sealed = Sealed::open(&name, &bytes, trust)?;
                let wrong = |what: String| Err(Problem::damaged(&name, what));
                if sealed.checkpoint.ledger != *ledger {
                    return wrong("a checkpoint of another ledger".into());
                }
                if sealed.number() != number {
                    return wrong(format!("checkpoint {} in the place of {number}", sealed.number()));
                }
                Ok((name, sealed))
            });
            match opened {
                Err(problem) => held.problems.push(problem),
                Ok((name, sealed)) => match by_number.get(&sealed.number()) {
                    Some(other) if other.id == sealed.id => held.replayed += 1,
                    Some(_) => {
                        let what = format!("a second checkpoint {}: the ledger was forked", sealed.number());
                        held.problems.push(Problem::damaged(name, what));
                    }
                    None => drop(by_number.insert(sealed.number(), sealed)),
                },
            }
        }
        held.sealed = by_number.into_values().collect();
        held.follow();
        held
    }

    /// Sees that each follows from the one before.
    fn follow(&mut self) {
        let mut counters: BTreeMap<PublicKey, u64> = BTreeMap::new();
        let (mut next, mut gap) = (0, None);
        let mut wrong = Vec::new();
        let mut before: Option<&Sealed> = None;
        for sealed in &self.sealed {
            let (number, said) = (sealed.number(), &sealed.checkpoint);
            let mut say = |what: String| wrong.push(Problem::damaged(format!("checkpoint {number}"), what));
            if number > next {
                say(format!("those from {next} to {} are missing before it", number - 1));
                gap.get_or_insert(next);
                before = None;
            }
            let follows = match before {
                Some(before) => said.previous == Some(before.id) && said.records >= before.checkpoint.records,
                None => number > 0 || said.previous.is_none(),
            };
            if !follows {
                say("does not follow from the one before it".into());
            }
            let counter = counters.insert(sealed.by, said.counter);
            let counts = match (counter, gap) {
                (Some(counter), None) => said.counter == counter + 1,
                (Some(counter), Some(_)) => said.counter > counter,
                (None, None) => said.counter == 0,
                (None, Some(_)) => true,
            };
            if !counts {
                say(format!("the count of its key is {}, and that is not the next", said.counter));
            }
            (before, next) = (Some(sealed), number + 1);
        }
        self.whole = gap.unwrap_or(next);
        self.problems.extend(wrong);
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Sealed> {
        self.sealed.last()
    }

    /// Sees that a ledger is the one that was signed; `place` is where it is.
    pub fn check_lines(&mut self, lines: &Lines, place: &str) {
        let differs = self.sealed.iter().find(|sealed| {
            let said = &sealed.checkpoint;
            said.records <= lines.count() && lines.head(said.records) != Some(said.head)
        });
        if let Some(sealed) = differs {
            let what = format!(
                "line {} is not the one that checkpoint {} signed on {}: the ledger was written anew",
                sealed.checkpoint.records,
                sealed.number(),
                sealed.checkpoint.at.format("%Y-%m-%d %H:%M UTC")
            );
            self.problems.push(Problem::damaged(place, what));
        }
        if let Some(newest) = self.newest().filter(|newest| newest.checkpoint.records > lines.count()) {
            let what = format!(
                "it has {} lines, and checkpoint {} signed {}: its end was taken away",
                lines.count(),
                newest.number(),
                newest.checkpoint.records
            );
            self.problems.push(Problem::damaged(place, what));
        }
    }

    /// Judges what a vault holds of a ledger: its checkpoints, and the lines that were copied with them, as far as none is missing.
    pub fn of_bundles(
        ledger: &Digest,
        objects: Vec<Result<(String, Vec<u8>)>>,
        trust: &Trust,
    ) -> (Self, Lines) {
        let (mut found, mut copied) = (Vec::new(), Vec::new());
        for read in objects {
            let parsed = read.and_then(|(name, bytes)| {
                let bundle = Bundle::parse(&name, &bytes)?;
                if bundle.ledger == *ledger {
                    Ok((name, bundle))
                } else {
                    Err(Problem::damaged(name, "of another ledger than its folder says"))
                }
            });
            match parsed {
                Err(problem) => found.push(Err(problem)),
                Ok((name, bundle)) => {
                    for (number, step) in (bundle.first..).zip(bundle.steps) {
                        found.push(Ok((name.clone(), number, step.sealed)));
                        copied.push((name.clone(), number, step.lines));
                    }
                }
            }
        }
        let mut held = Self::of(ledger, found, trust);
        let lines = held.join(copied);
        (held, lines)
    }

    /// Joins the lines of all steps, those that were signed.
    fn join(&mut self, copied: Vec<Copied>) -> Lines {
        let mut whole: Vec<Vec<u8>> = Vec::new();
        let mut of_step: BTreeMap<u64, Vec<Copied>> = BTreeMap::new();
        for step in copied {
            of_step.entry(step.1).or_default().push(step);
        }
        for sealed in self.sealed.iter().take_while(|sealed| sealed.number() < self.whole) {
            let said = &sealed.checkpoint;
            let fits = |lines: &Vec<Vec<u8>>| {
                let last = lines.last().or(whole.last()).map(|line| Digest::of(line));
                whole.len() as u64 + lines.len() as u64 == said.records && last == Some(said.head)
            };
            let of_this = of_step.remove(&sealed.number()).unwrap_or_default();
            let (good, bad): (Vec<_>, Vec<_>) = of_this.into_iter().partition(|(_, _, lines)| fits(lines));
            self.problems.extend(bad.into_iter().map(|(name, ..)| {
                let what = format!("holds other lines than checkpoint {} signed", sealed.number());
                Problem::damaged(name, what)
            }));
            let Some((.., lines)) = good.into_iter().next() else { break };
            whole.extend(lines);
        }
        Lines::new(whole)
    }
}

/// What a copy of a ledger comes to beside the one that it is a copy of.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Why nobody can say whether it is the newest that was written; none where that is known.
    pub unproven: Option<String>,
    /// How many checkpoints of this machine are not in it yet.
    pub behind: u64,
}

/// Compares a copy at `place` with this machine's own checkpoints. `anchor` is the number of the newest that is remembered to have been
/// written there; none where nothing is.
pub fn compare(own: &[Sealed], copy: &[Sealed], anchor: Option<u64>, place: &str) -> Compared {
    let mut compared = Compared::default();
    let mut wrong = |what: String| compared.problems.push(Problem::damaged(place, what));
    let own_by_number: BTreeMap<u64, &Sealed> = own.iter().map(|sealed| (sealed.number(), sealed)).collect();
    let forks =
        copy.iter().find(|sealed| own_by_number.get(&sealed.number()).is_some_and(|own| own.id != sealed.id));
    if let Some(sealed) = forks {
        let what = "is not the one that this machine remembers: the ledger was forked";
        wrong(format!("checkpoint {} {what}", sealed.number()));
    }
    let newest = |of: &[Sealed]| of.last().map(Sealed::number);
    let (mine, theirs) = (newest(own), newest(copy));
    if mine.is_some() && theirs > mine {
        let what = "newer than all that this machine remembers: an older state of this machine was put back";
        wrong(format!("it holds checkpoint {}, {what}", theirs.unwrap_or_default()));
    }
    match anchor {
        Some(anchor) if theirs.is_none_or(|newest| newest < anchor) => {
            let newest = theirs.map_or("none".to_owned(), |newest| newest.to_string());
            let what = "what was written there was taken away, or an older state was put back";
            wrong(format!("its newest checkpoint is {newest}, and {anchor} was written there: {what}"));
        }
        Some(_) => {}
        None => {
            compared.unproven = Some(
                "this machine remembers nothing that it wrote there, so an older state would look the same"
                    .into(),
            );
        }
    }
    compared.behind = match (mine, theirs) {
        (Some(mine), Some(theirs)) => mine.saturating_sub(theirs),
        (Some(mine), None) => mine + 1,
        (None, _) => 0,
    };
    compared
}
