//! An object in one request.

use super::bucket::{Bucket, Doing, failed};
use super::checksum::headers;
use super::failure::{Class, Failure};
use super::lock;
use super::upload::{Sent, Target, Told, confirm, exists, own_or_refused, refuse_existing};
use crate::domain::{Lock, Result};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use std::sync::Arc;

/// Writes a whole object under a key that nothing has.
///
/// # Errors
/// `Refused` where something has the key; otherwise what the store said.
pub async fn whole(bucket: &Arc<Bucket>, target: &Target, bytes: Bytes, sent: &Sent) -> Result<Option<Lock>> {
    let (key, retention) = (&target.key, target.retention);
    refuse_existing(bucket, key).await?;
    let doing = Doing::with_bytes(format!("writing {key}"), bytes.len());
    loop {
        let (guard, condition) = (bucket.guard(), bucket.condition());
        let (crc, md5) = headers(guard, &bytes);
        let answer = bucket.attempt(&doing, || {
            let request = bucket.client.put_object().bucket(&bucket.address.bucket).key(bucket.name(key));
            let request = request.body(ByteStream::from(bytes.clone())).content_length(bytes.len() as i64);
            let request = request.set_checksum_crc64_nvme(crc.clone()).set_content_md5(md5.clone());
            let request = request.set_object_lock_mode(retention.map(|asked| lock::mode(asked.kind)));
            let request =
                request.set_object_lock_retain_until_date(retention.map(|asked| lock::moment(asked.until)));
            let request = request.set_if_none_match(condition.clone()).customize();
            let request =
                if bucket.address.is_exposed() { request } else { request.disable_payload_signing() };
            let crc = crc.clone();
            async move {
                let answer = request.send().await.map_err(failed)?;
                if answer.e_tag().is_none() {
                    return Err(Failure::odd("an answer without the ETag of the new object"));
                }
                let told = told(crc.as_deref(), answer.checksum_crc64_nvme());
                Ok((told, answer.version_id().map(str::to_owned)))
            }
        });
        return match answer.await {
            Ok(written) => confirm(bucket, target, sent, written).await,
            Err(failure) if failure.class == Class::Condition && failure.doubtful => {
                own_or_refused(bucket, target, sent).await
            }
            Err(failure) if failure.class == Class::Condition => Err(exists(bucket, key)),
            Err(failure) if lock::is_of_locks(&failure) => Err(bucket.lock_problem(&doing, failure)),
            Err(failure)
                if failure.class == Class::Unsupported
                    && bucket.ask_for_less(guard, condition.is_some(), &failure) =>
            {
                continue;
            }
            Err(failure) if retention.is_some() => Err(bucket.lock_problem(&doing, failure)),
            Err(failure) => Err(bucket.problem(&doing, failure)),
        };
    }
}

/// What an answer says of the checksum that went along.
pub fn told(sent: Option<&str>, said: Option<&str>) -> Told {
    match (sent, said) {
        (None, _) => Told::Guarded,
        (Some(_), None) => Told::Ignored,
        (Some(sent), Some(said)) if sent == said => Told::Checked,
        (Some(_), Some(_)) => Told::Differs,
    }
}
