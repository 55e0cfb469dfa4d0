//! What a real night tells: a webhook only when something changed, a file that Prometheus takes, and Nagios' codes.

use super::listener::{Answer, Listener};
use super::nightly_estate::{EstateFile, at, nightly};
use super::place::{Place, tool};
use std::path::PathBuf;

const DAY: i64 = 86_400;

/// A tree and a dump that fails while a file called `broken` is there.
fn estate(place: &Place) -> EstateFile {
    place.file("data/file", "content");
    place.directory("database");
    let script = format!("[ -e {} ] && exit 3; echo row", place.path("broken").display());
    let file = EstateFile::new().vault("shelf", &place.path("vault"));
    let file = file.tree("tree", &place.path("data"), &["shelf"]);
    file.script("dump", &place.path("database"), &script, "shelf", "")
}

fn textfile(place: &Place) -> PathBuf {
    place.directory("collector").join("outlive.prom")
}

#[test]
fn a_webhook_hears_of_changes_only_and_the_textfile_is_replaced_and_taken_by_prometheus() {
    let place = Place::new();
    let listener = Listener::new(vec![Answer::Status(200)]);
    let file = textfile(&place);
    let more = format!("[nightly]\nwebhook = {{ env = \"HOOK\" }}\ntextfile = {file:?}");
    estate(&place).with(&more).write(&place);
    let hook = listener.url("/hook");
    let night = |day: i64, code: i32| {
        at(&place, nightly(&place, &[]).environment("HOOK", &hook), day * DAY).end().expect(code);
        let metrics = std::fs::read_to_string(&file).unwrap();
        assert!(metrics.contains(&format!("\noutlive_nightly_exit_code {code}\n")), "{metrics}");
        tool("sh", &["-c".as_ref(), "promtool check metrics <\"$0\"".as_ref(), file.as_os_str()]);
        listener.asked().len()
    };
    assert_eq!(night(0, 0), 0, "a first night that is sound is no change");
    place.file("broken", "");
    assert_eq!(night(1, 14), 1, "what broke was not told");
    assert_eq!(night(1, 14), 1, "nothing changed, and it was told again");
    std::fs::remove_file(place.path("broken")).unwrap();
    assert_eq!(night(1, 0), 2, "what is sound again was not told");
    assert_eq!(night(2, 0), 2, "nothing changed, and it was told again");
    let bodies: Vec<serde_json::Value> =
        listener.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect();
    let change = |body: usize, volume: &str| {
        let changes = bodies[body]["changes"].as_array().unwrap();
        let found = changes.iter().find(|change| change["volume"] == volume).cloned();
        found.map(|change| (change["was"].clone(), change["is"].clone()))
    };
    assert_eq!(change(0, "dump"), Some(("sound".into(), "not_sound".into())), "{:#}", bodies[0]);
    assert_eq!(change(1, "dump"), Some(("not_sound".into(), "sound".into())), "{:#}", bodies[1]);
    assert_eq!((change(0, "tree"), change(1, "tree")), (None, None), "{bodies:#?}");
}

#[test]
fn each_end_of_a_night_has_the_code_that_nagios_knows_and_one_line() {
    let place = Place::new();
    let told = |code: i32, word: &str| {
        let ended = nightly(&place, &["--nagios"]).end().expect(code);
        assert!(ended.stdout.starts_with(&format!("OUTLIVE {word} - ")), "{}", ended.stdout);
        assert_eq!(ended.stdout.matches('\n').count(), 1, "{:?}", ended.stdout);
    };
    let sound = estate(&place);
    sound.write(&place);
    told(0, "OK");
    sound.clone().surviving("filesystem").write(&place);
    told(2, "CRITICAL");
    // What a volume without a path stands on, nobody can see.
    let unseen = "[[volume]]\nid = \"unseen\"\n[[copy]]\nvolume = \"unseen\"\nto = \"shelf\"\nevery = \"24h\"\n\
                  from = { command = [\"echo\", \"row\"] }";
    sound.clone().with(unseen).write(&place);
    told(3, "UNKNOWN");
    sound.clone().with("[nightly]\nno_such_key = 1").write(&place);
    told(3, "UNKNOWN");
    place.file("broken", "");
    sound.write(&place);
    let failed = at(&place, nightly(&place, &["--nagios"]), DAY).end().expect(2);
    assert!(failed.stdout.starts_with("OUTLIVE CRITICAL - a copy failed"), "{}", failed.stdout);
}
