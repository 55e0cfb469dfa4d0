//! The recovery points of a volume, with what changed from each to the next.

use super::{Told, say_bytes};
use crate::domain::{Timestamp, say_duration};
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// So many entries, with the bytes of their files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What changed since the point before in the same vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChangeSaid {
    /// The short name of that point.
    pub against: String,
    /// What is new.
    pub added: Counted,
    /// What is otherwise; its bytes are those that were not in it before.
    pub changed: Counted,
    /// What is gone.
    pub removed: Counted,
    /// Regular files that are new, or whose content changed.
    pub files: u64,
    /// Regular files that were there before under a name that only lacks an ending.
    pub renamed: u64,
    /// The bytes that are new, as they were read.
    pub new_bytes: u64,
    /// About how many bytes these take compressed.
    pub packed_bytes: u64,
    /// What is unusual about it.
    pub hints: Vec<String>,
}

/// What becomes of a point under the hazards that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FateSaid {
    /// `dies`, `stays` or `undetermined`.
    pub fate: &'static str,
    /// Why; of what stays, until when that is known.
    pub because: Option<String>,
}

/// One recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointSaid {
    /// Its identity in an inventory.
    pub id: String,
    /// What people call it, with its place.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// The moment whose state it holds; none where that is not known.
    pub taken_at: Option<Timestamp>,
    /// How far a copy was proved; none for what is no copy of outlive.
    pub state: Option<&'static str>,
    /// Whether it counts.
    pub counts: bool,
    /// Why it does not.
    pub because: Option<String>,
    /// Its lock in words; `unknown` where nobody read it.
    pub lock: String,
    /// How long ago a restore of it was last tried with success; `never`; or `unknown`.
    pub drilled: String,
    /// Its size, in bytes.
    pub bytes: Option<u64>,
    /// What changed since the one before.
    pub change: Option<ChangeSaid>,
    /// Why that is not known.
    pub change_unknown: Option<String>,
    /// Whether it could have been known, and something hindered it.
    pub change_hindered: bool,
    /// What becomes of it, where that was asked.
    pub fate: Option<FateSaid>,
}

/// The points of a volume, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointsListed {
    /// The volume.
    pub volume: String,
    /// The hazards that were asked for, in words.
    pub what_if: Option<String>,
    /// The points.
    pub points: Vec<PointSaid>,
    /// What could not be seen, so that there may be more.
    pub gaps: Vec<String>,
    /// When it was listed.
    pub at: Timestamp,
}

impl PointsListed {
    /// True where there is a point, nothing that could be seen was not, and every change that is to be had and every fate that was asked for
    /// could be said.
    pub fn is_settled(&self) -> bool {
        let said = |point: &PointSaid| {
            !point.change_hindered && point.fate.as_ref().is_none_or(|fate| fate.fate != "undetermined")
        };
        !self.points.is_empty() && self.gaps.is_empty() && self.points.iter().all(said)
    }
}

impl ChangeSaid {
    fn text(&self) -> String {
        let parts = [("+", self.added), ("~", self.changed), ("-", self.removed)];
        let parts = parts.iter().filter(|(_, counted)| counted.entries > 0);
        let parts =
            parts.map(|(sign, counted)| format!("{sign}{} ({})", counted.entries, say_bytes(counted.bytes)));
        let said = parts.collect::<Vec<_>>().join(" ");
        if said.is_empty() { "nothing".into() } else { said }
    }
}

impl Told for PointsListed {
    fn schema(&self) -> &'static str {
        "outlive/points/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("Recovery points of {}", self.volume), 0, Tone::Strong);
        if let Some(title) = &self.what_if {
            out.push_str(&look.say(&format!("What if: {title}"), 0, Tone::Strong));
        }
        let rows: Vec<_> = self.points.iter().map(|point| self.row(point)).collect();
        if rows.is_empty() {
            out.push_str(&look.say("None was seen.", 0, Tone::Open));
        } else {
            let mut heading =
                vec!["point", "age", "size", "state", "lock", "last drill", "since the one before"];
            heading.extend(self.what_if.as_ref().map(|_| "then"));
            out.push_str(&look.table(&heading, &rows));
        }
        for point in &self.points {
            for hint in point.change.iter().flat_map(|change| &change.hints) {
                out.push_str(&look.say(&format!("LOOK  {}: {hint}.", point.name), 0, Tone::Bad));
            }
        }
        out.push_str(&self.unknown(look));
        for point in self.points.iter().filter(|point| !point.counts) {
            let why = point.because.as_deref().unwrap_or_default();
            out.push_str(&look.say(&format!("Does not count: {}: {why}.", point.name), 0, Tone::Open));
        }
        let fates = self.points.iter().filter_map(|point| Some((point, point.fate.as_ref()?)));
        for (point, fate) in fates.filter(|(_, fate)| fate.fate != "stays") {
            let why = fate.because.as_deref().unwrap_or_default();
            let tone = if fate.fate == "dies" { Tone::Bad } else { Tone::Open };
            out.push_str(&look.say(&format!("{}: {}: {why}.", fate.fate, point.name), 0, tone));
        }
        for gap in &self.gaps {
            out.push_str(&look.say(&format!("Not seen: {gap}"), 0, Tone::Open));
        }
        out
    }
}

impl PointsListed {
    fn row(&self, point: &PointSaid) -> Vec<crate::report::text::look::Toned> {
        let age = point.taken_at.map_or("unknown".into(), |at| say_duration(self.at - at));
        let state = match (point.state, point.counts) {
            (Some(state), _) => state.to_owned(),
            (None, true) => "there".into(),
            (None, false) => "unproven".into(),
        };
        let change = match (&point.change, &point.change_unknown) {
            (Some(change), _) => change.text(),
            (None, Some(why)) if why.starts_with("the first") => "the first".into(),
            (None, _) => "unknown".into(),
        };
        let mut row = vec![
            plain(&point.name),
            plain(age),
            plain(point.bytes.map_or("unknown".into(), say_bytes)),
            plain(state),
            plain(&point.lock),
            plain(&point.drilled),
            plain(change),
        ];
        row.extend(point.fate.as_ref().map(|fate| {
            let tone = match fate.fate {
                "dies" => Tone::Bad,
                "stays" => Tone::Good,
                _ => Tone::Open,
            };
            (fate.fate.to_owned(), tone)
        }));
        row
    }

    /// Why changes are not known, each reason once.
    fn unknown(&self, look: Look) -> String {
        let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        let unknown = self.points.iter().filter_map(|point| point.change_unknown.as_deref());
        unknown
            .filter(|why| !why.starts_with("the first"))
            .for_each(|why| *counts.entry(why).or_default() += 1);
        let said = counts.iter().map(|(why, count)| {
            look.say(&format!("What changed is not known of {count} points: {why}."), 0, Tone::Open)
        });
        said.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_have_been_compared_and_was_not_is_open() {
        let point = PointSaid {
            id: "vault:1".into(),
            name: "copy 1".into(),
            kind: "vault copy",
            taken_at: None,
            state: Some("stored"),
            counts: true,
            because: None,
            lock: "unknown".into(),
            drilled: "never".into(),
            bytes: None,
            change: None,
            change_unknown: Some("the first in its vault: there is none before it".into()),
            change_hindered: false,
            fate: None,
        };
        let at = chrono::DateTime::UNIX_EPOCH;
        let listed =
            |point| PointsListed { volume: "v".into(), what_if: None, points: vec![point], gaps: vec![], at };
        assert!(listed(point.clone()).is_settled());
        let unknown = Some("it was not compared in the time that it may take".into());
        assert!(!listed(PointSaid { change_unknown: unknown, change_hindered: true, ..point }).is_settled());
    }
}
