//! Runbooks, and how a key is had from escrow.

use super::super::RunbookEntry;
use super::value::Value;
use chrono::TimeDelta;

/// What `[runbook]` and `[escrow]` say.
pub(super) fn runbook(runbook: Option<&Value<'_>>, escrow: Option<&Value<'_>>) -> RunbookEntry {
    let table = runbook.and_then(|value| value.table("[runbook]"));
    let escrow = escrow.and_then(|value| value.table("[escrow]"));
    let usual = RunbookEntry::default();
    let into = table.as_ref().and_then(|table| table.get("into"));
    let believe_for = table.as_ref().and_then(|table| table.get("believe_for"));
    let believe_for = believe_for.and_then(|value| value.duration()).unwrap_or(usual.believe_for);
    let vaults_every = table.as_ref().and_then(|table| table.get("vaults_every"));
    let instructions = escrow.and_then(|table| table.required("instructions"));
    RunbookEntry {
        into: into.and_then(|value| value.path()),
        believe_for,
        vaults_every: vaults_every.and_then(|value| often(&value, believe_for)).unwrap_or(believe_for / 2),
        escrow: instructions.and_then(|value| told(&value)),
    }
}

/// How often pages go into vaults: before those that are there are stale.
fn often(value: &Value<'_>, believe_for: TimeDelta) -> Option<TimeDelta> {
    let every = value.duration()?;
    if every > believe_for {
        value.complain(
            "is longer than pages are believed (`runbook.believe_for`)",
            "make it shorter, best half of that: otherwise the pages in vaults are stale before new ones come",
        );
    }
    Some(every)
}

/// Several lines for a person. A private key among them would be no escrow.
fn told(value: &Value<'_>) -> Option<String> {
    let text = value.any_text()?;
    if text.trim().is_empty() {
        value.complain("is empty", "say how the key is had, or leave the key out");
        return None;
    }
    if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") {
        value.complain(
            "holds a private key, and this file holds no secrets",
            "take it out, and say where the key lies and who opens it",
        );
        return None;
    }
    Some(text.trim_end().to_owned())
}
