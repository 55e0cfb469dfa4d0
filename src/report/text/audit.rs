//! The audit for people: per volume what survives what, the findings, and what to do first.

use super::accounts::accounts;
use super::cuts;
use super::look::{Look, Tone, Toned, chain_line, moment, plain};
use crate::catalogue::Catalogue;
use crate::domain::{
    Escrow, Finding, Gap, GapScope, HazardClass, Inventory, Known, Policy, StoreCheck, Timestamp, VaultRoles,
    Verdict, say_duration,
};
use crate::isolation::{Cell, Graph, Row, single_points};
use crate::rules::{ALL, Judged, by_id};
use std::cmp::Reverse;

/// The whole audit; the catalogue names the calls that acts are done with.
pub fn audit(
    graph: &Graph,
    judged: &[Judged],
    policy: &Policy,
    catalogue: &Catalogue,
    now: Timestamp,
    look: Look,
) -> String {
    let asked: Vec<&str> = policy.survive.iter().map(|class| class.word()).collect();
    let (rpo, asked) = (say_duration(policy.rpo), asked.join(", "));
    let title = format!("Audit of {}. Policy: RPO {rpo}, to survive: {asked}.", moment(now));
    let mut out = look.say(&title, 0, Tone::Plain);
    if judged.is_empty() {
        out.push_str(&look.say("No volume was found: nothing was judged.", 0, Tone::Open));
    }
    if judged.len() > 3 {
        out.push('\n');
        out.push_str(&summary(judged, look));
    }
    for one in judged {
        out.push('\n');
        out.push_str(&volume(graph, one, catalogue, now, look));
    }
    out.push_str(&accounts(graph.inventory(), now, look));
    out.push_str(&gaps(graph.inventory(), look));
    out.push_str(&checks(graph.inventory(), look));
    out.push_str(&escrows(graph.inventory(), now, look));
    out.push('\n');
    out.push_str(&look.say(&first(judged, graph.inventory()), 0, Tone::Strong));
    out
}

/// What stands above an audit that is not of the present, as the estate file asks; `left_out` points were taken later.
pub fn as_of(moment_of: Timestamp, left_out: usize, look: Look) -> String {
    let left_out = match left_out {
        0 => String::new(),
        1 => " 1 recovery point was taken later, and is left out.".to_owned(),
        more => format!(" {more} recovery points were taken later, and are left out."),
    };
    let said = format!(
        "AS OF {}, as the estate file says: nothing here is about today.{left_out}",
        moment(moment_of)
    );
    look.say(&said, 0, Tone::Open)
}

/// One line a volume, where there are many.
fn summary(judged: &[Judged], look: Look) -> String {
    let row = |one: &Judged| {
        let (verdict, rule) = worst(one);
        vec![plain(one.volume.name.clone()), verdict, cuts::smallest(&one.cuts), plain(rule)]
    };
    let rows: Vec<Vec<Toned>> = judged.iter().map(row).collect();
    look.table(&["volume", "verdict", "fewest acts that lose it", "by rule"], &rows)
}

/// The worst verdict on a volume, and by which rule.
fn worst(judged: &Judged) -> (Toned, String) {
    let failed = judged.findings.iter().filter_map(|finding| match finding.verdict {
        Verdict::Fail(severity, _) => Some((severity, finding)),
        _ => None,
    });
    if let Some((severity, finding)) = failed.rev().max_by_key(|(severity, _)| *severity) {
        return ((format!("FAIL {}", severity.word()), Tone::Bad), finding.rule.clone());
    }
    let open = judged.findings.iter().find(|finding| matches!(finding.verdict, Verdict::Undetermined(_)));
    match open {
        Some(finding) => (("UNDETERMINED".into(), Tone::Open), finding.rule.clone()),
        None => (("sound".into(), Tone::Good), "-".to_owned()),
    }
}

fn volume(graph: &Graph, judged: &Judged, catalogue: &Catalogue, now: Timestamp, look: Look) -> String {
    let volume = &judged.volume;
    let mut out = look.say(&format!("{} ({})", volume.name, volume.kind.word()), 0, Tone::Strong);
    out.push_str(&look.say(&chain_line(volume, &judged.chain), 2, Tone::Plain));
    let rows: Vec<_> =
        judged.survival.rows.iter().map(|row| survival_row(graph, row, &judged.policy)).collect();
    let heading = ["hazard", "newest surviving recovery point", "age", "state", "last drilled"];
    out.push_str(&look.table(&heading, &rows));
    if let Some(flag) = flag(&judged.survival.rows) {
        out.push_str(&look.say(&flag, 0, Tone::Bad));
    }
    out.push_str(&cuts::lines(graph, judged, catalogue, now, look));
    let asked = |finding: &&Finding| by_id(&finding.rule).is_none_or(|rule| rule.is_asked(&judged.policy));
    let mut findings: Vec<&Finding> = judged.findings.iter().filter(asked).collect();
    // What is wrong comes first.
    findings.sort_by_key(|finding| match finding.verdict {
        Verdict::Fail(severity, _) => (0, Reverse(Some(severity))),
        Verdict::Undetermined(_) => (1, Reverse(None)),
        Verdict::Waived { .. } => (2, Reverse(None)),
        Verdict::Pass(_) => (3, Reverse(None)),
        Verdict::NotApplicable(_) => (4, Reverse(None)),
    });
    let (idle, told): (Vec<&Finding>, Vec<&Finding>) =
        findings.into_iter().partition(|finding| matches!(finding.verdict, Verdict::NotApplicable(_)));
    let rows: Vec<_> = told.into_iter().map(finding_row).collect();
    if !rows.is_empty() {
        out.push_str(&look.table(&["verdict", "rule", "why"], &rows));
    }
    if !idle.is_empty() {
        // Why not is in the JSON: a page of what does not apply hides what does.
        let idle: Vec<&str> = idle.iter().map(|finding| finding.rule.as_str()).collect();
        out.push_str(&look.say(&format!("Does not apply: {}.", idle.join(", ")), 2, Tone::Plain));
    }
    out
}

fn is_waived(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::Waived { .. })
}

/// How old what a row leaves may be: what went bad unnoticed is given up.
fn allowed(row: &Row, policy: &Policy) -> chrono::TimeDelta {
    let bad =
        if row.class == HazardClass::BadData { policy.detect_within } else { chrono::TimeDelta::zero() };
    policy.rpo.checked_add(&bad).unwrap_or(chrono::TimeDelta::MAX)
}

fn survival_row(graph: &Graph, row: &Row, policy: &Policy) -> Vec<Toned> {
    let title = plain(row.title.clone());
    match &row.cell {
        Cell::None => {
            vec![title, ("NONE".into(), Tone::Bad), plain("-"), plain("-"), plain("-")]
        }
        Cell::Unknown { because } => {
            let cell = (format!("UNKNOWN ({})", doubt(graph, row, because)), Tone::Open);
            vec![title, cell, plain("-"), plain("-"), plain("-")]
        }
        Cell::Survivor { point, taken_at, age, state, drilled_at } => {
            let taken = taken_at.value().map_or_else(
                || "at an unknown time".to_owned(),
                |at| format!("of {}{}", moment(*at), provenance(taken_at)),
            );
            let age = match age {
                Some(age) if *age > allowed(row, policy) => {
                    (format!("{} > RPO", say_duration(*age)), Tone::Bad)
                }
                Some(age) => plain(say_duration(*age)),
                None => ("unknown".into(), Tone::Open),
            };
            let state = plain(state.map_or("-", |state| state.word()));
            let point = (format!("{}, {taken}", graph.label_at(*point)), Tone::Good);
            vec![title, point, age, state, plain(drilled(drilled_at))]
        }
    }
}

/// Why it cannot be said: how many die for certain, and of which point the reason speaks.
fn doubt(graph: &Graph, row: &Row, because: &str) -> String {
    let dead = match row.dead.len() {
        0 => String::new(),
        dead => format!("{dead} of {} die; ", row.points),
    };
    let first = row.undetermined.first().and_then(|doubt| doubt.points.first());
    let of = first.map(|place| graph.label_at(*place)).filter(|label| !because.contains(label.as_str()));
    let of = of.map_or_else(String::new, |label| format!("{label}: "));
    format!("{dead}{of}{because}")
}

/// The day of the last restore that was tried with success.
pub(super) fn drilled(at: &Known<Option<Timestamp>>) -> String {
    match at.value() {
        None => "no drill known".to_owned(),
        Some(None) => "never drilled".to_owned(),
        Some(Some(at)) => at.format("%Y-%m-%d").to_string(),
    }
}

/// A fact that nobody observed is shown as what it is.
fn provenance<T>(fact: &Known<T>) -> &'static str {
    match fact {
        Known::Declared(..) => " (declared)",
        Known::Documented(..) => " (documented)",
        Known::Observed(..) | Known::Unknown => "",
    }
}

/// "One act, every recovery point", in one sentence for all the acts that do it.
pub fn flag(rows: &[Row]) -> Option<String> {
    let fatal = single_points(rows);
    let (worst, others) = fatal.split_first()?;
    let (dead, points) = (worst.dead.len(), worst.points);
    let mut flag = format!(
        "ONE ACT, EVERY RECOVERY POINT: {} takes the primary and {dead} of {points} recovery points.",
        worst.title
    );
    if !others.is_empty() {
        let others: Vec<&str> = others.iter().map(|row| row.title.as_str()).collect();
        flag.push_str(&format!(" So does: {}.", others.join("; ")));
    }
    Some(flag)
}

fn finding_row(finding: &Finding) -> Vec<Toned> {
    let (verdict, why) = match &finding.verdict {
        Verdict::Pass(why) => (("pass".to_owned(), Tone::Good), why.clone()),
        Verdict::Fail(severity, why) => ((format!("FAIL {}", severity.word()), Tone::Bad), why.clone()),
        Verdict::Undetermined(why) => (("UNDETERMINED".to_owned(), Tone::Open), why.clone()),
        Verdict::NotApplicable(why) => (plain("n/a"), why.clone()),
        Verdict::Waived { because, owner, reason, until } => {
            let until = moment(*until);
            let why = format!("{because}. Waived until {until} by {}: {reason}", owner.0);
            (("waived".to_owned(), Tone::Open), why)
        }
    };
    vec![verdict, plain(finding.rule.clone()), plain(why)]
}

/// What could not be seen, counted.
pub(super) fn gaps(inventory: &Inventory, look: Look) -> String {
    let (asked, unseen): (Vec<&Gap>, Vec<&Gap>) =
        inventory.gaps.iter().partition(|gap| matches!(gap.scope, GapScope::Asked(_)));
    let (unseen, bounded): (Vec<&Gap>, Vec<&Gap>) = unseen.into_iter().partition(|gap| gap.scope.counts());
    let mut out = listed(&unseen, "could not be seen", look);
    let unsearched = "too large to be searched whole for copies inside of it, which would not count";
    out.push_str(&listed(&bounded, unsearched, look));
    out.push_str(&listed(&asked, "the configuration asks for and nothing does", look));
    out
}

fn listed(gaps: &[&Gap], what: &str, look: Look) -> String {
    let count = match gaps.len() {
        0 => return String::new(),
        1 => format!("1 thing {what}:"),
        more => format!("{more} things {what}:"),
    };
    let mut out = format!("\n{}", look.say(&count, 0, Tone::Open));
    for gap in gaps {
        let line = format!("{}: {}: {}", gap.place, gap.reason.word(), gap.detail);
        out.push_str(&look.item(&line, 2, Tone::Plain));
    }
    out
}

/// When stores were seen to keep the locks that are counted on.
pub(super) fn checks(inventory: &Inventory, look: Look) -> String {
    let mut out = String::new();
    for StoreCheck { vault, kept_locks_at, until } in &inventory.checks {
        // Where it was not, that is among what the configuration asks for.
        let Some(at) = kept_locks_at else { continue };
        let until = until.map_or_else(String::new, |until| format!(", which counts until {}", moment(until)));
        let what = format!("{vault}: its store was seen to keep locks on {}{until}", moment(*at));
        out.push_str(&look.item(&what, 0, Tone::Plain));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// When the keys in the safe were last seen to open their vaults.
pub(super) fn escrows(inventory: &Inventory, now: Timestamp, look: Look) -> String {
    let mut out = String::new();
    for VaultRoles { vault, escrow, .. } in &inventory.roles {
        let ago = |at: &Timestamp| say_duration(now - *at);
        let (what, tone) = match escrow {
            Escrow::NotAsked(_) => continue,
            Escrow::NoReader => ("no reader is declared as escrow".to_owned(), Tone::Open),
            Escrow::Unknown(_) => ("whether its escrow key opens it is not known".to_owned(), Tone::Open),
            Escrow::Never => ("that its escrow key opens it was never proved".to_owned(), Tone::Open),
            Escrow::Failed { at, because } => {
                (format!("its escrow key FAILED {} ago: {because}", ago(at)), Tone::Bad)
            }
            Escrow::FormerEpoch { at } => {
                (format!("its escrow key was proved {} ago, before the present epoch", ago(at)), Tone::Open)
            }
            Escrow::Proved { at, until } => {
                let until =
                    until.map_or_else(String::new, |until| format!(", which counts until {}", moment(until)));
                (format!("its escrow key was seen to open it {} ago{until}", ago(at)), Tone::Plain)
            }
        };
        out.push_str(&look.item(&format!("{vault}: {what}"), 0, tone));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// The worst finding and what to do about it. Reports in other formats say the same.
pub fn first(judged: &[Judged], inventory: &Inventory) -> String {
    let findings = || judged.iter().flat_map(|one| one.findings.iter().map(move |finding| (one, finding)));
    let rank = |rule: &str| ALL.iter().position(|known| known.id() == rule);
    let failed = findings().filter_map(|(one, finding)| match finding.verdict {
        Verdict::Fail(severity, _) => Some((severity, one, finding)),
        _ => None,
    });
    // Of equal ones the last, as ALL has them: what helps against a token helps against the deletion that it sends, and
    // what helps against the loss of a host against that of its disks.
    let worst =
        failed.min_by_key(|(severity, _, finding)| (Reverse(*severity), Reverse(rank(&finding.rule))));
    if let Some((_, one, finding)) = worst {
        let remedy = by_id(&finding.rule).map_or("", |rule| rule.remedy());
        let (rule, volume) = (&finding.rule, &one.volume.name);
        return format!(
            "What to do first: {volume}: {remedy}. Why: outlive explain {rule}; outlive explain {volume}"
        );
    }
    let open = findings().find_map(|(one, finding)| match &finding.verdict {
        Verdict::Undetermined(why) => Some((one, why)),
        _ => None,
    });
    if let Some(gap) = inventory.gaps.iter().find(|gap| gap.scope.counts()) {
        if let GapScope::Asked(_) = gap.scope {
            return format!("What to do first: look at {}: {}", gap.place, gap.detail);
        }
        return format!("What to do first: make {} readable: {}", gap.place, gap.detail);
    }
    match open {
        Some((one, why)) => format!("What to do first: find out for {}: {why}", one.volume.name),
        // A PATH that is not there is a gap: only an estate file can ask for nothing.
        None if judged.is_empty() => {
            "What to do first: name a volume in the estate file: [[volume]] with `id` and `path`".to_owned()
        }
        None => match findings().filter(|(_, finding)| is_waived(finding)).count() {
            0 => "Nothing to do: every rule holds or does not apply.".to_owned(),
            1 => "Nothing to do until the waiver of 1 verdict ends.".to_owned(),
            more => format!("Nothing to do until the waivers of {more} verdicts end."),
        },
    }
}
