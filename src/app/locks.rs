//! Locks of vaults: agreed to once, given with each copy, and made longer while recovery points are needed.

mod needed;

use super::check;
use super::damage::StandIns;
use super::doubt::doubts;
use super::ledger::keep_ledger_locked;
use super::named;
use super::stores::{Purpose, look_for_writing, say_place};
use super::vaults::state_of;
use super::{Context, keys};
use crate::domain::{
    CopyState, Kind, Lock, LockKind, LockMode, Problem, Result, Timestamp, VolumeId, printable, say_duration,
    slack_of,
};
use crate::estate::{Estate, LockOrder, VaultEntry, VaultPlace};
use crate::ledger::{Event, History, Ledger, PATIENCE, Record, VaultRef};
use crate::report::activity::{VaultMade, say_lock};
use crate::store::{Found, MOST_SKEW, Scope, Store, Trial};
use crate::vault::format::Digest;
use crate::vault::{Epoch, FoundRoot, LockTerms, Needed, Readers, Roots, Vault};
use needed::needed_of;
use std::collections::BTreeMap;

/// The vault of a copy, written to under the locks that are asked for; refused where nobody agreed to those yet.
///
/// # Errors
/// `Refused` where there is none, it was not made with such a lock, another one is known by this name, or the store's clock
/// is not to be relied on.
pub fn open(
    context: &Context,
    (name, place): (&str, &VaultPlace),
    lock: &LockOrder,
    records: &[Record],
) -> Result<Vault> {
    let now = (context.clock)();
    let found = look_for_writing(context, place)?;
    named::check(name, found.as_ref(), records)?;
    let Some(vault) = found else { return Err(not_agreed(&say_place(place), name, lock.kind)) };
    under(vault.for_many(), name, lock, now)
}

/// The same vault, written to under a lock that somebody agreed to.
///
/// # Errors
/// `Refused` where nobody did, or the store's clock is not to be relied on.
pub fn under(vault: Vault, name: &str, lock: &LockOrder, now: Timestamp) -> Result<Vault> {
    if !is_agreed(vault.own_lock()?, lock.kind, now) {
        return Err(not_agreed(&vault.place(), name, lock.kind));
    }
    let terms = terms(vault.store(), lock, now)?;
    Ok(vault.under(terms))
}

/// The terms under which something is written into a vault now; none where nothing is locked there.
///
/// # Errors
/// `Refused` where nobody agreed to the locks yet, or the store's clock is not to be relied on.
pub(super) fn terms_now(plan: Option<&LockPlan>, vault: &Vault, now: Timestamp) -> Result<Option<LockTerms>> {
    let Some((plan, order)) = plan.and_then(|plan| Some((plan, plan.longest()?))) else { return Ok(None) };
    if !is_agreed(vault.own_lock()?, order.kind, now) {
        return Err(not_agreed(&vault.place(), &plan.entry.id, order.kind));
    }
    terms(vault.store(), order, now).map(Some)
}

/// Whether the vault itself lies under such a lock: that is how everybody sees that somebody agreed.
fn is_agreed(own: Option<Lock>, kind: LockKind, now: Timestamp) -> bool {
    own.is_some_and(|lock| {
        let as_hard = lock.mode == LockMode::Compliance || lock.mode == kind.mode();
        as_hard && lock.until.is_some_and(|until| until > now)
    })
}

fn not_agreed(place: &str, name: &str, kind: LockKind) -> Problem {
    let what = format!(
        "the estate file asks for locks ({}), and the vault was not made with one, or it has ended",
        kind.word()
    );
    Problem::new(Kind::Refused, what)
        .at(place)
        .remedy(format!("run `outlive vault init {name}`: it says what a lock costs, and asks"))
}

/// Locks end by the store's clock, which is believed only where it agrees with this machine's: one that is years ahead
/// would lock for years.
fn terms(store: &dyn Store, order: &LockOrder, now: Timestamp) -> Result<LockTerms> {
    let theirs = time_of(store, now)?;
    LockTerms::new(order.kind, order.locked_for, order.most, theirs)
        .map_err(|problem| problem.at(store.place()))
}

/// What time it is by a store's clock, where that agrees with this machine's.
///
/// # Errors
/// `Refused` where it does not, or the store does not say.
pub(super) fn time_of(store: &dyn Store, now: Timestamp) -> Result<Timestamp> {
    let theirs = store.server_time()?;
    let theirs = theirs.ok_or_else(|| {
        Problem::new(Kind::Refused, "the store does not say what time it is, and a lock ends by its clock")
            .at(store.place())
    })?;
    let skew = (theirs - now).abs();
    if skew > MOST_SKEW {
        let what = format!(
            "the store's clock and this machine's are {} apart: no lock is begun or over by a clock that may be wrong",
            say_duration(skew)
        );
        return Err(Problem::new(Kind::Refused, what)
            .at(store.place())
            .remedy("set this machine's clock, and see that it is kept (NTP)"));
    }
    Ok(theirs)
}

/// What is kept under lock in a vault: by volume, and of volumes that nobody lists.
#[derive(Debug, Clone)]
pub struct LockPlan {
    /// The vault.
    pub entry: VaultEntry,
    of_volume: BTreeMap<VolumeId, LockOrder>,
    of_others: Option<LockOrder>,
}

impl LockPlan {
    /// Of one vault; `None` where it locks nothing.
    pub fn of(estate: &Estate, entry: &VaultEntry) -> Option<Self> {
        entry.lock?;
        let volumes = estate.copies_to(&entry.id).map(|copy| &copy.volume);
        let of_volume = volumes.filter_map(|id| Some((id.clone(), estate.lock_order(entry, id)?))).collect();
        let of_others = estate.lock_order(entry, &VolumeId(String::new()));
        Some(Self { entry: entry.clone(), of_volume, of_others })
    }

    fn order(&self, volume: &VolumeId) -> Option<&LockOrder> {
        self.of_volume.get(volume).or(self.of_others.as_ref())
    }

    /// The order of the longest lock.
    pub(super) fn longest(&self) -> Option<&LockOrder> {
        self.of_volume.values().chain(&self.of_others).max_by_key(|order| order.locked_for)
    }
}

/// What became of the locks of a vault.
#[derive(Debug, Clone, Default)]
pub struct LocksKept {
    /// Recovery points that are still needed.
    pub points: usize,
    /// Locks that were made longer.
    pub extended: usize,
    /// Why some could not be.
    pub refused: Option<(usize, Problem)>,
    /// Points that are not locked as long as they are needed, as the store tells.
    pub short: Vec<String>,
}

impl LocksKept {
    fn refuse(&mut self, count: usize, problem: Problem) {
        let (before, first) = self.refused.take().unwrap_or((0, problem));
        self.refused = Some((before + count, first));
    }
}

/// Makes the locks longer of all that is still needed in a vault, and records which lock each point has by then.
///
/// # Errors
/// Where there is no such vault, nobody agreed to locks in it, or its store does not answer.
pub fn keep_locks(context: &Context, plan: &LockPlan) -> Result<LocksKept> {
    let records = Ledger::look(&context.state, PATIENCE)?;
    let (id, place) = (&plan.entry.id, &plan.entry.place);
    let vault = look_for_writing(context, place)?;
    named::check(id, vault.as_ref(), &records)?;
    // Where no copy was made yet, nothing is to be kept.
    let Some(vault) = vault else { return Ok(LocksKept::default()) };
    let roots = Roots::read(&vault)?;
    let history = History::of(&records, &VaultRef::of(&vault)?);
    // What is damaged, and has another root in its place, is needed by nobody.
    let stand_ins = StandIns::of(&roots);
    let is_needed = |found: &&FoundRoot| {
        stand_ins.of_key(found.key.as_str(), &history).is_none()
            || state_of(&vault, found, &history) != CopyState::Damaged
    };
    let mut volumes: BTreeMap<&VolumeId, Vec<&FoundRoot>> = BTreeMap::new();
    // What a stranger made has the lock that the stranger gave it.
    let needed = roots.sound.iter().filter(|found| found.signed.is_trusted()).filter(is_needed);
    needed.for_each(|found| volumes.entry(&found.root.volume).or_default().push(found));
    let doubted = doubts(&roots, &history, (context.clock)());
    let (mut kept, mut locks) = (LocksKept::default(), BTreeMap::new());
    for (volume, points) in volumes {
        let Some(order) = plan.order(volume) else {
            // Nobody says for how long: what it holds is not kept, and that is told.
            let newest = points.last().map(|found| found.short()).unwrap_or_default();
            kept.short.push(format!("{newest} of {}", printable(volume.0.as_bytes())));
            continue;
        };
        match keep_of_volume((context, &vault), id, &points, (order, &doubted, &mut kept, &mut locks)) {
            Ok(()) => {}
            // One that asks for what is refused does not keep the others from being kept.
            Err(problem) if problem.kind == Kind::Refused => kept.refuse(1, problem),
            Err(problem) => {
                record(context, &vault, &roots, locks)?;
                return Err(problem);
            }
        }
    }
    record(context, &vault, &roots, locks)?;
    if let Some(order) = plan.longest() {
        keep_of_ledger((context, &vault), id, order, &mut kept)?;
    }
    Ok(kept)
}

/// The ledger's objects, where this machine wrote some.
fn keep_of_ledger(
    (context, vault): (&Context, &Vault),
    name: &str,
    order: &LockOrder,
    kept: &mut LocksKept,
) -> Result<()> {
    let terms_now = || {
        let now = (context.clock)();
        if !is_agreed(vault.own_lock()?, order.kind, now) {
            return Err(not_agreed(&vault.place(), name, order.kind));
        }
        Ok((terms(vault.store(), order, now)?, order.locked_for))
    };
    match keep_ledger_locked(context, vault, terms_now) {
        Ok(done) => {
            kept.extended += done.as_ref().map_or(0, |done| done.extended);
            if let Some((count, problem)) = done.and_then(|done| done.refused) {
                kept.refuse(count, problem);
            }
            Ok(())
        }
        Err(problem) if problem.kind == Kind::Refused => {
            kept.refuse(1, problem);
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

/// What is found out of the points of one volume: what is asked for, which points are doubted, what became of it, and the lock of each.
type Of<'a> =
    (&'a LockOrder, &'a BTreeMap<Digest, String>, &'a mut LocksKept, &'a mut BTreeMap<Digest, Option<Lock>>);

fn keep_of_volume(
    (context, vault): (&Context, &Vault),
    name: &str,
    points: &[&FoundRoot],
    (order, doubted, kept, locks): Of<'_>,
) -> Result<()> {
    // The clock is asked each time: what came before may have taken hours.
    let now = (context.clock)();
    let own = vault.own_lock()?;
    if !is_agreed(own, order.kind, now) {
        // No point is locked better than the vault that it needs.
        locks.extend(points.iter().map(|point| (point.id, own)));
        return Err(not_agreed(&vault.place(), name, order.kind));
    }
    let terms = terms(vault.store(), order, now)?;
    let needed = needed_of(points, doubted, order, terms);
    let (done, of_points) = vault.keep_needed(&needed, terms)?;
    kept.points += needed.len();
    kept.extended += done.extended;
    if let Some((count, problem)) = done.refused {
        kept.refuse(count, problem);
    }
    for Needed { point, until } in &needed {
        let lock = of_points.get(&point.id).copied().flatten();
        if !lock.is_some_and(|lock| terms.meets(&lock, *until)) {
            kept.short.push(format!("{} of {}", point.short(), printable(point.root.volume.0.as_bytes())));
        }
    }
    locks.extend(of_points);
    Ok(())
}

/// Records the lock of each point where another one is known than before, or none any more.
fn record(
    context: &Context,
    vault: &Vault,
    roots: &Roots,
    locks: BTreeMap<Digest, Option<Lock>>,
) -> Result<()> {
    let here = VaultRef::of(vault)?;
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let known = History::of(ledger.records(), &here).locks;
    for found in roots.sound.iter().filter(|found| found.signed.is_trusted()) {
        let Some(lock) = locks.get(&found.id).copied() else { continue };
        if known.get(&found.id).map(|(before, _)| *before) != lock {
            let event = Event::Locked { point: found.record(), vault: here.clone(), lock };
            ledger.append((context.clock)(), event)?;
        }
    }
    Ok(())
}

/// What a vault's locks mean for whoever pays for it, in sentences; none where it locks nothing.
pub fn cost_of_locks(plan: &LockPlan) -> Vec<String> {
    let Some(order) = plan.longest() else { return Vec::new() };
    let most = say_duration(order.locked_for + slack_of(order.locked_for));
    let who = match order.kind {
        LockKind::Compliance => {
            "Nobody can delete it before that or take the lock back: not you, not the provider's support. It is paid for until \
             then. Only closing the account ends it."
        }
        LockKind::Governance => "Whoever has the right to bypass the lock can still delete it.",
    };
    vec![
        format!(
            "Whatever is written into this vault is locked ({}) for {most} from then on.",
            order.kind.word()
        ),
        who.to_owned(),
        format!(
            "What recovery points need that are kept longer, and of each volume the newest, is locked anew, for {most} each time."
        ),
    ]
}

/// Makes the vault of this plan where there is none, and puts it under the lock that it asks for.
///
/// # Errors
/// `Refused` where the store does not keep the lock; what the store said.
pub fn make_vault(context: &Context, entry: &VaultEntry, plan: Option<&LockPlan>) -> Result<VaultMade> {
    let now = (context.clock)();
    let mut ledger = Ledger::open(&context.state, PATIENCE)?;
    let there = look_for_writing(context, &entry.place)?;
    named::check(&entry.id, there.as_ref(), ledger.records())?;
    let order = plan.and_then(LockPlan::longest);
    let store = context.stores.open(&entry.place, Purpose::Write)?;
    let terms = order.map(|order| terms(&*store, order, now)).transpose()?;
    // A store that gives locks up is seen before anything is locked there for long.
    let trials = order.map(|order| store.probe(Scope::Locks(order.kind), now)).transpose()?.flatten();
    if let Err(problem) = check::refuse_what_gives_way(trials.as_deref().unwrap_or_default(), &store.place())
    {
        // A vault that is there already is not to be believed under lock either.
        if let Some((vault, trials)) = there.zip(trials) {
            check::record(context, &vault, &trials, &mut ledger)?;
        }
        return Err(problem);
    }
    let new = if there.is_none() { keys::new_readers(context, entry)? } else { None };
    let (readers, path) = new.unzip();
    let keep = |epoch: &Epoch| path.as_deref().map_or(Ok(()), |path| keys::keep_epoch(path, epoch));
    let readers = readers.map(|readers| Readers { readers, keep: &keep });
    let retention = terms.map(|terms| terms.retention());
    let vault = Vault::open_or_create_under(store, now, retention, readers)?;
    let vault = keys::unlock(context, &entry.place, Purpose::Write, vault)?;
    named::check(&entry.id, Some(&vault), ledger.records())?;
    let lock = match order.zip(terms) {
        None => None,
        Some((order, terms)) => {
            let lock = vault.lock_itself(terms)?;
            if !lock.is_some_and(|lock| terms.meets(&lock, terms.least)) {
                let what = format!(
                    "the store took the lock ({}), and does not say that the vault has it: {}",
                    order.kind.word(),
                    lock.map_or_else(|| "it says nothing".to_owned(), say_lock)
                );
                return Err(Problem::new(Kind::Refused, what).at(vault.place()).remedy(
                    "give the writer the right to read locks (s3:GetObjectRetention); where it has it, use another store",
                ));
            }
            lock
        }
    };
    named::note(&entry.id, &vault, now, &mut ledger)?;
    if let Some(trials) = &trials {
        check::record(context, &vault, trials, &mut ledger)?;
    }
    Ok(VaultMade {
        name: entry.id.clone(),
        place: vault.place(),
        vault: printable(vault.id().as_bytes()),
        lock,
        epoch_key: path.as_ref().map(|path| printable(path.as_os_str().as_encoded_bytes())),
        encrypted: vault.is_encrypted(),
        open: trials.iter().flatten().filter(|trial| trial.found == Found::Open).map(Trial::say).collect(),
    })
}
