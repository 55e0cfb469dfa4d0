//! Which survivors of a loss are ones for as long as a page is believed: the lock of a copy may end before the page does.

use super::Scene;
use crate::domain::{RecoveryPoint, Timestamp};
use crate::estate::VolumeEntry;
use crate::isolation::{PointPlace, Row, survival};
use std::collections::BTreeMap;

/// The survival table of a volume, and who falls out of it while the page is believed.
pub(super) struct Lasting<'a> {
    /// The table as it is now.
    pub rows: &'a [Row],
    /// Per row: the survivors that are none any more when the page ends, each with the end of the lock.
    ending: Vec<BTreeMap<PointPlace, Timestamp>>,
}

impl<'a> Lasting<'a> {
    pub fn of(scene: &Scene<'a>, entry: &VolumeEntry) -> Self {
        let Some(judged) = scene.judged(&entry.id) else { return Self { rows: &[], ending: Vec::new() } };
        let (graph, rows) = (&scene.audited.graph, judged.survival.rows.as_slice());
        let ends = |point: &RecoveryPoint| ends_early(scene, point);
        let Some(first) = graph.points_of(&entry.id).filter_map(ends).min() else {
            return Self { rows, ending: vec![BTreeMap::new(); rows.len()] };
        };
        // Locks only end: what survives now and at the page's end survives in between.
        let later = survival(graph, &judged.volume, &judged.policy, scene.until);
        let of_row = |row: &Row| {
            let same = same_loss(&later.rows, row);
            let stays = |place: &PointPlace| {
                !same.is_empty() && same.iter().all(|later| later.survivors.binary_search(place).is_ok())
            };
            let end = |place: &PointPlace| graph.at(*place).and_then(ends).unwrap_or(first);
            let gone = row.survivors.iter().filter(|place| !stays(place));
            gone.map(|place| (*place, end(place))).collect()
        };
        Self { rows, ending: rows.iter().map(of_row).collect() }
    }

    /// When a survivor of a row stops being one while the page is believed; none where it does not.
    pub fn ends_at(&self, row: usize, place: PointPlace) -> Option<Timestamp> {
        self.ending.get(row).and_then(|ending| ending.get(&place)).copied()
    }

    /// Whether a point survives a loss for as long as the page is believed.
    pub fn survives(&self, row: usize, place: PointPlace) -> bool {
        let now = self.rows.get(row).is_some_and(|row| row.survivors.binary_search(&place).is_ok());
        now && self.ends_at(row, place).is_none()
    }

    /// The survivors of a row that stay ones.
    pub fn lasting(&self, row: usize) -> impl Iterator<Item = PointPlace> {
        let all = self.rows.get(row).map(|row| row.survivors.as_slice()).unwrap_or_default();
        all.iter().copied().filter(move |place| self.ends_at(row, *place).is_none())
    }
}

/// The rows that speak of the same loss at another moment: there, two that left the same may not do so any more.
fn same_loss<'r>(rows: &'r [Row], of: &Row) -> Vec<&'r Row> {
    let answers = |row: &&Row| row.answers(of.class) || of.also.is_some_and(|also| row.answers(also));
    rows.iter().filter(|row| row.hazard.asset() == of.hazard.asset()).filter(answers).collect()
}

/// The end of a point's lock, where that is still to come and the page is believed for longer.
pub(super) fn ends_early(scene: &Scene<'_>, point: &RecoveryPoint) -> Option<Timestamp> {
    let end = point.lock.value().and_then(|lock| lock.until)?;
    (end > scene.audited.at && end <= scene.until).then_some(end)
}
