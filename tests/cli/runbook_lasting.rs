//! A lock that ends before the page does: its copy survives a thief until then, and the page says so.

use super::place::Place;
use chrono::{DateTime, TimeDelta, Utc};

/// A declared volume, whose one copy a thief of its token could delete too but for a lock that ends at `until`.
fn scene(until: DateTime<Utc>) -> Place {
    let place = Place::new();
    let taken = Utc::now() - TimeDelta::hours(1);
    let (taken, until) = (taken.format("%Y-%m-%dT%H:%M:%SZ"), until.format("%Y-%m-%dT%H:%M:%SZ"));
    let text = format!(
        r#"
[policy.default]
rpo = "26h"
drill_every = "never"
survive = ["primary-deletion", "credential"]

[[volume]]
id = "orders"
stands_on = {{ provider = "railway", owner = "ops" }}
cascades_from = []
administered_by = []
deletable_by = ["credential:ci"]
needs = []

[[asset]]
kind = "credential"
name = "ci"
owner = "ops"
stored_on = []
yielded_by = []

[[asset]]
kind = "provider"
name = "backblaze"
owner = "ops"
stored_on = []
cascades_from = []
needs = []
administered_by = []
deletable_by = []

[[asset]]
kind = "bucket"
name = "exports"
owner = "ops"
stored_on = ["provider:backblaze"]
cascades_from = []
needs = []
administered_by = []
deletable_by = []

[[recovery_point]]
id = "export"
volume = "orders"
kind = "dump"
owner = "ops"
taken_at = "{taken}"
drilled_at = "never"
review_by = "2099-01-01"
lock = {{ mode = "compliance", until = "{until}" }}
stored_on = ["bucket:exports"]
cascades_from = []
needs = []
administered_by = []
deletable_by = ["credential:ci"]
"#
    );
    place.file("outlive.toml", text);
    place
}

/// What the page says of the theft of the token, and of the copy.
fn told(place: &Place) -> (serde_json::Value, serde_json::Value, String) {
    let json = place.outlive_by_file(&["runbook", "orders", "--format", "json"]).end().json("runbook");
    let runbook = &json["runbooks"][0];
    let of_token = |line: &&serde_json::Value| line["hazard"].as_str().unwrap().contains("ci");
    let theft = runbook["hazards"].as_array().unwrap().iter().find(of_token);
    let theft = theft.unwrap_or_else(|| panic!("{runbook:#}")).clone();
    let page = place.outlive_by_file(&["runbook", "orders"]).end().stdout;
    (theft, runbook["places"][0].clone(), page)
}

#[test]
fn a_copy_whose_lock_ends_before_the_page_survives_a_thief_until_then_and_not_longer() {
    let until = Utc::now() + TimeDelta::hours(10);
    let place = scene(until);
    let (theft, copies, page) = told(&place);
    assert!(theft["left"].as_str().unwrap().contains("export"), "{theft:#}");
    assert_eq!(theft["until"].as_str().unwrap()[..16], until.format("%Y-%m-%dT%H:%M").to_string());
    assert_eq!(theft["then"], "NONE", "{theft:#}");
    let hazard = theft["hazard"].as_str().unwrap();
    let has = |list: &str| {
        copies[list].as_array().unwrap().iter().any(|one| one.as_str().unwrap().starts_with(hazard))
    };
    assert_eq!((has("survives"), has("ending")), (false, true), "{copies:#}");
    let minute = until.format("%Y-%m-%d %H:%M UTC");
    for said in [
        format!("lock ends {minute}, before this page does"),
        format!("only until {minute}, when its lock ends, before this page does"),
        "only until its lock ends, which is before this page does".into(),
    ] {
        assert!(page.contains(&said), "{said}: {page}");
    }
    let pages = place.path("pages");
    place.outlive_by_file(&["runbook", "--all", "--into", pages.to_str().unwrap()]).end();
    let words = ["runbook", "--all", "--check", "--into", pages.to_str().unwrap()];
    place.outlive_by_file(&words).end().says("a lock ends: orders:").says("after that NONE");
}

#[test]
fn a_lock_that_lasts_as_long_as_the_page_is_no_matter_and_one_that_is_over_protects_nothing() {
    let (theft, copies, page) = told(&scene(Utc::now() + TimeDelta::hours(40)));
    assert_eq!((&theft["until"], &theft["then"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert!(
        copies["ending"].as_array().unwrap().is_empty() && !page.contains("before this page does"),
        "{page}"
    );
    let (theft, copies, page) = told(&scene(Utc::now() - TimeDelta::minutes(30)));
    assert_eq!(theft["left"], "NONE", "{theft:#}");
    let lock = copies["points"][0]["lock"].as_str().unwrap();
    assert!(lock.starts_with("none any more") && !page.contains("locked (compliance)"), "{lock}: {page}");
}
