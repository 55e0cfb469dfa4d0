//! The page as blocks, from its top to the survivors: what is read first, by somebody whose hands shake.

use super::block::{Block, Line};
use super::facts::{HazardLine, Outline, PlaceOfCopies, PointLine, Runbook, Runbooks};
use super::{plan, stop};
use crate::domain::{Timestamp, say_duration};
use crate::report::activity::{say_bytes, say_seconds};
use chrono::TimeDelta;

/// The pages of these runbooks, one after the other; where they are a piece of all, its number and how many pieces there are.
pub fn blocks(all: &Runbooks, runbooks: &[&Runbook], piece: Option<(usize, usize)>) -> Vec<Block> {
    let mut out = Vec::new();
    let is_alone = runbooks.len() == 1 && piece.is_none();
    if !is_alone {
        out.push(Block::Heading(1, "Runbooks: everything is gone, what now?".into()));
        if let Some((number, of)) = piece {
            let of = format!("This is piece {number} of {of}, which lie beside each other under one name.");
            let has: Vec<&str> = runbooks.iter().map(|runbook| runbook.volume.as_str()).collect();
            out.push(Block::Warn(Line::default().strong(of).and(format!(" It has: {}", has.join(", ")))));
        }
        header(&mut out, all, None);
        gaps(&mut out, all, usize::MAX);
        order(&mut out, &all.order);
    }
    for runbook in runbooks {
        if !is_alone {
            out.push(Block::NewPage);
        }
        volume(&mut out, all, runbook, if is_alone { SHOWN_GAPS } else { 0 });
    }
    out
}

/// How many gaps the page of one volume repeats: they are of the whole estate.
const SHOWN_GAPS: usize = 100;

fn volume(out: &mut Vec<Block>, all: &Runbooks, runbook: &Runbook, shown_gaps: usize) {
    out.push(Block::Heading(1, format!("Runbook: {}", runbook.volume)));
    header(out, all, Some((&runbook.volume, shown_gaps > 0)));
    gaps(out, all, shown_gaps);
    about(out, runbook);
    roles(out, runbook);
    stop::blocks(out, all, runbook);
    identity(out, runbook);
    survivors(out, runbook);
    plan::blocks(out, all, runbook);
}

/// A moment as it is read at night: never in local time.
pub(super) fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) fn span(seconds: i64) -> String {
    say_duration(TimeDelta::try_seconds(seconds).unwrap_or_default())
}

/// An age as people say it: what was made a few seconds later says the same.
fn age(seconds: i64) -> String {
    span(if seconds < 60 { seconds } else { seconds - seconds % 60 })
}

/// The head of the page of all, or of one volume, which says from what it was made where it stands alone.
fn header(out: &mut Vec<Block>, all: &Runbooks, of: Option<(&str, bool)>) {
    let until = moment(all.believe_until);
    let stale =
        Line::from("Made at ").strong(moment(all.generated_at)).and(". Believe it until ").strong(until);
    out.push(Block::Warn(
        stale.and("; after that it is STALE: look for a newer one first, and trust no age or point on it."),
    ));
    if of.is_some_and(|(_, is_alone)| !is_alone) {
        return;
    }
    let volume = of.map(|(volume, _)| volume);
    let mut lines = vec![
        Line::from(
            "It can be read with the provider, the network and outlive down: it needs nothing but itself. Print it.",
        ),
        Line::from("Made by outlive ")
            .and(all.version)
            .and(" from ")
            .code(&all.config)
            .and(", SHA-256 ")
            .code(&all.config_sha256),
    ];
    // What is of other volumes says nothing here.
    let is_here =
        |of: &str| of.split_once(": ").is_none_or(|(of, _)| volume.is_none_or(|volume| volume == of));
    let made_from = all.made_from.iter().filter(|made| is_here(&made.of));
    let digests = made_from.map(|made| format!("{} {}", made.of, short(&made.sha256)));
    lines.push(format!("Made from: {}.", digests.collect::<Vec<_>>().join("; ")).into());
    // Made for one volume alone, they tell less than those of all.
    if all.runbooks.len() == all.order.len() {
        lines.push(
            Line::from("Two sets of pages of one estate differ in times, ages and the copies that they name, and so in their SHA256SUMS, also where one was made a moment after the other: that is no tampering. \
                        Whether they told people to do the same when they were made, this says, which outlive computes: ")
                .code(short(&all.acts_sha256))
                .and(". It is no proof against somebody who changes a page: what was printed, and locked away, counts; START-HERE of a kit, printed, has the SHA-256 of each of its files."),
        );
    }
    copies_of_this(&mut lines, all);
    out.push(Block::List(lines));
}

/// What could not be seen, as far as it is repeated here.
fn gaps(out: &mut Vec<Block>, all: &Runbooks, shown: usize) {
    if all.gaps.is_empty() {
        return;
    }
    let rest = match all.gaps.len().saturating_sub(shown) {
        0 => String::new(),
        rest => format!(" {rest} of it stand only at the beginning of the page of all volumes."),
    };
    let what = format!(
        "Not everything could be seen when this was made. What is missing below may still be there.{rest}"
    );
    out.push(Block::Warn(what.into()));
    if shown > 0 {
        out.push(Block::List(all.gaps.iter().take(shown).map(|gap| gap.as_str().into()).collect()));
    }
}

/// Where else these pages are. What is only to come is no copy.
fn copies_of_this(lines: &mut Vec<Line>, all: &Runbooks) {
    if all.elsewhere.is_empty() {
        lines.push(Line::default().strong(
            "No copy was known but this one when it was made: print it, and put it where neither this machine nor this place is.",
        ));
    }
    lines.extend(all.elsewhere.iter().map(|at| {
        Line::from("Other copies, written at ").strong(moment(at.written_at)).and(format!(
            " and believed until {}: {}",
            moment(at.believe_until),
            at.place
        ))
    }));
    lines.extend(all.to_come.iter().map(|place| {
        format!("A night will put a copy here; when this was made, none was there yet: {place}").into()
    }));
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn order(out: &mut Vec<Block>, order: &[Outline]) {
    out.push(Block::Heading(2, "The order".into()));
    out.push(Block::Say("Bring them back in this order. What waits for nothing can be done at the same time, by different people. Each volume has a page that needs no other, so parts 1, 2 and 8 come again on each: what was done once is done.".into()));
    let rows = order.iter().enumerate().map(|(place, one)| {
        let after = if one.after.is_empty() { "nothing".to_owned() } else { one.after.join(", ") };
        vec![
            format!("{}", place + 1).into(),
            Line::default().strong(&one.volume),
            one.owner.as_deref().unwrap_or("nobody is named").into(),
            after.into(),
            span(one.rto_seconds).into(),
            measured(one.measured_seconds).into(),
        ]
    });
    let head = vec!["no.", "volume", "owner", "waits for", "allowed (RTO)", "measured"];
    out.push(Block::Table(head, rows.collect()));
}

/// A measured time, or that there is none.
pub(super) fn measured(seconds: Option<f64>) -> String {
    match seconds {
        Some(seconds) if seconds >= 120.0 => format!("{} ({:.1} min)", say_seconds(seconds), seconds / 60.0),
        Some(seconds) => say_seconds(seconds),
        None => "not measured".into(),
    }
}

fn about(out: &mut Vec<Block>, runbook: &Runbook) {
    let owner = runbook.owner.clone().unwrap_or_else(|| "nobody is named: ............".into());
    let mut lines = vec![
        Line::from("Owner: ").strong(owner),
        Line::from("Severity before the incident: ").strong(runbook.severity.to_uppercase()),
        format!(
            "Policy {}: at most {} of changes lost (RPO), back within {} (RTO)",
            runbook.policy,
            span(runbook.rpo_seconds),
            span(runbook.rto_seconds)
        )
        .into(),
    ];
    let place = Line::from("It was ").code(runbook.path.as_deref().unwrap_or("not at a path that is known"));
    lines.push(place.and(match &runbook.host {
        Some(host) => format!(" on {host}"),
        None => " on a machine that is not known".into(),
    }));
    if !runbook.after.is_empty() {
        lines.push(Line::from("Restore before it: ").strong(runbook.after.join(", ")));
    }
    if !runbook.needed_by.is_empty() {
        lines.push(format!("These wait for it: {}", runbook.needed_by.join(", ")).into());
    }
    out.push(Block::List(lines));
}

fn roles(out: &mut Vec<Block>, runbook: &Runbook) {
    out.push(Block::Heading(2, "Who does what".into()));
    let owner = runbook.owner.clone().unwrap_or_default();
    let rows = [
        ("Leads", "decides, and touches no keyboard", String::new()),
        ("Hands", "types; reads each command aloud before Enter", String::new()),
        ("Eyes", "sits beside; confirms every target and says stop", String::new()),
        ("Writes", "notes every act with its time (UTC); saves what is printed", String::new()),
        ("Speaks", "customers, provider, authorities; see the clocks below", String::new()),
        ("Accepts", "says that the data is good", owner),
    ];
    let row = |(role, task, who): (&str, &str, String)| {
        let who = if who.is_empty() { "............".to_owned() } else { who };
        vec![Line::default().strong(role), task.into(), who.into()]
    };
    out.push(Block::Table(vec!["role", "task", "who"], rows.into_iter().map(row).collect()));
}

fn identity(out: &mut Vec<Block>, runbook: &Runbook) {
    out.push(Block::Heading(2, "2. Before each step that destroys".into()));
    let expected = match (&runbook.host, &runbook.path) {
        (Some(host), Some(path)) => format!("{path} on {host}"),
        (None, Some(path)) => path.clone(),
        _ => "............".into(),
    };
    out.push(Block::Say("No command on this page deletes or overwrites anything: all of them write to new names. Should you do something that does, the two of you first say aloud and compare:".into()));
    out.push(Block::List(vec![
        Line::from("on which machine this is: ").code("hostname; whoami; date -u"),
        Line::from("what the target is and holds: ").code("findmnt -T TARGET; ls -la TARGET; df -h TARGET"),
        Line::from("for a database: which server and which database: ")
            .code("select inet_server_addr(), current_database(), pg_is_in_recovery()"),
        Line::from("and that it is the one you mean. The lost primary was: ").strong(expected),
    ]));
}

fn survivors(out: &mut Vec<Block>, runbook: &Runbook) {
    out.push(Block::Heading(2, "3. What is left".into()));
    if runbook.places.is_empty() {
        out.push(Block::Warn("NO COPY of this volume is known. Go to the provider at once, and search disks, laptops and replicas for anything older.".into()));
    }
    for place in &runbook.places {
        copies(out, place);
    }
    hazards(out, &runbook.hazards);
    if !runbook.because.is_empty() {
        out.push(Block::Heading(3, "What the audit had against it before".into()));
        out.push(Block::List(runbook.because.iter().map(|because| because.as_str().into()).collect()));
    }
}

fn copies(out: &mut Vec<Block>, place: &PlaceOfCopies) {
    out.push(Block::Heading(
        3,
        format!(
            "{}: {}",
            place.place,
            match place.count {
                1 => "1 copy".to_owned(),
                count => format!("{count} copies"),
            }
        ),
    ));
    let list =
        |names: &[String], none: &str| if names.is_empty() { none.to_owned() } else { names.join(", ") };
    let mut lines: Vec<Line> = vec![
        format!("lost with any of: {}", list(&place.domains, "unknown")).into(),
        format!("its newest survives: {}", list(&place.survives, "none of the losses below for certain"))
            .into(),
    ];
    if !place.ending.is_empty() {
        let only = Line::default().strong("only until its lock ends, which is before this page does:");
        lines.push(only.and(format!(" {}", place.ending.join(", "))));
    }
    if !place.open.is_empty() {
        lines.push(format!("nobody can say whether it survives: {}", place.open.join(", ")).into());
    }
    out.push(Block::List(lines));
    let head =
        vec!["copy", "id", "taken", "age when this was made (RPO)", "size", "state", "lock", "last restored"];
    let rows = place.points.iter().map(point).collect();
    out.push(Block::Table(head, rows));
    if place.count > place.points.len() {
        out.push(Block::Say(
            format!("And {} more that are older or beside them.", place.count - place.points.len()).into(),
        ));
    }
}

fn point(point: &PointLine) -> Vec<Line> {
    let unknown = || "unknown".to_owned();
    let mut state = Line::from(point.state.as_str());
    if let Some(doubt) = &point.doubt {
        state = state.and(": ").strong(doubt);
    }
    let mut lock = Line::from(point.lock.as_str());
    if let Some(end) = point.lock_ends_at {
        lock = lock.and("; ").strong(format!("lock ends {}, before this page does", moment(end)));
    }
    vec![
        point.name.as_str().into(),
        point.id.as_ref().map_or_else(|| "–".into(), |id| Line::default().code(id)),
        point.taken_at.map_or_else(unknown, moment).into(),
        point.age_seconds.map_or_else(unknown, age).into(),
        point.bytes.map_or_else(unknown, say_bytes).into(),
        state,
        lock,
        point.restored_at.map_or_else(|| "never, as far as is known".to_owned(), moment).into(),
    ]
}

fn hazards(out: &mut Vec<Block>, hazards: &[HazardLine]) {
    if hazards.is_empty() {
        return;
    }
    out.push(Block::Heading(3, "By what happened".into()));
    let rows = hazards.iter().map(|one| {
        let mut left = if one.left == "NONE" {
            Line::default().strong("NONE").and(" for certain: as far as is known, every copy above is lost with it. That may be wrong, or the loss less than it seems: do not stop here, look (part 4)")
        } else {
            one.left.as_str().into()
        };
        if let (Some(end), Some(then)) = (one.until, &one.then) {
            let only = format!("only until {}, when its lock ends, before this page does", moment(end));
            left = left.and(", ").strong(only).and("; after that ").strong(then);
        }
        let takes = if one.takes_primary { "yes" } else { "perhaps" };
        let age = one.age_seconds.map_or_else(|| "–".to_owned(), age);
        vec![one.hazard.as_str().into(), takes.into(), left, age.into()]
    });
    let head = vec!["after", "takes the primary", "the newest that is left for certain", "age"];
    out.push(Block::Table(head, rows.collect()));
    out.push(Block::Say("This is what was known when the page was made. Look all the same: to list a vault costs nothing (part 4).".into()));
}
