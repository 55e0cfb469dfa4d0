//! What every store must do, as a list of named cases. Each store is run through all of them; what a store cannot do
//! is stated as a capability, and then the case holds it to what it does instead.

use crate::hand::TempDir;
use crate::servers::{self, Server};
use outlive::domain::Kind;
use outlive::store::{DirStore, Key, Limits, MemoryStore, S3Store, Store};
use std::io::{Read, Write};

/// What differs between stores.
#[derive(Debug, Clone, Copy)]
struct Can {
    /// It has a clock of its own.
    tell_time: bool,
    /// It refuses a write of a key that another writer takes at the same moment. One that cannot shows a key that was
    /// there before, and of writers at the same moment the last one's bytes.
    refuse_races: bool,
}

struct Case {
    name: &'static str,
    run: fn(&dyn Store, Can),
}

const CASES: [Case; 11] = [
    Case { name: "an object appears whole, and only once it is finished", run: whole },
    Case { name: "nothing is overwritten, not even with the same bytes", run: never_overwritten },
    Case { name: "an object that is not there is told from one that is empty", run: absent_and_empty },
    Case { name: "any range is read, and a range behind the end is noticed", run: ranges },
    Case { name: "an object of many parts comes back byte for byte", run: many_parts },
    Case { name: "two writers of one key: one succeeds, and its bytes stay", run: one_winner },
    Case { name: "a folder lists what lies directly in it, sorted and with sizes", run: listing },
    Case { name: "a list of many pages is whole", run: many_pages },
    Case { name: "a stranger at the top is named", run: stranger },
    Case { name: "the same place has the same identity and a name", run: identity },
    Case { name: "the store's clock is told where it has one", run: clock },
];

fn hold(store: &dyn Store, can: Can) {
    for case in CASES {
        println!("{}: {}", store.place(), case.name);
        (case.run)(store, can);
    }
}

fn s3(server: &Server, prefix: &str) -> S3Store {
    let place = server.new_place(prefix);
    let limits = Limits { part: 5 * 1024 * 1024, ..Limits::default() };
    S3Store::with_limits(&place, &place.writer, &servers::credentials(), limits).unwrap()
}

#[test]
fn a_directory_keeps_the_contract() {
    let temp = TempDir::new();
    let store = DirStore::create(&temp.path().join("vault")).unwrap();
    hold(&store, Can { tell_time: false, refuse_races: true });
}

#[test]
fn memory_keeps_the_contract() {
    hold(&MemoryStore::default(), Can { tell_time: false, refuse_races: true });
}

#[test]
fn a_bucket_of_seaweedfs_keeps_the_contract() {
    hold(&s3(servers::seaweedfs(), ""), Can { tell_time: true, refuse_races: true });
    hold(&s3(servers::seaweedfs(), "team/vault"), Can { tell_time: true, refuse_races: true });
}

#[test]
fn a_bucket_of_a_plain_store_without_versions_keeps_the_contract() {
    hold(&s3(servers::rclone(), "team/vault/"), Can { tell_time: true, refuse_races: false });
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Bytes that repeat at no distance that a part or a buffer has.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn whole(store: &dyn Store, _: Can) {
    let one = key("whole/one");
    let mut upload = store.put_new(&one, None).unwrap();
    upload.write_all(b"half").unwrap();
    assert_eq!(store.size(&one).unwrap(), None);
    drop(upload);
    assert!(store.list("whole").unwrap().is_empty(), "an unfinished object left something");
    let mut upload = store.put_new(&one, None).unwrap();
    upload.write_all(b"who").unwrap();
    upload.write_all(b"le").unwrap();
    upload.finish().unwrap();
    assert_eq!(store.get_bytes(&one, 99).unwrap(), b"whole");
    assert_eq!(store.size(&one).unwrap(), Some(5));
    store.forget(&one).unwrap();
    assert_eq!(store.get_bytes(&one, 4).unwrap_err().kind, Kind::Damaged);
}

fn never_overwritten(store: &dyn Store, _: Can) {
    let one = key("once/one");
    store.put_bytes(&one, b"first").unwrap();
    for again in [b"other", b"first"] {
        assert_eq!(store.put_bytes(&one, again).unwrap_err().kind, Kind::Refused);
    }
    let large = bytes(11 << 20);
    let refused = store.put_bytes(&one, &large).unwrap_err();
    assert_eq!(refused.kind, Kind::Refused, "{refused}");
    assert_eq!(store.get_bytes(&one, 99).unwrap(), b"first");
}

fn absent_and_empty(store: &dyn Store, _: Can) {
    let (absent, empty) = (key("absent/none"), key("empty/one"));
    assert_eq!(store.size(&absent).unwrap(), None);
    assert_eq!(store.get(&absent, 0).map(drop).unwrap_err().kind, Kind::NotFound);
    assert_eq!(store.get_range(&absent, 0, 3).unwrap_err().kind, Kind::NotFound);
    assert_eq!(store.get_range(&absent, 0, 0).unwrap_err().kind, Kind::NotFound);
    assert!(store.list("absent").unwrap().is_empty());
    store.put_bytes(&empty, b"").unwrap();
    assert_eq!(store.size(&empty).unwrap(), Some(0));
    assert!(store.get_bytes(&empty, 9).unwrap().is_empty());
    assert!(store.get_range(&empty, 0, 0).unwrap().is_empty());
}

fn ranges(store: &dyn Store, _: Can) {
    let one = key("range/one");
    let written = bytes(100_000);
    store.put_bytes(&one, &written).unwrap();
    for (offset, length) in [(0, 1), (0, 100_000), (99_999, 1), (65_530, 12), (7, 0), (100_000, 0)] {
        let wanted = &written[offset..offset + length];
        assert_eq!(store.get_range(&one, offset as u64, length).unwrap(), wanted, "{offset} {length}");
    }
    for (offset, length) in [(99_999, 2), (100_000, 1), (200_000, 1)] {
        let problem = store.get_range(&one, offset, length).unwrap_err();
        assert_eq!(problem.kind, Kind::Damaged, "{offset} {length}: {problem}");
    }
    let mut rest = Vec::new();
    store.get(&one, 99_990).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, &written[99_990..]);
    for at_or_behind_the_end in [100_000, 100_001] {
        assert_eq!(store.get(&one, at_or_behind_the_end).unwrap().read(&mut [0]).unwrap(), 0);
    }
}

fn many_parts(store: &dyn Store, _: Can) {
    // Just one part, one byte more, and many with a last one of its own size.
    for (name, length) in [("a", 5 << 20), ("b", (5 << 20) + 1), ("c", (32 << 20) + 12_345)] {
        let (one, written) = (key(&format!("parts/{name}")), bytes(length));
        let mut upload = store.put_new(&one, None).unwrap();
        for piece in written.chunks(777_777) {
            upload.write_all(piece).unwrap();
        }
        upload.finish().unwrap();
        assert_eq!(store.size(&one).unwrap(), Some(length as u64));
        assert!(
            store.get_bytes(&one, length as u64).unwrap() == written,
            "{length} bytes came back otherwise"
        );
        let (from, long) = ((5 << 20) - 3, 4);
        assert_eq!(
            store.get_range(&one, from as u64, long.min(length - from)).unwrap()[..3],
            written[from..from + 3]
        );
    }
}

fn one_winner(store: &dyn Store, can: Can) {
    for round in 0..4 {
        let one = key(&format!("race/{round}"));
        let won: Vec<bool> = std::thread::scope(|scope| {
            let writers: Vec<_> = [b'a', b'b', b'c']
                .map(|byte| {
                    let one = &one;
                    scope.spawn(move || store.put_bytes(one, &[byte; 2000]))
                })
                .into_iter()
                .collect();
            let ended = writers.into_iter().map(|writer| writer.join().unwrap());
            let may_have_won = |ended: outlive::domain::Result<()>| match ended {
                Ok(()) => true,
                Err(problem) if problem.kind == Kind::Refused => false,
                // Where others write at the same moment, a plain store may give back what is neither's: nobody knows.
                Err(problem) => {
                    assert!(!can.refuse_races && problem.kind == Kind::Io, "{problem}");
                    true
                }
            };
            ended.map(may_have_won).collect()
        });
        let stored = store.get_bytes(&one, 9999).unwrap();
        let winner = b"abc".iter().position(|byte| stored == [*byte; 2000]).expect("the bytes of one writer");
        assert!(won[winner], "round {round}: the bytes of a writer that was refused");
        if can.refuse_races {
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
        }
    }
}

fn listing(store: &dyn Store, _: Can) {
    for (name, length) in [("b", 2), ("a", 1), ("c-d", 3)] {
        store.put_bytes(&key(&format!("list/{name}")), &bytes(length)).unwrap();
    }
    store.put_bytes(&key("listed/z"), b"elsewhere").unwrap();
    let found = store.list("list").unwrap();
    let found: Vec<_> = found.iter().map(|listed| (listed.key.as_str(), listed.bytes)).collect();
    assert_eq!(found, [("list/a", Some(1)), ("list/b", Some(2)), ("list/c-d", Some(3))]);
}

fn many_pages(store: &dyn Store, _: Can) {
    // A page holds a thousand at most.
    const MANY: usize = 1005;
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                for number in (part..MANY).step_by(4) {
                    store.put_bytes(&key(&format!("many/{number:05}")), b"x").unwrap();
                }
            });
        }
    });
    let found = store.list("many").unwrap();
    assert_eq!(found.len(), MANY);
    assert!(found.windows(2).all(|pair| pair[0].key < pair[1].key));
}

fn stranger(store: &dyn Store, _: Can) {
    store.put_bytes(&key("roots/one"), b"x").unwrap();
    store.put_bytes(&key("letter.txt"), b"x").unwrap();
    let mut known = vec!["whole", "once", "empty", "range", "parts", "race", "list", "listed", "many"];
    known.extend(["incoming", "absent", "roots"]);
    assert_eq!(store.stranger(&known).unwrap().as_deref(), Some("letter.txt"));
    known.push("letter.txt");
    assert_eq!(store.stranger(&known).unwrap(), None);
    known.retain(|name| *name != "roots");
    assert_eq!(store.stranger(&known).unwrap().as_deref(), Some("roots"));
}

fn identity(store: &dyn Store, _: Can) {
    assert_eq!(store.identity().unwrap(), store.identity().unwrap());
    assert!(!store.place().is_empty());
}

fn clock(store: &dyn Store, can: Can) {
    let now = chrono::Utc::now();
    match store.clock_skew(now).unwrap() {
        Some(skew) => {
            assert!(can.tell_time && skew.abs() < chrono::TimeDelta::seconds(30), "{skew}");
            let later = store.clock_skew(now - chrono::TimeDelta::minutes(9)).unwrap().unwrap();
            assert!(later > outlive::store::MOST_SKEW, "{later}");
        }
        None => assert!(!can.tell_time),
    }
}
