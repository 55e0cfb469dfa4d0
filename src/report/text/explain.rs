//! The pages of rules, and what the catalogue states of kinds, for people.

use super::look::{Look, Tone, Toned, plain};
use crate::catalogue::{Certainty, InWords, KindStatements};
use crate::domain::say_duration;
use crate::rules::{ALL, Rule};

/// One rule's page, its severity, its remedy and the controls that it is evidence for.
pub fn explain(rule: &dyn Rule, look: Look) -> String {
    let mut out = String::new();
    for paragraph in paragraphs(rule.page()) {
        let tone = if paragraph.starts_with('#') { Tone::Strong } else { Tone::Plain };
        out.push_str(&look.say(paragraph.trim_start_matches(['#', ' ']), 0, tone));
    }
    out.push('\n');
    out.push_str(&look.say(&format!("Severity: {}", rule.severity().word()), 0, Tone::Plain));
    out.push_str(&look.say(&format!("Remedy: {}", rule.remedy()), 0, Tone::Plain));
    let evidence = format!("Evidence for: {}", rule.frameworks().join("; "));
    out.push_str(&look.say(&evidence, 0, Tone::Plain));
    out
}

/// All rules.
pub fn rules(look: Look) -> String {
    let rows: Vec<_> = ALL
        .iter()
        .map(|rule| vec![plain(rule.id()), plain(rule.severity().word()), plain(rule.title())])
        .collect();
    let mut out = look.table(&["rule", "severity", "what must hold"], &rows);
    out.push_str(&look.say("outlive explain RULE shows the page of one.", 0, Tone::Plain));
    out
}

/// All that the catalogue states of one kind of recovery point, each statement with its source and the day it was read.
pub fn explain_kind(kind: &KindStatements, provider: &str, look: Look) -> String {
    let mut out = look.say(&format!("{}: {provider}, {}", kind.name, kind.title), 0, Tone::Strong);
    for (what, said) in [
        ("Listed by", &kind.list),
        ("How the bytes get out", &kind.way_out),
        ("The smallest credential that deletes primary and points", &kind.smallest),
    ] {
        out.push_str(&look.say(&format!("{what}: {said}."), 0, Tone::Plain));
    }
    let rows: Vec<_> = kind.in_words().iter().map(statement).collect();
    out.push_str(&look.table(&["about", "says", "in words", "source"], &rows));
    out.push_str(&look.say("What is not stated is unknown.", 0, Tone::Plain));
    out
}

fn statement(stated: &InWords<'_>) -> Vec<Toned> {
    let mut says = stated.says.clone();
    if let Some(call) = stated.call {
        says.push_str(&format!(", by {call}"));
    }
    if let Some(grace) = stated.grace {
        let seconds = i64::try_from(grace.seconds).unwrap_or(i64::MAX / 1000);
        says.push_str(&format!(", undelete within {}", say_duration(chrono::TimeDelta::seconds(seconds))));
    }
    let (certainty, source) = (stated.certainty.word(), stated.source);
    let known = match stated.certainty {
        Certainty::Believed => format!("{}, {}", source.address, source.read),
        _ => format!("{certainty}: {}, read {}", source.address, source.read),
    };
    vec![plain(stated.about.clone()), plain(says), plain(stated.note), plain(known)]
}

/// The page's headings, paragraphs, list items and empty lines, each on one line: pages are broken at a
/// width of their own.
fn paragraphs(page: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in page.lines() {
        let begins = line.is_empty() || line.starts_with(['#', '-']);
        match all.last_mut() {
            Some(open) if !begins && !open.is_empty() && !open.starts_with('#') => {
                open.push(' ');
                open.push_str(line.trim_start());
            }
            _ => all.push(line.to_owned()),
        }
    }
    all
}
