//! Whether points may be missing that nothing in the vault tells of: only who stored the newest one can say.

use crate::domain::{VolumeId, printable};
use crate::ledger::History;
use crate::report::activity::say_some;
use crate::vault::FoundRoot;
use std::collections::BTreeMap;

/// What is known of how fresh the points of a vault's volumes are. A volume that is in neither list is unproven too.
#[derive(Debug, Default)]
pub struct Freshness {
    /// The volumes whose newest point is the one that this machine's ledger stored last.
    pub proven: Vec<String>,
    /// The others: a vault from which the newest points were taken looks just the same.
    pub unproven: Vec<String>,
}

impl Freshness {
    /// Judges each volume by its newest point, of those that are taken for ours.
    pub fn of<'a>(points: impl Iterator<Item = &'a FoundRoot>, history: &History) -> Self {
        let mut newest: BTreeMap<&VolumeId, &FoundRoot> = BTreeMap::new();
        for found in points.filter(|found| found.signed.is_trusted()) {
            let last = newest.entry(&found.root.volume).or_insert(found);
            if found.order() > last.order() {
                *last = found;
            }
        }
        let mut fresh = Self::default();
        for (volume, found) in newest {
            let stored_here = history.stored_last(volume).is_some_and(|record| record.id == found.id);
            let list = if stored_here { &mut fresh.proven } else { &mut fresh.unproven };
            list.push(printable(volume.0.as_bytes()));
        }
        fresh
    }

    /// What must be said where it is not proven.
    pub fn notice(&self) -> Option<String> {
        (!self.unproven.is_empty()).then(|| {
            format!(
                "whether newer points of {} are missing cannot be said (freshness unproven): the newest here was not stored by this machine",
                say_some(&self.unproven)
            )
        })
    }
}
