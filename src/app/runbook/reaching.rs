//! Which credentials, identities and hosts reach a volume, in wrong hands.

use super::Scene;
use crate::domain::{Asset, AssetKind, Hazard, HazardSet};
use crate::estate::VolumeEntry;
use crate::isolation::{Fate, Traced, trace};
use crate::report::runbook::Reaching;

/// More than this nobody revokes in a night, and each is traced.
const MOST: usize = 200;

/// Everything declared or seen that can be misused and may take the volume or copies of it along, the worst first.
pub(super) fn reaching(scene: &Scene<'_>, entry: &VolumeEntry) -> Vec<Reaching> {
    let graph = &scene.audited.graph;
    let misused = |asset: &&Asset| {
        matches!(
            asset.kind,
            AssetKind::Credential | AssetKind::Identity | AssetKind::Account | AssetKind::Host
        )
    };
    let Some(judged) = scene.judged(&entry.id) else { return Vec::new() };
    let assets: Vec<&Asset> = graph.inventory().assets.iter().filter(misused).take(MOST).collect();
    let taken_over = |asset: &&Asset| [Hazard::Compromised(asset.id.clone())].into_iter().collect();
    let sets: Vec<HazardSet> = assets.iter().map(taken_over).collect();
    let traced = trace(graph, &judged.volume, &sets, &judged.policy, scene.now);
    let one = |(asset, traced): (&&Asset, Traced)| {
        let takes = match &traced.primary.fate {
            Fate::Dies { .. } => "yes",
            Fate::Undetermined { .. } => "perhaps",
            Fate::Survives { .. } => "no",
        };
        let count = |is: &dyn Fn(&Fate) -> bool| {
            let own = traced.points.iter().filter(|points| !points.is_orphan && is(&points.reason.fate));
            own.map(|points| points.places.len()).sum()
        };
        let points: usize = count(&|fate| matches!(fate, Fate::Dies { .. }));
        let open: usize = count(&|fate| matches!(fate, Fate::Undetermined { .. }));
        let reaches = takes != "no" || points + open > 0;
        // Who has one of these can do something, whatever is known of it.
        let is_key = matches!(asset.kind, AssetKind::Credential | AssetKind::Identity);
        (reaches || is_key).then(|| Reaching {
            name: graph.asset_label(&asset.id),
            kind: asset.kind.word().to_owned(),
            takes_primary: takes.to_owned(),
            points,
            open,
        })
    };
    let mut all: Vec<Reaching> = assets.iter().zip(traced).filter_map(one).collect();
    let weight = |one: &Reaching| match one.takes_primary.as_str() {
        "yes" => 2,
        "perhaps" => 1,
        _ => 0,
    };
    all.sort_by(|one, other| {
        (weight(other), other.points, other.open, &one.name).cmp(&(
            weight(one),
            one.points,
            one.open,
            &other.name,
        ))
    });
    all.dedup();
    all
}
