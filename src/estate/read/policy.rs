//! Policies.

use super::super::PolicyEntry;
use super::value::{Table, Value};
use super::words::shown;
use crate::domain::{HazardClass, Keep, Policy};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// Narrower words, each for the class that it belongs to.
const ALIASES: [(&str, HazardClass); 3] = [
    ("project", HazardClass::Account),
    ("organisation", HazardClass::Account),
    ("upstream-provider", HazardClass::Provider),
];

/// The largest `min_cut_order` that can hold: one more than the acts of the largest sets that are computed.
const MOST_ACTS: usize = 4;

impl Default for PolicyEntry {
    /// What holds where the file says nothing.
    fn default() -> Self {
        Self {
            judged: Policy { drill_every: Some(TimeDelta::days(30)), ..Policy::default() },
            rto: TimeDelta::hours(4),
            verify_within: TimeDelta::days(30),
            keep: Keep::default(),
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
    PolicyEntry {
        judged: Policy {
            rpo: duration("rpo").unwrap_or(base.judged.rpo),
            survive,
            detect_within: duration("detect_within").unwrap_or(base.judged.detect_within),
            min_cut_order: table
                .get("min_cut_order")
                .and_then(|value| min_cut_order(&value))
                .unwrap_or(base.judged.min_cut_order),
            locked_for: duration("locked_for").or(base.judged.locked_for),
            drill_every,
            plan_changed_at: None,
        },
        rto: duration("rto").unwrap_or(base.rto),
        verify_within: duration("verify_within").unwrap_or(base.verify_within),
        keep: table.get("keep").and_then(|value| keep(&value)).unwrap_or(base.keep),
    }
}

/// How many acts it has to take. Sets of up to three are computed, so that four is the most that can be shown.
fn min_cut_order(value: &Value<'_>) -> Option<usize> {
    let too_many = value.is_whole().filter(|order| (MOST_ACTS + 1..=9).contains(order));
    if let Some(order) = too_many {
        let what = format!(
            "asks for {order} acts, and sets of more than three are not computed: nothing could pass"
        );
        value.complain(what, "ask for at most 4: then no three acts may lose everything");
        return None;
    }
    value.whole(1..=MOST_ACTS)
}

/// The class that a word of a policy means.
fn class(word: &str) -> Option<HazardClass> {
    let alias = || ALIASES.iter().find(|(alias, _)| *alias == word).map(|(_, class)| *class);
    HazardClass::ALL.into_iter().find(|class| class.word() == word).or_else(alias)
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
        match class(word) {
            Some(class) => drop(classes.insert(class)),
            None => {
                let aliases = ALIASES.iter().map(|(alias, _)| *alias);
                item.no_such_word(word, HazardClass::ALL.iter().map(|class| class.word()).chain(aliases));
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

/// Which points stay beyond their time.
fn keep(value: &Value<'_>) -> Option<Keep> {
    let table = value.table("keep")?;
    let count = |key| table.get(key).and_then(|value| value.whole(1..=10_000)).unwrap_or_default();
    Some(Keep {
        hourly: count("hourly"),
        daily: count("daily"),
        weekly: count("weekly"),
        monthly: count("monthly"),
        yearly: count("yearly"),
    })
}

/// Says that a policy is not there, with the nearest that is.
pub(super) fn unknown(value: &Value<'_>, name: &str, policies: &BTreeMap<String, PolicyEntry>) {
    let near = value.file.near(name, policies.keys().map(String::as_str));
    value.complain(
        format!("names a policy {} that is not there{near}", shown(name)),
        "add it as [policy.NAME]",
    );
}
