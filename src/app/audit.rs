//! Auditing: survey, expand, judge.

use super::{Context, SurveyOrder, survey};
use crate::catalogue::Catalogue;
use crate::domain::{Policy, Result, Timestamp};
use crate::isolation::{Graph, expand_whole};
use crate::rules::{Judged, Overall, judge, overall};

/// An audit's whole result.
pub struct Audited {
    /// What was seen, with its bonds.
    pub graph: Graph,
    /// What was stated of kinds of recovery points.
    pub catalogue: Catalogue,
    /// What was said about each volume.
    pub judged: Vec<Judged>,
    /// What it comes to.
    pub overall: Overall,
    /// When.
    pub at: Timestamp,
}

/// Surveys and judges.
///
/// # Errors
/// `Internal` where the compiled-in catalogue is broken: what cannot be seen is in the result.
pub fn audit(context: &Context, order: &SurveyOrder, policy: &Policy) -> Result<Audited> {
    let inventory = survey(context, order);
    let catalogue = Catalogue::built_in()?;
    let graph = expand_whole(inventory, &catalogue);
    let at = (context.clock)();
    let judged = judge(&graph, policy, at);
    let overall = overall(&judged, &graph);
    Ok(Audited { graph, catalogue, judged, overall, at })
}
