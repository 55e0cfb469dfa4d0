//! Under which lock objects are written.

use crate::domain::{Lock, LockKind, LockMode, Timestamp};
use chrono::{DurationRound, TimeDelta};

/// A lock that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Its kind.
    pub kind: LockKind,
    /// When it ends, by the store's clock; whole seconds.
    pub until: Timestamp,
}

impl Retention {
    /// A lock until `until` at least: stores keep whole seconds.
    pub fn new(kind: LockKind, until: Timestamp) -> Self {
        let whole = until.duration_trunc(TimeDelta::seconds(1)).unwrap_or(until);
        let until = if whole < until { whole + TimeDelta::seconds(1) } else { whole };
        Self { kind, until }
    }

    /// The same as a lock that an object has.
    pub fn lock(self) -> Lock {
        Lock { mode: self.kind.mode(), until: Some(self.until) }
    }

    /// Whether a lock that an object has is as hard and lasts as long.
    pub fn is_met_by(self, lock: &Lock) -> bool {
        let as_hard = match self.kind {
            LockKind::Compliance => lock.mode == LockMode::Compliance,
            LockKind::Governance => matches!(lock.mode, LockMode::Compliance | LockMode::Governance),
        };
        as_hard && lock.until.is_some_and(|until| until >= self.until)
    }
}

/// No lock at all.
pub const UNLOCKED: Lock = Lock { mode: LockMode::None, until: None };

/// What two locks hold off together: as hard as the softer, until the one that ends first. A legal hold ends when
/// somebody says so: of it and a lock with an end neither is surely the longer, and no end is known.
pub fn weaker(one: Lock, other: Lock) -> Lock {
    let hardness = |lock: &Lock| match lock.mode {
        LockMode::None => 0,
        LockMode::LegalHold => 1,
        LockMode::Governance => 2,
        LockMode::Compliance => 3,
    };
    let mode = std::cmp::min_by_key(one, other, hardness).mode;
    Lock { mode, until: one.until.min(other.until).filter(|_| mode != LockMode::None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanoseconds: u32) -> Timestamp {
        chrono::DateTime::from_timestamp(seconds, nanoseconds).unwrap()
    }

    #[test]
    fn a_lock_is_asked_for_in_whole_seconds_and_never_for_less() {
        let until = |at| Retention::new(LockKind::Compliance, at).until;
        assert_eq!(until(at(10, 1)), at(11, 0));
        assert_eq!(until(at(10, 0)), at(10, 0));
    }

    #[test]
    fn a_softer_or_shorter_lock_does_not_meet_what_is_asked_for() {
        let asked = Retention::new(LockKind::Compliance, at(10, 0));
        let has = |mode, until| Lock { mode, until };
        assert!(asked.is_met_by(&has(LockMode::Compliance, Some(at(10, 0)))));
        assert!(!asked.is_met_by(&has(LockMode::Compliance, Some(at(9, 0)))));
        assert!(!asked.is_met_by(&has(LockMode::Governance, Some(at(99, 0)))));
        assert!(!asked.is_met_by(&has(LockMode::LegalHold, None)));
        assert!(!asked.is_met_by(&UNLOCKED));
        let soft = Retention::new(LockKind::Governance, at(10, 0));
        assert!(soft.is_met_by(&has(LockMode::Compliance, Some(at(10, 0)))));
    }

    #[test]
    fn of_several_locks_the_softest_counts_and_of_like_ones_the_shortest() {
        let has = |mode, seconds| Lock { mode, until: Some(at(seconds, 0)) };
        let (firm, short) = (has(LockMode::Compliance, 20), has(LockMode::Compliance, 10));
        let soft = has(LockMode::Governance, 99);
        assert_eq!(weaker(firm, short), short);
        let both = Lock { mode: LockMode::Governance, until: firm.until };
        assert_eq!(weaker(firm, soft), both, "what ends first ends for both");
        assert_eq!(weaker(soft, firm), both);
        assert_eq!(weaker(soft, UNLOCKED), UNLOCKED);
        let hold = Lock { mode: LockMode::LegalHold, until: None };
        assert_eq!(weaker(hold, soft), hold);
    }
}
