//! The nightly run.

use super::super::NightlyEntry;
use super::secrets::source;
use super::value::{Table, Value};
use chrono::TimeDelta;
use std::path::PathBuf;

/// What `[nightly]` says; two copies at once and six hours where it says nothing.
pub(super) fn nightly(value: Option<&Value<'_>>) -> NightlyEntry {
    let table = value.and_then(|value| value.table("[nightly]"));
    let get = |key| table.as_ref().and_then(|table: &Table<'_>| table.get(key));
    NightlyEntry {
        concurrency: get("concurrency").and_then(|value| value.whole(1..=64)).unwrap_or(2),
        deadline: get("deadline").and_then(|value| value.duration()).unwrap_or_else(|| TimeDelta::hours(6)),
        ping: get("ping").and_then(|value| source(&value)),
        webhook: get("webhook").and_then(|value| source(&value)),
        textfile: get("textfile").and_then(|value| textfile(&value)),
        evidence: get("evidence").and_then(|value| value.path()),
    }
}

/// The node exporter reads only files that end in `.prom`.
fn textfile(value: &Value<'_>) -> Option<PathBuf> {
    let path = value.path()?;
    if path.extension().is_none_or(|extension| extension != "prom") {
        value.complain(
            "does not end in `.prom`, and the node exporter would not read it",
            "name it, for example, outlive.prom",
        );
        return None;
    }
    Some(path)
}
