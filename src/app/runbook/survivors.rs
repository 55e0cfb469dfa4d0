//! What is left: every place with copies, and what survives which loss.

use super::index::At;
use super::look::{Found, Looked};
use super::{Scene, known};
use crate::domain::{RecoveryPoint, Usable};
use crate::estate::VolumeEntry;
use crate::isolation::{Cell, PointPlace, Row};
use crate::report::activity::say_lock;
use crate::report::runbook::{HazardLine, PlaceOfCopies, PointLine};
use crate::rules::Judged;
use std::collections::BTreeMap;

/// How many copies of a place are shown: a page is to be read.
const SHOWN: usize = 7;

/// The recovery points in vaults that can be proposed, the best first: those that survive the deletion of the
/// primary, then those that count before those that may not, then the newest. One a vault.
pub(super) fn candidates<'s, 'a>(
    scene: &'s Scene<'a>,
    entry: &VolumeEntry,
) -> Vec<(&'s Looked<'a>, &'s Found)> {
    let graph = &scene.audited.graph;
    let survives = |place: Option<PointPlace>| {
        let rows = scene.judged(&entry.id).map(|judged| judged.survival.rows.as_slice()).unwrap_or_default();
        // The first row is the deletion of the primary.
        rows.first().zip(place).is_some_and(|(row, place)| row.survivors.contains(&place))
    };
    let mut best: BTreeMap<usize, (_, At)> = BTreeMap::new();
    for at in scene.index.of_volume.get(&entry.id).into_iter().flatten() {
        let Some((_, found)) = scene.found(*at) else { continue };
        let counts = match graph.point(&found.point).map(|point| &point.usable) {
            Some(Usable::Yes) => 2,
            Some(Usable::Unproven(_)) => 1,
            Some(Usable::No(_)) | None => continue,
        };
        let rank = (survives(graph.place(&found.point)), counts, found.taken_at);
        let last = best.entry(at.0).or_insert((rank, *at));
        if rank > last.0 {
            *last = (rank, *at);
        }
    }
    let mut all: Vec<_> = best.into_values().collect();
    all.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    all.into_iter().filter_map(|(_, at)| scene.found(at)).collect()
}

/// Where copies are, the place with the newest first.
pub(super) fn places(scene: &Scene<'_>, entry: &VolumeEntry) -> Vec<PlaceOfCopies> {
    let graph = &scene.audited.graph;
    let mut by_place: BTreeMap<(String, Vec<String>), Vec<&RecoveryPoint>> = BTreeMap::new();
    for point in graph.points_of(&entry.id) {
        let domains = graph.places(&point.id);
        let place = match in_vault(scene, point) {
            Some((looked, _)) => format!("vault {}", looked.entry.id),
            None => point.kind.word().to_owned(),
        };
        by_place.entry((place, domains)).or_default().push(point);
    }
    let rows = scene.judged(&entry.id).map(|judged| judged.survival.rows.as_slice()).unwrap_or_default();
    let place = |((place, domains), mut points): ((String, Vec<String>), Vec<&RecoveryPoint>)| {
        points.sort_by_key(|point| (std::cmp::Reverse(known(&point.taken_at)), &point.id));
        let newest = points.first().and_then(|point| graph.place(&point.id));
        let (survives, open) = fates(rows, newest);
        let lines = points.iter().take(SHOWN).map(|point| line(scene, point));
        let of = domains_of(scene, points.first().copied(), domains);
        PlaceOfCopies { place, domains: of, count: points.len(), points: lines.collect(), survives, open }
    };
    let mut places: Vec<PlaceOfCopies> = by_place.into_iter().map(place).collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.points.first().and_then(|newest| newest.taken_at)));
    places
}

/// What a place stands on: what its bytes lie on, and what was declared of its vault.
fn domains_of(scene: &Scene<'_>, newest: Option<&RecoveryPoint>, mut domains: Vec<String>) -> Vec<String> {
    let of_vault = newest.and_then(|point| in_vault(scene, point));
    let declared = of_vault.iter().flat_map(|(looked, _)| &looked.entry.stands_on.assets);
    for (kind, name) in declared {
        let said = format!("{} {name}", kind.word());
        // One that its bytes lie on is called by a longer name there.
        if !domains.iter().any(|domain| domain.to_lowercase().contains(&name.to_lowercase())) {
            domains.push(said);
        }
    }
    domains
}

/// A point as its vault has it.
fn in_vault<'s, 'a>(scene: &'s Scene<'a>, point: &RecoveryPoint) -> Option<(&'s Looked<'a>, &'s Found)> {
    scene.index.of_point.get(&point.id).and_then(|at| scene.found(*at))
}

/// Which losses a point survives for certain, and of which nobody can say.
fn fates(rows: &[Row], point: Option<PointPlace>) -> (Vec<String>, Vec<String>) {
    let Some(point) = point else { return (Vec::new(), Vec::new()) };
    let titles =
        |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).map(|row| row.title.clone()).collect();
    let survives = titles(&|row| row.survivors.contains(&point));
    let open = titles(&|row| !row.survivors.contains(&point) && !row.dead.contains(&point));
    (survives, open)
}

fn line(scene: &Scene<'_>, point: &RecoveryPoint) -> PointLine {
    let taken_at = known(&point.taken_at);
    let age = taken_at.map(|taken_at| (scene.now - taken_at).num_seconds());
    PointLine {
        name: point.kind.word().to_owned(),
        id: in_vault(scene, point).map(|(_, found)| found.short.clone()),
        taken_at,
        // What was taken in the future has no age that could be believed.
        age_seconds: age.filter(|age| *age >= 0),
        bytes: known(&point.bytes),
        state: point
            .state
            .map_or_else(|| "as observed, not proved".to_owned(), |state| state.word().to_owned()),
        lock: point.lock.value().map_or_else(|| "unknown".to_owned(), |lock| say_lock(*lock)),
        restored_at: known(&point.drilled_at).flatten(),
        doubt: match &point.usable {
            Usable::Yes => None,
            Usable::Unproven(why) | Usable::No(why) => Some(why.clone()),
        },
    }
}

/// What is left after each loss.
pub(super) fn hazards(scene: &Scene<'_>, judged: &Judged) -> Vec<HazardLine> {
    let line = |row: &Row| {
        let (left, age_seconds) = match &row.cell {
            Cell::Survivor { point, age, .. } => {
                (scene.audited.graph.label_at(*point), age.map(|age| age.num_seconds()))
            }
            Cell::None => ("NONE".to_owned(), None),
            Cell::Unknown { because } => (format!("unknown: {because}"), None),
        };
        HazardLine { hazard: row.title.clone(), takes_primary: row.takes_primary, left, age_seconds }
    };
    judged.survival.rows.iter().map(line).collect()
}
