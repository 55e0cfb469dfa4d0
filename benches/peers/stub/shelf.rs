//! What the store holds: buckets, keys, versions and their locks.

use super::body::Body;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Default)]
pub struct Shelf {
    pub buckets: BTreeMap<String, Bucket>,
    pub uploads: HashMap<String, Upload>,
    next: u64,
}

#[derive(Default)]
pub struct Bucket {
    /// With Object Lock, and so with versions.
    pub locks: bool,
    /// Of each key, the newest version last.
    pub keys: BTreeMap<String, Vec<Arc<Version>>>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Lock {
    pub is_compliance: bool,
    pub until: DateTime<Utc>,
}

impl Lock {
    pub fn mode(&self) -> &'static str {
        if self.is_compliance { "COMPLIANCE" } else { "GOVERNANCE" }
    }

    pub fn until(&self) -> String {
        self.until.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    pub fn of(mode: &str, until: &str) -> Option<Self> {
        let is_compliance = match mode {
            "COMPLIANCE" => true,
            "GOVERNANCE" => false,
            _ => return None,
        };
        let until = DateTime::parse_from_rfc3339(until).ok()?.with_timezone(&Utc);
        Some(Self { is_compliance, until })
    }
}

#[derive(Clone)]
pub struct Version {
    /// `null` in a bucket without versions.
    pub id: String,
    /// `None` for a delete marker.
    pub body: Option<Body>,
    pub etag: String,
    pub at: DateTime<Utc>,
    /// Content type and `x-amz-meta-*`.
    pub headers: Vec<(String, String)>,
    pub lock: Option<Lock>,
}

impl Version {
    pub fn size(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.len)
    }

    pub fn is_locked(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.until > Utc::now())
    }
}

/// An upload in parts.
pub struct Upload {
    pub bucket: String,
    pub key: String,
    pub headers: Vec<(String, String)>,
    pub lock: Option<Lock>,
    pub parts: BTreeMap<u32, Body>,
}

impl Shelf {
    /// A name that was not given before.
    pub fn fresh(&mut self, of: &str) -> String {
        self.next += 1;
        format!("{of}{:016x}", self.next)
    }

    /// Puts a version on top, or in the place of the one before where the bucket keeps none. Gives its id.
    pub fn put(&mut self, bucket: &str, key: &str, version: Version) -> Option<String> {
        let id = self.fresh("v");
        let bucket = self.buckets.get_mut(bucket)?;
        let versions = bucket.keys.entry(key.to_owned()).or_default();
        let id = if bucket.locks { id } else { "null".to_owned() };
        if !bucket.locks {
            versions.clear();
        }
        versions.push(Arc::new(Version { id: id.clone(), ..version }));
        Some(id)
    }

    /// A version by its id, or what is read under the key. A delete marker is one too.
    pub fn version(&self, bucket: &str, key: &str, id: Option<&str>) -> Option<Arc<Version>> {
        let versions = self.buckets.get(bucket)?.keys.get(key)?;
        match id {
            None => versions.last().cloned(),
            Some(id) => versions.iter().find(|version| version.id == id).cloned(),
        }
    }

    pub fn has(&self, bucket: &str, key: &str) -> bool {
        self.version(bucket, key, None).is_some_and(|version| version.body.is_some())
    }

    /// Puts a delete marker on top, or really takes a version away that is not locked; false where that is refused.
    pub fn take_away(&mut self, bucket: &str, key: &str, id: Option<&str>) -> bool {
        let keeps_versions = self.buckets.get(bucket).is_some_and(|bucket| bucket.locks);
        if keeps_versions && id.is_none() {
            let (etag, headers) = Default::default();
            let marker = Version { id: String::new(), body: None, etag, at: Utc::now(), headers, lock: None };
            return self.put(bucket, key, marker).is_some();
        }
        if self.version(bucket, key, id).is_some_and(|version| version.is_locked()) {
            return false;
        }
        if let Some(bucket) = self.buckets.get_mut(bucket)
            && let Some(versions) = bucket.keys.get_mut(key)
        {
            versions.retain(|version| id.is_some_and(|id| version.id != id));
            if versions.is_empty() {
                bucket.keys.remove(key);
            }
        }
        true
    }

    /// Gives a version another lock; false where it has one that does not allow it.
    pub fn lock(&mut self, bucket: &str, key: &str, id: Option<&str>, wanted: Option<Lock>) -> Option<bool> {
        let versions = self.buckets.get_mut(bucket)?.keys.get_mut(key)?;
        let version = match id {
            None => versions.last_mut(),
            Some(id) => versions.iter_mut().find(|version| version.id == id),
        }?;
        if version.is_locked()
            && let Some(has) = &version.lock
        {
            let is_more = wanted.as_ref().is_some_and(|wanted| {
                wanted.until >= has.until && (wanted.is_compliance || !has.is_compliance)
            });
            if !is_more {
                return Some(false);
            }
        }
        *version = Arc::new(Version { lock: wanted, ..Version::clone(version) });
        Some(true)
    }

    /// How many objects there are, and their bytes, all versions together.
    pub fn weight(&self) -> (u64, u64) {
        let all = self.buckets.values().flat_map(|bucket| bucket.keys.values().flatten());
        all.fold((0, 0), |(count, bytes), version| (count + 1, bytes + version.size()))
    }
}
