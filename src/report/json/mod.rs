//! Reports for programs: versioned structures of their own. A field is added freely; one that changes its
//! meaning or goes needs another schema.

mod audit;
mod explain;
mod inventory;
mod parts;

pub use audit::audit;
pub use explain::{explain, rules};
pub use inventory::inventory;

use serde::Serialize;

/// Indented, with a line feed at the end.
fn render(report: &impl Serialize) -> String {
    // The structures hold texts, numbers and lists only, which always serialise.
    serde_json::to_string_pretty(report).map(|text| text + "\n").unwrap_or_default()
}
