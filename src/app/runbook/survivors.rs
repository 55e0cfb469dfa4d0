//! What is left: every place with copies, and what survives which loss.

use super::index::At;
use super::lasting::{Lasting, ends_early};
use super::look::{Found, Looked};
use super::{Scene, known};
use crate::domain::{RecoveryPoint, Timestamp, Usable};
use crate::estate::VolumeEntry;
use crate::isolation::{Cell, PointPlace, Row};
use crate::report::activity::say_lock;
use crate::report::runbook::{HazardLine, PlaceOfCopies, PointLine};
use std::collections::BTreeMap;

/// How many copies of a place are shown: a page is to be read.
const SHOWN: usize = 7;

/// The recovery points in vaults that can be proposed, the best first: those that survive the deletion of the
/// primary, then those that count before those that may not, then the newest. One a vault.
pub(super) fn candidates<'s, 'a>(
    scene: &'s Scene<'a>,
    entry: &VolumeEntry,
    lasting: &Lasting<'_>,
) -> Vec<(&'s Looked<'a>, &'s Found)> {
    let graph = &scene.audited.graph;
    // The first row is the deletion of the primary.
    let survives = |place: Option<PointPlace>| place.is_some_and(|place| lasting.survives(0, place));
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
pub(super) fn places(scene: &Scene<'_>, entry: &VolumeEntry, lasting: &Lasting<'_>) -> Vec<PlaceOfCopies> {
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
    let place = |((place, domains), mut points): ((String, Vec<String>), Vec<&RecoveryPoint>)| {
        points.sort_by_key(|point| (std::cmp::Reverse(known(&point.taken_at)), &point.id));
        let newest = points.first().and_then(|point| graph.place(&point.id));
        let (survives, ending, open) = newest.map(|newest| fates(lasting, newest)).unwrap_or_default();
        let lines = points.iter().take(SHOWN).map(|point| line(scene, point));
        let of = domains_of(scene, points.first().copied(), domains);
        PlaceOfCopies {
            place,
            domains: of,
            count: points.len(),
            points: lines.collect(),
            survives,
            ending,
            open,
        }
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

/// Which losses a point survives for as long as the page is believed, which until its lock ends, and of which nobody can say.
fn fates(lasting: &Lasting<'_>, point: PointPlace) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut survives, mut ending, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for (number, row) in lasting.rows.iter().enumerate() {
        match lasting.ends_at(number, point) {
            Some(end) => ending.push(format!("{} (until {})", row.title, minute(end))),
            None if row.survivors.contains(&point) => survives.push(row.title.clone()),
            None if !row.dead.contains(&point) => open.push(row.title.clone()),
            None => {}
        }
    }
    (survives, ending, open)
}

/// A moment as pages say it.
pub(super) fn minute(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
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
        lock: lock(scene, point),
        lock_ends_at: ends_early(scene, point),
        restored_at: known(&point.drilled_at).flatten(),
        doubt: match &point.usable {
            Usable::Yes => None,
            Usable::Unproven(why) | Usable::No(why) => Some(why.clone()),
        },
    }
}

fn lock(scene: &Scene<'_>, point: &RecoveryPoint) -> String {
    let Some(lock) = point.lock.value() else { return "unknown".to_owned() };
    match lock.until {
        Some(end) if end <= scene.audited.at => {
            format!("none any more: it ended {}", minute(end))
        }
        _ => say_lock(*lock),
    }
}

/// What is left after each loss.
pub(super) fn hazards(scene: &Scene<'_>, lasting: &Lasting<'_>) -> Vec<HazardLine> {
    let line = |(number, row): (usize, &Row)| {
        let (left, age_seconds) = match &row.cell {
            Cell::Survivor { point, age, .. } => {
                (scene.audited.graph.label_at(*point), age.map(|age| age.num_seconds()))
            }
            Cell::None => ("NONE".to_owned(), None),
            Cell::Unknown { because } => (format!("unknown: {because}"), None),
        };
        let until = match &row.cell {
            Cell::Survivor { point, .. } => lasting.ends_at(number, *point),
            Cell::None | Cell::Unknown { .. } => None,
        };
        HazardLine {
            hazard: row.title.clone(),
            takes_primary: row.takes_primary,
            left,
            age_seconds,
            until,
            then: until.map(|_| afterwards(scene, lasting, number)),
        }
    };
    lasting.rows.iter().enumerate().map(line).collect()
}

/// What is left of a row once every lock has ended that ends before the page does.
fn afterwards(scene: &Scene<'_>, lasting: &Lasting<'_>, row: usize) -> String {
    let graph = &scene.audited.graph;
    let newest =
        lasting.lasting(row).max_by_key(|place| graph.at(*place).and_then(|point| known(&point.taken_at)));
    newest.map_or_else(|| "NONE".to_owned(), |place| graph.label_at(place))
}
