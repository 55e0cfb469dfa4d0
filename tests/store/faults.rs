//! Twelve faults, in the first, a middle and the last request of everything that is asked of a store: the result is
//! right, or there is a problem that says so. No fault counts that was not done.

use crate::contract::bytes;
use crate::proxy::{FAULTS, Fault, Proxy, error};
use crate::servers;
use outlive::domain::Result;
use outlive::store::{Key, Limits, S3Store, Store};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A store behind the proxy, and the same without.
pub struct Bench {
    pub proxy: Proxy,
    pub faulty: Arc<S3Store>,
    pub plain: Arc<S3Store>,
}

/// Something that is asked of a store. `act` panics where a result is wrong.
struct Operation {
    name: &'static str,
    prepare: fn(&Bench, &str),
    act: fn(&dyn Store, &dyn Store, &str, Fault) -> Result<()>,
}

const OPERATIONS: [Operation; 9] = [
    Operation { name: "put", prepare: nothing, act: put },
    Operation { name: "put in parts", prepare: nothing, act: put_in_parts },
    Operation { name: "get", prepare: an_object, act: get },
    Operation { name: "get a range", prepare: an_object, act: get_range },
    Operation { name: "size", prepare: an_object, act: size },
    Operation { name: "size of nothing", prepare: nothing, act: size_of_nothing },
    Operation { name: "list", prepare: a_list, act: list },
    Operation { name: "stranger", prepare: a_list, act: stranger },
    Operation { name: "server time", prepare: nothing, act: server_time },
];

const LENGTH: usize = 200_000;
const IN_PARTS: usize = (11 << 20) + 77;

#[test]
fn each_fault_in_each_operation_gives_the_right_result_or_a_problem() {
    let counted: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let running: Vec<_> =
            OPERATIONS.iter().map(|operation| scope.spawn(|| all_faults(operation))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let tried: usize = counted.iter().map(|(tried, _)| tried).sum();
    let problems: Vec<String> = counted.into_iter().flat_map(|(_, problems)| problems).collect();
    println!("{tried} faults, {} of them ended in a problem:\n{}", problems.len(), problems.join("\n"));
    // Nine operations of at most four places each; a stale list only where lists are asked for.
    assert!(tried >= 150, "{tried}");
    assert!(problems.len() * 10 < tried, "one fault in a thousand requests should rarely end a run");
}

#[test]
fn a_body_that_broke_and_is_said_to_end_there_is_never_taken_for_whole() {
    let bench = bench();
    let name = "broken";
    an_object(&bench, name);
    // The bucket is asked for its versions once, before the first reading.
    bench.faulty.size(&key("objects", name)).unwrap();
    let refused = Arc::new(AtomicUsize::new(0));
    // How often going on is answered 416: once is got over, always is a problem. A reading from the beginning of what
    // is there, one of a range, and one to an end that is not known.
    for always in [false, true] {
        for (from, length) in [(0, None), (1000, Some(100_000)), (1000, None)] {
            refused.store(0, Relaxed);
            let counted = refused.clone();
            let begun = format!("bytes={from}-");
            bench.proxy.instead(move |head| {
                let range = head.header("range").unwrap_or("bytes=0-");
                let goes_on = head.line().starts_with("GET ") && !range.starts_with(&begun);
                let refuses = goes_on && (counted.fetch_add(1, Relaxed) == 0 || always);
                let answer =
                    ("416 Requested Range Not Satisfiable".to_owned(), error("InvalidRange", "behind"));
                refuses.then_some(answer)
            });
            bench.proxy.arm(Some((Fault::Truncated, 0)));
            let one = key("objects", name);
            let ended = match length {
                Some(length) => (&*bench.faulty as &dyn Store).get_range(&one, from, length),
                None => read_on(&*bench.faulty, &one, from),
            };
            assert!(bench.proxy.seen().1 && refused.load(Relaxed) > 0, "nothing was refused");
            let end = length.map_or(LENGTH, |length| from as usize + length);
            match (ended, always) {
                (Ok(found), false) => assert!(found == bytes(LENGTH)[from as usize..end], "from {from}"),
                (Err(problem), true) => assert!(problem.what.contains("ends before byte"), "{problem}"),
                (Ok(found), true) => panic!("{} bytes from {from} on were taken for all", found.len()),
                (Err(problem), false) => panic!("one wrong answer ended it: {problem}"),
            }
        }
    }
    // Behind the end there is nothing, and that is no fault.
    bench.proxy.instead(|_| None);
    bench.proxy.arm(None);
    assert_eq!(read_on(&*bench.faulty, &key("objects", name), LENGTH as u64).unwrap(), b"");
}

fn read_on(store: &dyn Store, one: &Key, from: u64) -> Result<Vec<u8>> {
    let mut found = Vec::new();
    let read = store.get(one, from)?.read_to_end(&mut found);
    read.map_err(|error| outlive::store::read_failed(one, store, error)).map(|_| found)
}

pub fn bench() -> Bench {
    let server = servers::seaweedfs();
    let proxy = Proxy::start(&server.endpoint);
    let limits = Limits {
        connect: Duration::from_secs(2),
        answer: Duration::from_millis(2500),
        idle: Duration::from_millis(1500),
        slowest: 1024 * 1024,
        attempts: 4,
        pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(200),
        part: 5 << 20,
        ..Limits::default()
    };
    let place = server.new_place("vault");
    let behind = outlive::estate::S3Place { endpoint: Some(proxy.endpoint.clone()), ..place.clone() };
    let connect = |place, limits| {
        Arc::new(S3Store::with_limits(place, &servers::access(), &servers::credentials(), limits).unwrap())
    };
    let (faulty, plain) = (connect(&behind, limits), connect(&place, Limits::default()));
    Bench { proxy, faulty, plain }
}

/// How many faults were done, and the problems that came of them.
fn all_faults(operation: &Operation) -> (usize, Vec<String>) {
    let bench = bench();
    // On a busy machine a request may be sent twice though nothing is wrong: the fewest of three count.
    let undisturbed = ["sound", "sound-2", "sound-3"].map(|name| {
        (operation.prepare)(&bench, name);
        bench.proxy.arm(None);
        (operation.act)(&*bench.faulty, &*bench.plain, name, Fault::Delay).unwrap();
        bench.proxy.seen().0.len()
    });
    let requests = undisturbed.into_iter().min().unwrap();
    assert!(requests > 0, "{} asks for nothing", operation.name);
    // The last but one of a write is the one that makes the object.
    let made = requests.saturating_sub(2);
    let places = [(made, "making"), (0, "first"), (requests / 2, "middle"), (requests - 1, "last")];
    let places = BTreeMap::from(places);
    let (mut tried, mut problems) = (0, Vec::new());
    for fault in FAULTS {
        if fault == Fault::StaleList && !["list", "stranger"].contains(&operation.name) {
            continue;
        }
        for (at, place) in &places {
            let name = format!("{fault:?}-{place}");
            (operation.prepare)(&bench, &name);
            bench.proxy.arm(Some((fault, *at)));
            let ended = (operation.act)(&*bench.faulty, &*bench.plain, &name, fault);
            let (seen, fired) = bench.proxy.seen();
            assert!(fired, "{}: {name} was not done: {seen:?}", operation.name);
            tried += 1;
            if let Err(problem) = ended {
                assert!(!problem.what.is_empty() && !problem.place.is_empty());
                problems.push(format!("{}: {name}: {problem}", operation.name));
            }
        }
    }
    (tried, problems)
}

fn key(folder: &str, name: &str) -> Key {
    Key::new(format!("{folder}/{name}")).unwrap()
}

fn nothing(_: &Bench, _: &str) {}

fn an_object(bench: &Bench, name: &str) {
    (&*bench.plain as &dyn Store).put_bytes(&key("objects", name), &bytes(LENGTH)).unwrap();
}

/// Three objects, of which a stale list knows two.
fn a_list(bench: &Bench, name: &str) {
    let store: &dyn Store = &*bench.plain;
    store.put_bytes(&key(name, "a"), b"1").unwrap();
    store.put_bytes(&key(name, "b"), b"22").unwrap();
    bench.proxy.arm(None);
    bench.faulty.list(name).unwrap();
    bench.faulty.stranger(&[]).unwrap();
    store.put_bytes(&key(name, "c"), b"333").unwrap();
}

/// What was written is there once and whole, where success was said; otherwise it is that, or nothing.
fn written(plain: &dyn Store, one: &Key, wanted: &[u8], ended: Result<()>) -> Result<()> {
    let folder = one.as_str().split_once('/').unwrap().0;
    let there = plain.list(folder).unwrap().iter().filter(|listed| listed.key == *one).count();
    assert!(ended.is_err() || there == 1, "{one}: success was said, and it is there {there} times");
    if there > 0 {
        let found = plain.get_bytes(one, wanted.len() as u64 + 1).unwrap();
        assert!(found == wanted, "{one}: other bytes are there than were written");
    }
    ended
}

fn put(store: &dyn Store, plain: &dyn Store, name: &str, _: Fault) -> Result<()> {
    let (one, wanted) = (key("put", name), bytes(LENGTH));
    let ended = store.put_bytes(&one, &wanted);
    written(plain, &one, &wanted, ended)
}

fn put_in_parts(store: &dyn Store, plain: &dyn Store, name: &str, _: Fault) -> Result<()> {
    let (one, wanted) = (key("parts", name), bytes(IN_PARTS));
    let send = || {
        let mut upload = store.put_new(&one, None)?;
        let failed = |error| outlive::domain::Problem::io("writing", error);
        wanted.chunks(1 << 20).try_for_each(|piece| upload.write_all(piece)).map_err(failed)?;
        upload.finish().map(drop)
    };
    let ended = send();
    written(plain, &one, &wanted, ended)
}

fn get(store: &dyn Store, _: &dyn Store, name: &str, _: Fault) -> Result<()> {
    let found = store.get_bytes(&key("objects", name), LENGTH as u64)?;
    assert!(found == bytes(LENGTH), "{name}: other bytes came back");
    Ok(())
}

fn get_range(store: &dyn Store, _: &dyn Store, name: &str, fault: Fault) -> Result<()> {
    let found = store.get_range(&key("objects", name), 1000, 100_000)?;
    assert_eq!(found.len(), 100_000);
    let is_same = found == bytes(LENGTH)[1000..101_000];
    // There is no checksum of a range: the vault's SHA-256 of each chunk is for that (`vaults.rs`).
    assert!(is_same || fault == Fault::Corrupt, "{name}: other bytes came back");
    Ok(())
}

fn size(store: &dyn Store, _: &dyn Store, name: &str, _: Fault) -> Result<()> {
    assert_eq!(store.size(&key("objects", name))?, Some(LENGTH as u64), "{name}");
    Ok(())
}

fn size_of_nothing(store: &dyn Store, _: &dyn Store, name: &str, _: Fault) -> Result<()> {
    assert_eq!(store.size(&key("nothing", name))?, None, "{name}");
    Ok(())
}

fn list(store: &dyn Store, plain: &dyn Store, name: &str, fault: Fault) -> Result<()> {
    let found: Vec<_> = store.list(name)?.into_iter().map(|listed| (listed.key, listed.bytes)).collect();
    let mut wanted: Vec<_> =
        [("a", 1), ("b", 2), ("c", 3)].map(|(last, size)| (key(name, last), Some(size))).into();
    if fault == Fault::StaleList {
        // Nothing in it tells it from a true one: what is new is hidden, and still found by its key.
        wanted.pop();
        assert_eq!(plain.size(&key(name, "c"))?, Some(3));
    }
    // One bit of a name or of a size may be another, and the list still be one: see `vaults.rs`.
    assert!(found == wanted || fault == Fault::Corrupt, "{name}: {found:?}");
    Ok(())
}

fn stranger(store: &dyn Store, _: &dyn Store, name: &str, fault: Fault) -> Result<()> {
    let found = store.stranger(&[])?;
    assert!(found.is_some() || fault == Fault::StaleList, "{name}: nobody was seen");
    Ok(())
}

fn server_time(store: &dyn Store, _: &dyn Store, name: &str, _: Fault) -> Result<()> {
    let skew = store.clock_skew(chrono::Utc::now())?.expect("a server has a clock");
    assert!(skew.abs() < chrono::TimeDelta::minutes(1), "{name}: {skew}");
    Ok(())
}
