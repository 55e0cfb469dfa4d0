//! What came out beside what the incident expects.

use super::super::Audited;
use crate::domain::Verdict;
use crate::estate::{ExpectedVerdict, Incident};
use crate::report::activity::{IncidentMorning, IncidentSaid};
use std::collections::BTreeMap;

/// What the rules that the incident names said on the night before.
pub(super) fn said(incident: &Incident, before: &Audited) -> Vec<IncidentSaid> {
    let said = incident.findings.iter().map(|wanted| {
        let findings = before.judged.iter().flat_map(|judged| &judged.findings);
        let mut findings = findings.filter(|finding| finding.volume == wanted.volume);
        let found = findings.find(|finding| finding.rule == wanted.rule).map(|finding| &finding.verdict);
        let (verdict, because) = match found {
            Some(Verdict::Fail(_, why)) => (word(ExpectedVerdict::Fail), why.as_str()),
            Some(Verdict::Undetermined(why)) => (word(ExpectedVerdict::Undetermined), why.as_str()),
            Some(Verdict::Pass(why)) => (word(ExpectedVerdict::Pass), why.as_str()),
            Some(Verdict::NotApplicable(why)) => (word(ExpectedVerdict::NotApplicable), why.as_str()),
            Some(Verdict::Waived { because, .. }) => ("waived", because.as_str()),
            None => ("not judged", "the volume was not judged"),
        };
        IncidentSaid {
            volume: wanted.volume.0.clone(),
            rule: wanted.rule.clone(),
            wanted: word(wanted.verdict),
            verdict,
            because: because.to_owned(),
        }
    });
    said.collect()
}

fn word(verdict: ExpectedVerdict) -> &'static str {
    match verdict {
        ExpectedVerdict::Fail => "FAIL",
        ExpectedVerdict::Undetermined => "UNDETERMINED",
        ExpectedVerdict::Pass => "pass",
        ExpectedVerdict::NotApplicable => "n/a",
    }
}

/// Everything that came otherwise than expected, in words.
pub(super) fn unexpected(
    incident: &Incident,
    morning: &IncidentMorning,
    said: &[IncidentSaid],
) -> Vec<String> {
    let mut unexpected = Vec::new();
    for one in said.iter().filter(|one| one.verdict != one.wanted) {
        unexpected.push(format!(
            "{} says {} of {}, and {} is expected: {}",
            one.rule, one.verdict, one.volume, one.wanted, one.because
        ));
    }
    let found: BTreeMap<&str, (&str, &str)> =
        morning.fates.iter().map(|fate| (fate.id.as_str(), (fate.fate, fate.because.as_str()))).collect();
    for (id, wanted) in &incident.fates {
        match found.get(id.as_str()) {
            Some((fate, _)) if *fate == wanted.word() => {}
            Some((fate, because)) => unexpected.push(format!(
                "{id}: {fate}, and `{}` is expected{}{because}",
                wanted.word(),
                if because.is_empty() { "" } else { ": " }
            )),
            None => unexpected.push(format!("{id} is not there at the moment of the act")),
        }
    }
    for wanted in &incident.left {
        let found = morning.left.iter().find(|left| left.volume == wanted.volume.0);
        let (point, age) = found.map_or((None, None), |left| (left.id.as_deref(), left.age.as_deref()));
        if point != wanted.point.as_deref() || (point.is_some() && age != wanted.age.as_deref()) {
            let say = |point: Option<&str>, age: Option<&str>| match point {
                Some(point) => format!("{point}, {} old", age.unwrap_or("unknown")),
                None => "nothing".to_owned(),
            };
            unexpected.push(format!(
                "of {} there is left: {}; expected is: {}",
                wanted.volume.0,
                say(point, age),
                say(wanted.point.as_deref(), wanted.age.as_deref())
            ));
        }
    }
    unexpected
}
