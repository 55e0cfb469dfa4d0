//! An incident that was replayed: the night before, the act, the morning after.

use super::Told;
use crate::domain::{Severity, Timestamp};
use crate::report::text::Look;
use crate::report::text::look::{Tone, Toned, moment, plain};
use serde::Serialize;

/// What survives one hazard, as the audit of the night before tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentSurvivor {
    /// The volume.
    pub volume: String,
    /// The hazard in words.
    pub hazard: String,
    /// The newest surviving point, `NONE`, or `UNKNOWN` with the reason.
    pub newest: String,
    /// Its age.
    pub age: Option<String>,
}

/// A rule that fails on the night before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentFailure {
    /// The volume.
    pub volume: String,
    /// The rule's id.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Why.
    pub because: String,
}

/// A smallest set of acts that surely loses everything within the RPO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentCut {
    /// The volume.
    pub volume: String,
    /// The acts in words.
    pub acts: Vec<String>,
    /// What they take, in words.
    pub takes: String,
    /// What would be left, in words.
    pub leaves: String,
}

/// The audit of the night before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentNight {
    /// The moment judged.
    pub at: Timestamp,
    /// Per volume and hazard, what survives.
    pub survivors: Vec<IncidentSurvivor>,
    /// The rules that fail.
    pub failures: Vec<IncidentFailure>,
    /// How many findings could not be said.
    pub undetermined: usize,
    /// The smallest sets of acts that lose everything within the RPO.
    pub cuts: Vec<IncidentCut>,
    /// What to do first, in a sentence.
    pub first: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentAct {
    /// When.
    pub at: Timestamp,
    /// In a sentence.
    pub said: String,
    /// As hazards that happen together.
    pub hazards: Vec<String>,
}

/// What became of one volume or recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentFate {
    /// Its id in the estate file.
    pub id: String,
    /// What a sentence calls it.
    pub thing: String,
    /// `dies`, `survives`, `unproven`, `undetermined` or `useless`.
    pub fate: &'static str,
    /// Why: the bonds from what was struck to what died, or what is not known.
    pub because: String,
}

/// The newest usable recovery point that is left of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentLeft {
    /// The volume's id.
    pub volume: String,
    /// The point's id in the estate file; none where nothing is left.
    pub id: Option<String>,
    /// What a sentence calls it.
    pub point: Option<String>,
    /// How old it is.
    pub age: Option<String>,
    /// How old it may be.
    pub rpo: String,
}

/// The morning after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentMorning {
    /// The moment of the act, to which ages are told.
    pub at: Timestamp,
    /// What became of everything.
    pub fates: Vec<IncidentFate>,
    /// What is left of each volume.
    pub left: Vec<IncidentLeft>,
}

/// What a rule that the incident names said on the night before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentSaid {
    /// The volume's id.
    pub volume: String,
    /// The rule's id.
    pub rule: String,
    /// The verdict that is expected.
    pub wanted: &'static str,
    /// The verdict.
    pub verdict: &'static str,
    /// Why.
    pub because: String,
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentDone {
    /// What the incident was asked for by.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// True where everything came as the incident expects.
    pub as_expected: bool,
    /// The night before.
    pub night: IncidentNight,
    /// The act.
    pub act: IncidentAct,
    /// The morning after.
    pub morning: IncidentMorning,
    /// The rules that would have said so.
    pub said: Vec<IncidentSaid>,
    /// What came otherwise than expected.
    pub unexpected: Vec<String>,
}

impl Told for IncidentDone {
    fn schema(&self) -> &'static str {
        "outlive/incident/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out =
            look.say(&format!("{}. A replay: nothing real is touched.", self.title), 0, Tone::Strong);
        out.push('\n');
        out.push_str(&self.night(look));
        out.push('\n');
        let act = &self.act;
        out.push_str(&look.say(&format!("2. The act, {}", moment(act.at)), 0, Tone::Strong));
        out.push_str(&look.say(&act.said, 3, Tone::Plain));
        let hazards = shortened(&act.hazards).join(" + ");
        out.push_str(&look.say(&format!("As a hazard: {hazards}."), 3, Tone::Plain));
        out.push('\n');
        out.push_str(&self.morning(look));
        out.push('\n');
        out.push_str(&self.verdict(look));
        out
    }
}

impl IncidentDone {
    fn night(&self, look: Look) -> String {
        let night = &self.night;
        let mut out = look.say(&format!("1. The night before, {}", moment(night.at)), 0, Tone::Strong);
        let rows: Vec<Vec<Toned>> = night.survivors.iter().map(survivor).collect();
        out.push_str(&look.table(&["volume", "if this happens", "newest that survives", "age"], &rows));
        let tells = |failure: &&IncidentFailure| failure.severity > Severity::Medium || self.names(failure);
        let rows: Vec<Vec<Toned>> = night.failures.iter().filter(tells).map(failure).collect();
        let others = night.failures.len() - rows.len();
        if !rows.is_empty() {
            out.push_str(&look.table(&["volume", "rule", "verdict", "why"], &rows));
        }
        for cut in &night.cuts {
            let count = if cut.acts.len() == 1 { "1 act".into() } else { format!("{} acts", cut.acts.len()) };
            let said = format!(
                "{count}: {}: takes {}. Left would be: {}.",
                cut.acts.join(" + "),
                cut.takes,
                cut.leaves
            );
            out.push_str(&look.say(&said, 0, Tone::Bad));
        }
        if others + night.undetermined > 0 {
            let said = format!(
                "Beside these, {others} of medium severity fail, and {} cannot be said.",
                night.undetermined
            );
            out.push_str(&look.say(&said, 0, Tone::Open));
        }
        out.push_str(&look.say(&night.first, 0, Tone::Strong));
        out
    }

    /// Whether the incident names what failed.
    fn names(&self, failure: &IncidentFailure) -> bool {
        self.said.iter().any(|said| said.rule == failure.rule && said.volume == failure.volume)
    }

    fn morning(&self, look: Look) -> String {
        let mut out = look.say("3. The morning after", 0, Tone::Strong);
        let rows: Vec<Vec<Toned>> = self.morning.fates.iter().map(fate).collect();
        out.push_str(&look.table(&["volume or recovery point", "fate", "why"], &rows));
        for left in &self.morning.left {
            let (said, tone) = match (&left.point, &left.age) {
                (Some(point), Some(age)) if age == "unknown" => (
                    format!("Left of {}: {point}, of unknown age (the RPO is {}).", left.volume, left.rpo),
                    Tone::Open,
                ),
                (Some(point), age) => (
                    format!(
                        "Left of {}: {point}, {} old (the RPO is {}).",
                        left.volume,
                        age.as_deref().unwrap_or("unknown"),
                        left.rpo
                    ),
                    Tone::Open,
                ),
                (None, _) => (format!("Left of {}: NOTHING that can be counted on.", left.volume), Tone::Bad),
            };
            out.push_str(&look.say(&said, 0, tone));
        }
        out
    }

    fn verdict(&self, look: Look) -> String {
        let mut out = look.say("4. What outlive would have said the night before", 0, Tone::Strong);
        for one in &self.said {
            let said = format!("{} {}, {}: {}", one.verdict, one.rule, one.volume, one.because);
            let tone = if one.verdict == "FAIL" { Tone::Bad } else { Tone::Open };
            out.push_str(&look.say(&said, 3, tone));
        }
        out.push_str(&look.say(&self.night.first, 3, Tone::Plain));
        out.push('\n');
        if self.as_expected {
            let said = format!(
                "Everything came as the incident expects: {} fates, {} findings.",
                self.morning.fates.len(),
                self.said.len()
            );
            out.push_str(&look.say(&said, 0, Tone::Good));
        } else {
            out.push_str(&look.say("NOT AS THE INCIDENT EXPECTS:", 0, Tone::Bad));
            for one in &self.unexpected {
                out.push_str(&look.say(&format!("- {one}"), 0, Tone::Bad));
            }
        }
        out
    }
}

fn survivor(row: &IncidentSurvivor) -> Vec<Toned> {
    let tone = match row.newest.as_str() {
        "NONE" => Tone::Bad,
        newest if newest.starts_with("UNKNOWN") => Tone::Open,
        _ => Tone::Good,
    };
    let age = row.age.clone().unwrap_or_else(|| "-".to_owned());
    vec![plain(row.volume.clone()), plain(row.hazard.clone()), (row.newest.clone(), tone), plain(age)]
}

fn failure(row: &IncidentFailure) -> Vec<Toned> {
    let verdict = (format!("FAIL {}", row.severity.word()), Tone::Bad);
    vec![plain(row.volume.clone()), plain(row.rule.clone()), verdict, plain(row.because.clone())]
}

fn fate(row: &IncidentFate) -> Vec<Toned> {
    let tone = match row.fate {
        "dies" | "useless" => Tone::Bad,
        "survives" => Tone::Good,
        _ => Tone::Open,
    };
    vec![plain(row.thing.clone()), (row.fate.to_owned(), tone), plain(row.because.clone())]
}

/// The first few of many, and how many more.
fn shortened(all: &[String]) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut some: Vec<String> = all.iter().take(SHOWN).cloned().collect();
    if all.len() > SHOWN {
        some.push(format!("{} more like these", all.len() - SHOWN));
    }
    some
}
