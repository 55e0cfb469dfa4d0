//! Which point is restored, and which part of it: by time, by proposal, by glob.

use super::place::{Place, assert_same, chmod, names, noise, tool};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// A directory and a vault with three points of it; the file `state` tells them apart.
fn three(place: &Place) -> (PathBuf, PathBuf, Vec<Value>) {
    let (data, vault) = (place.path("data"), place.path("vault"));
    for state in ["one", "two", "three"] {
        place.file("data/state", state);
        place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    }
    let listed = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().expect(0);
    let points = listed.json("vault-list")["points"].as_array().unwrap().clone();
    assert_eq!(points.len(), 3);
    (data, vault, points)
}

fn text<'v>(point: &'v Value, key: &str) -> &'v str {
    point[key].as_str().unwrap()
}

#[test]
fn a_point_that_is_there_and_is_of_another_volume_is_said_to_be() {
    let place = Place::new();
    let (_, vault, points) = three(&place);
    let other = place.file("other/file", "other");
    place.outlive(&[&"copy", &other.parent().unwrap(), &"--vault", &vault]).end().expect(0);
    let (point, to) = (text(&points[0], "point"), place.path("to"));
    let of = |volume: &str, point: &str| {
        place
            .outlive(&[&"restore", &volume, &"--vault", &vault, &"--point", &point, &"--to", &to])
            .end()
            .expect(2)
    };
    let volume = format!("{}/other", place.path("").display());
    of(&volume, point)
        .complains(&format!("the recovery point {point} is of the volume"))
        .complains("name that volume");
    of(&volume, "ffffffffffff").complains("no such recovery point in this vault");
    assert!(!to.exists());
}

#[test]
fn a_point_is_chosen_by_the_time_that_a_list_printed() {
    let place = Place::new();
    let (_, vault, points) = three(&place);
    let cases = [
        ("--at", 0, Some("one")),
        ("--at", 1, Some("two")),
        ("--before", 2, Some("two")),
        ("--before", 1, Some("one")),
        ("--before", 0, None),
    ];
    for (number, (flag, of, expected)) in cases.into_iter().enumerate() {
        let (time, to) = (text(&points[of], "taken_at"), place.path(&format!("to-{number}")));
        let ended = place.outlive(&[&"restore", &"--vault", &vault, &flag, &time, &"--to", &to]).end();
        match expected {
            Some(state) => {
                ended.expect(0).says("restored and compared");
                assert_eq!(fs::read_to_string(to.join("state")).unwrap(), state);
            }
            None => {
                let ended = ended.expect(2).complains("no recovery point was taken before");
                ended.complains("to do: the oldest there is").complains(text(&points[0], "point"));
                assert!(!to.exists());
            }
        }
    }
    let wrong = place.outlive(&[&"restore", &"--vault", &vault, &"--at", &"yesterday", &"--to", &"x"]).end();
    wrong.expect(2).complains("write a day as 2026-12-31");
    let both: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"restore", &"--vault", &vault, &"--at", &"2026-01-01", &"--before", &"2026-01-01"];
    place.outlive(&both).end().expect(2).complains("cannot be used with");
}

#[test]
fn without_a_target_nothing_is_written_and_the_printed_command_restores_the_proposed_point() {
    let place = Place::new();
    let (data, vault, points) = three(&place);
    let before = tool("find", &[&vault]);
    let json = place.outlive(&[&"restore", &"--vault", &vault, &"--format", &"json"]).end().expect(0);
    assert_eq!(tool("find", &[&vault]), before);
    let json = json.json("restorable");
    let proposed = &json["volumes"][0]["proposed"];
    assert_eq!((text(proposed, "id"), text(proposed, "state")), (text(&points[2], "id"), "read back"));
    assert_eq!(json["points"].as_array().unwrap().len(), 3);
    let command = text(proposed, "command").replacen("outlive", "\"$0\"", 1);
    let said = place.outlive(&[&"restore", &data, &"--vault", &vault]).end().expect(0);
    said.says("Nothing was written yet").says(text(proposed, "command"));
    let script = format!("cd {} && exec {command}", place.path("tmp").display());
    let program = ["sh", "-c", &script].map(OsString::from).into_iter();
    let program = program.chain([super::run::binary().into()]).collect();
    place.recorded(program).end().expect(0).says("restored and compared");
    let name = format!("tmp/restored-{}", text(&points[2], "point"));
    assert_same(&data, &place.path(&name));
    let unknown = place.outlive(&[&"restore", &"nowhere", &"--vault", &vault]).end().expect(2);
    unknown.complains("no such recovery point");
}

#[test]
fn a_newer_point_that_was_only_stored_is_not_proposed_and_that_is_said() {
    let place = Place::new();
    let (data, vault, points) = three(&place);
    // Another machine adds a point, of which the ledger here knows nothing.
    let elsewhere = place.path("elsewhere");
    place.file("data/state", "four");
    place.outlive_with_state(&elsewhere, &[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let ended = place.outlive(&[&"restore", &"--vault", &vault]).end().expect(0);
    let ended = ended.says("is not proposed: only stored: nothing here has read it back");
    ended.says(&format!("data: {} of", text(&points[2], "point")));
    // Where nothing is known of any, the newest is as good as the others, and is called what it is.
    let nothing = place.path("nothing");
    let json = [&"restore" as &dyn AsRef<_>, &"--vault", &vault, &"--format", &"json"];
    let json = place.outlive_with_state(&nothing, &json).end().expect(0).json("restorable");
    assert_eq!(json["volumes"][0]["proposed"]["state"], "stored");
    assert_eq!(json["volumes"][0]["newer"].as_array().unwrap().len(), 0);
    // What is damaged is passed over, too.
    let root = names(&vault.join("roots")).len();
    assert_eq!(root, 4);
}

/// Hard links over two directories, a link, an executable, a name that is no text, times of the past.
fn tree(place: &Place) -> PathBuf {
    let data = place.path("data");
    place.file("data/a/first", noise(1, 300_000));
    place.file("data/a/deep/er/x.conf", "x");
    place.file("data/b/other", noise(2, 5_000));
    place.file("data/b/y.conf", "y");
    place.file("data/b/b\u{fc}ro \u{2603}", "name");
    fs::hard_link(data.join("a/first"), data.join("b/second")).unwrap();
    fs::hard_link(data.join("a/first"), data.join("b/third")).unwrap();
    symlink("second", data.join("b/link")).unwrap();
    tool("setfattr", &["-n", "user.a", "-v", "b", data.join("b").to_str().unwrap()]);
    chmod(&data.join("b"), 0o750);
    for path in ["a/deep", "a", "b", ""] {
        tool("touch", &["-d", "2001-02-03 04:05:06.789", data.join(path).to_str().unwrap()]);
    }
    data
}

fn kinds(directory: &Path) -> Vec<String> {
    let found = tool("find", &[directory.to_str().unwrap(), "-printf", "%P\n"]);
    let mut found: Vec<String> = found.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    found.sort();
    found
}

#[test]
fn a_part_is_restored_with_the_directories_that_lead_to_it_and_the_rest_is_counted() {
    let place = Place::new();
    let (data, vault) = (tree(&place), place.path("vault"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let to = place.path("confs");
    let ended = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &to, &"--only", &"*.conf"]).end();
    ended.expect(0).says("restored and compared").says("only *.conf; 6 other entries are left out");
    assert_eq!(kinds(&to), ["a", "a/deep", "a/deep/er", "a/deep/er/x.conf", "b", "b/y.conf"]);
    let of = |root: &Path, path: &str| {
        let meta = fs::symlink_metadata(root.join(path)).unwrap();
        (meta.mode(), meta.mtime(), meta.mtime_nsec(), meta.uid())
    };
    for path in ["", "a", "a/deep", "b", "b/y.conf"] {
        assert_eq!(of(&to, path), of(&data, path), "{path}");
    }
    let value = ["--only-values", "-n", "user.a", to.join("b").to_str().unwrap()].map(str::to_owned);
    assert_eq!(tool("getfattr", &value), "b");
    // Of a file whose first name is left out, the next name stands for it.
    let to = place.path("b-alone");
    let only = [&"restore" as &dyn AsRef<_>, &"--vault", &vault, &"--to", &to, &"--only", &"b"];
    let json = place.outlive(&[&only[..], &[&"--format", &"json"]].concat()).end().expect(0).json("restore");
    assert_eq!((json["compared"].as_bool(), json["left_out"].as_u64()), (Some(true), Some(5)), "{json:#}");
    assert_same(&data.join("b"), &to.join("b"));
    let inode = |name: &str| fs::symlink_metadata(to.join("b").join(name)).unwrap().ino();
    assert_eq!(inode("second"), inode("third"));
    // That is no restore of the point.
    let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
    assert!(!listed.stdout.contains("restored"), "{}", listed.stdout);
    let to = place.path("nothing");
    let none = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &to, &"--only", &"no/such"]).end();
    none.expect(2).complains("holds nothing like no/such");
    assert!(!to.exists());
    let wrong = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &to, &"--only", &"a["]).end();
    wrong.expect(2).complains("is no glob");
}

#[test]
fn what_is_in_a_point_can_be_listed_and_nothing_is_written() {
    let place = Place::new();
    let (data, vault) = (tree(&place), place.path("vault"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let all = place.outlive(&[&"restore", &"--vault", &vault, &"--list"]).end().expect(0);
    let all = all.says("300000 ").says("b/third = a/first").says("b/link -> second");
    all.says("13 entries").says("2001-02-03 04:05:06Z 0750 b/");
    let some = [&"restore" as &dyn AsRef<_>, &"--vault", &vault, &"--list", &"b/*o*", &"--format", &"json"];
    let json = place.outlive(&some).end().expect(0).json("restore-list");
    let paths: Vec<&str> =
        json["entries"].as_array().unwrap().iter().map(|entry| text(entry, "path")).collect();
    assert_eq!(paths, ["b/b\u{fc}ro \u{2603}", "b/other", "b/second", "b/y.conf"]);
    assert_eq!((json["bytes"].as_u64(), json["more"].as_u64()), (Some(5_005), Some(0)));
    let none = place.outlive(&[&"restore", &"--vault", &vault, &"--list", &"nothing"]).end().expect(2);
    none.complains("holds nothing like nothing");
}
