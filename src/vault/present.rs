//! Which of the objects that points need are there, by their sizes alone.

use super::Vault;
use super::format::{Digest, PACKS, PackKey, PackLine, PageKind, PageRef, SIDECARS};
use super::parallel::in_parallel;
use super::roots::FoundRoot;
use super::tree::Lines;
use crate::domain::{Problem, Result};
use crate::store::Key;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which packs and sidecars a store has, by their sizes: no reading.
pub struct Present {
    sizes: BTreeMap<String, Option<u64>>,
    /// Bytes of packs and of their sidecars, by the packs' names, where both are there: what every line is about, as a rule.
    whole: HashMap<Box<str>, (u64, u64)>,
    /// Pages of lists that were read, and all that they name is there: neighbouring points share most of them.
    leaves: Mutex<Leaves>,
}

#[derive(Default)]
struct Leaves {
    hashes: RandomState,
    known: HashMap<Digest, Leaf>,
    lines: usize,
}

/// A page of a list of packs whose packs are all there.
#[derive(Clone)]
struct Leaf {
    page: PageRef,
    first: PackKey,
    last: PackKey,
    /// Hashes of its packs, ascending.
    packs: Arc<[u64]>,
}

/// Lines of packs that are remembered at most: 8 bytes each.
const MOST_LINES: usize = 1_000_000;

/// Packs that are asked for one by one: a listing of a vault with a year of nights costs hundreds of requests.
const FEW: usize = 32;

impl Present {
    fn new(sizes: BTreeMap<String, Option<u64>>) -> Self {
        let pairs = sizes.iter().filter_map(|(key, bytes)| {
            let name = key.strip_prefix(PACKS)?.strip_prefix('/')?;
            let sidecar = *sizes.get(&format!("{SIDECARS}/{name}"))?;
            Some((Box::from(name), ((*bytes)?, sidecar?)))
        });
        Self { whole: pairs.collect(), sizes, leaves: Mutex::default() }
    }

    /// Which of these there are, by asking for each where they are few.
    ///
    /// # Errors
    /// What the store said.
    pub fn of<'a>(vault: &Vault, lines: impl ExactSizeIterator<Item = &'a PackLine>) -> Result<Self> {
        if lines.len() > FEW {
            return Self::list(vault);
        }
        let keys: Vec<Key> =
            lines.flat_map(|line| [line.pack.pack(), line.pack.sidecar()]).collect::<Result<_>>()?;
        let sizes = in_parallel(vault.store().at_once(), &keys, |key| vault.store().size(key));
        // A store may list what it does not let us ask for.
        let Ok(sizes) = sizes else { return Self::list(vault) };
        let found = keys.into_iter().zip(sizes);
        Ok(Self::new(found.filter_map(|(key, size)| Some((key.as_str().to_owned(), Some(size?)))).collect()))
    }

    /// Lists them.
    ///
    /// # Errors
    /// What the store said.
    pub fn list(vault: &Vault) -> Result<Self> {
        let mut all = BTreeMap::new();
        for folder in [PACKS, SIDECARS] {
            all.extend(
                vault
                    .store()
                    .list(folder)?
                    .into_iter()
                    .map(|found| (found.key.as_str().to_owned(), found.bytes)),
            );
        }
        Ok(Self::new(all))
    }

    /// What of a pack and its sidecar is not there as long as it was written.
    ///
    /// # Errors
    /// `Damaged`, naming the object.
    pub fn check(&self, line: &PackLine) -> Result<()> {
        if self.whole.get(&*line.pack.0) == Some(&(line.bytes, line.sidecar_bytes)) {
            return Ok(());
        }
        for (key, bytes) in [(line.pack.pack()?, line.bytes), (line.pack.sidecar()?, line.sidecar_bytes)] {
            match self.sizes.get(key.as_str()) {
                Some(Some(found)) if *found == bytes => {}
                Some(None) => {
                    let what = "the medium does not even say how long it is";
                    return Err(Problem::damaged(key.as_str(), what));
                }
                Some(Some(found)) => {
                    let what = format!("{found} bytes long instead of {bytes}");
                    return Err(Problem::damaged(key.as_str(), what));
                }
                None => {
                    let what = "gone: a recovery point needs it and it is not there";
                    return Err(Problem::damaged(key.as_str(), what));
                }
            }
        }
        Ok(())
    }

    /// The same for everything that a point needs.
    ///
    /// # Errors
    /// As [`Present::check`]; and where the list of packs cannot be read or says two things of one pack.
    pub fn check_point(&self, vault: &Vault, found: &FoundRoot) -> Result<()> {
        let mut own: HashMap<&PackKey, &PackLine> = HashMap::new();
        for line in &found.root.list_packs {
            agree(found, own.insert(&line.pack, line), line)?;
            self.check(line)?;
        }
        let mut listed = Lines::<PackLine>::new(vault, PageKind::Packs, &found.root.packs);
        while let Some(page) = listed.next_leaf()? {
            let known = self.leaves().known.get(&page.sha256).filter(|leaf| leaf.page == page).cloned();
            // Where it may name what the root names too, both have to say the same.
            if let Some(leaf) = known.filter(|leaf| !own.keys().any(|pack| self.may_name(leaf, pack))) {
                listed.pass(&leaf.first, leaf.last)?;
                continue;
            }
            let lines = listed.leaf(&page)?;
            for line in &lines {
                agree(found, own.get(&line.pack).copied(), line)?;
                self.check(line)?;
            }
            self.remember(page, &lines);
        }
        Ok(())
    }

    /// The same for each of these points.
    pub fn check_points(&self, vault: &Vault, found: &[FoundRoot]) -> Vec<Result<()>> {
        let each = |found: &FoundRoot| Ok(self.check_point(vault, found));
        let all = in_parallel(vault.store().at_once(), found, each);
        all.unwrap_or_else(|problem| found.iter().map(|_| Err(problem.clone())).collect())
    }

    fn leaves(&self) -> MutexGuard<'_, Leaves> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_name(&self, leaf: &Leaf, pack: &PackKey) -> bool {
        let hash = self.leaves().hashes.hash_one(pack);
        leaf.packs.binary_search(&hash).is_ok()
    }

    /// Remembers a page of which everything is there, as far as there is room.
    fn remember(&self, page: PageRef, lines: &[PackLine]) {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
        let mut leaves = self.leaves();
        if leaves.lines + lines.len() > MOST_LINES {
            return;
        }
        let mut packs: Vec<u64> = lines.iter().map(|line| leaves.hashes.hash_one(&line.pack)).collect();
        packs.sort_unstable();
        leaves.lines += lines.len();
        let leaf = Leaf { first: first.pack.clone(), last: last.pack.clone(), packs: packs.into(), page };
        leaves.known.insert(leaf.page.sha256, leaf);
    }
}

/// A list says one thing of a pack, wherever it says it.
pub(super) fn agree(found: &FoundRoot, before: Option<&PackLine>, line: &PackLine) -> Result<()> {
    if before.is_none_or(|before| before == line) {
        return Ok(());
    }
    let what = format!("says two things of packs/{}", super::safe(&line.pack.0));
    Err(Problem::damaged(found.key.as_str(), what))
}
