//! Which credentials, identities and hosts reach a volume, in wrong hands.

use super::Scene;
use crate::domain::{Asset, AssetId, AssetKind};
use crate::estate::VolumeEntry;
use crate::isolation::{Dies, Graph, Weight, weigh};
use crate::report::runbook::Reaching;
use std::cmp::Reverse;

/// More than this nobody revokes in a night: the page says how many more there are.
const MOST: usize = 200;

/// What can be misused: the assets, and beside them how each is called. Found once for all volumes.
pub(super) struct Misused {
    ids: Vec<AssetId>,
    kinds: Vec<(AssetKind, String)>,
}

impl Misused {
    pub fn of(graph: &Graph) -> Self {
        let is_misused = |asset: &&Asset| {
            matches!(
                asset.kind,
                AssetKind::Credential | AssetKind::Identity | AssetKind::Account | AssetKind::Host
            )
        };
        let assets = graph.inventory().assets.iter().filter(is_misused);
        let (ids, kinds) =
            assets.map(|asset| (asset.id.clone(), (asset.kind, graph.asset_label(&asset.id)))).unzip();
        Self { ids, kinds }
    }
}

/// Everything declared or seen that can be misused and may take the volume or copies of it along, the worst first, and how
/// many more there are. What is left out weighs no more than what is shown.
pub(super) fn reaching(scene: &Scene<'_>, entry: &VolumeEntry) -> (Vec<Reaching>, usize) {
    let Some(judged) = scene.judged(&entry.id) else { return (Vec::new(), 0) };
    let weights = weigh(&scene.audited.graph, &judged.volume, &scene.misused.ids, scene.now);
    let mut all: Vec<(&(AssetKind, String), Weight)> =
        scene.misused.kinds.iter().zip(weights).filter(|((kind, _), weight)| counts(*kind, weight)).collect();
    all.sort_by_key(|((_, name), weight)| (Reverse((weight.primary, weight.dies, weight.open)), name));
    let more = all.len().saturating_sub(MOST);
    let said = |((kind, name), weight): (&(AssetKind, String), Weight)| Reaching {
        name: name.clone(),
        kind: kind.word().to_owned(),
        takes_primary: word(weight.primary).to_owned(),
        points: weight.dies,
        open: weight.open,
    };
    let mut shown: Vec<Reaching> = all.into_iter().take(MOST).map(said).collect();
    shown.dedup();
    (shown, more)
}

fn counts(kind: AssetKind, weight: &Weight) -> bool {
    // Who has one of these can do something, whatever is known of it.
    let is_key = matches!(kind, AssetKind::Credential | AssetKind::Identity);
    is_key || weight.primary != Dies::No || weight.dies + weight.open > 0
}

fn word(dies: Dies) -> &'static str {
    match dies {
        Dies::Yes => "yes",
        Dies::Perhaps => "perhaps",
        Dies::No => "no",
    }
}
