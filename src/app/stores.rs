//! Opening vaults by their place: a directory, or a bucket.

use super::{Context, keys, signers};
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::{Addressing, Environment, S3Place, VaultPlace};
use crate::store::{DirStore, S3Store, Store};
use crate::vault::Vault;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What a store is opened for: each has a credential of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Only to read.
    Read,
    /// To read and write; a directory is made where it is not there yet.
    Write,
    /// To leave a copy of the ledger, by whoever copies or drills.
    Record,
}

/// Opens stores.
pub trait Stores: Send + Sync {
    /// The store at a place.
    ///
    /// # Errors
    /// Where it cannot be reached or opened.
    fn open(&self, place: &VaultPlace, purpose: Purpose) -> Result<Arc<dyn Store>>;
}

/// A bucket that was opened, and what for.
type Bucket = (S3Place, Purpose, Arc<dyn Store>);

/// Directories, and buckets at any S3 endpoint. A bucket is opened once: its connections are kept.
pub struct RealStores {
    environment: Environment,
    buckets: Mutex<Vec<Bucket>>,
}

impl RealStores {
    /// Stores whose credentials come from this environment.
    pub fn new(environment: Environment) -> Self {
        Self { environment, buckets: Mutex::default() }
    }

    fn bucket(&self, place: &S3Place, purpose: Purpose) -> Result<Arc<dyn Store>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, store)) = buckets.iter().find(|(at, to, _)| (at, *to) == (place, purpose)) {
            return Ok(store.clone());
        }
        let access = match purpose {
            Purpose::Read => place.reader.as_ref().or(place.driller.as_ref()).unwrap_or(&place.writer),
            Purpose::Write => &place.writer,
            Purpose::Record => place.driller.as_ref().unwrap_or(&place.writer),
        };
        let store: Arc<dyn Store> = Arc::new(S3Store::connect(place, access, &self.environment)?);
        buckets.push((place.clone(), purpose, store.clone()));
        Ok(store)
    }
}

impl Stores for RealStores {
    fn open(&self, place: &VaultPlace, purpose: Purpose) -> Result<Arc<dyn Store>> {
        match (place, purpose) {
            (VaultPlace::Dir(path), Purpose::Read | Purpose::Record) => Ok(Arc::new(DirStore::open(path)?)),
            (VaultPlace::Dir(path), Purpose::Write) => Ok(Arc::new(DirStore::create(path)?)),
            (VaultPlace::S3(place), purpose) => self.bucket(place, purpose),
        }
    }
}

/// Vaults that a run has opened, so that what it learnt of them is kept to its end.
#[derive(Clone, Default)]
pub struct Opened(Arc<Mutex<Vec<(VaultPlace, Purpose, Vault)>>>);

impl Opened {
    fn get(&self, place: &VaultPlace, purpose: Purpose) -> Option<Vault> {
        let opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A vault that another one took the place of is opened anew, whatever it was opened for.
        let is_gone = |vault: &Vault| {
            let same = opened.iter().filter(|(at, _, other)| at == place && other.id() == vault.id());
            same.into_iter().any(|(_, _, other)| other.is_displaced())
        };
        let found = opened.iter().find(|(at, to, vault)| (at, *to) == (place, purpose) && !is_gone(vault));
        found.map(|(_, _, vault)| vault.clone())
    }

    /// The vault at this place, for whatever it was opened.
    pub fn any(&self, place: &VaultPlace) -> Option<Vault> {
        self.get(place, Purpose::Write).or_else(|| self.get(place, Purpose::Read))
    }

    fn keep(&self, place: &VaultPlace, purpose: Purpose, vault: Vault) -> Vault {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push((place.clone(), purpose, vault.clone()));
        vault
    }
}

/// The same vault with the keys that are here for it.
fn ready(context: &Context, place: &VaultPlace, purpose: Purpose, vault: Vault) -> Result<Vault> {
    let vault = keys::unlock(context, place, purpose, vault)?.noting_places(&context.state.join("places"));
    signers::signed(context, purpose, vault)
}

/// The vault at a place.
///
/// # Errors
/// As [`Vault::open`], and where the store cannot be opened.
pub fn open_vault(context: &Context, place: &VaultPlace) -> Result<Vault> {
    if let Some(vault) = context.opened.get(place, Purpose::Read) {
        return Ok(vault);
    }
    let vault = Vault::open(context.stores.open(place, Purpose::Read)?)?;
    let vault = ready(context, place, Purpose::Read, vault)?;
    Ok(context.opened.keep(place, Purpose::Read, vault))
}

/// The vault at a place, with the credential that writes, and nothing where there is none.
///
/// # Errors
/// As [`open_vault`], but for `NotFound`.
pub fn look_for_writing(context: &Context, place: &VaultPlace) -> Result<Option<Vault>> {
    look(context, place, Purpose::Write)
}

/// The same to leave a copy of the ledger there, which a machine may that drills and copies nothing.
///
/// # Errors
/// As [`look_for_writing`].
pub fn look_for_recording(context: &Context, place: &VaultPlace) -> Result<Option<Vault>> {
    look(context, place, Purpose::Record)
}

fn look(context: &Context, place: &VaultPlace, purpose: Purpose) -> Result<Option<Vault>> {
    let has_own = matches!(place, VaultPlace::S3(place) if place.driller.is_some());
    let opened =
        (context.opened.get(place, Purpose::Write)).filter(|_| purpose == Purpose::Write || !has_own);
    // A directory is looked for as one that is only read: it would be made.
    let opens = match place {
        VaultPlace::Dir(_) => Purpose::Read,
        VaultPlace::S3(_) => purpose,
    };
    let looked = match opened {
        Some(vault) => Ok(vault),
        None => (context.stores.open(place, opens).and_then(Vault::open))
            .and_then(|vault| ready(context, place, purpose, vault)),
    };
    match looked {
        Ok(vault) => Ok(Some(vault)),
        Err(problem) if problem.kind == Kind::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The vault at a place, made where there is none.
///
/// # Errors
/// As [`Vault::open_or_create`], and where the store cannot be opened.
pub fn open_or_create_vault(context: &Context, place: &VaultPlace, now: Timestamp) -> Result<Vault> {
    if let Some(vault) = context.opened.get(place, Purpose::Write) {
        return Ok(vault);
    }
    if keys::asks_for_readers(context, place) && look_for_writing(context, place)?.is_none() {
        let what = "the estate file names readers, and an encrypted vault is not made on the way";
        return Err(Problem::new(Kind::Refused, what).at(say_place(place)).remedy(
            "make it with `outlive vault init NAME`: it writes the key that copies are encrypted with",
        ));
    }
    let vault = Vault::open_or_create(context.stores.open(place, Purpose::Write)?, now)?;
    let vault = ready(context, place, Purpose::Write, vault)?.for_many();
    Ok(context.opened.keep(place, Purpose::Write, vault))
}

/// What a person calls a place.
pub fn say_place(place: &VaultPlace) -> String {
    match place {
        VaultPlace::Dir(path) => printable(path.as_os_str().as_bytes()),
        VaultPlace::S3(place) => {
            let at = place.endpoint.as_deref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
            format!("s3://{}/{}{at}", place.bucket, place.prefix)
        }
    }
}

/// The directory that a vault is, unless it is a bucket.
pub fn directory_of(place: &VaultPlace) -> Option<&Path> {
    match place {
        VaultPlace::Dir(path) => Some(path),
        VaultPlace::S3(_) => None,
    }
}

/// How a bucket is addressed that is named on the command line: what `addressing` says of a vault in the estate file.
pub const ADDRESSING: &str = "OUTLIVE_S3_ADDRESSING";

/// A vault that was named on the command line: `s3://bucket/prefix`, whose endpoint and region the environment may name,
/// and how the bucket is addressed, or a directory.
///
/// # Errors
/// `Usage` for an address without a bucket, and for an unknown way to address one.
pub fn place_named(text: &OsStr, environment: &Environment) -> Result<VaultPlace> {
    let Some(address) = text.to_str().and_then(|text| text.strip_prefix("s3://")) else {
        return Ok(VaultPlace::Dir(text.into()));
    };
    let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
    if bucket.is_empty() {
        return Err(Problem::new(Kind::Usage, "an address without a bucket")
            .at(printable(text.as_bytes()))
            .remedy("write s3://bucket or s3://bucket/prefix"));
    }
    let named = |name| environment.get(name).map(str::to_owned);
    let prefix = prefix.trim_matches('/');
    let addressing = match environment.get(ADDRESSING) {
        None | Some("auto") => Addressing::Auto,
        Some("path") => Addressing::Path,
        Some("host") => Addressing::Host,
        Some(_) => {
            return Err(Problem::new(Kind::Usage, format!("{ADDRESSING} names no way to address a bucket"))
                .at(printable(text.as_bytes()))
                .remedy("write path (https://endpoint/bucket), host (https://bucket.endpoint) or auto, or unset it"));
        }
    };
    Ok(VaultPlace::S3(Box::new(S3Place {
        bucket: bucket.to_owned(),
        prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        endpoint: named("AWS_ENDPOINT_URL_S3").or_else(|| named("AWS_ENDPOINT_URL")),
        region: named("AWS_REGION").or_else(|| named("AWS_DEFAULT_REGION")),
        addressing,
        ..S3Place::default()
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<VaultPlace> {
        let endpoint = ("AWS_ENDPOINT_URL".into(), "http://127.0.0.1:8333".into());
        place_named(OsStr::new(text), &Environment::new([endpoint]))
    }

    #[test]
    fn an_address_is_a_bucket_with_a_prefix_and_anything_else_a_directory() {
        assert_eq!(named("/mnt/vault").unwrap(), VaultPlace::Dir("/mnt/vault".into()));
        let place = named("s3://bucket/a/b").unwrap();
        assert_eq!(say_place(&place), "s3://bucket/a/b/ at http://127.0.0.1:8333");
        assert_eq!(say_place(&named("s3://bucket").unwrap()), "s3://bucket/ at http://127.0.0.1:8333");
        assert!(named("s3:///prefix").is_err());
    }

    #[test]
    fn the_environment_says_all_that_the_estate_file_says_of_a_bucket() {
        let place = |way: &str| {
            let said = [("AWS_REGION", "eu-central"), ("AWS_ENDPOINT_URL_S3", "https://s3.example")];
            let said = said.into_iter().chain([(ADDRESSING, way)]);
            let environment = Environment::new(said.map(|(name, value)| (name.into(), value.into())));
            place_named(OsStr::new("s3://bucket/a"), &environment)
        };
        for (way, addressing) in
            [("host", Addressing::Host), ("path", Addressing::Path), ("auto", Addressing::Auto)]
        {
            let VaultPlace::S3(place) = place(way).unwrap() else { panic!("no bucket") };
            assert_eq!(place.addressing, addressing);
            let said = (place.endpoint.as_deref(), place.region.as_deref(), place.prefix.as_str());
            assert_eq!(said, (Some("https://s3.example"), Some("eu-central"), "a/"));
        }
        let problem = place("sideways").unwrap_err();
        assert!(problem.remedy.contains("https://bucket.endpoint"), "{problem}");
    }
}
