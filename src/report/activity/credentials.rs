//! What each credential can destroy, and credentials that lie about.

use super::Told;
use crate::domain::{Timestamp, say_duration};
use crate::report::text::Look;
use crate::report::text::look::{Tone, Toned, plain};
use serde::Serialize;

/// How many names, volumes or places are told of each sort; JSON has all.
const TOLD: usize = 8;

/// A bond on the way from a credential to what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepSaid {
    /// What falls.
    pub thing: String,
    /// Why, as a verb.
    pub verb: &'static str,
    /// What had fallen before.
    pub on: String,
    /// How that is known.
    pub known: String,
}

/// What becomes of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenSaid {
    /// `dies`, `undetermined` or `survives`.
    pub fate: &'static str,
    /// The call that does it, where one is known.
    pub call: Option<String>,
    /// The bonds from the credential to it.
    pub chain: Vec<StepSaid>,
    /// Of what is undetermined: what is not known.
    pub not_known: Option<String>,
}

/// Recovery points of one volume of which the same becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointsTaken {
    /// Their identities in an inventory.
    pub ids: Vec<String>,
    /// What becomes of them.
    #[serde(flatten)]
    pub taken: TakenSaid,
}

/// The newest recovery point that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewestLeft {
    /// Its identity in an inventory.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How old it is, in seconds; none where that is not known.
    pub age_seconds: Option<i64>,
    /// `certain`, `unproven` or `perhaps`.
    pub hold: &'static str,
}

/// What a credential takes of one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfVolume {
    /// The volume.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What becomes of the volume itself.
    pub primary: TakenSaid,
    /// What becomes of its recovery points.
    pub recovery_points: Vec<PointsTaken>,
    /// How many recovery points die.
    pub dies: usize,
    /// Of how many that cannot be said.
    pub may_die: usize,
    /// How many stay.
    pub stays: usize,
    /// The newest that is left.
    pub newest_left: Option<NewestLeft>,
    /// Why there may be recovery points that nobody saw.
    pub hidden: Option<String>,
}

/// A credential, an identity or a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialSaid {
    /// Its asset.
    pub id: String,
    /// `credential`, `identity` or `key`.
    pub kind: &'static str,
    /// What it is for, in words.
    pub role: String,
    /// Where it can be had.
    pub yielded_by: Vec<String>,
    /// What is had with it: other credentials.
    pub yields: Vec<String>,
    /// What it reaches or may delete, as far as that is known.
    pub reaches: Vec<String>,
    /// The volumes of which it takes something, or may.
    pub volumes: Vec<OfVolume>,
    /// How many volumes it leaves alone, for certain.
    pub untouched: usize,
}

/// What a rule says of credentials and one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialFinding {
    /// The rule.
    pub rule: String,
    /// The volume.
    pub volume: String,
    /// `fail` or `undetermined`.
    pub verdict: &'static str,
    /// Why.
    pub because: String,
}

/// A token that lies in a file. Its value is nowhere in this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FoundToken {
    /// The file, safe to print.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What its shape is that of.
    pub kind: &'static str,
    /// Whether `--ask` can ask what it reaches.
    pub can_be_asked: bool,
    /// Whether it was asked now.
    pub was_asked: bool,
}

/// What a search of a directory came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scanned {
    /// The directory, safe to print.
    pub directory: String,
    /// How many files were read.
    pub files: usize,
    /// What was found.
    pub found: Vec<FoundToken>,
    /// What was not looked into, and why.
    pub gaps: Vec<String>,
}

/// What every credential can destroy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialsSaid {
    /// When that was so.
    pub at: Timestamp,
    /// The credentials.
    pub credentials: Vec<CredentialSaid>,
    /// What the rules on credentials say that is not well.
    pub findings: Vec<CredentialFinding>,
    /// What could not be seen.
    pub gaps: Vec<String>,
    /// How many volumes they were judged by: with none, nothing was found out about any of them.
    pub volumes: usize,
    /// The directory that was searched, where one was named.
    pub scanned: Option<Scanned>,
}

impl OfVolume {
    /// Whether everything about it could be said.
    pub fn is_settled(&self) -> bool {
        self.primary.fate != "undetermined" && self.may_die == 0 && self.hidden.is_none()
    }
}

impl CredentialsSaid {
    /// Whether every fate could be said, nothing was unseen, and no token lies about of which nobody knows what it reaches.
    pub fn is_settled(&self) -> bool {
        let settled = |one: &CredentialSaid| one.volumes.iter().all(OfVolume::is_settled);
        let scanned = self.scanned.as_ref().is_none_or(|scanned| {
            scanned.found.iter().all(|token| token.was_asked) && scanned.gaps.is_empty()
        });
        let open = self.findings.iter().any(|finding| finding.verdict == "undetermined");
        let is_judged = self.volumes > 0 || self.credentials.is_empty();
        self.credentials.iter().all(settled) && is_judged && self.gaps.is_empty() && scanned && !open
    }

    /// Whether a rule fails: a credential takes a volume with all that would bring it back.
    pub fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == "fail")
    }
}

impl Told for CredentialsSaid {
    fn schema(&self) -> &'static str {
        "outlive/credentials/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = String::new();
        if !self.credentials.is_empty() {
            let title =
                format!("What each credential can destroy, at {}", self.at.format("%Y-%m-%d %H:%M UTC"));
            out.push_str(&look.say(&title, 0, Tone::Strong));
            let heading = ["credential", "what it is", "can be had from", "volumes", "points die", "may die"];
            let rows: Vec<_> = self.credentials.iter().map(row).collect();
            out.push_str(&look.table(&heading, &rows));
            let (some, none): (Vec<_>, Vec<_>) =
                self.credentials.iter().partition(|one| !one.volumes.is_empty());
            some.iter().for_each(|one| out.push_str(&details(one, look)));
            if !none.is_empty() {
                let names: Vec<&str> = none.iter().map(|one| one.id.as_str()).collect();
                let (said, tone) = match self.volumes {
                    0 => (
                        "What these can destroy is not known: no volume was seen to judge them by",
                        Tone::Open,
                    ),
                    _ => ("Take nothing of any volume, as far as is known", Tone::Plain),
                };
                out.push_str(&look.say(&format!("{said}: {}.", names.join(", ")), 0, tone));
            }
        } else if self.scanned.is_none() {
            out.push_str(&look.say("No credential is configured, declared or seen.", 0, Tone::Open));
        }
        for finding in &self.findings {
            let (word, tone) =
                if finding.verdict == "fail" { ("FAIL", Tone::Bad) } else { ("OPEN", Tone::Open) };
            let said = format!("{word}  {} on {}: {}", finding.rule, finding.volume, finding.because);
            out.push_str(&look.say(&said, 0, tone));
        }
        for gap in &self.gaps {
            out.push_str(&look.say(&format!("Not seen: {gap}"), 0, Tone::Open));
        }
        self.scanned.iter().for_each(|scanned| out.push_str(&searched(scanned, look)));
        out
    }
}

fn row(one: &CredentialSaid) -> Vec<Toned> {
    let sum = |count: fn(&OfVolume) -> usize| one.volumes.iter().map(count).sum::<usize>();
    let gone = one.volumes.iter().filter(|volume| volume.primary.fate == "dies").count();
    let open = one.volumes.iter().filter(|volume| volume.primary.fate == "undetermined").count();
    let (dies, may_die) = (sum(|volume| volume.dies), sum(|volume| volume.may_die));
    let volumes = match (gone, open) {
        (0, 0) => plain("0"),
        (gone, 0) => (gone.to_string(), Tone::Bad),
        (gone, open) => (format!("{gone}, perhaps {open} more"), Tone::Open),
    };
    let counted = |count: usize, tone| if count == 0 { plain("0") } else { (count.to_string(), tone) };
    let from = if one.yielded_by.is_empty() { "not known".to_owned() } else { some(&one.yielded_by) };
    vec![
        plain(&one.id),
        plain(&one.role),
        plain(from),
        volumes,
        counted(dies, Tone::Bad),
        counted(may_die, Tone::Open),
    ]
}

fn some(names: &[String]) -> String {
    let told = names.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

fn details(one: &CredentialSaid, look: Look) -> String {
    let title = look.say(&format!("{}: {}", one.id, one.role), 0, Tone::Strong);
    let mut out = format!("\n{title}");
    if !one.reaches.is_empty() {
        out.push_str(&look.item(&format!("It reaches {}.", some(&one.reaches)), 2, Tone::Plain));
    }
    if !one.yields.is_empty() {
        out.push_str(&look.item(&format!("With it are had: {}.", some(&one.yields)), 2, Tone::Open));
    }
    for volume in one.volumes.iter().take(TOLD) {
        let tone = if volume.is_settled() { Tone::Bad } else { Tone::Open };
        out.push_str(&look.item(&sentence(volume), 2, tone));
        let parts = volume.recovery_points.iter().map(|points| &points.taken);
        for taken in [&volume.primary].into_iter().chain(parts).filter(|taken| taken.fate != "survives") {
            if let Some(way) = way(taken) {
                out.push_str(&look.item(&way, 6, Tone::Plain));
            }
        }
    }
    let more = one.volumes.len().saturating_sub(TOLD);
    if more > 0 {
        out.push_str(&look.item(
            &format!("and {more} volumes more, which --format json tells"),
            2,
            Tone::Plain,
        ));
    }
    out
}

fn sentence(volume: &OfVolume) -> String {
    let OfVolume { name, dies, may_die, stays, .. } = volume;
    let itself = match volume.primary.fate {
        "dies" => format!("takes {name}"),
        "survives" => format!("leaves {name} itself"),
        _ => format!("may take {name}"),
    };
    let call =
        volume.primary.call.as_ref().map_or_else(|| "It".to_owned(), |call| format!("ONE CALL: {call}"));
    let open = if *may_die == 0 { String::new() } else { format!(", of {may_die} it cannot be said") };
    let all = dies + may_die + stays;
    let left = match &volume.newest_left {
        None => "nothing is left".to_owned(),
        Some(left) => {
            let age = left.age_seconds.and_then(chrono::TimeDelta::try_seconds);
            let age =
                age.map_or_else(|| "of unknown age".to_owned(), |age| format!("{} old", say_duration(age)));
            let hold = if left.hold == "certain" { String::new() } else { format!(", {}", left.hold) };
            format!("the newest left is {}, {age}{hold}", left.name)
        }
    };
    format!("{call} {itself}, and {dies} of its {all} recovery points{open}: {left}.")
}

fn way(taken: &TakenSaid) -> Option<String> {
    if let Some(missing) = &taken.not_known {
        return Some(format!("not known: {missing}"));
    }
    let steps: Vec<String> = (taken.chain.iter())
        .map(|step| format!("{} {} {} ({})", step.thing, step.verb, step.on, step.known))
        .collect();
    (!steps.is_empty()).then(|| steps.join("; "))
}

fn searched(scanned: &Scanned, look: Look) -> String {
    let Scanned { directory, files, found, gaps } = scanned;
    let title = format!("Looked for tokens in {files} files below {directory}: {} found", found.len());
    let mut out = format!("\n{}", look.say(&title, 0, Tone::Strong));
    for token in found {
        let said = format!("{}:{}: {}", token.path, token.line, token.kind);
        out.push_str(&look.item(&said, 2, Tone::Bad));
    }
    if found.iter().any(|token| token.can_be_asked && !token.was_asked) {
        let said =
            "What one of Railway reaches is asked with --ask PATH:LINE, which uses that token and no other.";
        out.push_str(&look.say(said, 0, Tone::Plain));
    }
    for gap in gaps {
        out.push_str(&look.say(&format!("Not looked into: {gap}"), 0, Tone::Open));
    }
    out
}
