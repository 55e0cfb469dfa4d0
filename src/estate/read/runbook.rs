//! Runbooks, and how a key is had from escrow.

use super::super::RunbookEntry;
use super::value::Value;

/// What `[runbook]` and `[escrow]` say.
pub(super) fn runbook(runbook: Option<&Value<'_>>, escrow: Option<&Value<'_>>) -> RunbookEntry {
    let table = runbook.and_then(|value| value.table("[runbook]"));
    let escrow = escrow.and_then(|value| value.table("[escrow]"));
    let usual = RunbookEntry::default();
    let into = table.as_ref().and_then(|table| table.get("into"));
    let believe_for = table.as_ref().and_then(|table| table.get("believe_for"));
    let instructions = escrow.and_then(|table| table.required("instructions"));
    RunbookEntry {
        into: into.and_then(|value| value.path()),
        believe_for: believe_for.and_then(|value| value.duration()).unwrap_or(usual.believe_for),
        escrow: instructions.and_then(|value| told(&value)),
    }
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
