//! Which volumes must be back before another: the order of a restore, which must not run in a circle.

use super::super::VolumeEntry;
use super::file::File;
use super::names::Names;
use super::value::Value;
use super::words::shown;
use crate::domain::VolumeId;
use std::collections::BTreeMap;

/// More circles than this help nobody.
const TOLD: usize = 20;
/// A longer circle is shown by its beginning.
const SHOWN: usize = 6;

/// The volumes that `after` of the volume `own` names.
pub(super) fn after(value: &Value<'_>, own: Option<&str>, volumes: &Names) -> Vec<VolumeId> {
    let mut before: Vec<VolumeId> = Vec::new();
    for item in value.list().unwrap_or_default() {
        let Some(name) = volumes.used_by(&item) else { continue };
        if own == Some(name.as_str()) {
            item.complain("names the volume itself", "leave it out: nothing waits for itself");
        } else if before.iter().any(|known| known.0 == name) {
            item.complain("names a volume twice", "leave one of the two out");
        } else {
            before.push(VolumeId(name));
        }
    }
    before
}

/// Complains of volumes that wait for each other: neither could ever be restored first.
pub(super) fn complain_of_circles(file: &File<'_>, volumes: &[VolumeEntry]) {
    let places: BTreeMap<&VolumeId, usize> =
        volumes.iter().enumerate().map(|(place, volume)| (&volume.id, place)).collect();
    let mut seen = vec![Seen::Not; volumes.len()];
    let mut told = 0;
    for first in 0..volumes.len() {
        if seen[first] != Seen::Not {
            continue;
        }
        seen[first] = Seen::Above;
        // A stack of its own: a chain may be as long as the file.
        let mut way: Vec<(usize, usize)> = vec![(first, 0)];
        while let Some((own, next)) = way.last_mut() {
            let Some(id) = volumes[*own].after.get(*next) else {
                seen[*own] = Seen::Wholly;
                way.pop();
                continue;
            };
            *next += 1;
            match places.get(id).map(|to| (*to, seen[*to])) {
                Some((to, Seen::Not)) => {
                    seen[to] = Seen::Above;
                    way.push((to, 0));
                }
                Some((to, Seen::Above)) if told < TOLD => {
                    told += 1;
                    let from = way.iter().position(|(own, _)| *own == to).unwrap_or_default();
                    let circle: Vec<&VolumeEntry> =
                        way[from..].iter().map(|(own, _)| &volumes[*own]).collect();
                    say(file, &circle);
                }
                _ => {}
            }
        }
    }
}

/// Where a search stands with a volume.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    Above,
    Wholly,
}

/// Says a circle from the volume that the file has first.
fn say(file: &File<'_>, circle: &[&VolumeEntry]) {
    let Some(first) = (0..circle.len()).min_by_key(|place| circle[*place].line) else { return };
    let around: Vec<&VolumeEntry> = circle[first..].iter().chain(&circle[..first]).copied().collect();
    let mut what = shown(&around[0].id.0);
    for (place, volume) in around.iter().cycle().skip(1).take(around.len().min(SHOWN)).enumerate() {
        let joint = if place == 0 { " waits" } else { ", which waits" };
        what += &format!("{joint} for {} (line {})", shown(&volume.id.0), volume.line);
    }
    if around.len() > SHOWN {
        what += &format!(", and so on over {} more", around.len() - SHOWN);
    }
    let remedy = "take one of these `after` out: one of the volumes has to be restored first";
    file.complain(file.start_of(around[0].line), what, remedy);
}
