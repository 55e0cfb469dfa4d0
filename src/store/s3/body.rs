//! Reading an object: every byte that was asked for, from one version of it, or an error.

use super::bucket::{Bucket, Doing, failed};
use super::checksum::Crc;
use super::failure::{Class, Failure, chain};
use crate::domain::{Problem, Result};
use crate::store::Key;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An object's bytes from some place on. A body that breaks is taken up where it broke, of the same version only.
pub struct Body {
    bucket: Arc<Bucket>,
    key: Key,
    /// The version that is read; none for whatever is read under the key.
    version: Option<String>,
    doing: Doing,
    /// The next byte.
    at: u64,
    /// The first byte that is not wanted; the end of the object once it is known.
    end: Option<u64>,
    etag: Option<String>,
    stream: Option<ByteStream>,
    /// Of the whole object, where it is read from its beginning and the store told its checksum.
    sum: Option<(Crc, String)>,
    /// How long was waited for the stream, without the time that the reader took.
    waited: Duration,
    /// What the stream still had to give when it was opened, in bytes.
    expected: u64,
    broken: u32,
    /// Where the body broke last.
    broke_at: u64,
}

/// What an answer to GET holds.
struct Opened {
    stream: Option<ByteStream>,
    end: u64,
    etag: Option<String>,
    crc: Option<String>,
}

impl Body {
    /// Asks for the bytes from `at` on, to `end` or to the object's own.
    ///
    /// # Errors
    /// `NotFound` where there is no object; otherwise what the store said.
    pub async fn open(bucket: &Arc<Bucket>, key: &Key, at: u64, end: Option<u64>) -> Result<Self> {
        let doing = Doing::new(format!("reading {key}"));
        let version = bucket.oldest(key).await?;
        let mut body = Self {
            bucket: bucket.clone(),
            key: key.clone(),
            version,
            doing,
            at,
            end,
            etag: None,
            stream: None,
            sum: None,
            waited: Duration::ZERO,
            expected: 0,
            broken: 0,
            broke_at: at,
        };
        body.ask().await?;
        Ok(body)
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// `Damaged` where the bytes are not those of the checksum or the object changed; otherwise what the store said.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
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
                    if let Some((crc, _)) = &mut self.sum {
                        crc.update(&bytes);
                    }
                    return Ok(Some(bytes));
                }
                Err(because) => self.broke(because).await?,
            }
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
    async fn broke(&mut self, because: String) -> Result<()> {
        self.stream = None;
        if self.at >= self.broke_at + self.bucket.limits.part as u64 {
            (self.broken, self.broke_at) = (0, self.at);
        }
        self.broken += 1;
        if self.broken >= self.bucket.limits.attempts {
            let says = format!("the body {because}, at byte {} of {}", self.at, self.key);
            return Err(self.bucket.problem(&self.doing, Failure::odd(says)));
        }
        let random = getrandom::u64().unwrap_or_default();
        tokio::time::sleep(self.bucket.limits.pause_after(self.broken, None, random)).await;
        Ok(())
    }

    async fn ask(&mut self) -> Result<()> {
        let range = match (self.at, self.end) {
            (0, None) => None,
            (at, None) => Some(format!("bytes={at}-")),
            (at, Some(end)) => Some(format!("bytes={at}-{}", end.saturating_sub(1))),
        };
        let (at, end, etag) = (self.at, self.end, self.etag.clone());
        let bucket = self.bucket.clone();
        let answer = bucket.attempt(&self.doing, || {
            let request =
                bucket.client.get_object().bucket(&bucket.address.bucket).key(bucket.name(&self.key));
            let request = request.set_range(range.clone()).set_if_match(etag.clone());
            let request = request.set_version_id(self.version.clone());
            let request =
                if range.is_none() { request.checksum_mode(ChecksumMode::Enabled) } else { request };
            // Before anything was read nobody knows where the object ends; from then on it is known.
            let (is_ranged, may_end) = (range.is_some(), range.is_some() && etag.is_none());
            async move {
                match request.send().await.map_err(failed) {
                    Ok(answer) => read(answer, at, end, is_ranged),
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
                Opened { stream: None, end: at, etag: etag.clone(), crc: None }
            }
            Err(failure) if failure.class == Class::Condition => {
                return Err(Problem::damaged(self.key.as_str(), "it changed while it was read"));
            }
            Err(failure) => return Err(self.bucket.problem(&self.doing, failure)),
        };
        if etag.is_some() && opened.etag != etag {
            return Err(Problem::damaged(self.key.as_str(), "it changed while it was read"));
        }
        self.sum =
            self.sum.take().or_else(|| opened.crc.filter(|_| at == 0).map(|told| (Crc::default(), told)));
        self.waited = Duration::ZERO;
        self.expected = opened.end - at;
        (self.stream, self.end, self.etag) = (opened.stream, Some(opened.end), opened.etag);
        Ok(())
    }

    fn check_sum(&mut self) -> Result<()> {
        match self.sum.take() {
            Some((crc, told)) if crc.text() != told => Err(Problem::damaged(
                self.key.as_str(),
                format!("its bytes have the CRC-64/NVME {}, and the store says {told}", crc.text()),
            )),
            _ => Ok(()),
        }
    }
}

/// Takes an answer only where it is of the range that was asked for, and of an object.
fn read(
    answer: GetObjectOutput,
    at: u64,
    end: Option<u64>,
    is_ranged: bool,
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
    let whole = !is_ranged && answer.checksum_type().is_none_or(|kind| *kind == ChecksumType::FullObject);
    let crc = answer.checksum_crc64_nvme().filter(|text| whole && !text.contains('-')).map(str::to_owned);
    Ok(Opened { stream: Some(answer.body), end: told, etag: Some(etag), crc })
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
        assert!(read(answer(9, None), 0, None, false).is_ok());
        assert!(read(answer(6, Some("bytes 3-8/20")), 3, Some(9), true).is_ok());
        assert!(read(answer(17, Some("bytes 3-19/20")), 3, Some(99), true).is_ok());
        for (length, range) in [
            (20, None),
            (5, Some("bytes 3-8/20")),
            (6, Some("bytes 4-9/20")),
            (6, Some("bytes 3-8/*")),
            (3, Some("bytes 3-5/20")),
        ] {
            assert!(read(answer(length, range), 3, Some(9), true).is_err(), "{length} {range:?}");
        }
        let nameless = GetObjectOutput::builder().content_length(9).build();
        assert!(read(nameless, 0, None, false).is_err(), "an answer that is of no object");
    }
}
