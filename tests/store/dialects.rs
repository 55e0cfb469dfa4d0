//! Stores that do not know something of a request: what is done without, and what is not.

use crate::contract::bytes;
use crate::proxy::{Head, Proxy, error};
use crate::servers;
use outlive::domain::Kind;
use outlive::estate::S3Place;
use outlive::store::{Key, Limits, S3Store, Store};
use std::io::Write;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

fn behind(proxy: &Proxy) -> S3Store {
    let place = servers::seaweedfs().new_place("");
    let behind = S3Place { endpoint: Some(proxy.endpoint.clone()), ..place };
    let limits = Limits { pause: Duration::from_millis(10), part: 5 << 20, ..Limits::default() };
    S3Store::with_limits(&behind, &behind.writer, &servers::credentials(), limits).unwrap()
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// What a write carried: its checksum, and the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Carried {
    crc: bool,
    condition: bool,
}

fn carried(head: &Head) -> Option<Carried> {
    let of_object = head.line().starts_with("PUT ");
    of_object.then(|| Carried {
        crc: head.header("x-amz-checksum-crc64nvme").is_some(),
        condition: head.header("if-none-match") == Some("*"),
    })
}

/// Answers writes by `answer`, and keeps what they carried.
fn watch(
    proxy: &Proxy,
    answer: impl Fn(Carried) -> Option<(String, String)> + Send + Sync + 'static,
) -> Arc<Mutex<Vec<Carried>>> {
    let seen: Arc<Mutex<Vec<Carried>>> = Arc::default();
    let shared = seen.clone();
    proxy.instead(move |head| {
        let carried = carried(head)?;
        shared.lock().unwrap().push(carried);
        answer(carried)
    });
    seen
}

fn refused(status: &str, code: &str, message: &str) -> Option<(String, String)> {
    Some((status.to_owned(), error(code, message)))
}

#[test]
fn two_writes_whose_checksum_is_refused_at_once_keep_the_condition() {
    let proxy = Proxy::start(&servers::seaweedfs().endpoint);
    let store = behind(&proxy);
    let both = Barrier::new(2);
    let seen = watch(&proxy, move |carried| {
        // Both are on their way before the first is refused.
        carried.crc.then(|| both.wait());
        let message = "Unsupported header 'x-amz-checksum-crc64nvme'";
        carried.crc.then(|| refused("400 Bad Request", "InvalidArgument", message)).flatten()
    });
    std::thread::scope(|scope| {
        for name in ["a/one", "a/two"] {
            let store = &store;
            scope.spawn(move || (store as &dyn Store).put_bytes(&key(name), b"x").unwrap());
        }
    });
    (&store as &dyn Store).put_bytes(&key("a/three"), b"x").unwrap();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.iter().filter(|carried| carried.crc).count(), 2, "{seen:?}");
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert!(seen.iter().all(|carried| carried.condition), "the condition was given up: {seen:?}");
    assert_eq!(store.notice(), None);
}

#[test]
fn a_refusal_that_says_nothing_of_the_condition_is_a_problem_and_gives_up_nothing() {
    let proxy = Proxy::start(&servers::seaweedfs().endpoint);
    let store = behind(&proxy);
    let seen = watch(&proxy, |_| refused("400 Bad Request", "InvalidArgument", "the key is not to my taste"));
    for name in ["a/one", "a/two"] {
        let problem = (&store as &dyn Store).put_bytes(&key(name), b"x").unwrap_err();
        assert!(problem.kind == Kind::Io && problem.what.contains("not to my taste"), "{problem}");
    }
    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() == 3 && seen.iter().all(|carried| carried.condition), "{seen:?}");
    assert_eq!(store.notice(), None);
}

#[test]
fn a_store_that_does_not_know_the_condition_is_written_without_it_and_that_is_told_once() {
    let answers = [
        ("501 Not Implemented", "NotImplemented", "A header you provided is not implemented"),
        ("400 Bad Request", "InvalidRequest", "unknown header If-None-Match"),
    ];
    for (status, code, message) in answers {
        let proxy = Proxy::start(&servers::seaweedfs().endpoint);
        let store = behind(&proxy);
        let seen =
            watch(&proxy, move |carried| carried.condition.then(|| refused(status, code, message)).flatten());
        (&store as &dyn Store).put_bytes(&key("a/one"), b"x").unwrap();
        (&store as &dyn Store).put_bytes(&key("a/two"), b"x").unwrap();
        let seen = seen.lock().unwrap().clone();
        let with = |crc, condition| Carried { crc, condition };
        let wanted = [with(true, true), with(false, true), with(false, false), with(false, false)];
        assert_eq!(seen, wanted, "{code}");
        let notice = store.notice().unwrap();
        assert!(notice.contains("If-None-Match") && notice.contains("docs/stores.md"), "{notice}");
        assert_eq!(store.notice(), None, "told twice");
        // What is there is still seen before it is written.
        let again = (&store as &dyn Store).put_bytes(&key("a/one"), b"y").unwrap_err();
        assert_eq!(again.kind, Kind::Refused);
    }
}

#[test]
fn parts_whose_end_is_refused_for_its_checksum_are_finished_with_the_condition() {
    let proxy = Proxy::start(&servers::seaweedfs().endpoint);
    let store = behind(&proxy);
    let ends: Arc<Mutex<Vec<Carried>>> = Arc::default();
    let shared = ends.clone();
    proxy.instead(move |head| {
        let is_end = head.line().starts_with("POST ") && head.line().contains("uploadId=");
        let crc = head.header("x-amz-checksum-crc64nvme").is_some();
        let condition = head.header("if-none-match") == Some("*");
        is_end.then(|| shared.lock().unwrap().push(Carried { crc, condition }))?;
        crc.then(|| refused("400 Bad Request", "InvalidArgument", "no such header here")).flatten()
    });
    let wanted = bytes((11 << 20) + 5);
    let mut upload = store.put_new(&key("a/large"), None).unwrap();
    upload.write_all(&wanted).unwrap();
    upload.finish().unwrap();
    let ends = ends.lock().unwrap().clone();
    let with = |crc| Carried { crc, condition: true };
    assert_eq!(ends, [with(true), with(false)]);
    assert!((&store as &dyn Store).get_bytes(&key("a/large"), 12 << 20).unwrap() == wanted);
}
