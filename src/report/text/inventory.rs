//! The inventory for people: volumes with what they stand on, and their recovery points.

use super::audit::gaps;
use super::look::{Look, Tone, Toned, moment, plain};
use crate::domain::{RecoveryPoint, Timestamp, Usable, Volume, say_duration};
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
    out.push_str(&gaps(all, look));
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

fn table(graph: &Graph, points: &[&RecoveryPoint], now: Timestamp, look: Look) -> String {
    let rows: Vec<Vec<Toned>> = points.iter().map(|point| row(graph, point, now)).collect();
    look.table(&["recovery point", "kind", "taken", "age", "lies on", "state", "usable"], &rows)
}

fn row(graph: &Graph, point: &RecoveryPoint, now: Timestamp) -> Vec<Toned> {
    let unknown = || ("unknown".to_owned(), Tone::Open);
    let taken = point.taken_at.value();
    let age = taken.map_or_else(unknown, |at| plain(say_duration(now - *at)));
    let places = graph.places(&point.id);
    let usable = match &point.usable {
        Usable::Yes => plain("yes"),
        Usable::Unproven(why) => (format!("unproven: {why}"), Tone::Open),
        Usable::No(why) => (format!("no: {why}"), Tone::Bad),
    };
    vec![
        plain(point.name.clone()),
        plain(point.kind.word()),
        taken.map_or_else(unknown, |at| plain(moment(*at))),
        age,
        if places.is_empty() { unknown() } else { plain(places.join(", ")) },
        plain(point.state.map_or("-", |state| state.word())),
        usable,
    ]
}
