//! The audit for people: per volume what survives what, the findings, and what to do first.

use super::look::{Look, Tone, Toned, chain_line, moment, plain};
use crate::domain::{Finding, Gap, GapScope, Inventory, Known, Policy, Timestamp, Verdict, say_duration};
use crate::isolation::{Cell, Graph, Row, single_points};
use crate::rules::{ALL, Judged, by_id};
use std::cmp::Reverse;

/// The whole audit.
pub fn audit(graph: &Graph, judged: &[Judged], policy: &Policy, now: Timestamp, look: Look) -> String {
    let asked: Vec<&str> = policy.survive.iter().map(|class| class.word()).collect();
    let (rpo, asked) = (say_duration(policy.rpo), asked.join(", "));
    let title = format!("Audit of {}. Policy: RPO {rpo}, to survive: {asked}.", moment(now));
    let mut out = look.say(&title, 0, Tone::Plain);
    if judged.is_empty() {
        out.push_str(&look.say("No volume was found: nothing was judged.", 0, Tone::Open));
    }
    for one in judged {
        out.push('\n');
        out.push_str(&volume(graph, one, look));
    }
    out.push_str(&gaps(graph.inventory(), look));
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

fn volume(graph: &Graph, judged: &Judged, look: Look) -> String {
    let volume = &judged.volume;
    let mut out = look.say(&format!("{} ({})", volume.name, volume.kind.word()), 0, Tone::Strong);
    out.push_str(&look.say(&chain_line(volume, &judged.chain), 2, Tone::Plain));
    let rows: Vec<_> = judged.survival.rows.iter().map(|row| survival_row(graph, row)).collect();
    out.push_str(&look.table(&["hazard", "newest surviving recovery point", "age", "state"], &rows));
    if let Some(flag) = flag(&judged.survival.rows) {
        out.push_str(&look.say(&flag, 0, Tone::Bad));
    }
    let asked = |finding: &&Finding| by_id(&finding.rule).is_none_or(|rule| rule.is_asked(&judged.policy));
    let findings: Vec<_> = judged.findings.iter().filter(asked).map(finding_row).collect();
    out.push_str(&look.table(&["verdict", "rule", "why"], &findings));
    out
}

fn survival_row(graph: &Graph, row: &Row) -> Vec<Toned> {
    let title = plain(row.title.clone());
    match &row.cell {
        Cell::None => {
            vec![title, ("NONE".into(), Tone::Bad), plain("-"), plain("-")]
        }
        Cell::Unknown { because } => {
            vec![title, (format!("UNKNOWN ({because})"), Tone::Open), plain("-"), plain("-")]
        }
        Cell::Survivor { point, taken_at, age, state, .. } => {
            let taken = taken_at.value().map_or_else(
                || "at an unknown time".to_owned(),
                |at| format!("of {}{}", moment(*at), provenance(taken_at)),
            );
            let age = match age {
                Some(age) => plain(say_duration(*age)),
                None => ("unknown".into(), Tone::Open),
            };
            let state = plain(state.map_or("-", |state| state.word()));
            vec![title, (format!("{}, {taken}", graph.label_at(*point)), Tone::Good), age, state]
        }
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
        let line = format!("- {}: {}: {}", gap.place, gap.reason.word(), gap.detail);
        out.push_str(&look.say(&line, 2, Tone::Plain));
    }
    out
}

/// The worst finding and what to do about it. Reports in other formats say the same.
pub fn first(judged: &[Judged], inventory: &Inventory) -> String {
    let findings = || judged.iter().flat_map(|one| one.findings.iter().map(move |finding| (one, finding)));
    let rank = |rule: &str| ALL.iter().position(|known| known.id() == rule);
    let failed = findings().filter_map(|(one, finding)| match finding.verdict {
        Verdict::Fail(severity, _) => Some((severity, one, finding)),
        _ => None,
    });
    // Of equal ones the last: what helps against the loss of a host helps against that of its disks.
    let worst =
        failed.min_by_key(|(severity, _, finding)| (Reverse(*severity), Reverse(rank(&finding.rule))));
    if let Some((_, one, finding)) = worst {
        let remedy = by_id(&finding.rule).map_or("", |rule| rule.remedy());
        let rule = &finding.rule;
        return format!("What to do first: {}: {remedy}. Why: outlive explain {rule}", one.volume.name);
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
        None if judged.is_empty() => "What to do first: name a PATH that exists".to_owned(),
        None => "Nothing to do: every rule holds or does not apply.".to_owned(),
    }
}
