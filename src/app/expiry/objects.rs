//! Which objects go: roots of points that do, and what no point needs any more. Whatever is not known to be free stays.

use super::points::{Points, is_pack};
use super::{Scene, pack_of};
use crate::domain::{Kind, Result, Timestamp, printable};
use crate::ledger::FOLDER;
use crate::plan::{Leftover, leftover};
use crate::report::activity::LeftAlone;
use crate::store::{CANARIES, Hold, INCOMING, Listed, StoredVersion};
use crate::vault::format::{ENDED, EPOCHS, KEYS, PACKS, PackKey, ROOTS, RUNBOOKS, SIDECARS};
use crate::vault::{FoundRoot, in_parallel, packs_known};
use std::collections::{BTreeMap, BTreeSet};

/// An object that goes, with all that is stored under its key.
pub(super) struct Going {
    pub listed: Listed,
    pub versions: Vec<StoredVersion>,
}

/// What goes, and what is told of the rest.
#[derive(Default)]
pub(super) struct Objects {
    /// Roots: they go first, so that no point is there without what it needs.
    pub roots: Vec<Going>,
    /// Packs, sidecars, and other names of them.
    pub others: Vec<Going>,
    /// What no point needs and stays all the same, by the reason.
    pub left: Vec<LeftAlone>,
    /// What is none of this program's.
    pub strange: Vec<String>,
    /// How many of the keys that go were written more than once, or deleted.
    pub written_over: usize,
    /// Why it is not known of some whether they may go.
    pub unknown: Vec<String>,
}

/// What keeps something from going.
pub(super) struct Held {
    pub because: String,
    /// Whether nobody knows.
    pub is_unknown: bool,
}

impl Objects {
    /// Judges every object of a vault.
    ///
    /// # Errors
    /// What the store said.
    pub fn judge(scene: &Scene<'_>, points: &Points) -> Result<Self> {
        let mut objects = Self::default();
        let store = scene.vault.store();
        let mut listed = store.list(PACKS)?;
        listed.extend(store.list(SIDECARS)?);
        let known = [
            "README.md",
            "vault.json",
            INCOMING,
            "lost+found",
            CANARIES,
            PACKS,
            SIDECARS,
            ROOTS,
            KEYS,
            EPOCHS,
            ENDED,
            FOLDER,
            RUNBOOKS,
        ];
        objects.strange.extend(store.stranger(&known)?);
        let strange = listed.extract_if(.., |listed| !is_pack(listed.key.name()));
        objects.strange.extend(strange.map(|listed| printable(listed.key.as_str().as_bytes())));
        for (key, versions) in &points.roots {
            objects.roots.push(Going { listed: key.clone(), versions: versions.clone() });
        }
        if points.unknown.is_empty() {
            objects.judge_packs(scene, points, listed)?;
            objects.other_names(scene)?;
        }
        let is_written_over = |going: &&Going| going.versions.len() > 1;
        objects.written_over = objects.roots.iter().chain(&objects.others).filter(is_written_over).count();
        Ok(objects)
    }

    fn judge_packs(&mut self, scene: &Scene<'_>, points: &Points, listed: Vec<Listed>) -> Result<()> {
        let (mut needed, mut expired) = (BTreeSet::new(), BTreeSet::new());
        for (found, _) in &points.staying {
            needed.extend(packs_of(scene, found)?);
        }
        for (found, _) in &points.going {
            expired.extend(packs_of(scene, found)?);
        }
        let (mut candidates, mut left) = (Vec::new(), Left::default());
        for listed in listed {
            let Some(pack) = pack_of(&listed.key).filter(|pack| !needed.contains(pack)) else { continue };
            let planned = expired.contains(&pack) || scene.history.planned_packs.contains(&pack);
            let since = if planned { None } else { since(scene, &listed)? };
            match leftover(since, planned, scene.now) {
                Leftover::MayGo => candidates.push(listed),
                Leftover::Young => left.add(&listed, "no point needs it, and a copy may be at work on it"),
                Leftover::Ageless => {
                    left.add(&listed, "no point needs it, and nobody says since when it is there")
                }
            }
        }
        for (listed, versions) in holds(scene, candidates)? {
            match held(&versions, scene.now) {
                None => self.others.push(Going { listed, versions }),
                Some(Held { because, is_unknown }) => {
                    left.add(&listed, &because);
                    if is_unknown && !self.unknown.contains(&because) {
                        self.unknown.push(because);
                    }
                }
            }
        }
        self.left = left.0.into_values().collect();
        Ok(())
    }

    /// Where a filesystem has no files without a name, an object has one among what came in, which would keep its bytes.
    fn other_names(&mut self, scene: &Scene<'_>) -> Result<()> {
        let names: BTreeSet<&str> =
            self.roots.iter().chain(&self.others).map(|going| going.listed.key.name()).collect();
        let waiting = scene.vault.store().list(INCOMING)?;
        let is_of_one = |listed: &Listed| {
            listed.key.name().rsplit_once('.').is_some_and(|(name, _)| names.contains(name))
        };
        let same: Vec<Listed> = waiting.into_iter().filter(is_of_one).collect();
        for (listed, versions) in holds(scene, same)? {
            if held(&versions, scene.now).is_none() {
                self.others.push(Going { listed, versions });
            }
        }
        Ok(())
    }
}

/// What stays, by the reason.
#[derive(Default)]
struct Left(BTreeMap<String, LeftAlone>);

impl Left {
    fn add(&mut self, listed: &Listed, because: &str) {
        let left = self.0.entry(because.to_owned()).or_insert_with(|| LeftAlone {
            because: because.to_owned(),
            first: listed.key.as_str().to_owned(),
            objects: 0,
            bytes: 0,
        });
        left.objects += 1;
        left.bytes = left.bytes.saturating_add(listed.bytes.unwrap_or(0));
    }
}

/// What a point needs. Where its list is damaged, another root stands in its place, or nothing would be judged: it needs nothing.
fn packs_of(scene: &Scene<'_>, found: &FoundRoot) -> Result<Vec<PackKey>> {
    match packs_known(scene.vault, found) {
        Ok(table) => Ok(table.keys().cloned().collect()),
        Err(problem) if problem.kind == Kind::Damaged => Ok(Vec::new()),
        Err(problem) => Err(problem),
    }
}

/// Since when something is there; what went meanwhile is not there at all.
fn since(scene: &Scene<'_>, listed: &Listed) -> Result<Option<Timestamp>> {
    match scene.vault.store().there_since(listed) {
        Err(problem) if matches!(problem.kind, Kind::NotFound | Kind::Damaged) => Ok(None),
        since => since,
    }
}

/// What is stored under each key, with what holds it, in their order.
///
/// # Errors
/// What the store said.
pub(super) fn holds(scene: &Scene<'_>, listed: Vec<Listed>) -> Result<Vec<(Listed, Vec<StoredVersion>)>> {
    let store = scene.vault.store();
    let found = in_parallel(store.at_once(), &listed, |listed| match store.versions_of(listed) {
        Err(problem) if problem.kind == Kind::NotFound => {
            let hold = Hold::Unknown("it went while the plan was made".into());
            Ok(vec![StoredVersion { id: None, hold }])
        }
        versions => versions,
    })?;
    Ok(listed.into_iter().zip(found).collect())
}

/// What keeps a key from going; `None` where all that is stored under it is known to be free.
pub(super) fn held(versions: &[StoredVersion], now: Timestamp) -> Option<Held> {
    let hold = versions.iter().map(|version| &version.hold).find(|hold| !hold.is_over(now));
    let because = match hold {
        None if versions.is_empty() => "nothing is shown under its key".to_owned(),
        None => return None,
        Some(Hold::Free) => return None,
        // The day alone: of thousands, each has a moment of its own.
        Some(Hold::Until(until)) => format!("locked until {}", until.format("%Y-%m-%d")),
        Some(Hold::Legal) => "under a legal hold".to_owned(),
        Some(Hold::Unknown(because)) => because.clone(),
    };
    let is_unknown = !matches!(hold, Some(Hold::Until(_) | Hold::Legal));
    Some(Held { because, is_unknown })
}
