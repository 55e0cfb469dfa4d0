//! Asking a store what it does, with canaries: small objects made in the same run, in a folder of their own.

use super::bucket::{Bucket, Doing, failed};
use super::canary::{Canary, FIRST, With, is_answer, put, read};
use super::checksum::{crc_of, md5_of};
use super::failure::{Class, Failure};
use super::probe_locks::{LOCKS, locks};
use crate::domain::{LockMode, Result, Timestamp, say_duration};
use crate::store::{Asked, CANARIES, Found, Key, MOST_SKEW, Scope, Trial, random_hex};
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// How many write one key at one moment.
const WRITERS: usize = 8;

/// Asks as much as is wanted.
pub async fn probe(bucket: &Arc<Bucket>, scope: Scope, now: Timestamp) -> Result<Vec<Trial>> {
    let folder = format!("{CANARIES}/{}", random_hex()?);
    let mut probe = Probe { bucket: bucket.clone(), folder, trials: Vec::new() };
    let begun = Instant::now();
    probe.clock(now).await?;
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
        Some(kind) => {
            let passed = TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
            let trials = locks(bucket, &probe.folder, kind, now + passed).await?;
            probe.trials.extend(trials);
        }
        None => probe.skip_locks(&LOCKS, "the estate file asks for no lock"),
    }
    probe.trials.sort_by_key(|trial| trial.asked);
    Ok(probe.trials)
}

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

    async fn clock(&mut self, now: Timestamp) -> Result<()> {
        let Some(theirs) = self.bucket.time().await? else {
            self.tell(Asked::Clock, Found::Open, "it does not say what time it is");
            return Ok(());
        };
        let skew = (theirs - now).abs();
        let found = if skew > MOST_SKEW { Found::Fails } else { Found::Holds };
        let apart = if skew < TimeDelta::seconds(5) { "seconds".to_owned() } else { say_duration(skew) };
        self.tell(Asked::Clock, found, format!("{apart} apart"));
        Ok(())
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
        let made = made.map_err(|failure| self.bucket.problem(&doing, failure))?;
        if !with.condition {
            self.tell(Asked::Creates, Found::Fails, "it does not know If-None-Match");
            return Ok(made.canary);
        }
        let other = b"another one under its key";
        let again = put(&self.bucket, &key, other, &With { condition: true, ..With::of(other) }).await;
        let (found, because) = match again {
            Ok(_) => (Found::Fails, "it took a second one".to_owned()),
            Err(failure) if failure.class == Class::Condition => (Found::Holds, failure.says),
            Err(failure) => (Found::Open, failure.says),
        };
        self.tell(Asked::Creates, found, because);
        Ok(made.canary)
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
            (0, None) => (Found::Open, format!("none of {WRITERS} taken")),
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
            Err(failure) if is_answer(&failure) => {
                (Found::NotAsked, format!("it takes none ({}); Content-MD5 goes along", failure.says))
            }
            Err(failure) => (Found::Open, failure.says),
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
        let made = made.map_err(|failure| self.bucket.problem(&doing, failure))?;
        let (found, because) = match read(&self.bucket, &made.canary, (5, 12)).await {
            Ok(bytes) if bytes == FIRST[5..12] => (Found::Holds, "7 bytes of the middle".to_owned()),
            Ok(bytes) => (Found::Fails, format!("{} bytes where 7 were asked for, or others", bytes.len())),
            Err(problem) => (Found::Open, problem.what),
        };
        self.tell(Asked::Ranges, found, because);
        let (found, because) = match self.bucket.seen(plain.key(), plain.version(), true).await {
            _ if plain.version().is_none() => {
                (Found::Fails, "it names no version of what was written".to_owned())
            }
            Ok(Some(seen)) if seen.is_version => (Found::Holds, "it names the version".to_owned()),
            Ok(Some(_)) => (Found::Fails, "it does not name the version that is asked for".to_owned()),
            Ok(None) => (Found::Open, "the version is not there (yet)".to_owned()),
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
        let rule = match answer {
            Ok(answer) => answer.object_lock_configuration.and_then(|of| of.rule),
            Err(failure) if has_none(&failure) => None,
            Err(failure) => return self.tell(Asked::Default, Found::Open, failure.says),
        };
        if rule.and_then(|rule| rule.default_retention).is_none() {
            return self.tell(Asked::Default, Found::NotAsked, "the bucket locks nothing by itself");
        }
        let (found, because) = match self.bucket.lock(plain.key(), plain.version()).await {
            Ok(Some(lock)) if lock.mode != LockMode::None => (Found::Holds, "an object has it".to_owned()),
            Ok(Some(_)) => (Found::Fails, "an object has none".to_owned()),
            Ok(None) => (Found::Open, "it does not say which lock an object has".to_owned()),
            Err(problem) => (Found::Open, problem.what),
        };
        self.tell(Asked::Default, found, because);
    }
}

/// Whether a store says that nothing is locked by itself, or does not know the question.
fn has_none(failure: &Failure) -> bool {
    let says = failure.says.as_str();
    matches!(failure.class, Class::Unsupported | Class::Missing)
        || says.contains("ObjectLockConfigurationNotFound")
}
