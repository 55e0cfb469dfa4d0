//! Vaults as recovery points: what a vault holds, and how far the ledger says it was proved.

use super::Context;
use super::damage::StandIns;
use super::doubt::doubts;
use super::fresh::Freshness;
use super::named;
use super::roles::{roles_of, roles_unread, said};
use super::stores::{open_vault, say_place};
use super::survey::SeenVault;
use crate::domain::{
    Bond, Bonds, CopyState, Gap, GapReason, GapScope, Inventory, Kind, Known, Lock, Nature, PointId,
    PointKind, Problem, RecoveryPoint, Result, StoreCheck, Timestamp, Usable, VolumeKind, printable,
    say_duration,
};
use crate::estate::{LockEntry, VaultPlace};
use crate::ledger::{History, Ledger, PATIENCE, Record, VaultRef};
use crate::providers::local::{Standing, System, stand};
use crate::report::activity::{ListedPoint, VaultListed, say_some};
use crate::store::{Identity, MOST_SKEW, UNLOCKED};
use crate::vault::{Epochs, FoundRoot, Present, RootRecord, Roots, Vault, packs_known};

/// So many objects that cannot be read are gaps of their own: a thief may put any number there, and one of them leaves as much open as all.
const MOST_GAPS: usize = 64;

/// What must be said where nothing tells the place of a vault from that of a clone.
///
/// # Errors
/// What the store said.
pub fn unknown_place(vault: &Vault) -> Result<Option<String>> {
    let Identity::OfThisRun { because, .. } = vault.store().identity()? else { return Ok(None) };
    Ok(Some(format!(
        "device unknown: what the vault stands on cannot be told here ({because}), so nothing that was proved before counts, and what this run proves counts in no other"
    )))
}

/// What people must know of where a vault is, and of how its store turned out to work; asked for once it was read.
///
/// # Errors
/// What the store said.
pub fn what_to_know(vault: &Vault) -> Result<Vec<String>> {
    Ok(unknown_place(vault)?
        .into_iter()
        .chain(unread_epochs(vault))
        .chain(disowned_epochs(vault))
        .chain(vault.store().notice())
        .collect())
}

/// What must be said where not everything could be read that may tell of epochs.
pub fn unread_epochs(vault: &Vault) -> Option<String> {
    let unread = &vault.epochs()?.unread;
    let (_, problem) = unread.first()?;
    let names: Vec<String> = unread.iter().map(|(key, _)| key.as_str().to_owned()).collect();
    Some(format!(
        "not everything could be read that may tell of readers and epochs, and whether the present epoch has ended is not known: {} ({})",
        say_some(&names),
        problem.what
    ))
}

/// What must be said where the owner called some of that none of theirs, so that nobody waits for it.
pub fn disowned_epochs(vault: &Vault) -> Option<String> {
    let disowned = &vault.epochs()?.disowned;
    let (_, problem) = disowned.first()?;
    let names: Vec<String> = disowned.iter().map(|(key, _)| key.as_str().to_owned()).collect();
    Some(format!(
        "the estate file calls objects among the statements of epochs that cannot be read none of yours (`waive_unread`): {} ({})",
        say_some(&names),
        problem.what
    ))
}

/// The recovery points of one vault with what they stand on; gaps where it cannot be read.
pub fn vault_inventory(context: &Context, seen: &SeenVault, records: &[Record], now: Timestamp) -> Inventory {
    let Standing { on, assets, gaps } = match &seen.place {
        VaultPlace::Dir(path) => stand(path, &System::default(), now),
        VaultPlace::S3(_) => Standing::default(),
    };
    let mut inventory = Inventory { assets, gaps, ..Inventory::default() };
    inventory.merge(Inventory { assets: seen.assets.clone(), ..Inventory::default() });
    let place = say_place(&seen.place);
    let read = open_vault(context, &seen.place).and_then(|vault| {
        let roots = Roots::read(&vault)?;
        Ok((roots, VaultRef::of(&vault)?, Present::list(&vault)?, vault))
    });
    let (roots, here, present, vault) = match read {
        Ok(read) => read,
        Err(problem) => {
            inventory.roles.extend(roles_unread(seen, &said(&problem)));
            inventory.gaps.push(gap(GapScope::Points, &place, &problem));
            return inventory;
        }
    };
    inventory.gaps.extend(wrong_clock(&vault, &place, now));
    // What the owner calls none of theirs stays in sight.
    let unread = |epochs: &'_ Epochs| [epochs.unread.clone(), epochs.disowned.clone()].concat();
    let unread = vault.epochs().map(unread).unwrap_or_default().into_iter().take(MOST_GAPS);
    inventory.gaps.extend(unread.map(|(_, problem)| gap(GapScope::Points, &place, &problem)));
    if let Some(Err(problem)) = seen.name.as_ref().map(|name| named::check(name, Some(&vault), records)) {
        inventory.gaps.push(gap(GapScope::Points, &place, &problem));
    }
    let history = History::of(records, &here);
    inventory.gaps.extend(lost(seen, &roots, &history, &place));
    let check = seen.lock.map(|lock| checked(seen, lock, &history, now));
    let expired = check.as_ref().and_then(|check| expired(check, &place, now));
    let is_believed = expired.is_none();
    inventory.gaps.extend(expired);
    inventory.checks.extend(check);
    let doubts = doubts(&roots, &history, now);
    let whole = present.check_points(&vault, &roots.sound);
    for (found, whole) in roots.sound.iter().zip(whole) {
        let mut bonds = seen.bonds.clone().complete(Nature::Needs);
        if let Some(on) = &on {
            bonds = bonds.with(Bond::observed(Nature::StoredOn, on.clone(), now)).complete(Nature::StoredOn);
        }
        let state = state_of(&vault, found, &history);
        let usable = match whole {
            Ok(()) => match (usable(state, found), doubts.get(&found.id)) {
                (Usable::Yes, Some(why)) => Usable::Unproven(why.clone()),
                (usable, _) => usable,
            },
            Err(problem) => Usable::No(format!("cannot be restored: {problem}")),
        };
        let restored_at = history.restored_at.get(&found.id).copied();
        let lock = match history.gives_locks_up() {
            // It was seen to: whatever it says of a lock holds nobody off.
            Some(at) => Known::Observed(UNLOCKED, at),
            None if !is_believed => Known::Unknown,
            None => lock_of(seen, history.locks.get(&found.id).copied(), now),
        };
        inventory.points.push(point(found, &vault, Proof { state, usable, restored_at, lock }, bonds, now));
    }
    let roles = roles_of(seen, &vault, (&inventory, &history), now);
    inventory.roles.extend(roles);
    inventory
}

/// Roots that cannot be read, and points that were there and are not.
fn lost(seen: &SeenVault, roots: &Roots, history: &History, place: &str) -> Vec<Gap> {
    let stand_ins = StandIns::of(roots);
    let kept = |key: &str| !seen.given_up.contains(key) && stand_ins.of_key(key, history).is_none();
    let damaged = roots.damaged.iter().filter(|(key, _)| kept(key.as_str()));
    let damaged = damaged.map(|(_, problem)| gap(GapScope::Points, place, problem));
    let is_gone = |record: &&RootRecord| !roots.sound.iter().any(|found| found.id == record.id);
    let gone = history.awaited().filter(|record| kept(&record.key)).filter(is_gone).map(|record| {
        let what = "a recovery point that the ledger recorded is not in the vault any more";
        let problem = Problem::new(Kind::NotFound, what).at(printable(record.key.as_bytes()));
        gap(GapScope::PointsOf(record.volume.clone()), place, &problem)
    });
    damaged.chain(gone).collect()
}

/// Where the store's clock and this machine's differ, one of them is wrong, and no age can be believed.
fn wrong_clock(vault: &Vault, place: &str, now: Timestamp) -> Option<Gap> {
    let detail = match vault.store().clock_skew(now) {
        Ok(Some(skew)) if skew.abs() > MOST_SKEW => {
            format!(
                "the store's clock and this machine's are {} apart: no age can be believed",
                say_duration(skew.abs())
            )
        }
        Ok(_) => return None,
        Err(problem) => format!("the store's clock cannot be asked: {problem}"),
    };
    Some(Gap { scope: GapScope::Points, place: place.into(), reason: GapReason::Failed, detail })
}

/// When the store was last seen to keep locks, and until when that counts.
fn checked(seen: &SeenVault, lock: LockEntry, history: &History, now: Timestamp) -> StoreCheck {
    let vault = seen.name.clone().unwrap_or_else(|| say_place(&seen.place));
    // What a clock that went ahead wrote down is no check of today.
    let kept_locks_at = history.keeps_locks().filter(|at| *at - now <= MOST_SKEW);
    let until = kept_locks_at.zip(lock.check_within).and_then(|(at, within)| at.checked_add_signed(within));
    StoreCheck { vault: printable(vault.as_bytes()), kept_locks_at, until }
}

/// A store that nobody asked for too long is not believed what it says of locks. One that gives them up is another matter.
fn expired(check: &StoreCheck, place: &str, now: Timestamp) -> Option<Gap> {
    let ask = format!("run `outlive vault check {}`", check.vault);
    let detail = match (check.kept_locks_at, check.until) {
        (None, _) => format!("its store was not seen to keep locks: {ask}"),
        (Some(at), Some(until)) if until < now => {
            let at = at.format("%Y-%m-%d");
            format!(
                "its store was last seen to keep locks on {at}, too long ago for them to be believed: {ask}"
            )
        }
        _ => return None,
    };
    let scope = GapScope::Asked(format!("lock.check_within of {}", check.vault));
    Some(Gap { scope, place: place.into(), reason: GapReason::Expired, detail })
}

fn gap(scope: GapScope, place: &str, problem: &Problem) -> Gap {
    let reason = if problem.kind == Kind::NotFound { GapReason::Vanished } else { GapReason::Failed };
    Gap { scope, place: place.into(), reason, detail: problem.to_string() }
}

/// The lock of a point, as far as it was read. What was written without one has none.
fn lock_of(seen: &SeenVault, read: Option<(Lock, Timestamp)>, now: Timestamp) -> Known<Lock> {
    match read {
        Some((lock, at)) => Known::Observed(lock, at),
        None if seen.lock.is_some() => Known::Unknown,
        None => Known::Observed(UNLOCKED, now),
    }
}

/// How far a point was proved, and what that makes it.
struct Proof {
    state: CopyState,
    usable: Usable,
    restored_at: Option<Timestamp>,
    lock: Known<Lock>,
}

/// Of what is encrypted, and nothing here opens, only the outside is known.
fn observed<T>(value: Option<T>, now: Timestamp) -> Known<T> {
    value.map_or(Known::Unknown, |value| Known::Observed(value, now))
}

/// The identity of a point in an inventory. The place belongs to it: a copy of a vault has points of its own, which die apart.
pub(super) fn id_of(vault: &Vault, found: &FoundRoot) -> PointId {
    PointId(format!("vault:{}/{} in {}", vault.id(), found.short(), vault.place()))
}

fn point(found: &FoundRoot, vault: &Vault, proof: Proof, bonds: Bonds, now: Timestamp) -> RecoveryPoint {
    let root = &found.root;
    RecoveryPoint {
        id: id_of(vault, found),
        name: format!("copy {} in {}", found.short(), vault.place()),
        of: observed(root.named_volume().cloned(), now),
        taken_at: Known::Observed(root.taken_at, now),
        kind: PointKind::VaultCopy,
        catalogued: None,
        drilled_at: proof.restored_at.map_or(Known::Unknown, |at| Known::Observed(Some(at), now)),
        consistency: observed((!root.is_closed()).then_some(root.origin.consistency), now),
        bytes: observed((!root.is_closed()).then_some(root.totals.bytes), now),
        lock: proof.lock,
        state: Some(proof.state),
        usable: proof.usable,
        bonds,
    }
}

/// True where a point is whole, came back, and all that it needs is still there.
pub fn came_back(vault: &Vault, present: &Present, found: &FoundRoot, history: &History) -> bool {
    found.root.is_complete()
        && state_of(vault, found, history) >= CopyState::ReadBack
        && present.check_point(vault, found).is_ok()
}

/// How far a point was proved: as the ledger says. Without it, a root shows that it was stored, no more.
pub(super) fn state_of(vault: &Vault, found: &FoundRoot, history: &History) -> CopyState {
    let recorded = match history.depends_on_packs() {
        false => history.state(&found.record()),
        // Damage takes along whatever needs it, also points that came after it was found.
        true => match packs_known(vault, found) {
            Ok(packs) => history.state_with(&found.record(), packs.keys()),
            Err(problem) if problem.kind == Kind::Damaged => Some(CopyState::Damaged),
            // Nobody can say whether it needs what was found damaged.
            Err(_) => history.state(&found.record()).min(Some(CopyState::Stored)),
        },
    };
    match (recorded, found.root.is_complete()) {
        (Some(CopyState::Damaged), _) => CopyState::Damaged,
        (_, false) => CopyState::Incomplete,
        (Some(state), true) => state,
        (None, true) => CopyState::Stored,
    }
}

fn usable(state: CopyState, found: &FoundRoot) -> Usable {
    let totals = &found.root.totals;
    let missed = totals.missed;
    // Whoever names a directory means what lies in it. A whole filesystem has an edge of its own.
    let left_out = totals.not_entered > 0 && found.root.volume_kind != VolumeKind::Filesystem;
    match state {
        CopyState::ReadBack | CopyState::Verified | CopyState::Restored if found.root.is_closed() => {
            let what = "encrypted, and nothing here opens it: what it holds and leaves out is not known on this machine";
            Usable::Unproven(what.into())
        }
        CopyState::ReadBack | CopyState::Verified | CopyState::Restored if left_out => {
            let count = totals.not_entered;
            Usable::Unproven(format!(
                "leaves out {count} directories that are volumes of their own: copy and audit those too"
            ))
        }
        CopyState::ReadBack | CopyState::Verified | CopyState::Restored => Usable::Yes,
        CopyState::Stored => {
            Usable::Unproven("stored, but not read back by this machine: run `outlive verify`".into())
        }
        CopyState::Incomplete => Usable::Unproven(format!("incomplete: {missed} paths could not be read")),
        CopyState::Damaged => Usable::No("an object it needs is damaged".into()),
    }
}

/// A point as it is listed.
pub(super) fn listed_point(
    vault: &Vault,
    found: &FoundRoot,
    history: &History,
    doubted: Option<&String>,
) -> ListedPoint {
    let is_open = !found.root.is_closed();
    ListedPoint {
        point: found.short(),
        id: found.id.to_string(),
        volume: printable(found.root.volume.0.as_bytes()),
        taken_at: found.root.taken_at,
        files: is_open.then_some(found.root.totals.files),
        bytes: is_open.then_some(found.root.totals.bytes),
        state: state_of(vault, found, history).word(),
        read_since: history.read_since.get(&found.id).copied(),
        missed: found.root.totals.missed,
        doubted: doubted.cloned(),
    }
}

/// Everything a vault holds.
///
/// # Errors
/// When it cannot be opened or listed.
pub fn list_vault(context: &Context, place: &VaultPlace) -> Result<VaultListed> {
    let vault = open_vault(context, place)?;
    let roots = Roots::read(&vault)?;
    let history = History::of(&Ledger::look(&context.state, PATIENCE)?, &VaultRef::of(&vault)?);
    let doubts = doubts(&roots, &history, (context.clock)());
    let fresh = Freshness::of(roots.sound.iter(), &history);
    let points = roots.sound.iter().map(|found| listed_point(&vault, found, &history, doubts.get(&found.id)));
    // What pretends to tell of readers and epochs, too.
    let wrong = vault.epochs().into_iter().flat_map(|epochs| epochs.wrong.iter().chain(epochs.lost()));
    Ok(VaultListed {
        place: vault.place(),
        vault: printable(vault.id().as_bytes()),
        points: points.collect(),
        damaged: roots.damaged.iter().chain(wrong).map(|(_, problem)| problem.to_string()).collect(),
        unread: unread_epochs(&vault),
        notices: what_to_know(&vault)?.into_iter().chain(fresh.notice()).collect(),
        at: (context.clock)(),
    })
}
