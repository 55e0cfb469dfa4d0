//! Keys of encrypted vaults: where they come from, and what they are used for.

use super::Context;
use super::stores::Purpose;
use crate::domain::{Kind, Problem, Result, VolumeId, printable};
use crate::estate::{Estate, SecretSource, VaultEntry, VaultPlace};
use crate::vault::{Epoch, Epochs, Identities, Recipient, Vault, VaultKeys};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What this run knows of the keys of vaults.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Mutex<Ring>>);

#[derive(Default)]
struct Ring {
    entries: Vec<VaultEntry>,
    volumes: Vec<VolumeId>,
    identities: Vec<SecretSource>,
}

impl Keyring {
    /// Learns which keys the vaults of an estate have.
    pub fn learn(&self, estate: &Estate) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.entries = estate.vaults.clone();
        let copied = estate.copies.iter().map(|copy| &copy.volume);
        ring.volumes = estate.volumes.iter().map(|volume| &volume.id).chain(copied).cloned().collect();
    }

    /// Also takes a reader's private key from here.
    pub fn identity(&self, source: SecretSource) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).identities.push(source);
    }

    fn entry(&self, place: &VaultPlace) -> Option<VaultEntry> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.entries.iter().find(|entry| entry.place == *place).cloned()
    }
}

fn is_encrypted(entry: &VaultEntry) -> bool {
    !entry.readers.is_empty() || entry.epoch_key.is_some() || entry.identity.is_some()
}

/// Whether the estate file asks for a vault at this place to be encrypted.
pub fn asks_for_readers(context: &Context, place: &VaultPlace) -> bool {
    context.keys.entry(place).is_some_and(|entry| !entry.readers.is_empty())
}

/// The same vault with the keys that are here for it.
///
/// # Errors
/// `Refused` where it is to be written to, the estate file names readers and it is not encrypted; keys that cannot be had,
/// or fit another vault.
pub fn unlock(context: &Context, place: &VaultPlace, purpose: Purpose, vault: Vault) -> Result<Vault> {
    let entry = context.keys.entry(place);
    if !vault.is_encrypted() {
        return unencrypted(context, entry.as_ref(), purpose, vault);
    }
    let vault = disowning(context, entry.as_ref(), vault);
    let epoch = entry.as_ref().filter(|entry| has_epoch(context, entry, Some(&vault)));
    let epoch = epoch.map(|entry| epoch_of(context, entry, &vault));
    let of_reader = || identities(context, entry.as_ref());
    let (epoch, identities) = match (purpose, epoch.transpose()) {
        (Purpose::Write, epoch) => (epoch?, Identities::default()),
        // Who only reads may do without.
        (Purpose::Read, epoch) => (epoch.ok().flatten(), of_reader()?),
        (Purpose::Record, Ok(Some(epoch))) => (Some(epoch), Identities::default()),
        // A reader knows all that is needed to seal something to the present epoch.
        (Purpose::Record, epoch) => match of_reader()? {
            none if none.is_empty() => (epoch?, none),
            identities => (None, identities),
        },
    };
    let memory = Some(context.state.join("memory"));
    let vault = vault.with_keys(&VaultKeys { epoch, identities, memory })?;
    refuse_other_readers(entry.as_ref(), purpose, &vault)?;
    name_volumes(context, &vault);
    Ok(if purpose == Purpose::Record { vault.written_by_reader() } else { vault })
}

fn refuse_other_readers(entry: Option<&VaultEntry>, purpose: Purpose, vault: &Vault) -> Result<()> {
    for reader in entry.iter().flat_map(|entry| &entry.readers).map(|reader| &reader.key) {
        if !Recipient::parse(reader).is_some_and(|reader| vault.is_for(&reader)) {
            // What could not be read may tell of this very reader.
            let told = vault.epochs().map_or(Ok(()), Epochs::check_read);
            match (told, purpose) {
                (Err(_), Purpose::Read) => continue,
                (told, _) => told?,
            }
            let what =
                format!("the estate file names the reader {reader}, and the vault was not made for that one");
            return Err(Problem::new(Kind::Refused, what).at(vault.place()).remedy(
                "add it with `outlive vault reader add`, on a machine where a reader's private key is, or take it out of `readers`",
            ));
        }
    }
    Ok(())
}

/// The same vault as whoever has a reader's private key sees it, for what only readers may do.
///
/// # Errors
/// `Refused` where it is not encrypted, or no identity is here that opens it.
pub fn unlock_as_reader(context: &Context, entry: &VaultEntry, vault: Vault) -> Result<Vault> {
    if !vault.is_encrypted() {
        let what = "the vault is not encrypted: it has no readers and no epochs";
        return Err(Problem::new(Kind::Refused, what)
            .at(vault.place())
            .remedy("a vault does not become encrypted: make another one for readers (docs/encryption.md)"));
    }
    let identities = identities(context, Some(entry))?;
    if identities.is_empty() {
        let what = "only whoever holds a reader's private key can do that, and none is here";
        return Err(Problem::new(Kind::Usage, what)
            .at(vault.place())
            .remedy("give the private key of one of its readers: --identity FILE"));
    }
    let vault = disowning(context, Some(entry), vault);
    let vault = vault.with_keys(&VaultKeys { identities, ..VaultKeys::default() })?;
    name_volumes(context, &vault);
    Ok(vault)
}

/// The same vault, before any key is brought, where nobody waits for what its owner says is none of theirs.
pub fn disowning(context: &Context, entry: Option<&VaultEntry>, vault: Vault) -> Vault {
    match entry.map(|entry| entry.none_of_ours((context.clock)())) {
        Some(objects) => vault.disowning(&objects),
        None => vault,
    }
}

/// The private keys that were given for a vault.
fn identities(context: &Context, entry: Option<&VaultEntry>) -> Result<Identities> {
    let mut sources = context.keys.0.lock().unwrap_or_else(PoisonError::into_inner).identities.clone();
    sources.extend(entry.and_then(|entry| entry.identity.clone()));
    let mut identities = Identities::default();
    for source in &sources {
        let secret = source.resolve(&context.environment)?;
        let parsed = Identities::parse(secret.reveal()).map_err(|problem| problem.at(source.place()))?;
        identities = identities.and(&parsed.from(&source.place()));
    }
    Ok(identities)
}

/// The private keys that were given with the command, whatever the estate file names.
///
/// # Errors
/// Where one cannot be had, or is none.
pub fn given(context: &Context) -> Result<Identities> {
    identities(context, None)
}

fn name_volumes(context: &Context, vault: &Vault) {
    let ring = context.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
    ring.volumes.iter().for_each(|volume| vault.know(volume));
}

/// A vault that is not encrypted, where nothing here says that it should be: somebody may have put it in the other one's place.
fn unencrypted(
    context: &Context,
    entry: Option<&VaultEntry>,
    purpose: Purpose,
    vault: Vault,
) -> Result<Vault> {
    let was_made_so = entry.is_some_and(|entry| is_encrypted(entry) || has_epoch(context, entry, None));
    // Where no table tells of the vault, whoever brings a key takes it for encrypted.
    let has_identity =
        || !context.keys.0.lock().unwrap_or_else(PoisonError::into_inner).identities.is_empty();
    let is_taken_so = was_made_so || entry.is_none() && purpose == Purpose::Read && has_identity();
    if !is_taken_so {
        return Ok(vault);
    }
    let what = "the vault is to be encrypted by what is here (readers, an epoch key or an identity), and it was made without encryption";
    Err(Problem::new(Kind::Refused, what).at(vault.place()).remedy(
        "nothing was read or written. Where it was encrypted before, somebody put another vault in its place. Where it never was, make another \
         vault for readers (another path, bucket or prefix, and another id); to read this one, leave those keys out",
    ))
}

/// Whether there is, or should be, a key with which copies are encrypted.
fn has_epoch(context: &Context, entry: &VaultEntry, vault: Option<&Vault>) -> bool {
    let is_there = |source: SecretSource| matches!(source, SecretSource::File(path) if path.exists());
    !entry.readers.is_empty() || entry.epoch_key.is_some() || is_there(epoch_source(context, entry, vault))
}

/// Where the key of a vault is with which copies are encrypted.
fn epoch_source(context: &Context, entry: &VaultEntry, vault: Option<&Vault>) -> SecretSource {
    let current = vault.and_then(Vault::epochs).into_iter().flat_map(|epochs| epochs.current());
    let later = current.map(|epoch| epoch_file(context, entry, Some(&epoch.name))).find(|path| path.exists());
    let default = || SecretSource::File(later.unwrap_or_else(|| epoch_file(context, entry, None)));
    entry.epoch_key.clone().unwrap_or_else(default)
}

/// Where such a key is kept unless the estate file says otherwise: that of the first epoch, or of a later one by its name.
pub fn epoch_file(context: &Context, entry: &VaultEntry, later: Option<&str>) -> PathBuf {
    let name = later.map_or_else(|| format!("{}.key", entry.id), |epoch| format!("{}-{epoch}.key", entry.id));
    context.state.join("epochs").join(name)
}

/// The key with which copies are encrypted.
fn epoch_of(context: &Context, entry: &VaultEntry, vault: &Vault) -> Result<Epoch> {
    if entry.epoch_key.is_none() {
        refuse_hidden(context, entry, vault)?;
    }
    let text = epoch_source(context, entry, Some(vault)).resolve(&context.environment)?;
    Epoch::parse(text.reveal())
}

/// A key of an epoch is written once that has begun in the vault. Where the vault does not tell of it any more, somebody took that out:
/// nothing is encrypted with the key of a former one then.
fn refuse_hidden(context: &Context, entry: &VaultEntry, vault: &Vault) -> Result<()> {
    let beginning = format!("{}-", entry.id);
    let Ok(files) = std::fs::read_dir(context.state.join("epochs")) else { return Ok(()) };
    for file in files.filter_map(std::io::Result::ok) {
        let name = file.file_name();
        let epoch = name.to_str().and_then(|name| name.strip_prefix(&beginning)?.strip_suffix(".key"));
        let is_epoch = |name: &&str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(epoch) = epoch.filter(is_epoch) else { continue };
        // The name of another vault may look like that.
        let is_of_this = || {
            let text = std::fs::read_to_string(file.path()).ok()?;
            Epoch::parse(&text).ok().map(|key| key.vault == vault.id())
        };
        if vault.epochs().is_some_and(|epochs| epochs.of(epoch).is_none()) && is_of_this() == Some(true) {
            vault.epochs().map_or(Ok(()), Epochs::check_read)?;
            let what = "the key of an epoch is here of which the vault tells nothing: what began it was taken out of the vault, or is damaged";
            return Err(Problem::new(Kind::Refused, what)
                .at(printable(file.path().as_os_str().as_bytes()))
                .remedy("nothing was written. Look at `outlive vault reader list` and at who may delete in this store; where the key is of no use, move it away"));
        }
    }
    Ok(())
}

/// For whom a new vault is to be encrypted, and where the key of those who copy into it goes; none where nobody is named.
///
/// # Errors
/// `Usage` where that is no file that could be made.
pub fn new_readers(context: &Context, entry: &VaultEntry) -> Result<Option<(Vec<Recipient>, PathBuf)>> {
    if entry.readers.is_empty() {
        return Ok(None);
    }
    let readers = entry.readers.iter().filter_map(|reader| Recipient::parse(&reader.key)).collect();
    let SecretSource::File(path) = epoch_source(context, entry, None) else {
        let what = "the vault is to be made, and its epoch key can only be written to a file";
        return Err(Problem::new(Kind::Usage, what).remedy(
            "write epoch_key = { file = \"…\" } for now; once it is made, keep the key where you like",
        ));
    };
    if path.exists() {
        let what = "there is an epoch key already, and the vault is to be made";
        return Err(Problem::new(Kind::Usage, what).at(printable(path.as_os_str().as_bytes())).remedy(
            "it may be the key of another vault: name another file in epoch_key, or move this one away",
        ));
    }
    Ok(Some((readers, path)))
}

/// Writes the key of those who copy, where nothing is yet; only its owner may read it.
pub fn keep_epoch(path: &std::path::Path, epoch: &Epoch) -> Result<()> {
    let failed =
        |error| Problem::io("writing the epoch key", error).at(printable(path.as_os_str().as_bytes()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let comment = "# Who copies into the vault needs this, and it opens nothing. Keep a copy: without it the vault takes no more copies.\n";
    file.write_all(comment.as_bytes())
        .and_then(|()| file.write_all(epoch.render().as_bytes()))
        .map_err(failed)?;
    file.sync_all().map_err(failed)?;
    match folder {
        Some(folder) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        None => Ok(()),
    }
}
