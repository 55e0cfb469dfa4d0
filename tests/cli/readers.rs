//! Adding a reader to an encrypted vault, and beginning a new epoch of one, by the command line.

use super::encrypting::{reader, restore_elsewhere};
use super::hand;
use super::nightly_estate::{EstateFile, Granted};
use super::place::{Place, assert_same, names, noise};
use super::run::{Ended, Run};
use super::servers::{access, credentials, seaweedfs};
use outlive::domain::LockMode;
use outlive::estate::S3Place;
use outlive::store::{S3Store, Store};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A tree, and a vault in a directory that is encrypted for one reader.
struct Scene {
    place: Place,
    one: PathBuf,
    to_one: String,
    vault: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let (one, to_one) = reader(&place, "one.key");
        place.file("data/file", noise(1, 2_000_000));
        let vault = place.path("vault");
        let scene = Self { place, one, to_one, vault };
        scene.estate(&[&scene.to_one], "");
        scene.run(&["vault", "init", "offsite"]).expect(0);
        scene.run(&["copy", "tree"]).expect(0);
        scene
    }

    fn estate(&self, readers: &[&String], more: &str) {
        let vault = &self.vault;
        let text = format!(
            "[[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {vault:?}\nreaders = {readers:?}\n{more}"
        );
        EstateFile::new().with(&text).tree("tree", &self.place.path("data"), &["offsite"]).write(&self.place);
    }

    fn start(&self, arguments: &[&str]) -> Run {
        self.place.outlive_by_file(arguments)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// The same with the private key of a reader.
    fn as_reader(&self, file: &Path, arguments: &[&str]) -> Ended {
        self.start(arguments).environment("OUTLIVE_IDENTITY", file).end()
    }

    /// How many objects there are.
    fn objects(&self) -> usize {
        let folders = ["keys", "epochs", "ended", "packs", "roots"].map(|folder| self.vault.join(folder));
        folders.iter().filter(|folder| folder.exists()).map(|folder| names(folder).len()).sum()
    }

    /// A point restored on a machine that has this key and nothing else is what lies here.
    #[track_caller]
    fn assert_restores(&self, file: &Path, point: &str, original: &Path) {
        let machine = Place::new();
        let to = machine.path("restored");
        let arguments: [&dyn AsRef<OsStr>; 9] =
            [&"restore", &"--vault", &self.vault, &"--to", &to, &"--identity", &file, &"--point", &point];
        machine.outlive(&arguments).end().expect(0);
        assert_same(original, &to);
    }

    /// The id of the newest point.
    #[track_caller]
    fn newest(&self, file: &Path) -> String {
        let listed = self.as_reader(file, &["--format", "json", "vault", "list", "offsite"]).expect(0);
        let listed = listed.json("vault-list");
        listed["points"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_reader_is_added_where_a_reader_is_and_then_reads_alone() {
    let scene = Scene::new();
    let (two, to_two) = reader(&scene.place, "two.key");
    let before = scene.objects();
    let refused = scene.run(&["vault", "reader", "add", "offsite", &to_two, "--yes"]).expect(2);
    refused.complains("--identity FILE");
    let asked = scene.as_reader(&scene.one, &["vault", "reader", "add", "offsite", &to_two]).expect(2);
    asked.complains("Nobody can take a reader away").complains("nobody is there to agree to the reader");
    assert_eq!(scene.objects(), before, "something was written before somebody agreed");
    // Named before it is one: refused, with what to do.
    scene.estate(&[&scene.to_one, &to_two], "");
    scene.run(&["copy", "tree"]).expect(2).complains("outlive vault reader add");
    scene.run(&["vault", "reader", "list", "offsite"]).expect(11).says("does not read what is copied now");
    let add = ["--format", "json", "vault", "reader", "add", "offsite", &to_two, "--yes"];
    let added = scene.as_reader(&scene.one, &add).expect(0).json("vault-reader-add");
    assert_eq!((added["added"].as_array().unwrap().len(), &added["in_estate"]), (1, &true.into()));
    assert_eq!(scene.objects(), before + 2);
    let again = scene.as_reader(&two, &["vault", "reader", "add", "offsite", &to_two]).expect(0);
    again.says("already; nothing was written");
    assert_eq!(scene.objects(), before + 2);
    let listed = scene.run(&["vault", "reader", "list", "offsite"]).expect(0);
    listed.says(&scene.to_one).says(&to_two).says(", added ");
    let first = scene.newest(&two);
    scene.assert_restores(&two, &first, &scene.place.path("data"));
    scene.place.file("data/more", "more");
    scene.run(&["copy", "tree"]).expect(0);
    scene.assert_restores(&two, &scene.newest(&two), &scene.place.path("data"));
    scene.as_reader(&two, &["verify", "offsite"]).expect(0).says("verified");
    let shown = scene.run(&["--format", "json", "ledger", "show"]).expect(0).stdout;
    assert!(shown.contains("reader_added"), "{shown}");
}

#[test]
fn what_makes_no_reader_is_refused_and_writes_nothing() {
    let scene = Scene::new();
    let (stranger, to_stranger) = reader(&scene.place, "stranger.key");
    let before = scene.objects();
    let secret = std::fs::read_to_string(&stranger).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    for junk in ["", "age1", "ssh-ed25519 AAAA", &to_stranger[..40], secret, "age1yubikey1qxxx", "\u{e9}"] {
        let add = ["vault", "reader", "add", "offsite", junk, "--yes"];
        let refused = scene.as_reader(&scene.one, &add).expect(2);
        refused.complains("no public key of age");
        assert!(
            !secret.contains("1234") && !refused_text(&scene, &add).contains(secret),
            "a secret was printed"
        );
    }
    let add = ["vault", "reader", "add", "offsite", &to_stranger, "--yes"];
    scene.as_reader(&stranger, &add).expect(2).complains("none of the identities");
    scene.as_reader(&scene.place.path("data/file"), &add).expect(2);
    scene.as_reader(&scene.place.path("nowhere"), &add).expect(2);
    let unknown = ["vault", "reader", "add", "elsewhere", &to_stranger, "--yes"];
    scene.as_reader(&scene.one, &unknown).expect(2).complains("no vault `elsewhere`");
    let key = scene.place.path("state/epochs/offsite.key");
    let own = std::fs::read_to_string(&key).unwrap();
    let own = own.split(' ').find(|word| word.starts_with("age1")).unwrap();
    let add_own = ["vault", "reader", "add", "offsite", own, "--yes"];
    scene.as_reader(&scene.one, &add_own).expect(2).complains("of the vault itself");
    assert_eq!(scene.objects(), before);
    // A vault that is not encrypted has none.
    let plain = Place::new();
    plain.file("data/file", "data");
    EstateFile::new()
        .vault("offsite", &plain.path("vault"))
        .tree("tree", &plain.path("data"), &["offsite"])
        .write(&plain);
    plain.outlive_by_file(&["copy", "tree"]).end().expect(0);
    for arguments in [
        vec!["vault", "reader", "add", "offsite", &to_stranger, "--yes"],
        vec!["vault", "reader", "list", "offsite"],
        vec!["vault", "epoch", "key", "offsite"],
    ] {
        let run = plain.outlive_by_file(&arguments).environment("OUTLIVE_IDENTITY", &scene.one);
        run.end().expect(2).complains("not encrypted");
    }
}

#[test]
fn points_that_this_machine_did_not_make_are_named_before_they_are_vouched_for() {
    let scene = Scene::new();
    let stolen = scene.place.path("stolen");
    let cp = |to: &Path| {
        std::process::Command::new("cp").arg("-a").arg(scene.place.path("state")).arg(to).output().unwrap()
    };
    hand::by_hand(|| cp(&stolen));
    let config = scene.place.path("outlive.toml");
    let forged: [&dyn AsRef<OsStr>; 6] = [&"--config", &config, &"--format", &"json", &"copy", &"tree"];
    let forged = scene.place.outlive_with_state(&stolen, &forged).end().expect(0).json("copy");
    let forged = forged["id"].as_str().unwrap();
    let asked = scene.as_reader(&scene.one, &["vault", "epoch", "new", "offsite"]).expect(2);
    asked.complains("does not know 1 of the points").complains(&forged[..12]);
}

fn refused_text(scene: &Scene, arguments: &[&str]) -> String {
    let ended = scene.as_reader(&scene.one, arguments);
    ended.stdout + &ended.stderr
}

#[test]
fn a_new_epoch_leaves_a_reader_out_and_the_machine_that_copies_goes_on_with_its_new_key() {
    let scene = Scene::new();
    let (two, to_two) = reader(&scene.place, "two.key");
    let old = scene.newest(&scene.one);
    let kept = scene.place.path("kept");
    hand::output(std::process::Command::new("cp").arg("-a").args([scene.place.path("data"), kept.clone()]))
        .unwrap();
    // What a thief has of the machine that copies.
    let stolen = scene.place.path("stolen");
    hand::output(
        std::process::Command::new("cp").arg("-a").args([scene.place.path("state"), stolen.clone()]),
    )
    .unwrap();
    scene.estate(&[&to_two], "");
    let before = scene.objects();
    let new = ["--format", "json", "vault", "epoch", "new", "offsite", "--yes"];
    scene.run(&new).expect(2).complains("none is here");
    let thief = |arguments: &[&dyn AsRef<OsStr>]| {
        let config = scene.place.path("outlive.toml");
        let all = [&"--config" as &dyn AsRef<OsStr>, &config];
        let all: Vec<&dyn AsRef<OsStr>> = all.into_iter().chain(arguments.iter().copied()).collect();
        scene.place.outlive_with_state(&stolen, &all).end()
    };
    let asked = scene.as_reader(&scene.one, &["vault", "epoch", "new", "offsite"]).expect(2);
    asked.complains("sends everything again").complains("does not read all of what was copied before");
    assert_eq!(scene.objects(), before);
    let begun = scene.as_reader(&scene.one, &new).expect(0).json("vault-epoch-new");
    assert_eq!((&begun["points"], &begun["found_unasked"]), (&1.into(), &true.into()));
    scene.place.file("data/more", "more");
    scene.run(&["copy", "tree"]).expect(0).says("read back");
    scene.run(&["copy", "tree"]).expect(0).says("KiB written");
    let newest = scene.newest(&two);
    scene.assert_restores(&two, &newest, &scene.place.path("data"));
    scene.assert_restores(&scene.one, &old, &kept);
    let listed = scene.as_reader(&scene.one, &["vault", "list", "offsite"]).expect(0);
    listed.says("encrypted");
    let out = scene.place.path("never");
    let refused = restore_elsewhere(&scene.place, &scene.vault, &scene.one, &out);
    assert!(refused.code != Some(0) && !out.exists(), "an older point was given without a word");
    refused.complains("an epoch that nothing here opens");
    scene.run(&["vault", "reader", "list", "offsite"]).expect(0).says("ended").says(&to_two);
    // The thief goes on with the key that ended: refused, and where it is forced, no point.
    thief(&[&"copy", &"tree"]).expect(2).complains("ended");
    let (epochs, hidden) = (scene.vault.join("epochs"), scene.place.path("hidden"));
    hand::fs::rename(&epochs, &hidden).unwrap();
    scene.estate(&[&scene.to_one], "");
    thief(&[&"copy", &"tree"]).expect(0);
    // While what began the epoch is hidden, the machine itself does not fall back to the key that was stolen.
    scene.run(&["copy", "tree"]).expect(2).complains("of which the vault tells nothing");
    hand::fs::rename(&hidden, &epochs).unwrap();
    scene.estate(&[&to_two], "");
    let told = scene.as_reader(&two, &["verify", "offsite"]).expect(14);
    told.says("when its epoch ended");
    scene.as_reader(&two, &["vault", "list", "offsite"]).expect(14).says("when its epoch ended");
    scene.assert_restores(&two, &newest, &scene.place.path("data"));
}

#[test]
fn no_older_point_is_proposed_without_a_word_where_nothing_opens_the_newest() {
    let scene = Scene::new();
    let (two, to_two) = reader(&scene.place, "two.key");
    let old = scene.newest(&scene.one);
    scene.estate(&[&to_two], "");
    scene.as_reader(&scene.one, &["vault", "epoch", "new", "offsite", "--yes"]).expect(0);
    scene.place.file("data/more", "more");
    scene.run(&["copy", "tree"]).expect(0);
    let newest = scene.newest(&two);
    let machine = Place::new();
    let proposed = |key: &Path, more: &[&dyn AsRef<OsStr>]| {
        let words: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &scene.vault, &"--identity", &key];
        machine.outlive(&[&words[..], more].concat()).end()
    };
    for more in [&[][..], &[&"tree" as &dyn AsRef<OsStr>]] {
        let told = proposed(&scene.one, more).expect(11).says("an epoch that nothing here opens");
        assert!(told.stdout.contains(&newest[..12]) && told.stdout.contains(&old[..12]), "{}", told.stdout);
    }
    let told = proposed(&two, &[]);
    assert!(!told.stdout.contains("an epoch that nothing here opens"), "{}", told.stdout);
    assert!(told.stdout.contains(&format!("--point {}", &newest[..12])), "{}", told.stdout);
}

#[test]
fn the_key_of_the_present_epoch_is_had_again_from_a_reader() {
    let scene = Scene::new();
    let (two, to_two) = reader(&scene.place, "two.key");
    scene.estate(&[&scene.to_one, &to_two], "");
    scene.as_reader(&scene.one, &["vault", "epoch", "new", "offsite", "--yes"]).expect(0);
    let folder = scene.place.path("state/epochs");
    let new = names(&folder).into_iter().find(|name| *name != "offsite.key").unwrap();
    let before = std::fs::read_to_string(folder.join(&new)).unwrap();
    hand::fs::remove_file(folder.join(&new)).unwrap();
    scene.run(&["copy", "tree"]).expect(2).complains("ended");
    scene.as_reader(&two, &["vault", "epoch", "key", "offsite"]).expect(0).says("which opens nothing");
    assert_eq!(std::fs::read_to_string(folder.join(&new)).unwrap(), before);
    scene.run(&["copy", "tree"]).expect(0);
    // Nothing is overwritten, and another file has to be named.
    scene.as_reader(&two, &["vault", "epoch", "key", "offsite"]).expect(2).complains("a file already");
    let other = scene.place.path("other.key");
    let into = ["vault", "epoch", "key", "offsite", "--into", other.to_str().unwrap()];
    scene.as_reader(&two, &into).expect(0).says("epoch_key = { file");
    scene.estate(&[&scene.to_one, &to_two], &format!("epoch_key = {{ file = {other:?} }}"));
    scene.run(&["copy", "tree"]).expect(0);
    scene
        .as_reader(&two, &["vault", "epoch", "new", "offsite", "--into", other.to_str().unwrap(), "--yes"])
        .expect(2);
}

#[test]
fn readers_and_epochs_under_lock_with_the_rights_that_are_printed() {
    let (place, mut granted) = (Place::new(), Granted::new());
    let ((one, to_one), (two, to_two)) = (reader(&place, "one.key"), reader(&place, "two.key"));
    place.file("data/file", noise(1, 500_000));
    let table = |readers: &[&String]| format!("{}\nreaders = {readers:?}", granted.table);
    let write = |table: &str| {
        let file = EstateFile::new().with("locked_for = \"2d\"").with(table);
        file.tree("tree", &place.path("data"), &["offsite"]).write(&place);
    };
    let (first, both) = (table(&[&to_one]), table(&[&to_one, &to_two]));
    write(&first);
    granted.make_users(&place);
    let run = |arguments: &[&str]| granted.outlive(&place, arguments);
    let began = std::time::Instant::now();
    while run(&["vault", "init", "offsite", "--yes"]).end().code != Some(0) {
        assert!(
            began.elapsed().as_secs() < 30,
            "a store takes a moment to know a new user, not as long as this"
        );
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    run(&["copy", "tree"]).end().expect(0);
    let as_one = |arguments: &[&str]| run(arguments).environment("OUTLIVE_IDENTITY", &one).end();
    let added = as_one(&["--format", "json", "vault", "reader", "add", "offsite", &to_two, "--yes"]);
    let added = added.expect(0).json("vault-reader-add");
    assert_eq!(added["notices"].as_array().unwrap().len(), 0, "{added:#}");
    write(&both);
    run(&["copy", "tree"]).end().expect(0);
    let begun = as_one(&["--format", "json", "vault", "epoch", "new", "offsite", "--yes"]);
    let begun = begun.expect(0).json("vault-epoch-new");
    assert_eq!((&begun["points"], begun["notices"].as_array().unwrap().len()), (&2.into(), 0), "{begun:#}");
    let night = run(&["nightly", "--format", "json"]).end().json("nightly");
    for task in night["tasks"].as_array().unwrap() {
        assert!(task["outcome"] == "done" || task["task"] == "drill", "{night:#}");
    }
    let copied = run(&["--format", "json", "copy", "tree"]).end().expect(0).json("copy");
    assert_eq!(copied["lock"]["mode"], "compliance", "{copied:#}");
    // All that was added lies under a lock.
    assert_all_locked(&granted.bucket);
    run(&["vault", "expiry-plan", "offsite"]).end().expect(0);
    let (id, secret) = granted.reader.split_once(':').unwrap();
    let machine = Place::new();
    let (vault, to) = (format!("s3://{}/night", granted.bucket), machine.path("restored"));
    let arguments: [&dyn AsRef<OsStr>; 8] =
        [&"restore", &"tree", &"--vault", &vault, &"--to", &to, &"--identity", &two];
    let restored = machine.outlive(&arguments).environment("AWS_ENDPOINT_URL", &seaweedfs().endpoint);
    let restored = restored.environment("AWS_ACCESS_KEY_ID", id).environment("AWS_SECRET_ACCESS_KEY", secret);
    restored.environment("AWS_REGION", "us-east-1").end().expect(0);
    assert_same(&place.path("data"), &to);
}

/// Whatever tells of readers and epochs in this bucket lies under a lock.
#[track_caller]
fn assert_all_locked(bucket: &str) {
    let kept = S3Place {
        bucket: bucket.into(),
        prefix: "night/".into(),
        endpoint: Some(seaweedfs().endpoint.clone()),
        writer: access(),
        ..S3Place::default()
    };
    let store = S3Store::connect(&kept, &kept.writer, &credentials()).unwrap();
    for (folder, least) in [("epochs", 2), ("ended", 1), ("keys", 4)] {
        let listed = store.list(folder).unwrap();
        assert!(listed.len() >= least, "{folder}: {listed:?}");
        for object in listed {
            let lock = store.lock_of(&object.key).unwrap().unwrap();
            assert_eq!(lock.mode, LockMode::Compliance, "{}", object.key);
        }
    }
}
