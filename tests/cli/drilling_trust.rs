//! What a drill may not pass with: points that may be of something else, and newer ones that are lost.

use super::hand::fs;
use super::place::{Place, chmod, names, tool};
use serde_json::Value;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// An estate with one volume, one vault and one drill; `data` is not there yet.
struct Scene {
    place: Place,
    config: PathBuf,
    data: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        place.directory("scratch");
        let (data, vault) = (place.directory("data"), place.path("vault"));
        let config = place.file(
            "outlive.toml",
            format!(
                "[policy.default]\nrpo = \"26h\"\nrto = \"1h\"\ndrill_every = \"7d\"\n\
                 [[volume]]\nid = \"orders\"\npath = {data:?}\n\
                 [[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {vault:?}\n"
            ),
        );
        place.file("drills/weekly/drill.toml", "volume = \"orders\"\nrestore_to = \"../../scratch\"\n");
        Self { place, config, data }
    }

    /// Copies the volume. Points are told apart by the second.
    #[track_caller]
    fn copy(&self, code: i32) {
        let vault = self.place.path("vault");
        let copy = self.place.outlive(&[&"copy", &self.data, &"--vault", &vault, &"--name", &"orders"]);
        copy.end().expect(code);
        sleep(Duration::from_millis(1100));
    }

    /// Runs the drill; the whole result.
    #[track_caller]
    fn drill(&self, code: i32) -> Value {
        let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
            [&"drill", &"weekly", &"--config", &self.config, &"--format", &"json"];
        self.place.outlive(&arguments).end().expect(code).json("drill")
    }

    fn points(&self) -> Vec<Value> {
        let vault = self.place.path("vault");
        let list = self.place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]);
        list.end().json("vault-list")["points"].as_array().unwrap().clone()
    }

    /// The only root that came since `before`.
    fn newest_root(&self, before: &[std::ffi::OsString]) -> PathBuf {
        let roots = self.place.path("vault/roots");
        let new: Vec<_> = names(&roots).into_iter().filter(|name| !before.contains(name)).collect();
        let [only] = new.as_slice() else { panic!("one root was expected: {new:?}") };
        roots.join(only)
    }
}

fn because(result: &Value) -> &str {
    result["drills"][0]["because"].as_str().unwrap()
}

#[test]
fn a_doubted_point_is_never_drilled_and_no_drill_ends_the_doubt() {
    let scene = Scene::new();
    tool("mount", &["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), scene.data.as_os_str()]);
    (0..40).for_each(|number| fs::write(scene.data.join(number.to_string()), "content").unwrap());
    scene.copy(0);
    tool("umount", &[scene.data.as_os_str()]);
    scene.copy(11);
    let doubted =
        |points: &[Value]| -> Vec<bool> { points.iter().map(|point| point["doubted"].is_string()).collect() };
    let before = scene.points();
    assert_eq!(doubted(&before), [false, true], "{before:#?}");
    let result = scene.drill(13);
    assert_eq!(result["drills"][0]["outcome"], "not_run", "{result:#}");
    assert!(because(&result).contains("may be of something else"), "{result:#}");
    assert_eq!(result["drills"][0]["point"]["files"], 40, "the one before is tried");
    assert_eq!(result["volumes"][0]["outcome"], "not_run", "{result:#}");
    let after = scene.points();
    assert_eq!(doubted(&after), [false, true], "the drill ended the doubt: {after:#?}");
    // Once a person has seen what is in it, it is a point like any other.
    let (vault, target) = (scene.place.path("vault"), scene.place.path("target"));
    let point = after[1]["point"].as_str().unwrap();
    scene
        .place
        .outlive(&[&"restore", &"--vault", &vault, &"--to", &target, &"--point", &point])
        .end()
        .expect(0);
    assert_eq!(scene.drill(0)["drills"][0]["point"]["files"], 0);
}

#[test]
fn a_newer_point_that_was_recorded_and_is_gone_or_damaged_fails_the_drill() {
    let scene = Scene::new();
    fs::write(scene.data.join("a"), "first").unwrap();
    scene.copy(0);
    assert_eq!(scene.drill(0)["drills"][0]["outcome"], "passed");
    let before = names(&scene.place.path("vault/roots"));
    fs::write(scene.data.join("a"), "second").unwrap();
    scene.copy(0);
    let root = scene.newest_root(&before);
    let bytes = std::fs::read(&root).unwrap();
    chmod(&root, 0o600);
    fs::write(&root, &bytes[..bytes.len() / 2]).unwrap();
    let result = scene.drill(12);
    assert!(because(&result).contains("a newer recovery point"), "{result:#}");
    fs::remove_file(&root).unwrap();
    let result = scene.drill(12);
    assert!(because(&result).contains("is damaged or gone"), "{result:#}");
    assert_eq!(result["volumes"][0]["outcome"], "failed");
    fs::write(&root, &bytes).unwrap();
    assert_eq!(scene.drill(0)["drills"][0]["outcome"], "passed");
}

#[test]
fn a_root_that_nobody_can_read_may_be_the_newest_and_keeps_a_drill_from_passing() {
    let scene = Scene::new();
    fs::write(scene.data.join("a"), "first").unwrap();
    scene.copy(0);
    let stranger = format!("vault/roots/{}", "0123456789abcdef".repeat(2));
    scene.place.file(&stranger, "no root at all");
    let result = scene.drill(13);
    assert_eq!(result["drills"][0]["outcome"], "not_run", "{result:#}");
    assert!(because(&result).contains("is not known"), "{result:#}");
    // What its owner gives up by name keeps nothing from passing, as long as that holds.
    let estate = fs::read_to_string(&scene.config).unwrap();
    let key = stranger.strip_prefix("vault/").unwrap();
    for (until, code) in [("2099-01-01", 0), ("2020-01-01", 13)] {
        let waiver = format!("objects = [{key:?}]\nreason = \"junk\"\nowner = \"ann\"\nuntil = {until:?}\n");
        fs::write(&scene.config, format!("{estate}[vault.waive_damage]\n{waiver}")).unwrap();
        scene.drill(code);
    }
}

#[test]
fn nothing_is_restored_into_a_vault() {
    let scene = Scene::new();
    fs::write(scene.data.join("a"), "first").unwrap();
    scene.copy(0);
    let listed = |folder: &str| names(&scene.place.path(folder));
    let before = (listed("vault"), listed("vault/packs"));
    for inside in ["vault", "vault/packs"] {
        let definition = format!("volume = \"orders\"\nrestore_to = \"../../{inside}\"\n");
        scene.place.file("drills/weekly/drill.toml", definition);
        let result = scene.drill(13);
        assert!(because(&result).contains("inside the vault"), "{result:#}");
        assert_eq!((listed("vault"), listed("vault/packs")), before);
    }
}

#[test]
fn a_definition_that_is_there_and_cannot_be_read_is_told() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("/nowhere/at/all", scene.place.path("drills/weekly/else.toml")).unwrap();
    let definition = scene.place.path("drills/weekly/drill.toml");
    fs::rename(scene.place.path("drills/weekly/else.toml"), &definition).unwrap();
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"drill", &"--due", &"--config", &scene.config];
    scene.place.outlive(&arguments).end().expect(2).complains("drill.toml");
}
