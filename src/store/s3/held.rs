//! All versions of one key, and what holds off the deletion of each.

use super::bucket::{Bucket, Doing, failed};
use super::failure::{Class, Failure};
use super::listing::decoded;
use super::lock::{HAS_NONE, told};
use crate::domain::{Kind, Problem, Result};
use crate::store::{Hold, Key, Listed, StoredVersion};
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{EncodingType, ObjectLockLegalHoldStatus};

/// What an answer to HEAD says of a version.
struct Head {
    id: Option<String>,
    /// `None` where it says of none.
    hold: Option<Hold>,
    /// Whether a legal hold is on, where it says.
    is_held: Option<bool>,
}

/// The ids of a key's versions and of its delete markers.
struct Ids {
    versions: Vec<String>,
    markers: Vec<String>,
    /// Whether there may be more.
    is_cut: bool,
}

impl Bucket {
    /// Everything under the key of a listed object.
    pub async fn versions_of(&self, listed: &Listed) -> Result<Vec<StoredVersion>> {
        let (key, versions) = (&listed.key, self.versions().await?);
        let unknown = |because: String| Ok(vec![StoredVersion { id: None, hold: Hold::Unknown(because) }]);
        if let Some(blind) = &versions.blind {
            return unknown(format!("the store does not show versions: {blind}"));
        }
        if versions.are_told() {
            return self.all_versions(key).await;
        }
        // Locks are of versions: without any, there is nothing that a lock could hold.
        match self.head(key, None).await?.id {
            None => Ok(vec![StoredVersion { id: None, hold: Hold::Free }]),
            Some(_) => unknown("it has a version, and the store says that it keeps none".into()),
        }
    }

    /// The versions as they are by now, which may be more than when all were listed: what was put on top since is told too.
    async fn all_versions(&self, key: &Key) -> Result<Vec<StoredVersion>> {
        let ids = self.ids_of(key).await?;
        if ids.versions.is_empty() && ids.markers.is_empty() {
            return Err(self.absent(key));
        }
        if ids.is_cut {
            let hold = Hold::Unknown("it has more versions than are listed at once".into());
            return Ok(vec![StoredVersion { id: None, hold }]);
        }
        // What lies on top comes first. A marker has no bytes, and no lock.
        let markers = ids.markers.into_iter().map(|id| StoredVersion { id: Some(id), hold: Hold::Free });
        let mut found: Vec<StoredVersion> = markers.collect();
        for id in ids.versions {
            let head = self.head(key, Some(&id)).await?;
            let hold = self.hold(key, Head { id: Some(id.clone()), ..head }).await?;
            found.push(StoredVersion { id: Some(id), hold });
        }
        Ok(found)
    }

    async fn ids_of(&self, key: &Key) -> Result<Ids> {
        let (doing, name) = (Doing::new(format!("listing the versions of {key}")), self.name(key));
        let answer = self.attempt(&doing, || {
            let request = self.client.list_object_versions().bucket(&self.address.bucket);
            let request = request.prefix(&name).encoding_type(EncodingType::Url);
            let name = name.clone();
            async move { request.send().await.map_err(failed).and_then(|answer| ids(&answer, &name)) }
        });
        answer.await.map_err(|failure| self.problem(&doing, failure))
    }

    async fn head(&self, key: &Key, version: Option<&str>) -> Result<Head> {
        let doing = Doing::new(format!("looking for {key}"));
        let answer = self.attempt(&doing, || {
            let request = self.client.head_object().bucket(&self.address.bucket).key(self.name(key));
            let request = request.set_version_id(version.map(str::to_owned));
            async move {
                let seen = request.send().await.map_err(failed)?;
                let hold = told(&seen).map(|lock| Hold::of(Some(lock)));
                // Whatever mode there is that this program does not know holds something off.
                let is_odd = hold.is_none() && seen.object_lock_mode().is_some();
                let odd = || Hold::Unknown("it has a lock of a kind that is not known here".into());
                Ok(Head {
                    id: seen.version_id().filter(|id| !id.is_empty()).map(str::to_owned),
                    hold: if is_odd { Some(odd()) } else { hold },
                    is_held: seen.object_lock_legal_hold_status().and_then(is_on),
                })
            }
        });
        answer.await.map_err(|failure| match failure.class {
            Class::Missing => self.absent(key),
            _ => self.problem(&doing, failure),
        })
    }

    fn absent(&self, key: &Key) -> Problem {
        Problem::new(Kind::NotFound, format!("there is no object {key}")).at(self.address.place())
    }

    /// What holds off the deletion of a version. Who may not read locks is told nothing by HEAD, which is not yet that there
    /// is none: then it is asked for.
    async fn hold(&self, key: &Key, head: Head) -> Result<Hold> {
        let version = head.id.as_deref();
        if head.is_held == Some(true) {
            return Ok(Hold::Legal);
        }
        let hold = match head.hold {
            Some(hold) => hold,
            None => Hold::of(self.lock(key, version).await?),
        };
        match hold {
            Hold::Free | Hold::Until(_) if head.is_held.is_none() => {
                Ok(self.legal_hold(key, version).await?.unwrap_or(hold))
            }
            other => Ok(other),
        }
    }

    /// A legal hold, or that nobody says whether there is one; `None` where there is none.
    async fn legal_hold(&self, key: &Key, version: Option<&str>) -> Result<Option<Hold>> {
        let doing =
            Doing { doubts_absence: false, ..Doing::new(format!("asking for a legal hold of {key}")) };
        let answer = self.attempt(&doing, || {
            let request = self.client.get_object_legal_hold().bucket(&self.address.bucket);
            let request = request.key(self.name(key)).set_version_id(version.map(str::to_owned));
            async move { request.send().await.map_err(failed) }
        });
        match answer.await {
            Ok(answer) => match answer.legal_hold().and_then(|hold| hold.status()).and_then(is_on) {
                Some(false) => Ok(None),
                Some(true) => Ok(Some(Hold::Legal)),
                None => Ok(Some(unsaid())),
            },
            Err(failure) if has_none(&failure.says) => Ok(None),
            Err(failure) if matches!(failure.class, Class::Denied | Class::Unsupported | Class::Lasting) => {
                Ok(Some(unsaid()))
            }
            Err(failure) => Err(self.problem(&doing, failure)),
        }
    }
}

fn is_on(status: &ObjectLockLegalHoldStatus) -> Option<bool> {
    match status {
        ObjectLockLegalHoldStatus::On => Some(true),
        ObjectLockLegalHoldStatus::Off => Some(false),
        _ => None,
    }
}

/// Whether an answer says that an object has no legal hold; SeaweedFS has a word of its own for it.
fn has_none(says: &str) -> bool {
    HAS_NONE.into_iter().chain(["NoSuchObjectLegalHold"]).any(|none| says.contains(none))
}

fn unsaid() -> Hold {
    Hold::Unknown("the store does not say whether it is under a legal hold (s3:GetObjectLegalHold)".into())
}

/// What a list says of exactly this name, which comes before all that begin with it.
fn ids(answer: &ListObjectVersionsOutput, name: &str) -> std::result::Result<Ids, Failure> {
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let plain = |text: &str| if is_encoded { decoded(text) } else { Some(text.to_owned()) };
    let is_it = |key: Option<&str>| key.and_then(plain).as_deref() == Some(name);
    let id = |id: Option<&str>| {
        let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
        id.ok_or_else(|| Failure::odd("a list of versions without an id"))
    };
    let versions = answer.versions().iter().filter(|version| is_it(version.key()));
    let markers = answer.delete_markers().iter().filter(|marker| is_it(marker.key()));
    let next = answer.next_key_marker().and_then(plain);
    Ok(Ids {
        versions: versions
            .map(|version| id(version.version_id()))
            .collect::<std::result::Result<_, Failure>>()?,
        markers: markers
            .map(|marker| id(marker.version_id()))
            .collect::<std::result::Result<_, Failure>>()?,
        is_cut: answer.is_truncated() != Some(false) && next.is_none_or(|next| next == name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{DeleteMarkerEntry, ObjectVersion};

    #[test]
    fn only_versions_of_the_very_key_are_told_and_a_list_that_is_cut_within_them_is_not_whole() {
        let version = |key: &str, id: &str| ObjectVersion::builder().key(key).version_id(id).build();
        let answer = |cut: Option<bool>, next: &str| {
            let marker = DeleteMarkerEntry::builder().key("p/packs/a").version_id("3").build();
            ListObjectVersionsOutput::builder()
                .versions(version("p/packs/a", "1"))
                .versions(version("p/packs/ab", "2"))
                .delete_markers(marker)
                .set_is_truncated(cut)
                .next_key_marker(next)
                .build()
        };
        let whole = ids(&answer(Some(false), ""), "p/packs/a").unwrap();
        assert_eq!(
            (whole.versions, whole.markers, whole.is_cut),
            (vec!["1".into()], vec!["3".into()], false)
        );
        assert!(!ids(&answer(Some(true), "p/packs/ab"), "p/packs/a").unwrap().is_cut);
        assert!(ids(&answer(Some(true), "p/packs/a"), "p/packs/a").unwrap().is_cut);
        let nameless = ObjectVersion::builder().key("p/packs/a").build();
        let nameless = ListObjectVersionsOutput::builder().versions(nameless).is_truncated(false).build();
        assert!(ids(&nameless, "p/packs/a").is_err());
    }
}
