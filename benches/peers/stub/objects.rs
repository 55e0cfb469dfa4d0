//! Requests about one object.

use super::answer::{Answer, base64};
use super::request::Request;
use super::shelf::{Lock, Shelf, Version};
use super::{Server, parts};
use chrono::Utc;

const RFC_2616: &str = "%a, %d %b %Y %H:%M:%S GMT";
const CRC: &str = "x-amz-checksum-crc64nvme";

pub fn of_object(server: &Server, request: &Request, bucket: &str, key: &str) -> Answer {
    let mut shelf = server.shelf.lock().unwrap();
    if !shelf.buckets.contains_key(bucket) {
        return Answer::error(404, "NoSuchBucket", "there is no such bucket");
    }
    if request.asks("uploads") || request.asks("uploadId") {
        return parts::of_upload(&mut shelf, request, bucket, key);
    }
    let id = request.asked("versionId");
    match request.method.as_str() {
        "PUT" if request.asks("retention") => retain(&mut shelf, request, bucket, key),
        "PUT" if request.header("x-amz-copy-source").is_some() => {
            Answer::error(501, "NotImplemented", "no copies here")
        }
        "PUT" => put(&mut shelf, request, bucket, key),
        "DELETE" if shelf.take_away(bucket, key, id) => Answer::new(204),
        "DELETE" => Answer::error(403, "AccessDenied", "it is locked"),
        "GET" | "HEAD" => {
            let version = shelf.version(bucket, key, id);
            drop(shelf);
            match version {
                None => Answer::error(
                    404,
                    if id.is_some() { "NoSuchVersion" } else { "NoSuchKey" },
                    "there is none",
                ),
                Some(version) => get(request, &version),
            }
        }
        _ => Answer::error(405, "MethodNotAllowed", "not here"),
    }
}

/// What of a request's headers stays with its object.
pub fn kept(request: &Request) -> Vec<(String, String)> {
    let own = request.headers_from("x-amz-meta-").chain(request.headers_from("content-type"));
    own.cloned().collect()
}

/// The lock that a write asks for; the error is the refusal.
pub fn wanted(shelf: &Shelf, request: &Request, bucket: &str) -> Result<Option<Lock>, Answer> {
    let mode = request.header("x-amz-object-lock-mode");
    let until = request.header("x-amz-object-lock-retain-until-date");
    let (Some(mode), Some(until)) = (mode, until) else { return Ok(None) };
    if !shelf.buckets.get(bucket).is_some_and(|bucket| bucket.locks) {
        let message = "Bucket is missing Object Lock Configuration";
        return Err(Answer::error(400, "InvalidRequest", message));
    }
    match Lock::of(mode, until) {
        Some(lock) if lock.until > Utc::now() => Ok(Some(lock)),
        _ => Err(Answer::error(400, "InvalidArgument", "the lock is none, or over")),
    }
}

/// Refuses bytes whose CRC-64 is not the one that went along.
pub fn compared(request: &Request) -> Result<Option<String>, Answer> {
    match request.header(CRC) {
        None => Ok(None),
        Some(sent) if sent == base64(request.body.crc) => Ok(Some(sent.to_owned())),
        Some(_) => Err(Answer::error(400, "BadDigest", "the CRC64NVME is of other bytes")),
    }
}

/// 412 where the write is to be of a new key and it is not.
pub fn condition(shelf: &Shelf, request: &Request, bucket: &str, key: &str) -> Result<(), Answer> {
    if request.header("if-none-match") == Some("*") && shelf.has(bucket, key) {
        return Err(Answer::error(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions did not hold",
        ));
    }
    Ok(())
}

fn put(shelf: &mut Shelf, request: &Request, bucket: &str, key: &str) -> Answer {
    let checked = || {
        condition(shelf, request, bucket, key)?;
        Ok((wanted(shelf, request, bucket)?, compared(request)?))
    };
    let (lock, crc) = match checked() {
        Ok(both) => both,
        Err(refusal) => return refusal,
    };
    // As AWS has it.
    if lock.is_some() && crc.is_none() && request.header("content-md5").is_none() {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        return Answer::error(400, "InvalidRequest", message);
    }
    let body = request.body.clone();
    let etag = format!("\"{:016x}{:016x}-1\"", body.crc, body.len);
    let version = Version {
        id: String::new(),
        body: Some(body),
        etag: etag.clone(),
        at: Utc::now(),
        headers: kept(request),
        lock,
    };
    let id = shelf.put(bucket, key, version).unwrap_or_default();
    let answer = Answer::ok().with("ETag", &etag);
    let answer = if id == "null" { answer } else { answer.with("x-amz-version-id", &id) };
    match crc {
        Some(crc) => answer.with(CRC, &crc).with("x-amz-checksum-type", "FULL_OBJECT"),
        None => answer,
    }
}

fn retain(shelf: &mut Shelf, request: &Request, bucket: &str, key: &str) -> Answer {
    let (mode, until) = (request.elements("Mode"), request.elements("RetainUntilDate"));
    let wanted = match (mode.first(), until.first()) {
        (Some(mode), Some(until)) => match Lock::of(mode, until) {
            None => return Answer::error(400, "MalformedXML", "no such lock"),
            lock => lock,
        },
        _ => None,
    };
    match shelf.lock(bucket, key, request.asked("versionId"), wanted) {
        None => Answer::error(404, "NoSuchVersion", "there is none"),
        Some(false) => Answer::error(403, "AccessDenied", "it is locked for longer"),
        Some(true) => Answer::ok(),
    }
}

fn get(request: &Request, version: &Version) -> Answer {
    let no_lock = "The specified object does not have a ObjectLock configuration";
    if request.asks("retention") {
        return match &version.lock {
            None => Answer::error(404, "NoSuchObjectLockConfiguration", no_lock),
            Some(lock) => Answer::xml(
                "Retention",
                &format!("<Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate>", lock.mode(), lock.until()),
            ),
        };
    }
    if request.asks("legal-hold") {
        return Answer::error(404, "NoSuchObjectLockConfiguration", no_lock);
    }
    let Some(body) = &version.body else {
        let status = if request.asks("versionId") { 405 } else { 404 };
        let answer =
            Answer::error(status, if status == 405 { "MethodNotAllowed" } else { "NoSuchKey" }, "deleted");
        return answer.with("x-amz-delete-marker", "true").with("x-amz-version-id", &version.id);
    };
    if request.asks("attributes") {
        let (crc, size) = (base64(body.crc), body.len);
        let inner = format!(
            "<ETag>{}</ETag><Checksum><ChecksumCRC64NVME>{crc}</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType></Checksum><ObjectSize>{size}</ObjectSize>",
            version.etag.trim_matches('"')
        );
        return Answer::xml("GetObjectAttributesOutput", &inner);
    }
    let mut answer = Answer::ok()
        .with("ETag", &version.etag)
        .with("Accept-Ranges", "bytes")
        .with("Last-Modified", &version.at.format(RFC_2616).to_string());
    if version.id != "null" {
        answer = answer.with("x-amz-version-id", &version.id);
    }
    if let Some(lock) = &version.lock {
        answer = answer.with("x-amz-object-lock-mode", lock.mode());
        answer = answer.with("x-amz-object-lock-retain-until-date", &lock.until());
    }
    for (name, value) in &version.headers {
        answer = answer.with(name, value);
    }
    if request.header("x-amz-checksum-mode").is_some() && request.header("range").is_none() {
        answer = answer.with(CRC, &base64(body.crc)).with("x-amz-checksum-type", "FULL_OBJECT");
    }
    let answer = answer.holding(body.clone());
    match request.header("range").and_then(|text| range(text, body.len)) {
        None => answer,
        Some((at, end)) if at < end => answer.ranged(at, end),
        Some(_) => Answer::error(416, "InvalidRange", "it is not that long"),
    }
}

/// `bytes=3-9`, `bytes=3-` or `bytes=-7`, as the first byte and the one after the last.
fn range(text: &str, len: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => Some((first, len.min(last + 1))),
        (Ok(first), Err(_)) => Some((first, len)),
        (Err(_), Ok(count)) => Some((len.saturating_sub(count), len)),
        _ => None,
    }
}
