//! What an explanation consists of: `app` fills it.

use crate::domain::Volume;
use crate::isolation::{Fate, Link, Standing, Traced, TracedPoints};

/// Why one volume and its recovery points fall or stay, under each of several hazards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The volume.
    pub volume: Volume,
    /// What it stands on.
    pub chain: Vec<Link>,
    /// One trace for each hazard.
    pub traced: Vec<Traced>,
    /// What may also take it, unseen: what is not known.
    pub perhaps: Vec<String>,
}

impl Explained {
    /// Whether every fate could be said, and what stays counts.
    pub fn is_settled(&self) -> bool {
        let settled = |points: &TracedPoints| match (&points.reason.fate, &points.standing) {
            (Fate::Undetermined { .. }, _) | (Fate::Survives { .. }, Standing::Unproven(_)) => false,
            (Fate::Dies { .. } | Fate::Survives { .. }, _) => true,
        };
        let primary = |traced: &Traced| !matches!(traced.primary.fate, Fate::Undetermined { .. });
        self.perhaps.is_empty()
            && self.traced.iter().all(|traced| primary(traced) && traced.points.iter().all(settled))
    }
}
