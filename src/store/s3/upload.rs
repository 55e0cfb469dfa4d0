//! Writing an object: small ones in one request, larger ones in parts that are on their way while more is written.

use super::body::Body;
use super::bucket::{Bucket, Seen};
use super::checksum::Crc;
use super::parts::Parts;
use super::put;
use crate::domain::{Kind, Lock, Problem, Result};
use crate::store::{Key, Retention, UNLOCKED, Upload};
use bytes::Bytes;
use std::io::{self, Write};
use std::sync::Arc;

/// What was sent, to tell it from what others wrote under the same key.
#[derive(Clone, Default)]
pub struct Sent {
    pub bytes: u64,
    pub crc: Crc,
}

impl Sent {
    pub fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.crc.update(bytes);
    }
}

/// Where an object is written, and under which lock.
#[derive(Clone)]
pub struct Target {
    pub key: Key,
    pub retention: Option<Retention>,
}

/// An object on its way to a bucket.
pub struct S3Upload {
    runtime: Arc<tokio::runtime::Runtime>,
    bucket: Arc<Bucket>,
    target: Target,
    waiting: Vec<u8>,
    sent: Sent,
    parts: Option<Parts>,
}

impl S3Upload {
    /// Nothing is sent before there is a whole part, or the end.
    pub fn new(runtime: Arc<tokio::runtime::Runtime>, bucket: Arc<Bucket>, target: Target) -> Self {
        Self { runtime, bucket, target, waiting: Vec::new(), sent: Sent::default(), parts: None }
    }

    /// Sends what waits as a part. Blocks while too many are on their way.
    fn send_part(&mut self) -> Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.waiting));
        self.sent.update(&bytes);
        self.runtime.block_on(async {
            let parts = match &mut self.parts {
                Some(parts) => parts,
                none => none.insert(Parts::begin(&self.bucket, &self.target).await?),
            };
            parts.send(bytes).await
        })
    }
}

impl Write for S3Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = self.bucket.limits.part;
        // A full part goes once there is more: the last is never empty.
        if self.waiting.len() >= part && !bytes.is_empty() {
            self.send_part().map_err(io::Error::other)?;
        }
        if self.waiting.capacity() < part && self.waiting.len() + bytes.len() > self.waiting.capacity() {
            let wanted = (self.waiting.len() + bytes.len()).next_power_of_two().min(part);
            self.waiting.reserve_exact(wanted.saturating_sub(self.waiting.len()));
        }
        let taken = bytes.len().min(part - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for S3Upload {
    fn finish(mut self: Box<Self>) -> Result<Option<Lock>> {
        if self.parts.is_some() {
            self.send_part()?;
        }
        let Self { runtime, bucket, target, waiting, mut sent, parts } = *self;
        runtime.block_on(async {
            match parts {
                Some(parts) => parts.complete(&sent).await,
                None => {
                    sent.update(&waiting);
                    put::whole(&bucket, &target, Bytes::from(waiting), &sent).await
                }
            }
        })
    }
}

/// What the store made of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It computed the checksum that we had computed.
    Checked,
    /// It took a `Content-MD5`, and has to refuse bytes of another.
    Guarded,
    /// It said nothing of the checksum that went along.
    Ignored,
    /// It computed another.
    Differs,
}

/// Refuses to write where something is. A store that knows the condition of the write refuses by itself; for one
/// that does not, only another write between this look and the next request would go unseen, and keys are random.
pub async fn refuse_existing(bucket: &Bucket, key: &Key) -> Result<()> {
    match bucket.seen(key, None, false).await? {
        Some(_) => Err(exists(bucket, key)),
        None => Ok(()),
    }
}

pub fn exists(bucket: &Bucket, key: &Key) -> Problem {
    Problem::new(Kind::Refused, format!("an object {key} exists, and nothing is overwritten"))
        .at(bucket.address.place())
}

/// After a write that was answered: sees that the object is there, whole, and computed by the store to be what was
/// sent; where the store did not compute, by reading it back. Gives the lock that it has, of the version that was written
/// where the store names one.
pub async fn confirm(
    bucket: &Arc<Bucket>,
    target: &Target,
    sent: &Sent,
    (told, version): (Told, Option<String>),
) -> Result<Option<Lock>> {
    let key = &target.key;
    if told == Told::Differs {
        return Err(other_bytes(key));
    }
    if told == Told::Ignored {
        // From now on it gets the one that nearly every store compares.
        bucket.use_md5();
        if !is_same(bucket, key, sent).await? {
            return Err(other_bytes(key));
        }
    }
    match bucket.seen(key, version.as_deref().filter(|_| target.retention.is_some()), true).await? {
        Some(Seen { bytes, lock, is_version }) if bytes == sent.bytes => match (lock, target.retention) {
            (_, Some(_)) if !is_version || version.is_none() => Ok(Some(UNLOCKED)),
            // Who may not read locks is told nothing, which is not yet that there is none.
            (None, Some(_)) => bucket.lock(key, version.as_deref()).await,
            (None, None) => Ok(None),
            (lock, _) => Ok(lock),
        },
        Some(Seen { bytes, .. }) => Err(Problem::damaged(
            key.as_str(),
            format!("the store holds {bytes} bytes where {} were written", sent.bytes),
        )),
        None => Err(Problem::new(Kind::Io, format!("the store took {key}, and has no such object"))
            .at(bucket.address.place())),
    }
}

/// After a refusal because the key is taken, which an earlier attempt of ours may have done: success where the same
/// bytes are there.
pub async fn own_or_refused(bucket: &Arc<Bucket>, target: &Target, sent: &Sent) -> Result<Option<Lock>> {
    match is_same(bucket, &target.key, sent).await? {
        true if target.retention.is_some() => bucket.lock_of(&target.key).await,
        true => Ok(None),
        false => Err(exists(bucket, &target.key)),
    }
}

/// True where the object holds what was sent, by its length and CRC-64: keys are random, so that the question is whose write
/// it was. What proves the copy is its read-back, with SHA-256.
pub async fn is_same(bucket: &Arc<Bucket>, key: &Key, sent: &Sent) -> Result<bool> {
    let mut body = Body::open(bucket, key, 0, None).await?;
    let mut seen = Sent::default();
    while let Some(bytes) = body.next().await? {
        seen.update(&bytes);
        if seen.bytes > sent.bytes {
            return Ok(false);
        }
    }
    Ok(seen.bytes == sent.bytes && seen.crc.text() == sent.crc.text())
}

fn other_bytes(key: &Key) -> Problem {
    Problem::damaged(key.as_str(), "the store holds other bytes than were written")
        .remedy("nothing refers to it; look into the store, or use another")
}
