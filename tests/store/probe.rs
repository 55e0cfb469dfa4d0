//! What stores do when they are asked before they are trusted: a sound one, and three that are not.

use crate::servers::{self, Server};
use chrono::Utc;
use outlive::domain::LockKind;
use outlive::estate::S3Place;
use outlive::store::{Found, S3Store, Scope, Store, Trial};

fn asked(place: &S3Place, kind: Option<LockKind>) -> Vec<Trial> {
    let store = S3Store::connect(place, &place.writer, &servers::credentials()).unwrap();
    store.probe(Scope::All(kind), Utc::now()).unwrap().unwrap()
}

fn of(server: &Server, locks: bool) -> Vec<Trial> {
    let place = if locks { server.new_locked_place("vault/") } else { server.new_place("vault/") };
    asked(&place, Some(LockKind::Compliance))
}

/// What came to this.
fn all(trials: &[Trial], found: Found) -> Vec<&'static str> {
    trials.iter().filter(|trial| trial.found == found).map(|trial| trial.asked.id()).collect()
}

#[test]
fn seaweedfs_does_all_that_is_asked_with_locks_and_without() {
    let trials = of(servers::seaweedfs(), true);
    assert_eq!(trials.len(), 14, "{trials:#?}");
    assert_eq!(all(&trials, Found::NotAsked), ["default-retention"], "{trials:#?}");
    assert_eq!(all(&trials, Found::Holds).len(), 13, "{trials:#?}");
    let soft = asked(&servers::seaweedfs().new_locked_place("vault/"), Some(LockKind::Governance));
    assert_eq!(all(&soft, Found::NotAsked), ["default-retention", "lock-softer"], "{soft:#?}");
    assert_eq!(all(&soft, Found::Holds).len(), 12, "{soft:#?}");
    // In a bucket without Object Lock nothing is locked, and nobody asks where no lock is wanted.
    let trials = of(servers::seaweedfs(), false);
    assert_eq!(all(&trials, Found::Fails), ["versions", "lock", "lock-of-parts"], "{trials:#?}");
    let trials = asked(&servers::seaweedfs().new_locked_place(""), None);
    assert_eq!(all(&trials, Found::NotAsked).len(), 7, "{trials:#?}");
    assert_eq!(all(&trials, Found::Fails), [""; 0], "{trials:#?}");
}

#[test]
fn what_a_store_does_not_do_shows() {
    let rclone = of(servers::rclone(), false);
    for lacks in ["creates-once", "creates-once-raced", "versions", "lock", "lock-of-parts"] {
        assert!(all(&rclone, Found::Fails).contains(&lacks), "{lacks}: {rclone:#?}");
    }
    assert!(all(&rclone, Found::Holds).contains(&"content-md5"), "{rclone:#?}");
    let moto = of(servers::moto(), true);
    for lacks in ["content-md5", "lock-shorter", "lock-softer"] {
        assert!(all(&moto, Found::Fails).contains(&lacks), "{lacks}: {moto:#?}");
    }
    assert!(all(&moto, Found::Holds).contains(&"lock"), "{moto:#?}");
    // Once it is lifted it tells of none, and answers nothing that can be read: that is not known.
    assert!(!all(&moto, Found::Holds).contains(&"lock-lifted"), "{moto:#?}");
    // It answers nothing that can be read when it is asked for the lock of an object in parts, which has none.
    assert!(!all(&moto, Found::Holds).contains(&"lock-of-parts"), "{moto:#?}");
    let ministack = of(servers::ministack(), true);
    assert!(all(&ministack, Found::Fails).contains(&"lock-of-parts"), "{ministack:#?}");
    assert!(all(&ministack, Found::Holds).contains(&"lock"), "{ministack:#?}");
    for trials in [rclone, moto, ministack] {
        assert!(trials.iter().any(Trial::denies_locks), "{trials:#?}");
    }
}

/// Who may not write is told so, and nothing is said of the store.
#[test]
fn a_store_that_cannot_be_written_is_an_error() {
    let place = S3Place { bucket: "no-such-bucket-here".into(), ..servers::rclone().new_place("") };
    let store = S3Store::connect(&place, &place.writer, &servers::credentials()).unwrap();
    assert!(store.probe(Scope::All(Some(LockKind::Compliance)), Utc::now()).is_err());
}
