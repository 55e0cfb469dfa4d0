//! The small objects that a store is asked with, each sent once: how it is refused is what is asked.

use super::body::Body;
use super::bucket::{Bucket, failed};
use super::checksum::md5_of;
use super::failure::{Class, Failure};
use super::lock;
use super::parts::begun;
use crate::domain::Result;
use crate::store::{CANARIES, Key, Retention};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use std::sync::Arc;

/// What one holds.
pub const FIRST: &[u8] = b"made by outlive to see what this store does";

/// An object that this run made: of these alone less is asked.
pub struct Canary {
    key: Key,
    version: Option<String>,
}

impl Canary {
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The version that was made; none where the store names none.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Only for what was written here, just now.
    fn made(key: &Key, version: Option<&str>) -> Self {
        let version = version.filter(|version| !version.is_empty() && *version != "null");
        Self { key: key.clone(), version: version.map(str::to_owned) }
    }
}

/// Nothing is written as a canary but in the folder for it.
fn check_folder(key: &Key) -> std::result::Result<(), Failure> {
    match key.as_str().split('/').next() == Some(CANARIES) {
        true => Ok(()),
        false => Err(Failure::new(Class::Lasting, "not in the folder of canaries")),
    }
}

/// What a store says of an object that it took.
pub struct Made {
    pub canary: Canary,
    /// Whether it says the CRC-64/NVME of it.
    pub says_crc: bool,
}

/// What goes along with a small object.
#[derive(Clone, Default)]
pub struct With {
    pub condition: bool,
    pub md5: Option<String>,
    pub crc: Option<String>,
    pub retention: Option<Retention>,
}

impl With {
    pub fn of(bytes: &[u8]) -> Self {
        Self { md5: Some(md5_of(bytes)), ..Self::default() }
    }
}

/// True where the store answered, and not with a failure of its own: it understood, and refused.
pub fn is_answer(failure: &Failure) -> bool {
    const OF_BYTES: [&str; 5] = [
        "BadDigest",
        "InvalidDigest",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
        "checksum",
    ];
    match failure.class {
        Class::Condition | Class::Unsupported | Class::Lasting => true,
        Class::Passing => OF_BYTES.iter().any(|code| failure.says.contains(code)),
        _ => false,
    }
}

/// Writes a small object, once: how it is refused is what is asked.
pub async fn put(
    bucket: &Arc<Bucket>,
    key: &Key,
    bytes: &[u8],
    with: &With,
) -> std::result::Result<Made, Failure> {
    check_folder(key)?;
    let request = bucket.client.put_object().bucket(&bucket.address.bucket).key(bucket.name(key));
    let request = request.body(ByteStream::from(bytes.to_vec())).content_length(bytes.len() as i64);
    let request = request.set_content_md5(with.md5.clone()).set_checksum_crc64_nvme(with.crc.clone());
    let request = request.set_object_lock_mode(with.retention.map(|asked| lock::mode(asked.kind)));
    let until = with.retention.map(|asked| lock::moment(asked.until));
    let request = request.set_object_lock_retain_until_date(until);
    let request = request.set_if_none_match(with.condition.then(|| "*".to_owned()));
    let sent = async { request.send().await.map_err(failed) };
    let made = bucket.once(bytes.len() as u64, sent).await?;
    let canary = Canary::made(key, made.version_id());
    Ok(Made { canary, says_crc: made.checksum_crc64_nvme().is_some() })
}

/// The same in one part of an upload in parts.
pub async fn put_parts(
    bucket: &Arc<Bucket>,
    key: &Key,
    retention: Retention,
) -> std::result::Result<Made, Failure> {
    check_folder(key)?;
    let (name, of) = (bucket.name(key), &bucket.address.bucket);
    let request = bucket.client.create_multipart_upload().bucket(of).key(&name);
    let request = request.object_lock_mode(lock::mode(retention.kind));
    let request = request.object_lock_retain_until_date(lock::moment(retention.until));
    let id = bucket.once(0, begun(request)).await?;
    let request = bucket.client.upload_part().bucket(of).key(&name).upload_id(&id).part_number(1);
    let request = request.body(ByteStream::from_static(FIRST)).content_length(FIRST.len() as i64);
    let request = request.content_md5(md5_of(FIRST));
    let sent = bucket.once(FIRST.len() as u64, async { request.send().await.map_err(failed) }).await?;
    let part = CompletedPart::builder().part_number(1).set_e_tag(sent.e_tag().map(str::to_owned)).build();
    let list = CompletedMultipartUpload::builder().parts(part).build();
    let request = bucket.client.complete_multipart_upload().bucket(of).key(&name).upload_id(id);
    let request = request.multipart_upload(list);
    let done = bucket.once(0, async { request.send().await.map_err(failed) }).await?;
    Ok(Made { canary: Canary::made(key, done.version_id()), says_crc: false })
}

/// The bytes of a range of one, and some more where the store gives more.
pub async fn read(bucket: &Arc<Bucket>, canary: &Canary, (from, end): (u64, u64)) -> Result<Vec<u8>> {
    let (mut body, mut all) = (Body::open(bucket, canary.key(), from, Some(end)).await?, Vec::new());
    while let Some(bytes) = body.next().await? {
        all.extend_from_slice(&bytes);
        if all.len() > FIRST.len() {
            break;
        }
    }
    Ok(all)
}
