//! Drills on an encrypted vault: where a reader's private key is they run, for a tree and for an image, before a new epoch and after it;
//! where none is, they did not run.

use super::encrypting::reader;
use super::nightly_estate::EstateFile;
use super::place::{Place, noise};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A tree and an image in an encrypted vault, with a drill of each.
struct Scene {
    place: Place,
    one: PathBuf,
    to_one: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let (one, to_one) = reader(&place, "one.key");
        place.file("data/a/one", noise(1, 300_000));
        place.file("data/a/two", "two");
        std::os::unix::fs::symlink("a/one", place.path("data/link")).unwrap();
        place.file("disk.img", noise(2, 1_000_000));
        place.directory("scratch");
        for (drill, volume, checks) in [
            (
                "of-tree",
                "tree",
                "checks = [\"files\", \"counts\", \"command\"]\n[[command]]\nname = \"reads\"\nargv = [\"cat\", \"a/one\"]\n",
            ),
            ("of-image", "image", "checks = [\"image\", \"counts\"]\n"),
        ] {
            let definition = format!("volume = \"{volume}\"\nrestore_to = \"../../scratch\"\n{checks}");
            place.file(&format!("drills/{drill}/drill.toml"), definition);
        }
        let scene = Self { place, one, to_one };
        scene.estate(None);
        scene.place.outlive_by_file(&["vault", "init", "offsite"]).end().expect(0);
        scene.copy();
        scene
    }

    fn estate(&self, identity: Option<&Path>) {
        let (vault, reader) = (self.place.path("vault"), &self.to_one);
        let identity = identity.map(|file| format!("identity = {{ file = {file:?} }}\n")).unwrap_or_default();
        let text = format!(
            "[[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {vault:?}\nreaders = [{reader:?}]\n{identity}"
        );
        let file = EstateFile::new().with(&text).tree("tree", &self.place.path("data"), &["offsite"]);
        file.tree("image", &self.place.path("disk.img"), &["offsite"]).write(&self.place);
    }

    fn copy(&self) {
        for volume in ["tree", "image"] {
            self.place.outlive_by_file(&["copy", volume]).end().expect(0);
        }
    }

    fn drill(&self, identity: Option<&Path>, more: &[&str], code: i32) -> Vec<Value> {
        let arguments = [&["--format", "json", "drill", "--all"], more].concat();
        let run = self.place.outlive_by_file(&arguments);
        let run = match identity {
            Some(file) => run.environment("OUTLIVE_IDENTITY", file),
            None => run,
        };
        run.end().expect(code).json("drill")["drills"].as_array().unwrap().clone()
    }
}

#[track_caller]
fn assert_passed(drilled: &[Value]) {
    assert_eq!(drilled.len(), 2);
    for drill in drilled {
        assert_eq!(drill["outcome"], "passed", "{drill:#}");
        let checks = drill["checks"].as_array().unwrap();
        assert!(checks.len() >= 2 && checks.iter().all(|check| check["outcome"] == "passed"), "{drill:#}");
    }
}

#[test]
fn drills_of_a_tree_and_of_an_image_run_where_a_reader_is_and_prove_their_checks() {
    let scene = Scene::new();
    let proved = scene.drill(Some(&scene.one), &["--prove"], 0);
    assert_passed(&proved);
    for proof in proved.iter().flat_map(|drill| drill["proofs"].as_array().unwrap()) {
        assert_eq!(proof["outcome"], "proved", "{proof:#}");
    }
    scene.estate(Some(&scene.one));
    assert_passed(&scene.drill(None, &[], 0));
    // By a night, too.
    let night = scene.place.outlive_by_file(&["nightly", "--format", "json"]).end().json("nightly");
    assert!(!night.to_string().contains("nothing here opens"), "{night:#}");
}

#[test]
fn without_a_private_key_a_drill_did_not_run_and_says_what_is_missing() {
    let scene = Scene::new();
    for drill in scene.drill(None, &[], 13) {
        assert_eq!(drill["outcome"], "not_run", "{drill:#}");
        assert!(drill["because"].as_str().unwrap().contains("encrypted"), "{drill:#}");
    }
    let (stranger, _) = reader(&scene.place, "stranger.key");
    for drill in scene.drill(Some(&stranger), &[], 13) {
        assert_eq!(drill["outcome"], "not_run", "{drill:#}");
        assert!(drill["because"].as_str().unwrap().contains("none of the identities"), "{drill:#}");
    }
}

/// Whoever reads the former epoch alone sees only older points: that those restore proves nothing of the newest.
#[test]
fn a_reader_who_was_left_out_drills_no_older_point_instead() {
    let scene = Scene::new();
    let (_, to_other) = reader(&scene.place, "other.key");
    let file = scene.place.path("outlive.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    scene.place.file("outlive.toml", text.replace(&scene.to_one, &to_other));
    let new = scene.place.outlive_by_file(&["vault", "epoch", "new", "offsite", "--yes"]);
    new.environment("OUTLIVE_IDENTITY", &scene.one).end().expect(0);
    scene.copy();
    // Without the key of those who copy, which names the volumes.
    super::hand::fs::remove_dir_all(scene.place.path("state/epochs")).unwrap();
    super::hand::fs::remove_dir_all(scene.place.path("state/memory")).unwrap();
    for drill in scene.drill(Some(&scene.one), &[], 13) {
        assert_eq!(drill["outcome"], "not_run", "{drill:#}");
        assert!(drill["because"].as_str().unwrap().contains("nothing here opens"), "{drill:#}");
    }
}

#[test]
fn drills_go_on_after_a_new_epoch_with_points_of_both() {
    let scene = Scene::new();
    let new = scene.place.outlive_by_file(&["vault", "epoch", "new", "offsite", "--yes"]);
    new.environment("OUTLIVE_IDENTITY", &scene.one).end().expect(0);
    // The newest point is of the former epoch still.
    assert_passed(&scene.drill(Some(&scene.one), &[], 0));
    scene.place.file("data/a/three", "three");
    scene.copy();
    let drilled = scene.drill(Some(&scene.one), &[], 0);
    assert_passed(&drilled);
    assert!(
        drilled.iter().all(|drill| drill["candidates"] == 2 || drill["selection"]["candidates"] == 2),
        "{drilled:#?}"
    );
}
