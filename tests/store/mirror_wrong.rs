//! What can go wrong while a prefix is mirrored: it changes, its store lies, its keys are no names of files, or it goes.

use crate::contract::bytes;
use crate::mirror::{Mirror, files};
use crate::proxy::Fault;
use outlive::domain::{Consistency, Kind, Monitor, Phase, Silent};
use outlive::estate::{S3Access, SecretSource};
use outlive::vault::CopyReport;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

fn missed(report: &CopyReport) -> Vec<(String, String)> {
    report.root.root.missed.iter().map(|one| (one.path.to_string(), one.because.clone())).collect()
}

#[test]
fn an_object_replaced_before_it_is_read_is_taken_whole_as_it_is_then_and_the_copy_is_of_no_one_moment() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(100)), ("backup.info", b"short".to_vec())]);
    mirror.proxy.before(mirror.get_of("backup.info"), mirror.replace("backup.info", b"another, and longer"));
    let report = mirror.copy().unwrap();
    let root = &report.root.root;
    assert_eq!((root.totals.missed, root.totals.unsettled), (0, 1));
    assert_eq!(root.origin.consistency, Consistency::Live);
    assert!(
        report.notices[0].contains("backup.info was replaced before it was read"),
        "{:?}",
        report.notices
    );
    let wanted = [("a", bytes(100)), ("backup.info", b"another, and longer".to_vec())];
    assert_eq!(mirror.restored(&report), files(&wanted));
    // It is read again, and then all is of one moment.
    let next = mirror.copy().unwrap();
    assert_eq!(mirror.fetched(), ["backup.info"]);
    assert_eq!(next.root.root.origin.consistency, Consistency::Crash, "{:?}", next.notices);
    assert_eq!(mirror.restored(&next), files(&wanted));
}

#[test]
fn what_comes_after_the_list_belongs_to_the_next_copy_and_this_one_is_of_one_moment() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(100)), ("b", bytes(600_000))]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    mirror.proxy.before(mirror.get_of("b"), mirror.replace("c", b"new"));
    let report = mirror.copy().unwrap();
    assert_eq!(report.root.root.origin.consistency, Consistency::Crash, "{:?}", report.notices);
    assert_eq!(mirror.restored(&report), files(&[("a", bytes(100)), ("b", bytes(600_000))]));
    let next = mirror.copy().unwrap();
    assert_eq!((mirror.fetched(), next.root.root.totals.files), (vec!["c".to_owned()], 3));
}

#[test]
fn a_large_object_replaced_while_its_body_comes_is_missed_and_never_sewn_together() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(100)), ("large", bytes(3_000_000))]);
    drop(mirror.copy().unwrap());
    let (lines, _) = mirror.proxy.seen();
    let at = lines.iter().position(|line| line.contains("/repo/large?")).unwrap();
    let other = Mirror::new();
    other.put(&[("a", bytes(100)), ("large", bytes(3_000_000))]);
    let (begin, replace) = (other.get_of("large"), Mutex::new(Some(other.replace("large", b"another"))));
    let asked = AtomicU64::new(0);
    other.proxy.instead(move |head| {
        if head.line().starts_with(begin) && asked.fetch_add(1, Relaxed) == 1 {
            replace.lock().unwrap().take().unwrap()();
        }
        None
    });
    let report = other.copy_with(Fault::Truncated, at).unwrap();
    let told = missed(&report);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.contains("replaced while it was being read"), "{told:?}");
    assert_eq!(report.root.root.origin.consistency, Consistency::Live);
    assert_eq!(other.restored(&report), files(&[("a", bytes(100))]));
}

#[test]
fn an_object_gone_before_it_is_read_leaves_the_point_incomplete() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(100)), ("b", bytes(200))]);
    mirror.proxy.before(mirror.get_of("b"), mirror.remove("b"));
    let report = mirror.copy().unwrap();
    assert_eq!(missed(&report), [("b".into(), "vanished while it was being copied".into())]);
    assert!(!report.root.root.is_complete());
    assert_eq!(report.root.root.origin.consistency, Consistency::Live);
    assert_eq!(mirror.restored(&report), files(&[("a", bytes(100))]));
}

#[test]
fn a_body_that_is_damaged_or_cut_once_is_fetched_again_and_always_it_is_missed() {
    for fault in [Fault::Corrupt, Fault::Truncated, Fault::WrongLength, Fault::Reset] {
        for (name, length) in [("small", 3_000), ("large", 1_500_000)] {
            let mirror = Mirror::new();
            let objects = [("a", bytes(10)), (name, bytes(length)), ("z", bytes(20))];
            mirror.put(&objects);
            mirror.proxy.always(Some((fault, mirror.get_of(name))));
            let always = mirror.copy();
            mirror.proxy.always(None);
            let always = always.unwrap();
            let told = missed(&always);
            assert_eq!(told.len(), 1, "{fault:?} {name}: {told:?}");
            assert_eq!(told[0].0, name);
            let wanted: Vec<_> = objects.iter().filter(|(of, _)| *of != name).cloned().collect();
            assert_eq!(mirror.restored(&always), files(&wanted));
            // The others are of one moment, and nothing changed.
            assert_eq!(always.root.root.origin.consistency, Consistency::Crash, "{:?}", always.notices);
            let report = mirror.copy().unwrap();
            assert_eq!(mirror.restored(&report), files(&objects), "{fault:?} {name}");
        }
    }
}

#[test]
fn a_small_body_that_is_damaged_once_is_fetched_again() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(3_000))]);
    drop(mirror.copy().unwrap());
    let (lines, _) = mirror.proxy.seen();
    let at = lines.iter().position(|line| line.contains("/repo/a?")).unwrap();
    let other = Mirror::new();
    other.put(&[("a", bytes(3_000))]);
    let report = other.copy_with(Fault::Corrupt, at).unwrap();
    assert_eq!(other.fetched(), ["a", "a"]);
    assert_eq!((report.root.root.totals.missed, report.root.root.totals.unsettled), (0, 0));
    assert_eq!(other.restored(&report), files(&[("a", bytes(3_000))]));
}

/// A list of keys that no tree of files can have, beside some that it can.
const ODD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><IsTruncated>false</IsTruncated>\
    <EncodingType>url</EncodingType>ITEMS</ListBucketResult>";

#[test]
fn keys_that_are_no_names_of_files_are_each_told_and_the_point_is_not_complete() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(100)), ("f/g", bytes(50))]);
    let long = "l".repeat(256);
    let odd = ["a%2F%2Fb", "%2E%2E/up", "%2Fx", "n%00l", "f", "esc%1B%5B2J", &long];
    let item = |name: &str, size: usize| {
        format!(
            "<Contents><Key>repo/{name}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;{}&quot;</ETag><Size>{size}</Size></Contents>",
            "0".repeat(32)
        )
    };
    let mut items: String = odd.iter().map(|name| item(name, 5)).collect();
    items += &item("a", 100);
    items += &item("f/g", 50);
    let answer = ODD.replace("ITEMS", &items);
    mirror.proxy.instead(move |head| {
        head.line().contains("list-type=2").then(|| ("200 OK".to_owned(), answer.clone()))
    });
    let report = mirror.copy().unwrap();
    let told = missed(&report);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(told.len(), 7, "{told:#?}");
    for name in ["a//b", "../up", "/x", "f"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert!(names.iter().all(|name| !name.contains(['\0', '\u{1b}'])), "{names:?}");
    // The escape is a name that a file can have; only there is no such object.
    let escape = told.iter().find(|(name, _)| name.starts_with("esc")).unwrap();
    assert!(escape.1.contains("vanished"), "{escape:?}");
    assert!(!report.root.root.is_complete());
    assert_eq!(mirror.restored(&report), files(&[("a", bytes(100)), ("f/g", bytes(50))]));
}

#[test]
fn an_empty_page_that_goes_on_is_not_the_end_and_what_is_listed_as_empty_may_not_be() {
    let mirror = Mirror::new();
    let empty =
        ODD.replace("false", "true").replace("ITEMS", "<NextContinuationToken>t</NextContinuationToken>");
    let item = |name: &str, etag: &str| {
        format!(
            "<Contents><Key>repo/{name}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>\
             <ETag>{etag}</ETag><Size>0</Size></Contents>"
        )
    };
    // An ETag without quotes is the same one.
    let items = item("a", "d41d8cd98f00b204e9800998ecf8427e") + &item("full", &"0".repeat(32));
    let page = ODD.replace("ITEMS", &items);
    mirror.put(&[("a", Vec::new()), ("full", bytes(100))]);
    mirror.proxy.instead(move |head| {
        let is_list = head.line().contains("list-type=2");
        let answer = if head.line().contains("continuation-token=t") { &page } else { &empty };
        is_list.then(|| ("200 OK".to_owned(), answer.clone()))
    });
    let report = mirror.copy().unwrap();
    assert_eq!(mirror.fetched().iter().filter(|name| *name == "a").count(), 0);
    let wanted = [("a", Vec::new()), ("full", bytes(100))];
    // It is another than was listed: taken as it is, and told.
    assert_eq!(mirror.restored(&report), files(&wanted));
    assert!(report.notices[0].contains("full was replaced before it was read"), "{:?}", report.notices);
}

#[test]
fn a_prefix_with_nothing_in_it_makes_no_point_where_there_was_one_before() {
    let mirror = Mirror::new();
    let problem = mirror.copy().unwrap_err();
    assert_eq!(problem.kind, Kind::Refused);
    assert!(problem.what.contains("an empty copy is none"), "{problem}");
    // A marker of a folder, as consoles make it, is no file.
    mirror.put(&[("", Vec::new()), ("folder/", Vec::new())]);
    let problem = mirror.copy().unwrap_err();
    assert!(problem.what.contains("an empty copy is none"), "{problem}");
    mirror.put(&[("a", bytes(100))]);
    let report = mirror.copy().unwrap();
    mirror.remove("a")();
    let problem = mirror.copy().unwrap_err();
    assert_eq!((problem.kind, mirror.holds_points()), (Kind::Refused, 1));
    assert_eq!(mirror.restored(&report), files(&[("a", bytes(100))]));
}

#[test]
fn a_wrong_credential_and_a_store_that_is_gone_make_no_point() {
    let mut mirror = Mirror::new();
    mirror.put(&[("a", bytes(100)), ("b", bytes(100))]);
    let sound = mirror.place.clone();
    mirror.place.reader = Some(S3Access::Joined(SecretSource::Command(
        ["echo", "OUTLIVETESTKEY00:hunter2hunter2hunter2"].map(str::to_owned).to_vec(),
    )));
    let problem = mirror.copy().unwrap_err();
    assert!(problem.what.contains("credential"), "{problem}");
    assert!(!format!("{problem:?}").contains("hunter2"));
    mirror.place = outlive::estate::S3Place { endpoint: Some("http://127.0.0.1:1".into()), ..sound.clone() };
    assert_eq!(mirror.copy().unwrap_err().kind, Kind::Io);
    // Gone between the list and the objects.
    mirror.place = sound;
    mirror.proxy.instead(|head| {
        let gone = head.line().starts_with("GET ") && !head.line().contains("list-type=2");
        gone.then(|| ("503 Service Unavailable".to_owned(), String::new()))
    });
    let problem = mirror.copy().unwrap_err();
    assert!(problem.what.contains("503") && problem.what.contains("no object could be read"), "{problem}");
    assert_eq!(mirror.holds_points(), 0);
}

/// Answers these objects with an error of this code.
fn refuse(mirror: &Mirror, status: &'static str, code: &'static str, is_refused: fn(&str) -> bool) {
    let begin = format!("GET /{}/repo/", mirror.place.bucket);
    mirror.proxy.instead(move |head| {
        let name = head.line().strip_prefix(&begin)?.split(['?', ' ']).next()?;
        is_refused(name).then(|| (status.to_owned(), crate::proxy::error(code, "no")))
    });
}

#[test]
fn one_object_that_the_store_does_not_give_leaves_the_point_incomplete_and_does_not_end_the_copy() {
    for (status, code) in [
        ("400 Bad Request", "InvalidRequest"),
        ("400 Bad Request", "KMS.DisabledException"),
        ("403 Forbidden", "InvalidObjectState"),
        ("403 Forbidden", "AccessDenied"),
        ("500 Internal Server Error", "InternalError"),
    ] {
        let mirror = Mirror::new();
        mirror.put(&[("a", bytes(100)), ("b", bytes(200)), ("c", bytes(300))]);
        refuse(&mirror, status, code, |name| name == "a");
        let report = mirror.copy().unwrap();
        let told = missed(&report);
        assert!(told.len() == 1 && told[0].0 == "a" && told[0].1.contains(code), "{code}: {told:?}");
        assert_eq!(report.root.root.origin.consistency, Consistency::Crash, "{:?}", report.notices);
        assert_eq!(mirror.restored(&report), files(&[("b", bytes(200)), ("c", bytes(300))]));
        // Nothing is fetched the next time, and what the point before has counts.
        let next = mirror.copy().unwrap();
        assert_eq!(missed(&next), told);
        assert_eq!(mirror.restored(&next), files(&[("b", bytes(200)), ("c", bytes(300))]));
    }
}

#[test]
fn many_archived_or_denied_objects_are_each_missed_and_the_rest_is_copied() {
    for code in ["InvalidObjectState", "AccessDenied"] {
        let mirror = Mirror::new();
        let names: Vec<String> = (0..20).map(|number| format!("a{number:02}")).collect();
        let objects: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), bytes(10))).collect();
        mirror.put(&objects);
        mirror.put(&[("z", bytes(20))]);
        refuse(&mirror, "403 Forbidden", code, |name| name.starts_with('a'));
        let report = mirror.copy().unwrap();
        assert_eq!(report.root.root.totals.missed, 20, "{code}");
        assert_eq!(mirror.restored(&report), files(&[("z", bytes(20))]));
    }
}

#[test]
fn a_store_that_answers_no_object_ends_the_copy_and_names_the_last() {
    let mirror = Mirror::new();
    let names: Vec<String> = (0..120).map(|number| format!("{number:03}")).collect();
    let objects: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), bytes(10))).collect();
    mirror.put(&objects);
    let all = format!("GET /{}/repo/", mirror.place.bucket);
    mirror.proxy.always(Some((Fault::Reset, &all)));
    let problem = mirror.copy().unwrap_err();
    assert!(problem.what.contains("16 objects one after the other"), "{problem}");
    assert!(problem.what.contains("the last was 015"), "{problem}");
    assert!(!mirror.fetched().contains(&"119".to_owned()), "it went on to the end");
    assert_eq!(mirror.holds_points(), 0);
}

/// Asks to stop once some bytes were copied.
struct Stopping {
    after: u64,
    copied: AtomicU64,
    stopped: AtomicBool,
}

impl Monitor for Stopping {
    fn begin(&self, phase: Phase, total: Option<u64>) {
        Silent.begin(phase, total);
    }
    fn advance(&self, bytes: u64, _: u64) {
        if self.copied.fetch_add(bytes, Relaxed) + bytes >= self.after {
            self.stopped.store(true, Relaxed);
        }
    }
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.stopped.load(Relaxed)
    }
}

#[test]
fn a_copy_that_is_asked_to_stop_stops_before_the_next_object_and_makes_no_point() {
    let mirror = Mirror::new();
    let names: Vec<String> = (0..300).map(|number| format!("{number:03}")).collect();
    let objects: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), bytes(1_000))).collect();
    mirror.put(&objects);
    let stopping = Stopping { after: 5_000, copied: AtomicU64::new(0), stopped: AtomicBool::new(false) };
    let problem = mirror.copy_by(&stopping).unwrap_err();
    assert_eq!((problem.kind, mirror.holds_points()), (Kind::Cancelled, 0));
    let fetched = mirror.fetched().len();
    assert!(fetched < 100, "{fetched} objects were fetched");
    let report = mirror.copy().unwrap();
    assert_eq!(mirror.restored(&report), files(&objects));
}

#[test]
fn a_copy_that_is_asked_to_stop_while_the_prefix_is_listed_reads_no_object() {
    let mirror = Mirror::new();
    mirror.put(&[("one", bytes(1_000)), ("two", bytes(1_000))]);
    let stopping = Stopping { after: 0, copied: AtomicU64::new(0), stopped: AtomicBool::new(true) };
    let problem = mirror.copy_by(&stopping).unwrap_err();
    assert_eq!((problem.kind, mirror.holds_points()), (Kind::Cancelled, 0), "{problem}");
    assert!(
        problem.what.contains("listed") && mirror.fetched().is_empty(),
        "{problem}: {:?}",
        mirror.fetched()
    );
}
