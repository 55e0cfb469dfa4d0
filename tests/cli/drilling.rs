//! Drills, end to end: what passes, what fails and why, what is left behind, and the evidence.

use super::place::{Place, names, noise};
use super::run::Ended;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A volume with a vault and a copy in it, an estate file, and one drill.
pub struct Scene {
    pub place: Place,
    pub config: PathBuf,
}

impl Scene {
    pub fn new() -> Self {
        let place = Place::new();
        place.file("data/a/one", noise(1, 300_000));
        place.file("data/a/two", noise(2, 5_000));
        place.file("data/empty", "");
        std::os::unix::fs::symlink("a/one", place.path("data/link")).unwrap();
        fs::hard_link(place.path("data/a/two"), place.path("data/other-name")).unwrap();
        Self::of(place, "data")
    }

    pub fn of(place: Place, volume: &str) -> Self {
        let (data, vault) = (place.path(volume), place.path("vault"));
        place.directory("scratch");
        let config = place.file(
            "outlive.toml",
            format!(
                "[policy.default]\nrpo = \"26h\"\nrto = \"1h\"\ndrill_every = \"7d\"\n\
                 [[volume]]\nid = \"orders\"\npath = {data:?}\nowner = \"payments\"\n\
                 [[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {vault:?}\n\
                 [[copy]]\nvolume = \"orders\"\nfrom = {{ path = {data:?} }}\nto = \"offsite\"\nevery = \"24h\"\n\
                 longest = \"1h\"\n"
            ),
        );
        place.outlive(&[&"copy", &data, &"--vault", &vault, &"--name", &"orders"]).end().expect(0);
        Self { place, config }
    }

    pub fn drill(&self, definition: &str) {
        let definition = format!("volume = \"orders\"\nrestore_to = \"../../scratch\"\n{definition}");
        self.place.file("drills/weekly/drill.toml", definition);
    }

    pub fn run(&self, more: &[&str]) -> Ended {
        self.start(more).end()
    }

    /// More lines for the estate file.
    pub fn configure(&self, more: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        self.place.file("outlive.toml", text + more);
    }

    /// A night as JSON; it has other things to say of the estate than of its drill.
    #[track_caller]
    pub fn night(&self) -> Value {
        let night = self.place.outlive(&[&"nightly", &"--config", &self.config, &"--format", &"json"]);
        night.end().json("nightly")
    }

    fn start(&self, more: &[&str]) -> super::run::Running {
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"drill", &"--config", &self.config, &"--format", &"json"];
        arguments.extend(more.iter().map(|word| word as &dyn AsRef<std::ffi::OsStr>));
        self.place.outlive(&arguments).environment("PLANTED", "s3cret-in-the-environment").start()
    }

    /// Runs the one drill; its result.
    #[track_caller]
    pub fn drilled(&self, more: &[&str], code: i32) -> Value {
        let json = self.run(&[&["weekly"], more].concat()).expect(code).json("drill");
        json["drills"][0].clone()
    }

    fn scratch_left(&self) -> usize {
        names(&self.place.path("scratch")).len()
    }
}

const ALL_CHECKS: &str = "checks = [\"files\", \"counts\", \"command\"]\n[[command]]\nname = \"opens\"\n";
const READS: &str = "argv = [\"cat\", \"a/one\", \"{restored}/a/two\"]\n";

fn evidence(drilled: &Value) -> PathBuf {
    drilled["evidence"].as_str().unwrap().into()
}

/// The outcome of a check.
fn outcome(drilled: &Value, check: &str) -> String {
    let checks = drilled["checks"].as_array().unwrap();
    let found = checks.iter().find(|found| found["check"] == check);
    found.unwrap_or_else(|| panic!("{check} is not in {checks:?}"))["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn a_drill_that_passes_leaves_evidence_and_no_scratch_and_is_not_due_again() {
    let scene = Scene::new();
    scene.drill(&format!("{ALL_CHECKS}{READS}"));
    let json = scene.run(&["--due"]).expect(0).json("drill");
    let drilled = &json["drills"][0];
    assert_eq!(drilled["outcome"], "passed", "{drilled:#}");
    for check in ["files", "counts", "command:opens"] {
        assert_eq!(outcome(drilled, check), "passed", "{drilled:#}");
    }
    let phases: Vec<_> =
        drilled["phases"].as_array().unwrap().iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["open", "select", "restore", "check", "dispose"]);
    assert_eq!((&drilled["scratch"]["removed"], scene.scratch_left()), (&Value::Bool(true), 0));
    let folder = evidence(drilled);
    assert_eq!(names(&folder), ["check-3.stderr", "check-3.stdout", "log.txt", "record.json"]);
    let record: Value = serde_json::from_slice(&fs::read(folder.join("record.json")).unwrap()).unwrap();
    assert_eq!(
        (&record["schema"], &record["owner"]),
        (&"outlive/drill-record/v0".into(), &"payments".into())
    );
    assert_eq!(fs::metadata(folder.join("check-3.stdout")).unwrap().len(), 65_536, "output is bounded");
    assert_eq!(json["volumes"][0]["outcome"], "passed");
    let again = scene.run(&["--due"]).expect(0).json("drill");
    assert_eq!(again["drills"].as_array().unwrap().len(), 0);
    let list = scene.place.outlive(&[&"vault", &"list", &scene.place.path("vault"), &"--format", &"json"]);
    assert_eq!(list.end().json("vault-list")["points"][0]["state"], "restored");
}

#[test]
fn each_check_alone_notices_its_damage() {
    let scene = Scene::new();
    scene.drill(&format!("{ALL_CHECKS}{READS}"));
    let drilled = scene.drilled(&["--prove"], 0);
    let proofs = drilled["proofs"].as_array().unwrap();
    let proved: Vec<_> = proofs
        .iter()
        .map(|proof| (proof["check"].as_str().unwrap(), proof["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(proved, [("files", "proved"), ("counts", "proved"), ("command", "proved")], "{drilled:#}");
    assert_eq!(scene.scratch_left(), 0);
}

#[test]
fn a_command_that_cannot_fail_is_no_check() {
    let scene = Scene::new();
    scene.drill(&format!("{ALL_CHECKS}argv = [\"true\"]\n"));
    assert_eq!(scene.drilled(&[], 0)["outcome"], "passed");
    let drilled = scene.drilled(&["--prove"], 12);
    assert_eq!(drilled["proofs"][2]["outcome"], "not_proved", "{drilled:#}");
}

#[test]
fn data_that_was_bad_before_it_was_copied_is_noticed_by_the_command_alone() {
    let scene = Scene::new();
    scene.drill(&format!("{ALL_CHECKS}argv = [\"grep\", \"-q\", \"PGDMP\", \"{{restored}}/a/one\"]\n"));
    let drilled = scene.drilled(&[], 12);
    assert_eq!(outcome(&drilled, "command:opens"), "failed");
    assert_eq!((outcome(&drilled, "files"), outcome(&drilled, "counts")), ("passed".into(), "passed".into()));
}

#[test]
fn fewer_files_than_expected_fail_though_every_digest_fits() {
    let scene = Scene::new();
    scene.drill("checks = [\"files\", \"counts\"]\n[counts]\nleast_files = 4\n");
    let drilled = scene.drilled(&[], 12);
    assert_eq!((outcome(&drilled, "files"), outcome(&drilled, "counts")), ("passed".into(), "failed".into()));
    scene.drill("checks = [\"files\", \"counts\"]\n[counts]\nleast_files = 3\nmost_bytes = 305000\n");
    assert_eq!(scene.drilled(&[], 0)["outcome"], "passed");
}

#[test]
fn an_image_is_compared_whole_and_its_digest_is_what_sha256sum_says() {
    let place = Place::new();
    let image = place.file("disk.img", noise(9, 1_000_000));
    let said = super::place::tool("sha256sum", &[&image]);
    let scene = Scene::of(place, "disk.img");
    scene.drill("checks = [\"image\", \"counts\"]\n");
    let drilled = scene.drilled(&["--prove"], 0);
    let found = drilled["checks"][0]["found"].as_str().unwrap();
    assert!(found.contains(said.split(' ').next().unwrap()), "{found}");
    assert_eq!(drilled["proofs"][0]["outcome"], "proved", "{drilled:#}");
    assert_eq!(drilled["proofs"][1]["outcome"], "proved", "{drilled:#}");
    scene.drill("checks = [\"counts\"]\n");
    let drilled = scene.drilled(&["--prove"], 0);
    assert_eq!(drilled["proofs"][0]["outcome"], "proved", "{drilled:#}");
    assert!(drilled["proofs"][0]["damage"].as_str().unwrap().contains("one more byte"), "{drilled:#}");
    scene.drill("checks = [\"files\"]\n");
    assert_eq!(scene.drilled(&[], 13)["outcome"], "not_run");
}

#[test]
fn a_stale_newest_point_fails_whatever_the_checks_say() {
    let scene = Scene::new();
    scene.drill("checks = [\"files\"]\nbudget = { rpo = \"1s\" }\n");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let drilled = scene.drilled(&[], 12);
    assert_eq!(outcome(&drilled, "files"), "passed");
    assert!(drilled["because"].as_str().unwrap().contains("the RPO is 1 s"), "{drilled:#}");
}

#[test]
fn a_restore_that_takes_longer_than_the_rto_fails() {
    let scene = Scene::new();
    scene.drill("checks = [\"command\"]\nbudget = { rto = \"1s\" }\ntimeout = \"1m\"\n[[command]]\nargv = [\"sleep\", \"2\"]\n");
    let drilled = scene.drilled(&[], 12);
    assert!(drilled["because"].as_str().unwrap().contains("the RTO is 1 s"), "{drilled:#}");
}

#[test]
fn a_hanging_command_is_ended_with_all_that_it_started() {
    let scene = Scene::new();
    let script = "sleep 60 & echo $!; wait";
    let began = std::time::Instant::now();
    scene.drill(&format!("{ALL_CHECKS}argv = [\"sh\", \"-c\", {script:?}]\ntimeout = \"1s\"\n"));
    let drilled = scene.drilled(&[], 12);
    // The recorder waits for all that was started: were it not ended, it would be gone by itself below.
    assert!(began.elapsed().as_secs() < 40, "what it started lived on");
    assert_eq!(outcome(&drilled, "command:opens"), "failed");
    assert!(drilled["because"].as_str().unwrap().contains("timeout"), "{drilled:#}");
    let pid = fs::read_to_string(evidence(&drilled).join("check-3.stdout")).unwrap();
    assert!(pid.trim().parse::<u32>().is_ok(), "{pid}");
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "it is still there: {state}");
    assert_eq!(scene.scratch_left(), 0);
}

#[test]
fn a_tool_that_is_not_installed_is_no_pass_and_no_failure() {
    let scene = Scene::new();
    scene.drill(&format!("{ALL_CHECKS}argv = [\"no-such-program-at-all\"]\n"));
    let drilled = scene.drilled(&[], 13);
    assert_eq!(
        (&drilled["outcome"], outcome(&drilled, "command:opens")),
        (&"not_run".into(), "not_run".into())
    );
}

#[test]
fn a_vault_that_cannot_be_opened_leaves_the_drill_due() {
    let scene = Scene::new();
    scene.drill("");
    fs::rename(scene.place.path("vault"), scene.place.path("elsewhere")).unwrap();
    let json = scene.run(&["--due"]).expect(13).json("drill");
    assert_eq!(json["drills"][0]["outcome"], "not_run", "{json:#}");
    fs::rename(scene.place.path("elsewhere"), scene.place.path("vault")).unwrap();
    let json = scene.run(&["--due"]).expect(0).json("drill");
    assert_eq!(json["drills"][0]["outcome"], "passed", "{json:#}");
}

#[test]
fn damage_in_the_vault_fails_the_drill_and_nothing_is_left_in_scratch() {
    let scene = Scene::new();
    scene.drill("");
    let packs = scene.place.path("vault/packs");
    let largest = names(&packs)
        .into_iter()
        .map(|name| packs.join(name))
        .max_by_key(|pack| fs::metadata(pack).unwrap().len());
    let pack = largest.unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    super::place::chmod(&pack, 0o600);
    fs::write(&pack, bytes).unwrap();
    let drilled = scene.drilled(&[], 12);
    assert!(drilled["because"].as_str().unwrap().contains("damaged"), "{drilled:#}");
    assert_eq!(scene.scratch_left(), 0);
}

#[test]
fn what_a_killed_drill_left_is_reported_by_the_next_with_how_to_remove_it() {
    let scene = Scene::new();
    scene.drill("checks = [\"command\"]\n[[command]]\nargv = [\"sleep\", \"5\"]\n");
    let mut running = scene.start(&["weekly"]);
    running.wait_for("/usr/bin/sleep");
    assert!(running.signal(Signal::KILL));
    drop(running.end_unjudged());
    assert_eq!(scene.scratch_left(), 1);
    scene.drill("");
    let drilled = scene.drilled(&[], 0);
    let left = scene.place.path("scratch").join(&names(&scene.place.path("scratch"))[0]);
    let others = drilled["scratch"]["others"][0].as_str().unwrap();
    assert!(others.contains(left.to_str().unwrap()) && others.contains("rm "), "{others}");
}

#[test]
fn what_is_kept_is_there_and_said() {
    let scene = Scene::new();
    scene.drill("");
    let drilled = scene.drilled(&["--keep"], 0);
    assert_eq!(drilled["scratch"]["removed"], false);
    let kept = Path::new(drilled["scratch"]["path"].as_str().unwrap()).join("restored");
    super::place::assert_same(&scene.place.path("data"), &kept);
}

#[test]
fn no_secret_of_the_environment_reaches_a_command_or_the_evidence() {
    let scene = Scene::new();
    scene.drill(&format!("{ALL_CHECKS}argv = [\"env\"]\n"));
    let folder = evidence(&scene.drilled(&[], 0));
    let said = fs::read_to_string(folder.join("check-3.stdout")).unwrap();
    assert!(said.contains("PATH=") && said.contains("HOME="), "{said}");
    for name in names(&folder) {
        let bytes = fs::read(folder.join(&name)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{name:?}");
    }
}

#[test]
fn a_volume_without_a_drill_is_seen_and_a_wrong_definition_is_a_usage_error() {
    let scene = Scene::new();
    let json = scene.run(&["--due"]).expect(13).json("drill");
    assert_eq!(json["volumes"][0]["outcome"], "never_drilled", "{json:#}");
    scene.drill("checks = [\"fils\"]\n");
    let wrong = scene.run(&["--due"]).expect(2);
    wrong.complains("drill.toml:3:11").complains("did you mean `files`?");
    scene.run(&["monthly"]).expect(2).complains("there is no drill `monthly`").complains("weekly");
}

#[test]
fn a_night_runs_the_drill_that_is_due_after_its_copies() {
    let scene = Scene::new();
    scene.drill("checks = [\"files\"]\n");
    let json = scene.night();
    let tasks = json["tasks"].as_array().unwrap();
    assert!(tasks.iter().any(|task| task["task"] == "drill" && task["outcome"] == "done"), "{json:#}");
    assert_eq!(json["volumes"][0]["drill"]["outcome"], "passed", "{json:#}");
    let json = scene.night();
    assert!(json["tasks"].as_array().unwrap().iter().all(|task| task["task"] != "drill"), "{json:#}");
}

/// What a real validator has to say against this as a record: empty where it is one.
fn complaints(scene: &Scene, record: &Value) -> String {
    const VALIDATE: &str = "import json, sys, jsonschema\n\
        schema, record = (json.load(open(path)) for path in sys.argv[1:])\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(record))\n\
        print('\\n'.join(str(error) for error in errors))\n\
        sys.exit(0 if not errors else 3)";
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/drill-record.v0.json");
    let file = scene.place.file("record-to-be-judged.json", serde_json::to_vec(record).unwrap());
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin/python");
    let python = std::process::Command::new(python).args(["-c", VALIDATE]).arg(schema).arg(file).output();
    let done = python.expect("python3 with jsonschema is needed: scripts/test installs it");
    let (said, erred) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(matches!(done.status.code(), Some(0 | 3)), "the validator itself failed: {erred}");
    if done.status.success() { String::new() } else { format!("not valid: {said}") }
}

#[test]
fn records_are_what_their_schema_says_and_a_record_that_claims_too_much_is_not() {
    let scene = Scene::new();
    let record = |drilled: &Value| -> Value {
        serde_json::from_slice(&fs::read(evidence(drilled).join("record.json")).unwrap()).unwrap()
    };
    scene.drill(&format!("{ALL_CHECKS}{READS}"));
    let passed = record(&scene.drilled(&["--prove"], 0));
    assert_eq!(complaints(&scene, &passed), "");
    scene.drill(&format!("{ALL_CHECKS}argv = [\"false\"]\n"));
    assert_eq!(complaints(&scene, &record(&scene.drilled(&[], 12))), "");
    scene.drill("vault = \"offsite\"\n");
    fs::rename(scene.place.path("vault"), scene.place.path("elsewhere")).unwrap();
    assert_eq!(complaints(&scene, &record(&scene.drilled(&[], 13))), "");
    let broken: [fn(&mut Value); 5] = [
        |record| record["proofs"][0]["outcome"] = "no_damage_fits".into(),
        |record| record["checks"] = Value::Array(Vec::new()),
        |record| record["checks"][0]["outcome"] = "not_run".into(),
        |record| record["rto"]["actual_seconds"] = Value::Null,
        |record| drop(record.as_object_mut().unwrap().remove("not_known")),
    ];
    for (place, breaks) in broken.into_iter().enumerate() {
        let mut record = passed.clone();
        breaks(&mut record);
        assert_ne!(complaints(&scene, &record), "", "mistake {place} was not noticed");
    }
}
