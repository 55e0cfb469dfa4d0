//! Reading an object: every byte that was asked for, from one version of it, or an error.

use super::answers::bare;
use super::bucket::{Bucket, Doing, failed};
use super::checksum::Sums;
use super::failure::{Class, Failure, chain};
use super::lock::timestamp;
use crate::domain::{Problem, Result, Timestamp};
use crate::store::Key;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An object's bytes from some place on. A body that breaks is taken up where it broke, of the same version only.
pub struct Body {
    bucket: Arc<Bucket>,
    wanted: Wanted,
    doing: Doing,
    /// The next byte.
    at: u64,
    /// The first byte that is not wanted; the end of the object once it is known.
    end: Option<u64>,
    etag: Option<String>,
    stored_at: Option<Timestamp>,
    stream: Option<ByteStream>,
    /// Of the whole object, where it is read from its beginning and the store told its checksum.
    sum: Option<Sums>,
    /// How long was waited for the stream, without the time that the reader took.
    waited: Duration,
    /// What the stream still had to give when it was opened, in bytes.
    expected: u64,
    broken: u32,
    /// Where the body broke last.
    broke_at: u64,
}

/// Which object is read.
pub struct Wanted {
    /// Its whole name in the store.
    pub name: String,
    /// What it is called in messages, safe to print.
    pub shown: String,
    /// The version that is read; none for whatever is read under the name.
    pub version: Option<String>,
    /// Which sums of the whole are compared, of those that an answer tells.
    pub sums: fn(&GetObjectOutput) -> Sums,
}

/// Why a body does not go on.
pub enum Ended {
    /// The object is another by now.
    Changed,
    /// The store does not give it.
    Failed(Failure),
    /// What was given is not the object, or not all of it.
    Broken(Problem),
}

/// What an answer to GET holds.
struct Opened {
    stream: Option<ByteStream>,
    end: u64,
    etag: Option<String>,
    stored_at: Option<Timestamp>,
    sum: Option<Sums>,
}

impl Body {
    /// Asks for the bytes from `at` on, to `end` or to the object's own.
    ///
    /// # Errors
    /// `NotFound` where there is no object; otherwise what the store said.
    pub async fn open(bucket: &Arc<Bucket>, key: &Key, at: u64, end: Option<u64>) -> Result<Self> {
        let version = bucket.oldest(key).await?;
        let (name, shown) = (bucket.name(key), key.as_str().to_owned());
        let mut body = Self::new(bucket, Wanted { name, shown, version, sums: Sums::crc64 }, at, end);
        match body.ask().await {
            Ok(()) => Ok(body),
            Err(ended) => Err(body.problem(ended)),
        }
    }

    /// A whole object, which must be that of this ETag where one is given.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn of(
        bucket: &Arc<Bucket>,
        wanted: Wanted,
        etag: Option<String>,
    ) -> std::result::Result<Self, Ended> {
        let mut body = Self { etag, ..Self::new(bucket, wanted, 0, None) };
        body.ask().await?;
        Ok(body)
    }

    fn new(bucket: &Arc<Bucket>, wanted: Wanted, at: u64, end: Option<u64>) -> Self {
        let doing = Doing::new(format!("reading {}", wanted.shown));
        Self {
            bucket: bucket.clone(),
            wanted,
            doing,
            at,
            end,
            etag: None,
            stored_at: None,
            stream: None,
            sum: None,
            waited: Duration::ZERO,
            expected: 0,
            broken: 0,
            broke_at: at,
        }
    }

    /// Where the bytes that were asked for end: the object's length, where all of it was.
    pub fn end(&self) -> u64 {
        self.end.unwrap_or(self.at)
    }

    /// What tells this state of the object from others, without quotes.
    pub fn etag(&self) -> &str {
        self.etag.as_deref().map(bare).unwrap_or_default()
    }

    /// When the store took it, by its own clock.
    pub fn stored_at(&self) -> Option<Timestamp> {
        self.stored_at
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// `Damaged` where the bytes are not those of the checksum or the object changed; otherwise what the store said.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.go_on().await.map_err(|ended| self.problem(ended))
    }

    /// As [`Body::next`].
    ///
    /// # Errors
    /// Why there is no more.
    pub async fn go_on(&mut self) -> std::result::Result<Option<Bytes>, Ended> {
        loop {
            if self.end.is_some_and(|end| self.at >= end) {
                return self.check_sum().map(|()| None);
            }
            if self.stream.is_none() {
                self.ask().await?;
                continue;
            }
            match self.pull().await {
                Ok(bytes) => {
                    self.at += bytes.len() as u64;
                    if let Some(sum) = &mut self.sum {
                        sum.update(&bytes);
                    }
                    return Ok(Some(bytes));
                }
                Err(because) => self.broke(because).await?,
            }
        }
    }

    fn problem(&self, ended: Ended) -> Problem {
        match ended {
            Ended::Changed => Problem::damaged(self.wanted.shown.as_str(), "it changed while it was read"),
            Ended::Failed(failure) => self.bucket.problem(&self.doing, failure),
            Ended::Broken(problem) => problem,
        }
    }

    async fn pull(&mut self) -> std::result::Result<Bytes, String> {
        let left = self.end.map_or(u64::MAX, |end| end - self.at);
        let limits = self.bucket.limits;
        let total = limits.deadline(self.expected);
        let Some(stream) = &mut self.stream else { return Err("there is no body".into()) };
        let allowed = limits.idle.min(total.saturating_sub(self.waited));
        let since = Instant::now();
        let got = tokio::time::timeout(allowed, stream.next()).await;
        self.waited += since.elapsed();
        match got {
            Err(_) if allowed < limits.idle => Err(format!("slower than {} bytes a second", limits.slowest)),
            Err(_) => Err(format!("gave nothing for {} s", limits.idle.as_secs_f32())),
            Ok(None) => Err(format!("ended {left} bytes early")),
            Ok(Some(Err(error))) => Err(chain(&error)),
            Ok(Some(Ok(bytes))) if bytes.len() as u64 > left => Err("gave more bytes than it said".into()),
            Ok(Some(Ok(bytes))) => Ok(bytes),
        }
    }

    /// A body that broke is asked for again, but not for ever: those that get on may break more often.
    async fn broke(&mut self, because: String) -> std::result::Result<(), Ended> {
        self.stream = None;
        if self.at >= self.broke_at + self.bucket.limits.part as u64 {
            (self.broken, self.broke_at) = (0, self.at);
        }
        self.broken += 1;
        if self.broken >= self.bucket.limits.attempts {
            let says = format!("the body {because}, at byte {} of {}", self.at, self.wanted.shown);
            return Err(Ended::Broken(self.bucket.problem(&self.doing, Failure::odd(says))));
        }
        let random = getrandom::u64().unwrap_or_default();
        tokio::time::sleep(self.bucket.limits.pause_after(self.broken, None, random)).await;
        Ok(())
    }

    async fn ask(&mut self) -> std::result::Result<(), Ended> {
        let range = match (self.at, self.end) {
            (0, None) => None,
            (at, None) => Some(format!("bytes={at}-")),
            (at, Some(end)) => Some(format!("bytes={at}-{}", end.saturating_sub(1))),
        };
        let (at, end, etag, sums) = (self.at, self.end, self.etag.clone(), self.wanted.sums);
        let bucket = self.bucket.clone();
        let answer = bucket.attempt(&self.doing, || {
            let request =
                bucket.client.get_object().bucket(&bucket.address.bucket).key(&self.wanted.name);
            let request = request.set_range(range.clone()).set_if_match(etag.clone());
            let request = request.set_version_id(self.wanted.version.clone());
            let request =
                if range.is_none() { request.checksum_mode(ChecksumMode::Enabled) } else { request };
            // Before anything was read nobody knows where the object ends; from then on it is known.
            let (is_ranged, may_end) = (range.is_some(), range.is_some() && etag.is_none());
            async move {
                match request.send().await.map_err(failed) {
                    Ok(answer) => read(answer, (at, end), is_ranged, sums),
                    Err(failure) if failure.class == Class::Range && !may_end => Err(Failure::odd(format!(
                        "an answer that the object ends before byte {at}, where it had said that there is more: {}",
                        failure.says
                    ))),
                    Err(failure) => Err(failure),
                }
            }
        });
        let opened = match answer.await {
            Ok(opened) => opened,
            // Nothing lies there, as in a file that is read behind its end: only ever the first answer.
            Err(failure) if failure.class == Class::Range => {
                Opened { stream: None, end: at, etag: etag.clone(), stored_at: None, sum: None }
            }
            Err(failure) if failure.class == Class::Condition => return Err(Ended::Changed),
            Err(failure) => return Err(Ended::Failed(failure)),
        };
        if etag.as_deref().is_some_and(|etag| opened.etag.as_deref().map(bare) != Some(bare(etag))) {
            return Err(Ended::Changed);
        }
        self.sum = self.sum.take().or_else(|| opened.sum.filter(|_| at == 0));
        self.waited = Duration::ZERO;
        self.expected = opened.end - at;
        self.stored_at = opened.stored_at.or(self.stored_at);
        (self.stream, self.end, self.etag) = (opened.stream, Some(opened.end), opened.etag);
        Ok(())
    }

    fn check_sum(&mut self) -> std::result::Result<(), Ended> {
        let Some((name, is, told)) = self.sum.take().and_then(Sums::wrong) else { return Ok(()) };
        let told = crate::domain::printable(told.as_bytes());
        let what = format!("its bytes have the {name} {is}, and the store says {told}");
        Err(Ended::Broken(Problem::damaged(self.wanted.shown.as_str(), what)))
    }
}

/// Takes an answer only where it is of the range that was asked for, and of an object.
fn read(
    answer: GetObjectOutput,
    (at, end): (u64, Option<u64>),
    is_ranged: bool,
    sums: fn(&GetObjectOutput) -> Sums,
) -> std::result::Result<Opened, Failure> {
    let Some(etag) = answer.e_tag().map(str::to_owned) else {
        return Err(Failure::odd("an answer without the ETag of an object"));
    };
    let Some(length) = answer.content_length().and_then(|length| u64::try_from(length).ok()) else {
        return Err(Failure::odd("a body that does not say its length"));
    };
    let told = if is_ranged {
        let Some((first, last, total)) = answer.content_range().and_then(range) else {
            return Err(Failure::odd("an answer that is not of the range that was asked for"));
        };
        let wanted = end.map_or(total, |end| end.min(total));
        if first != at || last.checked_add(1) != Some(wanted) {
            return Err(Failure::odd("another range than was asked for"));
        }
        wanted
    } else {
        length
    };
    if told.checked_sub(at) != Some(length) {
        return Err(Failure::odd(format!(
            "a body of {length} bytes where {} were asked for",
            told.saturating_sub(at)
        )));
    }
    let (sum, stored_at) = ((!is_ranged).then(|| sums(&answer)), answer.last_modified().and_then(timestamp));
    Ok(Opened { stream: Some(answer.body), end: told, etag: Some(etag), stored_at, sum })
}

/// `bytes 3-9/20`.
fn range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?))
}

/// A body for code that reads in its own thread.
pub struct Reader {
    pub runtime: Arc<tokio::runtime::Runtime>,
    pub body: Body,
    pub left: Bytes,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            match self.runtime.block_on(self.body.next()).map_err(io::Error::other)? {
                Some(bytes) => self.left = bytes,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.left.len());
        into[..length].copy_from_slice(&self.left.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(length: i64, range: Option<&str>) -> GetObjectOutput {
        GetObjectOutput::builder()
            .e_tag("e")
            .content_length(length)
            .set_content_range(range.map(str::to_owned))
            .build()
    }

    #[test]
    fn an_answer_of_another_range_or_length_is_refused() {
        assert!(read(answer(9, None), (0, None), false, Sums::crc64).is_ok());
        assert!(read(answer(6, Some("bytes 3-8/20")), (3, Some(9)), true, Sums::crc64).is_ok());
        assert!(read(answer(17, Some("bytes 3-19/20")), (3, Some(99)), true, Sums::crc64).is_ok());
        for (length, range) in [
            (20, None),
            (5, Some("bytes 3-8/20")),
            (6, Some("bytes 4-9/20")),
            (6, Some("bytes 3-8/*")),
            (3, Some("bytes 3-5/20")),
        ] {
            let read = read(answer(length, range), (3, Some(9)), true, Sums::crc64);
            assert!(read.is_err(), "{length} {range:?}");
        }
        let nameless = GetObjectOutput::builder().content_length(9).build();
        assert!(read(nameless, (0, None), false, Sums::crc64).is_err(), "an answer that is of no object");
    }
}
