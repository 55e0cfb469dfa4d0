//! The recovery points of a volume, and what changed from each to the next: where did the damage begin?

use super::encrypting::{estate, outlive, reader};
use super::place::{Place, names, noise};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

fn copy(place: &Place, data: &Path, vault: &Path) {
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
}

fn points(place: &Place, data: &Path, vault: &Path, more: &[&dyn AsRef<OsStr>]) -> Value {
    let ask: [&dyn AsRef<OsStr>; 6] = [&"points", &data, &"--vault", &vault, &"--format", &"json"];
    place.outlive(&[&ask[..], more].concat()).end().json("points")
}

fn tally(change: &Value, which: &str) -> (u64, u64) {
    (change[which]["entries"].as_u64().unwrap(), change[which]["bytes"].as_u64().unwrap())
}

/// Text of a kind that compresses, other for each number.
fn text(number: usize) -> String {
    format!("row {number} of a table that says nearly the same every time\n").repeat(2_000)
}

#[test]
fn what_changed_from_each_point_to_the_next_is_counted() {
    let place = Place::new();
    let (data, vault) = (place.path("data"), place.path("vault"));
    for number in 0..40 {
        place.file(&format!("data/{number:02}"), text(number));
    }
    copy(&place, &data, &vault);
    copy(&place, &data, &vault);
    place.file("data/07", text(700));
    place.file("data/new", "new");
    fs::remove_file(data.join("30")).unwrap();
    fs::remove_file(data.join("31")).unwrap();
    copy(&place, &data, &vault);
    let json = points(&place, &data, &vault, &[]);
    let all = json["points"].as_array().unwrap();
    assert_eq!(all.len(), 3, "{json:#}");
    assert!(
        all[0]["change"].is_null() && all[0]["change_unknown"].as_str().unwrap().starts_with("the first")
    );
    let same = &all[1]["change"];
    assert_eq!(
        (tally(same, "added"), tally(same, "changed"), tally(same, "removed")),
        ((0, 0), (0, 0), (0, 0))
    );
    let last = &all[2]["change"];
    assert_eq!(tally(last, "added"), (1, 3));
    // The directory itself has another time.
    assert_eq!(tally(last, "changed"), (2, text(700).len() as u64), "{last:#}");
    assert_eq!(tally(last, "removed"), (2, (text(30).len() + text(31).len()) as u64));
    assert_eq!((last["files"].as_u64(), last["hints"].as_array().unwrap().len()), (Some(2), 0));
    assert!(last["packed_bytes"].as_u64().unwrap() < last["new_bytes"].as_u64().unwrap() / 2, "{last:#}");
    let said = place.outlive(&[&"points", &data, &"--vault", &vault]).end();
    said.says("read back").says("the first").says("not locked").says("unknown");
    let unknown = place.outlive(&[&"points", &"nowhere", &"--vault", &vault]).end().expect(2);
    unknown.complains("no such volume");
}

#[test]
fn of_an_image_the_changed_blocks_are_counted() {
    let place = Place::new();
    let mut bytes = noise(1, 6_000_000);
    let (image, vault) = (place.file("disk.img", &bytes), place.path("vault"));
    copy(&place, &image, &vault);
    bytes[3_000_000..3_000_010].fill(7);
    place.file("disk.img", &bytes);
    copy(&place, &image, &vault);
    let json = points(&place, &image, &vault, &[]);
    let change = &json["points"][1]["change"];
    assert_eq!(tally(change, "changed"), (1, 64 * 1024), "{json:#}");
}

#[test]
fn the_night_in_which_everything_was_encrypted_stands_out() {
    let place = Place::new();
    let (data, vault) = (place.path("data"), place.path("vault"));
    (0..60).for_each(|number| drop(place.file(&format!("data/{number:02}.txt"), text(number))));
    for night in 0..4 {
        place.file("data/00.txt", text(1000 + night));
        (1..=5).for_each(|new| drop(place.file(&format!("data/new-{night}-{new}"), text(2000 + new))));
        copy(&place, &data, &vault);
    }
    for number in 0..60_usize {
        fs::remove_file(data.join(format!("{number:02}.txt"))).unwrap();
        place.file(&format!("data/{number:02}.txt.locked"), noise(number as u64 + 1, 100_000));
    }
    copy(&place, &data, &vault);
    let json = points(&place, &data, &vault, &[]);
    let hints = |number: usize| json["points"][number]["change"]["hints"].as_array().unwrap().len();
    assert_eq!([hints(1), hints(2), hints(3)], [0, 0, 0], "{json:#}");
    let said = json["points"][4]["change"]["hints"].to_string();
    for words in ["% of the files are new or changed", "does not compress", "60 files have one ending more"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let text = place.outlive(&[&"points", &data, &"--vault", &vault]).end();
    text.says("LOOK copy").says("is it encrypted?");
}

#[test]
fn what_a_hazard_takes_is_marked() {
    let place = Place::new();
    let (data, vault) = (place.path("data"), place.path("vault"));
    place.file("data/a", "a");
    place.file("data/backups/monday.tar", "not proved");
    copy(&place, &data, &vault);
    let copies = data.join("backups");
    let more: [&dyn AsRef<OsStr>; 4] = [&"--copies", &copies, &"--what-if", &data];
    let json = points(&place, &data, &vault, &more);
    assert!(json["what_if"].as_str().unwrap().starts_with("deletion of"), "{json:#}");
    let fate = |kind: &str| {
        let point = json["points"].as_array().unwrap().iter().find(|point| point["kind"] == kind);
        point.unwrap_or_else(|| panic!("no {kind}: {json:#}"))["fate"]["fate"].clone()
    };
    assert_eq!((fate("named copy"), fate("vault copy")), ("dies".into(), "stays".into()), "{json:#}");
}

#[test]
fn a_change_that_could_not_be_told_is_no_success() {
    let place = Place::new();
    let (data, vault) = (place.path("data"), place.path("vault"));
    place.file("data/a", "a");
    copy(&place, &data, &vault);
    let before = names(&vault.join("packs"));
    place.file("data/a", "b");
    copy(&place, &data, &vault);
    for name in names(&vault.join("packs")).into_iter().filter(|name| !before.contains(name)) {
        let path = vault.join("packs").join(name);
        let bytes: Vec<u8> = fs::read(&path).unwrap().iter().map(|byte| byte ^ 1).collect();
        fs::write(&path, bytes).unwrap();
    }
    let ended = place.outlive(&[&"points", &data, &"--vault", &vault, &"--format", &"json"]).end().expect(11);
    let json = ended.json("points");
    let hindered = |number: usize| json["points"][number]["change_hindered"].as_bool();
    assert_eq!((hindered(0), hindered(1)), (Some(false), Some(true)), "{json:#}");
    assert_eq!(json["gaps"].as_array().unwrap().len(), 0, "{json:#}");
    let said = place.outlive(&[&"points", &data, &"--vault", &vault]).end().expect(11);
    said.says("What changed is not known of 1 points");
}

#[test]
fn of_an_encrypted_vault_without_a_key_what_cannot_be_known_is_said() {
    let place = Place::new();
    let (data, vault) = (place.path("data"), place.path("vault"));
    let (key, public) = reader(&place, "key");
    estate(&place, &format!("kind = \"dir\"\npath = {vault:?}"), &[&public], "");
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    fs::write(data.join("file"), "changed").unwrap();
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let (config, elsewhere) = (place.path("outlive.toml"), place.path("elsewhere"));
    let ask: [&dyn AsRef<OsStr>; 6] = [&"--config", &config, &"points", &"tree", &"--format", &"json"];
    let closed = place.outlive_with_state(&elsewhere, &ask).end().expect(11);
    assert!(!closed.stdout.contains("\"against\""), "{}", closed.stdout);
    let keyed = [&ask[..], &[&"--identity", &key]].concat();
    let json = place.outlive_with_state(&elsewhere, &keyed).end().json("points");
    assert_eq!(tally(&json["points"][1]["change"], "changed"), (1, 7), "{json:#}");
}
