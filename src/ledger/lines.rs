//! The lines of a ledger as they stand: what a checkpoint speaks of.

use crate::domain::{Problem, Result, Timestamp};
use crate::vault::format::{Digest, parse};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What links a line to the one before; whatever happened in it, and whichever version wrote that.
#[derive(Deserialize)]
struct Link {
    schema: String,
    seq: u64,
    at: Timestamp,
    prev: Digest,
    #[serde(default)]
    after_torn: bool,
    #[serde(rename = "event")]
    _event: IgnoredAny,
}

/// The lines of a ledger, without their ends, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    lines: Vec<Vec<u8>>,
    digests: Vec<Digest>,
}

impl Lines {
    /// Takes lines as they were read.
    pub fn new(lines: Vec<Vec<u8>>) -> Self {
        let digests = lines.iter().map(|line| Digest::of(line)).collect();
        Self { lines, digests }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// What names the ledger: the SHA-256 of its first line. A copy of the ledger that goes another way keeps it, so that it shows.
    pub fn ledger(&self) -> Option<Digest> {
        self.digests.first().copied()
    }

    /// The SHA-256 of the last of the first `records` lines.
    pub fn head(&self, records: u64) -> Option<Digest> {
        self.digests.get(usize::try_from(records).ok()?.checked_sub(1)?).copied()
    }

    /// The lines from one number up to another.
    pub fn between(&self, from: u64, to: u64) -> &[Vec<u8>] {
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(self.lines.len());
        self.lines.get(place(from)..place(to)).unwrap_or_default()
    }

    /// Sees that each line names the one before it.
    ///
    /// # Errors
    /// `Damaged`, at `object` with the line's number from 1.
    pub fn check(&self, object: &str) -> Result<()> {
        let links: Vec<Option<Link>> = self.lines.iter().map(|line| parse(object, line).ok()).collect();
        let mut before = Digest([0; 32]);
        for (number, link) in links.iter().enumerate() {
            let is_torn = links.get(number + 1).and_then(Option::as_ref).is_some_and(|next| next.after_torn);
            let follows = |link: &Link| {
                link.schema == super::chain::SCHEMA && link.seq == number as u64 && link.prev == before
            };
            // Whatever a torn line looks like: the writer after it found it without its end.
            if !is_torn && !link.as_ref().is_some_and(follows) {
                let what = "does not follow from the line before it: the ledger was altered or damaged";
                return Err(Problem::damaged(object, format!("line {} {what}", number + 1)));
            }
            before = self.digests[number];
        }
        Ok(())
    }

    /// When the last line was written.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.lines.last().and_then(|line| parse::<Link>("", line).ok()).map(|link| link.at)
    }
}
