//! What is written into a vault of a ledger: some of its checkpoints, each after the lines that came since the one before.

use super::{Lines, Sealed};
use crate::domain::{Problem, Result};
use crate::store::Key;
use crate::vault::format::{Digest, MAX_OBJECT, parse_as, render};
use serde::{Deserialize, Serialize};

/// The folder of ledgers in a vault; each has a folder of its own in it.
pub const FOLDER: &str = "ledger";
const SCHEMA: &str = "outlive/ledger-copy/v0";
/// How many bytes of lines one object holds, where they come in several steps.
const FULL: usize = 4 * 1024 * 1024;

/// The first line of the object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: String,
    ledger: Digest,
    /// The number of the first checkpoint.
    first: u64,
    /// Per checkpoint: how many lines of the ledger come before it.
    lines: Vec<u64>,
}

/// A checkpoint, with the ledger's lines since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The lines, without their ends.
    pub lines: Vec<Vec<u8>>,
    /// The signed checkpoint, one line without its end.
    pub sealed: Vec<u8>,
}

/// Several steps, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The ledger.
    pub ledger: Digest,
    /// The number of the first checkpoint.
    pub first: u64,
    /// At least one.
    pub steps: Vec<Step>,
}

impl Bundle {
    /// The number of the last checkpoint.
    pub fn last(&self) -> u64 {
        self.first + (self.steps.len() as u64).saturating_sub(1)
    }

    /// The object's bytes.
    ///
    /// # Errors
    /// `Internal` where it cannot be written as JSON.
    pub fn render(&self) -> Result<Vec<u8>> {
        let lines = self.steps.iter().map(|step| step.lines.len() as u64).collect();
        let header = Header { schema: SCHEMA.into(), ledger: self.ledger, first: self.first, lines };
        let mut bytes = render(&header)?;
        for line in self.steps.iter().flat_map(|step| step.lines.iter().chain([&step.sealed])) {
            bytes.push(b'\n');
            bytes.extend_from_slice(line);
        }
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads an object. What its lines say is for others to judge.
    ///
    /// # Errors
    /// `Damaged` where it is none; `Refused` for a newer format.
    pub fn parse(object: &str, bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Problem::damaged(object, what);
        let body = bytes.strip_suffix(b"\n").ok_or_else(|| damaged("its last line has no end"))?;
        let mut lines = body.split(|byte| *byte == b'\n');
        let header: Header = parse_as(SCHEMA, object, lines.next().unwrap_or_default())?;
        let mut steps = Vec::new();
        for count in &header.lines {
            let count = usize::try_from(*count).unwrap_or(usize::MAX);
            let taken: Vec<Vec<u8>> = lines.by_ref().take(count).map(<[u8]>::to_vec).collect();
            let sealed = lines.next().filter(|_| taken.len() == count);
            let sealed = sealed.ok_or_else(|| damaged("it ends too early"))?.to_vec();
            steps.push(Step { lines: taken, sealed });
        }
        let bundle = Self { ledger: header.ledger, first: header.first, steps };
        if bundle.steps.is_empty() || lines.next().is_some() || bundle.render()? != bytes {
            return Err(damaged("not written as this format writes it"));
        }
        Ok(bundle)
    }

    /// Its key: what it holds, and the beginning of the SHA-256 of its bytes. `again` counts from 0 the keys that were taken by
    /// something else.
    ///
    /// # Errors
    /// None in practice: this is a key.
    pub fn key(&self, bytes: &[u8], again: u32) -> Result<Key> {
        let digest = Digest::of(bytes).to_string();
        let again = if again == 0 { String::new() } else { format!("-{again}") };
        let name = format!("{:010}-{:010}-{}{again}.jsonl", self.first, self.last(), &digest[..16]);
        Key::new(format!("{FOLDER}/{}/{name}", self.ledger))
    }

    /// The largest object that is read as one.
    pub const LARGEST: u64 = MAX_OBJECT;
}

/// What is to be written of these checkpoints, which follow one another; `before` is the number of lines that the checkpoint before them
/// spoke of.
pub fn bundles(ledger: Digest, sealed: &[Sealed], lines: &Lines, mut before: u64) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut bytes = usize::MAX;
    for one in sealed {
        let records = one.checkpoint.records;
        let step = Step { lines: lines.between(before, records).to_vec(), sealed: one.bytes.clone() };
        before = records;
        let size = step.lines.iter().map(Vec::len).sum::<usize>() + step.sealed.len();
        match bundles.last_mut().filter(|_| bytes.saturating_add(size) <= FULL) {
            Some(bundle) => {
                bundle.steps.push(step);
                bytes += size;
            }
            None => {
                bundles.push(Bundle { ledger, first: one.number(), steps: vec![step] });
                bytes = size;
            }
        }
    }
    bundles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_read_as_it_was_written_and_no_other_bytes_are_one() {
        let step = |lines: &[&[u8]], sealed: &[u8]| {
            let lines = lines.iter().map(|line| line.to_vec()).collect();
            Step { lines, sealed: sealed.to_vec() }
        };
        // The end of a write that was cut off is no text, and may be empty.
        let steps = vec![step(&[b"{\"a\":1}", b"\xff", b""], b"{\"one\":1}"), step(&[], b"{\"two\":2}")];
        let bundle = Bundle { ledger: Digest([9; 32]), first: 4, steps };
        let bytes = bundle.render().unwrap();
        assert_eq!(Bundle::parse("x", &bytes).unwrap(), bundle);
        assert_eq!(bundle.last(), 5);
        let key = bundle.key(&bytes, 1).unwrap();
        assert!(
            key.name().starts_with("0000000004-0000000005-") && key.name().ends_with("-1.jsonl"),
            "{key}"
        );
        for end in 0..bytes.len() {
            assert!(Bundle::parse("x", &bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(Bundle::parse("x", &[&bytes[..], b"\n"].concat()).is_err());
        assert!(Bundle::parse("x", b"{\"schema\":\"outlive/ledger-copy/v0\"}\n").is_err());
    }
}
