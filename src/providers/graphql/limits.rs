//! How far a survey goes: in time, in bytes, in requests.

use crate::domain::{Monitor, Phase};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bounds of one survey. Whatever a provider answers, it ends within them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For one request, from looking up the name to the end of the answer.
    pub call: Duration,
    /// For the whole survey.
    pub whole: Duration,
    /// How long all waiting together may take that a provider asks for (`Retry-After`).
    pub patience: Duration,
    /// How large one answer may be, in bytes.
    pub answer: u64,
    /// How large all answers together may be, in bytes.
    pub answers: u64,
    /// How many pages one list may have.
    pub pages: usize,
    /// How many requests are sent at most.
    pub requests: usize,
    /// How many are on their way at once.
    pub at_once: usize,
    /// Before the second attempt of a request that failed in a way that may pass; twice that before the third.
    pub pause: Duration,
}

impl Default for Limits {
    /// 10 s for a request and 2 minutes for all; 16 MiB for an answer and 256 MiB for all; 1,000 pages; 20,000 requests, 4 at once.
    fn default() -> Self {
        Self {
            call: Duration::from_secs(10),
            whole: Duration::from_secs(120),
            patience: Duration::from_secs(60),
            answer: 16 << 20,
            answers: 256 << 20,
            pages: 1_000,
            requests: 20_000,
            at_once: 4,
            pause: Duration::from_millis(250),
        }
    }
}

/// Asks a survey to end, from any thread. What was not asked by then is a gap.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    own: Arc<AtomicBool>,
    /// What this one is a part of.
    wider: Vec<Arc<AtomicBool>>,
}

impl Stop {
    /// From now on nothing more is sent. Whether somebody had asked for that before.
    pub fn ask(&self) -> bool {
        self.own.swap(true, Ordering::Relaxed)
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.wider.iter().any(|stop| stop.load(Ordering::Relaxed))
    }

    /// A stop of a part: it is asked with this one, and does not ask this one.
    #[must_use]
    pub fn within(&self) -> Self {
        let wider = self.wider.iter().chain([&self.own]).cloned().collect();
        Self { own: Arc::default(), wider }
    }

    /// Sleeps, unless somebody asks meanwhile; whether the whole time went by.
    pub(super) fn sleep(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            if self.is_asked() {
                return false;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
}

/// Something that counts nothing and knows whether to stop.
impl Monitor for Stop {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.is_asked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_with_the_whole_and_not_the_other_way() {
        let whole = Stop::default();
        let (one, other) = (whole.within(), whole.within().within());
        assert!(!one.ask() && one.is_asked() && !other.is_asked() && !whole.is_asked());
        assert!(one.ask(), "it was asked before");
        whole.ask();
        assert!(other.is_asked());
    }
}
