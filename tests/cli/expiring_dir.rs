//! What may go from a vault in a directory, which has no locks: planned, carried out by hand, and nothing else is excused.

use super::hand::{self, fs};
use super::nightly_estate::{EstateFile, at};
use super::place::{Place, assert_same, chmod, names, noise};
use super::run::{Ended, Run};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

const DAY: i64 = 86_400;

/// A vault with a point of forty, of twenty, of ten days ago, and of today.
struct Scene {
    place: Place,
    vault: PathBuf,
    /// Short names and keys of roots, oldest first.
    points: Vec<(String, PathBuf)>,
}

impl Scene {
    fn new(keep: &str) -> Self {
        let place = Place::new();
        let vault = place.path("vault");
        write_estate(&place, keep);
        place.file("tree/stays", noise(1, 50_000));
        let mut scene = Self { place, vault, points: Vec::new() };
        [-40, -20, -10, 0].into_iter().for_each(|days| scene.copy(days));
        scene
    }

    fn outlive(&self, arguments: &[&str]) -> Run {
        self.place.outlive_by_file(arguments)
    }

    /// A copy of so many days ago, of a tree that is another each time.
    fn copy(&mut self, days: i64) {
        let seed = u64::try_from(100 + days).unwrap();
        self.place.file("tree/changes", noise(seed, 40_000));
        let before: Vec<PathBuf> = self.points.iter().map(|(_, root)| root.clone()).collect();
        let run = self.outlive(&["--format", "json", "copy", "tree"]);
        let copied = at(&self.place, run, days * DAY).end().expect(0).json("copy");
        let folder = self.vault.join("roots");
        let roots = names(&folder).into_iter().map(|name| folder.join(name));
        let new = roots.into_iter().find(|root| !before.contains(root)).unwrap();
        self.points.push((copied["point"].as_str().unwrap().to_owned(), new));
    }

    fn plan(&self, code: i32, into: Option<&str>) -> Value {
        let mut arguments = vec!["--format", "json", "vault", "expiry-plan", "offsite"];
        let into = into.map(|into| self.place.path(into).to_str().unwrap().to_owned());
        arguments.extend(into.as_deref().into_iter().flat_map(|into| ["--into", into]));
        self.outlive(&arguments).end().expect(code).json("expiry-plan")
    }

    fn verify(&self, code: i32) -> (Ended, Value) {
        let ended = self.outlive(&["--format", "json", "verify", "offsite"]).end().expect(code);
        let told = ended.json("verify");
        (ended, told)
    }

    fn goes(&self, plan: &Value) -> Vec<usize> {
        let points = plan["points"].as_array().unwrap().iter();
        let place =
            |point: &Value| self.points.iter().position(|(name, _)| point["point"] == **name).unwrap();
        points.map(place).collect()
    }
}

fn write_estate(place: &Place, keep: &str) {
    let file = EstateFile::new().with(keep).vault("offsite", &place.path("vault"));
    file.tree("tree", &place.path("tree"), &["offsite"]).write(place);
}

fn shell(command: &str) {
    let done = hand::output(Command::new("sh").args(["-ec", command])).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn what_the_policy_lets_go_goes_and_a_copy_made_meanwhile_builds_on_none_of_it() {
    let mut scene = Scene::new("keep = { daily = 1 }");
    // Where a filesystem has no files without a name, an object has a second one, which would keep its bytes.
    let root = &scene.points[0].1;
    let second = scene.place.directory("vault/incoming");
    let second = second.join(format!("{}.0123", root.file_name().unwrap().to_str().unwrap()));
    std::fs::hard_link(root, &second).unwrap();
    let plan = scene.plan(0, Some("plan"));
    assert_eq!(scene.goes(&plan), [0, 1], "{plan:#}");
    let files: Vec<&str> =
        plan["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(files, ["0001-roots.txt", "0002-objects.txt"]);
    assert_eq!(scene.verify(0).1["points"].as_array().unwrap().len(), 4, "what is planned is still there");
    // Whoever carries it out stops after the first file, and what the tree held twenty days ago, and no other point, comes back.
    let first = std::fs::read_to_string(scene.place.path("plan/0001-roots.txt")).unwrap();
    first.lines().for_each(|path| fs::remove_file(scene.vault.join(path)).unwrap());
    let half_way = scene.verify(0).1;
    assert_eq!((half_way["points"].as_array().unwrap().len(), &half_way["let_go"]), (2, &2.into()));
    scene.place.file("tree/again", noise(80, 40_000));
    scene.copy(0);
    shell(plan["carried_out_by"].as_str().unwrap());
    assert!(!second.exists());
    let (_, verified) = scene.verify(0);
    assert_eq!((verified["points"].as_array().unwrap().len(), &verified["let_go"]), (3, &2.into()));
    assert_eq!(verified["unfinished_packs"], 0, "nothing is left that nobody needs");
    for (number, (point, _)) in scene.points[2..].iter().enumerate() {
        let target = scene.place.path(&format!("restored-{number}"));
        let to = target.to_str().unwrap();
        scene
            .outlive(&["restore", "tree", "--vault", "offsite", "--point", point, "--to", to])
            .end()
            .expect(0);
    }
    assert_same(&scene.place.path("tree"), &scene.place.path("restored-2"));
    let audit = scene.outlive(&["--format", "json", "audit"]).end();
    assert!(!audit.stdout.contains("is not in the vault any more"), "{}", audit.stdout);
    let empty = scene.plan(0, Some("second"));
    assert!(empty["objects"] == 0 && !scene.place.path("second").exists(), "{empty:#}");
    // The one that stays is not excused.
    fs::remove_file(&scene.points[2].1).unwrap();
    let (missed, _) = scene.verify(14);
    missed.says("and it is not there");
    let audit = scene.outlive(&["--format", "json", "audit"]).end();
    assert!(audit.stdout.contains("is not in the vault any more"), "{}", audit.stdout);
}

#[test]
fn a_point_that_a_later_plan_keeps_is_missed_when_it_goes() {
    let scene = Scene::new("keep = { daily = 1 }");
    assert_eq!(scene.goes(&scene.plan(0, Some("plan"))), [0, 1]);
    write_estate(&scene.place, "keep = { daily = 9 }");
    let shown = scene.plan(0, None);
    assert_eq!((&shown["kept_again"], &shown["written_to"]), (&2.into(), &Value::Null));
    let text = scene.outlive(&["vault", "expiry-plan", "offsite"]).end().expect(0);
    text.says("2 points that an earlier plan let go stay: do not carry out its files.");
    // What was only shown takes nothing back.
    let away = scene.place.path("away");
    fs::rename(&scene.points[0].1, &away).unwrap();
    assert_eq!(scene.verify(0).1["let_go"], 1);
    fs::rename(&away, &scene.points[0].1).unwrap();
    let kept = scene.plan(0, Some("another"));
    assert!(kept["objects"] == 0 && !scene.place.path("another").exists(), "{kept:#}");
    fs::remove_file(&scene.points[0].1).unwrap();
    scene.verify(14).0.says("and it is not there");
}

#[test]
fn what_is_not_outlives_or_lately_left_never_goes() {
    let place = Place::new();
    write_estate(&place, "keep = { daily = 1 }");
    place.file("tree/stays", b"x");
    let config = place.path("outlive.toml");
    let missing =
        place.outlive(&[&"--config", &config, &"vault", &"expiry-plan", &"offsite"]).end().expect(2);
    missing.complains("no vault here");
    drop(place);

    let scene = Scene::new("keep = { daily = 1 }");
    let unknown = scene.outlive(&["vault", "expiry-plan", "nowhere"]).end().expect(2);
    unknown.complains("has no vault `nowhere`");
    let strangers = ["notes.txt", "packs/notes.txt", "roots/notes.txt"].map(|name| scene.vault.join(name));
    strangers.iter().for_each(|path| fs::write(path, b"mine").unwrap());
    // Another machine's volume, of which this file knows nothing; and what a run of it left without a root.
    let others = scene.place.file("others/file", noise(7, 30_000));
    let (others, elsewhere) = (others.parent().unwrap(), scene.place.path("state-elsewhere"));
    let copy: [&dyn AsRef<OsStr>; 4] = [&"copy", &others, &"--vault", &scene.vault];
    let run = scene.place.outlive_with_state(&elsewhere, &copy);
    at(&scene.place, run, -90 * DAY).end().expect(0);
    fs::write(others.join("file"), noise(8, 30_000)).unwrap();
    let (roots, packs) = (names(&scene.vault.join("roots")), names(&scene.vault.join("packs")));
    let run = scene.place.outlive_with_state(&elsewhere, &copy);
    at(&scene.place, run, -80 * DAY).end().expect(0);
    let left = names(&scene.vault.join("roots")).into_iter().find(|name| !roots.contains(name)).unwrap();
    fs::remove_file(scene.vault.join("roots").join(left)).unwrap();
    let mut left = names(&scene.vault.join("packs"));
    left.retain(|name| !packs.contains(name));

    let plan = scene.plan(0, None);
    assert_eq!(scene.goes(&plan), [0, 1], "{plan:#}");
    let staying = plan["staying"].to_string();
    assert!(staying.contains("no [[volume]] of the estate file is its volume"), "{staying}");
    assert_eq!(plan["strange"].as_array().unwrap().len(), 3, "{plan:#}");
    let young = &plan["left"][0];
    assert_eq!(young["because"], "no point needs it, and a copy may be at work on it", "{plan:#}");
    assert_eq!(young["objects"], 2 * left.len());
    for name in &left {
        for object in ["packs", "sidecars"].map(|folder| scene.vault.join(folder).join(name)) {
            chmod(&object, 0o600);
            fs::set_modified(object, SystemTime::now() - Duration::from_secs(31 * 86_400)).unwrap();
        }
    }
    let old = scene.plan(0, None);
    assert_eq!(old["left"], Value::Array(Vec::new()), "{old:#}");
    assert_eq!(old["objects"].as_u64().unwrap(), plan["objects"].as_u64().unwrap() + 2 * left.len() as u64);
}

#[test]
fn what_cannot_be_read_and_what_nobody_speaks_of_keeps_things_from_going() {
    let scene = Scene::new("keep = { daily = 1 }");
    // A root that cannot be read may need whatever there is.
    let (_, root) = &scene.points[1];
    let sound = std::fs::read(root).unwrap();
    chmod(root, 0o600);
    fs::write(root, &sound[..sound.len() / 2]).unwrap();
    let blocked = scene.plan(11, Some("blocked"));
    assert_eq!((scene.goes(&blocked).len(), &blocked["objects"]), (0, &0.into()), "{blocked:#}");
    assert!(!scene.place.path("blocked").exists());
    assert!(blocked["unknown"][0].as_str().unwrap().contains("roots/"), "{blocked:#}");
    assert!(blocked["staying"].to_string().contains("cannot be read, and may need"), "{blocked:#}");
    fs::write(root, sound).unwrap();

    // Where nothing was ever read back here, nothing goes; nor where no policy says for how long points stay.
    let here = scene.place.path("outlive.toml");
    let fresh = scene.place.path("state-fresh");
    let arguments: [&dyn AsRef<OsStr>; 5] = [&"--config", &here, &"vault", &"expiry-plan", &"offsite"];
    let unproved = scene.place.outlive_with_state(&fresh, &arguments).end().expect(0);
    unproved.says("read back here: run").says("0 recovery points may go");
    write_estate(&scene.place, "");
    let endless = scene.plan(0, None);
    assert!(endless["staying"].to_string().contains("says neither `locked_for` nor `keep`"), "{endless:#}");
    assert_eq!(scene.goes(&endless), [0; 0]);
}
