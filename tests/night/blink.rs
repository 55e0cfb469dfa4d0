//! A store that fails once in a night and answers again: what was left out because of that is reported.

use super::estate::{VERIFY_WITHIN, estate};
use super::faulty::{Fault, Faulty};
use super::hand::{TempDir, fs};
use chrono::{DateTime, TimeDelta};
use outlive::app::{Context, Night, NightlyOrder, Opened, nightly};
use outlive::domain::{Silent, Timestamp};
use outlive::estate::Environment;
use outlive::report::activity::{NightVerdict, NightlyDone};
use outlive::store::DirStore;
use outlive::vault::{Roots, Vault, packs_of};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

static NOW: AtomicI64 = AtomicI64::new(0);

fn clock() -> Timestamp {
    DateTime::from_timestamp(NOW.load(Relaxed), 0).unwrap()
}

fn night(context: &Context, order: &NightlyOrder, now: Timestamp) -> NightlyDone {
    NOW.store(now.timestamp(), Relaxed);
    let Night::Done(done) = nightly(context, order, &Silent).unwrap() else {
        panic!("nobody else holds the lock")
    };
    *done
}

/// Whether everything in the vault was read whole within the time that the policy gives, by the store's own record.
fn all_was_read(faulty: &Faulty, vault: &Path) -> bool {
    let vault = Vault::open(Arc::new(DirStore::open(vault).unwrap())).unwrap();
    let roots = Roots::read(&vault).unwrap();
    let packs = roots.sound.iter().flat_map(|found| packs_of(&vault, found).unwrap().into_keys());
    let objects = packs.flat_map(|pack| [pack.pack().unwrap(), pack.sidecar().unwrap()]);
    let lately = |at: Timestamp| clock() - at <= VERIFY_WITHIN;
    objects.into_iter().all(|key| faulty.whole(key.as_str()).is_some_and(lately))
}

#[test]
fn whichever_listing_fails_once_what_was_not_read_back_in_time_is_reported() {
    let start: Timestamp = "2026-01-01T02:00:30Z".parse().unwrap();
    let (mut silent, mut told) = (false, 0);
    for number in 1.. {
        let temp = TempDir::new();
        let (folder, vault) = (temp.path().join("volumes"), temp.path().join("vault"));
        fs::create_dir_all(folder.join("one")).unwrap();
        fs::write(folder.join("one/file"), "first").unwrap();
        let faulty = Faulty::new(number, clock);
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
            estate: estate(&folder, &["one".to_owned()], &vault),
            dry_run: false,
            until: None,
            limit: Duration::from_secs(120),
            grace: Duration::from_secs(120),
        };
        assert_eq!(night(&context, &order, start).verdicts, []);
        // The machine was off for a week, and only this night is left to read what is overdue.
        fs::write(folder.join("one/file"), "second").unwrap();
        faulty.tonight(Fault::ListOf(number));
        let done = night(&context, &order, start + VERIFY_WITHIN + TimeDelta::minutes(10));
        let is_told = done.verdicts.contains(&NightVerdict::CopyFailed);
        assert!(is_told || all_was_read(&faulty, &vault), "listing {number}: {:#?}", done.tasks);
        told += usize::from(is_told);
        if faulty.fired() == 0 {
            silent = true;
            break;
        }
    }
    assert!(silent && told > 0, "{told} nights were told");
}
