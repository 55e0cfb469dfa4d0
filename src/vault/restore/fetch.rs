//! Getting the bytes of jobs, ahead of those who decode them.

use super::super::Vault;
use super::super::format::Frame;
use super::content::Shared;
use super::job::Job;

/// A job, and the bytes of all its frames where they could be had together.
pub struct Fetched {
    pub job: Job,
    /// None where they could not: then each is asked for by itself, and only what is damaged is lost.
    pub bytes: Option<Together>,
}

/// Frames that lie one behind the other in a pack.
pub struct Together {
    at: u64,
    bytes: Vec<u8>,
}

impl Together {
    /// One of them.
    pub fn of(&self, frame: &Frame) -> Option<&[u8]> {
        let start = usize::try_from(frame.at.checked_sub(self.at)?).ok()?;
        self.bytes.get(start..start.checked_add(frame.length as usize)?)
    }
}

/// Asks for the bytes of a job.
pub fn fetch(vault: &Vault, job: Job, shared: &Shared) -> Fetched {
    let span = job.span().filter(|_| !shared.failed());
    let bytes = span.and_then(|span| Some(Together { at: span.at, bytes: vault.packed_data(&span).ok()? }));
    Fetched { job, bytes }
}
