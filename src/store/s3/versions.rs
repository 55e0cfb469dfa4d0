//! What lies below the newest version of a key. A lock keeps a version, not its key: whoever may write may put another one
//! on top, or a delete marker. A key is written once, so that its oldest version is ours: where there are several, or a
//! marker, it is the one that is read. Where that cannot be told, no lock is.

use super::bucket::{Bucket, Doing, failed};
use super::failure::{Class, Failure};
use super::listing::{Course, decoded};
use super::lock::timestamp;
use crate::domain::{Result, Timestamp};
use crate::store::{CANARIES, Key};
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{BucketVersioningStatus, EncodingType};
use std::collections::{BTreeMap, HashSet};

/// The oldest version of a key that has several, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oldest {
    pub id: String,
    pub bytes: u64,
    pub stored_at: Option<Timestamp>,
    etag: Option<String>,
}

/// The keys of a store that somebody wrote over, or deleted.
#[derive(Debug, Default)]
pub struct Versions {
    hidden: BTreeMap<String, Oldest>,
    /// How many of them do not hold the same in each version, and the first.
    written_over: usize,
    first: Option<String>,
    /// Whether the store says that it keeps versions, so that they were looked at.
    kept: bool,
    /// Why nobody can say whether there are any.
    pub blind: Option<String>,
}

impl Versions {
    fn blind(because: impl Into<String>) -> Self {
        Self { blind: Some(because.into()), ..Self::default() }
    }

    /// Whether what is read under a key that is named by a version is known to be the one that was written first.
    pub fn are_told(&self) -> bool {
        self.kept && self.blind.is_none()
    }

    /// The oldest version, where it is not what is read under the key.
    pub fn of(&self, key: &Key) -> Option<&Oldest> {
        self.hidden.get(key.as_str())
    }

    /// The keys directly in a folder that are not read as they are.
    pub fn within(&self, folder: &str) -> impl Iterator<Item = (&str, &Oldest)> {
        let below = format!("{folder}/");
        let from = self.hidden.range(below.clone()..).map(|(name, oldest)| (name.as_str(), oldest));
        let within = from
            .map_while(move |(name, oldest)| Some((name, oldest, name.strip_prefix(&below)?.contains('/'))));
        within.filter(|(.., is_deeper)| !is_deeper).map(|(name, oldest, _)| (name, oldest))
    }

    /// How many, and the first.
    pub fn told(&self) -> Option<(usize, &str)> {
        self.first.as_deref().map(|first| (self.written_over, first))
    }
}

/// One version of a key, and whether it is what is read under it.
type Version = (String, Oldest, bool);

/// What one page says: versions, the newest first within a key, and keys with a delete marker.
struct Page {
    versions: Vec<Version>,
    marked: Vec<String>,
    next: Option<(String, Option<String>)>,
}

/// Versions as the pages bring them.
#[derive(Default)]
struct Walk {
    found: Versions,
    marked: HashSet<String>,
    /// The key whose versions come, the oldest so far, how many there were, and whether all hold the same.
    open: Option<(String, Oldest, usize, bool)>,
    /// A key whose newest version does not come first.
    out_of_order: Option<String>,
}

impl Walk {
    fn take(&mut self, page: Page) {
        self.marked.extend(page.marked);
        for (name, version, is_latest) in page.versions {
            match &mut self.open {
                Some((key, oldest, count, alike)) if *key == name => {
                    *count += 1;
                    let same =
                        oldest.etag.is_some() && oldest.etag == version.etag && oldest.bytes == version.bytes;
                    *alike &= same;
                    if is_latest {
                        self.out_of_order.get_or_insert(name);
                    }
                    // S3 lists the newest first. The moment says less: SeaweedFS moves that of a version whose lock is
                    // made longer, and what a thief wrote on top before would look older than ours.
                    *oldest = version;
                }
                _ => {
                    self.close();
                    self.open = Some((name, version, 1, true));
                }
            }
        }
    }

    fn close(&mut self) {
        // A write that was repeated leaves the same twice: nobody wrote over anything. What is no key is none of ours.
        if let Some((name, oldest, count, alike)) = self.open.take()
            && (count > 1 || self.marked.contains(&name))
            && Key::new(&name).is_ok()
            && name.split('/').next() != Some(CANARIES)
        {
            if !alike || self.marked.contains(&name) {
                self.found.written_over += 1;
                self.found.first = self.found.first.take().or_else(|| Some(name.clone()));
            }
            self.found.hidden.insert(name, oldest);
        }
    }
}

impl Bucket {
    /// What is not read as it is, found once.
    ///
    /// # Errors
    /// What the store said; that it does not show versions is no error.
    pub async fn versions(&self) -> Result<&Versions> {
        self.versions.get_or_try_init(|| self.find_versions()).await
    }

    /// The id of the version of a key that is ours, where it is not the one that is read.
    pub async fn oldest(&self, key: &Key) -> Result<Option<String>> {
        Ok(self.versions().await?.of(key).map(|oldest| oldest.id.clone()))
    }

    async fn find_versions(&self) -> Result<Versions> {
        if !self.has_versions().await? {
            return Ok(Versions::default());
        }
        let (mut walk, mut from, mut course) = (Walk::default(), None, Course::new(self.limits));
        for _ in 0..self.limits.pages {
            let page = match course.within(self.versions_page(from.take())).await {
                Some(Ok(page)) => page,
                Some(Err(failure)) if is_lost(&failure) => {
                    return Err(self.problem(&Doing::new(DOING), failure));
                }
                Some(Err(failure)) => return Ok(Versions::blind(failure.says)),
                None => return Ok(Versions::blind("the list does not end in time")),
            };
            let token =
                page.next.as_ref().map(|(key, id)| format!("{key}\n{}", id.as_deref().unwrap_or_default()));
            let names = page.versions.len() + page.marked.len();
            // Whoever may write may make such a list as long as they like: what can be read is read all the same.
            if let Err(because) = course.count(names, token.as_deref()) {
                return Ok(Versions::blind(format!("of the list, {because}")));
            }
            from = page.next.clone();
            walk.take(page);
            if from.is_none() {
                walk.close();
                if let Some(name) = walk.out_of_order {
                    let name = crate::domain::printable(name.as_bytes());
                    return Ok(Versions::blind(format!(
                        "the versions of {name} are not listed newest first"
                    )));
                }
                return Ok(Versions { kept: true, ..walk.found });
            }
        }
        Ok(Versions::blind("the list has too many pages"))
    }

    /// Whether the bucket keeps versions, or may. Who may not ask looks.
    async fn has_versions(&self) -> Result<bool> {
        let doing = Doing::new("asking whether the bucket keeps versions");
        let answer = self.attempt(&doing, || {
            let request = self.client.get_bucket_versioning().bucket(&self.address.bucket);
            async move { request.send().await.map_err(failed) }
        });
        match answer.await {
            Ok(answer) => Ok(matches!(
                answer.status(),
                Some(BucketVersioningStatus::Enabled | BucketVersioningStatus::Suspended)
            )),
            Err(failure) if is_lost(&failure) => Err(self.problem(&doing, failure)),
            // Who may not ask that may be shown them; whoever does not know the question has none.
            Err(failure) => Ok(failure.class == Class::Denied),
        }
    }

    async fn versions_page(
        &self,
        from: Option<(String, Option<String>)>,
    ) -> std::result::Result<Page, Failure> {
        let doing = Doing::new(DOING);
        let (key, id) = from.map_or((None, None), |(key, id)| (Some(key), id));
        self.attempt(&doing, || {
            let request = self.client.list_object_versions().bucket(&self.address.bucket);
            let request = request.prefix(&self.address.prefix).encoding_type(EncodingType::Url);
            let request = request.set_key_marker(key.clone()).set_version_id_marker(id.clone());
            async move {
                let answer = request.send().await.map_err(failed)?;
                read(&answer, &self.address.prefix)
            }
        })
        .await
    }
}

const DOING: &str = "listing versions";

/// Whether nothing can be had of the bucket at all. Anything else says only that versions are not to be seen.
fn is_lost(failure: &Failure) -> bool {
    use Class::{Credential, Given, NoBucket, Skewed, Unsaid};
    matches!(failure.class, Credential | Unsaid | NoBucket | Skewed | Given(_))
}

fn read(answer: &ListObjectVersionsOutput, prefix: &str) -> std::result::Result<Page, Failure> {
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let plain = |text: &str| if is_encoded { decoded(text) } else { Some(text.to_owned()) };
    let unreadable = || Failure::odd("a list of versions with a name that cannot be read");
    // What lies elsewhere is none of ours.
    let own = |name: Option<&str>| {
        let name = name.and_then(plain).ok_or_else(unreadable)?;
        Ok::<_, Failure>(name.strip_prefix(prefix).map(str::to_owned))
    };
    let mut page = Page { versions: Vec::new(), marked: Vec::new(), next: None };
    for version in answer.versions() {
        let Some(name) = own(version.key())? else { continue };
        let bytes = version.size().and_then(|size| u64::try_from(size).ok());
        let (Some(bytes), Some(id)) = (bytes, version.version_id()) else {
            return Err(Failure::odd("a list of versions without a size or an id"));
        };
        let stored_at = version.last_modified().and_then(timestamp);
        let etag = version.e_tag().map(str::to_owned);
        let oldest = Oldest { id: id.to_owned(), bytes, stored_at, etag };
        page.versions.push((name, oldest, version.is_latest() == Some(true)));
    }
    for marker in answer.delete_markers() {
        page.marked.extend(own(marker.key())?);
    }
    match (answer.is_truncated(), answer.next_key_marker()) {
        (Some(true), None | Some("")) => {
            Err(Failure::odd("a list of versions that is cut, and does not say how it goes on"))
        }
        (Some(true), Some(next)) => {
            let key = plain(next).ok_or_else(unreadable)?;
            let id = answer.next_version_id_marker().filter(|id| !id.is_empty()).map(str::to_owned);
            page.next = Some((key, id));
            Ok(page)
        }
        (Some(false), _) => Ok(page),
        (None, _) => Err(Failure::odd("a list of versions that does not say whether it is whole")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, id: &str, at: i64) -> Version {
        let stored_at = chrono::DateTime::from_timestamp(at, 0);
        let etag = Some(id.to_owned());
        (name.to_owned(), Oldest { id: id.to_owned(), bytes: 1, stored_at, etag }, false)
    }

    #[test]
    fn a_version_whose_lock_was_made_longer_stays_the_oldest_and_a_list_in_another_order_is_not_believed() {
        let walk = |versions| {
            let mut walk = Walk::default();
            walk.take(Page { versions, marked: Vec::new(), next: None });
            walk.close();
            walk
        };
        let latest = |(name, oldest, _): Version| (name, oldest, true);
        let sound = walk(vec![latest(version("packs/a", "theirs", 5)), version("packs/a", "ours", 9)]);
        let of = |walk: &Walk| walk.found.of(&Key::new("packs/a").unwrap()).map(|oldest| oldest.id.clone());
        assert_eq!((of(&sound).as_deref(), sound.out_of_order), (Some("ours"), None));
        let odd = walk(vec![version("packs/a", "ours", 5), latest(version("packs/a", "theirs", 9))]);
        assert_eq!(odd.out_of_order.as_deref(), Some("packs/a"));
    }

    #[test]
    fn of_several_versions_the_oldest_is_ours_also_across_pages_and_under_a_marker() {
        let mut walk = Walk::default();
        let page = |versions, marked: &[&str]| {
            let marked = marked.iter().map(|name| (*name).to_owned()).collect();
            Page { versions, marked, next: None }
        };
        walk.take(page(vec![version("packs/a", "1", 5), version("packs/b", "9", 9)], &[]));
        walk.take(page(vec![version("packs/b", "8", 9), version("packs/b", "7", 6)], &["roots/c"]));
        walk.take(page(vec![version("roots/c", "4", 3), version("roots/d", "5", 3)], &[]));
        walk.take(page(vec![], &["roots/d"]));
        walk.close();
        let of = |name: &str| walk.found.of(&Key::new(name).unwrap()).map(|oldest| oldest.id.as_str());
        assert_eq!((of("packs/a"), of("packs/b")), (None, Some("7")));
        assert_eq!((of("roots/c"), of("roots/d")), (Some("4"), Some("5")));
        let within: Vec<&str> = walk.found.within("roots").map(|(name, _)| name).collect();
        assert_eq!(within, ["roots/c", "roots/d"]);
        assert_eq!(walk.found.told(), Some((3, "packs/b")));
    }
}
