//! What may also apply to a volume, unseen or undeclared.

use super::closure::Strike;
use super::survival::{Shadow, View};
use super::unseen::Openness;
use crate::domain::{AssetKind, Hazard, HazardClass};
use std::collections::{BTreeMap, BTreeSet};

impl View<'_, '_> {
    /// Where something of the chain is open: what would survive the loss of the unseen, and of each known
    /// asset that may be below without anybody seeing it. One closure for each, so a survey that leaves
    /// much open costs more to judge.
    pub(super) fn shadows(&mut self, top: usize) -> Vec<Shadow> {
        let graph = self.graph;
        let chain: BTreeSet<usize> = graph.chain_nodes(top).into_iter().collect();
        let mut shadows = Vec::new();
        let mut suspects: BTreeMap<usize, (HazardClass, String)> = BTreeMap::new();
        for (id, node) in graph.assets.iter().filter(|(_, node)| chain.contains(node)) {
            let (lacking, hidden) = (graph.lacking(*node), graph.hidden_classes(*node));
            // That nobody looked for a host counts for a volume that is itself only declared.
            let lacking = lacking.into_iter().filter(|class| class.is_wide() || *node == top);
            let (wide, narrow): (BTreeSet<_>, BTreeSet<_>) =
                lacking.chain(hidden).partition(|class| class.is_wide());
            let wide: BTreeSet<HazardClass> = wide.intersection(self.asked).copied().collect();
            if !narrow.is_empty() {
                // Others of which no host was declared may share it.
                let unseated = *node == top && graph.nodes[top].kind == Some(AssetKind::Volume);
                let seen = graph.openness(*node) != Openness::Closed && !unseated;
                let unseen = Strike::Unseen(id.clone());
                let strike = if seen { unseen } else { Strike::Undeclared(id.clone(), HazardClass::Host) };
                let because = graph.undeclared(*node, HazardClass::Host);
                shadows.push(Shadow { classes: narrow.clone(), because, cell: self.cell_under(&strike) });
            }
            for class in &wide {
                let cell = self.cell_under(&Strike::Undeclared(id.clone(), *class));
                let because = graph.undeclared(*node, *class);
                shadows.push(Shadow { classes: [*class].into(), because, cell });
            }
            for other in graph.assets.values().filter(|other| !chain.contains(other)) {
                let class = graph.nodes[*other].kind.and_then(HazardClass::of_loss);
                let class = class.filter(|class| narrow.contains(class) || wide.contains(class));
                if let Some(class) = class
                    && (graph.may_stand_on(*node, *other) || graph.may_lie_in(*node, *other))
                    && !graph.rests_on(*other).contains(node)
                {
                    suspects.entry(*other).or_insert_with(|| (class, graph.undeclared(*node, class)));
                }
            }
        }
        for (id, node) in &graph.assets {
            let Some((class, why)) = suspects.remove(node) else { continue };
            let cell = self.cell_under(&Strike::one(Hazard::Lost(id.clone())));
            let because = format!("{why}; it may be {}", graph.nodes[*node].label);
            shadows.push(Shadow { classes: [class].into(), because, cell });
        }
        shadows
    }
}
