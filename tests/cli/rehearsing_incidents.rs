//! `outlive rehearse --incident`: what happened to others, and nothing of one's own touched.

use super::place::{Place, names};
use std::ffi::OsString;

const ESTATE: &str =
    "as_of = \"2026-01-02\"\n[policy.default]\nsurvive = [\"primary-deletion\"]\n[[volume]]\nid = \"db\"\n";
const INCIDENT: &str = "title = \"t\"\nact = \"a\"\nhazards = [\"deleted volume:db\"]\n[fates]\ndb = \"dies\"\n\
    [[finding]]\nvolume = \"db\"\nrule = \"no-recovery-point\"\nverdict = \"fail\"\n";

#[test]
fn an_incident_is_replayed_and_nothing_is_touched() {
    let place = Place::new();
    let ended = place.outlive(&[&"rehearse", &"--incident", &"pocketos"]).end().expect(0);
    let ended = ended.says("1. The night before, 2026-04-23").says("2. The act").says("3. The morning after");
    ended.says("92 d old").says("Everything came as the incident expects");
    let run = place.outlive(&[&"rehearse", &"--incident", &"pocketos", &"--format", &"json"]);
    let json = run.end().expect(0).json("incident");
    assert_eq!(json["as_expected"], true);
    assert_eq!(names(&place.path("tmp")), Vec::<OsString>::new());
    assert!(!place.path("state").exists());
}

#[test]
fn one_s_own_incident_that_comes_out_otherwise_is_a_failed_drill() {
    let place = Place::new();
    place.file("mine/outlive.toml", ESTATE);
    let incident = place.file("mine/incident.toml", INCIDENT);
    let mine = incident.parent().unwrap();
    place.outlive(&[&"rehearse", &"--incident", &mine]).end().expect(0);
    place.file("other/outlive.toml", ESTATE);
    let other = place.file("other/incident.toml", INCIDENT.replace("dies", "survives"));
    let ended = place.outlive(&[&"rehearse", &"--incident", &other.parent().unwrap()]).end().expect(12);
    ended.says("NOT AS THE INCIDENT EXPECTS").says("db: dies, and `survives` is expected");
}

#[test]
fn an_unknown_incident_is_told_which_there_are() {
    let place = Place::new();
    let ended = place.outlive(&[&"rehearse", &"--incident", &"pocketoss"]).end().expect(2);
    ended.complains("there is no incident `pocketoss`").complains("pixar").complains("pocketos");
}

#[test]
fn an_estate_of_another_day_is_audited_as_of_it_and_has_no_night() {
    let place = Place::new();
    let estate = place.file("outlive.toml", ESTATE);
    let ended = place.outlive(&[&"audit", &"--config", &estate]).end().expect(10);
    ended.says("AS OF 2026-01-02 00:00 UTC").says("no recovery point was found");
    let ended = place.outlive(&[&"nightly", &"--config", &estate]).end().expect(2);
    ended.complains("there is no night to work in");
    assert!(!place.path("state").exists());
}
