//! Pages of trees that a vault does not give any more, had from elsewhere: each is told by its SHA-256, which the page above it names.

use super::super::Vault;
use super::super::format::{Digest, Frame, PackKey, PackRole, PageKind, PageRef, SIDECARS};
use super::super::leftover::described;
use super::super::sealing::Ids;
use crate::domain::Result;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A second vault that may hold what is lacked.
pub struct Other {
    pub vault: Vault,
    ids: Ids,
    /// Where its pages are, by their name in it; looked for when it is first asked.
    pages: OnceLock<HashMap<Digest, Frame>>,
}

impl Other {
    pub fn new(vault: &Vault) -> Self {
        // Nothing is written there: names are had by the key of names, which whoever reads it has too.
        let vault = vault.clone().written_by_reader();
        Self { ids: vault.ids(), vault, pages: OnceLock::new() }
    }

    /// The name of a chunk or page in it.
    pub fn name(&self, digest: &Digest) -> Digest {
        self.ids.of(digest)
    }

    /// Hands over what each readable sidecar in it says, with the role of its pack.
    pub fn each_frame(
        &self,
        mut take: impl FnMut(PackRole, Frame, &[super::super::format::Chunk]),
    ) -> Result<()> {
        for listed in self.vault.store().list(SIDECARS)? {
            let pack = PackKey(listed.key.name().into());
            let Ok((_, sidecar)) = described(&self.vault, &pack) else { continue };
            for frame in &sidecar.frames {
                let place = Frame { pack: pack.clone(), at: frame.at, length: frame.length };
                take(sidecar.header.role, place, &frame.chunks);
            }
        }
        Ok(())
    }

    /// A page with this digest, wherever it is in this vault.
    fn page(&self, page: &PageRef, kind: PageKind) -> Option<Vec<u8>> {
        let is_it = |bytes: &Vec<u8>| Digest::of(bytes) == page.sha256;
        // One that was copied as a whole has it at the same place.
        if let Some(found) = self.vault.page(page, kind).ok().filter(is_it) {
            return Some(found);
        }
        let pages = self.pages.get_or_init(|| {
            let mut pages = HashMap::new();
            // What cannot be listed is not had from it.
            let _ = self.each_frame(|role, frame, chunks| {
                if let (PackRole::Tree | PackRole::List, [page]) = (role, chunks) {
                    pages.insert(page.sha256(), frame);
                }
            });
            pages
        });
        let frame = pages.get(&self.name(&page.sha256))?.clone();
        self.vault.page(&PageRef { frame, ..page.clone() }, kind).ok().filter(is_it)
    }
}

/// Pages that a vault lacks, and where to ask for them.
pub struct Spare {
    /// The packs that give what they hold: nothing of them need be kept.
    sound: BTreeSet<PackKey>,
    pages: Mutex<HashMap<Digest, Vec<u8>>>,
    others: std::sync::Arc<Vec<Other>>,
}

impl Spare {
    pub fn new(sound: BTreeSet<PackKey>, others: std::sync::Arc<Vec<Other>>) -> Self {
        Self { sound, pages: Mutex::default(), others }
    }

    /// What was read of a page, or where that is not the page, what is had of it from elsewhere.
    ///
    /// # Errors
    /// What reading it said, where it is had nowhere.
    pub fn or(&self, read: Result<Vec<u8>>, page: &PageRef, kind: PageKind) -> Result<Vec<u8>> {
        if read.as_ref().is_ok_and(|bytes| Digest::of(bytes) == page.sha256) {
            return read;
        }
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&page.sha256).cloned();
        let found = kept.or_else(|| {
            let found = self.others.iter().find_map(|other| other.page(page, kind))?;
            self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(page.sha256, found.clone());
            Some(found)
        });
        found.map_or(read, Ok)
    }

    /// Keeps a page that was made anew, unless a sound pack holds it.
    pub fn keep(&self, pack: &PackKey, digest: Digest, page: &[u8]) {
        if !self.sound.contains(pack) {
            self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, page.to_vec());
        }
    }
}

impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}
