//! Policies.

use super::super::PolicyEntry;
use super::value::{Table, Value};
use super::words::{shown, suggestion};
use crate::domain::{HazardClass, Policy};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// Hazards that a policy may name and that no class of [`HazardClass`] stands for yet.
const UNJUDGED: [&str; 8] =
    ["site", "region", "account", "provider", "network", "credential", "identity", "key"];
const OTHERS: [&str; 4] = ["project", "organisation", "upstream-provider", "catalogue"];

impl Default for PolicyEntry {
    /// What holds where the file says nothing.
    fn default() -> Self {
        Self {
            judged: Policy { drill_every: Some(TimeDelta::days(30)), ..Policy::default() },
            rto: TimeDelta::hours(4),
            verify_within: TimeDelta::days(30),
        }
    }
}

/// All policies by name. What one leaves out, it has from `default`, and that from what is built in.
pub(super) fn policies(policy: Option<&Value<'_>>) -> BTreeMap<String, PolicyEntry> {
    let mut tables = policy.map(Value::named_tables).unwrap_or_default();
    tables.sort_by_key(|(_, name, _)| *name != "default");
    let mut policies = BTreeMap::from([("default".to_owned(), PolicyEntry::default())]);
    for (at, name, value) in tables {
        if !value.is_table() {
            value.complain(
                "stands in no policy",
                "write it under [policy.default], or under a policy of its own: [policy.NAME]",
            );
            continue;
        }
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !name.bytes().all(fits) || name.is_empty() || name.len() > 100 {
            value.file.complain(
                at,
                format!("a policy cannot be called {}", shown(name)),
                "use a to z, 0 to 9, `_` and `-`",
            );
        }
        let base = policies.get("default").cloned().unwrap_or_default();
        if let Some(table) = value.table("[policy.NAME]") {
            policies.insert(name.to_owned(), one(&table, base));
        }
    }
    policies
}

fn one(table: &Table<'_>, base: PolicyEntry) -> PolicyEntry {
    let duration = |key| table.get(key).and_then(|value: Value<'_>| value.duration());
    let drill_every = match table.get("drill_every") {
        Some(value) if value.is_text() && value.text() == Some("never") => None,
        Some(value) => value.duration(),
        None => base.judged.drill_every,
    };
    let survive = match table.get("survive") {
        Some(value) => survive(&value),
        None => base.judged.survive,
    };
    let policy = PolicyEntry {
        judged: Policy {
            rpo: duration("rpo").unwrap_or(base.judged.rpo),
            survive,
            detect_within: duration("detect_within").unwrap_or(base.judged.detect_within),
            min_cut_order: table
                .get("min_cut_order")
                .and_then(|value| value.whole(1..=9))
                .unwrap_or(base.judged.min_cut_order),
            locked_for: base.judged.locked_for,
            drill_every,
        },
        rto: duration("rto").unwrap_or(base.rto),
        verify_within: duration("verify_within").unwrap_or(base.verify_within),
    };
    note_what_is_not_done(table, &policy);
    policy
}

fn survive(value: &Value<'_>) -> BTreeSet<HazardClass> {
    let items = value.list().unwrap_or_default();
    let mut classes = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for item in &items {
        let Some(word) = item.text() else { continue };
        if !seen.insert(word) {
            item.complain(format!("names {} twice", shown(word)), "leave one out");
        }
        let later = UNJUDGED.iter().chain(&OTHERS).copied();
        match HazardClass::ALL.iter().find(|class| class.word() == word) {
            Some(class) => drop(classes.insert(*class)),
            None if later.clone().any(|known| known == word) => {
                let because = format!("whether something survives the loss of its {word} is not judged yet");
                item.file.leave_undone(item.at, item.key.clone(), because);
            }
            None => {
                let known = HazardClass::ALL.iter().map(|class| class.word()).chain(later);
                item.no_such_word(word, known);
            }
        }
    }
    if items.is_empty() && value.list().is_some() {
        // With nothing to survive, no rule could ever fail.
        value.complain(
            "asks for nothing to be survived",
            "name at least one, or leave the key out: then it is all of them",
        );
    }
    classes
}

/// The keys that are read and that nothing acts on yet.
fn note_what_is_not_done(table: &Table<'_>, policy: &PolicyEntry) {
    let undone = |key: &str, because: &str| {
        table.file.leave_undone(table.place_of(key), format!("{}.{key}", table.key), because);
    };
    if table.get("detect_within").is_some() {
        undone("detect_within", "whether an older point reaches back before bad data is not judged yet");
    }
    if table.get("min_cut_order").is_some() && policy.judged.min_cut_order > 1 {
        undone("min_cut_order", "sets of several losses together are not judged yet; single ones are");
    }
    if let Some(value) = table.get("locked_for") {
        let _checked = value.duration();
        undone("locked_for", "objects are not written with a lock yet");
    }
    if let Some(keep) = table.get("keep").and_then(|value| value.table("keep")) {
        for key in ["hourly", "daily", "weekly", "monthly", "yearly"] {
            let _checked = keep.get(key).and_then(|value| value.whole(1..=10_000));
        }
        undone("keep", "nothing is ever expired, and no plan for that is made yet: all points are kept");
    }
}

/// Says that a policy is not there, with the nearest that is.
pub(super) fn unknown(value: &Value<'_>, name: &str, policies: &BTreeMap<String, PolicyEntry>) {
    let near = suggestion(name, policies.keys().map(String::as_str));
    value.complain(
        format!("names a policy {} that is not there{near}", shown(name)),
        "add it as [policy.NAME]",
    );
}
