//! Reading a share of a vault back, so that everything in it is read again and again: the ledger proves how far.

use super::Context;
use super::damage::{StandIns, or_unrecorded, record_found, record_or_fail, told};
use crate::domain::{CopyState, Kind, Monitor, Problem, Result, Timestamp};
use crate::ledger::{Event, History, Ledger, PATIENCE, VaultRef};
use crate::plan::{StoredPack, share};
use crate::report::activity::{DamagedObject, KNOWN_DAMAGE};
use crate::store::Key;
use crate::vault::format::{PACKS, PackKey, PackLine, SIDECARS};
use crate::vault::{Damage, FoundRoot, Roots, Vault, gone, packs_known, read_back};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// What of a vault is to be read today.
pub struct SharePlan {
    /// Those read longest ago first.
    chosen: Vec<Needed>,
    /// How many packs there are.
    pub all: usize,
    /// How many are overdue already.
    pub overdue: usize,
    /// How many are known to be damaged: they are not read each night to say so again.
    pub damaged: usize,
    /// Roots and lists of packs that could not be read.
    pub broken: Vec<Problem>,
    here: VaultRef,
}

/// A pack, and the keys of the roots that need it.
#[derive(Clone)]
struct Needed {
    line: PackLine,
    roots: BTreeSet<String>,
    read_at: Option<Timestamp>,
    /// It was found damaged, and some point that needs it was not verified since.
    is_damaged: bool,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShareDone {
    /// Packs read back, of those that were to be.
    pub packs: usize,
    /// Bytes read.
    pub bytes: u64,
    /// What did not come back as it was written.
    pub damage: Vec<DamagedObject>,
}

/// How many packs are read between two records: what a killed run loses.
const BATCH: usize = 16;

impl SharePlan {
    /// Looks at what a vault holds, and at what the ledger says of it. `within` is how long everything may take. Damage of
    /// objects that are given up is left out.
    ///
    /// # Errors
    /// When the vault cannot be listed or the ledger not be read.
    pub fn of(
        context: &Context,
        vault: &Vault,
        given_up: &BTreeSet<String>,
        (within, now): (TimeDelta, Timestamp),
    ) -> Result<Self> {
        let here = VaultRef::of(vault)?;
        let history = History::of(&Ledger::look(&context.state, PATIENCE)?, &here);
        let roots = Roots::read_back(vault)?;
        // What a repair put another root in the place of is needed by nobody.
        let stand_ins = StandIns::of(&roots);
        let is_replaced = |key: &Key| stand_ins.of_key(key.as_str(), &history).is_some();
        let damaged = roots.damaged.iter().filter(|(key, _)| !is_replaced(key));
        let mut broken: Vec<Problem> = damaged.map(|(_, problem)| problem.clone()).collect();
        let mut needed: BTreeMap<PackKey, Needed> = BTreeMap::new();
        // What a stranger says of our packs is not what ours say.
        let ours = |found: &&FoundRoot| found.signed.is_trusted() && !is_replaced(&found.key);
        for found in roots.sound.iter().filter(ours) {
            let packs = match packs_known(vault, found) {
                Ok(packs) => packs,
                Err(problem) => {
                    broken.push(problem);
                    continue;
                }
            };
            let sound = history.state(&found.record()) >= Some(CopyState::ReadBack);
            let read = history.read_since.get(&found.id).copied().filter(|_| sound);
            for (pack, line) in packs.iter() {
                let of_share = history.pack_read.get(pack).copied();
                let entry = needed.entry(pack.clone()).or_insert_with(|| Needed {
                    line: line.clone(),
                    roots: BTreeSet::new(),
                    read_at: of_share,
                    is_damaged: false,
                });
                entry.read_at = entry.read_at.max(read);
                entry.is_damaged |= history.is_damaged(&found.record(), pack);
                entry.roots.insert(found.key.as_str().to_owned());
            }
        }
        let is_given_up =
            |problem: &Problem| problem.kind == Kind::Damaged && given_up.contains(&problem.place);
        broken.retain(|problem| !is_given_up(problem));
        let is_kept = |pack: &PackKey| {
            ![PACKS, SIDECARS].iter().any(|folder| given_up.contains(&format!("{folder}/{}", pack.0)))
        };
        let damaged = needed.iter().filter(|(pack, needed)| needed.is_damaged && is_kept(pack)).count();
        needed.retain(|_, needed| !needed.is_damaged);
        let needed: Vec<Needed> = needed.into_values().collect();
        let packs = needed.iter().map(|needed| StoredPack {
            key: &needed.line.pack.0,
            bytes: needed.line.bytes + needed.line.sidecar_bytes,
            read_at: needed.read_at,
        });
        let today = share(&packs.collect::<Vec<_>>(), within, history.last_share, now);
        let chosen = today.chosen.into_iter().map(|place| needed[place].clone()).collect();
        Ok(Self { chosen, all: needed.len(), overdue: today.overdue, damaged, broken, here })
    }

    /// How many packs are to be read.
    pub fn packs(&self) -> usize {
        self.chosen.len()
    }

    /// What must be said of the vault every night, until somebody verifies it.
    pub fn notice(&self) -> Option<String> {
        let what = format!("{} packs {KNOWN_DAMAGE}, and no point that needs them counts", self.damaged);
        (self.damaged > 0)
            .then(|| format!("{what}: `outlive verify` says which; what is sound again counts after it"))
    }

    /// Reads them, and records after every few what came back.
    ///
    /// # Errors
    /// When the store or the ledger fails, or the user stops it. What was read until then is recorded.
    pub fn read(&self, context: &Context, vault: &Vault, monitor: &dyn Monitor) -> Result<ShareDone> {
        let mut ledger = Ledger::open(&context.state, PATIENCE)?;
        let mut done = ShareDone::default();
        self.instructions(context, vault, &mut ledger, &mut done)?;
        for batch in self.chosen.chunks(BATCH) {
            if monitor.cancelled() {
                return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
            }
            self.batch(context, vault, batch, &mut ledger, &mut done, monitor)?;
        }
        Ok(done)
    }

    fn batch(
        &self,
        context: &Context,
        vault: &Vault,
        batch: &[Needed],
        ledger: &mut Ledger,
        done: &mut ShareDone,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let lines: Vec<PackLine> = batch.iter().map(|needed| needed.line.clone()).collect();
        let read = match read_back(vault, &lines, "", monitor) {
            Ok(read) => read,
            Err(mut stopped) => {
                stopped.damage.iter_mut().for_each(|damage| damage.points = needs(batch, &damage.object));
                stopped.unread.iter_mut().for_each(|unread| unread.points = needs(batch, &unread.object));
                let recorded = record_found(ledger, (context.clock)(), &self.here, &stopped);
                return Err(or_unrecorded(stopped.problem, recorded));
            }
        };
        let mut damage = read.damage;
        damage.iter_mut().for_each(|damage| damage.points = needs(batch, &damage.object));
        record_or_fail(ledger, (context.clock)(), &self.here, &damage)?;
        let is_sound = |pack: &PackKey| !damage.iter().any(|damage| names(&damage.object, pack));
        let packs: Vec<PackKey> = lines.into_iter().map(|line| line.pack).filter(is_sound).collect();
        done.packs += packs.len();
        done.bytes += read.bytes;
        if !packs.is_empty() {
            let event = Event::ShareRead { vault: self.here.clone(), packs, bytes: read.bytes };
            ledger.append((context.clock)(), event)?;
        }
        done.damage.extend(told(&damage, str::to_owned));
        Ok(())
    }

    /// Without its instructions no restore from the vault begins, and without its keys none ends.
    fn instructions(
        &self,
        context: &Context,
        vault: &Vault,
        ledger: &mut Ledger,
        done: &mut ShareDone,
    ) -> Result<()> {
        match vault.check_readme().and_then(|()| vault.check_keys()).map_err(gone) {
            Err(Problem { kind: Kind::Damaged, place: object, what: because, .. }) => {
                let points = self.chosen.iter().flat_map(|needed| needed.roots.iter().cloned()).collect();
                let damage = [Damage { object, because, points }];
                record_or_fail(ledger, (context.clock)(), &self.here, &damage)?;
                done.damage.extend(told(&damage, str::to_owned));
                Ok(())
            }
            other => other,
        }
    }
}

/// True where this object is the pack or its sidecar.
fn names(object: &str, pack: &PackKey) -> bool {
    object.split_once('/').is_some_and(|(_, name)| name == &*pack.0)
}

/// The roots that need an object.
fn needs(batch: &[Needed], object: &str) -> BTreeSet<String> {
    let named = batch.iter().filter(|needed| names(object, &needed.line.pack));
    named.flat_map(|needed| needed.roots.iter().cloned()).collect()
}
