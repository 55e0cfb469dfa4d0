//! Weighing many assets at once says what tracing each of them says, and costs as much as the estate is large.

use crate::estate::now;
use crate::properties::policy;
use crate::random::{Random, cases, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Dies, Fate, Graph, Weight, expand, trace, weigh};

/// The same by tracing the asset alone.
fn traced(graph: &Graph, volume: &Volume, asset: &AssetId) -> Weight {
    let hazards = [Hazard::Compromised(asset.clone())].into();
    let traced = trace(graph, volume, &[hazards], &policy(), now()).remove(0);
    let dies = |fate: &Fate| match fate {
        Fate::Dies { .. } => Dies::Yes,
        Fate::Undetermined { .. } => Dies::Perhaps,
        Fate::Survives { .. } => Dies::No,
    };
    let count = |is: Dies| {
        let own = traced.points.iter().filter(|points| !points.is_orphan && dies(&points.reason.fate) == is);
        own.map(|points| points.places.len()).sum()
    };
    Weight { primary: dies(&traced.primary.fate), dies: count(Dies::Yes), open: count(Dies::Perhaps) }
}

#[test]
fn many_assets_weigh_together_what_each_of_them_weighs_alone() {
    let (mut heavy, mut open) = (0, 0);
    for case in 0..cases(300) {
        let seed = seed().wrapping_add(case);
        let mut random = Random(seed);
        let graph = expand(&random.tangle(), &Catalogue::default());
        let mut assets: Vec<AssetId> =
            graph.inventory().assets.iter().map(|asset| asset.id.clone()).collect();
        assets.push(AssetId("credential:nobody saw it".into()));
        for volume in &graph.inventory().volumes {
            let together = weigh(&graph, volume, &assets, now());
            for (asset, weight) in assets.iter().zip(&together) {
                assert_eq!(*weight, traced(&graph, volume, asset), "seed {seed}: {asset} on {}", volume.name);
            }
            heavy += together.iter().filter(|weight| weight.primary == Dies::Yes && weight.dies > 0).count();
            open += together.iter().filter(|weight| weight.open > 0).count();
        }
    }
    assert!(heavy > 300 && open > 300, "{heavy} take something, {open} perhaps");
}
