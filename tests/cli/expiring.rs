//! What may go from a vault in a bucket: planned with the reader's key, carried out by somebody else's, and nothing else is excused.

use super::hand;
use super::nightly_estate::{EstateFile, Granted};
use super::place::{Place, assert_same, noise};
use super::run::Run;
use super::servers::{ID, SECRET, client, find, seaweedfs};
use aws_sdk_s3::types::{ObjectLockLegalHold, ObjectLockLegalHoldStatus};
use outlive::ledger::{Event, Ledger, PATIENCE};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Points of `tree` stay for 25 seconds, and are locked for twice as long; those of `other` stay.
const POLICIES: &str = "[policy.brief]\nlocked_for = \"25s\"\nrpo = \"20s\"\ndetect_within = \"1s\"\n\
                        [policy.long]\nlocked_for = \"2d\"\n";

struct Scene {
    place: Place,
    granted: Granted,
}

impl Scene {
    fn new() -> Self {
        let (place, mut granted) = (Place::new(), Granted::new());
        let volume = |id: &str, policy: &str, every: &str| {
            format!(
                "[[volume]]\nid = {id:?}\npath = {:?}\npolicy = {policy:?}\n\
                 [[copy]]\nvolume = {id:?}\nto = \"offsite\"\nevery = \"{every}\"\nlongest = \"{every}\"",
                place.path(id)
            )
        };
        let file = EstateFile::new().with("locked_for = \"2d\"").with(POLICIES).with(&granted.table);
        file.with(&volume("tree", "brief", "10s")).with(&volume("other", "long", "10h")).write(&place);
        granted.make_users(&place);
        Self { place, granted }
    }

    fn outlive(&self, arguments: &[&str]) -> Run {
        self.granted.outlive(&self.place, arguments)
    }

    /// What has the reader's key alone.
    fn reading(&self, arguments: &[&str]) -> Run {
        self.outlive(arguments).environment("WRITER", "")
    }

    fn copy(&self, volume: &str) -> String {
        let copied = self.outlive(&["--format", "json", "copy", volume]).end().expect(0).json("copy");
        copied["point"].as_str().unwrap().to_owned()
    }

    fn plan(&self, code: i32, into: Option<&str>) -> Value {
        let mut arguments = vec!["--format", "json", "vault", "expiry-plan", "offsite"];
        let into = into.map(|into| self.place.path(into).to_str().unwrap().to_owned());
        arguments.extend(into.as_deref().into_iter().flat_map(|into| ["--into", into]));
        self.reading(&arguments).end().expect(code).json("expiry-plan")
    }

    /// The keys and ids of all that is stored, delete markers too.
    fn versions(&self) -> Vec<(String, String)> {
        let asked = client(&seaweedfs().endpoint).list_object_versions().bucket(&self.granted.bucket).send();
        let listed = block(asked).unwrap();
        let versions = listed.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = listed.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let all = versions.chain(markers);
        all.map(|(key, id)| (key.unwrap().to_owned(), id.unwrap().to_owned())).collect()
    }

    /// The whole key of the root of a point, which the ledger knows.
    fn root(&self, point: &str) -> String {
        let records = Ledger::look(&self.place.path("state"), PATIENCE).unwrap();
        let root = records.iter().find_map(|record| match &record.event {
            Event::Stored { point: of, .. } if of.id.to_string().starts_with(point) => Some(of.key.clone()),
            _ => None,
        });
        format!("night/{}", root.unwrap())
    }

    fn hold(&self, key: &str, status: ObjectLockLegalHoldStatus) {
        let hold = ObjectLockLegalHold::builder().status(status).build();
        let client = client(&seaweedfs().endpoint);
        block(client.put_object_legal_hold().bucket(&self.granted.bucket).key(key).legal_hold(hold).send())
            .unwrap();
    }

    /// A stranger's version on top.
    fn write_over(&self, key: &str) {
        let client = client(&seaweedfs().endpoint);
        let put = client.put_object().bucket(&self.granted.bucket).key(key).body(b"{}".to_vec().into());
        block(put.send()).unwrap();
    }

    /// A delete marker on top.
    fn mark(&self, key: &str) {
        block(client(&seaweedfs().endpoint).delete_object().bucket(&self.granted.bucket).key(key).send())
            .unwrap();
    }

    /// Carries out the files of a plan in their order, as a person would with boto3; what was refused.
    fn carry_out(&self, folder: &Path, (id, secret): (&str, &str)) -> Vec<String> {
        const SCRIPT: &str = "import boto3, glob, json, sys\n\
            endpoint, key, secret, bucket, folder = sys.argv[1:]\n\
            s3 = boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id=key, aws_secret_access_key=secret)\n\
            for name in sorted(glob.glob(folder + '/*.json')):\n\
            \x20   answer = s3.delete_objects(Bucket=bucket, Delete=json.load(open(name)))\n\
            \x20   for error in answer.get('Errors', []):\n\
            \x20       print(error['Key'], error['Code'])\n";
        let mut python = Command::new(find("python3"));
        python.args(["-c", SCRIPT, &seaweedfs().endpoint, id, secret, &self.granted.bucket]).arg(folder);
        let done = hand::output(&mut python).unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn points(plan: &Value) -> Vec<&str> {
    plan["points"].as_array().unwrap().iter().map(|point| point["point"].as_str().unwrap()).collect()
}

/// Why a point stays.
fn why<'p>(plan: &'p Value, point: &str) -> &'p str {
    let staying = plan["staying"].as_array().unwrap();
    let found = staying.iter().find(|staying| staying["point"] == point);
    found.unwrap_or_else(|| panic!("{point} does not stay: {plan:#}"))["because"].as_str().unwrap()
}

/// A plan until it says this of a point, or lets it go.
fn wait_for(scene: &Scene, point: &str, says: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(150);
    loop {
        let plan = scene.plan(0, None);
        let staying = plan["staying"].as_array().unwrap().iter().find(|staying| staying["point"] == point);
        if staying.is_none_or(|staying| staying["because"].as_str().unwrap().contains(says)) {
            return plan;
        }
        assert!(Instant::now() < deadline, "{plan:#}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// A vault under lock, with three points of one volume and one of another.
fn copies(scene: &Scene) -> (Vec<String>, String) {
    scene.place.file("other/file", noise(9, 100_000));
    scene.place.file("tree/stays", noise(1, 300_000));
    let deadline = Instant::now() + Duration::from_secs(30);
    while scene.outlive(&["vault", "init", "offsite", "--yes"]).end().code != Some(0) {
        assert!(Instant::now() < deadline, "a store takes a moment to know a new user, not as long as this");
        std::thread::sleep(Duration::from_millis(300));
    }
    let made = (0..3).map(|number| {
        scene.place.file("tree/changes", noise(10 + number, 200_000));
        scene.copy("tree")
    });
    (made.collect(), scene.copy("other"))
}

/// What strangers put there: on top of what goes, on top of what stays, and beside all of it; and a hold on what goes, which ends.
fn strangers(scene: &Scene, made: &[String]) {
    let [planned, marked, newest] = [0, 1, 2].map(|point| scene.root(&made[point]));
    // A pack that the second copy wrote, and the third needs no more. That of a root would change when it was stored.
    let written = format!("night/packs/{}-", marked.split('-').nth(1).unwrap());
    let held = scene.versions().into_iter().find(|(key, _)| key.starts_with(&written)).unwrap().0;
    scene.hold(&held, ObjectLockLegalHoldStatus::On);
    [&planned, &newest].into_iter().for_each(|key| scene.write_over(key));
    scene.mark(&marked);
    ["night/packs/notes.txt", "night/holiday.jpg"].into_iter().for_each(|key| scene.write_over(key));
    let plan = wait_for(scene, &made[1], "it never says this");
    assert_eq!(plan["left"][0]["because"], "under a legal hold", "{plan:#}");
    assert!(held.ends_with(plan["left"][0]["first"].as_str().unwrap()), "{plan:#}");
    assert!(plan["strange"].to_string().contains("packs/notes.txt"), "{plan:#}");
    assert!(plan["strange"].to_string().contains("holiday.jpg"), "{plan:#}");
    scene.hold(&held, ObjectLockLegalHoldStatus::Off);
}

/// A plan whose files neither of the vault's own keys can carry out.
fn plan_of_others(scene: &Scene, made: &[String]) -> Value {
    let shown = wait_for(scene, &made[1], "it never says this");
    assert_eq!(points(&shown), [&made[0], &made[1]], "{shown:#}");
    assert_eq!((&shown["written_to"], &shown["written_over"]), (&Value::Null, &2.into()), "{shown:#}");
    let plan = scene.plan(0, Some("plan"));
    assert_eq!(points(&plan), [&made[0], &made[1]]);
    let text = scene.reading(&["vault", "expiry-plan", "offsite"]).end().expect(0);
    text.says("2 recovery points may go").says("Not outlive's, and in no plan: packs/notes.txt");
    // It is all there still: planned is not gone.
    let verified = scene.reading(&["--format", "json", "verify", "offsite"]).end().expect(0).json("verify");
    assert_eq!((verified["points"].as_array().unwrap().len(), &verified["let_go"]), (4, &0.into()));
    let folder = scene.place.path("plan");
    let again = ["vault", "expiry-plan", "offsite", "--into", folder.to_str().unwrap()];
    scene.reading(&again).end().expect(2).complains("name a path that does not exist yet");
    let before = scene.versions().len();
    for thief in [&scene.granted.writer, &scene.granted.reader] {
        let refused = scene.carry_out(&folder, thief.split_once(':').unwrap());
        assert!(
            !refused.is_empty() && refused.iter().all(|line| line.contains("AccessDenied")),
            "{refused:?}"
        );
    }
    assert_eq!(scene.versions().len(), before);
    plan
}

#[test]
fn what_is_past_its_lock_goes_by_another_hand_and_what_is_left_is_whole() {
    let scene = Scene::new();
    let (made, other) = copies(&scene);
    let young = scene.plan(0, Some("too-early"));
    assert_eq!((points(&young).len(), &young["objects"]), (0, &0.into()), "{young:#}");
    assert!(why(&young, &made[0]).contains("its own time is not over"), "{young:#}");
    assert!(!scene.place.path("too-early").exists(), "there is nothing to write");
    wait_for(&scene, &made[0], "its root cannot go yet: locked until");
    strangers(&scene, &made);
    let plan = plan_of_others(&scene, &made);

    let (planned, newest) = (scene.root(&made[0]), scene.root(&made[2]));
    let before = scene.versions().len();
    assert_eq!(scene.carry_out(&scene.place.path("plan"), (ID, SECRET)), [""; 0]);
    let entries = plan["files"].as_array().unwrap().iter().map(|file| file["entries"].as_u64().unwrap());
    assert_eq!((before - scene.versions().len()) as u64, entries.sum::<u64>());
    assert!(!scene.versions().iter().any(|(key, _)| *key == planned), "strangers' versions went along");
    assert_eq!(
        scene.versions().iter().filter(|(key, _)| *key == newest).count(),
        2,
        "of what stays, none did"
    );
    let verified = scene.reading(&["--format", "json", "verify", "offsite"]).end().expect(0).json("verify");
    assert_eq!((verified["points"].as_array().unwrap().len(), &verified["let_go"]), (2, &2.into()));
    assert_eq!(verified["unfinished_packs"], 0, "nothing is left that nobody needs: {verified:#}");
    for (volume, point) in [("tree", &made[2]), ("other", &other)] {
        let target = scene.place.path(&format!("restored-{volume}"));
        let to = target.to_str().unwrap();
        let arguments = ["restore", volume, "--vault", "offsite", "--point", point, "--to", to];
        scene.reading(&arguments).end().expect(0);
        assert_same(&scene.place.path(volume), &target);
    }
    let empty = scene.plan(0, Some("second"));
    assert_eq!((points(&empty).len(), &empty["objects"]), (0, &0.into()), "{empty:#}");
    assert!(!scene.place.path("second").exists());
    what_was_not_planned_is_missed(&scene, &newest);
}

fn what_was_not_planned_is_missed(scene: &Scene, newest: &str) {
    // A machine that recorded no plan cannot tell it from a loss.
    let (stranger, config) = (scene.place.path("state-of-a-stranger"), scene.place.path("outlive.toml"));
    let arguments: [&dyn AsRef<OsStr>; 4] = [&"--config", &config, &"verify", &"offsite"];
    let elsewhere = scene.place.outlive_with_state(&stranger, &arguments);
    let elsewhere = elsewhere.environment("WRITER", "").environment("READER", &scene.granted.reader).end();
    elsewhere.expect(14).says("gone: the point after it names it");
    for (key, id) in scene.versions().into_iter().filter(|(key, _)| key == newest) {
        let client = client(&seaweedfs().endpoint);
        let one = client.delete_object().bucket(&scene.granted.bucket).key(key).version_id(id);
        let deadline = Instant::now() + Duration::from_secs(60);
        while block(one.clone().send()).is_err() {
            assert!(Instant::now() < deadline, "its lock is over");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
    scene.reading(&["verify", "offsite"]).end().expect(14).says("and it is not there");
}
