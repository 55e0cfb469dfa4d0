//! Requests about buckets, and lists of what is in them.

use super::Server;
use super::answer::{Answer, escaped};
use super::request::Request;
use super::shelf::{Bucket, Shelf, Version};
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub fn buckets(shelf: &Shelf) -> Answer {
    let named = |name: &String| {
        format!("<Bucket><Name>{name}</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>")
    };
    let all: String = shelf.buckets.keys().map(named).collect();
    Answer::xml("ListAllMyBucketsResult", &format!("<Buckets>{all}</Buckets>"))
}

pub fn of_bucket(server: &Server, request: &Request, name: &str) -> Answer {
    let mut shelf = server.shelf.lock().unwrap();
    if request.method == "PUT" {
        let locks = request.header("x-amz-bucket-object-lock-enabled") == Some("true");
        shelf.buckets.entry(name.to_owned()).or_insert_with(|| Bucket { locks, ..Bucket::default() });
        return Answer::ok();
    }
    let Some(bucket) = shelf.buckets.get(name) else {
        return Answer::error(404, "NoSuchBucket", "there is no such bucket");
    };
    match request.method.as_str() {
        "HEAD" => Answer::ok(),
        "POST" if request.asks("delete") => {
            let keys = request.elements("Key");
            let refused: Vec<&String> = keys.iter().filter(|key| !shelf.take_away(name, key, None)).collect();
            let told = refused
                .iter()
                .map(|key| format!("<Error><Key>{}</Key><Code>AccessDenied</Code></Error>", escaped(key)));
            Answer::xml("DeleteResult", &told.collect::<String>())
        }
        "GET" => asked(bucket, request, name),
        _ => Answer::error(405, "MethodNotAllowed", "not here"),
    }
}

fn asked(bucket: &Bucket, request: &Request, name: &str) -> Answer {
    if request.asks("location") {
        return Answer::xml("LocationConstraint", "");
    }
    if request.asks("versioning") {
        let inner = if bucket.locks { "<Status>Enabled</Status>" } else { "" };
        return Answer::xml("VersioningConfiguration", inner);
    }
    if request.asks("object-lock") {
        if bucket.locks {
            return Answer::xml("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>");
        }
        return Answer::error(404, "ObjectLockConfigurationNotFoundError", "there is none");
    }
    if request.asks("versions") {
        return Page::new(request, name).versions(bucket);
    }
    if request.asks("uploads") {
        return Answer::xml("ListMultipartUploadsResult", "<IsTruncated>false</IsTruncated>");
    }
    for other in ["policy", "acl", "lifecycle", "encryption", "tagging", "cors", "website"] {
        if request.asks(other) {
            return Answer::error(404, "NoSuchConfiguration", "there is none");
        }
    }
    Page::new(request, name).objects(bucket, request.asked("list-type") == Some("2"))
}

/// One page of a list.
struct Page<'r> {
    name: &'r str,
    prefix: &'r str,
    delimiter: Option<&'r str>,
    /// Keys after this.
    after: String,
    most: usize,
    is_encoded: bool,
    text: String,
    folders: BTreeSet<String>,
    count: usize,
    /// The last key or folder of the page.
    last: String,
}

impl<'r> Page<'r> {
    fn new(request: &'r Request, name: &'r str) -> Self {
        let places = ["continuation-token", "start-after", "marker", "key-marker"];
        let after = places.iter().find_map(|place| request.asked(place)).unwrap_or_default().to_owned();
        let most = request.asked("max-keys").and_then(|text| text.parse().ok()).unwrap_or(1000).min(1000);
        Self {
            name,
            prefix: request.asked("prefix").unwrap_or_default(),
            delimiter: request.asked("delimiter").filter(|text| !text.is_empty()),
            after,
            most,
            is_encoded: request.asked("encoding-type") == Some("url"),
            text: String::new(),
            folders: BTreeSet::new(),
            count: 0,
            last: String::new(),
        }
    }

    fn key(&self, key: &str) -> String {
        if self.is_encoded { encoded(key) } else { escaped(key) }
    }

    /// The keys of this page in order, folders folded; true where there are more.
    fn walk(
        &mut self,
        bucket: &Bucket,
        mut each: impl FnMut(&mut Self, &str, &[std::sync::Arc<Version>]),
    ) -> bool {
        let from =
            if self.after.as_str() > self.prefix { self.after.clone() } else { self.prefix.to_owned() };
        for (key, versions) in bucket.keys.range(from..) {
            let Some(rest) = key.strip_prefix(self.prefix) else { break };
            if key.as_str() <= self.after.as_str() && !self.after.is_empty() {
                continue;
            }
            let folder = self
                .delimiter
                .and_then(|delimiter| rest.split_once(delimiter))
                .map(|(start, _)| format!("{}{start}{}", self.prefix, self.delimiter.unwrap_or_default()));
            if let Some(folder) = &folder
                && (self.folders.contains(folder) || *folder <= self.after)
            {
                continue;
            }
            if self.count >= self.most {
                return true;
            }
            match folder {
                Some(folder) => {
                    self.count += 1;
                    self.last.clone_from(&folder);
                    self.folders.insert(folder);
                }
                None => {
                    self.last.clone_from(key);
                    each(self, key, versions);
                }
            }
        }
        false
    }

    fn objects(mut self, bucket: &Bucket, is_second: bool) -> Answer {
        let more = self.walk(bucket, |page, key, versions| {
            let Some(version) = versions.last().filter(|version| version.body.is_some()) else { return };
            let inner = of_version(version);
            let _ = write!(page.text, "<Contents><Key>{}</Key>{inner}</Contents>", page.key(key));
            page.count += 1;
        });
        let next = match (more, is_second) {
            (false, _) => String::new(),
            (true, true) => format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(&self.last)),
            (true, false) => format!("<NextMarker>{}</NextMarker>", self.key(&self.last)),
        };
        self.answer("ListBucketResult", more, &next)
    }

    fn versions(mut self, bucket: &Bucket) -> Answer {
        let more = self.walk(bucket, |page, key, versions| {
            for (place, version) in versions.iter().rev().enumerate() {
                let element = if version.body.is_some() { "Version" } else { "DeleteMarker" };
                let (key, id, inner) = (page.key(key), &version.id, of_version(version));
                let _ = write!(
                    page.text,
                    "<{element}><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{}</IsLatest>{inner}</{element}>",
                    place == 0
                );
                page.count += 1;
            }
        });
        let next = if more {
            format!("<NextKeyMarker>{}</NextKeyMarker>", self.key(&self.last))
        } else {
            String::new()
        };
        self.answer("ListVersionsResult", more, &next)
    }

    fn answer(self, root: &str, more: bool, next: &str) -> Answer {
        let folders = self.folders.iter().map(|folder| self.key(folder));
        let folders: String = folders
            .map(|folder| format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"))
            .collect();
        let encoding = if self.is_encoded { "<EncodingType>url</EncodingType>" } else { "" };
        let delimiter = self.delimiter.map(|text| format!("<Delimiter>{}</Delimiter>", escaped(text)));
        let inner = format!(
            "<Name>{}</Name><Prefix>{}</Prefix>{}<MaxKeys>{}</MaxKeys>{encoding}<KeyCount>{}</KeyCount><IsTruncated>{more}</IsTruncated>{next}{}{folders}",
            self.name,
            self.key(self.prefix),
            delimiter.unwrap_or_default(),
            self.most,
            self.count,
            self.text
        );
        Answer::xml(root, &inner)
    }
}

fn of_version(version: &Version) -> String {
    let at = version.at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
    if version.body.is_none() {
        return format!("<LastModified>{at}</LastModified>");
    }
    let (etag, size) = (escaped(&version.etag), version.size());
    format!(
        "<LastModified>{at}</LastModified><ETag>{etag}</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass>"
    )
}

/// As `encoding-type=url` has names.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte))
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
