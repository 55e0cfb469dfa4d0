//! References that nothing answers to once everything was looked at.

use super::stand::{ThisHost, canonical_on};
use super::{Estate, Line};
use crate::domain::{AssetId, Bonds, Gap, GapReason, GapScope, Inventory, printable};
use std::collections::{BTreeMap, HashSet};

/// What a survey finds by looking, and a file may therefore name without declaring it.
const SEEN: [&str; 10] = [
    "directory",
    "subvolume",
    "file",
    "filesystem",
    "pool",
    "partition",
    "device",
    "memory",
    "server",
    "host",
];

impl Estate {
    /// A gap for each asset that a declared bond names and that is not in the inventory of everything, at the first
    /// line that names it. Only what can be seen is missed: of the rest, reading the file made sure.
    pub fn dangling_gaps(&self, inventory: &Inventory, host: &ThisHost) -> Vec<Gap> {
        let there: HashSet<&AssetId> = inventory.assets.iter().map(|asset| &asset.id).collect();
        let mut missed: BTreeMap<AssetId, Line> = BTreeMap::new();
        for (bonds, line) in self.bonds() {
            let named = bonds.list.iter().flat_map(|bond| &bond.on).map(|on| canonical_on(on, host));
            for on in named.filter(|on| !there.contains(on) && can_be_seen(on)) {
                let first = missed.entry(on).or_insert(line);
                *first = line.min(*first);
            }
        }
        let gap = |(on, line): (AssetId, Line)| {
            let detail = format!(
                "{} is named there, and was neither found nor declared: correct the name, or declare it as [[asset]]",
                printable(on.0.as_bytes())
            );
            Gap { scope: GapScope::Below(on), place: self.place(line), reason: GapReason::Vanished, detail }
        };
        missed.into_iter().map(gap).collect()
    }

    /// Everything that is declared with bonds, with its line.
    fn bonds(&self) -> impl Iterator<Item = (&Bonds, Line)> {
        let volumes = self.volumes.iter().map(|entry| (&entry.bonds, entry.line));
        let vaults = self.vaults.iter().map(|entry| (&entry.bonds, entry.line));
        let assets = self.assets.iter().map(|entry| (&entry.bonds, entry.line));
        volumes.chain(vaults).chain(assets).chain(self.points.iter().map(|entry| (&entry.bonds, entry.line)))
    }
}

fn can_be_seen(id: &AssetId) -> bool {
    id.0.split_once(':').is_some_and(|(word, _)| SEEN.contains(&word))
}
