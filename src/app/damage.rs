//! Damage that a use case came upon: recorded, and told.

use crate::domain::{Problem, Result, Timestamp};
use crate::ledger::{Event, History, Ledger, VaultRef};
use crate::report::activity::DamagedObject;
use crate::vault::format::is_of_same_point;
use crate::vault::{Damage, FoundRoot, Roots, Stopped, Unread};

/// Appends damage to the ledger, all of it even where one append fails.
///
/// # Errors
/// The first problem that the ledger had.
pub fn record_damage(ledger: &mut Ledger, at: Timestamp, vault: &VaultRef, damage: &[Damage]) -> Result<()> {
    let mut recorded = Ok(());
    for Damage { object, because, points } in damage {
        let (object, because) = (object.clone(), because.clone());
        let points = points.iter().cloned().collect();
        let appended = ledger.append(at, Event::Damaged { vault: vault.clone(), object, because, points });
        recorded = recorded.and(appended);
    }
    recorded
}

/// The same for what could not be read.
///
/// # Errors
/// The first problem that the ledger had.
pub fn record_unread(ledger: &mut Ledger, at: Timestamp, vault: &VaultRef, unread: &[Unread]) -> Result<()> {
    let mut recorded = Ok(());
    for Unread { object, because, points } in unread {
        let (object, because) = (object.clone(), because.clone());
        let points = points.iter().cloned().collect();
        let appended = ledger.append(at, Event::Unread { vault: vault.clone(), object, because, points });
        recorded = recorded.and(appended);
    }
    recorded
}

/// Appends what a stopped work had found, damage and what could not be read.
///
/// # Errors
/// The first problem that the ledger had.
pub fn record_found(ledger: &mut Ledger, at: Timestamp, vault: &VaultRef, found: &Stopped) -> Result<()> {
    let damage = record_damage(ledger, at, vault, &found.damage);
    damage.and(record_unread(ledger, at, vault, &found.unread))
}

/// The same for work whose result is worth nothing unrecorded: its damage is said all the same.
///
/// # Errors
/// `Damaged`, naming the objects, where the ledger cannot be written.
pub fn record_or_fail(ledger: &mut Ledger, at: Timestamp, vault: &VaultRef, damage: &[Damage]) -> Result<()> {
    record_damage(ledger, at, vault, damage).map_err(|problem| {
        let objects: Vec<String> =
            damage.iter().map(|damage| format!("{} ({})", damage.object, damage.because)).collect();
        or_unrecorded(Problem::damaged(objects.join(", "), "damaged in the vault"), Err(problem))
    })
}

/// The same where the work itself failed: its own problem is what must be seen, and beside it that its damage
/// could not be recorded.
pub fn or_unrecorded(problem: Problem, recorded: Result<()>) -> Problem {
    match recorded {
        Ok(()) => problem,
        Err(ledger) => {
            let what = format!("{}; this damage is not recorded: {ledger}", problem.what);
            Problem { what, ..problem }
        }
    }
}

/// The root that stands in for the one with this key, since a repair wrote it. Where the ledger knows the one that is replaced, it has to know
/// the repair too: whoever writes to the vault could excuse a removal otherwise.
pub fn stand_in<'r>(key: &str, roots: &'r Roots, history: &History) -> Option<&'r FoundRoot> {
    StandIns::of(roots).of_key(key, history)
}

/// The roots that stand in for others, gathered once for those who ask of many: of the thousands of a vault there are few.
pub struct StandIns<'r>(Vec<&'r FoundRoot>);

impl<'r> StandIns<'r> {
    /// Those of a vault.
    pub fn of(roots: &'r Roots) -> Self {
        let stands = |found: &&FoundRoot| {
            found.root.repairs().is_some() && found.signed.is_trusted() && found.root.is_complete()
        };
        Self(roots.sound.iter().filter(stands).collect())
    }

    /// As [`stand_in`].
    pub fn of_key(&self, key: &str, history: &History) -> Option<&'r FoundRoot> {
        let stands = |found: &&FoundRoot| {
            is_of_same_point(key, found.key.as_str())
                && (history.repaired.contains(&found.id) || !history.knows_root(key))
        };
        self.0.iter().copied().find(stands)
    }
}

/// For people; `name` says what they call the recovery point with a root.
pub fn told(damage: &[Damage], name: impl Fn(&str) -> String) -> Vec<DamagedObject> {
    let told = damage.iter().map(|damage| DamagedObject {
        object: damage.object.clone(),
        because: damage.because.clone(),
        points: damage.points.iter().map(|key| name(key)).collect(),
    });
    told.collect()
}
