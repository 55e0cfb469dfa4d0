//! Two nightly runs at once on one vault.

use super::estate::estate;
use super::hand::{TempDir, fs};
use outlive::app::{Context, Night, NightlyOrder, nightly};
use outlive::domain::Silent;
use outlive::estate::Environment;
use outlive::ledger::{Event, Ledger, PATIENCE};
use outlive::report::activity::{NightlyDone, TaskOutcome};
use outlive::store::DirStore;
use outlive::vault::{Roots, Vault};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::time::Duration;

fn order(folder: &Path, vault: &Path) -> NightlyOrder {
    let names: Vec<String> = ["one", "two", "three"].map(str::to_owned).into();
    for name in &names {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("file"), name.repeat(1000)).unwrap();
    }
    NightlyOrder {
        estate: estate(folder, &names, vault),
        dry_run: false,
        until: None,
        limit: Duration::from_secs(60),
        grace: Duration::from_secs(60),
    }
}

/// Runs two nights at the same moment, with these state directories.
fn both(order: &NightlyOrder, states: [PathBuf; 2]) -> Vec<Option<NightlyDone>> {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let running = states.map(|state| {
            let barrier = &barrier;
            scope.spawn(move || {
                let context = Context::real(state, Environment::default());
                barrier.wait();
                match nightly(&context, order, &Silent).unwrap() {
                    Night::Done(done) => Some(*done),
                    Night::Held(_) => None,
                }
            })
        });
        running.map(|run| run.join().unwrap()).into()
    })
}

fn rounds() -> usize {
    if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 200 } else { 25 }
}

/// Every point in the vault, by key; each is there once.
fn points(vault: &Path) -> BTreeSet<String> {
    let vault = Vault::open(Arc::new(DirStore::open(vault).unwrap())).unwrap();
    let roots = Roots::read(&vault).unwrap();
    assert_eq!(roots.damaged.len(), 0);
    let keys: BTreeSet<String> = roots.sound.iter().map(|found| found.key.to_string()).collect();
    assert_eq!(keys.len(), roots.sound.len());
    keys
}

fn stored(state: &Path) -> Vec<String> {
    let records = Ledger::look(state, PATIENCE).unwrap();
    let of = |event: &Event| match event {
        Event::Stored { point, .. } => Some(point.key.clone()),
        _ => None,
    };
    records.iter().filter_map(|record| of(&record.event)).collect()
}

#[test]
fn two_hosts_with_one_vault_lose_and_double_no_record() {
    for round in 0..rounds() {
        let temp = TempDir::new();
        let vault = temp.path().join("vault");
        let order = order(&temp.path().join("volumes"), &vault);
        let states = ["a", "b"].map(|name| temp.path().join(name));
        let done = both(&order, states.clone());
        for done in done.iter().map(|done| done.as_ref().expect("each has a lock of its own")) {
            let failed: Vec<_> = done.tasks.iter().filter(|task| task.outcome != TaskOutcome::Done).collect();
            assert!(failed.is_empty(), "round {round}: {failed:#?}");
        }
        let recorded: Vec<String> = states.iter().flat_map(|state| stored(state)).collect();
        let unique: BTreeSet<String> = recorded.iter().cloned().collect();
        assert_eq!((unique.len(), &unique), (recorded.len(), &points(&vault)), "round {round}");
    }
}

#[test]
fn two_runs_on_one_machine_are_one_run_and_one_that_is_told_who_is_at_work() {
    let (mut held, mut ran) = (0, 0);
    for round in 0..rounds() {
        let temp = TempDir::new();
        let vault = temp.path().join("vault");
        let order = order(&temp.path().join("volumes"), &vault);
        let state = temp.path().join("state");
        for done in both(&order, [state.clone(), state.clone()]) {
            held += usize::from(done.is_none());
            ran += usize::from(done.is_some());
        }
        let recorded = stored(&state);
        let unique: BTreeSet<String> = recorded.iter().cloned().collect();
        assert_eq!((unique.len(), &unique), (recorded.len(), &points(&vault)), "round {round}");
        assert_eq!(recorded.len(), 3, "round {round}: a copy was made twice, or not at all");
    }
    assert!(held > 0 && ran >= rounds(), "held {held}, ran {ran}");
}
