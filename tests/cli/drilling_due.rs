//! What a drill that could not run leaves behind: due it stays, and everybody hears of it.

use super::drilling::Scene;
use super::hand::fs;
use super::nightly_estate::{ledger, notices};
use outlive::ledger::{DrillEnd, Event};
use serde_json::Value;

/// How each recorded drill ended, and why.
fn recorded(scene: &Scene) -> Vec<(DrillEnd, String, Option<String>)> {
    let drilled = ledger(&scene.place).into_iter().filter_map(|record| match record.event {
        Event::Drilled { outcome, because, record_sha256, .. } => Some((outcome, because, record_sha256)),
        _ => None,
    });
    drilled.collect()
}

/// The night's only task that is a drill.
#[track_caller]
fn drill_of(night: &Value) -> &Value {
    let tasks = night["tasks"].as_array().unwrap();
    tasks.iter().find(|task| task["task"] == "drill").unwrap_or_else(|| panic!("no drill: {night:#}"))
}

#[test]
fn a_drill_without_a_place_for_its_evidence_did_not_run_by_night_and_by_hand_and_that_is_recorded() {
    let scene = Scene::new();
    scene.drill("");
    let blocked = scene.place.file("blocked", "no directory");
    scene.configure(&format!("[nightly]\nevidence = {blocked:?}\n"));
    let json = scene.run(&["--due"]).expect(13).json("drill");
    assert_eq!(json["not_begun"][0]["drill"], "weekly", "{json:#}");
    let night = scene.night();
    let verdicts = night["verdicts"].as_array().unwrap();
    assert!(verdicts.contains(&"drill_not_run".into()), "{verdicts:?}");
    assert!(!verdicts.contains(&"drill_failed".into()), "{verdicts:?}");
    assert_eq!(drill_of(&night)["outcome"], "not_done", "{night:#}");
    assert_eq!(night["volumes"][0]["drill"]["outcome"], "not_run", "{night:#}");
    let all = recorded(&scene);
    assert_eq!(all.len(), 2, "{all:?}");
    for (outcome, because, sha256) in all {
        assert_eq!((outcome, sha256), (DrillEnd::NotRun, None));
        assert!(because.contains("no place for its evidence") && because.contains("blocked"), "{because}");
    }
    fs::remove_file(&blocked).unwrap();
    assert_eq!(drill_of(&scene.night())["outcome"], "done");
}

#[test]
fn a_drill_that_could_not_run_by_hand_after_it_passed_is_due_at_once() {
    let scene = Scene::new();
    scene.drill("");
    assert_eq!(scene.run(&["--due"]).expect(0).json("drill")["drills"][0]["outcome"], "passed");
    fs::rename(scene.place.path("vault"), scene.place.path("elsewhere")).unwrap();
    assert_eq!(scene.drilled(&[], 13)["outcome"], "not_run");
    fs::rename(scene.place.path("elsewhere"), scene.place.path("vault")).unwrap();
    let json = scene.run(&["--due"]).expect(0).json("drill");
    assert_eq!(json["drills"][0]["outcome"], "passed", "{json:#}");
    let json = scene.run(&["--due"]).expect(0).json("drill");
    assert_eq!(json["drills"].as_array().unwrap().len(), 0, "{json:#}");
}

#[test]
fn a_check_that_no_damage_fits_is_not_proved_and_the_drill_did_not_run() {
    let place = super::place::Place::new();
    place.file("empty.img", "");
    let scene = Scene::of(place, "empty.img");
    scene.drill("checks = [\"image\"]\n");
    assert_eq!(scene.drilled(&[], 0)["outcome"], "passed");
    let drilled = scene.drilled(&["--prove"], 13);
    assert_eq!(drilled["proofs"][0]["outcome"], "no_damage_fits", "{drilled:#}");
    assert!(
        drilled["because"].as_str().unwrap().contains("the check image could not be proved"),
        "{drilled:#}"
    );
}

#[test]
fn a_directory_of_drills_that_is_named_and_missing_is_a_problem_and_drills_that_are_gone_are_told() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["--due"]).expect(13).json("drill")["drills"], Value::Array(Vec::new()));
    scene.drill("");
    scene.run(&["--due"]).expect(0);
    let told = |night: &Value| notices(night, "the drill `weekly` of orders is defined no more");
    assert!(!told(&scene.night()), "it is there");
    fs::rename(scene.place.path("drills"), scene.place.path("moved")).unwrap();
    let night = scene.night();
    assert!(told(&night), "{night:#}");
    let text = std::fs::read_to_string(&scene.config).unwrap();
    scene.place.file("outlive.toml", format!("drills = \"drills\"\n{text}"));
    scene.run(&["--due"]).expect(2).complains("listing the drills");
    let night = scene.night();
    assert_eq!(drill_of(&night)["outcome"], "not_done", "{night:#}");
    assert_eq!(night["volumes"][0]["drill"]["outcome"], "not_run", "{night:#}");
    scene.place.file("outlive.toml", format!("drills = \"moved\"\n{text}"));
    assert!(!told(&scene.night()), "it is defined elsewhere");
}
