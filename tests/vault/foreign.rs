//! Something among the statements that cannot be read: what a reader wrote stays under lock, and what somebody else put there is not kept for
//! them, nor for ever in the way of copies.

use chrono::TimeDelta;
use outlive::domain::{Kind, Lock, LockKind, Problem, Result, Timestamp};
use outlive::store::{Key, MemoryStore, Retention, Store};
use outlive::vault::{LockTerms, Readers, Recipient, Vault};
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

const READER: &str = "age10nttr7uv5dh3alakgz6gndkexktzy8j43ntyax8t8ulrprqzx5nqf80eaa";

/// A store that does not give what lies among the statements, as for somebody else's key.
struct Refusing(MemoryStore);

impl Store for Refusing {
    forward!(self => self.0; place identity put_new size stranger list);

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        if key.as_str().starts_with("epochs/") {
            return Err(Problem::new(Kind::Io, format!("reading {key}: another key is needed")));
        }
        self.0.get(key, offset)
    }

    fn lock_of(&self, key: &Key) -> Result<Option<Lock>> {
        self.0.lock_of(key)
    }

    fn extend_lock(&self, key: &Key, retention: Retention) -> Result<()> {
        self.0.extend_lock(key, retention)
    }

    fn server_time(&self) -> Result<Option<Timestamp>> {
        self.0.server_time()
    }
}

fn now() -> Timestamp {
    chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap()
}

fn key(number: usize) -> Key {
    Key::new(format!("epochs/{number:016x}-{number:016x}")).unwrap()
}

#[test]
fn only_what_was_kept_so_far_is_kept_and_the_others_locks_are_left_to_end() {
    let store = MemoryStore::with_locks(Arc::new(now));
    let nothing = |_: &outlive::vault::Epoch| Ok(());
    let readers = Some(Readers { readers: vec![Recipient::parse(READER).unwrap()], keep: &nothing });
    Vault::open_or_create_under(Arc::new(store.clone()), now(), None, readers).unwrap();
    let terms =
        LockTerms::new(LockKind::Compliance, TimeDelta::days(35), TimeDelta::days(400), now()).unwrap();
    let locked = |kind, days| Some(Retention::new(kind, now() + TimeDelta::days(days)));
    let laid = [
        None,
        locked(LockKind::Compliance, 5),
        locked(LockKind::Compliance, 27),
        locked(LockKind::Governance, 40),
        // As of a night ago, some nights ago, and what is longer than is needed.
        locked(LockKind::Compliance, 34),
        locked(LockKind::Compliance, 30),
        locked(LockKind::Compliance, 90),
    ];
    for (number, retention) in laid.iter().enumerate() {
        (&store as &dyn Store).put_locked(&key(number), b"nobody can read it", *retention).unwrap();
    }
    let until = |number: usize| store.lock_of(&key(number)).unwrap().and_then(|lock| lock.until);
    let before: Vec<_> = (0..laid.len()).map(until).collect();
    let vault = Vault::open(Arc::new(Refusing(store.clone()))).unwrap();
    assert_eq!(vault.epochs().unwrap().unread.len(), laid.len());
    let (kept, _) = vault.keep_needed(&[], terms).unwrap();
    assert!(kept.refused.is_none(), "{kept:?}");
    let after: Vec<_> = (0..laid.len()).map(until).collect();
    assert_eq!(after[..4], before[..4], "what was never kept here is kept from now on");
    assert_eq!((after[4], after[5], after[6]), (Some(terms.until), Some(terms.until), before[6]));
    // What the owner disowns is left to end, too, and keeps nobody from writing.
    vault.epochs().unwrap().check_read().unwrap_err();
    let all: BTreeSet<String> = (0..laid.len()).map(|number| key(number).as_str().to_owned()).collect();
    let vault = Vault::open(Arc::new(Refusing(store.clone()))).unwrap().disowning(&all);
    let epochs = vault.epochs().unwrap();
    assert_eq!((epochs.unread.len(), epochs.disowned.len()), (0, laid.len()));
    epochs.check_read().unwrap();
    let later =
        LockTerms::new(LockKind::Compliance, TimeDelta::days(100), TimeDelta::days(400), now()).unwrap();
    let (kept, _) = vault.keep_needed(&[], later).unwrap();
    assert_eq!((kept.extended, (0..laid.len()).map(until).collect::<Vec<_>>()), (0, after));
    // One that is not named is none of those.
    let most = all.into_iter().skip(1).collect();
    let vault = Vault::open(Arc::new(Refusing(store))).unwrap().disowning(&most);
    let refused = vault.epochs().unwrap().check_read().unwrap_err();
    assert!(refused.what.contains(key(0).as_str()) && refused.remedy.contains("waive_unread"), "{refused:?}");
}
