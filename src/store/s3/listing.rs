//! Listing a folder of keys: whole, or not at all.

use super::Limits;
use super::bucket::{Bucket, Doing, failed};
use super::failure::Failure;
use super::lock::timestamp;
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::store::{Key, Listed};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::future::Future;
use tokio::time::Instant;

/// What one page says.
struct Page {
    /// What lies below the prefix that was asked for.
    names: Vec<Named>,
    next: Option<String>,
}

/// One name of a page.
struct Named {
    name: String,
    /// None for a folder.
    bytes: Option<u64>,
    /// When the store took it, by its own clock.
    stored_at: Option<Timestamp>,
}

/// What the pages of one list must keep to: they get on, and they end.
pub struct Course {
    limits: Limits,
    ends: Instant,
    names: u64,
    /// The last object of all pages before. Folders are left out: stores differ in where they sort them.
    last: Option<String>,
    /// Digests of the tokens: a token may be of any length.
    tokens: HashSet<[u8; 32]>,
}

impl Course {
    pub fn new(limits: Limits) -> Self {
        let ends = Instant::now() + limits.listing;
        Self { limits, ends, names: 0, last: None, tokens: HashSet::new() }
    }

    /// An answer, if it comes before the list has taken too long.
    pub async fn within<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.ends, answer).await.ok()
    }

    /// So many names more, and how it goes on; the error says what is wrong with that.
    pub fn count(&mut self, names: usize, next: Option<&str>) -> std::result::Result<(), String> {
        if next.is_some_and(|next| !self.tokens.insert(Sha256::digest(next).into())) {
            return Err("its pages lead back to one before".into());
        }
        self.names += names as u64;
        if self.names > self.limits.names {
            return Err(format!("it has more than {} names", self.limits.names));
        }
        Ok(())
    }

    /// The next page; the error says what is wrong with it.
    fn take(&mut self, page: &Page) -> std::result::Result<(), String> {
        self.count(page.names.len(), page.next.as_deref())?;
        let objects = || page.names.iter().filter(|named| named.bytes.is_some()).map(|named| &named.name);
        if objects().min().is_some_and(|first| self.last.as_ref().is_some_and(|last| first <= last)) {
            return Err("a page names what comes before the end of the page before".into());
        }
        self.last = objects().max().cloned().or(self.last.take());
        Ok(())
    }
}

impl Bucket {
    /// All objects directly in `folder`, sorted.
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let mut found = Vec::new();
        self.each_page(folder, |page| {
            for Named { name, bytes, stored_at } in page.names {
                // What is no key was not written by us; folders below are not asked for.
                let Some(bytes) = bytes else { continue };
                let Ok(key) = Key::new(format!("{folder}/{name}")) else { continue };
                found.push(Listed { key, bytes: Some(bytes), stored_at });
            }
            false
        })
        .await?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        self.as_written(folder, &mut found).await?;
        if found.windows(2).any(|pair| pair[0].key == pair[1].key) {
            return Err(self.wrong_list(folder, "it names a key twice"));
        }
        Ok(found)
    }

    /// Puts what was written in the place of what somebody wrote over it, or of a delete marker. Keeps the order.
    async fn as_written(&self, folder: &str, found: &mut Vec<Listed>) -> Result<()> {
        for (name, oldest) in self.versions().await?.within(folder) {
            let Ok(key) = Key::new(name) else { continue };
            let listed = Listed { key, bytes: Some(oldest.bytes), stored_at: oldest.stored_at };
            match found.binary_search_by(|one| one.key.cmp(&listed.key)) {
                Ok(place) => found[place] = listed,
                Err(place) => found.insert(place, listed),
            }
        }
        Ok(())
    }

    /// Something at the top that is none of `known`.
    pub async fn stranger(&self, known: &[&str]) -> Result<Option<String>> {
        let mut found = None;
        self.each_page("", |page| {
            found =
                page.names.into_iter().map(|named| named.name).find(|name| !known.contains(&name.as_str()));
            found.is_some()
        })
        .await?;
        Ok(found.map(|name| crate::domain::printable(name.as_bytes())))
    }

    /// Goes through the pages of a folder until the end, or until `visit` has seen enough.
    async fn each_page(&self, folder: &str, mut visit: impl FnMut(Page) -> bool) -> Result<()> {
        let below = match folder {
            "" => self.address.prefix.clone(),
            folder => format!("{}{folder}/", self.address.prefix),
        };
        let (mut token, mut course) = (None, Course::new(self.limits));
        for _ in 0..self.limits.pages {
            let page = course.within(self.page(folder, &below, token.take())).await;
            let page = page.unwrap_or_else(|| {
                let seconds = self.limits.listing.as_secs_f32();
                Err(self.wrong_list(folder, &format!("it does not end within {seconds} s")))
            })?;
            course.take(&page).map_err(|because| self.wrong_list(folder, &because))?;
            token = page.next.clone();
            if visit(page) || token.is_none() {
                return Ok(());
            }
        }
        Err(self.wrong_list(folder, &format!("it does not end within {} pages", self.limits.pages)))
    }

    async fn page(&self, folder: &str, below: &str, token: Option<String>) -> Result<Page> {
        let doing = Doing::new(format!("listing {}", if folder.is_empty() { "the top" } else { folder }));
        let answer = self.attempt(&doing, || {
            let request =
                self.client.list_objects_v2().bucket(&self.address.bucket).prefix(below).delimiter("/");
            let request = request.encoding_type(EncodingType::Url).set_continuation_token(token.clone());
            async move { request.send().await.map_err(failed).and_then(|answer| read(&answer, below)) }
        });
        let given = answer.await.map_err(|failure| self.problem(&doing, failure))?;
        given.map_err(|because| self.wrong_list(folder, because))
    }

    pub fn wrong_list(&self, folder: &str, because: &str) -> Problem {
        Problem::new(Kind::Io, format!("the store's list of {folder:?} is wrong: {because}"))
            .at(self.address.place())
            .remedy("tell whoever runs the store; nothing is concluded from such a list")
    }
}

/// One page. The inner error is of a list that another attempt would not mend.
fn read(
    answer: &ListObjectsV2Output,
    below: &str,
) -> std::result::Result<std::result::Result<Page, &'static str>, Failure> {
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let plain = |text: &str| if is_encoded { decoded(text) } else { Some(text.to_owned()) };
    let mut names = Vec::new();
    let objects = answer
        .contents()
        .iter()
        .map(|object| (object.key(), object.size().or(Some(-1)), object.last_modified().and_then(timestamp)));
    let folders = answer.common_prefixes().iter().map(|folder| (folder.prefix(), None, None));
    for (name, size, stored_at) in objects.chain(folders) {
        let Some(name) = name.and_then(plain) else {
            return Err(Failure::odd("a list with a name that cannot be read"));
        };
        let Some(name) = name.strip_prefix(below) else { return Ok(Err("it names what lies elsewhere")) };
        let bytes = match size {
            None => None,
            Some(size) => match u64::try_from(size) {
                Ok(bytes) => Some(bytes),
                Err(_) => return Err(Failure::odd("a list without a size")),
            },
        };
        let name = name.trim_end_matches('/');
        // Some stores keep an object of no bytes for the folder itself.
        if !name.is_empty() {
            names.push(Named { name: name.to_owned(), bytes, stored_at });
        }
    }
    match (answer.is_truncated(), answer.next_continuation_token()) {
        (Some(true), None | Some("")) => Ok(Err("it is cut, and does not say how it goes on")),
        (Some(true), Some(next)) => Ok(Ok(Page { names, next: Some(next.to_owned()) })),
        (Some(false), _) => Ok(Ok(Page { names, next: None })),
        (None, _) => Err(Failure::odd("a list that does not say whether it is whole")),
    }
}

/// Undoes the encoding of names that `encoding-type=url` asks for.
pub fn decoded(text: &str) -> Option<String> {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::Object;

    fn page(key: &str) -> aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2OutputBuilder {
        ListObjectsV2Output::builder().contents(Object::builder().key(key).size(3).build())
    }

    #[test]
    fn a_list_that_is_not_whole_or_not_of_this_folder_is_refused() {
        let of = |answer: ListObjectsV2Output| {
            read(&answer, "p/packs/").map(|page| page.map(|page| page.names.len()))
        };
        assert_eq!(of(page("p/packs/a").is_truncated(false).build()).unwrap(), Ok(1));
        assert!(of(page("p/packs/a").is_truncated(true).build()).unwrap().is_err());
        assert!(of(page("p/roots/a").is_truncated(false).build()).unwrap().is_err());
        assert!(of(page("p/packs/a").build()).is_err(), "a list that does not say whether it is whole");
        let sizeless = Object::builder().key("p/packs/a").build();
        assert!(of(ListObjectsV2Output::builder().contents(sizeless).is_truncated(false).build()).is_err());
    }

    #[test]
    fn encoded_names_are_decoded() {
        assert_eq!(decoded("packs%2Fa+b%01").as_deref(), Some("packs/a b\u{1}"));
        assert_eq!((decoded("%2"), decoded("%zz")), (None, None));
    }
}
