//! Pings at a real listener: in order, with the run's id, bounded in time, and the address in no message.

use super::listener::{Answer, Listener};
use super::night::RUN;
use super::nightly_estate::{ENDLESS, EstateFile, assert_task, nightly};
use super::place::Place;
use outlive::domain::{Kind, Problem};
use outlive::estate::Secret;
use outlive::signal::{Patience, Pings};
use std::time::{Duration, Instant};

/// A path that nobody else may learn.
const TOKEN: &str = "/p1ng-t0ken";
const PATIENCE: Patience = Patience { attempt: Duration::from_millis(400), pause: Duration::from_millis(10) };

fn pings(url: String) -> Pings {
    Pings::with_patience(Secret::new(url), RUN, PATIENCE).unwrap()
}

/// The problem, which names neither the address nor a part of it.
#[track_caller]
fn failed(result: Result<(), Problem>, listener: &Listener) -> Problem {
    let problem = result.expect_err("it was called delivered");
    let said = format!("{problem:?} {problem}");
    for secret in ["t0ken", "127.0.0.1", "localhost", &listener.port.to_string()] {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
    assert!(said.contains("the ping address of [nightly]") && !problem.remedy.is_empty(), "{said}");
    problem
}

#[test]
fn a_run_pings_its_start_and_its_end_in_order_with_its_id() {
    let listener = Listener::new(vec![Answer::Status(200)]);
    let run = pings(listener.url(TOKEN));
    run.start().unwrap();
    run.end(0, "5 of 5 volumes sound\nand a log that nobody asked for").unwrap();
    run.end(14, "a copy failed").unwrap();
    run.fail("it stopped").unwrap();
    let rid = format!("rid={RUN}");
    let expected = ["/start", "", "/14", "/fail"].map(|end| format!("{TOKEN}{end}?{rid}"));
    assert_eq!(listener.targets(), expected);
    let asked = listener.asked();
    assert!(asked.iter().all(|one| one.method == "POST"), "{asked:?}");
    let bodies: Vec<&str> = asked.iter().map(|one| &*one.body).collect();
    assert_eq!(bodies, ["", "5 of 5 volumes sound", "a copy failed", "it stopped"]);
}

#[test]
fn a_summary_is_one_short_printable_line() {
    let listener = Listener::new(vec![Answer::Status(200)]);
    pings(listener.url(TOKEN)).end(0, &format!("\u{1b}[31m{}", "é".repeat(5000))).unwrap();
    let body = &listener.asked()[0].body;
    assert_eq!(body.chars().count(), 300);
    assert!(body.starts_with("\\e[31mé"), "{body}");
}

#[test]
fn a_night_whose_command_outlives_the_deadline_sends_its_failing_code_and_no_success() {
    let place = Place::new();
    let listener = Listener::new(vec![Answer::Status(200)]);
    let file = EstateFile::new().vault("shelf", &place.path("vault"));
    let file = file.script("dump", &place.directory("database"), ENDLESS, "shelf", "");
    file.with("[nightly]\ndeadline = \"4s\"\nping = { env = \"PING\" }").write(&place);
    let run = nightly(&place, &["--format", "json"]).environment("PING", listener.url(TOKEN));
    let done = run.end().expect(14).json("nightly");
    assert_task(&done, ("dump", "shelf"), "not_done", "the run ended before it was done");
    let rid = done["run"].as_str().unwrap();
    let expected = ["/start", "/14"].map(|end| format!("{TOKEN}{end}?rid={rid}"));
    assert_eq!(listener.targets(), expected);
}

#[test]
fn a_listener_that_does_not_answer_is_left_in_time() {
    for answer in [Answer::Silence, Answer::Trickle] {
        let listener = Listener::new(vec![answer.clone()]);
        let began = Instant::now();
        let problem = failed(pings(listener.url(TOKEN)).end(0, "sound"), &listener);
        let took = began.elapsed();
        assert!(problem.what.contains("did not answer in time"), "{answer:?}: {problem:?}");
        assert!(took >= 3 * PATIENCE.attempt, "{answer:?}: it gave up after {took:?}");
        assert!(took < Duration::from_secs(8), "{answer:?}: it took {took:?}");
        assert_eq!(listener.targets().len(), 3, "{answer:?}");
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    let passing = [Answer::Status(503), Answer::Status(429), Answer::HangUp];
    for answer in passing {
        let listener = Listener::new(vec![answer.clone(), answer.clone(), Answer::Status(200)]);
        pings(listener.url(TOKEN)).end(0, "sound").unwrap();
        assert_eq!(listener.targets().len(), 3, "{answer:?}");
        let listener = Listener::new(vec![answer.clone()]);
        failed(pings(listener.url(TOKEN)).end(0, "sound"), &listener);
        assert_eq!(listener.targets().len(), 3, "{answer:?}");
    }
    for status in [400, 404, 410] {
        let listener = Listener::new(vec![Answer::Status(status)]);
        let problem = failed(pings(listener.url(TOKEN)).end(0, "sound"), &listener);
        assert!(problem.what.contains(&status.to_string()), "{problem:?}");
        assert_eq!(listener.targets().len(), 1, "{status}");
    }
}

#[test]
fn a_redirect_is_not_followed_to_another_host() {
    for status in [301, 302, 303, 307, 308] {
        let other = Listener::new(vec![Answer::Status(200)]);
        let listener = Listener::new(vec![Answer::Redirect(status, other.url("/caught"))]);
        let problem = failed(pings(listener.url(TOKEN)).end(0, "sound"), &listener);
        assert!(problem.remedy.contains("redirects are not followed"), "{problem:?}");
        assert_eq!(listener.targets().len(), 1, "{status}");
        assert_eq!(other.targets(), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn an_address_where_nobody_is_or_speaks_otherwise_is_not_in_the_message() {
    let listener = Listener::new(vec![Answer::Status(200)]);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let addresses = [
        format!("http://127.0.0.1:{gone}{TOKEN}"),
        format!("https://127.0.0.1:{}{TOKEN}", listener.port),
        format!("http://t0ken.invalid{TOKEN}"),
        format!("http://127.0.0.1:99999{TOKEN}"),
        format!("http://[::t0ken{TOKEN}"),
        format!("http://:1{TOKEN}"),
        format!("http://t0ken@{TOKEN}"),
        format!("http://a:t0ken@127.0.0.1:{gone}{TOKEN}"),
    ];
    for address in addresses {
        let problem = failed(pings(address.clone()).end(0, "sound"), &listener);
        assert!(!problem.to_string().contains(&gone.to_string()), "{address}: {problem}");
    }
    let wrong = Pings::new(Secret::new("t0ken"), RUN).map(drop).unwrap_err();
    assert!(wrong.kind == Kind::Usage && !format!("{wrong:?}").contains("t0ken"), "{wrong:?}");
}
