//! A first estate file.

use super::Told;
use crate::report::text::Look;
use serde::Serialize;

/// What `outlive init` proposes, and whether it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InitDone {
    /// Where it belongs; safe to print.
    pub path: String,
    /// The file.
    pub toml: String,
    /// Whether it was written.
    pub written: bool,
    /// The names of the volumes in it.
    pub volumes: Vec<String>,
    /// The names of the providers in it.
    pub providers: Vec<String>,
    /// What could not be seen.
    pub gaps: Vec<String>,
}

impl Told for InitDone {
    fn schema(&self) -> &'static str {
        "outlive/init/v0"
    }

    /// The file and nothing else: it may be wanted in another place.
    fn text(&self, _: Look) -> String {
        self.toml.clone()
    }
}
