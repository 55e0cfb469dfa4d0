//! Pages as they are made, written, kept and compared, and the kit that holds them.

use super::following::page;
use super::locking;
use super::nightly_estate::{EstateFile, at, ledger, nightly};
use super::place::{Place, names, noise, tool};
use super::run::Ended;
use super::servers::{client, seaweedfs};
use outlive::ledger::Event;
use std::path::PathBuf;

/// A volume with a copy from last night, and the page of it.
fn scene() -> Place {
    let place = Place::new();
    place.file("data/one", noise(1, 100_000));
    file(&place, "").write(&place);
    nightly(&place, &[]).end().expect(0);
    place
}

fn file(place: &Place, more: &str) -> EstateFile {
    let file = EstateFile::new().vault("shelf", &place.path("vault"));
    file.tree("tree", &place.path("data"), &["shelf"]).with(more)
}

fn check(place: &Place, code: i32) -> Ended {
    place.outlive_by_file(&["runbook", "--all", "--check"]).end().expect(code)
}

fn written(place: &Place) -> usize {
    let of = |event: &Event| matches!(event, Event::RunbooksWritten { .. });
    ledger(place).iter().filter(|record| of(&record.event)).count()
}

#[test]
fn a_night_writes_pages_here_and_into_the_vault_and_the_next_writes_none_that_say_the_same() {
    let place = scene();
    assert_eq!(
        (names(&place.path("state/runbooks")).len(), names(&place.path("vault/runbooks")).len()),
        (1, 2)
    );
    assert_eq!(written(&place), 2);
    let night = nightly(&place, &["--format", "json"]).end().expect(0).json("nightly");
    assert_eq!(night["runbooks"].as_array().unwrap().len(), 0, "{night:#}");
    assert_eq!((names(&place.path("state/runbooks")).len(), written(&place)), (1, 2));
    // Half a day later they say the same, and are made anew before they are stale.
    at(&place, nightly(&place, &[]), 14 * 3600).end().expect(0);
    assert_eq!(
        (names(&place.path("state/runbooks")).len(), names(&place.path("vault/runbooks")).len()),
        (2, 4)
    );
    let folder = place.path("state/runbooks").join(&names(&place.path("state/runbooks"))[0]);
    let sums = format!("cd '{}' && sha256sum -c --quiet SHA256SUMS", folder.display());
    assert_eq!(tool("sh", &["-c", &sums]), "");
}

#[test]
fn pages_in_a_bucket_under_lock_are_locked_as_long_as_a_copy_of_tonight() {
    let place = Place::new();
    let bucket = locking::estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    locking::outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    let night = locking::with_keys(nightly(&place, &["--format", "json"])).end().json("nightly");
    assert!(night["runbooks"].to_string().contains("offsite"), "{night:#}");
    assert!(page(&place, "tree.md").contains("locked (compliance) until"), "the copy's own lock");
    let store = client(&seaweedfs().endpoint);
    let listed =
        locking::block(store.list_objects_v2().bucket(&bucket).prefix("night/runbooks/").send()).unwrap();
    assert_eq!(listed.contents().len(), 2);
    for object in listed.contents() {
        let asked = store.get_object_retention().bucket(&bucket).key(object.key().unwrap());
        let told = locking::block(asked.send()).unwrap();
        let until = told.retention().and_then(|lock| lock.retain_until_date()).unwrap().secs();
        assert!(until > chrono::Utc::now().timestamp() + 2 * 86_400 - 300, "{object:?}: {until}");
    }
}

#[test]
fn a_page_that_could_not_be_written_keeps_the_night_from_being_sound() {
    let place = scene();
    place.file("in the way", "");
    file(&place, &format!("[runbook]\ninto = {:?}", place.path("in the way/deeper"))).write(&place);
    let night = nightly(&place, &["--format", "json"]).end().expect(11);
    assert!(night.stdout.contains("the runbooks are not written there"), "{}", night.stdout);
}

#[test]
fn check_holds_after_a_night_and_names_what_changed() {
    let place = scene();
    check(&place, 0).says("The runbooks hold");
    place.file("data/two", "more");
    place.outlive_by_file(&["copy", "tree"]).end().expect(0);
    let changed = check(&place, 10).says("do NOT hold").says("tree: copies in vaults: changed");
    assert!(!changed.stdout.contains("the estate file"), "{}", changed.stdout);
    nightly(&place, &[]).end().expect(0);
    check(&place, 0);
    file(&place, "[[asset]]\nkind = \"credential\"\nname = \"ci\"\nowner = \"ops\"\nyielded_by = []")
        .write(&place);
    let changed = check(&place, 10).says("the estate file: changed").says("tree: what reaches it: changed");
    assert!(!changed.stdout.contains("copies in vaults"), "{}", changed.stdout);
    file(&place, "[[volume]]\nid = \"other\"").write(&place);
    check(&place, 10).says("no page: other");
}

#[test]
fn check_tells_stale_pages_and_changed_files() {
    let place = scene();
    let run = place.outlive_by_file(&["runbook", "--all", "--check"]);
    at(&place, run, 27 * 3600).end().expect(10).says("STALE: they were to be believed until");
    let early = place.outlive_by_file(&["runbook", "--all", "--check"]);
    at(&place, early, -3 * 3600).end().expect(10).says("STALE");
    let folder = place.path("state/runbooks").join(&names(&place.path("state/runbooks"))[0]);
    let html = folder.join("tree.html");
    let text = std::fs::read_to_string(&html).unwrap().replace("outlive restore", "outlive destroy");
    std::fs::write(&html, text).unwrap();
    check(&place, 10).says("damaged: tree.html: changed since it was written");
    let none = Place::new();
    file(&none, "").write(&none);
    none.directory("data");
    check(&none, 11).complains("no runbooks were written there yet");
}

#[test]
fn a_page_goes_to_a_new_file_or_directory_and_never_over_another() {
    let place = scene();
    let runbook = |more: &[&str]| place.outlive_by_file(&[&["runbook"], more].concat()).end();
    let made = runbook(&["tree"]).expect(0);
    assert!(made.stdout.starts_with("# Runbook: tree\n"), "{}", made.stdout);
    let json = runbook(&["tree", "--format", "json"]).expect(0).json("runbook");
    let way = &json["runbooks"][0]["procedures"][0];
    assert_eq!((&way["with"], &way["steps"][4]["seconds"]), (&"outlive".into(), &serde_json::Value::Null));
    let (html, folder) = (place.path("page.html"), place.path("pages"));
    runbook(&["tree", "--into", html.to_str().unwrap()]).expect(0);
    runbook(&["--all", "--into", folder.to_str().unwrap()]).expect(0);
    assert!(std::fs::read_to_string(&html).unwrap().contains("id=\"banner\""));
    assert_eq!(names(&folder), ["ALL.html", "ALL.json", "ALL.md", "SHA256SUMS", "tree.html", "tree.md"]);
    runbook(&["tree", "--into", html.to_str().unwrap()]).complains("nothing is written over");
    runbook(&["--all", "--into", folder.to_str().unwrap()]).expect(2).complains("nothing is written over");
    runbook(&["--all", "--check", "--into", folder.to_str().unwrap()]).expect(11).says("not proved");
    runbook(&["tre"]).expect(2).complains("did you mean `tree`?");
    runbook(&["tree", "--all"]).expect(2);
}

#[test]
fn what_was_measured_is_on_the_page_and_the_checks_of_the_drill_and_the_order() {
    let place = scene();
    let drill = "volume = \"tree\"\nrestore_to = \"../../scratch\"\nchecks = [\"files\", \"command\"]\n[[command]]\nname = \"reads\"\nargv = [\"cat\", \"{restored}/one\"]\n";
    place.file("drills/weekly/drill.toml", drill);
    place.directory("scratch");
    file(&place, "[[volume]]\nid = \"first\"\n").write(&place);
    let text = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    std::fs::write(
        place.path("outlive.toml"),
        text.replace("id = \"tree\"\n", "id = \"tree\"\nafter = [\"first\"]\n"),
    )
    .unwrap();
    let before = place.outlive_by_file(&["runbook", "tree"]).end();
    assert!(before.stdout.contains("was not measured") && before.stdout.contains("not measured. Begun at"));
    place.outlive_by_file(&["drill", "weekly"]).end().expect(0);
    let all = place.outlive_by_file(&["runbook", "--all"]).end();
    all.says("by the drill weekly on")
        .says("when last measured")
        .says("( cd restored-tree && cat \"$PWD\"/one )");
    let page = place.outlive_by_file(&["runbook", "--all"]).end().stdout;
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
    assert!(at("| 1 | **first**") < at("| 2 | **tree**") && at("# Runbook: first") < at("# Runbook: tree"));
}

#[test]
fn a_kit_holds_what_is_needed_and_says_what_is_missing() {
    let place = scene();
    let kit = |name: &str, code: i32| {
        let into = place.path(name);
        place.outlive_by_file(&["vault", "kit", into.to_str().unwrap(), "shelf"]).end().expect(code)
    };
    kit("kit", 0).says("It holds no secret").says("linked dynamically");
    let folder: PathBuf = place.path("kit");
    let sums = format!("cd '{}' && sha256sum -c --quiet SHA256SUMS && ./outlive --version", folder.display());
    assert!(tool("sh", &["-c", &sums]).starts_with("outlive "));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(
        read("START-HERE.md").contains("sha256sum -c SHA256SUMS")
            && read("START-HERE.html").contains("id=\"banner\"")
    );
    assert_eq!(read("vault-README.md"), include_str!("../../docs/vault-format.md"));
    assert!(
        read("runbooks/tree.md").contains("Runbook: tree") && read("escrow.md").contains("not encrypted")
    );
    kit("kit", 2).complains("nothing is written over");
    let (_, to) = super::encrypting::reader(&place, "one.key");
    let sealed = format!(
        "[[vault]]\nid = \"sealed\"\nkind = \"dir\"\npath = {:?}\nreaders = [{to:?}]",
        place.path("sealed")
    );
    file(&place, &sealed).write(&place);
    place.outlive_by_file(&["vault", "init", "sealed"]).end().expect(0);
    let of_sealed = |into: &str| {
        let into = place.path(into);
        place.outlive_by_file(&["vault", "kit", into.to_str().unwrap(), "sealed"]).end()
    };
    of_sealed("two").expect(11).says("MISSING: how the private key is had");
    assert!(std::fs::read_to_string(place.path("two/escrow.md")).unwrap().contains("Fill this in by hand"));
    file(&place, &format!("{sealed}\n[escrow]\ninstructions = \"Safe, second floor.\\nAnn and Bo.\""))
        .write(&place);
    let three = of_sealed("three");
    assert!(!three.stdout.contains("MISSING"), "{}", three.stdout);
    assert!(std::fs::read_to_string(place.path("three/escrow.md")).unwrap().contains("Safe, second floor."));
    assert!(page(&place, "tree.md").contains("Runbook: tree"));
}

#[test]
fn a_rehearsal_follows_the_page_command_by_command_and_gets_back_what_was_lost() {
    let place = Place::new();
    let scratch = place.directory("scratch");
    let follow =
        ["rehearse", "--incident", "pocketos", "--follow-runbook", "--scratch", scratch.to_str().unwrap()];
    let run: Vec<&dyn AsRef<std::ffi::OsStr>> =
        follow.iter().map(|word| word as &dyn AsRef<std::ffi::OsStr>).collect();
    let done = place.outlive(&run).end().expect(0);
    done.says("Way A: with outlive, from the vault kept-apart")
        .says("passed: what came back is what was lost")
        .says("Way B: by hand with standard tools, from the vault kept-apart");
    assert_eq!(names(&scratch).len(), 0, "scratch space is left");
}
