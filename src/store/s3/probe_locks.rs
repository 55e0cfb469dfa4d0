//! Asking a store what it does with locks, with canaries that are locked for minutes. This is the one place that asks for
//! less of a lock, which a sound store refuses; and it can do so of canaries alone.

use super::bucket::{Bucket, Seen, failed};
use super::canary::{Canary, FIRST, Made, With, put, put_parts};
use super::failure::{Class, Failure};
use super::lock;
use crate::domain::{Lock, LockKind, LockMode, Result, Timestamp};
use crate::store::{Asked, Found, Key, MOST_SKEW, Retention, Trial};
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is asked of locks.
pub const LOCKS: [Asked; 6] =
    [Asked::Lock, Asked::LockOfParts, Asked::Longer, Asked::Shorter, Asked::Softer, Asked::Lifted];
/// For how long a canary is locked: nobody can take that back.
const LOCKED_FOR: TimeDelta = TimeDelta::minutes(10);
/// By how much a lock is asked to be longer or shorter.
const BY: TimeDelta = TimeDelta::minutes(4);
/// After that nothing is told any more: the locks may have ended by themselves, and a date that is past is refused by everybody.
const IN_TIME: Duration = Duration::from_mins(4);
/// How often a write is tried that fails in passing.
const ATTEMPTS: usize = 3;

/// What came of one thing, and why.
type Told = (Found, String);
/// A lock that was asked for, or why not.
type Answer = std::result::Result<Option<Lock>, String>;

/// Asks all of it. `ours` is this machine's time.
pub async fn locks(
    bucket: &Arc<Bucket>,
    folder: &str,
    kind: LockKind,
    ours: Timestamp,
) -> Result<Vec<Trial>> {
    let store_now = bucket.time().await?;
    let agree = store_now.filter(|theirs| (*theirs - ours).abs() <= MOST_SKEW);
    let Some(store_now) = agree else {
        let because = "the clocks do not agree: nothing was locked";
        return Ok(LOCKS
            .map(|asked| Trial { asked, found: Found::Open, because: because.to_owned() })
            .into());
    };
    let retention = Retention::new(kind, store_now + LOCKED_FOR);
    let mut asking = Asking { bucket, begun: Instant::now(), trials: Vec::new() };
    let single = asking.made(Asked::Lock, folder, retention).await?;
    let parts = asking.made(Asked::LockOfParts, folder, retention).await?;
    let both: Vec<Canary> = single.into_iter().chain(parts).collect();
    match both.first() {
        None => {
            let because = "no object is known to have a lock to ask of";
            LOCKS[2..].iter().for_each(|asked| asking.tell(*asked, (Found::NotAsked, because.to_owned())));
        }
        Some(first) => {
            // Only where it makes a lock longer does a refusal of less say anything.
            let longer = asking.longer(first, Retention::new(kind, retention.until + BY)).await;
            asking.less(&both, retention, longer == Found::Holds).await;
        }
    }
    Ok(asking.trials)
}

struct Asking<'b> {
    bucket: &'b Arc<Bucket>,
    begun: Instant,
    trials: Vec<Trial>,
}

impl Asking<'_> {
    fn tell(&mut self, asked: Asked, (found, because): Told) {
        self.trials.push(Trial { asked, found, because });
    }

    /// A canary that is written under a lock, where it has any.
    async fn made(&mut self, asked: Asked, folder: &str, retention: Retention) -> Result<Option<Canary>> {
        let parts = asked == Asked::LockOfParts;
        let with = With { retention: Some(retention), ..With::of(FIRST) };
        let mut made = Err(Failure::new(Class::Passing, "not written"));
        for attempt in 0..ATTEMPTS {
            // Under a key of its own each time: the one before may have arrived.
            let key = Key::new(format!("{folder}/locked-{}{attempt}", if parts { "parts-" } else { "" }))?;
            made = match parts {
                true => put_parts(self.bucket, &key, retention).await,
                false => put(self.bucket, &key, FIRST, &with).await,
            };
            if !matches!(&made, Err(failure) if matches!(failure.class, Class::Passing | Class::Conflict)) {
                break;
            }
            tokio::time::sleep(self.bucket.limits.pause_after(1, None, 0)).await;
        }
        let canary = match made {
            Ok(Made { canary, .. }) => canary,
            Err(failure) => {
                self.tell(asked, refused(&failure));
                return Ok(None);
            }
        };
        let seen = self.bucket.seen(canary.key(), canary.version(), true).await;
        let is_version = match &seen {
            _ if canary.version().is_none() => Some(false),
            Ok(Some(seen)) => Some(seen.is_version),
            Ok(None) | Err(_) => None,
        };
        let lock = self.told(&canary).await;
        let told = locked(is_version, &lock, retention);
        let has_any =
            is_version == Some(true) && matches!(&lock, Ok(Some(lock)) if lock.mode != LockMode::None);
        self.tell(asked, told);
        Ok(Some(canary).filter(|_| has_any))
    }

    async fn longer(&mut self, canary: &Canary, retention: Retention) -> Found {
        let asked = self.bucket.extend(canary.key(), canary.version(), retention).await;
        let told = match (asked, self.told(canary).await) {
            (_, Ok(Some(lock))) if retention.is_met_by(&lock) => (Found::Holds, say(Some(lock))),
            (Ok(()), Ok(Some(lock))) => (Found::Fails, format!("it says yes, and has {}", say(Some(lock)))),
            (Err(problem), _) => (Found::Open, problem.what),
            (Ok(()), Ok(None)) => (Found::Open, say(None)),
            (Ok(()), Err(because)) => (Found::Open, because),
        };
        let found = told.0;
        self.tell(Asked::Longer, told);
        found
    }

    /// Asks for less of the locks of canaries, in each way that there is.
    async fn less(&mut self, canaries: &[Canary], retention: Retention, longer: bool) {
        let mode = |kind| match kind {
            LockKind::Compliance => ObjectLockRetentionMode::Compliance,
            LockKind::Governance => ObjectLockRetentionMode::Governance,
        };
        let asks = |kind, until: Timestamp| {
            let less = ObjectLockRetention::builder().mode(mode(kind));
            less.retain_until_date(lock::moment(until)).build()
        };
        let shorter = asks(retention.kind, retention.until - BY);
        let softer = asks(LockKind::Governance, retention.until);
        let none = ObjectLockRetention::builder().build();
        for (asked, less) in [(Asked::Shorter, shorter), (Asked::Softer, softer), (Asked::Lifted, none)] {
            if asked == Asked::Softer && retention.kind == LockKind::Governance {
                self.tell(asked, (Found::NotAsked, "nothing is softer than governance".to_owned()));
                continue;
            }
            let mut worst: Option<Told> = None;
            for canary in canaries {
                let told = self.refuses(canary, &less, longer).await;
                let weight = |found| match found {
                    Found::Fails => 2,
                    Found::Open | Found::NotAsked => 1,
                    Found::Holds => 0,
                };
                if worst.as_ref().is_none_or(|worst| weight(told.0) > weight(worst.0)) {
                    worst = Some(told);
                }
            }
            worst.into_iter().for_each(|told| self.tell(asked, told));
        }
    }

    async fn refuses(&self, canary: &Canary, less: &ObjectLockRetention, longer: bool) -> Told {
        let (before, answer) = (self.told(canary).await, self.ask_less(canary, less).await);
        let mut after = self.told(canary).await;
        if answer.is_ok() && before == after {
            // What says yes, and changed nothing, may only not show it yet.
            tokio::time::sleep(Duration::from_secs(1)).await;
            after = self.told(canary).await;
        }
        if self.begun.elapsed() > IN_TIME {
            return (Found::Open, "the store took too long: the lock may have ended by itself".to_owned());
        }
        kept(&before, &answer, &after, longer)
    }

    /// The one request for less, of an object that this run made.
    async fn ask_less(
        &self,
        canary: &Canary,
        less: &ObjectLockRetention,
    ) -> std::result::Result<(), Failure> {
        let request = self.bucket.client.put_object_retention(); // of a canary: a sound store refuses
        let request = request.bucket(&self.bucket.address.bucket).key(self.bucket.name(canary.key()));
        let request = request.version_id(canary.version().unwrap_or_default()).retention(less.clone());
        self.bucket.once(0, async { request.send().await.map(drop).map_err(failed) }).await
    }

    /// What the store tells of a lock: with the object, or when it is asked for that alone.
    async fn told(&self, canary: &Canary) -> Answer {
        match self.bucket.seen(canary.key(), canary.version(), true).await {
            Ok(Some(Seen { lock: Some(lock), .. })) => Ok(Some(lock)),
            Ok(Some(_)) => {
                let lock = self.bucket.lock(canary.key(), canary.version()).await;
                lock.map_err(|problem| problem.what)
            }
            Ok(None) => Err("the object is not there (yet)".to_owned()),
            Err(problem) => Err(problem.what),
        }
    }
}

/// What it means that an object with a lock is not taken.
fn refused(failure: &Failure) -> Told {
    let of_locks = failure.class == Class::Unsupported || lock::is_of_locks(failure);
    match of_locks {
        true => (Found::Fails, format!("it does not take one ({})", failure.says)),
        false => (Found::Open, failure.says.clone()),
    }
}

/// Whether an object has the lock that it was written with, or a better one.
fn locked(is_version: Option<bool>, lock: &Answer, retention: Retention) -> Told {
    match (is_version, lock) {
        (Some(false), _) => (Found::Fails, "it names no version, and locks are of versions".to_owned()),
        (None, Ok(_)) => (Found::Open, "the version cannot be looked at".to_owned()),
        (_, Ok(Some(lock))) if retention.is_met_by(lock) => (Found::Holds, say(Some(*lock))),
        (_, Ok(Some(lock))) => (Found::Fails, format!("it has another: {}", say(Some(*lock)))),
        (_, Ok(None)) => (Found::Open, say(None)),
        (_, Err(because)) => (Found::Open, because.clone()),
    }
}

/// Whether a lock is as it was after less was asked of it. That was refused only where the store answered so, and makes locks
/// longer for the same credential.
fn kept(before: &Answer, answer: &std::result::Result<(), Failure>, after: &Answer, longer: bool) -> Told {
    let Ok(Some(was)) = before else { return (Found::Open, say(None)) };
    let is_less = |now: &Lock| match (was.mode, was.until) {
        (LockMode::Compliance, Some(until)) => !Retention::new(LockKind::Compliance, until).is_met_by(now),
        (LockMode::Governance, Some(until)) => !Retention::new(LockKind::Governance, until).is_met_by(now),
        _ => now != was,
    };
    match (answer, after) {
        (_, Ok(Some(now))) if is_less(now) => {
            (Found::Fails, format!("{} became {}", say(Some(*was)), say(Some(*now))))
        }
        (Ok(()), Ok(Some(_))) => (Found::Holds, "it says yes, and leaves the lock as it was".to_owned()),
        (Ok(()), Ok(None) | Err(_)) => {
            (Found::Open, format!("it says yes, and tells of {} no more", say(Some(*was))))
        }
        (Err(failure), Ok(Some(_))) if longer && is_refusal(failure) => (Found::Holds, failure.says.clone()),
        (Err(failure), _) => (Found::Open, failure.says.clone()),
    }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.class, Class::Denied | Class::Lasting | Class::Unsupported | Class::Condition)
}

fn say(lock: Option<Lock>) -> String {
    match lock {
        None => "it does not say which lock it has".to_owned(),
        Some(Lock { mode: LockMode::None, .. }) => "no lock".to_owned(),
        Some(Lock { mode, until }) => {
            let until = until.map(|until| format!(" until {}", until.format("%H:%M:%S UTC")));
            let mode = match mode {
                LockMode::Compliance => "compliance",
                LockMode::Governance => "governance",
                _ => "legal hold",
            };
            format!("{mode}{}", until.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Retention {
        Retention::new(LockKind::Compliance, Timestamp::from_timestamp(seconds, 0).unwrap())
    }

    fn has(seconds: i64) -> Answer {
        Ok(Some(at(seconds).lock()))
    }

    fn fails(class: Class) -> std::result::Result<(), Failure> {
        Err(Failure::new(class, "no"))
    }

    #[test]
    fn only_a_lock_that_is_still_there_after_a_refusal_is_kept() {
        let found = |answer: &_, after: &Answer, longer| kept(&has(600), answer, after, longer).0;
        for class in [Class::Denied, Class::Lasting, Class::Unsupported] {
            assert_eq!(found(&fails(class.clone()), &has(600), true), Found::Holds, "{class:?}");
            // Whoever may not make it longer either is refused for another reason.
            assert_eq!(found(&fails(class), &has(600), false), Found::Open);
        }
        for class in [Class::Passing, Class::Credential, Class::Missing, Class::Conflict] {
            assert_eq!(found(&fails(class.clone()), &has(600), true), Found::Open, "{class:?}");
        }
        assert_eq!(found(&Ok(()), &has(599), true), Found::Fails);
        assert_eq!(found(&fails(Class::Passing), &has(599), true), Found::Fails, "whatever it said");
        assert_eq!(found(&Ok(()), &has(601), true), Found::Holds, "longer is not less");
        assert_eq!(found(&Ok(()), &Ok(Some(Lock { mode: LockMode::None, until: None })), true), Found::Fails);
        assert_eq!(found(&Ok(()), &Err("503".into()), true), Found::Open);
        assert_eq!(kept(&Err("503".into()), &fails(Class::Denied), &has(600), true).0, Found::Open);
        let soft = Lock { mode: LockMode::Governance, ..at(600).lock() };
        assert_eq!(found(&Ok(()), &Ok(Some(soft)), true), Found::Fails);
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_known() {
        let found = |is_version, lock: &Answer| locked(is_version, lock, at(600)).0;
        assert_eq!(found(Some(true), &has(600)), Found::Holds);
        assert_eq!(found(Some(true), &has(601)), Found::Holds, "a store may round up, or hold longer");
        assert_eq!(found(Some(true), &has(599)), Found::Fails);
        assert_eq!(found(Some(false), &has(600)), Found::Fails, "locks are of versions");
        assert_eq!(found(None, &has(600)), Found::Open, "HEAD failed");
        assert_eq!(found(Some(true), &Err("503".into())), Found::Open);
        assert_eq!(found(Some(true), &Ok(None)), Found::Open);
        assert_eq!(refused(&Failure::new(Class::Lasting, "answered 507")).0, Found::Open, "a full disk");
        assert_eq!(refused(&Failure::new(Class::Unsupported, "answered 400 InvalidRequest")).0, Found::Fails);
    }
}
