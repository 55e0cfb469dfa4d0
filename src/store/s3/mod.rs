//! S3, at any endpoint. The store keeps a small runtime of its own and hands out blocking calls.
//!
//! What is asked of a store and what differs from one to the other stands in `docs/stores.md`; why requests are sent
//! as they are in `docs/decisions/0009-s3-by-our-own-rules.md`.

mod access;
mod address;
mod answers;
mod body;
mod bucket;
mod canary;
mod checksum;
mod failure;
mod held;
mod limits;
mod listing;
mod lock;
mod parts;
mod prefix;
mod probe;
mod probe_locks;
mod put;
mod upload;
mod versions;

pub use limits::Limits;
pub use prefix::{Fetching, Lost, Object, Prefix, Streaming, overlap};

use super::{Identity, Key, Listed, Retention, Scope, Store, StoredVersion, Trial, Upload};
use crate::domain::{Kind, Lock, Problem, Result, Timestamp};
use crate::estate::{Environment, S3Access, S3Place};
use access::Keyring;
use address::Address;
use aws_sdk_s3::config::Region;
use body::{Body, Reader};
use bucket::Bucket;
use bytes::Bytes;
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A store in a bucket, or below a prefix of one. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct S3Store {
    runtime: Arc<Runtime>,
    bucket: Arc<Bucket>,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl S3Store {
    /// A store at `place`, used with the credential of `access`. Nothing is sent yet: neither the bucket nor the
    /// credential is known to be good.
    ///
    /// # Errors
    /// `Usage` where the place makes no sense.
    pub fn connect(place: &S3Place, access: &S3Access, environment: &Environment) -> Result<Self> {
        Self::with_limits(place, access, environment, Limits::default())
    }

    /// As [`S3Store::connect`], with other bounds.
    ///
    /// # Errors
    /// As [`S3Store::connect`].
    pub fn with_limits(
        place: &S3Place,
        access: &S3Access,
        environment: &Environment,
        limits: Limits,
    ) -> Result<Self> {
        let (runtime, bucket) = connected(place, access, environment, limits)?;
        Ok(Self { runtime, bucket })
    }

    fn open(&self, key: &Key, at: u64, end: Option<u64>) -> Result<Box<dyn Read + Send>> {
        let body = self.runtime.block_on(Body::open(&self.bucket, key, at, end))?;
        Ok(Box::new(Reader { runtime: self.runtime.clone(), body, left: Bytes::new() }))
    }
}

/// A bucket with the threads that talk to it; nothing is sent yet.
fn connected(
    place: &S3Place,
    access: &S3Access,
    environment: &Environment,
    limits: Limits,
) -> Result<(Arc<Runtime>, Arc<Bucket>)> {
    let address = Address::new(place, environment)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_name("s3").enable_all().build();
    let runtime = runtime
        .map_err(|error| Problem::io("starting the threads of the S3 store", error).at(address.place()))?;
    let http = address::http_client();
    let region = Region::new(address.region.clone());
    let keyring = Keyring::new(access.clone(), environment.clone(), http.clone(), region, limits);
    let keyring = Arc::new(keyring);
    let client = address::client(&address, http, keyring.clone(), &limits);
    Ok((Arc::new(runtime), Arc::new(Bucket::new(address, client, keyring, limits))))
}

impl Store for S3Store {
    fn place(&self) -> String {
        self.bucket.address.place()
    }

    fn at_once(&self) -> usize {
        16
    }

    fn identity(&self) -> Result<Identity> {
        Ok(self.bucket.address.identity())
    }

    fn put_new(&self, key: &Key, retention: Option<Retention>) -> Result<Box<dyn Upload>> {
        let target = upload::Target { key: key.clone(), retention };
        Ok(Box::new(upload::S3Upload::new(self.runtime.clone(), self.bucket.clone(), target)))
    }

    fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        self.runtime.block_on(self.bucket.lock_of(key))
    }

    fn extend_lock(&self, key: &Key, retention: Retention) -> Result<()> {
        self.runtime.block_on(async {
            let version = self.bucket.oldest(key).await?;
            self.bucket.extend(key, version.as_deref(), retention).await
        })
    }

    fn versions_of(&self, listed: &Listed) -> Result<Vec<StoredVersion>> {
        self.runtime.block_on(self.bucket.versions_of(listed))
    }

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        self.open(key, offset, None)
    }

    fn get_span(&self, key: &Key, offset: u64, length: u64) -> Result<Box<dyn Read + Send>> {
        if length > 0 {
            return self.open(key, offset, Some(offset.saturating_add(length)));
        }
        match self.size(key)? {
            Some(_) => Ok(Box::new(std::io::empty())),
            None => Err(Problem::new(Kind::NotFound, format!("there is no object {key}")).at(self.place())),
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        self.runtime.block_on(self.bucket.size(key, true))
    }

    fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        self.runtime.block_on(self.bucket.stranger(known))
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        self.runtime.block_on(self.bucket.list(folder))
    }

    fn server_time(&self) -> Result<Option<Timestamp>> {
        self.runtime.block_on(self.bucket.time())
    }

    fn notice(&self) -> Option<String> {
        self.bucket.notice()
    }

    fn probe(&self, scope: Scope, now: Timestamp) -> Result<Option<Vec<Trial>>> {
        self.runtime.block_on(probe::probe(&self.bucket, scope, now)).map(Some)
    }
}
