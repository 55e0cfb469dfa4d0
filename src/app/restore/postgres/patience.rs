//! How long PostgreSQL and its programs may take.

use crate::domain::{Kind, Monitor, Problem, Result};
use std::time::Instant;

/// How long is waited, and who may ask to stop.
#[derive(Clone, Copy)]
pub(super) struct Patience<'a> {
    pub until: Instant,
    pub monitor: &'a dyn Monitor,
}

impl Patience<'_> {
    /// # Errors
    /// `Cancelled`; `Io` where the time is over.
    pub fn check(&self) -> Result<()> {
        if self.monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
        }
        if Instant::now() >= self.until {
            return Err(Problem::new(Kind::Io, "PostgreSQL took longer than it may")
                .remedy("give it more time with --postgres-limit"));
        }
        Ok(())
    }
}
