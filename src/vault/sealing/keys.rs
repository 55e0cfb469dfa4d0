//! What readers hold, and the objects from which they get an epoch's key.

use super::{ChunkKey, Epoch, seal, unseal};
use crate::domain::{Kind, Problem, Result};
use crate::store::{Key, random_hex};
use crate::vault::format::{Digest, KEYS};
use age::secrecy::ExposeSecret;
use std::fmt;
use zeroize::Zeroizing;

/// Such an object is two lines.
const MOST: u64 = 4096;

/// A public key of age: `age1…`.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Recipient {}

impl Recipient {
    /// Reads a public key; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    pub(in super::super) fn encryptor(&self) -> Result<age::Encryptor> {
        age::Encryptor::with_recipients(std::iter::once(&self.0 as &dyn age::Recipient))
            .map_err(|error| Problem::new(Kind::Internal, format!("cannot encrypt: {error}")))
    }

    /// A short name of it, for keys of objects.
    pub fn short(&self) -> String {
        Digest::of(self.to_string().as_bytes()).to_string()[..16].to_owned()
    }
}

/// The private keys of a reader, and where each comes from; empty where nobody said it.
#[derive(Clone, Default)]
pub struct Identities(Vec<(age::x25519::Identity, String)>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} secret keys)", self.0.len())
    }
}

impl Identities {
    /// Reads a file as `age-keygen` writes it: comments, and lines that begin with `AGE-SECRET-KEY-1`.
    ///
    /// # Errors
    /// `Usage` for anything else; the text is in no message.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let all: Option<Vec<_>> = lines.map(|line| Some((line.parse().ok()?, String::new()))).collect();
        match all {
            Some(all) if !all.is_empty() => Ok(Self(all)),
            _ if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-1") => {
                let what = "a line that begins with AGE-SECRET-KEY-1 is no whole key: a letter of it is wrong or missing, or something else stands beside it";
                Err(Problem::new(Kind::Usage, what).remedy(
                    "compare it with the original letter by letter: it is one line of 74 signs, and in a file of keys every other line begins with #",
                ))
            }
            _ => Err(Problem::new(Kind::Usage, "no private key of a reader").remedy(
                "name a file as age-keygen writes it, with a line that begins with AGE-SECRET-KEY-1",
            )),
        }
    }

    /// The same, of which it is known where they come from.
    pub fn from(mut self, place: &str) -> Self {
        self.0.iter_mut().for_each(|(_, from)| place.clone_into(from));
        self
    }

    /// The same, with others.
    pub fn and(mut self, others: &Self) -> Self {
        self.0.extend(others.0.iter().cloned());
        self
    }

    /// Those of one reader.
    pub fn only(&self, reader: &Recipient) -> Self {
        let of_it =
            |(identity, _): &&(age::x25519::Identity, String)| Recipient(identity.to_public()) == *reader;
        Self(self.0.iter().filter(of_it).cloned().collect())
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// To which public keys they belong, and where they come from.
    pub fn told(&self) -> String {
        let told = |(identity, from): &(age::x25519::Identity, String)| {
            let from = if from.is_empty() { String::new() } else { format!(" (from {from})") };
            format!("{}{from}", identity.to_public())
        };
        self.0.iter().map(told).collect::<Vec<_>>().join(", ")
    }
}

/// An epoch that a reader has opened.
#[derive(Clone)]
pub struct OpenedEpoch {
    /// Its name.
    pub name: String,
    /// What opens all that was sealed in it.
    pub(in super::super) identity: age::x25519::Identity,
    /// The key of names.
    pub chunk_key: ChunkKey,
}

impl fmt::Debug for OpenedEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(secret key of the epoch {})", self.name)
    }
}

impl OpenedEpoch {
    /// The object from which a reader gets the epoch's key, sealed to that one.
    ///
    /// # Errors
    /// None in practice.
    pub fn wrap(&self, vault: &str, reader: &Recipient) -> Result<Vec<u8>> {
        seal(reader, text_of(vault, &self.name, &self.chunk_key, &self.identity).as_bytes())
    }
}

/// All epochs of a vault that a reader has opened, in the order of the epochs.
#[derive(Debug, Clone, Default)]
pub struct Opened(Vec<OpenedEpoch>);

impl FromIterator<OpenedEpoch> for Opened {
    fn from_iter<I: IntoIterator<Item = OpenedEpoch>>(epochs: I) -> Self {
        Self(epochs.into_iter().collect())
    }
}

impl Opened {
    /// One of them.
    pub fn of(&self, epoch: &str) -> Option<&OpenedEpoch> {
        self.0.iter().find(|opened| opened.name == epoch)
    }

    /// Opens a small object of any of them.
    ///
    /// # Errors
    /// `Damaged`, naming the object.
    pub fn unseal(&self, object: &str, sealed: &[u8], limit: u64) -> Result<Vec<u8>> {
        unseal(object, sealed, self.0.iter().map(|opened| &opened.identity), limit)
    }

    /// What opens them, for reading in part.
    pub(in super::super) fn identities(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|opened| &opened.identity as &dyn age::Identity)
    }
}

/// An epoch's key, sealed to one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochKey {
    /// Where it goes.
    pub key: Key,
    /// The object.
    pub bytes: Vec<u8>,
}

/// A new epoch: what whoever copies gets, and the objects for its readers. What opens it is kept nowhere else.
#[derive(Clone)]
pub struct NewEpoch {
    /// For whoever copies.
    pub epoch: Epoch,
    /// For readers.
    pub keys: Vec<EpochKey>,
    /// What opens it.
    pub(in super::super) identity: age::x25519::Identity,
}

impl fmt::Debug for NewEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(the new epoch {}, with its secret key)", self.epoch.name)
    }
}

impl NewEpoch {
    /// Makes an epoch of a vault for these readers.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn generate(vault: &str, readers: Vec<Recipient>) -> Result<Self> {
        let identity = age::x25519::Identity::generate();
        let name = random_hex()?[..16].to_owned();
        let chunk_key = ChunkKey::generate()?;
        let text = text_of(vault, &name, &chunk_key, &identity);
        let keys = readers.iter().map(|reader| {
            let key = Key::new(format!("{KEYS}/{name}-{}", reader.short()))?;
            Ok(EpochKey { key, bytes: seal(reader, text.as_bytes())? })
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let recipient = Recipient(identity.to_public());
        Ok(Self { epoch: Epoch { vault: vault.into(), name, recipient, chunk_key }, keys, identity })
    }
}

/// What such an object holds.
fn text_of(
    vault: &str,
    epoch: &str,
    chunk_key: &ChunkKey,
    identity: &age::x25519::Identity,
) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "# outlive vault {vault}, epoch {epoch}\n# chunk key: {}\n{}\n",
        chunk_key.reveal().as_str(),
        identity.to_string().expose_secret()
    ))
}

/// What one of the objects opens for a reader; `None` where it is for somebody else, or of another epoch.
pub(in super::super) fn opened_by(
    identities: &Identities,
    object: &str,
    sealed: &[u8],
    (epoch, recipient): (&str, &Recipient),
) -> Option<OpenedEpoch> {
    let text =
        Zeroizing::new(unseal(object, sealed, identities.0.iter().map(|(identity, _)| identity), MOST).ok()?);
    let text = std::str::from_utf8(&text).ok()?;
    let chunk_key =
        text.lines().find_map(|line| line.strip_prefix("# chunk key: ")).and_then(ChunkKey::parse)?;
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1"))?;
    let identity: age::x25519::Identity = secret.parse().ok()?;
    // Whoever may write to the vault can seal some other key to a reader: the marker says which one is meant.
    (Recipient(identity.to_public()) == *recipient).then_some(OpenedEpoch {
        name: epoch.to_owned(),
        identity,
        chunk_key,
    })
}
