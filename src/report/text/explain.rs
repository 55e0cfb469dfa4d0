//! The pages of rules, for people.

use super::look::{Look, Tone, plain};
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
