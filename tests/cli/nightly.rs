//! `outlive nightly` as a timer runs it: killed, stopped, held up, told of, and what it may never tell.

use super::listener::{Answer, Listener};
use super::place::{Place, noise};
use super::run::Ended;
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An estate of one tree and one dump, each copied every day into one directory.
fn estate(place: &Place, more: &str, dump: &str) -> PathBuf {
    estate_with(place, more, dump, "")
}

/// The same; the dump's command gets these variables.
fn estate_with(place: &Place, more: &str, dump: &str, env: &str) -> PathBuf {
    let text = format!(
        "[policy.default]\nsurvive = [\"primary-deletion\"]\ndrill_every = \"never\"\n\n\
         [[volume]]\nid = \"files\"\npath = \"data\"\n\n[[volume]]\nid = \"dump\"\npath = \"dump.sql\"\n\n\
         [[vault]]\nid = \"disk\"\nkind = \"dir\"\npath = \"vault\"\n\n\
         [[copy]]\nvolume = \"files\"\nto = \"disk\"\nevery = \"24h\"\n\n\
         [[copy]]\nvolume = \"dump\"\nto = \"disk\"\nevery = \"24h\"\n\
         from = {{ command = [\"sh\", \"-c\", '''{dump}''']{env} }}\n{more}"
    );
    place.file("outlive.toml", text)
}

fn make_data(place: &Place) {
    (0..6_u64).for_each(|number| drop(place.file(&format!("data/{number}"), noise(number + 1, 6_000_000))));
    place.file("dump.sql", noise(99, 9_000_000));
}

fn night(place: &Place, config: &Path, more: &[&str]) -> super::run::Run {
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"nightly", &"--config", &config];
    more.iter().for_each(|argument| arguments.push(argument));
    place.outlive(&arguments)
}

fn json(place: &Place, config: &Path) -> (serde_json::Value, Ended) {
    let ended = night(place, config, &["--format", "json"]).end();
    (ended.json("nightly"), ended)
}

fn outcome<'a>(night: &'a serde_json::Value, volume: &str) -> &'a str {
    let tasks = night["tasks"].as_array().unwrap();
    let task = tasks.iter().find(|task| task["volume"] == volume);
    task.unwrap_or_else(|| panic!("{volume} was not due: {night:#}"))["outcome"].as_str().unwrap()
}

#[test]
fn pings_arrive_in_order_and_a_run_that_is_killed_sends_no_success() {
    let place = Place::new();
    make_data(&place);
    let listener = Listener::new(vec![Answer::Status(200)]);
    let more = "\n[nightly]\nping = { env = \"PING\" }\n";
    let targets = |from: usize| -> Vec<String> {
        let asked = listener.asked();
        asked[from..].iter().map(|asked| asked.target.split('?').next().unwrap().to_owned()).collect()
    };
    let url = listener.url("/canary-check");
    let run = |config: &Path| night(&place, config, &[]).environment("PING", &url);
    // Nobody can end what a killed run had started: it ends by itself.
    let hanging = estate(&place, more, "echo begun; sleep 15");
    let mut killed = run(&hanging).start();
    killed.wait_for("sleep");
    assert!(killed.signal(Signal::KILL));
    killed.end();
    assert_eq!(targets(0), ["/canary-check/start"], "a killed run said how it ended");
    let failing = estate(&place, more, "echo half; echo no-such-table >&2; exit 3");
    let failed = run(&failing).end().expect(14).says("exit code 3").says("no-such-table");
    assert!(!format!("{}{}", failed.stdout, failed.stderr).contains("canary-check"));
    assert_eq!(targets(1), ["/canary-check/start", "/canary-check/14"]);
    let sound = estate(&place, more, "echo dumped");
    run(&sound).end().expect(0);
    assert_eq!(targets(3), ["/canary-check/start", "/canary-check"]);
    let rids: Vec<String> = listener.asked().iter().map(|asked| asked.target.clone()).collect();
    let rid = |number: usize| rids[number].split("rid=").nth(1).unwrap().to_owned();
    assert!(rid(1) == rid(2) && rid(3) == rid(4) && rid(1) != rid(3), "{rids:?}");
}

#[test]
fn a_command_that_hangs_fails_alone_and_another_run_is_told_who_is_at_work() {
    let place = Place::new();
    make_data(&place);
    let config = estate(&place, "longest = \"5s\"\n", "echo begun; sleep 600");
    let mut first = night(&place, &config, &["--format", "json"]).start();
    first.wait_for("sleep");
    let second = night(&place, &config, &[]).end().expect(15);
    second.complains("another nightly run is at work: process");
    night(&place, &config, &["--nagios"]).end().expect(1).says("OUTLIVE WARNING");
    let ended = first.end().expect(14);
    let done = ended.json("nightly");
    assert_eq!((outcome(&done, "files"), outcome(&done, "dump")), ("done", "failed"), "{done:#}");
    night(&place, &config, &["--nagios"]).end().expect(2).says("OUTLIVE CRITICAL");
}

#[test]
fn a_night_that_is_asked_to_stop_ends_soon_says_what_was_not_done_and_the_next_goes_on() {
    let place = Place::new();
    make_data(&place);
    let config = estate(&place, "", "echo begun; sleep 600");
    let mut stopped = night(&place, &config, &["--format", "json"]).start();
    stopped.wait_for("sleep");
    let asked = Instant::now();
    assert!(stopped.signal(Signal::TERM));
    let ended = stopped.end().expect(14);
    assert!(asked.elapsed() < Duration::from_secs(60));
    assert_eq!(outcome(&ended.json("nightly"), "dump"), "not_done");
    let ledger = std::fs::read_to_string(place.path("state/ledger.jsonl")).unwrap();
    assert!(ledger.contains("night_ended"), "it left no record of its end");
    let config = estate(&place, "", "echo dumped");
    assert_eq!(outcome(&json(&place, &config).0, "dump"), "done");
}

#[test]
fn a_store_that_cannot_be_reached_fails_its_copies_and_its_share_and_no_others() {
    let place = Place::new();
    make_data(&place);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let more = format!(
        "\n[[vault]]\nid = \"away\"\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:{nobody}\"\nbucket = \"none\"\n\
         writer = {{ env = \"KEYS\" }}\n\n[[copy]]\nvolume = \"files\"\nto = \"away\"\nevery = \"24h\"\n"
    );
    let config = estate(&place, &more, "echo dumped");
    let run = night(&place, &config, &["--format", "json"]).environment("KEYS", "canary-id:canary-secret");
    let ended = run.end().expect(14);
    let done = ended.json("nightly");
    let tasks = done["tasks"].as_array().unwrap();
    let of = |vault: &str| -> Vec<&str> {
        let of_it = tasks.iter().filter(|task| task["vault"] == vault);
        of_it.map(|task| task["outcome"].as_str().unwrap()).collect()
    };
    // Whether anything of it had to be read back, nobody can say: that is a failure of its own.
    assert_eq!((of("disk"), of("away")), (vec!["done", "done"], vec!["failed", "failed"]), "{done:#}");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("canary-secret"));
}

#[test]
fn what_is_secret_is_told_nowhere() {
    let place = Place::new();
    make_data(&place);
    let listener = Listener::new(vec![Answer::Status(200)]);
    place.file("canary-file", "canary-in-a-file\n");
    let file = place.file("canary-too", "canary-from-a-command");
    let env = format!(
        ", env = {{ IN_FILE = {{ file = \"canary-file\" }}, IN_ENV = {{ env = \"CANARY\" }}, \
         FROM_COMMAND = {{ command = [\"cat\", \"{}\"] }} }}",
        file.display()
    );
    let more = "\n\
                [nightly]\nping = { env = \"PING\" }\nwebhook = { env = \"HOOK\" }\ntextfile = \"night.prom\"\n";
    let config = estate_with(&place, more, "env >&2; echo $IN_FILE | wc -c; exit 4", &env);
    let canaries =
        ["canary-in-a-file", "canary-in-env", "canary-from-a-command", "canary-ping", "canary-hook"];
    let run = |more: &[&str]| {
        let run = night(&place, &config, more).environment("CANARY", "canary-in-env");
        let run = run.environment("PING", listener.url("/canary-ping"));
        run.environment("HOOK", listener.url("/canary-hook")).end()
    };
    let mut told = String::new();
    for more in [&[][..], &["--format", "json"], &["--nagios"]] {
        let ended = run(more);
        told.push_str(&ended.stdout);
        told.push_str(&ended.stderr);
    }
    assert!(told.contains("IN_FILE=(secret)"), "the command's words were not told at all:\n{told}");
    told.push_str(&std::fs::read_to_string(place.path("state/ledger.jsonl")).unwrap());
    told.push_str(&std::fs::read_to_string(place.path("night.prom")).unwrap());
    listener.asked().iter().for_each(|asked| told.push_str(&asked.body));
    for canary in canaries {
        assert!(!told.contains(canary), "{canary} was told");
    }
    assert!(listener.asked().len() >= 7, "pings and a webhook were to be told");
}
