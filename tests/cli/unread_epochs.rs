//! Something among the statements of an encrypted vault that cannot be read, and may say that its epoch has ended: readers restore what they
//! name, nobody writes, and everything that is asked says it.

use super::encrypting::reader;
use super::hand;
use super::nightly_estate::EstateFile;
use super::place::{Place, assert_same, names, noise};
use super::proxy::Proxy;
use super::run::{Ended, Run};
use super::servers::{ID, SECRET, seaweedfs};
use outlive::store::{S3Store, Store};
use std::ffi::OsStr;
use std::path::PathBuf;

/// The name of an object that a reader's program could have written.
const NAME: &str = "0123456789abcdef-0123456789abcdef";

/// A tree in an encrypted vault, and the drill of it.
struct Scene {
    place: Place,
    one: PathBuf,
    vault: String,
    endpoint: Option<String>,
}

impl Scene {
    fn in_directory() -> Self {
        let place = Place::new();
        let path = place.path("vault");
        Self::new(place, &format!("kind = \"dir\"\npath = {path:?}"), path.to_str().unwrap(), None)
    }

    fn new(place: Place, table: &str, vault: &str, endpoint: Option<String>) -> Self {
        let (one, to_one) = reader(&place, "one.key");
        place.file("data/file", noise(1, 600_000));
        place.directory("scratch");
        place.file(
            "drills/of-tree/drill.toml",
            "volume = \"tree\"\nrestore_to = \"../../scratch\"\nchecks = [\"counts\"]\n",
        );
        let text = format!("[[vault]]\nid = \"offsite\"\n{table}\nreaders = [{to_one:?}]");
        EstateFile::new().with(&text).tree("tree", &place.path("data"), &["offsite"]).write(&place);
        let scene = Self { place, one, vault: vault.to_owned(), endpoint };
        scene.run(&["vault", "init", "offsite"]).expect(0);
        scene.run(&["copy", "tree"]).expect(0);
        scene
    }

    fn with_keys(&self, run: Run) -> Run {
        let run = run.environment("KEYS", format!("{ID}:{SECRET}"));
        let run = run.environment("AWS_ACCESS_KEY_ID", ID).environment("AWS_SECRET_ACCESS_KEY", SECRET);
        let run = run.environment("AWS_REGION", "us-east-1");
        match &self.endpoint {
            Some(endpoint) => run.environment("AWS_ENDPOINT_URL", endpoint),
            None => run,
        }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.with_keys(self.place.outlive_by_file(arguments)).end()
    }

    fn as_reader(&self, arguments: &[&str]) -> Ended {
        self.with_keys(self.place.outlive_by_file(arguments)).environment("OUTLIVE_IDENTITY", &self.one).end()
    }

    /// On a machine that has this reader's key and nothing else.
    fn elsewhere(&self, to: &str, more: &[&str]) -> (Ended, PathBuf) {
        let target = self.place.path(to);
        let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"restore", &"--vault", &self.vault, &"--to", &target];
        all.extend([&"--identity" as &dyn AsRef<OsStr>, &self.one]);
        all.extend(more.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        let run = self.place.outlive_with_state(&self.place.path("a machine that knows nothing"), &all);
        (self.with_keys(run).end(), target)
    }

    /// All that is asked of the vault while this object cannot be read. It is `lost` where the medium gives it no more.
    #[track_caller]
    fn assert_goes_on(&self, name: &str, lost: bool) {
        let object = format!("epochs/{name}");
        let listed = self.as_reader(&["--format", "json", "vault", "list", "offsite"]);
        let listed = listed.expect(if lost { 14 } else { 11 }).json("vault-list");
        let point = listed["points"][0]["id"].as_str().unwrap();
        assert!(listed["unread"].as_str().unwrap().contains(&object), "{listed:#}");
        let readers = self.run(&["vault", "reader", "list", "offsite"]);
        readers.expect(if lost { 14 } else { 11 }).says("UNREAD").says(&object);
        // Whoever has nothing but a reader's key gets what they name, and is told.
        let (refused, to) = self.elsewhere("never", &[]);
        assert!(refused.code != Some(0) && !to.exists(), "a point was given that may be a thief's");
        refused.complains(&object).complains("--point");
        let (restored, to) = self.elsewhere("named", &["--point", &point[..12]]);
        restored.expect(0).says(&object);
        assert_same(&self.place.path("data"), &to);
        // The machine that stored the point knows that it is the newest, and whose it is.
        let to = self.place.path("own");
        self.as_reader(&["restore", "tree", "--vault", "offsite", "--to", to.to_str().unwrap()]).expect(0);
        self.as_reader(&["drill", "of-tree"]).expect(0);
        // A machine that did not store it drills no point that may be a thief's.
        let config = self.place.path("outlive.toml");
        let drill: [&dyn AsRef<OsStr>; 6] =
            [&"--config", &config, &"drill", &"of-tree", &"--identity", &self.one];
        let run = self.place.outlive_with_state(&self.place.path("a machine that drills"), &drill);
        self.with_keys(run).end().expect(13).says(&object);
        self.run(&["vault", "expiry-plan", "offsite"]).expect(11).says(&object);
        // Nobody writes.
        let packs = self.place.path("vault/packs");
        let count = || if packs.exists() { names(&packs).len() } else { 0 };
        let before = count();
        self.place.file("data/later", noise(2, 50_000));
        let copied = self.run(&["copy", "tree"]).expect(14);
        assert_eq!(count(), before, "it was refused only after something had been sent");
        copied.complains(&object).complains("may say that the epoch has ended");
        let (_, to_other) = reader(&self.place, "other.key");
        let add = self.as_reader(&["vault", "reader", "add", "offsite", &to_other, "--yes"]);
        add.expect(14).complains(&object);
        self.as_reader(&["vault", "epoch", "new", "offsite", "--yes"]).expect(14).complains(&object);
        self.run(&["--format", "json", "inventory"]).expect(11).says(&object);
        let verified = self.as_reader(&["verify", "offsite"]);
        verified.expect(if lost { 14 } else { 1 }).says("UNREAD").says(&object).says("not verified");
        let audited = self.as_reader(&["audit"]);
        assert!(![Some(0), Some(2)].contains(&audited.code), "{}", audited.stdout);
    }

    /// Everything is as it was, once nothing lies there that cannot be read.
    #[track_caller]
    fn assert_is_over(&self) {
        self.as_reader(&["verify", "offsite"]).expect(0).says("verified");
        self.run(&["copy", "tree"]).expect(0);
        let (restored, to) = self.elsewhere("after", &[]);
        restored.expect(0);
        assert_same(&self.place.path("data"), &to);
    }
}

#[test]
fn a_directory_or_a_link_in_the_place_of_a_statement_closes_the_vault_to_no_reader() {
    for is_link in [false, true] {
        let scene = Scene::in_directory();
        let folder = scene.place.directory("vault/epochs");
        let object = folder.join(NAME);
        match is_link {
            true => std::os::unix::fs::symlink(&object, &object).unwrap(),
            false => std::fs::create_dir(&object).unwrap(),
        }
        scene.assert_goes_on(NAME, true);
        match is_link {
            true => hand::fs::remove_file(&object).unwrap(),
            false => hand::fs::remove_dir_all(&object).unwrap(),
        }
        scene.assert_is_over();
    }
}

#[test]
fn an_object_that_a_bucket_does_not_give_closes_the_vault_to_no_reader() {
    let proxy = Proxy::start(&seaweedfs().endpoint);
    let place = seaweedfs().new_place("sealed/");
    let table = format!(
        "kind = \"s3\"\nendpoint = {:?}\nbucket = {:?}\nprefix = \"sealed/\"\nwriter = {{ env = \"KEYS\" }}",
        proxy.endpoint, place.bucket
    );
    let vault = format!("s3://{}/sealed", place.bucket);
    let scene = Scene::new(Place::new(), &table, &vault, Some(proxy.endpoint.clone()));
    // What somebody else put there, with a key of theirs that the store asks for.
    let store = S3Store::connect(&place, &place.writer, &super::servers::credentials()).unwrap();
    let object = outlive::store::Key::new(format!("epochs/{NAME}")).unwrap();
    (&store as &dyn Store).put_bytes(&object, b"sealed by the store for somebody else").unwrap();
    let refused = "<Error><Code>InvalidRequest</Code><Message>a key is needed</Message></Error>";
    proxy.instead(move |head| {
        let asks = head.line().starts_with("GET ") && head.line().contains(NAME);
        asks.then(|| ("400 Bad Request".into(), refused.into()))
    });
    scene.assert_goes_on(NAME, false);
    proxy.instead(|_| None);
    // It can be read, and is none: that is said, and stops nobody.
    scene.as_reader(&["verify", "offsite"]).expect(14).says(NAME);
    scene.run(&["copy", "tree"]).expect(0);
    let (restored, to) = scene.elsewhere("after", &[]);
    restored.expect(0);
    assert_same(&scene.place.path("data"), &to);
}

/// The owner says that it is none of theirs: copies go on, and nothing hides it. When that is over, nobody writes again.
#[test]
fn what_the_owner_calls_none_of_theirs_stops_nobody_and_stays_in_sight() {
    let scene = Scene::in_directory();
    let object = scene.place.directory("vault/epochs").join(NAME);
    std::fs::create_dir(&object).unwrap();
    scene.run(&["copy", "tree"]).expect(14).complains("waive_unread");
    let file = std::fs::read_to_string(scene.place.path("outlive.toml")).unwrap();
    let waive = |name: &str, until: &str| {
        let table = format!(
            "waive_unread = {{ objects = [\"epochs/{name}\"], reason = \"a thief was here\", owner = \"ops\", until = {until} }}"
        );
        let at = "id = \"offsite\"\n";
        assert!(file.contains(at));
        scene.place.file("outlive.toml", file.replacen(at, &format!("{at}{table}\n"), 1));
    };
    waive(NAME, "2000-01-01T00:00:00Z");
    scene.run(&["copy", "tree"]).expect(14).complains(NAME);
    waive("0123456789abcdef-0123456789abcdee", "2100-01-01T00:00:00Z");
    scene.run(&["copy", "tree"]).expect(14).complains(NAME);
    waive(NAME, "2100-01-01T00:00:00Z");
    scene.place.file("data/later", noise(2, 50_000));
    scene.run(&["copy", "tree"]).expect(0);
    let listed =
        scene.as_reader(&["--format", "json", "vault", "list", "offsite"]).expect(0).json("vault-list");
    assert!(listed["unread"].is_null() && listed["notices"].to_string().contains(NAME), "{listed:#}");
    scene.as_reader(&["verify", "offsite"]).expect(0).says(NAME);
    scene.run(&["vault", "reader", "list", "offsite"]).expect(11).says(NAME);
    scene.as_reader(&["drill", "of-tree"]).expect(0);
    // An audit counts it as what it is.
    scene.run(&["--format", "json", "inventory"]).expect(11).says(NAME);
    let audited = scene.as_reader(&["audit"]);
    assert!(![Some(0), Some(2)].contains(&audited.code), "{}", audited.stdout);
    let (_, to_other) = reader(&scene.place, "other.key");
    scene.as_reader(&["vault", "reader", "add", "offsite", &to_other, "--yes"]).expect(0);
}

#[test]
fn what_is_not_called_like_a_statement_is_named_and_stops_nobody() {
    let scene = Scene::in_directory();
    scene.place.directory("vault/epochs/notes");
    scene.as_reader(&["verify", "offsite"]).expect(14).says("epochs/notes");
    scene.run(&["copy", "tree"]).expect(0);
    let (restored, to) = scene.elsewhere("restored", &[]);
    restored.expect(0);
    assert_same(&scene.place.path("data"), &to);
}

/// What a reader wrote of a new epoch is there and cannot be read: nobody says that its points are damaged.
#[test]
fn while_the_beginning_of_an_epoch_cannot_be_read_its_points_are_unread_and_those_before_restore() {
    let scene = Scene::in_directory();
    let old = scene.as_reader(&["--format", "json", "vault", "list", "offsite"]).expect(0).json("vault-list");
    let old = old["points"][0]["id"].as_str().unwrap()[..12].to_owned();
    scene.as_reader(&["vault", "epoch", "new", "offsite", "--yes"]).expect(0);
    scene.run(&["copy", "tree"]).expect(0);
    let folder = scene.place.path("vault/epochs");
    let statement = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let name = statement.file_name().unwrap().to_str().unwrap().to_owned();
    let aside = scene.place.path("aside");
    hand::fs::rename(&statement, &aside).unwrap();
    std::fs::create_dir(&statement).unwrap();
    scene.run(&["copy", "tree"]).expect(14).complains(&name);
    let (refused, _) = scene.elsewhere("never", &[]);
    assert!(refused.code != Some(0) && !scene.place.path("never").exists());
    let (restored, to) = scene.elsewhere("named", &["--point", &old]);
    restored.expect(0).says(&name);
    assert_same(&scene.place.path("data"), &to);
    let verified = scene.as_reader(&["--format", "json", "verify", "offsite"]).expect(14).json("verify");
    let damage = verified["damage"].as_array().unwrap();
    assert!(
        damage.iter().all(|found| found["object"].as_str().unwrap().starts_with("epochs/")),
        "{verified:#}"
    );
    let unread = verified["unread"].as_array().unwrap();
    assert!(unread.iter().any(|found| found["points"].as_array().unwrap().len() == 2), "{verified:#}");
    hand::fs::remove_dir_all(&statement).unwrap();
    hand::fs::rename(&aside, &statement).unwrap();
    scene.assert_is_over();
}
