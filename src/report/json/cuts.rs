//! The minimal cut sets of a volume, as part of `outlive/audit/v0`.

use super::parts::ActJson;
use crate::isolation::{CutEvent, CutSets, Sets};
use serde::Serialize;

/// Sets hold numbers of `events`, from 0.
#[derive(Serialize)]
pub(super) struct CutSetsJson {
    events: Vec<EventJson>,
    certain: SetsJson,
    possible: SetsJson,
    alike: Vec<Vec<usize>>,
    hidden: Option<String>,
}

/// Of the loss of something that nobody saw, the hazard is null, and the title says what is not known.
#[derive(Serialize)]
struct EventJson {
    hazard: Option<ActJson>,
    classes: Vec<&'static str>,
    title: String,
}

#[derive(Serialize)]
struct SetsJson {
    complete_to: usize,
    sets: Vec<Vec<usize>>,
}

impl From<&CutSets> for CutSetsJson {
    fn from(cuts: &CutSets) -> Self {
        Self {
            events: cuts.events.iter().map(EventJson::from).collect(),
            certain: (&cuts.certain).into(),
            possible: (&cuts.possible).into(),
            alike: cuts.alike(),
            hidden: cuts.hidden.clone(),
        }
    }
}

impl From<&CutEvent> for EventJson {
    fn from(event: &CutEvent) -> Self {
        Self {
            hazard: event.hazard.as_ref().map(ActJson::from),
            classes: event.classes.iter().map(|class| class.word()).collect(),
            title: event.title.clone(),
        }
    }
}

impl From<&Sets> for SetsJson {
    fn from(sets: &Sets) -> Self {
        let all = sets.sets.iter().map(|set| set.events().collect());
        Self { complete_to: sets.complete_to, sets: all.collect() }
    }
}
