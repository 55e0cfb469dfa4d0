//! Reads `incident.toml`, as strictly as an estate file.

use super::super::{Estate, ExpectedFate, ExpectedFinding, ExpectedLeft, Incident, Line, stand};
use super::file::File;
use super::value::{Table, Value};
use super::words::{shown, suggestion};
use super::{parsed, told_at_once};
use crate::domain::{AssetId, Hazard, Result, Timestamp, VolumeId, printable};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Makes the hazard of an asset.
type Act = fn(AssetId) -> Hazard;

/// How each act is written before what it strikes.
const ACTS: [(&str, Act); 4] = [
    ("deleted", Hazard::Deleted),
    ("lost", Hazard::Lost),
    ("compromised", Hazard::Compromised),
    ("bad-data", Hazard::BadData),
];

impl Incident {
    /// What a file of this name with this text says of an estate, which says as of when it is judged.
    ///
    /// # Errors
    /// `Usage` with file, line and column where it is wrong. Several mistakes are told in one problem, by line.
    pub fn parse(path: &Path, text: &str, estate: &Estate) -> Result<Self> {
        let file = File::new(path, Path::new(""), text);
        let mut found = None;
        parsed(&file, text, |document| {
            let table = Table::whole_file(&file, "incident.toml", document);
            found = whole(path, &table, estate);
        });
        match (file.finish(), found) {
            (Err(problems), _) => Err(told_at_once(problems)),
            (Ok(_), Some(incident)) => Ok(incident),
            // A part that is missing was complained of.
            (Ok(_), None) => Err(told_at_once(Vec::new())),
        }
    }
}

fn whole(path: &Path, table: &Table<'_>, estate: &Estate) -> Option<Incident> {
    let title = table.required("title").and_then(|value| value.text());
    let act = table.required("act").and_then(|value| value.text());
    if estate.as_of.is_none() {
        let what = "the estate does not say as of when it is judged";
        table.file.complain(0, what, "write `as_of = …`, the night before, into outlive.toml");
    }
    let acts_at = table.get("acts_at").map(|value| moment_after(&value, estate.as_of));
    let hazards = table.required("hazards").map(|value| hazards(&value, estate));
    let found_useless = table.get("found_useless").map(|value| found_useless(&value, estate));
    let fates = table.required("fates").map(|value| fates(&value, estate));
    let findings = table.each("finding", "[[finding]]", "rule");
    let left = table.each("left", "[[left]]", "volume");
    if findings.is_empty() {
        table.file.complain(0, "no rule is named that must fire", "add it as [[finding]]");
    }
    let findings = findings.iter().filter_map(|table| finding(table, estate)).collect();
    let left = left.iter().filter_map(|table| one_left(table, estate)).collect();
    let night = estate.as_of?;
    Some(Incident {
        place: printable(path.as_os_str().as_encoded_bytes()),
        title: title?.to_owned(),
        night,
        acts_at: acts_at.map_or(Some(night), |given| given)?,
        act: act?.to_owned(),
        hazards: hazards?,
        found_useless: found_useless.unwrap_or_default(),
        fates: fates?,
        findings,
        left,
    })
}

fn moment_after(value: &Value<'_>, night: Option<Timestamp>) -> Option<Timestamp> {
    let moment = value.moment()?;
    if night.is_some_and(|night| moment < night) {
        value.complain("is before the estate's `as_of`", "name the night before there, and the act here");
    }
    Some(moment)
}

/// `ACT KIND:NAME` each.
fn hazards(value: &Value<'_>, estate: &Estate) -> BTreeMap<Hazard, Line> {
    let items = value.list().unwrap_or_default();
    if items.is_empty() {
        value.complain("names nothing that happens", "write it as [\"deleted volume:NAME\"]");
    }
    let mut hazards = BTreeMap::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        let words = ACTS.map(|(word, _)| word);
        let split = text.split_once(' ').filter(|(_, asset)| asset.contains(':'));
        let Some((word, asset)) = split else {
            let what = format!("is {}, which is no hazard", shown(text));
            item.complain(
                what,
                format!("write it as \"ACT KIND:NAME\", with an ACT of: {}", words.join(", ")),
            );
            continue;
        };
        let Some((_, act)) = ACTS.iter().find(|(known, _)| *known == word) else {
            item.no_such_word(word, words.into_iter());
            continue;
        };
        let id = asset.strip_prefix("volume:");
        if let Some(id) = id.filter(|id| estate.volume(&VolumeId((*id).to_owned())).is_none()) {
            unknown(&item, "volume", id, volumes(estate));
        }
        hazards.insert(act(stand::canonical(&AssetId(asset.to_owned()))), item.file.line(item.at));
    }
    hazards
}

/// Ids of recovery points.
fn found_useless(value: &Value<'_>, estate: &Estate) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in value.list().unwrap_or_default() {
        let Some(id) = item.text() else { continue };
        if !points(estate).any(|known| known == id) {
            unknown(&item, "recovery point", id, points(estate));
        }
        found.insert(id.to_owned());
    }
    found
}

fn fates(value: &Value<'_>, estate: &Estate) -> BTreeMap<String, ExpectedFate> {
    let known: Vec<&str> = volumes(estate).chain(points(estate)).collect();
    let mut fates = BTreeMap::new();
    if !value.is_table() {
        value.complain("is no table", "write `ID = \"dies\"` below [fates], one line each");
        return fates;
    }
    let entries = value.named_tables();
    for (at, id, value) in &entries {
        if !known.contains(id) {
            let near = suggestion(id, known.iter().copied());
            let what = format!("the estate has no volume and no recovery point {}{near}", shown(id));
            value.file.complain(*at, what, "name it as outlive.toml does");
        }
        if let Some(fate) = value.variant() {
            fates.insert((*id).to_owned(), fate);
        }
    }
    for id in known.iter().filter(|id| !entries.iter().any(|(_, name, _)| name == *id)) {
        value.complain(format!("says nothing of {}", shown(id)), format!("add `{id} = …`"));
    }
    for id in points(estate).filter(|id| volumes(estate).any(|volume| volume == *id)) {
        let what = format!("cannot tell the volume {} from the recovery point of that name", shown(id));
        value.complain(what, "give one of them another id in outlive.toml");
    }
    fates
}

fn finding(table: &Table<'_>, estate: &Estate) -> Option<ExpectedFinding> {
    let volume = table.required("volume").and_then(|value| volume(&value, estate));
    let rule = table.required("rule").and_then(|value| value.text());
    let verdict = table.required("verdict").and_then(|value| value.variant());
    Some(ExpectedFinding {
        volume: volume?,
        rule: rule?.to_owned(),
        verdict: verdict?,
        line: table.file.line(table.at),
    })
}

fn one_left(table: &Table<'_>, estate: &Estate) -> Option<ExpectedLeft> {
    let volume = table.required("volume").and_then(|value| volume(&value, estate));
    let point = table.required("point");
    let text = point.as_ref().and_then(Value::text);
    let age = table.get("age").and_then(|value| value.text()).map(str::to_owned);
    if text == Some("nothing") {
        return Some(ExpectedLeft { volume: volume?, point: None, age });
    }
    let (point, text, volume) = (point?, text?, volume?);
    let own = || estate.points.iter().filter(|known| known.volume == volume).map(|known| known.id.as_str());
    if !own().any(|known| known == text) {
        unknown(&point, "recovery point of that volume", text, own().chain(["nothing"]));
    }
    if age.is_none() {
        table.file.complain(table.at, format!("`{}` has no `age`", table.key), "add `age = \"3 d 4 h\"`");
    }
    Some(ExpectedLeft { volume, point: Some(text.to_owned()), age })
}

fn volume(value: &Value<'_>, estate: &Estate) -> Option<VolumeId> {
    let id = VolumeId(value.text()?.to_owned());
    if estate.volume(&id).is_none() {
        unknown(value, "volume", &id.0, volumes(estate));
        return None;
    }
    Some(id)
}

fn unknown<'n>(value: &Value<'_>, what: &str, name: &str, names: impl Iterator<Item = &'n str>) {
    let near = suggestion(name, names);
    value.complain(
        format!("names a {what} {} that is not in the estate{near}", shown(name)),
        "name one of it",
    );
}

fn volumes(estate: &Estate) -> impl Iterator<Item = &str> {
    estate.volumes.iter().map(|volume| volume.id.0.as_str())
}

fn points(estate: &Estate) -> impl Iterator<Item = &str> {
    estate.points.iter().map(|point| point.id.as_str())
}
