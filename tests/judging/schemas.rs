//! Inventories, explanations of rules and kinds, and replays are what their schemas say.

use crate::answers::{broken, complaints, token_estate};
use outlive::app::{INCIDENTS, load_incident, replay_incident};
use outlive::catalogue::Catalogue;
use outlive::domain::{
    AccountSeen, Answer, AssetId, Inventory, MayDelete, OneAct, Reached, ReachedKind, ScheduleSeen, TokenKind,
};
use outlive::isolation::expand;
use outlive::report::activity::{
    ChangeSaid, ChunksFrom, DamagedObject, ExpiringPoint, ExpiryPlan, FateSaid, LeftAlone, LostPath,
    MissedPath, NotReady, PlanFile, PointOutcome, PointSaid, PointsListed, PostgresDatabase, PostgresDone,
    PostgresStep, PostgresTable, RepairDone, RepairedPoint, RestoreDone, StayingPoint, Told,
};
use outlive::report::json;
use outlive::rules::ALL;
use std::ffi::OsStr;

/// Nothing is said against these, and something against each of what is wrong.
#[track_caller]
fn holds(schema: &str, right: &[String], wrong: &[String]) {
    for (place, said) in complaints(schema, right).iter().enumerate() {
        assert_eq!(said, "", "{schema}: {}", right[place]);
    }
    for (place, said) in complaints(schema, wrong).iter().enumerate() {
        assert_ne!(said, "", "{schema}: mistake {place} was not noticed");
    }
}

/// A provider that was asked.
fn account() -> AccountSeen {
    let reached = |what: ReachedKind| Reached { what, id: "id".into(), name: "name".into() };
    AccountSeen {
        provider: "shop".into(),
        kind: "railway".into(),
        asked_at: crate::estate::now(),
        answer: Answer::Kept,
        credential: AssetId("credential:shop.token".into()),
        token: TokenKind::Workspace,
        may_delete: MayDelete::Yes,
        reaches: ReachedKind::ALL.map(reached).to_vec(),
        beyond: Vec::new(),
        acts: vec![OneAct {
            call: "volumeDelete".into(),
            on: AssetId("volume:railway/id".into()),
            name: "shop/orders".into(),
            takes: vec!["shop/production/orders".into()],
            points: 7,
            note: Some("It names no environment".into()),
        }],
        schedules: vec![ScheduleSeen {
            of: "shop/production/orders".into(),
            rhythm: "DAILY".into(),
            keeps_seconds: Some(9),
        }],
        requests: 7,
    }
}

#[test]
fn inventories_are_what_their_schema_says() {
    let catalogue = Catalogue::built_in().unwrap();
    let asked = Inventory { accounts: vec![account()], ..token_estate() };
    let estates = [token_estate(), crate::reports::estate().0, asked];
    let right = estates
        .map(|estate| crate::reports::inventory(&expand(&estate, &catalogue), crate::estate::now(), &[11]));
    let wrong = [
        broken(&right[0], |told| told["exit_codes"] = serde_json::json!([10])),
        broken(&right[0], |told| told["recovery_points"][0]["usable"] = "perhaps".into()),
        broken(&right[0], |told| drop(told.as_object_mut().unwrap().remove("gaps"))),
        broken(&right[2], |told| told["accounts"][0]["may_delete"] = "no".into()),
        broken(&right[2], |told| told["accounts"][0]["reaches"][0]["kind"] = "planet".into()),
        broken(&right[2], |told| drop(told["accounts"][0].as_object_mut().unwrap().remove("acts"))),
    ];
    holds("inventory.v0.json", &right, &wrong);
}

#[test]
fn explained_rules_and_kinds_are_what_their_schemas_say() {
    let right = [json::rules(&[0]), json::explain(ALL[0], &[0])];
    let wrong = [broken(&right[1], |told| told["rules"][0]["severity"] = "low".into())];
    holds("explain.v0.json", &right, &wrong);
    let catalogue = Catalogue::built_in().unwrap();
    let right: Vec<String> = catalogue.kinds().map(|kind| json::explain_kind(kind, "a", &[0])).collect();
    assert!(right.len() > 40, "{}", right.len());
    let backup = json::explain_kind(catalogue.kind("railway.volume-backup").unwrap(), "Railway", &[0]);
    let wrong = [
        broken(&backup, |told| told["statements"][0]["source"] = "".into()),
        broken(&backup, |told| told["statements"][1]["certainty"] = "believed".into()),
        broken(&backup, |told| told["statements"][1]["read"] = "lately".into()),
    ];
    holds("explain-kind.v0.json", &right, &wrong);
}

#[test]
fn replays_are_what_their_schema_says() {
    let replayed = |name: &str| replay_incident(&load_incident(OsStr::new(name)).unwrap()).unwrap();
    let right: Vec<String> = INCIDENTS.iter().map(|known| replayed(known.name).json(&[0])).collect();
    let wrong = [
        broken(&right[0], |told| told["as_expected"] = false.into()),
        broken(&right[0], |told| told["exit_codes"] = serde_json::json!([12])),
        broken(&right[0], |told| told["morning"]["fates"][0]["fate"] = "lost".into()),
        broken(&right[0], |told| told["night"]["surprise"] = true.into()),
    ];
    holds("incident.v0.json", &right, &wrong);
}

#[test]
fn plans_for_expiry_are_what_their_schema_says() {
    let (id, point, volume) = ("0a".repeat(32), "0a0a0a0a0a0a".to_owned(), "orders-db".to_owned());
    let at = crate::estate::now();
    let staying = StayingPoint {
        point: point.clone(),
        id: id.clone(),
        volume: volume.clone(),
        taken_at: at,
        because: "its own time is not over".into(),
    };
    let nothing = ExpiryPlan {
        name: "offsite".into(),
        place: "s3://bucket/night/".into(),
        vault: "v".into(),
        at,
        written_to: None,
        carried_out_by: None,
        points: Vec::new(),
        objects: 0,
        bytes: 0,
        files: Vec::new(),
        staying: vec![staying],
        left: vec![LeftAlone {
            because: "locked until 2026-12-01".into(),
            first: "packs/a".into(),
            objects: 2,
            bytes: 9,
        }],
        strange: vec!["notes.txt".into()],
        written_over: 1,
        unknown: vec!["roots/a: damaged".into()],
        kept_again: 0,
        notices: Vec::new(),
    };
    let some = ExpiryPlan {
        written_to: Some("/plan".into()),
        carried_out_by: Some("sh".into()),
        points: vec![ExpiringPoint { point, id: id.clone(), volume, taken_at: at, stored_at: at }],
        files: vec![PlanFile { name: "0001-roots.json".into(), entries: 1, sha256: id }],
        unknown: Vec::new(),
        ..nothing.clone()
    };
    let right = [nothing.json(&[11]), some.json(&[0])];
    let wrong = [
        broken(&right[1], |told| told["exit_codes"] = serde_json::json!([14])),
        broken(&right[1], |told| told["files"][0]["entries"] = 1001.into()),
        broken(&right[1], |told| told["points"][0]["stored_at"] = serde_json::Value::Null),
        broken(&right[0], |told| told["staying"][0]["because"] = "".into()),
        broken(&right[0], |told| drop(told.as_object_mut().unwrap().remove("unknown"))),
    ];
    holds("expiry-plan.v0.json", &right, &wrong);
}

#[test]
fn repairs_are_what_their_schema_says() {
    let (id, point, volume) = ("0a".repeat(32), "0a0a0a0a0a0a".to_owned(), "orders-db".to_owned());
    let at = crate::estate::now();
    let damaged =
        DamagedObject { object: "packs/a".into(), because: "gone".into(), points: vec![point.clone()] };
    let repaired = RepairedPoint {
        point: point.clone(),
        id: id.clone(),
        volume: volume.clone(),
        taken_at: at,
        outcome: PointOutcome::InPart,
        now: Some(point.clone()),
        now_id: Some(id),
        chunks: ChunksFrom { vault: 1, source: 2, other: 3 },
        lost: 1,
        written_bytes: 9,
        because: None,
    };
    let because = "had nowhere".to_owned();
    let lost =
        LostPath { volume: Some(volume), point, taken_at: Some(at), path: Some("etc/fstab".into()), because };
    let all = LostPath { volume: None, point: "roots/a".into(), taken_at: None, path: None, ..lost.clone() };
    let done = RepairDone {
        vault: "/vault".into(),
        damage: vec![damaged.clone()],
        points: vec![repaired],
        lost: vec![lost, all],
        left: vec![damaged],
        ..RepairDone::default()
    };
    let right = [RepairDone::default().json(&[0]), done.json(&[14, 11])];
    let wrong = [
        broken(&right[1], |told| told["exit_codes"] = serde_json::json!([10])),
        broken(&right[1], |told| told["points"][0]["outcome"] = "fine".into()),
        broken(&right[1], |told| told["lost"][0]["because"] = "".into()),
        broken(&right[0], |told| drop(told.as_object_mut().unwrap().remove("left"))),
    ];
    holds("repair.v0.json", &right, &wrong);
    let text = done.text(Default::default());
    assert!(
        text.contains("etc/fstab") && text.contains("(all of it)") && text.contains("orders-db"),
        "{text}"
    );
}

#[test]
fn points_are_what_their_schema_says() {
    let at = crate::estate::now();
    let first = PointSaid {
        id: "vault:v/0a0a0a0a0a0a in /vault".into(),
        name: "copy 0a0a0a0a0a0a in /vault".into(),
        kind: "vault copy",
        taken_at: Some(at),
        state: Some("read back"),
        counts: true,
        because: None,
        lock: "unknown".into(),
        drilled: "never".into(),
        bytes: Some(9),
        change: None,
        change_unknown: Some("the first in its vault: there is none before it".into()),
        change_hindered: false,
        fate: None,
    };
    let change =
        ChangeSaid { against: "0a0a0a0a0a0a".into(), hints: vec!["much".into()], ..ChangeSaid::default() };
    let dies = FateSaid { fate: "dies", because: Some("a is stored on b".into()) };
    let second = PointSaid {
        change: Some(change),
        change_unknown: None,
        change_hindered: false,
        fate: Some(dies),
        taken_at: None,
        state: None,
        counts: false,
        because: Some("not proved".into()),
        bytes: None,
        ..first.clone()
    };
    let none = PointsListed {
        volume: "orders-db".into(),
        what_if: None,
        points: Vec::new(),
        gaps: vec!["/vault: no answer".into()],
        at,
    };
    let some = PointsListed {
        points: vec![first, second],
        what_if: Some("deletion of orders-db".into()),
        gaps: Vec::new(),
        ..none.clone()
    };
    let right = [none.json(&[11]), some.json(&[0])];
    let wrong = [
        broken(&right[1], |told| told["exit_codes"] = serde_json::json!([14])),
        broken(&right[1], |told| told["points"][0]["change_unknown"] = serde_json::Value::Null),
        broken(&right[1], |told| told["points"][1]["fate"]["because"] = serde_json::Value::Null),
        broken(&right[1], |told| told["points"][1]["state"] = "fine".into()),
        broken(&right[1], |told| told["points"][1]["change"]["against"] = "the last".into()),
        broken(&right[0], |told| drop(told.as_object_mut().unwrap().remove("gaps"))),
    ];
    holds("points.v0.json", &right, &wrong);
}

#[test]
fn restores_are_what_their_schema_says() {
    let table = PostgresTable {
        schema: "public".into(),
        name: "orders".into(),
        rows: Some(4321),
        ..Default::default()
    };
    let database = PostgresDatabase { name: "restored".into(), bytes: 9, rows: 4321, tables: vec![table] };
    let word = || "/srv/new".to_owned();
    let made = PostgresDone {
        from: "a dump by pg_dump in its custom format".into(),
        directory: word(),
        data: word(),
        socket: word(),
        server_version: Some("15.13".into()),
        superuser: "postgres".into(),
        user: "postgres".into(),
        databases: vec![database],
        owners_left_out: vec!["clerk".into()],
        ready: true,
        steps: vec![PostgresStep { what: "Start it again.".into(), command: "sh start.sh".into() }],
        ..PostgresDone::default()
    };
    let problem = NotReady { what: "no PostgreSQL 14 is here".into(), ..NotReady::default() };
    let failed = PostgresDone { ready: false, problem: Some(problem), server_version: None, ..made.clone() };
    let plain = RestoreDone {
        vault: "/vault".into(),
        volume: "shop".into(),
        point: "0a0a0a0a0a0a".into(),
        taken_at: crate::estate::now(),
        target: word(),
        compared: true,
        ..RestoreDone::default()
    };
    let lost = MissedPath { path: "a".into(), because: "packs/a is gone".into() };
    let part = RestoreDone { lost: vec![lost], compared: false, ..plain.clone() };
    let ready = RestoreDone { postgres: Some(made), ..plain.clone() };
    let not = RestoreDone { postgres: Some(failed), ..plain.clone() };
    let right = [plain.json(&[0]), part.json(&[14]), ready.json(&[0]), not.json(&[14, 12])];
    let wrong = [
        broken(&right[0], |told| told["exit_codes"] = serde_json::json!([10])),
        broken(&right[1], |told| told["lost"][0]["because"] = "".into()),
        broken(&right[2], |told| told["postgres"]["server_version"] = serde_json::Value::Null),
        broken(&right[3], |told| told["postgres"]["problem"] = serde_json::Value::Null),
        broken(&right[2], |told| told["postgres"]["databases"][0]["tables"][0]["rows"] = (-1).into()),
        broken(&right[0], |told| drop(told.as_object_mut().unwrap().remove("postgres"))),
    ];
    holds("restore.v0.json", &right, &wrong);
    let text = not.text(Default::default());
    assert!(text.contains("PostgreSQL is NOT ready: no PostgreSQL 14 is here"), "{text}");
    let text = ready.text(Default::default());
    assert!(text.contains("4321 rows in public.orders") && text.contains("clerk"), "{text}");
}
