//! Everything that a thief of the writer's key can do to a vault under lock: afterwards all points restore, byte for byte, on a
//! machine that has the reader's key and nothing else.

use super::encrypting::reader;
use super::hand;
use super::nightly_estate::{EstateFile, Granted};
use super::place::{Place, assert_same, noise, tool};
use super::run::Run;
use super::servers::{ID, SECRET, find, seaweedfs};
use super::signing::key as signing_key;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// The server refused it each time.
    Refused,
    /// The server let it through each time: versions hold it off from what was there before.
    Through,
    /// The server refused it for what is locked, and let it through for the rest.
    Held,
    /// The one or the other, by the name.
    Either,
}
use Came::{Either, Held, Refused, Through};

/// A group of acts of `thief.py`, and what comes of each.
type Group = (&'static str, &'static [(&'static str, Came)]);

/// For a thief who has the rights that are printed for the writer.
const WITH_THE_WRITERS_RIGHTS: [Group; 5] = [
    (
        "deletes",
        &[
            ("delete a version", Refused),
            ("delete a version past governance", Refused),
            ("delete versions in a batch", Refused),
        ],
    ),
    ("markers", &[("a delete marker", Refused), ("delete markers in a batch", Refused)]),
    (
        "locks",
        &[
            ("a shorter lock", Refused),
            ("a softer lock", Refused),
            ("a softer and shorter lock", Refused),
            ("no lock", Refused),
            ("the hold lifted", Refused),
        ],
    ),
    (
        "settings",
        &[
            ("a lifecycle", Refused),
            ("a bucket policy", Refused),
            ("no versions", Refused),
            ("the bucket's own lock", Refused),
            ("the bucket's lock off", Refused),
            ("delete the bucket", Refused),
            ("another prefix", Refused),
        ],
    ),
    (
        "overwrites",
        &[
            ("other bytes", Through),
            ("nothing at all", Through),
            ("another object's bytes", Through),
            ("a key of the thief", Either),
            ("other bytes in parts", Through),
        ],
    ),
];

/// The same for one whom no rights hold off. What has no lock, the thief's own things, goes.
const WITH_EVERY_RIGHT: [Group; 5] = [
    (
        "deletes",
        &[
            ("delete a version", Held),
            ("delete a version past governance", Held),
            ("delete versions in a batch", Refused),
        ],
    ),
    ("markers", &[("a delete marker", Through), ("delete markers in a batch", Through)]),
    (
        "locks",
        &[
            ("a shorter lock", Refused),
            ("a softer lock", Refused),
            ("a softer and shorter lock", Refused),
            ("no lock", Refused),
            ("the hold lifted", Through),
        ],
    ),
    (
        "overwrites",
        &[
            ("other bytes", Through),
            ("nothing at all", Through),
            ("another object's bytes", Either),
            ("a key of the thief", Either),
            ("other bytes in parts", Through),
        ],
    ),
    (
        "settings",
        &[
            ("a lifecycle", Through),
            ("a bucket policy", Through),
            ("no versions", Refused),
            ("the bucket's own lock", Through),
            ("the bucket's lock off", Refused),
            ("delete the bucket", Refused),
            ("another prefix", Through),
        ],
    ),
];

/// What may lie where a copy looks, for whoever may write at all.
const SQUATS: &[(&str, Came)] =
    &[("foreign objects", Through), ("keys of odd names", Either), ("a root said again", Through)];

/// How often each act was let through, and refused.
type Said = BTreeMap<String, (u64, u64)>;

/// A vault under lock in a bucket, with points of two volumes and what each must come back as.
struct Scene {
    place: Place,
    granted: Granted,
    points: Vec<(String, PathBuf)>,
    /// What a reader has beside the credential: the private key, and the public one by which points are signed.
    keys: Option<(PathBuf, String)>,
}

impl Scene {
    fn new() -> Self {
        Self::made(Place::new(), None)
    }

    /// Encrypted for one reader, and signed.
    fn closed() -> Self {
        let place = Place::new();
        let (identity, to) = reader(&place, "reader.key");
        let signing = signing_key(&place, "signing.key");
        let trust = signing.split('"').find(|word| word.starts_with("ed25519:")).unwrap().to_owned();
        Self::made(place, Some((format!("readers = [{to:?}]\n{signing}"), (identity, trust))))
    }

    fn made(place: Place, closed: Option<(String, (PathBuf, String))>) -> Self {
        let mut granted = Granted::new();
        let (more, keys) = closed.map_or_else(Default::default, |(more, keys)| (more, Some(keys)));
        let table = format!("{}\n{more}", granted.table);
        let file = EstateFile::new().with("locked_for = \"2d\"").with(&table);
        let file = file.tree("tree", &place.path("tree"), &["offsite"]);
        file.tree("other", &place.path("other"), &["offsite"]).write(&place);
        granted.make_users(&place);
        let mut scene = Self { place, granted, points: Vec::new(), keys };
        scene.fill();
        scene
    }

    fn outlive(&self, arguments: &[&str]) -> Run {
        self.granted.outlive(&self.place, arguments)
    }

    fn fill(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.outlive(&["vault", "init", "offsite", "--yes"]).end().code != Some(0) {
            assert!(
                Instant::now() < deadline,
                "a store takes a moment to know a new user, not as long as this"
            );
            std::thread::sleep(Duration::from_millis(300));
        }
        self.place.file("other/file", noise(9, 100_000));
        // Large enough to be sent in parts.
        self.place.file("tree/stays", noise(1, 9_000_000));
        for (round, volume) in ["tree", "other", "tree"].into_iter().enumerate() {
            self.place.file("tree/changes", noise(10 + round as u64, 200_000));
            self.copy(volume);
        }
    }

    /// Copies, and keeps what it must come back as.
    fn copy(&mut self, volume: &str) {
        let copied = self.outlive(&["--format", "json", "copy", volume]).end().expect(0).json("copy");
        assert_eq!((&copied["state"], &copied["lock"]["mode"]), (&"read back".into(), &"compliance".into()));
        let kept = self.place.path(&format!("kept-{}", self.points.len()));
        tool("cp", &["-a".as_ref(), self.place.path(volume).as_os_str(), kept.as_os_str()]);
        self.points.push((copied["id"].as_str().unwrap().to_owned(), kept));
    }

    /// Tries a group of acts with these keys.
    fn try_all(&self, keys: &str, group: &str) -> Said {
        let (id, secret) = keys.split_once(':').unwrap();
        let mut python = Command::new(find("python3"));
        python.args([
            "-c",
            include_str!("thief.py"),
            &seaweedfs().endpoint,
            id,
            secret,
            &self.granted.bucket,
        ]);
        let done = hand::output(python.args(["night/", group])).unwrap();
        assert!(done.status.success(), "{group}: {}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8(done.stdout).unwrap();
        let said: BTreeMap<String, Value> = serde_json::from_str(&said).unwrap();
        let count = |of: &Value| {
            let refused = of["refused"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
            (of["through"].as_u64().unwrap(), refused.sum())
        };
        said.iter().map(|(act, of)| (act.clone(), count(of))).collect()
    }

    /// On a machine with an empty home, no state and no configuration, with the reader's key.
    fn machine(&self, machine: &Place, arguments: &[&dyn AsRef<OsStr>]) -> Run {
        let (id, secret) = self.granted.reader.split_once(':').unwrap();
        let run = machine.outlive(arguments).environment("AWS_ENDPOINT_URL", &seaweedfs().endpoint);
        let run = run.environment("AWS_ACCESS_KEY_ID", id).environment("AWS_SECRET_ACCESS_KEY", secret);
        let run = run.environment("AWS_REGION", "us-east-1");
        match &self.keys {
            Some((identity, trust)) => {
                run.environment("OUTLIVE_IDENTITY", identity).environment("OUTLIVE_TRUST", trust)
            }
            None => run,
        }
    }

    /// Every point comes back by its name.
    fn assert_all_restore(&self, after: &str) {
        let machine = Place::new();
        let vault = format!("s3://{}/night", self.granted.bucket);
        for (number, (point, kept)) in self.points.iter().enumerate() {
            let target = machine.path(&format!("restored-{number}"));
            let restore: [&dyn AsRef<OsStr>; 7] =
                [&"restore", &"--vault", &vault, &"--point", point, &"--to", &target];
            let restored = self.machine(&machine, &restore).end();
            assert_eq!(restored.code, Some(0), "after {after}: {}{}", restored.stdout, restored.stderr);
            assert_same(kept, &target);
        }
    }
}

impl Scene {
    /// What lies among the roots and is none may have been the newest point: whoever names none is told so.
    fn assert_nothing_older_is_given_instead(&self) {
        let (machine, vault) = (Place::new(), format!("s3://{}/night", self.granted.bucket));
        let target = machine.path("restored");
        let restore: [&dyn AsRef<OsStr>; 6] = [&"restore", &"tree", &"--vault", &vault, &"--to", &target];
        let refused = self.machine(&machine, &restore).end().expect(14);
        refused.complains("its recovery point may be a newer one").complains("restore it with --point");
        assert!(!target.exists());
    }
}

#[track_caller]
fn assert_came(said: &Said, expected: &[(&str, Came)]) {
    let acts: Vec<&str> = said.keys().map(String::as_str).collect();
    let mut known: Vec<&str> = expected.iter().map(|(act, _)| *act).collect();
    known.sort_unstable();
    assert_eq!(acts, known);
    for (act, came) in expected {
        let (through, refused) = said[*act];
        let is_so = match came {
            Refused => refused > 0 && through == 0,
            Through => through > 0 && refused == 0,
            // At least the marker, the page, and three copies of two objects and more.
            Held => refused >= 15 && through > 0,
            Either => through + refused > 0,
        };
        assert!(is_so, "{act}: {through} went through and {refused} did not");
    }
}

#[test]
fn whatever_a_thief_of_the_writers_key_does_every_point_restores_on_a_bare_machine() {
    all_of_it(Scene::new());
}

#[test]
fn so_does_every_point_of_an_encrypted_and_signed_vault_with_the_readers_private_key() {
    all_of_it(Scene::closed());
}

#[allow(clippy::print_stdout, reason = "what came of each act is told beside a failure")]
fn all_of_it(mut scene: Scene) {
    scene.assert_all_restore("nothing");
    let everything = format!("{ID}:{SECRET}");
    let by_rights =
        WITH_THE_WRITERS_RIGHTS.iter().map(|group| (&scene.granted.writer, "the writer's rights", group));
    // Worse: a writer's key with every right there is. The locks alone hold it off.
    let by_locks = WITH_EVERY_RIGHT.iter().map(|group| (&everything, "every right", group));
    let (mut all, mut settings) = (by_rights.chain(by_locks).collect::<Vec<_>>(), Vec::new());
    settings.extend(all.pop());
    for (keys, whose, (group, expected)) in all {
        let said = scene.try_all(keys, group);
        println!("{group} with {whose}, (let through, refused): {said:?}");
        assert_came(&said, expected);
        scene.assert_all_restore(&format!("{group} with {whose}"));
    }
    assert_came(&scene.try_all(&scene.granted.writer, "squats"), SQUATS);
    scene.assert_all_restore("squats");
    scene.assert_nothing_older_is_given_instead();
    for (_, _, (group, expected)) in settings {
        assert_came(&scene.try_all(&everything, group), expected);
        scene.assert_all_restore(&format!("{group} with every right"));
    }
    // The owner goes on beside all that, and is told.
    scene.place.file("tree/changes", noise(77, 200_000));
    scene.copy("tree");
    scene.assert_all_restore("a copy after the thief");
    scene.outlive(&["verify", "offsite"]).end().expect(14).says("change that credential");
}
