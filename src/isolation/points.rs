//! What recovery points count for.

use super::graph::Graph;
use crate::domain::{CopyState, GapScope, RecoveryPoint, Usable, Volume};

/// Why a gap may hide recovery points of a volume, if one does.
pub(crate) fn hidden_points(graph: &Graph, volume: &Volume) -> Option<String> {
    let hides = |scope: &GapScope| match scope {
        GapScope::PointsOf(of) => *of == volume.id,
        GapScope::Points => true,
        GapScope::Volume(_) | GapScope::Below(_) | GapScope::Asked(_) | GapScope::Inside(_) => false,
    };
    let gap = graph.inventory.gaps.iter().find(|gap| hides(&gap.scope))?;
    Some(format!("recovery points may be hidden: {}: {}", gap.place, gap.reason.word()))
}

/// Known to be useless: it never counts.
pub(crate) fn useless(point: &RecoveryPoint) -> bool {
    matches!(point.usable, Usable::No(_))
}

/// Why a point cannot be counted on, though nothing proves it useless.
pub(crate) fn doubtful(point: &RecoveryPoint) -> Option<String> {
    match (&point.usable, point.state) {
        (Usable::Unproven(why) | Usable::No(why), _) => Some(why.clone()),
        (Usable::Yes, Some(state @ (CopyState::Incomplete | CopyState::Damaged))) => {
            Some(format!("{} is {}", point.name, state.word()))
        }
        (Usable::Yes, _) => None,
    }
}
