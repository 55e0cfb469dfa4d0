//! What belongs to what, found once: an estate may have thousands of volumes, and each of them asks.

use super::look::Looked;
use crate::app::Audited;
use crate::domain::{PointId, VolumeId};
use crate::estate::Estate;
use std::collections::BTreeMap;

/// A vault and a point in it, by their places in the lists.
pub(super) type At = (usize, usize);

/// Everything by its volume.
pub(super) struct Index {
    /// The points in vaults.
    pub of_volume: BTreeMap<VolumeId, Vec<At>>,
    /// The same by the ids of the inventory.
    pub of_point: BTreeMap<PointId, At>,
    /// The place among what was judged.
    pub judged: BTreeMap<VolumeId, usize>,
    /// The volumes that wait for one.
    pub needed_by: BTreeMap<VolumeId, Vec<String>>,
}

impl Index {
    pub fn of(estate: &Estate, audited: &Audited, vaults: &[Looked<'_>]) -> Self {
        let (mut of_volume, mut of_point) = (BTreeMap::<VolumeId, Vec<At>>::new(), BTreeMap::new());
        for (vault, looked) in vaults.iter().enumerate() {
            for (place, found) in looked.found.iter().flat_map(|found| &found.points).enumerate() {
                of_point.insert(found.point.clone(), (vault, place));
                let seen = audited.graph.point(&found.point).and_then(|point| point.of.value());
                // Closed, and yet this machine's ledger may know whose it is.
                if let Some(volume) = seen.or(found.volume.as_ref()) {
                    of_volume.entry(volume.clone()).or_default().push((vault, place));
                }
            }
        }
        let judged = audited.judged.iter().enumerate();
        let judged = judged.map(|(place, judged)| (judged.volume.id.clone(), place)).collect();
        let mut needed_by: BTreeMap<VolumeId, Vec<String>> = BTreeMap::new();
        for volume in &estate.volumes {
            for before in &volume.after {
                needed_by.entry(before.clone()).or_default().push(volume.id.to_string());
            }
        }
        Self { of_volume, of_point, judged, needed_by }
    }
}
