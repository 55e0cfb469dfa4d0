//! Reports for programs: versioned structures of their own. A field is added freely; one that changes its
//! meaning or goes needs another schema.

mod accounts;
mod audit;
mod cuts;
mod explain;
mod inventory;
mod parts;
mod trace;

pub use audit::audit;
pub use explain::{explain, explain_kind, rules};
pub use inventory::inventory;
pub use trace::{explain_volumes, what_if};

use serde::Serialize;

/// Indented, with a line feed at the end. Control characters that JSON would let through raw are escaped:
/// programs read the same text, and a terminal obeys nothing.
pub(super) fn render(report: &impl Serialize) -> String {
    // The structures hold texts, numbers and lists only, which always serialise.
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    let mut safe = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        match character {
            '\n' => safe.push('\n'),
            control if control.is_control() => safe.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => safe.push(other),
        }
    }
    safe.push('\n');
    safe
}
