//! Where pages are said to be, when they are written again, and how it is seen that somebody changed them.

use super::following::page;
use super::nightly_estate::{EstateFile, at, ledger, nightly};
use super::place::{Place, names, noise, tool};
use super::run::Ended;
use outlive::ledger::Event;
use std::path::PathBuf;

const HOUR: i64 = 3600;

/// A volume with a vault, in which no night was yet.
fn scene(more: &str) -> Place {
    let place = Place::new();
    place.file("data/one", noise(1, 100_000));
    file(&place, more).write(&place);
    place
}

fn file(place: &Place, more: &str) -> EstateFile {
    let file = EstateFile::new().vault("shelf", &place.path("vault"));
    file.tree("tree", &place.path("data"), &["shelf"]).with(more)
}

fn check(place: &Place, code: i32) -> Ended {
    place.outlive_by_file(&["runbook", "--all", "--check"]).end().expect(code)
}

fn counts(place: &Place) -> (usize, usize) {
    (names(&place.path("state/runbooks")).len(), names(&place.path("vault/runbooks")).len())
}

/// The folder that a night wrote; there is one.
fn folder(place: &Place) -> PathBuf {
    let all = names(&place.path("state/runbooks"));
    assert_eq!(all.len(), 1, "{all:?}");
    place.path("state/runbooks").join(&all[0])
}

#[test]
fn a_page_tells_where_copies_are_apart_from_where_some_night_will_put_one() {
    let place = scene("");
    let made = || place.outlive_by_file(&["runbook", "tree"]).end().stdout;
    let said = |page: &str| {
        (
            page.matches("Other copies, written at").count(),
            page.matches("A night will put a copy here").count(),
        )
    };
    let before = made();
    assert_eq!(said(&before), (0, 2), "{before}");
    assert!(before.contains("No copy was known but this one"), "{before}");
    nightly(&place, &[]).end().expect(0);
    assert_eq!(said(&page(&place, "tree.md")), (0, 2), "the first night's own page");
    let after = made();
    assert_eq!(said(&after), (2, 0), "{after}");
    assert!(after.contains("believed until") && !after.contains("No copy was known but this one"), "{after}");
    std::fs::rename(place.path("state/runbooks"), place.path("gone")).unwrap();
    assert_eq!(said(&made()), (1, 1), "what was removed here is no copy");
}

#[test]
fn a_newer_point_alone_puts_no_pages_into_a_vault_and_another_thing_to_do_does() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    assert_eq!(counts(&place), (1, 2));
    // No more than that lies between: behind midnight a copy is due that was made before.
    for seconds in [10, 20] {
        place.file(&format!("data/{seconds}"), "more");
        at(&place, place.outlive_by_file(&["copy", "tree"]), seconds).end().expect(0);
        at(&place, nightly(&place, &[]), seconds).end().expect(0);
    }
    assert_eq!(counts(&place), (3, 2), "here each time, and nothing that a lock would keep");
    file(&place, "[[volume]]\nid = \"other\"").write(&place);
    at(&place, nightly(&place, &[]), 3 * HOUR).end();
    assert_eq!(counts(&place), (4, 4), "a volume more to bring back");
    at(&place, nightly(&place, &[]), 15 * HOUR).end();
    assert_eq!(counts(&place).1, 4);
    at(&place, nightly(&place, &[]), 16 * HOUR + 60).end();
    assert_eq!(counts(&place).1, 6, "half of the time is over");
    let often = scene("[runbook]\nvaults_every = \"1h\"");
    nightly(&often, &[]).end().expect(0);
    at(&often, nightly(&often, &[]), HOUR + 60).end().expect(0);
    assert_eq!(counts(&often), (1, 4));
}

#[test]
fn whoever_changes_a_page_and_its_sums_is_found_by_the_ledger() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    check(&place, 0).says("The runbooks hold");
    let folder = folder(&place);
    let text = std::fs::read_to_string(folder.join("tree.md")).unwrap();
    std::fs::write(folder.join("tree.md"), text.replace("outlive restore", "outlive destroy")).unwrap();
    let again = format!("cd '{}' && sha256sum *.md *.html *.json >SHA256SUMS", folder.display());
    tool("sh", &["-c", &again]);
    let found = check(&place, 10).says("SHA256SUMS: not the one that was written");
    assert!(!found.stdout.contains("tree.md: changed"), "its sums fit: {}", found.stdout);
}

#[test]
fn a_page_that_was_changed_in_a_vault_is_found_by_the_ledger_and_one_that_is_gone() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    let page = place.path("vault/runbooks").join(&names(&place.path("vault/runbooks"))[0]);
    let text = std::fs::read(&page).unwrap();
    std::fs::write(&page, [&text[..], b" "].concat()).unwrap();
    check(&place, 10).says("damaged: the vault shelf: runbooks/").says("changed since it was written");
    std::fs::rename(&page, place.path("taken")).unwrap();
    check(&place, 10).says("damaged: the vault shelf: runbooks/").says(": gone");
    std::fs::write(&page, text).unwrap();
    check(&place, 0);
}

#[test]
fn a_page_that_somebody_put_beside_the_newest_in_a_vault_is_told() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    let pages = place.path("vault/runbooks");
    let page = pages.join(&names(&pages)[0]);
    for (name, code) in [("20990101T000000.000Z-0badf00d.md", 11), ("20000101T000000.000Z-0badf00d.md", 0)] {
        std::fs::copy(&page, pages.join(name)).unwrap();
        let told = check(&place, code);
        let words = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let says = words.contains(&format!("runbooks/{name}: the ledger does not know this page"));
        assert_eq!(says, code == 11, "{}", told.stdout);
        std::fs::rename(pages.join(name), place.path("aside")).unwrap();
    }
    check(&place, 0);
}

#[test]
fn a_folder_from_a_time_to_come_is_told_and_is_not_the_newest_for_ever() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    let folder = folder(&place);
    let copy = |name: &str| {
        let to = place.path("state/runbooks").join(name);
        tool("cp", &["-r".as_ref(), folder.as_os_str(), to.as_os_str()]);
        to
    };
    let ahead = copy("99991231T235959.000Z-00000000");
    let told =
        check(&place, 10).says("99991231T235959.000Z-00000000: its name says a time that is still to come");
    assert!(told.stdout.contains(folder.file_name().unwrap().to_str().unwrap()), "{}", told.stdout);
    std::fs::rename(ahead, place.path("aside")).unwrap();
    check(&place, 0);
    // The newest that the ledger knows is missed.
    std::fs::rename(&folder, copy("20200101T000000.000Z-00000000").with_file_name("zzz")).unwrap();
    check(&place, 10).says("gone: the ledger says that it was written at");
}

#[test]
fn of_a_folder_that_the_ledger_does_not_know_nobody_can_say_that_it_holds() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    let into = |name: &str, code: i32| {
        let folder = place.path(name);
        let words = ["runbook", "--all", "--check", "--into", folder.to_str().unwrap()];
        place.outlive_by_file(&words).end().expect(code)
    };
    let pages = place.path("pages");
    place.outlive_by_file(&["runbook", "--all", "--into", pages.to_str().unwrap()]).end().expect(0);
    let open = into("pages", 11).says("not proved: pages: the ledger knows nothing of this folder");
    assert!(!open.stdout.contains("The runbooks hold:"), "{}", open.stdout);
    tool("cp", &["-r".as_ref(), folder(&place).as_os_str(), place.path("stick").as_os_str()]);
    into("stick", 0).says("The runbooks hold");
}

#[test]
fn the_ledger_has_what_was_written_where() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    let folder = folder(&place);
    let written = ledger(&place).into_iter().filter_map(|record| match record.event {
        Event::RunbooksWritten { vault, name, sha256, .. } => Some((vault, name, sha256)),
        _ => None,
    });
    let mut found = 0;
    for (vault, name, sha256) in written {
        assert_eq!(name.as_deref(), folder.file_name().unwrap().to_str());
        for (of, digest) in sha256 {
            let at = if vault.is_some() { place.path("vault").join(&of) } else { folder.join(&of) };
            assert!(tool("sha256sum", &[at.as_os_str()]).starts_with(&digest), "{of}");
            found += 1;
        }
    }
    assert_eq!(found, 3, "SHA256SUMS here, a page for reading and one for a browser there");
}

#[test]
fn pages_in_a_vault_that_are_too_old_or_were_never_written_do_not_hold() {
    let place = scene("");
    nightly(&place, &[]).end().expect(0);
    let later = at(&place, place.outlive_by_file(&["runbook", "--all", "--check"]), 40 * 24 * HOUR);
    later.end().expect(10).says("the vault shelf: its pages were to be believed until");
    let second = format!("[[vault]]\nid = \"second\"\nkind = \"dir\"\npath = {:?}", place.path("second"));
    file(&place, &second).write(&place);
    check(&place, 10).says("the vault second: no pages were written there yet");
}

#[test]
fn a_vault_gets_another_page_where_the_newest_point_is_good_for_nothing() {
    let place = scene("");
    let before = || names(&place.path("vault/packs"));
    nightly(&place, &[]).end().expect(0);
    let old = before();
    place.file("data/two", noise(2, 100_000));
    // Soon after: at midnight another copy would be due, which is sound again.
    let soon = 10;
    at(&place, place.outlive_by_file(&["copy", "tree"]), soon).end().expect(0);
    at(&place, nightly(&place, &[]), soon).end().expect(0);
    assert_eq!(counts(&place).1, 2, "a newer point is no reason");
    for name in before().into_iter().filter(|name| !old.contains(name)) {
        let pack = place.path("vault/packs").join(name);
        let spoilt: Vec<u8> = std::fs::read(&pack).unwrap().iter().map(|byte| byte ^ 1).collect();
        std::fs::write(&pack, spoilt).unwrap();
    }
    at(&place, place.outlive_by_file(&["verify", "shelf"]), 2 * soon).end().expect(14);
    at(&place, nightly(&place, &[]), 2 * soon).end();
    assert_eq!(counts(&place).1, 4, "the page in the vault names what is damaged");
}
