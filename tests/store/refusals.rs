//! What a store refuses or gets wrong on purpose: credentials, keys that are taken, clocks, and servers that lie.

use crate::contract::bytes;
use crate::hand::{TempDir, fs};
use crate::proxy::{Fault, Proxy};
use crate::servers::{self, ID, SECRET};
use outlive::domain::{Kind, Problem};
use outlive::estate::{Environment, S3Access, S3Place, SecretSource};
use outlive::store::{Key, Limits, S3Store, Store};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn limits() -> Limits {
    Limits { pause: Duration::from_millis(10), attempts: 3, part: 5 << 20, ..Limits::default() }
}

fn store(place: &S3Place, access: &S3Access) -> S3Store {
    S3Store::with_limits(place, access, &servers::credentials(), limits()).unwrap()
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[test]
fn a_key_that_was_rotated_in_the_middle_is_fetched_anew() {
    let place = servers::seaweedfs().new_place("");
    let (temp, proxy) = (TempDir::new(), Proxy::start(&servers::seaweedfs().endpoint));
    let file = temp.path().join("secret");
    fs::write(&file, format!("{ID}:{SECRET}")).unwrap();
    let behind = S3Place { endpoint: Some(proxy.endpoint.clone()), ..place };
    let store = store(&behind, &S3Access::Joined(SecretSource::File(file.clone())));
    let store: &dyn Store = &store;
    store.put_bytes(&key("a/one"), b"one").unwrap();
    assert_eq!(store.get_bytes(&key("a/one"), 9).unwrap(), b"one");
    // The one that is held ends, and the file holds one that the server does not know: asked once more, then said.
    fs::write(&file, format!("{ID}:rotated-and-wrong")).unwrap();
    proxy.arm(Some((Fault::Expired, 0)));
    let problem = store.get_bytes(&key("a/one"), 9).unwrap_err();
    assert_eq!(proxy.seen().0.len(), 2, "one renewal, no more");
    assert!(problem.what.contains("not valid") && problem.remedy.contains("renew"), "{problem:?}");
    assert!(!format!("{problem:?}").contains("rotated-and-wrong"));
    // The right one is there again: what failed goes on.
    fs::write(&file, format!("{ID}:{SECRET}")).unwrap();
    proxy.arm(None);
    assert_eq!(store.get_bytes(&key("a/one"), 9).unwrap(), b"one");
    assert_eq!(proxy.seen().0.len(), 2, "the refused one is not held on to");
}

#[test]
fn a_credential_that_is_missing_or_wrong_is_a_problem_without_its_secret() {
    let place = servers::seaweedfs().new_place("");
    let missing = S3Access::Joined(SecretSource::Env("NOT_SET".into()));
    let problem = (&store(&place, &missing) as &dyn Store).put_bytes(&key("a"), b"x").unwrap_err();
    assert!(problem.what.contains("NOT_SET"), "{problem}");
    let environment = Environment::new([("JOINED".into(), format!("{ID}:canary-of-a-secret").into())]);
    let access = S3Access::Joined(SecretSource::Env("JOINED".into()));
    let wrong = S3Store::with_limits(&place, &access, &environment, limits()).unwrap();
    let problem = (&wrong as &dyn Store).put_bytes(&key("a"), b"x").unwrap_err();
    assert!(!format!("{problem:?} {wrong:?} {environment:?}").contains("canary"), "{problem:?}");
    assert_eq!(problem.kind, Kind::Io);
    // The time is asked for by HEAD, which is answered by 403 without words: that one may not look, or that the key is wrong.
    assert!((&wrong as &dyn Store).server_time().unwrap().is_some(), "who is refused is told the time");
}

/// Not a test of its own: what the next one runs in a process whose profiles are its own.
#[test]
#[ignore = "runs in a process of another test"]
fn asks_with_a_profile_whose_program_hangs() {
    assert!(std::env::var_os("AWS_CONFIG_FILE").is_some(), "another test sets it");
    let place = S3Place { bucket: "b".into(), region: Some("eu-central-1".into()), ..S3Place::default() };
    let limits = Limits { credential: Duration::from_millis(1500), ..limits() };
    let access = S3Access::Profile("hangs".into());
    let store = S3Store::with_limits(&place, &access, &Environment::default(), limits).unwrap();
    let since = Instant::now();
    let problem = store.list("packs").unwrap_err();
    let took = since.elapsed();
    assert!(took >= limits.credential && took < Duration::from_secs(15), "{took:?}: {problem}");
    assert!(problem.what.contains("was not given within 1.5 s"), "{problem}");
    assert!(problem.remedy.contains("credential_process"), "{}", problem.remedy);
}

#[test]
fn a_profile_whose_program_hangs_is_a_problem_within_its_bound() {
    let temp = TempDir::new();
    let file = temp.path().join("config");
    fs::write(&file, "[profile hangs]\ncredential_process = /bin/sleep 40\n").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "refusals::asks_with_a_profile_whose_program_hangs", "--nocapture"]);
    child.env("AWS_CONFIG_FILE", &file).env("AWS_SHARED_CREDENTIALS_FILE", temp.path().join("none"));
    child.env("AWS_EC2_METADATA_DISABLED", "true").env_remove("AWS_ACCESS_KEY_ID");
    // Not its output through pipes: what hangs would hold them open.
    let log = temp.path().join("log");
    let to = crate::hand::by_hand(|| fs::File::create(&log)).unwrap();
    let ended = child.stdin(std::process::Stdio::null()).stdout(to.try_clone().unwrap()).stderr(to).status();
    let said = fs::read_to_string(&log).unwrap();
    assert!(ended.unwrap().success() && said.contains("1 passed"), "{said}");
}

#[test]
fn bytes_of_another_under_a_key_are_never_taken_for_ones_own() {
    let place = servers::seaweedfs().new_place("");
    let proxy = Proxy::start(&servers::seaweedfs().endpoint);
    let behind = S3Place { endpoint: Some(proxy.endpoint.clone()), ..place.clone() };
    let (faulty, plain) = (store(&behind, &place.writer), store(&place, &place.writer));
    let (faulty, plain): (&dyn Store, &dyn Store) = (&faulty, &plain);
    for (name, length) in [("small", 3), ("large", 11 << 20)] {
        // The last write before the confirmation is not answered in time, and meanwhile somebody takes the key.
        let (one, wanted) = (key(&format!("taken/{name}")), bytes(length));
        let mut upload = faulty.put_new(&one, None).unwrap();
        upload.write_all(&wanted).unwrap();
        proxy.arm(None);
        proxy.before(if length > 99 { "POST" } else { "PUT" }, {
            let (place, one) = (place.clone(), one.clone());
            move || (&store(&place, &place.writer) as &dyn Store).put_bytes(&one, b"another's").unwrap()
        });
        assert_eq!(upload.finish().unwrap_err().kind, Kind::Refused, "{name}");
        assert_eq!(plain.get_bytes(&one, 99).unwrap(), b"another's", "{name}");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_no_empty_one() {
    let place = S3Place { bucket: "no-such-bucket".into(), ..servers::seaweedfs().new_place("") };
    let store = store(&place, &place.writer);
    let store: &dyn Store = &store;
    for problem in [store.list("roots").unwrap_err(), store.get_bytes(&key("vault.json"), 9).unwrap_err()] {
        assert!(problem.kind == Kind::Io && problem.what.contains("NoSuchBucket"), "{problem}");
    }
}

/// A server that says the same to everything. It counts what it was asked.
fn server_that_says(answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (asked, count) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = [0; 16 * 1024];
            let length = client.read(&mut head).unwrap_or(0);
            drop(asked.send(String::from_utf8_lossy(&head[..length]).into_owned()));
            drop(client.write_all(answer.as_bytes()));
        }
    });
    (endpoint, count)
}

fn asked_of(answer: &'static str, ask: impl FnOnce(&dyn Store) -> Problem) -> (Problem, Vec<String>) {
    let (endpoint, count) = server_that_says(answer);
    let place = S3Place { bucket: "b".into(), endpoint: Some(endpoint), ..S3Place::default() };
    let problem = ask(&store(&place, &servers::access()));
    (problem, count.try_iter().collect())
}

fn list(store: &dyn Store) -> Problem {
    store.list("packs").unwrap_err()
}

#[test]
fn a_clock_that_differs_is_named_and_not_asked_again_and_again() {
    let answer = "HTTP/1.1 403 Forbidden\r\nDate: Sat, 28 Nov 2020 04:30:54 GMT\r\nConnection: close\r\n\
        Content-Length: 50\r\n\r\n<Error><Code>RequestTimeTooSkewed</Code></Error>  ";
    let (problem, asked) = asked_of(answer, list);
    assert!(
        problem.what.contains("min ahead of the store's") && problem.remedy.contains("clock"),
        "{problem}"
    );
    assert_eq!(asked.len(), 1);
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let (elsewhere, count) = server_that_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let answer: &'static str =
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere}/b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").leak();
    let (problem, asked) = asked_of(answer, list);
    assert!(problem.what.contains("307"), "{problem}");
    assert_eq!((asked.len(), count.try_iter().count()), (1, 0), "the other host was asked");
}

#[test]
fn a_list_that_runs_in_circles_ends_in_a_problem() {
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 206\r\n\r\n\
        <ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>\
        <Contents><Key>packs/a</Key><Size>3</Size></Contents>                                        </ListBucketResult>";
    let (problem, asked) = asked_of(answer, list);
    assert!(problem.what.contains("lead back"), "{problem}");
    assert_eq!(asked.len(), 2);
}

/// The problem of listing what has a fresh token on every page, and these keys; and how many pages were asked for.
fn listed_for_ever(
    limits: Limits,
    keys: impl Fn(usize) -> Vec<String> + Send + Sync + 'static,
) -> (Problem, usize) {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(&nobody.local_addr().unwrap().to_string());
    let pages = AtomicUsize::new(0);
    proxy.instead(move |_| {
        let page = pages.fetch_add(1, Relaxed);
        let named = |key: String| format!("<Contents><Key>packs/{key}</Key><Size>3</Size></Contents>");
        let names: String = keys(page).into_iter().map(named).collect();
        let token = format!("<NextContinuationToken>fresh-{page}</NextContinuationToken>");
        let list = format!("<IsTruncated>true</IsTruncated>{token}{names}");
        Some(("200 OK".into(), format!("<ListBucketResult>{list}</ListBucketResult>")))
    });
    let place = S3Place { bucket: "b".into(), endpoint: Some(proxy.endpoint.clone()), ..S3Place::default() };
    let access = servers::access();
    let store = S3Store::with_limits(&place, &access, &servers::credentials(), limits).unwrap();
    let problem = store.list("packs").unwrap_err();
    (problem, proxy.seen().0.len())
}

#[test]
fn a_list_with_fresh_tokens_for_ever_ends_in_a_problem_that_names_the_bound() {
    let ascending = |page: usize| (0..10).map(|at| format!("{:09}", page * 10 + at)).collect();
    let (problem, asked) = listed_for_ever(Limits { names: 55, ..limits() }, ascending);
    assert!(problem.what.contains("more than 55 names") && asked == 6, "{asked}: {problem}");
    // The same again, a step back, and what was the last of the page before.
    for second in [["b", "c"], ["a", "z"], ["c", "d"]] {
        let keys = move |page| {
            if page == 0 { vec!["b".into(), "c".into()] } else { second.map(str::to_owned).into() }
        };
        let (problem, asked) = listed_for_ever(limits(), keys);
        assert!(problem.what.contains("comes before the end") && asked == 2, "{asked}: {problem}");
    }
    // Nothing that could be counted or compared: pages, and time.
    let (problem, asked) = listed_for_ever(Limits { pages: 7, ..limits() }, |_| Vec::new());
    assert!(problem.what.contains("within 7 pages") && asked == 7, "{asked}: {problem}");
    let (since, listing) = (Instant::now(), Duration::from_millis(700));
    let (problem, asked) = listed_for_ever(Limits { listing, ..limits() }, |_| {
        std::thread::sleep(Duration::from_millis(50));
        Vec::new()
    });
    assert!(problem.what.contains("within 0.7 s") && asked > 1, "{asked}: {problem}");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[test]
fn a_store_that_is_not_there_ends_in_a_problem_within_its_bounds() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place =
        S3Place { bucket: "b".into(), endpoint: Some(format!("http://{free}")), ..S3Place::default() };
    let since = Instant::now();
    let problem = store(&place, &servers::access()).list("packs").unwrap_err();
    assert!(problem.kind == Kind::Io && since.elapsed() < Duration::from_secs(10), "{problem}");
}
