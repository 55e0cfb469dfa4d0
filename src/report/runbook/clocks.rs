//! Clocks that run after an incident, as data.

use crate::domain::{Kind, Problem, Result};
use serde::{Deserialize, Serialize};

const CLOCKS: &str = include_str!("clocks.toml");

/// Whom to tell within which time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The law or contract.
    pub name: String,
    /// Who is told.
    pub whom: String,
    /// How soon.
    pub within: String,
    /// From when it runs.
    pub from: String,
    /// What follows.
    pub then: String,
    /// Whom it concerns.
    pub applies: String,
    /// Where it is written.
    pub source: String,
    /// The day on which this was compared with published texts of the rule; none where it was written from memory.
    pub reviewed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clocks {
    clock: Vec<Clock>,
}

/// Every clock.
///
/// # Errors
/// `Internal`: the list is compiled in, and a test reads it.
pub fn clocks() -> Result<Vec<Clock>> {
    let read: Clocks = toml::from_str(CLOCKS)
        .map_err(|error| Problem::new(Kind::Internal, format!("the list of clocks: {}", error.message())))?;
    Ok(read.clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clock_says_where_it_is_written() {
        let all = clocks().unwrap();
        assert!(all.len() >= 5);
        assert!(all.iter().all(|clock| !clock.source.is_empty() && !clock.within.is_empty()));
        assert!(all[0].within == "72 hours" && all.iter().any(|clock| clock.reviewed.is_none()));
    }
}
