//! A quarter of a year of nights, with stores that fail and nights that are missed: nothing is missed without
//! being reported, and everything stored is read back again and again.

use super::estate::{RPO, VERIFY_WITHIN, estate};
use super::faulty::{Fault, Faulty};
use super::hand::{TempDir, fs};
use super::random::{Random, seed};
use chrono::{DateTime, TimeDelta};
use outlive::app::{Context, Night, NightlyOrder, Opened, nightly};
use outlive::domain::{Silent, Timestamp};
use outlive::estate::Environment;
use outlive::ledger::{Event, Ledger, PATIENCE};
use outlive::report::activity::{
    KNOWN_DAMAGE, NightVerdict, NightlyDone, Standing, TaskDone, TaskKind, TaskOutcome,
};
use outlive::store::DirStore;
use outlive::vault::{Roots, Vault, packs_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// The simulation's clock, in seconds since 1970: one quarter a process.
static NOW: AtomicI64 = AtomicI64::new(0);

fn clock() -> Timestamp {
    DateTime::from_timestamp(NOW.load(Relaxed), 0).unwrap()
}

fn set(now: Timestamp) {
    NOW.store(now.timestamp(), Relaxed);
}

fn tonight(random: &mut Random) -> Fault {
    match random.below(20) {
        0 => Fault::Unreachable,
        1 => Fault::Put(20),
        2 => Fault::Finish(20),
        3 => Fault::Get(10),
        4 => Fault::Break(10),
        5 => Fault::Short(10),
        6 => Fault::Corrupt(10),
        7 => Fault::List(30),
        _ => Fault::None,
    }
}

struct Quarter {
    temp: TempDir,
    context: Context,
    order: NightlyOrder,
    faulty: Faulty,
    random: Random,
    /// When each volume was last copied, as far as the reports said.
    copied: BTreeMap<String, Timestamp>,
    nights: usize,
    reported: usize,
}

impl Quarter {
    fn new(volumes: usize, seed: u64) -> Self {
        let temp = TempDir::new();
        let names: Vec<String> = (0..volumes).map(|number| format!("volume-{number:02}")).collect();
        let folder = temp.path().join("volumes");
        names.iter().for_each(|name| fs::create_dir_all(folder.join(name)).unwrap());
        let faulty = Faulty::new(seed, clock);
        let context = Context {
            state: temp.path().join("state"),
            clock,
            environment: Environment::default(),
            stores: Arc::new(faulty.clone()),
            opened: Opened::default(),
            keys: outlive::app::Keyring::default(),
            signers: outlive::app::Signers::default(),
            max_age: std::time::Duration::ZERO,
            stop: outlive::providers::graphql::Stop::default(),
        };
        let order = NightlyOrder {
            estate: estate(&folder, &names, &temp.path().join("vault")),
            dry_run: false,
            until: None,
            limit: Duration::from_secs(120),
            grace: Duration::from_secs(120),
        };
        let (random, copied) = (Random::new(seed), BTreeMap::new());
        Self { temp, context, order, faulty, random, copied, nights: 0, reported: 0 }
    }

    fn vault(&self) -> PathBuf {
        self.temp.path().join("vault")
    }

    fn change_volumes(&mut self) {
        for volume in &self.order.estate.volumes {
            if self.random.chance(60) {
                let file = format!("file-{}", self.random.below(3));
                let length = 500 + self.random.below(3000) as usize;
                fs::write(volume.path.as_ref().unwrap().join(file), self.random.bytes(length)).unwrap();
            }
        }
    }

    fn night(&mut self, now: Timestamp) {
        set(now);
        self.change_volumes();
        let fault = tonight(&mut self.random);
        self.faulty.tonight(fault);
        let fired = self.faulty.fired();
        let Night::Done(done) = nightly(&self.context, &self.order, &Silent).unwrap() else {
            panic!("nobody else holds the lock")
        };
        self.faulty.tonight(Fault::None);
        self.nights += 1;
        let what = format!("night {} ({now}), {fault:?} fired {}", self.nights, self.faulty.fired() - fired);
        self.everything_due_is_reported(&done, now, &what);
        self.what_is_reported_holds(&done, now, &what);
        self.everything_is_read_back(&done, now, &what);
        self.reported += usize::from(!done.verdicts.is_empty());
        // Whoever is told of damage sees in the morning what there is of it: the medium is sound, the reading was not.
        let is_damage =
            |task: &TaskDone| task.detail.contains("DAMAGED") || task.detail.contains(KNOWN_DAMAGE);
        if done.tasks.iter().any(is_damage) {
            let verified = outlive::app::verify(&self.context, &self.order.estate.vaults[0].place, &Silent);
            assert_eq!(verified.unwrap().damage.len(), 0, "{what}");
            // What a copy that failed had written whole counts from then on.
            self.copied.extend(stored(&self.vault()));
        }
    }

    /// Every volume whose slot is not served is a task of this night, and a failure of it is one of the night.
    fn everything_due_is_reported(&mut self, done: &NightlyDone, now: Timestamp, what: &str) {
        let slot = now.date_naive().and_hms_opt(2, 0, 0).unwrap().and_utc();
        for volume in &self.order.estate.volumes {
            let name = volume.id.to_string();
            let of = |kind| {
                let tasks = done.tasks.iter();
                tasks.filter(move |task| task.task == kind && task.volume.as_deref() == Some(&name))
            };
            let served = self.copied.get(&volume.id.to_string()).is_some_and(|at| *at >= slot);
            let outcomes: Vec<TaskOutcome> = of(TaskKind::Copy).map(|task| task.outcome).collect();
            assert!(served || outcomes.len() == 1, "{what}: {} was due, {outcomes:?}", volume.id);
            if outcomes == [TaskOutcome::Done] {
                self.copied.insert(volume.id.to_string(), now);
            }
        }
        let failed = done.tasks.iter().any(|task| task.outcome != TaskOutcome::Done);
        assert_eq!(failed, done.verdicts.contains(&NightVerdict::CopyFailed), "{what}: {:#?}", done.tasks);
    }

    /// A volume without a young enough copy is not called sound, and a copy that is called done is there.
    fn what_is_reported_holds(&self, done: &NightlyDone, now: Timestamp, what: &str) {
        let stored = stored(&self.vault());
        for volume in &done.volumes {
            let copied = self.copied.get(&volume.volume).copied();
            let young = copied.is_some_and(|at| now - at <= RPO);
            assert!(young || volume.standing != Standing::Sound, "{what}: {volume:#?}");
            let newest = stored.get(&volume.volume).copied();
            assert!(copied.is_none_or(|at| newest >= Some(at)), "{what}: {} is not stored", volume.volume);
        }
    }

    /// What the store gave whole and right, by its own record and not the program's.
    fn everything_is_read_back(&self, done: &NightlyDone, now: Timestamp, what: &str) {
        if done.verdicts.contains(&NightVerdict::CopyFailed) || !self.vault().join("vault.json").exists() {
            return;
        }
        let vault = Vault::open(Arc::new(DirStore::open(&self.vault()).unwrap())).unwrap();
        let roots = Roots::read(&vault).unwrap();
        let packs: BTreeSet<_> =
            roots.sound.iter().flat_map(|found| packs_of(&vault, found).unwrap().into_keys()).collect();
        for pack in &packs {
            for key in [pack.pack().unwrap(), pack.sidecar().unwrap()] {
                let read = self.faulty.whole(key.as_str());
                assert!(
                    read.is_some_and(|at| now - at <= VERIFY_WITHIN),
                    "{what}: called sound, and {key} was last read {read:?}"
                );
            }
        }
    }
}

/// When the newest complete copy of each volume in a vault began.
fn stored(vault: &Path) -> BTreeMap<String, Timestamp> {
    let mut newest = BTreeMap::new();
    if !vault.join("vault.json").exists() {
        return newest;
    }
    let vault = Vault::open(Arc::new(DirStore::open(vault).unwrap())).unwrap();
    for found in Roots::read(&vault).unwrap().sound.iter().filter(|found| found.root.is_complete()) {
        let at = newest.entry(found.root.volume.to_string()).or_insert(found.root.started_at);
        *at = (*at).max(found.root.started_at);
    }
    newest
}

#[test]
fn in_a_quarter_of_nights_nothing_is_missed_unreported_and_every_cycle_of_reading_back_is_complete() {
    let campaign = std::env::var_os("OUTLIVE_CAMPAIGN").is_some();
    let (volumes, nights) = if campaign { (50, 92) } else { (4, 92) };
    let seed = seed();
    println!("OUTLIVE_SEED={seed}");
    let mut quarter = Quarter::new(volumes, seed);
    let start: Timestamp = "2026-01-01T02:00:30Z".parse().unwrap();
    for night in 0..nights {
        // The machine was off.
        if quarter.random.chance(4) {
            continue;
        }
        let late = TimeDelta::seconds(quarter.random.below(3600) as i64);
        quarter.night(start + TimeDelta::days(night) + late);
    }
    assert!(quarter.faulty.fired() > 0, "no fault ever fired");
    assert!(
        quarter.reported > 0 && quarter.reported < quarter.nights,
        "{} of {}",
        quarter.reported,
        quarter.nights
    );
    let ledger = Ledger::look(&quarter.context.state, PATIENCE).unwrap();
    let count = |wanted: fn(&Event) -> bool| ledger.iter().filter(|record| wanted(&record.event)).count();
    assert_eq!(count(|event| matches!(event, Event::NightBegan { .. })), quarter.nights);
    assert_eq!(count(|event| matches!(event, Event::NightEnded { .. })), quarter.nights);
    let vault = Vault::open(Arc::new(DirStore::open(&quarter.vault()).unwrap())).unwrap();
    let verified = outlive::vault::verify(&vault, &[], &Silent).unwrap();
    assert_eq!((verified.damage, verified.broken.len(), verified.unread), (vec![], 0, vec![]));
    println!("{} nights, {} reported, {} faults", quarter.nights, quarter.reported, quarter.faulty.fired());
}
