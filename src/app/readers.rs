//! Readers and epochs of encrypted vaults: who can read, adding a reader, beginning a new epoch.

use super::locks::{LockPlan, terms_now};
use super::stores::{Purpose, say_place};
use super::vaults::{disowned_epochs, unread_epochs};
use super::{Context, keys, named};
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::{Estate, ReaderEntry, ReaderRole, VaultEntry, VaultPlace};
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{
    EpochKept, EpochMade, ListedEpoch, ListedReader, ReaderMade, ReadersListed, say_lock,
};
use crate::store::Key;
use crate::vault::format::KEYS;
use crate::vault::{Epoch, Epochs, KnownEpoch, LockTerms, Recipient, Roots, Vault};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A vault that a reader opened, to be written to.
struct Held {
    vault: Vault,
    terms: Option<LockTerms>,
    ledger: Ledger,
    now: Timestamp,
}

/// The store of a vault with the credential that writes; a directory is not made.
fn open_to_write(context: &Context, place: &VaultPlace) -> Result<Vault> {
    let purpose = match place {
        VaultPlace::Dir(_) => Purpose::Read,
        VaultPlace::S3(_) => Purpose::Write,
    };
    Vault::open(context.stores.open(place, purpose)?)
}

impl Held {
    fn open(context: &Context, estate: &Estate, entry: &VaultEntry) -> Result<Self> {
        let now = (context.clock)();
        let ledger = Ledger::open(&context.state, PATIENCE)?;
        let vault = open_to_write(context, &entry.place)?;
        named::check(&entry.id, Some(&vault), ledger.records())?;
        let vault = keys::unlock_as_reader(context, entry, vault)?;
        let terms = terms_now(LockPlan::of(estate, entry).as_ref(), &vault, now)?;
        let vault = terms.map_or_else(|| vault.clone(), |terms| vault.clone().under(terms));
        Ok(Self { vault, terms, ledger, now })
    }

    fn epochs(&self) -> Result<&Epochs> {
        let none = || Problem::new(Kind::Internal, "an encrypted vault without epochs");
        self.vault.epochs().ok_or_else(none)
    }

    /// Sees that all that readers need is under lock by now; why it is not, where the store does not say that it is.
    fn lock(&self, context: &Context, entry: &VaultEntry) -> Result<Option<String>> {
        let Some(terms) = self.terms else { return Ok(None) };
        let lock = open_to_write(context, &entry.place)?.lock_itself(terms)?;
        if lock.is_some_and(|lock| terms.meets(&lock, terms.least)) {
            return Ok(None);
        }
        let said = lock.map_or_else(|| "nothing".to_owned(), say_lock);
        Ok(Some(format!("the store took the lock, and says of what readers need: {said}")))
    }
}

/// A reader that is about to be added.
pub struct AddReader<'a> {
    context: &'a Context,
    entry: &'a VaultEntry,
    reader: Recipient,
    role: ReaderRole,
    held: Held,
}

impl<'a> AddReader<'a> {
    /// Looks what would be done; nothing is written.
    ///
    /// # Errors
    /// `Usage` for what is no public key; as opening the vault.
    pub fn plan(
        context: &'a Context,
        estate: &Estate,
        entry: &'a VaultEntry,
        (reader, role): (&str, Option<ReaderRole>),
    ) -> Result<Self> {
        // It is not repeated: somebody may have given the private key.
        let reader = Recipient::parse(reader).ok_or_else(|| {
            Problem::new(Kind::Usage, "this is no public key of age that can be a reader's")
                .remedy("give what `age-keygen -y FILE` prints: age1 and 58 characters")
        })?;
        let text = reader.to_string();
        let named = entry.readers.iter().find(|named| named.key == text).map(|named| named.role);
        let role = role.or(named).unwrap_or(ReaderRole::Reader);
        Ok(Self { context, entry, reader, role, held: Held::open(context, estate, entry)? })
    }

    /// What it means, in sentences; none where the reader is one already.
    ///
    /// # Errors
    /// None in practice.
    pub fn consequences(&self) -> Result<Vec<String>> {
        let epochs = self.held.epochs()?;
        if epochs.iter().all(|epoch| epoch.is_for(&self.reader)) {
            return Ok(Vec::new());
        }
        let mut said = vec![
            format!(
                "{} will be able to read every recovery point of the vault `{}` that your identity can read, those of the past too, and what \
                 comes.",
                self.reader, self.entry.id
            ),
            "Nobody can take a reader away from what is written. Only a new epoch (`outlive vault epoch new`) leaves one out, of what is \
             copied from then on."
                .to_owned(),
        ];
        said.extend(epochs.wrong.first().map(|(_, problem)| format!("Note: {problem}.")));
        Ok(said)
    }

    /// Adds it.
    ///
    /// # Errors
    /// What the store said: what was done until then is done, and the next run goes on.
    pub fn perform(mut self) -> Result<ReaderMade> {
        let done = self.held.vault.add_reader(&self.reader, self.held.now).map_err(|problem| {
            let what = format!("the reader was not added, or not to every epoch: {}", problem.what);
            let again = "run it again: it goes on where this run was stopped";
            let remedy = if problem.remedy.is_empty() { again.to_owned() } else { problem.remedy.clone() };
            Problem { what, remedy, ..problem }
        })?;
        let unlocked = self.held.lock(self.context, self.entry)?;
        if !done.added.is_empty() {
            let vault = VaultRef::of(&self.held.vault)?;
            let (reader, epochs) = (self.reader.to_string(), done.added.clone());
            self.held.ledger.append((self.context.clock)(), Event::ReaderAdded { vault, reader, epochs })?;
        }
        let text = self.reader.to_string();
        let is_named = self.entry.readers.iter().any(|named| named.key == text && named.role == self.role);
        Ok(ReaderMade {
            name: self.entry.id.clone(),
            place: self.held.vault.place(),
            reader: self.reader.to_string(),
            added: done.added,
            already: done.already,
            closed: done.closed,
            role: self.role.word(),
            in_estate: is_named,
            notices: unlocked.into_iter().collect(),
        })
    }
}

/// An epoch that is about to begin.
pub struct BeginEpoch<'a> {
    context: &'a Context,
    entry: &'a VaultEntry,
    readers: Vec<Recipient>,
    into: Option<&'a Path>,
    held: Held,
}

impl<'a> BeginEpoch<'a> {
    /// Looks what would be done; nothing is written. The key goes into `into`, or to where it is looked for.
    ///
    /// # Errors
    /// `Usage` where the estate file names no readers, or the file is there; as opening the vault.
    pub fn plan(
        context: &'a Context,
        estate: &Estate,
        entry: &'a VaultEntry,
        into: Option<&'a Path>,
    ) -> Result<Self> {
        let readers: Vec<Recipient> =
            entry.readers.iter().filter_map(|reader| Recipient::parse(&reader.key)).collect();
        if readers.is_empty() {
            let what =
                format!("the estate file names no readers of `{}`, and a new epoch is for those", entry.id);
            return Err(Problem::new(Kind::Usage, what)
                .remedy("write readers = [\"age1…\", \"age1…\"] into the vault's table"));
        }
        into.map_or(Ok(()), refuse_existing)?;
        Ok(Self { context, entry, readers, into, held: Held::open(context, estate, entry)? })
    }

    /// What it means, in sentences.
    ///
    /// # Errors
    /// What the store said.
    pub fn consequences(&self) -> Result<Vec<String>> {
        let Held { vault, ledger, .. } = &self.held;
        let (epochs, roots) = (self.held.epochs()?, Roots::read(vault)?);
        let since = epochs.current().map(|epoch| epoch.began).max();
        let since = since.map(|at| at.format(" (since %Y-%m-%d %H:%M UTC)").to_string()).unwrap_or_default();
        let mut said = vec![
            format!(
                "What is copied into `{}` from now on is encrypted for the {} readers of the estate file alone, with a new key. Whoever copies \
                 needs that key; with the present one{since} nothing more is copied.",
                self.entry.id,
                self.readers.len()
            ),
            format!(
                "The {} recovery points that are there stay, for those who read them now. A root of the former epoch that is not among \
                 them counts for nothing from now on: let no copy be under way.",
                roots.sound.len()
            ),
            "Nothing of what is stored is built upon: the next copy of each volume sends everything again."
                .to_owned(),
        ];
        for reader in &self.readers {
            if !epochs.iter().all(|epoch| epoch.is_for(reader)) {
                said.push(format!(
                    "{reader} does not read all of what was copied before: `outlive vault reader add` gives it that, should it."
                ));
            }
        }
        let history = History::of(ledger.records(), &VaultRef::of(vault)?);
        let known: BTreeSet<_> = history.points.iter().map(|record| record.id).collect();
        let strange: Vec<String> = (roots.sound.iter())
            .filter(|found| !known.is_empty() && !known.contains(&found.id))
            .map(|found| found.short())
            .collect();
        if !strange.is_empty() {
            said.push(format!(
                "The ledger of this machine does not know {} of the points, which whoever stole a key may have made: {}.",
                strange.len(),
                strange.join(", ")
            ));
        }
        if !roots.damaged.is_empty() {
            said.push(format!("{} roots are damaged, and stay no points.", roots.damaged.len()));
        }
        Ok(said)
    }

    /// Begins it.
    ///
    /// # Errors
    /// What the store said: then the former epoch goes on, unless the message says that the new one has begun.
    pub fn perform(mut self) -> Result<EpochMade> {
        let begun = self.held.vault.begin_epoch(self.readers.clone(), self.held.now)?;
        let unlocked = self.held.lock(self.context, self.entry);
        let vault = VaultRef::of(&self.held.vault)?;
        let (epoch, former) = (begun.epoch.name.clone(), begun.ended.clone());
        let event = Event::EpochBegan { vault, epoch, former, points: begun.points };
        let recorded = self.held.ledger.append((self.context.clock)(), event);
        let kept = keep(self.context, self.entry, &begun.epoch, self.into).map_err(|problem| Problem {
            what: format!("the new epoch has begun, and its key could not be kept: {}", problem.what),
            remedy: "run `outlive vault epoch key` with the identity: it writes the key".into(),
            ..problem
        })?;
        recorded?;
        Ok(EpochMade {
            name: self.entry.id.clone(),
            place: self.held.vault.place(),
            epoch: begun.epoch.name,
            ended: begun.ended,
            left: begun.left,
            points: begun.points,
            damaged: begun.damaged.iter().map(|key| printable(key.as_bytes())).collect(),
            readers: self.readers.iter().map(Recipient::to_string).collect(),
            epoch_key: printable(kept.as_os_str().as_bytes()),
            found_unasked: is_found(self.entry, self.into),
            notices: unlocked?.into_iter().collect(),
        })
    }
}

/// Writes the key with which copies into a vault are encrypted now: a reader's private key opens it.
///
/// # Errors
/// `Refused` where the identity is no reader of the present epoch; `Usage` where the file is there.
pub fn keep_present_epoch(
    context: &Context,
    estate: &Estate,
    entry: &VaultEntry,
    into: Option<&Path>,
) -> Result<EpochKept> {
    let held = Held::open(context, estate, entry)?;
    let epoch = held.vault.present_epoch()?;
    let kept = keep(context, entry, &epoch, into)?;
    Ok(EpochKept {
        name: entry.id.clone(),
        epoch: epoch.name,
        epoch_key: printable(kept.as_os_str().as_bytes()),
        found_unasked: is_found(entry, into),
    })
}

/// Whether copies find the key without being told of it.
fn is_found(entry: &VaultEntry, into: Option<&Path>) -> bool {
    into.is_none() && entry.epoch_key.is_none()
}

fn refuse_existing(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    Err(Problem::new(Kind::Usage, "there is a file already where the epoch key is to go")
        .at(printable(path.as_os_str().as_bytes()))
        .remedy("name another file with --into: nothing is overwritten"))
}

fn keep(context: &Context, entry: &VaultEntry, epoch: &Epoch, into: Option<&Path>) -> Result<PathBuf> {
    let path = into.map_or_else(|| keys::epoch_file(context, entry, Some(&epoch.name)), Path::to_path_buf);
    refuse_existing(&path)?;
    keys::keep_epoch(&path, epoch).map(|()| path)
}

/// Who can read what is in a vault, as far as the vault tells; no private key is needed.
///
/// # Errors
/// `Refused` where it is not encrypted; what the store said.
pub fn list_readers(
    context: &Context,
    place: &VaultPlace,
    entry: Option<&VaultEntry>,
) -> Result<ReadersListed> {
    let vault = Vault::open(context.stores.open(place, Purpose::Read)?)?;
    let vault = keys::disowning(context, entry, vault);
    let Some(epochs) = vault.epochs() else {
        let what = "the vault is not encrypted: whoever reads its store reads what it holds";
        return Err(Problem::new(Kind::Refused, what).at(say_place(place)));
    };
    let named = entry.iter().flat_map(|entry| &entry.readers);
    let known: Vec<(Recipient, &ReaderEntry)> =
        named.filter_map(|reader| Some((Recipient::parse(&reader.key)?, reader))).collect();
    let wrong = epochs.wrong.iter().chain(epochs.lost()).map(|(_, problem)| problem.to_string());
    let mut wrong: Vec<String> = wrong.collect();
    for line in epochs.lines() {
        wrong.extend(vault.check_key_line(line).err().map(|problem| problem.to_string()));
    }
    let missing = known.iter().filter(|(reader, _)| !vault.is_for(reader));
    let missing = missing.map(|(reader, _)| reader.to_string()).collect();
    Ok(ReadersListed {
        place: vault.place(),
        vault: printable(vault.id().as_bytes()),
        epochs: epochs.iter().map(|epoch| listed(epoch, &known, entry.is_some())).collect(),
        missing,
        unsigned: unsigned(&vault, epochs)?,
        unread: unread_epochs(&vault).or_else(|| disowned_epochs(&vault)),
        wrong,
    })
}

fn listed(epoch: &KnownEpoch, known: &[(Recipient, &ReaderEntry)], has_estate: bool) -> ListedEpoch {
    let reader = |short: &str, since: Timestamp, added: bool| {
        let found = known.iter().find(|(reader, _)| reader.short() == short);
        ListedReader {
            reader: found.map(|(reader, _)| reader.to_string()),
            role: found.map(|(_, entry)| entry.role.word()),
            owner: found.and_then(|(_, entry)| entry.owner.as_ref()).map(|owner| owner.0.clone()),
            digits: short.to_owned(),
            since,
            added,
            unlisted: has_estate && found.is_none() && epoch.ended.is_empty(),
        }
    };
    let first = epoch.keys.iter().filter_map(|line| line.key.rsplit_once('-'));
    let first = first.map(|(_, short)| reader(&printable(short.as_bytes()), epoch.began, false));
    let added = epoch.added.iter().map(|added| reader(&printable(added.reader.as_bytes()), added.at, true));
    ListedEpoch {
        epoch: printable(epoch.name.as_bytes()),
        began: epoch.began,
        ended: epoch.ended_at(),
        readers: first.chain(added).collect(),
    }
}

/// Objects among the keys of which nothing signed tells: of a run that was stopped, or somebody else's.
fn unsigned(vault: &Vault, epochs: &Epochs) -> Result<Vec<String>> {
    let told: BTreeSet<&str> = epochs.lines().map(|line| line.key.as_str()).collect();
    let listed = vault.store().list(KEYS)?;
    let keys = listed.iter().map(|listed| &listed.key).filter(|key| !told.contains(key.as_str()));
    Ok(keys.map(|key: &Key| printable(key.as_str().as_bytes())).collect())
}
