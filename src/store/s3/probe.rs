//! Asking a store what it does, with canaries: small objects made in the same run, in a folder of their own. This is the
//! one place that asks for less of a lock, which a sound store refuses; and it can do so of canaries alone.

use super::bucket::{Bucket, Doing, Seen, failed};
use super::canary::{Canary, FIRST, Made, With, is_answer, put, put_parts, read};
use super::checksum::{crc_of, md5_of};
use super::failure::{Class, Failure};
use super::lock;
use crate::domain::{Lock, LockKind, LockMode, Result, Timestamp, say_duration};
use crate::store::{Asked, Found, Key, MOST_SKEW, Retention, Scope, Trial};
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};
use chrono::TimeDelta;
use std::sync::Arc;
use tokio::task::JoinSet;

/// For how long a canary is locked: nobody can take that back.
const LOCKED_FOR: TimeDelta = TimeDelta::minutes(10);
/// By how much a lock is asked to be longer or shorter.
const BY: TimeDelta = TimeDelta::minutes(4);
/// How many write one key at one moment.
const WRITERS: usize = 8;

/// Asks as much as is wanted.
pub async fn probe(bucket: &Arc<Bucket>, folder: String, scope: Scope, now: Timestamp) -> Result<Vec<Trial>> {
    let mut probe = Probe { bucket: bucket.clone(), folder, trials: Vec::new() };
    let store_now = probe.clock(now).await?;
    let kind = match scope {
        Scope::Locks(kind) => Some(kind),
        Scope::All(kind) => {
            let plain = probe.creates().await?;
            probe.races().await?;
            probe.checksums().await?;
            probe.reads(&plain).await?;
            probe.of_default(&plain).await;
            kind
        }
    };
    match kind {
        Some(kind) => probe.locks(kind, store_now).await?,
        None => probe.skip_locks(&LOCKS, "the estate file asks for no lock"),
    }
    probe.trials.sort_by_key(|trial| trial.asked);
    Ok(probe.trials)
}

const LOCKS: [Asked; 6] =
    [Asked::Lock, Asked::LockOfParts, Asked::Longer, Asked::Shorter, Asked::Softer, Asked::Lifted];

struct Probe {
    bucket: Arc<Bucket>,
    folder: String,
    trials: Vec<Trial>,
}

impl Probe {
    fn tell(&mut self, asked: Asked, found: Found, because: impl Into<String>) {
        self.trials.push(Trial { asked, found, because: because.into() });
    }

    fn skip_locks(&mut self, asked: &[Asked], because: &str) {
        asked.iter().for_each(|asked| self.tell(*asked, Found::NotAsked, because));
    }

    fn key(&self, name: &str) -> Result<Key> {
        Key::new(format!("{}/{name}", self.folder))
    }

    /// The store's time; this machine's where it tells none.
    async fn clock(&mut self, now: Timestamp) -> Result<Timestamp> {
        let Some(theirs) = self.bucket.time().await? else {
            self.tell(Asked::Clock, Found::Open, "it does not say what time it is");
            return Ok(now);
        };
        let skew = (theirs - now).abs();
        let found = if skew > MOST_SKEW { Found::Fails } else { Found::Holds };
        let apart = if skew < TimeDelta::seconds(5) { "seconds".to_owned() } else { say_duration(skew) };
        self.tell(Asked::Clock, found, format!("{apart} apart"));
        Ok(theirs)
    }

    /// One canary, and another under its key, which is to be refused.
    async fn creates(&mut self) -> Result<Canary> {
        let key = self.key("plain")?;
        let mut with = With { condition: true, ..With::of(FIRST) };
        let made = match put(&self.bucket, &key, FIRST, &with).await {
            Err(failure) if failure.class == Class::Unsupported => {
                with.condition = false;
                put(&self.bucket, &key, FIRST, &with).await
            }
            made => made,
        };
        let doing = Doing::new(format!("writing {key}"));
        let version = made.map_err(|failure| self.bucket.problem(&doing, failure))?.version;
        if !with.condition {
            self.tell(Asked::Creates, Found::Fails, "it does not know If-None-Match");
            return Ok(Canary { key, version });
        }
        let other = b"another one under its key";
        let again = put(&self.bucket, &key, other, &With { condition: true, ..With::of(other) }).await;
        let (found, because) = match again {
            Ok(_) => (Found::Fails, "it took a second one".to_owned()),
            Err(failure) if failure.class == Class::Condition => (Found::Holds, failure.says),
            Err(failure) => (Found::Open, failure.says),
        };
        self.tell(Asked::Creates, found, because);
        Ok(Canary { key, version })
    }

    async fn races(&mut self) -> Result<()> {
        let key = self.key("raced")?;
        let mut writers = JoinSet::new();
        for number in 0..WRITERS {
            let (bucket, key) = (self.bucket.clone(), key.clone());
            writers.spawn(async move {
                let bytes = [b'a' + u8::try_from(number).unwrap_or_default(); 64];
                put(&bucket, &key, &bytes, &With { condition: true, ..With::of(&bytes) }).await
            });
        }
        let (mut taken, mut refused, mut other) = (0, 0, None);
        while let Some(done) = writers.join_next().await {
            match done {
                Ok(Ok(_)) => taken += 1,
                Ok(Err(failure)) if matches!(failure.class, Class::Condition | Class::Conflict) => {
                    refused += 1
                }
                Ok(Err(failure)) => other = Some(failure.says),
                Err(_) => other = Some("a task was stopped".to_owned()),
            }
        }
        let (found, because) = match (taken, other) {
            (0 | 1, Some(says)) => (Found::Open, says),
            (1, None) => (Found::Holds, format!("1 of {WRITERS} taken, {refused} refused")),
            (taken, _) => (Found::Fails, format!("{taken} of {WRITERS} taken")),
        };
        self.tell(Asked::Races, found, because);
        Ok(())
    }

    async fn checksums(&mut self) -> Result<()> {
        let other = b"other bytes";
        let wrong = With { md5: Some(md5_of(other)), ..With::default() };
        let (found, because) = self.refuses("md5", &wrong).await?;
        self.tell(Asked::Md5, found, because);
        let right = With { crc: Some(crc_of(FIRST)), ..With::default() };
        let known = put(&self.bucket, &self.key("crc")?, FIRST, &right).await;
        let (found, because) = match known {
            Ok(made) if !made.says_crc => {
                (Found::NotAsked, "it takes no notice of it; Content-MD5 goes along".to_owned())
            }
            Ok(_) => self.refuses("crc-wrong", &With { crc: Some(crc_of(other)), ..With::default() }).await?,
            Err(failure) => {
                (Found::NotAsked, format!("it takes none ({}); Content-MD5 goes along", failure.says))
            }
        };
        self.tell(Asked::Crc, found, because);
        Ok(())
    }

    /// Whether an object with a wrong checksum is refused.
    async fn refuses(&self, name: &str, wrong: &With) -> Result<(Found, String)> {
        let key = self.key(name)?;
        Ok(match put(&self.bucket, &key, FIRST, wrong).await {
            Ok(_) => (Found::Fails, "it took bytes of another one".to_owned()),
            Err(failure) if is_answer(&failure) => match self.bucket.seen(&key, None, false).await {
                Ok(None) => (Found::Holds, failure.says),
                Ok(Some(_)) => (Found::Fails, "it refused the bytes, and has the object".to_owned()),
                Err(problem) => (Found::Open, problem.what),
            },
            Err(failure) => (Found::Open, failure.says),
        })
    }

    /// Ranges, and what an object is called.
    async fn reads(&mut self, plain: &Canary) -> Result<()> {
        // The first may have been written over by now.
        let key = self.key("ranges")?;
        let made = put(&self.bucket, &key, FIRST, &With::of(FIRST)).await;
        let doing = Doing::new(format!("writing {key}"));
        let version = made.map_err(|failure| self.bucket.problem(&doing, failure))?.version;
        let (found, because) = match read(&self.bucket, &Canary { key, version }, (5, 12)).await {
            Ok(bytes) if bytes == FIRST[5..12] => (Found::Holds, "7 bytes of the middle".to_owned()),
            Ok(bytes) => (Found::Fails, format!("{} bytes where 7 were asked for, or others", bytes.len())),
            Err(problem) => (Found::Open, problem.what),
        };
        self.tell(Asked::Ranges, found, because);
        let named = plain.version.as_deref().is_some_and(|version| !version.is_empty() && version != "null");
        let (found, because) = match self.bucket.seen(&plain.key, plain.version.as_deref(), true).await {
            _ if !named => (Found::Fails, "it names no version of what was written".to_owned()),
            Ok(Some(seen)) if seen.is_version => (Found::Holds, "it names the version".to_owned()),
            Ok(_) => (Found::Fails, "there is no such version".to_owned()),
            Err(problem) => (Found::Open, problem.what),
        };
        self.tell(Asked::Versions, found, because);
        Ok(())
    }

    /// What the bucket gives to whatever is written without a lock.
    async fn of_default(&mut self, plain: &Canary) {
        let request = self.bucket.client.get_object_lock_configuration();
        let request = request.bucket(&self.bucket.address.bucket);
        let answer = self.bucket.once(0, async { request.send().await.map_err(failed) }).await;
        let rule = answer.ok().and_then(|answer| answer.object_lock_configuration.and_then(|of| of.rule));
        if rule.and_then(|rule| rule.default_retention).is_none() {
            self.tell(Asked::Default, Found::NotAsked, "no retention by default is told");
            return;
        }
        let (found, because) = match self.told_lock(plain).await {
            Ok(Some(lock)) if lock.mode != LockMode::None => (Found::Holds, say(Some(lock))),
            Ok(Some(_)) => (Found::Fails, "an object has none".to_owned()),
            Ok(None) => (Found::Open, say(None)),
            Err(problem) => (Found::Open, problem.what),
        };
        self.tell(Asked::Default, found, because);
    }

    async fn locks(&mut self, kind: LockKind, store_now: Timestamp) -> Result<()> {
        let retention = Retention::new(kind, store_now + LOCKED_FOR);
        let (single, parts) = (self.key("locked")?, self.key("locked-parts")?);
        let with = With { retention: Some(retention), condition: false, ..With::of(FIRST) };
        let made = put(&self.bucket, &single, FIRST, &with).await;
        let single = self.locked(Asked::Lock, single, made, retention).await;
        let made = put_parts(&self.bucket, &parts, retention).await;
        let parts = self.locked(Asked::LockOfParts, parts, made, retention).await;
        let both: Vec<Canary> = single.into_iter().chain(parts).collect();
        if both.is_empty() {
            self.skip_locks(&LOCKS[2..], "no object has a lock to ask of");
            return Ok(());
        }
        let mode = |kind| match kind {
            LockKind::Compliance => ObjectLockRetentionMode::Compliance,
            LockKind::Governance => ObjectLockRetentionMode::Governance,
        };
        let asks = |kind, until: Timestamp| {
            let less = ObjectLockRetention::builder().mode(mode(kind));
            less.retain_until_date(lock::moment(until)).build()
        };
        let shorter = asks(kind, retention.until - BY);
        self.refuses_less(Asked::Shorter, &both, shorter).await;
        if kind == LockKind::Compliance {
            self.refuses_less(Asked::Softer, &both, asks(LockKind::Governance, retention.until)).await;
        } else {
            self.tell(Asked::Softer, Found::NotAsked, "nothing is softer than governance");
        }
        self.refuses_less(Asked::Lifted, &both, ObjectLockRetention::builder().build()).await;
        self.longer(&both[0], Retention::new(kind, retention.until + BY)).await;
        Ok(())
    }

    /// Whether an object has the lock that it was written with; it, where it has any.
    async fn locked(
        &mut self,
        asked: Asked,
        key: Key,
        made: std::result::Result<Made, Failure>,
        retention: Retention,
    ) -> Option<Canary> {
        let version = match made {
            Ok(made) => made.version,
            Err(failure) if is_answer(&failure) => {
                self.tell(asked, Found::Fails, format!("it does not take one ({})", failure.says));
                return None;
            }
            Err(failure) => {
                self.tell(asked, Found::Open, failure.says);
                return None;
            }
        };
        let canary = Canary { key, version };
        let seen = self.bucket.seen(&canary.key, canary.version.as_deref(), true).await;
        let is_version = canary.version.is_some() && matches!(&seen, Ok(Some(seen)) if seen.is_version);
        let lock = self.told_lock(&canary).await;
        let (found, because) = match &lock {
            _ if !is_version => (Found::Fails, "it names no version, and locks are of versions".to_owned()),
            Ok(Some(lock)) if *lock == retention.lock() => (Found::Holds, say(Some(*lock))),
            Ok(Some(lock)) => (Found::Fails, format!("it has another: {}", say(Some(*lock)))),
            Ok(None) => (Found::Open, say(None)),
            Err(problem) => (Found::Open, problem.what.clone()),
        };
        self.tell(asked, found, because);
        let has_any =
            is_version && lock.is_ok_and(|lock| lock.is_some_and(|lock| lock.mode != LockMode::None));
        has_any.then_some(canary)
    }

    /// Asks for less of the locks of canaries. What they have afterwards tells whether that was refused.
    async fn refuses_less(&mut self, asked: Asked, canaries: &[Canary], less: ObjectLockRetention) {
        let (mut found, mut because) = (Found::Holds, String::new());
        for canary in canaries {
            let before = self.lock_of(canary).await;
            let answer = self.ask_less(canary, &less).await;
            let after = self.lock_of(canary).await;
            let (one, why) = match (before, after, answer) {
                (Some(before), Some(after), _) if before != after => {
                    (Found::Fails, format!("{} became {}", say(Some(before)), say(Some(after))))
                }
                (Some(_), Some(_), Ok(())) => {
                    (Found::Holds, "it says yes, and leaves the lock as it was".to_owned())
                }
                (Some(_), Some(_), Err(failure)) => (Found::Holds, failure.says),
                (Some(before), None, Ok(())) => {
                    (Found::Fails, format!("it says yes, and tells of {} no more", say(Some(before))))
                }
                (_, _, Err(failure)) => (Found::Open, failure.says),
                (_, _, Ok(())) => (Found::Open, say(None)),
            };
            let worse = |found| match found {
                Found::Fails => 2,
                Found::Open | Found::NotAsked => 1,
                Found::Holds => 0,
            };
            if because.is_empty() || worse(one) > worse(found) {
                (found, because) = (one, why);
            }
        }
        self.tell(asked, found, because);
    }

    /// The one request for less, of an object that this run made.
    async fn ask_less(
        &self,
        canary: &Canary,
        less: &ObjectLockRetention,
    ) -> std::result::Result<(), Failure> {
        let request = self.bucket.client.put_object_retention(); // of a canary: a sound store refuses
        let request = request.bucket(&self.bucket.address.bucket).key(self.bucket.name(&canary.key));
        let request = request.set_version_id(canary.version.clone()).retention(less.clone());
        self.bucket.once(0, async { request.send().await.map(drop).map_err(failed) }).await
    }

    async fn lock_of(&self, canary: &Canary) -> Option<Lock> {
        self.told_lock(canary).await.ok().flatten()
    }

    /// What the store tells of a lock: with the object, or when it is asked for that alone.
    async fn told_lock(&self, canary: &Canary) -> Result<Option<Lock>> {
        let version = canary.version.as_deref();
        match self.bucket.seen(&canary.key, version, true).await? {
            Some(Seen { lock: Some(lock), .. }) => Ok(Some(lock)),
            _ => self.bucket.lock(&canary.key, version).await,
        }
    }

    async fn longer(&mut self, canary: &Canary, retention: Retention) {
        let asked = self.bucket.extend(&canary.key, canary.version.as_deref(), retention).await;
        let (found, because) = match (asked, self.lock_of(canary).await) {
            (_, Some(lock)) if retention.is_met_by(&lock) => (Found::Holds, say(Some(lock))),
            (Err(problem), _) => (Found::Fails, problem.what),
            (Ok(()), Some(lock)) => (Found::Fails, format!("it says yes, and has {}", say(Some(lock)))),
            (Ok(()), None) => (Found::Open, say(None)),
        };
        self.tell(Asked::Longer, found, because);
    }
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
