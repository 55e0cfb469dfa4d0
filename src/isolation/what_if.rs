//! Hazards in words, and which one an asset's name stands for.

use super::event::{hands_class, loss_class};
use super::graph::Graph;
use crate::domain::{AssetId, Hazard, HazardClass, Nature};

/// A hazard in words.
pub fn hazard_title(graph: &Graph, hazard: &Hazard) -> String {
    let label = graph.asset_label(hazard.asset());
    match hazard {
        Hazard::Deleted(_) => format!("deletion of {label}"),
        Hazard::Lost(_) => format!("loss of {label}"),
        Hazard::Compromised(asset) => match class_of(graph, hazard) {
            HazardClass::Credential => format!("misuse of {}", with_places(graph, asset)),
            _ => format!("takeover of {label}"),
        },
        Hazard::BadData(_) => format!("bad data in {label}"),
    }
}

/// A credential, and where it can be had, each place once: "credential ci (found on host build-3)".
pub fn with_places(graph: &Graph, credential: &AssetId) -> String {
    let mut places: Vec<String> = Vec::new();
    let found =
        |node: &usize| [Nature::YieldedBy, Nature::StoredOn].map(|nature| graph.labels(*node, nature));
    for place in graph.assets.get(credential).map(found).into_iter().flatten().flatten() {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let label = graph.asset_label(credential);
    if places.is_empty() { label } else { format!("{label} (found on {})", places.join(", ")) }
}

/// The class of a hazard of something in the graph.
fn class_of(graph: &Graph, hazard: &Hazard) -> HazardClass {
    let kind = graph.assets.get(hazard.asset()).and_then(|node| graph.nodes[*node].kind);
    let class = match hazard {
        Hazard::Deleted(_) => None,
        Hazard::BadData(_) => Some(HazardClass::BadData),
        Hazard::Lost(_) => kind.and_then(loss_class),
        Hazard::Compromised(_) => kind.and_then(hands_class),
    };
    class.unwrap_or(HazardClass::PrimaryDeletion)
}

/// The hazard that an asset's name and, where there are several, an act stand for: `credential:ci`, `lost host:h`.
/// What comes naturally of it where no act is named: who has a credential misuses it, a volume is deleted, anything
/// else is lost.
pub fn natural_hazard(graph: &Graph, asset: AssetId) -> Hazard {
    let kind = graph.assets.get(&asset).and_then(|node| graph.nodes[*node].kind);
    let is_volume = graph.inventory().volumes.iter().any(|volume| volume.asset == asset);
    match kind {
        _ if is_volume => Hazard::Deleted(asset),
        Some(kind) if loss_class(kind).is_none() && hands_class(kind).is_some() => Hazard::Compromised(asset),
        Some(kind) if loss_class(kind).is_none() => Hazard::Deleted(asset),
        _ => Hazard::Lost(asset),
    }
}
