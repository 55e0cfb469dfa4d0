//! What the ledger holds, event by event.

use crate::app::Context;
use crate::domain::{Kind, Problem, Result, printable};
use crate::ledger::{Ledger, PATIENCE, Record};
use crate::report::activity::{LedgerShown, ShownRecord};
use serde_json::Value;

/// The newest records of the ledger, oldest first; all without `last`.
///
/// # Errors
/// As [`Ledger::look`].
pub fn show_ledger(context: &Context, last: Option<usize>) -> Result<LedgerShown> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let skipped = last.map_or(0, |last| records.len().saturating_sub(last));
    let shown = records[skipped..].iter().map(shown).collect::<Result<Vec<_>>>()?;
    Ok(LedgerShown {
        state: printable(context.state.as_os_str().as_encoded_bytes()),
        records: records.len() as u64,
        events: shown,
    })
}

fn shown(record: &Record) -> Result<ShownRecord> {
    let event = serde_json::to_value(&record.event)
        .map_err(|error| Problem::new(Kind::Internal, format!("cannot write JSON: {error}")))?;
    let kind = event.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(ShownRecord { seq: record.seq, at: record.at, kind, what: in_words(&event), event })
}

/// What tells one event from another of its kind: of which volume, vault or drill, and how it ended.
fn in_words(event: &Value) -> String {
    const TOLD: [&str; 12] = [
        "/drill",
        "/point/volume",
        "/volume",
        "/name",
        "/vault/id",
        "/object",
        "/target",
        "/into",
        "/outcome",
        "/verdicts",
        "/because",
        "/lock/mode",
    ];
    let text = |pointer: &&str| match event.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(printable(text.as_bytes())),
        Value::Array(items) if items.is_empty() => Some("sound".to_owned()),
        Value::Array(items) => {
            let words = items.iter().filter_map(Value::as_str).collect::<Vec<_>>();
            Some(printable(words.join(", ").as_bytes()))
        }
        _ => None,
    };
    let mut words: Vec<String> = TOLD.iter().filter_map(text).collect();
    words.dedup();
    words.join(" · ")
}
