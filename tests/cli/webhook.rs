//! The webhook: what counts as a change, and what arrives.

use super::listener::{Answer, Listener};
use super::night::{RUN, copy_of, night};
use outlive::estate::Secret;
use outlive::report::activity::{
    DrillOutcome, NightVerdict, NightlyDone, Standing, TaskDone, TaskKind, TaskOutcome,
};
use outlive::signal::{Change, NightState, State, Subject, Webhook, changes};
use serde_json::Value;

const SOUND: Option<State> = Some(State::Sound);
const NOT: Option<State> = Some(State::NotSound);

fn change(volume: Option<&str>, was: Option<State>, is: Option<State>) -> Change {
    let subject = volume.map_or(Subject::Run, |name| Subject::Volume(name.into()));
    Change { subject, was, is }
}

/// A read-back of the vault that ended so.
fn read_back(outcome: TaskOutcome, detail: &str) -> TaskDone {
    TaskDone { task: TaskKind::ReadBack, volume: None, detail: detail.into(), ..copy_of("", outcome) }
}

/// A night after which `b` is not sound.
fn bad_night() -> NightlyDone {
    let mut bad = night(&["a", "b"]);
    bad.volumes[1].standing = Standing::Failed;
    bad.volumes[1].because = vec!["no recovery point survives \"host\"".into()];
    bad
}

#[test]
fn only_what_is_not_as_it_was_is_a_change() {
    let sound = NightState::of(&night(&["a", "b"]), 0);
    let bad = NightState::of(&bad_night(), 10);
    let none = Vec::<Change>::new();
    assert_eq!(changes(Some(&sound), &sound), none);
    assert_eq!(changes(Some(&bad), &bad), none);
    assert_eq!(changes(Some(&sound), &bad), [change(None, SOUND, NOT), change(Some("b"), SOUND, NOT)]);
    assert_eq!(changes(Some(&bad), &sound), [change(None, NOT, SOUND), change(Some("b"), NOT, SOUND)]);
    assert_eq!(changes(None, &sound), none, "a first night that is sound is no news");
    assert_eq!(changes(None, &bad), [change(None, None, NOT), change(Some("b"), None, NOT)]);
    let fewer = NightState::of(&night(&["a"]), 0);
    assert_eq!(changes(Some(&sound), &fewer), [change(Some("b"), SOUND, None)]);
    assert_eq!(changes(Some(&fewer), &sound), none, "a new volume that is sound is no news");
}

#[test]
fn nothing_less_than_sound_counts_as_sound() {
    type Spoil = fn(&mut NightlyDone);
    let spoilt: [Spoil; 7] = [
        |done| done.volumes[0].standing = Standing::Undetermined,
        |done| done.volumes[0].standing = Standing::Failed,
        |done| done.volumes[0].drill.outcome = DrillOutcome::Failed,
        |done| done.volumes[0].drill.outcome = DrillOutcome::NotRun,
        |done| done.volumes[0].drill.outcome = DrillOutcome::NeverDrilled,
        |done| done.tasks.push(copy_of("a", TaskOutcome::Failed)),
        |done| done.tasks.push(copy_of("a", TaskOutcome::NotDone)),
    ];
    for (number, spoil) in spoilt.into_iter().enumerate() {
        let mut done = night(&["a"]);
        spoil(&mut done);
        assert!(!NightState::of(&done, 0).volumes["a"].is_empty(), "{number}");
    }
    for code in [1, 2, 10, 11, 12, 13, 14, 15] {
        assert!(!NightState::of(&night(&["a"]), code).run.is_empty(), "{code}");
    }
    let sound = NightState::of(&night(&["a"]), 0);
    assert!(sound.run.is_empty() && sound.volumes["a"].is_empty(), "{sound:?}");
    let mut not_asked = night(&["a"]);
    not_asked.volumes[0].drill.outcome = DrillOutcome::NeverDrilled;
    not_asked.volumes[0].drill.asked = false;
    assert!(NightState::of(&not_asked, 0).volumes["a"].is_empty(), "nobody asked for a drill");
}

#[test]
fn in_an_estate_that_is_never_sound_whatever_else_goes_wrong_is_told() {
    type Spoil = fn(&mut NightlyDone);
    let about = |done: &NightlyDone, before: &NightState| -> Vec<Subject> {
        changes(Some(before), &NightState::of(done, 10)).into_iter().map(|change| change.subject).collect()
    };
    let before = NightState::of(&bad_night(), 10);
    let (b, vault) = (Subject::Volume("b".into()), Subject::Vault("offsite".into()));
    let spoilt: [(Spoil, Subject); 7] = [
        (|done| done.tasks.push(read_back(TaskOutcome::Failed, "x; DAMAGED packs/1: y")), vault.clone()),
        (
            |done| done.tasks.push(read_back(TaskOutcome::Done, "x; 1 packs are known to be damaged")),
            vault.clone(),
        ),
        (|done| done.volumes[1].because.push("no recovery point survives \"site\"".into()), b.clone()),
        (|done| done.tasks.push(copy_of("b", TaskOutcome::Failed)), b.clone()),
        (|done| done.verdicts.push(NightVerdict::DrillNotRun), Subject::Run),
        (|done| done.gaps.push("/srv: refused".into()), Subject::Run),
        (
            |done| {
                let drill = Some("weekly".into());
                let task = read_back(TaskOutcome::NotDone, "its definition is wrong");
                done.tasks.push(TaskDone { task: TaskKind::Drill, vault: None, drill, ..task });
            },
            Subject::Run,
        ),
    ];
    for (number, (spoil, subject)) in spoilt.into_iter().enumerate() {
        let mut done = bad_night();
        assert_eq!(about(&done, &before), [], "{number}: nothing changed");
        spoil(&mut done);
        assert_eq!(about(&done, &before), [subject], "{number}");
    }
    // Damage that is known fails each night, and is told once.
    let known = |read: &str, damaged: &str| {
        let mut done = bad_night();
        let detail =
            format!("{read}, read back; {damaged} packs are known to be damaged, and no point counts");
        done.tasks.push(read_back(TaskOutcome::Failed, &detail));
        done
    };
    let before = NightState::of(&known("0 of 11 packs, 0 B", "1"), 10);
    assert_eq!(
        about(&known("2 of 14 packs, 3 KiB", "1"), &before),
        [],
        "how far the reading came is no news"
    );
    assert_eq!(about(&known("0 of 14 packs, 0 B", "2"), &before), [Subject::Vault("offsite".into())]);
    // Another damaged object is news; how far the reading came is none.
    let mut first = bad_night();
    first.tasks.push(read_back(TaskOutcome::Failed, "3 of 9 packs, 12 KiB, read back; DAMAGED packs/1: y"));
    let known = NightState::of(&first, 10);
    first.tasks[2].detail = "4 of 8 packs, 1.2 MiB, read back; DAMAGED packs/1: y".into();
    assert_eq!(about(&first, &known), []);
    first.tasks[2].detail = "4 of 8 packs, 1.2 MiB, read back; DAMAGED packs/2: y".into();
    assert_eq!(about(&first, &known), std::slice::from_ref(&vault));
    // That nothing was read back makes a vault no better.
    let mut silent = NightState::of(&bad_night(), 10);
    silent.carry(Some(&known), ["offsite"]);
    assert_eq!(silent, known);
    let read = |done: &mut NightlyDone| done.tasks.push(read_back(TaskOutcome::Done, "all of it"));
    let mut sound = bad_night();
    read(&mut sound);
    let again = changes(Some(&known), &NightState::of(&sound, 10));
    assert_eq!(again, [Change { subject: vault, was: NOT, is: SOUND }]);
}

#[test]
fn the_state_is_kept_as_json_and_a_strange_one_is_not_taken() {
    let state = NightState::of(&bad_night(), 10);
    let kept = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<NightState>(&kept).unwrap(), state);
    for wrong in ["{}", r#"{"overall":"sound","volumes":{}}"#, r#"{"run":[],"volumes":{},"vaults":{},"x":1}"#]
    {
        assert!(serde_json::from_str::<NightState>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_change_arrives_as_a_versioned_document_with_a_text_and_nothing_arrives_without_one() {
    let listener = Listener::new(vec![Answer::Status(204)]);
    let webhook = Webhook::new(Secret::new(listener.url("/h00k"))).unwrap();
    let (before, after) = (NightState::of(&night(&["a", "b"]), 0), NightState::of(&bad_night(), 10));
    webhook.tell(&bad_night(), 10, &changes(Some(&after), &after)).unwrap();
    assert!(listener.targets().is_empty(), "something was sent though nothing changed");
    webhook.tell(&bad_night(), 10, &changes(Some(&before), &after)).unwrap();
    let asked = listener.asked();
    assert_eq!((asked.len(), &*asked[0].target, &*asked[0].method), (1, "/h00k", "POST"));
    assert!(asked[0].headers.contains(&("content-type".into(), "application/json".into())), "{asked:?}");
    let json: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!((&json["schema"], &json["run"]), (&"outlive/webhook/v0".into(), &RUN.into()));
    assert_eq!((&json["exit_code"], json["changes"].as_array().unwrap().len()), (&10.into(), 2));
    let volume = &json["changes"][1];
    assert_eq!(
        (&volume["volume"], &volume["was"], &volume["is"]),
        (&"b".into(), &"sound".into(), &"not_sound".into())
    );
    assert_eq!(volume["because"][0], "no recovery point survives \"host\"");
    assert_eq!((&volume["owner"], &volume["vault"]), (&"payments".into(), &Value::Null));
    let text = json["text"].as_str().unwrap();
    assert!(
        text.starts_with("a rule failed: 1 of 2 volumes sound") && text.contains("\nb: NOT SOUND"),
        "{text}"
    );
}

#[test]
fn a_webhook_that_nobody_takes_is_a_problem_without_its_address() {
    let listener = Listener::new(vec![Answer::Status(403)]);
    let webhook = Webhook::new(Secret::new(listener.url("/h00k"))).unwrap();
    let after = NightState::of(&bad_night(), 10);
    let problem = webhook.tell(&bad_night(), 10, &changes(None, &after)).unwrap_err();
    let said = format!("{problem:?}");
    assert!(said.contains("the webhook of [nightly] answered 403"), "{said}");
    assert!(!said.contains("h00k") && !said.contains("127.0.0.1"), "{said}");
}
