//! The fate of one recovery point under hazards, with its reason.

use super::closure::{Cause, Closure, Outcome, Strike, outcome};
use super::graph::Graph;
use crate::domain::{Grace, HazardSet, How, Nature, PointId, Timestamp};

/// One bond on the path from a hazard to a point, ready to be said: "THING VERB ON".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What falls.
    pub thing: String,
    /// Why, as a verb.
    pub verb: &'static str,
    /// What had fallen before; several joined by "and".
    pub on: String,
    /// How the bond is known.
    pub how: How,
}

/// What becomes of a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Dies {
        /// The bonds from the hazard to the point.
        path: Vec<Step>,
        /// The shortest undelete window on the path, if there is one.
        grace: Option<Grace>,
    },
    /// It stays.
    Survives {
        /// Until when that is known; `None` where nothing ends it.
        until: Option<Timestamp>,
    },
    /// It cannot be said.
    Undetermined {
        /// Which fact of which thing is missing, in words.
        missing: String,
    },
}

/// The fate of `point` when all of `hazards` happen at `_now`.
///
/// The moment matters once locks hold off deletions for a time; no hazard of today meets a lock.
pub fn fate(graph: &Graph, point: &PointId, hazards: &HazardSet, _now: Timestamp) -> Fate {
    match graph.points.get(point) {
        Some((_, node)) => fate_of(graph, &outcome(graph, &Strike::Hazards(hazards.clone())), *node),
        None => Fate::Undetermined { missing: format!("no recovery point {point} was seen") },
    }
}

/// The fate of a node, from closures already computed.
pub(super) fn fate_of(graph: &Graph, outcome: &Outcome, node: usize) -> Fate {
    if outcome.certain.lost[node].is_some() {
        let (path, grace) = path(graph, &outcome.certain, node);
        return Fate::Dies { path, grace };
    }
    if let Some(asset) = &outcome.foreign {
        return Fate::Undetermined { missing: format!("asset {asset} was not seen") };
    }
    if outcome.possible.lost[node].is_some() {
        return Fate::Undetermined { missing: missing(graph, outcome, node) };
    }
    Fate::Survives { until: None }
}

/// Walks from a fallen node to what struck first. Each step goes to something that fell earlier, so the
/// walk ends even where bonds form a cycle. Given what falls for certain, it prefers the doubtful supports:
/// they are why something only *may* fall.
fn walk(
    graph: &Graph,
    closure: &Closure,
    certain: Option<&Closure>,
    node: usize,
) -> (Vec<usize>, Option<(usize, Cause)>) {
    let (mut bonds, mut at) = (Vec::new(), (node, false));
    loop {
        let marks = if at.1 { &closure.deleted } else { &closure.lost };
        match marks[at.0].map(|mark| (mark.cause, mark.order)) {
            None | Some((Cause::Struck, _)) => return (bonds, None),
            Some((cause @ (Cause::Unseen(_) | Cause::Undeclared(_)), _)) => {
                return (bonds, Some((at.0, cause)));
            }
            Some((Cause::Bond(number), before)) => {
                bonds.push(number);
                let edge = &graph.edges[number];
                let deleted = edge.nature == Nature::CascadesFrom;
                let marks = if deleted { &closure.deleted } else { &closure.lost };
                let fallen = edge.on.iter().filter_map(|on| marks[*on].map(|mark| (mark.order, *on)));
                let doubtful = |node: usize| match certain {
                    Some(known) if deleted => known.deleted[node].is_none(),
                    Some(known) => known.lost[node].is_none(),
                    None => true,
                };
                let earlier = fallen.filter(|(order, _)| *order < before);
                match earlier.min_by_key(|(order, on)| (!doubtful(*on), *order)) {
                    Some((_, next)) => at = (next, deleted),
                    None => return (bonds, None),
                }
            }
        }
    }
}

fn path(graph: &Graph, closure: &Closure, node: usize) -> (Vec<Step>, Option<Grace>) {
    let (mut bonds, _) = walk(graph, closure, None, node);
    bonds.reverse();
    let grace =
        bonds.iter().filter_map(|number| graph.edges[*number].grace).min_by_key(|grace| grace.seconds);
    let steps = bonds.iter().map(|number| {
        let edge = &graph.edges[*number];
        let fallen = edge.on.iter().filter(|on| closure.lost[**on].is_some());
        let on: Vec<&str> = fallen.map(|on| graph.nodes[*on].label.as_str()).collect();
        Step {
            thing: graph.nodes[edge.holder].label.clone(),
            verb: edge.nature.verb(),
            on: on.join(" and "),
            how: edge.how.clone(),
        }
    });
    (steps.collect(), grace)
}

fn missing(graph: &Graph, outcome: &Outcome, node: usize) -> String {
    let (_, open) = walk(graph, &outcome.possible, Some(&outcome.certain), node);
    let why = open.and_then(|(node, cause)| match cause {
        Cause::Unseen(nature) => graph.nodes[node].open.get(&nature).cloned(),
        Cause::Undeclared(class) => Some(graph.undeclared(node, class)),
        Cause::Struck | Cause::Bond(_) => None,
    });
    why.unwrap_or_else(|| format!("what {} stands on is not wholly known", graph.nodes[node].label))
}
