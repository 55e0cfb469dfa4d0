//! Locks of objects, as a store keeps them.

use crate::contract::bytes;
use crate::hand::TempDir;
use crate::servers::{self, Server};
use chrono::{TimeDelta, Utc};
use outlive::domain::{Kind, Lock, LockKind, LockMode, Timestamp};
use outlive::store::{
    DirStore, Hold, Key, Limits, Listed, MemoryStore, Retention, S3Store, Store, StoredVersion, UNLOCKED,
};
use std::io::Write;
use std::sync::Arc;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn s3(server: &Server, locks: bool) -> S3Store {
    let place = if locks { server.new_locked_place("vault/") } else { server.new_place("vault/") };
    let limits = Limits { part: 5 * 1024 * 1024, ..Limits::default() };
    S3Store::with_limits(&place, &place.writer, &servers::credentials(), limits).unwrap()
}

fn asked(kind: LockKind, days: i64) -> Retention {
    Retention::new(kind, Utc::now() + TimeDelta::days(days))
}

/// What every store with locks does.
fn keep_locks(store: &dyn Store) {
    let soft = asked(LockKind::Governance, 1);
    let firm = asked(LockKind::Compliance, 2);
    for (name, retention) in [("locks/soft", soft), ("locks/firm", firm)] {
        let lock = store.put_locked(&key(name), b"small", Some(retention)).unwrap();
        assert_eq!(lock, Some(retention.lock()), "{name}: read back with the write");
        assert_eq!(store.lock_of(&key(name)).unwrap(), Some(retention.lock()), "{name}");
        assert_eq!(store.get_bytes(&key(name), 9).unwrap(), b"small");
    }
    let large = bytes(12 << 20);
    let mut upload = store.put_new(&key("locks/large"), Some(firm)).unwrap();
    upload.write_all(&large).unwrap();
    assert_eq!(upload.finish().unwrap(), Some(firm.lock()), "in parts");
    assert_eq!(store.lock_of(&key("locks/large")).unwrap(), Some(firm.lock()));
    assert!(store.get_bytes(&key("locks/large"), 99 << 20).unwrap() == large);

    store.put_bytes(&key("locks/none"), b"free").unwrap();
    assert_eq!(store.lock_of(&key("locks/none")).unwrap(), Some(UNLOCKED));
    store.extend_lock(&key("locks/none"), soft).unwrap();
    assert_eq!(store.lock_of(&key("locks/none")).unwrap(), Some(soft.lock()), "a lock for what had none");
    let later = asked(LockKind::Compliance, 9);
    store.extend_lock(&key("locks/firm"), later).unwrap();
    assert_eq!(store.lock_of(&key("locks/firm")).unwrap(), Some(later.lock()));
    // Nobody shortens a lock, whoever asks.
    assert!(store.extend_lock(&key("locks/firm"), firm).is_err());
    assert_eq!(store.lock_of(&key("locks/firm")).unwrap(), Some(later.lock()));
    assert_eq!(store.lock_of(&key("locks/absent")).unwrap_err().kind, Kind::NotFound);
    assert!(store.extend_lock(&key("locks/absent"), firm).is_err());
    let again = store.put_locked(&key("locks/firm"), b"other", Some(firm)).unwrap_err();
    assert_eq!(again.kind, Kind::Refused, "{again}");
}

#[test]
fn seaweedfs_and_memory_keep_locks_of_small_objects_and_of_such_in_parts() {
    keep_locks(&s3(servers::seaweedfs(), true));
    keep_locks(&MemoryStore::with_locks(Arc::new(Utc::now)));
}

#[test]
fn a_store_without_locks_says_so_and_writes_nothing() {
    let temp = TempDir::new();
    let dir = DirStore::create(&temp.path().join("vault")).unwrap();
    let (plain, rclone) = (s3(servers::seaweedfs(), false), s3(servers::rclone(), false));
    let stores: [&dyn Store; 3] = [&dir, &MemoryStore::default(), &plain];
    for store in stores {
        let one = key("locks/one");
        let problem = store.put_locked(&one, b"x", Some(asked(LockKind::Compliance, 1))).unwrap_err();
        assert_eq!(problem.kind, Kind::Refused, "{}: {problem}", store.place());
        assert!(problem.remedy.contains("Object Lock"), "{}: {problem:?}", store.place());
        assert_eq!(store.size(&one).unwrap(), None, "{}", store.place());
        let large = bytes(6 << 20);
        assert!(store.put_locked(&one, &large, Some(asked(LockKind::Compliance, 1))).is_err());
        store.put_bytes(&one, b"x").unwrap();
        // Some of them do not even say that they have none.
        let lock = store.lock_of(&one).unwrap();
        assert!(lock.is_none_or(|lock| lock == UNLOCKED), "{}: {lock:?}", store.place());
        assert!(store.extend_lock(&one, asked(LockKind::Compliance, 1)).is_err(), "{}", store.place());
    }
    // This one takes the headers and does nothing with them: what counts is what it says afterwards.
    let lock =
        (&rclone as &dyn Store).put_locked(&key("locks/one"), b"x", Some(asked(LockKind::Compliance, 1)));
    assert!(!matches!(lock, Ok(Some(Lock { mode: LockMode::Compliance, .. }))), "{lock:?}");
}

#[test]
fn what_somebody_writes_on_top_of_an_object_or_deletes_is_read_as_it_was_written() {
    let server = servers::seaweedfs();
    let place = server.new_locked_place("vault/");
    let store = || {
        let limits = Limits { part: 5 * 1024 * 1024, ..Limits::default() };
        S3Store::with_limits(&place, &place.writer, &servers::credentials(), limits).unwrap()
    };
    let (firm, later) = (asked(LockKind::Compliance, 2), asked(LockKind::Compliance, 9));
    let names = ["packs/over", "packs/gone", "packs/both", "packs/left", "roots/deep"];
    let writer = store();
    for name in names {
        (&writer as &dyn Store).put_locked(&key(name), name.as_bytes(), Some(firm)).unwrap();
    }
    assert_eq!(writer.notice(), None);
    let before = writer.list("packs").unwrap();
    let thief = servers::client(&server.endpoint);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let put = |name: &str, bytes: &'static [u8]| {
            let put = thief.put_object().bucket(&place.bucket).key(format!("vault/{name}"));
            put.body(bytes.to_vec().into()).send()
        };
        let delete =
            |name: &str| thief.delete_object().bucket(&place.bucket).key(format!("vault/{name}")).send();
        for _ in 0..3 {
            put("packs/over", b"something else").await.unwrap();
        }
        delete("packs/gone").await.unwrap();
        put("packs/both", b"worse").await.unwrap();
        delete("packs/both").await.unwrap();
        put("packs/both", b"still worse").await.unwrap();
        delete("roots/deep").await.unwrap();
    });
    let reader = store();
    for name in names {
        let of = key(name);
        assert_eq!((&reader as &dyn Store).get_bytes(&of, 99).unwrap(), name.as_bytes(), "{name}");
        let range = (&reader as &dyn Store).get_range(&of, 6, 2).unwrap();
        assert_eq!(range, name.as_bytes()[6..8], "{name}");
        assert_eq!(reader.size(&of).unwrap(), Some(name.len() as u64), "{name}");
        assert_eq!(reader.lock_of(&of).unwrap(), Some(firm.lock()), "{name}");
        reader.extend_lock(&of, later).unwrap();
        assert_eq!(reader.lock_of(&of).unwrap(), Some(later.lock()), "{name}");
    }
    // A lock that was made longer makes no version newer, whatever moment the store tells of it by then.
    let after = store();
    for name in names {
        assert_eq!((&after as &dyn Store).get_bytes(&key(name), 99).unwrap(), name.as_bytes(), "{name}");
        assert_eq!(after.lock_of(&key(name)).unwrap(), Some(later.lock()), "{name}");
    }
    assert_eq!(reader.list("packs").unwrap(), before, "with their sizes and times");
    assert_eq!(reader.list("roots").unwrap().len(), 1);
    let notice = reader.notice().unwrap();
    assert!(notice.contains("4 objects were written over or deleted (packs/both and others)"), "{notice}");
    assert_eq!(reader.notice(), None, "it is told once");
    // Who wrote over it has no lock, and ours is what was made longer.
    assert!(store().put_new(&key("packs/over"), None).and_then(|upload| upload.finish()).is_err());
}

/// A moment far enough from now that whole seconds do not matter.
#[test]
fn the_end_of_a_lock_is_kept_to_the_second() {
    let store = s3(servers::seaweedfs(), true);
    let until: Timestamp = Utc::now() + TimeDelta::days(3) + TimeDelta::milliseconds(1);
    let retention = Retention::new(LockKind::Compliance, until);
    let lock = (&store as &dyn Store).put_locked(&key("locks/second"), b"x", Some(retention)).unwrap();
    assert!(lock.unwrap().until.unwrap() >= until, "never shorter than was asked for");
}

/// What is stored under a key.
fn versions(store: &dyn Store, name: &str) -> Vec<StoredVersion> {
    let listed: Vec<Listed> = store.list("held").unwrap();
    store.versions_of(listed.iter().find(|listed| listed.key == key(name)).unwrap()).unwrap()
}

#[test]
fn what_holds_off_a_deletion_is_told_of_each_version_of_a_key() {
    let place = servers::seaweedfs().new_locked_place("vault/");
    let connect = || S3Store::connect(&place, &place.writer, &servers::credentials()).unwrap();
    let store: &dyn Store = &connect();
    let firm = asked(LockKind::Compliance, 1);
    store.put_locked(&key("held/firm"), b"1", Some(firm)).unwrap();
    ["held/free", "held/legal", "held/over"]
        .iter()
        .for_each(|name| store.put_bytes(&key(name), b"1").unwrap());
    let client = servers::client(&servers::seaweedfs().endpoint);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let hold = aws_sdk_s3::types::ObjectLockLegalHold::builder()
        .status(aws_sdk_s3::types::ObjectLockLegalHoldStatus::On)
        .build();
    let held = client.put_object_legal_hold().bucket(&place.bucket).key("vault/held/legal").legal_hold(hold);
    runtime.block_on(held.send()).unwrap();
    for name in ["vault/held/over", "vault/held/overlong"] {
        let put = client.put_object().bucket(&place.bucket).key(name).body(b"22".to_vec().into());
        runtime.block_on(put.send()).unwrap();
    }
    let marked = client.delete_object().bucket(&place.bucket).key("vault/held/over");
    runtime.block_on(marked.send()).unwrap();
    // Versions are looked at once in a run.
    let store: &dyn Store = &connect();
    let holds =
        |name: &str| versions(store, name).into_iter().map(|version| version.hold).collect::<Vec<_>>();
    assert_eq!(holds("held/firm"), [Hold::Until(firm.until)]);
    assert_eq!((holds("held/free"), holds("held/legal")), (vec![Hold::Free], vec![Hold::Legal]));
    let over = versions(store, "held/over");
    let ids: std::collections::BTreeSet<_> = over.iter().map(|version| version.id.clone().unwrap()).collect();
    assert_eq!((over.len(), ids.len()), (3, 3), "two versions and a marker: {over:?}");
    assert!(over.iter().all(|version| version.hold == Hold::Free), "{over:?}");
    // What is put on top after versions were listed is told too.
    let put = client.put_object().bucket(&place.bucket).key("vault/held/firm").body(b"22".to_vec().into());
    runtime.block_on(put.send()).unwrap();
    let both = holds("held/firm");
    assert!(both.len() == 2 && both.contains(&Hold::Until(firm.until)), "{both:?}");
    // A store without versions has the key alone.
    let temp = TempDir::new();
    let dir = DirStore::create(&temp.path().join("vault")).unwrap();
    for store in [&dir as &dyn Store, &s3(servers::rclone(), false), &s3(servers::seaweedfs(), false)] {
        store.put_bytes(&key("held/one"), b"1").unwrap();
        let alone = StoredVersion { id: None, hold: Hold::Free };
        assert_eq!(versions(store, "held/one"), [alone], "{}", store.place());
    }
}
