//! The cases of the contract, but for odd answers.

use super::raw::{Raw, Reply};
use super::{Connector, Keep, TOKEN, brisk, look, server, server_with_pages, sound};
use outlive::domain::GapReason;
use outlive::providers::graphql::{Limits, Stop};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// An error as GraphQL has it.
fn errors(message: &str) -> Value {
    json!([{ "message": message, "path": ["x"] }])
}

pub fn lists_are_read_to_their_end(adapter: Connector) {
    let small = server_with_pages(adapter, 1, |_, answer| Reply::Json(answer));
    look(adapter, &small, brisk()).whole(adapter);
    let large = server_with_pages(adapter, 100, |_, answer| Reply::Json(answer));
    look(adapter, &large, brisk()).whole(adapter);
    assert!(small.count() > large.count(), "pages of one took {} requests", small.count());
}

pub fn an_empty_page_is_no_end(adapter: Connector) {
    for question in adapter.paged() {
        // Each list begins with three pages that hold nothing.
        let empty = server(adapter, move |asked, answer| {
            let after = asked.question().1["after"].as_str().map(str::to_owned);
            match (asked.operation() == question, after.as_deref()) {
                (true, None) => Reply::Json(adapter.with_next(answer, "empty-1", Keep::Nothing)),
                (true, Some("empty-1")) => Reply::Json(adapter.with_next(answer, "empty-2", Keep::Nothing)),
                _ => Reply::Json(answer),
            }
        });
        look(adapter, &empty, brisk()).whole(adapter);
        assert!(
            empty.asked().iter().any(|asked| asked.body.contains("empty-2")),
            "{question} was not asked so far"
        );
    }
}

pub fn a_repeated_page_token_is_an_error(adapter: Connector) {
    for question in adapter.paged() {
        let turn = AtomicUsize::new(0);
        // A circle of two pages, which never ends.
        let circle = server(adapter, move |asked, answer| match asked.operation() == question {
            true => {
                let next = ["one", "other"][turn.fetch_add(1, Ordering::Relaxed) % 2];
                Reply::Json(adapter.with_next(answer, next, Keep::Entries))
            }
            false => Reply::Json(answer),
        });
        let looked = look(adapter, &circle, brisk());
        assert!(looked.open().contains("leads back"), "{question}: {}", looked.said());
        assert!(circle.count() < 60, "{question}: {} requests", circle.count());
    }
}

pub fn a_list_that_begins_again_is_a_gap(adapter: Connector) {
    for question in adapter.paged() {
        let turn = AtomicUsize::new(0);
        // Its first page leads to the first one again, which says it is the last.
        let again = server(adapter, move |asked, answer| {
            match asked.operation() == question && turn.fetch_add(1, Ordering::Relaxed) == 0 {
                true => Reply::Json(adapter.with_next(answer, "again", Keep::Entries)),
                false => Reply::Json(answer),
            }
        });
        let looked = look(adapter, &again, brisk());
        assert!(looked.open().contains("no id of their own"), "{question}: {}", looked.said());
        assert_eq!(looked.points(), sound(adapter).points(), "{question}");
        assert_eq!(looked.seen.points.len(), looked.points().len(), "{question}: none twice");
    }
}

pub fn a_page_that_does_not_say_whether_it_is_the_last_is_an_error(adapter: Connector) {
    for (has_next, end) in [(json!(true), json!(null)), (json!(null), json!("x")), (json!("no"), json!(null))]
    {
        let vague = server(adapter, move |_, mut answer| {
            set_everywhere(&mut answer, "hasNextPage", &has_next);
            set_everywhere(&mut answer, "endCursor", &end);
            Reply::Json(answer)
        });
        assert!(look(adapter, &vague, brisk()).open().contains("does not say whether"));
    }
}

fn set_everywhere(value: &mut Value, key: &str, to: &Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                if name == key {
                    *value = to.clone();
                }
                set_everywhere(value, key, to);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set_everywhere(item, key, to)),
        _ => {}
    }
}

pub fn a_list_without_end_ends(adapter: Connector) {
    for question in adapter.paged() {
        let turn = AtomicUsize::new(0);
        let endless = server(adapter, move |asked, answer| match asked.operation() == question {
            true => {
                let next = format!("page-{}", turn.fetch_add(1, Ordering::Relaxed));
                Reply::Json(adapter.with_next(answer, &next, Keep::Nothing))
            }
            false => Reply::Json(answer),
        });
        let looked = look(adapter, &endless, Limits { pages: 30, ..brisk() });
        assert!(looked.open().contains("more than 30 pages"), "{question}: {}", looked.said());
    }
}

pub fn the_provider_s_wait_is_waited_for(adapter: Connector) {
    let busy = server(adapter, |asked, answer| match asked.number {
        1 => Reply::Status(429, vec![("Retry-After", "1".into())], "slow down".into()),
        _ => Reply::Json(answer),
    });
    let looked = look(adapter, &busy, brisk()).whole(adapter);
    assert!(looked.took >= Duration::from_secs(1), "{:?}", looked.took);
    // With errors in the place of data, and without a word on how long.
    let busy = server(adapter, |asked, answer| match asked.number {
        2 => Reply::Json(json!({ "data": null, "errors": errors("Too many requests") })),
        _ => Reply::Json(answer),
    });
    look(adapter, &busy, brisk()).whole(adapter);
}

pub fn a_wait_that_is_too_long_is_a_gap_at_once(adapter: Connector) {
    let busy = server(adapter, |asked, answer| match asked.number {
        0 => Reply::Json(answer),
        _ => Reply::Status(429, vec![("Retry-After", "3600".into())], String::new()),
    });
    let looked = look(adapter, &busy, brisk());
    assert!(looked.open().contains("3600 s"), "{}", looked.said());
    assert!(looked.seen.gaps.iter().all(|gap| gap.reason == GapReason::TimedOut));
    assert!(looked.took < Duration::from_secs(2) && busy.count() <= 2 + brisk().at_once, "{}", busy.count());
    // Many short waits come to a long one.
    let busy = server(adapter, |_, _| Reply::Status(429, vec![("Retry-After", "1".into())], String::new()));
    let looked = look(adapter, &busy, brisk());
    assert!(looked.open().contains("too many requests"));
    assert!(looked.took < Duration::from_secs(6), "{:?}", looked.took);
}

pub fn what_is_left_of_a_limit_is_left_to_others(adapter: Connector) {
    let scarce = server(adapter, |asked, answer| {
        let left = 104_u64.saturating_sub(asked.number as u64);
        let headers = vec![("X-RateLimit-Limit", "1000".into()), ("X-RateLimit-Remaining", left.to_string())];
        Reply::Status(200, headers, answer.to_string())
    });
    let looked = look(adapter, &scarce, brisk());
    assert!(looked.open().contains("99 of 1000 requests are left"), "{}", looked.said());
    assert!(scarce.count() <= 6 + brisk().at_once, "{} requests", scarce.count());
}

pub fn errors_beside_data_are_a_gap_and_the_data_is_kept(adapter: Connector) {
    let all = sound(adapter);
    let partial = server(adapter, |_, mut answer| {
        answer["errors"] = errors("something of it could not be had");
        Reply::Json(answer)
    });
    let looked = look(adapter, &partial, brisk());
    assert!(looked.open().contains("answered with errors"), "{}", looked.said());
    assert_eq!((looked.volumes(), looked.points()), (all.volumes(), all.points()));
    assert!(!looked.everything().contains("could not be had"), "what a provider says is not repeated");
}

pub fn errors_alone_are_a_gap(adapter: Connector) {
    for status in [200, 400] {
        for data in ["", "\"data\":null,", "\"data\":{},"] {
            let body = format!("{{{data}\"errors\":{}}}", errors("Problem processing request"));
            let wrong = server(adapter, move |_, _| Reply::Status(status, vec![], body.clone()));
            look(adapter, &wrong, brisk()).open();
        }
    }
    // Of each question by itself.
    let names: Vec<String> = {
        let fine = server(adapter, |_, answer| Reply::Json(answer));
        look(adapter, &fine, brisk()).whole(adapter);
        fine.asked().iter().map(super::raw::Asked::operation).collect()
    };
    for name in names {
        let asked_for = name.clone();
        let wrong = server(adapter, move |asked, answer| match asked.operation() == asked_for {
            true => Reply::Json(json!({ "data": null, "errors": errors("Not Authorized") })),
            false => Reply::Json(answer),
        });
        let looked = look(adapter, &wrong, brisk());
        // What can be had in another way is; of the rest there is a gap.
        let is_same = looked.points() == sound(adapter).points() && looked.seen.gaps.is_empty();
        assert!(is_same || looked.seen.has_open_gaps(), "{name}: {:?}", looked.seen);
    }
}

pub fn a_server_that_fails_for_a_moment_is_asked_again(adapter: Connector) {
    for fault in [Reply::Status(502, vec![], String::new()), Reply::HangUp] {
        let shaky = server(adapter, move |asked, answer| match asked.number % 3 {
            1 => fault.clone(),
            _ => Reply::Json(answer),
        });
        look(adapter, &shaky, Limits { at_once: 1, ..brisk() }).whole(adapter);
    }
    let down = server(adapter, |_, _| Reply::Status(503, vec![], String::new()));
    assert!(look(adapter, &down, brisk()).open().contains("503"));
    assert!(down.count() <= 6, "{} requests", down.count());
}

pub fn a_silent_server_is_a_gap_in_time(adapter: Connector) {
    let silent = server(adapter, |_, _| Reply::Silence);
    let looked = look(adapter, &silent, brisk());
    assert!(looked.open().contains("no whole answer within the time"), "{}", looked.said());
    assert!(looked.took < Duration::from_secs(4), "{:?}", looked.took);
    // Nobody is there at all.
    let gone = server(adapter, |_, answer| Reply::Json(answer));
    let endpoint = gone.endpoint();
    drop(gone);
    std::thread::sleep(Duration::from_millis(50));
    let seen = adapter.look(&endpoint, brisk(), Stop::default());
    assert!(seen.has_open_gaps() && seen.volumes.is_empty());
}

pub fn an_answer_that_drips_is_a_gap_in_time(adapter: Connector) {
    let dripping = server(adapter, |asked, answer| match asked.number {
        0 => Reply::Json(answer),
        _ => Reply::Trickle,
    });
    let looked = look(adapter, &dripping, brisk());
    looked.open();
    assert!(looked.took < Duration::from_secs(8), "{:?}", looked.took);
}

pub fn the_time_for_all_holds(adapter: Connector) {
    let slow = server_with_pages(adapter, 1, |_, answer| {
        std::thread::sleep(Duration::from_millis(150));
        Reply::Json(answer)
    });
    let looked = look(adapter, &slow, Limits { whole: Duration::from_millis(700), ..brisk() });
    assert!(looked.open().contains("the time for the whole survey is over"), "{}", looked.said());
    assert!(looked.took < Duration::from_millis(1600), "{:?}", looked.took);
}

pub fn an_answer_without_end_is_a_gap(adapter: Connector) {
    for bytes in [&b" "[..], b"[", b"{\"data\":", b"\"aaaaaaaa"] {
        let endless = server(adapter, move |asked, answer| match asked.number {
            2 => Reply::Endless(bytes),
            _ => Reply::Json(answer),
        });
        let limits = Limits { answer: 1 << 20, call: Duration::from_secs(10), ..brisk() };
        let looked = look(adapter, &endless, limits);
        looked.open();
        assert!(looked.took < Duration::from_secs(15), "{:?}", looked.took);
    }
}

pub fn a_redirect_is_not_followed(adapter: Connector) {
    for status in [301, 302, 303, 307, 308] {
        let other = server(adapter, |_, answer| Reply::Json(answer));
        let to = other.endpoint().replace("127.0.0.1", "localhost");
        let leads =
            server(adapter, move |_, _| Reply::Status(status, vec![("Location", to.clone())], String::new()));
        let looked = look(adapter, &leads, brisk());
        assert!(looked.open().contains("leads elsewhere"), "{}", looked.said());
        assert_eq!(other.count(), 0, "the credential went to another address");
    }
}

pub fn only_what_is_on_the_list_is_sent(adapter: Connector) {
    let documents = adapter.documents();
    let fine = server_with_pages(adapter, 1, |_, answer| Reply::Json(answer));
    look(adapter, &fine, brisk()).whole(adapter);
    let wrong =
        server(adapter, |_, _| Reply::Json(json!({ "data": null, "errors": errors("Not Authorized") })));
    look(adapter, &wrong, brisk()).open();
    for asked in fine.asked().into_iter().chain(wrong.asked()) {
        assert_eq!(asked.line, "POST /graphql/v2 HTTP/1.1");
        let (document, variables) = asked.question();
        assert!(documents.contains(&document.as_str()), "{document}");
        assert!(!asked.body.contains(TOKEN) && !asked.line.contains(TOKEN));
        // Ids and page tokens, and no more.
        assert!(variables.as_object().unwrap().values().all(|value| value.is_string() || value.is_null()));
    }
    assert!(
        documents.iter().all(|document| document.starts_with("query ") && !document.contains("mutation"))
    );
}

pub fn the_credential_is_in_no_result(adapter: Connector) {
    // A provider that repeats it wherever it can.
    let echo = |mut answer: Value| {
        for key in ["name", "region", "state", "kind", "cron", "message", "code"] {
            set_everywhere(&mut answer, key, &json!(format!("x {TOKEN} {}", &TOKEN[..8])));
        }
        answer["errors"] = json!([{ "message": format!("Bearer {TOKEN}"), "extensions": { "code": TOKEN } }]);
        answer
    };
    let repeating = server(adapter, move |_, answer| Reply::Json(echo(answer)));
    let refusing = server(adapter, |_, _| Reply::Status(401, vec![("X-Token", TOKEN.into())], TOKEN.into()));
    let leading = server(adapter, |_, _| {
        Reply::Status(302, vec![("Location", format!("http://{TOKEN}@localhost/"))], String::new())
    });
    let odd = server(adapter, |_, answer| {
        let ids = answer.to_string().replace("\"id\":\"", &format!("\"id\":\"{TOKEN}"));
        Reply::Body(ids.into_bytes())
    });
    let no_http = server(adapter, |_, _| Reply::Bytes(format!("{TOKEN}\r\n\r\n").into_bytes()));
    for server in [&repeating, &refusing, &leading, &odd, &no_http] {
        let looked = look(adapter, server, brisk());
        looked.open();
        let told = looked.everything();
        assert!(!told.contains(TOKEN), "{told}");
        assert!(server.count() > 0);
    }
    assert!(sound(adapter).everything().len() > 1000);
}

pub fn a_survey_that_is_stopped_ends_soon(adapter: Connector) {
    let stop = Stop::default();
    let (hand, asked) = (Arc::new(Mutex::new(stop.clone())), stop);
    let waiting = server(adapter, move |asked, answer| match asked.number {
        2 => {
            hand.lock().unwrap().ask();
            Reply::Status(429, vec![("Retry-After", "2".into())], String::new())
        }
        _ => Reply::Json(answer),
    });
    let began = Instant::now();
    let seen = adapter.look(&waiting.endpoint(), brisk(), asked);
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    assert!(seen.gaps.iter().any(|gap| gap.detail.contains("asked to stop")), "{:?}", seen.gaps);
    assert!(seen.has_open_gaps() && waiting.count() <= 3 + brisk().at_once);
}

pub fn a_token_that_is_revoked_in_the_middle_is_a_gap(adapter: Connector) {
    let refused = |status| {
        server(adapter, move |asked, answer| match asked.number {
            0..4 => Reply::Json(answer),
            _ => Reply::Status(status, vec![], "revoked".into()),
        })
    };
    for status in [401, 403] {
        let looked = look(adapter, &refused(status), brisk());
        assert!(looked.open().contains("the credential was refused"), "{}", looked.said());
        assert!(looked.seen.gaps.iter().any(|gap| gap.reason == GapReason::Permission));
    }
    let told = server(adapter, |asked, answer| match asked.number {
        0..4 => Reply::Json(answer),
        _ => Reply::Json(json!({ "data": null, "errors": errors("Not Authorized") })),
    });
    assert!(look(adapter, &told, brisk()).open().contains("may not see"));
}

pub fn as_many_requests_as_allowed_and_no_more(adapter: Connector) {
    let fine = server(adapter, |_, answer| Reply::Json(answer));
    let looked = look(adapter, &fine, Limits { requests: 3, ..brisk() });
    assert!(looked.open().contains("took 3 requests"), "{}", looked.said());
    assert_eq!(fine.count(), 3);
}

pub fn a_hundred_thousand_points_are_borne(adapter: Connector) {
    let many: &'static Value = Box::leak(Box::new(adapter.many_points(100_000)));
    let large = |once: AtomicUsize| -> Raw {
        server(adapter, move |asked, answer| {
            let is_first = asked.operation() == adapter.points() && once.fetch_add(1, Ordering::Relaxed) == 0;
            Reply::Json(if is_first { many.clone() } else { answer })
        })
    };
    let limits = Limits { call: Duration::from_secs(60), whole: Duration::from_secs(120), ..brisk() };
    // As an answer gets, it may be; it is larger than that.
    let looked = look(adapter, &large(AtomicUsize::new(0)), limits.clone());
    assert!(looked.open().contains("larger than 16 MiB"), "{}", looked.said());
    let looked = look(adapter, &large(AtomicUsize::new(0)), Limits { answer: 64 << 20, ..limits });
    assert!(looked.seen.points.len() >= 100_000, "{}", looked.seen.points.len());
}
