//! A failure.

use super::Told;
use crate::report::text::Look;
use serde::Serialize;

/// What went wrong, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// What happened.
    pub what: String,
    /// Where; empty where there is no place.
    pub place: String,
    /// What to do; empty where nobody knows.
    pub what_to_do: String,
}

impl Told for Failed {
    fn schema(&self) -> &'static str {
        "outlive/error/v0"
    }

    fn text(&self, _: Look) -> String {
        format!("{}\n", self.what)
    }
}
