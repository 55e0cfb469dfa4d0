//! What holds off the deletion of what is stored, version by version: for a plan that somebody else carries out.

use super::{Listed, Store};
use crate::domain::{Lock, LockMode, Result, Timestamp};

/// What holds off the deletion of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// Nothing: that is known.
    Free,
    /// A lock, which is over at this moment of the store's clock, or was.
    Until(Timestamp),
    /// A legal hold, which ends when somebody says so.
    Legal,
    /// Nobody can say, and why.
    Unknown(String),
}

impl Hold {
    /// What a lock comes to; a legal hold that stands beside a lock with an end is not told by it.
    pub fn of(lock: Option<Lock>) -> Self {
        match lock {
            Some(Lock { mode: LockMode::None, .. }) => Self::Free,
            Some(Lock { mode: LockMode::LegalHold, .. }) => Self::Legal,
            Some(Lock { until: Some(until), .. }) => Self::Until(until),
            Some(Lock { until: None, .. }) => Self::Unknown("its lock has no end that is known".into()),
            None => Self::Unknown("the store does not say whether it is locked".into()),
        }
    }

    /// Whether it is known to be over at this moment of the store's clock.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Free => true,
            Self::Until(until) => *until <= now,
            Self::Legal | Self::Unknown(_) => false,
        }
    }
}

/// One version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVersion {
    /// Its id; none in a store that keeps no versions, where the key names all there is.
    pub id: Option<String>,
    /// What holds off its deletion.
    pub hold: Hold,
}

/// The versions of a store that keeps none: the object itself.
///
/// # Errors
/// As [`Store::lock_of`].
pub fn only_version(store: &(impl Store + ?Sized), listed: &Listed) -> Result<Vec<StoredVersion>> {
    let hold = Hold::of(store.lock_of(&listed.key)?);
    Ok(vec![StoredVersion { id: None, hold }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::UNLOCKED;

    #[test]
    fn a_hold_is_over_only_where_that_is_known() {
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let of = |mode, until| Hold::of(Some(Lock { mode, until }));
        let firm = of(LockMode::Compliance, Some(at(10)));
        assert!(firm.is_over(at(10)) && !firm.is_over(at(9)));
        assert!(Hold::of(Some(UNLOCKED)).is_over(at(0)));
        for never in [of(LockMode::LegalHold, None), of(LockMode::Governance, None), Hold::of(None)] {
            assert!(!never.is_over(at(i64::from(u32::MAX))), "{never:?}");
        }
    }
}
