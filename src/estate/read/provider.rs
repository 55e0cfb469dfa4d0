//! Providers: whom to ask what there is, where, and with which credential.

use super::super::ProviderEntry;
use super::address::{Plain, endpoint};
use super::secrets::source;
use super::value::Table;
use super::words::listed;
use chrono::TimeDelta;

/// The kinds that can be asked over a network.
const ASKED: [&str; 1] = ["railway"];
/// Keys that only make sense where somebody is asked over a network.
const OF_ASKED: [&str; 3] = ["endpoint", "longest", "token"];
/// How long asking a provider may take, where the file does not say.
const LONGEST: TimeDelta = TimeDelta::minutes(2);

/// All providers, in the order of the file.
pub(super) fn providers(tables: &[Table<'_>]) -> Vec<ProviderEntry> {
    tables.iter().filter_map(one).collect()
}

/// Whether there is somebody behind a kind who can be asked.
pub(super) fn is_asked(kind: &str) -> bool {
    ASKED.contains(&kind)
}

fn one(table: &Table<'_>) -> Option<ProviderEntry> {
    let id = table.required("id").and_then(|id| id.as_text());
    let kind = table.required("kind").and_then(|kind| {
        let word = kind.id()?;
        if word != "local" && !is_asked(&word) {
            let known = listed(["local"].into_iter().chain(ASKED));
            let because =
                format!("no provider of the kind `{word}` is asked what it holds yet, only: {known}");
            kind.file.leave_undone(kind.at, kind.key.clone(), because);
        }
        Some(word)
    });
    let token = table.get("token").and_then(|value| source(&value));
    let endpoint = table.get("endpoint").and_then(|value| endpoint(&value, Plain::NeverAway));
    let longest = table.get("longest").and_then(|value| {
        let longest = value.duration()?;
        if longest < TimeDelta::seconds(1) || longest > TimeDelta::hours(6) {
            value.complain("must be from one second to six hours", "write it as \"2m\"");
        }
        Some(longest)
    });
    match kind.as_deref() {
        Some(word) if is_asked(word) && !table.has("token") => drop(table.required("token")),
        // Until now it was accepted, so a token stays so.
        Some("local") => {
            for key in OF_ASKED.iter().filter(|key| **key != "token") {
                if let Some(value) = table.get(key) {
                    value.complain("means nothing for this machine", "leave it out");
                }
            }
        }
        _ => {}
    }
    Some(ProviderEntry {
        id: id?.to_owned(),
        kind: kind?,
        token,
        endpoint,
        longest: longest.unwrap_or(LONGEST),
        line: table.file.line(table.at),
    })
}
