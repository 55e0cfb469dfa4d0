//! Locks on objects: read for one object, and made longer.

use super::bucket::{Bucket, Doing, failed};
use super::failure::{Class, Failure};
use crate::domain::{Kind, Lock, LockKind, LockMode, Problem, Result, Timestamp};
use crate::store::{Key, Retention, UNLOCKED};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
};

/// A moment as the library has it.
pub fn moment(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.timestamp())
}

/// A moment of the library's.
pub fn timestamp(at: &DateTime) -> Option<Timestamp> {
    chrono::DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}

/// The lock of a write.
pub fn mode(kind: LockKind) -> ObjectLockMode {
    match kind {
        LockKind::Compliance => ObjectLockMode::Compliance,
        LockKind::Governance => ObjectLockMode::Governance,
    }
}

/// The lock that an answer to HEAD tells; `None` where it tells none, which is not yet that there is none: who may not
/// read locks is told nothing.
pub fn told(seen: &HeadObjectOutput) -> Option<Lock> {
    let until = seen.object_lock_retain_until_date().and_then(timestamp);
    match seen.object_lock_mode() {
        Some(ObjectLockMode::Compliance) => Some(Lock { mode: LockMode::Compliance, until: Some(until?) }),
        Some(ObjectLockMode::Governance) => Some(Lock { mode: LockMode::Governance, until: Some(until?) }),
        Some(_) => None,
        None => held(seen.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On)),
    }
}

fn held(is_held: bool) -> Option<Lock> {
    is_held.then_some(Lock { mode: LockMode::LegalHold, until: None })
}

/// Answers that say that an object, or its bucket, has no lock.
pub const HAS_NONE: [&str; 3] =
    ["NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "missing Object Lock"];

impl Bucket {
    /// The lock of a version, or of whatever is read under the key; `None` where the store does not say.
    pub async fn lock(&self, key: &Key, version: Option<&str>) -> Result<Option<Lock>> {
        let doing = Doing::new(format!("asking for the lock of {key}"));
        let answer = self.attempt(&doing, || {
            let request = self.client.get_object_retention().bucket(&self.address.bucket);
            let request = request.key(self.name(key)).set_version_id(version.map(str::to_owned));
            async move { request.send().await.map_err(failed) }
        });
        match answer.await {
            Ok(answer) => Ok(answer.retention().map_or(Some(UNLOCKED), retained)),
            Err(failure) if HAS_NONE.iter().any(|none| failure.says.contains(none)) => Ok(Some(UNLOCKED)),
            Err(failure) if matches!(failure.class, Class::Denied | Class::Unsupported | Class::Lasting) => {
                Ok(None)
            }
            Err(failure) => Err(self.problem(&doing, failure)),
        }
    }

    /// Makes a version's lock last until then, or that of whatever is read under the key.
    pub async fn extend(&self, key: &Key, version: Option<&str>, retention: Retention) -> Result<()> {
        let doing = Doing::new(format!("making the lock of {key} longer"));
        let mode = match retention.kind {
            LockKind::Compliance => ObjectLockRetentionMode::Compliance,
            LockKind::Governance => ObjectLockRetentionMode::Governance,
        };
        let asked = ObjectLockRetention::builder().mode(mode).retain_until_date(moment(retention.until));
        let asked = asked.build();
        let answer = self.attempt(&doing, || {
            let request = self.client.put_object_retention().bucket(&self.address.bucket);
            let request = request.key(self.name(key)).set_version_id(version.map(str::to_owned));
            let request = request.retention(asked.clone());
            async move { request.send().await.map_err(failed) }
        });
        answer.await.map(drop).map_err(|failure| self.lock_problem(&doing, failure))
    }

    /// The problem of a request with a lock that was refused. A bucket without Object Lock need not say so by name.
    pub fn lock_problem(&self, doing: &Doing, failure: Failure) -> Problem {
        if is_of_locks(&failure) || failure.class == Class::Unsupported {
            let what = format!("{}: {}", doing.what, failure.says);
            return Problem::new(Kind::Refused, what).at(self.address.place()).remedy(
                "make the bucket with Object Lock (docs/stores.md), or write lock = { mode = \"none\" } for this vault",
            );
        }
        self.problem(doing, failure)
    }
}

/// Whether a refusal speaks of locks: asking for less of something else would get the same.
pub fn is_of_locks(failure: &Failure) -> bool {
    let says = failure.says.to_ascii_lowercase().replace(' ', "");
    matches!(failure.class, Class::Unsupported | Class::Lasting) && says.contains("objectlock")
}

fn retained(retention: &ObjectLockRetention) -> Option<Lock> {
    let until = retention.retain_until_date().and_then(timestamp)?;
    let mode = match retention.mode()? {
        ObjectLockRetentionMode::Compliance => LockMode::Compliance,
        ObjectLockRetentionMode::Governance => LockMode::Governance,
        _ => return None,
    };
    Some(Lock { mode, until: Some(until) })
}
