//! Finding the recovery points of a vault.

use super::format::{Digest, MAX_OBJECT, ROOTS, Root};
use super::parallel::in_parallel;
use super::sealing::{Names, Seal};
use super::signed::Signed;
use super::{Vault, safe};
use crate::domain::{Kind, Problem, Result, Timestamp, VolumeId};
use crate::store::{Key, Listed, MOST_SKEW};
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

/// A root that was read.
#[derive(Debug, Clone)]
pub struct FoundRoot {
    /// Its key.
    pub key: Key,
    /// The SHA-256 of the object: the recovery point's identity.
    pub id: Digest,
    /// Its content.
    pub root: Root,
    /// What is known of who made it.
    pub signed: Signed,
    /// When the store took it, by the store's own clock, where that was listed.
    pub stored_at: Option<Timestamp>,
    /// Its size in bytes, where that was listed.
    pub bytes: Option<u64>,
}

/// What somebody else (the ledger) knows of a recovery point in this vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootRecord {
    /// The key of its root.
    pub key: String,
    /// The SHA-256 of its root.
    pub id: Digest,
    /// The volume it is a point of.
    pub volume: VolumeId,
    /// The moment whose state it holds.
    pub taken_at: Timestamp,
}

/// All roots of a vault, and what is wrong with some.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// The sound ones, oldest first.
    pub sound: Vec<FoundRoot>,
    /// The others: a problem that names the object.
    pub damaged: Vec<(Key, Problem)>,
}

impl FoundRoot {
    /// The recovery point's short name: enough digits of its identity to tell points apart.
    pub fn short(&self) -> String {
        self.id.to_string()[..12].to_owned()
    }

    /// By the moment; what a repair wrote in place of others comes after them, the latest last.
    pub fn order(&self) -> (Timestamp, Option<Timestamp>, &Key) {
        (self.root.taken_at, self.root.repairs().map(|_| self.root.finished_at), &self.key)
    }

    /// What a ledger records of it.
    pub fn record(&self) -> RootRecord {
        let (key, volume) = (self.key.as_str().into(), self.root.volume.clone());
        RootRecord { key, id: self.id, volume, taken_at: self.root.taken_at }
    }
}

impl Roots {
    /// Lists every root, and reads those that this vault has not given yet.
    ///
    /// # Errors
    /// When the store cannot be listed. A root that cannot be read is no error here.
    pub fn read(vault: &Vault) -> Result<Self> {
        Self::gather(vault, |_| true)
    }

    /// The same of one volume: sound ones of others are left out.
    ///
    /// # Errors
    /// As [`Roots::read`].
    pub fn of_volume(vault: &Vault, volume: &VolumeId) -> Result<Self> {
        vault.know(volume);
        Self::gather(vault, |found| found.root.volume == *volume)
    }

    /// Those of one volume; what is damaged may be of it.
    pub fn only(mut self, volume: &VolumeId) -> Self {
        self.sound.retain(|found| found.root.volume == *volume);
        self
    }

    /// Reads every root from the medium, whatever this machine remembers of it.
    ///
    /// # Errors
    /// As [`Roots::read`].
    pub fn read_back(vault: &Vault) -> Result<Self> {
        vault.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let listed = vault.store().list(ROOTS)?;
        let read = in_parallel(vault.store().at_once(), &listed, |listed| {
            let forgotten = vault.store().forget(&listed.key).map_err(super::gone);
            Ok(forgotten.and_then(|()| read_root(vault, listed)))
        })?;
        Ok(Self::sorted(vault, listed.into_iter().map(|listed| listed.key).zip(read), |_| true))
    }

    fn gather(vault: &Vault, wanted: impl Fn(&FoundRoot) -> bool) -> Result<Self> {
        let mut roots = Self::default();
        let mut unknown = Vec::new();
        let listed = vault.store().list(ROOTS)?;
        {
            let known = vault.known.lock().unwrap_or_else(PoisonError::into_inner);
            for listed in listed {
                match known.get(&listed.key).map(|found| named(vault, found)) {
                    Some(found) if wanted(&found) => roots.sound.push(found),
                    Some(_) => {}
                    None => unknown.push(listed),
                }
            }
        }
        let read = in_parallel(vault.store().at_once(), &unknown, |listed| Ok(read_root(vault, listed)))?;
        let new = Self::sorted(vault, unknown.into_iter().map(|listed| listed.key).zip(read), wanted);
        roots.sound.extend(new.sound);
        roots.damaged = new.damaged;
        roots.sort();
        Ok(roots)
    }

    fn sorted(
        vault: &Vault,
        read: impl Iterator<Item = (Key, Result<FoundRoot>)>,
        wanted: impl Fn(&FoundRoot) -> bool,
    ) -> Self {
        let mut roots = Self::default();
        let mut known = vault.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, read) in read {
            match read {
                Ok(found) => {
                    let named = named(vault, &found);
                    known.insert(key, found);
                    if wanted(&named) {
                        roots.sound.push(named);
                    }
                }
                // One root that cannot be read, damaged, newer or refused by the system, is one point that
                // cannot be had here, and not the end of the others.
                Err(problem) if problem.place.contains(key.as_str()) => roots.damaged.push((key, problem)),
                Err(problem) => roots.damaged.push((key.clone(), problem.at(key.as_str()))),
            }
        }
        roots.sort();
        roots
    }

    /// The same with one that was just written.
    pub fn with(mut self, found: FoundRoot) -> Self {
        self.sound.push(found);
        self.sort();
        self
    }

    fn sort(&mut self) {
        self.sound.sort_by(|a, b| a.order().cmp(&b.order()));
    }

    /// The newest sound root of a volume that is taken for one of ours. One of a time still to come is passed over: it would be the newest
    /// for years. Where all are, it is the clock that says `now` which is wrong.
    pub fn newest_of(&self, volume: &VolumeId, now: Timestamp) -> Option<&FoundRoot> {
        let ours = |found: &&FoundRoot| &found.root.volume == volume && found.signed.is_trusted();
        let is_early = |found: &&FoundRoot| found.root.taken_at.signed_duration_since(now) > MOST_SKEW;
        let mut ours = self.sound.iter().rev().filter(ours);
        let newest = ours.clone().next();
        ours.find(|found| !is_early(found)).or(newest)
    }

    /// Newer points of which nothing here says that they are of another volume, and which cannot be opened here.
    pub fn newer_closed(&self, than: &FoundRoot) -> impl Iterator<Item = &FoundRoot> {
        let (volume, at) = (than.root.volume.clone(), than.root.taken_at);
        self.sound.iter().filter(move |other| {
            let may_be_of = other.root.named_volume().is_none_or(|named| *named == volume);
            other.root.is_closed() && other.root.taken_at > at && may_be_of
        })
    }

    /// The one root that `volume` and `point` name; without `point`, the newest complete one that is taken for one of ours.
    ///
    /// # Errors
    /// `NotFound` or `Usage` where none or several fit; the message lists what there is.
    pub fn choose(&self, volume: Option<&str>, point: Option<&str>) -> Result<&FoundRoot> {
        let of_volume = |found: &FoundRoot| volume.is_none_or(|wanted| names(&found.root.volume, wanted));
        let fits = |found: &&FoundRoot| {
            of_volume(found)
                && point.is_none_or(|wanted| found.id.to_string().starts_with(wanted))
                && (point.is_some() || found.signed.is_trusted())
        };
        let fitting: Vec<&FoundRoot> = self.sound.iter().filter(fits).collect();
        let mut volumes: Vec<&VolumeId> = fitting.iter().map(|found| &found.root.volume).collect();
        volumes.sort();
        volumes.dedup();
        match (fitting.as_slice(), point) {
            ([], _) if !self.damaged.is_empty() => {
                let keys: Vec<&str> = self.damaged.iter().map(|(key, _)| key.as_str()).collect();
                let what = "no such recovery point can be read in this vault, and these roots are damaged";
                Err(Problem::damaged(keys.join(", "), what)
                    .remedy("`outlive vault list VAULT` shows the recovery points that can be read"))
            }
            ([], None) if self.sound.iter().any(|found| of_volume(found) && !found.signed.is_trusted()) => {
                let what = "none of the recovery points there are is signed with a key that is pinned here";
                Err(Problem::new(Kind::Refused, what)
                    .remedy("`outlive vault list VAULT` shows them, and why; --point takes one all the same"))
            }
            ([], _) => Err(Problem::new(Kind::NotFound, "no such recovery point in this vault")
                .remedy("`outlive vault list VAULT` shows the volumes and recovery points there are")),
            ([one], Some(_)) => Ok(one),
            (_, Some(_)) => Err(Problem::new(Kind::Usage, "several recovery points begin like that")
                .remedy("give more digits of its name; `outlive vault list VAULT` shows them")),
            (several, None) if volumes.len() == 1 => {
                several.iter().rev().find(|found| found.root.is_complete()).copied().ok_or_else(|| {
                    Problem::new(
                        Kind::Refused,
                        "the vault holds only incomplete recovery points of this volume",
                    )
                    .remedy("choose one yourself with --point; `outlive vault list VAULT` shows them")
                })
            }
            _ => Err(Problem::new(Kind::Usage, "several volumes fit")
                .at(volumes.iter().map(|volume| safe(&volume.0)).collect::<Vec<_>>().join(", "))
                .remedy("name one of them")),
        }
    }
}

/// A volume is named by its whole id, or by the path in it.
pub fn names(volume: &VolumeId, wanted: &str) -> bool {
    volume.0 == wanted || volume.0.split_once(':').is_some_and(|(_, path)| path == wanted)
}

/// The same, told by its volume's name where that is known.
fn named(vault: &Vault, found: &FoundRoot) -> FoundRoot {
    let mut found = found.clone();
    if let Some(seal) = vault.seal() {
        seal.name(&mut found.root);
    }
    found
}

fn read_root(vault: &Vault, listed: &Listed) -> Result<FoundRoot> {
    let key = &listed.key;
    let bytes = vault.store().get_bytes(key, MAX_OBJECT).map_err(super::gone)?;
    let inside = |epoch: &str, code: &Digest, sealed: &[u8]| match vault.seal() {
        Some(seal) => seal.inside(key.as_str(), epoch, code, sealed),
        None => Ok(None),
    };
    let none = Names::default();
    let mut root = Root::open_with(key, &bytes, vault.seal().map_or(&none, Seal::known), &inside)?;
    if root.lid.is_some() != vault.is_encrypted() {
        return Err(Problem::damaged(key.as_str(), "encrypted otherwise than its vault is"));
    }
    if root.vault != vault.id() {
        return Err(Problem::damaged(key.as_str(), "belongs to another vault"));
    }
    let id = Digest::of(&bytes);
    vault.seal().map_or(Ok(()), |seal| seal.admit(vault.store(), &id, &mut root))?;
    let signed = vault.signed(&root);
    let (stored_at, bytes) = (listed.stored_at, listed.bytes);
    Ok(FoundRoot { key: key.clone(), id, signed, root, stored_at, bytes })
}
