//! A machine that drills has the driller's rights and a reader's private key: its drill passes, its ledger arrives in the vault, and whoever
//! steals that credential gets nothing else done.

use super::encrypting::reader;
use super::granting::assert_denied;
use super::nightly_estate::{EstateFile, Granted};
use super::place::{Place, noise};
use super::run::Run;
use super::servers::{client, client_of, seaweedfs, user_with};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::*;
use std::path::{Path, PathBuf};

/// An encrypted vault under lock with a point in it, and another machine that drills.
struct Scene {
    copier: Place,
    driller: Place,
    granted: Granted,
    key: String,
    user: (String, String),
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Makes the vault and a point in it; the user that gets the driller's rights.
fn copied(copier: &Place, granted: &Granted) -> (String, String) {
    let printed = ["vault", "policy", "offsite", "--for", "seaweedfs", "--only", "driller"];
    let printed = granted.outlive(copier, &printed).end().expect(0).stdout;
    let user = user_with(seaweedfs(), &copier.file("driller.json", printed));
    let began = std::time::Instant::now();
    while granted.outlive(copier, &["vault", "init", "offsite", "--yes"]).end().code != Some(0) {
        assert!(
            began.elapsed().as_secs() < 30,
            "a store takes a moment to know a new user, not as long as this"
        );
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    granted.outlive(copier, &["copy", "tree"]).end().expect(0);
    user
}

/// A key to sign with, and the public one.
fn signing(place: &Place) -> (PathBuf, String) {
    let key = place.path("signing.key");
    let made = place.outlive(&[&"ledger", &"key", &"--into", &key, &"--format", &"json"]).end().expect(0);
    (key, made.json("ledger-key")["public_key"].as_str().unwrap().to_owned())
}

fn signed(key: &Path, trust: &[&String]) -> String {
    format!("[signing]\nkey = {{ file = {key:?} }}\ntrust = {trust:?}")
}

impl Scene {
    fn new() -> Self {
        let (copier, driller, mut granted) = (Place::new(), Place::new(), Granted::new());
        let (drill_key, to_drill) = reader(&driller, "drill.key");
        let (_, to_escrow) = reader(&copier, "escrow.key");
        copier.file("data/file", noise(1, 2_000_000));
        let readers = format!(
            "readers = [{{ key = {to_drill:?}, role = \"drill\", owner = \"ops\" }}, {{ key = {to_escrow:?}, role = \"escrow\" }}]"
        );
        let ((of_copier, copiers), (of_driller, drillers)) = (signing(&copier), signing(&driller));
        let file = |table: &str, signing: &str| {
            let file = EstateFile::new().with("locked_for = \"2d\"");
            file.with(&format!("{table}\n{readers}")).with(signing)
        };
        file(&granted.table, &signed(&of_copier, &[&copiers]))
            .tree("tree", &copier.path("data"), &["offsite"])
            .write(&copier);
        granted.make_users(&copier);
        // The machine that drills has no credential that writes, and no epoch key.
        let own = granted.table.replace(
            "writer = { env = \"WRITER\" }\nreader = { env = \"READER\" }",
            "driller = { env = \"DRILLER\" }",
        );
        assert_ne!(own, granted.table);
        let own = format!("{own}\nidentity = {{ file = {drill_key:?} }}");
        file(&own, &signed(&of_driller, &[&drillers, &copiers]))
            .with(&format!("[[volume]]\nid = \"tree\"\npath = {:?}", driller.path("not here")))
            .write(&driller);
        driller.directory("scratch");
        driller.file(
            "drills/of-tree/drill.toml",
            "volume = \"tree\"\nrestore_to = \"../../scratch\"\nchecks = [\"files\", \"counts\"]\n",
        );
        let user = copied(&copier, &granted);
        let key = format!("{}:{}", user.0, user.1);
        Self { copier, driller, granted, key, user }
    }

    /// On the machine that drills, with its credential alone.
    fn drilling(&self, arguments: &[&str]) -> Run {
        self.driller.outlive_by_file(arguments).environment("DRILLER", &self.key)
    }

    /// All keys of the vault's bucket.
    fn keys(&self) -> Vec<String> {
        let listed = client(&seaweedfs().endpoint).list_objects_v2().bucket(&self.granted.bucket).send();
        block(listed).unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_drill_passes_with_the_driller_s_rights_its_ledger_arrives_and_nothing_else_can_be_done_with_them() {
    let scene = Scene::new();
    let before = scene.keys();
    let drilled = scene.drilling(&["--format", "json", "drill", "of-tree"]).end();
    let told = drilled.json("drill");
    assert_eq!(told["drills"][0]["outcome"], "passed", "{told:#}");
    assert_eq!(told["notices"].as_array().unwrap().len(), 0, "{told:#}");
    let added: Vec<String> = scene.keys().into_iter().filter(|key| !before.contains(key)).collect();
    assert!(added.len() >= 2 && added.iter().all(|key| key.starts_with("night/ledger/")), "{added:?}");
    // What arrived is the ledger, whole and signed, and is locked.
    let verified = scene.drilling(&["--format", "json", "ledger", "verify", "--vault", "offsite"]).end();
    let verified = verified.expect(0).json("ledger-verify");
    assert_eq!(verified["wrong"].as_array().unwrap().len(), 0, "{verified:#}");
    scene.drilling(&["verify", "offsite"]).end();
    let copied = scene.drilling(&["copy", "tree"]).end();
    assert_ne!(copied.code, Some(0), "{}", copied.stdout);
    let thief = client_of(&seaweedfs().endpoint, &scene.user.0, &scene.user.1);
    block(steal(thief, &scene.granted.bucket));
    // Nothing that the copies need was touched.
    scene.granted.outlive(&scene.copier, &["copy", "tree"]).end().expect(0);
    assert_eq!(
        scene.drilling(&["--format", "json", "drill", "of-tree"]).end().json("drill")["drills"][0]["outcome"],
        "passed"
    );
}

/// Whoever has the driller's key tries all else.
async fn steal(client: Client, bucket: &str) {
    let body = || ByteStream::from_static(b"x");
    for folder in ["packs", "sidecars", "roots", "epochs", "ended", "keys", "canary", "incoming"] {
        let put = client.put_object().bucket(bucket).key(format!("night/{folder}/x")).body(body());
        assert_denied(put.send().await, folder);
        let begun = client.create_multipart_upload().bucket(bucket).key(format!("night/{folder}/y")).send();
        assert_denied(begun.await, folder);
    }
    for key in
        ["night/vault.json", "night/README.md", "ledger/x", "elsewhere/x", "night/ledgers/x", "night/ledger"]
    {
        assert_denied(client.put_object().bucket(bucket).key(key).body(body()).send().await, key);
    }
    let listed = client.list_object_versions().bucket(bucket).prefix("night/").send().await.unwrap();
    assert!(listed.versions().len() > 8, "{}", listed.versions().len());
    let at = |seconds: i64| DateTime::from_secs(chrono::Utc::now().timestamp() + seconds);
    for version in listed.versions() {
        let (key, id) = (version.key().unwrap(), version.version_id().unwrap());
        let one = client.delete_object().bucket(bucket).key(key).version_id(id);
        assert_denied(one.bypass_governance_retention(true).send().await, key);
        assert_denied(client.delete_object().bucket(bucket).key(key).send().await, key);
        let is_ledger = key.starts_with("night/ledger/");
        for (mode, until) in
            [(ObjectLockRetentionMode::Governance, 60), (ObjectLockRetentionMode::Compliance, 90 * 86_400)]
        {
            // Among the copies of ledgers, those of other machines too, whoever may write under a lock may also make one longer.
            if is_ledger && until > 60 {
                continue;
            }
            let lock = ObjectLockRetention::builder().mode(mode).retain_until_date(at(until)).build();
            let asked = client.put_object_retention().bucket(bucket).key(key).version_id(id).retention(lock);
            assert_denied(asked.bypass_governance_retention(true).send().await, key);
        }
        let hold = ObjectLockLegalHold::builder().status(ObjectLockLegalHoldStatus::On).build();
        assert_denied(
            client.put_object_legal_hold().bucket(bucket).key(key).legal_hold(hold).send().await,
            key,
        );
    }
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    let asked = client.put_bucket_versioning().bucket(bucket).versioning_configuration(suspended);
    assert_denied(asked.send().await, "versioning");
    assert_denied(client.delete_bucket().bucket(bucket).send().await, "the bucket");
    // That much it may: it is what a drill does.
    client.put_object().bucket(bucket).key("night/ledger/x").body(body()).send().await.unwrap();
}
