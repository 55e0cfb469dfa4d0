//! What an explanation consists of: `app` fills it.

use crate::domain::Volume;
use crate::isolation::{Fate, Link, Traced};

/// Why one volume and its recovery points fall or stay, under each of several hazards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The volume.
    pub volume: Volume,
    /// What it stands on.
    pub chain: Vec<Link>,
    /// One trace for each hazard.
    pub traced: Vec<Traced>,
}

impl Explained {
    /// Whether every fate could be said.
    pub fn is_settled(&self) -> bool {
        let settled = |fate: &Fate| !matches!(fate, Fate::Undetermined { .. });
        self.traced.iter().all(|traced| {
            settled(&traced.primary.fate) && traced.points.iter().all(|points| settled(&points.reason.fate))
        })
    }
}
