//! Uploads in parts.

use super::answer::{Answer, base64, escaped};
use super::body::Body;
use super::objects::{compared, condition, kept, wanted};
use super::request::Request;
use super::shelf::{Shelf, Upload, Version};
use chrono::Utc;
use std::collections::BTreeMap;

pub fn of_upload(shelf: &mut Shelf, request: &Request, bucket: &str, key: &str) -> Answer {
    let id = request.asked("uploadId").unwrap_or_default();
    match request.method.as_str() {
        "POST" if request.asks("uploads") => begin(shelf, request, bucket, key),
        "PUT" => part(shelf, request, id),
        "POST" => complete(shelf, request, id),
        "DELETE" => {
            shelf.uploads.remove(id);
            Answer::new(204)
        }
        _ => Answer::error(405, "MethodNotAllowed", "not here"),
    }
}

fn begin(shelf: &mut Shelf, request: &Request, bucket: &str, key: &str) -> Answer {
    let lock = match wanted(shelf, request, bucket) {
        Ok(lock) => lock,
        Err(refusal) => return refusal,
    };
    let id = shelf.fresh("u");
    let upload = Upload {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        headers: kept(request),
        lock,
        parts: BTreeMap::new(),
    };
    shelf.uploads.insert(id.clone(), upload);
    let key = escaped(key);
    let inner = format!("<Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>");
    let answer = Answer::xml("InitiateMultipartUploadResult", &inner);
    match request.header("x-amz-checksum-algorithm") {
        Some(algorithm) => answer.with("x-amz-checksum-algorithm", algorithm),
        None => answer,
    }
}

fn part(shelf: &mut Shelf, request: &Request, id: &str) -> Answer {
    let Some(upload) = shelf.uploads.get_mut(id) else { return no_upload() };
    let Some(number) = request.asked("partNumber").and_then(|text| text.parse().ok()) else {
        return Answer::error(400, "InvalidArgument", "a part has a number");
    };
    let crc = match compared(request) {
        Ok(crc) => crc,
        Err(refusal) => return refusal,
    };
    let answer = Answer::ok().with("ETag", &etag(&request.body));
    upload.parts.insert(number, request.body.clone());
    match crc {
        Some(crc) => answer.with("x-amz-checksum-crc64nvme", &crc),
        None => answer,
    }
}

fn complete(shelf: &mut Shelf, request: &Request, id: &str) -> Answer {
    let Some(upload) = shelf.uploads.get(id) else { return no_upload() };
    let (bucket, key) = (upload.bucket.clone(), upload.key.clone());
    if let Err(refusal) = condition(shelf, request, &bucket, &key) {
        return refusal;
    }
    let numbers: Vec<u32> =
        request.elements("PartNumber").iter().filter_map(|text| text.parse().ok()).collect();
    let mut body = Body::default();
    for number in &numbers {
        let Some(part) = upload.parts.get(number) else {
            return Answer::error(400, "InvalidPart", "there is no such part");
        };
        body.append(part);
    }
    let crc = base64(body.crc);
    if request.header("x-amz-checksum-crc64nvme").is_some_and(|sent| sent != crc) {
        return Answer::error(400, "BadDigest", "the CRC64NVME of the whole is another");
    }
    let Some(upload) = shelf.uploads.remove(id) else { return no_upload() };
    let etag = format!("\"{:016x}{:016x}-{}\"", body.crc, body.len, numbers.len());
    let version = Version {
        id: String::new(),
        body: Some(body),
        etag: etag.clone(),
        at: Utc::now(),
        headers: upload.headers,
        lock: upload.lock,
    };
    let id = shelf.put(&bucket, &key, version).unwrap_or_default();
    let inner = format!(
        "<Bucket>{bucket}</Bucket><Key>{}</Key><ETag>{}</ETag><ChecksumCRC64NVME>{crc}</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>",
        escaped(&key),
        escaped(&etag)
    );
    let answer = Answer::xml("CompleteMultipartUploadResult", &inner);
    if id == "null" { answer } else { answer.with("x-amz-version-id", &id) }
}

fn etag(body: &Body) -> String {
    format!("\"{:016x}{:016x}-1\"", body.crc, body.len)
}

fn no_upload() -> Answer {
    Answer::error(404, "NoSuchUpload", "there is no such upload")
}
