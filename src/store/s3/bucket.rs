//! One bucket: sending a request until it has an answer, or enough is enough.

use super::Limits;
use super::access::Keyring;
use super::address::Address;
use super::checksum::Guard;
use super::failure::{Class, Failure};
use super::lock;
use super::versions::Versions;
use crate::domain::{Kind, Lock, Problem, Result, Timestamp};
use crate::store::{Key, UNLOCKED};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OnceCell, Semaphore};

/// What all requests of a store share.
#[derive(Debug)]
pub struct Bucket {
    pub client: Client,
    pub address: Address,
    pub limits: Limits,
    pub keyring: Arc<Keyring>,
    /// Bounds the parts on their way.
    pub permits: Arc<Semaphore>,
    /// Set once the store refused or ignored CRC-64/NVME.
    md5: AtomicBool,
    /// Set once the store refused `If-None-Match`.
    unconditional: AtomicBool,
    /// Set once that was told.
    told: AtomicBool,
    /// What is not read as it is, once it was looked for.
    pub versions: OnceCell<Versions>,
    /// Set once that was told.
    told_versions: AtomicBool,
}

/// What an answer to HEAD says of an object.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub bytes: u64,
    /// Its lock, where it says of one.
    pub lock: Option<Lock>,
    /// Whether it names a version. Locks are of versions: a store without them keeps the words of a lock at most, as
    /// `rclone serve s3` does, which tells them to whoever asks.
    pub is_version: bool,
}

/// What is asked, for the bounds and for messages.
#[derive(Debug, Clone)]
pub struct Doing {
    /// For messages, for example `writing packs/a`.
    pub what: String,
    /// Bytes that go along with the request.
    pub bytes: u64,
    /// Ask again before believing that something is not there.
    pub doubts_absence: bool,
}

impl Doing {
    /// A request with no body of weight.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), bytes: 0, doubts_absence: true }
    }

    /// A request with so many bytes.
    pub fn with_bytes(what: impl Into<String>, bytes: usize) -> Self {
        Self { bytes: bytes as u64, ..Self::new(what) }
    }
}

impl Bucket {
    pub fn new(address: Address, client: Client, keyring: Arc<Keyring>, limits: Limits) -> Self {
        let permits = Arc::new(Semaphore::new(limits.parts_in_flight.max(1)));
        let (md5, unconditional, told, told_versions) = Default::default();
        let versions = OnceCell::new();
        Self { client, address, limits, keyring, permits, md5, unconditional, told, versions, told_versions }
    }

    /// The whole key, as the store has it.
    pub fn name(&self, key: &Key) -> String {
        format!("{}{key}", self.address.prefix)
    }

    /// The checksum that the store takes, as far as is known.
    pub fn guard(&self) -> Guard {
        if self.md5.load(Ordering::Relaxed) { Guard::Md5 } else { Guard::Crc64Nvme }
    }

    /// From now on `Content-MD5`.
    pub fn use_md5(&self) {
        self.md5.store(true, Ordering::Relaxed);
    }

    /// The condition of a write, `If-None-Match: *`, unless the store does not know it.
    pub fn condition(&self) -> Option<String> {
        (!self.unconditional.load(Ordering::Relaxed)).then(|| "*".to_owned())
    }

    /// After a refusal of what the store does not know: asks for less from now on. `carried` is what the refused request
    /// carried, whatever others found out meanwhile: with CRC-64/NVME that is done without first, and the condition only
    /// where a request without it is refused and the answer speaks of the condition. False where asking again would be
    /// the same.
    pub fn ask_for_less(&self, carried: Guard, had_condition: bool, failure: &Failure) -> bool {
        match carried {
            Guard::Crc64Nvme => self.use_md5(),
            Guard::Md5 if had_condition && failure.of_condition => {
                self.unconditional.store(true, Ordering::Relaxed);
            }
            Guard::Md5 => return false,
        }
        true
    }

    /// What people must know of how this store is written to; told once.
    pub fn notice(&self) -> Option<String> {
        let both: Vec<String> = self.of_writing().into_iter().chain(self.of_versions()).collect();
        (!both.is_empty()).then(|| both.join("; "))
    }

    fn of_versions(&self) -> Option<String> {
        let (versions, place) = (self.versions.get()?, self.address.place());
        let told = versions.told();
        if told.is_none() && versions.blind.is_none() || self.told_versions.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(match (told, &versions.blind) {
            (Some((count, first)), _) => format!(
                "in {place}, {count} {} written over or deleted ({first}{}): what was written first is read. Whoever did \
                 it may write here: change that credential",
                if count == 1 { "object was" } else { "objects were" },
                if count == 1 { "" } else { " and others" },
            ),
            (None, blind) => format!(
                "{place} does not show versions ({}): what somebody writes over or deletes there is not seen",
                blind.as_deref().unwrap_or_default()
            ),
        })
    }

    fn of_writing(&self) -> Option<String> {
        let unconditional = self.unconditional.load(Ordering::Relaxed);
        (unconditional && !self.told.swap(true, Ordering::Relaxed)).then(|| {
            let place = self.address.place();
            format!(
                "{place} refuses writes with If-None-Match, so keys are looked for before they are written: two runs that \
                 write one key at the same moment are not told apart (docs/stores.md)"
            )
        })
    }

    /// Sends a request until there is an answer. Pauses grow and are random; a credential that ended is fetched anew
    /// once; an absence is asked for twice.
    ///
    /// # Errors
    /// The last failure; it is doubtful where any attempt may have had its effect.
    pub async fn attempt<T, F, Sent>(&self, doing: &Doing, mut send: F) -> std::result::Result<T, Failure>
    where
        F: FnMut() -> Sent,
        Sent: Future<Output = std::result::Result<T, Failure>>,
    {
        let (mut attempt, mut doubtful, mut renewed, mut absent) = (1, false, false, false);
        loop {
            if let Err(problem) = self.keyring.ready().await {
                return Err(Failure::new(Class::Given(problem), ""));
            }
            let failure = match self.once(doing.bytes, send()).await {
                Ok(given) => return Ok(given),
                Err(failure) => failure,
            };
            doubtful |= failure.doubtful;
            let again = match failure.class {
                Class::Credential | Class::Unsaid => !std::mem::replace(&mut renewed, true),
                Class::Missing | Class::NoBucket => {
                    doing.doubts_absence && !std::mem::replace(&mut absent, true)
                }
                Class::Passing | Class::Conflict => attempt < self.limits.attempts,
                _ => false,
            };
            if !again {
                return Err(Failure { doubtful, ..failure });
            }
            if matches!(failure.class, Class::Credential | Class::Unsaid) {
                self.keyring.forget();
            } else {
                let random = getrandom::u64().unwrap_or_default();
                tokio::time::sleep(self.limits.pause_after(attempt, failure.after, random)).await;
                attempt += 1;
            }
        }
    }

    /// Sends a request once, with so many bytes.
    ///
    /// # Errors
    /// As the store answered, or that it did not in time.
    pub async fn once<T>(
        &self,
        bytes: u64,
        sent: impl Future<Output = std::result::Result<T, Failure>>,
    ) -> std::result::Result<T, Failure> {
        let deadline = self.limits.deadline(bytes);
        let answer = tokio::time::timeout(deadline, sent).await.unwrap_or_else(|_| {
            Err(Failure::new(Class::Passing, format!("no answer within {} s", deadline.as_secs_f32())))
        });
        answer.map_err(|failure| Failure { says: self.keyring.scrub(failure.says), ..failure })
    }

    /// The problem of a failure, with this bucket as the place.
    pub fn problem(&self, doing: &Doing, failure: Failure) -> Problem {
        failure.problem(&doing.what, &self.address.place())
    }

    /// The size of an object, or `None` where there is none.
    pub async fn size(&self, key: &Key, doubts_absence: bool) -> Result<Option<u64>> {
        let version = self.oldest(key).await?;
        Ok(self.seen(key, version.as_deref(), doubts_absence).await?.map(|seen| seen.bytes))
    }

    /// The lock of what is read under a key; `None` where the store does not say, does not show its versions, or names one
    /// and says that it keeps none: then what is read need not be ours.
    pub async fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        let version = self.oldest(key).await?;
        match self.seen(key, version.as_deref(), true).await? {
            Some(Seen { is_version: false, .. }) => Ok(Some(UNLOCKED)),
            Some(_) if !self.versions().await?.are_told() => Ok(None),
            Some(Seen { lock: Some(lock), .. }) => Ok(Some(lock)),
            Some(_) => self.lock(key, version.as_deref()).await,
            None => {
                Err(Problem::new(Kind::NotFound, format!("there is no object {key}"))
                    .at(self.address.place()))
            }
        }
    }

    /// A version of an object, or whatever is read under the key; `None` where there is none.
    pub async fn seen(&self, key: &Key, version: Option<&str>, doubts_absence: bool) -> Result<Option<Seen>> {
        let doing = Doing { doubts_absence, ..Doing::new(format!("looking for {key}")) };
        let answer = self.attempt(&doing, || {
            let request = self.client.head_object().bucket(&self.address.bucket).key(self.name(key));
            let request = request.set_version_id(version.map(str::to_owned));
            async move {
                let seen = request.send().await.map_err(failed)?;
                let bytes = seen.content_length().and_then(|bytes| u64::try_from(bytes).ok());
                match (bytes, seen.e_tag()) {
                    (Some(bytes), Some(_)) => {
                        let is_version = seen.version_id().is_some_and(|id| !id.is_empty());
                        Ok(Seen { bytes, lock: lock::told(&seen), is_version })
                    }
                    _ => Err(Failure::odd("an answer without the size or the ETag of the object")),
                }
            }
        });
        match answer.await {
            Ok(seen) => Ok(Some(seen)),
            Err(failure) if failure.class == Class::Missing => Ok(None),
            Err(failure) => Err(self.problem(&doing, failure)),
        }
    }

    /// The time of the store's clock.
    pub async fn time(&self) -> Result<Option<Timestamp>> {
        let doing = Doing::new("asking for the time");
        let answer = self.attempt(&doing, || {
            let date = super::answers::DateOfAnswer::default();
            let request = self.client.head_bucket().bucket(&self.address.bucket);
            let request = request.customize().interceptor(date.clone());
            async move {
                match request.send().await.map_err(failed) {
                    Ok(_) if date.get().is_none() => Err(Failure::odd("an answer without a Date")),
                    Ok(_) => Ok(date.get()),
                    // Whoever may not look at the bucket is told the time all the same.
                    Err(failure) if tells_time(&failure.class) && date.get().is_some() => Ok(date.get()),
                    Err(failure) => Err(failure),
                }
            }
        });
        answer.await.map_err(|failure| self.problem(&doing, failure))
    }
}

/// Whether an answer that refuses is one of the store all the same. The answer to HEAD does not say whether the credential
/// may not look at this bucket, as with a right to list one prefix, or is not valid: whatever is asked next will.
fn tells_time(class: &Class) -> bool {
    matches!(class, Class::Denied | Class::Unsaid | Class::Skewed)
}

/// [`Failure::from_sdk`], now.
pub fn failed<E>(error: SdkError<E, Response>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    Failure::from_sdk(error, chrono::Utc::now())
}
