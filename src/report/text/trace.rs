//! Explanations and blast radii for people: by which bonds things fall, and what would settle what is open.

use super::audit::drilled;
use super::look::{Look, Tone, Toned, chain_line, moment, plain};
use crate::domain::{Grace, How, Lock, LockMode, RecoveryPoint, Timestamp, printable, say_duration};
use crate::isolation::{Fate, Graph, Radius, Reason, Standing, Stay, Step, Struck, TracedPoints};
use crate::report::explained::Explained;
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// How many points of a group are named, and how many open questions are told.
const NAMED: usize = 3;
const OPEN: usize = 8;

/// Per volume and hazard the way from the hazard to each recovery point; its locks; the sources of what was read.
pub fn explain_volumes(graph: &Graph, explained: &[Explained], now: Timestamp, look: Look) -> String {
    let mut out = String::new();
    for one in explained {
        if !out.is_empty() {
            out.push('\n');
        }
        let (volume, kind) = (&one.volume, one.volume.kind.word());
        out.push_str(&look.say(&format!("{} ({kind})", volume.name), 0, Tone::Strong));
        out.push_str(&look.say(&chain_line(volume, &one.chain), 2, Tone::Plain));
        if one.traced.is_empty() {
            out.push_str(&look.say(
                "No hazard of it is known: what it stands on was not seen.",
                2,
                Tone::Open,
            ));
        }
        for traced in &one.traced {
            out.push_str(&look.say(&format!("Under {}:", traced.title), 0, Tone::Strong));
            let (said, tone) = reason(&traced.primary, &[], "the volume", Number::One);
            out.push_str(&look.item(&said, 2, tone));
            for points in &traced.points {
                let (said, tone) = group(graph, points, way_of(&traced.primary));
                out.push_str(&look.item(&said, 2, tone));
            }
        }
        if !one.perhaps.is_empty() {
            out.push_str(&look.say("What may also take it, and was not seen:", 0, Tone::Open));
        }
        for unseen in &one.perhaps {
            out.push_str(&look.item(unseen, 2, Tone::Open));
        }
        out.push_str(&locks(graph, one, now, look));
    }
    if explained.is_empty() {
        out.push_str(&look.say("No volume is reached: nothing dies, and nothing may.", 0, Tone::Good));
    }
    out.push_str(&sources(explained, look));
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    One,
    Several,
}

/// The way by which a volume falls.
fn way_of(primary: &Reason) -> &[Step] {
    match &primary.fate {
        Fate::Dies { path, .. } => path,
        Fate::Undetermined { .. } | Fate::Survives { .. } => &[],
    }
}

fn group(graph: &Graph, points: &TracedPoints, primary: &[Step]) -> (String, Tone) {
    let (who, number) = named(graph, points);
    let (mut said, mut tone) = reason(&points.reason, primary, &who, number);
    match &points.standing {
        Standing::Counts => {}
        Standing::Unproven(why) => {
            said.push_str(&format!(" (unproven: {why})"));
            tone = if tone == Tone::Good { Tone::Open } else { tone };
        }
        Standing::Useless(why) => {
            said.push_str(&format!(" (useless: {why})"));
            tone = Tone::Plain;
        }
    }
    (said, tone)
}

fn named(graph: &Graph, points: &TracedPoints) -> (String, Number) {
    let places = &points.places;
    let [first, others @ ..] = places.as_slice() else { return (String::new(), Number::Several) };
    if others.is_empty() {
        return (graph.label_at(*first), Number::One);
    }
    let name = |place: &u32| graph.at(*place).map_or_else(String::new, |point| point.name.clone());
    let mut names = vec![graph.label_at(*first)];
    names.extend(others.iter().take(NAMED - 1).map(name));
    let more = places.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (format!("{} recovery points ({}{more})", places.len(), names.join(", ")), Number::Several)
}

/// What becomes of something; of a way that begins like that of the volume, only the rest.
fn reason(reason: &Reason, primary: &[Step], who: &str, number: Number) -> (String, Tone) {
    let one = number == Number::One;
    match &reason.fate {
        Fate::Dies { path, grace } => {
            let verb = if one { "dies" } else { "die" };
            let rest = path.strip_prefix(primary).filter(|rest| !primary.is_empty() && !rest.is_empty());
            let verb = if rest.is_some() { format!("{verb} with the volume") } else { verb.to_owned() };
            let steps: Vec<String> = rest.unwrap_or(path).iter().map(step).collect();
            let way = if steps.is_empty() { String::new() } else { format!(": {}", steps.join("; ")) };
            (format!("{who} {verb}{way}{}", window(*grace)), Tone::Bad)
        }
        Fate::Undetermined { missing } => {
            let settle =
                reason.settle.as_ref().map_or_else(String::new, |fact| format!("; to settle it: {fact}"));
            (format!("{who} may die: {missing}{settle}"), Tone::Open)
        }
        Fate::Survives { until } => {
            let verb = if one { "stays" } else { "stay" };
            let until = until.map_or_else(String::new, |at| format!(", by its lock, until {}", moment(at)));
            (format!("{who} {verb}{until}"), Tone::Good)
        }
    }
}

fn window(grace: Option<Grace>) -> String {
    let span = grace.and_then(|grace| TimeDelta::try_seconds(i64::try_from(grace.seconds).ok()?));
    span.map_or_else(String::new, |span| format!(" (can be undeleted for {})", say_duration(span)))
}

fn step(step: &Step) -> String {
    let how = match &step.how {
        How::Observed(_) => String::new(),
        How::Documented(source) => format!(" (documented by {}, read {})", source.address, source.read),
        How::Declared(owner) => format!(" (declared by {})", printable(owner.0.as_bytes())),
    };
    format!("{} {} {}{how}", step.thing, step.verb, step.on)
}

/// A lock in words; one that has ended is none.
pub(super) fn lock(lock: &Lock, now: Timestamp) -> String {
    let mode = match lock.mode {
        LockMode::None => return "none".to_owned(),
        LockMode::LegalHold => return "legal hold".to_owned(),
        LockMode::Compliance => "compliance",
        LockMode::Governance => "governance",
    };
    match lock.until {
        None => format!("{mode}, end unknown"),
        Some(until) if until <= now => format!("{mode}, ended {}", moment(until)),
        Some(until) => format!("{mode} until {}", moment(until)),
    }
}

fn locks(graph: &Graph, one: &Explained, now: Timestamp, look: Look) -> String {
    let mut by_lock: BTreeMap<String, Vec<&RecoveryPoint>> = BTreeMap::new();
    for point in graph.points_of(&one.volume.id) {
        let said = point.lock.value().map_or_else(|| "not known".to_owned(), |known| lock(known, now));
        by_lock.entry(said).or_default().push(point);
    }
    let mut out = String::new();
    if by_lock.is_empty() {
        return out;
    }
    out.push_str(&look.say("Locks of its recovery points:", 0, Tone::Strong));
    for (said, points) in by_lock {
        let names: Vec<&str> = points.iter().take(NAMED).map(|point| point.name.as_str()).collect();
        let more = points.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        out.push_str(&look.item(&format!("{said}: {}{more}", names.join(", ")), 2, Tone::Plain));
    }
    out
}

fn sources(explained: &[Explained], look: Look) -> String {
    let traced = explained.iter().flat_map(|one| &one.traced);
    let reasons =
        traced.flat_map(|traced| traced.points.iter().map(|points| &points.reason).chain([&traced.primary]));
    let mut sources = BTreeSet::new();
    for reason in reasons {
        let Fate::Dies { path, .. } = &reason.fate else { continue };
        sources.extend(path.iter().filter_map(|step| match &step.how {
            How::Documented(source) => Some((source.address.clone(), source.read.clone())),
            How::Observed(_) | How::Declared(_) => None,
        }));
    }
    let mut out = String::new();
    if !sources.is_empty() {
        out.push_str(&look.say("Sources:", 0, Tone::Strong));
    }
    for (address, read) in sources {
        out.push_str(&look.item(&format!("{address}, read {read}"), 2, Tone::Plain));
    }
    out
}

/// What hazards would take, of every volume that they reach.
pub fn what_if(graph: &Graph, radius: &Radius, now: Timestamp, look: Look) -> String {
    let mut out = look.say(&format!("What if, at {}: {}", moment(now), radius.title), 0, Tone::Strong);
    let rows: Vec<_> = radius.struck.iter().map(|struck| row(graph, struck, now)).collect();
    if rows.is_empty() {
        out.push_str(&look.say("No volume is reached.", 0, Tone::Good));
    } else {
        let heading = [
            "volume",
            "itself",
            "points die",
            "may die",
            "stay",
            "newest that is left",
            "age",
            "last drilled",
        ];
        out.push_str(&look.table(&heading, &rows));
    }
    let count = |open: bool| {
        let dies = |struck: &&Struck| match struck.traced.primary.fate {
            Fate::Dies { .. } => !open,
            Fate::Undetermined { .. } => open,
            Fate::Survives { .. } => false,
        };
        radius.struck.iter().filter(dies).count()
    };
    let (dead, perhaps) = (count(false), count(true));
    let stay = radius.struck.len() - dead - perhaps;
    let sum = format!(
        "Volumes that die: {dead}; that may: {perhaps}; that stay, and whose points die or may: {stay}; untouched: {}.",
        radius.untouched
    );
    out.push_str(&look.say(&sum, 0, Tone::Strong));
    if radius.orphans > 0 {
        let orphans =
            format!("Recovery points of which nobody knows the volume die too, or may: {}.", radius.orphans);
        out.push_str(&look.say(&orphans, 0, Tone::Open));
    }
    out.push_str(&open_questions(radius, look));
    if let Some(first) = radius.struck.first() {
        let more = format!("By which bonds: outlive explain {}", first.volume.id);
        out.push_str(&look.say(&more, 0, Tone::Plain));
    }
    out
}

fn row(graph: &Graph, struck: &Struck, now: Timestamp) -> Vec<Toned> {
    let itself = match struck.traced.primary.fate {
        Fate::Dies { .. } => ("DIES".to_owned(), Tone::Bad),
        Fate::Undetermined { .. } => ("MAY DIE".to_owned(), Tone::Open),
        Fate::Survives { .. } => ("stays".to_owned(), Tone::Good),
    };
    let (left, age, drill) = match (struck.newest, &struck.hidden) {
        (None, None) => (("NONE".to_owned(), Tone::Bad), plain("-"), plain("-")),
        (None, Some(why)) => ((format!("UNKNOWN ({why})"), Tone::Open), plain("-"), plain("-")),
        (Some((place, stay)), _) => {
            let label = graph.label_at(place);
            let cell = match stay {
                Stay::Certain => (label, Tone::Good),
                Stay::Unproven => (format!("{label}, unproven"), Tone::Open),
                Stay::Perhaps => (format!("perhaps {label}"), Tone::Open),
            };
            let point = graph.at(place);
            let taken = point.and_then(|point| point.taken_at.value().copied()).filter(|at| *at <= now);
            let age = taken.map_or(("unknown".to_owned(), Tone::Open), |at| plain(say_duration(now - at)));
            (cell, age, plain(point.map_or_else(String::new, |point| drilled(&point.drilled_at))))
        }
    };
    let number = |count: usize| plain(count.to_string());
    vec![
        plain(struck.volume.name.clone()),
        itself,
        number(struck.dies),
        number(struck.may_die),
        number(struck.stays),
        left,
        age,
        drill,
    ]
}

/// What is not known, each question once.
fn open_questions(radius: &Radius, look: Look) -> String {
    let mut questions = BTreeSet::new();
    for struck in &radius.struck {
        let points = struck.traced.points.iter().map(|points| &points.reason);
        for reason in std::iter::once(&struck.traced.primary).chain(points) {
            if let Fate::Undetermined { missing } = &reason.fate {
                let settle =
                    reason.settle.as_ref().map_or_else(String::new, |fact| format!("; to settle it: {fact}"));
                questions.insert(format!("{missing}{settle}"));
            }
        }
    }
    let mut out = String::new();
    if !questions.is_empty() {
        out.push_str(&look.say("What is not known:", 0, Tone::Open));
    }
    for question in questions.iter().take(OPEN) {
        out.push_str(&look.item(question, 2, Tone::Plain));
    }
    if questions.len() > OPEN {
        let more = format!("and {} more: --format json lists them", questions.len() - OPEN);
        out.push_str(&look.item(&more, 2, Tone::Plain));
    }
    out
}
