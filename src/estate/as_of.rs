//! A declared estate as it stood at a moment, the same on every machine and every day.

use super::{Estate, ThisHost};
use crate::domain::{AssetId, Inventory, Timestamp};

impl Estate {
    /// What is declared as it stood at a moment: no machine is looked at, and what was taken later is not there yet.
    pub fn declared_as_of(&self, moment: Timestamp) -> Inventory {
        // No name in a file means this machine: none holds a control character.
        let nowhere = ThisHost { asset: AssetId("host:localhost".into()), name: "\0".into() };
        let mut then = self.clone();
        then.points.retain(|point| point.taken_at.is_none_or(|taken| taken <= moment));
        let mut inventory = then.declared(&nowhere, moment);
        inventory.gaps.extend(self.unhonoured_gaps());
        inventory.gaps.extend(then.dangling_gaps(&inventory, &nowhere));
        inventory.sort();
        inventory
    }

    /// How many recovery points are declared that were taken after a moment.
    pub fn taken_after(&self, moment: Timestamp) -> usize {
        self.points.iter().filter(|point| point.taken_at.is_some_and(|taken| taken > moment)).count()
    }
}
