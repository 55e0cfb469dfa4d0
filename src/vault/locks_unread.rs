//! Locks of what lies among the statements of epochs and cannot be read.

use super::Vault;
use super::locks::{Kept, LockTerms, ends, keep_locked};
use crate::domain::Result;
use crate::store::Key;
use std::collections::BTreeMap;

impl Vault {
    /// Sees that what could not be read, and may be what a reader wrote, stays under lock as it does already. What was kept so far has a lock that
    /// lasts about as long as one that is given now: its last night was not long ago. What has none, or a shorter or softer one, was never kept
    /// here, and whoever put it there is not helped to keep it there for ever. Where that fails, the others stay all the same.
    pub(super) fn keep_unread(&self, terms: LockTerms, kept: &mut Kept) {
        for (key, _) in self.epochs().into_iter().flat_map(|epochs| &epochs.unread) {
            match self.keep_one(key, terms) {
                Ok(more) => {
                    kept.extended += more.extended;
                    more.refused.into_iter().for_each(|(_, problem)| kept.refuse(problem));
                }
                Err(problem) => kept.refuse(problem),
            }
        }
    }

    fn keep_one(&self, key: &Key, terms: LockTerms) -> Result<Kept> {
        let lock = self.store().lock_of(key)?;
        let was_kept = ends(terms, terms.least, lock) + terms.slack() >= terms.least;
        if !was_kept {
            return Ok(Kept::default());
        }
        keep_locked(self, &BTreeMap::from([(key.clone(), terms.least)]), terms, true)
    }
}
