//! What stores do when they are asked before they are trusted: a sound one, and three that are not.

use crate::servers::{self, Server};
use aws_sdk_s3::types::{
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
};
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

/// Everything that was asked, by what came of it.
fn told(trials: &[Trial]) -> [Vec<&'static str>; 4] {
    [Found::Holds, Found::Fails, Found::Open, Found::NotAsked].map(|found| all(trials, found))
}

/// A place in a bucket that locks by itself what comes without a lock.
fn with_default_retention(server: &Server) -> S3Place {
    let place = server.new_locked_place("vault/");
    let client = servers::client(&server.endpoint);
    let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance).days(1).build();
    let rule = ObjectLockRule::builder().default_retention(retention).build();
    let locks =
        ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build();
    let ask = client.put_object_lock_configuration().bucket(&place.bucket).object_lock_configuration(locks);
    tokio::runtime::Runtime::new().unwrap().block_on(ask.send()).unwrap();
    place
}

#[test]
fn what_a_store_does_not_do_shows_and_nothing_else() {
    let rclone = of(servers::rclone(), false);
    let moto = asked(&with_default_retention(servers::moto()), Some(LockKind::Compliance));
    let ministack = asked(&with_default_retention(servers::ministack()), Some(LockKind::Compliance));
    let seaweedfs = asked(&with_default_retention(servers::seaweedfs()), Some(LockKind::Compliance));
    let all_of = |words: &'static str| words.split_whitespace().collect::<Vec<_>>();
    let expected = [
        (
            &rclone,
            [
                "clock content-md5 ranges",
                "creates-once versions lock lock-of-parts",
                "default-retention",
                "crc64nvme lock-longer lock-shorter lock-softer lock-lifted",
            ],
        ),
        // What moto answers when it is asked for a lock that is not there cannot be read: of an object in parts, of one that the bucket should have
        // locked, of one whose lock was lifted. That is not known, and never a lock.
        (
            &moto,
            [
                "clock creates-once ranges versions lock lock-longer",
                "content-md5 lock-shorter lock-softer",
                "default-retention lock-of-parts lock-lifted",
                "crc64nvme",
            ],
        ),
        (
            &ministack,
            [
                "clock creates-once content-md5 ranges versions default-retention lock lock-longer lock-shorter lock-softer lock-lifted",
                "lock-of-parts",
                "",
                "crc64nvme",
            ],
        ),
        (
            &seaweedfs,
            [
                "clock creates-once content-md5 crc64nvme ranges versions default-retention lock lock-of-parts lock-longer \
                 lock-shorter lock-softer lock-lifted",
                "",
                "",
                "",
            ],
        ),
    ];
    for (trials, words) in expected {
        // Who wins a race is chance; a sound store lets one win, each time.
        let without_race = told(trials)
            .map(|found| found.into_iter().filter(|id| *id != "creates-once-raced").collect::<Vec<_>>());
        assert_eq!(without_race, words.map(all_of), "{trials:#?}");
    }
    assert!(all(&seaweedfs, Found::Holds).contains(&"creates-once-raced"), "{seaweedfs:#?}");
    assert!(all(&rclone, Found::Fails).contains(&"creates-once-raced"), "{rclone:#?}");
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
