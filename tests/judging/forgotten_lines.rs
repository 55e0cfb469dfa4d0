//! What is not known never makes anything greener, as people say it: every line left out of every estate of an incident.

use crate::estate::now;
use outlive::app::{Audited, judge_as_of};
use outlive::domain::*;
use outlive::estate::Estate;
use outlive::rules::{Overall, overall};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What decides nothing of a volume but what is asked, or who said so; and what an estate cannot be without.
const ASKED: [&str; 9] = [
    "as_of",
    "rpo",
    "survive",
    "min_cut_order",
    "detect_within",
    "drill_every",
    "rto",
    "verify_within",
    "locked_for",
];

/// The lines that say a fact: `key = value` of one line each.
fn facts(text: &str) -> Vec<usize> {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let fact =
        |line: &str| key(line).is_some_and(|key| !ASKED.contains(&key.as_str()) && !line.starts_with('#'));
    (0..).zip(text.lines()).filter(|(_, line)| fact(line)).map(|(number, _)| number).collect()
}

fn greens(path: &Path, text: &str) -> Option<(BTreeSet<(VolumeId, String)>, Overall)> {
    let estate = Estate::parse(path, text).ok()?;
    let at = estate.as_of.unwrap_or_else(now);
    let Audited { graph, judged, .. } = judge_as_of(&estate, at).ok()?;
    let findings = judged.iter().flat_map(|judged| &judged.findings);
    let green =
        findings.filter(|finding| matches!(finding.verdict, Verdict::Pass(_) | Verdict::NotApplicable(_)));
    let green = green.map(|finding| (finding.volume.clone(), finding.rule.clone())).collect();
    Some((green, overall(&judged, &graph)))
}

#[test]
fn every_line_of_an_incident_may_be_left_out() {
    let (mut left_out, mut poorer, mut wrong) = (0, 0, Vec::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("drills/incidents");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    for path in all.into_iter().map(|folder| folder.join("outlive.toml")).filter(|path| path.exists()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let (whole, sound) = greens(&path, &text).unwrap();
        for number in facts(&text) {
            let less: Vec<&str> =
                text.lines().enumerate().filter(|(line, _)| *line != number).map(|(_, line)| line).collect();
            // Without some lines it is no estate.
            let Some((green, less_sound)) = greens(&path, &less.join("\n")) else { continue };
            let turned = &green - &whole;
            if !turned.is_empty() || (sound != Overall::Sound && less_sound == Overall::Sound) {
                let line = text.lines().nth(number).unwrap();
                wrong.push(format!("{}: without line {}, {line}: {turned:?}", path.display(), number + 1));
            }
            left_out += 1;
            poorer += usize::from(green.len() < whole.len());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(left_out > 200 && poorer > 50, "{left_out} lines, of which {poorer} told");
}
