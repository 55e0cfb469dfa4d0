//! What somebody else keeps below a prefix of a bucket: listed and read, and nothing else. A credential that may list the
//! bucket and get its objects is enough.

use super::answers::{DateOfAnswer, bare};
use super::body::{Body, Ended, Wanted};
use super::bucket::{Bucket, Doing, failed};
use super::checksum::Sums;
use super::failure::{Class, Failure};
use super::listing::{Course, decoded};
use super::lock::timestamp;
use super::{Limits, address::Address, connected};
use crate::domain::{Problem, Result, Timestamp, printable};
use crate::estate::{Environment, S3Place};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// One object, as a list or an answer tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, without the prefix: any text.
    pub name: Box<str>,
    /// Its length, in bytes.
    pub bytes: u64,
    /// What tells this state of it from others, without quotes; empty where the store tells none.
    pub etag: Box<str>,
    /// When the store took it, by the store's own clock.
    pub stored_at: Option<Timestamp>,
}

/// Why an object cannot be had.
#[derive(Debug, Clone)]
pub enum Lost {
    /// It is not there any more.
    Gone,
    /// It is another than was asked for.
    Replaced,
    /// What came is not the object, or not all of it.
    Odd(String),
    /// The credential may not read it.
    Denied(String),
    /// The store does not give it as it is, whoever asks as this copy does: it is archived, or encrypted with a key of its own.
    Refused(String),
    /// No answer came that another attempt would not mend: the store is down, or this object is rotten there.
    Failed(String),
    /// Nothing can be had of the bucket, whichever object is asked for.
    All(Problem),
}

/// Objects below a prefix. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Prefix {
    runtime: Arc<Runtime>,
    bucket: Arc<Bucket>,
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefix").field("place", &self.place()).finish_non_exhaustive()
    }
}

/// True where something may lie in both places, as far as their names say.
///
/// # Errors
/// `Usage` where a place makes no sense.
pub fn overlap(one: &S3Place, other: &S3Place, environment: &Environment) -> Result<bool> {
    Ok(Address::new(one, environment)?.overlaps(&Address::new(other, environment)?))
}

/// One page of a list.
struct Page {
    objects: Vec<Object>,
    next: Option<String>,
    at: Option<Timestamp>,
}

impl Prefix {
    /// The objects at a place, read with its reader's credential. Nothing is sent yet.
    ///
    /// # Errors
    /// `Usage` where the place makes no sense.
    pub fn connect(place: &S3Place, environment: &Environment) -> Result<Self> {
        Self::with_limits(place, environment, Limits::default())
    }

    /// As [`Prefix::connect`], with other bounds.
    ///
    /// # Errors
    /// As [`Prefix::connect`].
    pub fn with_limits(place: &S3Place, environment: &Environment, limits: Limits) -> Result<Self> {
        let access = place.reader.as_ref().unwrap_or(&place.writer);
        let (runtime, bucket) = connected(place, access, environment, limits)?;
        Ok(Self { runtime, bucket })
    }

    /// Where it is, for people; safe to print.
    pub fn place(&self) -> String {
        self.bucket.address.place()
    }

    /// True where there is an object that `counts`: the list is read so far.
    ///
    /// # Errors
    /// As [`Prefix::list`].
    pub fn has_any(&self, counts: impl Fn(&Object) -> bool) -> Result<bool> {
        let mut found = false;
        self.pages(|objects| {
            found = objects.iter().any(&counts);
            Ok(!found)
        })?;
        Ok(found)
    }

    /// Hands on every object, in the store's own order, page by page. Gives the store's clock at the last answer, in whole
    /// seconds, where it tells the time.
    ///
    /// # Errors
    /// What the store said, or why its list cannot be right; what `visit` says.
    pub fn list(&self, mut visit: impl FnMut(Object) -> Result<()>) -> Result<Option<Timestamp>> {
        self.pages(|objects| objects.into_iter().try_for_each(&mut visit).map(|()| true))
    }

    /// Hands on pages, as long as `visit` says true.
    fn pages(&self, mut visit: impl FnMut(Vec<Object>) -> Result<bool>) -> Result<Option<Timestamp>> {
        let limits = self.bucket.limits;
        let (mut token, mut course) = (None, Course::new(limits));
        for _ in 0..limits.pages {
            let page = self.runtime.block_on(course.within(self.page(token.take())));
            let late = || {
                let seconds = limits.listing.as_secs_f32();
                Err(self.bucket.wrong_list("", &format!("it does not end within {seconds} s")))
            };
            let page = page.unwrap_or_else(late)?;
            let counted = course.count(page.objects.len(), page.next.as_deref());
            counted.map_err(|because| self.bucket.wrong_list("", &because))?;
            token = page.next;
            if !visit(page.objects)? || token.is_none() {
                return Ok(page.at);
            }
        }
        Err(self.bucket.wrong_list("", &format!("it does not end within {} pages", limits.pages)))
    }

    async fn page(&self, token: Option<String>) -> Result<Page> {
        let (doing, below) = (Doing::new("listing what is to be copied"), &self.bucket.address.prefix);
        let answer = self.bucket.attempt(&doing, || {
            let date = DateOfAnswer::default();
            let request = self.bucket.client.list_objects_v2().bucket(&self.bucket.address.bucket);
            let request = request.prefix(below).encoding_type(EncodingType::Url);
            let request = request.set_continuation_token(token.clone()).customize();
            let request = request.interceptor(date.clone());
            async move {
                let answer = request.send().await.map_err(failed)?;
                Ok(read(&answer, below)?.map(|page| Page { at: date.get(), ..page }))
            }
        });
        let given = answer.await.map_err(|failure| self.bucket.problem(&doing, failure))?;
        given.map_err(|because| self.bucket.wrong_list("", because))
    }

    /// Begins to fetch an object, which must be that of this ETag where one is given. What is no longer than `whole` bytes is
    /// fetched whole at once.
    pub fn fetch(&self, name: &str, etag: Option<&str>, whole: u64) -> Fetching {
        let (bucket, etag) = (self.bucket.clone(), etag.map(|etag| format!("\"{etag}\"")));
        let shown = printable(name.as_bytes());
        let name = format!("{}{name}", bucket.address.prefix);
        let wanted = Wanted { name, shown, version: None, sums: Sums::all };
        let begun = self.runtime.spawn(async move {
            let mut body = Body::of(&bucket, wanted, etag).await?;
            let (mut first, is_whole) = (Vec::new(), body.end() <= whole);
            if is_whole {
                first.reserve_exact(usize::try_from(body.end()).unwrap_or_default());
                while let Some(bytes) = body.go_on().await? {
                    first.extend_from_slice(&bytes);
                }
            }
            Ok((body, Bytes::from(first), is_whole))
        });
        Fetching { runtime: self.runtime.clone(), begun: Some(begun) }
    }
}

type Begun = std::result::Result<(Body, Bytes, bool), Lost>;

/// An object that is being fetched. Dropping it ends that.
pub struct Fetching {
    runtime: Arc<Runtime>,
    begun: Option<JoinHandle<Begun>>,
}

impl Fetching {
    /// Waits for it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn end(mut self) -> std::result::Result<Streaming, Lost> {
        let Some(begun) = self.begun.take() else { return Err(Lost::Gone) };
        let (body, left, is_whole) = match self.runtime.block_on(begun) {
            Ok(given) => given?,
            Err(error) => return Err(Lost::Odd(format!("fetching it failed unexpectedly: {error}"))),
        };
        Ok(Streaming { runtime: self.runtime.clone(), body, left, is_whole })
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Some(begun) = &self.begun {
            begun.abort();
        }
    }
}

/// An object's bytes, in order.
pub struct Streaming {
    runtime: Arc<Runtime>,
    body: Body,
    left: Bytes,
    /// Whether all bytes came, and were compared with what the store says of them.
    is_whole: bool,
}

impl Streaming {
    /// The object as the answer tells of it.
    pub fn object(&self, name: &str) -> Object {
        let (bytes, stored_at) = (self.body.end(), self.body.stored_at());
        Object { name: name.into(), bytes, etag: self.body.etag().into(), stored_at }
    }

    /// Fills `into` as far as the object goes; how many bytes that were.
    ///
    /// # Errors
    /// Why there is no more, though there should be.
    pub fn read(&mut self, into: &mut [u8]) -> std::result::Result<usize, Lost> {
        let mut filled = 0;
        while filled < into.len() {
            if self.left.is_empty() && !self.go_on()? {
                break;
            }
            let length = (into.len() - filled).min(self.left.len());
            into[filled..filled + length].copy_from_slice(&self.left.split_to(length));
            filled += length;
        }
        Ok(filled)
    }

    /// Sees that nothing is left, and that what came has the sums that the store tells.
    ///
    /// # Errors
    /// What is wrong.
    pub fn finish(&mut self) -> std::result::Result<(), Lost> {
        match self.left.is_empty() && !self.go_on()? {
            true => Ok(()),
            false => Err(Lost::Odd("more came than was asked for".into())),
        }
    }

    fn go_on(&mut self) -> std::result::Result<bool, Lost> {
        if self.is_whole {
            return Ok(false);
        }
        match self.runtime.block_on(self.body.go_on())? {
            Some(bytes) => self.left = bytes,
            None => self.is_whole = true,
        }
        Ok(!self.is_whole)
    }
}

impl From<Ended> for Lost {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Changed => Self::Replaced,
            Ended::Broken(problem) => Self::Odd(problem.what),
            Ended::Failed(failure) => match failure.class {
                Class::Missing => Self::Gone,
                Class::NoBucket | Class::Credential | Class::Skewed | Class::Given(_) => {
                    Self::All(failure.problem("reading what is to be copied", ""))
                }
                Class::Denied if is_access_denied(&failure.says) => Self::Denied(failure.says),
                Class::Passing | Class::Conflict => Self::Failed(failure.says),
                _ => Self::Refused(failure.says),
            },
        }
    }
}

/// Whether it is for want of a right: 403 also tells that an object is archived (`InvalidObjectState`).
fn is_access_denied(says: &str) -> bool {
    // "answered 403 CODE: a message"
    says.split([' ', ':']).nth(2) == Some("AccessDenied")
}

/// One page. The inner error is of a list that another attempt would not mend.
fn read(
    answer: &ListObjectsV2Output,
    below: &str,
) -> std::result::Result<std::result::Result<Page, &'static str>, Failure> {
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let plain = |text: &str| if is_encoded { decoded(text) } else { Some(text.to_owned()) };
    let mut objects = Vec::new();
    for object in answer.contents() {
        let Some(name) = object.key().and_then(plain) else {
            return Err(Failure::odd("a list with a name that cannot be read"));
        };
        let Some(name) = name.strip_prefix(below) else { return Ok(Err("it names what lies elsewhere")) };
        let Some(bytes) = object.size().and_then(|size| u64::try_from(size).ok()) else {
            return Err(Failure::odd("a list without a size"));
        };
        let etag = bare(object.e_tag().unwrap_or_default()).into();
        let stored_at = object.last_modified().and_then(timestamp);
        objects.push(Object { name: name.into(), bytes, etag, stored_at });
    }
    let page = |next| Ok(Ok(Page { objects, next, at: None }));
    match (answer.is_truncated(), answer.next_continuation_token()) {
        (Some(true), None | Some("")) => Ok(Err("it is cut, and does not say how it goes on")),
        (Some(true), Some(next)) => page(Some(next.to_owned())),
        (Some(false), _) => page(None),
        (None, _) => Err(Failure::odd("a list that does not say whether it is whole")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2OutputBuilder;
    use aws_sdk_s3::types::Object as Told;

    fn page(key: &str) -> ListObjectsV2OutputBuilder {
        let told = Told::builder().key(key).size(3).e_tag("\"e\"").build();
        ListObjectsV2Output::builder().contents(told).encoding_type(EncodingType::Url)
    }

    #[test]
    fn what_is_the_matter_with_one_object_is_not_the_matter_with_all() {
        let lost = |class, says: &str| Lost::from(Ended::Failed(Failure::new(class, says)));
        let given = Problem::new(crate::domain::Kind::Usage, "no credential");
        for class in [Class::NoBucket, Class::Credential, Class::Skewed, Class::Given(given)] {
            assert!(matches!(lost(class.clone(), "answered 400 X"), Lost::All(_)), "{class:?}");
        }
        for class in [Class::Unsaid, Class::Unsupported, Class::Range, Class::Lasting, Class::Condition] {
            assert!(matches!(lost(class.clone(), "answered 400 X"), Lost::Refused(_)), "{class:?}");
        }
        assert!(matches!(lost(Class::Passing, "answered 503"), Lost::Failed(_)));
        assert!(matches!(lost(Class::Missing, "answered 404"), Lost::Gone));
        let denied = lost(Class::Denied, "answered 403 AccessDenied: no");
        assert!(matches!(denied, Lost::Denied(_)), "{denied:?}");
        let archived = lost(Class::Denied, "answered 403 InvalidObjectState: AccessDenied");
        assert!(matches!(archived, Lost::Refused(_)), "{archived:?}");
    }

    #[test]
    fn a_list_keeps_names_as_they_are_and_one_that_is_not_whole_is_refused() {
        let of = |answer: ListObjectsV2Output| {
            let page = read(&answer, "p/").map_err(|failure| failure.says)?;
            page.map(|page| page.objects[0].name.to_string()).map_err(str::to_owned)
        };
        for (key, name) in [("p/a%2F%2Fb%00", "a//b\0"), ("p/d/", "d/"), ("p/", ""), ("p/%2E.", "..")] {
            assert_eq!(of(page(key).is_truncated(false).build()), Ok(name.to_owned()), "{key}");
        }
        assert!(of(page("p/a").is_truncated(true).build()).is_err());
        assert!(of(page("q/a").is_truncated(false).build()).is_err());
        assert!(of(page("p/a").build()).is_err(), "a list that does not say whether it is whole");
        let sizeless = Told::builder().key("p/a").build();
        assert!(of(ListObjectsV2Output::builder().contents(sizeless).is_truncated(false).build()).is_err());
    }
}
