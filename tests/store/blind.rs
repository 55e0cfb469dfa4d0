//! Stores that do not show what lies below the newest version of a key: everything is read, and no lock is believed.

use crate::proxy::{Proxy, error};
use crate::servers;
use chrono::{TimeDelta, Utc};
use outlive::domain::LockKind;
use outlive::estate::S3Place;
use outlive::store::{Key, Limits, Retention, S3Store, Store};
use std::time::Duration;

/// What a question for versions is answered with: for those of the bucket, and for the list of them.
struct Refusals {
    versioning: Option<(&'static str, &'static str)>,
    list: Option<(&'static str, &'static str)>,
}

const KEY: &str = "roots/one";

/// An object under lock, and the store as it shows itself.
fn shown(refusals: Refusals) -> (Proxy, Box<dyn Store>) {
    let server = servers::seaweedfs();
    let place = server.new_locked_place("vault/");
    let limits = || Limits { pause: Duration::from_millis(10), attempts: 2, ..Limits::default() };
    let open = |place: &S3Place| -> Box<dyn Store> {
        Box::new(S3Store::with_limits(place, &place.writer, &servers::credentials(), limits()).unwrap())
    };
    let lock = Retention::new(LockKind::Compliance, Utc::now() + TimeDelta::days(2));
    open(&place).put_locked(&Key::new(KEY).unwrap(), b"ours", Some(lock)).unwrap();
    let proxy = Proxy::start(&server.endpoint);
    proxy.instead(move |head| {
        let asks = |what: &str| head.line().split(['?', '&', ' ', '=']).any(|word| word == what);
        let refusal = match () {
            () if asks("versioning") => refusals.versioning,
            () if asks("versions") => refusals.list,
            () => None,
        };
        refusal.map(|(status, code)| (status.to_owned(), error(code, "not here")))
    });
    let behind = S3Place { endpoint: Some(proxy.endpoint.clone()), ..place };
    (proxy, open(&behind))
}

fn is_read(store: &dyn Store) {
    let key = Key::new(KEY).unwrap();
    assert_eq!(store.get_bytes(&key, 9).unwrap(), b"ours");
    assert_eq!(store.size(&key).unwrap(), Some(4));
    assert_eq!(store.list("roots").unwrap().len(), 1);
}

#[test]
fn what_shows_its_versions_says_the_lock() {
    let (_proxy, store) = shown(Refusals { versioning: None, list: None });
    is_read(&*store);
    assert!(store.lock_of(&Key::new(KEY).unwrap()).unwrap().is_some());
    assert_eq!(store.notice(), None);
}

#[test]
fn a_list_of_versions_that_is_refused_proves_no_lock_and_is_told() {
    const DENIED: (&str, &str) = ("403 Forbidden", "AccessDenied");
    for versioning in [None, Some(DENIED)] {
        let (_proxy, store) = shown(Refusals { versioning, list: Some(DENIED) });
        is_read(&*store);
        assert_eq!(store.lock_of(&Key::new(KEY).unwrap()).unwrap(), None, "{versioning:?}");
        let notice = store.notice().unwrap();
        assert!(notice.contains("does not show versions"), "{notice}");
        assert_eq!(store.notice(), None, "it is told once");
    }
}

#[test]
fn who_may_not_ask_whether_versions_are_kept_looks() {
    let (_proxy, store) = shown(Refusals { versioning: Some(("403 Forbidden", "AccessDenied")), list: None });
    is_read(&*store);
    assert!(store.lock_of(&Key::new(KEY).unwrap()).unwrap().is_some());
}

#[test]
fn a_store_that_names_a_version_and_does_not_know_the_question_for_them_proves_no_lock() {
    let unknown = [("501 Not Implemented", "NotImplemented"), ("400 Bad Request", "InvalidRequest")];
    for versioning in unknown {
        let (_proxy, store) = shown(Refusals { versioning: Some(versioning), list: None });
        is_read(&*store);
        assert_eq!(store.lock_of(&Key::new(KEY).unwrap()).unwrap(), None, "{versioning:?}");
    }
}

#[test]
fn a_bucket_that_is_gone_is_told_as_that() {
    let (_proxy, store) = shown(Refusals { versioning: Some(("404 Not Found", "NoSuchBucket")), list: None });
    let problem = store.get_bytes(&Key::new(KEY).unwrap(), 9).unwrap_err();
    assert!(problem.to_string().contains("NoSuchBucket"), "{problem}");
}
