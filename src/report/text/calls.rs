//! With which call a volume is deleted, and who may make it.

use crate::catalogue::{Catalogue, Deleted};
use crate::domain::{AssetId, Hazard, HazardClass, Nature};
use crate::isolation::{CutEvent, Graph};
use std::collections::BTreeSet;

/// The call that deletes the volume behind an asset, by what the catalogue states of its recovery points' kinds. `None`
/// where no kind names a call, and where several name different ones: then it is not known what the volume itself is.
pub(crate) fn call_that_deletes<'c>(
    graph: &Graph,
    catalogue: &'c Catalogue,
    asset: &AssetId,
) -> Option<&'c str> {
    let volumes = graph.inventory().volumes.iter().filter(|volume| volume.asset == *asset);
    let points = volumes.flat_map(|volume| graph.points_of(&volume.id));
    let kinds: BTreeSet<&str> = points.filter_map(|point| point.catalogued.as_deref()).collect();
    let stated = kinds.into_iter().filter_map(|kind| catalogue.kind(kind)?.deletion.get(&Deleted::Volume));
    let calls: BTreeSet<&str> = stated.filter_map(|stated| stated.says.call.as_deref()).collect();
    if calls.len() == 1 { calls.first().copied() } else { None }
}

/// Whether an event is the misuse of a credential that alone may delete the asset.
pub(super) fn is_caller(graph: &Graph, event: &CutEvent, asset: &AssetId) -> bool {
    let Some(Hazard::Compromised(credential)) = &event.hazard else { return false };
    let all = &graph.inventory().assets;
    let deleted = all.iter().find(|known| known.id == *asset);
    event.classes.contains(&HazardClass::Credential)
        && deleted.into_iter().flat_map(|known| known.bonds.list.iter()).any(|bond| {
            matches!(bond.nature, Nature::DeletableBy | Nature::AdministeredBy)
                && bond.dies_at == 1
                && bond.on.contains(credential)
        })
}
