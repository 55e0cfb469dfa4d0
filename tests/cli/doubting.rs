//! Copies that may be of something else than they claim, or of a part of it, are never called whole.

use super::place::{Place, chmod, names, tool};
use outlive::domain::Timestamp;
use outlive::store::Key;
use outlive::vault::format::Root;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The vault's points as audited, oldest first.
fn points(place: &Place, data: &Path, vault: &Path) -> Vec<Value> {
    let arguments: [&dyn AsRef<OsStr>; 6] = [&"inventory", &data, &"--vault", &vault, &"--format", &"json"];
    let inventory = place.outlive(&arguments).end().json("inventory");
    let mut points = inventory["recovery_points"].as_array().unwrap().clone();
    points.sort_by_key(|point| point["taken_at"].to_string());
    points
}

/// A copy that is not doubted.
fn copy(place: &Place, data: &Path, vault: &Path) -> Value {
    copy_ending(place, data, vault, 0)
}

/// A copy that is doubted: whether it is one cannot be said.
fn doubted_copy(place: &Place, data: &Path, vault: &Path) -> Value {
    copy_ending(place, data, vault, 11)
}

fn copy_ending(place: &Place, data: &Path, vault: &Path, code: i32) -> Value {
    let copied =
        place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end().expect(code);
    // Points are told apart, and named, by the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    copied.json("copy")
}

/// A mounted filesystem with 40 files, copied, and copied again after it was unmounted.
fn unmounted(place: &Place) -> (PathBuf, PathBuf, String) {
    let (data, vault) = (place.directory("data"), place.path("vault"));
    tool("mount", &["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), data.as_os_str()]);
    (0..40).for_each(|number| fs::write(data.join(number.to_string()), "content").unwrap());
    let first = copy(place, &data, &vault);
    assert_eq!((&first["files"], &first["notices"]), (&40.into(), &Value::Array(Vec::new())));
    tool("umount", &[data.as_os_str()]);
    let second = doubted_copy(place, &data, &vault);
    assert_eq!(second["files"], 0);
    assert!(second["notices"].to_string().contains("was it mounted?"), "{second:#}");
    (data, vault, second["point"].as_str().unwrap().to_owned())
}

#[test]
fn a_copy_of_an_unmounted_mount_point_is_doubted_and_so_is_each_one_after_it() {
    let place = Place::new();
    let (data, vault, _) = unmounted(&place);
    let third = doubted_copy(&place, &data, &vault);
    assert!(third["notices"].to_string().contains("a filesystem before and is a directory now"));
    let points = points(&place, &data, &vault);
    let usable: Vec<bool> = points.iter().map(|point| point["usable"] == "yes").collect();
    assert_eq!(usable, [true, false, false], "{points:#?}");
    let target = place.path("target");
    let restore = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(2);
    restore.complains("was it mounted?").complains("--point");
    assert!(!target.exists());
    // The list, to which the refusal points, shows it.
    let list: [&dyn AsRef<OsStr>; 5] = [&"vault", &"list", &vault, &"--format", &"json"];
    let listed = place.outlive(&list).end().expect(0).json("vault-list");
    let doubted: Vec<bool> =
        listed["points"].as_array().unwrap().iter().map(|point| point["doubted"].is_string()).collect();
    assert_eq!(doubted, [false, true, true], "{listed:#}");
    place.outlive(&list[..3]).end().expect(0).says("doubted,").says("DOUBTED").says("was it mounted?");
}

#[test]
fn a_doubted_point_counts_once_a_person_restored_it_by_its_name() {
    let place = Place::new();
    let (data, vault, second) = unmounted(&place);
    let target = place.path("target");
    let restore: [&dyn AsRef<OsStr>; 7] =
        [&"restore", &"--vault", &vault, &"--to", &target, &"--point", &second];
    place.outlive(&restore).end().expect(0);
    fs::write(data.join("new"), "content").unwrap();
    assert_eq!(copy(&place, &data, &vault)["notices"], Value::Array(Vec::new()));
    let points = points(&place, &data, &vault);
    assert!(points.iter().all(|point| point["usable"] == "yes"), "{points:#?}");
}

#[test]
fn a_copy_in_which_all_files_are_gone_is_doubted_until_there_are_some_again() {
    let place = Place::new();
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let vault = place.path("vault");
    copy(&place, &data, &vault);
    fs::remove_file(data.join("a")).unwrap();
    let emptied = doubted_copy(&place, &data, &vault);
    assert!(emptied["notices"].to_string().contains("it had 1 files before and has none now"), "{emptied:#}");
    place.file("data/b", "content");
    assert_eq!(copy(&place, &data, &vault)["notices"], Value::Array(Vec::new()));
    let points = points(&place, &data, &vault);
    let usable: Vec<bool> = points.iter().map(|point| point["usable"] == "yes").collect();
    assert_eq!(usable, [true, false, true], "{points:#?}");
}

#[test]
fn a_directory_where_a_filesystem_with_files_is_mounted_now_is_not_doubted_on_any_host() {
    let place = Place::new();
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let vault = place.path("vault");
    copy(&place, &data, &vault);
    tool("mount", &["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), data.as_os_str()]);
    fs::write(data.join("a"), "content").unwrap();
    let second = copy(&place, &data, &vault);
    assert_eq!((&second["notices"], &second["doubted"]), (&Value::Array(Vec::new()), &Value::Null));
    let target = place.path("target");
    let restore: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &vault, &"--to", &target];
    place.outlive_with_state(&place.path("fresh"), &restore).end().expect(0);
    tool("umount", &[data.as_os_str()]);
    assert_eq!(names(&target), ["a"]);
}

#[test]
fn a_filesystem_that_became_a_directory_is_doubted_until_a_later_copy_shows_that_it_stays_one() {
    let place = Place::new();
    let (data, vault) = (place.directory("data"), place.path("vault"));
    let write = |count: usize| {
        (0..count).for_each(|number| fs::write(data.join(number.to_string()), "content").unwrap());
    };
    tool("mount", &["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), data.as_os_str()]);
    write(40);
    copy(&place, &data, &vault);
    tool("umount", &[data.as_os_str()]);
    // A stray file or two below an unmounted mount point make it no volume, however often they are copied.
    write(2);
    doubted_copy(&place, &data, &vault);
    doubted_copy(&place, &data, &vault);
    write(39);
    doubted_copy(&place, &data, &vault);
    assert_eq!(copy(&place, &data, &vault)["notices"], Value::Array(Vec::new()));
    let usable: Vec<bool> =
        points(&place, &data, &vault).iter().map(|point| point["usable"] == "yes").collect();
    assert_eq!(usable, [true, false, false, true, true]);
    let target = place.path("target");
    let restore: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &vault, &"--to", &target];
    place.outlive_with_state(&place.path("fresh"), &restore).end().expect(0);
    assert_eq!(names(&target).len(), 39);
}

#[test]
fn an_incomplete_point_that_is_restored_by_its_name_says_so_and_is_no_success() {
    let place = Place::new();
    let data = place.directory("data");
    fs::write(data.join("a"), "one").unwrap();
    fs::write(data.join("secret"), "two").unwrap();
    chmod(&data, 0o755);
    chmod(&data.join("secret"), 0o600);
    let vault = place.directory("vault");
    tool("chown", &["65534:65534", vault.to_str().unwrap()]);
    place.outlive_as_nobody(&[&"copy", &data, &"--vault", &vault]).end().expect(14);
    let list = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().json("vault-list");
    let point = list["points"][0]["point"].as_str().unwrap().to_owned();
    let target = place.path("target");
    let restore: [&dyn AsRef<OsStr>; 9] =
        [&"restore", &"--vault", &vault, &"--to", &target, &"--point", &point, &"--format", &"json"];
    let restore = place.outlive(&restore).end().expect(14).json("restore");
    assert_eq!((&restore["missed_when_stored"], &restore["compared"]), (&1.into(), &true.into()));
    assert_eq!(names(&target), ["a"]);
}

/// A point like the newest one, by whoever may write to the vault, that says another time.
fn forge(vault: &Path, years: i32) -> String {
    let newest = names(&vault.join("roots")).pop().unwrap().into_string().unwrap();
    let bytes = fs::read(vault.join("roots").join(&newest)).unwrap();
    let like = Root::open(&Key::new(format!("roots/{newest}")).unwrap(), &bytes).unwrap();
    let moved = |at: Timestamp| at + chrono::TimeDelta::days(365 * i64::from(years));
    let forged = Root {
        key: format!("roots/{}T000000Z-00000000", moved(like.taken_at).format("%Y%m%d")),
        taken_at: moved(like.taken_at),
        started_at: moved(like.started_at),
        finished_at: moved(like.finished_at),
        ..like
    };
    fs::write(vault.join(&forged.key), forged.seal().unwrap()).unwrap();
    moved(like.taken_at).format("%Y-%m-%d").to_string()
}

#[test]
fn a_point_of_a_time_to_come_is_not_taken_for_the_newest() {
    let place = Place::new();
    let (data, vault, target) = (place.directory("data"), place.path("vault"), place.path("target"));
    place.file("data/one", "1");
    let first = copy(&place, &data, &vault)["point"].as_str().unwrap().to_owned();
    let at = forge(&vault, 70);
    let restore: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &vault, &"--to", &target];
    let told = place.outlive(&restore).end().expect(2);
    told.complains(&format!("its time, {at}")).complains("is still to come");
    assert!(!target.exists());
    // It is not proposed either, and no audit counts on it.
    let proposed = place.outlive(&[&"restore", &"--vault", &vault, &"--format", &"json"]).end().expect(0);
    let proposed = proposed.json("restorable")["volumes"][0]["proposed"]["id"].clone();
    assert!(proposed.as_str().unwrap().starts_with(&first), "{proposed}");
    let points = points(&place, &data, &vault);
    let usable: Vec<bool> = points.iter().map(|point| point["usable"] == "yes").collect();
    assert_eq!(usable, [true, false], "{points:#?}");
    place.outlive(&[&restore[..], &[&"--point", &first]].concat()).end().expect(0);
    // Whoever restores it by its name, and sees what is in it, has not seen its time.
    let forged = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().json("vault-list");
    let forged = forged["points"].as_array().unwrap().last().unwrap()["point"].as_str().unwrap().to_owned();
    assert_ne!(forged, first);
    let looked = place.path("looked");
    let by_name: [&dyn AsRef<OsStr>; 7] =
        [&"restore", &"--vault", &vault, &"--to", &looked, &"--point", &forged];
    place.outlive(&by_name).end().expect(0);
    let again = place.path("again");
    place
        .outlive(&[&"restore", &"--vault", &vault, &"--to", &again])
        .end()
        .expect(2)
        .complains("still to come");
}

#[test]
fn where_every_point_is_of_a_time_to_come_it_is_the_clock_here_that_is_wrong() {
    let place = Place::new();
    let (data, vault, target) = (place.directory("data"), place.path("vault"), place.path("target"));
    place.file("data/one", "1");
    copy(&place, &data, &vault);
    let sound = vault.join("roots").join(names(&vault.join("roots")).pop().unwrap());
    forge(&vault, 1);
    fs::rename(&sound, place.path("aside")).unwrap();
    let other = place.path("other-state");
    place.outlive_with_state(&other, &[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
}
