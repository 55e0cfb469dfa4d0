//! The inventory for people: volumes with what they stand on, and their recovery points.

use super::accounts::accounts;
use super::audit::{checks, drilled, escrows, gaps};
use super::look::{Look, Tone, Toned, moment, plain};
use super::trace::lock;
use crate::domain::{LockMode, RecoveryPoint, Timestamp, Usable, Volume, say_duration};
use crate::isolation::Graph;

/// Everything a survey saw, and what it could not see.
pub fn inventory(graph: &Graph, now: Timestamp, look: Look) -> String {
    let all = graph.inventory();
    let count = format!("Volumes: {}. Recovery points: {}.", all.volumes.len(), all.points.len());
    let mut out = look.say(&count, 0, Tone::Plain);
    for volume in &all.volumes {
        out.push('\n');
        out.push_str(&tree(graph, volume, look));
        let points: Vec<&RecoveryPoint> = graph.points_of(&volume.id).collect();
        out.push_str(&match points.as_slice() {
            [] => look.say("no recovery point was found", 2, Tone::Open),
            points => table(graph, points, now, look),
        });
    }
    let seen = |point: &&RecoveryPoint| {
        point.of.value().is_some_and(|of| all.volumes.iter().any(|volume| volume.id == *of))
    };
    let others: Vec<&RecoveryPoint> = all.points.iter().filter(|point| !seen(point)).collect();
    if !others.is_empty() {
        out.push('\n');
        out.push_str(&look.say("of other volumes, or of nobody knows which", 0, Tone::Strong));
        out.push_str(&table(graph, &others, now, look));
    }
    out.push_str(&accounts(all, now, look));
    out.push_str(&gaps(all, look));
    out.push_str(&checks(all, look));
    out.push_str(&escrows(all, now, look));
    out
}

fn tree(graph: &Graph, volume: &Volume, look: Look) -> String {
    let mut out = look.say(&format!("{} ({})", volume.name, volume.kind.word()), 0, Tone::Strong);
    for link in graph.chain(volume) {
        let indent = 2 + 2 * link.depth.min(12);
        let open = link.open.map_or_else(String::new, |why| format!(" ({why})"));
        out.push_str(&look.say(&format!("{}{open}", link.label), indent, Tone::Plain));
    }
    out
}

/// Columns in which every point would say the same are one sentence instead.
#[derive(Clone, Copy)]
struct Columns {
    locks: bool,
    drills: bool,
}

fn table(graph: &Graph, points: &[&RecoveryPoint], now: Timestamp, look: Look) -> String {
    let unlocked =
        |point: &&RecoveryPoint| point.lock.value().is_some_and(|lock| lock.mode == LockMode::None);
    let columns = Columns {
        locks: !points.iter().all(unlocked),
        drills: points.iter().any(|point| !point.drilled_at.is_unknown()),
    };
    let mut heading = vec!["recovery point", "kind", "taken", "age", "lies on"];
    heading.extend(columns.locks.then_some("lock"));
    heading.push("state");
    heading.extend(columns.drills.then_some("last drilled"));
    heading.push("usable");
    let rows: Vec<Vec<Toned>> = points.iter().map(|point| row(graph, point, columns, now)).collect();
    let mut out = look.table(&heading, &rows);
    let same = match (columns.locks, columns.drills) {
        (true, true) => return out,
        (true, false) => "No drill of any is known.",
        (false, true) => "None is locked.",
        (false, false) => "None is locked, and no drill of any is known.",
    };
    out.push_str(&look.say(same, 2, Tone::Plain));
    out
}

fn row(graph: &Graph, point: &RecoveryPoint, columns: Columns, now: Timestamp) -> Vec<Toned> {
    let unknown = || ("unknown".to_owned(), Tone::Open);
    let taken = point.taken_at.value();
    let age = taken.map_or_else(unknown, |at| plain(say_duration(now - *at)));
    let places = graph.places(&point.id);
    let usable = match &point.usable {
        Usable::Yes => plain("yes"),
        Usable::Unproven(why) => (format!("unproven: {why}"), Tone::Open),
        Usable::No(why) => (format!("no: {why}"), Tone::Bad),
    };
    let mut cells = vec![
        plain(point.name.clone()),
        plain(point.catalogued.as_deref().unwrap_or(point.kind.word())),
        taken.map_or_else(unknown, |at| plain(moment(*at))),
        age,
        if places.is_empty() { unknown() } else { plain(places.join(", ")) },
    ];
    if columns.locks {
        cells.push(point.lock.value().map_or_else(unknown, |known| plain(lock(known, now))));
    }
    cells.push(plain(point.state.map_or("-", |state| state.word())));
    if columns.drills {
        cells.push(plain(drilled(&point.drilled_at)));
    }
    cells.push(usable);
    cells
}
