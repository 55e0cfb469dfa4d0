//! Reading a part of a recovery point to see that a key opens it: its root and all of its tree, and a few of its packs.

use super::Vault;
use super::check_pack::{check_pack, stopped};
use super::format::{PackLine, PackRole, PageKind};
use super::index::packs_of;
use super::roots::FoundRoot;
use super::tree::Entries;
use crate::domain::{Monitor, Phase, Result};

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Entries of its tree.
    pub entries: u64,
    /// Packs of content that were decoded.
    pub packs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The chunks in them.
    pub chunks: u64,
}

/// Whether a point has packs of content, without which nothing of it can be decoded.
///
/// # Errors
/// As of its list of packs.
pub fn has_content(vault: &Vault, found: &FoundRoot) -> Result<bool> {
    Ok(packs_of(vault, found)?.values().any(|line| line.role == PackRole::Data))
}

/// Reads the tree of a point and decodes at most so many of its packs, which ones `seed` says.
///
/// # Errors
/// `Damaged`, naming the object, where something does not decode to what it should; what the store said.
pub fn sample(
    vault: &Vault,
    found: &FoundRoot,
    most: usize,
    seed: u64,
    monitor: &dyn Monitor,
) -> Result<Sampled> {
    let packs = packs_of(vault, found)?;
    let mut sampled = Sampled::default();
    for entry in Entries::new(vault, PageKind::Entries, found.root.tree()?) {
        entry?;
        sampled.entries += 1;
        if monitor.cancelled() {
            return Err(stopped());
        }
    }
    let content: Vec<&PackLine> = packs.values().filter(|line| line.role == PackRole::Data).collect();
    let chosen =
        spread(content.len(), most, seed).into_iter().filter_map(|place| content.get(place).copied());
    let chosen: Vec<&PackLine> = chosen.collect();
    monitor.begin(Phase::Verify, Some(chosen.iter().map(|line| line.bytes).sum()));
    for line in chosen {
        let (chunks, sidecar) = check_pack(vault, line, monitor);
        sidecar?;
        sampled.chunks += chunks?;
        sampled.packs += 1;
        sampled.bytes += line.bytes;
    }
    monitor.end();
    Ok(sampled)
}

/// At most so many places of a list, apart from one another, beginning anywhere.
fn spread(length: usize, most: usize, seed: u64) -> Vec<usize> {
    let count = most.min(length);
    let first = usize::try_from(seed % length.max(1) as u64).unwrap_or_default();
    (0..count).map(|number| (first + number * length / count.max(1)) % length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_spread_names_so_many_different_places_of_the_list() {
        assert_eq!(spread(0, 4, 7), [] as [usize; 0]);
        for (length, most, seed) in [(1, 4, 0), (3, 4, u64::MAX), (4, 4, 2), (1000, 4, 999), (7, 3, 5)] {
            let places = spread(length, most, seed);
            assert_eq!(places.len(), most.min(length));
            assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len(), "{places:?}");
            assert!(places.iter().all(|place| *place < length));
        }
    }
}
