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
        Hazard::Compromised(_) => match class_of(graph, hazard) {
            HazardClass::Credential => format!("misuse of {label}{}", found(graph, hazard.asset())),
            _ => format!("takeover of {label}"),
        },
        Hazard::BadData(_) => format!("bad data in {label}"),
    }
}

/// Where a credential can be had.
fn found(graph: &Graph, credential: &AssetId) -> String {
    let node = graph.assets.get(credential);
    let places = node
        .map(|node| [Nature::YieldedBy, Nature::StoredOn].map(|nature| graph.labels(*node, nature)).concat());
    match places.filter(|places| !places.is_empty()) {
        Some(places) => format!(" (found on {})", places.join(", ")),
        None => String::new(),
    }
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
