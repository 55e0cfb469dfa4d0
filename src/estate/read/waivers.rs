//! Failures of rules that somebody answers for.

use super::super::WaiverEntry;
use super::Known;
use super::value::{Table, Value};
use super::volume::waiver_in;
use crate::domain::{RULE_IDS, RuleWaiver, VolumeId};
use std::collections::BTreeMap;

/// All of them, in the order of the file; those that are over too.
pub(super) fn waivers(tables: &[Table<'_>], known: &Known<'_>) -> Vec<WaiverEntry> {
    let mut given = BTreeMap::new();
    tables.iter().filter_map(|table| one(table, known, &mut given)).collect()
}

fn one(
    table: &Table<'_>,
    known: &Known<'_>,
    given: &mut BTreeMap<(String, String), usize>,
) -> Option<WaiverEntry> {
    let rule = table.required("rule").and_then(|rule| one_of_ours(&rule));
    let volume = table.required("volume").and_then(|volume| known.volumes.used_by(&volume));
    let waiver = waiver_in(table);
    let undetermined = table.get("undetermined").and_then(|value| value.boolean()).unwrap_or(false);
    let (rule, volume) = (rule?, volume?);
    if let Some(at) = given.insert((rule.clone(), volume.clone()), table.at) {
        let what = format!("`{rule}` of `{volume}` is waived on line {} already", table.file.line(at));
        table.file.complain(table.at, what, "leave one out");
    }
    let super::super::Waiver { reason, owner, until } = waiver?;
    let waiver = RuleWaiver { rule, volume: VolumeId(volume), reason, owner, until, undetermined };
    Some(WaiverEntry { waiver, line: table.file.line(table.at) })
}

/// The id of a rule that there is: a waiver of any other would waive nothing, and nobody would see it.
fn one_of_ours(value: &Value<'_>) -> Option<String> {
    let id = value.hyphened()?;
    if !RULE_IDS.contains(&id.as_str()) {
        value.no_such_word(&id, RULE_IDS.iter().copied());
        return None;
    }
    Some(id)
}
