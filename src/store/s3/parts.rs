//! An object in parts. An upload that fails is left as it is: ending it would be a call that destroys, and the
//! bucket's own rule for unfinished uploads removes it (`docs/stores.md`).

use super::answers::element;
use super::bucket::{Bucket, Doing, failed};
use super::checksum::{Guard, headers};
use super::failure::{Class, Failure};
use super::lock;
use super::put::told;
use super::upload::{Sent, Target, Told, confirm, exists, own_or_refused, refuse_existing};
use crate::domain::{Kind, Lock, Problem, Result};
use crate::store::Key;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use std::sync::Arc;
use tokio::task::JoinSet;

/// More parts than this S3 does not take.
const MOST_PARTS: i32 = 10_000;

/// A part that arrived.
struct Arrived {
    number: i32,
    etag: String,
    crc: Option<String>,
    told: Told,
}

/// An upload in parts. Dropping it stops what is on its way.
pub struct Parts {
    bucket: Arc<Bucket>,
    target: Target,
    id: String,
    guard: Guard,
    last: i32,
    on_their_way: JoinSet<Result<Arrived>>,
    arrived: Vec<Arrived>,
}

impl Parts {
    /// Begins an upload under a key that nothing has.
    pub async fn begin(bucket: &Arc<Bucket>, target: &Target) -> Result<Self> {
        let (key, retention) = (&target.key, target.retention);
        refuse_existing(bucket, key).await?;
        let doing = Doing::new(format!("beginning to write {key}"));
        loop {
            let guard = bucket.guard();
            let answer = bucket.attempt(&doing, || {
                let request = bucket
                    .client
                    .create_multipart_upload()
                    .bucket(&bucket.address.bucket)
                    .key(bucket.name(key));
                let request = request.set_object_lock_mode(retention.map(|asked| lock::mode(asked.kind)));
                let until = retention.map(|asked| lock::moment(asked.until));
                let request = request.set_object_lock_retain_until_date(until);
                let request = match guard {
                    Guard::Crc64Nvme => request
                        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                        .checksum_type(ChecksumType::FullObject),
                    Guard::Md5 => request,
                };
                begun(request)
            });
            let id = match answer.await {
                Ok(id) => id,
                Err(failure)
                    if failure.class == Class::Unsupported
                        && guard == Guard::Crc64Nvme
                        && !lock::is_of_locks(&failure) =>
                {
                    bucket.use_md5();
                    continue;
                }
                Err(failure) if retention.is_some() => return Err(bucket.lock_problem(&doing, failure)),
                Err(failure) => return Err(bucket.problem(&doing, failure)),
            };
            let (on_their_way, arrived) = (JoinSet::new(), Vec::new());
            return Ok(Self {
                bucket: bucket.clone(),
                target: target.clone(),
                id,
                guard,
                last: 0,
                on_their_way,
                arrived,
            });
        }
    }

    /// Sends the next part in the background, once there is room for it.
    pub async fn send(&mut self, bytes: Bytes) -> Result<()> {
        if self.last == MOST_PARTS {
            let what = format!("{} is larger than {MOST_PARTS} parts", self.target.key);
            return Err(Problem::new(Kind::Refused, what).at(self.bucket.address.place()));
        }
        while let Some(done) = self.on_their_way.try_join_next() {
            self.take(done)?;
        }
        let permit = self.bucket.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Problem::new(Kind::Internal, "uploads are closed"))?;
        self.last += 1;
        let part = Part {
            bucket: self.bucket.clone(),
            key: self.target.key.clone(),
            id: self.id.clone(),
            guard: self.guard,
            number: self.last,
            bytes,
        };
        self.on_their_way.spawn(async move {
            let _permit = permit;
            part.send().await
        });
        Ok(())
    }

    fn take(&mut self, done: std::result::Result<Result<Arrived>, tokio::task::JoinError>) -> Result<()> {
        let failed = |_| Err(Problem::new(Kind::Internal, "sending a part failed unexpectedly"));
        self.arrived.push(done.unwrap_or_else(failed)?);
        Ok(())
    }

    /// Waits for all parts, and makes them an object.
    pub async fn complete(mut self, sent: &Sent) -> Result<Option<Lock>> {
        while let Some(done) = self.on_their_way.join_next().await {
            self.take(done)?;
        }
        self.arrived.sort_by_key(|part| part.number);
        refuse_existing(&self.bucket, &self.target.key).await?;
        let mut ignored = self.arrived.iter().any(|part| part.told == Told::Ignored);
        let (bucket, target, key) = (&self.bucket, &self.target, &self.target.key);
        let doing = Doing::new(format!("finishing {key}"));
        loop {
            let guard = if ignored { Guard::Md5 } else { self.guard };
            let crc = (guard == Guard::Crc64Nvme).then(|| sent.crc.text());
            let condition = bucket.condition();
            let answer = bucket.attempt(&doing, || {
                let request = bucket.client.complete_multipart_upload();
                let request =
                    request.bucket(&bucket.address.bucket).key(bucket.name(key)).upload_id(&self.id);
                let request =
                    request.multipart_upload(self.list(crc.is_some())).set_if_none_match(condition.clone());
                let request = request.set_checksum_crc64_nvme(crc.clone());
                let request = request.set_checksum_type(crc.as_ref().map(|_| ChecksumType::FullObject));
                let crc = crc.clone();
                async move {
                    let answer = request.send().await.map_err(failed)?;
                    if answer.e_tag().is_none() {
                        return Err(Failure::odd("an answer without the ETag of the new object"));
                    }
                    // Some stores compare the whole without saying it; the parts were said.
                    let told = match told(crc.as_deref(), answer.checksum_crc64_nvme()) {
                        Told::Ignored => Told::Checked,
                        told => told,
                    };
                    Ok((told, answer.version_id().map(str::to_owned)))
                }
            });
            return match answer.await {
                Ok((told, version)) => {
                    let told = if ignored { Told::Ignored } else { told };
                    confirm(bucket, target, sent, (told, version)).await
                }
                // Of an upload that an earlier attempt of ours made an object there is nothing left to finish.
                Err(failure)
                    if failure.doubtful
                        && matches!(failure.class, Class::Condition | Class::NoUpload | Class::Missing) =>
                {
                    own_or_refused(bucket, target, sent).await
                }
                Err(failure) if failure.class == Class::Condition => Err(exists(bucket, key)),
                Err(failure)
                    if failure.class == Class::Unsupported
                        && bucket.ask_for_less(guard, condition.is_some(), &failure) =>
                {
                    // Without the checksum of the whole it is read back.
                    ignored |= guard == Guard::Crc64Nvme;
                    continue;
                }
                Err(failure) => Err(bucket.problem(&doing, failure)),
            };
        }
    }

    fn list(&self, with_crc: bool) -> CompletedMultipartUpload {
        let parts = self.arrived.iter().map(|part| {
            let listed = CompletedPart::builder().part_number(part.number).e_tag(&part.etag);
            listed.set_checksum_crc64_nvme(part.crc.clone().filter(|_| with_crc)).build()
        });
        CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build()
    }
}

/// The id of an upload that begins.
pub async fn begun(request: CreateMultipartUploadFluentBuilder) -> std::result::Result<String, Failure> {
    let id = match request.send().await {
        Ok(answer) => answer.upload_id().map(str::to_owned),
        // Some servers give the answer another name, which the library does not take.
        Err(error) => match error.raw_response().and_then(|raw| element(raw, "UploadId")) {
            None => return Err(failed(error)),
            found => found,
        },
    };
    let id = id.filter(|id| !id.is_empty());
    id.ok_or_else(|| Failure::odd("an answer without the id of the upload"))
}

/// One part on its way.
struct Part {
    bucket: Arc<Bucket>,
    key: Key,
    id: String,
    guard: Guard,
    number: i32,
    bytes: Bytes,
}

impl Part {
    async fn send(self) -> Result<Arrived> {
        let Self { bucket, key, id, guard, number, bytes } = self;
        let doing = Doing::with_bytes(format!("writing part {number} of {key}"), bytes.len());
        let (crc, md5) = headers(guard, &bytes);
        let answer = bucket.attempt(&doing, || {
            let request = bucket.client.upload_part().bucket(&bucket.address.bucket).key(bucket.name(&key));
            let request = request.upload_id(&id).part_number(number);
            let request = request.body(ByteStream::from(bytes.clone())).content_length(bytes.len() as i64);
            let request =
                request.set_checksum_crc64_nvme(crc.clone()).set_content_md5(md5.clone()).customize();
            let request =
                if bucket.address.is_exposed() { request } else { request.disable_payload_signing() };
            let crc = crc.clone();
            async move {
                let answer = request.send().await.map_err(failed)?;
                let Some(etag) = answer.e_tag().map(str::to_owned) else {
                    return Err(Failure::odd("an answer without the ETag of the part"));
                };
                let told = told(crc.as_deref(), answer.checksum_crc64_nvme());
                if told == Told::Differs {
                    return Err(Failure::odd("the store computed another checksum of the part"));
                }
                Ok(Arrived { number, etag, crc, told })
            }
        });
        answer.await.map_err(|failure| bucket.problem(&doing, failure))
    }
}
