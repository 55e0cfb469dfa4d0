//! Surveying: this machine, and the vaults that were named.

use super::Context;
use super::roles::{DeclaredRoles, roles_unread};
use super::stores::{directory_of, say_place};
use super::vaults::vault_inventory;
use crate::domain::{
    Asset, Bonds, Gap, GapReason, GapScope, Inventory, Kind, Monitor, PointKind, Problem, Result, Timestamp,
    Usable, VolumeId, printable,
};
use crate::estate::{Estate, LockEntry, StandsOn, VaultEntry, VaultPlace};
use crate::ledger::{Ledger, Record};
use crate::providers::Provider;
use crate::providers::local::{Local, System, nest, this_host};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct SurveyOrder {
    /// Volumes, by path.
    pub paths: Vec<PathBuf>,
    /// Directories that hold copies.
    pub copies: Vec<PathBuf>,
    /// Directories in which copies are looked for by content, each with the volume they are of where somebody says so.
    pub look_in: Vec<(PathBuf, Option<VolumeId>)>,
    /// Vaults.
    pub vaults: Vec<SeenVault>,
    /// How long looking at one path may take.
    pub limit: Duration,
}

/// A vault to be looked at, and what was declared of it.
#[derive(Debug, Clone)]
pub struct SeenVault {
    /// Where it is.
    pub place: VaultPlace,
    /// Its name in the estate file, where it has one.
    pub name: Option<String>,
    /// Damaged objects that somebody gave up.
    pub given_up: BTreeSet<String>,
    /// Under which locks it is written to: then a point of which nobody read the lock may have one.
    pub lock: Option<LockEntry>,
    /// What its points stand on, as declared.
    pub bonds: Bonds,
    /// The assets that these bonds name.
    pub assets: Vec<Asset>,
    /// Who may do what with it, as declared; none of a vault that no estate file names.
    pub roles: Option<DeclaredRoles>,
}

impl SeenVault {
    /// A vault with what the estate says of it.
    pub fn declared(estate: &Estate, entry: &VaultEntry, now: Timestamp) -> Self {
        let (bonds, assets) = estate.vault_bonds(entry, &this_host());
        let name = Some(entry.id.clone()).filter(|name| !name.is_empty());
        let (place, lock, given_up) = (entry.place.clone(), entry.lock, entry.given_up(now));
        let roles = name.is_some().then(|| DeclaredRoles::of(estate, entry));
        Self { place, name, given_up, lock, bonds, assets, roles }
    }

    /// A vault of which nobody says anything.
    ///
    /// # Errors
    /// `Internal` where even an empty estate file cannot be read.
    pub fn undeclared(place: VaultPlace) -> Result<Self> {
        let nothing = Estate::parse(Path::new("outlive.toml"), "");
        let nothing = nothing.map_err(|problem| Problem { kind: Kind::Internal, ..problem })?;
        let stands_on = StandsOn::default();
        let entry = VaultEntry {
            id: String::new(),
            place,
            stands_on,
            bonds: Bonds::default(),
            lock: None,
            readers: Vec::new(),
            escrow_within: None,
            epoch_key: None,
            identity: None,
            waive_damage: None,
            waive_unread: None,
            line: 0,
        };
        Ok(Self::declared(&nothing, &entry, Timestamp::UNIX_EPOCH))
    }
}

/// Looks at everything. What could not be seen is a gap of the result.
pub fn survey(context: &Context, order: &SurveyOrder) -> Inventory {
    let now = (context.clock)();
    let provider = Local {
        look_in: order.look_in.clone(),
        vaults: order
            .vaults
            .iter()
            .filter_map(|vault| directory_of(&vault.place))
            .map(Path::to_path_buf)
            .collect(),
        ..Local::new(order.paths.clone(), order.copies.clone(), order.limit, now)
    };
    let mut inventory = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(provider.survey()),
        Err(error) => no_survey(order, &error.to_string()),
    };
    let records = Arc::new(records(&context.state, order.limit, &mut inventory));
    let world = context.clone();
    let look = move |vault: &SeenVault| vault_inventory(&world, vault, &records, now);
    let answered = vaults(&mut inventory, order, look);
    nested(&mut inventory, order, answered, move |inventory, paths, vaults| {
        nest(inventory, paths, vaults, &System::default(), now);
    });
    inventory.sort();
    inventory
}

/// Looks at each vault in a thread of its own, all at once, and goes on without those that take too long.
/// The directories among the vaults that answered.
fn vaults(
    inventory: &mut Inventory,
    order: &SurveyOrder,
    look: impl Fn(&SeenVault) -> Inventory + Clone + Send + 'static,
) -> Vec<PathBuf> {
    let started: Vec<_> = order
        .vaults
        .iter()
        .map(|vault| {
            let (look, asked) = (look.clone(), vault.clone());
            (vault, Waiting::start(order.limit, move || look(&asked)))
        })
        .collect();
    let mut answered = Vec::new();
    for (vault, waiting) in started {
        match waiting.end() {
            Ok(found) => {
                inventory.merge(found);
                answered.extend(directory_of(&vault.place).map(Path::to_path_buf));
            }
            Err((reason, detail)) => {
                inventory.roles.extend(roles_unread(vault, &detail));
                let place = say_place(&vault.place);
                inventory.gaps.push(Gap { scope: GapScope::Points, place, reason, detail });
            }
        }
    }
    answered
}

/// Bonds the vaults that lie inside a volume to it, of those paths and vaults that answered. Where that
/// takes too long after all, no vault's copy is known to outlive a deletion.
fn nested(
    inventory: &mut Inventory,
    order: &SurveyOrder,
    vaults: Vec<PathBuf>,
    nest: impl Fn(&mut Inventory, &[PathBuf], &[PathBuf]) + Send + 'static,
) {
    let late = |path: &PathBuf| {
        let scope = GapScope::Volume(printable(path.as_os_str().as_encoded_bytes()));
        inventory.gaps.iter().any(|gap| gap.reason == GapReason::TimedOut && gap.scope == scope)
    };
    let paths: Vec<PathBuf> = order.paths.iter().filter(|path| !late(path)).cloned().collect();
    if paths.is_empty() || vaults.is_empty() {
        return;
    }
    let places: Vec<String> =
        vaults.iter().map(|vault| printable(vault.as_os_str().as_encoded_bytes())).collect();
    let mut seen = inventory.clone();
    let waiting = Waiting::start(order.limit, move || {
        nest(&mut seen, &paths, &vaults);
        seen
    });
    match waiting.end() {
        Ok(found) => *inventory = found,
        Err((reason, detail)) => {
            let detail = format!("whether it lies inside a volume: {detail}");
            for point in inventory.points.iter_mut().filter(|point| point.kind == PointKind::VaultCopy) {
                if point.usable == Usable::Yes {
                    point.usable = Usable::Unproven(format!("it could not be seen {detail}"));
                }
            }
            let gaps = places.into_iter().map(|place| {
                let detail = detail.clone();
                Gap { scope: GapScope::Points, place, reason, detail }
            });
            inventory.gaps.extend(gaps);
        }
    }
}

/// Work in a thread of its own, which is left behind when it takes too long: a dead server can hold it
/// for ever.
pub(super) struct Waiting<T> {
    answer: std::io::Result<mpsc::Receiver<T>>,
    limit: Duration,
    deadline: Instant,
}

impl<T: Send + 'static> Waiting<T> {
    /// Begins the work.
    pub fn start(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        let started = thread::Builder::new().name("survey".into()).spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(work());
        });
        Self { answer: started.map(|_| receiver), limit, deadline: Instant::now() + limit }
    }

    /// The same, but whoever asks to stop is made to wait for it no longer than `brief`.
    pub fn end_unless_stopped(
        self,
        monitor: &dyn Monitor,
        brief: Duration,
    ) -> std::result::Result<T, (GapReason, String)> {
        let mut stopped: Option<Instant> = None;
        while let Ok(receiver) = &self.answer {
            let now = Instant::now();
            if stopped.is_some_and(|at| now.saturating_duration_since(at) >= brief) {
                let detail = "it was asked to stop before everything had been looked at".to_owned();
                return Err((GapReason::TimedOut, detail));
            }
            if monitor.cancelled() && stopped.is_none() {
                stopped = Some(now);
            }
            match receiver.recv_timeout(Duration::from_millis(20)) {
                Ok(answer) => return Ok(answer),
                Err(mpsc::RecvTimeoutError::Timeout) if now < self.deadline => {}
                Err(_) => break,
            }
        }
        self.end()
    }

    /// What came of it, or why nothing did within the limit, which began with the work.
    pub fn end(self) -> std::result::Result<T, (GapReason, String)> {
        let receiver = self.answer.map_err(|error| (GapReason::Failed, error.to_string()))?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        receiver.recv_timeout(left).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => {
                let detail = format!("no answer within {} s; is a server gone?", self.limit.as_secs_f32());
                (GapReason::TimedOut, detail)
            }
            mpsc::RecvTimeoutError::Disconnected => {
                (GapReason::Failed, "looking at it failed inside outlive; report it".to_owned())
            }
        })
    }
}

/// The ledger's records; a ledger that cannot be read, or not in time, leaves open how far copies were
/// proved.
fn records(state: &Path, limit: Duration, inventory: &mut Inventory) -> Vec<Record> {
    let asked = state.to_path_buf();
    // Half of it, so that another process that holds the ledger is told from a server that is gone.
    let look = move || Ledger::look(&asked, limit / 2);
    let (place, reason, detail) = match Waiting::start(limit, look).end() {
        Ok(Ok(records)) => return records,
        Ok(Err(problem)) => (problem.place, GapReason::Failed, problem.what),
        Err((reason, detail)) => (printable(state.as_os_str().as_encoded_bytes()), reason, detail),
    };
    let detail = format!("the ledger cannot be read, so that no copy counts as proved: {detail}");
    inventory.gaps.push(Gap { scope: GapScope::Points, place, reason, detail });
    Vec::new()
}

fn no_survey(order: &SurveyOrder, because: &str) -> Inventory {
    let gaps = order.paths.iter().map(|path| {
        let place = printable(path.as_os_str().as_encoded_bytes());
        let detail = format!("nothing could be looked at: {because}");
        Gap { scope: GapScope::Volume(place.clone()), place, reason: GapReason::Failed, detail }
    });
    Inventory { gaps: gaps.collect(), ..Inventory::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Known, PointId, RecoveryPoint};

    fn order(limit: u64) -> SurveyOrder {
        let (paths, vaults) = (vec!["/data".into()], ["/dead", "/alive"].map(vault).into());
        SurveyOrder { paths, vaults, limit: Duration::from_millis(limit), ..SurveyOrder::default() }
    }

    fn vault(path: &str) -> SeenVault {
        SeenVault::undeclared(VaultPlace::Dir(path.into())).unwrap()
    }

    fn with_point(vault: &SeenVault) -> Inventory {
        let id = PointId(format!("vault:{}", say_place(&vault.place)));
        let point = RecoveryPoint {
            name: id.to_string(),
            id,
            of: Known::Unknown,
            taken_at: Known::Unknown,
            kind: PointKind::VaultCopy,
            catalogued: None,
            drilled_at: Known::Unknown,
            consistency: Known::Unknown,
            bytes: Known::Unknown,
            lock: Known::Unknown,
            state: None,
            usable: Usable::Yes,
            bonds: Bonds::default(),
        };
        Inventory { points: vec![point], ..Inventory::default() }
    }

    #[test]
    fn a_vault_that_hangs_is_a_gap_in_time_and_the_others_are_seen() {
        let began = Instant::now();
        let mut inventory = Inventory::default();
        let answered = vaults(&mut inventory, &order(300), |vault| {
            if say_place(&vault.place).ends_with("dead") {
                thread::sleep(Duration::from_secs(60));
            }
            with_point(vault)
        });
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!((answered, inventory.points.len()), (vec![PathBuf::from("/alive")], 1));
        let gaps: Vec<_> = inventory.gaps.iter().map(|gap| (&gap.scope, gap.reason, &*gap.place)).collect();
        assert_eq!(gaps, [(&GapScope::Points, GapReason::TimedOut, "/dead")]);
    }

    #[test]
    fn a_look_that_panics_is_a_gap() {
        let mut inventory = Inventory::default();
        let order = SurveyOrder { vaults: vec![vault("/dead")], ..order(60_000) };
        assert!(vaults(&mut inventory, &order, |_| panic!("as the test wants it")).is_empty());
        assert_eq!(inventory.gaps[0].reason, GapReason::Failed);
    }

    #[test]
    fn nesting_that_hangs_leaves_no_copy_in_a_vault_proved() {
        let mut inventory = with_point(&vault("/alive"));
        nested(&mut inventory, &order(50), vec!["/alive".into()], |_, _, _| {
            thread::sleep(Duration::from_secs(60));
        });
        assert!(matches!(&inventory.points[0].usable, Usable::Unproven(why) if why.contains("inside")));
        assert_eq!(inventory.gaps[0].reason, GapReason::TimedOut);
    }

    #[test]
    fn a_path_that_did_not_answer_is_not_looked_at_again() {
        let late = |path: &str| Gap {
            scope: GapScope::Volume(path.into()),
            place: path.into(),
            reason: GapReason::TimedOut,
            detail: String::new(),
        };
        let mut inventory = Inventory { gaps: vec![late("/late")], ..Inventory::default() };
        let order = SurveyOrder { paths: vec!["/late".into(), "/data".into()], ..order(60_000) };
        nested(&mut inventory, &order, vec!["/alive".into()], |inventory, paths, vaults| {
            assert_eq!((paths, vaults), (&["/data".into()][..], &["/alive".into()][..]));
            inventory.gaps.clear();
        });
        assert_eq!(inventory.gaps, [], "it was run, and what it did was kept");
    }
}
